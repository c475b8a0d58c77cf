//! md5-crypt: `$1$salt$hash` (P.-H. Kamp, FreeBSD), and Apache's `$apr1$salt$hash`.

use md5::{Digest, Md5};

use super::UnsupportedHash;
use super::crypt_text::{is_hash_text, is_salt, push, push_three};
use crate::secret::same_bytes;

/// Rounds, fixed by the format.
const ROUNDS: u32 = 1000;
/// What is used of a salt, in bytes; crypt(3) writes no longer one.
const SALT_LEN_MAX_BYTES: usize = 8;
/// Characters of a hash.
const HASH_LEN_BYTES: usize = 22;

/// A parsed hash.
pub(super) struct Md5CryptHash<'a> {
    /// `$1$` or `$apr1$`, which is hashed as well.
    magic: &'static str,
    salt: &'a str,
    hash: &'a str,
}

impl std::fmt::Debug for Md5CryptHash<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Md5CryptHash")
    }
}

/// Parses what follows the magic.
pub(super) fn parse<'a>(rest: &'a str, magic: &'static str) -> Result<Md5CryptHash<'a>, UnsupportedHash> {
    let (salt, hash) = rest.split_once('$').ok_or(UnsupportedHash::Malformed)?;
    let salt_ok = salt.len() <= SALT_LEN_MAX_BYTES && is_salt(salt);
    if !salt_ok || hash.len() != HASH_LEN_BYTES || !is_hash_text(hash) {
        return Err(UnsupportedHash::Malformed);
    }
    Ok(Md5CryptHash { magic, salt, hash })
}

impl Md5CryptHash<'_> {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let computed = text_of(&compute(password, self.salt.as_bytes(), self.magic.as_bytes()));
        same_bytes(computed.as_bytes(), self.hash.as_bytes())
    }
}

fn compute(password: &[u8], salt: &[u8], magic: &[u8]) -> [u8; 16] {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut outer = Md5::new().chain_update(password).chain_update(magic).chain_update(salt);
    // The inner digest, repeated to the length of the password.
    for piece in password.chunks(inner.len()) {
        outer.update(&inner[..piece.len()]);
    }
    // One byte for each bit of the length: a slip of the first implementation that became the format.
    let mut length = password.len();
    while length > 0 {
        outer.update(if length & 1 == 1 { [0] } else { [password[0]] });
        length >>= 1;
    }
    let mut digest = outer.finalize();
    for round in 0..ROUNDS {
        let mut next = Md5::new();
        let odd = round % 2 == 1;
        next.update(if odd { password } else { &digest[..] });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &digest[..] } else { password });
        digest = next.finalize();
    }
    digest.into()
}

/// The digest's bytes in the order of the format.
fn text_of(digest: &[u8; 16]) -> String {
    let mut text = String::with_capacity(HASH_LEN_BYTES);
    for row in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
        push_three(&mut text, digest, row);
    }
    push(&mut text, u32::from(digest[11]), 2);
    text
}
