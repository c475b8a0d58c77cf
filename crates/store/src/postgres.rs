//! PostgreSQL: several nodes on one database, several writers per node.
//!
//! Every job is a transaction of its own at READ COMMITTED. What keeps jobs apart are row locks: whatever
//! changes an account begins with its row ([`crate::Tx::bump`], [`crate::Tx::lock`]), counting references
//! locks the content's row, and the directory of domains and accounts has an advisory lock. A job that
//! loses a deadlock or a race for a unique key is run again. PostgreSQL shares syncs among commits
//! by itself.

mod binding;
mod connection;
mod listener;
mod passfile;
mod refusal;
mod target;
mod tls;
mod writers;

use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

pub(crate) use connection::PgConnection;
use listener::Listener;
use target::Target;

use crate::error::{OpenError, StoreError};
use crate::job::Job;
use crate::schema;
use crate::shared::Shared;
use crate::sql::{Db, Link};
use crate::view::View;

/// Connections of one node that write. More would mostly wait for the same disk.
const WRITERS: usize = 8;

/// The key of the advisory lock under which one node at a time migrates.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7867346)";

/// The engine of an open PostgreSQL database.
pub(crate) struct Engine {
    jobs: Mutex<Option<Sender<Box<dyn Job>>>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    target: Target,
    pool: Mutex<Pool>,
    returned: Condvar,
    readers_max: usize,
    _listener: Listener,
}

#[derive(Default)]
struct Pool {
    idle: Vec<PgConnection>,
    lent: usize,
}

impl Engine {
    /// Connects, brings the database to the present format, starts the writers and the listener. Files that `url`
    /// names are relative to `data_dir`.
    pub fn open(
        url: &str,
        data_dir: &Path,
        readers: usize,
        shared: Arc<Shared>,
    ) -> Result<Engine, OpenError> {
        let target = Target::parse(url, data_dir)?;
        let migrated = on_thread({
            let target = target.clone();
            move || migrate(&target)
        });
        migrated?;
        let (jobs, queue) = mpsc::channel();
        let writers = writers::start(WRITERS, &target, &shared, queue);
        let writers = writers.map_err(|error| OpenError::Failed(error.to_string()))?;
        let listener = Listener::start(target.clone(), shared);
        let listener = listener.map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(Engine {
            jobs: Mutex::new(Some(jobs)),
            writers: Mutex::new(writers),
            target,
            pool: Mutex::default(),
            returned: Condvar::new(),
            readers_max: readers.max(1),
            _listener: listener,
        })
    }

    /// Hands a job to whichever writer is free first.
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

    /// Runs `work` over one consistent state, on this thread, which must not be one of the async
    /// runtime's. Waits while all connections are lent; hence `work` must not read again through
    /// the store, or it may wait for itself.
    pub fn read<T>(
        &self,
        shared: &Shared,
        work: impl FnOnce(&mut View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        let mut lent = Lent { engine: self, connection: self.borrow() };
        let pooled = lent.connection.take();
        let connection = match pooled.and_then(|mut old| old.script(BEGIN).ok().map(|()| old)) {
            Some(connection) => connection,
            None => {
                // None was idle, or the one that was broke meanwhile.
                let mut fresh = PgConnection::connect(&self.target)?;
                fresh.script(BEGIN)?;
                fresh
            }
        };
        let connection = lent.connection.insert(connection);
        let db = Db::new(Link::Postgres(connection));
        let outcome = work(&mut View { db, shared, committed: true, moment: None });
        if connection.script("COMMIT").is_err() {
            lent.connection = None;
        }
        outcome
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn borrow(&self) -> Option<PgConnection> {
        let mut pool = self.pool();
        while pool.lent >= self.readers_max {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.lent += 1;
        pool.idle.pop()
    }
}

/// A connection out of the pool; goes back also when the work panics, but then without a
/// connection that is in an unknown state.
struct Lent<'a> {
    engine: &'a Engine,
    connection: Option<PgConnection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.engine.pool();
        pool.lent -= 1;
        if !thread::panicking() {
            pool.idle.extend(self.connection.take());
        }
        drop(pool);
        self.engine.returned.notify_one();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        for writer in self.writers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = writer.join();
        }
        // The client cannot be closed on a thread of an async runtime, which this may be.
        let idle = std::mem::take(&mut self.pool().idle);
        on_thread(move || drop(idle));
    }
}

/// Runs `work` on a thread of its own: the client brings an async runtime along, which refuses to
/// run inside another.
fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match thread::spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn migrate(target: &Target) -> Result<(), OpenError> {
    let mut connection = PgConnection::connect(target)?;
    connection.script("BEGIN")?;
    connection.script(MIGRATION_LOCK)?;
    schema::migrate(&mut Db::new(Link::Postgres(&mut connection)))?;
    connection.script("COMMIT")?;
    Ok(())
}
