//! The real clock; everything below this crate is told the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wire::Now;

/// Reads the machine's clocks. Copies show the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    zero: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { zero: Instant::now() }
    }
}

impl Clock {
    /// A clock whose [`Now`] begins one hour after its zero, so that moments before it exist.
    pub fn new() -> Clock {
        Clock::default()
    }

    /// The present moment for sessions.
    pub fn now(self) -> Now {
        Now::from_millis(u64::try_from(self.zero.elapsed().as_millis()).unwrap_or(u64::MAX))
            + Duration::from_hours(1)
    }

    /// A session's moment as the runtime's timers know it.
    pub fn instant(self, moment: Now) -> tokio::time::Instant {
        let since_zero = moment.since(Now::from_millis(0) + Duration::from_hours(1));
        tokio::time::Instant::from_std(self.zero + since_zero.min(Duration::from_hours(24 * 365)))
    }

    /// Milliseconds since 1970 in UTC.
    pub fn unix_ms(self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
