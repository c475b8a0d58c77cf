//! Fetching one file: into a part with a reserved name, compared, synced, then renamed.

use super::connection::{Connection, Shared};
use super::error::Error;
use super::local::Folder;
use super::reserved::Role;
use super::{digest, segments};
use clap::ValueEnum;
use ftp::client::{Argument, Digest, Facts, Kind, Modified};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

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

/// A part that this very run has begun, and of which version of the file: a new attempt goes on with that one
/// also without being told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    role: Role,
    size_bytes: Option<u64>,
    modified: Option<Modified>,
}

impl Begun {
    /// Of this version.
    pub fn new(role: Role, facts: &Facts) -> Begun {
        Begun { role, size_bytes: facts.size_bytes, modified: facts.modified }
    }
}

/// Fetches a file that is known to be one. `begun` is kept from attempt to attempt.
///
/// # Errors
/// What stands in the way. What has come by then is kept for a later attempt with `resume`.
pub fn fetch(
    connection: &mut Connection,
    shared: &Arc<Shared>,
    (path, facts): (&Argument, &Facts),
    place: &Place<'_>,
    manner: &Manner,
    begun: &mut Option<Begun>,
) -> Result<Moved, Error> {
    if facts.kind == Kind::Folder {
        return Err(Error::Usage(format!("{path} is a folder; `posthouse ftp mirror` fetches folders")));
    }
    can_verify(connection, path, manner.verify)?;
    if let Some(size) = facts.size_bytes
        && manner.segments > 1
        && size >= SEGMENTED_MIN_BYTES
        && connection.can_resume()
    {
        return segments::fetch(connection, shared, (path, facts, size), place, manner, begun);
    }
    let part = Role::Part.beside(place.name);
    let shown = place.folder.shown(&part);
    let (mut file, have) = open_part(connection, shared, (path, facts), place, manner, begun)?;
    shared.progress.begin(&path.to_string(), facts.size_bytes, have);
    let mut bytes = 0;
    if facts.size_bytes != Some(have) || have == 0 {
        file.seek(SeekFrom::Start(have)).map_err(|error| Error::local(&shown, &error))?;
        let expected = facts.size_bytes.map(|size| size - have);
        // One byte more shows that it is too long; a server that sends without end must not fill the disk.
        let limit = expected.map(|expected| expected.saturating_add(1));
        let mut take = |bytes: &[u8]| file.write_all(bytes).map_err(|error| Error::local(&shown, &error));
        bytes = connection.retrieve(path, (have, limit), expected, &mut take)?;
    }
    let size_bytes = have + bytes;
    check_size(path, size_bytes, facts.size_bytes).inspect_err(|error| {
        // What is too short can be gone on with.
        if facts.size_bytes.is_some_and(|expected| size_bytes > expected) {
            forget(error, place, &[Role::Part]);
        }
    })?;
    let verified = check_version(connection, (path, facts), have)
        .and_then(|()| compare(connection, path, &mut file, &shown, manner.verify))
        .inspect_err(|error| forget(error, place, &[Role::Part]))?;
    let modified = facts.modified.map(|modified| modified.at.unix_seconds());
    place.folder.commit(&file, &part, place.name, modified)?;
    Ok(Moved { bytes, resumed_bytes: have, size_bytes, verified })
}

/// Opens the part, and says how much of it is good to go on with.
fn open_part(
    connection: &Connection,
    shared: &Shared,
    (path, facts): (&Argument, &Facts),
    place: &Place<'_>,
    manner: &Manner,
    begun: &mut Option<Begun>,
) -> Result<(File, u64), Error> {
    let part = Role::Part.beside(place.name);
    let own = *begun == Some(Begun::new(Role::Part, facts));
    let resume = (manner.resume || own) && connection.can_resume();
    let is_older = is_older(place, &part, facts);
    let (mut file, mut have) = place.folder.part(&part, resume)?;
    let stale = have > 0
        && (facts.size_bytes.is_some_and(|size| have > size)
            || !own && (is_older || is_doubtful(connection, shared, (path, facts), manner)));
    if stale {
        file.set_len(0).map_err(|error| Error::local(&place.folder.shown(&part), &error))?;
        have = 0;
    }
    *begun = Some(Begun::new(Role::Part, facts));
    file.rewind().map_err(|error| Error::local(&place.folder.shown(&part), &error))?;
    Ok((file, have))
}

