//! sha256-crypt and sha512-crypt: `$5$salt$hash`, `$6$rounds=5000$salt$hash`
//! (U. Drepper, "Unix crypt using SHA-256 and SHA-512").

use sha_crypt::{Params, sha256_crypt, sha512_crypt};

use super::UnsupportedHash;
use super::crypt_text::{is_hash_text, is_salt, parse_cost, push, push_three};
use crate::secret::same_bytes;

/// Most rounds of an imported hash; the format allows 999 999 999, which would take minutes.
/// passlib's default is 656 000.
pub const SHA_CRYPT_ROUNDS_MAX: u32 = 1_000_000;

/// Rounds when the hash does not say.
const ROUNDS_DEFAULT: u32 = 5000;
/// Fewest rounds; crypt(3) writes no smaller number.
const ROUNDS_MIN: u32 = 1000;
/// What is used of a salt, in bytes; crypt(3) writes no longer one.
const SALT_LEN_MAX_BYTES: usize = 16;

/// Which of the two.
#[derive(Debug, Clone, Copy)]
pub(super) enum Digest {
    Sha256,
    Sha512,
}

/// A parsed hash within the limits.
pub(super) struct ShaCryptHash<'a> {
    digest: Digest,
    params: Params,
    salt: &'a str,
    hash: &'a str,
}

impl std::fmt::Debug for ShaCryptHash<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShaCryptHash")
    }
}

/// Parses what follows `$5$` or `$6$`.
pub(super) fn parse(rest: &str, digest: Digest) -> Result<ShaCryptHash<'_>, UnsupportedHash> {
    let malformed = UnsupportedHash::Malformed;
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => {
            let (digits, rest) = rest.split_once('$').ok_or(malformed)?;
            (parse_cost(digits, "sha-crypt rounds", SHA_CRYPT_ROUNDS_MAX)?, rest)
        }
        None => (ROUNDS_DEFAULT, rest),
    };
    let (salt, hash) = rest.split_once('$').ok_or(malformed)?;
    let hash_len_bytes = match digest {
        Digest::Sha256 => 43,
        Digest::Sha512 => 86,
    };
    let salt_ok = salt.len() <= SALT_LEN_MAX_BYTES && is_salt(salt);
    if rounds < ROUNDS_MIN || !salt_ok || hash.len() != hash_len_bytes || !is_hash_text(hash) {
        return Err(malformed);
    }
    let params = Params::new(rounds).map_err(|_| malformed)?;
    Ok(ShaCryptHash { digest, params, salt, hash })
}

impl ShaCryptHash<'_> {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let salt = self.salt.as_bytes();
        let computed = match self.digest {
            Digest::Sha256 => text_of_sha256(&sha256_crypt(password, salt, self.params)),
            Digest::Sha512 => text_of_sha512(&sha512_crypt(password, salt, self.params)),
        };
        same_bytes(computed.as_bytes(), self.hash.as_bytes())
    }
}

/// The digest's bytes in the order of the format: three columns that change places in each row.
fn text_of_sha256(digest: &[u8; 32]) -> String {
    let mut text = String::with_capacity(43);
    let (mut a, mut b, mut c) = (0, 10, 20);
    for _ in 0..10 {
        push_three(&mut text, digest, (a, b, c));
        (a, b, c) = (c + 1, a + 1, b + 1);
    }
    push(&mut text, u32::from(digest[31]) << 8 | u32::from(digest[30]), 3);
    text
}

fn text_of_sha512(digest: &[u8; 64]) -> String {
    let mut text = String::with_capacity(86);
    let (mut a, mut b, mut c) = (0, 21, 42);
    for _ in 0..21 {
        push_three(&mut text, digest, (a, b, c));
        (a, b, c) = (b + 1, c + 1, a + 1);
    }
    push(&mut text, u32::from(digest[63]), 2);
    text
}
