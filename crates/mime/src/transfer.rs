//! Transfer encodings (RFC 2045 §6): base64 and quoted-printable, both ways.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::content::TransferEncoding;

/// Undoes the transfer encoding; bytes of an identity or unknown encoding come as they are.
pub fn decode<'a>(encoding: &TransferEncoding, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    match encoding {
        TransferEncoding::Base64 => Cow::Owned(base64_decode(bytes)),
        TransferEncoding::QuotedPrintable => Cow::Owned(quoted_printable_decode(bytes)),
        _ => Cow::Borrowed(bytes),
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SKIP: u8 = 0x40;
const PAD: u8 = 0x41;

const VALUES: [u8; 256] = {
    let mut table = [SKIP; 256];
    let mut i = 0;
    while i < 64 {
        table[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    // The URL-safe letters (RFC 4648 §5) mean nothing else, so they are taken too.
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table[b'=' as usize] = PAD;
    table
};

/// Decodes base64 (RFC 2045 §6.8). Bytes outside the alphabet are skipped; padding ends a group
/// and decoding goes on behind it, since some programs join encoded pieces.
pub fn base64_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let (mut group, mut count) = (0u32, 0u8);
    let mut at = 0;
    while at < bytes.len() {
        if count == 0
            && let Some(four) = bytes.get(at..at + 4)
        {
            let values = [four[0], four[1], four[2], four[3]].map(|b| VALUES[b as usize]);
            if values.iter().all(|v| *v < SKIP) {
                let [a, b, c, d] = values.map(u32::from);
                let whole = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
                out.extend_from_slice(&whole[1..]);
                at += 4;
                continue;
            }
        }
        match VALUES[bytes[at] as usize] {
            SKIP => {}
            PAD => flush_group(&mut out, &mut group, &mut count),
            value => {
                group = group << 6 | u32::from(value);
                count += 1;
                if count == 4 {
                    flush_group(&mut out, &mut group, &mut count);
                }
            }
        }
        at += 1;
    }
    flush_group(&mut out, &mut group, &mut count);
    out
}

/// Writes the whole bytes of a group of `count` letters and empties it.
fn flush_group(out: &mut Vec<u8>, group: &mut u32, count: &mut u8) {
    if *count >= 2 {
        let shifted = *group << (6 * (4 - u32::from(*count)));
        out.extend_from_slice(&shifted.to_be_bytes()[1..usize::from(*count)]);
    }
    (*group, *count) = (0, 0);
}

/// Encodes in base64 without line ends, padded.
pub fn base64_encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut three = [0u8; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        let letter = |shift: u32| ALPHABET[(group >> shift & 63) as usize];
        let letters = [letter(18), letter(12), letter(6), letter(0)];
        out.extend_from_slice(&letters[..chunk.len() + 1]);
        out.extend(std::iter::repeat_n(b'=', 3 - chunk.len()));
    }
    out
}

/// Encodes in base64 in lines of 76 letters, each with CRLF (RFC 2045 §6.8).
pub fn base64_encode_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 57 * 78 + 80);
    for line in bytes.chunks(57) {
        out.extend_from_slice(&base64_encode(line));
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Decodes quoted-printable (RFC 2045 §6.7). An `=` that starts neither two hexadecimal digits nor
/// a soft line break stands for itself; white space at the end of lines goes, as rule 3 asks.
pub fn quoted_printable_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let Some(at) = memchr2(b'=', b'\n', rest) else {
            out.extend_from_slice(rest);
            return out;
        };
        out.extend_from_slice(&rest[..at]);
        let behind = &rest[at + 1..];
        if rest[at] == b'\n' {
            end_line(&mut out, rest[..at].len());
            rest = behind;
            continue;
        }
        rest = match (behind.first().and_then(hex), behind.get(1).and_then(hex)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                &behind[2..]
            }
            _ => match soft_break_len(behind) {
                Some(len) => &behind[len..],
                None => {
                    out.push(b'=');
                    behind
                }
            },
        };
    }
}

