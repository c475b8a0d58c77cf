//! UTF8: messages and replies may be UTF-8 from here on (RFC 6856 §2.1).

use super::{Args, Stage, Turn};
use crate::authorization::{Authorization, Next};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;

pub(crate) fn run(state: &mut Authorization, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    state.utf8 = true;
    reply::ok(turn.out, "UTF-8 it is");
    Ok(Next::Stay)
}

/// `USER`: names and passwords may be UTF-8 (RFC 6856 §2.2).
pub(crate) fn capability(_: &Settings, _: &sasl::Offer, _: Stage) -> Option<String> {
    Some("UTF8 USER".to_string())
}
