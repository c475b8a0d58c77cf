//! CWD: enter a folder (RFC 959 §4.1.1).

use super::Args;
use crate::ask::FilesAsk;
use crate::path::VirtualPath;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

/// Without a path it leads to the root, as a shell's `cd` leads home.
pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = args.all();
    enter(area.path(if path.is_empty() { b"/" } else { path })?)
}

/// Enters a folder once it is known to be one.
pub(super) fn enter(path: VirtualPath) -> Result<Next, Refusal> {
    Next::files(FilesAsk::Enter(path.clone()), |area, told, out| {
        told?;
        reply::line(out, 250, &format!("{} is the current directory.", reply::quoted(&path)));
        area.cwd = path;
        Ok(())
    })
}
