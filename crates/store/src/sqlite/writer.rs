//! The writer: one thread, one connection, one sync for all jobs that were waiting.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::checkpoint::{Checkpointer, observe};
use super::{BUSY_TIMEOUT, Place, STATEMENTS_MAX};
use crate::error::StoreError;
use crate::job::Job;
use crate::shared::Shared;
use crate::sql::{Db, Link};
use crate::view::{Effects, Tx};

/// Most jobs in one commit, so that the first does not wait too long for the last.
const BATCH_JOBS_MAX: usize = 1024;

/// Opens the connection that writes. What the log holds is first brought into the file and synced:
/// after a failed sync the system may show pages that never reached the disk, and nothing may be
/// acknowledged on top of those.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    write_log_again(path)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;
         PRAGMA temp_store = MEMORY;",
    )?;
    observe(&connection);
    empty_log(&connection)?;
    Ok(connection)
}

/// Writes the log once more as it is seen, and syncs it. What a failed sync left out would otherwise never be
/// written, as the system takes it for written: the file would get all of the log, the disk keep only its
/// beginning, and when the power goes before the log is shortened for good, that beginning would be brought into
/// the newer file. Nobody else writes the log meanwhile, and who reads it reads the same bytes.
fn write_log_again(database: &Path) -> io::Result<()> {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    let log = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let (mut block, mut at) = (vec![0; 1 << 20], 0);
    loop {
        let len = log.read_at(&mut block, at)?;
        if len == 0 {
            return log.sync_all();
        }
        log.write_all_at(&block[..len], at)?;
        at += len as u64;
    }
}

/// Brings all of the log into the file. Waits for readers of old states, and for the checkpointer, for
/// which SQLite by itself would not wait.
fn empty_log(connection: &Connection) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        match busy {
            0 => return Ok(()),
            _ if begun.elapsed() > BUSY_TIMEOUT => return Err(StoreError::Conflict),
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// How much of the time a sync takes is waited, at most, for callers who were told of the last commit and
/// are likely to come again; nobody waits who is alone. On a slow disk this nearly doubles what
/// one sync carries, where otherwise two groups of callers take turns.
const LINGER_SHARE: u32 = 8;
/// The longest such wait.
const LINGER_MAX: Duration = Duration::from_micros(500);

/// Nobody has written for this long: short against a person's pauses, long against a crowd's.
const PAUSE: Duration = Duration::from_millis(50);

/// Traces whose keys are listed in one commit; some ten milliseconds, for which a job may have to wait.
const TRACES_AT_ONCE: u32 = 1024;
/// Traces that may wait for a pause. A search looks at each of them, which takes a tenth of a second then.
const UNLISTED_TRACES_MAX: u32 = 100_000;

/// What the last commit was like.
#[derive(Default)]
struct Last {
    jobs: usize,
    sync: Duration,
}

struct Writer {
    last: Last,
    // Dropped before our connection, which then is the last one and tidies up the log.
    checkpointer: Checkpointer,
    connection: Option<Connection>,
    path: PathBuf,
    shared: Arc<Shared>,
    queue: Receiver<Box<dyn Job>>,
}

/// Starts the thread; it ends when the queue's last sender is gone and the queue is empty.
pub(super) fn start(
    connection: Connection,
    place: &Place,
    shared: Arc<Shared>,
    queue: Receiver<Box<dyn Job>>,
) -> io::Result<JoinHandle<()>> {
    let mut writer = Writer {
        last: Last::default(),
        checkpointer: Checkpointer::start(&place.path, place.checkpoint_pages)?,
        connection: Some(connection),
        path: place.path.clone(),
        shared,
        queue,
    };
    thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
        while let Some(first) = writer.next() {
            writer.commit_from(first);
        }
    })
}

impl Writer {
    /// The job to begin the next commit with; nothing when the store closes. A pause is used to list what
    /// traces are found by, and to bring the log into the file: readers look every page up in the log as
    /// long as it holds any.
    fn next(&mut self) -> Option<Box<dyn Job>> {
        if self.shared.unlisted_traces.load(Ordering::Relaxed) > UNLISTED_TRACES_MAX {
            self.list_traces();
        }
        match self.queue.recv_timeout(PAUSE) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        while self.list_traces() > 0 {
            match self.queue.try_recv() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
        }
        // What failed here concerns no job: the next one finds a fresh connection, and hears of it if it
        // fails again.
        if let Some(connection) = self.connection.take()
            && self.checkpointer.in_a_pause(&connection).is_ok()
        {
            self.connection = Some(connection);
        }
        self.queue.recv().ok()
    }

