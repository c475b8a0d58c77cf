use super::*;
use crate::code::{Serial, Ttl};
use crate::message::{Flags, MessageWriter};
use crate::rdata::Soa;
use crate::zone::ZoneData;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record(owner: &str, ttl: u32, rtype: RecordType, text: &str) -> Record {
    let data = match rtype {
        RecordType::A => RData::a(text.parse().unwrap()),
        RecordType::NS => RData::ns(&name(text)),
        RecordType::CNAME => RData::cname(&name(text)),
        RecordType::TXT => RData::txt(text.as_bytes()).unwrap(),
        _ => RData::from_wire(rtype, text.as_bytes()).unwrap(),
    };
    Record::new(name(owner), Ttl::new(ttl).unwrap(), data)
}

fn soa(serial: u32) -> Record {
    let soa = Soa {
        mname: name("ns1.example."),
        rname: name("root.example."),
        serial: Serial(serial),
        refresh: 1,
        retry: 1,
        expire: 1,
        minimum: 1,
    };
    Record::new(name("example."), Ttl::new(60).unwrap(), soa.to_rdata())
}

fn zone() -> ZoneData {
    let mut zone = ZoneData::new(name("example."));
    for record in [
        soa(10),
        record("example.", 60, RecordType::NS, "ns1.example."),
        record("ns1.example.", 60, RecordType::A, "192.0.2.1"),
        record("www.example.", 60, RecordType::A, "192.0.2.2"),
        record("www.example.", 60, RecordType::A, "192.0.2.3"),
        record("www.example.", 60, RecordType::TXT, "text"),
        record("alias.example.", 60, RecordType::CNAME, "www.example."),
    ] {
        zone.insert(record).unwrap();
    }
    zone
}

