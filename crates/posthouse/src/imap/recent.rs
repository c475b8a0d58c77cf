//! `\Recent`: which session is the first to be told of a message (RFC 3501 §2.3.2).
//!
//! The store remembers up to which UID messages were told. Writing that at every arrival would cost
//! each waiting session a commit per message, so claims made while a mailbox is open stay in memory
//! and are written when it is closed. After a crash some messages are recent twice, which the RFC
//! allows.

use super::selected::Selected;
use ::store::{AccountId, Mailbox, MailboxId, Store};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

/// Claims that the store does not know yet.
#[derive(Debug, Default)]
pub(super) struct Recents {
    /// The first UID that nobody was told of.
    next: Mutex<HashMap<(AccountId, MailboxId), u32>>,
}

impl Recents {
    /// Claims every message of the mailbox that no session was told of.
    pub fn claim(&self, account: AccountId, mailbox: &Mailbox) -> Option<RangeInclusive<u32>> {
        let from = self.first_unclaimed(account, mailbox);
        if from >= mailbox.uidnext {
            return None;
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.insert((account, mailbox.id), mailbox.uidnext);
        Some(from..=mailbox.uidnext - 1)
    }

    /// The first UID that no session was told of.
    pub fn first_unclaimed(&self, account: AccountId, mailbox: &Mailbox) -> u32 {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.get(&(account, mailbox.id)).map_or(mailbox.recent_uid, |next| (*next).max(mailbox.recent_uid))
    }

    /// Writes the claims on a mailbox that a session is leaving, without waiting for it.
    pub fn keep_later(&self, store: &Store, selected: &Selected) {
        let (account, mailbox) = (selected.account, selected.mailbox);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.remove(&(account, mailbox)).is_none() {
            return;
        }
        drop(next);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let store = store.clone();
        runtime.spawn(async move {
            if let Err(error) = store.write(move |tx| tx.claim_recent(account, mailbox)).await {
                tracing::debug!(%error, "recent messages may be told as recent once more");
            }
        });
    }
}
