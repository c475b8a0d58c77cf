//! When a secondary looks for a new version, and when it stops believing the old one (RFC 1034 §4.3.5).

use crate::rdata::Soa;
use std::time::Duration;
use wire::Now;

/// Bounds for what a primary's SOA record asks for, so that a slip in it neither floods the primary nor
/// freezes the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshLimits {
    /// Shortest time between two looks.
    pub min: Duration,
    /// Longest time between two looks.
    pub refresh_max: Duration,
    /// Longest time after a failure.
    pub retry_max: Duration,
}

impl Default for RefreshLimits {
    fn default() -> RefreshLimits {
        RefreshLimits {
            min: Duration::from_secs(5),
            refresh_max: Duration::from_hours(24),
            retry_max: Duration::from_hours(6),
        }
    }
}

/// The timers of one secondary zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    limits: RefreshLimits,
    next: Now,
    /// Since when nothing was heard, and the SOA record's timers; nothing before the first transfer.
    held: Option<Held>,
    failures: u32,
    /// A notification came while a look was under way.
    told_again: bool,
    looking: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    heard: Now,
    refresh: Duration,
    retry: Duration,
    expire: Duration,
}

/// Before the first transfer, failures are repeated after this, doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(5);

impl Refresh {
    /// A zone that has nothing yet, and looks at once.
    pub fn new(now: Now, limits: RefreshLimits) -> Refresh {
        Refresh { limits, next: now, held: None, failures: 0, told_again: false, looking: false }
    }

    /// A zone whose content is from before the start; it was heard of `ago`. Looks at once.
    pub fn resume(now: Now, limits: RefreshLimits, soa: &Soa, ago: Duration) -> Refresh {
        let mut refresh = Refresh::new(now, limits);
        refresh.hold(now, soa);
        // The moment itself may be before the clock's beginning: what is left of the time counts from now.
        if let Some(held) = &mut refresh.held {
            held.expire = held.expire.saturating_sub(ago);
        }
        refresh
    }

    fn hold(&mut self, heard: Now, soa: &Soa) {
        let seconds = |value: u32| Duration::from_secs(value.into());
        let limits = self.limits;
        self.held = Some(Held {
            heard,
            refresh: seconds(soa.refresh).clamp(limits.min, limits.refresh_max),
            retry: seconds(soa.retry).clamp(limits.min, limits.retry_max),
            // Not before a missed refresh and a retry had their chance (RFC 1912 §2.2).
            expire: seconds(soa.expire).max(seconds(soa.refresh).saturating_add(seconds(soa.retry))),
        });
    }

    /// Whether to look now; if so, [`Refresh::found`] or [`Refresh::failed`] must follow.
    pub fn begin(&mut self, now: Now) -> bool {
        let due = !self.looking && now >= self.next;
        self.looking |= due;
        due
    }

    /// When to ask [`Refresh::begin`] again.
    pub fn next(&self) -> Now {
        self.next
    }

    /// A primary told of a change: look at once. While a look is under way, one more follows it; what the
    /// primary says its serial is does not matter, so that a lie costs two looks and no more.
    pub fn notified(&mut self, now: Now) {
        match self.looking {
            true => self.told_again = true,
            false => self.next = self.next.min(now),
        }
    }

    /// The look ended well: the zone is now at `soa`.
    pub fn found(&mut self, now: Now, soa: &Soa) {
        self.hold(now, soa);
        self.failures = 0;
        self.end(now);
    }

    /// The look failed.
    pub fn failed(&mut self, now: Now) {
        self.failures = self.failures.saturating_add(1);
        self.end(now);
    }

    fn end(&mut self, now: Now) {
        self.looking = false;
        let wait = match (&self.held, self.failures) {
            _ if std::mem::take(&mut self.told_again) => self.limits.min,
            (Some(held), 0) => held.refresh,
            (Some(held), _) => held.retry,
            (None, failures) => FIRST_RETRY.saturating_mul(1 << failures.min(10)).min(self.limits.retry_max),
        };
        self.next = now + wait;
    }

    /// Whether what is held may no longer be answered with: nothing was heard for the expire time.
    pub fn is_expired(&self, now: Now) -> bool {
        self.held.as_ref().is_none_or(|held| now.since(held.heard) >= held.expire)
    }

    /// When that will be; nothing if nothing is held.
    pub fn expires(&self) -> Option<Now> {
        self.held.as_ref().map(|held| held.heard + held.expire)
    }
}
