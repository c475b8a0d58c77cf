//! ABOR: stop the transfer (RFC 959 §4.1.3). During a transfer the session sees to it itself; this is what
//! is left when none is under way.

use super::Args;
use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Pending, Turn};

pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    let Login::In(area) = login else { return Err(Refusal::NotLoggedIn) };
    if area.route.take().is_some() {
        return Ok(Next::Ask(Ask::Abort, Pending::Abort));
    }
    reply::line(turn.out, 225, "No transfer to abort.");
    Ok(Next::Stay)
}
