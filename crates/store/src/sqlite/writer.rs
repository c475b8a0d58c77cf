//! The writer: one thread, one connection, one sync for all jobs that were waiting.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::Files;
use super::checkpoint::{Checkpointer, observe};
use super::readers::Readers;
use super::rewrite::rewrite;
use crate::blob_file::sync_folder;
use crate::error::StoreError;
use crate::job::Job;
use crate::shared::Shared;
use crate::sql::{Db, Link};
use crate::view::{Effects, Tx};

/// Most jobs in one commit, so that the first does not wait too long for the last.
const BATCH_JOBS_MAX: usize = 1024;

/// The open database, as far as it is for writing. Nothing of it is used any more once something has failed;
/// see [`super::rewrite`].
pub(super) struct Open {
    // Dropped first: it ends a thread that has a connection.
    checkpointer: Checkpointer,
    pub connection: Connection,
}

/// Opens the database when nothing else of ours has it open for writing. All that the disk may lack is
/// written first.
///
/// # Errors
/// As [`rewrite`].
pub(super) fn open(files: &Arc<Files>, readers: &Readers) -> Result<Open, StoreError> {
    let paused = readers.pause();
    rewrite(files, &paused)?;
    let connection = files.connect()?;
    connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;")?;
    keep_log(&connection)?;
    observe(&connection);
    // Makes the log, unless it is there.
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    // Its name must survive a power cut as well as its content; SQLite does not look whether that went well.
    if let Some(folder) = files.path.parent() {
        sync_folder(folder)?;
    }
    Ok(Open { checkpointer: Checkpointer::start(files)?, connection })
}

/// Has changes written to a log instead of the file from now on. A database that does not say so already is
/// changed, and what that meets with is told only behind the last row of the answer. If it were passed over,
/// the database would go on as it was, with changes written to the file and undone after a power cut.
fn keep_log(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let (mut rows, mut mode) = (statement.query([])?, String::new());
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    match mode.as_str() {
        "wal" => Ok(()),
        _ => Err(StoreError::Database(format!("the database cannot keep a log here: its mode stays {mode}"))),
    }
}

impl Open {
    /// Closes, and removes the log if nothing failed.
    fn close(self) {
        let Open { checkpointer, connection } = self;
        if checkpointer.stop() {
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
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
    /// Nothing if it is to be opened anew.
    open: Option<Open>,
    files: Arc<Files>,
    readers: Arc<Readers>,
    shared: Arc<Shared>,
    queue: Receiver<Box<dyn Job>>,
}

/// Starts the thread; it ends when the queue's last sender is gone and the queue is empty.
pub(super) fn start(
    open: Open,
    (files, readers): (Arc<Files>, Arc<Readers>),
    shared: Arc<Shared>,
    queue: Receiver<Box<dyn Job>>,
) -> io::Result<JoinHandle<()>> {
    let mut writer = Writer { last: Last::default(), open: Some(open), files, readers, shared, queue };
    thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
        while let Some(first) = writer.next() {
            writer.commit_from(first);
        }
        if let Some(open) = writer.open.take() {
            open.close();
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
        self.in_between(|open, _| open.checkpointer.copy(&open.connection));
        self.queue.recv().ok()
    }

    /// Does what no job waits for. What fails concerns none, and is logged: the next one finds the database
    /// opened anew, and hears of it if that fails too.
    fn in_between<T>(&mut self, work: impl FnOnce(&Open, &Shared) -> Result<T, StoreError>) -> Option<T> {
        let open = self.open.take()?;
        let done = work(&open, &self.shared);
        if let Err(error) = &done {
            tracing::error!(%error, "the database failed between two commits: its log is written again");
        }
        self.keep(open, done.is_ok());
        done.ok()
    }

    /// Keeps what is open if nothing failed. Otherwise opens anew at once, while the system still shows what
    /// it did not write.
    fn keep(&mut self, open: Open, is_sound: bool) {
        if is_sound && !open.checkpointer.has_failed() {
            self.open = Some(open);
            return;
        }
        drop(open);
        self.open = self
            .open_anew()
            .inspect_err(
                |error| tracing::error!(%error, "the database cannot be opened anew; the next job tries"),
            )
            .ok();
    }

    /// A commit that failed may be there afterwards, so that this is one to whoever looks.
    fn open_anew(&self) -> Result<Open, StoreError> {
        let _committing = self.shared.commits.begin();
        open(&self.files, &self.readers)
    }

    /// Lists the keys of some traces, in a commit of its own, and says of how many. If it fails they stay
    /// where they are, and are found there.
    fn list_traces(&mut self) -> u32 {
        let readers = Arc::clone(&self.readers);
        readers.look_away();
        let listed = self.in_between(|open, shared| {
            let connection = &open.connection;
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let mut tx = Tx::new(Db::new(Link::Sqlite(connection)), shared);
            let count = tx.list_trace_keys(TRACES_AT_ONCE)?;
            if count == 0 {
                connection.prepare_cached("ROLLBACK")?.execute([])?;
                return Ok(0);
            }
            let committing = shared.commits.begin();
            connection.prepare_cached("COMMIT")?.execute([])?;
            drop(committing);
            readers.look_away();
            open.checkpointer.after_commit(connection)?;
            Ok(count)
        });
        let Some(count) = listed else { return 0 };
        let unlisted = &self.shared.unlisted_traces;
        let _ =
            unlisted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(count)));
        if count == 0 {
            unlisted.store(0, Ordering::Relaxed);
        }
        count
    }

