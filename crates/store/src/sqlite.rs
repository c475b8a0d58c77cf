//! SQLite: one file, one writer thread, a pool of readers, and a thread that brings the log into the file.
//!
//! What is acknowledged stays, whatever the disk does: [`rewrite`] says by which rule.

mod checkpoint;
mod readers;
mod rewrite;
mod writer;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{OpenError, StoreError};
use crate::job::Job;
use crate::schema;
use crate::shared::Shared;
use crate::sql::{Db, Link};
use crate::view::View;
use readers::Readers;

/// How long a connection waits for another one's lock. Only foreign tools can hold one for long, and, while
/// [`rewrite`] needs the file for itself, who reads.
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

/// The files of an open database.
struct Files {
    path: PathBuf,
    checkpoint_pages: u32,
    /// For syncing the file by ourselves. Opened before the first connection and closed after the last: to
    /// close it earlier would free the locks that all connections of this process hold (fcntl(2)).
    database: File,
}

impl Files {
    fn open(place: Place) -> io::Result<Files> {
        let mut options = OpenOptions::new();
        let database = options.read(true).write(true).create(true).truncate(false).mode(0o644);
        let database = database.open(&place.path)?;
        Ok(Files { path: place.path, checkpoint_pages: place.checkpoint_pages, database })
    }

    /// Brings what was written into the file to the disk.
    fn sync(&self) -> Result<(), StoreError> {
        Ok(self.database.sync_data()?)
    }

    /// Opens a connection that writes.
    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(&self.path, flags)?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")?;
        Ok(connection)
    }
}

/// Opens a connection that leaves the log alone when it is closed. By itself SQLite lets the last one bring
/// the log into the file and remove it, also after a failure, when the log is all that is left.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // A plan must not hang on what is bound: a statement with `LIMIT ?` would be prepared anew at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// The engine of an open SQLite database.
pub(crate) struct Engine {
    jobs: Mutex<Option<Sender<Box<dyn Job>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Readers>,
    /// Dropped last, see [`Files::database`].
    _files: Arc<Files>,
}

impl Engine {
    /// Opens or makes the database at `place`, brings it to the present format, starts the writer.
    pub fn open(place: Place, readers: usize, shared: Arc<Shared>) -> Result<Engine, OpenError> {
        let path = place.path.clone();
        let files =
            Files::open(place).map_err(|error| OpenError::Failed(format!("{}: {error}", path.display())))?;
        Engine::over(files, readers, shared)
    }

