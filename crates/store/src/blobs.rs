//! Where large content lies: in a folder of this host, or as objects of a service, with copies here.
//!
//! With objects nothing that reads through a [`crate::View`] waits for the service: what is not here is
//! [`StoreError::Away`], and [`crate::Store::bring`] brings it while no connection to the database is held. A name
//! tells by its end in which form an object is stored, so that a transaction need not ask either. Objects that were
//! copied from a folder have neither end and are read all the same.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;

use crate::blob_file::{BEGUN_SHELF, BlobFolder, PieceVisitor, fresh_name};
use crate::cache::{Cache, Pin};
use crate::error::{OpenError, StoreError};
use crate::objects::{Bucket, ObjectSettings, Objects, Source};
use crate::remote_file::{REMOTE_FROM_BYTES, RemoteFile};
use crate::shared::random_u32;

/// Content as it was given; its digest is in the name, and compared when it is fetched.
const AS_IT_IS: &str = ".raw";

/// Content that is compressed.
const COMPRESSED: &str = ".zst";

/// Objects that are fetched at once; more would only share the same line.
const FETCHES_MAX: usize = 32;

/// How long a fetch waits for its turn.
pub(crate) const FETCH_PATIENCE: Duration = Duration::from_secs(60);

/// How old an object must be before it may count as left over. Services date an object at the beginning of its upload,
/// which for a long one is many hours before a row names it; and their clocks are not ours.
const OBJECT_ORPHAN_AGE: Duration = Duration::from_secs(24 * 3600);

/// The folder of copies, below the data directory.
const CACHE_FOLDER: &str = "blob-cache";

/// The folder of uploads under way, below the data directory.
const UPLOADS_FOLDER: &str = "uploads";

/// Where large content lies; a clone is another handle of the same.
#[derive(Debug, Clone)]
pub(crate) enum Blobs {
    Folder(BlobFolder),
    Service(Arc<Remote>),
}

/// Content in a service.
#[derive(Debug)]
pub(crate) struct Remote {
    objects: Objects,
    cache: Arc<Cache>,
    /// Uploads that have not all come.
    uploads: BlobFolder,
    fetches: Arc<Semaphore>,
}

/// A content file or object; removed when dropped, unless a committed row names it.
#[derive(Debug)]
pub(crate) struct BlobFile {
    blobs: Blobs,
    /// As rows name it.
    pub name: String,
    /// It is an upload's file on this host, also where the rest is in a service.
    is_here: bool,
    adopted: AtomicBool,
}

/// Content that is in the service and has to be [brought](crate::Store::bring) before it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away(String);

/// What was brought, and stays here as long as this is kept.
#[derive(Debug, Default)]
pub struct Brought {
    pins: Vec<Pin>,
    names: Vec<String>,
}

impl BlobFile {
    /// From now on a row names this.
    pub fn adopt(&self) {
        self.adopted.store(true, Ordering::Release);
    }

    /// True if a row named this once.
    pub fn is_adopted(&self) -> bool {
        self.adopted.load(Ordering::Acquire)
    }
}

impl Drop for BlobFile {
    fn drop(&mut self) {
        if self.is_adopted() {
            return;
        }
        match &self.blobs {
            Blobs::Service(remote) if self.is_here => remote.uploads.remove(&self.name),
            blobs => blobs.remove(&self.name),
        }
    }
}

/// An upload that is gone on with: its file, and its name, which is removed when dropped.
pub(crate) struct TakenUp {
    pub file: File,
    /// Given once the part is claimed.
    pub name: String,
    /// The file is a copy, which goes if nothing comes of it.
    pub copy: Option<BlobFile>,
}

impl Blobs {
    /// Content as files below `root`.
    pub fn folder(root: PathBuf) -> io::Result<Blobs> {
        Ok(Blobs::Folder(BlobFolder::open(root)?))
    }

