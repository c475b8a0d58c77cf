//! `\Recent`: which session is the first to be told of a message (RFC 3501 §2.3.2).
//!
//! The store remembers up to which UID messages were told. Writing that at every arrival would cost
//! each waiting session a commit per message, so claims made while a mailbox is open stay in memory
//! and are written when it is closed. After a crash some messages are recent twice, which the RFC
//! allows.

use super::selected::Selected;
use ::store::{AccountId, Mailbox, MailboxId, Store, StoreError};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

/// Claims that the store does not know yet.
#[derive(Debug, Default)]
pub(super) struct Recents {
    next: Mutex<Claims>,
}

/// The first UID of each mailbox that nobody was told of.
type Claims = HashMap<(AccountId, MailboxId), u32>;

impl Recents {
    /// Claims every message of the mailbox that no session was told of.
    pub fn claim(&self, account: AccountId, mailbox: &Mailbox) -> Option<RangeInclusive<u32>> {
        // One lock over both steps: no two sessions may claim the same message.
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let from = unclaimed(&next, account, mailbox);
        if from >= mailbox.uidnext {
            return None;
        }
        next.insert((account, mailbox.id), mailbox.uidnext);
        Some(from..=mailbox.uidnext - 1)
    }

    /// The first UID that no session was told of.
    pub fn first_unclaimed(&self, account: AccountId, mailbox: &Mailbox) -> u32 {
        unclaimed(&self.next.lock().unwrap_or_else(PoisonError::into_inner), account, mailbox)
    }

    /// Writes the claims on a mailbox that a session is leaving, without waiting for it.
    pub fn keep_later(&self, store: &Store, selected: &Selected) {
        let key = (selected.account, selected.mailbox);
        let claimed = self.next.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let (Some(claimed), Ok(runtime)) = (claimed, tokio::runtime::Handle::try_current()) else { return };
        let (store, house) = (store.clone(), Arc::clone(&selected.shared));
        runtime.spawn(async move {
            let (account, mailbox) = key;
            match store.write(move |tx| tx.claim_recent(account, mailbox)).await {
                Ok(_) | Err(StoreError::Missing(_)) => house.recents.forget(key, claimed),
                Err(error) => tracing::debug!(%error, "recent messages may be told as recent once more"),
            }
        });
    }

    /// Forgets a claim that the store knows, unless a later one took its place.
    fn forget(&self, key: (AccountId, MailboxId), claimed: u32) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.get(&key) == Some(&claimed) {
            next.remove(&key);
        }
    }
}

fn unclaimed(claims: &Claims, account: AccountId, mailbox: &Mailbox) -> u32 {
    claims.get(&(account, mailbox.id)).map_or(mailbox.recent_uid, |next| (*next).max(mailbox.recent_uid))
}
