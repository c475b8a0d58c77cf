//! The message of PLAIN (RFC 4616 §2): `[authzid] NUL authcid NUL passwd`.

use crate::exchange::check_password;
use crate::failure::{Failure, Malformed, Refusal};
use crate::prepare;
use crate::secret::Secret;

/// Takes the message apart into the prepared user and the password.
///
/// An authzid may only repeat the authcid: nobody acts for somebody else here.
pub(crate) fn parse(message: &[u8]) -> Result<(String, Secret), Failure> {
    let mut fields = message.split(|&b| b == 0);
    let (Some(authzid), Some(authcid), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Malformed::Fields.into());
    };
    let authzid = std::str::from_utf8(authzid).map_err(|_| Malformed::Utf8)?;
    let authcid = std::str::from_utf8(authcid).map_err(|_| Malformed::Utf8)?;
    let user = prepare::user(authcid)?;
    let password = check_password(password)?;
    check_authorization(authzid, &user)?;
    Ok((user, password))
}

/// Whether a client that proved to be `user` may act as `authzid` (empty: as itself).
pub(crate) fn check_authorization(authzid: &str, user: &str) -> Result<(), Failure> {
    if authzid.is_empty() || prepare::user(authzid)?.eq_ignore_ascii_case(user) {
        Ok(())
    } else {
        Err(Refusal::Authorization.into())
    }
}
