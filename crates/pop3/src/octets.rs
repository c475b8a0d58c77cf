//! The form in which messages are sent, and how long they are in it: LIST and STAT must tell just what RETR
//! sends (RFC 1939 §11), so both come from here.

use crate::sending::header_end;
use crate::surrogate::surrogate;
use memchr::memchr_iter;
use std::borrow::Cow;

/// How long a message is, dot-stuffing and the last dot not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// In octets, with every line ended by CRLF, the last one too.
    pub octets: u64,
    /// In octets, of the [surrogate](mod@crate::surrogate), if the header has bytes outside of ASCII.
    pub surrogate_octets: Option<u64>,
}

/// How long a message is when it is sent.
///
/// - `content`: the message as it is kept, whatever its line ends.
pub fn sizes(content: &[u8]) -> Sizes {
    let octets = (content.len() + missing(content)) as u64;
    let is_plain = content[..header_end(content)].is_ascii();
    let surrogate_octets = (!is_plain).then(|| surrogate(&lines_of(content)).len() as u64);
    Sizes { octets, surrogate_octets }
}

/// The message with every line ended by CRLF, the last one too. SMTP brings messages so; other ways bring LF
/// alone (IMAP clients that file messages) or no line end at the end (BDAT, RFC 3030).
pub fn canonical(content: Vec<u8>) -> Vec<u8> {
    match lines_of(&content) {
        Cow::Borrowed(_) => content,
        Cow::Owned(whole) => whole,
    }
}

/// What RETR sends of a message in its [`canonical`] form, if that is another one: without UTF8, what is not
/// ASCII must not be sent as it is (RFC 6856 §2.1).
pub(crate) fn stand_in(message: &[u8], utf8: bool) -> Option<Vec<u8>> {
    (!utf8 && !message[..header_end(message)].is_ascii()).then(|| surrogate(message))
}

/// How many octets the line ends lack.
fn missing(content: &[u8]) -> usize {
    let Some(last) = content.last() else { return 0 };
    let ends = memchr_iter(b'\n', content);
    let bare = ends.filter(|end| end.checked_sub(1).is_none_or(|before| content[before] != b'\r')).count();
    bare + if *last == b'\n' { 0 } else { 2 }
}

fn lines_of(content: &[u8]) -> Cow<'_, [u8]> {
    let missing = missing(content);
    if missing == 0 {
        return Cow::Borrowed(content);
    }
    let mut whole = Vec::with_capacity(content.len() + missing);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let text = match line.strip_suffix(b"\n") {
            Some(text) => text.strip_suffix(b"\r").unwrap_or(text),
            None => line,
        };
        whole.extend_from_slice(text);
        whole.extend_from_slice(b"\r\n");
    }
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_made_whole() {
        for (content, expected) in [
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\nb", "a\r\nb\r\n"),
            ("\n\r\n\n", "\r\n\r\n\r\n"),
            ("a\r", "a\r\r\n"),
            ("a\r\r\n", "a\r\r\n"),
            ("", ""),
        ] {
            assert_eq!(canonical(content.into()), expected.as_bytes());
            assert_eq!(sizes(content.as_bytes()).octets, expected.len() as u64, "{content:?}");
        }
    }

    #[test]
    fn a_line_of_spaces_does_not_end_the_header() {
        let message = "A: b\r\n \r\nSubject: gr\u{fc}n\r\n\r\nbody\r\n".as_bytes();
        let shown = stand_in(message, false).unwrap();
        assert_eq!(sizes(message).surrogate_octets, Some(shown.len() as u64));
        assert_eq!(stand_in(message, true), None);
    }
}
