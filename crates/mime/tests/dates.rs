//! Dates in and out.

use mime::Date;
use mime::date::{civil_from_days, days_from_civil};
use proptest::prelude::*;

#[test]
fn dates_are_read() {
    let table: &[(&str, Option<(i64, i16)>)] = &[
        ("Thu, 01 Jan 1970 00:00:00 +0000", Some((0, 0))),
        ("Sat, 01 Feb 2007 01:02:03 +0200", Some((1_170_284_523, 120))),
        ("1 Feb 2007 01:02:03 +0200", Some((1_170_284_523, 120))),
        (" Thu ,\r\n 1 (first) Feb(ruary) 2007 01 : 02 : 03 +0200 (CEST)", Some((1_170_284_523, 120))),
        ("1 Feb 07 01:02:03 +0200", Some((1_170_284_523, 120))),
        ("1 Feb 107 01:02:03 +0200", Some((1_170_284_523, 120))),
        ("Thursday, 1-Feb-07 01:02:03 +0200", Some((1_170_284_523, 120))),
        ("1 February 2007 01:02 EST", Some((1_170_309_720, -300))),
        ("1 Feb 2007 01:02 PDT", Some((1_170_316_920, -420))),
        ("1 Feb 2007 01:02 A", Some((1_170_291_720, 0))),
        ("1 Feb 2007 01:02 GMT", Some((1_170_291_720, 0))),
        ("1 Feb 2007 01:02", Some((1_170_291_720, 0))),
        ("1 Feb 2007 01.02.03 +02:00", Some((1_170_284_523, 120))),
        ("1 Feb 2007 01:02:60 +0000", Some((1_170_291_780, 0))),
        ("31 Dec 99 23:59:59 -0000", Some((946_684_799, 0))),
        ("29 Feb 2000 12:00:00 +0000", Some((951_825_600, 0))),
        ("29 Feb 1900 12:00:00 +0000", None),
        ("31 Apr 2007 01:02 GMT", None),
        ("0 Apr 2007 01:02 GMT", None),
        ("1 Foo 2007 01:02 GMT", None),
        ("1 Feb 2007 24:02 GMT", None),
        ("1 Feb 2007 01:60 GMT", None),
        ("1 Feb 20070 01:02 GMT", None),
        ("1 Feb 7 01:02 GMT", None),
        ("1 Feb 2007", None),
        ("yesterday", None),
        ("", None),
        ("99999999999999999999 Feb 2007 01:02 GMT", None),
    ];
    for (value, expected) in table {
        let got = Date::parse(value.as_bytes()).map(|d| (d.unix_s, d.zone_minutes));
        assert_eq!(got, *expected, "{value:?}");
    }
}

#[test]
fn dates_are_written() {
    let date = Date { unix_s: 1_170_284_523, zone_minutes: 120 };
    assert_eq!(date.to_rfc5322(), "Thu, 1 Feb 2007 01:02:03 +0200");
    assert_eq!(date.to_imap(), " 1-Feb-2007 01:02:03 +0200");
    let date = Date { unix_s: -1, zone_minutes: -570 };
    assert_eq!(date.to_rfc5322(), "Wed, 31 Dec 1969 14:29:59 -0930");
    assert_eq!(date.to_imap(), "31-Dec-1969 14:29:59 -0930");
    assert_eq!(date.local_days(), -1);
    for extreme in [i64::MIN, i64::MAX] {
        for zone_minutes in [i16::MIN, i16::MAX] {
            let date = Date { unix_s: extreme, zone_minutes };
            assert_eq!(date.to_imap().len(), 26);
            date.to_rfc5322();
        }
    }
}

/// The calendar, one day after the other.
#[test]
fn days_are_counted_like_by_hand() {
    let (mut year, mut month, mut day) = (1600, 1, 1);
    for days in days_from_civil(1600, 1, 1)..days_from_civil(2500, 1, 1) {
        assert_eq!((civil_from_days(days), days_from_civil(year, month, day)), ((year, month, day), days));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last =
            [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
        (year, month, day) = match (day == last, month) {
            (true, 12) => (year + 1, 1, 1),
            (true, _) => (year, month + 1, 1),
            _ => (year, month, day + 1),
        };
    }
}

proptest! {
    #[test]
    fn dates_come_back(unix_s in -60_000_000_000i64..250_000_000_000, zone_minutes in -5999i16..=5999) {
        let date = Date { unix_s, zone_minutes };
        prop_assert_eq!(Date::parse(date.to_rfc5322().as_bytes()), Some(date));
        prop_assert_eq!(Date::parse(date.to_imap().as_bytes()), Some(date));
    }

    #[test]
    fn arbitrary_bytes_are_no_trouble(bytes: Vec<u8>) {
        let _ = Date::parse(&bytes);
    }
}
