//! The open store.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::blob::{self, PreparedBlob};
use crate::blob_file::sync_folder;
use crate::blobs::{Away, Blobs, Brought, FETCH_PATIENCE};
use crate::error::{OpenError, StoreError};
use crate::id::AccountId;
use crate::job::{Job, pending};
use crate::objects::{Bucket, ObjectSettings};
use crate::shared::Shared;
use crate::view::{Tx, View};
use crate::watch::{Topic, Watch};
use crate::{postgres, sqlite};

/// Where the data lies.
#[derive(Clone)]
pub struct Settings {
    /// `sqlite:FILE`, relative to `data_dir` (a following `?checkpoint_pages=N` sets after how many
    /// pages of 4 KiB the log is brought into the file), or `postgres://user@host/database`; a socket folder
    /// as `postgres://user@/database?host=/run/postgresql`.
    ///
    /// Connections to PostgreSQL on other hosts use TLS and verify the server, unless the parameters behind the `?` say
    /// otherwise. As in libpq these are `sslmode` (`disable`, `prefer`, `require`, `verify-ca`, `verify-full`),
    /// `sslrootcert` (a file or `system`), `sslcert` and `sslkey`, `channel_binding` (`disable`, `prefer`, `require`)
    /// and `passfile`. Files are relative to `data_dir`, and read anew for each connection.
    pub url: String,
    /// `file:FOLDER`, relative to `data_dir`: where content over 64 KiB (compressed) lies as files.
    /// With PostgreSQL and several nodes the folder must be one that all see. `database:` keeps
    /// all content in the database. `s3://BUCKET/PREFIX`: objects of a service, see [`Store::open_with`].
    pub blobs: String,
    /// The data directory; made if it is not there.
    pub data_dir: PathBuf,
    /// Connections for reading that are kept open, at least one.
    pub readers: usize,
}

impl std::fmt::Debug for Settings {
    /// Shows of a url with a host its scheme alone: there may be a password behind it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.split_once("://").map_or(self.url.as_str(), |(scheme, _)| scheme);
        let Settings { blobs, data_dir, readers, .. } = self;
        f.debug_struct("Settings")
            .field("url", &url)
            .field("blobs", blobs)
            .field("data_dir", data_dir)
            .field("readers", readers)
            .finish()
    }
}

/// An open store; a clone is another handle of the same. The data directory is free for another
/// process once the last handle is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // Fields are dropped in this order: the lock goes last.
    engine: Engine,
    shared: Arc<Shared>,
    data_dir: PathBuf,
    _lock: Option<File>,
}

enum Engine {
    Sqlite(sqlite::Engine),
    Postgres(Box<postgres::Engine>),
}

impl Store {
    /// Opens the store, making or migrating it as needed.
    ///
    /// # Errors
    /// [`OpenError::Locked`] if another process uses this data directory with SQLite;
    /// [`OpenError::TooNew`] if a newer program wrote the data; [`OpenError::Setting`] for settings
    /// that are not understood.
    pub fn open(settings: &Settings) -> Result<Store, OpenError> {
        Store::open_with(settings, None)
    }

