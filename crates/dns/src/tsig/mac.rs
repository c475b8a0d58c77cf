//! The keyed hashes.

use super::{Key, Variables};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use std::fmt;

/// A hash that may be used (RFC 8945 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// hmac-sha256, which every server must know.
    Sha256,
    /// hmac-sha384.
    Sha384,
    /// hmac-sha512.
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

    /// Its name as in configurations.
    pub const fn text(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "hmac-sha256",
            Algorithm::Sha384 => "hmac-sha384",
            Algorithm::Sha512 => "hmac-sha512",
        }
    }

    /// The algorithm of a configuration's word, with or without a final dot, in whatever case.
    pub fn of_text(text: &str) -> Option<Algorithm> {
        let text = text.strip_suffix('.').unwrap_or(text);
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.text().eq_ignore_ascii_case(text))
    }

    /// Its name in wire form, in lower case.
    pub const fn name(self) -> &'static [u8] {
        match self {
            Algorithm::Sha256 => b"\x0bhmac-sha256\0",
            Algorithm::Sha384 => b"\x0bhmac-sha384\0",
            Algorithm::Sha512 => b"\x0bhmac-sha512\0",
        }
    }

    /// The length of a whole MAC in bytes.
    pub const fn mac_len_bytes(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A MAC being made.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Hasher {
    /// A MAC by the key's algorithm, with nothing in it.
    pub fn new(key: &Key) -> Hasher {
        const ANY_LENGTH: &str = "HMAC takes secrets of any length";
        match key.algorithm() {
            Algorithm::Sha256 => Hasher::Sha256(Hmac::new_from_slice(key.secret()).expect(ANY_LENGTH)),
            Algorithm::Sha384 => Hasher::Sha384(Hmac::new_from_slice(key.secret()).expect(ANY_LENGTH)),
            Algorithm::Sha512 => Hasher::Sha512(Hmac::new_from_slice(key.secret()).expect(ANY_LENGTH)),
        }
    }

    /// What comes next.
    pub fn feed(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hmac) => hmac.update(bytes),
            Hasher::Sha384(hmac) => hmac.update(bytes),
            Hasher::Sha512(hmac) => hmac.update(bytes),
        }
    }

    /// A MAC before this one, with its length (RFC 8945 §5.3.1).
    pub fn sized(&mut self, mac: &[u8]) {
        self.feed(&u16::try_from(mac.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.feed(mac);
    }

    /// The record's fields, after the message.
    pub fn variables(&mut self, variables: &Variables<'_>) {
        self.feed(variables.key_name);
        // Class ANY, TTL 0.
        self.feed(&[0, 255, 0, 0, 0, 0]);
        self.feed(variables.algorithm_name);
        self.timers(variables.time_s, variables.fudge_s);
        self.feed(&variables.error.to_be_bytes());
        self.sized(variables.other);
    }

    /// Time and fudge alone, for messages of a stream after the first (RFC 8945 §5.3.1).
    pub fn timers(&mut self, time_s: u64, fudge_s: u16) {
        self.feed(&time_s.to_be_bytes()[2..]);
        self.feed(&fudge_s.to_be_bytes());
    }

    /// The MAC, as long as the algorithm's digest.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Sha256(hmac) => hmac.finalize().into_bytes().to_vec(),
            Hasher::Sha384(hmac) => hmac.finalize().into_bytes().to_vec(),
            Hasher::Sha512(hmac) => hmac.finalize().into_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(..)")
    }
}
