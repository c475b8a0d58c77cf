//! When a failed login is answered: never at the moment its check ended.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Failed logins are answered at a whole number of these after they began: longer than a check of our own
/// hashes takes, and long enough to slow guessing down.
const STEP: Duration = Duration::from_millis(500);
/// No single check raises the pace beyond this many steps: a machine that once stood still must not make
/// everybody's failures slow. The most costly hashes that are accepted take about a second.
const STEPS_MAX: u32 = 4;

/// How long a failure takes. A hash of another server may take several steps to check, and a name that
/// nobody has takes one; so that the two cannot be told apart, all wait as long as the slowest check so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    slowest_steps: AtomicU32,
}

impl Pace {
    /// A check took this long, not counting what it waited before.
    pub fn saw(&self, took: Duration) {
        self.slowest_steps.fetch_max(steps(took).min(STEPS_MAX), Ordering::Relaxed);
    }

    /// How long after its begin a failure is answered, if it was known after `took`.
    pub fn answer_after(&self, took: Duration) -> Duration {
        STEP * steps(took).max(self.slowest_steps.load(Ordering::Relaxed))
    }
}

/// Whole steps, begun ones counted, at least one.
fn steps(took: Duration) -> u32 {
    u32::try_from(took.as_millis().div_ceil(STEP.as_millis())).unwrap_or(u32::MAX).clamp(1, 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_answered_in_whole_steps_and_none_before_the_slowest() {
        // Checks seen before, how long this one took, when it is answered; all in milliseconds.
        let cases: [(&[u64], u64, u64); 9] = [
            (&[], 0, 500),
            (&[], 25, 500),
            (&[], 500, 500),
            (&[], 501, 1000),
            (&[], 1011, 1500),
            (&[25, 1011], 25, 1500),
            (&[25, 1011], 1600, 2000),
            (&[60_000], 25, 2000),
            (&[60_000], 7001, 7500),
        ];
        for (seen, took, expected) in cases {
            let pace = Pace::default();
            seen.iter().for_each(|took| pace.saw(Duration::from_millis(*took)));
            let answer = pace.answer_after(Duration::from_millis(took));
            assert_eq!(answer, Duration::from_millis(expected), "{seen:?} {took}");
        }
    }
}
