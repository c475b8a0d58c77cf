//! ENABLE (RFC 9051 §6.3.1, RFC 5161).

use super::Request;
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::error::Fault;
use crate::limits;

/// The arguments of ENABLE. Names that the server does not know are passed over (RFC 5161 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enable {
    /// IMAP4rev2
    pub rev2: bool,
    /// CONDSTORE (RFC 7162 §3.1)
    pub condstore: bool,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mut enable = Enable::default();
    let mut count = 0;
    loop {
        match cursor.word("a capability")?.as_str() {
            "IMAP4REV2" => enable.rev2 = true,
            "CONDSTORE" => enable.condstore = true,
            _ => {}
        }
        count += 1;
        if count > limits::OPTIONS_MAX {
            return Err(Fault::TooMany { what: "capabilities", count_max: limits::OPTIONS_MAX });
        }
        if !cursor.skip(b' ') || cursor.rest().is_empty() {
            break;
        }
    }
    cursor.end()?;
    Ok(Request::Enable(enable))
}
