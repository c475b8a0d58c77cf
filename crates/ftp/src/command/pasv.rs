//! PASV: where the client reaches us with the data connection (RFC 959 §4.1.2).

use super::Args;
use crate::ask::{Ask, Listen, Route};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Pending, Turn};
use std::net::Ipv4Addr;

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    if area.epsv_all {
        return Err(Refusal::EpsvAll);
    }
    if turn.channel.client.is_ipv6() {
        return Err(Refusal::PasvOnV6);
    }
    Ok(Next::Ask(Ask::Listen(Listen::Pasv, area.haste()), Pending::Listen(Listen::Pasv)))
}

/// The reply, in the form that RFC 1123 §4.1.2.6 makes clients look for.
pub(crate) fn listening(area: &mut Area, address: Ipv4Addr, port: u16, out: &mut Vec<u8>) {
    area.route = Some(Route::Passive);
    area.passive_port = Some(port);
    let ([a, b, c, d], [high, low]) = (address.octets(), port.to_be_bytes());
    reply::line(out, 227, &format!("Entering Passive Mode ({a},{b},{c},{d},{high},{low})."));
}
