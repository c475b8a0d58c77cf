//! How many failed logins are borne, per address and per account, across all protocols.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use wire::Now;

/// Failures of one address before it must wait: a person who tries all passwords of theirs stays
/// below, a guesser does not.
const PER_ADDRESS_MAX: u32 = 20;
/// One failure of an address is forgotten in this time.
const PER_ADDRESS_FORGET: Duration = Duration::from_secs(30);
/// Failures on one account, from all addresses together that never succeeded on it, before it must wait.
const PER_ACCOUNT_MAX: u32 = 100;
/// One failure on an account is forgotten in this time.
const PER_ACCOUNT_FORGET: Duration = Duration::from_secs(10);
/// For this long after a login its address is not refused for failures.
const TRUST_FOR: Duration = Duration::from_hours(24);
/// Entries kept of each kind; beyond this the forgotten ones go, then the oldest. Bounds memory at a few MB.
const ENTRIES_MAX: usize = 50_000;

/// A count that falls with time.
#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    as_of: Now,
    /// Tries that have begun and not ended.
    under_way: u32,
}

impl Count {
    fn at(self, now: Now, forget: Duration) -> Count {
        let forgotten = now.since(self.as_of).as_millis() / forget.as_millis().max(1);
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        if forgotten >= self.failures {
            return Count { failures: 0, as_of: now, ..self };
        }
        let as_of = self.as_of + forget * forgotten;
        Count { failures: self.failures - forgotten, as_of, ..self }
    }

    fn leave(self, max: u32) -> Leave {
        if self.failures >= max {
            return Leave::Refused;
        }
        // Each one under way may fail.
        if self.failures.saturating_add(self.under_way) >= max { Leave::Later } else { Leave::Given }
    }
}

/// Whether a login may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leave {
    /// It has begun: [`FailureBudget::end`] is to be told how it ended.
    Given,
    /// Not before some of those under way have ended: if all of them fail, the budget is used up.
    Later,
    /// Too many failed lately.
    Refused,
}

/// The budget. Addresses are origins: whole addresses, or /64 networks of IPv6.
#[derive(Debug, Default)]
pub struct FailureBudget {
    by_address: HashMap<IpAddr, Count>,
    by_account: HashMap<String, Count>,
    trusted: HashMap<(IpAddr, String), Now>,
    trusted_addresses: HashMap<IpAddr, Now>,
}

impl FailureBudget {
    /// Nothing failed yet.
    pub fn new() -> FailureBudget {
        FailureBudget::default()
    }

    /// Begins a login, if it may be tried: to look and to count is one step, so that many at once cannot pass.
    /// An address that logged in lately may; on an account on which it never succeeded it still shares the
    /// account's budget with the other strangers.
    pub fn begin(&mut self, now: Now, address: IpAddr, exempt: bool, account: &str) -> Leave {
        let fresh = |since: Option<&Now>| since.is_some_and(|since| now.since(*since) < TRUST_FOR);
        let leave = |count: Option<&Count>, forget, max| {
            count.map_or(Leave::Given, |count| count.at(now, forget).leave(max))
        };
        let by_address = if exempt || fresh(self.trusted_addresses.get(&address)) {
            Leave::Given
        } else {
            leave(self.by_address.get(&address), PER_ADDRESS_FORGET, PER_ADDRESS_MAX)
        };
        let by_account = if fresh(self.trusted.get(&(address, account.to_string()))) {
            Leave::Given
        } else {
            leave(self.by_account.get(account), PER_ACCOUNT_FORGET, PER_ACCOUNT_MAX)
        };
        let leave = by_address.max(by_account);
        if leave == Leave::Given {
            entry(&mut self.by_address, address, now, PER_ADDRESS_FORGET).under_way += 1;
            entry(&mut self.by_account, account.to_string(), now, PER_ACCOUNT_FORGET).under_way += 1;
        }
        leave
    }

    /// A login that was begun has ended.
    pub fn end(&mut self, now: Now, address: IpAddr, account: &str, failed: bool) {
        end(&mut self.by_address, address, now, failed.then_some((PER_ADDRESS_FORGET, PER_ADDRESS_MAX)));
        let account = account.to_string();
        end(&mut self.by_account, account, now, failed.then_some((PER_ACCOUNT_FORGET, PER_ACCOUNT_MAX)));
    }

    /// A login succeeded: one failure of each kind is taken back (a SCRAM exchange is charged when it
    /// begins), and the address is trusted for a while.
    pub fn succeed(&mut self, now: Now, address: IpAddr, account: &str) {
        if let Some(count) = self.by_address.get_mut(&address) {
            count.failures = count.failures.saturating_sub(1);
        }
        if let Some(count) = self.by_account.get_mut(account) {
            count.failures = count.failures.saturating_sub(1);
        }
        make_room(&mut self.trusted, |since| *since);
        make_room(&mut self.trusted_addresses, |since| *since);
        self.trusted.insert((address, account.to_string()), now);
        self.trusted_addresses.insert(address, now);
    }
}

/// The count of a key as it stands now; made if there is none.
fn entry<K: std::hash::Hash + Eq + Clone>(
    map: &mut HashMap<K, Count>,
    key: K,
    now: Now,
    forget: Duration,
) -> &mut Count {
    if map.len() >= ENTRIES_MAX {
        map.retain(|_, count| count.under_way > 0 || count.at(now, forget).failures > 0);
    }
    make_room(map, |count| count.as_of);
    let count = map.entry(key).or_insert(Count { failures: 0, as_of: now, under_way: 0 });
    *count = count.at(now, forget);
    count
}

