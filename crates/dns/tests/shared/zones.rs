//! Random zones, in which wildcards, aliases and delegations lead to each other.

use dns::{Name, RData, Record, RecordType, Ttl, ZoneData};
use proptest::prelude::*;

fn label() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("a"), 4 => Just("b"), 2 => Just("C"), 4 => Just("*"), 1 => Just("_x")]
}

pub fn name() -> impl Strategy<Value = Name> {
    proptest::collection::vec(label(), 0..4)
        .prop_map(|labels| format!("{}.zone.", labels.join(".")).trim_start_matches('.').parse().unwrap())
}

fn record() -> impl Strategy<Value = Record> {
    let data = (name(), name(), 0..12u8, 0..4u8).prop_map(|(owner, target, kind, number)| {
        let data = match kind {
            0..=2 => RData::a([192, 0, 2, number].into()),
            3 => RData::txt(&[b'x', number]).unwrap(),
            4 | 9..=11 => RData::cname(&target),
            5 => RData::ns(&target),
            6 => RData::mx(u16::from(number), &target),
            7 => RData::from_wire(RecordType::DNAME, target.as_wire()).unwrap(),
            _ => RData::parse(RecordType::DS, "1 13 9 00", None).unwrap(),
        };
        (owner, data)
    });
    data.prop_map(|(owner, data)| Record::new(owner, Ttl::new(60).unwrap(), data))
}

/// A zone without what the checks before serving refuse: CNAME beside others, several CNAME or DNAME records.
pub fn zone() -> impl Strategy<Value = ZoneData> {
    proptest::collection::vec(record(), 0..25).prop_map(|records| {
        let apex: Name = "zone.".parse().unwrap();
        let mut zone = ZoneData::new(apex.clone());
        let soa = RData::parse(RecordType::SOA, "a b 1 2 3 4 60", Some(&apex)).unwrap();
        zone.insert(Record::new(apex.clone(), Ttl::new(60).unwrap(), soa)).unwrap();
        for record in records {
            let single = [RecordType::CNAME, RecordType::DNAME];
            let node = zone.node(&record.owner);
            let refused = node.is_some_and(|node| {
                node.has(RecordType::CNAME)
                    || record.rtype() == RecordType::CNAME
                    || (single.contains(&record.rtype()) && node.has(record.rtype()))
            });
            if !refused {
                zone.insert(record).unwrap();
            }
        }
        zone
    })
}

/// Without what nobody may serve signed, or nobody can say the meaning of: delegations and DNAME records by wildcard,
/// DS records where no zone begins, DNAME records at a delegation.
pub fn signable(zone: &ZoneData) -> ZoneData {
    let mut made = zone.clone();
    for (name, node) in zone.nodes() {
        let is_apex = name == zone.apex();
        let is_cut = !is_apex && !name.is_wildcard() && node.has(RecordType::NS);
        for (rtype, stays) in [
            (RecordType::NS, !name.is_wildcard()),
            (RecordType::DNAME, !name.is_wildcard() && !is_cut),
            (RecordType::DS, is_cut),
        ] {
            if !stays {
                made.remove_set(name, rtype);
            }
        }
    }
    made
}
