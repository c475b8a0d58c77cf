//! AUTHENTICATE (RFC 9051 §6.2.2, RFC 4959 for the initial response).

use super::Request;
use crate::cursor::{Cursor, Numbering, Parsed};
use std::fmt;

/// The arguments of AUTHENTICATE.
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism in capitals.
    pub mechanism: String,
    /// The initial response as sent: base64, or `=` for an empty one. It may hold a password and is
    /// kept out of [`fmt::Debug`].
    pub initial: Option<String>,
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mechanism = cursor.word("a mechanism")?;
    let initial = if cursor.skip(b' ') { Some(cursor.atom("a response in base64")?) } else { None };
    cursor.end()?;
    Ok(Request::Authenticate(Authenticate { mechanism, initial }))
}
