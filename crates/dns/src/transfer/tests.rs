use super::*;
use crate::code::Ttl;
use crate::rdata::RData;
use crate::tsig::{Algorithm, Key, Signer, check_request};
use crate::zone::{ZoneData, ZoneDiff};
use proptest::prelude::*;
use std::time::Duration;
use wire::Now;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn soa_fields(serial: u32) -> Soa {
    Soa {
        mname: name("ns1.example."),
        rname: name("root.example."),
        serial: Serial(serial),
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: 300,
    }
}

fn soa(serial: u32) -> Record {
    Record::new(name("example."), Ttl::new(3600).unwrap(), soa_fields(serial).to_rdata())
}

fn host(label: &str, last: u8) -> Record {
    let data = RData::a([192, 0, 2, last].into());
    Record::new(name(&format!("{label}.example.")), Ttl::new(60).unwrap(), data)
}

fn zone(serial: u32, hosts: &[(String, u8)]) -> ZoneData {
    let mut zone = ZoneData::new(name("example."));
    zone.insert(soa(serial)).unwrap();
    zone.insert(Record::new(name("example."), Ttl::ZERO, RData::ns(&name("ns1.example.")))).unwrap();
    for (label, last) in hosts {
        zone.insert(host(label, *last)).unwrap();
    }
    zone
}

fn others(zone: &ZoneData) -> impl Iterator<Item = Record> {
    zone.records().filter(|record| record.rtype() != RecordType::SOA)
}

fn request(wanted: Wanted) -> TransferRequest {
    let have = match wanted {
        Wanted::Whole => None,
        Wanted::Since(serial) => Some(soa(serial.0)),
    };
    let message = TransferRequest::message(9, &name("example."), have.as_ref());
    let parsed = TransferRequest::parse(&message).unwrap();
    assert_eq!((parsed.id, parsed.wanted), (9, wanted));
    for cut in 0..message.len() {
        assert_eq!(TransferRequest::parse(&message[..cut]), Err(Rcode::FORMERR));
    }
    parsed
}

fn incoming(wanted: Wanted) -> Incoming {
    Incoming::new(9, name("example."), wanted, IncomingLimits::default())
}

/// Sends records, each in a message of its own where `single`, and reads them.
fn carry(wanted: Wanted, records: Vec<Record>, single: bool) -> Result<Progress, TransferFault> {
    let pieces: Vec<Vec<Record>> = match single {
        true => records.into_iter().map(|record| vec![record]).collect(),
        false => vec![records],
    };
    let mut incoming = incoming(wanted);
    let mut last = Progress::More;
    for piece in pieces {
        for message in Messages::new(request(wanted), piece.into_iter(), None, || 0) {
            last = incoming.message(&message)?;
        }
    }
    Ok(last)
}

#[test]
fn a_whole_zone_arrives_in_however_many_messages() {
    let hosts: Vec<(String, u8)> = (0..3000u32).map(|n| (format!("host-{n}"), (n % 250) as u8)).collect();
    let sent = zone(5, &hosts);
    for wanted in [Wanted::Whole, Wanted::Since(Serial(4))] {
        let messages: Vec<Vec<u8>> =
            Messages::new(request(wanted), whole_records(soa(5), others(&sent)), None, || 0).collect();
        assert!(messages.len() > 3);
        assert!(messages.iter().all(|message| message.len() <= TRANSFER_MESSAGE_LEN_BYTES));
        let mut incoming = incoming(wanted);
        let (last, first) = messages.split_last().unwrap();
        for message in first {
            assert_eq!(incoming.message(message), Ok(Progress::More));
        }
        let Progress::Done(Received::Whole(records)) = incoming.message(last).unwrap() else { panic!() };
        assert_eq!(ZoneData::from_records(name("example."), records).unwrap(), sent);
        assert!(incoming.message(last).is_err(), "nothing may follow");
    }
}