/// Ends a line whose last `plain` bytes were not encoded: only those may be trailing white space.
fn end_line(out: &mut Vec<u8>, plain: usize) {
    let floor = out.len() - plain;
    let crlf = out.len() > floor && out.last() == Some(&b'\r');
    if crlf {
        out.pop();
    }
    while out.len() > floor && matches!(out.last(), Some(b' ' | b'\t')) {
        out.pop();
    }
    out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
}

fn soft_break_len(behind: &[u8]) -> Option<usize> {
    let blank = behind.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    match &behind[blank..] {
        [b'\r', b'\n', ..] => Some(blank + 2),
        [b'\n', ..] => Some(blank + 1),
        [] => Some(blank),
        _ => None,
    }
}

pub(crate) fn hex(digit: &u8) -> Option<u8> {
    char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

pub(crate) const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes text in quoted-printable: CRLF and LF become CRLF, lines are at most 76 long.
pub fn quoted_printable_encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while !rest.is_empty() {
        let (line, next, ended) = match memchr(b'\n', rest) {
            Some(at) => (rest[..at].strip_suffix(b"\r").unwrap_or(&rest[..at]), &rest[at + 1..], true),
            None => (rest, &rest[..0], false),
        };
        encode_line(line, &mut out);
        if ended {
            out.extend_from_slice(b"\r\n");
        }
        rest = next;
    }
    out
}

fn encode_line(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (i, &byte) in line.iter().enumerate() {
        let last = i + 1 == line.len();
        let plain = match byte {
            b'=' => false,
            b' ' | b'\t' => !last,
            // "From " and "." at the start of a line are changed by mailbox files and bad relays.
            b'F' | b'.' if column == 0 => false,
            _ => (b'!'..=b'~').contains(&byte),
        };
        let width = if plain { 1 } else { 3 };
        // The last column is kept for the soft line break.
        if column + width > if last { 76 } else { 75 } {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        match plain {
            true => out.push(byte),
            false => push_hex(byte, out),
        }
        column += width;
    }
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    out.extend([b'=', HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64() {
        let table: &[(&[u8], &[u8])] = &[
            (b"", b""),
            (b"Zg==", b"f"),
            (b"Zm8=", b"fo"),
            (b"Zm9v", b"foo"),
            (b"Zm9vYg", b"foob"),
            (b"Zm\r\n9v Y!g==", b"foob"),
            (b"Zg==Zg==", b"ff"),
            (b"Z", b""),
            (b"====", b""),
            (b"_-8=", b"\xff\xef"),
        ];
        for (encoded, plain) in table {
            assert_eq!(base64_decode(encoded), *plain, "{}", String::from_utf8_lossy(encoded));
        }
        assert_eq!(base64_encode(b"foob"), b"Zm9vYg==");
        assert_eq!(base64_encode_lines(&[0; 58]).iter().filter(|b| **b == b'\n').count(), 2);
    }

    #[test]
    fn quoted_printable() {
        let table: &[(&[u8], &[u8])] = &[
            (b"a=20b", b"a b"),
            (b"a=\r\nb=\nc= \t\r\nd", b"abcd"),
            (b"a  \r\nb\t\nc=20 \r\n", b"a\r\nb\nc \r\n"),
            (b"1=2 =zz =", b"1=2 =zz "),
            (b"=c3=BC", "ü".as_bytes()),
            (b"", b""),
            (b"=0D\nx", b"\r\nx"),
        ];
        for (encoded, plain) in table {
            let got = quoted_printable_decode(encoded);
            assert_eq!(got, *plain, "{}", String::from_utf8_lossy(encoded));
        }
        assert_eq!(quoted_printable_encode("From ü=\n. \r\n".as_bytes()), b"=46rom =C3=BC=3D\r\n=2E=20\r\n");
    }
}
