//! EPRT: where the client awaits the data connection, for IPv6 as well (RFC 2428 §2).

use super::Args;
use crate::address::{AddressError, check, parse_eprt};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let argument = args.word()?;
    if area.epsv_all {
        return Err(Refusal::EpsvAll);
    }
    let client = turn.channel.client;
    let named = parse_eprt(argument, client.is_ipv6()).map_err(|error| match error {
        AddressError::Syntax => Refusal::Invalid("Invalid EPRT format."),
        AddressError::Family => Refusal::Family(if client.is_ipv6() { 2 } else { 1 }),
    })?;
    let target = check(named, client, area.profile.active_use_control_address).map_err(|refusal| {
        if refusal == Refusal::PrivilegedPort { Refusal::PrivilegedExtendedPort } else { refusal }
    })?;
    area.arrange_active(target);
    reply::line(turn.out, 200, "Active data connection arranged.");
    Ok(Next::Stay)
}
