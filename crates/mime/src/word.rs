//! Encoded words (RFC 2047): non-ASCII text in header fields.

use std::borrow::Cow;

use memchr::memmem;

use crate::charset;
use crate::header::unfold;
use crate::syntax::is_space;
use crate::transfer::{HEX_DIGITS, base64_decode, base64_encode, hex};

/// Longest encoded word (RFC 2047 §2).
const WORD_LEN_MAX_BYTES: usize = 75;

/// Unfolds a value and decodes its encoded words. White space between two of them goes (§6.2);
/// neighbours in one charset are decoded as one text, since some programs cut characters in two.
/// Raw bytes are UTF-8 if valid, else windows-1252. What is not well formed stays as it is.
pub fn decode(value: &[u8]) -> Cow<'_, str> {
    match unfold(value) {
        Cow::Borrowed(text) if memmem::find(text, b"=?").is_none() => charset::guess(text),
        text => Cow::Owned(decode_line(&text)),
    }
}

fn decode_line(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = Run::default();
    let mut rest = text;
    while let Some(at) = memmem::find(rest, b"=?") {
        let Some((word, len)) = EncodedWord::parse(&rest[at..]) else {
            run.plain(&rest[..at + 2], &mut out);
            rest = &rest[at + 2..];
            continue;
        };
        let between = &rest[..at];
        if !(run.open && between.iter().all(|b| is_space(*b))) {
            run.plain(between, &mut out);
        }
        run.word(&word, &mut out);
        rest = &rest[at + len..];
    }
    run.plain(rest, &mut out);
    out
}

/// Encoded words of one charset that follow each other.
#[derive(Default)]
struct Run {
    charset: Vec<u8>,
    bytes: Vec<u8>,
    open: bool,
}

impl Run {
    fn word(&mut self, word: &EncodedWord<'_>, out: &mut String) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.close(out);
            self.charset = word.charset.to_vec();
        }
        word.decode_into(&mut self.bytes);
        self.open = true;
    }

    fn plain(&mut self, text: &[u8], out: &mut String) {
        if !text.is_empty() {
            self.close(out);
            out.push_str(&charset::guess(text));
        }
        if text.is_empty() && self.open {
            self.close(out);
        }
    }

    fn close(&mut self, out: &mut String) {
        if self.open {
            out.push_str(&charset::decode(&self.charset, &self.bytes));
        }
        self.bytes.clear();
        self.charset.clear();
        self.open = false;
    }
}

struct EncodedWord<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
}

impl<'a> EncodedWord<'a> {
    /// The word at the start of `rest`, which begins with `=?`, and its length. The text may hold
    /// spaces, which §2 forbids and programs write.
    fn parse(rest: &'a [u8]) -> Option<(EncodedWord<'a>, usize)> {
        let inner = &rest[2..];
        let charset_len = inner.iter().take(64).position(|b| *b == b'?')?;
        let label = &inner[..charset_len];
        if label.is_empty() || label.iter().any(|b| is_space(*b) || *b == b'=') {
            return None;
        }
        let base64 = match inner.get(charset_len + 1..charset_len + 3)? {
            [b'B' | b'b', b'?'] => true,
            [b'Q' | b'q', b'?'] => false,
            _ => return None,
        };
        let text = &inner[charset_len + 3..];
        let end = text.iter().position(|b| *b == b'?')?;
        // A "?" inside Q text is forbidden and seen: the end is the first "?=" then.
        let end = if text.get(end + 1) == Some(&b'=') {
            end
        } else {
            memmem::find(&text[..text.len().min(1000)], b"?=")?
        };
        // RFC 2231 §5: a language may follow the charset behind a star.
        let label = label.split(|b| *b == b'*').next().unwrap_or(label);
        Some((EncodedWord { charset: label, base64, text: &text[..end] }, charset_len + end + 7))
    }

    fn decode_into(&self, out: &mut Vec<u8>) {
        if self.base64 {
            out.extend(base64_decode(self.text));
            return;
        }
        let mut rest = self.text;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            match byte {
                b'_' => out.push(b' '),
                b'=' => match (behind.first().and_then(hex), behind.get(1).and_then(hex)) {
                    (Some(high), Some(low)) => {
                        out.push(high << 4 | low);
                        rest = &behind[2..];
                    }
                    _ => out.push(b'='),
                },
                _ => out.push(byte),
            }
        }
    }
}

/// True if `text` can stand in a header only as encoded words.
pub fn needs_encoding(text: &[u8]) -> bool {
    text.iter().any(|b| !(b' '..=b'~').contains(b) && *b != b'\t')
}

/// Makes header text pure ASCII: words that hold other bytes become encoded words in UTF-8 (a
/// run of such words is one text, with the spaces between them), the others stay. Controls other
/// than tab are encoded too, so the result is one line of printable characters and tabs.
pub fn encode(text: &[u8]) -> Cow<'_, [u8]> {
    if !needs_encoding(text) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() * 3);
    let mut rest = text;
    while let Some((plain, run, behind)) = next_run(rest) {
        out.extend_from_slice(plain);
        encode_run(&charset::guess(run), &mut out);
        rest = behind;
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// All of a text as encoded words.
pub(crate) fn encode_all(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2 + 24);
    encode_run(text, &mut out);
    out
}

