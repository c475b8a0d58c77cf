//! EPSV: where the client reaches us with the data connection, by the port alone (RFC 2428 §3).

use super::{Args, number};
use crate::ask::{Ask, Listen, Route};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::state::{Area, Channel, Next, Pending, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    if area.profile.no_epsv {
        return Err(Refusal::NotOffered);
    }
    let argument = args.all().trim_ascii();
    if argument.eq_ignore_ascii_case(b"ALL") {
        area.epsv_all = true;
        reply::line(turn.out, 200, "Only EPSV from here on.");
        return Ok(Next::Stay);
    }
    let own = if turn.channel.client.is_ipv6() { 2 } else { 1 };
    if !argument.is_empty() && number(argument).ok_or(args.syntax())? != u64::from(own) {
        return Err(Refusal::Family(own));
    }
    Ok(Next::Ask(Ask::Listen(Listen::Epsv, area.haste()), Pending::Listen(Listen::Epsv)))
}

/// The reply, in exactly this form (RFC 2428 §3).
pub(crate) fn listening(area: &mut Area, port: u16, out: &mut Vec<u8>) {
    area.route = Some(Route::Passive);
    area.passive_port = Some(port);
    reply::line(out, 229, &format!("Entering Extended Passive Mode (|||{port}|)"));
}

pub(crate) fn feature(_: &Settings, _: &Channel, area: Option<&Area>) -> Option<String> {
    (!area.is_some_and(|area| area.profile.no_epsv)).then(|| "EPSV".to_string())
}