    /// Lists the keys of some traces, in a commit of its own, and says of how many. A failure concerns no
    /// job: they stay where they are, and are found there.
    fn list_traces(&mut self) -> u32 {
        let Some(connection) = self.connection.take() else { return 0 };
        let list = || -> Result<u32, StoreError> {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let mut tx = Tx::new(Db::new(Link::Sqlite(&connection)), &self.shared);
            let count = tx.list_trace_keys(TRACES_AT_ONCE)?;
            connection.prepare_cached(if count > 0 { "COMMIT" } else { "ROLLBACK" })?.execute([])?;
            Ok(count)
        };
        // A connection on which this failed is not used again; the next job gets a fresh one.
        let Ok(count) = list() else { return 0 };
        let unlisted = &self.shared.unlisted_traces;
        let _ =
            unlisted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(count)));
        if count == 0 {
            unlisted.store(0, Ordering::Relaxed);
        }
        self.connection = Some(connection);
        count
    }

    /// Runs `first` and whatever is waiting, commits, and tells everybody.
    fn commit_from(&mut self, first: Box<dyn Job>) {
        let connection = match self.connection.take().map_or_else(|| connect(&self.path), Ok) {
            Ok(connection) => connection,
            Err(error) => return first.finish(Err(error)),
        };
        let mut batch = Batch {
            connection: &connection,
            shared: &self.shared,
            last: &mut self.last,
            done: Vec::new(),
            effects: Effects::default(),
            is_careful: false,
        };
        let outcome = batch.run(first, &self.queue);
        let Batch { done, effects, .. } = batch;
        match outcome {
            Ok(()) => self.shared.finish(effects),
            // The outcome is unknown: no file that a row may name is removed.
            Err(_) => effects.adopted.iter().for_each(|file| file.adopt()),
        }
        for job in done {
            job.finish(outcome.clone());
        }
        let usable = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
        if usable && !must_reopen(&outcome) && self.checkpointer.after_commit(&connection).is_ok() {
            self.connection = Some(connection);
        }
    }
}

/// After a device error the connection's idea of the files is not trusted any more.
fn must_reopen(outcome: &Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Io(_) | StoreError::Corrupt(_) | StoreError::Full))
}

/// One transaction. Jobs that fail without having changed anything, as nearly all that fail do, cost the
/// others nothing. Only when one fails half way is all undone, and the others are run again, from then
/// on with a savepoint each: a savepoint copies every page that is changed behind it.
struct Batch<'a> {
    connection: &'a Connection,
    shared: &'a Shared,
    last: &'a mut Last,
    done: Vec<Box<dyn Job>>,
    effects: Effects,
    /// Each job has a savepoint.
    is_careful: bool,
}

/// What became of a job.
enum Ran {
    /// It is done and waits for the commit.
    Done,
    /// It failed and has left nothing.
    Undone,
    /// It failed and has left changes, which only a rollback of everything undoes.
    Spoilt,
}

impl Batch<'_> {
    fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Runs jobs until none waits or the batch is full, then commits. `Err` concerns all of
    /// `done`; jobs that failed by themselves were told already.
    fn run(&mut self, first: Box<dyn Job>, queue: &Receiver<Box<dyn Job>>) -> Result<(), StoreError> {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            first.finish(Err(error.clone()));
            return self.lost(error);
        }
        let mut next = Some(first);
        while let Some(job) = next {
            if matches!(self.run_job(job)?, Ran::Spoilt) {
                self.run_again()?;
            }
            next = if self.done.len() < BATCH_JOBS_MAX { self.next(queue) } else { None };
        }
        if self.done.is_empty() {
            return self.execute("ROLLBACK");
        }
        let begun = Instant::now();
        let committed = self.execute("COMMIT");
        *self.last = Last { jobs: self.done.len(), sync: begun.elapsed() };
        committed
    }

    /// The next job that waits, or comes within the moment that is lingered for it.
    fn next(&self, queue: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        if let Ok(job) = queue.try_recv() {
            return Some(job);
        }
        if self.done.len() >= self.last.jobs {
            return None;
        }
        queue.recv_timeout((self.last.sync / LINGER_SHARE).min(LINGER_MAX)).ok()
    }

    /// Begins anew with the jobs that went well.
    fn run_again(&mut self) -> Result<(), StoreError> {
        self.execute("ROLLBACK")?;
        self.execute("BEGIN IMMEDIATE")?;
        self.is_careful = true;
        self.effects = Effects::default();
        let mut jobs = std::mem::take(&mut self.done).into_iter();
        while let Some(job) = jobs.next() {
            if let Err(error) = self.run_job(job) {
                self.done.extend(jobs);
                return Err(error);
            }
        }
        Ok(())
    }

    fn run_job(&mut self, mut job: Box<dyn Job>) -> Result<Ran, StoreError> {
        if self.is_careful
            && let Err(error) = self.execute("SAVEPOINT job")
        {
            self.done.push(job);
            return Err(error);
        }
        let changes = self.connection.total_changes();
        let mut tx = Tx::new(Db::new(Link::Sqlite(self.connection)), self.shared);
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut tx)));
        let mut ran = ran.unwrap_or(Err(StoreError::Panicked));
        // The job may have gone on after a failure, or given another reason for it.
        if let Some(failure) = tx.db.failure.take() {
            ran = Err(failure);
        }
        match ran {
            Ok(()) => {
                self.effects.append(std::mem::take(&mut tx.effects));
                self.done.push(job);
                if self.is_careful {
                    self.execute("RELEASE job")?
                }
                Ok(Ran::Done)
            }
            Err(error) => {
                job.finish(Err(error.clone()));
                self.undo(changes, error)
            }
        }
    }

    /// Undoes the changes of a failed job, or says that it cannot. `Err` if the jobs before it are lost too.
    fn undo(&mut self, changes_before: u64, error: StoreError) -> Result<Ran, StoreError> {
        if self.connection.is_autocommit() {
            // Some failures make SQLite roll back everything at once.
            return Err(error);
        }
        if self.is_careful {
            return self
                .execute("ROLLBACK TO job")
                .and_then(|()| self.execute("RELEASE job"))
                .map(|()| Ran::Undone);
        }
        let is_unchanged = self.connection.total_changes() == changes_before;
        Ok(if is_unchanged { Ran::Undone } else { Ran::Spoilt })
    }

    fn lost(&self, error: StoreError) -> Result<(), StoreError> {
        let outcome = Err(error);
        if self.done.is_empty() && !must_reopen(&outcome) { Ok(()) } else { outcome }
    }
}
