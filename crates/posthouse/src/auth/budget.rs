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
}

impl Count {
    fn at(self, now: Now, forget: Duration) -> Count {
        let forgotten = now.since(self.as_of).as_millis() / forget.as_millis().max(1);
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        if forgotten >= self.failures {
            return Count { failures: 0, as_of: now };
        }
        Count { failures: self.failures - forgotten, as_of: self.as_of + forget * forgotten }
    }
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

    /// Whether a login may be tried. An address that logged in lately may; on an account on which it
    /// never succeeded it still shares the account's budget with the other strangers.
    pub fn allows(&self, now: Now, address: IpAddr, exempt: bool, account: &str) -> bool {
        let fresh = |since: Option<&Now>| since.is_some_and(|since| now.since(*since) < TRUST_FOR);
        let count = |count: Option<&Count>, forget| count.map_or(0, |count| count.at(now, forget).failures);
        let address_ok = exempt
            || fresh(self.trusted_addresses.get(&address))
            || count(self.by_address.get(&address), PER_ADDRESS_FORGET) < PER_ADDRESS_MAX;
        let account_ok = fresh(self.trusted.get(&(address, account.to_string())))
            || count(self.by_account.get(account), PER_ACCOUNT_FORGET) < PER_ACCOUNT_MAX;
        address_ok && account_ok
    }

    /// A login failed.
    pub fn fail(&mut self, now: Now, address: IpAddr, account: &str) {
        add(&mut self.by_address, address, now, PER_ADDRESS_FORGET, PER_ADDRESS_MAX);
        add(&mut self.by_account, account.to_string(), now, PER_ACCOUNT_FORGET, PER_ACCOUNT_MAX);
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

fn add<K: std::hash::Hash + Eq + Clone>(
    map: &mut HashMap<K, Count>,
    key: K,
    now: Now,
    forget: Duration,
    max: u32,
) {
    if map.len() >= ENTRIES_MAX {
        map.retain(|_, count| count.at(now, forget).failures > 0);
    }
    make_room(map, |count| count.as_of);
    let count = map.entry(key).or_insert(Count { failures: 0, as_of: now });
    *count = count.at(now, forget);
    // More than the limit is not remembered, so that waiting always helps.
    count.failures = (count.failures + 1).min(max);
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

    #[test]
    fn an_address_that_fails_too_often_waits() {
        let mut budget = FailureBudget::new();
        for k in 0..PER_ADDRESS_MAX {
            assert!(budget.allows(T, address(1), false, "a"));
            budget.fail(T, address(1), &format!("user{k}"));
        }
        assert!(!budget.allows(T, address(1), false, "a"));
        assert!(budget.allows(T, address(1), true, "a"), "exempt");
        assert!(budget.allows(T, address(2), false, "a"), "another address");
        assert!(budget.allows(T + PER_ADDRESS_FORGET, address(1), false, "a"), "time heals");
    }

    #[test]
    fn an_address_that_just_logged_in_is_not_banned() {
        let mut budget = FailureBudget::new();
        budget.succeed(T, address(1), "alice");
        for _ in 0..2 * PER_ACCOUNT_MAX {
            budget.fail(T, address(1), "alice");
        }
        assert!(budget.allows(T, address(1), false, "alice"));
        assert!(!budget.allows(T, address(2), false, "alice"), "strangers wait");
    }

    #[test]
    fn an_account_is_guarded_against_many_addresses() {
        let mut budget = FailureBudget::new();
        for k in 0..PER_ACCOUNT_MAX {
            budget.fail(T, address(k), "alice");
        }
        assert!(!budget.allows(T, address(9999), false, "alice"));
        assert!(budget.allows(T, address(9999), false, "bob"));
        assert!(budget.allows(T + PER_ACCOUNT_FORGET, address(9999), false, "alice"));
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