    /// Content as objects. Asks the service nothing yet.
    ///
    /// # Errors
    /// For settings that cannot be, and the device's.
    pub fn service(bucket: &Bucket, settings: &ObjectSettings, data_dir: &Path) -> Result<Blobs, OpenError> {
        let failed =
            |folder: &Path, error: io::Error| OpenError::Failed(format!("{}: {error}", folder.display()));
        let objects = Objects::open(bucket, settings)?;
        let (cached, uploads) = (data_dir.join(CACHE_FOLDER), data_dir.join(UPLOADS_FOLDER));
        let cache = Cache::open(cached.clone(), settings.cache_max_bytes);
        let cache = Arc::new(cache.map_err(|error| failed(&cached, error))?);
        let uploads = BlobFolder::open(uploads.clone()).map_err(|error| failed(&uploads, error))?;
        let fetches = Arc::new(Semaphore::new(FETCHES_MAX));
        Ok(Blobs::Service(Arc::new(Remote { objects, cache, uploads, fetches })))
    }

    /// True if content may take as long as the network does.
    pub fn is_service(&self) -> bool {
        matches!(self, Blobs::Service(_))
    }

    /// See [`Objects::try_out`]. A folder was tried when it was opened.
    pub fn try_out(&self) -> Result<(), OpenError> {
        match self {
            Blobs::Folder(_) => Ok(()),
            Blobs::Service(remote) => remote.objects.try_out(),
        }
    }

    /// What is stored under `name`, until a row names it.
    fn named(&self, name: String) -> BlobFile {
        BlobFile { blobs: self.clone(), name, is_here: false, adopted: AtomicBool::new(false) }
    }

    /// A fresh file on no shelf yet, for content that arrives in pieces; removed when dropped.
    pub fn begin(&self) -> io::Result<(File, BlobFile)> {
        let folder = match self {
            Blobs::Folder(folder) => folder,
            Blobs::Service(remote) => &remote.uploads,
        };
        let (file, name) = folder.begin()?;
        Ok((file, BlobFile { blobs: self.clone(), name, is_here: true, adopted: AtomicBool::new(false) }))
    }

    /// Keeps what came of an upload that was cut, under the name that a row may give it from now on. In a service it
    /// is an object: the client may come back to another node.
    pub fn keep_begun(&self, file: &File, begun: BlobFile, size_bytes: u64) -> Result<BlobFile, StoreError> {
        match self {
            Blobs::Folder(folder) => {
                folder.sync_begun(file)?;
                Ok(begun)
            }
            Blobs::Service(remote) => {
                let name = format!("{BEGUN_SHELF}/{:08x}{:08x}", random_u32(), random_u32());
                remote.objects.put(&name, &Source::File(file, size_bytes))?;
                Ok(self.named(name))
            }
        }
    }

    /// Opens what was kept of an upload, for going on with it behind its first `offset` bytes. The part itself stays
    /// as it is until it is claimed. Nothing if it is not there.
    pub fn take_up(&self, name: &str, offset: u64) -> Result<Option<TakenUp>, StoreError> {
        let remote = match self {
            Blobs::Folder(folder) => {
                let Ok(file) = folder.open_to_go_on(name) else { return Ok(None) };
                // Young from now on: what no row names for a moment must not look as if it were left over.
                file.set_modified(SystemTime::now())?;
                return Ok(Some(TakenUp { file, name: name.to_owned(), copy: None }));
            }
            Blobs::Service(remote) => remote,
        };
        let (file, copy) = self.begin()?;
        let mut at = 0;
        let is_there = remote.objects.read(name, &mut |piece, _| {
            std::os::unix::fs::FileExt::write_all_at(&file, piece, at)?;
            at += piece.len() as u64;
            Ok(())
        })?;
        if !is_there || at < offset {
            return Ok(None);
        }
        Ok(Some(TakenUp { file, name: copy.name.clone(), copy: Some(copy) }))
    }

    /// The file of an upload that was taken up and claimed.
    pub fn claimed(&self, taken: TakenUp) -> (File, BlobFile) {
        let TakenUp { file, name, copy } = taken;
        (file, copy.unwrap_or_else(|| self.named(name)))
    }

