//! RETR: a file to the client (RFC 959 §4.1.3).

use super::Args;
use crate::ask::Action;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Opening, Turn};

/// Who was told the length of a part would take the older file's first bytes for all of it.
pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    if let Some(told) = area.part_told.as_ref().filter(|told| told.replaces && told.path == path) {
        return Err(Refusal::PartTold(told.size_bytes));
    }
    let (offset, representation) = (turn.once.offset(), area.representation);
    area.transfer(Action::Retrieve { path, offset, representation }, Opening::Retrieve, turn)
}
