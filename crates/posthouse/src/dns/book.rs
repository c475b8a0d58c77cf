//! A zone as the store keeps it: what is served, and whose each record is.
//!
//! A [`Book`] is the content of a zone; a [`Step`] is what one change did to it. The store keeps a book once in a
//! while and a step for each change since; steps also answer incremental transfers and are undone.
//!
//! # Hostile input
//! The bytes come from our own database. They are checked all the same, as every name and datum is: a
//! damaged database must not become a panic.

use dns::{Name, RData, Record, RecordType, Serial, Soa, Ttl, ZoneData, ZoneDiff};
use std::collections::HashSet;
use std::fmt;

/// The first byte of a book and of a step: the form in which they are written.
const FORM: u8 = 1;
/// What a book or a step says in its second byte.
const SIGNED: u8 = 1;
/// In a step: the list of managed records follows.
const HAS_MANAGED: u8 = 2;
/// In a step: what differs for those who fetch the zone follows.
const HAS_SERVED: u8 = 4;
/// In a step: what was the operator's was replaced as a whole.
const REPLACED: u8 = 8;
/// In a step: the settings before it follow.
const HAS_SETTINGS: u8 = 16;
/// In a step: what takes it back beyond records follows.
const HAS_INVERSE: u8 = 32;
/// In a step: it left the zone's content alone, and says nothing of it.
const BESIDE: u8 = 64;

/// Why stored bytes are no book or step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookError(&'static str);

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stored zone is damaged: {}", self.0)
    }
}

impl std::error::Error for BookError {}

/// The content of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// What is served.
    pub served: ZoneData,
    /// Whether [`Book::served`] is signed, so that records of signing in it are the house's.
    pub signed: bool,
    /// The records in [`Book::served`] that the house made for mail; its SOA record, if it is among them, with the
    /// serial 0.
    pub managed: Vec<Record>,
}

/// Whose a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The house made it, and keeps it as it must be.
    Managed,
    /// The operator's: never touched.
    Yours,
    /// It comes and goes with signing.
    Signing,
}

impl Owner {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Owner::Managed => "managed",
            Owner::Yours => "yours",
            Owner::Signing => "signing",
        }
    }
}

/// Whether records of this type at this place are made by signing a zone (RFC 4035 §2, RFC 7344 §4).
pub fn is_of_signing(apex: &Name, owner: &Name, rtype: RecordType) -> bool {
    match rtype {
        RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3 => true,
        RecordType::DNSKEY | RecordType::CDS | RecordType::CDNSKEY | RecordType::NSEC3PARAM => owner == apex,
        _ => false,
    }
}

/// The record with the serial 0, if it is an SOA record.
pub fn without_serial(record: Record) -> Record {
    match Soa::from_rdata(&record.data) {
        Some(mut soa) if record.rtype() == RecordType::SOA => {
            soa.serial = Serial(0);
            Record { data: soa.to_rdata(), ..record }
        }
        _ => record,
    }
}

impl Book {
    /// A zone without records.
    pub fn empty(apex: Name) -> Book {
        Book { served: ZoneData::new(apex), signed: false, managed: Vec::new() }
    }

