//! Data and zones in text: what is printed is read, by us and by `domain`.

use bytes::Bytes;
use dns::code::RECORD_TYPES;
use dns::master::{MasterError, MasterText, NoInclude, Reader, read};
use dns::{Name, RData, Record, RecordType, Ttl, ZoneData, ZoneDiff};
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use proptest::prelude::*;

use super::names::name;

/// Data of any type but those of messages.
fn data() -> impl Strategy<Value = RData> {
    data_of(RECORD_TYPES.iter().map(|(rtype, _)| *rtype).filter(|rtype| !rtype.is_meta()).collect())
}

/// Data that is valid for one of `types`: bytes at random that were taken.
fn data_of(types: Vec<RecordType>) -> impl Strategy<Value = RData> {
    let bytes =
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            (name(), name(), proptest::collection::vec(any::<u8>(), 0..30))
                .prop_map(|(first, second, tail)| [first.as_wire(), second.as_wire(), &tail].concat()),
            (proptest::collection::vec(0..4u8, 0..6), name(), proptest::collection::vec(0..9u8, 0..20))
                .prop_map(|(head, name, tail)| [&head, name.as_wire(), &tail].concat()),
        ];
    (proptest::sample::select(types), bytes).prop_map(|(rtype, bytes)| {
        let len = (0..=bytes.len()).rev().find(|len| RData::from_wire(rtype, &bytes[..*len]).is_ok());
        match len {
            Some(len) => RData::from_wire(rtype, &bytes[..len]).unwrap(),
            None => RData::from_wire(RecordType(65_280), &bytes).unwrap(),
        }
    })
}

fn zone() -> impl Strategy<Value = ZoneData> {
    proptest::collection::vec((name(), data(), 0..4u32), 0..20).prop_map(|records| {
        let apex: Name = "zone.example.".parse().unwrap();
        let mut zone = ZoneData::new(apex.clone());
        let soa = RData::parse(RecordType::SOA, "a b 1 2 3 4 60", Some(&apex)).unwrap();
        zone.insert(Record::new(apex.clone(), Ttl::new(60).unwrap(), soa)).unwrap();
        for (owner, data, ttl) in records {
            if let Ok(owner) = owner.concat(&apex)
                && data.rtype() != RecordType::SOA
            {
                zone.insert(Record::new(owner, Ttl::new(ttl).unwrap(), data)).unwrap();
            }
        }
        zone
    })
}

/// Data of types that `domain` knows.
fn known_data() -> impl Strategy<Value = RData> {
    let known = [
        "A",
        "AAAA",
        "NS",
        "CNAME",
        "PTR",
        "MX",
        "TXT",
        "HINFO",
        "SRV",
        "CAA",
        "TLSA",
        "SSHFP",
        "DS",
        "SOA",
        "NAPTR",
        "DNAME",
        "DNSKEY",
        "NSEC",
        "NSEC3PARAM",
        "OPENPGPKEY",
    ];
    data_of(known.iter().map(|name| name.parse().unwrap()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn data_leads_back(data in data()) {
        let text = data.to_string();
        prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", text);
        let again = RData::parse(data.rtype(), &text, None);
        let again = again.map_err(|error| TestCaseError::fail(format!("{} {text}: {error}", data.rtype())))?;
        prop_assert_eq!(again.as_wire(), data.as_wire(), "{} {}", data.rtype(), text);
    }

    #[test]
    fn zones_lead_back(zone in zone(), other in zone()) {
        let text = MasterText(&zone).to_string();
        let again = read(zone.apex(), "zone", text.as_bytes(), &mut NoInclude);
        let again = again.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&again, &zone);
        prop_assert_eq!(in_pieces(zone.apex(), &text, &[7, 1, 100]), Ok(zone.clone()));
        let mut stepped = zone.clone();
        let diff = ZoneDiff::between(&zone, &other).unwrap();
        let diff = ZoneDiff::from_bytes(&diff.to_bytes()).unwrap();
        diff.apply(&mut stepped).unwrap();
        prop_assert_eq!(&stepped, &other);
        diff.inverse().apply(&mut stepped).unwrap();
        prop_assert_eq!(&stepped, &zone);
    }

    /// The types that `domain` knows too, written by us and read by it.
    #[test]
    fn the_other_library_reads_what_we_write(data in known_data()) {
        let line = format!("x.example. 60 IN {} {data}\n", data.rtype());
        let mut file = Zonefile::from(line.as_bytes());
        let entry = file.next_entry().map_err(|error| TestCaseError::fail(format!("{line}: {error}")))?;
        let Some(Entry::Record(record)) = entry else { return Err(TestCaseError::fail(line)) };
        let mut wire: Vec<u8> = Vec::new();
        record.data().compose_rdata(&mut wire).unwrap();
        prop_assert_eq!(Bytes::from(wire), Bytes::copy_from_slice(data.as_wire()), "{}", line);
    }

    #[test]
    fn any_text_is_a_zone_or_not(
        text in "[ \\t\\n()\";\\\\@$*.a-cA0-9=\\r]{0,200}", pieces in prop::collection::vec(1..50usize, 1..6),
    ) {
        let apex: Name = "zone.example.".parse().unwrap();
        let records = format!("$TTL 1\n{}", text.replace('a', "\nx TXT ").replace('b', " A 192.0.2.1 ;"));
        for text in [text.clone(), format!("$TTL 1\n@ TXT {text}"), format!("$TTL 1\n@ SVCB 1 . {text}"), records] {
            // Whole or in pieces, what is read is the same, and so is what is wrong with it and where.
            let whole = read(&apex, "zone", text.as_bytes(), &mut NoInclude);
            prop_assert_eq!(in_pieces(&apex, &text, &pieces), whole, "{}", text);
        }
    }
}

/// Reads a text in pieces of these lengths, in turn.
fn in_pieces(apex: &Name, text: &str, lengths: &[usize]) -> Result<ZoneData, MasterError> {
    let mut reader = Reader::new(apex, "zone");
    let mut rest = text.as_bytes();
    for len in lengths.iter().cycle() {
        let (piece, after) = rest.split_at((*len).min(rest.len()));
        reader.push(piece, &mut NoInclude)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    reader.finish(&mut NoInclude)
}
