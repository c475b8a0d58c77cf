//! CCC: leave TLS, which we do not (RFC 4217 §5): behind it the control connection could be taken over.

use super::Args;
use crate::refusal::Refusal;
use crate::state::{Login, Next, Turn};

pub(crate) fn run(_: &mut Login, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    Err(Refusal::NoCcc)
}
