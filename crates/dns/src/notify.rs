//! "This zone changed" (NOTIFY, RFC 1996): reading it, answering it, telling it, and telling it again.

use crate::code::{Class, Opcode, Rcode, RecordType, Serial};
use crate::message::{Flags, Header, MessageReader, MessageWriter, Question, Section};
use crate::name::Name;
use crate::rdata::{RData, Soa};
use crate::record::Record;
use std::time::Duration;
use wire::Now;

/// A notification that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Which zone changed.
    pub zone: Name,
    /// The serial that the sender says it has: a hint, not a proof (RFC 1996 §3.7).
    pub serial: Option<Serial>,
}

impl Notification {
    /// Reads a NOTIFY request.
    ///
    /// # Errors
    /// The code to be answered: FORMERR for what cannot be read or asks about several zones, NOTIMP for
    /// changes of anything but a zone's SOA (RFC 1996 §3.6 has no other), NOTAUTH for another class.
    pub fn parse(message: &[u8]) -> Result<Notification, Rcode> {
        let mut reader = MessageReader::new(message).map_err(|_| Rcode::FORMERR)?;
        if reader.header().counts[0] != 1 {
            return Err(Rcode::FORMERR);
        }
        let question = reader.question().ok().flatten().ok_or(Rcode::FORMERR)?;
        let mut serial = None;
        loop {
            match reader.raw_record().map_err(|_| Rcode::FORMERR)? {
                None => break,
                Some(raw) if raw.section == Section::Answer && raw.rtype == RecordType::SOA => {
                    let record = raw.to_record().map_err(|_| Rcode::FORMERR)?;
                    if record.owner == question.name {
                        serial = Soa::from_rdata(&record.data).map(|soa| soa.serial);
                    }
                }
                Some(_) => {}
            }
        }
        match (question.rtype, question.class) {
            (RecordType::SOA, Class::IN) => Ok(Notification { zone: question.name, serial }),
            (RecordType::SOA, _) => Err(Rcode::NOTAUTH),
            _ => Err(Rcode::NOTIMP),
        }
    }
}

/// The request that tells of a zone's new SOA record (RFC 1996 §3.7).
pub fn request(id: u16, soa: &Record) -> Vec<u8> {
    let flags = Flags::default().with_opcode(Opcode::NOTIFY).with(Flags::AA);
    let mut writer = MessageWriter::new(Vec::new(), id, flags, 512);
    let question = Question { name: soa.owner.clone(), rtype: RecordType::SOA, class: Class::IN };
    let written = writer.question(&question).and_then(|()| writer.record(Section::Answer, soa));
    // Names too long for the hint: the question says it all.
    let _ = written;
    writer.finish()
}

/// The request that tells a parent of new CDS or CDNSKEY records in a zone (RFC 9859 §4.2).
///
/// - `rtype`: which of them, as the parent's DSYNC record asks for.
pub fn parent_request(id: u16, zone: &Name, rtype: RecordType) -> Vec<u8> {
    let flags = Flags::default().with_opcode(Opcode::NOTIFY).with(Flags::AA);
    let mut writer = MessageWriter::new(Vec::new(), id, flags, 512);
    // A question always fits.
    let _ = writer.question(&Question { name: zone.clone(), rtype, class: Class::IN });
    writer.finish()
}

/// Where a parent wants to be told: a DSYNC record (RFC 9859 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsync {
    /// Of changes of which records.
    pub rtype: RecordType,
    /// The port.
    pub port: u16,
    /// The host.
    pub target: Name,
}

/// The scheme of DSYNC that sends NOTIFY messages.
const SCHEME_NOTIFY: u8 = 1;

impl Dsync {
    /// Reads a record's data; nothing if it is none, or of another scheme.
    pub fn from_rdata(data: &RData) -> Option<Dsync> {
        if data.rtype() != RecordType::DSYNC {
            return None;
        }
        let (fields, rest) = data.as_wire().split_first_chunk::<5>()?;
        let [type_high, type_low, SCHEME_NOTIFY, port_high, port_low] = *fields else { return None };
        let target = Name::from_wire_prefix(rest).ok().filter(|name| name.as_wire().len() == rest.len())?;
        let number = |high, low| u16::from_be_bytes([high, low]);
        Some(Dsync {
            rtype: RecordType(number(type_high, type_low)),
            port: number(port_high, port_low),
            target,
        })
    }
}

/// Where a parent's DSYNC records for a zone below it are: at the zone's labels, `_dsync`, and the parent's name
/// (RFC 9859 §4.1). Nothing if that is too long for a name, or the zone is not below.
pub fn dsync_name(zone: &Name, parent: &Name) -> Option<Name> {
    let below = zone.label_count().checked_sub(parent.label_count()).filter(|below| *below > 0)?;
    let labels: Vec<&[u8]> = zone.labels().take(below).collect();
    let at = parent.prepend(b"_dsync").ok()?;
    labels.into_iter().rev().try_fold(at, |name, label| name.prepend(label).ok())
}

