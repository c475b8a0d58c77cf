//! The arithmetic of SCRAM (RFC 5802 §3).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of a key, a proof and a signature: one SHA-256.
pub(crate) const KEY_LEN_BYTES: usize = 32;

/// A key that is overwritten when dropped.
pub(crate) type Key = Zeroizing<[u8; KEY_LEN_BYTES]>;

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// `HMAC(key, text)`.
pub(crate) fn hmac(key: &[u8], text: &[u8]) -> Key {
    Zeroizing::new(keyed(key).chain_update(text).finalize().into_bytes().into())
}

/// `H(text)`.
pub(crate) fn hash(text: &[u8]) -> Key {
    Zeroizing::new(Sha256::digest(text).into())
}

/// `Hi(password, salt, i)`: PBKDF2 with HMAC-SHA-256 and one block of output (RFC 5802 §2.2).
pub(crate) fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> Key {
    let keyed = keyed(password);
    let first = keyed.clone().chain_update(salt).chain_update(1u32.to_be_bytes());
    let mut last: Key = Zeroizing::new(first.finalize().into_bytes().into());
    let mut sum: Key = last.clone();
    for _ in 1..iterations {
        *last = keyed.clone().chain_update(*last).finalize().into_bytes().into();
        *sum = xor(&sum, &last);
    }
    sum
}

/// ClientKey and ServerKey.
pub(crate) fn client_and_server_key(salted_password: &Key) -> (Key, Key) {
    (hmac(&**salted_password, b"Client Key"), hmac(&**salted_password, b"Server Key"))
}

/// Bitwise exclusive or.
pub(crate) fn xor(a: &[u8; KEY_LEN_BYTES], b: &[u8; KEY_LEN_BYTES]) -> [u8; KEY_LEN_BYTES] {
    std::array::from_fn(|i| a[i] ^ b[i])
}