/// True if nothing tells whether a part of an earlier run is of the file as it is now; which is said.
pub fn is_doubtful(
    connection: &Connection,
    shared: &Shared,
    (path, facts): (&Argument, &Facts),
    manner: &Manner,
) -> bool {
    let is_dated = facts.modified.is_some_and(|modified| modified.exact);
    let is_doubtful = !is_dated && manner.verify != Verify::Off && !connection.makes_digests();
    if is_doubtful {
        shared.progress.say(&format!(
            "{path}: the server tells neither a digest nor a time, so nothing shows that the part here is of this \
             file: all of it is fetched (--verify off goes on with it)"
        ));
    }
    is_doubtful
}

/// Compares sizes, where the server told one.
///
/// # Errors
/// [`Error::Differs`] if they are not the same.
pub fn check_size(path: &Argument, came: u64, expected: Option<u64>) -> Result<(), Error> {
    let Some(expected) = expected.filter(|expected| *expected != came) else { return Ok(()) };
    // It was not read to its end.
    let more = if came > expected { " or more" } else { "" };
    Err(Error::Differs(format!(
        "{path}: {came} bytes{more} came, but the server says that it has {expected}"
    )))
}

/// What was fetched at two times is of one version only if the file is still the same.
///
/// # Errors
/// [`Error::Differs`] if it is not.
pub fn check_version(
    connection: &mut Connection,
    (path, facts): (&Argument, &Facts),
    resumed_bytes: u64,
) -> Result<(), Error> {
    if resumed_bytes == 0 {
        return Ok(());
    }
    let after = match connection.look(path) {
        Err(Error::Ftp(ftp::client::Error::Refused { .. })) => return Ok(()),
        after => after?,
    };
    let same_time = match (facts.modified, after.modified) {
        (Some(before), Some(after)) if before.exact && after.exact => before == after,
        _ => true,
    };
    if after.size_bytes == facts.size_bytes && same_time {
        return Ok(());
    }
    Err(Error::Differs(format!("{path} was changed on the server while it was fetched")))
}

/// Says before anything is moved that nothing could be compared afterwards.
///
/// # Errors
/// [`Error::Differs`] if a digest is required and the server makes none.
pub fn can_verify(connection: &Connection, path: &Argument, verify: Verify) -> Result<(), Error> {
    if verify == Verify::Require && !connection.makes_digests() {
        return Err(no_digests(path));
    }
    Ok(())
}

fn no_digests(path: &Argument) -> Error {
    Error::Differs(format!(
        "{path}: the server makes no digests (HASH), so nothing tells that the contents are right"
    ))
}

/// A part with wrong contents must not be gone on with.
pub fn forget(error: &Error, place: &Place<'_>, roles: &[Role]) {
    if matches!(error, Error::Differs(_)) {
        // If even that fails, the message that follows says what matters.
        for role in roles {
            let _ = place.folder.remove(&role.beside(place.name));
        }
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
    let Some(theirs) = their_digest(connection, path, verify)? else { return Ok(None) };
    let ours = digest::of_file(theirs.algorithm, file, shown)?;
    check_digest(path, &theirs, &ours)?;
    Ok(Some(theirs.algorithm.name()))
}

/// The server's digest of a file; nothing if none is wanted or there is none.
///
/// # Errors
/// [`Error::Differs`] if there is none and one is required.
pub fn their_digest(
    connection: &mut Connection,
    path: &Argument,
    verify: Verify,
) -> Result<Option<Digest>, Error> {
    if verify == Verify::Off {
        return Ok(None);
    }
    let theirs = match connection.digest(path) {
        // A server that will not say is no reason to throw away what has come, unless it must.
        Err(Error::Ftp(ftp::client::Error::Refused { .. })) if verify == Verify::Auto => None,
        digest => digest?,
    };
    if theirs.is_none() && verify == Verify::Require { Err(no_digests(path)) } else { Ok(theirs) }
}

/// Compares digests.
///
/// # Errors
/// [`Error::Differs`] if they are not the same.
pub fn check_digest(path: &Argument, theirs: &Digest, ours: &str) -> Result<(), Error> {
    if ours == theirs.hex {
        return Ok(());
    }
    Err(Error::Differs(format!(
        "{path}: the contents differ: {} is {ours} here and {} on the server",
        theirs.algorithm, theirs.hex
    )))
}
