//! Service parameters of SVCB and HTTPS in text (RFC 9460 §2.1, App. A).

use std::fmt::{self, Display as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use super::parse::number;
use super::print::quoted;
use super::{TextError, Word, unescape_into};
use crate::rdata::svcb::{
    ALPN, DOHPATH, ECH, IPV4HINT, IPV6HINT, KEYS, MANDATORY, NO_DEFAULT_ALPN, OHTTP, PORT, params,
};

/// Appends the parameters that `words` write, sorted by key: the order in text is free.
pub(super) fn parse(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), TextError> {
    let mut found: Vec<(u16, Vec<u8>)> = Vec::new();
    for word in words {
        let split = word.text.iter().position(|byte| *byte == b'=');
        let (name, value) = match split {
            Some(at) => (&word.text[..at], Some(&word.text[at + 1..])),
            None => (word.text, None),
        };
        let key = key(name)?;
        let mut bytes = Vec::new();
        let value =
            value.map(|value| value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value));
        unescape_into(value.unwrap_or_default(), &mut bytes)?;
        found.push((key, wire_value(key, &bytes)?));
    }
    found.sort_by_key(|(key, _)| *key);
    for (key, value) in found {
        let len = u16::try_from(value.len()).map_err(|_| TextError::StringTooLong)?;
        out.extend_from_slice(&key.to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&value);
    }
    Ok(())
}

fn key(name: &[u8]) -> Result<u16, TextError> {
    if let Some((key, _)) = KEYS.iter().find(|(_, text)| text.as_bytes() == name) {
        return Ok(*key);
    }
    match name.strip_prefix(b"key") {
        // §2.1: no leading zeros.
        Some(digits) if digits == b"0" || digits.first().is_some_and(|digit| *digit != b'0') => {
            number(digits, "a service parameter")
        }
        _ => Err(TextError::Expected("a service parameter")),
    }
}

fn wire_value(key: u16, text: &[u8]) -> Result<Vec<u8>, TextError> {
    let mut out = Vec::new();
    match key {
        MANDATORY => {
            let mut keys = text.split(|byte| *byte == b',').map(self::key).collect::<Result<Vec<_>, _>>()?;
            keys.sort_unstable();
            keys.iter().for_each(|key| out.extend_from_slice(&key.to_be_bytes()));
        }
        ALPN => {
            for item in value_list(text)? {
                out.push(u8::try_from(item.len()).map_err(|_| TextError::StringTooLong)?);
                out.extend_from_slice(&item);
            }
        }
        PORT => out.extend_from_slice(&number::<u16>(text, "a port")?.to_be_bytes()),
        IPV4HINT => {
            for item in text.split(|byte| *byte == b',') {
                out.extend_from_slice(&address::<Ipv4Addr>(item)?.octets());
            }
        }
        IPV6HINT => {
            for item in text.split(|byte| *byte == b',') {
                out.extend_from_slice(&address::<Ipv6Addr>(item)?.octets());
            }
        }
        ECH => STANDARD.decode_vec(text, &mut out).map_err(|_| TextError::Expected("base64"))?,
        _ => out.extend_from_slice(text),
    }
    Ok(out)
}

fn address<T: std::str::FromStr>(text: &[u8]) -> Result<T, TextError> {
    const WHAT: &str = "addresses with commas between";
    let text = std::str::from_utf8(text).map_err(|_| TextError::Expected(WHAT))?;
    text.parse().map_err(|_| TextError::Expected(WHAT))
}

/// App. A.1: items between commas; a backslash, left over from the escapes of the string, takes the next
/// byte as it is.
fn value_list(text: &[u8]) -> Result<Vec<Vec<u8>>, TextError> {
    let mut items = vec![Vec::new()];
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let last = items.len() - 1;
        match byte {
            b',' => items.push(Vec::new()),
            b'\\' => items[last].push(*bytes.next().ok_or(TextError::BadEscape)?),
            byte => items[last].push(byte),
        }
    }
    Ok(items)
}

/// Writes the parameters of checked bytes.
pub(super) fn print(f: &mut fmt::Formatter<'_>, wire: &[u8]) -> fmt::Result {
    for (at, (key, value)) in params(wire).enumerate() {
        if at > 0 {
            f.write_char(' ')?;
        }
        print_key(f, key)?;
        if !(value.is_empty() && matches!(key, NO_DEFAULT_ALPN | OHTTP)) {
            print_value(f, key, value)?;
        }
    }
    Ok(())
}

fn print_key(f: &mut fmt::Formatter<'_>, key: u16) -> fmt::Result {
    match KEYS.iter().find(|(known, _)| *known == key) {
        Some((_, text)) => f.write_str(text),
        None => write!(f, "key{key}"),
    }
}

fn print_value(f: &mut fmt::Formatter<'_>, key: u16, value: &[u8]) -> fmt::Result {
    f.write_char('=')?;
    match key {
        MANDATORY => separated(f, value.chunks_exact(2), |f, pair| {
            print_key(f, u16::from_be_bytes([pair[0], pair[1]]))
        }),
        ALPN => quoted(f, &alpn_text(value)),
        PORT => write!(f, "{}", u16::from_be_bytes([value[0], value[1]])),
        IPV4HINT => separated(f, value.chunks_exact(4), |f, bytes| {
            Ipv4Addr::from(<[u8; 4]>::try_from(bytes).map_err(|_| fmt::Error)?).fmt(f)
        }),
        IPV6HINT => separated(f, value.chunks_exact(16), |f, bytes| {
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).map_err(|_| fmt::Error)?).fmt(f)
        }),
        ECH => fmt::Display::fmt(&Base64Display::new(value, &STANDARD), f),
        DOHPATH => quoted(f, value),
        _ => quoted(f, value),
    }
}

fn separated<'a>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = &'a [u8]>,
    mut print: impl FnMut(&mut fmt::Formatter<'_>, &'a [u8]) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.enumerate() {
        if at > 0 {
            f.write_char(',')?;
        }
        print(f, item)?;
    }
    Ok(())
}

fn alpn_text(value: &[u8]) -> Vec<u8> {
    let (mut text, mut rest) = (Vec::new(), value);
    while let [len, after @ ..] = rest {
        let (item, after) = after.split_at(usize::from(*len));
        if !text.is_empty() {
            text.push(b',');
        }
        for &byte in item {
            if matches!(byte, b',' | b'\\') {
                text.push(b'\\');
            }
            text.push(byte);
        }
        rest = after;
    }
    text
}
