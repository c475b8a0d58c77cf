//! USER: who wants in (RFC 959 §4.1.1).

use super::Args;
use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::PlainLogins;
use crate::state::{Login, Next, Pending, Turn};

/// Known and unknown names get the same answer (RFC 2577 §7). After a login it begins another.
pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let name = std::str::from_utf8(args.word()?).map_err(|_| Refusal::BadUser)?;
    let user = sasl::prepare::user(name).map_err(|_| Refusal::BadUser)?;
    match login {
        Login::In(_) => Ok(Next::Ask(Ask::LogOut, Pending::LogOutFor(user))),
        Login::Nobody | Login::Named(_) => name_user(login, user, turn),
    }
}

/// Takes the name, if a password may follow on this connection.
///
/// Refusing here keeps passwords from being sent in the clear; but to refuse people and not devices would
/// tell which names are devices. So it is refused here only where nobody may log in without TLS, which is
/// the same for every name. Where devices may, a person's client that came without TLS does send its
/// password: that is the price of such devices, which the operator pays by marking one.
pub(crate) fn name_user(login: &mut Login, user: String, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    *login = Login::Nobody;
    match turn.settings.plain_logins {
        _ if turn.channel.tls => {}
        PlainLogins::Always => {}
        PlainLogins::Never => return Err(Refusal::TlsNeeded),
        PlainLogins::Devices => {
            let ask = Ask::MayLogInPlain { user: user.clone(), host: turn.channel.host.clone() };
            return Ok(Next::Ask(ask, Pending::Plain(user)));
        }
    }
    accept(login, user, turn.out);
    Ok(Next::Stay)
}

/// Awaits the password.
pub(crate) fn accept(login: &mut Login, user: String, out: &mut Vec<u8>) {
    *login = Login::Named(user);
    reply::line(out, 331, "Password, please.");
}
