//! SQLite: one file, one writer thread, a pool of readers.

mod checkpoint;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{OpenError, StoreError};
use crate::job::Job;
use crate::schema;
use crate::shared::Shared;
use crate::sql::{Db, Link};
use crate::view::View;

/// How long a connection waits for another one's short lock. Only the check and foreign tools can
/// hold one, since there is one writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Statements kept prepared per connection; there are fewer in this crate.
const STATEMENTS_MAX: usize = 256;

/// Where a database is and how it is kept.
pub(crate) struct Place {
    path: PathBuf,
    checkpoint_pages: u32,
}

impl Place {
    /// Reads what stands behind `sqlite:`.
    pub fn parse(text: &str, data_dir: &Path) -> Result<Place, OpenError> {
        let (file, option) = text.split_once('?').map_or((text, None), |(file, option)| (file, Some(option)));
        let checkpoint_pages = match option.map(|option| option.strip_prefix("checkpoint_pages=")) {
            None => Some(checkpoint::PAGES),
            Some(number) => number.and_then(|number| number.parse().ok()),
        };
        match checkpoint_pages {
            Some(checkpoint_pages) if !file.is_empty() => {
                Ok(Place { path: data_dir.join(file), checkpoint_pages })
            }
            _ => Err(OpenError::Setting("store.url: after \"sqlite:\" comes a file name".to_owned())),
        }
    }
}

/// The engine of an open SQLite database.
pub(crate) struct Engine {
    jobs: Mutex<Option<Sender<Box<dyn Job>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    readers_max: usize,
}

impl Engine {
    /// Opens or makes the database at `place`, brings it to the present format, starts the writer.
    pub fn open(place: Place, readers: usize, shared: Arc<Shared>) -> Result<Engine, OpenError> {
        let connection = writer::connect(&place.path)?;
        prepare(&connection, &shared)?;
        let (jobs, queue) = mpsc::channel();
        let thread = writer::start(connection, &place, shared, queue)
            .map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(Engine {
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(thread)),
            path: place.path,
            readers: Mutex::new(Vec::new()),
            readers_max: readers.max(1),
        })
    }

    /// Hands a job to the writer.
    pub fn submit(&self, job: Box<dyn Job>) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match jobs.as_ref() {
            Some(sender) => sender.send(job).err().map(|error| error.0),
            None => Some(job),
        };
        if let Some(job) = refused {
            job.finish(Err(StoreError::Closed));
        }
    }

    /// Runs `work` over one consistent state, on this thread.
    pub fn read<T>(
        &self,
        shared: &Shared,
        work: impl FnOnce(&mut View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => connect_reader(&self.path)?,
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        let db = Db::new(Link::Sqlite(&connection));
        let outcome = work(&mut View { db, shared, committed: true });
        let ended = connection.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
        if ended.is_ok() {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < self.readers_max {
                readers.push(connection);
            }
        }
        outcome
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The readers go first, so that the writer is the last to close and cleans up the log.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// Migrates and learns the highest numbers given out so far.
fn prepare(connection: &Connection, shared: &Shared) -> Result<(), OpenError> {
    let mut db = Db::new(Link::Sqlite(connection));
    db.script("BEGIN IMMEDIATE")?;
    let outcome = schema::migrate(&mut db);
    db.script(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    outcome?;
    for sql in ["SELECT MAX(blob_id) FROM content", "SELECT MAX(queue_id) FROM queue"] {
        let last = db.row(sql, &[], |row| row.opt_int(0))?.flatten();
        shared.ids_above(last.unwrap_or(0));
    }
    Ok(())
}

/// Opens a connection that only reads.
fn connect_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // No memory mapping: a sector that cannot be read would end the process instead of one request.
    // A small cache: it is emptied whenever somebody else has committed, which takes as long as it may
    // become large, and the pages behind it are in the system's memory anyway.
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA cache_size = -2048; PRAGMA query_only = 1;")?;
    Ok(connection)
}