#[test]
fn every_message_is_signed_and_the_chain_holds() {
    let key = Key::new(b"\x03key\0", Algorithm::Sha256, &[1; 32]).unwrap();
    let mut asked = TransferRequest::message(9, &name("example."), None);
    let mut client = Signer::requesting(key.clone());
    client.sign(1000, &mut asked);
    let checked = check_request(&asked, 1000, |_| Some(key.clone())).unwrap().unwrap();
    let hosts: Vec<(String, u8)> = (0..2000u32).map(|n| (format!("host-{n}"), 1)).collect();
    let sent = zone(5, &hosts);
    let records = whole_records(soa(5), others(&sent));
    let mut verifier = client.verifier();
    let mut count = 0;
    for message in Messages::new(request(Wanted::Whole), records, checked.signer(), || 1000) {
        assert!(message.len() <= TRANSFER_MESSAGE_LEN_BYTES);
        assert!(verifier.check(&message, 1000).is_ok());
        assert!(verifier.is_settled());
        count += 1;
    }
    assert!(count > 2);
}

#[test]
fn nothing_new_is_one_soa_record() {
    for serial in [3, 5] {
        let got = carry(Wanted::Since(Serial(5)), steps_records(soa(serial), Vec::new()).collect(), false);
        assert_eq!(got, Ok(Progress::Done(Received::UpToDate(Serial(serial)))));
    }
    // One SOA record that is newer, alone: the rest is to come.
    let got = carry(Wanted::Since(Serial(5)), vec![soa(6)], false);
    assert_eq!(got, Ok(Progress::More));
}

#[test]
fn what_is_no_transfer_is_given_up() {
    let (one, two) = (host("a", 1), host("b", 2));
    let outside = Record { owner: name("example.net."), ..one.clone() };
    let below = Record { owner: name("a.example."), ..soa(5) };
    let chaos = Record { class: Class::CH, ..one.clone() };
    let hashed = Record::new(
        name("not-a-hash.example."),
        Ttl::ZERO,
        RData::from_wire(RecordType::NSEC3, b"\x01\0\0\0\0\x14aaaaaaaaaaaaaaaaaaaa").unwrap(),
    );
    let text = |byte| {
        let data = RData::from_wire(RecordType::TXT, &[&[250][..], &[byte; 250]].concat()).unwrap();
        Record::new(name("t.example."), Ttl::ZERO, data)
    };
    let large: Vec<Record> = (0..=255).map(text).collect();
    let table: Vec<(&str, Vec<Record>)> = vec![
        ("no SOA record first", vec![one.clone(), soa(5), two.clone(), soa(5)]),
        ("an SOA record in the middle", vec![soa(5), one.clone(), soa(4), two.clone(), soa(5)]),
        ("another serial at the end", vec![soa(5), one.clone(), soa(6)]),
        ("records behind the end", vec![soa(5), one.clone(), soa(5), two.clone()]),
        ("outside", vec![soa(5), one.clone(), outside, soa(5)]),
        ("an SOA record below", vec![soa(5), one.clone(), below, soa(5)]),
        ("class CH", vec![soa(5), one.clone(), chaos, soa(5)]),
        ("no hash", vec![soa(5), one.clone(), hashed, soa(5)]),
        ("a set of 64 KiB", [vec![soa(5), one.clone()], large, vec![soa(5)]].concat()),
    ];
    for (what, records) in table {
        for single in [false, true] {
            let got = carry(Wanted::Whole, records.clone(), single);
            assert!(got.is_err(), "{what}: {got:?}");
        }
    }
    for (what, records) in [
        ("steps from elsewhere", vec![soa(7), soa(3), one.clone(), soa(7), two.clone(), soa(7)]),
        ("steps backwards", vec![soa(7), soa(5), one.clone(), soa(4), two.clone(), soa(7)]),
        ("steps that do not join", vec![soa(9), soa(5), one, soa(6), two, soa(7), soa(9), soa(9)]),
    ] {
        let got = carry(Wanted::Since(Serial(5)), records, false);
        assert!(matches!(got, Err(TransferFault::Order(_))), "{what}: {got:?}");
    }
}

