//! How fast bytes may go, for all connections together.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that may go at once after a pause, in seconds of the rate.
const BURST_SECONDS: f64 = 0.25;

/// The largest slice that is moved between two looks at the rate.
const SLICE_MAX_BYTES: usize = 1 << 20;

/// A rate, shared by all connections.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: Option<u64>,
    /// When all that was allowed so far will have gone.
    paid_until: Mutex<Instant>,
}

impl Pace {
    /// No more than so many bytes a second; nothing for as fast as it goes.
    pub fn new(bytes_per_second: Option<u64>) -> Pace {
        Pace { bytes_per_second, paid_until: Mutex::new(Instant::now()) }
    }

    /// How many bytes to move at once, of `wanted`: with a rate, a tenth of a second's worth.
    pub fn slice(&self, wanted: usize) -> usize {
        let slice = self.bytes_per_second.map_or(SLICE_MAX_BYTES, |rate| {
            usize::try_from(rate / 10).unwrap_or(SLICE_MAX_BYTES).clamp(1024, SLICE_MAX_BYTES)
        });
        wanted.min(slice)
    }

    /// Waits until `bytes` more may have gone.
    pub fn spend(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        let until = {
            let mut paid = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
            let (until, wait) = charge(*paid, Instant::now(), bytes, rate);
            *paid = until;
            wait
        };
        thread::sleep(until);
    }
}

/// The new time until which is paid, and how long to wait now.
fn charge(paid: Instant, now: Instant, bytes: usize, rate: u64) -> (Instant, Duration) {
    let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
    // A pause saves up no more than a burst.
    let earliest = now.checked_sub(Duration::from_secs_f64(BURST_SECONDS)).unwrap_or(now);
    let until = paid.max(earliest) + cost;
    (until, until.saturating_duration_since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_costs_a_second() {
        let begin = Instant::now() + Duration::from_secs(100);
        let (mut now, mut paid) = (begin, begin);
        for _ in 0..100 {
            let (until, wait) = charge(paid, now, 10_000, 100_000);
            paid = until;
            now += wait;
        }
        let took = now.duration_since(begin).as_secs_f64();
        assert!((9.5..10.5).contains(&took), "{took}");
        // After an hour's pause no more than the burst is free.
        now += Duration::from_secs(3600);
        let (_, wait) = charge(paid, now, 100_000, 100_000);
        assert!((0.7..0.8).contains(&wait.as_secs_f64()), "{wait:?}");
    }

    #[test]
    fn slices_are_small_where_the_rate_is() {
        assert_eq!(Pace::new(None).slice(1 << 30), SLICE_MAX_BYTES);
        assert_eq!(Pace::new(Some(100_000)).slice(1 << 30), 10_000);
        assert_eq!(Pace::new(Some(1)).slice(1 << 30), 1024);
        assert_eq!(Pace::new(Some(100_000)).slice(5), 5);
    }
}
