//! APL in text (RFC 3123 §5).

use std::fmt::{self, Display as _};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::parse::number;
use super::{TextError, Word};

const WHAT: &str = "a prefix as 1:192.0.2.0/24 or !2:2001:db8::/32";

/// Appends the items.
pub(super) fn parse(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), TextError> {
    words.iter().try_for_each(|word| item(word.text, out))
}

fn item(text: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
    let bad = || TextError::Expected(WHAT);
    let (negated, text) = match text.strip_prefix(b"!") {
        Some(text) => (0x80, text),
        None => (0, text),
    };
    let colon = text.iter().position(|byte| *byte == b':').ok_or_else(bad)?;
    let slash = text.iter().position(|byte| *byte == b'/').filter(|at| *at > colon).ok_or_else(bad)?;
    let family: u16 = number(&text[..colon], WHAT)?;
    let prefix: u8 = number(&text[slash + 1..], WHAT)?;
    let address = std::str::from_utf8(&text[colon + 1..slash]).map_err(|_| bad())?;
    let mut bytes = match family {
        1 => address.parse::<Ipv4Addr>().map_err(|_| bad())?.octets().to_vec(),
        2 => address.parse::<Ipv6Addr>().map_err(|_| bad())?.octets().to_vec(),
        _ => return Err(bad()),
    };
    // RFC 3123 §4: trailing zero bytes are left out.
    while bytes.ends_with(&[0]) {
        bytes.pop();
    }
    out.extend_from_slice(&family.to_be_bytes());
    out.extend_from_slice(&[prefix, negated | bytes.len() as u8]);
    out.extend_from_slice(&bytes);
    Ok(())
}

/// Writes the items of checked bytes. Families other than 1 and 2 have no text form but that of RFC 3597,
/// and are shown in hexadecimal, which no reader takes.
pub(super) fn print(f: &mut fmt::Formatter<'_>, wire: &[u8]) -> fmt::Result {
    let mut rest = wire;
    while let [family_high, family_low, prefix, len, after @ ..] = rest {
        let family = u16::from_be_bytes([*family_high, *family_low]);
        let (bytes, after) = after.split_at(usize::from(len & 0x7f));
        if rest.len() < wire.len() {
            f.write_str(" ")?;
        }
        write!(f, "{}{family}:", if len & 0x80 != 0 { "!" } else { "" })?;
        let mut padded = [0; 16];
        padded[..bytes.len().min(16)].copy_from_slice(&bytes[..bytes.len().min(16)]);
        match family {
            1 => Ipv4Addr::new(padded[0], padded[1], padded[2], padded[3]).fmt(f)?,
            2 => Ipv6Addr::from(padded).fmt(f)?,
            _ => super::print::hex(f, bytes)?,
        }
        write!(f, "/{prefix}")?;
        rest = after;
    }
    Ok(())
}
