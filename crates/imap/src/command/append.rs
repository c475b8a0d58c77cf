//! APPEND (RFC 9051 §6.3.12, RFC 3516 §4.4 for literal8).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::date::DateTime;
use crate::flag::Flags;
use crate::mailbox::MailboxName;
use std::fmt;

/// The arguments of APPEND.
#[derive(Clone, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: MailboxName,
    /// The flags of the new message.
    pub flags: Flags,
    /// Its internal date; `None`: now.
    pub internal_date: Option<DateTime>,
    /// The message as sent.
    pub message: Vec<u8>,
    /// Sent as literal8: the message may hold NUL.
    pub binary: bool,
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append")
            .field("mailbox", &self.mailbox)
            .field("flags", &self.flags)
            .field("internal_date", &self.internal_date)
            .field("message_len", &self.message.len())
            .field("binary", &self.binary)
            .finish()
    }
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    cursor.space()?;
    let mut flags = Flags::default();
    if cursor.peek() == Some(b'(') {
        flags = Flags::parse_list(cursor)?;
        cursor.space()?;
    }
    let mut internal_date = None;
    if cursor.peek() == Some(b'"') {
        internal_date = Some(DateTime::parse(cursor)?);
        cursor.space()?;
    }
    let (message, binary) = cursor.final_literal()?;
    // RFC 9051 §9: a literal holds no NUL; only a literal8 may.
    if !binary && message.contains(&0) {
        return cursor.fault("a message without NUL");
    }
    Ok(Request::Run(Command::Append(Append { mailbox, flags, internal_date, message, binary })))
}
