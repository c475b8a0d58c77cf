//! From words to wire form, field by field.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{TextError, Word, location, prefixes, service, unescape_into};
use crate::code::{RecordType, Ttl};
use crate::name::{NAME_LEN_MAX_BYTES, Name, NameError, parse_labels};
use crate::rdata::{self, Field, RDATA_LEN_MAX_BYTES, RDataError, TypeBitmap, schema};

/// Algorithms by name (RFC 4034 App. A.1 and the IANA registry).
pub(super) const ALGORITHMS: &[(u8, &str)] = &[
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (5, "RSASHA1"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

/// Kinds of certificates by name (RFC 4398 §2.1).
const CERT_TYPES: &[(u16, &str)] = &[
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPKIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];

/// Appends the wire form of the data that `words` write; checked.
pub(crate) fn parse_data(
    rtype: RecordType,
    words: &[Word<'_>],
    origin: Option<&Name>,
    out: &mut Vec<u8>,
) -> Result<(), TextError> {
    let start = out.len();
    match (words, schema(rtype)) {
        ([Word { text: br"\#", quoted: false }, rest @ ..], _) => generic(rest, out)?,
        (_, None) => return Err(TextError::Expected(r"\#, the length and hexadecimal digits")),
        (_, Some(schema)) => {
            let mut rest = words;
            for field in schema.fields {
                parse_field(*field, &mut rest, origin, out)?;
            }
            if !rest.is_empty() {
                return Err(TextError::Extra);
            }
        }
    }
    if out.len() - start > RDATA_LEN_MAX_BYTES {
        return Err(TextError::Data(RDataError::Invalid("over 65535 bytes")));
    }
    Ok(rdata::check(rtype, &out[start..])?)
}

/// RFC 3597 §5.
fn generic(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), TextError> {
    let (first, rest) = words.split_first().ok_or(TextError::Missing("the length"))?;
    let len: u16 = number(first.text, "the length in bytes")?;
    let start = out.len();
    hex_words(rest, out)?;
    if out.len() - start != usize::from(len) {
        return Err(TextError::Expected("as many bytes as the length says"));
    }
    Ok(())
}

fn parse_field(
    field: Field,
    words: &mut &[Word<'_>],
    origin: Option<&Name>,
    out: &mut Vec<u8>,
) -> Result<(), TextError> {
    match field {
        Field::Hex(_) => hex_words(std::mem::take(words), out),
        Field::Base64(_) => base64_words(std::mem::take(words), out),
        Field::Types => types(std::mem::take(words), out),
        Field::SvcParams => service::parse(std::mem::take(words), out),
        Field::Location => location::parse(std::mem::take(words), out),
        Field::Prefixes => prefixes::parse(std::mem::take(words), out),
        Field::CharStrings => {
            if words.is_empty() {
                return Err(TextError::Missing("a string"));
            }
            std::mem::take(words).iter().try_for_each(|word| string(word.text, out))
        }
        field => {
            let (word, rest) = words.split_first().ok_or(TextError::Missing(what(field)))?;
            *words = rest;
            one_word(field, *word, origin, out)
        }
    }
}

fn what(field: Field) -> &'static str {
    match field {
        Field::Name => "a name",
        Field::Ipv4 => "an IPv4 address",
        Field::Ipv6 => "an IPv6 address",
        Field::CharString | Field::Text | Field::TextOrEmpty => "a string",
        Field::Tag => "a tag",
        Field::Type => "a type",
        Field::Time => "a time",
        Field::Salt => "a salt",
        Field::Hash => "a hash",
        _ => "a number",
    }
}

fn one_word(field: Field, word: Word<'_>, origin: Option<&Name>, out: &mut Vec<u8>) -> Result<(), TextError> {
    let text = word.text;
    match field {
        Field::U8 => out.push(number(text, "a number up to 255")?),
        Field::U16 => out.extend_from_slice(&number::<u16>(text, "a number up to 65535")?.to_be_bytes()),
        Field::U32 => out.extend_from_slice(&number::<u32>(text, "a number of 32 bits")?.to_be_bytes()),
        Field::Period => {
            // RFC 2181 §8 speaks of TTLs; the times of SOA are of the same kind and range.
            let seconds = period(text).filter(|seconds| *seconds <= Ttl::MAX.seconds());
            let seconds = seconds.ok_or(TextError::Expected("seconds below 2^31, or a time like 1h30m"))?;
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        Field::Time => out.extend_from_slice(&time(text)?.to_be_bytes()),
        Field::Type => out.extend_from_slice(&rtype(text)?.0.to_be_bytes()),
        Field::Algorithm => out.push(named(text, ALGORITHMS, "an algorithm")?),
        Field::CertType => {
            out.extend_from_slice(&named(text, CERT_TYPES, "a kind of certificate")?.to_be_bytes())
        }
        Field::Ipv4 => {
            let address: Ipv4Addr = parsed(text, "an IPv4 address")?;
            out.extend_from_slice(&address.octets());
        }
        Field::Ipv6 => {
            let address: Ipv6Addr = parsed(text, "an IPv6 address")?;
            out.extend_from_slice(&address.octets());
        }
        Field::Name => name(text, origin, out)?,
        Field::CharString | Field::Tag => string(text, out)?,
        Field::Text | Field::TextOrEmpty if text.len() > 4 * RDATA_LEN_MAX_BYTES => {
            return Err(TextError::StringTooLong);
        }
        Field::Text | Field::TextOrEmpty => unescape_into(text, out)?,
        Field::Salt if text == b"-" => out.push(0),
        Field::Salt => counted(out, |out| hex_words(&[word], out))?,
        Field::Hash => counted(out, |out| base32hex(text, out))?,
        Field::Eui(len) => eui(text, len, out)?,
        _ => return Err(TextError::Extra),
    }
    Ok(())
}

/// Appends what `write` writes, with a length byte before it.
fn counted(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), TextError>,
) -> Result<(), TextError> {
    let start = out.len();
    out.push(0);
    write(out)?;
    let len = u8::try_from(out.len() - start - 1).map_err(|_| TextError::StringTooLong)?;
    out[start] = len;
    Ok(())
}

fn string(text: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
    // An escape writes one byte in four: longer text is too long whatever it says.
    if text.len() > 4 * 255 {
        return Err(TextError::StringTooLong);
    }
    counted(out, |out| unescape_into(text, out))
}

fn name(text: &[u8], origin: Option<&Name>, out: &mut Vec<u8>) -> Result<(), TextError> {
    if text == b"@" {
        out.extend_from_slice(origin.ok_or(NameError::NoOrigin)?.as_wire());
        return Ok(());
    }
    let mut buf = [0u8; NAME_LEN_MAX_BYTES];
    let (len, absolute) = parse_labels(text, &mut buf)?;
    out.extend_from_slice(&buf[..len]);
    if !absolute {
        let origin = origin.ok_or(NameError::NoOrigin)?.as_wire();
        if len + origin.len() > NAME_LEN_MAX_BYTES {
            return Err(NameError::NameTooLong.into());
        }
        out.extend_from_slice(origin);
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(text: &[u8], what: &'static str) -> Result<T, TextError> {
    let text = std::str::from_utf8(text).map_err(|_| TextError::Expected(what))?;
    text.parse().map_err(|_| TextError::Expected(what))
}

pub(super) fn number<T: TryFrom<u64>>(text: &[u8], what: &'static str) -> Result<T, TextError> {
    let mut value = 0u64;
    if text.is_empty() || text.len() > 10 {
        return Err(TextError::Expected(what));
    }
    for digit in text {
        if !digit.is_ascii_digit() {
            return Err(TextError::Expected(what));
        }
        value = value * 10 + u64::from(digit - b'0');
    }
    T::try_from(value).map_err(|_| TextError::Expected(what))
}

fn named<T: Copy + TryFrom<u64>>(
    text: &[u8],
    names: &[(T, &str)],
    what: &'static str,
) -> Result<T, TextError> {
    match names.iter().find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(text)) {
        Some((value, _)) => Ok(*value),
        None => number(text, what),
    }
}

pub(super) fn rtype(text: &[u8]) -> Result<RecordType, TextError> {
    parsed(text, "a type")
}

/// Seconds, or numbers with units: `1w2d3h4m5s` in any order; `None` if it is neither, or over 32 bits.
pub(crate) fn period(text: &[u8]) -> Option<u32> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let (mut total, mut value, mut digits) = (0u64, 0u64, 0);
    for &byte in text {
        let unit = match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                digits += 1;
                if digits > 10 {
                    return None;
                }
                continue;
            }
            b's' | b'S' => 1,
            b'm' | b'M' => 60,
            b'h' | b'H' => 3600,
            b'd' | b'D' => 86_400,
            b'w' | b'W' => 604_800,
            _ => return None,
        };
        if digits == 0 {
            return None;
        }
        total = total.saturating_add(value * unit);
        (value, digits) = (0, 0);
    }
    u32::try_from(total.saturating_add(value)).ok()
}

/// `YYYYMMDDHHmmSS`, or seconds since 1970 (RFC 4034 §3.2).
fn time(text: &[u8]) -> Result<u32, TextError> {
    const WHAT: &str = "a time as YYYYMMDDHHmmSS";
    if text.len() != 14 {
        return number(text, WHAT);
    }
    let part = |from: usize, to: usize| number::<u32>(&text[from..to], WHAT);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, 28 + u32::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month_len = days.get((month as usize).wrapping_sub(1)).copied().unwrap_or(0);
    // A last second of 60 is a leap second; 2106 is where 32 bits end.
    if !(1970..=2106).contains(&year)
        || !(1..=month_len).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return Err(TextError::Expected(WHAT));
    }
    let before = |year: u32| (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let day_of_year: u32 = days[..month as usize - 1].iter().sum::<u32>() + day - 1;
    let days = u64::from(before(year) - before(1970) + day_of_year);
    let seconds = days * 86_400 + u64::from(hour * 3600 + minute * 60 + second);
    u32::try_from(seconds).map_err(|_| TextError::Expected(WHAT))
}

pub(super) fn hex_words(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), TextError> {
    const WHAT: &str = "pairs of hexadecimal digits";
    let mut high = None;
    for &byte in words.iter().flat_map(|word| word.text) {
        let digit = (byte as char).to_digit(16).ok_or(TextError::Expected(WHAT))? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => out.push(high << 4 | digit),
        }
    }
    if high.is_some() { Err(TextError::Expected(WHAT)) } else { Ok(()) }
}

