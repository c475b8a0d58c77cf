//! Stopping a transfer from outside, wherever it is: waiting, or on a thread of its own in a system call.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Shared by a transfer and those who may stop it.
#[derive(Debug, Clone, Default)]
pub struct Halt(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    /// For threads that pause.
    threads: Condvar,
    /// For tasks that wait.
    tasks: Notify,
}

#[derive(Debug, Default)]
struct State {
    halted: bool,
    socket: Option<TcpStream>,
}

impl Halt {
    /// Not halted, and no socket.
    pub fn new() -> Halt {
        Halt::default()
    }

    /// Stops the transfer: what waits goes on at once, what is in a system call on the socket fails.
    pub fn halt(&self) {
        let mut state = self.lock();
        state.halted = true;
        if let Some(socket) = state.socket.take() {
            // Fails only if the peer was faster.
            let _ = socket.shutdown(Shutdown::Both);
        }
        drop(state);
        self.0.threads.notify_all();
        self.0.tasks.notify_one();
    }

    /// Whether it was stopped.
    pub fn is_halted(&self) -> bool {
        self.lock().halted
    }

    /// Returns once it was stopped. For one task.
    pub async fn halted(&self) {
        while !self.is_halted() {
            self.0.tasks.notified().await;
        }
    }

    /// Has `socket` shut down when the transfer is stopped, also if it was already.
    pub fn watch(&self, socket: TcpStream) {
        let mut state = self.lock();
        if state.halted {
            let _ = socket.shutdown(Shutdown::Both);
        } else {
            state.socket = Some(socket);
        }
    }

    /// Lets the socket go.
    pub fn unwatch(&self) {
        self.lock().socket = None;
    }

    /// Pauses this thread; false if the transfer was stopped.
    pub fn pause(&self, time: Duration) -> bool {
        if time.is_zero() {
            return !self.is_halted();
        }
        let waited = self.0.threads.wait_timeout_while(self.lock(), time, |state| !state.halted);
        !waited.unwrap_or_else(PoisonError::into_inner).0.halted
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn a_thread_in_a_read_and_one_in_a_pause_are_stopped() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let halt = Halt::new();
        halt.watch(server.try_clone().unwrap());
        let reads = std::thread::spawn(move || server.read(&mut [0; 10]).map_err(|error| error.kind()));
        let pauses = std::thread::spawn({
            let halt = halt.clone();
            move || halt.pause(Duration::from_hours(1))
        });
        assert!(halt.pause(Duration::from_millis(1)));
        halt.halt();
        assert_eq!(reads.join().unwrap(), Ok(0));
        assert!(!pauses.join().unwrap());
        drop(client);
    }

    #[tokio::test]
    async fn a_task_is_told_even_if_it_asks_later() {
        let halt = Halt::new();
        halt.halt();
        halt.halted().await;
        assert!(!halt.pause(Duration::ZERO));
    }
}
