//! Bringing the log into the database file, mostly beside the writer.
//!
//! A thread with a connection of its own copies the log's pages and syncs the file while the writer
//! goes on appending. What came in meanwhile is little; the writer copies it itself between two
//! commits, and with nothing left the log starts anew. SQLite alone would do all of it inside one
//! unlucky commit.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, OpenFlags};

use super::BUSY_TIMEOUT;
use crate::error::StoreError;

/// After how many pages of 4 KiB the log is brought into the file, unless the settings say otherwise.
/// Pages that many commits changed are then written once; SQLite's own 1000 would mean a second
/// sync for every few hundred deliveries. The log takes some 16 MB of disk.
pub(super) const PAGES: u32 = 4000;

thread_local! {
    /// How long the log was after this thread's last commit, in pages.
    static LOG_PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Makes a connection tell how long the log is, in place of checkpoints of its own.
pub(super) fn observe(connection: &Connection) {
    connection.wal_hook(Some(|_, pages| {
        LOG_PAGES.set(pages);
        Ok(())
    }));
}

/// The thread that copies, as the writer sees it.
pub(super) struct Checkpointer {
    pages: u32,
    wake: Option<SyncSender<()>>,
    /// True once the thread has copied all there was when it was woken.
    copied: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub fn start(path: &Path, pages: u32) -> io::Result<Checkpointer> {
        let (wake, woken) = mpsc::sync_channel(1);
        let copied = Arc::new(AtomicBool::new(false));
        let (path, done) = (path.to_owned(), Arc::clone(&copied));
        let thread = thread::Builder::new().name("store-checkpoint".to_owned());
        let thread = thread.spawn(move || copy_when_woken(&path, &woken, &done))?;
        Ok(Checkpointer { pages, wake: Some(wake), copied, thread: Some(thread) })
    }

    /// To be called by the writer after each commit, when its callers were told.
    pub fn after_commit(&self, connection: &Connection) -> Result<(), StoreError> {
        if LOG_PAGES.get().cast_unsigned() < self.pages {
            return Ok(());
        }
        if self.copied.swap(false, Ordering::AcqRel) {
            return copy(connection);
        }
        if let Some(wake) = &self.wake {
            // Full: it is awake already.
            let _ = wake.try_send(());
        }
        Ok(())
    }

    /// To be called by the writer when nobody waits for it. All is copied right here: beside a writer
    /// that goes on, a failed sync of ours could drop what it has just written.
    ///
    /// # Errors
    /// The connection is then not to be trusted any more.
    pub fn in_a_pause(&self, connection: &Connection) -> Result<(), StoreError> {
        copy(connection)
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Copies what no reader still needs from the log, and syncs.
fn copy(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |_| Ok(()))?;
    Ok(())
}

fn copy_when_woken(path: &Path, woken: &Receiver<()>, copied: &AtomicBool) {
    let mut connection = None;
    while woken.recv().is_ok() {
        let open = connection.take().map_or_else(|| connect(path), Ok);
        // After a failure the log keeps what the file lacks; the next commit wakes us again.
        if let Ok(open) = open
            && copy(&open).is_ok()
        {
            connection = Some(open);
            copied.store(true, Ordering::Release);
        }
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")?;
    Ok(connection)
}
