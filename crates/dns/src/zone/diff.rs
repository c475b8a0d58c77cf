//! What changes from one version of a zone to the next: the unit of IXFR (RFC 1995 §4), of journals and of
//! undoing.

use std::fmt;

use super::ZoneData;
use crate::code::{Class, RecordType, Serial, Ttl};
use crate::name::Name;
use crate::rdata::{RData, RDataError, Soa};
use crate::record::Record;

/// A step from one version of a zone to another. A TTL that changes is a removal and an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneDiff {
    /// The SOA record before.
    pub old_soa: Record,
    /// The SOA record after.
    pub new_soa: Record,
    /// What goes, without the SOA record, in canonical order.
    pub removed: Vec<Record>,
    /// What comes, without the SOA record, in canonical order.
    pub added: Vec<Record>,
}

/// Why there is no step between two versions, or none in some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffError {
    /// The versions are of different zones.
    OtherZone,
    /// A version has no SOA record, or several.
    NoSoa,
    /// Bytes that hold no step.
    Malformed,
}

impl fmt::Display for DiffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DiffError::OtherZone => "the versions are of different zones",
            DiffError::NoSoa => "a version has not exactly one SOA record",
            DiffError::Malformed => "the bytes hold no difference of zones",
        })
    }
}

impl std::error::Error for DiffError {}

/// Why a step does not fit a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyError {
    /// The zone is at another serial than the step begins at.
    WrongSerial {
        /// That of the zone; `None` without an SOA record.
        zone: Option<Serial>,
        /// That of the step.
        step: Option<Serial>,
    },
    /// What is to go is not there.
    Missing(Record),
    /// What is to come is there, or is not of the zone.
    Unfit(Record),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyError::WrongSerial { .. } => f.write_str("the zone is at another serial"),
            ApplyError::Missing(record) => write!(f, "to be removed and not there: {record}"),
            ApplyError::Unfit(record) => write!(f, "to be added, and there or out of zone: {record}"),
        }
    }
}

impl std::error::Error for ApplyError {}

impl ZoneDiff {
    /// The step from `old` to `new`.
    ///
    /// # Errors
    /// [`DiffError::OtherZone`], [`DiffError::NoSoa`].
    pub fn between(old: &ZoneData, new: &ZoneData) -> Result<Self, DiffError> {
        if old.apex() != new.apex() {
            return Err(DiffError::OtherZone);
        }
        let mut diff = ZoneDiff {
            old_soa: soa_record(old).ok_or(DiffError::NoSoa)?,
            new_soa: soa_record(new).ok_or(DiffError::NoSoa)?,
            removed: Vec::new(),
            added: Vec::new(),
        };
        let (mut left, mut right) = (old.nodes().peekable(), new.nodes().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((l, _)), Some((r, _))) => l.cmp(r),
            };
            let before = if order.is_le() { left.next() } else { None };
            let after = if order.is_ge() { right.next() } else { None };
            if let (Some((_, l)), Some((_, r))) = (before, after)
                && l == r
            {
                continue;
            }
            diff.removed.extend(missing_in(before, after));
            diff.added.extend(missing_in(after, before));
        }
        Ok(diff)
    }

    /// The serial before.
    pub fn from_serial(&self) -> Option<Serial> {
        Soa::from_rdata(&self.old_soa.data).map(|soa| soa.serial)
    }

    /// The serial after.
    pub fn to_serial(&self) -> Option<Serial> {
        Soa::from_rdata(&self.new_soa.data).map(|soa| soa.serial)
    }

    /// Whether nothing changes but the SOA record.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// The step back.
    #[must_use]
    pub fn inverse(self) -> Self {
        ZoneDiff { old_soa: self.new_soa, new_soa: self.old_soa, removed: self.added, added: self.removed }
    }

    /// Makes the step in `zone`.
    ///
    /// # Errors
    /// [`ApplyError`]; the zone may then have taken a part of it, and is to be thrown away.
    pub fn apply(&self, zone: &mut ZoneData) -> Result<(), ApplyError> {
        if zone.serial().is_none() || zone.serial() != self.from_serial() {
            return Err(ApplyError::WrongSerial { zone: zone.serial(), step: self.from_serial() });
        }
        for record in &self.removed {
            if record.rtype() == RecordType::SOA || !zone.remove(&record.owner, &record.data) {
                return Err(ApplyError::Missing(record.clone()));
            }
        }
        for record in &self.added {
            if record.rtype() == RecordType::SOA || zone.insert(record.clone()) != Ok(true) {
                return Err(ApplyError::Unfit(record.clone()));
            }
        }
        zone.remove(&self.old_soa.owner, &self.old_soa.data);
        match zone.insert(self.new_soa.clone()) {
            Ok(_) => Ok(()),
            Err(_) => Err(ApplyError::Unfit(self.new_soa.clone())),
        }
    }

    /// Bytes that [`ZoneDiff::from_bytes`] reads again: records in wire form, uncompressed, the two SOA
    /// records first, and before each list its length as 32 bits.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_record(&mut out, &self.old_soa);
        write_record(&mut out, &self.new_soa);
        for list in [&self.removed, &self.added] {
            out.extend_from_slice(&(list.len() as u32).to_be_bytes());
            list.iter().for_each(|record| write_record(&mut out, record));
        }
        out
    }

    /// Reads what [`ZoneDiff::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`DiffError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DiffError> {
        let mut rest = bytes;
        let old_soa = read_record(&mut rest)?;
        let new_soa = read_record(&mut rest)?;
        let (removed, added) = (read_list(&mut rest)?, read_list(&mut rest)?);
        let soas = [&old_soa, &new_soa].iter().all(|record| record.rtype() == RecordType::SOA);
        if rest.is_empty() && soas {
            Ok(ZoneDiff { old_soa, new_soa, removed, added })
        } else {
            Err(DiffError::Malformed)
        }
    }
}

