//! REIN: as after the greeting (RFC 959 §4.1.1). A transfer is completed first. TLS stays, though RFC 4217
//! §11 wants it gone: nobody gains from passwords in the clear.

use super::Args;
use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Channel, Login, Next, Pending, Turn};

pub(crate) fn run(login: &mut Login, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    match login {
        Login::Nobody => Err(Refusal::NotLoggedIn),
        Login::Named(_) | Login::In(_) => Ok(Next::Ask(Ask::LogOut, Pending::LogOut)),
    }
}

/// Nobody is logged in any more.
pub(crate) fn done(login: &mut Login, channel: &mut Channel, out: &mut Vec<u8>) {
    *login = Login::Nobody;
    channel.reset();
    channel.host = None;
    reply::line(out, 220, "Ready for a new user.");
}