/// Among thousands of good records, in one message or many, whole or as a difference: a record that may not be there ends
/// all of it, and says why.
#[test]
fn one_bad_record_among_thousands_ends_a_transfer() {
    let nsec3 = |owner: &str| {
        let data =
            RData::from_wire(RecordType::NSEC3, b"\x01\0\0\0\0\x14aaaaaaaaaaaaaaaaaaaa\0\x01\x40").unwrap();
        Record::new(name(owner), Ttl::ZERO, data)
    };
    let hash = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";
    let good: Vec<Record> = (0..3000u32).map(|n| host(&format!("host-{n}"), 1)).collect();
    let carry_with = |wanted: Wanted, bad: Vec<Record>| {
        let middle = [&good[..1500], &bad, &good[1500..]].concat();
        let all = match wanted {
            Wanted::Whole => [vec![soa(5)], middle, vec![soa(5)]].concat(),
            Wanted::Since(have) => [vec![soa(5), soa(have.0), soa(5)], middle, vec![soa(5)]].concat(),
        };
        carry(wanted, all, false)
    };
    for wanted in [Wanted::Whole, Wanted::Since(Serial(4))] {
        assert!(matches!(
            carry_with(wanted, vec![nsec3(&format!("{hash}.example."))]),
            Ok(Progress::Done(_))
        ));
        for label in [&hash[1..], "2t7b4g4vsa5smi47k61mv5bv1a22bojw", "a.b", "*", "0", &format!("{hash}a")] {
            let got = carry_with(wanted, vec![nsec3(&format!("{label}.example."))]);
            assert!(
                matches!(got, Err(TransferFault::Record("an NSEC3 record whose name is no hash", _))),
                "{label}"
            );
        }
    }
    // 64 Ki records of one set, none of them large.
    let many = |count: u32| -> Vec<Record> {
        let record = |n: u32| Record::new(name("many.example."), Ttl::ZERO, RData::a(n.to_be_bytes().into()));
        (0..count).map(record).collect()
    };
    let fits = u32::try_from(IncomingLimits::default().set_max_bytes / (4 + RECORD_BYTES)).unwrap();
    assert!(matches!(carry_with(Wanted::Whole, many(fits)), Ok(Progress::Done(_))));
    for count in [fits + 1, 65_535, 65_536, 65_537] {
        let got = carry_with(Wanted::Whole, many(count));
        assert!(matches!(got, Err(TransferFault::Record("a set too large to be answered", _))), "{count}");
    }
}

/// Beside its data, what a record takes in an answer.
const RECORD_BYTES: usize = 12;

/// Data that break the rules of their type, as bytes (RFC 9460 §2.2): the message is not read.
#[test]
fn services_against_the_rules_are_not_transferred() {
    let message = |data: &[u8]| {
        let mut writer = MessageWriter::new(Vec::new(), 9, Flags::QR.with(Flags::AA), 4096);
        let question = Question { name: name("example."), rtype: RecordType::AXFR, class: Class::IN };
        writer.question(&question).unwrap();
        writer.record(Section::Answer, &soa(5)).unwrap();
        let owner = name("svc.example.");
        writer.raw(Section::Answer, &owner, (RecordType::SVCB, Class::IN, 60), data).unwrap();
        writer.record(Section::Answer, &soa(5)).unwrap();
        incoming(Wanted::Whole).message(&writer.finish())
    };
    let mandatory_alpn = b"\0\x01\0\0\0\0\x02\0\x01\0\x01\0\x03\x02h2";
    assert!(matches!(message(mandatory_alpn), Ok(Progress::Done(_))));
    for (what, data) in [
        ("keys out of order", &b"\0\x01\0\0\x04\0\x04\xc0\0\x02\x01\0\x01\0\x03\x02h2"[..]),
        ("a key twice", b"\0\x01\0\0\x03\0\x02\x01\xbb\0\x03\0\x02\x01\xbb"),
        ("mandatory names itself", b"\0\x01\0\0\0\0\x02\0\0"),
        ("mandatory names what is not there", b"\0\x01\0\0\0\0\x02\0\x01"),
        ("an empty alpn", b"\0\x01\0\0\x01\0\0"),
        ("an empty name in alpn", b"\0\x01\0\0\x01\0\x01\0"),
        ("a length past the end", b"\0\x01\0\0\x01\0\x09\x02h2"),
        ("no name", b"\0\x01"),
    ] {
        let got = message(data);
        assert!(matches!(got, Err(TransferFault::Unreadable(_))), "{what}: {got:?}");
    }
}

