//! IMAP strings in responses (RFC 9051 §4.3, §9).

use crate::header::unfold;
use crate::limits::QUOTED_LEN_MAX_BYTES;
use crate::word;

/// Writes header text as one line of ASCII: unfolded, other bytes as encoded words.
pub(crate) fn header_text(value: &[u8], out: &mut Vec<u8>) {
    ascii_text(&unfold(value), out);
}

/// Writes text without folding; bytes that are not printable ASCII become encoded words.
pub(crate) fn ascii_text(text: &[u8], out: &mut Vec<u8>) {
    string(&word::encode(text), out);
}

/// Writes header text or NIL.
pub(crate) fn header_text_or_nil(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        Some(value) => header_text(value, out),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Writes a string: quoted if it can be and is not long, else a literal. The empty string is
/// always quoted, because some clients do not read `{0}`. NUL, which neither form can carry
/// (RFC 9051 §9, CHAR8), becomes `?`.
pub(crate) fn string(text: &[u8], out: &mut Vec<u8>) {
    let quotable = |b: &u8| matches!(*b, b' '..=b'~' | b'\t');
    if text.len() <= QUOTED_LEN_MAX_BYTES && text.iter().all(quotable) {
        out.push(b'"');
        let mut rest = text;
        while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
            out.extend_from_slice(&rest[..at]);
            out.extend([b'\\', rest[at]]);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        out.push(b'"');
    } else {
        out.push(b'{');
        number(text.len(), out);
        out.extend_from_slice(b"}\r\n");
        out.extend(text.iter().map(|b| if *b == 0 { b'?' } else { *b }));
    }
}

/// Writes a decimal number.
pub(crate) fn number(value: usize, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        let long = "x".repeat(QUOTED_LEN_MAX_BYTES + 1);
        let long_literal = format!("{{{}}}\r\n{long}", long.len());
        let table: &[(&str, &str)] = &[
            ("", "\"\""),
            ("a \"b\\", "\"a \\\"b\\\\\""),
            ("a\r\nb", "{4}\r\na\r\nb"),
            ("a\0b", "{3}\r\na?b"),
            (&long, &long_literal),
        ];
        for (text, expected) in table {
            let mut out = Vec::new();
            string(text.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), *expected);
        }
        let mut out = Vec::new();
        header_text(" gr\u{fc}n\r\n x\0 ".as_bytes(), &mut out);
        assert_eq!(out, b"\"=?utf-8?q?gr=C3=BCn_x=00?=\"");
        out.clear();
        [0, 9, 10, 4_294_967_296].into_iter().for_each(|n| number(n, &mut out));
        assert_eq!(out, b"09104294967296");
    }
}
