//! Sending one file.
//!
//! What a server has under a file's name is gone on with only if something shows that it is the beginning of
//! the same content: the server's digest of it, or that there was nothing before this run. What is shown by
//! neither is replaced as a whole: an old head with a new tail is no file of anybody's.

use super::connection::{Connection, Shared};
use super::digest;
use super::error::Error;
use super::get::{Manner, Moved, Verify, can_verify, compare};
use ftp::client::{Argument, Error as FtpError, Facts, Kind, Stamp, Store, Work};
use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Smaller files are sent whole when an upload breaks: to ask beforehand whether something is there costs more
/// than it can save.
const RESUMED_MIN_BYTES: u64 = 1 << 20;

/// What is done with `--continue` where nothing tells whether the server has the beginning of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The person is asked to decide.
    Refuse,
    /// All of it is sent.
    Replace,
}

/// A file on its way, over as many attempts as it takes.
pub struct Upload<'a> {
    local: &'a Path,
    path: &'a Argument,
    manner: Manner,
    doubt: Doubt,
    file: File,
    about: Metadata,
    /// The server said that nothing was there before the first byte was sent.
    was_absent: bool,
    /// How far this run has sent the file at most.
    sent_bytes: u64,
}

/// What the server has under the name.
enum There {
    Nothing,
    /// A file of this size.
    File(u64),
    /// So much of an upload that was cut, which is not under its name yet.
    Apart(u64),
}

/// Where an attempt begins.
#[derive(Clone, Copy)]
struct Begin {
    /// Behind so many bytes.
    from: u64,
    /// All is there already, and under its name.
    complete: bool,
    /// Only a digest can tell that what is there is of this file.
    digest_needed: bool,
    /// The server has shown what it has, so it must show the whole, too.
    seen: bool,
}

impl Begin {
    const ANEW: Begin = Begin { from: 0, complete: false, digest_needed: false, seen: false };

    fn behind(from: u64) -> Begin {
        Begin { from, seen: true, ..Begin::ANEW }
    }
}

