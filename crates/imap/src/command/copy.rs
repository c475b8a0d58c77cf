//! COPY (RFC 9051 §6.4.7).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::mailbox::MailboxName;
use crate::set::SequenceSet;

/// The arguments of COPY and MOVE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What the numbers are.
    pub numbering: Numbering,
    /// Which messages.
    pub messages: SequenceSet,
    /// Where to.
    pub mailbox: MailboxName,
}

pub(super) fn parse(cursor: &mut Cursor, numbering: Numbering) -> Parsed<Request> {
    Ok(Request::Run(Command::Copy(arguments(cursor, numbering)?)))
}

/// What stands behind the name of COPY or MOVE.
pub(super) fn arguments(cursor: &mut Cursor, numbering: Numbering) -> Parsed<Copy> {
    cursor.space()?;
    let messages = SequenceSet::parse(cursor)?;
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    cursor.end()?;
    Ok(Copy { numbering, messages, mailbox })
}