    /// Reads a book and makes the steps since.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn load(apex: &Name, content: &store::ZoneContent) -> Result<Book, BookError> {
        let mut book = match content.base.is_empty() {
            true => Book::empty(apex.clone()),
            false => Book::from_bytes(apex, &content.base)?,
        };
        for bytes in &content.changes {
            let step = Step::from_bytes(bytes)?;
            if step.beside {
                continue;
            }
            if let Some(diff) = &step.served {
                diff.apply(&mut book.served).map_err(|_| BookError("a change does not fit"))?;
            }
            if let Some(managed) = step.managed {
                book.managed = managed;
            }
            book.signed = step.signed;
        }
        Ok(book)
    }

    fn from_bytes(apex: &Name, bytes: &[u8]) -> Result<Book, BookError> {
        let mut rest = bytes;
        let flags = head(&mut rest)?;
        let managed = read_list(&mut rest)?;
        let served = read_zone(apex, &mut rest)?;
        match rest {
            [] => Ok(Book { served, signed: flags & SIGNED != 0, managed }),
            _ => Err(BookError("something follows")),
        }
    }

    /// Bytes that [`Book::load`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![FORM, if self.signed { SIGNED } else { 0 }];
        write_list(&mut out, self.managed.iter());
        let count = self.served.record_count();
        out.extend_from_slice(&(count as u32).to_be_bytes());
        for record in self.served.records() {
            write_record(&mut out, &record.owner, record.ttl, &record.data);
        }
        out
    }

    /// Whose each served record is, in the order of the zone.
    pub fn owners(&self) -> impl Iterator<Item = (Record, Owner)> {
        let managed: HashSet<Record> = self.managed.iter().cloned().collect();
        let apex = self.served.apex().clone();
        self.served.records().map(move |record| {
            let owner = if self.signed && is_of_signing(&apex, &record.owner, record.rtype()) {
                Owner::Signing
            } else if managed.contains(&without_serial(record.clone())) {
                Owner::Managed
            } else {
                Owner::Yours
            };
            (record, owner)
        })
    }

    /// What is the operator's; the SOA record, if it is, with the serial 0.
    pub fn yours(&self) -> ZoneData {
        // Taken away from a copy, which shares its names' records with this.
        let mut zone = self.unsigned();
        zone.set_serial(Serial(0));
        for record in &self.managed {
            let ttl = zone.get(&record.owner, record.rtype()).map(|set| set.ttl);
            if ttl == Some(record.ttl) {
                zone.remove(&record.owner, &record.data);
            }
        }
        zone
    }

    /// Everything but what signing adds.
    pub fn unsigned(&self) -> ZoneData {
        if !self.signed {
            return self.served.clone();
        }
        let mut zone = self.served.clone();
        let apex = zone.apex().clone();
        let added: Vec<(Name, RecordType)> = zone
            .nodes()
            .flat_map(|(owner, node)| node.sets().iter().map(|set| (owner.clone(), set.rtype())))
            .filter(|(owner, rtype)| is_of_signing(&apex, owner, *rtype))
            .collect();
        for (owner, rtype) in added {
            zone.remove_set(&owner, rtype);
        }
        zone
    }
}

/// What a change did to what is the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum YoursStep {
    /// Some records went, others came.
    Diff {
        /// What went.
        removed: Vec<Record>,
        /// What came.
        added: Vec<Record>,
    },
    /// All was replaced; this was there before.
    Replaced {
        /// What was there.
        before: Vec<Record>,
    },
}

/// What one change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Whether the zone is signed after it.
    pub signed: bool,
    /// The managed records after it; nothing: as before.
    pub managed: Option<Vec<Record>>,
    /// What differs in what is served; nothing: the whole is in the base.
    pub served: Option<ZoneDiff>,
    /// What it did to what is the operator's.
    pub yours: YoursStep,
    /// The settings before it, as the store has them; nothing: it left them alone.
    pub settings: Option<String>,
    /// What takes it back beyond records and settings, [`super::inverse::Inverse`] as text.
    pub inverse: Option<String>,
    /// It left the content alone: nothing else of this counts but what takes it back.
    pub beside: bool,
}

impl Step {
    /// A step that is about something else than the content of a zone.
    pub fn beside(inverse: String) -> Step {
        let yours = YoursStep::Diff { removed: Vec::new(), added: Vec::new() };
        Step {
            signed: false,
            managed: None,
            served: None,
            yours,
            settings: None,
            inverse: Some(inverse),
            beside: true,
        }
    }

    /// What leads from one book to the next.
    ///
    /// - `yours`: what is the operator's before and after.
    /// - `whole`: the next book is written as a base; then what differs is left out where it is much.
    pub fn between(before: &Book, after: &Book, yours: (&ZoneData, &ZoneData), whole: bool) -> Step {
        let served = match whole {
            true => None,
            false => ZoneDiff::between(&before.served, &after.served).ok(),
        };
        let yours = match whole {
            true => YoursStep::Replaced { before: yours.0.records().collect() },
            false => YoursStep::Diff { removed: missing(yours.0, yours.1), added: missing(yours.1, yours.0) },
        };
        let managed = (before.managed != after.managed || whole).then(|| after.managed.clone());
        Step { signed: after.signed, managed, served, yours, settings: None, inverse: None, beside: false }
    }

    /// Takes back what it did to what is the operator's. What is not there any more, or is there again, is
    /// left as it is.
    pub fn undo(&self, yours: &mut ZoneData) {
        match &self.yours {
            YoursStep::Diff { removed, added } => {
                for record in added {
                    yours.remove(&record.owner, &record.data);
                }
                for record in removed {
                    // It was in the zone, so that it may be again.
                    let _ = yours.insert(record.clone());
                }
            }
            YoursStep::Replaced { before } => {
                let apex = yours.apex().clone();
                *yours = ZoneData::from_records(apex.clone(), before.iter().cloned())
                    .unwrap_or_else(|_| ZoneData::new(apex));
            }
        }
    }

