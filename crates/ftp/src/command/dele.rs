//! DELE: remove a file (RFC 959 §4.1.3).

use super::Args;
use crate::ask::FilesAsk;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    Next::change(FilesAsk::RemoveFile(area.path(args.some()?)?), 250, "File removed.")
}
