//! Random zones: the same answers as a resolver that is as simple as possible, and slow.

use std::collections::BTreeSet;

use super::ask::{catalogue, query, send};
use super::toy::{DATE, signed};
use super::zones::{name, signable, zone};
use dns::dnssec::Denial;
use dns::{
    Catalogue, Context, Flags, MessageReader, Name, RData, Rcode, Record, RecordType, Section, Transport,
    ZoneData,
};
use proptest::prelude::*;

/// What the simple resolver finds: code, authority, records of the answer, and whose records stand in the authority
/// section.
#[derive(Debug, PartialEq)]
struct Found {
    rcode: Rcode,
    authoritative: bool,
    answer: BTreeSet<String>,
    authority: BTreeSet<String>,
}

fn shown(record: &Record) -> String {
    record.to_string().to_ascii_lowercase()
}

fn at(owner: &Name, zone: &ZoneData, name: &Name, rtype: RecordType) -> Vec<String> {
    let set = zone.get(name, rtype);
    let record = |data: &RData| shown(&Record::new(owner.clone(), set.unwrap().ttl, data.clone()));
    set.map_or(vec![], |set| set.data().iter().map(record).collect())
}

/// One name: records, where to go on, or an end.
enum Step {
    Answer(Vec<String>),
    Alias(Vec<String>, Name),
    NoData,
    NoName,
    Referral(Vec<String>),
    TooLong(Vec<String>),
}

fn step(zone: &ZoneData, name: &Name, rtype: RecordType) -> Step {
    let depth = zone.apex().label_count();
    let mut data_at = name.clone();
    for count in depth..=name.label_count() {
        let here = name.suffix(count);
        if !zone.exists(&here) && count > depth {
            data_at = name.suffix(count - 1).wildcard().unwrap();
            if !zone.exists(&data_at) {
                return Step::NoName;
            }
            break;
        }
        let is_cut = count > depth && !here.is_wildcard() && zone.get(&here, RecordType::NS).is_some();
        if is_cut && !(rtype == RecordType::DS && here == *name) {
            return Step::Referral(at(&here, zone, &here, RecordType::NS));
        }
        if let Some(set) = zone.get(&here, RecordType::DNAME).filter(|_| here != *name) {
            let mut records = at(&here, zone, &here, RecordType::DNAME);
            return match name.rebase(&here, &set.data()[0].target().unwrap()).unwrap() {
                Err(_) => Step::TooLong(records),
                Ok(target) => {
                    records.push(shown(&Record::new(name.clone(), set.ttl, RData::cname(&target))));
                    if rtype == RecordType::CNAME {
                        Step::Answer(records)
                    } else {
                        Step::Alias(records, target)
                    }
                }
            };
        }
    }
    if zone.get(&data_at, rtype).is_some() {
        return Step::Answer(at(name, zone, &data_at, rtype));
    }
    match zone.get(&data_at, RecordType::CNAME) {
        Some(set) => {
            Step::Alias(at(name, zone, &data_at, RecordType::CNAME), set.data()[0].target().unwrap())
        }
        None => Step::NoData,
    }
}

fn naive(zone: &ZoneData, name: &Name, rtype: RecordType) -> Found {
    let mut found = Found {
        rcode: Rcode::NOERROR,
        authoritative: true,
        answer: BTreeSet::new(),
        authority: BTreeSet::new(),
    };
    let soa = format!("{} soa", zone.apex()).to_ascii_lowercase();
    let mut name = name.clone();
    let mut seen = vec![];
    for count in 0..=16 {
        seen.push(name.clone());
        match step(zone, &name, rtype) {
            Step::Answer(records) => found.answer.extend(records),
            Step::NoData => found.authority = BTreeSet::from([soa.clone()]),
            Step::NoName => {
                found.rcode = Rcode::NXDOMAIN;
                found.authority = BTreeSet::from([soa.clone()]);
            }
            Step::Referral(records) => {
                found.authoritative = count > 0;
                found.authority.extend(records);
            }
            Step::TooLong(records) => {
                found.rcode = Rcode::YXDOMAIN;
                found.answer.extend(records);
            }
            Step::Alias(records, target) => {
                found.answer.extend(records);
                if target.is_at_or_below(zone.apex()) && !seen.contains(&target) {
                    name = target;
                    continue;
                }
            }
        }
        break;
    }
    found
}

