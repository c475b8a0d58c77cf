//! Messages: what we read, two other libraries read the same way; what we read we can write, and read again.
#![no_main]

use dns::{Class, MessageReader, MessageWriter, Question, RawRecord};
use domain::base::name::ToName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = MessageReader::new(bytes) else { return };
    let header = *reader.header();
    let mut questions = Vec::new();
    while let Ok(Some(question)) = reader.question() {
        questions.push(question);
    }
    let mut records = Vec::new();
    while let Ok(Some(record)) = reader.raw_record() {
        records.push(record);
    }
    with_domain(bytes, &questions, &records);
    with_hickory(bytes, &questions);
    let mut writer = MessageWriter::new(Vec::new(), header.id, header.flags, 65_535);
    for question in &questions {
        if writer.question(question).is_err() {
            return;
        }
    }
    let mut written = Vec::new();
    for record in records.iter().filter(|record| record.class == Class::IN) {
        let Ok(full) = record.to_record() else { continue };
        if writer.record(record.section, &full).is_err() {
            break;
        }
        written.push(full);
    }
    let again = writer.finish();
    let mut reader = MessageReader::new(&again).expect("a header");
    for record in written {
        let (_, read) = reader.record().expect("what was written").expect("all that was written");
        assert_eq!(read.owner.as_wire(), record.owner.as_wire());
        assert_eq!(read.data.as_wire(), record.data.as_wire());
    }
    reader.finish().expect("nothing else");
});

fn with_domain(bytes: &[u8], questions: &[Question], records: &[RawRecord<'_>]) {
    let message = domain::base::Message::from_octets(bytes).expect("a header");
    let mut theirs = message.question();
    for ours in questions {
        let theirs = theirs.next().expect("as many").expect("as good");
        assert_eq!(theirs.qname().to_vec().as_slice(), ours.name.as_wire());
    }
    if records.is_empty() {
        return;
    }
    let mut ours = records.iter();
    let mut section = Some(message.answer().expect("we came so far"));
    while let Some(mut theirs) = section {
        for theirs in theirs.by_ref() {
            let Some(ours) = ours.next() else { return };
            let theirs = theirs.expect("as good");
            assert_eq!(theirs.owner().to_vec().as_slice(), ours.owner.as_wire());
            assert_eq!(theirs.rtype().to_int(), ours.rtype.0);
        }
        section = theirs.next_section().ok().flatten();
    }
}

/// It looks into the data of records too, and refuses more, so that only what it takes is compared.
fn with_hickory(bytes: &[u8], questions: &[Question]) {
    let Ok(theirs) = hickory_proto::op::Message::from_vec(bytes) else { return };
    for (theirs, ours) in theirs.queries.iter().zip(questions) {
        let labels = theirs.name().iter().map(<[u8]>::to_vec);
        assert!(labels.eq(ours.name.labels().map(<[u8]>::to_vec)), "{theirs} and {ours:?}");
    }
}
