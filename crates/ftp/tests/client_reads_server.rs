//! The two sides of the crate understand each other's listings.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use ftp::client::{Form, Item, Kind as Seen, ListingReader, Stamp};
use ftp::listing::{Entry, Facts, Format, Kind, Rights, Writer};
use proptest::prelude::*;

const DAY_SECONDS: i64 = 86_400;

fn written(format: Format, today_ms: i64, name: &str, entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(format, today_ms).entry(name, entry, &mut out);
    out
}

proptest! {
    #[test]
    fn what_is_listed_is_read(
        name in "[^/\\\\\\x00-\\x1f\\x7f]{1,40}",
        folder in any::<bool>(),
        size_bytes in 0u64..1 << 62,
        today in 365 * DAY_SECONDS..4_000_000_000i64,
        age in 0i64..20 * 365 * DAY_SECONDS,
    ) {
        prop_assume!(name != "." && name != "..");
        let modified = (today - age).max(0);
        let entry = Entry {
            kind: if folder { Kind::Folder } else { Kind::File },
            size_bytes,
            modified_ms: modified * 1000,
            mode: 0o644,
            rights: Rights { read: true, write: true, remove: true },
            unique: 1,
        };
        for (format, form) in [(Format::Facts(Facts::default()), Form::Machine), (Format::Long, Form::Human)] {
            let bytes = written(format, today * 1000, &name, &entry);
            let mut items = Vec::new();
            let mut reader = ListingReader::new(form, Stamp::from_unix_seconds(today).unwrap());
            reader.push(&bytes, |item| items.push(item)).unwrap();
            reader.finish(|item| items.push(item)).unwrap();
            let [Item::Entry(seen)] = items.as_slice() else { panic!("{form:?}: {items:?} of {bytes:?}") };
            prop_assert_eq!(seen.name.as_bytes(), name.as_bytes());
            prop_assert_eq!(seen.facts.kind == Seen::Folder, folder);
            if !folder {
                prop_assert_eq!(seen.facts.size_bytes, Some(size_bytes));
            }
            let at = seen.facts.modified.unwrap().at.unix_seconds();
            let off = (at - modified).abs();
            prop_assert!(off == 0 || (form == Form::Human && off <= DAY_SECONDS), "{form:?}: {at} for {modified}");
        }
    }
}
