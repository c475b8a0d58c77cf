//! STOR: a file from the client (RFC 959 §4.1.3).

use super::Args;
use crate::ask::{Action, Placing};
use crate::refusal::Refusal;
use crate::state::{Area, Next, Opening, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    let part = area.take_part(&path);
    let placing = match turn.once.offset() {
        0 => Placing::Whole(path),
        offset => Placing::At { path, offset, part },
    };
    store(area, placing, turn)
}

/// An upload, wherever it goes.
pub(super) fn store(area: &mut Area, placing: Placing, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let opening = if let Placing::Unique { .. } = placing { Opening::Unique } else { Opening::Store };
    let (representation, make_parents) = (area.representation, area.profile.make_parents);
    area.transfer(Action::Store { placing, representation, make_parents }, opening, turn)
}
