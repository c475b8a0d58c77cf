//! Bytes in some charset to UTF-8.

use std::borrow::Cow;

use encoding_rs::{Encoding, REPLACEMENT, UTF_8, WINDOWS_1252};

/// Decodes `bytes` that claim to be in the charset called `label`.
///
/// Charsets by any name of the WHATWG Encoding Standard are known. US-ASCII and unknown ones are
/// read as UTF-8 where that is valid, else as windows-1252, which has a character for every byte.
/// What is invalid becomes U+FFFD.
pub fn decode<'a>(label: &[u8], bytes: &'a [u8]) -> Cow<'a, str> {
    let label = label.trim_ascii();
    if label.eq_ignore_ascii_case(b"us-ascii") || label.is_empty() {
        return guess(bytes);
    }
    match Encoding::for_label_no_replacement(label) {
        Some(encoding) if encoding == UTF_8 => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            // The strict check is several times faster than the lossy one, and mostly succeeds.
            std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
        }
        Some(encoding) if encoding == REPLACEMENT => guess(bytes),
        // A byte order mark knows better than a label, above all than plain "utf-16".
        Some(encoding) => encoding.decode(bytes).0,
        None => guess(bytes),
    }
}

/// Decodes bytes of no known charset: UTF-8 if valid, else windows-1252.
pub fn guess(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// Whether `label` names a charset that [`decode`] knows.
pub fn is_known(label: &[u8]) -> bool {
    Encoding::for_label_no_replacement(label.trim_ascii()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets() {
        let table: &[(&[u8], &[u8], &str)] = &[
            (b"utf-8", "gr\u{fc}n".as_bytes(), "grün"),
            (b"UTF-8", b"gr\xfcn", "gr\u{fffd}n"),
            (b"us-ascii", b"gr\xfcn", "grün"),
            (b"us-ascii", "grün".as_bytes(), "grün"),
            (b"iso-8859-1", b"gr\xfcn", "grün"),
            (b"ISO-8859-15", b"\xa4", "€"),
            (b"koi8-r", b"\xf0\xd2", "Пр"),
            (b"iso-2022-jp", b"\x1b$B$3\x1b(B", "こ"),
            (b"shift_jis", b"\x82\xb1", "こ"),
            (b"gb2312", b"\xc4\xe3", "你"),
            (b"big5", b"\xa7A", "你"),
            (b"no-such-set", b"gr\xfcn", "grün"),
            (b"utf-8", b"\xef\xbb\xbfx", "x"),
            (b"utf-16", b"\xfe\xff\0x", "x"),
            (b"utf-16", b"x\0", "x"),
            (b"hz-gb-2312", b"plain", "plain"),
            (b"", b"\xe9", "é"),
        ];
        for (label, bytes, text) in table {
            assert_eq!(decode(label, bytes), *text, "{}", String::from_utf8_lossy(label));
        }
    }
}
