//! The threads on which passwords are checked.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// How much they give way to all others: beside a busy thread each gets a thirtieth of a core, so that a crowd that logs
/// in does not slow down what is under way, and is still let in where all cores are busy. (At 10, a tenth of a
/// core, five hundred accounts at once slowed transfers on two cores by a sixth.)
const NICENESS: i32 = 15;

type Check = Box<dyn FnOnce() + Send>;

/// A few threads that give way to all others. They end when this is dropped.
pub(super) struct Checkers {
    queue: Sender<Check>,
}

impl Checkers {
    /// # Errors
    /// If the system gives no threads.
    pub(super) fn start(count: usize) -> io::Result<Checkers> {
        let (queue, checks) = mpsc::channel();
        let checks = Arc::new(Mutex::new(checks));
        for number in 0..count {
            let checks = Arc::clone(&checks);
            thread::Builder::new().name(format!("password-{number}")).spawn(move || work(&checks))?;
        }
        Ok(Checkers { queue })
    }

    /// What `check` gives, once a thread had time for it; nothing if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = oneshot::channel();
        // Who asked may be gone by then.
        let check = move || drop(tell.send(check()));
        self.queue.send(Box::new(check)).ok()?;
        told.await.ok()
    }
}

fn work(checks: &Mutex<Receiver<Check>>) {
    // Of this thread only; that it cannot be had is no reason to refuse logins.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    loop {
        let next = checks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(check) = next else { return };
        // One that trips over a fault must not take the thread with it; who asked hears of it.
        let _ = catch_unwind(AssertUnwindSafe(check));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_panics_costs_no_thread() {
        let checkers = Checkers::start(1).unwrap();
        assert_eq!(checkers.run(|| -> u8 { panic!("a fault") }).await, None);
        assert_eq!(checkers.run(|| 7).await, Some(7));
    }

    #[tokio::test]
    async fn they_give_way() {
        let checkers = Checkers::start(1).unwrap();
        let own = rustix::process::getpriority_process(None).unwrap();
        let theirs = checkers.run(|| rustix::process::getpriority_process(None).unwrap()).await;
        assert_eq!(theirs, Some(NICENESS.max(own)));
    }
}
