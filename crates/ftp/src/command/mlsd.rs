//! MLSD: a listing for programs (RFC 3659 §7).

use super::Args;
use crate::ask::{Action, Target};
use crate::listing::Format;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Opening, Turn};

/// The argument is a folder's path and nothing else: no options, no patterns (RFC 3659 §7.1).
pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let what = Target::Path(area.path(args.all())?);
    area.transfer(Action::List { what, format: Format::Facts(area.facts) }, Opening::Mlsd, turn)
}