    /// Stores an upload that is whole under its digest's name.
    pub fn shelve(
        &self,
        file: &File,
        begun: BlobFile,
        (digest, size_bytes): (&blake3::Hash, u64),
    ) -> Result<BlobFile, StoreError> {
        let remote = match self {
            Blobs::Folder(folder) => {
                let name = folder.shelve(file, &begun.name, digest)?;
                begun.adopt();
                let named = self.named(name);
                folder.sync_shelf(&named.name)?;
                return Ok(named);
            }
            Blobs::Service(remote) => remote,
        };
        let name = format!("{}{AS_IT_IS}", fresh_name(digest));
        remote.objects.put(&name, &Source::File(file, size_bytes))?;
        let named = self.named(name);
        let path = remote.uploads.path(&begun.name);
        // It need not be here: who reads it brings it.
        if remote.cache.keep_file(&named.name, &path, size_bytes).unwrap_or(false) {
            begun.adopt();
        }
        Ok(named)
    }

    /// Stores content in the form that it has in `stored`. When this returns it is on the disk, or acknowledged by
    /// the service.
    pub fn write(&self, digest: &blake3::Hash, stored: &[u8], is_raw: bool) -> Result<BlobFile, StoreError> {
        match self {
            Blobs::Folder(folder) => Ok(self.named(folder.write(digest, stored)?)),
            Blobs::Service(remote) => {
                let name = format!("{}{}", fresh_name(digest), if is_raw { AS_IT_IS } else { COMPRESSED });
                remote.objects.put(&name, &Source::Memory(stored))?;
                // It need not be here: who reads it brings it.
                let _ = remote.cache.keep_bytes(&name, stored);
                Ok(self.named(name))
            }
        }
    }

    /// Content open for reading; nothing if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Away`] if it must be brought first; [`StoreError::Io`].
    pub fn open(&self, name: &str) -> Result<Option<File>, StoreError> {
        match self {
            Blobs::Folder(folder) => match folder.open_file(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                opened => opened.map(Some).map_err(|error| StoreError::Io(format!("{name}: {error}"))),
            },
            Blobs::Service(remote) => match remote.cache.get(name) {
                None => Err(StoreError::Away(Away(name.to_owned()))),
                file => Ok(file),
            },
        }
    }

    /// Content that need not be brought to be read: it is long, and stored as it is.
    pub fn in_place(&self, name: &str, size_bytes: u64) -> Option<RemoteFile> {
        let Blobs::Service(remote) = self else { return None };
        let is_read_there = size_bytes >= REMOTE_FROM_BYTES && name.ends_with(AS_IT_IS);
        is_read_there.then(|| RemoteFile::new(remote, name, size_bytes))
    }

    /// True if the content of `size_bytes` is known to be stored as it is. Asks no service.
    pub fn is_as_it_is(&self, name: &str, size_bytes: u64) -> bool {
        match self {
            Blobs::Folder(folder) => folder.len(name).is_ok_and(|len| len == size_bytes),
            Blobs::Service(_) => name.ends_with(AS_IT_IS),
        }
    }

    /// Shows what is stored under a name, piece by piece, and how much it is; false if it is not there. Keeps nothing.
    pub fn read(&self, name: &str, visit: &mut PieceVisitor<'_>) -> Result<bool, StoreError> {
        match self {
            Blobs::Folder(folder) => folder.read(name, visit),
            Blobs::Service(remote) => remote.objects.read(name, visit),
        }
    }

    /// Length in bytes of what is stored under a name; nothing if it is not there.
    pub fn len(&self, name: &str) -> Result<Option<u64>, StoreError> {
        match self {
            Blobs::Folder(folder) => Ok(folder.len(name).ok()),
            Blobs::Service(remote) => Ok(remote.objects.look(name)?.map(|(len, _)| len)),
        }
    }

    /// How long ago it was written; nothing if it is not there.
    pub fn age(&self, name: &str) -> Result<Option<Duration>, StoreError> {
        match self {
            Blobs::Folder(folder) => Ok(folder.age(name).ok()),
            Blobs::Service(remote) => Ok(remote.objects.look(name)?.map(|(_, age)| age)),
        }
    }

    /// Removes what no row names any more; a service does so some time soon. A failure leaves an orphan, which the
    /// check reports.
    pub fn remove(&self, name: &str) {
        match self {
            Blobs::Folder(folder) => folder.remove(name),
            Blobs::Service(remote) => {
                remote.cache.remove(name);
                remote.objects.remove(name);
            }
        }
    }

