//! RNTO: its new path (RFC 959 §4.1.3), right behind RNFR.

use super::Args;
use crate::ask::{FilesAsk, FilesError};
use crate::refusal::Refusal;
use crate::state::{Area, Next, Once, Turn};
use std::mem;

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let to = args.some()?;
    let Once::RenameFrom(from) = mem::take(&mut turn.once) else { return Err(Refusal::NoRenameFrom) };
    let to = area.path(to)?;
    if to.is_root() {
        return Err(FilesError::Exists.into());
    }
    Next::change(FilesAsk::Rename { from, to }, 250, "Renamed.")
}
