//! RENAME (RFC 9051 §6.3.6).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::mailbox::MailboxName;

/// The arguments of RENAME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The mailbox that is renamed; INBOX is not, but its messages move.
    pub from: MailboxName,
    /// Its new name.
    pub to: MailboxName,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let from = cursor.mailbox()?;
    cursor.space()?;
    let to = cursor.mailbox()?;
    cursor.end()?;
    Ok(Request::Run(Command::Rename(Rename { from, to })))
}
