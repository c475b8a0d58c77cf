//! Whole folders, in either direction.

use super::connection::{Connection, Shared};
use super::error::Error;
use super::get::{self, Manner, Place};
use super::local::Folder;
use super::put::{Doubt, Upload};
use super::reserved;
use super::worker::{Worker, share_out};
use ftp::client::{Argument, Entry, Facts, Item, Kind, Modified, Name, Work, printable};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Folders within folders: deeper than any tree of people, and an end to a server's that has none.
const DEPTH_MAX: usize = 100;

/// How far a time from a LIST line may be off: it is in the time zone of the server, wherever that is.
const ZONE_SECONDS: i64 = 26 * 3600;

/// Of so much that was left out, and of so much that failed, the path and the reason are kept and said. A server
/// can list millions of names that are none.
const NOTES_MAX: usize = 10_000;

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Mirrored {
    /// Files that were moved.
    pub files: u64,
    /// Bytes over the wire.
    pub bytes: u64,
    /// Files that were the same already.
    pub unchanged: u64,
    /// What was left out on purpose: links, devices, names that are not taken.
    pub skipped: Vec<Note>,
    /// How much more was left out, of which no note is kept.
    pub skipped_more: usize,
    /// What failed.
    pub failed: Vec<Note>,
    /// How much more failed, of which no note is kept.
    pub failed_more: usize,
}

impl Mirrored {
    /// How much was left out.
    pub fn skipped_count(&self) -> usize {
        self.skipped.len() + self.skipped_more
    }

    /// How much failed.
    pub fn failed_count(&self) -> usize {
        self.failed.len() + self.failed_more
    }
}

/// A path, and what is to be said of it.
#[derive(Debug, Serialize)]
pub struct Note {
    /// The path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What the workers share.
struct Job<'a> {
    shared: &'a Arc<Shared>,
    manner: Manner,
    result: Mutex<Mirrored>,
}

impl Job<'_> {
    fn result(&self) -> std::sync::MutexGuard<'_, Mirrored> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn skip(&self, path: String, reason: impl ToString) {
        let mut result = self.result();
        if result.skipped.len() >= NOTES_MAX {
            result.skipped_more += 1;
            return;
        }
        let reason = reason.to_string();
        let line = format!("left out: {path}: {reason}");
        result.skipped.push(Note { path, reason });
        drop(result);
        self.shared.progress.say(&line);
    }

    fn fail(&self, path: String, reason: &Error) {
        let mut result = self.result();
        if result.failed.len() >= NOTES_MAX {
            result.failed_more += 1;
            return;
        }
        let reason = reason.to_string();
        let line = format!("{path}: {reason}");
        result.failed.push(Note { path, reason });
        drop(result);
        self.shared.progress.say(&line);
    }

    fn moved(&self, moved: &get::Moved) {
        let mut result = self.result();
        result.files += 1;
        result.bytes += moved.bytes;
        let text = format!("{} files", result.files);
        drop(result);
        self.shared.progress.name(text);
    }

    fn unchanged(&self) {
        self.result().unchanged += 1;
    }

    fn into_result(self) -> Mirrored {
        self.result.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step of a mirror towards here. Folders are opened when their turn comes: a listing of many must not need
/// as many descriptors.
enum Down {
    Top { path: Argument, folder: Arc<Folder> },
    Folder { parent: Arc<Level>, name: Name },
    File { parent: Arc<Level>, name: Name, facts: Facts },
}

/// A folder here and there.
struct Level {
    path: Argument,
    folder: Arc<Folder>,
    depth: usize,
}

/// Fetches a folder with all that is in it, by as many connections as there are workers.
///
/// # Errors
/// If the folder itself cannot be opened here. What fails below it stands in the result.
pub fn down(
    shared: &Arc<Shared>,
    workers: Vec<Worker>,
    from: Argument,
    to: &Path,
    manner: Manner,
) -> Result<Mirrored, Error> {
    std::fs::create_dir_all(to).map_err(|error| Error::local(to, &error))?;
    let folder = Arc::new(Folder::open(to)?);
    let job = Job { shared, manner, result: Mutex::default() };
    let first = Down::Top { path: from, folder };
    share_out(workers, vec![first], &|worker, task| match task {
        Down::Top { path, folder } => job.list_down(worker, Level { path, folder, depth: 0 }),
        Down::Folder { parent, name } => job.enter(worker, &parent, &name),
        Down::File { parent, name, facts } => {
            job.fetch(worker, &parent, &name, &facts);
            Vec::new()
        }
    });
    Ok(job.into_result())
}

impl Job<'_> {
    /// Opens a folder of the listing, and lists it.
    fn enter(&self, worker: &mut Worker, parent: &Level, name: &Name) -> Vec<Down> {
        let Some(path) = self.join(&parent.path, name) else { return Vec::new() };
        match parent.folder.sub(name.as_bytes()) {
            Ok(folder) => {
                let level = Level { path, folder: Arc::new(folder), depth: parent.depth + 1 };
                self.list_down(worker, level)
            }
            Err(error) => {
                self.fail(path.to_string(), &error);
                Vec::new()
            }
        }
    }

    fn join(&self, path: &Argument, name: &Name) -> Option<Argument> {
        let joined = path.join(name);
        if joined.is_err() {
            self.skip(format!("{path}/{name}"), "the path is too long");
        }
        joined.ok()
    }

    fn list_down(&self, worker: &mut Worker, level: Level) -> Vec<Down> {
        let items = match worker.run(|connection, _| connection.list(&level.path)) {
            Ok(items) => items,
            Err(error) => {
                self.fail(level.path.to_string(), &error);
                return Vec::new();
            }
        };
        let level = Arc::new(level);
        let (mut files, mut folders, mut names) = (Vec::new(), Vec::new(), HashSet::new());
        for item in items {
            let Entry { name, facts } = match item {
                Item::Entry(entry) => entry,
                Item::BadName(name, why) => {
                    self.skip(format!("{}/{name}", level.path), format!("the name is not taken: {why}"));
                    continue;
                }
                Item::Unknown(line) => {
                    self.skip(level.path.to_string(), format!("a line that cannot be read: {line}"));
                    continue;
                }
            };
            let shown = || format!("{}/{name}", level.path);
            if reserved::is_reserved(name.as_bytes()) {
                self.fail(shown(), &Error::Differs(reserved::refusal()));
                continue;
            }
            // Two fetches of one name would be at the same file.
            if !names.insert(name.clone()) {
                self.skip(shown(), "it was listed before");
                continue;
            }
            let parent = Arc::clone(&level);
            match facts.kind {
                Kind::Folder if level.depth >= DEPTH_MAX => {
                    self.skip(shown(), "too many folders in each other")
                }
                Kind::Folder => folders.push(Down::Folder { parent, name }),
                Kind::File => files.push(Down::File { parent, name, facts }),
                Kind::Link => self.skip(shown(), "links are not followed"),
                Kind::Other => self.skip(shown(), "neither a file nor a folder"),
            }
        }
        // The last task is the first to be done: files before folders, so that few tasks wait.
        folders.extend(files);
        folders
    }

    fn fetch(&self, worker: &mut Worker, parent: &Level, name: &Name, listed: &Facts) {
        let Some(path) = self.join(&parent.path, name) else { return };
        let place = Place { folder: &parent.folder, name: name.as_bytes() };
        let here = place.folder.entry(place.name);
        let mut begun = None;
        let done = worker.run(|connection, attempt| {
            // What broke may have been changed meanwhile.
            let facts = match attempt {
                0 => exact(connection, &path, listed, here.map(|here| here.size_bytes))?,
                _ => look_again(connection, &path, listed)?,
            };
            if let Some(here) = here
                && here.is_file
                && facts.size_bytes == Some(here.size_bytes)
                && facts.modified.is_none_or(|modified| is_as_new(here.modified_seconds, &modified))
            {
                return Ok(None);
            }
            let from = (&path, &facts);
            get::fetch(connection, self.shared, from, &place, &self.manner, &mut begun).map(Some)
        });
        match done {
            Ok(Some(moved)) => self.moved(&moved),
            Ok(None) => self.unchanged(),
            Err(error) => self.fail(path.to_string(), &error),
        }
    }
}

