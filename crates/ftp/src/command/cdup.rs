//! CDUP: one folder up (RFC 959 §4.1.1). At the root it stays.

use super::{Args, cwd};
use crate::refusal::Refusal;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    cwd::enter(area.cwd.parent())
}
