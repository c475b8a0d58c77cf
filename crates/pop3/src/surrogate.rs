//! Stand-ins for messages with non-ASCII headers, for clients that did not send UTF8.
//!
//! RFC 6856 §2.1 leaves two ways: such a request fails with `[UTF8]`, or it is answered with a
//! surrogate of plain ASCII headers. A failing RETR makes common clients give up the whole poll,
//! every time, with all mail behind that message; so this server sends surrogates. They lose
//! nothing, because a client may delete the original after fetching it: what is not ASCII moves
//! into encoded words (RFC 2047), extended parameters (RFC 2231) or, where neither is allowed,
//! into a `Downgraded-` field (RFC 6857 §3). Bodies stay as they are (8bit, RFC 6152), and so do
//! the headers of parts within them.

use crate::sending::header_end;

/// Address lists (RFC 5322 §3.6.2, §3.6.3, §3.6.6).
const ADDRESSES: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-reply-to",
    "resent-to",
    "resent-cc",
    "resent-bcc",
    "disposition-notification-to",
    "mail-followup-to",
];

/// Fields with parameters (RFC 2045 §5.1, RFC 2183 §2).
const PARAMETERS: &[&str] = &["content-type", "content-disposition"];

/// Structured fields in which encoded words have no place.
const OPAQUE: &[&str] = &[
    "received",
    "return-path",
    "delivered-to",
    "message-id",
    "in-reply-to",
    "references",
    "resent-message-id",
    "original-recipient",
    "final-recipient",
    "authentication-results",
    "dkim-signature",
    "list-id",
    "list-post",
    "list-unsubscribe",
    "content-id",
    "autocrypt",
];

/// Longest encoded word in bytes (RFC 2047 §2).
const ENCODED_WORD_LEN_MAX_BYTES: usize = 75;

/// The message as a client that knows no UTF-8 headers may see it: its header in ASCII, its body
/// unchanged. A message whose header is ASCII comes back as it is. Never fails: bytes that are not
/// UTF-8 are labelled `unknown-8bit` (RFC 1428 §3).
///
/// - `message`: header and body with CRLF line ends.
pub fn surrogate(message: &[u8]) -> Vec<u8> {
    let (header, body) = message.split_at(header_end(message));
    let mut out = Vec::with_capacity(message.len() + 256);
    let mut rest = header;
    while !rest.is_empty() {
        let (field, behind) = rest.split_at(field_end(rest));
        if field.is_ascii() {
            out.extend_from_slice(field)
        } else {
            write_field(field, &mut out)
        }
        rest = behind;
    }
    out.extend_from_slice(body);
    out
}

/// Where a field ends: behind the first line that no continuation follows.
fn field_end(header: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = header[at..].iter().position(|byte| *byte == b'\n') {
        at += end + 1;
        if !matches!(header.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    header.len()
}

fn write_field(field: &[u8], out: &mut Vec<u8>) {
    let colon = field.iter().position(|byte| *byte == b':').unwrap_or(0);
    let (name, value) = field.split_at(colon);
    if !name.iter().all(u8::is_ascii_graphic) || name.is_empty() {
        // Not a field at all; nobody reads it by a name, so a legible rest is enough.
        out.extend(field.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }));
        return;
    }
    let text = value[1..].trim_ascii_end();
    let line_end = &value[1 + text.len()..];
    let is_in = |names: &[&str]| names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name));
    if is_in(OPAQUE) {
        out.extend_from_slice(b"Downgraded-");
    }
    out.extend_from_slice(name);
    out.push(b':');
    if is_in(ADDRESSES) {
        write_tokens(addresses(text), out);
    } else if is_in(PARAMETERS) {
        write_parameters(text, out);
    } else {
        write_tokens(words(text), out);
    }
    out.extend_from_slice(line_end);
}

/// A stretch of a field.
enum Token {
    /// Spaces and folds between words.
    Space(Vec<u8>),
    /// ASCII that stays as it is.
    Plain(Vec<u8>),
    /// Text to be encoded.
    Text(Vec<u8>),
}

/// Plain or to be encoded, as the bytes demand.
fn word(bytes: &[u8]) -> Token {
    if bytes.is_ascii() { Token::Plain(bytes.to_vec()) } else { Token::Text(bytes.to_vec()) }
}

fn run(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !belongs(*byte)).unwrap_or(text.len())
}

/// Unstructured text: words and spaces.
fn words(mut text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    while !text.is_empty() {
        let spaces = run(text, |byte| byte.is_ascii_whitespace());
        let (space, rest) = text.split_at(spaces);
        let (letters, rest) = rest.split_at(run(rest, |byte| !byte.is_ascii_whitespace()));
        tokens.extend((!space.is_empty()).then(|| Token::Space(space.to_vec())));
        tokens.extend((!letters.is_empty()).then(|| word(letters)));
        text = rest;
    }
    tokens
}