    /// Whether the operator's records, or what was decided, changed.
    pub fn is_edit(&self) -> bool {
        if self.settings.is_some() || self.inverse.is_some() {
            return true;
        }
        match &self.yours {
            YoursStep::Diff { removed, added } => !removed.is_empty() || !added.is_empty(),
            YoursStep::Replaced { .. } => true,
        }
    }

    /// Bytes that [`Step::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let replaced = matches!(self.yours, YoursStep::Replaced { .. });
        let flags = flag(self.signed, SIGNED)
            | flag(self.managed.is_some(), HAS_MANAGED)
            | flag(self.served.is_some(), HAS_SERVED)
            | flag(replaced, REPLACED)
            | flag(self.settings.is_some(), HAS_SETTINGS)
            | flag(self.inverse.is_some(), HAS_INVERSE)
            | flag(self.beside, BESIDE);
        let mut out = vec![FORM, flags];
        if let Some(managed) = &self.managed {
            write_list(&mut out, managed.iter());
        }
        for text in self.settings.iter().chain(&self.inverse) {
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        match &self.yours {
            YoursStep::Diff { removed, added } => {
                write_list(&mut out, removed.iter());
                write_list(&mut out, added.iter());
            }
            YoursStep::Replaced { before } => write_list(&mut out, before.iter()),
        }
        if let Some(diff) = &self.served {
            out.extend_from_slice(&diff.to_bytes());
        }
        out
    }

    /// Reads what [`Step::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Step, BookError> {
        let mut rest = bytes;
        let flags = head(&mut rest)?;
        let managed = match flags & HAS_MANAGED != 0 {
            true => Some(read_list(&mut rest)?),
            false => None,
        };
        let mut text = |flag| match flags & flag != 0 {
            true => read_text(&mut rest).map(Some),
            false => Ok(None),
        };
        let (settings, inverse) = (text(HAS_SETTINGS)?, text(HAS_INVERSE)?);
        let yours = match flags & REPLACED != 0 {
            true => YoursStep::Replaced { before: read_list(&mut rest)? },
            false => YoursStep::Diff { removed: read_list(&mut rest)?, added: read_list(&mut rest)? },
        };
        let served = match flags & HAS_SERVED != 0 {
            true => Some(ZoneDiff::from_bytes(rest).map_err(|_| BookError("no difference"))?),
            false if rest.is_empty() => None,
            false => return Err(BookError("something follows")),
        };
        Ok(Step {
            signed: flags & SIGNED != 0,
            managed,
            served,
            yours,
            settings,
            inverse,
            beside: flags & BESIDE != 0,
        })
    }
}

/// The records of `here` that are not, or not with that TTL, in `there`.
pub fn missing(here: &ZoneData, there: &ZoneData) -> Vec<Record> {
    let mut others = there.nodes().peekable();
    let mut out = Vec::new();
    for (name, node) in here.nodes() {
        while others.next_if(|(other, _)| *other < name).is_some() {}
        let other = others.peek().filter(|(other, _)| *other == name).map(|(_, other)| *other);
        if other.is_some_and(|other| std::ptr::eq(other, node) || other == node) {
            continue;
        }
        for set in node.sets() {
            let other = other.and_then(|other| other.get(set.rtype()));
            let is_there = |data: &RData| {
                other.is_some_and(|other| {
                    other.ttl_of(data) == set.ttl_of(data) && other.data().binary_search(data).is_ok()
                })
            };
            let lacking = set.data().iter().filter(|data| !is_there(data));
            out.extend(lacking.map(|data| Record::new(name.clone(), set.ttl_of(data), data.clone())));
        }
    }
    out
}

/// Records as bytes, for the control socket.
pub fn pack_records<'a>(records: impl ExactSizeIterator<Item = &'a Record>) -> Vec<u8> {
    let mut out = Vec::new();
    write_list(&mut out, records);
    out
}

/// Reads what [`pack_records`] wrote.
///
/// # Errors
/// [`BookError`].
pub fn unpack_records(bytes: &[u8]) -> Result<Vec<Record>, BookError> {
    let mut rest = bytes;
    let records = read_list(&mut rest)?;
    if rest.is_empty() { Ok(records) } else { Err(BookError("something follows")) }
}

