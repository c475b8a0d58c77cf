//! Transfers in: messages into a zone or into steps, checked on the way.

use super::Wanted;
use crate::code::{Class, Opcode, Rcode, RecordType, Serial};
use crate::message::{Flags, MessageError, MessageReader, Section};
use crate::name::Name;
use crate::nsec3::read_label;
use crate::rdata::Soa;
use crate::record::Record;
use crate::zone::ZoneDiff;
use std::collections::HashMap;
use std::fmt;

/// How much one transfer may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomingLimits {
    /// Records in all; each takes some hundred bytes of memory while it is read.
    pub records_max: usize,
    /// Bytes of messages in all.
    pub bytes_max: usize,
    /// Bytes of one set on the wire: a larger one could never be answered in one message (and KeyTrap and its
    /// like, CVE-2023-50387, need large ones).
    pub set_max_bytes: usize,
}

impl Default for IncomingLimits {
    fn default() -> IncomingLimits {
        IncomingLimits { records_max: 20_000_000, bytes_max: 2 << 30, set_max_bytes: 60_000 }
    }
}

/// Why a transfer is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferFault {
    /// A message cannot be read.
    Unreadable(MessageError),
    /// It is not an answer to what was asked.
    NotTheAnswer,
    /// The other side would not.
    Refused(Rcode),
    /// A record that no transfer may hold; the text says why.
    Record(&'static str, Record),
    /// The order of records is no transfer; the text says why.
    Order(&'static str),
    /// More than the limits allow; the text says of what.
    TooMuch(&'static str),
}

impl fmt::Display for TransferFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransferFault::Unreadable(error) => write!(f, "a message cannot be read: {error}"),
            TransferFault::NotTheAnswer => f.write_str("a message is not the answer to the request"),
            TransferFault::Refused(code) => write!(f, "the server answered {code}"),
            TransferFault::Record(why, record) => write!(f, "{why}: {record}"),
            TransferFault::Order(why) => f.write_str(why),
            TransferFault::TooMuch(what) => write!(f, "too many {what}"),
        }
    }
}

impl std::error::Error for TransferFault {}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The server has nothing newer; this is its serial.
    UpToDate(Serial),
    /// A whole zone: all its records, the SOA record once.
    Whole(Vec<Record>),
    /// The steps from the version that was told to the server's.
    Steps(Vec<ZoneDiff>),
}

/// Whether there is more to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another message must follow.
    More,
    /// That was all.
    Done(Received),
}

/// Reads one transfer.
#[derive(Debug)]
pub struct Incoming {
    id: u16,
    zone: Name,
    wanted: Wanted,
    limits: IncomingLimits,
    state: State,
    messages: usize,
    records: usize,
    bytes: usize,
}

#[derive(Debug)]
enum State {
    /// Nothing came yet.
    Empty,
    /// The first SOA record; what follows tells what it is.
    Opened(Record),
    /// A whole zone.
    Whole { soa: Record, records: Vec<Record> },
    /// Steps: those that are complete, and the one being read.
    Steps { soa: Record, done: Vec<ZoneDiff>, step: Step },
    /// All has come.
    Over,
}

#[derive(Debug)]
enum Step {
    /// After the SOA record of the old version.
    Removing { old: Record, removed: Vec<Record> },
    /// After the SOA record of the new version.
    Adding { old: Record, new: Record, removed: Vec<Record>, added: Vec<Record> },
}

/// What a record takes in an answer besides its data: a pointer, type, class, TTL, length.
const RECORD_OVERHEAD_BYTES: usize = 12;

fn serial_of(record: &Record) -> Option<Serial> {
    Soa::from_rdata(&record.data).map(|soa| soa.serial)
}

impl Incoming {
    /// Of the request `id` for `zone`.
    pub fn new(id: u16, zone: Name, wanted: Wanted, limits: IncomingLimits) -> Incoming {
        Incoming { id, zone, wanted, limits, state: State::Empty, messages: 0, records: 0, bytes: 0 }
    }

    /// Takes the next message, whose signature was checked if there must be one.
    ///
    /// # Errors
    /// See [`TransferFault`]; nothing of the transfer may be used then.
    pub fn message(&mut self, message: &[u8]) -> Result<Progress, TransferFault> {
        self.bytes += message.len();
        if self.bytes > self.limits.bytes_max {
            return Err(TransferFault::TooMuch("bytes"));
        }
        let mut reader = MessageReader::new(message).map_err(TransferFault::Unreadable)?;
        let header = *reader.header();
        let fits = header.id == self.id
            && header.flags.has(Flags::QR)
            && header.flags.opcode() == Opcode::QUERY
            && !header.flags.has(Flags::TC);
        if !fits {
            return Err(TransferFault::NotTheAnswer);
        }
        if header.flags.rcode() != Rcode::NOERROR {
            return Err(TransferFault::Refused(header.flags.rcode()));
        }
        while let Some(question) = reader.question().map_err(TransferFault::Unreadable)? {
            if question.name != self.zone || question.class != Class::IN {
                return Err(TransferFault::NotTheAnswer);
            }
        }
        self.messages += 1;
        let mut progress = Progress::More;
        while let Some(raw) = reader.raw_record().map_err(TransferFault::Unreadable)? {
            if raw.section != Section::Answer {
                continue;
            }
            if progress != Progress::More {
                return Err(TransferFault::Order("records follow the end"));
            }
            let record = raw.to_record().map_err(TransferFault::Unreadable)?;
            self.admit(&record)?;
            progress = self.record(record)?;
        }
        match progress {
            // A single SOA record that ends its message: there is nothing newer (RFC 1995 §2, §4).
            Progress::More if self.messages == 1 => Ok(self.up_to_date().unwrap_or(Progress::More)),
            progress => Ok(progress),
        }
    }

