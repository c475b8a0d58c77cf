//! SIZE: how many bytes RETR will send (RFC 3659 §4).

use super::Args;
use crate::ask::{FilesAnswer, FilesAsk, FilesError, Representation};
use crate::listing::Kind;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

/// In ASCII only a reading of the whole file would tell (RFC 3659 §4.1 lets us refuse). Of an upload that
/// was cut it tells how much is here, so that the client can go on with REST or APPE.
pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    if area.representation == Representation::Ascii {
        return Err(Refusal::SizeInAscii);
    }
    Next::files(FilesAsk::Look { path, parts: true }, |_, told, out| {
        let entry = match told {
            Ok(FilesAnswer::Entry(entry)) if entry.kind == Kind::File => entry,
            Ok(_) | Err(FilesError::NotFound | FilesError::NotAFile) => return Err(Refusal::NotRetrievable),
            Err(error) => return Err(error.into()),
        };
        reply::line(out, 213, &entry.size_bytes.to_string());
        Ok(())
    })
}
