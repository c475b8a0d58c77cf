//! SYST: what the listings look like (RFC 959 §4.1.3).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

/// Clients look for exactly this, and parse LIST by it.
pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    reply::line(turn.out, 215, "UNIX Type: L8");
    Ok(Next::Stay)
}
