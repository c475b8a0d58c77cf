//! HASH: the digest of a file or, after RANG, of a part of it.

use super::Args;
use crate::ask::{ByteRange, FilesAnswer, FilesAsk, FilesError, HashAlgorithm};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::state::{Area, Channel, Next, Once, Turn};
use std::fmt::Write;

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    let algorithm = area.hash.or(turn.settings.hashes.first().copied()).ok_or(Refusal::NotOffered)?;
    let range = if let Once::Range(range) = turn.once { range } else { ByteRange::default() };
    let ask = FilesAsk::Digest { path: path.clone(), algorithm, range };
    Next::files(ask, move |_, told, out| {
        let FilesAnswer::Digest { digest, start, end } = told? else {
            return Err(FilesError::Unavailable.into());
        };
        let mut hex = String::new();
        for byte in digest {
            // A String takes all that is written.
            let _ = write!(hex, "{byte:02x}");
        }
        reply::line(out, 213, &format!("{} {start}-{end} {hex} {path}", algorithm.name()));
        Ok(())
    })
}

/// The algorithm that OPTS HASH names, if it is offered.
pub(super) fn offered(settings: &Settings, name: &[u8]) -> Option<HashAlgorithm> {
    HashAlgorithm::by_name(name).filter(|known| settings.hashes.contains(known))
}

/// All algorithms, the current one starred.
pub(crate) fn feature(settings: &Settings, _: &Channel, area: Option<&Area>) -> Option<String> {
    let current = area.and_then(|area| area.hash).or(settings.hashes.first().copied())?;
    let star = |known: &HashAlgorithm| if *known == current { "*" } else { "" };
    let names: Vec<String> =
        settings.hashes.iter().map(|known| format!("{}{}", known.name(), star(known))).collect();
    Some(format!("HASH {}", names.join(";")))
}
