//! Who wants to know when an account changes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::id::{AccountId, ModSeq};

/// Tells when an account's modseq moved. Made by [`crate::Store::watch`].
#[derive(Debug)]
pub struct Watch {
    inner: watch::Receiver<u64>,
}

impl Watch {
    /// Waits until the account changed since the last call (or since the watch was made), and gives
    /// its modseq as last announced. Several changes may be one announcement. The change is
    /// committed and visible to any view opened from now on. Safe to drop at any await.
    ///
    /// Once the store is gone this waits for ever.
    pub async fn changed(&mut self) -> ModSeq {
        if self.inner.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        ModSeq(*self.inner.borrow_and_update())
    }
}

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Account(AccountId),
    Queue,
    Zones,
}

/// All watches of a store.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    topics: Mutex<HashMap<Topic, watch::Sender<u64>>>,
}

impl Watches {
    pub fn watch(&self, topic: Topic) -> Watch {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = topics.entry(topic).or_insert_with(|| watch::channel(0).0);
        Watch { inner: sender.subscribe() }
    }

    /// Wakes all who watch `topic`, unless they know of `value` already; forgets the topic if
    /// nobody watches. For the queue the value has no meaning.
    pub fn announce(&self, topic: Topic, value: u64) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = topics.get(&topic) else { return };
        if sender.receiver_count() == 0 {
            topics.remove(&topic);
            return;
        }
        sender.send_if_modified(|last| {
            let news = topic == Topic::Queue || value > *last;
            *last = (*last).max(value);
            news
        });
    }

    /// Wakes everybody.
    pub fn announce_all(&self) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in topics.values() {
            sender.send_modify(|_| ());
        }
    }
}