/// An address list: display names and comments are encoded where they stand; an address that is
/// not ASCII becomes the name of an empty group (RFC 6857 §3.1.5), since no client could use it.
fn addresses(mut text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some(&first) = text.first() {
        let len = match first {
            b'"' => closing(text, b'"'),
            b'(' => closing(text, b')'),
            b'<' => closing(text, b'>'),
            b',' | b';' | b':' => 1,
            byte if byte.is_ascii_whitespace() => run(text, |byte| byte.is_ascii_whitespace()),
            _ => run(text, |byte| !byte.is_ascii_whitespace() && !b"\"(<,;:".contains(&byte)).max(1),
        };
        let (token, rest) = text.split_at(len);
        text = rest;
        match first {
            byte if byte.is_ascii_whitespace() => tokens.push(Token::Space(token.to_vec())),
            _ if token.is_ascii() => tokens.push(Token::Plain(token.to_vec())),
            b'"' => tokens.push(Token::Text(inner(token, b'"'))),
            b'(' => {
                let text = Token::Text(inner(token, b')'));
                tokens.extend([Token::Plain(b"(".to_vec()), text, Token::Plain(b")".to_vec())]);
            }
            b'<' => tokens.extend([Token::Text(inner(token, b'>')), Token::Plain(b":;".to_vec())]),
            _ if token.contains(&b'@') => {
                tokens.extend([Token::Text(token.to_vec()), Token::Plain(b":;".to_vec())]);
            }
            _ => tokens.push(Token::Text(token.to_vec())),
        }
    }
    tokens
}

/// How long a stretch is that ends with `close`: up to there, or to the end of what is not closed.
fn closing(text: &[u8], close: u8) -> usize {
    let (mut at, mut depth) = (1, 1);
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'(' if close == b')' => depth += 1,
            byte if byte == close => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at.min(text.len())
}

/// What stands between the delimiters, unescaped; the second may be missing.
fn inner(token: &[u8], close: u8) -> Vec<u8> {
    let text = token.strip_suffix(&[close]).unwrap_or(token).get(1..).unwrap_or_default();
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            b'\r' | b'\n' => {}
            byte => out.push(*byte),
        }
    }
    out
}

/// Writes tokens; texts with nothing but spaces between them become one, because the spaces
/// between two encoded words do not count (RFC 2047 §6.2).
fn write_tokens(tokens: Vec<Token>, out: &mut Vec<u8>) {
    let mut text: Vec<u8> = Vec::new();
    let mut space: Vec<u8> = Vec::new();
    for token in tokens {
        match token {
            Token::Space(bytes) => space.extend(bytes),
            Token::Plain(bytes) => {
                write_encoded(&std::mem::take(&mut text), out);
                out.append(&mut space);
                out.extend(bytes);
            }
            Token::Text(bytes) if text.is_empty() => {
                // An encoded word stands apart from what is before it, a parenthesis excepted.
                if space.is_empty() && !out.ends_with(b"(") {
                    space.push(b' ');
                }
                out.append(&mut space);
                text = bytes;
            }
            Token::Text(bytes) => {
                text.extend(space.drain(..).filter(|byte| !matches!(byte, b'\r' | b'\n')));
                text.extend(bytes);
            }
        }
    }
    write_encoded(&text, out);
    out.append(&mut space);
}

/// Writes encoded words, folded where one is not enough.
fn write_encoded(text: &[u8], out: &mut Vec<u8>) {
    let (charset, pieces): (&str, Vec<&[u8]>) = match std::str::from_utf8(text) {
        Ok(text) => ("utf-8", text.split_inclusive(|_| true).map(str::as_bytes).collect()),
        Err(_) => ("unknown-8bit", text.chunks(1).collect()),
    };
    let open = format!("=?{charset}?Q?");
    let room = ENCODED_WORD_LEN_MAX_BYTES - open.len() - 2;
    let mut encoded = String::new();
    for piece in pieces {
        let piece: String = piece.iter().map(|byte| quoted(*byte)).collect();
        if encoded.len() + piece.len() > room {
            out.extend_from_slice(format!("{open}{encoded}?=\r\n ").as_bytes());
            encoded.clear();
        }
        encoded.push_str(&piece);
    }
    if !encoded.is_empty() {
        out.extend_from_slice(format!("{open}{encoded}?=").as_bytes());
    }
}

/// One byte in the Q encoding as it is safe everywhere, in phrases too (RFC 2047 §5 (3)).
fn quoted(byte: u8) -> String {
    match byte {
        b' ' => "_".to_string(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'*' | b'+' | b'-' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("={byte:02X}"),
    }
}

/// Writes a field with parameters: a value in quotes that is not ASCII gets the extended form
/// (RFC 2231 §4); other stray bytes become question marks.
fn write_parameters(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(&first) = text.first() {
        let len = if first == b'"' { closing(text, b'"') } else { 1 };
        let (token, rest) = text.split_at(len);
        text = rest;
        let is_value = out.ends_with(b"=") && !out.ends_with(b"*=");
        if token.is_ascii() || len < 2 {
            out.push(if first.is_ascii() { first } else { b'?' });
            out.extend_from_slice(&token[1..]);
        } else if is_value {
            let value = inner(token, b'"');
            let charset = if std::str::from_utf8(&value).is_ok() { "utf-8" } else { "unknown-8bit" };
            out.pop();
            out.extend_from_slice(format!("*={charset}''").as_bytes());
            out.extend(value.iter().flat_map(|byte| percent(*byte).into_bytes()));
        } else {
            out.extend(token.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }));
        }
    }
}