impl<'a> Upload<'a> {
    /// Opens a file that the person named.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(
        local: &'a Path,
        path: &'a Argument,
        manner: Manner,
        doubt: Doubt,
    ) -> Result<Upload<'a>, Error> {
        let file = File::open(local).map_err(|error| Error::local(local, &error))?;
        Upload::new(file, local, path, manner, doubt)
    }

    /// Opens a file that was found in a folder: if a link or a pipe has taken its place it is not followed.
    ///
    /// # Errors
    /// If it cannot be read, or is no plain file.
    pub fn open_found(
        local: &'a Path,
        path: &'a Argument,
        manner: Manner,
        doubt: Doubt,
    ) -> Result<Upload<'a>, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::open(local, flags, Mode::empty())
            .map_err(|error| Error::local(local, &std::io::Error::from(error)))?;
        let upload = Upload::new(File::from(fd), local, path, manner, doubt)?;
        if !upload.about.is_file() {
            return Err(Error::local(local, &std::io::Error::other("it is no plain file any more")));
        }
        Ok(upload)
    }

    fn new(
        file: File,
        local: &'a Path,
        path: &'a Argument,
        manner: Manner,
        doubt: Doubt,
    ) -> Result<Upload<'a>, Error> {
        let about = file.metadata().map_err(|error| Error::local(local, &error))?;
        if about.is_dir() {
            let shown = local.display();
            let text = format!("{shown} is a folder; `posthouse ftp mirror --reverse` sends folders");
            return Err(Error::Usage(text));
        }
        if manner.resume && !about.is_file() {
            let text = format!("{} is no plain file, so nothing of it can be gone on with", local.display());
            return Err(Error::Usage(text));
        }
        Ok(Upload { local, path, manner, doubt, file, about, was_absent: false, sent_bytes: 0 })
    }

    /// True if it can be read more than once.
    pub fn is_repeatable(&self) -> bool {
        self.about.is_file()
    }

    /// What the file is.
    pub fn about(&self) -> &Metadata {
        &self.about
    }

    /// Sends it; from attempt 1 on after one that failed.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn attempt(
        &mut self,
        connection: &mut Connection,
        shared: &Shared,
        attempt: u32,
    ) -> Result<Moved, Error> {
        can_verify(connection, self.path, self.manner.verify)?;
        let begin = match attempt {
            0 if self.manner.resume => self.continued(connection, shared)?,
            0 => {
                self.note_absence(connection)?;
                Begin::ANEW
            }
            _ => self.retried(connection)?,
        };
        match self.pass(connection, shared, begin) {
            Err(error) if begin.from > 0 && is_about_going_on(&error) => {
                shared.progress.say(&format!("{error}; all of it is sent anew"));
                self.pass(connection, shared, Begin::behind(0))
            }
            done => done,
        }
    }

    /// Asks whether anything is there, if the answer may be worth it.
    fn note_absence(&mut self, connection: &mut Connection) -> Result<(), Error> {
        if self.about.is_file() && self.about.len() >= RESUMED_MIN_BYTES && connection.can_resume() {
            self.was_absent = matches!(self.there(connection)?, Some(There::Nothing));
        }
        Ok(())
    }

    /// What the server has; nothing if it will not tell.
    fn there(&self, connection: &mut Connection) -> Result<Option<There>, Error> {
        let size = match connection.size(self.path) {
            Err(error) if error.is_no_such_path() => return Ok(Some(There::Nothing)),
            Err(Error::Ftp(FtpError::Refused { .. })) => return Ok(None),
            size => size?,
        };
        match connection.look(self.path) {
            Ok(Facts { kind: Kind::File, size_bytes, .. }) if size_bytes.is_none_or(|seen| seen == size) => {
                Ok(Some(There::File(size)))
            }
            Ok(_) | Err(Error::Ftp(FtpError::Refused { .. })) => Ok(Some(There::Apart(size))),
            Err(error) => Err(error),
        }
    }

    /// Where to go on if the person wants that.
    fn continued(&mut self, connection: &mut Connection, shared: &Shared) -> Result<Begin, Error> {
        let by_size = self.manner.verify == Verify::Off;
        let len = self.about.len();
        let (bytes, apart) = match self.there(connection)? {
            None if self.doubt == Doubt::Refuse => {
                return Err(Error::Differs(format!(
                    "{}: the server does not tell how much it has; without --continue it is replaced",
                    self.path
                )));
            }
            None => return Ok(Begin::ANEW),
            Some(There::Nothing) => {
                self.was_absent = true;
                return Ok(Begin::ANEW);
            }
            Some(There::File(bytes)) => (bytes, false),
            Some(There::Apart(bytes)) => (bytes, true),
        };
        if bytes > len {
            let path = self.path;
            let text = format!("{path} has {bytes} bytes on the server and {len} here");
            return self.in_doubt(shared, &text, "");
        }
        let complete = !apart && bytes == len;
        let here = Begin { complete, digest_needed: !by_size, ..Begin::behind(bytes) };
        if by_size || (apart && connection.makes_digests()) {
            return Ok(here);
        }
        match if apart { None } else { self.beginning_agrees(connection, bytes)? } {
            Some(true) => Ok(here),
            Some(false) => {
                let path = self.path;
                shared.progress.say(&format!(
                    "{path}: what the server has is not the beginning of this file: all of it is sent"
                ));
                Ok(Begin::ANEW)
            }
            None => {
                let text = format!(
                    "{}: the server makes no digest, so nothing tells whether the {bytes} bytes that it has are \
                     the beginning of this file",
                    self.path
                );
                self.in_doubt(shared, &text, ", and with --verify off it is gone on with by its size alone")
            }
        }
    }

    fn in_doubt(&self, shared: &Shared, text: &str, more: &str) -> Result<Begin, Error> {
        match self.doubt {
            Doubt::Refuse => Err(Error::Differs(format!("{text}; without --continue it is replaced{more}"))),
            Doubt::Replace => {
                shared.progress.say(&format!("{text}: all of it is sent"));
                Ok(Begin::ANEW)
            }
        }
    }

    /// Where to go on after an attempt of this run that broke.
    fn retried(&mut self, connection: &mut Connection) -> Result<Begin, Error> {
        if !self.about.is_file() || self.sent_bytes == 0 {
            return Ok(Begin::ANEW);
        }
        let (bytes, apart) = match self.there(connection)? {
            Some(There::File(bytes)) => (bytes, false),
            Some(There::Apart(bytes)) => (bytes, true),
            None | Some(There::Nothing) => return Ok(Begin::ANEW),
        };
        if bytes == 0 || bytes > self.sent_bytes {
            return Ok(Begin::ANEW);
        }
        let by_size = self.manner.verify == Verify::Off;
        let trusted = self.was_absent || (by_size && self.manner.resume);
        let agrees = trusted
            || (!by_size
                && match apart {
                    true => connection.makes_digests(),
                    false => self.beginning_agrees(connection, bytes)? == Some(true),
                });
        Ok(if agrees { Begin { digest_needed: !trusted, ..Begin::behind(bytes) } } else { Begin::ANEW })
    }

    /// True if the server's file is the beginning of this one; nothing if there is no digest to tell.
    fn beginning_agrees(
        &mut self,
        connection: &mut Connection,
        len_bytes: u64,
    ) -> Result<Option<bool>, Error> {
        let theirs = match connection.digest(self.path) {
            Err(Error::Ftp(FtpError::Refused { .. })) => None,
            digest => digest?,
        };
        let Some(theirs) = theirs else { return Ok(None) };
        let ours = digest::of_beginning(theirs.algorithm, &mut self.file, len_bytes, self.local)?;
        Ok(Some(ours == theirs.hex))
    }

    /// Sends what is wanted, and looks at what came of it.
    fn pass(&mut self, connection: &mut Connection, shared: &Shared, begin: Begin) -> Result<Moved, Error> {
        let regular = self.about.is_file();
        let from = begin.from;
        shared.progress.begin(&self.path.to_string(), regular.then_some(self.about.len()), from);
        let mut bytes = 0;
        if !begin.complete {
            if regular {
                let sought = self.file.seek(SeekFrom::Start(from));
                sought.map_err(|error| Error::local(self.local, &error))?;
            }
            let how = match from {
                0 => Store::Replace,
                _ if connection.can_resume() => Store::From(from),
                _ => Store::Append,
            };
            let sent = connection.store(self.path, how, &mut self.file);
            self.sent_bytes = self.sent_bytes.max(self.file.stream_position().unwrap_or(0));
            bytes = sent?;
        }
        let size_bytes = from + bytes;
        if regular && self.has_changed(size_bytes)? {
            return Err(Error::Differs(format!("{} was changed while it was sent", self.local.display())));
        }
        let verified = self.check(connection, size_bytes, begin)?;
        keep_time(connection, self.path, self.about.mtime());
        Ok(Moved { bytes, resumed_bytes: from, size_bytes, verified })
    }

    fn has_changed(&self, sent_bytes: u64) -> Result<bool, Error> {
        let now = self.file.metadata().map_err(|error| Error::local(self.local, &error))?;
        let known = |about: &Metadata| (about.len(), about.mtime(), about.mtime_nsec());
        Ok(sent_bytes != self.about.len() || known(&now) != known(&self.about))
    }

    /// Compares what the server has now.
    fn check(
        &mut self,
        connection: &mut Connection,
        size_bytes: u64,
        begin: Begin,
    ) -> Result<Option<&'static str>, Error> {
        let path = self.path;
        let facts = match connection.look(path) {
            // Whoever may drop files and not look at them has no way to compare.
            Err(Error::Ftp(FtpError::Refused { .. })) if !begin.seen => None,
            Err(Error::Ftp(FtpError::Refused { reply, .. })) => {
                return Err(Error::Differs(format!(
                    "{path}: all was sent, but the server has no such file: {reply}"
                )));
            }
            facts => Some(facts?),
        };
        if let Some(size) = facts.and_then(|facts| facts.size_bytes).filter(|size| *size != size_bytes) {
            return Err(Error::Differs(format!(
                "{path}: {size_bytes} bytes were sent, but the server has {size}"
            )));
        }
        if !self.about.is_file() {
            return Ok(None);
        }
        let verified = compare(connection, path, &mut self.file, self.local, self.manner.verify)?;
        if verified.is_none() && begin.digest_needed {
            return Err(Error::Differs(format!(
                "{path}: no digest shows that what was gone on with is of this file"
            )));
        }
        Ok(verified)
    }
}

/// True for what befalls those who go on with an upload, and not those who begin anew: the contents are wrong,
/// or the server will not go on.
fn is_about_going_on(error: &Error) -> bool {
    match error {
        Error::Differs(_) => true,
        Error::Ftp(FtpError::Refused { verb, reply }) => {
            *verb == "REST" || reply.is_not_implemented() || reply.code() == 554
        }
        _ => false,
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
