//! CLNT: what the client calls itself, for the log.

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

/// Longest name in bytes that is kept.
const NAME_LEN_MAX_BYTES: usize = 100;

pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    turn.channel.client_name = Some(printable(args.word()?));
    reply::line(turn.out, 200, "Noted.");
    Ok(Next::Stay)
}

/// The beginning of a text, with `?` for what is no printable ASCII.
pub(super) fn printable(text: &[u8]) -> String {
    let plain = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '?' };
    text.iter().take(NAME_LEN_MAX_BYTES).map(plain).collect()
}
