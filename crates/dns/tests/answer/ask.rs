//! Asks a zone and shows the answer as text.

use dns::master::{NoInclude, read};
use dns::{
    Catalogue, CompiledZone, Context, Flags, MessageReader, MessageWriter, Name, Outcome, Question,
    RecordType, Reply, Section, Transport, ZoneData, answer,
};

/// A query with EDNS; `dnssec` sets DO.
pub fn query(name: &str, rtype: &str, payload: Option<u16>, dnssec: bool) -> Vec<u8> {
    let name: Name = name.parse().unwrap();
    let rtype: RecordType = rtype.parse().unwrap();
    let mut writer = MessageWriter::new(Vec::new(), 0x1234, Flags(0), 65_535);
    writer.question(&Question { name, rtype, class: dns::Class::IN }).unwrap();
    if let Some(payload) = payload {
        let bits = if dnssec { 0x8000 } else { 0 };
        let fields = (RecordType::OPT, dns::Class(payload), bits);
        writer.raw(Section::Additional, &Name::root(), fields, b"").unwrap();
    }
    writer.finish()
}

pub fn zone(apex: &str, text: &str) -> ZoneData {
    read(&apex.parse().unwrap(), "zone", text.as_bytes(), &mut NoInclude)
        .unwrap_or_else(|error| panic!("{error}"))
}

pub fn catalogue(zones: &[&ZoneData]) -> Catalogue {
    zones.iter().fold(Catalogue::new(), |all, zone| all.with_zone(CompiledZone::new(zone).unwrap()))
}

/// Sends bytes; the answer must be one.
pub fn send(zones: &Catalogue, context: &Context<'_>, query: &[u8]) -> Option<(Reply, Vec<u8>)> {
    let mut out = vec![0; 65_535];
    match answer(query, context, zones, &mut out) {
        Outcome::Reply(reply) => {
            out.truncate(reply.len);
            Some((reply, out))
        }
        _ => None,
    }
}

/// Flags and response code, and the records of each section, one a line, without TTL and class; RRSIG records are
/// shown by what they cover.
pub fn show(message: &[u8]) -> String {
    let mut reader = MessageReader::new(message).unwrap();
    let flags = reader.header().flags;
    let mut text = flags.rcode().to_string();
    for (flag, shown) in [(Flags::AA, " aa"), (Flags::TC, " tc")] {
        if flags.has(flag) {
            text += shown;
        }
    }
    while let Some(raw) = reader.raw_record().unwrap() {
        if raw.rtype == RecordType::OPT {
            continue;
        }
        let record = raw.to_record().unwrap();
        let section = match raw.section {
            Section::Answer => "",
            Section::Authority => "authority ",
            Section::Additional => "additional ",
        };
        let data = match record.rtype() {
            RecordType::RRSIG => record.data.to_string().split(' ').next().unwrap().to_string(),
            RecordType::SOA => "…".to_string(),
            _ => record.data.to_string(),
        };
        text += &format!("\n{section}{} {} {data}", record.owner, record.rtype());
    }
    reader.finish().unwrap();
    text
}

/// Asks over TCP with EDNS, DO as given.
pub fn ask(zones: &Catalogue, name: &str, rtype: &str, dnssec: bool) -> String {
    let query = query(name, rtype, Some(1232), dnssec);
    let (reply, message) = send(zones, &Context::new(Transport::Tcp), &query).expect("an answer");
    assert_eq!(reply.truncated, Flags(u16::from_be_bytes([message[2], message[3]])).has(Flags::TC));
    show(&message)
}
