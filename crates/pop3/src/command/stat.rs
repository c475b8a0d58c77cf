//! STAT: how many messages and octets there are, marked ones left out (RFC 1939 §5).

use super::{Args, Turn};
use crate::refusal::Refusal;
use crate::reply;
use crate::transaction::{Next, Transaction};

pub(crate) fn run(open: &mut Transaction, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    reply::ok(turn.out, &format!("{} {}", open.left(), open.left_octets()));
    Ok(Next::Stay)
}
