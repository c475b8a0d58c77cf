//! A shared allowance of memory, so that many large messages at once cannot exhaust the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An allowance in bytes, shared by all sessions that hold a clone.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Allowance>);

#[derive(Debug)]
struct Allowance {
    max_bytes: usize,
    used_bytes: AtomicUsize,
    /// What this is a part of.
    whole: Option<Budget>,
}

impl Allowance {
    /// Takes bytes here and of the whole, or of neither.
    fn take(&self, bytes: usize) -> bool {
        let taken = self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|total| *total <= self.max_bytes)
        });
        if taken.is_err() {
            return false;
        }
        let granted = self.whole.as_ref().is_none_or(|whole| whole.0.take(bytes));
        if !granted {
            self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        granted
    }

    fn give_back(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.0.give_back(bytes);
        }
    }
}

impl Budget {
    /// An allowance of `max_bytes`.
    pub fn new(max_bytes: usize) -> Budget {
        Budget(Arc::new(Allowance { max_bytes, used_bytes: AtomicUsize::new(0), whole: None }))
    }

    /// An allowance of `max_bytes` for some of the sessions; what they take counts here as well.
    pub fn part(&self, max_bytes: usize) -> Budget {
        let whole = Some(self.clone());
        Budget(Arc::new(Allowance { max_bytes, used_bytes: AtomicUsize::new(0), whole }))
    }

    /// An empty share, to be grown as bytes arrive.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), held_bytes: 0 }
    }

    /// How many bytes are taken now.
    pub fn used_bytes(&self) -> usize {
        self.0.used_bytes.load(Ordering::Relaxed)
    }
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    held_bytes: usize,
}

impl Share {
    /// Makes the share at least `total_bytes` large; false, and unchanged, if the budget is short.
    #[must_use]
    pub fn cover(&mut self, total_bytes: usize) -> bool {
        let more = total_bytes.saturating_sub(self.held_bytes);
        let taken = self.budget.0.take(more);
        if taken {
            self.held_bytes += more;
        }
        taken
    }

    /// How many bytes are held.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.give_back(self.held_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_budget_and_are_given_back() {
        let budget = Budget::new(100);
        let (mut a, mut b) = (budget.share(), budget.share());
        assert!(a.cover(60));
        assert!(a.cover(40), "covered already");
        assert!(!b.cover(41));
        assert!(b.cover(40));
        assert_eq!(budget.used_bytes(), 100);
        drop(a);
        assert_eq!(budget.used_bytes(), 40);
        assert!(b.cover(100));
        assert_eq!(b.held_bytes(), 100);
    }

    #[test]
    fn a_part_is_bounded_by_itself_and_by_the_whole() {
        let budget = Budget::new(100);
        let part = budget.part(60);
        let (mut a, mut b) = (part.share(), budget.share());
        assert!(!a.cover(61));
        assert_eq!((part.used_bytes(), budget.used_bytes()), (0, 0));
        assert!(b.cover(50));
        assert!(!a.cover(51), "the whole is short");
        assert_eq!((part.used_bytes(), budget.used_bytes()), (0, 50));
        assert!(a.cover(50));
        drop(a);
        assert_eq!((part.used_bytes(), budget.used_bytes()), (0, 50));
    }
}
