//! Objects that nothing names any more go in the background: no commit waits for the service.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

use super::REQUEST_PATIENCE;
use super::reason::{failed, reason};

/// So many are removed at once.
const WORKERS_MAX: usize = 8;

/// How long the end of the program waits for what is still to be removed. What remains is an orphan.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// What is to be removed.
#[derive(Default)]
pub(super) struct Removals {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Path>,
    workers: usize,
}

impl Removals {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has an object removed.
    pub fn add(self: &Arc<Removals>, runtime: &Handle, service: &Arc<dyn ObjectStore>, path: Path) {
        let mut state = self.state();
        state.waiting.push_back(path);
        if state.workers < WORKERS_MAX {
            state.workers += 1;
            runtime.spawn(work(Arc::clone(self), Arc::clone(service)));
        }
    }

    /// The next one; without any the worker's place is free again.
    fn next(&self) -> Option<Path> {
        let mut state = self.state();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.workers -= 1;
            self.ended.notify_all();
        }
        next
    }

    /// Waits until all are removed, but not for ever.
    pub fn finish(&self) {
        let waited = self.ended.wait_timeout_while(self.state(), END_PATIENCE, |state| state.workers > 0);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.workers > 0 {
            tracing::warn!(objects = state.waiting.len() + state.workers, "not removed before the end");
            state.waiting.clear();
        }
    }
}

async fn work(removals: Arc<Removals>, service: Arc<dyn ObjectStore>) {
    while let Some(path) = removals.next() {
        let done = tokio::time::timeout(REQUEST_PATIENCE, service.delete(&path)).await;
        match done.unwrap_or_else(|_| Err(failed("the service did not answer in time"))) {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => {
                let error = reason(&error);
                tracing::warn!(%path, %error, "an object that nothing names stays: posthouse check will list it");
            }
        }
    }
}
