//! ID (RFC 2971). What clients say of themselves is checked and given on; it is never to be logged
//! as sent.

use super::Request;
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::error::Fault;
use crate::limits;

/// The arguments of ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// What the client says of itself; none for NIL.
    pub pairs: Vec<IdPair>,
}

/// A field and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPair {
    /// At most [`limits::ID_FIELD_LEN_MAX_BYTES`] bytes.
    pub field: Vec<u8>,
    /// At most [`limits::ID_VALUE_LEN_MAX_BYTES`] bytes.
    pub value: Option<Vec<u8>>,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let pairs =
        if cursor.keyword("NIL") { Vec::new() } else { cursor.list_or_empty(limits::ID_PAIRS_MAX, pair)? };
    cursor.end()?;
    Ok(Request::Id(Id { pairs }))
}

fn pair(cursor: &mut Cursor) -> Parsed<IdPair> {
    let field = cursor.string()?;
    cursor.space()?;
    let value = cursor.nstring()?;
    let value_len = value.as_ref().map_or(0, Vec::len);
    // RFC 2971 §3.3: fields of at most 30, values of at most 1024 bytes.
    if field.len() > limits::ID_FIELD_LEN_MAX_BYTES || value_len > limits::ID_VALUE_LEN_MAX_BYTES {
        return Err(Fault::TooMany { what: "bytes in a value", count_max: limits::ID_VALUE_LEN_MAX_BYTES });
    }
    Ok(IdPair { field, value })
}
