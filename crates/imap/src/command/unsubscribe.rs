//! UNSUBSCRIBE (RFC 9051 §6.3.8).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::mailbox::MailboxName;

/// The arguments of UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Which mailbox.
    pub mailbox: MailboxName,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    cursor.end()?;
    Ok(Request::Run(Command::Unsubscribe(Unsubscribe { mailbox })))
}
