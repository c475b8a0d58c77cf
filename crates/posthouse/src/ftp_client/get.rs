//! Fetching one file: into `NAME.part`, compared, synced, then renamed.

use super::connection::{Connection, Shared};
use super::error::Error;
use super::local::Folder;
use super::{digest, segments};
use clap::ValueEnum;
use ftp::client::{Argument, Facts, Kind};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// What stands behind the name of a file that is not whole yet.
const PART: &[u8] = b".part";

/// Files smaller than this are not cut into segments: the further logins cost more than they bring.
pub const SEGMENTED_MIN_BYTES: u64 = 4 << 20;

/// How far contents are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verify {
    /// By digest where the server makes one, and by size always
    Auto,
    /// By digest, or it is a failure
    Require,
    /// By size alone
    Off,
}

/// How files are fetched and sent.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Go on where an earlier attempt ended.
    pub resume: bool,
    /// How many parts of one file are fetched at once.
    pub segments: usize,
    /// How contents are compared.
    pub verify: Verify,
}

/// What came of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// How many bytes went over the wire.
    pub bytes: u64,
    /// How many were there before.
    pub resumed_bytes: u64,
    /// The file's size.
    pub size_bytes: u64,
    /// By what it was compared beside the size.
    pub verified: Option<&'static str>,
}

/// Where a fetched file goes.
pub struct Place<'a> {
    /// The folder.
    pub folder: &'a Folder,
    /// The name in it.
    pub name: &'a [u8],
}

/// Fetches a file that is known to be one.
///
/// # Errors
/// What stands in the way. What has come by then is kept for a later attempt with `resume`.
pub fn fetch(
    connection: &mut Connection,
    shared: &Arc<Shared>,
    (path, facts): (&Argument, &Facts),
    place: &Place<'_>,
    manner: &Manner,
) -> Result<Moved, Error> {
    if facts.kind == Kind::Folder {
        return Err(Error::Usage(format!("{path} is a folder; `posthouse ftp mirror` fetches folders")));
    }
    if let Some(size) = facts.size_bytes
        && manner.segments > 1
        && size >= SEGMENTED_MIN_BYTES
        && connection.can_resume()
    {
        return segments::fetch(connection, shared, (path, facts, size), place, manner);
    }
    let part = [place.name, PART].concat();
    let shown = place.folder.shown(&part);
    let resume = manner.resume && connection.can_resume();
    let (mut file, mut have) = place.folder.part(&part, resume)?;
    let stale = facts.size_bytes.is_some_and(|size| have > size) || is_older(place, &part, facts);
    if have > 0 && stale {
        (file, have) = place.folder.part(&part, false)?;
    }
    shared.progress.begin(&path.to_string(), facts.size_bytes, have);
    let mut bytes = 0;
    if facts.size_bytes != Some(have) || have == 0 {
        file.seek(SeekFrom::Start(have)).map_err(|error| Error::local(&shown, &error))?;
        let expected = facts.size_bytes.map(|size| size - have);
        let mut take = |bytes: &[u8]| file.write_all(bytes).map_err(|error| Error::local(&shown, &error));
        bytes = connection.retrieve(path, (have, None), expected, &mut take)?;
    }
    let size_bytes = have + bytes;
    if let Some(expected) = facts.size_bytes.filter(|expected| *expected != size_bytes) {
        return Err(Error::Differs(format!(
            "{path}: {size_bytes} bytes came, but the server says that it has {expected}"
        )));
    }
    let verified = compare(connection, path, &mut file, &shown, manner.verify);
    let verified = verified.inspect_err(|error| forget(error, place, &part))?;
    let modified = facts.modified.map(|modified| modified.at.unix_seconds());
    place.folder.commit(&file, &part, place.name, modified)?;
    Ok(Moved { bytes, resumed_bytes: have, size_bytes, verified })
}

/// A part with wrong contents must not be gone on with.
pub fn forget(error: &Error, place: &Place<'_>, part: &[u8]) {
    if matches!(error, Error::Differs(_)) {
        // If even that fails, the message that follows says what matters.
        let _ = place.folder.remove(part);
    }
}

/// True if the file on the server was changed after the part was last written.
fn is_older(place: &Place<'_>, part: &[u8], facts: &Facts) -> bool {
    let changed = facts.modified.filter(|modified| modified.exact).map(|modified| modified.at.unix_seconds());
    let written = place.folder.entry(part).map(|entry| entry.modified_seconds);
    matches!((changed, written), (Some(changed), Some(written)) if changed > written)
}

/// Compares a file here with one on the server by digest; its name, if that was done.
///
/// # Errors
/// [`Error::Differs`] if they are not the same, or if there is no digest and one is required.
pub fn compare(
    connection: &mut Connection,
    path: &Argument,
    file: &mut File,
    shown: &Path,
    verify: Verify,
) -> Result<Option<&'static str>, Error> {
    if verify == Verify::Off {
        return Ok(None);
    }
    let theirs = match connection.digest(path) {
        // A server that will not say is no reason to throw away what has come, unless it must.
        Err(Error::Ftp(ftp::client::Error::Refused { .. })) if verify == Verify::Auto => None,
        digest => digest?,
    };
    let Some(theirs) = theirs else {
        if verify == Verify::Require {
            return Err(Error::Differs(format!(
                "{path}: the server makes no digests (HASH), so nothing tells that the contents are right"
            )));
        }
        return Ok(None);
    };
    let ours = digest::of_file(theirs.algorithm, file, shown)?;
    if ours != theirs.hex {
        return Err(Error::Differs(format!(
            "{path}: the contents differ: {} is {ours} here and {} on the server",
            theirs.algorithm, theirs.hex
        )));
    }
    Ok(Some(theirs.algorithm.name()))
}