fn head(rest: &mut &[u8]) -> Result<u8, BookError> {
    match rest {
        [FORM, flags, after @ ..] => {
            *rest = after;
            Ok(*flags)
        }
        _ => Err(BookError("an unknown form")),
    }
}

fn write_list<'a>(out: &mut Vec<u8>, list: impl ExactSizeIterator<Item = &'a Record>) {
    out.extend_from_slice(&(list.len() as u32).to_be_bytes());
    list.for_each(|record| write_record(out, &record.owner, record.ttl, &record.data));
}

/// Owner in wire form, type, TTL, length of the data, data.
fn write_record(out: &mut Vec<u8>, owner: &Name, ttl: Ttl, data: &RData) {
    out.extend_from_slice(owner.as_wire());
    out.extend_from_slice(&data.rtype().0.to_be_bytes());
    out.extend_from_slice(&ttl.seconds().to_be_bytes());
    out.extend_from_slice(&(data.as_wire().len() as u16).to_be_bytes());
    out.extend_from_slice(data.as_wire());
}

const SHORT: BookError = BookError("it ends early");

/// How many records follow. No record is shorter than 9 bytes: what claims to hold more than fit is damaged.
fn read_count(rest: &mut &[u8]) -> Result<usize, BookError> {
    let (count, after) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    *rest = after;
    match u32::from_be_bytes(*count) as usize {
        count if count <= rest.len() / 9 => Ok(count),
        _ => Err(SHORT),
    }
}

fn read_text(rest: &mut &[u8]) -> Result<String, BookError> {
    let (len, after) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let (text, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or(SHORT)?;
    *rest = after;
    String::from_utf8(text.to_vec()).map_err(|_| BookError("no text"))
}

fn read_record(rest: &mut &[u8]) -> Result<Record, BookError> {
    let owner = Name::from_wire_prefix(rest).map_err(|_| BookError("no name"))?;
    let (fields, after) = rest[owner.as_wire().len()..].split_first_chunk::<8>().ok_or(SHORT)?;
    let [t1, t2, s1, s2, s3, s4, l1, l2] = *fields;
    let (wire, after) = after.split_at_checked(usize::from(u16::from_be_bytes([l1, l2]))).ok_or(SHORT)?;
    let data = RData::from_wire(RecordType(u16::from_be_bytes([t1, t2])), wire)
        .map_err(|_| BookError("no record data"))?;
    *rest = after;
    Ok(Record::new(owner, Ttl::from_wire(u32::from_be_bytes([s1, s2, s3, s4])), data))
}

fn read_list(rest: &mut &[u8]) -> Result<Vec<Record>, BookError> {
    let count = read_count(rest)?;
    (0..count).map(|_| read_record(rest)).collect()
}

/// The same, into a zone at once: a million records need not lie about twice.
fn read_zone(apex: &Name, rest: &mut &[u8]) -> Result<ZoneData, BookError> {
    let count = read_count(rest)?;
    let mut fault = None;
    let records = (0..count).map_while(|_| read_record(rest).map_err(|error| fault = Some(error)).ok());
    let zone = ZoneData::from_records(apex.clone(), records);
    match fault {
        Some(fault) => Err(fault),
        None => zone.map_err(|_| BookError("a record is not of the zone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_were_written() {
        let record = Record::new(
            "www.example.org.".parse().unwrap(),
            Ttl::from_wire(300),
            RData::parse(RecordType::A, "192.0.2.1", None).unwrap(),
        );
        let edit = Step {
            signed: true,
            managed: Some(vec![record.clone()]),
            yours: YoursStep::Diff { removed: vec![record.clone()], added: vec![] },
            settings: Some("settings".to_owned()),
            beside: false,
            ..Step::beside("inverse".to_owned())
        };
        let whole = Step {
            yours: YoursStep::Replaced { before: vec![record] },
            settings: None,
            inverse: None,
            ..edit.clone()
        };
        for step in [edit, whole, Step::beside("inverse".to_owned())] {
            let bytes = step.to_bytes();
            for end in 0..bytes.len() {
                assert!(Step::from_bytes(&bytes[..end]).is_err(), "{end} bytes of {step:?}");
            }
            assert_eq!(Step::from_bytes(&bytes), Ok(step));
        }
    }
}
