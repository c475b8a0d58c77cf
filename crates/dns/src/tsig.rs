//! Messages signed with a shared secret (TSIG, RFC 8945): who may transfer a zone, change it, or tell us
//! that it changed.
//!
//! All of it works on whole messages as bytes, because the signature covers bytes. The MACs are HMACs with
//! SHA-256 and up; MD5 and SHA-1 are not offered (RFC 8945 §6 deprecates them). MACs are sent whole, and
//! shortened ones are answered by BADTRUNC.

mod find;
mod mac;
mod stream;

pub use find::{Found, Malformed, find};
pub use mac::Algorithm;
pub use stream::{Signer, StreamFault, StreamVerifier, UNSIGNED_IN_ROW_MAX};

use mac::Hasher;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// How far two clocks may differ in seconds (RFC 8945 §10 recommends it).
pub const FUDGE_S: u16 = 300;
/// Shortest secret in bytes: below it guessing is cheaper than RFC 8945 §10 wants (and 16 is what
/// `tsig-keygen` makes for the weakest hash).
pub const SECRET_LEN_MIN_BYTES: usize = 16;
/// Longest TSIG record that [`Signer`] appends in bytes: two names, the longest MAC, a time.
pub const RECORD_LEN_MAX_BYTES: usize = 255 + 10 + 32 + 16 + 64 + 6;
/// The type of the record (RFC 8945 §4.1).
pub const TYPE: u16 = 250;

/// RCODE NOTAUTH (RFC 8945 §5.2).
pub const NOTAUTH: u8 = 9;

/// A shared secret with its name. Clones share it; it is not shown by `Debug`.
#[derive(Clone)]
pub struct Key(Arc<KeyInner>);

struct KeyInner {
    name: Box<[u8]>,
    algorithm: Algorithm,
    secret: Box<[u8]>,
}

/// Why something is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The name is no name in wire form.
    Name,
    /// The secret is shorter than [`SECRET_LEN_MIN_BYTES`].
    ShortSecret,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Name => f.write_str("the key's name is no domain name"),
            KeyError::ShortSecret => write!(f, "the secret is shorter than {SECRET_LEN_MIN_BYTES} bytes"),
        }
    }
}

impl std::error::Error for KeyError {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, {})", String::from_utf8_lossy(&self.0.name), self.0.algorithm)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0.name == other.0.name
            && self.0.algorithm == other.0.algorithm
            && bool::from(self.0.secret.ct_eq(&other.0.secret))
    }
}

impl Eq for Key {}

impl Key {
    /// A key by its name in uncompressed wire form, in whatever case.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn new(name: &[u8], algorithm: Algorithm, secret: &[u8]) -> Result<Key, KeyError> {
        let mut own = Vec::with_capacity(name.len());
        if find::read_name(name, 0, &mut own) != Some(name.len()) {
            return Err(KeyError::Name);
        }
        if secret.len() < SECRET_LEN_MIN_BYTES {
            return Err(KeyError::ShortSecret);
        }
        Ok(Key(Arc::new(KeyInner { name: own.into(), algorithm, secret: secret.into() })))
    }

    /// Its name in wire form, in lower case.
    pub fn name(&self) -> &[u8] {
        &self.0.name
    }

    /// Its hash.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The secret itself, to be written into somebody's configuration.
    pub fn secret(&self) -> &[u8] {
        &self.0.secret
    }
}

/// What is wrong with a signed request (RFC 8945 §5.2). The answer has RCODE NOTAUTH, save for `Malformed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// FORMERR: the record is not last, is twice there, or its parts do not fit.
    Malformed,
    /// There is no such key here, or its hash is another.
    BadKey,
    /// The MAC is wrong.
    BadSig,
    /// The MAC is right, the time is not.
    BadTime,
    /// The MAC is right and shortened, which is not taken here.
    BadTrunc,
}

impl Fault {
    /// The number in the record's error field (RFC 8945 §3).
    pub const fn code(self) -> u16 {
        match self {
            Fault::Malformed => 0,
            Fault::BadSig => 16,
            Fault::BadKey => 17,
            Fault::BadTime => 18,
            Fault::BadTrunc => 22,
        }
    }
}

/// A request with a TSIG that could be found.
#[derive(Debug, Clone)]
pub struct Request {
    /// The message's length in bytes without the record.
    pub len_bytes: usize,
    /// What was wrong, or the key that signed it.
    pub outcome: Result<Key, Fault>,
    echo: Echo,
}

/// What an answer repeats of the request's record.
#[derive(Debug, Clone)]
struct Echo {
    key_name: Vec<u8>,
    algorithm_name: Vec<u8>,
    mac: Vec<u8>,
    time_s: u64,
    fudge_s: u16,
    original_id: u16,
    /// Where the key is known though something else was wrong.
    key: Option<Key>,
}

