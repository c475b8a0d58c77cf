//! The story of a message: what is recorded of it, under which name, and how it is told.

use crate::auth::random;
use std::fmt;
use store::{TraceEvent, TraceId};

/// What kind of step an event is. The numbers are in the store: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// The message came in: by whom, how, how large.
    Received = 1,
    /// It lies in a mailbox.
    Delivered = 2,
    /// It, or a recipient, was refused.
    Refused = 3,
    /// It began to come in, and its client went.
    CutShort = 4,
}

impl Kind {
    /// The words before the detail.
    pub fn words(kind: u16) -> &'static str {
        match kind {
            1 => "received",
            2 => "delivered",
            3 => "refused",
            4 => "cut short",
            _ => "noted",
        }
    }
}

/// The name of a trace as replies, logs and trace fields show it: 13 letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(pub TraceId);

/// Crockford's alphabet: no letter looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..13).rev().try_for_each(|place| {
            let digit = (self.0.get() >> (5 * place)) & 31;
            write!(f, "{}", char::from(ALPHABET[digit as usize]))
        })
    }
}

impl Name {
    /// A new name: the time in its upper bits, so that traces sort by it, chance in the lower 20.
    pub fn new(unix_ms: i64) -> Name {
        let chance = random::<4>().map_or(0, u32::from_le_bytes);
        let time = u64::try_from(unix_ms).unwrap_or(0);
        Name(TraceId((time << 20 | u64::from(chance & 0xf_ffff)) & (u64::MAX >> 1)))
    }

    /// Reads a name; nothing if it is none.
    pub fn parse(text: &str) -> Option<Name> {
        if text.len() != 13 {
            return None;
        }
        let digit = |c: u8| ALPHABET.iter().position(|a| *a == c.to_ascii_lowercase());
        let value = text.bytes().try_fold(0u64, |n, c| Some(n.checked_mul(32)? | digit(c)? as u64))?;
        (value <= u64::MAX >> 1).then_some(Name(TraceId(value)))
    }
}

/// An event at `at_ms`.
pub fn event(kind: Kind, at_ms: i64, recipient: Option<&str>, detail: impl Into<String>) -> TraceEvent {
    TraceEvent { at_ms, recipient: recipient.map(str::to_string), kind: kind as u16, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_print_and_parse() {
        for value in [0, 1, 31, 32, u64::MAX >> 1, 1_800_000_000_000 << 20] {
            let name = Name(TraceId(value));
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        for text in ["", "0", "000000000000l", "zzzzzzzzzzzzz", "00000000000000"] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }
}
