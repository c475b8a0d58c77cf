//! The random parts of a SCRAM exchange. This crate has no random source: they are handed in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::limits::NONCE_LEN_MAX_BYTES;

/// The server's part of the nonce, fresh for every exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerNonce(String);

/// The client's part of the nonce, fresh for every exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientNonce(String);

macro_rules! nonce {
    ($name:ident) => {
        impl $name {
            /// From 18 bytes of a cryptographic random source; 24 characters on the wire.
            pub fn from_random(bytes: [u8; 18]) -> $name {
                $name(STANDARD.encode(bytes))
            }

            /// From text: printable ASCII without comma (RFC 5802 §5.1), not empty, at most
            /// [`NONCE_LEN_MAX_BYTES`].
            pub fn from_text(text: &str) -> Option<$name> {
                is_nonce(text).then(|| $name(text.to_owned()))
            }

            /// As it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}
nonce!(ServerNonce);
nonce!(ClientNonce);

/// Whether the text is a nonce of acceptable length.
pub(crate) fn is_nonce(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NONCE_LEN_MAX_BYTES
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for good in ["r", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "a=b"] {
            assert_eq!(ServerNonce::from_text(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(NONCE_LEN_MAX_BYTES + 1);
        for bad in ["", "a,b", "a b", "a\x7f", "é", &long] {
            assert_eq!(ClientNonce::from_text(bad), None, "{bad:?}");
        }
        assert!(ClientNonce::from_text(&long[1..]).is_some());
        assert_eq!(ClientNonce::from_random([255; 18]).as_str().len(), 24);
    }
}
