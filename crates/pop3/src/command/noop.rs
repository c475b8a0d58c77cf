//! NOOP: nothing, but the inactivity timer begins anew (RFC 1939 §5).

use super::{Args, Turn};
use crate::refusal::Refusal;
use crate::reply;
use crate::transaction::{Next, Transaction};

pub(crate) fn run(_: &mut Transaction, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    reply::ok(turn.out, "Done");
    Ok(Next::Stay)
}
