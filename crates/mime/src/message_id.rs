//! Message identifiers (RFC 5322 §3.6.4).

use std::borrow::Cow;
use std::collections::VecDeque;

use memchr::memchr;

use crate::header::bounded;
use crate::limits::MESSAGE_IDS_MAX;
use crate::syntax::{Lexer, is_space};

/// The identifiers in a Message-ID, In-Reply-To or References value, without angle brackets,
/// white space and quoting, in order. Words between them are skipped. Of more than
/// [`MESSAGE_IDS_MAX`], the last.
pub fn parse_list(value: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut ids = VecDeque::new();
    let mut rest = bounded(value);
    while let Some(open) = memchr(b'<', rest) {
        rest = &rest[open + 1..];
        let Some(close) = memchr(b'>', rest) else { break };
        let inner = &rest[..close];
        // "<lost <a@b>": the identifier is the innermost.
        let inner = memchr::memrchr(b'<', inner).map_or(inner, |at| &inner[at + 1..]);
        rest = &rest[close + 1..];
        if inner.iter().all(|b| is_space(*b)) {
            continue;
        }
        if ids.len() == MESSAGE_IDS_MAX {
            ids.pop_front();
        }
        ids.push_back(normal(inner));
    }
    ids.into()
}

/// Without white space, and without quotes around what stands before the `@`: RFC 5256 §3 counts
/// both forms as one identifier.
fn normal(id: &[u8]) -> Cow<'_, [u8]> {
    if !id.iter().any(|b| is_space(*b)) && id.first() != Some(&b'"') {
        return Cow::Borrowed(id);
    }
    let mut bytes: Vec<u8> = id.iter().copied().filter(|b| !is_space(*b)).collect();
    if bytes.first() == Some(&b'"') && memchr::memmem::find(&bytes[1..], b"\"@").is_some() {
        let mut lexer = Lexer::new(&bytes);
        let local = lexer.quoted().into_owned();
        bytes = [&local, lexer.rest()].concat();
    }
    Cow::Owned(bytes)
}

/// The first identifier of a value; see [`parse_list`].
pub fn first(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    parse_list(value).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("<a@b>", &["a@b"]),
            ("<a@b><c@d>\r\n <e@f>", &["a@b", "c@d", "e@f"]),
            ("your letter of <a@b> (x)", &["a@b"]),
            ("<a\r\n @b>", &["a@b"]),
            ("<\"a\"@b> <\"a\\\"b\"@c> <\"open@b>", &["a@b", "a\"b@c", "\"open@b"]),
            ("<> <x", &[]),
            ("<lost <a@b>", &["a@b"]),
        ];
        for (value, expected) in table {
            let ids: Vec<String> =
                parse_list(value.as_bytes()).iter().map(|id| String::from_utf8_lossy(id).into()).collect();
            assert_eq!(ids, *expected, "{value:?}");
        }
        let many = (0..MESSAGE_IDS_MAX + 1).map(|n| format!("<{n}@x>")).collect::<String>();
        let ids = parse_list(many.as_bytes());
        assert_eq!((ids.len(), &*ids[0]), (MESSAGE_IDS_MAX, &b"1@x"[..]));
    }
}
