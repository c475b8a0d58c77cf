//! Lexical pieces of structured fields (RFC 5322 §3.2), read tolerantly and in linear time.

use std::borrow::Cow;

use crate::header::bounded;

/// A place in a structured value. Folding is white space here, so values come as they are.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Lexer<'a> {
        Lexer { bytes: bounded(value), at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(crate) fn bump(&mut self) {
        self.at = (self.at + 1).min(self.bytes.len());
    }

    /// Takes `byte` if it comes next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    /// Takes bytes as long as `wanted` says so.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().position(|b| !wanted(*b)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// Skips white space and comments (RFC 5322 §3.2.2); the text of the last comment, if any.
    pub(crate) fn skip_cfws(&mut self) -> Option<Cow<'a, [u8]>> {
        let mut last = None;
        loop {
            self.take_while(is_space);
            if self.peek() != Some(b'(') {
                return last;
            }
            last = Some(self.comment());
        }
    }

    /// Takes the comment that starts here; nested ones stay in its text. One that is never closed
    /// ends with the value.
    fn comment(&mut self) -> Cow<'a, [u8]> {
        self.bump();
        let start = self.at;
        let (mut depth, mut escaped) = (1usize, false);
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => {
                    escaped = true;
                    self.bump();
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            self.bump();
        }
        let text = self.slice(start, self.at);
        self.bump();
        unquote(text, escaped)
    }

    /// Takes the quoted string that starts here (RFC 5322 §3.2.4), without quotes and backslashes.
    pub(crate) fn quoted(&mut self) -> Cow<'a, [u8]> {
        self.bump();
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.rest();
            match memchr::memchr2(b'"', b'\\', rest) {
                None => {
                    self.at = self.bytes.len();
                    break;
                }
                Some(found) if rest[found] == b'"' => {
                    self.at += found;
                    break;
                }
                Some(found) => {
                    escaped = true;
                    self.at = (self.at + found + 2).min(self.bytes.len());
                }
            }
        }
        let text = self.slice(start, self.at);
        self.bump();
        unquote(text, escaped)
    }
}

/// Drops the backslashes of quoted pairs and the line ends of folding.
fn unquote(text: &[u8], escaped: bool) -> Cow<'_, [u8]> {
    if !escaped && memchr::memchr(b'\n', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            b'\r' if bytes.peek() == Some(&b'\n') => {}
            b'\n' => {}
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_quoted_strings() {
        type Case = (&'static [u8], Option<&'static [u8]>, &'static [u8]);
        let table: &[Case] = &[
            (b"  x", None, b"x"),
            (b" (a) (b (c)\\)) x", Some(b"b (c))"), b"x"),
            (b"(open (never", Some(b"open (never"), b""),
            (b"(trail\\", Some(b"trail"), b""),
        ];
        for (input, comment, rest) in table {
            let mut lexer = Lexer::new(input);
            assert_eq!(lexer.skip_cfws().as_deref(), *comment);
            assert_eq!(lexer.rest(), *rest);
        }
        let table: &[(&[u8], &[u8], &[u8])] = &[
            (b"\"a b\"c", b"a b", b"c"),
            (b"\"a\\\"b\\\\\"", b"a\"b\\", b""),
            (b"\"a\r\n b\"", b"a b", b""),
            (b"\"open", b"open", b""),
            (b"\"open\\", b"open", b""),
        ];
        for (input, text, rest) in table {
            let mut lexer = Lexer::new(input);
            assert_eq!(&*lexer.quoted(), *text);
            assert_eq!(lexer.rest(), *rest);
        }
    }
}