#[test]
fn what_is_not_the_answer_is_given_up() {
    let message = Messages::new(
        request(Wanted::Whole),
        whole_records(soa(5), std::iter::once(host("a", 1))),
        None,
        || 0,
    )
    .next()
    .unwrap();
    let bent = |at: usize, value: u8| {
        let mut message = message.clone();
        message[at] = value;
        incoming(Wanted::Whole).message(&message)
    };
    assert_eq!(bent(1, 8), Err(TransferFault::NotTheAnswer), "another id");
    assert_eq!(bent(2, 0), Err(TransferFault::NotTheAnswer), "no answer");
    assert_eq!(bent(2, 0x86), Err(TransferFault::NotTheAnswer), "cut");
    assert_eq!(bent(3, 5), Err(TransferFault::Refused(Rcode::REFUSED)));
    assert_eq!(bent(13, b'f'), Err(TransferFault::NotTheAnswer), "another zone");
    let limits = IncomingLimits { records_max: 2, ..IncomingLimits::default() };
    let mut few = Incoming::new(9, name("example."), Wanted::Whole, limits);
    assert_eq!(few.message(&message), Err(TransferFault::TooMuch("records")));
    for cut in 0..message.len() {
        assert!(incoming(Wanted::Whole).message(&message[..cut]).is_err());
    }
}

#[test]
fn a_soa_query_is_answered_by_a_serial() {
    let zone = name("example.");
    let query = soa_query(4, &zone);
    assert_eq!(soa_answer(&query, 4, &zone), None);
    let mut writer = MessageWriter::new(Vec::new(), 4, Flags::QR.with(Flags::AA), 512);
    writer.question(&Question { name: zone.clone(), rtype: RecordType::SOA, class: Class::IN }).unwrap();
    writer.record(Section::Answer, &soa(77)).unwrap();
    let answer = writer.finish();
    assert_eq!(soa_answer(&answer, 4, &zone), Some(Serial(77)));
    assert_eq!(soa_answer(&answer, 5, &zone), None);
    assert_eq!(soa_answer(&answer, 4, &name("other.")), None);
    for cut in 0..answer.len() {
        assert_eq!(soa_answer(&answer[..cut], 4, &zone), None);
    }
}

#[test]
fn an_ixfr_without_its_soa_record_is_malformed() {
    let mut writer = MessageWriter::new(Vec::new(), 4, Flags::default(), 512);
    writer.question(&Question { name: name("example."), rtype: RecordType::IXFR, class: Class::IN }).unwrap();
    assert_eq!(TransferRequest::parse(&writer.finish()), Err(Rcode::FORMERR));
}

fn at(seconds: u64) -> Now {
    Now::from_millis(seconds * 1000)
}