/// Whether `message` answers the request `id`; whatever its code, the other side has heard (RFC 1996 §4.8).
pub fn is_answer(message: &[u8], id: u16) -> bool {
    Header::read(message).is_some_and(|header| {
        header.id == id && header.flags.has(Flags::QR) && header.flags.opcode() == Opcode::NOTIFY
    })
}

/// How often one change is told to one server.
pub const TRIES_MAX: u32 = 6;
/// Until the first repetition; each later one takes twice as long. (RFC 1996 §3.6 proposes a minute and five
/// tries; lost datagrams should not keep a change back for a minute.)
pub const FIRST_WAIT: Duration = Duration::from_secs(2);

/// Telling one server of one change until it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    tries: u32,
    next: Now,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the request (again).
    Send,
    /// Nothing before this moment.
    Wait(Now),
    /// It was told [`TRIES_MAX`] times and did not answer: its refresh timer will do.
    GiveUp,
}

impl Telling {
    /// Begins at `now`.
    pub fn new(now: Now) -> Telling {
        Telling { tries: 0, next: now }
    }

    /// What is to be done at `now`; counts what it says to send.
    pub fn step(&mut self, now: Now) -> Step {
        if now < self.next {
            return Step::Wait(self.next);
        }
        if self.tries == TRIES_MAX {
            return Step::GiveUp;
        }
        self.next = now + FIRST_WAIT * 2u32.pow(self.tries);
        self.tries += 1;
        Step::Send
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Ttl;

    fn soa(serial: u32) -> Record {
        let zone: Name = "example.org.".parse().unwrap();
        let soa = Soa {
            mname: "ns1.example.org.".parse().unwrap(),
            rname: "hostmaster.example.org.".parse().unwrap(),
            serial: Serial(serial),
            refresh: 1,
            retry: 2,
            expire: 3,
            minimum: 4,
        };
        Record::new(zone, Ttl::new(3600).unwrap(), soa.to_rdata())
    }

    #[test]
    fn what_is_told_is_understood_and_cut_anywhere_it_is_not() {
        let message = request(7, &soa(42));
        let expected = Notification { zone: "example.org".parse().unwrap(), serial: Some(Serial(42)) };
        assert_eq!(Notification::parse(&message), Ok(expected));
        for cut in 0..message.len() {
            assert_eq!(Notification::parse(&message[..cut]), Err(Rcode::FORMERR), "{cut}");
        }
        assert!(!is_answer(&message, 7));
        let mut answer = message.clone();
        answer[2] |= 0x80;
        assert!(is_answer(&answer, 7) && !is_answer(&answer, 8));
    }

    #[test]
    fn other_types_and_classes_have_their_codes() {
        let of = |rtype, class| {
            let mut writer =
                MessageWriter::new(Vec::new(), 1, Flags::default().with_opcode(Opcode::NOTIFY), 512);
            writer.question(&Question { name: Name::root(), rtype, class }).unwrap();
            Notification::parse(&writer.finish())
        };
        assert_eq!(of(RecordType::A, Class::IN), Err(Rcode::NOTIMP));
        assert_eq!(of(RecordType::SOA, Class::CH), Err(Rcode::NOTAUTH));
        assert!(of(RecordType::SOA, Class::IN).is_ok_and(|told| told.serial.is_none()));
    }

    #[test]
    fn a_parent_says_where_it_wants_to_be_told() {
        let name = |text: &str| -> Name { text.parse().unwrap() };
        let (zone, parent) = (name("a.b.example."), name("example."));
        assert_eq!(dsync_name(&zone, &parent), Some(name("a.b._dsync.example.")));
        assert_eq!(dsync_name(&name("org."), &Name::root()), Some(name("org._dsync.")));
        assert_eq!(dsync_name(&parent, &parent), None);
        let data = RData::parse(RecordType::DSYNC, "CDS 1 5351 px.example.", None);
        let told = Dsync::from_rdata(&data.unwrap()).unwrap();
        assert_eq!(told, Dsync { rtype: RecordType::CDS, port: 5351, target: name("px.example.") });
        // Another scheme, and what is cut short.
        for wire in [&b"\x00\x3b\x02\x14\xe7\x02px\x00"[..], b"\x00\x3b\x01\x14"] {
            let data = RData::from_wire(RecordType::DSYNC, wire);
            assert_eq!(data.ok().and_then(|data| Dsync::from_rdata(&data)), None);
        }
        let request = parent_request(9, &zone, RecordType::CDS);
        let mut reader = MessageReader::new(&request).unwrap();
        let question = reader.question().unwrap().unwrap();
        assert_eq!((question.name, question.rtype), (zone, RecordType::CDS));
        assert!(!is_answer(&request, 9));
    }

    #[test]
    fn it_is_told_again_later_and_later_and_then_no_more() {
        let (mut now, mut sent) = (Now::from_millis(0), Vec::new());
        let mut telling = Telling::new(now);
        loop {
            match telling.step(now) {
                Step::Send => sent.push(now.as_millis() / 1000),
                Step::Wait(moment) => now = moment,
                Step::GiveUp => break,
            }
        }
        assert_eq!(sent, [0, 2, 6, 14, 30, 62]);
        assert_eq!(now.as_millis(), 126_000);
    }
}
