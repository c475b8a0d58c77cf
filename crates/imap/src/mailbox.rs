//! Mailbox names: what they may be, and how they look on the wire.

use crate::cursor::Dialect;
use crate::{limits, utf7};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// The hierarchy separator.
pub const SEPARATOR: char = '/';

/// A mailbox name: UTF-8 in NFC, levels separated by `/`, none of them empty, no control
/// characters, at most [`limits::MAILBOX_NAME_LEN_MAX_BYTES`] bytes and
/// [`limits::MAILBOX_DEPTH_MAX`] levels. A first level INBOX is in capitals, however it was sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(String);

/// Why some text is no mailbox name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Neither modified UTF-7 (RFC 3501 §5.1.3) nor, with IMAP4rev2, UTF-8.
    Encoding,
    /// The name or one of its levels is empty.
    Empty,
    /// Holds a control character.
    Control,
    /// More than [`limits::MAILBOX_NAME_LEN_MAX_BYTES`] bytes.
    TooLong,
    /// More than [`limits::MAILBOX_DEPTH_MAX`] levels.
    TooDeep,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::Encoding => "Mailbox name is not well encoded",
            NameError::Empty => "Mailbox name has an empty level",
            NameError::Control => "Mailbox name holds a control character",
            NameError::TooLong => "Mailbox name is too long",
            NameError::TooDeep => "Mailbox name has too many levels",
        })
    }
}

impl std::error::Error for NameError {}

impl MailboxName {
    /// Checks and normalises a name in UTF-8.
    ///
    /// # Errors
    /// Says which rule the name breaks; never [`NameError::Encoding`].
    pub fn new(name: &str) -> Result<MailboxName, NameError> {
        if name.len() > limits::MAILBOX_NAME_LEN_MAX_BYTES {
            return Err(NameError::TooLong);
        }
        let name = normalise(name);
        if name.len() > limits::MAILBOX_NAME_LEN_MAX_BYTES {
            return Err(NameError::TooLong);
        }
        // RFC 9051 §5.1: no control characters, no line or paragraph separator.
        if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(NameError::Control);
        }
        if name.split(SEPARATOR).any(str::is_empty) {
            return Err(NameError::Empty);
        }
        if name.split(SEPARATOR).count() > limits::MAILBOX_DEPTH_MAX {
            return Err(NameError::TooDeep);
        }
        Ok(MailboxName(name))
    }

    /// A name as a client sent it.
    ///
    /// # Errors
    /// Says which rule the name breaks.
    pub fn from_wire(wire: &[u8], dialect: Dialect) -> Result<MailboxName, NameError> {
        MailboxName::new(&decode(wire, dialect)?)
    }

    /// The name INBOX (RFC 9051 §5.1).
    pub fn inbox() -> MailboxName {
        MailboxName("INBOX".into())
    }

    /// The name in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for INBOX itself.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The name one level up; `None` at the top.
    pub fn parent(&self) -> Option<MailboxName> {
        self.0.rsplit_once(SEPARATOR).map(|(parent, _)| MailboxName(parent.into()))
    }

    /// True when `self` lies somewhere below `other`.
    pub fn is_below(&self, other: &MailboxName) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with(SEPARATOR))
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client sent as a name or pattern, in UTF-8.
pub(crate) fn decode(wire: &[u8], dialect: Dialect) -> Result<String, NameError> {
    match dialect {
        Dialect::Rev1 => utf7::decode(wire),
        Dialect::Rev2 => String::from_utf8(wire.to_vec()).ok(),
    }
    .ok_or(NameError::Encoding)
}

/// NFC, with a first level INBOX in capitals.
pub(crate) fn normalise(name: &str) -> String {
    let name: String = name.nfc().collect();
    let first = name.split(SEPARATOR).next().unwrap_or_default();
    if first.eq_ignore_ascii_case("INBOX") { format!("INBOX{}", &name[5..]) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_sent_and_as_kept() {
        use Dialect::{Rev1, Rev2};
        let long = "x".repeat(limits::MAILBOX_NAME_LEN_MAX_BYTES + 1);
        let deep = ["a"; limits::MAILBOX_DEPTH_MAX + 1].join("/");
        let table: &[(&str, Dialect, Result<&str, NameError>)] = &[
            ("inbox", Rev1, Ok("INBOX")),
            ("InBox/Sub", Rev1, Ok("INBOX/Sub")),
            ("Inboxes", Rev1, Ok("Inboxes")),
            ("a/inbox", Rev1, Ok("a/inbox")),
            ("Entw&APw-rfe", Rev1, Ok("Entwürfe")),
            ("Entwürfe", Rev1, Err(NameError::Encoding)),
            ("Entwürfe", Rev2, Ok("Entwürfe")),
            ("Entwu\u{308}rfe", Rev2, Ok("Entwürfe")),
            ("R&D", Rev1, Err(NameError::Encoding)),
            ("R&D", Rev2, Ok("R&D")),
            ("R&-D", Rev1, Ok("R&D")),
            ("", Rev1, Err(NameError::Empty)),
            ("a//b", Rev1, Err(NameError::Empty)),
            ("/a", Rev1, Err(NameError::Empty)),
            ("a/", Rev1, Err(NameError::Empty)),
            ("a\u{7}b", Rev2, Err(NameError::Control)),
            ("a&AAo-b", Rev1, Err(NameError::Control)),
            ("a\u{2028}b", Rev2, Err(NameError::Control)),
            (&long, Rev1, Err(NameError::TooLong)),
            (&deep, Rev1, Err(NameError::TooDeep)),
        ];
        for (wire, dialect, expected) in table {
            let name = MailboxName::from_wire(wire.as_bytes(), *dialect);
            assert_eq!(name.as_ref().map(MailboxName::as_str), expected.as_ref().map(|n| *n), "{wire}");
        }
    }

    #[test]
    fn names_know_their_place() {
        let name = |text| MailboxName::new(text).unwrap();
        assert_eq!(name("a/b/c").parent(), Some(name("a/b")));
        assert_eq!(name("a").parent(), None);
        assert!(name("a/b").is_below(&name("a")));
        assert!(!name("ab").is_below(&name("a")) && !name("a").is_below(&name("a")));
        assert!(name("inbox").is_inbox());
    }
}
