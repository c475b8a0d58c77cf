//! Times of files as FTP writes them: `YYYYMMDDHHMMSS` in UTC (RFC 3659 §2.3).

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, between the years 1 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

/// The first moment of the year 1 and the last of the year 9999, in seconds: what four digits can say.
const RANGE_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

const DAY_SECONDS: i64 = 86_400;

impl Stamp {
    /// The moment `seconds` after 1970; nothing where four digits of a year could not say it.
    pub fn from_unix_seconds(seconds: i64) -> Option<Stamp> {
        RANGE_SECONDS.contains(&seconds).then_some(Stamp(seconds))
    }

    /// Seconds since 1970.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Reads `YYYYMMDDHHMMSS` with an optional fraction, which is dropped (RFC 3659 §2.3). Servers with
    /// a fault of the year 2000 write `19100` for 2000; that is taken as what they mean.
    pub fn parse(text: &[u8]) -> Option<Stamp> {
        let (whole, fraction) = match text.iter().position(|b| *b == b'.') {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, &b"0"[..]),
        };
        if fraction.is_empty() || !fraction.iter().chain(whole).all(u8::is_ascii_digit) {
            return None;
        }
        let number = |digits: &[u8]| digits.iter().fold(0i64, |n, d| n * 10 + i64::from(d - b'0'));
        let (year, rest) = match whole.len() {
            14 => (number(&whole[..4]), &whole[4..]),
            15 if whole.starts_with(b"19") => (1900 + number(&whole[2..5]), &whole[5..]),
            _ => return None,
        };
        let part = |at: usize| number(&rest[at..at + 2]);
        // A leap second is 60 (RFC 3659 §2.3); here it is the second before.
        let second = if part(8) == 60 { 59 } else { part(8) };
        Stamp::civil((year, part(0), part(2)), (part(4), part(6), second))
    }

    /// The moment of a date and a time of day in UTC; nothing where the calendar has no such.
    pub(super) fn civil((year, month, day): (i64, i64, i64), time: (i64, i64, i64)) -> Option<Stamp> {
        let (hour, minute, second) = time;
        let valid = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=month_days(year, month)).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second);
        let seconds = days(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
        valid.then_some(Stamp(seconds))
    }

    /// The year, month and day of month in UTC.
    pub(super) fn date(self) -> (i64, i64, i64) {
        // Days are counted from 0000-03-01, so that the leap day is the last of its year: an era of 400
        // years has 146 097 days.
        let z = self.0.div_euclid(DAY_SECONDS) + 719_468;
        let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        (year + era * 400 + i64::from(month <= 2), month, day)
    }
}

/// As MFMT and MDTM write it.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let time = self.0.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
    }
}

fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_a_time() {
        let table: &[(&str, Option<i64>)] = &[
            ("19700101000000", Some(0)),
            ("19980615100045", Some(897_904_845)),
            ("19980615100045.014", Some(897_904_845)),
            ("20000229120000", Some(951_825_600)),
            ("20161231235960", Some(1_483_228_799)),
            ("00010101000000", Some(-62_135_596_800)),
            ("99991231235959", Some(253_402_300_799)),
            ("191000101000000", Some(946_684_800)),
            ("19700101000000.", None),
            ("1970010100000", None),
            ("297001010000000", None),
            ("19990229000000", None),
            ("19991301000000", None),
            ("19990001000000", None),
            ("19990101240000", None),
            ("19990101006000", None),
            ("19990101000061", None),
            ("1999010100000x", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(Stamp::parse(text.as_bytes()).map(Stamp::unix_seconds), *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in RANGE_SECONDS) {
            let stamp = Stamp::from_unix_seconds(seconds).unwrap();
            prop_assert_eq!(Stamp::parse(stamp.to_string().as_bytes()), Some(stamp));
        }

        #[test]
        fn days_follow_each_other(day in -700_000i64..2_900_000) {
            let date = |day: i64| Stamp::from_unix_seconds(day * DAY_SECONDS).unwrap().date();
            let ((y, m, d), next) = (date(day), date(day + 1));
            let expected = if d < month_days(y, m) { (y, m, d + 1) } else if m < 12 { (y, m + 1, 1) } else { (y + 1, 1, 1) };
            prop_assert_eq!(next, expected);
        }
    }
}
