//! PASS: the password of the name that USER gave (RFC 1939 §7).

use super::{Args, Turn};
use crate::authorization::{Authorization, Next};
use crate::refusal::Refusal;
use sasl::Secret;

/// The password is all behind the first space, spaces included (RFC 1939 §7). A name serves one
/// PASS alone.
pub(crate) fn run(state: &mut Authorization, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    if !super::user::is_allowed(turn.offer) {
        return Err(Refusal::TlsNeeded);
    }
    let user = state.user.take().ok_or(Refusal::NoUser)?;
    let password = args.all()?;
    // RFC 6856 §2.2: passwords that are not UTF-8 must be refused.
    std::str::from_utf8(password).map_err(|_| Refusal::BadName)?;
    Ok(Next::Verify { user, password: Secret::from(password) })
}
