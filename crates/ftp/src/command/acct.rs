//! ACCT: nobody needs an account beside the user's (RFC 959 §4.1.1).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let Login::In(_) = login else { return Err(Refusal::NotLoggedIn) };
    args.some()?;
    reply::line(turn.out, 202, "Not needed here.");
    Ok(Next::Stay)
}
