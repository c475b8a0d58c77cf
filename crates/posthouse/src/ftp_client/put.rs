//! Sending one file.

use super::connection::{Connection, Shared};
use super::error::Error;
use super::get::{Manner, Moved, compare};
use ftp::client::{Argument, Stamp, Store, Work};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Sends a file.
///
/// # Errors
/// What stands in the way.
pub fn send(
    connection: &mut Connection,
    shared: &Shared,
    local: &Path,
    path: &Argument,
    manner: &Manner,
) -> Result<Moved, Error> {
    let fault = |error: std::io::Error| Error::local(local, &error);
    let mut file = File::open(local).map_err(fault)?;
    let about = file.metadata().map_err(fault)?;
    if about.is_dir() {
        let text = format!("{} is a folder; `posthouse ftp mirror --reverse` sends folders", local.display());
        return Err(Error::Usage(text));
    }
    let there = if manner.resume { there(connection, path)? } else { 0 };
    if there > about.len() {
        return Err(Error::Differs(format!(
            "{path} has {there} bytes on the server and {} here; without --continue it is replaced",
            about.len()
        )));
    }
    shared.progress.begin(&path.to_string(), about.is_file().then_some(about.len()), there);
    let mut bytes = 0;
    if there == 0 || there < about.len() {
        file.seek(SeekFrom::Start(there))
            .or_else(|error| if there == 0 { Ok(0) } else { Err(fault(error)) })?;
        let how = match there {
            0 => Store::Replace,
            there if connection.can_resume() => Store::From(there),
            _ => Store::Append,
        };
        bytes = connection.store(path, how, &mut file)?;
    }
    let size_bytes = there + bytes;
    if about.is_file() && size_bytes != about.len() {
        return Err(Error::Differs(format!("{} was changed while it was sent", local.display())));
    }
    let facts = match connection.look(path) {
        // Whoever may drop files and not look at them has no way to compare.
        Err(Error::Ftp(ftp::client::Error::Refused { .. })) => None,
        facts => Some(facts?),
    };
    if let Some(size) = facts.and_then(|facts| facts.size_bytes).filter(|size| *size != size_bytes) {
        return Err(Error::Differs(format!(
            "{path}: {size_bytes} bytes were sent, but the server has {size}"
        )));
    }
    let verified =
        if about.is_file() { compare(connection, path, &mut file, local, manner.verify)? } else { None };
    keep_time(connection, path, about.mtime());
    Ok(Moved { bytes, resumed_bytes: there, size_bytes, verified })
}

/// How much of a file is there already.
fn there(connection: &mut Connection, path: &Argument) -> Result<u64, Error> {
    match connection.size(path) {
        Err(error) if error.is_no_such_path() => Ok(0),
        size => size,
    }
}

/// Gives the file its own time of last change, where the server can. The contents are there either way.
fn keep_time(connection: &mut Connection, path: &Argument, seconds: i64) {
    if connection.can_set_times()
        && let Some(at) = Stamp::from_unix_seconds(seconds)
    {
        let _ = connection.do_plain(Work::SetModified { path: path.clone(), at });
    }
}