    /// [`Store::open`] for a store whose large content may lie in a service. The service is asked nothing yet:
    /// [`Store::try_blobs`] does.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(settings: &Settings, objects: Option<&ObjectSettings>) -> Result<Store, OpenError> {
        fs::create_dir_all(&settings.data_dir)
            .map_err(|error| OpenError::Failed(format!("{}: {error}", settings.data_dir.display())))?;
        let blobs = open_blobs(settings, objects)?;
        let shared = Arc::new(Shared::new(blobs));
        let (engine, lock) = if let Some(file) = settings.url.strip_prefix("sqlite:") {
            let place = sqlite::Place::parse(file, &settings.data_dir)?;
            let lock = lock_folder(&settings.data_dir)?;
            let engine = sqlite::Engine::open(place, settings.readers, Arc::clone(&shared))?;
            (Engine::Sqlite(engine), Some(lock))
        } else if settings.url.starts_with("postgres://") || settings.url.starts_with("postgresql://") {
            let engine = postgres::Engine::open(
                &settings.url,
                &settings.data_dir,
                settings.readers,
                Arc::clone(&shared),
            )?;
            (Engine::Postgres(Box::new(engine)), None)
        } else {
            let what = "store.url must begin with \"sqlite:\" or \"postgres://\"";
            return Err(OpenError::Setting(what.to_owned()));
        };
        // The new database file's name must survive a power cut as well as its content.
        sync_folder(&settings.data_dir).map_err(|error| OpenError::Failed(error.to_string()))?;
        let inner = Inner { engine, shared, data_dir: settings.data_dir.clone(), _lock: lock };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Runs `job` in a transaction. Resolves only after the commit was synced, together with all
    /// jobs that came in while the previous commit synced. `Err` from the job undoes what it did.
    ///
    /// The job may be run several times (after a conflict with another node), each time from a
    /// clean state; it should keep its effects to the transaction and its return value. It runs on
    /// the writer's thread: prepare content and parse before, not inside.
    ///
    /// If the future is dropped, the job may be carried out or not.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(job).await.unwrap_or(Err(StoreError::Closed))
    }

    /// [`Store::write`] for threads outside the async runtime, which it would block.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(job).blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    fn submit<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, StoreError>> {
        let (job, answer): (Box<dyn Job>, _) = pending(job);
        match &self.inner.engine {
            Engine::Sqlite(engine) => engine.submit(job),
            Engine::Postgres(engine) => engine.submit(job),
        }
        answer
    }

    /// Runs `job` over one consistent state of the store.
    ///
    /// With SQLite it runs right here, on the calling task: a point read takes microseconds, less
    /// than a hop to another thread. What may touch more than some thousand rows or a large
    /// content belongs into [`Store::read_long`]. With PostgreSQL it always runs on a blocking thread.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(_) => self.read_blocking(job),
            Engine::Postgres(_) => self.read_long(job).await,
        }
    }

    /// [`Store::read`] on a blocking thread, for what takes longer than a millisecond.
    pub async fn read_long<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || store.read_blocking(job));
        task.await.unwrap_or(Err(StoreError::Panicked))
    }

    /// [`Store::read`] on the calling thread, with either engine. Must not be called from an async
    /// task with PostgreSQL.
    pub fn read_blocking<T>(
        &self,
        job: impl FnOnce(&mut View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(engine) => engine.read(&self.inner.shared, job),
            Engine::Postgres(engine) => engine.read(&self.inner.shared, job),
        }
    }

    /// [`Store::read`], again and again until all content is here that it needs and that lies in a service. Meanwhile
    /// no connection to the database is held.
    ///
    /// # Errors
    /// The job's; as [`Store::bring`].
    pub async fn read_bringing<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut View<'_>) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut brought = Brought::default();
        loop {
            match self.read(job.clone()).await {
                Err(StoreError::Away(away)) => brought = self.bring(&away, brought).await?,
                done => return done,
            }
        }
    }

    /// [`Store::read_bringing`] on the calling thread, which must not be one of the runtime's.
    pub fn read_bringing_blocking<T>(
        &self,
        job: &mut dyn FnMut(&mut View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut brought = Brought::default();
        loop {
            match self.read_blocking(&mut *job) {
                Err(StoreError::Away(away)) => self.bring_blocking(&away, &mut brought)?,
                done => return done,
            }
        }
    }

    /// Fetches content that a read found [`StoreError::Away`], and adds it to what is held here until it was read. The
    /// runtime needs its clock for this.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the service does not give it in bounded time; [`StoreError::Full`]; [`StoreError::Corrupt`]
    /// if it is not what was stored.
    pub async fn bring(&self, away: &Away, mut brought: Brought) -> Result<Brought, StoreError> {
        let turn = match self.inner.shared.blobs.as_ref().and_then(Blobs::fetches) {
            Some(fetches) => {
                let turn = tokio::time::timeout(FETCH_PATIENCE, Arc::clone(fetches).acquire_owned()).await;
                let late = || StoreError::Io("too much content is being fetched".to_owned());
                Some(turn.ok().and_then(Result::ok).ok_or_else(late)?)
            }
            None => None,
        };
        let (store, away) = (self.clone(), away.clone());
        // Gone with this future: a client that went must not keep the line, nor the end of the program, busy.
        let wish = Arc::new(());
        let wanted = Arc::downgrade(&wish);
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            store.bring_if(&away, &mut brought, &|| wanted.strong_count() > 0).map(|()| brought)
        });
        task.await.unwrap_or(Err(StoreError::Panicked))
    }

    /// [`Store::bring`] on the calling thread, which must not be one of the runtime's.
    pub fn bring_blocking(&self, away: &Away, brought: &mut Brought) -> Result<(), StoreError> {
        self.bring_if(away, brought, &|| true)
    }

    fn bring_if(
        &self,
        away: &Away,
        brought: &mut Brought,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<(), StoreError> {
        match &self.inner.shared.blobs {
            Some(blobs) => blobs.bring(away, brought, is_wanted),
            None => Ok(()),
        }
    }

    /// Makes sure that large content can be written, read and removed where it lies; for a start, off the runtime. A
    /// service is asked for it; a folder was looked at when the store was opened.
    ///
    /// # Errors
    /// [`OpenError::Failed`] with what cannot be done, why, and what to look at.
    pub fn try_blobs(&self) -> Result<(), OpenError> {
        self.inner.shared.blobs.as_ref().map_or(Ok(()), Blobs::try_out)
    }

    /// Longest content in bytes that may be given to [`Store::prepare_blob_blocking`] on a task of the runtime.
    pub fn prepare_here_max_bytes(&self) -> usize {
        blob::prepare_here_max_bytes(self.inner.shared.blobs.as_ref())
    }

    /// Makes content ready to be stored: digest, compression, and, if it is large, a synced file or an object.
    /// Small content is handled on the calling task, large on a blocking thread.
    ///
    /// `bytes`: the message without what differs per recipient ([`crate::NewMessage::prefix`]).
    pub async fn prepare_blob(&self, bytes: impl Into<Arc<[u8]>>) -> Result<PreparedBlob, StoreError> {
        let bytes = bytes.into();
        if bytes.len() <= self.prepare_here_max_bytes() {
            return self.prepare_blob_blocking(&bytes);
        }
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || store.prepare_blob_blocking(&bytes));
        task.await.unwrap_or(Err(StoreError::Panicked))
    }

    /// [`Store::prepare_blob`] on the calling thread.
    pub fn prepare_blob_blocking(&self, bytes: &[u8]) -> Result<PreparedBlob, StoreError> {
        PreparedBlob::new(bytes, self.inner.shared.blobs.as_ref())
    }

    /// Tells about changes of `account`, whichever session or node makes them.
    pub fn watch(&self, account: AccountId) -> Watch {
        self.inner.shared.watches.watch(Topic::Account(account))
    }

    /// Tells when something was put into the queue or became due earlier.
    pub fn watch_queue(&self) -> Watch {
        self.inner.shared.watches.watch(Topic::Queue)
    }

    /// Tells when zones or shared keys changed, whoever changes them; its number is that of the last change.
    pub fn watch_zones(&self) -> Watch {
        self.inner.shared.watches.watch(Topic::Zones)
    }

    /// Bytes that the data directory's file system has left for us, for refusing mail in time.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.inner.data_dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("data_dir", &self.inner.data_dir).finish_non_exhaustive()
    }
}

