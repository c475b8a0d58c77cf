//! SELECT (RFC 9051 §6.3.2) and its parameters (RFC 7162 §3.1.8).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::limits;
use crate::mailbox::MailboxName;

/// The arguments of SELECT and EXAMINE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// EXAMINE: nothing in the mailbox may change.
    pub read_only: bool,
    /// `(CONDSTORE)`
    pub condstore: bool,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    arguments(cursor, false)
}

/// What stands behind the name of SELECT or EXAMINE.
pub(super) fn arguments(cursor: &mut Cursor, read_only: bool) -> Parsed<Request> {
    cursor.space()?;
    let name = cursor.astring()?;
    let mut condstore = false;
    if cursor.rest().starts_with(b" (") {
        cursor.space()?;
        cursor.list(limits::OPTIONS_MAX, |cursor| match cursor.word("a parameter")?.as_str() {
            "CONDSTORE" => {
                condstore = true;
                Ok(())
            }
            _ => cursor.fault("CONDSTORE"),
        })?;
    }
    cursor.end()?;
    Ok(match MailboxName::from_wire(&name, cursor.dialect()) {
        Ok(mailbox) => Request::Run(Command::Select(Select { mailbox, read_only, condstore })),
        Err(error) => Request::SelectNothing(error),
    })
}
