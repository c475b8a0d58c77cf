//! What a submission server completes in a user's message (RFC 6409 §8).

use crate::trace::Name;
use mime::{Date, Headers};

/// Adds Date and Message-ID where they are missing (§8.1, §8.3) and takes out Bcc (RFC 5322 §3.6.3),
/// which names those whom the others must not see.
pub fn complete(body: Vec<u8>, unix_ms: i64, hostname: &str) -> Vec<u8> {
    let headers = Headers::of_message(&body);
    let mut front = Vec::new();
    if headers.get(b"Date").is_none() {
        front.extend_from_slice(format!("Date: {}\r\n", Date::utc(unix_ms / 1000).to_rfc5322()).as_bytes());
    }
    if headers.get(b"Message-ID").is_none() {
        front.extend_from_slice(format!("Message-ID: <{}@{hostname}>\r\n", Name::new(unix_ms)).as_bytes());
    }
    // All of the header is looked at, not only what is interpreted: no Bcc may pass.
    let hidden: Vec<_> = headers.iter().filter(|field| field.is(b"Bcc")).map(|field| field.span).collect();
    if front.is_empty() && hidden.is_empty() {
        return body;
    }
    let mut at = 0;
    for span in hidden {
        front.extend_from_slice(&body[at..span.start]);
        at = span.end;
    }
    front.extend_from_slice(&body[at..]);
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_added_and_bcc_goes() {
        let body = b"From: a@b\r\nBcc: c@d,\r\n e@f\r\nTo: g@h\r\n\r\ntext\r\n".to_vec();
        let done = String::from_utf8(complete(body, 0, "mx.test")).unwrap();
        assert!(done.starts_with("Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <"), "{done}");
        assert!(done.ends_with("@mx.test>\r\nFrom: a@b\r\nTo: g@h\r\n\r\ntext\r\n"), "{done}");
    }

    #[test]
    fn a_complete_message_stays_as_it_is() {
        let body = b"Date: x\r\nMessage-ID: <y@z>\r\n\r\ntext\r\n".to_vec();
        assert_eq!(complete(body.clone(), 0, "mx.test"), body);
    }
}
