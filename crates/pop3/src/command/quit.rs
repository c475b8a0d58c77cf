//! QUIT: the end before login (RFC 1939 §4), or the way into the UPDATE state (§6).

use super::{Args, Turn};
use crate::authorization::{self, Authorization};
use crate::refusal::Refusal;
use crate::reply;
use crate::transaction::{self, Transaction};

/// What is said when all went well.
pub(crate) const FAREWELL: &str = "Bye";

pub(crate) fn before(
    _: &mut Authorization,
    args: Args<'_>,
    turn: &mut Turn<'_>,
) -> Result<authorization::Next, Refusal> {
    args.none()?;
    reply::ok(turn.out, FAREWELL);
    Ok(authorization::Next::Close)
}

/// The reply follows when the messages are removed and the lock is released.
pub(crate) fn during(
    _: &mut Transaction,
    args: Args<'_>,
    _: &mut Turn<'_>,
) -> Result<transaction::Next, Refusal> {
    args.none()?;
    Ok(transaction::Next::Update)
}
