//! TOP: the header of a message, the blank line, and so many lines of its body (RFC 1939 §7).

use super::{Args, Stage, Turn};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::transaction::{Next, Transaction};

/// The reply follows with the content. No lines at all is legal and gives the header.
pub(crate) fn run(open: &mut Transaction, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let [message, lines] = args.words()?;
    let (number, lines) = (args.message(message)?, args.count(lines)?);
    Ok(Next::Fetch { token: open.message(number)?.token, top_lines: Some(lines) })
}

/// RFC 2449 §6.1.
pub(crate) fn capability(_: &Settings, _: &sasl::Offer, _: Stage) -> Option<String> {
    Some("TOP".to_string())
}
