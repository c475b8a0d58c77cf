//! Rate limits: a bucket per account and direction, shared by all its transfers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use store::AccountId;
use wire::Now;

/// A bucket fills for this long at most: a short burst after a pause is not slowed.
const BURST: Duration = Duration::from_millis(250);
/// The smallest slice that is paced, so that a low rate does not become thousands of tiny writes.
const SLICE_MIN_BYTES: usize = 4 * 1024;

/// Which way the bytes go, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the client.
    Down,
    /// From the client.
    Up,
}

/// The allowance of one account in one direction.
#[derive(Debug)]
pub struct Bucket {
    bytes_per_s: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When what was taken so far has been paid for.
    paid_at_us: u64,
}

impl Bucket {
    /// A full bucket that lets `bytes_per_s` through; at least one byte a second.
    pub fn new(bytes_per_s: u64) -> Bucket {
        Bucket { bytes_per_s: bytes_per_s.max(1), state: Mutex::new(State { paid_at_us: 0 }) }
    }

    /// How much to move at once, so that pauses stay short: a tenth of a second's worth.
    pub fn slice_bytes(&self, wanted: usize) -> usize {
        let tenth = usize::try_from(self.bytes_per_s / 10).unwrap_or(usize::MAX);
        wanted.min(tenth.max(SLICE_MIN_BYTES))
    }

    /// Takes `bytes` that have been moved; how long to pause before moving more.
    pub fn take(&self, now: Now, bytes: u64) -> Duration {
        let now_us = now.as_millis().saturating_mul(1000);
        let burst_us = u64::try_from(BURST.as_micros()).unwrap_or(u64::MAX);
        let cost_us = bytes.saturating_mul(1_000_000) / self.bytes_per_s;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let from = state.paid_at_us.max(now_us.saturating_sub(burst_us));
        state.paid_at_us = from.saturating_add(cost_us);
        Duration::from_micros(state.paid_at_us.saturating_sub(now_us))
    }
}

/// The buckets in use. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Rates(Arc<Mutex<Buckets>>);

type Buckets = HashMap<(AccountId, Direction), Weak<Bucket>>;

impl Rates {
    /// The account's bucket, which all its transfers share; nothing where there is no limit.
    pub fn bucket(
        &self,
        account: AccountId,
        direction: Direction,
        bytes_per_s: Option<u64>,
    ) -> Option<Arc<Bucket>> {
        let bytes_per_s = bytes_per_s?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.get(&(account, direction)).and_then(Weak::upgrade);
        // A changed limit holds from the next transfer on.
        if let Some(bucket) = kept.filter(|bucket| bucket.bytes_per_s == bytes_per_s.max(1)) {
            return Some(bucket);
        }
        known.retain(|_, bucket| bucket.strong_count() > 0);
        let bucket = Arc::new(Bucket::new(bytes_per_s));
        known.insert((account, direction), Arc::downgrade(&bucket));
        Some(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_its_rate_through_whoever_takes() {
        let bucket = Bucket::new(100_000);
        let (mut now, mut moved) = (Now::from_millis(3_600_000), 0);
        let begun = now;
        while moved < 1_000_000 {
            let slice = bucket.slice_bytes(1 << 20);
            moved += slice as u64;
            now = now + bucket.take(now, slice as u64);
        }
        let took = now.since(begun);
        assert!(took > Duration::from_millis(9_500) && took < Duration::from_millis(10_100), "{took:?}");
    }

    #[test]
    fn a_pause_is_not_saved_up() {
        let bucket = Bucket::new(100_000);
        let late = Now::from_millis(3_600_000) + Duration::from_hours(1);
        assert_eq!(bucket.take(late, 25_000), Duration::ZERO, "the burst");
        assert_eq!(bucket.take(late, 100_000), Duration::from_secs(1));
    }

    #[test]
    fn slices_are_neither_tiny_nor_long() {
        for (rate, wanted, slice) in
            [(1, 1 << 20, 4096), (1 << 30, 1 << 20, 1 << 20), (1_000_000, 1 << 20, 100_000)]
        {
            assert_eq!(Bucket::new(rate).slice_bytes(wanted), slice);
        }
    }
}
