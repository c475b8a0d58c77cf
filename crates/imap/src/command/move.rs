//! MOVE (RFC 9051 §6.4.8, RFC 6851).

use super::{Command, Request, copy};
use crate::cursor::{Cursor, Numbering, Parsed};

pub(super) fn parse(cursor: &mut Cursor, numbering: Numbering) -> Parsed<Request> {
    Ok(Request::Run(Command::Move(copy::arguments(cursor, numbering)?)))
}
