//! Refusals, and how replies are written (RFC 5321 §4.2, RFC 3463).

use std::borrow::Cow;

/// Longest text of a reply, in bytes; with code, status and CRLF it stays under the 512 that
/// RFC 5321 §4.5.3.1.5 allows for a line.
pub const REPLY_TEXT_LEN_MAX_BYTES: usize = 480;

/// A reply that says no: a code of 400 to 599, its enhanced status, and one line of text.
///
/// The class of the status is that of the code, so the two cannot disagree (RFC 2034 §4). The text
/// holds printable ASCII only: nothing from outside can add a line to the dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: u16,
    subject: u16,
    detail: u16,
    text: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with the status `code / 100`.`subject`.`detail`. A code that is no refusal
    /// becomes 451; what is not printable ASCII in `text` becomes `?`, and it is cut at
    /// [`REPLY_TEXT_LEN_MAX_BYTES`].
    pub fn new(code: u16, subject: u16, detail: u16, text: impl Into<Cow<'static, str>>) -> Refusal {
        let code = if (400..600).contains(&code) { code } else { 451 };
        Refusal { code, subject, detail, text: printable(text.into()) }
    }

    /// 550 5.1.1: nobody of this name here.
    pub fn no_such_user() -> Refusal {
        Refusal::new(550, 1, 1, "no such user here")
    }

    /// 550 5.1.2: the part after the at sign is not ours and cannot be reached.
    pub fn no_such_host() -> Refusal {
        Refusal::new(550, 1, 2, "no such destination")
    }

    /// 550 5.7.1: not ours, and the client may not send through us.
    pub fn relay_denied() -> Refusal {
        Refusal::new(550, 7, 1, "relaying denied")
    }

    /// 550 5.7.1: the account may not send from this address.
    pub fn sender_not_owned() -> Refusal {
        Refusal::new(550, 7, 1, "sender address is not yours to use")
    }

    /// 550 5.7.27: the sender's domain says that it takes no mail (RFC 7505 §4.2).
    pub fn sender_null_mx() -> Refusal {
        Refusal::new(550, 7, 27, "sender domain accepts no mail (null MX)")
    }

    /// 452 4.2.2: the mailbox is full for now.
    pub fn mailbox_full() -> Refusal {
        Refusal::new(452, 2, 2, "mailbox is full")
    }

    /// 452 4.3.1: our disk or memory is full for now.
    pub fn storage_full() -> Refusal {
        Refusal::new(452, 3, 1, "insufficient storage, try again later")
    }

    /// 451 4.3.0: something here failed; the client did nothing wrong.
    pub fn temporary() -> Refusal {
        Refusal::new(451, 3, 0, "temporary failure, try again later")
    }

    /// 451 4.7.1: come back in a while (RFC 6647 §2.1).
    pub fn greylisted() -> Refusal {
        Refusal::new(451, 7, 1, "greylisted, try again later")
    }

    /// 454 4.7.0: logins cannot be checked at present (RFC 4954 §6).
    pub fn login_unavailable() -> Refusal {
        Refusal::new(454, 7, 0, "temporary authentication failure")
    }

    /// 550 5.7.1 with a reason in words: refused by a rule of this place.
    pub fn policy(text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::new(550, 7, 1, text)
    }

    /// The three digits, 400 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The text without codes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True for 5xx: trying again is no use.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// The whole reply without CRLF, such as `550 5.1.1 no such user here`.
    pub fn line(&self) -> String {
        let Refusal { code, subject, detail, text } = self;
        format!("{code} {}.{subject}.{detail} {text}", code / 100)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.line().as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes a reply of one line; `text` begins with the enhanced status where there is one.
pub(crate) fn write(out: &mut Vec<u8>, code: &str, text: &str) {
    for part in [code, " ", text, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Writes a reply of several lines, all but the last with a hyphen (RFC 5321 §4.2.1).
pub(crate) fn write_lines(out: &mut Vec<u8>, code: &str, lines: &[String]) {
    for (at, line) in lines.iter().enumerate() {
        let mark = if at + 1 == lines.len() { " " } else { "-" };
        for part in [code, mark, line, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// Text that is safe inside a reply line.
pub(crate) fn printable(text: Cow<'static, str>) -> Cow<'static, str> {
    let fits = |c: char| c.is_ascii_graphic() || c == ' ';
    if text.len() <= REPLY_TEXT_LEN_MAX_BYTES && text.chars().all(fits) {
        return text;
    }
    text.chars()
        .take(REPLY_TEXT_LEN_MAX_BYTES)
        .map(|c| if fits(c) { c } else { '?' })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_refusal_can_add_a_line_or_lie_about_its_class() {
        for (refusal, expected) in [
            (Refusal::no_such_user(), "550 5.1.1 no such user here"),
            (Refusal::new(250, 0, 0, "fine"), "451 4.0.0 fine"),
            (Refusal::new(999, 0, 0, "x"), "451 4.0.0 x"),
            (Refusal::policy("no\r\n250 ok\0"), "550 5.7.1 no??250 ok?"),
            (Refusal::policy("grüße"), "550 5.7.1 gr??e"),
        ] {
            assert_eq!(refusal.line(), expected);
            assert_eq!(refusal.is_permanent(), expected.starts_with('5'));
        }
    }

    #[test]
    fn replies_stay_within_a_line() {
        let mut out = Vec::new();
        Refusal::policy("x".repeat(1000)).write(&mut out);
        Refusal::policy("ü".repeat(1000)).write(&mut out);
        assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() < 512));
        assert_eq!(out.len(), 2 * (REPLY_TEXT_LEN_MAX_BYTES + "550 5.7.1 \r\n".len()));
    }
}
