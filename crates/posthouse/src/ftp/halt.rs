//! Stopping a transfer from outside, wherever it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Shared by a transfer and those who may stop it.
#[derive(Debug, Clone, Default)]
pub struct Halt(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_halted: AtomicBool,
    told: Notify,
}

impl Halt {
    /// Not halted.
    pub fn new() -> Halt {
        Halt::default()
    }

    /// Stops the transfer: what waits goes on at once.
    pub fn halt(&self) {
        self.0.is_halted.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    /// Whether it was stopped.
    pub fn is_halted(&self) -> bool {
        self.0.is_halted.load(Ordering::Acquire)
    }

    /// Returns once it was stopped.
    pub async fn halted(&self) {
        loop {
            // Before the look: what is told in between is heard.
            let told = self.0.told.notified();
            if self.is_halted() {
                return;
            }
            told.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_wait_are_told_and_who_asks_later_too() {
        let halt = Halt::new();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let halt = halt.clone();
                tokio::spawn(async move { halt.halted().await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(!halt.is_halted());
        halt.halt();
        for waits in waiting {
            waits.await.unwrap();
        }
        halt.halted().await;
    }
}
