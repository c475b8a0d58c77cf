//! How many transfers an account has under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::AccountId;

/// The transfers under way, by account. Clones share them.
#[derive(Debug, Clone)]
pub struct Slots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// So many for each account.
    max: usize,
    taken: Mutex<HashMap<AccountId, usize>>,
}

/// Leave for one transfer, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    account: AccountId,
}

impl Slots {
    /// At most `max` for each account.
    pub fn new(max: usize) -> Slots {
        Slots(Arc::new(Inner { max, taken: Mutex::default() }))
    }

    /// Leave for one more; nothing if the account has as many as it may have.
    pub fn take(&self, account: AccountId) -> Option<Slot> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(account).or_default();
        if *count >= self.0.max {
            return None;
        }
        *count += 1;
        Some(Slot { slots: self.clone(), account })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_its_own_and_gets_them_back() {
        let (slots, [ann, bob]) = (Slots::new(2), [AccountId(1), AccountId(2)]);
        let first = slots.take(ann);
        let second = slots.take(ann);
        assert!(first.is_some() && second.is_some() && slots.take(ann).is_none());
        assert!(slots.take(bob).is_some());
        drop(first);
        assert!(slots.take(ann).is_some());
        drop(second);
        assert!(slots.0.taken.lock().unwrap().is_empty());
    }
}
