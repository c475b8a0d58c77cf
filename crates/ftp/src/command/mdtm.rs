//! MDTM: when a file last changed (RFC 3659 §3) or, with a time before the path, that it be so, as some
//! clients want it.

use super::{Args, mfmt};
use crate::ask::{FilesAnswer, FilesAsk, FilesError};
use crate::listing::Kind;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};
use crate::timestamp::{parse_time_val, time_val};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let argument = args.some()?;
    if let Ok((time, path)) = args.word_and_rest()
        && let Some(modified_ms) = parse_time_val(time)
    {
        return mfmt::set(area.path(path)?, modified_ms);
    }
    let ask = FilesAsk::Look { path: area.path(argument)?, parts: false };
    Next::files(ask, |_, told, out| {
        let entry = match told {
            Ok(FilesAnswer::Entry(entry)) if entry.kind == Kind::File => entry,
            Ok(_) | Err(FilesError::NotFound | FilesError::NotAFile) => return Err(Refusal::NotRetrievable),
            Err(error) => return Err(error.into()),
        };
        reply::line(out, 213, &time_val(entry.modified_ms));
        Ok(())
    })
}