/// Checks a request's signature at `unix_s`, in seconds since 1970. `key_of` finds keys by their name in
/// lower-case wire form. Nothing if the request is not signed; `Err` if it must be answered by FORMERR
/// without a signature (RFC 8945 §5.1).
///
/// # Errors
/// When the message cannot be read, or a TSIG stands where none may.
pub fn check_request(
    message: &[u8],
    unix_s: u64,
    key_of: impl FnOnce(&[u8]) -> Option<Key>,
) -> Result<Option<Request>, Malformed> {
    let Some(found) = find(message)? else { return Ok(None) };
    let key = key_of(&found.key_name).filter(|key| key.algorithm().name() == found.algorithm_name);
    let outcome = match &key {
        None => Err(Fault::BadKey),
        Some(key) => judge(message, &found, key, unix_s).map(|()| key.clone()),
    };
    if outcome == Err(Fault::Malformed) {
        return Err(Malformed);
    }
    let echo = Echo {
        key_name: found.key_name,
        algorithm_name: found.algorithm_name,
        mac: found.mac.to_vec(),
        time_s: found.time_s,
        fudge_s: found.fudge_s,
        original_id: found.original_id,
        key,
    };
    Ok(Some(Request { len_bytes: found.start, outcome, echo }))
}

/// The steps of RFC 8945 §5.2 once the key is known, in their order.
fn judge(message: &[u8], found: &Found<'_>, key: &Key, unix_s: u64) -> Result<(), Fault> {
    let full_len = key.algorithm().mac_len_bytes();
    // RFC 8945 §5.2.2.1: longer than the hash, or shorter than half of it and ten bytes.
    if found.mac.len() > full_len || found.mac.len() < (full_len / 2).max(10) {
        return Err(Fault::Malformed);
    }
    let mut hasher = Hasher::new(key);
    find::feed_unsigned(&mut hasher, message, found);
    hasher.variables(&Variables::of(found));
    let right: bool = hasher.finish()[..found.mac.len()].ct_eq(found.mac).into();
    if !right {
        return Err(Fault::BadSig);
    }
    if unix_s.abs_diff(found.time_s) > u64::from(found.fudge_s) {
        return Err(Fault::BadTime);
    }
    if found.mac.len() < full_len {
        return Err(Fault::BadTrunc);
    }
    Ok(())
}

/// The fields of the record that are signed besides the message (RFC 8945 §4.3.3).
struct Variables<'a> {
    key_name: &'a [u8],
    algorithm_name: &'a [u8],
    time_s: u64,
    fudge_s: u16,
    error: u16,
    other: &'a [u8],
}

impl<'a> Variables<'a> {
    fn of(found: &'a Found<'_>) -> Variables<'a> {
        Variables {
            key_name: &found.key_name,
            algorithm_name: &found.algorithm_name,
            time_s: found.time_s,
            fudge_s: found.fudge_s,
            error: found.error,
            other: found.other,
        }
    }

    /// Appends the record to a message and counts it there.
    fn append(&self, mac: &[u8], original_id: u16, message: &mut Vec<u8>) {
        message.extend_from_slice(self.key_name);
        message.extend_from_slice(&TYPE.to_be_bytes());
        // Class ANY, TTL 0 (RFC 8945 §4.2).
        message.extend_from_slice(&[0, 255, 0, 0, 0, 0]);
        let len = self.algorithm_name.len() + 16 + mac.len() + self.other.len();
        let short = |len: usize| u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        message.extend_from_slice(&short(len));
        message.extend_from_slice(self.algorithm_name);
        message.extend_from_slice(&self.time_s.to_be_bytes()[2..]);
        message.extend_from_slice(&self.fudge_s.to_be_bytes());
        message.extend_from_slice(&short(mac.len()));
        message.extend_from_slice(mac);
        message.extend_from_slice(&original_id.to_be_bytes());
        message.extend_from_slice(&self.error.to_be_bytes());
        message.extend_from_slice(&short(self.other.len()));
        message.extend_from_slice(self.other);
        let count = u16::from_be_bytes([message[10], message[11]]).wrapping_add(1);
        message[10..12].copy_from_slice(&count.to_be_bytes());
    }
}

impl Request {
    /// The signer of the answers to a request that was in order.
    pub fn signer(&self) -> Option<Signer> {
        let key = self.outcome.as_ref().ok()?;
        Some(Signer::answering(key.clone(), &self.echo.mac))
    }

    /// Appends to a NOTAUTH answer the record that tells the fault: unsigned where the key or the MAC
    /// was wrong, signed where they were right (RFC 8945 §5.3.2). An answer to a good request is left.
    pub fn append_fault(&self, unix_s: u64, answer: &mut Vec<u8>) {
        let Err(fault) = self.outcome else { return };
        let own_time = unix_s.to_be_bytes();
        let variables = Variables {
            key_name: &self.echo.key_name,
            algorithm_name: &self.echo.algorithm_name,
            // The client's time, so that it can check the answer; ours stands beside it (§5.2.3).
            time_s: self.echo.time_s,
            fudge_s: self.echo.fudge_s,
            error: fault.code(),
            other: if fault == Fault::BadTime { &own_time[2..] } else { &[] },
        };
        let mac = match (&self.echo.key, fault) {
            (Some(key), Fault::BadTime | Fault::BadTrunc) => {
                let mut hasher = Hasher::new(key);
                hasher.sized(&self.echo.mac);
                hasher.feed(answer);
                hasher.variables(&variables);
                hasher.finish()
            }
            _ => Vec::new(),
        };
        variables.append(&mac, self.echo.original_id, answer);
    }
}

#[cfg(test)]
mod tests;
