//! Stored overviews that a disk or another program may have changed: any bytes, and real ones with
//! some bytes changed or cut off. What is read is in itself consistent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mime::{Message, Overview, OverviewRef};

fuzz_target!(|input: (bool, Vec<u8>, Vec<(u16, u8)>, u16)| {
    let (real, bytes, changes, cut) = input;
    let mut stored = if real { Overview::build(&Message::parse(&bytes)).to_bytes() } else { bytes };
    for (at, mask) in changes {
        if let Some(byte) = stored.get_mut(usize::from(at)) {
            *byte ^= mask;
        }
    }
    if real {
        stored.truncate(stored.len().saturating_sub(usize::from(cut)));
    }
    let Some(overview) = OverviewRef::parse(&stored) else { return };
    let texts = [overview.envelope, overview.body, overview.fields, overview.preview.as_bytes()];
    assert!(texts.iter().map(|text| text.len()).sum::<usize>() <= stored.len());
    overview.cached_header_fields(&["from", "subject"], false);
    overview.cached_header_fields(&["from"], true);
    assert!(overview.headers().iter().count() <= overview.fields.len());
});
