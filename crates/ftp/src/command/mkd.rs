//! MKD: make a folder (RFC 959 §4.1.3).

use super::Args;
use crate::ask::{FilesAsk, FilesError};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    if path.is_root() {
        return Err(FilesError::Exists.into());
    }
    let reply = format!("{} created.", reply::quoted(&path));
    Next::change(FilesAsk::MakeFolder(path), 257, reply)
}
