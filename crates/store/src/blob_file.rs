//! Large content as files: written, synced, renamed, and the folder synced, before any transaction
//! names them; removed after the transaction that dropped the last name was committed.
//!
//! A file's name has random bits beside the digest. Two deliveries of the same content write two
//! files, the transaction keeps one, and no removal can ever hit a file that another names.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::remover::Remover;
use crate::shared::random_u32;

/// The shelf of files whose digest is not known yet: uploads under way and parts of uploads that were cut.
pub(crate) const BEGUN_SHELF: &str = "begun";

/// The folder of content files.
#[derive(Debug, Clone)]
pub(crate) struct BlobFolder {
    root: PathBuf,
    /// Shelves whose names are on the disk. That a shelf is seen does not say so: another thread may be about
    /// to sync it, and may fail.
    shelves: Arc<Mutex<BTreeSet<String>>>,
    remover: Arc<Remover>,
}

/// A content file; removed when dropped, unless a committed row names it.
#[derive(Debug)]
pub(crate) struct BlobFile {
    folder: BlobFolder,
    /// Path below the folder, as rows name it.
    pub name: String,
    adopted: AtomicBool,
}

impl BlobFile {
    /// From now on a row names this file.
    pub fn adopt(&self) {
        self.adopted.store(true, Ordering::Release);
    }

    /// True if a row named this file once.
    pub fn is_adopted(&self) -> bool {
        self.adopted.load(Ordering::Acquire)
    }
}

impl Drop for BlobFile {
    fn drop(&mut self) {
        if !self.is_adopted() {
            self.folder.remove(&self.name);
        }
    }
}

/// Makes a rename or a new entry in `folder` survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Appends the first `len` bytes of a file to `out`, or fewer, if it has fewer.
pub(crate) fn read_into(file: &File, len: u64, out: &mut Vec<u8>) -> io::Result<()> {
    let len = usize::try_from(len).map_err(io::Error::other)?;
    out.reserve(len);
    let end = out.len() + len;
    while out.len() < end {
        // Straight into the room that is there: large content is neither zeroed nor copied before.
        match rustix::io::read(file, rustix::buffer::spare_capacity(out)) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    out.truncate(end);
    Ok(())
}

impl BlobFolder {
    /// The folder at `root`, made if it is not there.
    pub fn open(root: PathBuf) -> io::Result<BlobFolder> {
        fs::create_dir_all(&root)?;
        if let Some(parent) = root.parent() {
            sync_folder(parent)?;
        }
        let mut shelves = BTreeSet::new();
        for shelf in fs::read_dir(&root)? {
            shelves.extend(shelf?.file_name().into_string());
        }
        sync_folder(&root)?;
        let (shelves, remover) = (Arc::new(Mutex::new(shelves)), Arc::new(Remover::start()?));
        Ok(BlobFolder { root, shelves, remover })
    }

    /// The folder of a shelf, made if it is not there. Its name is on the disk.
    fn shelf(&self, shelf: &str) -> io::Result<PathBuf> {
        let folder = self.root.join(shelf);
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if !(shelves.contains(shelf) && folder.is_dir()) {
            match fs::create_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => sync_folder(&self.root)?,
            }
            shelves.insert(shelf.to_owned());
        }
        Ok(folder)
    }

    /// A fresh file on no shelf yet, for content that arrives in pieces; removed when dropped.
    pub fn begin(&self) -> io::Result<(File, BlobFile)> {
        self.shelf(BEGUN_SHELF)?;
        let name = format!("{BEGUN_SHELF}/{:08x}{:08x}", random_u32(), random_u32());
        let path = self.root.join(&name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok((file, self.not_adopted(name)))
    }

    /// Syncs a begun file and its name.
    pub fn sync_begun(&self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        sync_folder(&self.root.join(BEGUN_SHELF))
    }

    /// Syncs a begun file that is whole, puts it under its digest's name and syncs that.
    pub fn shelve(&self, file: &File, begun: BlobFile, digest: &blake3::Hash) -> io::Result<BlobFile> {
        file.sync_all()?;
        let hex = digest.to_hex();
        let (shelf, rest) = hex.split_at(2);
        let folder = self.shelf(shelf)?;
        let name = format!("{shelf}/{rest}-{:08x}{:08x}", random_u32(), random_u32());
        fs::rename(self.root.join(&begun.name), self.root.join(&name))?;
        begun.adopt();
        // Removed by its drop if the sync fails.
        let named = self.not_adopted(name);
        sync_folder(&folder)?;
        Ok(named)
    }

    /// The file `name`, which no row names, and which is removed when dropped.
    pub fn not_adopted(&self, name: String) -> BlobFile {
        BlobFile { folder: self.clone(), name, adopted: AtomicBool::new(false) }
    }

    /// The file `name`, open for reading.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        File::open(self.root.join(name))
    }

    /// The file `name`, open for going on with it.
    pub fn open_to_go_on(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.root.join(name))
    }

    /// Writes `bytes` under a new name and syncs file and folder.
    pub fn write(&self, digest: &blake3::Hash, bytes: &[u8]) -> io::Result<BlobFile> {
        let hex = digest.to_hex();
        let (shelf, rest) = hex.split_at(2);
        let folder = self.shelf(shelf)?;
        let name = format!("{shelf}/{rest}-{:08x}{:08x}", random_u32(), random_u32());
        let path = self.root.join(&name);
        let temporary = path.with_extension("new");
        let written = write_synced(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| sync_folder(&folder));
        if let Err(error) = written {
            // Best effort: what stays behind is reported by the check as an orphan.
            let _ = fs::remove_file(&temporary);
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(self.not_adopted(name))
    }

    /// The content of the file `name`.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(name))
    }

    /// Length in bytes of the file `name`.
    pub fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.root.join(name))?.len())
    }

    /// The file `name`, open for reading, and its length in bytes.
    pub fn open_with_len(&self, name: &str) -> io::Result<(File, u64)> {
        let file = self.open_file(name)?;
        let len = file.metadata()?.len();
        Ok((file, len))
    }

    /// Has the file `name` removed soon. A failure leaves an orphan, which the check reports.
    pub fn remove(&self, name: &str) {
        self.remover.remove(self.root.join(name));
    }

    /// Removes the file `name`. A failure leaves it for the next time.
    pub fn remove_now(&self, name: &str) {
        let _ = fs::remove_file(self.root.join(name));
    }

    /// How long ago the file `name` was last written to.
    pub fn age(&self, name: &str) -> io::Result<Duration> {
        let changed = fs::metadata(self.root.join(name))?.modified()?;
        Ok(SystemTime::now().duration_since(changed).unwrap_or_default())
    }

    /// Visits every file below the folder with its name and its age.
    pub fn each(&self, visit: &mut dyn FnMut(&str, Duration)) -> io::Result<()> {
        for shelf in fs::read_dir(&self.root)? {
            let shelf = shelf?;
            if !shelf.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(shelf.path())? {
                let entry = entry?;
                let Ok(changed) = entry.metadata().and_then(|meta| meta.modified()) else { continue };
                let age = SystemTime::now().duration_since(changed).unwrap_or_default();
                let name = format!("{}/{}", shelf.file_name().display(), entry.file_name().display());
                visit(&name, age);
            }
        }
        Ok(())
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
