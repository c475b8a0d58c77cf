//! Patterns of LIST and LSUB (RFC 9051 §6.3.9).

use crate::cursor::Dialect;
use crate::limits;
use crate::mailbox::{self, MailboxName, SEPARATOR};

/// A pattern in UTF-8 with its reference in front: `*` stands for any characters, `%` for any but
/// the hierarchy separator. One that is no well encoded name matches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// This byte; bytes of a first level INBOX in any case.
    Byte(u8),
    /// `%`
    Level,
    /// `*`
    Any,
}

impl Pattern {
    /// The pattern of a LIST command: the reference is put in front as it is (RFC 9051 §6.3.9).
    pub fn from_wire(reference: &[u8], pattern: &[u8], dialect: Dialect) -> Pattern {
        let whole = [reference, pattern].concat();
        match mailbox::decode(&whole, dialect) {
            Ok(text) if text.len() <= limits::MAILBOX_NAME_LEN_MAX_BYTES => Pattern::new(&text),
            _ => Pattern::nothing(),
        }
    }

    /// A pattern in UTF-8.
    pub fn new(text: &str) -> Pattern {
        let mut pieces = Vec::new();
        for byte in mailbox::normalise(text).bytes() {
            let piece = match byte {
                b'*' => Piece::Any,
                b'%' => Piece::Level,
                byte => Piece::Byte(byte),
            };
            match (pieces.last(), piece) {
                // Runs of wildcards mean no more than the strongest of them.
                (Some(Piece::Any), Piece::Any | Piece::Level) | (Some(Piece::Level), Piece::Level) => {}
                (Some(Piece::Level), Piece::Any) => *pieces.last_mut().expect("just seen") = Piece::Any,
                _ => pieces.push(piece),
            }
        }
        Pattern(pieces)
    }

    /// No name has a NUL.
    fn nothing() -> Pattern {
        Pattern(vec![Piece::Byte(0)])
    }

    /// Whether the pattern matches the whole name. Takes time in proportion to the name's length
    /// times the number of wildcards, whatever the name: every state is kept once.
    pub fn matches(&self, name: &MailboxName) -> bool {
        let name = name.as_str();
        let inbox_len = if name == "INBOX" || name.starts_with("INBOX/") { 5 } else { 0 };
        let mut states = vec![0];
        let mut next = Vec::new();
        for (at, byte) in name.bytes().enumerate() {
            next.clear();
            self.step(&states, byte, at < inbox_len, &mut next);
            std::mem::swap(&mut states, &mut next);
            if states.is_empty() {
                return false;
            }
        }
        states.iter().any(|state| self.is_end(*state))
    }

    /// The states after `byte`, ascending and each once.
    fn step(&self, states: &[usize], byte: u8, fold: bool, next: &mut Vec<usize>) {
        let mut push = |state: usize| {
            if next.last().is_none_or(|last| *last < state) {
                next.push(state);
            }
        };
        for &state in states {
            let mut state = state;
            if let Some(wildcard @ (Piece::Any | Piece::Level)) = self.0.get(state) {
                if *wildcard == Piece::Any || byte != SEPARATOR as u8 {
                    push(state);
                }
                state += 1;
            }
            let same = |wanted: u8| wanted == byte || fold && wanted.eq_ignore_ascii_case(&byte);
            if matches!(self.0.get(state), Some(Piece::Byte(wanted)) if same(*wanted)) {
                push(state + 1);
            }
        }
    }

    fn is_end(&self, state: usize) -> bool {
        matches!(&self.0[state..], [] | [Piece::Any | Piece::Level])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_and_names() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("a/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("%/%", "a/b", true),
            ("*%", "a/b", true),
            ("%*", "a/b", true),
            ("%*b", "a/b", true),
            ("inbox", "INBOX", true),
            ("InB%", "INBOX", true),
            ("inbox/x", "INBOX/x", true),
            ("inbox/X", "INBOX/x", false),
            ("*ox", "INBOX", true),
            ("inb%", "Inbetween", false),
            ("a", "A", false),
            ("", "a", false),
            ("Entw*", "Entwürfe", true),
            ("Entw%rfe", "Entwürfe", true),
        ] {
            let name = MailboxName::new(name).unwrap();
            assert_eq!(Pattern::new(pattern).matches(&name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_as_sent() {
        use Dialect::{Rev1, Rev2};
        let name = MailboxName::new("a/Entwürfe").unwrap();
        for (reference, pattern, dialect, expected) in [
            ("", "a/Entw&APw-rfe", Rev1, true),
            ("a/", "Entw&APw-*", Rev1, true),
            ("a/", "Entwürfe", Rev2, true),
            ("a/", "Entwürfe", Rev1, false),
            ("", "*&", Rev1, false),
        ] {
            let pattern = Pattern::from_wire(reference.as_bytes(), pattern.as_bytes(), dialect);
            assert_eq!(pattern.matches(&name), expected, "{reference} {pattern:?}");
        }
    }

    #[test]
    fn many_wildcards_cost_no_more_than_their_number_times_the_name() {
        let pattern = Pattern::new(&"*a%".repeat(300));
        let name =
            MailboxName::new(&format!("{}b", "a".repeat(limits::MAILBOX_NAME_LEN_MAX_BYTES - 1))).unwrap();
        assert!(pattern.matches(&name));
        let pattern = Pattern::new(&format!("{}c", "*a".repeat(400)));
        assert!(!pattern.matches(&name));
    }

    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => naive(rest, name) || !name.is_empty() && naive(pattern, &name[1..]),
            (Some((b'%', rest)), _) => {
                naive(rest, name) || !name.is_empty() && name[0] != b'/' && naive(pattern, &name[1..])
            }
            (Some((first, rest)), Some((byte, name))) => first == byte && naive(rest, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_backtracking(pattern in "[ab/*%]{0,9}", name in "[ab](/?[ab]){0,7}") {
            let mailbox = MailboxName::new(&name).unwrap();
            prop_assert_eq!(Pattern::new(&pattern).matches(&mailbox), naive(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
