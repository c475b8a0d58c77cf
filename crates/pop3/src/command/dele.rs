//! DELE: marks a message, to be removed by QUIT (RFC 1939 §5).

use super::{Args, Turn};
use crate::refusal::Refusal;
use crate::reply;
use crate::transaction::{Next, Transaction};

pub(crate) fn run(open: &mut Transaction, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let [word] = args.words()?;
    let number = args.message(word)?;
    open.mark(number)?;
    reply::ok(turn.out, &format!("Message {number} marked as deleted"));
    Ok(Next::Stay)
}
