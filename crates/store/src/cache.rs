//! Copies of objects that were read or written last, as files of this host, so that what reads and sends content has
//! a file to do so, and what is read again is here.
//!
//! Nothing here is synced, for all of it is in the service as well. After a power cut a file may therefore hold
//! anything; hence copies count only as long as the system runs that wrote them, which survives the end of this
//! program, not its own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::remover::Remover;
use crate::shared::random_u32;

/// Where the system tells which of its runs this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The file that tells in which run the copies were written.
const BOOT_FILE: &str = "boot";

/// The folder of copies that are not whole yet.
const NEW_SHELF: &str = "new";

/// How long somebody waits for another one's download of the same object, before he begins one of his own.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(30);

/// A bounded set of copies. What is open stays readable when its file is removed.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    max_bytes: u64,
    state: Mutex<State>,
    ended: Condvar,
    /// For what no row names any more: the writer does not wait for it.
    remover: Remover,
}

#[derive(Debug, Default)]
struct State {
    copies: HashMap<String, Copied>,
    /// The names by their last use, the oldest first.
    by_use: BTreeMap<u64, String>,
    bytes: u64,
    clock: u64,
    downloads: HashSet<String>,
}

#[derive(Debug)]
struct Copied {
    bytes: u64,
    used: u64,
    /// So many wait to open it; until then it stays.
    pins: u32,
}

/// Keeps a copy where it is until it was opened.
#[derive(Debug)]
pub(crate) struct Pin {
    cache: Arc<Cache>,
    name: String,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        if let Some(copy) = state.copies.get_mut(&self.name) {
            copy.pins = copy.pins.saturating_sub(1);
        }
        self.cache.make_room(&mut state);
    }
}

/// The right to download an object; others wait until it is dropped.
pub(crate) struct Download {
    cache: Arc<Cache>,
    name: String,
}

impl Drop for Download {
    fn drop(&mut self) {
        self.cache.state().downloads.remove(&self.name);
        self.cache.ended.notify_all();
    }
}

