//! Messages: what is written is read, and what `domain` reads of any bytes is what we read.

use dns::{Class, Flags, MessageReader, MessageWriter, Question, RData, Record, RecordType, Section, Ttl};
use domain::base::Message;
use domain::base::name::ToName;
use proptest::prelude::*;

use super::names::name;

fn data() -> impl Strategy<Value = RData> {
    (name(), name(), 0..7u8, any::<u16>()).prop_map(|(first, second, kind, number)| match kind {
        0 => RData::ns(&first),
        1 => RData::mx(number, &first),
        2 => RData::srv(number, 1, 2, &first),
        3 => {
            let numbers = [0u8; 20];
            let wire = [first.as_wire(), second.as_wire(), &numbers].concat();
            RData::from_wire(RecordType::SOA, &wire).unwrap()
        }
        4 => RData::from_wire(RecordType::DNAME, first.as_wire()).unwrap(),
        5 => RData::txt(first.as_wire()).unwrap(),
        _ => RData::from_wire(RecordType(number | 0x8000), second.as_wire()).unwrap(),
    })
}

fn record() -> impl Strategy<Value = Record> {
    (name(), 0..0x8000_0000u32, data())
        .prop_map(|(owner, ttl, data)| Record::new(owner, Ttl::new(ttl).unwrap(), data))
}

fn write(question: &Question, records: &[Record], limit: usize) -> (Vec<u8>, usize) {
    let mut writer = MessageWriter::new(Vec::new(), 7, Flags::QR, limit);
    let mut written = 0;
    if writer.question(question).is_ok() {
        for (at, record) in records.iter().enumerate() {
            let section = if at < 3 { Section::Answer } else { Section::Additional };
            if writer.record(section, record).is_err() {
                break;
            }
            written += 1;
        }
    }
    (writer.finish(), written)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(
        name in name(),
        records in proptest::collection::vec(record(), 0..12),
        limit in 12..2000usize,
    ) {
        let question = Question { name, rtype: RecordType::A, class: Class::IN };
        let (bytes, written) = write(&question, &records, limit);
        prop_assert!(bytes.len() <= limit);
        let plain = 12 + question.name.as_wire().len() + 4
            + records[..written].iter().map(|r| r.owner.as_wire().len() + 10 + r.data.as_wire().len()).sum::<usize>();
        prop_assert!(bytes.len() <= plain);
        let mut reader = MessageReader::new(&bytes).unwrap();
        for record in &records[..written] {
            let (_, read) = reader.record().unwrap().unwrap();
            prop_assert_eq!(read.owner.as_wire(), record.owner.as_wire());
            prop_assert_eq!(read.data.as_wire(), record.data.as_wire());
            prop_assert_eq!(&read, record);
        }
        prop_assert_eq!(reader.record().unwrap(), None);
        prop_assert!(reader.finish().is_ok());
    }

    /// Cut short and changed anywhere, a message is read as `domain` reads it, or refused.
    #[test]
    fn read_as_the_other_library_does(
        name in name(),
        records in proptest::collection::vec(record(), 0..6),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<proptest::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let question = Question { name, rtype: RecordType::A, class: Class::IN };
        let (mut bytes, _) = write(&question, &records, 65_535);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let Ok(mut reader) = MessageReader::new(&bytes) else { return Ok(()) };
        let theirs = Message::from_octets(bytes.clone()).unwrap();
        let mut questions = theirs.question();
        loop {
            match reader.question() {
                Ok(None) | Err(_) => break,
                Ok(Some(question)) => {
                    let other = questions.next().unwrap().unwrap();
                    let wire = other.qname().to_vec();
                    prop_assert_eq!(wire.as_slice(), question.name.as_wire());
                    prop_assert_eq!(other.qtype().to_int(), question.rtype.0);
                }
            }
        }
        let Ok(sections) = theirs.answer() else { return Ok(()) };
        let mut section = Some(sections);
        'sections: while let Some(mut records) = section {
            for other in records.by_ref() {
                let Ok(Some(raw)) = reader.raw_record() else { break 'sections };
                let other = other.unwrap();
                let wire = other.owner().to_vec();
                prop_assert_eq!(wire.as_slice(), raw.owner.as_wire());
                prop_assert_eq!(other.rtype().to_int(), raw.rtype.0);
                prop_assert_eq!(usize::from(other.rdlen()), raw.data.len());
                // Its data is checked without a fault, whatever comes of it.
                let _ = raw.to_record();
            }
            section = match records.next_section() {
                Ok(next) => next,
                Err(_) => break,
            };
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(mut reader) = MessageReader::new(&bytes) {
            while let Ok(Some(_)) = reader.record() {}
        }
    }
}

#[test]
fn a_message_cut_at_every_byte_is_refused() {
    let origin: dns::Name = "example.".parse().unwrap();
    let question = Question { name: origin.clone(), rtype: RecordType::MX, class: Class::IN };
    let data = [
        ("MX", "10 mx"),
        ("SOA", "a b 1 2 3 4 5"),
        ("TXT", "x y"),
        ("SRV", "1 2 3 a"),
        ("HTTPS", "1 . port=1"),
    ];
    let records = data.map(|(rtype, text)| {
        let data = RData::parse(rtype.parse().unwrap(), text, Some(&origin)).unwrap();
        Record::new(origin.clone(), Ttl::ZERO, data)
    });
    let (bytes, written) = write(&question, &records, 512);
    assert_eq!(written, 5);
    assert!(MessageReader::new(&bytes).unwrap().finish().is_ok());
    for len in 0..bytes.len() {
        let cut = MessageReader::new(&bytes[..len]).and_then(MessageReader::finish);
        assert_eq!(cut, Err(dns::MessageError::Truncated), "{len}");
    }
    let longer = [&bytes[..], b"\0"].concat();
    assert_eq!(MessageReader::new(&longer).unwrap().finish(), Err(dns::MessageError::TrailingBytes));
}
