//! CAPABILITY (RFC 9051 §6.1.1): no arguments.

use super::Request;
use crate::cursor::{Cursor, Numbering, Parsed};

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.end()?;
    Ok(Request::Capability)
}