/// A copy that is being written; removed when dropped, unless it was [kept](Cache::keep).
pub(crate) struct Fresh {
    pub file: File,
    path: PathBuf,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl State {
    fn touch(&mut self, name: &str) {
        self.clock += 1;
        let Some(copy) = self.copies.get_mut(name) else { return };
        self.by_use.remove(&copy.used);
        copy.used = self.clock;
        self.by_use.insert(self.clock, name.to_owned());
    }

    fn insert(&mut self, name: String, bytes: u64, pins: u32) {
        let had = self.forget(&name).unwrap_or(0);
        self.clock += 1;
        self.bytes += bytes;
        self.by_use.insert(self.clock, name.clone());
        self.copies.insert(name, Copied { bytes, used: self.clock, pins: had + pins });
    }

    /// Takes a copy out of the books; how many had pinned it.
    fn forget(&mut self, name: &str) -> Option<u32> {
        let copy = self.copies.remove(name)?;
        self.by_use.remove(&copy.used);
        self.bytes -= copy.bytes;
        Some(copy.pins)
    }
}

impl Cache {
    /// The copies below `root`, at most `max_bytes` of them. Those of an earlier run of the system are removed.
    pub fn open(root: PathBuf, max_bytes: u64) -> io::Result<Cache> {
        let boot = fs::read(BOOT_ID).unwrap_or_default();
        let is_same = !boot.is_empty() && fs::read(root.join(BOOT_FILE)).is_ok_and(|old| old == boot);
        if !is_same {
            match fs::remove_dir_all(&root) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::create_dir_all(root.join(NEW_SHELF))?;
        if !is_same {
            // The old ones must be gone for good before any file says that what is here counts.
            File::open(&root)?.sync_all()?;
            fs::write(root.join(BOOT_FILE), &boot)?;
        }
        let mut state = State::default();
        for (_, name, bytes) in found(&root)? {
            state.insert(name, bytes, 0);
        }
        let remover = Remover::start()?;
        let cache = Cache { root, max_bytes, state: Mutex::new(state), ended: Condvar::new(), remover };
        cache.make_room(&mut cache.state());
        Ok(cache)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that all copies take.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// The copy of an object, open for reading, if there is one.
    pub fn get(&self, name: &str) -> Option<File> {
        let mut state = self.state();
        state.copies.get(name)?;
        match File::open(self.root.join(name)) {
            Ok(file) => {
                state.touch(name);
                Some(file)
            }
            Err(_) => {
                // Somebody tidied up behind our back.
                state.forget(name);
                None
            }
        }
    }

    /// Pins the copy of an object, or gives the right to download it. Waits while another one does.
    pub fn pin_or_download(self: &Arc<Cache>, name: &str) -> Result<Pin, Download> {
        let mut state = self.state();
        loop {
            if self.root.join(name).is_file()
                && let Some(copy) = state.copies.get_mut(name)
            {
                copy.pins += 1;
                state.touch(name);
                return Ok(Pin { cache: Arc::clone(self), name: name.to_owned() });
            }
            if state.downloads.insert(name.to_owned()) {
                break;
            }
            let (again, waited) =
                self.ended.wait_timeout(state, DOWNLOAD_PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state = again;
            if waited.timed_out() {
                break;
            }
        }
        Err(Download { cache: Arc::clone(self), name: name.to_owned() })
    }

    /// A file for a copy that is not whole yet.
    pub fn fresh(&self) -> io::Result<Fresh> {
        let path = self.root.join(NEW_SHELF).join(format!("{:08x}{:08x}", random_u32(), random_u32()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Fresh { file, path })
    }

    /// Keeps a copy that is whole, until somebody looked at it at least.
    pub fn keep(self: &Arc<Cache>, name: &str, fresh: Fresh) -> io::Result<Pin> {
        let bytes = fresh.file.metadata()?.len();
        self.take(name, &fresh.path, bytes, 1)?;
        Ok(Pin { cache: Arc::clone(self), name: name.to_owned() })
    }

    /// Keeps a copy of what was just written to the service, from memory, if it is not too large.
    pub fn keep_bytes(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.max_bytes {
            return Ok(());
        }
        let mut fresh = self.fresh()?;
        fresh.file.write_all(bytes)?;
        self.take(name, &fresh.path, bytes.len() as u64, 0)?;
        Ok(())
    }

    /// Keeps the file at `path`, which was just written to the service, as a copy. False if it is too large.
    pub fn keep_file(&self, name: &str, path: &Path, bytes: u64) -> io::Result<bool> {
        if bytes > self.max_bytes {
            return Ok(false);
        }
        self.take(name, path, bytes, 0)?;
        Ok(true)
    }

    fn take(&self, name: &str, path: &Path, bytes: u64, pins: u32) -> io::Result<()> {
        let to = self.root.join(name);
        if let Some(shelf) = to.parent() {
            fs::create_dir_all(shelf)?;
        }
        let mut state = self.state();
        fs::rename(path, to)?;
        state.insert(name.to_owned(), bytes, pins);
        self.make_room(&mut state);
        Ok(())
    }

    /// Has the copy of an object removed soon, if there is one.
    pub fn remove(&self, name: &str) {
        if self.state().forget(name).is_some() {
            self.remover.remove(self.root.join(name));
        }
    }

    /// Removes the copies that were not used for longest, until the rest fits.
    fn make_room(&self, state: &mut State) {
        while state.bytes > self.max_bytes {
            let is_free = |name: &&String| state.copies.get(*name).is_some_and(|copy| copy.pins == 0);
            let Some(name) = state.by_use.values().find(is_free).cloned() else { break };
            state.forget(&name);
            let _ = fs::remove_file(self.root.join(&name));
        }
    }
}

/// The copies that are there, those not used for longest first, and what was not whole when the program ended, removed.
fn found(root: &Path) -> io::Result<Vec<(SystemTime, String, u64)>> {
    let mut found = Vec::new();
    for shelf in fs::read_dir(root)? {
        let shelf = shelf?;
        if !shelf.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(shelf.path())? {
            let entry = entry?;
            if shelf.file_name() == NEW_SHELF {
                let _ = fs::remove_file(entry.path());
                continue;
            }
            let meta = entry.metadata()?;
            let name = format!("{}/{}", shelf.file_name().display(), entry.file_name().display());
            found.push((meta.modified()?, name, meta.len()));
        }
    }
    found.sort();
    Ok(found)
}

impl Fresh {
    /// Adds bytes at `at`.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(cache: &Cache, names: &[&str]) -> Vec<bool> {
        names.iter().map(|name| cache.get(name).is_some()).collect()
    }

    #[test]
    fn the_oldest_go_first_and_the_limit_holds() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::open(folder.path().join("c"), 250).unwrap());
        for name in ["aa/1", "aa/2"] {
            cache.keep_bytes(name, &[7; 100]).unwrap();
        }
        assert!(cache.get("aa/1").is_some(), "it is the one used last now");
        cache.keep_bytes("bb/3", &[7; 100]).unwrap();
        assert_eq!(cache.bytes(), 200);
        assert!(!folder.path().join("c/aa/2").exists());
        assert_eq!(names(&cache, &["aa/1", "aa/2", "bb/3"]), [true, false, true]);
        // Too large for all of it.
        cache.keep_bytes("cc/4", &[7; 251]).unwrap();
        assert_eq!(names(&cache, &["aa/1", "bb/3", "cc/4"]), [true, true, false]);
        // What is needed is kept, over the limit, until it was opened.
        let fresh = cache.fresh().unwrap();
        fresh.write_at(&[8; 300], 0).unwrap();
        let pin = cache.keep("cc/4", fresh).unwrap();
        let mut open = cache.get("cc/4").unwrap();
        assert_eq!(cache.bytes(), 300);
        drop(pin);
        assert_eq!((cache.bytes(), cache.get("cc/4").is_none()), (0, true));
        let mut content = Vec::new();
        io::Read::read_to_end(&mut open, &mut content).unwrap();
        assert_eq!(content, [8; 300], "what is open can still be read");
    }

    #[test]
    fn copies_survive_the_program_and_not_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("c");
        let cache = Arc::new(Cache::open(root.clone(), 1000).unwrap());
        cache.keep_bytes("aa/1", b"one").unwrap();
        std::mem::forget(cache.fresh().unwrap());
        drop(cache);
        let cache = Cache::open(root.clone(), 1000).unwrap();
        assert!(cache.get("aa/1").is_some());
        assert_eq!(fs::read_dir(root.join(NEW_SHELF)).unwrap().count(), 0);
        drop(cache);
        fs::write(root.join(BOOT_FILE), "an earlier run").unwrap();
        let cache = Cache::open(root.clone(), 1000).unwrap();
        assert!(cache.get("aa/1").is_none() && !root.join("aa/1").exists());
        drop(cache);
        let cache = Arc::new(Cache::open(root.clone(), 1000).unwrap());
        cache.keep_bytes("aa/1", b"one").unwrap();
        fs::remove_file(root.join("aa/1")).unwrap();
        assert!(cache.get("aa/1").is_none());
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn one_downloads_and_the_others_wait() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::open(folder.path().join("c"), 1000).unwrap());
        let Err(download) = cache.pin_or_download("aa/1") else { panic!("there is none yet") };
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| cache.pin_or_download("aa/1").is_ok());
            let fresh = cache.fresh().unwrap();
            fresh.write_at(b"one", 0).unwrap();
            let pin = cache.keep("aa/1", fresh).unwrap();
            drop(download);
            assert!(waiting.join().unwrap());
            drop(pin);
        });
        // Who gives up lets another one try.
        let Err(download) = cache.pin_or_download("aa/2") else { panic!("there is none yet") };
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| cache.pin_or_download("aa/2").is_err());
            drop(download);
            assert!(waiting.join().unwrap());
        });
    }
}
