//! DELETE (RFC 9051 §6.3.5).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::mailbox::MailboxName;

/// The arguments of DELETE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// Which mailbox.
    pub mailbox: MailboxName,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    cursor.end()?;
    Ok(Request::Run(Command::Delete(Delete { mailbox })))
}
