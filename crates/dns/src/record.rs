//! Records and sets of records.

use std::fmt;

use crate::code::{Class, RecordType, Ttl};
use crate::name::Name;
use crate::rdata::RData;

/// A record (RFC 1035 §3.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// The name that it is a fact about.
    pub owner: Name,
    /// Its class; IN in zones.
    pub class: Class,
    /// How long it may be remembered.
    pub ttl: Ttl,
    /// Its type and data.
    pub data: RData,
}

impl Record {
    /// A record of class IN.
    pub fn new(owner: Name, ttl: Ttl, data: RData) -> Self {
        Record { owner, class: Class::IN, ttl, data }
    }

    /// Its type.
    pub fn rtype(&self) -> RecordType {
        self.data.rtype()
    }
}

impl fmt::Display for Record {
    /// A line of a master file (RFC 1035 §5.1), without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} {}", self.owner, self.ttl, self.class, self.rtype(), self.data)
    }
}

/// The records of one name and type, of class IN (RFC 2181 §5): one TTL, no data twice, in canonical order
/// (RFC 4034 §6.3). Never empty in a [`crate::zone::ZoneData`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RRset {
    rtype: RecordType,
    /// The TTL of all of them (RFC 2181 §5.2).
    pub ttl: Ttl,
    data: Vec<RData>,
}

impl RRset {
    /// A set of one record.
    pub fn new(ttl: Ttl, data: RData) -> Self {
        RRset { rtype: data.rtype(), ttl, data: vec![data] }
    }

    /// A set of all `data`, duplicates left out; `None` if there is none, or of more than one type.
    pub fn from_data(ttl: Ttl, data: impl IntoIterator<Item = RData>) -> Option<Self> {
        let mut data: Vec<RData> = data.into_iter().collect();
        data.sort();
        data.dedup();
        let rtype = data.first()?.rtype();
        // Sorted by type first, so that the last shows whether there is another.
        if data.last()?.rtype() != rtype {
            return None;
        }
        Some(RRset { rtype, ttl, data })
    }

    /// The type of all of them.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// The data in canonical order.
    pub fn data(&self) -> &[RData] {
        &self.data
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there is none; true only after the last was removed.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Adds `data` at its place. False if it was there, or is of another type.
    pub fn insert(&mut self, data: RData) -> bool {
        if data.rtype() != self.rtype {
            return false;
        }
        match self.data.binary_search(&data) {
            Ok(_) => false,
            Err(at) => {
                self.data.insert(at, data);
                true
            }
        }
    }

    /// Removes `data`. False if it was not there.
    pub fn remove(&mut self, data: &RData) -> bool {
        match self.data.binary_search(data) {
            Ok(at) => {
                self.data.remove(at);
                true
            }
            Err(_) => false,
        }
    }
}