/// One byte of an extended value (RFC 2231 §7).
fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_field_becomes_ascii_and_loses_nothing() {
        for (field, expected) in [
            ("Subject: Hello", "Subject: Hello"),
            ("Subject: Grüße", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="),
            ("Subject:Grüße", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="),
            ("Subject: a ü\r\n ö b", "Subject: a =?utf-8?Q?=C3=BC_=C3=B6?= b"),
            ("X-Unknown: ü", "X-Unknown: =?utf-8?Q?=C3=BC?="),
            ("From: José <j@example.org>", "From: =?utf-8?Q?Jos=C3=A9?= <j@example.org>"),
            ("From: \"J\\\" é\" <j@example.org>", "From: =?utf-8?Q?J=22_=C3=A9?= <j@example.org>"),
            ("To: a@example.org (é), b@example.org", "To: a@example.org (=?utf-8?Q?=C3=A9?=), b@example.org"),
            ("To: J <é@example.org>, b@x.org", "To: J =?utf-8?Q?=C3=A9=40example=2Eorg?=:;, b@x.org"),
            ("To: é@example.org", "To: =?utf-8?Q?=C3=A9=40example=2Eorg?=:;"),
            ("To: \"é", "To: =?utf-8?Q?=C3=A9?="),
            ("Message-ID: <é@x>", "Downgraded-Message-ID: =?utf-8?Q?=3C=C3=A9=40x=3E?="),
            (
                "Content-Type: text/plain; name=\"é.txt\"; charset=utf-8",
                "Content-Type: text/plain; name*=utf-8''%C3%A9.txt; charset=utf-8",
            ),
            ("Content-Type: text/plain; name=é", "Content-Type: text/plain; name=??"),
            ("é: x", "??: x"),
            ("nö", "n??"),
        ] {
            let message = format!("A: b\r\n{field}\r\n\r\nbödy\r\n");
            let got = String::from_utf8(surrogate(message.as_bytes())).unwrap();
            let expected = format!("A: b\r\n{expected}\r\n\r\nbödy\r\n");
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn what_is_no_utf8_is_labelled_so() {
        assert_eq!(surrogate(b"Subject: \xfc\r\n\r\n"), b"Subject: =?unknown-8bit?Q?=FC?=\r\n\r\n");
    }

    #[test]
    fn long_texts_are_folded_into_words_of_the_permitted_length() {
        let message = format!("Subject: {}\r\n\r\n", "ü".repeat(100));
        let got = String::from_utf8(surrogate(message.as_bytes())).unwrap();
        let words: Vec<&str> = got.trim_end().trim_start_matches("Subject: ").split("\r\n ").collect();
        assert!(words.len() > 1);
        for word in words {
            assert!(
                word.len() <= ENCODED_WORD_LEN_MAX_BYTES && word.starts_with("=?") && word.ends_with("?=")
            );
        }
    }

    /// Decodes encoded words as a client does: spaces between two of them do not count.
    fn decoded(field: &str) -> String {
        let joined = field.replace("?=\r\n =?utf-8?Q?", "");
        let mut out = Vec::new();
        let mut rest = joined.as_str();
        while let Some((before, behind)) = rest.split_once("=?utf-8?Q?") {
            out.extend(before.bytes());
            let (word, behind) = behind.split_once("?=").expect("an end");
            let mut bytes = word.bytes();
            while let Some(byte) = bytes.next() {
                let mut digit = || char::from(bytes.next().expect("a digit")).to_digit(16).expect("a digit");
                out.push(match byte {
                    b'_' => b' ',
                    b'=' => (digit() * 16 + digit()) as u8,
                    byte => byte,
                });
            }
            rest = behind;
        }
        out.extend(rest.bytes());
        String::from_utf8(out).expect("whole characters in every word")
    }

    proptest! {
        #[test]
        fn texts_read_back_as_they_were(words in proptest::collection::vec("[a€é=?_(]{1,40}", 1..6)) {
            let field = format!("Subject: {}\r\n", words.join(" "));
            let got = String::from_utf8(surrogate(format!("{field}\r\n").as_bytes())).unwrap();
            prop_assert_eq!(decoded(&got), format!("{field}\r\n"));
        }

        #[test]
        fn headers_become_ascii_and_bodies_stay(
            message in proptest::collection::vec(prop::sample::select(b"\r\n :\"(<>)\\;=@aFrom\xc3\xa9\xff".to_vec()), 0..80),
            name in prop::sample::select(vec!["From:", "Content-Type:", "Subject:", "Received:", ""]),
        ) {
            let message = [name.as_bytes(), &message].concat();
            let got = surrogate(&message);
            let at = header_end(&message);
            let body = &message[at..];
            prop_assert!(got.ends_with(body));
            prop_assert!(got[..got.len() - body.len()].is_ascii());
            if message[..at].is_ascii() {
                prop_assert_eq!(got, message);
            }
        }
    }
}
