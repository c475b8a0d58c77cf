//! The hash of NSEC3 (RFC 5155 §5), and the labels that it makes.

use sha1::{Digest, Sha1};

/// Bytes of the only hash there is, SHA-1 (RFC 5155 §11).
pub const HASH_LEN_BYTES: usize = 20;
/// Letters of its label.
const LABEL_LEN_BYTES: usize = 32;
/// Base32 with the extended hex alphabet, in lower case (RFC 4648 §7).
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// The hash of a name in wire form, which is in lower case.
pub fn hash(name: &[u8], iterations: u16, salt: &[u8]) -> [u8; HASH_LEN_BYTES] {
    let mut hash = Sha1::new().chain_update(name).chain_update(salt).finalize();
    for _ in 0..iterations {
        hash = Sha1::new().chain_update(hash).chain_update(salt).finalize();
    }
    hash.into()
}

/// A hash as the first label of an owner, without its length byte (RFC 5155 §3).
pub fn label(hash: &[u8; HASH_LEN_BYTES]) -> [u8; LABEL_LEN_BYTES] {
    let mut label = [0; LABEL_LEN_BYTES];
    for (five, eight) in hash.chunks_exact(5).zip(label.chunks_exact_mut(8)) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for (at, letter) in eight.iter_mut().enumerate() {
            *letter = DIGITS[(bits >> (35 - 5 * at) & 31) as usize];
        }
    }
    label
}

/// The hash that a label is, in either case; nothing if it is none.
pub fn read_label(label: &[u8]) -> Option<[u8; HASH_LEN_BYTES]> {
    let label: &[u8; LABEL_LEN_BYTES] = label.try_into().ok()?;
    let mut hash = [0; HASH_LEN_BYTES];
    for (eight, five) in label.chunks_exact(8).zip(hash.chunks_exact_mut(5)) {
        let mut bits = 0u64;
        for letter in eight {
            let value = DIGITS.iter().position(|digit| *digit == letter.to_ascii_lowercase())?;
            bits = bits << 5 | value as u64;
        }
        five.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn labels_lead_back(hash: [u8; HASH_LEN_BYTES]) {
            let label = label(&hash);
            prop_assert_eq!(read_label(&label), Some(hash));
            prop_assert_eq!(read_label(&label.to_ascii_uppercase()), Some(hash));
            prop_assert_eq!(read_label(&label[1..]), None);
        }

        #[test]
        fn what_is_read_is_written_so(bytes in proptest::collection::vec(b'0'..=b'z', 30..34)) {
            if let Some(hash) = read_label(&bytes) {
                prop_assert_eq!(&label(&hash)[..], bytes.to_ascii_lowercase());
            }
        }
    }
}