    /// Runs `first` and whatever is waiting, commits, and tells everybody.
    fn commit_from(&mut self, first: Box<dyn Job>) {
        // The checkpointer may have failed while nobody looked.
        drop(self.open.take_if(|open| open.checkpointer.has_failed()));
        let open = match self.open.take().map_or_else(|| self.open_anew(), Ok) {
            Ok(open) => open,
            Err(error) => return first.finish(Err(error)),
        };
        let connection = &open.connection;
        let mut batch = Batch {
            connection,
            shared: &self.shared,
            readers: &self.readers,
            last: &mut self.last,
            done: Vec::new(),
            refused: Vec::new(),
            effects: Effects::default(),
            is_careful: false,
        };
        let outcome = batch.run(first, &self.queue);
        let Batch { done, refused, effects, .. } = batch;
        match outcome {
            Ok(()) => self.shared.finish(effects),
            // The outcome is unknown: no file that a row may name is removed.
            Err(_) => effects.adopted.iter().for_each(|file| file.adopt()),
        }
        for (job, error) in refused {
            job.finish(outcome.clone().and(Err(error)));
        }
        for job in done {
            job.finish(outcome.clone());
        }
        // What was kept for others while this was written is the past now, and would keep the log from the file.
        self.readers.look_away();
        let is_sound = outcome.is_ok()
            && (connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok())
            && open.checkpointer.after_commit(connection).is_ok();
        self.keep(open, is_sound);
    }
}

/// After a device error the connection's idea of the files is not trusted any more.
fn must_reopen(error: &StoreError) -> bool {
    matches!(error, StoreError::Io(_) | StoreError::Corrupt(_) | StoreError::Full)
}

/// One transaction. Jobs that fail without having changed anything, as nearly all that fail do, cost the
/// others nothing. Only when one fails half way is all undone, and the others are run again, from then
/// on with a savepoint each: a savepoint copies every page that is changed behind it.
struct Batch<'a> {
    connection: &'a Connection,
    shared: &'a Shared,
    readers: &'a Readers,
    last: &'a mut Last,
    done: Vec<Box<dyn Job>>,
    /// They failed by themselves, behind jobs that wait for the commit: perhaps because of these, so that nobody is
    /// told before everybody can see why.
    refused: Vec<(Box<dyn Job>, StoreError)>,
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
    /// `done` and `refused`; jobs that failed before any was done were told already.
    fn run(&mut self, first: Box<dyn Job>, queue: &Receiver<Box<dyn Job>>) -> Result<(), StoreError> {
        self.readers.look_away();
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            first.finish(Err(error.clone()));
            return self.lost(error);
        }
        let mut next = Some(first);
        while let Some(job) = next {
            if matches!(self.run_job(job)?, Ran::Spoilt) {
                self.run_again()?;
            }
            next =
                if self.done.len() + self.refused.len() < BATCH_JOBS_MAX { self.next(queue) } else { None };
        }
        if self.done.is_empty() {
            return self.execute("ROLLBACK");
        }
        let begun = Instant::now();
        let committing = self.shared.commits.begin();
        let committed = self.execute("COMMIT");
        drop(committing);
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
                match self.done.is_empty() {
                    true => job.finish(Err(error.clone())),
                    false => self.refused.push((job, error.clone())),
                }
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
        if self.done.is_empty() && !must_reopen(&error) { Ok(()) } else { Err(error) }
    }
}