fn soa_record(zone: &ZoneData) -> Option<Record> {
    let (ttl, soa) = zone.soa()?;
    Some(Record::new(zone.apex().clone(), ttl, soa.to_rdata()))
}

type Place<'a> = Option<(&'a Name, &'a super::Node)>;

/// The records of `here`, but of the SOA, that `there` has not, or not with that TTL.
fn missing_in(here: Place<'_>, there: Place<'_>) -> Vec<Record> {
    let mut missing = Vec::new();
    let Some((name, node)) = here else { return missing };
    for set in node.sets().iter().filter(|set| set.rtype() != RecordType::SOA) {
        let other = there.and_then(|(_, node)| node.get(set.rtype()));
        for data in set.data() {
            let ttl = node.ttl_of(set, data);
            // Compared as bytes: a name inside that changed its case is a change for those who fetch the zone.
            let same =
                other.zip(there).is_some_and(|(other, (_, node))| match other.data().binary_search(data) {
                    Ok(at) => {
                        let found = &other.data()[at];
                        found.as_wire() == data.as_wire() && node.ttl_of(other, found) == ttl
                    }
                    Err(_) => false,
                });
            if !same {
                missing.push(Record::new(name.clone(), ttl, data.clone()));
            }
        }
    }
    missing
}

fn write_record(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(record.owner.as_wire());
    out.extend_from_slice(&record.rtype().0.to_be_bytes());
    out.extend_from_slice(&record.class.0.to_be_bytes());
    out.extend_from_slice(&record.ttl.seconds().to_be_bytes());
    out.extend_from_slice(&(record.data.as_wire().len() as u16).to_be_bytes());
    out.extend_from_slice(record.data.as_wire());
}

fn read_record(rest: &mut &[u8]) -> Result<Record, DiffError> {
    let owner = Name::from_wire_prefix(rest).map_err(|_| DiffError::Malformed)?;
    let (head, after) = rest[owner.as_wire().len()..].split_at_checked(10).ok_or(DiffError::Malformed)?;
    let number = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (wire, after) = after.split_at_checked(usize::from(number(8))).ok_or(DiffError::Malformed)?;
    let data = RData::from_wire(RecordType(number(0)), wire).map_err(|_: RDataError| DiffError::Malformed)?;
    *rest = after;
    let ttl = Ttl::from_wire(u32::from(number(4)) << 16 | u32::from(number(6)));
    Ok(Record { owner, class: Class(number(2)), ttl, data })
}

fn read_list(rest: &mut &[u8]) -> Result<Vec<Record>, DiffError> {
    let (count, after) = rest.split_first_chunk::<4>().ok_or(DiffError::Malformed)?;
    *rest = after;
    let mut list = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        list.push(read_record(rest)?);
    }
    Ok(list)
}
