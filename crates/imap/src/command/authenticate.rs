//! AUTHENTICATE (RFC 9051 §6.2.2, RFC 4959 for the initial response).

use super::Request;
use crate::cursor::{Cursor, Numbering, Parsed};

/// The arguments of AUTHENTICATE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism in capitals.
    pub mechanism: String,
    /// The initial response as sent: base64, or `=` for an empty one.
    pub initial: Option<String>,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mechanism = cursor.word("a mechanism")?;
    let initial = if cursor.skip(b' ') { Some(cursor.atom("a response in base64")?) } else { None };
    cursor.end()?;
    Ok(Request::Authenticate(Authenticate { mechanism, initial }))
}
