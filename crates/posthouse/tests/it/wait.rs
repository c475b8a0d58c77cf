//! The only place that sleeps: waiting, for a bounded time, until the outside world has come so far.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Looks again and again until there is something to return; nothing when `limit` has passed.
pub fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if begun.elapsed() > limit {
            return None;
        }
        sleep(STEP);
    }
}

/// Lets load run for a while before it is cut off.
pub fn load_for(time: Duration) {
    sleep(time);
}
