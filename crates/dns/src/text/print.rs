//! From wire form to words, field by field.

use std::fmt::{self, Display as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use super::{location, prefixes, service};
use crate::code::RecordType;
use crate::name::Name;
use crate::rdata::{Field, RData, TypeBitmap, schema};

impl fmt::Display for RData {
    /// The data as a master file writes it, on one line, names with a final dot. What the type's text cannot
    /// say is written as RFC 3597 §5 has it for all types.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(schema) = schema(self.rtype()) else { return generic(f, self.as_wire()) };
        let has_text = match self.rtype() {
            RecordType::LOC => location::has_text(self.as_wire()),
            RecordType::APL => prefixes::has_text(self.as_wire()),
            _ => true,
        };
        if !has_text {
            return generic(f, self.as_wire());
        }
        let mut rest = self.as_wire();
        for (at, field) in schema.fields.iter().enumerate() {
            let len = field.wire_len(rest).map_err(|_| fmt::Error)?;
            let (wire, after) = rest.split_at(len);
            // Lists that are empty leave no blank behind.
            if at > 0 && !(wire.is_empty() && *field != Field::TextOrEmpty) {
                f.write_str(" ")?;
            }
            print_field(f, *field, wire)?;
            rest = after;
        }
        Ok(())
    }
}

impl fmt::Debug for RData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.rtype())
    }
}

/// RFC 3597 §5.
fn generic(f: &mut fmt::Formatter<'_>, wire: &[u8]) -> fmt::Result {
    write!(f, "\\# {}", wire.len())?;
    if !wire.is_empty() {
        f.write_str(" ")?;
    }
    hex(f, wire)
}

fn print_field(f: &mut fmt::Formatter<'_>, field: Field, wire: &[u8]) -> fmt::Result {
    let number = || wire.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    match field {
        Field::U8 | Field::U16 | Field::U32 | Field::Period | Field::Algorithm | Field::CertType => {
            write!(f, "{}", number())
        }
        Field::Time => time(f, number()),
        Field::Type => RecordType(number() as u16).fmt(f),
        Field::Ipv4 => Ipv4Addr::from(<[u8; 4]>::try_from(wire).map_err(|_| fmt::Error)?).fmt(f),
        Field::Ipv6 => Ipv6Addr::from(<[u8; 16]>::try_from(wire).map_err(|_| fmt::Error)?).fmt(f),
        Field::Name => Name::from_wire(wire).map_err(|_| fmt::Error)?.fmt(f),
        Field::CharString => quoted(f, &wire[1..]),
        Field::CharStrings => strings(f, wire),
        Field::Text | Field::TextOrEmpty => quoted(f, wire),
        Field::Tag => f.write_str(&String::from_utf8_lossy(&wire[1..])),
        Field::Hex(_) => hex(f, wire),
        Field::Base64(_) => Base64Display::new(wire, &STANDARD).fmt(f),
        Field::Salt if wire.len() == 1 => f.write_str("-"),
        Field::Salt => hex(f, &wire[1..]),
        Field::Hash => f.write_str(&base32hex(&wire[1..])),
        Field::Types => types(f, wire),
        Field::SvcParams => service::print(f, wire),
        Field::Location => location::print(f, wire),
        Field::Prefixes => prefixes::print(f, wire),
        Field::Eui(_) => {
            for (at, byte) in wire.iter().enumerate() {
                write!(f, "{}{byte:02x}", if at > 0 { "-" } else { "" })?;
            }
            Ok(())
        }
    }
}

pub(super) fn hex(f: &mut fmt::Formatter<'_>, wire: &[u8]) -> fmt::Result {
    wire.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
}

/// Base32 with the extended hex alphabet, without padding, in lower case.
fn base32hex(wire: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut text = String::with_capacity(wire.len() * 8 / 5 + 1);
    let (mut bits, mut count) = (0u32, 0);
    for byte in wire {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(DIGITS[(bits >> count & 31) as usize] as char);
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        text.push(DIGITS[(bits << (5 - count) & 31) as usize] as char);
    }
    text
}

/// A string in quotes; what is not printable ASCII as three digits (RFC 1035 §5.1).
pub(super) fn quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", byte as char)?,
            b' '..=b'~' => f.write_char(byte as char)?,
            _ => write!(f, "\\{byte:03}")?,
        }
    }
    f.write_char('"')
}

fn strings(f: &mut fmt::Formatter<'_>, wire: &[u8]) -> fmt::Result {
    let mut rest = wire;
    while let [len, after @ ..] = rest {
        let (string, after) = after.split_at(usize::from(*len));
        quoted(f, string)?;
        if !after.is_empty() {
            f.write_char(' ')?;
        }
        rest = after;
    }
    Ok(())
}

fn types(f: &mut fmt::Formatter<'_>, wire: &[u8]) -> fmt::Result {
    let types = TypeBitmap::from_wire(wire).map_err(|_| fmt::Error)?;
    for (at, rtype) in types.types().iter().enumerate() {
        write!(f, "{}{rtype}", if at > 0 { " " } else { "" })?;
    }
    Ok(())
}

/// `YYYYMMDDHHmmSS` (RFC 4034 §3.2).
fn time(f: &mut fmt::Formatter<'_>, seconds: u64) -> fmt::Result {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{:02}", second % 60)
}
