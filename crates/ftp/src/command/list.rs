//! LIST: a listing for people, in the form of `ls -l` (RFC 959 §4.1.3).

use super::Args;
use crate::ask::{Action, Target};
use crate::listing::{Format, without_options};
use crate::pattern::Pattern;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Opening, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let what = target(area, without_options(args.all()))?;
    area.transfer(Action::List { what, format: Format::Long }, Opening::List, turn)
}

/// What an argument of LIST, NLST or STAT names. Only its last name can be a pattern; in those before it
/// `*` is a letter like others, so that one command never looks into many folders.
pub(super) fn target(area: &Area, argument: &[u8]) -> Result<Target, Refusal> {
    let path = area.path(argument)?;
    let at = argument.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let (folder, last) = argument.split_at(at);
    let pattern = std::str::from_utf8(last).ok().and_then(Pattern::new);
    Ok(match pattern {
        Some(pattern) => Target::Matching { folder: area.path(folder)?, pattern },
        None => Target::Path(path),
    })
}
