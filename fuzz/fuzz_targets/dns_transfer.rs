//! Transfers of other servers: whatever they send, what is taken belongs to the zone.
#![no_main]

use dns::transfer::{Incoming, IncomingLimits, Progress, Received, TransferRequest, Wanted, soa_answer};
use dns::{Name, Serial, ZoneData};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, Vec<Vec<u8>>)| {
    let (whole, messages) = input;
    let zone: Name = "example.".parse().expect("a name");
    let wanted = if whole { Wanted::Whole } else { Wanted::Since(Serial(1)) };
    let mut incoming = Incoming::new(9, zone.clone(), wanted, IncomingLimits::default());
    for mut message in messages {
        let _ = TransferRequest::parse(&message);
        let _ = soa_answer(&message, 9, &zone);
        if message.len() >= 4 {
            message[..4].copy_from_slice(&[0, 9, 0x84, 0]);
        }
        match incoming.message(&message) {
            Ok(Progress::More) => {}
            Ok(Progress::Done(Received::Whole(records))) => {
                let zone = ZoneData::from_records(zone.clone(), records).expect("all of the zone");
                assert!(zone.soa().is_some());
            }
            Ok(Progress::Done(_)) => {}
            Err(_) => return,
        }
    }
});
