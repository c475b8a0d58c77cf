//! MLST: facts of one file or folder, on the control connection (RFC 3659 §7).

use super::Args;
use crate::ask::{FilesAnswer, FilesAsk, FilesError};
use crate::listing::{Facts, write_facts};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::state::{Area, Channel, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.all())?;
    Next::files(FilesAsk::Look { path: path.clone(), parts: false }, move |area, told, out| {
        let FilesAnswer::Entry(entry) = told? else { return Err(FilesError::Unavailable.into()) };
        let mut facts = Vec::new();
        write_facts(area.facts, &entry, &mut facts);
        facts.push(b' ');
        facts.extend_from_slice(path.as_str().as_bytes());
        reply::lines(out, 250, "Facts:", [facts], "End");
        Ok(())
    })
}

/// RFC 3659 §7.8.
pub(crate) fn feature(_: &Settings, _: &Channel, area: Option<&Area>) -> Option<String> {
    let facts = area.map_or(Facts::default(), |area| area.facts);
    Some(format!("MLST {}", facts.starred()))
}