fn open_blobs(settings: &Settings, objects: Option<&ObjectSettings>) -> Result<Option<Blobs>, OpenError> {
    if settings.blobs == "database:" {
        return Ok(None);
    }
    if let Some(bucket) = settings.blobs.strip_prefix("s3://") {
        let bucket = Bucket::parse(bucket)?;
        let what = "store.blobs: a bucket needs an access key and its secret";
        let objects = objects.ok_or_else(|| OpenError::Setting(what.to_owned()))?;
        return Blobs::service(&bucket, objects, &settings.data_dir).map(Some);
    }
    let Some(folder) = settings.blobs.strip_prefix("file:") else {
        let what = "store.blobs must be \"file:FOLDER\", \"s3://BUCKET/PREFIX\" or \"database:\"";
        return Err(OpenError::Setting(what.to_owned()));
    };
    let folder = settings.data_dir.join(folder);
    let opened = Blobs::folder(folder.clone());
    opened.map(Some).map_err(|error| OpenError::Failed(format!("{}: {error}", folder.display())))
}

/// How long a process that is just ending may take to free the folder.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// Makes sure that one process at a time uses the folder; the system frees the lock when we end.
fn lock_folder(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let failed = |error: io::Error| OpenError::Failed(format!("{}: {error}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked(folder.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}