/// One less is under way; if it failed, one more has failed, of which one is forgotten in the given time and
/// no more than the given number are remembered.
fn end<K: std::hash::Hash + Eq + Clone>(
    map: &mut HashMap<K, Count>,
    key: K,
    now: Now,
    failed: Option<(Duration, u32)>,
) {
    if let Some((forget, max)) = failed {
        let count = entry(map, key, now, forget);
        count.under_way = count.under_way.saturating_sub(1);
        // More than the limit is not remembered, so that waiting always helps.
        count.failures = (count.failures + 1).min(max);
    } else if let Some(count) = map.get_mut(&key) {
        count.under_way = count.under_way.saturating_sub(1);
        if count.under_way == 0 && count.failures == 0 {
            map.remove(&key);
        }
    }
}

/// Drops the older half once a map is full.
fn make_room<K: std::hash::Hash + Eq + Clone, V>(map: &mut HashMap<K, V>, age: impl Fn(&V) -> Now) {
    if map.len() < ENTRIES_MAX {
        return;
    }
    let mut ages: Vec<Now> = map.values().map(&age).collect();
    ages.sort_unstable();
    let middle = ages[ages.len() / 2];
    map.retain(|_, value| age(value) > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Now = Now::from_millis(100_000_000);

    fn address(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    /// Whether a login may be tried; nothing is begun.
    fn allows(budget: &mut FailureBudget, now: Now, address: IpAddr, exempt: bool, account: &str) -> bool {
        let given = budget.begin(now, address, exempt, account) == Leave::Given;
        if given {
            budget.end(now, address, account, false);
        }
        given
    }

    /// A login fails, whether it may be tried or not.
    fn fail(budget: &mut FailureBudget, now: Now, address: IpAddr, account: &str) {
        budget.begin(now, address, true, account);
        budget.end(now, address, account, true);
    }

    #[test]
    fn an_address_that_fails_too_often_waits() {
        let mut budget = FailureBudget::new();
        for k in 0..PER_ADDRESS_MAX {
            assert!(allows(&mut budget, T, address(1), false, "a"));
            fail(&mut budget, T, address(1), &format!("user{k}"));
        }
        assert!(!allows(&mut budget, T, address(1), false, "a"));
        assert!(allows(&mut budget, T, address(1), true, "a"), "exempt");
        assert!(allows(&mut budget, T, address(2), false, "a"), "another address");
        assert!(allows(&mut budget, T + PER_ADDRESS_FORGET, address(1), false, "a"), "time heals");
    }

    #[test]
    fn an_address_that_just_logged_in_is_not_banned() {
        let mut budget = FailureBudget::new();
        budget.succeed(T, address(1), "alice");
        for _ in 0..2 * PER_ACCOUNT_MAX {
            fail(&mut budget, T, address(1), "alice");
        }
        assert!(allows(&mut budget, T, address(1), false, "alice"));
        assert!(!allows(&mut budget, T, address(2), false, "alice"), "strangers wait");
    }

    #[test]
    fn an_account_is_guarded_against_many_addresses() {
        let mut budget = FailureBudget::new();
        for k in 0..PER_ACCOUNT_MAX {
            fail(&mut budget, T, address(k), "alice");
        }
        assert!(!allows(&mut budget, T, address(9999), false, "alice"));
        assert!(allows(&mut budget, T, address(9999), false, "bob"));
        assert!(allows(&mut budget, T + PER_ACCOUNT_FORGET, address(9999), false, "alice"));
    }

    #[test]
    fn no_more_are_under_way_than_may_fail() {
        // Failures before, tries begun at once, how many of them get leave, and what the rest hear.
        let max = PER_ADDRESS_MAX;
        let cases = [
            (0, 5, 5, Leave::Given),
            (0, max, max, Leave::Later),
            (0, 95, max, Leave::Later),
            (max - 1, 95, 1, Leave::Later),
            (max, 95, 0, Leave::Refused),
        ];
        for (failures, tries, expected, rest) in cases {
            let mut budget = FailureBudget::new();
            for k in 0..failures {
                fail(&mut budget, T, address(1), &format!("before{k}"));
            }
            let begun = |budget: &mut FailureBudget| {
                let mut begin = |k| budget.begin(T, address(1), false, &format!("user{k}"));
                (0..tries).filter(|k| begin(*k) == Leave::Given).count() as u32
            };
            assert_eq!(begun(&mut budget), expected, "{failures} {tries}");
            if rest != Leave::Given {
                assert_eq!(budget.begin(T, address(1), false, "next"), rest, "{failures} {tries}");
            }
            for k in 0..expected {
                budget.end(T, address(1), &format!("user{k}"), true);
            }
            let then = budget.begin(T, address(1), false, "next");
            let used_up = failures + expected >= max;
            assert_eq!(then, if used_up { Leave::Refused } else { Leave::Given }, "{failures} {tries}");
        }
    }

    #[test]
    fn what_was_right_or_not_looked_at_costs_nothing() {
        let mut budget = FailureBudget::new();
        for _ in 0..10 * PER_ACCOUNT_MAX {
            assert_eq!(budget.begin(T, address(1), false, "alice"), Leave::Given);
            budget.end(T, address(1), "alice", false);
        }
        assert!(budget.by_address.is_empty() && budget.by_account.is_empty(), "nothing is remembered of it");
    }

    #[test]
    fn memory_is_bounded() {
        let mut budget = FailureBudget::new();
        for k in 0..2 * ENTRIES_MAX as u32 {
            budget.succeed(T + Duration::from_millis(u64::from(k)), address(k), "a");
        }
        assert!(budget.trusted_addresses.len() <= ENTRIES_MAX);
        assert!(budget.trusted.len() <= ENTRIES_MAX);
    }
}
