//! Bytes that must not be seen.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A password or a message that holds one: never printed, overwritten when dropped.
///
/// It has no `Clone`, no `Display` and no `PartialEq`, so that copies and comparisons that leak
/// through their time are not made by accident.
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes over; the caller keeps no other copy.
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(bytes)
    }

    /// The bytes, for hashing and sending only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, when they are UTF-8.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Compares in a time that depends on the lengths only.
    pub fn same(&self, other: &[u8]) -> bool {
        same_bytes(&self.0, other)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Secret {
        Secret(bytes.to_vec())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Compares in a time that depends on the lengths only.
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret(…)");
        assert!(!format!("{:#?}", Some(Secret::from("hunter2"))).contains("hunter"));
    }

    #[test]
    fn comparison() {
        let secret = Secret::from("abc");
        assert!(secret.same(b"abc"));
        for other in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert!(!secret.same(other));
        }
    }
}
