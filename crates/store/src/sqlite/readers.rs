//! The connections that read.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::{Connection, InterruptHandle, OpenFlags};

use super::{BUSY_TIMEOUT, connect};
use crate::error::StoreError;
use crate::moment::Moment;

/// Connections that read: some kept open, and all that are in use. They can be made to go, for
/// [`super::rewrite`] needs the file for itself.
pub(super) struct Readers {
    path: PathBuf,
    idle_max: usize,
    state: Mutex<State>,
    resumed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Reader>,
    busy: Vec<Arc<InterruptHandle>>,
    is_paused: bool,
}

struct Reader {
    connection: Connection,
    interrupt: Arc<InterruptHandle>,
    looks: Looks,
}

/// Whether a connection is in a transaction, and what it sees in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    No,
    /// At a state that others may see, too, or may not.
    AtSome,
    /// At the state of this moment. Such a transaction outlives its use: to begin one takes locks and looks
    /// at the log, which is a good part of what a point read costs.
    At(Moment),
}

impl Reader {
    fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Ends the transaction, if there is one.
    fn look_away(&mut self) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.looks, Looks::No) == Looks::No {
            return Ok(());
        }
        self.execute("COMMIT")
    }

    /// Sees the state of `moment`, or, without one, the newest.
    fn look(&mut self, moment: Option<Moment>) -> Result<(), StoreError> {
        if moment.is_some_and(|moment| self.looks == Looks::At(moment)) {
            return Ok(());
        }
        self.look_away()?;
        self.execute("BEGIN")?;
        self.looks = moment.map_or(Looks::AtSome, Looks::At);
        Ok(())
    }
}

impl Readers {
    pub fn new(path: PathBuf, idle_max: usize) -> Readers {
        let idle_max = idle_max.max(1);
        Readers { path, idle_max, state: Mutex::default(), resumed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for one use.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the file is needed by the writer alone for too long.
    pub fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let begun = Instant::now();
        let mut state = self.state();
        while state.is_paused {
            let patience = BUSY_TIMEOUT.saturating_sub(begun.elapsed());
            if patience.is_zero() {
                return Err(StoreError::Conflict);
            }
            let waited = self.resumed.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(reader) = state.idle.pop() {
            state.busy.push(Arc::clone(&reader.interrupt));
            return Ok(Lent { readers: self, reader: Some(reader) });
        }
        drop(state);
        // Whoever pauses just now finds this one by the lock it holds on the file.
        let connection = self.connect()?;
        let interrupt = Arc::new(connection.get_interrupt_handle());
        self.state().busy.push(Arc::clone(&interrupt));
        Ok(Lent { readers: self, reader: Some(Reader { connection, interrupt, looks: Looks::No }) })
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(&self.path, flags)?;
        // No memory mapping: a sector that cannot be read would end the process instead of one request.
        // A small cache: it is emptied whenever somebody else has committed, which takes as long as it may
        // become large, and the pages behind it are in the system's memory anyway.
        connection
            .execute_batch("PRAGMA mmap_size = 0; PRAGMA cache_size = -2048; PRAGMA query_only = 1;")?;
        Ok(connection)
    }

    /// Ends the transactions of connections that are not in use. To be called before something is written: the log
    /// cannot begin anew while anybody looks at it.
    pub fn look_away(&self) {
        self.state().idle.retain_mut(|reader| reader.look_away().is_ok());
    }

    /// Closes what is not in use, and lets nobody begin to read until the answer is dropped.
    pub fn pause(&self) -> Paused<'_> {
        let mut state = self.state();
        state.is_paused = true;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        drop(idle);
        Paused { readers: self }
    }

    /// Closes what is not in use.
    pub fn close(&self) {
        drop(self.pause());
    }
}

/// Nobody begins to read.
pub(super) struct Paused<'r> {
    readers: &'r Readers,
}

impl Paused<'_> {
    /// Makes the statements fail that are running.
    pub fn interrupt(&self) {
        self.readers.state().busy.iter().for_each(|busy| busy.interrupt());
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.readers.state().is_paused = false;
        self.readers.resumed.notify_all();
    }
}

/// A connection in use; closed when dropped.
pub(super) struct Lent<'r> {
    readers: &'r Readers,
    reader: Option<Reader>,
}

impl Lent<'_> {
    pub fn connection(&self) -> &Connection {
        let reader = self.reader.as_ref();
        &reader.expect("it is taken only by what consumes or drops us").connection
    }

    /// See [`Reader::look`].
    pub fn look(&mut self, moment: Option<Moment>) -> Result<(), StoreError> {
        self.reader_mut().look(moment)
    }

    /// See [`Reader::look_away`].
    pub fn look_away(&mut self) -> Result<(), StoreError> {
        self.reader_mut().look_away()
    }

    fn reader_mut(&mut self) -> &mut Reader {
        self.reader.as_mut().expect("it is taken only by what consumes or drops us")
    }

    /// Keeps the connection for the next use, if it is wanted.
    pub fn give_back(mut self) {
        let Some(reader) = self.reader.take() else { return };
        let mut state = self.readers.state();
        state.busy.retain(|busy| !Arc::ptr_eq(busy, &reader.interrupt));
        if !state.is_paused && state.idle.len() < self.readers.idle_max {
            state.idle.push(reader);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            let mut state = self.readers.state();
            state.busy.retain(|busy| !Arc::ptr_eq(busy, &reader.interrupt));
        }
    }
}
