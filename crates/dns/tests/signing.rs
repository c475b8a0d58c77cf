//! Signing zones: what the signer makes must satisfy the check, which shares next to nothing with it, and
//! whatever is changed afterwards must not.
#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use dns::dnssec::check::{check_signed, check_zone};
use dns::dnssec::sign::{Signed, SigningPolicy, first_expiry, is_expired, sign_zone};
use dns::dnssec::{Denial, DigestType, Ds, SigningPlan};
use dns::roll::Observed;
use dns::roll::keyset::Layout;
use dns::time::Timestamp;
use dns::{Name, RData, Record, RecordType, Serial, Ttl, ZoneData};
use proptest::prelude::*;
use toy::{DATE, Toy, signed, signed_keys};

#[path = "shared/toy.rs"]
mod toy;

const DAY: u32 = 86_400;

fn at(days: u32) -> Timestamp {
    DATE + days * DAY
}

fn zone(apex: &str, lines: &[(&str, u32, RData)]) -> ZoneData {
    let apex: Name = apex.parse().unwrap();
    let record = |(owner, ttl, data): &(&str, u32, RData)| {
        let owner = Name::parse(owner.as_bytes(), Some(&apex)).unwrap();
        Record::new(owner, Ttl::from_wire(*ttl), data.clone())
    };
    ZoneData::from_records(apex.clone(), lines.iter().map(record)).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn soa() -> RData {
    let mut wire = name("ns.Example.").as_wire().to_vec();
    wire.extend(name("hostmaster.example.").as_wire());
    for number in [7u32, 3600, 600, 604_800, 1800] {
        wire.extend(number.to_be_bytes());
    }
    RData::from_wire(RecordType::SOA, &wire).unwrap()
}

fn ds() -> RData {
    let mut wire = vec![1, 2, 13, 2];
    wire.extend([7; 32]);
    RData::from_wire(RecordType::DS, &wire).unwrap()
}

fn a(last: u8) -> RData {
    RData::a([192, 0, 2, last].into())
}

fn example() -> ZoneData {
    let dname = RData::from_wire(RecordType::DNAME, name("elsewhere.").as_wire()).unwrap();
    zone(
        "Example.",
        &[
            ("@", 3600, soa()),
            ("@", 86_400, RData::ns(&name("ns.example."))),
            ("@", 600, RData::mx(10, &name("Mail.Example."))),
            ("ns", 3600, a(1)),
            ("mail", 3600, a(2)),
            ("mail", 300, RData::txt(b"v=spf1 a -all").unwrap()),
            ("*.wild", 60, a(3)),
            ("a.deep.empty.one", 60, a(4)),
            ("secure", 3600, RData::ns(&name("ns.secure.example."))),
            ("secure", 3600, ds()),
            ("ns.secure", 3600, a(5)),
            ("insecure", 3600, RData::ns(&name("ns.insecure.example."))),
            ("ns.insecure", 3600, a(6)),
            ("below.insecure", 3600, RData::txt(b"hidden").unwrap()),
            ("far.away.insecure2", 3600, RData::ns(&name("ns.elsewhere."))),
            ("d", 3600, dname),
            ("x.d", 3600, a(7)),
            ("*.*.star", 60, a(8)),
        ],
    )
}

fn sign(zone: &ZoneData, previous: Option<&ZoneData>, policy: &SigningPolicy, now: Timestamp) -> Signed {
    let (keys, roll) = signed_keys(Layout::Split, DATE);
    let plan = SigningPlan::new(zone.apex(), &keys, &roll);
    sign_zone(zone, previous, &plan, policy, (Serial(8), now), &Toy).unwrap()
}

fn policies() -> impl Iterator<Item = SigningPolicy> {
    [Denial::Nsec, Denial::Nsec3, Denial::Nsec3OptOut].into_iter().flat_map(|denial| {
        [false, true].map(|zonemd| SigningPolicy { denial, zonemd, ..SigningPolicy::default() })
    })
}

#[test]
fn every_kind_of_name_is_signed_as_it_must_be() {
    for policy in policies() {
        let signed = sign(&example(), None, &policy, at(0)).zone;
        assert_eq!(check_zone(&signed, at(1), &Toy, None), Ok(()), "{:?}", policy.denial);
        assert_eq!(signed.serial(), Some(Serial(8)));
        for (owner, expected) in [
            ("ns.secure.example.", false),
            ("insecure.example.", false),
            ("x.d.example.", false),
            ("secure.example.", true),
        ] {
            let nsec = policy.denial == Denial::Nsec;
            let expected = expected || (nsec && owner == "insecure.example.");
            assert_eq!(signed.get(&name(owner), RecordType::RRSIG).is_some(), expected, "{owner}");
        }
        let types =
            |owner: &str| signed.get(&name(owner), RecordType::NSEC).map(|set| set.data()[0].to_string());
        if policy.denial == Denial::Nsec {
            assert_eq!(types("insecure.example.").unwrap(), "far.away.insecure2.Example. NS RRSIG NSEC");
            assert_eq!(types("secure.example.").unwrap(), "*.*.star.Example. NS DS RRSIG NSEC");
            assert_eq!(types("*.wild.example.").unwrap(), "Example. A RRSIG NSEC");
        }
    }
}

#[test]
fn nsec3_has_a_record_for_each_name_and_gap_and_no_more() {
    let count = |denial| {
        let policy = SigningPolicy { denial, ..SigningPolicy::default() };
        let signed = sign(&example(), None, &policy, at(0)).zone;
        signed.nodes().filter(|(_, node)| node.has(RecordType::NSEC3)).count()
    };
    // example ns mail *.wild wild a.deep.empty.one deep.empty.one empty.one one secure insecure
    // far.away.insecure2 away.insecure2 insecure2 d *.*.star *.star star
    assert_eq!(count(Denial::Nsec3), 18);
    // Without insecure, and without insecure2 and what is below.
    assert_eq!(count(Denial::Nsec3OptOut), 14);
}

#[test]
fn the_key_set_and_what_asks_for_a_ds_are_signed_by_the_right_keys() {
    let (mut keys, roll) = signed_keys(Layout::Split, DATE);
    let observed = |seconds| Observed {
        at: at(0) + seconds,
        our_serial: 1,
        every_server_shows: Some(1),
        ..Observed::default()
    };
    keys.served(keys.publication(&roll).revision, 1);
    for hours in [0, 1, 50] {
        (keys, _) = keys.step(at(0) + hours * 3600, &observed(hours * 3600), &roll);
    }
    assert_eq!(keys.summary(), "signed; the parent has no DS yet");
    let plan = SigningPlan::new(&name("example."), &keys, &roll);
    let signed =
        sign_zone(&example(), None, &plan, &SigningPolicy::default(), (Serial(9), at(3)), &Toy).unwrap();
    let apex = signed.zone.node(&name("example.")).unwrap();
    let top = keys.key(keys.current().unwrap().top).unwrap().dnskey().unwrap();
    let signatures = apex.get(RecordType::RRSIG).unwrap().data();
    let by_top = |rtype: RecordType| {
        let tags = signatures.iter().map(RData::as_wire).filter(|wire| wire[..2] == rtype.0.to_be_bytes());
        tags.filter(|wire| wire[16..18] == top.key_tag().to_be_bytes()).count()
    };
    for (rtype, expected) in [
        (RecordType::DNSKEY, 1),
        (RecordType::CDS, 1),
        (RecordType::CDNSKEY, 1),
        (RecordType::SOA, 0),
        (RecordType::MX, 0),
    ] {
        assert_eq!(by_top(rtype), expected, "{rtype}");
    }
    let trust = Ds::of(&name("example."), &top, DigestType::SHA256).unwrap();
    assert_eq!(keys.wanted_ds_text(&name("example.")), [format!("example. IN DS {trust}")]);
    assert_eq!(check_zone(&signed.zone, at(3), &Toy, Some(std::slice::from_ref(&trust))), Ok(()));
    let foreign = Ds { key_tag: trust.key_tag ^ 1, ..trust };
    assert!(check_zone(&signed.zone, at(3), &Toy, Some(&[foreign])).is_err());
}

#[test]
fn a_single_key_signs_the_whole_zone_and_is_trusted_by_its_ds() {
    for denial in [Denial::Nsec, Denial::Nsec3, Denial::Nsec3OptOut] {
        let (signed, trust) = signed(&example(), denial, at(0));
        assert_eq!(check_zone(&signed, at(1), &Toy, Some(&[trust])), Ok(()), "{denial:?}");
    }
}

#[test]
fn signatures_are_made_again_in_time_and_not_all_at_once() {
    let policy = SigningPolicy::default();
    let mut now = at(0);
    let mut version = sign(&example(), None, &policy, now);
    let whole = version.made;
    let mut made_at_once = Vec::new();
    while now < at(60) {
        let due = version.next_due.unwrap();
        assert!(due > now, "{due} is not after {now}");
        now = due;
        version = sign(&example(), Some(&version.zone), &policy, now);
        assert!(version.made > 0, "nothing was due at {now}");
        assert_eq!(version.made + version.kept, whole);
        made_at_once.push(version.made);
        assert_eq!(check_zone(&version.zone, now, &Toy, None), Ok(()));
        let left = first_expiry(&version.zone, now).unwrap().seconds_since(now);
        assert!(left >= u64::from(7 * DAY - 3600), "{left} seconds are left");
    }
    let most = made_at_once.iter().skip(5).max().unwrap();
    assert!(*most < whole / 2, "{most} of {whole} signatures at once");
}

#[test]
fn a_change_costs_the_signatures_of_what_changed() {
    let policy = SigningPolicy::default();
    let before = sign(&example(), None, &policy, at(0)).zone;
    let (keys, roll) = signed_keys(Layout::Split, DATE);
    let plan = SigningPlan::new(&name("example."), &keys, &roll);
    let again = |zone: &ZoneData, serial| {
        sign_zone(zone, Some(&before), &plan, &policy, (Serial(serial), at(1)), &Toy).unwrap()
    };
    assert_eq!(again(&example(), 8).made, 0);
    // The SOA only.
    assert_eq!(again(&example(), 9).made, 1);
    let mut changed = example();
    changed.insert(Record::new(name("mail.example."), Ttl::from_wire(3600), a(99))).unwrap();
    assert_eq!(again(&changed, 9).made, 2);
    // A new name: its set, its NSEC, that of the name before it, the SOA.
    changed.insert(Record::new(name("mail2.example."), Ttl::from_wire(3600), a(98))).unwrap();
    let signed = again(&changed, 9);
    assert_eq!(signed.made, 5);
    assert_eq!(check_zone(&signed.zone, at(1), &Toy, None), Ok(()));
}

#[test]
fn what_is_past_its_end_is_told() {
    let signed = sign(&example(), None, &SigningPolicy::default(), at(0)).zone;
    assert!(!is_expired(&signed, at(13)) && is_expired(&signed, at(14)) && is_expired(&signed, at(400)));
    assert!(!is_expired(&example(), at(400)));
    assert!(check_zone(&signed, at(14), &Toy, None).is_err());
    // A clock that was ahead and came back: what begins later is made anew.
    let again = sign(&example(), Some(&signed), &SigningPolicy::default(), at(0).minus(DAY));
    assert_eq!(again.kept, 0);
}

#[test]
fn an_unsigned_zone_stays_as_it_is() {
    let plan = SigningPlan::default();
    let signed = sign(&example(), None, &SigningPolicy::default(), at(0)).zone;
    let plain = sign_zone(&signed, None, &plan, &SigningPolicy::default(), (Serial(7), at(0)), &Toy).unwrap();
    assert_eq!((plain.zone, plain.next_due), (example(), None));
    let empty = ZoneData::new(name("example."));
    assert!(sign_zone(&empty, None, &plan, &SigningPolicy::default(), (Serial(1), at(0)), &Toy).is_err());
}

/// Owners with shared labels, wildcards, delegations and DNAMEs above and below each other.
fn any_zone() -> impl Strategy<Value = ZoneData> {
    let label = prop::sample::select(vec!["a", "b", "*", "c", "B", "xn--x"]);
    let owner = prop::collection::vec(label, 0..4).prop_map(|labels| match labels[..] {
        [] => "@".to_string(),
        _ => labels.join("."),
    });
    let data = prop_oneof![
        4 => any::<u8>().prop_map(a),
        2 => Just(RData::ns(&name("ns.Other."))),
        1 => Just(ds()),
        2 => prop::collection::vec(any::<u8>(), 0..30).prop_map(|text| RData::txt(&text).unwrap()),
        1 => Just(RData::from_wire(RecordType::DNAME, name("other.").as_wire()).unwrap()),
        1 => prop::collection::vec(any::<u8>(), 0..9)
            .prop_map(|data| RData::from_wire(RecordType(65_280), &data).unwrap()),
    ];
    let lines = prop::collection::vec((owner, prop::sample::select(vec![0u32, 60, 90_000]), data), 0..25);
    lines.prop_map(|lines| {
        let mut zone = zone("Example.", &[("@", 900, soa()), ("@", 60, RData::ns(&name("ns.elsewhere.")))]);
        for (owner, ttl, data) in lines {
            let owner = Name::parse(owner.as_bytes(), Some(zone.apex())).unwrap();
            zone.insert(Record::new(owner, Ttl::from_wire(ttl), data)).unwrap();
        }
        zone
    })
}

proptest! {
    #[test]
    fn every_zone_that_was_signed_satisfies_the_check(
        zone in any_zone(), changed in any_zone(), days in 0u32..30, pick in 0usize..6,
    ) {
        let policy = policies().nth(pick).unwrap();
        let first = sign(&zone, None, &policy, at(0));
        prop_assert_eq!(check_zone(&first.zone, at(0), &Toy, None), Ok(()));
        let second = sign(&changed, Some(&first.zone), &policy, at(days));
        prop_assert_eq!(check_zone(&second.zone, at(days), &Toy, None), Ok(()));
        let other = policies().nth((pick + 2) % 6).unwrap();
        let third = sign(&changed, Some(&second.zone), &other, at(days));
        prop_assert_eq!(check_zone(&third.zone, at(days), &Toy, None), Ok(()));
    }

    /// Whatever record is taken away, the check notices: a name's data leaves its denial and signatures behind.
    #[test]
    fn a_record_that_vanishes_is_noticed(zone in any_zone(), pick in any::<prop::sample::Index>(), kind in 0usize..6) {
        let mut policy = policies().nth(kind).unwrap();
        policy.zonemd = true;
        let mut signed = sign(&zone, None, &policy, at(0)).zone;
        let records: Vec<Record> = signed.records().collect();
        let gone = &records[pick.index(records.len())];
        signed.remove(&gone.owner, &gone.data);
        let noticed = check_zone(&signed, at(0), &Toy, None).is_err();
        // The digest itself is told from nothing only by the chain.
        prop_assert!(noticed, "without {}", gone);
    }
}

#[test]
fn what_was_signed_wrongly_is_seen_before_it_is_served() {
    let policy = SigningPolicy::default();
    let before = sign(&example(), None, &policy, at(0)).zone;
    assert_eq!(check_signed(&before, &example(), at(0), &Toy), Ok(()));
    assert_eq!(check_signed(&before, &before, at(0), &Toy), Ok(()));
    let owner = name("mail.example.");
    let set = before.get(&owner, RecordType::RRSIG).unwrap();
    let old = set.data()[0].clone();
    let mut wire = old.as_wire().to_vec();
    *wire.last_mut().unwrap() ^= 1;
    let wrong = RData::from_wire(RecordType::RRSIG, &wire).unwrap();
    let mut after = before.clone();
    after.remove(&owner, &old);
    after.insert(Record::new(owner.clone(), Ttl::from_wire(3600), wrong)).unwrap();
    let faults = check_signed(&after, &before, at(0), &Toy).unwrap_err();
    assert!(faults.iter().all(|fault| fault.name == owner), "{faults:?}");
    // What was let pass before is not looked at again.
    assert_eq!(check_signed(&after, &after, at(0), &Toy), Ok(()));
    // A name without its place in the chain.
    let mut after = before.clone();
    after.remove_set(&owner, RecordType::NSEC);
    assert!(check_signed(&after, &before, at(0), &Toy).is_err());
}
