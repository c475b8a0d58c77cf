//! LANG: the language of replies, which is English (RFC 2640 §4).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

/// Without a language it is the default again. `en-GB` is served by `en`.
pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let tag = args.all().trim_ascii();
    let primary = tag.split(|byte| *byte == b'-').next().unwrap_or_default();
    if !tag.is_empty() && !primary.eq_ignore_ascii_case(b"EN") {
        return Err(Refusal::NotForParameter("No such language."));
    }
    reply::line(turn.out, 200, "Replies are in English.");
    Ok(Next::Stay)
}
