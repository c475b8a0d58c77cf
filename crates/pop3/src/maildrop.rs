//! A maildrop as it was when the session opened it.

use std::fmt;

/// Longest unique id in bytes (RFC 1939 §7).
pub const UNIQUE_ID_LEN_MAX_BYTES: usize = 70;

/// What the outside knows a message by; the session hands it back and does not look into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A unique id: 1 to 70 characters from 0x21 to 0x7E (RFC 1939 §7).
///
/// It must stay the same in every session and must never name another message as long as this one
/// exists, whatever is restored or moved: clients that leave mail on the server know it by this.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UniqueId(Box<str>);

impl UniqueId {
    /// The id, or `None` if it is empty, too long or has other characters.
    pub fn new(id: &str) -> Option<UniqueId> {
        let fits = (1..=UNIQUE_ID_LEN_MAX_BYTES).contains(&id.len());
        (fits && id.bytes().all(|byte| byte.is_ascii_graphic())).then(|| UniqueId(id.into()))
    }

    /// The id as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UniqueId({})", self.0)
    }
}

/// One message of a maildrop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What the outside knows it by.
    pub token: Token,
    /// The id that UIDL tells.
    pub unique_id: UniqueId,
    /// Its exact length in octets with lines ended by CRLF, the last one too (RFC 1939 §11).
    pub size_octets: u64,
    /// If its header has bytes outside of ASCII: the length of its [surrogate](crate::surrogate),
    /// which sessions without UTF8 get. `None` where the header is ASCII, or where the outside
    /// does not know: then LIST tells `size_octets`, and RETR the true length.
    pub surrogate_octets: Option<u64>,
}

/// The messages of a maildrop in the order of their numbers, read once when it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maildrop {
    /// The messages; the first has number 1.
    pub messages: Vec<Message>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_ids_are_of_printable_ascii() {
        let longest = "x".repeat(UNIQUE_ID_LEN_MAX_BYTES);
        for (id, legal) in [
            ("7f", true),
            ("!~", true),
            (longest.as_str(), true),
            (&format!("{longest}x"), false),
            ("", false),
            ("a b", false),
            ("a\r\n", false),
            ("é", false),
        ] {
            assert_eq!(UniqueId::new(id).is_some(), legal, "{id}");
        }
    }
}
