//! NOOP: nothing (RFC 959 §4.1.3).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    reply::line(turn.out, 200, "Still here.");
    Ok(Next::Stay)
}
