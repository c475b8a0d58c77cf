//! EXAMINE (RFC 9051 §6.3.3): SELECT without the right to change anything.

use super::{Request, select};
use crate::cursor::{Cursor, Numbering, Parsed};

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    select::arguments(cursor, true)
}
