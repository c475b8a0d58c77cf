//! Dates: read as mail programs write them, written as the standards ask.

use std::fmt::Write;

use crate::header::bounded;
use crate::syntax::Lexer;

/// A moment and the zone it was told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: i64,
    /// Minutes east of UTC.
    pub zone_minutes: i16,
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Date {
    /// A moment told in UTC.
    pub const fn utc(unix_s: i64) -> Date {
        Date { unix_s, zone_minutes: 0 }
    }

    /// Reads the value of a Date field (RFC 5322 §3.3) with comments, two-digit years, names of
    /// zones (§4.3) and a missing day name, seconds or zone. `None` if it is no date.
    pub fn parse(value: &[u8]) -> Option<Date> {
        let mut lexer = Lexer::new(bounded(value));
        lexer.skip_cfws();
        if lexer.peek()?.is_ascii_alphabetic() {
            lexer.take_while(|b| b.is_ascii_alphabetic() || b == b'.');
            lexer.skip_cfws();
            lexer.take(b',');
        }
        let day = number(&mut lexer, 2)?.0;
        lexer.skip_cfws();
        lexer.take(b'-');
        let month = month(&mut lexer)?;
        lexer.skip_cfws();
        lexer.take(b'-');
        let year = year(&mut lexer)?;
        let (hour, minute, second) = time(&mut lexer)?;
        let zone_minutes = zone(&mut lexer);
        if !(1..=days_in_month(year, month)).contains(&day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let local = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Date { unix_s: local - i64::from(zone_minutes) * 60, zone_minutes })
    }

    /// Days since 1970-01-01 on the calendar of the sender: what SENTON compares, which is told to
    /// disregard time and zone (RFC 9051 §6.4.4).
    pub fn local_days(self) -> i64 {
        self.local_s().div_euclid(86_400)
    }

    fn local_s(self) -> i64 {
        self.unix_s.saturating_add(i64::from(self.zone_minutes) * 60)
    }

    /// As in a Date field: `Sat, 1 Feb 2007 01:02:03 +0200` (RFC 5322 §3.3).
    pub fn to_rfc5322(self) -> String {
        let (days, time) = self.split();
        let (year, month, day) = civil_from_days(days);
        let mut out = String::with_capacity(32);
        let name = DAYS[usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)];
        let _ = write!(out, "{name}, {day} {} {year:04} ", month_name(month));
        self.time_and_zone(time, &mut out);
        out
    }

    /// As IMAP's date-time without quotes: ` 1-Feb-2007 01:02:03 +0200`, the day padded to two
    /// places (RFC 9051 §9, date-day-fixed).
    pub fn to_imap(self) -> String {
        let (days, time) = self.split();
        let (year, month, day) = civil_from_days(days);
        let mut out = String::with_capacity(26);
        let _ = write!(out, "{day:>2}-{}-{year:04} ", month_name(month));
        self.time_and_zone(time, &mut out);
        out
    }

    fn split(self) -> (i64, i64) {
        // Years have four digits: what lies outside is shown at the edge.
        let (first, last) = (days_from_civil(0, 1, 1), days_from_civil(9999, 12, 31));
        let local = self.local_s().clamp(first * 86_400, last * 86_400 + 86_399);
        (local.div_euclid(86_400), local.rem_euclid(86_400))
    }

    fn time_and_zone(self, time: i64, out: &mut String) {
        let zone = self.zone_minutes.unsigned_abs();
        let sign = if self.zone_minutes < 0 { '-' } else { '+' };
        let _ = write!(out, "{:02}:{:02}:{:02} ", time / 3600, time / 60 % 60, time % 60);
        let _ = write!(out, "{sign}{:02}{:02}", zone / 60 % 100, zone % 60);
    }
}

fn month_name(month: i64) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|i| MONTHS.get(i)).copied().unwrap_or("Jan")
}

/// The next number and how many digits it has; `None` for none or for more than `digits_max`.
fn number(lexer: &mut Lexer<'_>, digits_max: usize) -> Option<(i64, usize)> {
    lexer.skip_cfws();
    let digits = lexer.take_while(|b| b.is_ascii_digit());
    if digits.is_empty() || digits.len() > digits_max {
        return None;
    }
    Some((digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')), digits.len()))
}

fn month(lexer: &mut Lexer<'_>) -> Option<i64> {
    lexer.skip_cfws();
    let name = lexer.take_while(|b| b.is_ascii_alphabetic()).get(..3)?;
    let at = MONTHS.iter().position(|m| m.as_bytes().eq_ignore_ascii_case(name))?;
    i64::try_from(at + 1).ok()
}

/// RFC 5322 §4.3: two digits from 00 to 49 are 2000 and on, other two and three digits are 1900
/// and on.
fn year(lexer: &mut Lexer<'_>) -> Option<i64> {
    match number(lexer, 4)? {
        (year @ 0..=49, 2) => Some(year + 2000),
        (year, 2 | 3) => Some(year + 1900),
        (year, 4) => Some(year),
        _ => None,
    }
}

fn time(lexer: &mut Lexer<'_>) -> Option<(i64, i64, i64)> {
    let hour = number(lexer, 2)?.0;
    lexer.skip_cfws();
    if !lexer.take(b':') && !lexer.take(b'.') {
        return None;
    }
    let minute = number(lexer, 2)?.0;
    lexer.skip_cfws();
    let second = match lexer.take(b':') || lexer.take(b'.') {
        true => number(lexer, 2)?.0,
        false => 0,
    };
    Some((hour, minute, second))
}

/// Minutes east of UTC. An unknown or military zone counts as UTC (RFC 5322 §4.3).
fn zone(lexer: &mut Lexer<'_>) -> i16 {
    lexer.skip_cfws();
    let sign = match lexer.peek() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return named_zone(lexer.take_while(|b| b.is_ascii_alphabetic())),
    };
    lexer.bump();
    let hours_minutes = lexer.take_while(|b| b.is_ascii_digit() || b == b':');
    let digits: Vec<i16> =
        hours_minutes.iter().filter(|b| b.is_ascii_digit()).map(|d| i16::from(d - b'0')).collect();
    match digits[..] {
        [h1, h2, m1, m2] if m1 < 6 => sign * ((h1 * 10 + h2) * 60 + m1 * 10 + m2),
        [h1, h2] => sign * (h1 * 10 + h2) * 60,
        _ => 0,
    }
}

fn named_zone(name: &[u8]) -> i16 {
    const ZONES: [(&[u8], i16); 8] = [
        (b"EDT", -4),
        (b"EST", -5),
        (b"CDT", -5),
        (b"CST", -6),
        (b"MDT", -6),
        (b"MST", -7),
        (b"PDT", -7),
        (b"PST", -8),
    ];
    ZONES.iter().find(|(zone, _)| zone.eq_ignore_ascii_case(name)).map_or(0, |(_, hours)| hours * 60)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. Counts years from March, so that the leap day
/// comes last, in eras of 400 years.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a count of days since 1970-01-01; the inverse of [`days_from_civil`].
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}
