//! Bringing the log into the database file, mostly beside the writer.
//!
//! A thread with a connection of its own copies the log's pages and syncs the file while the writer
//! goes on appending. What came in meanwhile is little; the writer copies it itself between two
//! commits, and with nothing left the log starts anew. SQLite alone would do all of it inside one
//! unlucky commit.
//!
//! SQLite syncs the file only when all of the log was copied, yet who reads looks for copied pages in the file
//! from then on. We sync after every copy: the writer has less to sync, and if the disk fails
//! it is known at once, not when such a page is gone from memory and its old state is read.
//!
//! After a failure nothing is copied any more; see [`super::rewrite`].

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::Files;
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
    files: Arc<Files>,
    wake: Option<SyncSender<()>>,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Progress {
    /// The thread has copied all there was when it was woken.
    copied: AtomicBool,
    /// The thread failed, and has ended.
    failed: AtomicBool,
}

impl Checkpointer {
    pub fn start(files: &Arc<Files>) -> io::Result<Checkpointer> {
        let (wake, woken) = mpsc::sync_channel(1);
        let progress = Arc::new(Progress::default());
        let (files, its_files, its_progress) = (Arc::clone(files), Arc::clone(files), Arc::clone(&progress));
        let thread = thread::Builder::new().name("store-checkpoint".to_owned());
        let thread = thread.spawn(move || copy_when_woken(&its_files, &woken, &its_progress))?;
        Ok(Checkpointer { files, wake: Some(wake), progress, thread: Some(thread) })
    }

    /// To be called by the writer after each commit, when its callers were told.
    ///
    /// # Errors
    /// The database must then be opened anew.
    pub fn after_commit(&self, connection: &Connection) -> Result<(), StoreError> {
        if LOG_PAGES.get().cast_unsigned() < self.files.checkpoint_pages {
            return Ok(());
        }
        if self.progress.copied.swap(false, Ordering::AcqRel) {
            return self.copy(connection);
        }
        if let Some(wake) = &self.wake {
            // Full: it is awake already.
            let _ = wake.try_send(());
        }
        Ok(())
    }

    /// To be called by the writer when nobody waits for it: copies all that no reader still needs.
    ///
    /// # Errors
    /// The database must then be opened anew.
    pub fn copy(&self, connection: &Connection) -> Result<(), StoreError> {
        if self.has_failed() {
            return Err(StoreError::Io("bringing the log into the file failed before".to_owned()));
        }
        match copy(connection)? {
            // There is no other writer: SQLite has seen the log's end, and synced.
            Copied::All => Ok(()),
            Copied::Some => self.files.sync(),
        }
    }

    /// True once the thread met with an error; the database must then be opened anew.
    pub fn has_failed(&self) -> bool {
        self.progress.failed.load(Ordering::Acquire)
    }

    /// Ends the thread, and says whether it never failed.
    pub fn stop(mut self) -> bool {
        self.join();
        !self.has_failed()
    }

    fn join(&mut self) {
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.join();
    }
}

/// How much of the log was copied.
enum Copied {
    /// All that there was when the copying began.
    All,
    /// Less, because of readers or of who else was copying.
    Some,
}

/// Copies what no reader still needs from the log.
fn copy(connection: &Connection) -> Result<Copied, StoreError> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    let (busy, log, copied): (i64, i64, i64) =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(if busy == 0 && copied == log { Copied::All } else { Copied::Some })
}

fn copy_when_woken(files: &Files, woken: &Receiver<()>, progress: &Progress) {
    let mut connection = None;
    while woken.recv().is_ok() {
        // Who cannot even connect has done no harm; the next commit wakes us again.
        let Ok(open) = connection.take().map_or_else(|| files.connect(), Ok) else { continue };
        // The writer may have gone on, in which case SQLite has synced nothing.
        if let Err(error) = copy(&open).and_then(|_| files.sync()) {
            tracing::error!(%error, "bringing the log into the database failed: it is written again");
            progress.failed.store(true, Ordering::Release);
            return;
        }
        connection = Some(open);
        progress.copied.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::super::Place;
    use super::*;

    #[test]
    fn a_thread_that_failed_once_copies_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::parse("sqlite.db?checkpoint_pages=1", folder.path()).unwrap();
        let files = Files::open(place).unwrap();
        let files = Arc::new(Files { database: File::open("/dev/null").unwrap(), ..files });
        let writer = files.connect().unwrap();
        observe(&writer);
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)").unwrap();
        let checkpointer = Checkpointer::start(&files).unwrap();
        checkpointer.after_commit(&writer).unwrap();
        while !checkpointer.has_failed() {
            thread::yield_now();
        }
        assert!(!checkpointer.progress.copied.load(Ordering::Acquire));
        assert!(checkpointer.copy(&writer).is_err());
        assert!(!checkpointer.stop());
    }
}
