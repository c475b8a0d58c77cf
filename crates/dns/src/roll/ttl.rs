//! How long caches may still keep what was served before.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The TTLs under which something was served, as long as a cache may still hold it by one of them.
///
/// A roll that waits by the present TTL only is wrong for a while after the TTL was lowered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TtlMemory {
    /// TTL in seconds and when it was served last; larger TTLs first, last times ascending.
    served: Vec<(u32, Timestamp)>,
}

impl TtlMemory {
    /// Notes that `seconds` is the largest TTL that we serve at `now`. Unless `everywhere` says that all
    /// servers serve the same, some may still serve what we did before, by a larger one.
    pub fn note_served(&mut self, seconds: u32, everywhere: bool, now: Timestamp) {
        self.note(if everywhere { seconds } else { seconds.max(self.max_seconds()) }, now);
    }

    /// Notes that `seconds` is the largest TTL served anywhere at `now`.
    pub fn note(&mut self, seconds: u32, now: Timestamp) {
        // Time does not run back here, whatever the caller's clock did.
        let now = self.served.last().map_or(now, |(_, last)| now.max(*last));
        // What is smaller and older is covered by the new row; what is larger stays until the last
        // cache can have forgotten it.
        self.served.retain(|(ttl, last)| *ttl > seconds && *last + *ttl > now);
        self.served.push((seconds, now));
    }

    /// The largest TTL that a cache may still go by, in seconds.
    pub fn max_seconds(&self) -> u32 {
        self.served.first().map_or(0, |(ttl, _)| *ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowered_ttl_counts_only_when_the_higher_one_ran_out() {
        let at = Timestamp::from_unix_seconds;
        let mut memory = TtlMemory::default();
        assert_eq!(memory.max_seconds(), 0);
        for (ttl, now, expected) in [
            (3600, 0, 3600),
            (86_400, 100, 86_400),
            (86_400, 200, 86_400),
            (3600, 300, 86_400),
            (60, 80_000, 86_400),
            (60, 86_599, 86_400),
            // The day's TTL is over, the hour's was last served at 300.
            (60, 86_600, 60),
            (300, 86_601, 300),
            // A clock that was wrong for a moment does not make anything forgotten.
            (300, 0, 300),
            (60, 86_700, 300),
            (60, 86_901, 60),
        ] {
            memory.note(ttl, at(now));
            assert_eq!(memory.max_seconds(), expected, "at {now}");
        }
    }
}
