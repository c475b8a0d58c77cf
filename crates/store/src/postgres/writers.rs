//! The writers: threads with a connection each, which take jobs from one queue.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::listener::announce;
use super::{PgConnection, Target};
use crate::error::StoreError;
use crate::job::Job;
use crate::shared::{Shared, random_u32};
use crate::sql::{Db, Link};
use crate::view::{Effects, Tx};

/// How often a job is run again because of others, before its caller is told.
const ATTEMPTS_MAX: u32 = 30;

type Queue = Arc<Mutex<Receiver<Box<dyn Job>>>>;

/// Starts `count` writers; they end when the queue's last sender is gone and the queue is empty.
pub(super) fn start(
    count: usize,
    target: &Target,
    shared: &Arc<Shared>,
    queue: Receiver<Box<dyn Job>>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let queue = Arc::new(Mutex::new(queue));
    let begin = |number| {
        let mut writer = Writer { target: target.clone(), shared: Arc::clone(shared), connection: None };
        let queue = Arc::clone(&queue);
        thread::Builder::new().name(format!("store-writer-{number}")).spawn(move || writer.serve(&queue))
    };
    (0..count).map(begin).collect()
}

struct Writer {
    target: Target,
    shared: Arc<Shared>,
    connection: Option<PgConnection>,
}

impl Writer {
    fn serve(&mut self, queue: &Queue) {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(mut job) = next else { return };
            let outcome = self.run(&mut *job);
            job.finish(outcome.map(|effects| self.shared.finish(effects)));
        }
    }

    fn run(&mut self, job: &mut dyn Job) -> Result<Effects, StoreError> {
        let mut attempt = 0;
        loop {
            let mut connection = self.connected()?;
            let outcome = attempt_once(&mut connection, &self.shared, job);
            let undone = outcome.is_ok() || connection.script("ROLLBACK").is_ok();
            if undone {
                self.connection = Some(connection);
            }
            attempt += 1;
            if !matches!(outcome, Err(StoreError::Conflict)) || attempt >= ATTEMPTS_MAX {
                return outcome;
            }
            // Two that meet again and again part by chance.
            let wait = random_u32() % (1000 << attempt.min(6));
            thread::sleep(Duration::from_micros(u64::from(wait)));
        }
    }

    /// A connection with an open transaction. One that broke while idle is replaced.
    fn connected(&mut self) -> Result<PgConnection, StoreError> {
        if let Some(mut old) = self.connection.take()
            && old.script("BEGIN").is_ok()
        {
            return Ok(old);
        }
        let mut connection = PgConnection::connect(&self.target)?;
        connection.script("BEGIN")?;
        Ok(connection)
    }
}

/// Runs the job and commits. After `Err` the transaction is still open, or the connection gone; if the
/// commit itself failed, its outcome is unknown.
fn attempt_once(
    connection: &mut PgConnection,
    shared: &Shared,
    job: &mut dyn Job,
) -> Result<Effects, StoreError> {
    let mut tx = Tx::new(Db::new(Link::Postgres(connection)), shared);
    let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut tx))).unwrap_or(Err(StoreError::Panicked));
    if let Some(failure) = tx.db.failure.take() {
        return Err(failure);
    }
    ran?;
    let effects = std::mem::take(&mut tx.effects);
    announce(&mut tx.db, &effects)?;
    drop(tx);
    let committed = connection.script("COMMIT");
    if matches!(committed, Err(StoreError::Io(_))) {
        // No file that a row may name is removed.
        effects.adopted.iter().for_each(|file| file.adopt());
    }
    committed.map(|()| effects)
}
