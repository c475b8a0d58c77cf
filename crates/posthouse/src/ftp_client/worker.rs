//! A connection that is made anew when it breaks, and many of them side by side.

use super::connection::{Connection, Shared};
use super::error::Error;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often something is tried again that the network spoiled.
const RETRIES_MAX: u32 = 3;

/// The pause before the first new attempt; each further one is twice as long.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// One connection, made when it is needed.
pub struct Worker {
    shared: Arc<Shared>,
    connection: Option<Connection>,
}

impl Worker {
    /// A worker that has no connection yet.
    pub fn new(shared: &Arc<Shared>) -> Worker {
        Worker { shared: Arc::clone(shared), connection: None }
    }

    /// A worker with a connection that stands.
    pub fn with(shared: &Arc<Shared>, connection: Connection) -> Worker {
        Worker { shared: Arc::clone(shared), connection: Some(connection) }
    }

    /// Does a job; again over a new connection if the network spoiled it. The job is told which attempt it
    /// is, from 0.
    ///
    /// # Errors
    /// Those of the last attempt.
    pub fn run<T>(&mut self, job: impl FnMut(&mut Connection, u32) -> Result<T, Error>) -> Result<T, Error> {
        self.run_if(true, job)
    }

    /// As [`Worker::run`], but only once if it is not `repeatable`.
    ///
    /// # Errors
    /// Those of the last attempt.
    pub fn run_if<T>(
        &mut self,
        repeatable: bool,
        mut job: impl FnMut(&mut Connection, u32) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut attempt = 0;
        loop {
            let error = match self.connection.take().map_or_else(|| Connection::open(&self.shared), Ok) {
                Ok(mut connection) => match job(&mut connection, attempt) {
                    Ok(done) => {
                        self.connection = Some(connection);
                        return Ok(done);
                    }
                    Err(error) => {
                        if connection.is_idle() {
                            self.connection = Some(connection);
                        }
                        error
                    }
                },
                // Who cannot be reached at the first attempt has a wrong name or is down: that is said at once.
                Err(error) if attempt == 0 => return Err(error),
                Err(error) => error,
            };
            if !repeatable || !error.may_pass() || attempt >= RETRIES_MAX {
                return Err(error);
            }
            self.shared.progress.say(&format!("{error}; trying again"));
            thread::sleep(RETRY_PAUSE * 2u32.pow(attempt));
            attempt += 1;
        }
    }

    /// Connects, if it has no connection.
    fn connect(&mut self) -> Result<(), Error> {
        if self.connection.is_none() {
            self.connection = Some(Connection::open(&self.shared)?);
        }
        Ok(())
    }

    /// Takes leave of the server.
    pub fn quit(self) {
        if let Some(connection) = self.connection {
            connection.quit();
        }
    }
}

/// Tasks that workers share, and that bring new tasks.
struct Queue<T> {
    state: Mutex<(Vec<T>, usize)>,
    changed: Condvar,
}

impl<T> Queue<T> {
    /// The next task; nothing when all is done. The last that was put in is the first to come out, so that
    /// a tree is walked in depth and few tasks wait.
    fn take(&self) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(task) = state.0.pop() {
                state.1 += 1;
                return Some(task);
            }
            if state.1 == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, more: Vec<T>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 -= 1;
        state.0.extend(more);
        self.changed.notify_all();
    }
}

/// Does `first`, and all tasks that come of it, by so many workers. One of them at least has a connection;
/// those whose first one the server does not take leave the work to the others.
pub fn share_out<T: Send>(
    workers: Vec<Worker>,
    first: Vec<T>,
    handle: &(impl Fn(&mut Worker, T) -> Vec<T> + Sync),
) {
    let queue = &Queue { state: Mutex::new((first, 0)), changed: Condvar::new() };
    thread::scope(|scope| {
        for mut worker in workers {
            scope.spawn(move || {
                let mut untried = worker.connection.is_none();
                while let Some(task) = queue.take() {
                    if untried && let Err(error) = worker.connect() {
                        queue.done(vec![task]);
                        worker.shared.progress.say(&format!("one connection less: {error}"));
                        return;
                    }
                    untried = false;
                    let more = handle(&mut worker, task);
                    queue.done(more);
                }
                worker.quit();
            });
        }
    });
}
