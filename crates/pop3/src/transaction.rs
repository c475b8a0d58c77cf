//! The TRANSACTION state: numbered messages, some of them marked as deleted (RFC 1939 §5).

use crate::maildrop::{Maildrop, Message, Token};
use crate::refusal::Refusal;
use crate::sending::Sending;

/// What a session owns while its maildrop is open.
#[derive(Debug)]
pub(crate) struct Transaction {
    messages: Vec<Message>,
    marked: Vec<bool>,
    left: usize,
    left_octets: u64,
    /// The client sent UTF8 before it logged in: messages go out as they are (RFC 6856 §2.1).
    pub(crate) utf8: bool,
}

/// What a command wants to happen next.
pub(crate) enum Next {
    /// It has answered.
    Stay,
    /// It has answered the first line; the rest follows.
    Send(Sending),
    /// The content of a message is needed, for RETR or, with so many body lines, TOP.
    Fetch { token: Token, top_lines: Option<u64> },
    /// QUIT: enter the UPDATE state.
    Update,
}

impl Transaction {
    /// Opens `maildrop`; sizes are those of what this session will be sent.
    pub(crate) fn new(maildrop: Maildrop, utf8: bool) -> Transaction {
        let mut messages = maildrop.messages;
        if !utf8 {
            for message in &mut messages {
                message.size_octets = message.surrogate_octets.unwrap_or(message.size_octets);
            }
        }
        let left_octets = total(&messages);
        let (marked, left) = (vec![false; messages.len()], messages.len());
        Transaction { messages, marked, left, left_octets, utf8 }
    }

    /// How many messages are not marked.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// The octets of those not marked.
    pub(crate) fn left_octets(&self) -> u64 {
        self.left_octets
    }

    /// The message of a number that is not marked. Numbers begin at 1 and never shift.
    pub(crate) fn message(&self, number: u64) -> Result<&Message, Refusal> {
        let at = self.index(number)?;
        Ok(&self.messages[at])
    }

    /// The first message from `number` on that is not marked, with its number.
    pub(crate) fn next_from(&self, number: usize) -> Option<(usize, &Message)> {
        let from = number.max(1) - 1;
        let at = from + self.marked.get(from..)?.iter().position(|marked| !marked)?;
        Some((at + 1, &self.messages[at]))
    }

    /// Marks a message as deleted.
    pub(crate) fn mark(&mut self, number: u64) -> Result<(), Refusal> {
        let at = self.index(number)?;
        self.marked[at] = true;
        self.left -= 1;
        self.left_octets = self.left_octets.saturating_sub(self.messages[at].size_octets);
        Ok(())
    }

    /// Takes all marks away.
    pub(crate) fn unmark_all(&mut self) {
        self.marked.fill(false);
        self.left = self.messages.len();
        self.left_octets = total(&self.messages);
    }

    /// What is to be removed in the UPDATE state.
    pub(crate) fn into_deleted(self) -> Vec<Token> {
        let marked = self.messages.iter().zip(&self.marked).filter(|(_, marked)| **marked);
        marked.map(|(message, _)| message.token).collect()
    }

    fn index(&self, number: u64) -> Result<usize, Refusal> {
        let at = number.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let at = at.filter(|at| *at < self.messages.len()).ok_or(Refusal::NoSuchMessage)?;
        if self.marked[at] { Err(Refusal::Marked) } else { Ok(at) }
    }
}

/// 64 bits hold the octets of any maildrop; more than that is told as the largest number.
fn total(messages: &[Message]) -> u64 {
    messages.iter().fold(0, |sum, message| sum.saturating_add(message.size_octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildrop::UniqueId;

    fn maildrop(sizes: &[u64]) -> Maildrop {
        let messages = sizes.iter().enumerate().map(|(at, size)| Message {
            token: Token(at as u64 + 100),
            unique_id: UniqueId::new(&format!("u{at}")).unwrap(),
            size_octets: *size,
            surrogate_octets: (at == 1).then_some(size.saturating_add(7)),
        });
        Maildrop { messages: messages.collect() }
    }

    #[test]
    fn totals_follow_marks() {
        let mut open = Transaction::new(maildrop(&[10, 20, 30]), true);
        assert_eq!((open.left(), open.left_octets()), (3, 60));
        open.mark(2).unwrap();
        assert_eq!((open.left(), open.left_octets()), (2, 40));
        assert_eq!(open.mark(2), Err(Refusal::Marked));
        assert_eq!((open.left(), open.left_octets()), (2, 40), "not counted twice");
        assert_eq!(open.next_from(2).map(|(number, _)| number), Some(3));
        open.unmark_all();
        assert_eq!((open.left(), open.left_octets()), (3, 60));
        open.mark(1).unwrap();
        open.mark(3).unwrap();
        assert_eq!(open.into_deleted(), [Token(100), Token(102)]);
    }

    #[test]
    fn totals_are_of_64_bits() {
        let open = Transaction::new(maildrop(&[u64::from(u32::MAX), 1, u64::from(u32::MAX)]), true);
        assert_eq!(open.left_octets(), 2 * u64::from(u32::MAX) + 1);
        assert_eq!(Transaction::new(maildrop(&[u64::MAX, 1]), true).left_octets(), u64::MAX);
    }

    #[test]
    fn numbers_out_of_range_name_no_message() {
        let open = Transaction::new(maildrop(&[10]), true);
        for number in [0, 2, u64::MAX] {
            assert_eq!(open.message(number).err(), Some(Refusal::NoSuchMessage));
        }
        assert!(open.message(1).is_ok());
        assert!(Transaction::new(maildrop(&[]), true).next_from(1).is_none());
    }

    #[test]
    fn sizes_are_of_what_this_session_gets() {
        assert_eq!(Transaction::new(maildrop(&[10, 20]), true).message(2).unwrap().size_octets, 20);
        assert_eq!(Transaction::new(maildrop(&[10, 20]), false).message(2).unwrap().size_octets, 27);
    }
}