#[test]
fn a_secondary_looks_when_the_soa_record_says() {
    let mut refresh = Refresh::new(at(0), RefreshLimits::default());
    assert!(refresh.is_expired(at(0)) && refresh.begin(at(0)));
    assert!(!refresh.begin(at(0)), "one look at a time");
    refresh.failed(at(0));
    assert_eq!(refresh.next(), at(10));
    assert!(!refresh.begin(at(9)) && refresh.begin(at(10)));
    refresh.found(at(10), &soa_fields(1));
    assert_eq!(refresh.next(), at(3610));
    assert!(refresh.begin(at(3610)));
    refresh.failed(at(3610));
    assert_eq!(refresh.next(), at(4210), "the retry timer");
    // Expiry counts from when it was last heard.
    assert!(!refresh.is_expired(at(10 + 86_399)) && refresh.is_expired(at(10 + 86_400)));
    assert_eq!(refresh.expires(), Some(at(86_410)));
}

#[test]
fn a_notification_makes_it_look_at_once_and_once_more_at_most() {
    let mut refresh = Refresh::new(at(0), RefreshLimits::default());
    assert!(refresh.begin(at(0)));
    refresh.found(at(0), &soa_fields(1));
    refresh.notified(at(5));
    assert!(refresh.begin(at(5)));
    (0..1000).for_each(|_| refresh.notified(at(5)));
    refresh.found(at(5), &soa_fields(1));
    assert!(!refresh.begin(at(9)) && refresh.begin(at(10)));
    refresh.found(at(10), &soa_fields(1));
    assert_eq!(refresh.next(), at(3610), "and then by the timers");
}

#[test]
fn silly_timers_are_bounded() {
    let silly = Soa { refresh: 0, retry: 0, expire: 0, ..soa_fields(1) };
    let mut refresh = Refresh::resume(at(1000), RefreshLimits::default(), &silly, Duration::from_secs(1));
    assert!(refresh.is_expired(at(1000)));
    assert!(refresh.begin(at(1000)));
    refresh.found(at(1000), &silly);
    assert_eq!(refresh.next(), at(1005));
    refresh.begin(at(1005));
    refresh.found(at(1005), &Soa { refresh: u32::MAX, ..silly });
    assert_eq!(refresh.next(), at(1005 + 86_400));
}

#[test]
fn a_start_does_not_give_an_old_zone_new_time() {
    let soa = soa_fields(1);
    let limits = RefreshLimits::default();
    // The clock began a second ago; the primary was heard of 23 hours before.
    let fresh = Refresh::resume(at(1), limits, &soa, Duration::from_hours(23));
    assert!(!fresh.is_expired(at(3600)) && fresh.is_expired(at(3601)));
    assert!(Refresh::resume(at(1), limits, &soa, Duration::from_hours(25)).is_expired(at(1)));
}

type Hosts = Vec<(String, u8)>;

proptest! {
    #[test]
    fn steps_lead_from_any_version_to_any_other(versions in proptest::collection::vec(proptest::collection::vec(("[a-c]", 0u8..4), 0..6), 2..5), single in any::<bool>()) {
        let versions: Vec<ZoneData> = versions.iter().enumerate()
            .map(|(serial, hosts): (usize, &Hosts)| zone(serial as u32 + 1, hosts)).collect();
        let steps: Vec<ZoneDiff> = versions.windows(2).map(|two| ZoneDiff::between(&two[0], &two[1]).unwrap()).collect();
        let last = versions.last().unwrap();
        let records: Vec<Record> = steps_records(soa(versions.len() as u32), steps.clone()).collect();
        let Ok(Progress::Done(Received::Steps(got))) = carry(Wanted::Since(Serial(1)), records, single) else { panic!() };
        let mut mine = versions[0].clone();
        for step in &got {
            step.apply(&mut mine).unwrap();
        }
        prop_assert_eq!(&got, &steps);
        prop_assert_eq!(&mine, last);
    }

    #[test]
    fn whatever_comes_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), wanted in any::<bool>()) {
        let mut message = vec![0, 9, 0x84, 0, 0, 0, 0, 3, 0, 0, 0, 0];
        message.extend(bytes);
        let wanted = if wanted { Wanted::Whole } else { Wanted::Since(Serial(1)) };
        let _ = incoming(wanted).message(&message);
        let _ = TransferRequest::parse(&message);
    }
}
