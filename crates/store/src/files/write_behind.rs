//! Brings a growing file to the disk while the rest of it still arrives, so that the sync at its end has
//! little left to do.

use std::fs::File;
use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

/// After so many bytes each the disk is put to work; one that takes that long is not worth it earlier.
pub(crate) const STEP_BYTES: u64 = 16 << 20;

/// A thread that syncs a file whenever it is told to. Dropped without [`WriteBehind::finish`] it ends by
/// itself.
pub(crate) struct WriteBehind {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl WriteBehind {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's; the file is as good without.
    pub fn start(file: &File) -> io::Result<WriteBehind> {
        let file = file.try_clone()?;
        let (wake, woken) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("store-upload".to_owned());
        let thread = thread.spawn(move || {
            while woken.recv().is_ok() {
                file.sync_data()?;
            }
            Ok(())
        })?;
        Ok(WriteBehind { wake, thread })
    }

    /// There is more to sync. Returns at once; while a sync is under way one more is remembered.
    pub fn nudge(&self) {
        let _ = self.wake.try_send(());
    }

    /// Waits for the sync under way.
    ///
    /// # Errors
    /// Of any sync so far. The system tells each error only once, and may have told it the thread: a
    /// sync that succeeds afterwards means nothing then.
    pub fn finish(self) -> io::Result<()> {
        drop(self.wake);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs panicked")))
    }
}
