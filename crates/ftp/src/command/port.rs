//! PORT: where the client awaits the data connection (RFC 959 §4.1.2).

use super::Args;
use crate::address::{check, parse_port};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let argument = args.word()?;
    if area.epsv_all {
        return Err(Refusal::EpsvAll);
    }
    if turn.channel.client.is_ipv6() {
        return Err(Refusal::PortOnV6);
    }
    let named = parse_port(argument).map_err(|_| Refusal::Invalid("Invalid PORT format."))?;
    let target = check(named, turn.channel.client, area.profile.active_use_control_address)?;
    area.arrange_active(target);
    reply::line(turn.out, 200, "Active data connection arranged.");
    Ok(Next::Stay)
}
