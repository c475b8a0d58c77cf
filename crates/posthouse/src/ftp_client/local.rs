//! Files of this machine, where a server's names say what is written.
//!
//! Every name is one component below a folder that is held open, and no link is followed: whatever a
//! listing or somebody beside us does, nothing is written outside the target.

use super::error::Error;
use super::reserved::Role;
use rustix::fs::{AtFlags, FallocateFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a folder may be read and written by besides its owner is for the umask to say.
const FOLDER_MODE: u32 = 0o777;
const FILE_MODE: u32 = 0o666;

/// How a part is opened: whatever stands there is not followed, and not waited for.
const PART_FLAGS: OFlags =
    OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// How often a part is opened where others rename and remove it at the same time.
const OPEN_ATTEMPTS_MAX: usize = 8;

/// A folder that is held open.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    shown: PathBuf,
}

/// What is known of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// True for a plain file.
    pub is_file: bool,
    /// Its size.
    pub size_bytes: u64,
    /// When it was last changed, in seconds since 1970.
    pub modified_seconds: i64,
}

impl Folder {
    /// Opens a folder that the person at the terminal named; links in its path are theirs.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Folder, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| fault(path, error))?;
        Ok(Folder { fd, shown: path.to_path_buf() })
    }

    /// The folder of this name in it, made if it is not there. A link is not followed.
    ///
    /// # Errors
    /// If it cannot be made or opened.
    pub fn sub(&self, name: &[u8]) -> Result<Folder, Error> {
        let shown = self.shown(name);
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_bits_truncate(FOLDER_MODE)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(fault(&shown, error)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Folder { fd, shown }),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(Error::Local(format!(
                "{}: a link or a file stands where a folder is to be; it is not followed",
                shown.display()
            ))),
            Err(error) => Err(fault(&shown, error)),
        }
    }

    /// The path of an entry, to be shown.
    pub fn shown(&self, name: &[u8]) -> PathBuf {
        self.shown.join(OsStr::from_bytes(name))
    }

    /// What an entry is; a link is not followed.
    pub fn entry(&self, name: &[u8]) -> Option<Entry> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(entry(&stat))
    }

    /// A temporary file with a reserved name to write into, and how much of it is there already. With `resume`
    /// one that an earlier attempt left is gone on with, if it is a plain file of ours that has no second
    /// name. It is locked as long as it is open, so that no two programs write into it.
    ///
    /// # Errors
    /// If it cannot be opened, or another fetch is at it.
    pub fn part(&self, name: &[u8], resume: bool) -> Result<(File, u64), Error> {
        let shown = self.shown(name);
        for _ in 0..OPEN_ATTEMPTS_MAX {
            let opened = match self.left_part(name, &shown)? {
                Some(file) => file,
                None => {
                    self.remove(name)?;
                    let flags = PART_FLAGS.union(OFlags::CREATE).union(OFlags::EXCL);
                    match rustix::fs::openat(&self.fd, name, flags, Mode::from_bits_truncate(FILE_MODE)) {
                        Ok(fd) => File::from(fd),
                        Err(Errno::EXIST) => continue,
                        Err(error) => return Err(fault(&shown, error)),
                    }
                }
            };
            lock(&opened, &shown)?;
            // Whoever held the lock before may have given the file its final name.
            if !self.is_named(&opened, name) {
                continue;
            }
            let local = |error: io::Error| Error::local(&shown, &error);
            if !resume {
                opened.set_len(0).map_err(local)?;
            }
            let have = opened.metadata().map_err(local)?.len();
            return Ok((opened, have));
        }
        Err(in_use(&shown))
    }

    /// The part that an earlier attempt left. What is a link, has a second name, or is of another user could
    /// be changed by others, and is none.
    fn left_part(&self, name: &[u8], shown: &Path) -> Result<Option<File>, Error> {
        let Ok(fd) = rustix::fs::openat(&self.fd, name, PART_FLAGS, Mode::empty()) else { return Ok(None) };
        let stat = rustix::fs::fstat(&fd).map_err(|error| fault(shown, error))?;
        let own = stat.st_uid == rustix::process::geteuid().as_raw();
        let good = own && entry(&stat).is_file && stat.st_nlink == 1;
        Ok(good.then(|| File::from(fd)))
    }

    /// True if `name` is the name of this open file.
    fn is_named(&self, file: &File, name: &[u8]) -> bool {
        let open = rustix::fs::fstat(file);
        let named = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        matches!((open, named), (Ok(a), Ok(b)) if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
    }

    /// Reads a small file of ours; nothing if it is not there.
    pub fn read(&self, name: &[u8], len_max_bytes: u64) -> Option<Vec<u8>> {
        use std::io::Read;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).ok()?;
        let mut bytes = Vec::new();
        File::from(fd).take(len_max_bytes).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Writes the map of the parts of the file `of`, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_map(&self, of: &[u8], bytes: &[u8]) -> Result<(), Error> {
        use std::io::Write;
        let (fresh, name) = (Role::FreshMap.beside(of), Role::Map.beside(of));
        let (mut file, _) = self.part(&fresh, false)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_data())
            .map_err(|error| Error::local(&self.shown(&name), &error))?;
        self.rename(&file, &fresh, &name)
    }

    /// Removes an entry, if it is there.
    ///
    /// # Errors
    /// If it stays.
    pub fn remove(&self, name: &[u8]) -> Result<(), Error> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(fault(&self.shown(name), error)),
        }
    }

    /// Gives a written file its name: contents first, then the name, then the folder, each on the disk
    /// before the next.
    ///
    /// # Errors
    /// If any of it fails.
    pub fn commit(
        &self,
        file: &File,
        part: &[u8],
        name: &[u8],
        modified_seconds: Option<i64>,
    ) -> Result<(), Error> {
        let shown = self.shown(name);
        if let Some(seconds) = modified_seconds {
            let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
            let times =
                Timestamps { last_access: omit, last_modification: Timespec { tv_sec: seconds, tv_nsec: 0 } };
            rustix::fs::futimens(file, &times).map_err(|error| fault(&shown, error))?;
        }
        file.sync_all().map_err(|error| Error::local(&shown, &error))?;
        self.rename(file, part, name)?;
        self.sync()
    }

    /// Makes sure that the names are on the disk as they are now.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn sync(&self) -> Result<(), Error> {
        rustix::fs::fsync(&self.fd).map_err(|error| fault(&self.shown, error))
    }

    /// What was checked is what is open: nothing else may get the name in its place.
    fn rename(&self, file: &File, from: &[u8], to: &[u8]) -> Result<(), Error> {
        if !self.is_named(file, from) {
            let shown = self.shown(from).display().to_string();
            return Err(Error::Local(format!("{shown}: something else was put in its place meanwhile")));
        }
        rustix::fs::renameat(&self.fd, from, &self.fd, to).map_err(|error| fault(&self.shown(to), error))
    }
}

