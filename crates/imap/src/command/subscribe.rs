//! SUBSCRIBE (RFC 9051 §6.3.7).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::mailbox::MailboxName;

/// The arguments of SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Which mailbox.
    pub mailbox: MailboxName,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    cursor.end()?;
    Ok(Request::Run(Command::Subscribe(Subscribe { mailbox })))
}
