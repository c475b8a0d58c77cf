//! Large content as files: written, synced, renamed, and the folder synced, before any transaction
//! names them; removed after the transaction that dropped the last name was committed.
//!
//! A name has random bits beside the digest. Two deliveries of the same content write two
//! files, the transaction keeps one, and no removal can ever hit a file that another names.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::StoreError;
use crate::remover::Remover;
use crate::shared::random_u32;

/// What is shown the pieces of stored content, in order, each with the length of the whole in bytes.
pub(crate) type PieceVisitor<'v> = dyn FnMut(&[u8], u64) -> Result<(), StoreError> + 'v;

/// What is read to be looked at is read in blocks of this many bytes.
const BLOCK_BYTES: usize = 256 * 1024;

/// The shelf of files whose digest is not known yet: uploads under way and parts of uploads that were cut.
pub(crate) const BEGUN_SHELF: &str = "begun";

/// A new name for content, of which nobody else thinks, on this node or another: 64 random bits stand behind its digest.
pub(crate) fn fresh_name(digest: &blake3::Hash) -> String {
    let hex = digest.to_hex();
    let (shelf, rest) = hex.split_at(2);
    format!("{shelf}/{rest}-{:08x}{:08x}", random_u32(), random_u32())
}

/// The folder of content files.
#[derive(Debug, Clone)]
pub(crate) struct BlobFolder {
    root: PathBuf,
    /// Shelves whose names are on the disk. That a shelf is seen does not say so: another thread may be about
    /// to sync it, and may fail.
    shelves: Arc<Mutex<BTreeSet<String>>>,
    remover: Arc<Remover>,
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

    /// The path of the file `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A fresh file on no shelf yet, for content that arrives in pieces, and its name.
    pub fn begin(&self) -> io::Result<(File, String)> {
        self.shelf(BEGUN_SHELF)?;
        let name = format!("{BEGUN_SHELF}/{:08x}{:08x}", random_u32(), random_u32());
        let path = self.root.join(&name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok((file, name))
    }

    /// Syncs a begun file and its name.
    pub fn sync_begun(&self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        sync_folder(&self.root.join(BEGUN_SHELF))
    }

    /// Syncs a begun file that is whole and puts it under its digest's name, which [`BlobFolder::sync_shelf`] has to
    /// make last.
    pub fn shelve(&self, file: &File, begun: &str, digest: &blake3::Hash) -> io::Result<String> {
        file.sync_all()?;
        let name = fresh_name(digest);
        let (shelf, _) = name.split_at(2);
        self.shelf(shelf)?;
        fs::rename(self.root.join(begun), self.root.join(&name))?;
        Ok(name)
    }

    /// Makes the name of a file survive a power cut.
    pub fn sync_shelf(&self, name: &str) -> io::Result<()> {
        sync_folder(self.root.join(name).parent().unwrap_or(&self.root))
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
    pub fn write(&self, digest: &blake3::Hash, bytes: &[u8]) -> io::Result<String> {
        let name = fresh_name(digest);
        let (shelf, _) = name.split_at(2);
        let folder = self.shelf(shelf)?;
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
        Ok(name)
    }

    /// Shows the content of the file `name` block by block, and its length; false if there is no such file.
    ///
    /// # Errors
    /// The device's; the visitor's.
    pub fn read(&self, name: &str, visit: &mut PieceVisitor<'_>) -> Result<bool, StoreError> {
        let mut file = match self.open_file(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        let len = file.metadata()?.len();
        let mut block = vec![0; BLOCK_BYTES.min(usize::try_from(len).unwrap_or(BLOCK_BYTES)).max(1)];
        loop {
            match file.read(&mut block) {
                Ok(0) => return Ok(true),
                Ok(got) => visit(&block[..got], len)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Length in bytes of the file `name`.
    pub fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.root.join(name))?.len())
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

    /// Visits every file below the folder, or on one shelf, with its name and its age.
    pub fn each(&self, only: Option<&str>, visit: &mut dyn FnMut(&str, Duration)) -> io::Result<()> {
        for shelf in fs::read_dir(&self.root)? {
            let shelf = shelf?;
            let is_meant = only.is_none_or(|only| shelf.file_name() == only);
            if !is_meant || !shelf.file_type()?.is_dir() {
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
