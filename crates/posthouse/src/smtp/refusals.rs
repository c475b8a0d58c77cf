//! How many refusals are written down: a stranger may make as many as it likes, and each takes room in the log and in
//! the traces.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wire::Now;

/// Refusals of one origin that are kept one after the other: more than an honest server has at a time.
const KEPT_AT_ONCE: u32 = 20;
/// After those, one is kept in this time.
const KEPT_EVERY: Duration = Duration::from_mins(1);
/// Origins remembered, at about 50 bytes each.
const ORIGINS_MAX: usize = 10_000;

/// The refusals of late, by origin. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<HashMap<IpAddr, Tally>>>);

#[derive(Debug, Clone, Copy)]
struct Tally {
    kept: u32,
    /// When `kept` was last taken down.
    as_of: Now,
    not_kept: u64,
}

impl Tally {
    fn forget(&mut self, now: Now) {
        let forgotten = now.since(self.as_of).as_millis() / KEPT_EVERY.as_millis();
        match u32::try_from(forgotten) {
            Ok(forgotten) if forgotten < self.kept => {
                self.kept -= forgotten;
                self.as_of = self.as_of + KEPT_EVERY * forgotten;
            }
            _ => (self.kept, self.as_of) = (0, now),
        }
    }
}

impl Refusals {
    /// Whether one more refusal of `origin` is kept; if so, how many before it were not.
    pub fn keep(&self, now: Now, origin: IpAddr) -> Option<u64> {
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.len() >= ORIGINS_MAX && !origins.contains_key(&origin) {
            origins.values_mut().for_each(|tally| tally.forget(now));
            origins.retain(|_, tally| tally.kept > 0);
            if origins.len() >= ORIGINS_MAX {
                // So many at once: to forget them costs as many refusals as they had in the first place.
                origins.clear();
            }
        }
        let tally = origins.entry(origin).or_insert(Tally { kept: 0, as_of: now, not_kept: 0 });
        tally.forget(now);
        if tally.kept >= KEPT_AT_ONCE {
            tally.not_kept += 1;
            return None;
        }
        tally.kept += 1;
        Some(std::mem::take(&mut tally.not_kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_refusals_of_an_origin_are_kept_and_the_rest_is_counted() {
        let refusals = Refusals::default();
        let [one, other] = [1, 2].map(|n| IpAddr::from([192, 0, 2, n]));
        let now = Now::from_millis(1);
        let kept = (0..1000).filter(|_| refusals.keep(now, one).is_some()).count();
        assert_eq!(kept, KEPT_AT_ONCE as usize);
        assert_eq!(refusals.keep(now, other), Some(0), "each for itself");
        assert_eq!(refusals.keep(now + KEPT_EVERY, one), Some(980));
        assert_eq!(refusals.keep(now + KEPT_EVERY, one), None);
        assert_eq!(refusals.keep(now + KEPT_EVERY * 30, one), Some(1));
    }

    #[test]
    fn not_all_origins_are_remembered() {
        let refusals = Refusals::default();
        for n in 0..3 * ORIGINS_MAX as u32 {
            assert_eq!(refusals.keep(Now::from_millis(1), IpAddr::from(n.to_be_bytes())), Some(0));
        }
        assert!(refusals.0.lock().unwrap().len() <= ORIGINS_MAX);
    }
}
