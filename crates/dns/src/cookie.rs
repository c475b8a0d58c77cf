//! DNS cookies (RFC 7873) in the form that servers of different makers understand (RFC 9018).
//!
//! A cookie shows that whoever asks can read what is sent to its address. It needs no memory here:
//! the server's half is a keyed hash of the client's half, the address and the time.

use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::net::IpAddr;

/// Length of the client's half in bytes (RFC 7873 §4).
pub const CLIENT_LEN_BYTES: usize = 8;
/// Length of our half in bytes (RFC 9018 §4).
pub const SERVER_LEN_BYTES: usize = 16;
/// Shortest server half that may be sent to us in bytes (RFC 7873 §4).
pub const SERVER_LEN_MIN_BYTES: usize = 8;
/// Longest server half that may be sent to us in bytes (RFC 7873 §4).
pub const SERVER_LEN_MAX_BYTES: usize = 32;
/// A cookie older than this is not taken (RFC 9018 §4.3).
pub const AGE_MAX_S: u32 = 3600;
/// A cookie older than this is replaced in the answer (RFC 9018 §4.3).
pub const RENEW_AFTER_S: u32 = 1800;
/// A cookie may be ahead by this much: the servers of one address may differ (RFC 9018 §4.3).
pub const AHEAD_MAX_S: u32 = 300;

/// The version that RFC 9018 §4.1 gives to this construction.
const VERSION: u8 = 1;

/// A key for the hash, shared by all servers behind one address (RFC 9018 §5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 16]);

impl Secret {
    /// A secret of 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Secret {
        Secret(bytes)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a COOKIE option shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The client's half only: nothing is shown yet.
    ClientOnly,
    /// Both halves, and ours is right: the address is not forged.
    Right {
        /// True if the answer should carry the same server half again, because it is young.
        keep: bool,
    },
    /// Both halves, and ours is wrong, too old, or another server's.
    Wrong,
}

/// A COOKIE option's content, split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The client's half.
    pub client: [u8; CLIENT_LEN_BYTES],
    /// The server's half; empty if the client has none yet.
    pub server: &'a [u8],
}

impl<'a> Cookie<'a> {
    /// Splits an option's content; nothing if its length is not one that RFC 7873 §5.2.2 allows,
    /// which is to be answered by FORMERR.
    pub fn parse(content: &'a [u8]) -> Option<Cookie<'a>> {
        let (client, server) = content.split_first_chunk::<CLIENT_LEN_BYTES>()?;
        let fits = server.is_empty() || (SERVER_LEN_MIN_BYTES..=SERVER_LEN_MAX_BYTES).contains(&server.len());
        fits.then_some(Cookie { client: *client, server })
    }
}

/// Makes and checks our half.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    current: Secret,
    previous: Option<Secret>,
}

impl Cookies {
    /// With the secret in use, and the one before it, which is still taken (RFC 9018 §5).
    pub const fn new(current: Secret, previous: Option<Secret>) -> Cookies {
        Cookies { current, previous }
    }

    /// Our half for a client at `address`, made at `unix_s`, in seconds since 1970.
    pub fn make(
        &self,
        client: &[u8; CLIENT_LEN_BYTES],
        address: IpAddr,
        unix_s: u32,
    ) -> [u8; SERVER_LEN_BYTES] {
        let mut head = [0; 8];
        head[0] = VERSION;
        head[4..].copy_from_slice(&unix_s.to_be_bytes());
        seal(self.current, client, head, address)
    }

    /// What a cookie that came from `address` at `unix_s` shows. Compares in constant time.
    pub fn check(&self, cookie: Cookie<'_>, address: IpAddr, unix_s: u32) -> Standing {
        if cookie.server.is_empty() {
            return Standing::ClientOnly;
        }
        let Ok(server) = <&[u8; SERVER_LEN_BYTES]>::try_from(cookie.server) else { return Standing::Wrong };
        let mut head = [0; 8];
        head.copy_from_slice(&server[..8]);
        if head[0] != VERSION {
            return Standing::Wrong;
        }
        let made_s = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        // Serial arithmetic, as RFC 9018 §4.3 asks: the counter wraps in 2106.
        let age_s = unix_s.wrapping_sub(made_s).cast_signed();
        if age_s > AGE_MAX_S.cast_signed() || age_s < -AHEAD_MAX_S.cast_signed() {
            return Standing::Wrong;
        }
        let is_of = |secret| {
            subtle::ConstantTimeEq::ct_eq(&seal(secret, &cookie.client, head, address)[..], &server[..])
                .into()
        };
        if is_of(self.current) {
            return Standing::Right { keep: age_s <= RENEW_AFTER_S.cast_signed() };
        }
        match self.previous {
            Some(previous) if is_of(previous) => Standing::Right { keep: false },
            _ => Standing::Wrong,
        }
    }
}

