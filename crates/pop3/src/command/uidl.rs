//! UIDL: the unique id of each message that is not marked, or of one (RFC 1939 §7).

use super::{Args, Stage, Turn};
use crate::refusal::Refusal;
use crate::reply;
use crate::sending::Sending;
use crate::settings::Settings;
use crate::transaction::{Next, Transaction};

pub(crate) fn run(open: &mut Transaction, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let Some(word) = args.optional()? else {
        reply::ok(turn.out, "Unique ids follow");
        return Ok(Next::Send(Sending::UniqueIds { next: 1 }));
    };
    let number = args.message(word)?;
    let message = open.message(number)?;
    reply::ok(turn.out, &format!("{number} {}", message.unique_id.as_str()));
    Ok(Next::Stay)
}

/// RFC 2449 §6.8.
pub(crate) fn capability(_: &Settings, _: &sasl::Offer, _: Stage) -> Option<String> {
    Some("UIDL".to_string())
}
