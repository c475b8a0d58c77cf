//! Times as FTP writes them, all in UTC.

/// The months as `ls` writes them: in English, whatever the server's language, because clients parse
/// them.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment taken apart, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
}

const DAY_S: i64 = 86_400;

impl Civil {
    /// The parts of a moment in milliseconds since 1970. Years outside 0 to 9999, which have no form on
    /// the wire, become the nearest moment that has one.
    pub(crate) fn of(moment_ms: i64) -> Civil {
        // 0000-01-01 and 9999-12-31T23:59:59.
        let seconds = moment_ms.div_euclid(1000).clamp(-62_167_219_200, 253_402_300_799);
        let (days, rest) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
        let (year, month, day) = date(days);
        let part = |value: i64| u8::try_from(value).expect("below 60");
        Civil {
            year,
            month,
            day,
            hour: part(rest / 3600),
            minute: part(rest / 60 % 60),
            second: part(rest % 60),
        }
    }

    /// Milliseconds since 1970; `None` if there is no such day or time. A leap second is the next one.
    fn moment_ms(self) -> Option<i64> {
        let days = days(self.year, self.month, self.day)?;
        let fits = self.hour < 24 && self.minute < 60 && self.second <= 60;
        let time = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        fits.then_some((days * DAY_S + time) * 1000)
    }
}

/// Days since 1970 to year, month and day, in years that begin with March, so that the leap day is last.
fn date(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let small = |value: i64| u8::try_from(value).expect("a day or a month");
    (year, small(month), small(day))
}

/// The way back; `None` if there is no such day.
fn days(year: i64, month: u8, day: u8) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let month_of_year = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * month_of_year + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    (date(days) == (year, month, day)).then_some(days)
}

/// A moment in milliseconds since 1970 as `YYYYMMDDhhmmss` (RFC 3659 §2.3). Fractions are left out:
/// clients that compare texts stumble over them.
pub fn time_val(moment_ms: i64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(moment_ms);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// Reads `YYYYMMDDhhmmss`, with a fraction or not (RFC 3659 §2.3): milliseconds since 1970. `None` if it
/// has another form or there is no such moment.
pub fn parse_time_val(text: &[u8]) -> Option<i64> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let ms = match fraction {
        None => 0,
        Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            digits.iter().chain(b"000").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
        }
        Some(_) => return None,
    };
    let civil = if whole.len() == 14 { parse_digits(whole)? } else { return None };
    Some(civil.moment_ms()? + ms)
}

/// Reads `YYYYMMDDhhmm` or `YYYYMMDDhhmmss`, as SITE UTIME takes it.
pub fn parse_utime(text: &[u8]) -> Option<i64> {
    match text.len() {
        12 => parse_digits(&[text, b"00"].concat())?.moment_ms(),
        14 => parse_digits(text)?.moment_ms(),
        _ => None,
    }
}

fn parse_digits(text: &[u8]) -> Option<Civil> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let two = |at: usize| (text[at] - b'0') * 10 + (text[at + 1] - b'0');
    let year = i64::from(two(0)) * 100 + i64::from(two(2));
    Some(Civil { year, month: two(4), day: two(6), hour: two(8), minute: two(10), second: two(12) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments() {
        for (ms, text) in [
            (0, "19700101000000"),
            (951_782_400_000, "20000229000000"),
            (1_505_957_650_000, "20170921013410"),
            (1_735_689_599_999, "20241231235959"),
            (-1, "19691231235959"),
            (4_107_542_400_000, "21000301000000"),
            (i64::MIN, "00000101000000"),
            (i64::MAX, "99991231235959"),
        ] {
            assert_eq!(time_val(ms), text);
        }
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "99999999999999",
            "20250229000000",
            "21000229000000",
            "20251301000000",
            "20250001000000",
            "20250100000000",
            "20250101240000",
            "20250101006000",
            "20250101000061",
            "2025010100000",
            "202501010000000",
            "2025010100000a",
            "",
            "20250101000000.",
            "20250101000000.x",
            "-2025010100000",
        ] {
            assert_eq!(parse_time_val(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_time_val(b"19700101000001.25"), Some(1250));
        assert_eq!(parse_time_val(b"19700101000001.123456"), Some(1123));
        assert_eq!(parse_utime(b"197001010001"), Some(60_000));
        assert_eq!(parse_utime(b"19700101000101"), Some(61_000));
        assert_eq!(parse_utime(b"1970"), None);
    }

    proptest! {
        #[test]
        fn writing_and_reading(seconds in -62_167_219_200i64..253_402_300_800) {
            prop_assert_eq!(parse_time_val(time_val(seconds * 1000).as_bytes()), Some(seconds * 1000));
        }

        #[test]
        fn any_bytes_are_read_without_harm(text in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = (parse_time_val(&text), parse_utime(&text));
        }
    }
}
