//! NOOP (RFC 9051 §6.1.2): no arguments.

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.end()?;
    Ok(Request::Run(Command::Noop))
}
