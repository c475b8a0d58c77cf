//! Listings: options are eaten, patterns end in time, selections of facts are read back, times too, and
//! every entry is one line that ends with its name.
#![no_main]

use ftp::listing::{Entry, Facts, Format, Kind, Rights, Writer, without_options};
use ftp::{Pattern, timestamp};
use libfuzzer_sys::fuzz_target;

/// Argument, pattern, name, size, time, today, mode and rights.
type Input = (Vec<u8>, String, String, u64, i64, i64, u16, u8);

fuzz_target!(|input: Input| {
    let (argument, pattern, name, size_bytes, modified_ms, today_ms, mode, rights) = input;
    let rest = without_options(&argument);
    assert!(
        argument.ends_with(rest) && (!rest.starts_with(b"-") || argument.windows(2).any(|two| two == b"--"))
    );
    if let Some(pattern) = Pattern::new(&pattern) {
        pattern.matches(&name);
        assert!(!pattern.as_str().bytes().all(|byte| byte == b'*') || pattern.matches(&name));
    }
    if let Some(facts) = Facts::parse(&pattern) {
        assert_eq!(Facts::parse(&facts.list()), Some(facts));
    }
    if let Some(moment_ms) = timestamp::parse_time_val(&argument) {
        let text = timestamp::time_val(moment_ms);
        assert_eq!(timestamp::parse_time_val(text.as_bytes()), Some(moment_ms - moment_ms.rem_euclid(1000)));
    }
    let _ = timestamp::parse_utime(&argument);
    let kind = if rights & 8 == 0 { Kind::File } else { Kind::Folder };
    let rights = Rights { read: rights & 1 != 0, write: rights & 2 != 0, remove: rights & 4 != 0 };
    let entry = Entry { kind, size_bytes, modified_ms, mode, rights, unique: u128::from(size_bytes) };
    for format in [Format::Long, Format::Names(String::new()), Format::Facts(Facts::default())] {
        let mut out = Vec::new();
        Writer::new(format, today_ms).entry("name", &entry, &mut out);
        assert!(out.ends_with(b"name\r\n") && out.iter().filter(|byte| **byte == b'\n').count() == 1);
    }
});
