//! Updates and notifications of strangers: whatever is asked, a zone stays a zone.
#![no_main]

use dns::notify::Notification;
use dns::update::Update;
use dns::{Name, RData, Record, RecordType, Serial, Soa, Ttl, ZoneData};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let _ = Notification::parse(message);
    let Ok(update) = Update::parse(message) else { return };
    let apex: Name = update.zone.name.clone();
    let mut zone = ZoneData::new(apex.clone());
    let soa = Soa {
        mname: apex.clone(),
        rname: apex.clone(),
        serial: Serial(1),
        refresh: 1,
        retry: 1,
        expire: 1,
        minimum: 1,
    };
    zone.insert(Record::new(apex.clone(), Ttl::ZERO, soa.to_rdata())).expect("of the zone");
    zone.insert(Record::new(apex.clone(), Ttl::ZERO, RData::ns(&apex))).expect("of the zone");
    if update.check(&zone, |_, _| None).is_ok() {
        update.apply(&mut zone);
        assert!(zone.soa().is_some() && zone.get(&apex, RecordType::NS).is_some());
    }
});
