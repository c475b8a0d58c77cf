//! Text to search in: decoded, folded, bounded.

use std::borrow::Cow;

use crate::address::{self, Entry};
use crate::date::Date;
use crate::header::Headers;
use crate::limits::{ADDRESSES_MAX, SEARCH_BODY_MAX_BYTES, SEARCH_HEADERS_MAX_BYTES};
use crate::tree::{Message, Part};
use crate::{charset, transfer, word};

/// What SEARCH looks into, folded by [`fold`]: a key folded the same way is found as a substring.
///
/// `TEXT` keys look into both, `BODY` keys into `body` (RFC 9051 §6.4.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchText {
    /// The fields of the message and of its parts, `Name: value` in lines, unfolded and with
    /// encoded words decoded; at most [`SEARCH_HEADERS_MAX_BYTES`].
    pub headers: Vec<u8>,
    /// All text parts, transfer encoding and charset undone, HTML with its tags, and the headers
    /// and texts of messages inside; at most [`SEARCH_BODY_MAX_BYTES`].
    pub body: Vec<u8>,
}

impl SearchText {
    /// Makes the text of a message.
    pub fn build(message: &Message<'_>) -> SearchText {
        let root = &message.root;
        let plain = !root.is_multipart() && root.message.is_none() && root.encoding.is_identity();
        if plain && root.content_type.is_kind("text") {
            // The usual letter: its body is folded as it lies there.
            let body = bounded(root.body.of(message.raw), SEARCH_BODY_MAX_BYTES);
            let mut headers = String::new();
            push_headers(message.headers(), SEARCH_HEADERS_MAX_BYTES, &mut headers);
            let text = charset::decode(root.content_type.charset(), body);
            return SearchText { headers: fold(headers.as_bytes()), body: fold(text.as_bytes()) }.cut();
        }
        let (headers, body) = search_text(message);
        SearchText { headers: fold(headers.as_bytes()), body: fold(body.as_bytes()) }.cut()
    }

    /// Folding may have made text longer; what is over the limits goes, whole characters only.
    fn cut(mut self) -> SearchText {
        for (text, len_max) in
            [(&mut self.headers, SEARCH_HEADERS_MAX_BYTES), (&mut self.body, SEARCH_BODY_MAX_BYTES)]
        {
            if text.len() > len_max {
                let boundary = |at: &usize| text.get(*at).is_none_or(|b| b & 0xc0 != 0x80);
                let end = (0..=len_max).rev().find(boundary).unwrap_or(0);
                text.truncate(end);
            }
        }
        self
    }
}

/// Decoded header text and decoded body text of a message, not folded; see [`SearchText`].
pub fn search_text(message: &Message<'_>) -> (String, String) {
    let (mut headers, mut body) = (String::new(), String::new());
    push_headers(message.headers(), SEARCH_HEADERS_MAX_BYTES, &mut headers);
    collect(message, &message.root, &mut headers, &mut body);
    (headers, body)
}

/// Adds the text of a part whose own header is added already.
fn collect(message: &Message<'_>, part: &Part, headers: &mut String, body: &mut String) {
    for child in &part.children {
        push_headers(message.headers_of(child), SEARCH_HEADERS_MAX_BYTES, headers);
        collect(message, child, headers, body);
    }
    if let Some(inner) = &part.message {
        push_headers(message.headers_of(inner), SEARCH_BODY_MAX_BYTES, body);
        collect(message, inner, headers, body);
    }
    if part.content_type.is_kind("text") && body.len() < SEARCH_BODY_MAX_BYTES {
        let raw = bounded(part.body.of(message.raw), SEARCH_BODY_MAX_BYTES - body.len());
        let decoded = transfer::decode(&part.encoding, raw);
        body.push_str(&charset::decode(part.content_type.charset(), &decoded));
        body.push('\n');
    }
}

fn push_headers(headers: Headers<'_>, len_max_bytes: usize, out: &mut String) {
    for field in headers.fields() {
        if out.len() + field.whole.len() > len_max_bytes {
            return;
        }
        out.push_str(&charset::guess(field.name));
        out.push_str(": ");
        out.push_str(&word::decode(field.value));
        out.push('\n');
    }
}

fn bounded(bytes: &[u8], len_max_bytes: usize) -> &[u8] {
    &bytes[..bytes.len().min(len_max_bytes)]
}

/// The values of all fields called `name`, unfolded and decoded: what the keys SUBJECT and
/// HEADER look into. Empty if there is no such field; HEADER with an empty key finds
/// every field that is there (RFC 9051 §6.4.4).
pub fn field_texts<'a>(headers: Headers<'a>, name: &[u8]) -> Vec<Cow<'a, str>> {
    headers.all(name).map(|field| word::decode(field.value)).collect()
}

