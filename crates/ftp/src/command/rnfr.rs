//! RNFR: what to rename (RFC 959 §4.1.3).

use super::Args;
use crate::ask::FilesAsk;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Once, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    if path.is_root() {
        return Err(Refusal::Root("Can't rename home directory."));
    }
    Next::files(FilesAsk::Look { path: path.clone(), parts: false }, |area, told, out| {
        told?;
        area.once = Once::RenameFrom(path);
        reply::line(out, 350, "RNTO comes next.");
        Ok(())
    })
}
