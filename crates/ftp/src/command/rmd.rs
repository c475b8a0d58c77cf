//! RMD: remove an empty folder (RFC 959 §4.1.3).

use super::Args;
use crate::ask::FilesAsk;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    if path.is_root() {
        return Err(Refusal::Root("Can't remove root directory."));
    }
    Next::change(FilesAsk::RemoveFolder(path), 250, "Directory removed.")
}