/// The facts of a file with its exact time. A listing by LIST tells minutes, in an unknown time zone;
/// where that leaves a doubt, the server is asked again.
fn exact(
    connection: &mut Connection,
    path: &Argument,
    listed: &Facts,
    here_bytes: Option<u64>,
) -> Result<Facts, Error> {
    let known = listed.size_bytes.is_some() && listed.modified.is_some_and(|modified| modified.exact);
    if known {
        return Ok(*listed);
    }
    match connection.look(path) {
        Ok(facts) if facts.modified.is_some() => Ok(facts),
        // No server without MDTM tells more than it has.
        Ok(facts) => Ok(Facts { modified: listed.modified, ..facts }),
        Err(Error::Ftp(ftp::client::Error::Refused { .. })) if here_bytes.is_none() => Ok(*listed),
        Err(error) => Err(error),
    }
}

/// The facts as they are now.
fn look_again(connection: &mut Connection, path: &Argument, listed: &Facts) -> Result<Facts, Error> {
    match connection.look(path) {
        Ok(facts) if facts.modified.is_some() => Ok(facts),
        Ok(facts) => Ok(Facts { modified: listed.modified, ..facts }),
        Err(Error::Ftp(ftp::client::Error::Refused { .. })) => Ok(*listed),
        Err(error) => Err(error),
    }
}

/// True if what is of `have_seconds` is not older than what is of `wanted`.
fn is_as_new(have_seconds: i64, wanted: &Modified) -> bool {
    let slack = if wanted.exact { 0 } else { ZONE_SECONDS };
    have_seconds >= wanted.at.unix_seconds() - slack
}

/// A step of a mirror away from here.
enum Up {
    Folder { local: PathBuf, path: Argument, depth: usize },
    File { local: PathBuf, path: Argument, there: Option<Facts> },
}

