//! What the texts of crypt(3) have in common.

use super::UnsupportedHash;

/// The alphabet of crypt(3), in the order of its values.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether all characters are of crypt(3)'s alphabet.
pub(super) fn is_hash_text(text: &str) -> bool {
    text.bytes().all(|b| ALPHABET.contains(&b))
}

/// Whether a salt may stand in a line of a password file.
pub(super) fn is_salt(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

/// Appends `count` characters of `value`, lowest six bits first.
pub(super) fn push(text: &mut String, mut value: u32, count: usize) {
    for _ in 0..count {
        text.push(char::from(ALPHABET[(value & 63) as usize]));
        value >>= 6;
    }
}

/// Appends the four characters of three bytes of `digest`.
pub(super) fn push_three(text: &mut String, digest: &[u8], (a, b, c): (usize, usize, usize)) {
    let byte = |i: usize| u32::from(digest[i]);
    push(text, byte(a) << 16 | byte(b) << 8 | byte(c), 4);
}

/// A decimal cost without leading zero, at least 1 and at most `limit`.
pub(super) fn parse_cost(digits: &str, parameter: &'static str, limit: u32) -> Result<u32, UnsupportedHash> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number || digits.starts_with('0') {
        return Err(UnsupportedHash::Malformed);
    }
    match digits.parse() {
        Ok(cost) if cost <= limit => Ok(cost),
        _ => Err(UnsupportedHash::TooCostly { parameter, limit }),
    }
}