/// One entry: section, owner, type, class, TTL, data.
type Entry = (Section, &'static str, RecordType, Class, u32, Vec<u8>);

fn message(entries: &[Entry]) -> Vec<u8> {
    let mut writer = MessageWriter::new(Vec::new(), 7, Flags::default().with_opcode(Opcode::UPDATE), 4096);
    writer.question(&Question { name: name("example."), rtype: RecordType::SOA, class: Class::IN }).unwrap();
    for (section, owner, rtype, class, ttl, data) in entries {
        writer.raw(*section, &name(owner), (*rtype, *class, *ttl), data).unwrap();
    }
    writer.finish()
}

fn needs(owner: &'static str, rtype: RecordType, class: Class, data: &[u8]) -> Entry {
    (Section::Answer, owner, rtype, class, 0, data.to_vec())
}

fn change(owner: &'static str, rtype: RecordType, class: Class, ttl: u32, data: &[u8]) -> Entry {
    (Section::Authority, owner, rtype, class, ttl, data.to_vec())
}

const A2: &[u8] = &[192, 0, 2, 2];
const A3: &[u8] = &[192, 0, 2, 3];
const A9: &[u8] = &[192, 0, 2, 9];

/// Does an update: what is refused, or the zone after it where something changed.
fn run(entries: &[Entry]) -> Result<Option<ZoneData>, Rcode> {
    let update = Update::parse(&message(entries))?;
    let mut zone = zone();
    let managed = |name: &Name, rtype| {
        (name.to_string() == "ns1.example." && rtype == RecordType::A).then(|| "mail".into())
    };
    update.check(&zone, managed).map_err(|refusal| refusal.rcode())?;
    let before = zone.clone();
    let changed = update.apply(&mut zone);
    assert_eq!(changed, before != zone, "what it says of changes");
    Ok(changed.then_some(zone))
}

#[test]
fn prerequisites_have_their_codes() {
    use RecordType as T;
    let table: &[(Entry, Result<(), Rcode>)] = &[
        (needs("www.example.", T::ANY, Class::ANY, b""), Ok(())),
        (needs("no.example.", T::ANY, Class::ANY, b""), Err(Rcode::NXDOMAIN)),
        (needs("no.example.", T::ANY, Class::NONE, b""), Ok(())),
        (needs("www.example.", T::ANY, Class::NONE, b""), Err(Rcode::YXDOMAIN)),
        (needs("www.example.", T::A, Class::ANY, b""), Ok(())),
        (needs("www.example.", T::MX, Class::ANY, b""), Err(Rcode::NXRRSET)),
        (needs("www.example.", T::MX, Class::NONE, b""), Ok(())),
        (needs("www.example.", T::A, Class::NONE, b""), Err(Rcode::YXRRSET)),
        (needs("www.example.", T::TXT, Class::IN, b"\x04text"), Ok(())),
        (needs("www.example.", T::TXT, Class::IN, b"\x04test"), Err(Rcode::NXRRSET)),
        (needs("www.example.", T::A, Class::IN, A2), Err(Rcode::NXRRSET)),
        (needs("example.net.", T::ANY, Class::ANY, b""), Err(Rcode::NOTZONE)),
        (needs("www.example.", T::ANY, Class::ANY, b"x"), Err(Rcode::FORMERR)),
        (needs("www.example.", T::A, Class::ANY, A2), Err(Rcode::FORMERR)),
        (needs("www.example.", T::A, Class::CH, A2), Err(Rcode::FORMERR)),
        (needs("www.example.", T::AXFR, Class::ANY, b""), Err(Rcode::FORMERR)),
        (needs("www.example.", T::A, Class::IN, b"abc"), Err(Rcode::FORMERR)),
        ((Section::Answer, "www.example.", T::A, Class::ANY, 1, vec![]), Err(Rcode::FORMERR)),
    ];
    for (entry, expected) in table {
        assert_eq!(run(std::slice::from_ref(entry)).map(|_| ()), *expected, "{entry:?}");
    }
    // A set is compared as a whole, in any order and case.
    let whole = [needs("WWW.example.", T::A, Class::IN, A3), needs("www.example.", T::A, Class::IN, A2)];
    assert_eq!(run(&whole), Ok(None));
}

#[test]
fn changes_do_what_rfc_2136_says_and_pass_over_what_it_says() {
    use RecordType as T;
    let count =
        |zone: &ZoneData, owner: &str, rtype| zone.get(&name(owner), rtype).map_or(0, |set| set.len());
    // Adding, twice, and with another TTL.
    let zone = run(&[change("new.example.", T::A, Class::IN, 5, A9)]).unwrap().unwrap();
    assert_eq!(count(&zone, "new.example.", T::A), 1);
    assert_eq!(run(&[change("www.example.", T::A, Class::IN, 60, A2)]), Ok(None));
    let zone = run(&[change("www.example.", T::A, Class::IN, 5, A2)]).unwrap().unwrap();
    assert_eq!(zone.get(&name("www.example."), T::A).unwrap().ttl.seconds(), 5);
    // Removing a record, a set, a name; what is not there.
    let zone = run(&[change("www.example.", T::A, Class::NONE, 0, A2)]).unwrap().unwrap();
    assert_eq!(count(&zone, "www.example.", T::A), 1);
    let zone = run(&[change("www.example.", T::A, Class::ANY, 0, b"")]).unwrap().unwrap();
    assert_eq!((count(&zone, "www.example.", T::A), count(&zone, "www.example.", T::TXT)), (0, 1));
    let zone = run(&[change("www.example.", T::ANY, Class::ANY, 0, b"")]).unwrap().unwrap();
    assert!(zone.node(&name("www.example.")).is_none());
    assert_eq!(run(&[change("www.example.", T::A, Class::NONE, 0, A9)]), Ok(None));
    // A CNAME replaces a CNAME; beside other data it is passed over, and so is other data beside it.
    let zone =
        run(&[change("alias.example.", T::CNAME, Class::IN, 60, b"\x03ns1\x07example\0")]).unwrap().unwrap();
    assert_eq!(count(&zone, "alias.example.", T::CNAME), 1);
    assert_eq!(run(&[change("www.example.", T::CNAME, Class::IN, 60, b"\x03ns1\x07example\0")]), Ok(None));
    assert_eq!(run(&[change("alias.example.", T::A, Class::IN, 60, A9)]), Ok(None));
    // SOA and the last NS stay.
    assert_eq!(run(&[change("example.", T::SOA, Class::ANY, 0, b"")]), Ok(None));
    assert_eq!(run(&[change("example.", T::NS, Class::ANY, 0, b"")]), Ok(None));
    assert_eq!(run(&[change("example.", T::NS, Class::NONE, 0, b"\x03ns1\x07example\0")]), Ok(None));
    assert_eq!(run(&[change("example.", T::ANY, Class::ANY, 0, b"")]), Ok(None));
    // An SOA record only forward, and only at the top.
    let with_soa = |owner, serial: u32| change(owner, T::SOA, Class::IN, 60, soa(serial).data.as_wire());
    assert_eq!(run(&[with_soa("example.", 9)]), Ok(None));
    assert_eq!(run(&[with_soa("www.example.", 11)]), Ok(None));
    let zone = run(&[with_soa("example.", 11)]).unwrap().unwrap();
    assert_eq!(zone.serial(), Some(Serial(11)));
}

/// What is to be passed over is passed over in silence, and what stands around it is done (RFC 2136 §3.4.2).
#[test]
fn what_is_passed_over_does_not_hold_up_the_rest() {
    use RecordType as T;
    let ns1 = b"\x03ns1\x07example\0";
    let passed_over = [
        change("example.", T::SOA, Class::ANY, 0, b""),
        change("example.", T::SOA, Class::NONE, 0, soa(10).data.as_wire()),
        change("example.", T::NS, Class::ANY, 0, b""),
        change("example.", T::NS, Class::NONE, 0, ns1),
        change("www.example.", T::CNAME, Class::IN, 60, ns1),
        change("alias.example.", T::A, Class::IN, 60, A9),
        change("example.", T::SOA, Class::IN, 60, soa(9).data.as_wire()),
        change("no.example.", T::ANY, Class::ANY, 0, b""),
    ];
    assert_eq!(run(&passed_over), Ok(None));
    let mut mixed = vec![change("first.example.", T::A, Class::IN, 5, A9)];
    mixed.extend(passed_over.clone());
    mixed.push(change("last.example.", T::A, Class::IN, 5, A9));
    let mut expected = zone();
    expected.insert(record("first.example.", 5, T::A, "192.0.2.9")).unwrap();
    expected.insert(record("last.example.", 5, T::A, "192.0.2.9")).unwrap();
    assert_eq!(run(&mixed), Ok(Some(expected)));
    // One NS record may go while another stays, in whichever order; never the last.
    let ns2 = b"\x03ns2\x07example\0";
    let swapped = run(&[
        change("example.", T::NS, Class::NONE, 0, ns1),
        change("example.", T::NS, Class::IN, 60, ns2),
        change("example.", T::NS, Class::NONE, 0, ns1),
        change("example.", T::NS, Class::NONE, 0, ns2),
    ]);
    let left = swapped.unwrap().unwrap().get(&name("example."), T::NS).unwrap().data().to_vec();
    assert_eq!(left, [RData::ns(&name("ns2.example."))]);
    // The same beside a change that is refused: nothing at all is done.
    for (entry, code) in [
        (change("example.net.", T::A, Class::IN, 5, A9), Rcode::NOTZONE),
        (needs("no.example.", T::A, Class::ANY, b""), Rcode::NXRRSET),
        (needs("www.example.", T::A, Class::NONE, b""), Rcode::YXRRSET),
        (needs("example.net.", T::A, Class::ANY, b""), Rcode::NOTZONE),
    ] {
        let mut all = vec![entry];
        all.extend(mixed.clone());
        assert_eq!(run(&all), Err(code));
    }
}

#[test]
fn what_breaks_the_form_changes_nothing() {
    use RecordType as T;
    let good = change("new.example.", T::A, Class::IN, 5, A9);
    let table: &[(Entry, Rcode)] = &[
        (change("example.net.", T::A, Class::IN, 5, A9), Rcode::NOTZONE),
        (change("a.example.", T::A, Class::CH, 5, A9), Rcode::FORMERR),
        (change("a.example.", T::A, Class::IN, 5, b"abc"), Rcode::FORMERR),
        (change("a.example.", T::ANY, Class::IN, 5, b""), Rcode::FORMERR),
        (change("a.example.", T::AXFR, Class::ANY, 0, b""), Rcode::FORMERR),
        (change("a.example.", T::A, Class::ANY, 1, b""), Rcode::FORMERR),
        (change("a.example.", T::A, Class::ANY, 0, A9), Rcode::FORMERR),
        (change("a.example.", T::ANY, Class::NONE, 0, b""), Rcode::FORMERR),
        (change("a.example.", T::A, Class::NONE, 1, A9), Rcode::FORMERR),
        (change("ns1.example.", T::A, Class::IN, 5, A9), Rcode::REFUSED),
        (change("ns1.example.", T::ANY, Class::ANY, 0, b""), Rcode::REFUSED),
        (change("example.", T::DNSKEY, Class::ANY, 0, b""), Rcode::REFUSED),
        (change("example.", T::CDS, Class::IN, 0, b"\0\0\0\0\0"), Rcode::REFUSED),
        (change("www.example.", T::RRSIG, Class::ANY, 0, b""), Rcode::REFUSED),
    ];
    for (entry, code) in table {
        assert_eq!(run(&[good.clone(), entry.clone()]), Err(*code), "{entry:?}");
    }
    let whole = message(std::slice::from_ref(&good));
    for cut in 0..whole.len() {
        assert_eq!(Update::parse(&whole[..cut]), Err(Rcode::FORMERR), "cut at {cut}");
    }
    let bent = |at: usize, value: u8| {
        let mut message = whole.clone();
        message[at] = value;
        Update::parse(&message).err()
    };
    assert_eq!(bent(5, 0), Some(Rcode::FORMERR), "no zone");
    assert_eq!(bent(5, 2), Some(Rcode::FORMERR), "two zones");
    // With a second entry that is whole, and with none at all.
    let question = b"\x07example\0\0\x06\0\x01";
    let header = |zones: u8| [0, 7, 0x28, 0, 0, zones, 0, 0, 0, 0, 0, 0];
    let two = [&header(2)[..], question, question].concat();
    assert_eq!(Update::parse(&two), Err(Rcode::FORMERR), "two zones");
    assert_eq!(Update::parse(&header(0)), Err(Rcode::FORMERR), "no zone");
    assert!(Update::parse(&[&header(1)[..], question].concat()).is_ok());
    assert_eq!(bent(12 + 9 + 1, 1), Some(Rcode::FORMERR), "a zone of type A");
    assert_eq!(bent(12 + 9 + 3, 3), Some(Rcode::NOTAUTH), "class CH");
    let elsewhere = Update::parse(&whole).unwrap().check(&ZoneData::new(name("other.")), |_, _| None);
    assert_eq!(elsewhere, Err(Refusal::Code(Rcode::NOTAUTH)));
}

#[test]
fn too_many_records_are_refused() {
    let entry = change("a.example.", RecordType::A, Class::ANY, 0, b"");
    let at = |count: usize| {
        let mut writer =
            MessageWriter::new(Vec::new(), 7, Flags::default().with_opcode(Opcode::UPDATE), 65_535);
        writer
            .question(&Question { name: name("example."), rtype: RecordType::SOA, class: Class::IN })
            .unwrap();
        for _ in 0..count {
            writer.raw(entry.0, &name(entry.1), (entry.2, entry.3, entry.4), &entry.5).unwrap();
        }
        Update::parse(&writer.finish()).map(|update| update.changes().len())
    };
    assert_eq!(at(RECORDS_MAX), Ok(RECORDS_MAX));
    assert_eq!(at(RECORDS_MAX + 1), Err(Rcode::REFUSED));
}

proptest! {
    #[test]
    fn whatever_comes_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), counts in any::<[u8; 3]>()) {
        let mut message = vec![0, 7, 0x28, 0, 0, 1, 0, counts[0] % 4, 0, counts[1] % 4, 0, counts[2] % 4];
        message.extend(b"\x07example\0\0\x06\0\x01");
        message.extend(bytes);
        if let Ok(update) = Update::parse(&message) {
            let mut zone = zone();
            if update.check(&zone, |_, _| None).is_ok() {
                update.apply(&mut zone);
                prop_assert!(zone.soa().is_some() && zone.get(&name("example."), RecordType::NS).is_some());
            }
        }
    }
}
