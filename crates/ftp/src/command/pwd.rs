//! PWD: the working folder (RFC 959 §4.1.3, Appendix II).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    // So does curl once, behind every login.
    area.asked_where = true;
    reply::line(turn.out, 257, &format!("{} is the current directory.", reply::quoted(&area.cwd)));
    Ok(Next::Stay)
}
