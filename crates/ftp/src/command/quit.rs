//! QUIT: the end (RFC 959 §4.1.1). During a transfer it waits for that one's.

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    reply::line(turn.out, 221, "Goodbye.");
    Ok(Next::Close)
}
