//! `{SSHA256}` and `{SSHA512}`: base64 of `digest(password salt) salt`, as LDAP directories and
//! Dovecot write it. Fast to guess, hence only to be replaced at the next login.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Sha256, Sha512};

use super::UnsupportedHash;
use crate::secret::same_bytes;

/// Shortest and longest salt that is accepted, in bytes; Dovecot writes 4.
const SALT_LEN_RANGE_BYTES: std::ops::RangeInclusive<usize> = 1..=64;

/// Which of the two.
#[derive(Debug, Clone, Copy)]
pub(super) enum Digest {
    Sha256,
    Sha512,
}

/// A parsed hash.
pub(super) struct SaltedHash {
    digest: Digest,
    hash: Vec<u8>,
    salt: Vec<u8>,
}

impl std::fmt::Debug for SaltedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SaltedHash")
    }
}

/// Parses what follows the prefix.
pub(super) fn parse(text: &str, digest: Digest) -> Result<SaltedHash, UnsupportedHash> {
    let mut hash = STANDARD.decode(text).map_err(|_| UnsupportedHash::Malformed)?;
    let digest_len_bytes = match digest {
        Digest::Sha256 => 32,
        Digest::Sha512 => 64,
    };
    if hash.len() < digest_len_bytes {
        return Err(UnsupportedHash::Malformed);
    }
    let salt = hash.split_off(digest_len_bytes);
    if !SALT_LEN_RANGE_BYTES.contains(&salt.len()) {
        return Err(UnsupportedHash::Malformed);
    }
    Ok(SaltedHash { digest, hash, salt })
}

impl SaltedHash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        match self.digest {
            Digest::Sha256 => same_bytes(&salted::<Sha256>(password, &self.salt), &self.hash),
            Digest::Sha512 => same_bytes(&salted::<Sha512>(password, &self.salt), &self.hash),
        }
    }
}

fn salted<D: sha2::Digest>(password: &[u8], salt: &[u8]) -> Vec<u8> {
    D::new().chain_update(password).chain_update(salt).finalize().to_vec()
}