/// All addresses of the fields called `name` on one line, as `Name <local@domain>` with names
/// decoded and groups by their names: what the keys FROM, TO, CC and BCC look into, which compare
/// with the envelope and so do not see comments or spaces (RFC 9051 §6.4.4).
pub fn address_text(headers: Headers<'_>, name: &[u8]) -> String {
    let mut out = String::new();
    for field in headers.all(name) {
        let entries = address::parse_list(field.value);
        for entry in &entries {
            push_entry(entry, &mut out);
        }
        if entries.len() + 1 >= ADDRESSES_MAX {
            // The addresses behind the limit are in the text at least.
            out.push_str(&word::decode(field.value));
            out.push(' ');
        }
    }
    out
}

fn push_entry(entry: &Entry<'_>, out: &mut String) {
    match entry {
        Entry::Mailbox(mailbox) => {
            if let Some(name) = &mailbox.name {
                out.push_str(&word::decode(name));
                out.push(' ');
            }
            let (local, domain) = (charset::guess(&mailbox.local), charset::guess(&mailbox.domain));
            let at = if domain.is_empty() { "" } else { "@" };
            out.extend(["<", &local, at, &domain, "> "]);
        }
        Entry::GroupStart(name) => out.extend([&word::decode(name), ": "]),
        Entry::GroupEnd => out.push_str("; "),
    }
}

/// The Date field; SENTON and its kin compare [`Date::local_days`].
pub fn sent_date(headers: Headers<'_>) -> Option<Date> {
    headers.get(b"date").and_then(|field| Date::parse(field.value))
}

/// Folds case for comparison: Unicode lower case letter by letter, the two small sigmas alike.
/// Bytes that are not UTF-8 become U+FFFD, in keys as in texts.
pub fn fold(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let text = String::from_utf8_lossy(text);
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\u{0}'..='\u{7f}' => out.push(c.to_ascii_lowercase()),
            'ς' => out.push('σ'),
            _ => out.extend(c.to_lowercase()),
        }
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding() {
        let table: &[(&[u8], &str)] = &[
            (b"ABC xyz", "abc xyz"),
            ("GRÜN ÉTÉ".as_bytes(), "grün été"),
            ("ΟΔΟΣ οδος".as_bytes(), "οδοσ οδοσ"),
            (b"A\xff", "a\u{fffd}"),
        ];
        for (text, folded) in table {
            assert_eq!(String::from_utf8(fold(text)).unwrap(), *folded);
        }
    }

    #[test]
    fn text_of_parts_and_messages_inside() {
        let raw = "Subject: =?utf-8?q?Gr=C3=BCn?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
            --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            W=E4rme soft=\r\nbreak\r\n--b\r\nContent-Type: application/pdf; name=Plan.pdf\r\n\r\nBINARY\r\n\
            --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nDeep\r\n--b--\r\n";
        let text = SearchText::build(&Message::parse(raw.as_bytes()));
        let (headers, body) =
            (String::from_utf8(text.headers).unwrap(), String::from_utf8(text.body).unwrap());
        assert!(headers.contains("subject: grün\n") && headers.contains("name=plan.pdf"), "{headers}");
        assert!(!headers.contains("inner"));
        assert_eq!(body, "wärme softbreak\nsubject: inner\ndeep\n");
    }

    #[test]
    fn addresses_are_searched_as_the_envelope_has_them() {
        let raw = b"To: <user (x)@ (y) Domain.org>, =?utf-8?q?J=C3=BC?= <j@x>\r\nTo: g: a@b;, lonely\r\n\r\n";
        let text = address_text(Message::parse(raw).headers(), b"to");
        assert_eq!(text, "<user@Domain.org> Jü <j@x> g: <a@b> ; <lonely> ");
        assert_eq!(field_texts(Message::parse(raw).headers(), b"TO").len(), 2);
        assert_eq!(sent_date(Message::parse(raw).headers()), None);
    }

    #[test]
    fn text_is_bounded() {
        let mut raw = b"Subject: x\r\n\r\n".to_vec();
        raw.resize(raw.len() + SEARCH_BODY_MAX_BYTES + 9, b'x');
        assert_eq!(SearchText::build(&Message::parse(&raw)).body.len(), SEARCH_BODY_MAX_BYTES);
        let raw =
            ["X: y\r\n".repeat(10), format!("Z: {}\r\n\r\n", "z".repeat(SEARCH_HEADERS_MAX_BYTES))].concat();
        assert_eq!(SearchText::build(&Message::parse(raw.as_bytes())).headers.len(), 50);
    }
}
