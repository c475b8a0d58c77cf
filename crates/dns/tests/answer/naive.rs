//! Random zones: the same answers as a resolver that is as simple as possible, and slow.

use std::collections::BTreeSet;

use super::ask::{catalogue, query, send};
use dns::{
    Context, Flags, MessageReader, Name, RData, Rcode, Record, RecordType, Section, Transport, Ttl, ZoneData,
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

fn ours(zone: &ZoneData, name: &Name, rtype: RecordType) -> Found {
    let zones = catalogue(&[zone]);
    let bytes = query(&name.to_string(), &rtype.to_string(), None, false);
    let (_, message) = send(&zones, &Context::new(Transport::Tcp), &bytes).unwrap();
    let mut reader = MessageReader::new(&message).unwrap();
    let flags = reader.header().flags;
    let mut found = Found {
        rcode: flags.rcode(),
        authoritative: flags.has(Flags::AA),
        answer: BTreeSet::new(),
        authority: BTreeSet::new(),
    };
    while let Some((section, record)) = reader.record().unwrap() {
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
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn answers_as_the_simple_resolver_does(zone in zone(), names in proptest::collection::vec(name(), 12)) {
        let types = ["A", "TXT", "CNAME", "NS", "MX", "DNAME", "DS", "SOA"];
        for (at, name) in names.iter().enumerate() {
            for rtype in [types[at % types.len()], "A"] {
                let rtype: RecordType = rtype.parse().unwrap();
                prop_assert_eq!(ours(&zone, name, rtype), naive(&zone, name, rtype), "{} {}\n{:?}", name, rtype, zone);
            }
        }
        let compiled = dns::CompiledZone::new(&zone).unwrap();
        prop_assert_eq!(compiled.to_data(), zone);
    }
}
