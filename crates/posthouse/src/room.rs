//! Whether there is room for more: on the disk, and for work that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Space that new mail may not use up: the database's log needs it to finish what was begun.
const RESERVE_BYTES: u64 = 64 << 20;
/// Refusals being recorded at a time; more are only logged.
const REFUSALS_WAITING_MAX: usize = 256;

/// What was last measured. Clones share it.
#[derive(Debug, Clone)]
pub struct Room {
    free_bytes: Arc<AtomicU64>,
    refusals: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Room {
            free_bytes: Arc::new(AtomicU64::new(u64::MAX)),
            refusals: Arc::new(Semaphore::new(REFUSALS_WAITING_MAX)),
        }
    }
}

impl Room {
    /// Whether a message of `size_bytes` may come in.
    pub fn has_for(&self, size_bytes: u64) -> bool {
        self.free_bytes.load(Ordering::Relaxed) >= RESERVE_BYTES.saturating_add(size_bytes.saturating_mul(2))
    }

    /// Looks at the disk.
    pub fn measure(&self, store: &Store) {
        match store.free_bytes() {
            Ok(free) => {
                if free < RESERVE_BYTES && self.has_for(0) {
                    tracing::error!(
                        free_bytes = free,
                        "the disk is nearly full: new mail is refused for now"
                    );
                }
                self.free_bytes.store(free, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "free space cannot be read"),
        }
    }

    /// A place to record a refusal in the background.
    ///
    /// # Errors
    /// When too many are under way.
    pub fn refusal_permit(&self) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.refusals.clone().try_acquire_owned()
    }
}
