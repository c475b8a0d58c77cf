//! Dates and moments (RFC 9051 §9 `date`, `date-time`).

use crate::cursor::{Cursor, Parsed};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// The day that is `days` after 1970-01-01.
    pub const fn from_days(days: i32) -> Date {
        Date(days)
    }

    /// The UTC day of a moment in Unix seconds.
    pub fn from_unix_seconds(seconds: i64) -> Date {
        Date(i32::try_from(seconds.div_euclid(86_400)).unwrap_or(i32::MAX))
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// A day of the Gregorian calendar; `None` if there is no such day.
    pub fn from_civil(year: i32, month: u32, day: u32) -> Option<Date> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=days).contains(&day) || !(0..=9999).contains(&year) {
            return None;
        }
        // Years begin in March, so that the leap day is the last of its year.
        let (shifted, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let era = shifted.div_euclid(400);
        let of_era = shifted.rem_euclid(400);
        let of_year = i32::try_from((153 * month + 2) / 5 + day - 1).unwrap_or(0);
        let of_era_days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        Some(Date(era * 146_097 + of_era_days - 719_468))
    }

    /// Year, month and day of the Gregorian calendar.
    pub fn to_civil(self) -> (i32, u32, u32) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        (year_of_era + era * 400 + carry, month.unsigned_abs(), day.unsigned_abs())
    }

    /// Reads a `date` of SEARCH: `1-Feb-1994`, with or without quotes.
    pub fn parse(cursor: &mut Cursor) -> Parsed<Date> {
        let quoted = cursor.skip(b'"');
        let date = date_text(cursor, false)?;
        if quoted {
            cursor.require(b'"', "a quote behind the date")?;
        }
        Ok(date)
    }
}

fn date_text(cursor: &mut Cursor, fixed: bool) -> Parsed<Date> {
    if fixed {
        cursor.skip(b' ');
    }
    let day = digits(cursor, 2)?;
    cursor.require(b'-', "- between day and month")?;
    let name = cursor.run(|byte| byte.is_ascii_alphabetic());
    let month = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name));
    cursor.require(b'-', "- between month and year")?;
    let year = digits(cursor, 4)?;
    let month = month.map_or(0, |index| index as u32 + 1);
    match Date::from_civil(year.cast_signed(), month, day) {
        Some(date) => Ok(date),
        None => cursor.fault("a date that exists"),
    }
}

/// A number of one to `len_max` digits.
fn digits(cursor: &mut Cursor, len_max: usize) -> Parsed<u32> {
    let digits = cursor.run(|byte| byte.is_ascii_digit());
    let number =
        digits.iter().fold(0u32, |n, digit| n.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    if digits.is_empty() || digits.len() > len_max { cursor.fault("a date") } else { Ok(number) }
}

/// A moment with the zone it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// Unix seconds.
    pub unix_seconds: i64,
    /// Minutes east of UTC, under 24 hours.
    pub zone_minutes: i32,
}

impl DateTime {
    /// Reads `" 1-Feb-1994 12:00:00 +0100"`.
    pub fn parse(cursor: &mut Cursor) -> Parsed<DateTime> {
        cursor.require(b'"', "a quoted date and time")?;
        let date = date_text(cursor, true)?;
        cursor.space()?;
        let mut time = [0; 3];
        for (index, (part, below)) in time.iter_mut().zip([24, 60, 61]).enumerate() {
            if index > 0 {
                cursor.require(b':', ": in the time")?;
            }
            *part = digits(cursor, 2)?;
            if *part >= below {
                return cursor.fault("a time that exists");
            }
        }
        cursor.space()?;
        let east = cursor.skip(b'+');
        if !east {
            cursor.require(b'-', "a zone")?;
        }
        let zone = digits(cursor, 4)?;
        cursor.require(b'"', "a quote behind the date and time")?;
        if zone / 100 > 23 || zone % 100 > 59 {
            return cursor.fault("a zone that exists");
        }
        let minutes = (zone / 100 * 60 + zone % 100).cast_signed();
        let zone_minutes = if east { minutes } else { -minutes };
        let seconds = time[0] * 3600 + time[1] * 60 + time[2];
        let local = i64::from(date.days()) * 86_400 + i64::from(seconds);
        Ok(DateTime { unix_seconds: local - i64::from(zone_minutes) * 60, zone_minutes })
    }
}

