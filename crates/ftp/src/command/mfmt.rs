//! MFMT: set when a file last changed.

use super::Args;
use crate::ask::FilesAsk;
use crate::path::VirtualPath;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Turn};
use crate::timestamp::{parse_time_val, time_val};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let (time, path) = args.word_and_rest()?;
    let modified_ms =
        parse_time_val(time).ok_or(Refusal::Invalid("Invalid time format, use YYYYMMDDhhmmss."))?;
    set(area.path(path)?, modified_ms)
}

/// Sets it, with the reply that the draft gives.
pub(super) fn set(path: VirtualPath, modified_ms: i64) -> Result<Next, Refusal> {
    let reply = format!("Modify={}; {path}", time_val(modified_ms));
    Next::change(FilesAsk::SetModified { path, modified_ms }, 213, reply)
}
