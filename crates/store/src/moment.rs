//! Which state of the store is seen, so that two views can be known to see the same one.

use std::sync::atomic::{AtomicU64, Ordering};

/// A state of the store, of those that this process has seen since it opened it. Views of the same moment see
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment(u64);

/// Counts commits: odd while one is under way, of which nobody can say yet who sees it.
#[derive(Debug, Default)]
pub(crate) struct Commits(AtomicU64);

impl Commits {
    /// The state that is seen by whoever begins to look now; nothing while that is uncertain.
    pub fn moment(&self) -> Option<Moment> {
        let count = self.0.load(Ordering::SeqCst);
        count.is_multiple_of(2).then_some(Moment(count))
    }

    /// To be called before anybody can see a commit. When what it returns is dropped, everybody sees it, or
    /// nobody ever does.
    pub fn begin(&self) -> Committing<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Committing(self)
    }
}

/// A commit under way.
pub(crate) struct Committing<'c>(&'c Commits);

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_ends_a_moment_before_it_is_seen() {
        let commits = Commits::default();
        let before = commits.moment();
        assert!(before.is_some() && before == commits.moment());
        let under_way = commits.begin();
        assert_eq!(commits.moment(), None);
        drop(under_way);
        assert!(commits.moment().is_some() && commits.moment() != before);
    }
}
