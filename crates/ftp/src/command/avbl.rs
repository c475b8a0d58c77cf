//! AVBL: how much may be stored in a folder, the quota considered.

use super::Args;
use crate::ask::{FilesAnswer, FilesAsk, FilesError};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.all())?;
    Next::files(FilesAsk::Room(path), |_, told, out| {
        let FilesAnswer::Room(room_bytes) = told? else { return Err(FilesError::Unavailable.into()) };
        reply::line(out, 213, &room_bytes.to_string());
        Ok(())
    })
}
