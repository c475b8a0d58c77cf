//! EXPUNGE (RFC 9051 §6.4.3) and UID EXPUNGE (§6.4.9, RFC 4315 §2.1).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::set::SequenceSet;

/// The arguments of EXPUNGE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expunge {
    /// Only messages with these UIDs; `None`: all that are marked \\Deleted.
    pub uids: Option<SequenceSet>,
}

pub(super) fn parse(cursor: &mut Cursor, numbering: Numbering) -> Parsed<Request> {
    let uids = match numbering {
        Numbering::Sequence => None,
        Numbering::Uid => {
            cursor.space()?;
            Some(SequenceSet::parse(cursor)?)
        }
    };
    cursor.end()?;
    Ok(Request::Run(Command::Expunge(Expunge { uids })))
}