    fn over(files: Files, readers: usize, shared: Arc<Shared>) -> Result<Engine, OpenError> {
        let files = Arc::new(files);
        let readers = Arc::new(Readers::new(files.path.clone(), readers));
        let open = writer::open(&files, &readers).map_err(|error| match error {
            StoreError::Conflict => OpenError::Failed(format!(
                "another program has {} open; end it and start again",
                files.path.display()
            )),
            error => error.into(),
        })?;
        prepare(&open.connection, &shared)?;
        let (jobs, queue) = mpsc::channel();
        let thread = writer::start(open, (Arc::clone(&files), Arc::clone(&readers)), shared, queue);
        let thread = thread.map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(Engine { jobs: Mutex::new(Some(jobs)), writer: Mutex::new(Some(thread)), readers, _files: files })
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
        let moment = shared.commits.moment();
        let mut lent = self.readers.lend()?;
        lent.look(moment)?;
        let db = Db::new(Link::Sqlite(lent.connection()));
        let outcome = work(&mut View { db, shared, committed: true, moment });
        // Who looks next sees the same, unless something is committed: the state is kept for it.
        let keeps = outcome.is_ok() && moment.is_some() && shared.commits.moment() == moment;
        if keeps || lent.look_away().is_ok() {
            lent.give_back();
        }
        outcome
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The readers go first, so that the writer is the last to close and cleans up the log.
        self.readers.close();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::pending;

    /// Runs so many commits that each want a checkpoint.
    fn add_domains(engine: &Engine, numbers: std::ops::Range<u64>) {
        for n in numbers {
            let (job, answer) = pending(move |tx| tx.add_domain(&format!("{n}.example")));
            engine.submit(job);
            answer.blocking_recv().unwrap().unwrap();
        }
    }

    #[test]
    fn a_checkpoint_that_fails_costs_no_commit_and_nothing_trusts_it() {
        const COMMITS: u64 = 200;
        let folder = tempfile::tempdir().unwrap();
        let place = Place::parse("sqlite.db?checkpoint_pages=1", folder.path()).unwrap();
        let files = Files::open(place).unwrap();
        // A file that cannot be synced: every copy beside the writer fails when it is done.
        let files = Files { database: File::open("/dev/null").unwrap(), ..files };
        files.sync().unwrap_err();
        let shared = Arc::new(Shared::new(None));
        let log = files.path.with_extension("db-wal");
        let engine = Engine::over(files, 2, Arc::clone(&shared)).unwrap();
        add_domains(&engine, 0..COMMITS);
        let domains = engine.read(&shared, |view| view.domains()).unwrap();
        assert_eq!(domains.len() as u64, COMMITS);
        // It starts anew nevertheless: each failure makes it be written again, and emptied. A commit
        // takes at least two pages.
        let len = std::fs::metadata(log).unwrap().len();
        assert!(len < COMMITS * 2 * 4096, "the log is {len} bytes long");
    }

    fn engine(folder: &Path) -> (Engine, Arc<Shared>, PathBuf) {
        let place = Place::parse("sqlite.db?checkpoint_pages=1", folder).unwrap();
        let files = Files::open(place).unwrap();
        let shared = Arc::new(Shared::new(None));
        let log = files.path.with_extension("db-wal");
        (Engine::over(files, 2, Arc::clone(&shared)).unwrap(), shared, log)
    }

    #[test]
    fn the_log_starts_anew_though_somebody_looks_all_the_time() {
        const COMMITS: u64 = 300;
        let folder = tempfile::tempdir().unwrap();
        let (engine, shared, log) = engine(folder.path());
        for count in 0..COMMITS {
            // Two at once, so that two connections keep what they see.
            let seen = engine.read(&shared, |view| {
                let inside = engine.read(&shared, |view| view.domains())?;
                Ok((view.domains()?.len(), inside.len()))
            });
            let expected = usize::try_from(count).unwrap();
            assert_eq!(seen.unwrap(), (expected, expected));
            add_domains(&engine, count..count + 1);
        }
        let len = std::fs::metadata(log).unwrap().len();
        // Each commit adds two pages at least. How often there is time to begin anew is the machine's affair.
        assert!(len < COMMITS * 4096, "the log is {len} bytes long");
    }

    #[test]
    fn a_moment_is_one_state() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, shared, _) = engine(folder.path());
        let look = || {
            let read = |view: &mut View<'_>| Ok((view.moment(), view.domains()?.len()));
            engine.read(&shared, read).unwrap()
        };
        let mut last = look();
        assert!(last.0.is_some() && last == look());
        for count in 1..4 {
            add_domains(&engine, count..count + 1);
            let seen = look();
            assert!(seen.0.is_some() && seen.0 != last.0 && seen == look(), "{seen:?}");
            last = seen;
        }
        // What changes nothing ends no moment, and inside of a transaction there is none.
        let (job, answer) = pending(move |tx| Ok(tx.moment()));
        engine.submit(job);
        assert_eq!(answer.blocking_recv().unwrap().unwrap(), None);
    }

    #[test]
    fn a_use_that_fails_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, shared, _) = engine(folder.path());
        let failed: Result<(), _> = engine.read(&shared, |view| {
            view.domains()?;
            Err(StoreError::Conflict)
        });
        failed.unwrap_err();
        assert!(engine.readers.lend().unwrap().connection().is_autocommit());
    }
}
