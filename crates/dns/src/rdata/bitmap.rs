//! The bitmap of types (RFC 4034 §4.1.2).

use super::RDataError;
use crate::code::RecordType;

/// Which types a name has, as NSEC, NSEC3 and CSYNC show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeBitmap {
    types: Vec<RecordType>,
}

impl TypeBitmap {
    /// The types of `wire`, a bitmap.
    ///
    /// # Errors
    /// [`RDataError`] if windows are out of order, empty, too long, or end with a zero byte.
    pub fn from_wire(wire: &[u8]) -> Result<Self, RDataError> {
        check(wire)?;
        let mut types = Vec::new();
        let mut rest = wire;
        while let [window, len, after @ ..] = rest {
            let (bits, after) = after.split_at(usize::from(*len));
            for (at, byte) in bits.iter().enumerate() {
                for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                    types.push(RecordType(u16::from(*window) << 8 | (at * 8 + bit) as u16));
                }
            }
            rest = after;
        }
        Ok(TypeBitmap { types })
    }

    /// The types in ascending order.
    pub fn types(&self) -> &[RecordType] {
        &self.types
    }

    /// Whether `rtype` is among them.
    pub fn contains(&self, rtype: RecordType) -> bool {
        self.types.binary_search(&rtype).is_ok()
    }

    /// The wire form.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = &self.types[..];
        while let Some(first) = rest.first() {
            let window = first.0 >> 8;
            let len = rest.iter().take_while(|rtype| rtype.0 >> 8 == window).count();
            let (here, after) = rest.split_at(len);
            let mut bits = [0u8; 32];
            for rtype in here {
                let low = usize::from(rtype.0 & 0xff);
                bits[low / 8] |= 0x80 >> (low % 8);
            }
            let bytes = usize::from(here[len - 1].0 & 0xff) / 8 + 1;
            out.extend_from_slice(&[window as u8, bytes as u8]);
            out.extend_from_slice(&bits[..bytes]);
            rest = after;
        }
        out
    }
}

impl FromIterator<RecordType> for TypeBitmap {
    fn from_iter<I: IntoIterator<Item = RecordType>>(types: I) -> Self {
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort_unstable();
        types.dedup();
        TypeBitmap { types }
    }
}

/// Checks the wire form.
pub(super) fn check(wire: &[u8]) -> Result<(), RDataError> {
    let (mut rest, mut last) = (wire, None);
    while let [window, len, after @ ..] = rest {
        if last.is_some_and(|last| *window <= last) {
            return Err(RDataError::Invalid("windows of types out of order"));
        }
        if !(1..=32).contains(len) {
            return Err(RDataError::Invalid("a window of types of no or over 32 bytes"));
        }
        let (bits, after) = after.split_at_checked(usize::from(*len)).ok_or(RDataError::Truncated)?;
        if bits.ends_with(&[0]) {
            return Err(RDataError::Invalid("a window of types with a zero at its end"));
        }
        last = Some(*window);
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(RDataError::Truncated) }
}