/// What we answer; of a signed zone with DO, all that is there for DNSSEC having been looked at and taken out.
fn ours(zone: &ZoneData, zones: &Catalogue, name: &Name, rtype: RecordType, dnssec: bool) -> Found {
    let bytes = query(&name.to_string(), &rtype.to_string(), dnssec.then_some(1232), dnssec);
    let (_, message) = send(zones, &Context::new(Transport::Tcp), &bytes).unwrap();
    let mut reader = MessageReader::new(&message).unwrap();
    let flags = reader.header().flags;
    let mut found = Found {
        rcode: flags.rcode(),
        authoritative: flags.has(Flags::AA),
        answer: BTreeSet::new(),
        authority: BTreeSet::new(),
    };
    let mut shown_sets = Shown::default();
    while let Some((section, record)) = reader.record().unwrap() {
        if record.rtype() == RecordType::OPT || (dnssec && shown_sets.is_for_dnssec(section, &record)) {
            continue;
        }
        let fresh = match section {
            Section::Answer => found.answer.insert(shown(&record)),
            Section::Authority if record.rtype() == RecordType::SOA => {
                found.authority.insert(format!("{} soa", record.owner).to_ascii_lowercase())
            }
            Section::Authority => found.authority.insert(shown(&record)),
            Section::Additional => {
                let data = zone.get(&record.owner, record.rtype());
                assert!(
                    data.is_some_and(|set| set.data().contains(&record.data)),
                    "{record} is not in the zone"
                );
                true
            }
        };
        assert!(fresh, "twice: {record}");
    }
    reader.finish().unwrap();
    if dnssec {
        shown_sets.check(zone, name);
    }
    found
}

/// By section, owner and type (of signatures: the type that is signed).
type Places = BTreeSet<(Section, Name, RecordType)>;

/// The sets of an answer with DO, and the signatures beside them.
#[derive(Default)]
struct Shown {
    sets: Places,
    signatures: Places,
    all: BTreeSet<String>,
}

impl Shown {
    /// Notes a record; true if it is there only because of DO.
    fn is_for_dnssec(&mut self, section: Section, record: &Record) -> bool {
        let rtype = record.rtype();
        assert!(section == Section::Additional || self.all.insert(shown(record)), "twice: {record}");
        if rtype == RecordType::RRSIG {
            let covered =
                RecordType(u16::from_be_bytes([record.data.as_wire()[0], record.data.as_wire()[1]]));
            self.signatures.insert((section, record.owner.clone(), covered));
            return true;
        }
        self.sets.insert((section, record.owner.clone(), rtype));
        let is_proof = matches!(rtype, RecordType::NSEC | RecordType::NSEC3);
        assert!(!is_proof || section == Section::Authority, "in the {section:?} section: {record}");
        is_proof || (rtype == RecordType::DS && section == Section::Authority)
    }

    /// Each set of the zone's own stands with its signatures, whatever made its owner; and what a DNAME record made, and
    /// what is the child's, without.
    fn check(&self, zone: &ZoneData, asked: &Name) {
        for (section, owner, rtype) in &self.sets {
            let is_signed = self.signatures.contains(&(*section, owner.clone(), *rtype));
            let above = zone.apex().label_count()..owner.label_count();
            let rewritten = above
                .map(|labels| owner.suffix(labels))
                .any(|name| zone.get(&name, RecordType::DNAME).is_some());
            let is_proof = matches!(*rtype, RecordType::NSEC | RecordType::NSEC3);
            let is_own = zone.cut(owner).is_none_or(|cut| cut == *owner && *rtype == RecordType::DS);
            let expected = is_proof || (is_own && !rewritten);
            assert_eq!(is_signed, expected, "{section:?} {owner} {rtype} for {asked}\n{zone:?}");
        }
        let stray = self.signatures.difference(&self.sets).next();
        assert_eq!(stray, None, "signatures of nothing");
    }
}

const TYPES: [&str; 8] = ["A", "TXT", "CNAME", "NS", "MX", "DNAME", "DS", "SOA"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn answers_as_the_simple_resolver_does(zone in zone(), names in proptest::collection::vec(name(), 12)) {
        let zones = catalogue(&[&zone]);
        for (at, name) in names.iter().enumerate() {
            for rtype in [TYPES[at % TYPES.len()], "A"] {
                let rtype: RecordType = rtype.parse().unwrap();
                let found = ours(&zone, &zones, name, rtype, false);
                prop_assert_eq!(found, naive(&zone, name, rtype), "{} {}\n{:?}", name, rtype, zone);
            }
        }
        let compiled = dns::CompiledZone::new(&zone).unwrap();
        prop_assert_eq!(compiled.to_data(), zone);
    }

    /// The same of signed zones: with DO, all else stays, and what proves it stands in its place.
    #[test]
    fn signed_answers_are_as_unsigned_ones_with_their_proofs(
        zone in zone(), names in proptest::collection::vec(name(), 12), denial in 0..3usize,
    ) {
        let denial = [Denial::Nsec, Denial::Nsec3, Denial::Nsec3OptOut][denial];
        let (zone, _) = signed(&signable(&zone), denial, DATE);
        let zones = catalogue(&[&zone]);
        for (at, name) in names.iter().enumerate() {
            for rtype in [TYPES[at % TYPES.len()], "A"] {
                let rtype: RecordType = rtype.parse().unwrap();
                let expected = naive(&zone, name, rtype);
                for dnssec in [false, true] {
                    let found = ours(&zone, &zones, name, rtype, dnssec);
                    prop_assert_eq!(&found, &expected, "{} {} DO {}\n{:?}", name, rtype, dnssec, zone);
                }
            }
        }
    }
}
