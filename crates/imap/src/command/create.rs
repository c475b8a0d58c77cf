//! CREATE (RFC 9051 §6.3.4). Parameters, such as USE of RFC 6154, belong to extensions that are not
//! offered, and are refused.

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::mailbox::{self, MailboxName, SEPARATOR};

/// The arguments of CREATE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Which mailbox.
    pub mailbox: MailboxName,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let name = mailbox::decode(&cursor.astring()?, cursor.dialect())?;
    cursor.end()?;
    // RFC 9051 §6.3.4: a separator at the end announces names below; the name is without it.
    let mailbox = MailboxName::new(name.strip_suffix(SEPARATOR).unwrap_or(&name))?;
    Ok(Request::Run(Command::Create(Create { mailbox })))
}
