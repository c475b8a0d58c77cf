//! LSUB (RFC 3501 §6.3.9, gone in RFC 9051).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::pattern::Pattern;

/// The arguments of LSUB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lsub {
    /// Which subscriptions, the reference in front.
    pub pattern: Pattern,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let reference = cursor.astring()?;
    cursor.space()?;
    let pattern = cursor.list_mailbox()?;
    cursor.end()?;
    let pattern = Pattern::from_wire(&reference, &pattern, cursor.dialect());
    Ok(Request::Run(Command::Lsub(Lsub { pattern })))
}