/// Text before the next run of words that need encoding, the run, and what is behind it.
fn next_run(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let is_gap = |b: &u8| matches!(b, b' ' | b'\t');
    let bad = text.iter().position(|b| !(b' '..=b'~').contains(b) && *b != b'\t')?;
    let start = text[..bad].iter().rposition(is_gap).map_or(0, |at| at + 1);
    let mut end = bad;
    let mut at = bad;
    while at < text.len() {
        let word_end = text[at..].iter().position(is_gap).map_or(text.len(), |len| at + len);
        if needs_encoding(&text[at..word_end]) {
            end = word_end;
        } else if word_end > at {
            break;
        }
        at = word_end + 1;
    }
    Some((&text[..start], &text[start..end], &text[end..]))
}

/// Writes one text as encoded words with single spaces between them; characters stay whole (§5).
fn encode_run(text: &str, out: &mut Vec<u8>) {
    let plain = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    let base64 = text.len() > plain * 3;
    let room = WORD_LEN_MAX_BYTES - "=?utf-8?q??=".len();
    let width = |c: char| match c {
        _ if base64 => c.len_utf8() * 4,
        _ if c.is_ascii_alphanumeric() || c == ' ' => 3,
        _ => c.len_utf8() * 9,
    };
    // Widths are thirds of a letter, because three bytes make four letters of base64.
    let room = if base64 { (room / 4 * 4) * 3 } else { room * 3 };
    let (mut start, mut used) = (0, 0);
    for (at, c) in text.char_indices() {
        if used + width(c) > room {
            encode_word(&text[start..at], base64, out);
            out.push(b' ');
            (start, used) = (at, 0);
        }
        used += width(c);
    }
    encode_word(&text[start..], base64, out);
}

fn encode_word(text: &str, base64: bool, out: &mut Vec<u8>) {
    if base64 {
        out.extend_from_slice(b"=?utf-8?b?");
        out.extend(base64_encode(text.as_bytes()));
    } else {
        out.extend_from_slice(b"=?utf-8?q?");
        for byte in text.bytes() {
            match byte {
                b' ' => out.push(b'_'),
                _ if byte.is_ascii_alphanumeric() => out.push(byte),
                _ => {
                    out.extend([b'=', HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 15)]])
                }
            }
        }
    }
    out.extend_from_slice(b"?=");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_decoded() {
        let table: &[(&str, &str)] = &[
            ("plain", "plain"),
            ("raw grün", "raw grün"),
            ("=?utf-8?q?gr=C3=BCn?=", "grün"),
            ("=?UTF-8?B?Z3LDvG4=?= x", "grün x"),
            ("a =?utf-8?q?b?= c", "a b c"),
            ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
            ("=?utf-8?q?a?=\r\n =?utf-8?q?_b?=", "a b"),
            ("=?utf-8?q?a?= =?iso-8859-1?q?=FC?=", "aü"),
            ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
            ("=?utf-8?q?a?= and =?utf-8?q?b?=", "a and b"),
            ("=?iso-8859-1*de?q?=FC?=", "ü"),
            ("=?no-such?q?=C3=BC?=", "ü"),
            ("=?utf-8?q?with space?=", "with space"),
            ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
            ("=?utf-8?q?open", "=?utf-8?q?open"),
            ("=?", "=?"),
            ("=??q?a?=", "=??q?a?="),
            ("=?utf-8?q?a?b?=", "a?b"),
            ("=?utf-8?q?=zz?=", "=zz"),
            ("=?utf-8?q??=x", "x"),
        ];
        for (value, text) in table {
            assert_eq!(decode(value.as_bytes()), *text, "{value:?}");
        }
        assert_eq!(decode(b"gr\xfcn"), "grün");
    }

    #[test]
    fn text_is_encoded_word_by_word_and_comes_back() {
        let table: &[(&str, &str)] = &[
            ("plain =?x", "plain =?x"),
            ("a grün b", "a =?utf-8?q?gr=C3=BCn?= b"),
            ("über grün x", "=?utf-8?q?=C3=BCber_gr=C3=BCn?= x"),
            ("日本", "=?utf-8?b?5pel5pys?="),
            ("a\u{7}b c", "=?utf-8?q?a=07b?= c"),
        ];
        for (text, expected) in table {
            assert_eq!(String::from_utf8_lossy(&encode(text.as_bytes())), *expected);
        }
        let long = "Müller und Söhne ".repeat(30) + &"語".repeat(100);
        let encoded = encode(long.as_bytes());
        assert!(encoded.split(|b| *b == b' ').all(|word| word.len() <= WORD_LEN_MAX_BYTES));
        assert_eq!(decode(&encoded), long);
    }
}
