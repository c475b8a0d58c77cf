//! LOGIN (RFC 9051 §6.2.3).

use super::Request;
use crate::cursor::{Cursor, Numbering, Parsed};
use std::fmt;

/// The arguments of LOGIN.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: String,
    /// The secret, kept out of [`fmt::Debug`].
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let user = cursor.text()?;
    cursor.space()?;
    let password = cursor.text()?;
    cursor.end()?;
    Ok(Request::Login(Login { user, password }))
}
