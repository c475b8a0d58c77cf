//! Time as signatures and rolls see it: the calendar, not that of sessions, which only moves forward.

use std::fmt;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// One hour, in seconds.
pub const HOUR_SECONDS: u32 = 3600;
/// One day, in seconds.
pub const DAY_SECONDS: u32 = 86_400;

/// A moment of the calendar: whole seconds since 1970-01-01 00:00 UTC, leap seconds not counted.
///
/// Signatures carry its low 32 bits (RFC 4034 §3.1.5); rolls wait by it. The caller reads the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `seconds` after 1970-01-01 00:00 UTC.
    pub const fn from_unix_seconds(seconds: u64) -> Timestamp {
        Timestamp(seconds)
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    pub const fn unix_seconds(self) -> u64 {
        self.0
    }

    /// The low 32 bits, as signatures carry them (RFC 4034 §3.1.5).
    pub const fn wire(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }

    /// The moment that a signature's 32 bits mean when they are read at `self`: the one within 68
    /// years (RFC 4034 §3.1.5, RFC 1982).
    pub const fn from_wire(self, wire: u32) -> Timestamp {
        let ahead = wire.wrapping_sub(self.wire()).cast_signed();
        Timestamp(self.0.saturating_add_signed(ahead as i64))
    }

    /// `seconds` earlier, but never before 1970.
    pub const fn minus(self, seconds: u32) -> Timestamp {
        Timestamp(self.0.saturating_sub(seconds as u64))
    }

    /// Seconds from `earlier` to `self`; zero if `earlier` is later.
    pub const fn seconds_since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Year, month (1 to 12), day (1 to 31) in UTC.
    fn date(self) -> (u64, u64, u64) {
        // Days are counted from 0000-03-01, so that the leap day ends a year; 719468 days from
        // there to 1970-01-01.
        let days = self.0 / u64::from(DAY_SECONDS) + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        (year, month, day)
    }

    /// As master files write it: `YYYYMMDDHHmmSS` in UTC (RFC 4034 §3.2).
    pub fn compact(self) -> String {
        let (year, month, day) = self.date();
        let of_day = self.0 % u64::from(DAY_SECONDS);
        format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
    }
}

impl Add<u32> for Timestamp {
    type Output = Timestamp;
    fn add(self, seconds: u32) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::from(seconds)))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-23 08:45 UTC`, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let of_day = self.0 % u64::from(DAY_SECONDS);
        write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", of_day / 3600, of_day / 60 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, compact) in [
            (0, "19700101000000"),
            (951_782_399, "20000228235959"),
            (951_782_400, "20000229000000"),
            (951_868_800, "20000301000000"),
            (1_795_423_500, "20261123084500"),
            (4_107_542_400, "21000301000000"),
        ] {
            assert_eq!(Timestamp::from_unix_seconds(seconds).compact(), compact);
        }
        assert_eq!(Timestamp::from_unix_seconds(1_795_423_500).to_string(), "2026-11-23 08:45 UTC");
    }

    #[test]
    fn thirty_two_bits_mean_the_nearest_moment() {
        let end = Timestamp::from_unix_seconds(0xffff_fff0);
        assert_eq!(end.from_wire(16), Timestamp::from_unix_seconds(0x1_0000_0010));
        let past = Timestamp::from_unix_seconds(0x1_0000_0010);
        assert_eq!(past.from_wire(0xffff_fff0), end);
    }
}