/// The 16 bytes of a server half: version, reserved, time, and the hash over client half, those, and the
/// address (RFC 9018 §4.4).
fn seal(
    secret: Secret,
    client: &[u8; CLIENT_LEN_BYTES],
    head: [u8; 8],
    address: IpAddr,
) -> [u8; SERVER_LEN_BYTES] {
    let mut hasher = SipHasher24::new_with_key(&secret.0);
    hasher.write(client);
    hasher.write(&head);
    match address.to_canonical() {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()),
    }
    let mut cookie = [0; SERVER_LEN_BYTES];
    cookie[..8].copy_from_slice(&head);
    cookie[8..].copy_from_slice(&hasher.finish().to_le_bytes());
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let bytes: Vec<u8> =
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
        bytes.try_into().unwrap()
    }

    fn cookies(secret: &str) -> Cookies {
        Cookies::new(Secret::new(hex(secret)), None)
    }

    #[test]
    fn the_vectors_of_rfc_9018_appendix_a() {
        let table = [
            // A.1: learning a new server cookie.
            (SECRET, "2464c4abcf10c957", "198.51.100.100", 1_559_731_985, "010000005cf79f111f8130c3eee29480"),
            // A.2: the same client gets a fresh one.
            (SECRET, "2464c4abcf10c957", "198.51.100.100", 1_559_734_385, "010000005cf7a871d4a564a1442aca77"),
            // A.4: IPv6, after the secret was rolled.
            (
                "445536bcd2513298075a5d379663c962",
                "22681ab97d52c298",
                "2001:db8:220:1:59de:d0f4:8769:82b8",
                1_559_741_961,
                "010000005cf7c609a6bb79d16625507a",
            ),
        ];
        for (secret, client, address, unix_s, expected) in table {
            let made = cookies(secret).make(&hex(client), address.parse().unwrap(), unix_s);
            assert_eq!(made, hex(expected), "{expected}");
        }
    }

    #[test]
    fn reserved_bits_that_came_are_hashed_as_they_came() {
        // A.3: made by somebody who used the reserved bytes.
        let server: [u8; 16] = hex("01abcdef5cf78f71a314227b6679ebf5");
        let cookie = Cookie { client: hex("fc93fc62807ddb86"), server: &server };
        let address = "203.0.113.203".parse().unwrap();
        assert_eq!(cookies(SECRET).check(cookie, address, 1_559_727_985), Standing::Right { keep: true });
    }

    #[test]
    fn a_rolled_secret_is_still_taken_and_replaced() {
        let server: [u8; 16] = hex("010000005cf7c57926556bd0934c72f8");
        let cookie = Cookie { client: hex("22681ab97d52c298"), server: &server };
        let address = "2001:db8:220:1:59de:d0f4:8769:82b8".parse().unwrap();
        let rolled = Cookies::new(
            Secret::new(hex("445536bcd2513298075a5d379663c962")),
            Some(Secret::new(hex("dd3bdf9344b678b185a6f5cb60fca715"))),
        );
        assert_eq!(rolled.check(cookie, address, 1_559_741_961), Standing::Right { keep: false });
    }

    #[test]
    fn age_address_and_every_byte_count() {
        let cookies = cookies(SECRET);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let (client, made_s) = ([7; 8], u32::MAX - 10);
        let server = cookies.make(&client, address, made_s);
        let at = |age: i64| {
            let unix_s = u32::try_from((i64::from(made_s) + age).rem_euclid(1 << 32)).unwrap();
            cookies.check(Cookie { client, server: &server }, address, unix_s)
        };
        for (age, expected) in [
            (-301, Standing::Wrong),
            (-300, Standing::Right { keep: true }),
            (1800, Standing::Right { keep: true }),
            (1801, Standing::Right { keep: false }),
            (3600, Standing::Right { keep: false }),
            (3601, Standing::Wrong),
        ] {
            assert_eq!(at(age), expected, "{age}");
        }
        for at in 0..16 {
            let mut bent = server;
            bent[at] ^= 1;
            let cookie = Cookie { client, server: &bent };
            assert_eq!(cookies.check(cookie, address, made_s), Standing::Wrong, "byte {at}");
        }
        let elsewhere = "192.0.2.2".parse().unwrap();
        assert_eq!(cookies.check(Cookie { client, server: &server }, elsewhere, made_s), Standing::Wrong);
        assert_eq!(cookies.check(Cookie { client, server: &[] }, address, made_s), Standing::ClientOnly);
    }

    #[test]
    fn lengths_that_rfc_7873_forbids() {
        for len in 0..64 {
            let content = vec![1; len];
            let allowed = len == 8 || (16..=40).contains(&len);
            assert_eq!(Cookie::parse(&content).is_some(), allowed, "{len}");
        }
    }
}
