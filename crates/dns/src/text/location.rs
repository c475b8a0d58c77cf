//! LOC in text (RFC 1876 §3).

use std::fmt;

use super::{TextError, Word};

const WHAT: &str = "a place as 52 22 23.000 N 4 53 32.000 E -2.00m 0m 10000m 10m";
/// Where latitude and longitude are zero (RFC 1876 §2), in thousandths of a second of arc.
const EQUATOR: i64 = 1 << 31;
/// The altitude of zero is this many centimetres above the base (RFC 1876 §2).
const SEA_LEVEL_CM: i64 = 10_000_000;

/// Appends the 16 bytes of version 0.
pub(super) fn parse(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), TextError> {
    let mut words = words;
    let latitude = angle(&mut words, [b'N', b'S'], 90)?;
    let longitude = angle(&mut words, [b'E', b'W'], 180)?;
    let altitude = metres(next(&mut words)?)? + SEA_LEVEL_CM;
    let altitude = u32::try_from(altitude).map_err(|_| TextError::Expected(WHAT))?;
    // RFC 1876 §3: size 1 m, horizontal precision 10 km, vertical precision 10 m.
    let mut sizes = [0x12, 0x16, 0x13];
    for size in &mut sizes {
        if !words.is_empty() {
            *size = exponent(metres(next(&mut words)?)?)?;
        }
    }
    if !words.is_empty() {
        return Err(TextError::Extra);
    }
    out.push(0);
    out.extend_from_slice(&sizes);
    for value in [latitude, longitude, altitude] {
        out.extend_from_slice(&value.to_be_bytes());
    }
    Ok(())
}

fn next<'a>(words: &mut &[Word<'a>]) -> Result<&'a [u8], TextError> {
    let (first, rest) = words.split_first().ok_or(TextError::Missing("a part of the place"))?;
    *words = rest;
    Ok(first.text)
}

/// Degrees, and perhaps minutes and seconds, and the direction.
fn angle(words: &mut &[Word<'_>], [plus, minus]: [u8; 2], degrees_max: i64) -> Result<u32, TextError> {
    let mut total = 0;
    for (unit, most) in [(3_600_000, degrees_max), (60_000, 59), (1000, 59)] {
        let text = next(words)?;
        if let [letter] = text
            && unit < 3_600_000
            && let Some(signed) = signed(*letter, plus, minus, total)
        {
            return finish(signed, degrees_max);
        }
        let thousandths = if unit == 1000 { fixed(text, 3)? } else { fixed(text, 0)? * 1000 };
        if thousandths / 1000 > most {
            return Err(TextError::Expected(WHAT));
        }
        total += thousandths * (unit / 1000);
    }
    match next(words)? {
        [letter] => {
            finish(signed(*letter, plus, minus, total).ok_or(TextError::Expected(WHAT))?, degrees_max)
        }
        _ => Err(TextError::Expected(WHAT)),
    }
}

fn signed(letter: u8, plus: u8, minus: u8, total: i64) -> Option<i64> {
    match letter.to_ascii_uppercase() {
        letter if letter == plus => Some(total),
        letter if letter == minus => Some(-total),
        _ => None,
    }
}

fn finish(thousandths: i64, degrees_max: i64) -> Result<u32, TextError> {
    if thousandths.abs() > degrees_max * 3_600_000 {
        return Err(TextError::Expected(WHAT));
    }
    u32::try_from(thousandths + EQUATOR).map_err(|_| TextError::Expected(WHAT))
}

/// A decimal number with at most `places` digits behind the point, times 10^places.
fn fixed(text: &[u8], places: usize) -> Result<i64, TextError> {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or_default();
    if whole.is_empty() || whole.len() > 9 || fraction.len() > places {
        return Err(TextError::Expected(WHAT));
    }
    let zeros = std::iter::repeat_n(&b'0', places - fraction.len());
    whole.iter().chain(fraction).chain(zeros).try_fold(0i64, |value, digit| {
        if digit.is_ascii_digit() {
            Ok(value * 10 + i64::from(digit - b'0'))
        } else {
            Err(TextError::Expected(WHAT))
        }
    })
}

/// A length with an `m` that may be missing, in centimetres.
fn metres(text: &[u8]) -> Result<i64, TextError> {
    let text = text.strip_suffix(b"m").unwrap_or(text);
    match text.strip_prefix(b"-") {
        Some(text) => Ok(-fixed(text, 2)?),
        None => fixed(text, 2),
    }
}

/// A digit and a power of ten (RFC 1876 §2).
fn exponent(centimetres: i64) -> Result<u8, TextError> {
    if !(0..=9_000_000_000).contains(&centimetres) {
        return Err(TextError::Expected(WHAT));
    }
    let (mut mantissa, mut power) = (centimetres, 0u8);
    while mantissa > 9 {
        mantissa /= 10;
        power += 1;
    }
    Ok((mantissa as u8) << 4 | power)
}

/// Writes all parts of checked bytes.
pub(super) fn print(f: &mut fmt::Formatter<'_>, wire: &[u8]) -> fmt::Result {
    let number =
        |at: usize| i64::from(u32::from_be_bytes([wire[at], wire[at + 1], wire[at + 2], wire[at + 3]]));
    for (at, plus, minus) in [(4, 'N', 'S'), (8, 'E', 'W')] {
        let angle = number(at) - EQUATOR;
        let (direction, angle) = if angle < 0 { (minus, -angle) } else { (plus, angle) };
        let (degrees, minutes, rest) = (angle / 3_600_000, angle / 60_000 % 60, angle % 60_000);
        write!(f, "{degrees} {minutes} {}.{:03} {direction} ", rest / 1000, rest % 1000)?;
    }
    let altitude = number(12) - SEA_LEVEL_CM;
    let sign = if altitude < 0 { "-" } else { "" };
    write!(f, "{sign}{}.{:02}m", altitude.abs() / 100, altitude.abs() % 100)?;
    wire[1..4].iter().try_for_each(|size| {
        let size = i64::from(size >> 4) * 10i64.pow(u32::from(size & 15));
        write!(f, " {}.{:02}m", size / 100, size % 100)
    })
}
