//! FEAT: what is offered beyond RFC 959 (RFC 2389 §3), before login too: clients ask first.

use super::{Args, COMMANDS};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    let area = if let Login::In(area) = login { Some(&**area) } else { None };
    let features = COMMANDS.iter().filter_map(|row| row.feature(turn.settings, turn.channel, area));
    reply::lines(turn.out, 211, "Features:", features, "End");
    Ok(Next::Stay)
}
