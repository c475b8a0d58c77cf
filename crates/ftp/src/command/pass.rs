//! PASS: the password of the name that USER gave (RFC 959 §4.1.1).

use super::Args;
use crate::ask::{Ask, LoggedIn};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Login, Next, Pending, Turn};
use sasl::Secret;

/// The password is all behind the first space; none at all is one too, and wrong. A name serves one PASS
/// alone.
pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let user = match login {
        Login::Nobody => return Err(Refusal::NoUser),
        Login::In(_) => return Err(Refusal::LoggedInAlready),
        Login::Named(user) => std::mem::take(user),
    };
    *login = Login::Nobody;
    let (host, password, tls) = (turn.channel.host.clone(), Secret::from(args.all()), turn.channel.tls);
    let ask = Ask::LogIn { user: user.clone(), host, password, tls };
    Ok(Next::Ask(ask, Pending::LogIn(user)))
}

/// The outside has judged.
pub(crate) fn judged(
    login: &mut Login,
    user: String,
    result: LoggedIn,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    match result {
        LoggedIn::Accepted(profile) => {
            *login = Login::In(Box::new(Area::new(user, profile)));
            reply::line(out, 230, "Logged in.");
            Ok(())
        }
        LoggedIn::Rejected => Err(Refusal::BadCredentials),
        LoggedIn::Unavailable => Err(Refusal::Unavailable),
    }
}
