//! LIST: the size of each message that is not marked, or of one (RFC 1939 §5).

use super::{Args, Turn};
use crate::refusal::Refusal;
use crate::reply;
use crate::sending::Sending;
use crate::transaction::{Next, Transaction};

pub(crate) fn run(open: &mut Transaction, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let Some(word) = args.optional()? else {
        reply::ok(turn.out, &format!("{} messages ({} octets)", open.left(), open.left_octets()));
        return Ok(Next::Send(Sending::Sizes { next: 1 }));
    };
    let number = args.message(word)?;
    let message = open.message(number)?;
    reply::ok(turn.out, &format!("{number} {}", message.size_octets));
    Ok(Next::Stay)
}