/// Appends a moment as a quoted `date-time` in UTC.
pub fn write_date_time(unix_seconds: i64, out: &mut Vec<u8>) {
    // RFC 9051 §9: years have four digits.
    let seconds = unix_seconds.clamp(-62_167_219_200, 253_402_300_799);
    let (year, month, day) = Date::from_unix_seconds(seconds).to_civil();
    let time = u32::try_from(seconds.rem_euclid(86_400)).unwrap_or(0);
    out.push(b'"');
    pair(day, b' ', out);
    out.push(b'-');
    out.extend_from_slice(MONTHS[month as usize - 1].as_bytes());
    out.push(b'-');
    pair(year.unsigned_abs() / 100, b'0', out);
    pair(year.unsigned_abs() % 100, b'0', out);
    out.push(b' ');
    pair(time / 3600, b'0', out);
    out.push(b':');
    pair(time / 60 % 60, b'0', out);
    out.push(b':');
    pair(time % 60, b'0', out);
    out.extend_from_slice(b" +0000\"");
}

fn pair(number: u32, fill: u8, out: &mut Vec<u8>) {
    let digit = |n: u32| b'0' + (n % 10) as u8;
    out.push(if number < 10 { fill } else { digit(number / 10) });
    out.push(digit(number));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Dialect;
    use proptest::prelude::*;

    fn cursor(text: &str) -> Cursor {
        Cursor::new(text.into(), Dialect::Rev1)
    }

    #[test]
    fn dates_good_and_bad() {
        for (text, expected) in [
            ("1-Jan-1970", 0),
            ("01-jan-1970", 0),
            ("\"31-DEC-1969\"", -1),
            ("29-Feb-2000", 11_016),
            ("1-Mar-2024", 19_783),
        ] {
            assert_eq!(Date::parse(&mut cursor(text)).map(Date::days), Ok(expected), "{text}");
        }
        for text in [
            "",
            "1-Jan",
            "30-Feb-2000",
            "29-Feb-1900",
            "0-Jan-2000",
            "1-Foo-2000",
            "1-Jan-20000",
            "\"1-Jan-2000",
            "001-Jan-2000",
            " 1-Jan-2000",
        ] {
            assert!(Date::parse(&mut cursor(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_good_and_bad() {
        let parse = |text: &str| DateTime::parse(&mut cursor(text)).map(|t| (t.unix_seconds, t.zone_minutes));
        assert_eq!(parse("\"17-Jul-1996 02:44:25 -0700\""), Ok((837_596_665, -420)));
        assert_eq!(parse("\" 1-Jan-1970 01:00:00 +0100\""), Ok((0, 60)));
        for text in [
            "",
            "\"17-Jul-1996\"",
            "\"17-Jul-1996 24:00:00 +0000\"",
            "\"17-Jul-1996 00:00:00 0000\"",
            "\"17-Jul-1996 00:00:00 +2400\"",
            "17-Jul-1996 00:00:00 +0000",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let mut out = Vec::new();
        write_date_time(837_596_665, &mut out);
        assert_eq!(out, b"\"17-Jul-1996 09:44:25 +0000\"");
    }

    proptest! {
        #[test]
        fn days_survive_the_calendar(days in -719_528i32..2_932_897) {
            let (year, month, day) = Date::from_days(days).to_civil();
            prop_assert_eq!(Date::from_civil(year, month, day), Some(Date::from_days(days)));
        }

        #[test]
        fn moments_survive_the_round_trip(seconds in -62_167_219_200i64..=253_402_300_799) {
            let mut out = Vec::new();
            write_date_time(seconds, &mut out);
            let parsed = DateTime::parse(&mut Cursor::new(out, Dialect::Rev1)).unwrap();
            prop_assert_eq!(parsed, DateTime { unix_seconds: seconds, zone_minutes: 0 });
        }

        #[test]
        fn any_moment_can_be_written(seconds in any::<i64>()) {
            let mut out = Vec::new();
            write_date_time(seconds, &mut out);
            prop_assert_eq!(out.len(), 28);
        }
    }
}
