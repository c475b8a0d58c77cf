//! Checks of the types that no row of fields describes.

use super::RDataError;

/// DS and CDS: a digest of the length that its kind has (RFC 4034 §5.1.4, RFC 4509 §2.2, RFC 6605 §2).
pub(super) fn check_ds(wire: &[u8]) -> Result<(), RDataError> {
    let digest_len = wire.len() - 4;
    let wanted = match wire[3] {
        1 => 20,
        2 => 32,
        4 => 48,
        _ => return Ok(()),
    };
    if digest_len == wanted {
        Ok(())
    } else {
        Err(RDataError::Invalid("a digest of another length than its kind has"))
    }
}

/// LOC (RFC 1876 §2): version 0 is 16 bytes; sizes are digits times powers of ten.
pub(super) fn check_location(wire: &[u8]) -> Result<(), RDataError> {
    match wire.first() {
        None => Err(RDataError::Truncated),
        Some(0) if wire.len() < 16 => Err(RDataError::Truncated),
        Some(0) if wire.len() > 16 => Err(RDataError::TrailingBytes),
        Some(0) if wire[1..4].iter().any(|size| size >> 4 > 9 || size & 15 > 9) => {
            Err(RDataError::Invalid("a size or precision that is no power of ten"))
        }
        Some(0) => Ok(()),
        Some(_) => Err(RDataError::Invalid("an unknown version of LOC")),
    }
}

/// APL (RFC 3123 §4): a list of address prefixes without trailing zero bytes.
pub(super) fn check_prefixes(wire: &[u8]) -> Result<(), RDataError> {
    let mut rest = wire;
    while let [family_high, family_low, prefix, len, after @ ..] = rest {
        let len = usize::from(len & 0x7f);
        let (bytes, after) = after.split_at_checked(len).ok_or(RDataError::Truncated)?;
        let (bits_max, len_max) = match u16::from_be_bytes([*family_high, *family_low]) {
            1 => (32, 4),
            2 => (128, 16),
            _ => (255, 127),
        };
        if *prefix > bits_max || len > len_max || bytes.ends_with(&[0]) {
            return Err(RDataError::Invalid("a prefix of addresses that its family does not have"));
        }
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(RDataError::Truncated) }
}
