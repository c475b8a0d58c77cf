//! Answers: whatever zone and query, the answer is a message that fits, or there is none.
#![no_main]

use dns::catalogue::Catalogue;
use dns::{
    CompiledZone, Context, Flags, MessageReader, MessageWriter, Name, Outcome, Question, RData, Record, RecordType, Section,
    Transport, Ttl, ZoneData, answer,
};
use libfuzzer_sys::fuzz_target;

/// A name below the zone: few labels, so that names meet.
fn name(bits: u16) -> Name {
    const LABELS: [&[u8]; 8] = [b"", b"a", b"b", b"*", b"C", b"_x", b"", b"a-label-that-is-rather-long-so-that-messages-fill"];
    let apex: Name = "zone.".parse().expect("a name");
    let labels = [bits & 7, bits >> 3 & 7, bits >> 6 & 7].map(|at| LABELS[usize::from(at)]);
    labels.iter().filter(|label| !label.is_empty()).fold(apex, |name, label| name.prepend(label).expect("short"))
}

fn data(kind: u8, target: u16, number: u8) -> Option<RData> {
    let target = name(target);
    Some(match kind % 12 {
        0 | 1 => RData::a([192, 0, 2, number].into()),
        2 => RData::txt(&vec![number; usize::from(number)]).ok()?,
        3 => RData::cname(&target),
        4 => RData::ns(&target),
        5 => RData::mx(u16::from(number), &target),
        6 => RData::from_wire(RecordType::DNAME, target.as_wire()).ok()?,
        7 => RData::parse(RecordType::DS, "1 13 9 00", None).ok()?,
        8 => RData::srv(0, 0, u16::from(number), &target),
        9 => RData::parse(RecordType::NSEC, &format!("{target} A"), None).ok()?,
        10 => RData::parse(RecordType::HTTPS, &format!("{} {target}", number % 2), None).ok()?,
        _ => RData::parse(RecordType::RRSIG, &format!("A 13 1 1 1 1 {number} zone. AAEC"), None).ok()?,
    })
}

fuzz_target!(|input: (Vec<(u16, u8, u16, u8)>, Vec<(u16, u16, bool)>, Vec<u8>, u8)| {
    let (records, questions, raw, transport) = input;
    let apex: Name = "zone.".parse().expect("a name");
    let mut zone = ZoneData::new(apex.clone());
    let soa = RData::parse(RecordType::SOA, "a b 1 2 3 4 60", Some(&apex)).expect("good data");
    zone.insert(Record::new(apex.clone(), Ttl::ZERO, soa)).expect("of the zone");
    for (owner, kind, target, number) in records {
        if let Some(data) = data(kind, target, number) {
            zone.insert(Record::new(name(owner), Ttl::ZERO, data)).expect("of the zone");
        }
    }
    let zones = Catalogue::new().with_zone(CompiledZone::new(&zone).expect("an SOA record"));
    let transport = [Transport::Udp, Transport::Tcp, Transport::Tls][usize::from(transport % 3)];
    let context = Context { nsid: b"x", keepalive_tenths: Some(1), ..Context::new(transport) };
    let mut out = vec![0; 65_535];
    for (at, rtype, dnssec) in questions {
        let mut writer = MessageWriter::new(Vec::new(), 7, Flags(0), 512);
        let question = Question { name: name(at), rtype: RecordType(rtype % 300), class: dns::Class::IN };
        writer.question(&question).expect("room");
        if dnssec {
            writer.raw(Section::Additional, &Name::root(), (RecordType::OPT, dns::Class(900), 0x8000), b"").expect("room");
        }
        check(&writer.finish(), &context, &zones, &mut out);
    }
    check(&raw, &context, &zones, &mut out);
});

fn check(query: &[u8], context: &Context<'_>, zones: &Catalogue, out: &mut [u8]) {
    let Outcome::Reply(reply) = answer(query, context, zones, out) else { return };
    let message = &out[..reply.len];
    assert!(context.transport != Transport::Udp || reply.len <= 1232);
    assert_eq!(message[..2], query[..2]);
    MessageReader::new(message).expect("a header").finish().expect("a good message");
    let len = dns::answer::truncate(out, &reply);
    MessageReader::new(&out[..len]).expect("a header").finish().expect("a good message");
}