/// Locks a part for as long as it is open.
fn lock(file: &File, shown: &Path) -> Result<(), Error> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        // Not every file system has locks.
        Ok(()) | Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(in_use(shown)),
        Err(error) => Err(fault(shown, error)),
    }
}

fn in_use(shown: &Path) -> Error {
    Error::Local(format!("{}: another fetch of this file is under way", shown.display()))
}

/// Takes the room for a file before it is written, so that a full disk is known at once.
///
/// # Errors
/// If there is not enough.
pub fn reserve(file: &File, size_bytes: u64, shown: &Path) -> Result<(), Error> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size_bytes) {
        Ok(()) => Ok(()),
        // Not every file system can.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            file.set_len(size_bytes).map_err(|error| Error::local(shown, &error))
        }
        Err(error) => Err(fault(shown, error)),
    }
}

fn entry(stat: &rustix::fs::Stat) -> Entry {
    Entry {
        is_file: rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        modified_seconds: stat.st_mtime,
    }
}

fn fault(path: &Path, error: Errno) -> Error {
    Error::local(path, &io::Error::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    fn folder() -> (tempfile::TempDir, Folder) {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        (temp, folder)
    }

    #[test]
    fn links_are_not_followed() {
        let (temp, folder) = folder();
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("precious"), "old").unwrap();
        symlink(elsewhere.path(), temp.path().join("sub")).unwrap();
        symlink(elsewhere.path().join("precious"), temp.path().join("a.part")).unwrap();
        assert!(folder.sub(b"sub").is_err());
        for resume in [true, false] {
            let (mut file, have) = folder.part(b"a.part", resume).unwrap();
            assert_eq!(have, 0);
            file.write_all(b"new").unwrap();
        }
        assert_eq!(std::fs::read(elsewhere.path().join("precious")).unwrap(), b"old");
    }

    #[test]
    fn a_part_with_a_second_name_is_not_written_into() {
        let (temp, folder) = folder();
        std::fs::write(temp.path().join("other"), "other").unwrap();
        std::fs::hard_link(temp.path().join("other"), temp.path().join("a.part")).unwrap();
        let (mut file, have) = folder.part(b"a.part", true).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(have, 0);
        assert_eq!(std::fs::read(temp.path().join("other")).unwrap(), b"other");
    }

    #[test]
    fn what_is_committed_has_its_name_and_time() {
        let (temp, folder) = folder();
        let sub = folder.sub(b"sub").unwrap();
        let (mut file, _) = sub.part(b"a.part", false).unwrap();
        file.write_all(b"12345").unwrap();
        sub.commit(&file, b"a.part", b"a", Some(1_000_000_000)).unwrap();
        assert_eq!(
            sub.entry(b"a"),
            Some(Entry { is_file: true, size_bytes: 5, modified_seconds: 1_000_000_000 })
        );
        assert_eq!(sub.entry(b"a.part"), None);
        drop(file);
        assert_eq!(std::fs::read(temp.path().join("sub/a")).unwrap(), b"12345");
        let (_, have) = sub.part(b"a", true).unwrap();
        assert_eq!(have, 5);
    }

    #[test]
    fn one_part_is_written_by_one_program() {
        let (_temp, folder) = folder();
        let first = folder.part(b"p", false).unwrap();
        for resume in [true, false] {
            let error = folder.part(b"p", resume).unwrap_err().to_string();
            assert!(error.contains("under way"), "{error}");
        }
        drop(first);
        folder.part(b"p", true).unwrap();
    }

    #[test]
    fn what_took_the_place_of_a_part_does_not_get_its_name() {
        let (temp, folder) = folder();
        let (mut file, _) = folder.part(b"p", false).unwrap();
        file.write_all(b"checked").unwrap();
        std::fs::write(temp.path().join("other"), "other").unwrap();
        std::fs::rename(temp.path().join("other"), temp.path().join("p")).unwrap();
        let error = folder.commit(&file, b"p", b"a", None).unwrap_err().to_string();
        assert!(error.contains("something else"), "{error}");
        assert_eq!(folder.entry(b"a"), None);
    }
}
