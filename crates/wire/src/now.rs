//! Time as sessions see it.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment in milliseconds on a clock that only moves forward. Its zero means nothing; only
/// differences count. The driver reads the real clock; tests make moments from numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Now(u64);

impl Now {
    /// The moment `ms` milliseconds after the clock's zero.
    pub const fn from_millis(ms: u64) -> Now {
        Now(ms)
    }

    /// Milliseconds since the clock's zero.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    pub const fn since(self, earlier: Now) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Now {
    type Output = Now;
    fn add(self, time: Duration) -> Now {
        Now(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Now> for Now {
    type Output = Duration;
    fn sub(self, earlier: Now) -> Duration {
        self.since(earlier)
    }
}