    /// What holds for every record.
    fn admit(&mut self, record: &Record) -> Result<(), TransferFault> {
        self.records += 1;
        let fault = |why| Err(TransferFault::Record(why, record.clone()));
        if self.records > self.limits.records_max {
            return Err(TransferFault::TooMuch("records"));
        }
        if record.class != Class::IN {
            return fault("a record of another class");
        }
        if record.rtype().is_meta() {
            return fault("a record of a type that stands in no zone");
        }
        if !record.owner.is_at_or_below(&self.zone) {
            return fault("a record outside of the zone");
        }
        if record.rtype() == RecordType::SOA && record.owner != self.zone {
            return fault("an SOA record below the top of the zone");
        }
        if record.data.as_wire().len() > self.limits.set_max_bytes {
            return fault("a record too large to be answered");
        }
        if record.rtype() == RecordType::NSEC3 && record.owner.labels().next().and_then(read_label).is_none()
        {
            return fault("an NSEC3 record whose name is no hash");
        }
        Ok(())
    }

    fn record(&mut self, record: Record) -> Result<Progress, TransferFault> {
        let is_soa = record.rtype() == RecordType::SOA;
        let (state, progress) = match std::mem::replace(&mut self.state, State::Over) {
            State::Empty if is_soa => (State::Opened(record), Progress::More),
            State::Empty => return Err(TransferFault::Order("the first record is not the SOA record")),
            State::Opened(soa) => (self.second(soa, record)?, Progress::More),
            State::Whole { soa, records } if is_soa => (State::Over, end_whole(soa, records, &record)?),
            State::Whole { soa, mut records } => {
                records.push(record);
                (State::Whole { soa, records }, Progress::More)
            }
            State::Steps { soa, done, step } => read_step(soa, done, step, record)?,
            State::Over => return Err(TransferFault::Order("records follow the end")),
        };
        self.state = state;
        Ok(match progress {
            Progress::Done(Received::Whole(records)) => {
                check_sets(&records, self.limits.set_max_bytes)?;
                Progress::Done(Received::Whole(records))
            }
            progress => progress,
        })
    }

    /// The second record tells whether the zone comes whole or in steps (RFC 1995 §4).
    fn second(&self, soa: Record, record: Record) -> Result<State, TransferFault> {
        let Wanted::Since(have) = self.wanted else {
            return Ok(begin_whole(soa, record));
        };
        if record.rtype() != RecordType::SOA {
            return Ok(begin_whole(soa, record));
        }
        if serial_of(&record) != Some(have) {
            // An empty zone sent whole looks so; no zone is empty.
            return Err(TransferFault::Order("the differences begin at another version"));
        }
        let step = Step::Removing { old: record, removed: Vec::new() };
        Ok(State::Steps { soa, done: Vec::new(), step })
    }

    fn up_to_date(&mut self) -> Option<Progress> {
        let (State::Opened(soa), Wanted::Since(have)) = (&self.state, self.wanted) else { return None };
        let serial = serial_of(soa)?;
        if serial.is_after(have) {
            return None;
        }
        self.state = State::Over;
        Some(Progress::Done(Received::UpToDate(serial)))
    }
}

fn begin_whole(soa: Record, record: Record) -> State {
    State::Whole { records: vec![soa.clone(), record], soa }
}

fn end_whole(soa: Record, records: Vec<Record>, last: &Record) -> Result<Progress, TransferFault> {
    // The zone changed while it was sent, or an SOA record stands in the middle (RFC 5936 §2.2).
    if serial_of(&soa) != serial_of(last) || soa.data != last.data {
        return Err(TransferFault::Order("the last SOA record is not the first"));
    }
    Ok(Progress::Done(Received::Whole(records)))
}

/// Takes a record of the steps.
fn read_step(
    soa: Record,
    mut done: Vec<ZoneDiff>,
    step: Step,
    record: Record,
) -> Result<(State, Progress), TransferFault> {
    let is_soa = record.rtype() == RecordType::SOA;
    let step = match step {
        Step::Removing { old, removed } if is_soa => {
            let forward =
                matches!((serial_of(&record), serial_of(&old)), (Some(new), Some(old)) if new.is_after(old));
            if !forward {
                return Err(TransferFault::Order("a step that does not lead forward"));
            }
            Step::Adding { old, new: record, removed, added: Vec::new() }
        }
        Step::Removing { old, mut removed } => {
            removed.push(record);
            Step::Removing { old, removed }
        }
        Step::Adding { old, new, removed, added } if is_soa => {
            let is_last = serial_of(&new) == serial_of(&soa);
            if serial_of(&record) != serial_of(&new) {
                return Err(TransferFault::Order("the steps do not join"));
            }
            done.push(ZoneDiff { old_soa: old, new_soa: new, removed, added });
            if is_last {
                return Ok((State::Over, Progress::Done(Received::Steps(done))));
            }
            Step::Removing { old: record, removed: Vec::new() }
        }
        Step::Adding { old, new, removed, mut added } => {
            added.push(record);
            Step::Adding { old, new, removed, added }
        }
    };
    Ok((State::Steps { soa, done, step }, Progress::More))
}

/// No set may be larger than an answer can carry. Records of a set need not follow each other.
fn check_sets(records: &[Record], set_max_bytes: usize) -> Result<(), TransferFault> {
    let mut sizes: HashMap<(&Name, RecordType), usize> = HashMap::new();
    for record in records {
        let size = sizes.entry((&record.owner, record.rtype())).or_default();
        *size += record.data.as_wire().len() + RECORD_OVERHEAD_BYTES;
        if *size > set_max_bytes {
            return Err(TransferFault::Record("a set too large to be answered", record.clone()));
        }
    }
    Ok(())
}
