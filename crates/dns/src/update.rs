//! Dynamic update (RFC 2136): reading a request, its prerequisites, and what it changes.
//!
//! All checks come before the first change: an update is done whole or not at all (RFC 2136 §3.7).

mod apply;
mod parse;

use crate::code::{Class, Opcode, Rcode, RecordType};
use crate::message::{Header, MessageReader, Question, RawRecord, Section};
use crate::name::Name;
use crate::rdata::RData;
use crate::record::Record;

/// Most records in one request: far more than any client of certificates or addresses sends.
pub const RECORDS_MAX: usize = 2000;

/// An update request that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The message's id.
    pub id: u16,
    /// The zone section's one entry, to be repeated in the answer.
    pub zone: Question,
    prerequisites: Vec<Prerequisite>,
    changes: Vec<Change>,
}

/// What must hold for the changes to be made (RFC 2136 §2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Prerequisite {
    /// The name has records of some type.
    NameInUse(Name),
    /// The name has no records.
    NameNotInUse(Name),
    /// There is a set of this type.
    SetExists(Name, RecordType),
    /// There is none.
    SetMissing(Name, RecordType),
    /// There is a set of exactly these; those of one set are compared together.
    SetIs(Name, RData),
}

/// A change (RFC 2136 §2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Add a record, or give it another TTL.
    Add(Record),
    /// Remove a set.
    RemoveSet(Name, RecordType),
    /// Remove all sets of a name.
    RemoveName(Name),
    /// Remove a record.
    Remove(Name, RData),
}

impl Change {
    /// The name whose records change.
    pub fn name(&self) -> &Name {
        match self {
            Change::Add(record) => &record.owner,
            Change::RemoveSet(name, _) | Change::RemoveName(name) | Change::Remove(name, _) => name,
        }
    }

    /// The type of what changes; nothing for all of a name.
    pub fn rtype(&self) -> Option<RecordType> {
        match self {
            Change::Add(record) => Some(record.rtype()),
            Change::RemoveSet(_, rtype) => Some(*rtype),
            Change::Remove(_, data) => Some(data.rtype()),
            Change::RemoveName(_) => None,
        }
    }
}

/// Why an update is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It breaks the protocol, or a prerequisite does not hold.
    Code(Rcode),
    /// Somebody else looks after what it would change: the name, the type, and who.
    Managed(Name, RecordType, String),
}

impl Refusal {
    /// What is answered.
    pub fn rcode(&self) -> Rcode {
        match self {
            Refusal::Code(code) => *code,
            Refusal::Managed(..) => Rcode::REFUSED,
        }
    }
}

/// Whether the server alone makes records of a type in a signed zone (RFC 3007 §4.2 and RFC 4034): by hand they
/// would break the zone, or its trust.
pub fn is_signers(rtype: RecordType) -> bool {
    use RecordType as T;
    [T::RRSIG, T::NSEC, T::NSEC3, T::NSEC3PARAM, T::DNSKEY, T::CDS, T::CDNSKEY].contains(&rtype)
}

#[cfg(test)]
mod tests;
