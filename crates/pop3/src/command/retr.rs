//! RETR: a whole message (RFC 1939 §5).

use super::{Args, Turn};
use crate::refusal::Refusal;
use crate::transaction::{Next, Transaction};

/// The reply follows with the content.
pub(crate) fn run(open: &mut Transaction, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let [word] = args.words()?;
    let message = open.message(args.message(word)?)?;
    Ok(Next::Fetch { token: message.token, top_lines: None })
}