    /// [`Blobs::remove`], which a folder has done when this returns.
    pub fn remove_now(&self, name: &str) {
        match self {
            Blobs::Folder(folder) => folder.remove_now(name),
            Blobs::Service(_) => self.remove(name),
        }
    }

    /// Visits all that is stored, or what is on one shelf, with its name and its age.
    pub fn each(&self, shelf: Option<&str>, visit: &mut dyn FnMut(&str, Duration)) -> Result<(), StoreError> {
        match self {
            Blobs::Folder(folder) => Ok(folder.each(shelf, visit)?),
            Blobs::Service(remote) => remote.objects.each(shelf, visit),
        }
    }

    /// How old that must be which no row names before it may count as left over.
    pub fn orphan_age(&self) -> Duration {
        if self.is_service() { OBJECT_ORPHAN_AGE } else { crate::ORPHAN_AGE }
    }

    /// Removes files of uploads under way that a crash left here, where no row names such. Gives their names.
    pub fn remove_left_uploads(&self) -> Result<Vec<String>, StoreError> {
        let mut old = Vec::new();
        if let Blobs::Service(remote) = self {
            remote.uploads.each(Some(BEGUN_SHELF), &mut |name, age| {
                if age >= crate::ORPHAN_AGE {
                    old.push(name.to_owned());
                }
            })?;
            old.iter().for_each(|name| remote.uploads.remove_now(name));
        }
        Ok(old)
    }

    /// The right to fetch something, where that takes network; nothing where it does not.
    pub fn fetches(&self) -> Option<&Arc<Semaphore>> {
        match self {
            Blobs::Folder(_) => None,
            Blobs::Service(remote) => Some(&remote.fetches),
        }
    }

    /// Brings content here, unless it is, as long as `is_wanted` says so.
    ///
    /// # Errors
    /// [`StoreError::Closed`] once it is not wanted any more;
    /// [`StoreError::Io`] if the service does not give it, or not all of it, or if it is gone although it was asked
    /// for twice; [`StoreError::Corrupt`] if it is not what was stored.
    pub fn bring(
        &self,
        Away(name): &Away,
        brought: &mut Brought,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<(), StoreError> {
        let Blobs::Service(remote) = self else { return Ok(()) };
        // The row may have another name for it by now; who sees the same one again finds nothing.
        if brought.names.iter().filter(|old| *old == name).count() > 1 {
            return Err(StoreError::Io(format!("the content {name} is missing; run check")));
        }
        brought.names.push(name.clone());
        brought.pins.extend(remote.bring(name, is_wanted)?);
        Ok(())
    }
}

impl Remote {
    /// Some bytes of an object that has `size_bytes`.
    pub fn read_range(&self, name: &str, range: Range<u64>, size_bytes: u64) -> Result<Vec<u8>, StoreError> {
        self.objects.read_range(name, range, size_bytes)
    }

    fn bring(&self, name: &str, is_wanted: &dyn Fn() -> bool) -> Result<Option<Pin>, StoreError> {
        let _download = match self.cache.pin_or_download(name) {
            Ok(pin) => return Ok(Some(pin)),
            Err(download) => download,
        };
        let fresh = self.cache.fresh()?;
        let (mut at, mut hasher) = (0, blake3::Hasher::new());
        let is_there = self.objects.read(name, &mut |piece, _| {
            if !is_wanted() {
                return Err(StoreError::Closed);
            }
            fresh.write_at(piece, at)?;
            at += piece.len() as u64;
            hasher.update(piece);
            Ok(())
        })?;
        if !is_there {
            return Ok(None);
        }
        if is_other(name, &hasher.finalize()) {
            return Err(StoreError::Corrupt(format!("the object {name} is not what was stored")));
        }
        Ok(Some(self.cache.keep(name, fresh)?))
    }
}

/// True if a name tells another digest.
pub(crate) fn is_other(name: &str, digest: &blake3::Hash) -> bool {
    let Some(name) = name.strip_suffix(AS_IT_IS) else { return false };
    let hex: String = name.chars().filter(|c| *c != '/').take_while(|c| *c != '-').collect();
    hex != digest.to_hex().as_str()
}
