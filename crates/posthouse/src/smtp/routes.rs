//! Where the recipients of a transaction lead, held while the client takes its time.

use ::smtp::Refusal;
use std::sync::Arc;
use store::AccountTarget;

/// Accounts that the recipients of one transaction may lead to, at about 100 bytes each. A single list may be longer;
/// further recipients come with another transaction.
const TARGETS_MAX: usize = 5000;

/// The routes of a transaction, each once.
#[derive(Debug, Default)]
pub(super) struct Routes(Vec<Arc<[AccountTarget]>>);

impl Routes {
    /// For the next transaction.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// Keeps a route; the token by which it is found. A list that is named again costs nothing more.
    ///
    /// # Errors
    /// 452 4.5.3 (RFC 5321 §4.5.3.1.10) when there are too many accounts.
    pub(super) fn remember(&mut self, targets: Vec<AccountTarget>) -> Result<u64, Refusal> {
        if let Some(at) = self.0.iter().position(|route| **route == *targets) {
            return Ok(at as u64);
        }
        let held: usize = self.0.iter().map(|route| route.len()).sum();
        if held > 0 && held + targets.len() > TARGETS_MAX {
            return Err(Refusal::new(452, 5, 3, "these recipients lead to too many mailboxes at once"));
        }
        self.0.push(targets.into());
        Ok(self.0.len() as u64 - 1)
    }

    /// The route of a token; empty if it is none.
    pub(super) fn of(&self, token: u64) -> Arc<[AccountTarget]> {
        let found = usize::try_from(token).ok().and_then(|token| self.0.get(token));
        found.map_or_else(|| Arc::from([]), Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::AccountId;

    fn list(from: i64, count: i64) -> Vec<AccountTarget> {
        let target = |n| AccountTarget {
            account: AccountId(n),
            address: format!("{n}@example.org"),
            mailbox_hint: None,
        };
        (from..from + count).map(target).collect()
    }

    #[test]
    fn a_route_is_held_once_and_their_accounts_are_bounded() {
        let mut routes = Routes::default();
        for _ in 0..1000 {
            assert_eq!(routes.remember(list(0, 300)), Ok(0));
        }
        assert_eq!(routes.0.len(), 1);
        let token = routes.remember(list(300, 4700)).unwrap();
        assert_eq!(routes.of(token).len(), 4700);
        let refused = routes.remember(list(0, 1)).unwrap_err();
        assert!(refused.line().starts_with("452 4.5.3"), "{}", refused.line());
        assert_eq!(routes.remember(list(0, 300)), Ok(0), "it is held already");
        assert!(routes.of(2).is_empty());
        routes.clear();
        assert_eq!(routes.remember(list(0, 6000)), Ok(0), "one list may be longer");
    }
}
