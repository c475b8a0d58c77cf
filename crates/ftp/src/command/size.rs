//! SIZE: how many bytes RETR will send (RFC 3659 §4).

use super::Args;
use crate::ask::{FilesAnswer, FilesAsk, FilesError, Representation};
use crate::listing::Kind;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, PartTold, Turn};

/// In ASCII only a reading of the whole file would tell (RFC 3659 §4.1 lets us refuse). Of an upload that
/// was cut it tells how much is here, so that the client can go on with REST or APPE; also if there is an
/// older file, which the client would otherwise go on with. RETR would give that older file's bytes, and
/// is refused from then on: see `retr`.
pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    if area.representation == Representation::Ascii {
        return Err(Refusal::SizeInAscii);
    }
    Next::files(FilesAsk::Look { path: path.clone(), parts: true }, move |area, told, out| {
        area.part_told.take_if(|told| told.path == path);
        let entry = match told {
            Ok(FilesAnswer::Entry(entry)) if entry.kind == Kind::File => entry,
            Ok(FilesAnswer::Part { size_bytes, replaces }) => {
                reply::line(out, 213, &size_bytes.to_string());
                area.part_told = Some(PartTold { path, size_bytes, replaces });
                return Ok(());
            }
            Ok(_) | Err(FilesError::NotFound | FilesError::NotAFile) => return Err(Refusal::NotRetrievable),
            Err(error) => return Err(error.into()),
        };
        reply::line(out, 213, &entry.size_bytes.to_string());
        Ok(())
    })
}
