//! The UIDs of mailboxes in memory, so that selecting a mailbox of a million messages reads none
//! of their rows.
//!
//! An entry says at which modseq of the mailbox it was true. Whoever finds it older than what it
//! sees reads only what changed since; hence nothing has to be invalidated, on any node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::id::{AccountId, MailboxId, ModSeq};
use crate::ranges::RangeSet;

/// Most ranges that are kept, over all mailboxes; each takes 12 bytes, so this is about 24 MB.
const RANGES_MAX: usize = 2_000_000;
/// Most mailboxes that are kept.
const MAILBOXES_MAX: usize = 20_000;

/// What is known of one mailbox.
#[derive(Debug, Clone)]
pub(crate) struct KnownUids {
    pub at: ModSeq,
    pub uids: Arc<RangeSet>,
}

#[derive(Debug, Default)]
struct Entries {
    map: HashMap<(AccountId, MailboxId), KnownUids>,
    ranges: usize,
}

/// What is known of all mailboxes.
#[derive(Debug, Default)]
pub(crate) struct UidCache {
    entries: Mutex<Entries>,
}

impl UidCache {
    pub fn get(&self, account: AccountId, mailbox: MailboxId) -> Option<KnownUids> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.map.get(&(account, mailbox)).cloned()
    }

    /// Remembers `known` unless something newer is known.
    pub fn put(&self, account: AccountId, mailbox: MailboxId, known: KnownUids) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let old = entries.map.get(&(account, mailbox));
        if old.is_some_and(|old| old.at >= known.at) {
            return;
        }
        let freed = old.map_or(0, |old| old.uids.len());
        entries.ranges = entries.ranges - freed + known.uids.len();
        entries.map.insert((account, mailbox), known);
        while entries.ranges > RANGES_MAX || entries.map.len() > MAILBOXES_MAX {
            // A map's order is as good as random, which is a fair choice of whom to forget.
            let Some(key) = entries.map.keys().next().copied() else { break };
            if let Some(gone) = entries.map.remove(&key) {
                entries.ranges -= gone.uids.len();
            }
        }
    }

    /// Forgets a mailbox.
    pub fn forget(&self, account: AccountId, mailbox: MailboxId) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gone) = entries.map.remove(&(account, mailbox)) {
            entries.ranges -= gone.uids.len();
        }
    }
}