/// Sends a folder with all that is in it. What is there and not here stays.
///
/// # Errors
/// If the folder itself is none. What fails below it stands in the result.
pub fn up(
    shared: &Arc<Shared>,
    workers: Vec<Worker>,
    from: &Path,
    to: Argument,
    manner: Manner,
) -> Result<Mirrored, Error> {
    if !from.is_dir() {
        return Err(Error::Usage(format!("{} is no folder", from.display())));
    }
    let job = Job { shared, manner, result: Mutex::default() };
    let first = Up::Folder { local: from.to_path_buf(), path: to, depth: 0 };
    share_out(workers, vec![first], &|worker, task| match task {
        Up::Folder { local, path, depth } => {
            job.list_up(worker, &local, &path, depth).unwrap_or_else(|error| {
                job.fail(shown(&local), &error);
                Vec::new()
            })
        }
        Up::File { local, path, there } => {
            job.send(worker, &local, &path, there.as_ref());
            Vec::new()
        }
    });
    Ok(job.into_result())
}

impl Job<'_> {
    fn list_up(
        &self,
        worker: &mut Worker,
        local: &Path,
        path: &Argument,
        depth: usize,
    ) -> Result<Vec<Up>, Error> {
        let there = worker.run(|connection, _| listing_or_new_folder(connection, path))?;
        let fault = |error: std::io::Error| Error::local(local, &error);
        let mut tasks = Vec::new();
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(local).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let (local, shown) = (entry.path(), shown(&entry.path()));
            if reserved::is_reserved(entry.file_name().as_bytes()) {
                self.fail(shown, &Error::Differs(reserved::refusal()));
                continue;
            }
            let joined = Name::new(entry.file_name().as_bytes()).map_err(|error| error.to_string());
            let joined =
                joined.and_then(|name| path.join(&name).map(|path| (name, path)).map_err(|e| e.to_string()));
            let (name, path) = match joined {
                Ok(joined) => joined,
                Err(error) => {
                    self.skip(shown, format!("the name cannot be sent: {error}"));
                    continue;
                }
            };
            // Of the entry itself: a link is not followed, or a loop of them would have no end.
            let kind = entry.file_type().map_err(fault)?;
            if kind.is_dir() && depth >= DEPTH_MAX {
                self.skip(shown, "too many folders in each other");
            } else if kind.is_dir() {
                folders.push(Up::Folder { local, path, depth: depth + 1 });
            } else if kind.is_file() {
                let there = there.get(&name).copied();
                tasks.push(Up::File { local, path, there });
            } else if kind.is_symlink() {
                self.skip(shown, "links are not followed");
            } else {
                self.skip(shown, "neither a file nor a folder");
            }
        }
        folders.extend(tasks);
        Ok(folders)
    }

    fn send(&self, worker: &mut Worker, local: &Path, path: &Argument, there: Option<&Facts>) {
        let mut upload = match Upload::open_found(local, path, self.manner, Doubt::Replace) {
            Ok(upload) => upload,
            Err(error) => return self.fail(shown(local), &error),
        };
        let (size, changed) = (upload.about().len(), upload.about().mtime());
        let done = worker.run(|connection, attempt| {
            if attempt == 0
                && let Some(there) = there
            {
                let there = exact(connection, path, there, Some(size))?;
                let as_new = there.modified.is_some_and(|modified| {
                    modified.at.unix_seconds() + if modified.exact { 0 } else { ZONE_SECONDS } >= changed
                });
                if there.size_bytes == Some(size) && as_new {
                    return Ok(None);
                }
            }
            upload.attempt(connection, self.shared, attempt).map(Some)
        });
        match done {
            Ok(Some(moved)) => self.moved(&moved),
            Ok(None) => self.unchanged(),
            Err(error) => self.fail(shown(local), &error),
        }
    }
}

/// A path of this machine, fit for a terminal.
fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// What is in a folder of the server; if it is not there, it is made.
fn listing_or_new_folder(
    connection: &mut Connection,
    path: &Argument,
) -> Result<HashMap<Name, Facts>, Error> {
    let missing = match connection.look(path) {
        Ok(facts) if facts.kind == Kind::Folder => false,
        Ok(_) => return Err(Error::Differs(format!("{path} is a file on the server and a folder here"))),
        Err(error) if error.is_no_such_path() => true,
        Err(error) => return Err(error),
    };
    if missing {
        connection.do_plain(Work::MakeFolder(path.clone()))?;
        return Ok(HashMap::new());
    }
    let items = connection.list(path)?;
    let entries = items.into_iter().filter_map(|item| match item {
        Item::Entry(entry) => Some((entry.name, entry.facts)),
        _ => None,
    });
    Ok(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ftp::client::Stamp;

    #[test]
    fn times_are_compared_as_far_as_they_can_be_trusted() {
        let modified = |exact| Modified { at: Stamp::from_unix_seconds(1_000_000).unwrap(), exact };
        assert!(is_as_new(1_000_000, &modified(true)));
        assert!(!is_as_new(999_999, &modified(true)));
        assert!(is_as_new(1_000_000 - ZONE_SECONDS, &modified(false)));
        assert!(!is_as_new(999_999 - ZONE_SECONDS, &modified(false)));
    }
}
