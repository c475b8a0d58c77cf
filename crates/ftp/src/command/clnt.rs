//! CLNT: what the client calls itself, for the log.

use super::Args;
use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::state::{Login, Next, Pending, Turn};

/// Longest name in bytes that is kept.
const NAME_LEN_MAX_BYTES: usize = 100;

pub(crate) fn run(_: &mut Login, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    called(args, "Noted.")
}

/// Passes the name on, and answers with this text.
pub(super) fn called(args: Args<'_>, text: &'static str) -> Result<Next, Refusal> {
    Ok(Next::Ask(Ask::Called { name: printable(args.word()?) }, Pending::Called(text)))
}

/// The beginning of a text, with `?` for what is no printable ASCII.
fn printable(text: &[u8]) -> String {
    let plain = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '?' };
    text.iter().take(NAME_LEN_MAX_BYTES).map(plain).collect()
}