fn base64_words(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), TextError> {
    let joined;
    let text = match words {
        [one] => one.text,
        words => {
            joined = words.iter().flat_map(|word| word.text).copied().collect::<Vec<u8>>();
            &joined
        }
    };
    STANDARD.decode_vec(text, out).map_err(|_| TextError::Expected("base64"))
}

/// Base32 with the extended hex alphabet, without padding (RFC 4648 §7, RFC 5155 §3.3).
pub(super) fn base32hex(text: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
    const WHAT: &str = "base32 with the extended hex alphabet";
    let (mut bits, mut count) = (0u32, 0);
    for &byte in text {
        let digit = (byte as char).to_digit(32).ok_or(TextError::Expected(WHAT))?;
        bits = bits << 5 | digit;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    if bits == 0 && count < 5 { Ok(()) } else { Err(TextError::Expected(WHAT)) }
}

fn types(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), TextError> {
    let types = words.iter().map(|word| rtype(word.text)).collect::<Result<TypeBitmap, _>>()?;
    out.extend_from_slice(&types.to_wire());
    Ok(())
}

fn eui(text: &[u8], len: u8, out: &mut Vec<u8>) -> Result<(), TextError> {
    const WHAT: &str = "pairs of hexadecimal digits with hyphens between";
    let mut count = 0;
    for pair in text.split(|byte| *byte == b'-') {
        if pair.len() != 2 {
            return Err(TextError::Expected(WHAT));
        }
        hex_words(&[Word { text: pair, quoted: false }], out)?;
        count += 1;
    }
    if count == len { Ok(()) } else { Err(TextError::Expected(WHAT)) }
}
