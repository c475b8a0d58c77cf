//! A zone as it is edited, checked and signed: names in canonical order, each with its sets.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use crate::code::{RecordType, Serial, Ttl};
use crate::name::{self, Name};
use crate::rdata::{RData, Soa};
use crate::record::{RRset, Record};

mod diff;

pub use diff::{ApplyError, DiffError, ZoneDiff};

/// The sets of one name, by type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    sets: Vec<RRset>,
}

impl Node {
    /// The sets in ascending order of type.
    pub fn sets(&self) -> &[RRset] {
        &self.sets
    }

    /// The set of type `rtype`.
    pub fn get(&self, rtype: RecordType) -> Option<&RRset> {
        self.sets.binary_search_by_key(&rtype, RRset::rtype).ok().map(|at| &self.sets[at])
    }

    /// The set of type `rtype`, to be changed. It must not be left empty.
    pub fn get_mut(&mut self, rtype: RecordType) -> Option<&mut RRset> {
        self.sets.binary_search_by_key(&rtype, RRset::rtype).ok().map(|at| &mut self.sets[at])
    }

    /// Whether there is a set of type `rtype`.
    pub fn has(&self, rtype: RecordType) -> bool {
        self.get(rtype).is_some()
    }

    /// The TTL of `data`, one of the records of `set`: that of the set, but for a signature that of what it
    /// signs, whatever the other signatures have (RFC 4034 §3).
    pub fn ttl_of(&self, set: &RRset, data: &RData) -> Ttl {
        match (set.rtype(), data.as_wire()) {
            (RecordType::RRSIG, [high, low, ..]) => {
                self.get(RecordType(u16::from_be_bytes([*high, *low]))).map_or(set.ttl, |signed| signed.ttl)
            }
            _ => set.ttl,
        }
    }

    /// Whether there is no set.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Puts `set` in place of that of its type; an empty one only removes. Gives the old one.
    pub fn set(&mut self, set: RRset) -> Option<RRset> {
        match self.sets.binary_search_by_key(&set.rtype(), RRset::rtype) {
            Ok(at) if set.is_empty() => Some(self.sets.remove(at)),
            Ok(at) => Some(std::mem::replace(&mut self.sets[at], set)),
            Err(_) if set.is_empty() => None,
            Err(at) => {
                self.sets.reserve_exact(1);
                self.sets.insert(at, set);
                None
            }
        }
    }

    /// Takes the set of type `rtype` out.
    pub fn take(&mut self, rtype: RecordType) -> Option<RRset> {
        self.sets.binary_search_by_key(&rtype, RRset::rtype).ok().map(|at| self.sets.remove(at))
    }

    /// Adds one record. False if it was there; its TTL then holds for the set all the same.
    pub fn insert(&mut self, ttl: Ttl, data: RData) -> bool {
        match self.get_mut(data.rtype()) {
            Some(set) => {
                set.ttl = ttl;
                set.insert(data)
            }
            None => {
                self.set(RRset::new(ttl, data));
                true
            }
        }
    }
}

/// A record is not of this zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutOfZone {
    /// Its name is not at or below the apex.
    Name(Name),
    /// Its class is not IN.
    Class,
    /// Its type never stands in a zone (RFC 6895 §3.1).
    Type(RecordType),
}

impl fmt::Display for OutOfZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutOfZone::Name(name) => write!(f, "{name} is not in the zone"),
            OutOfZone::Class => f.write_str("the class is not IN"),
            OutOfZone::Type(rtype) => write!(f, "{rtype} does not stand in zones"),
        }
    }
}

impl std::error::Error for OutOfZone {}

/// All records of a zone of class IN, to be changed. Says nothing of whether they make a good zone.
#[derive(Clone, PartialEq, Eq)]
pub struct ZoneData {
    apex: Name,
    nodes: BTreeMap<Name, Node>,
}

impl ZoneData {
    /// A zone without records.
    pub fn new(apex: Name) -> Self {
        ZoneData { apex, nodes: BTreeMap::new() }
    }

    /// A zone of many records in any order; quicker than adding them one by one.
    ///
    /// # Errors
    /// [`OutOfZone`] for the first that is not of the zone.
    pub fn from_records(apex: Name, records: impl IntoIterator<Item = Record>) -> Result<Self, OutOfZone> {
        let mut bulk = Bulk::new(apex);
        for record in records {
            if record.class != crate::code::Class::IN {
                return Err(OutOfZone::Class);
            }
            bulk.push(record.owner.as_wire(), record.ttl, record.data)?;
        }
        Ok(bulk.finish())
    }

    fn admit(&self, record: &Record) -> Result<(), OutOfZone> {
        match record.class {
            crate::code::Class::IN => admit(&self.apex, record.owner.as_wire(), record.rtype()),
            _ => Err(OutOfZone::Class),
        }
    }

    /// The name of the zone.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The names that have records, in canonical order, with their sets.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (&Name, &Node)> {
        self.nodes.iter()
    }

    /// The sets of `name`, if it has any.
    pub fn node(&self, name: &Name) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// The set of a name and type.
    pub fn get(&self, name: &Name, rtype: RecordType) -> Option<&RRset> {
        self.nodes.get(name)?.get(rtype)
    }

    /// All records in canonical order.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        self.nodes.iter().flat_map(|(name, node)| {
            let sets = node.sets.iter();
            sets.flat_map(|set| {
                set.data().iter().map(|data| Record::new(name.clone(), set.ttl, data.clone()))
            })
        })
    }

    /// How many records there are.
    pub fn record_count(&self) -> usize {
        self.nodes.values().flat_map(|node| &node.sets).map(RRset::len).sum()
    }

    /// How many names have records.
    pub fn name_count(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a record. False if it was there; its TTL then holds for its set all the same (RFC 2181 §5.2).
    ///
    /// # Errors
    /// [`OutOfZone`], and nothing is changed.
    pub fn insert(&mut self, record: Record) -> Result<bool, OutOfZone> {
        self.admit(&record)?;
        Ok(self.nodes.entry(record.owner).or_default().insert(record.ttl, record.data))
    }

    /// Puts `set` in place of that of its name and type; an empty one only removes. Gives the old one.
    ///
    /// # Errors
    /// [`OutOfZone`], and nothing is changed.
    pub fn set(&mut self, name: &Name, set: RRset) -> Result<Option<RRset>, OutOfZone> {
        if set.rtype().is_meta() {
            return Err(OutOfZone::Type(set.rtype()));
        }
        if !name.is_at_or_below(&self.apex) {
            return Err(OutOfZone::Name(name.clone()));
        }
        if set.is_empty() {
            return Ok(self.remove_set(name, set.rtype()));
        }
        Ok(self.nodes.entry(name.clone()).or_default().set(set))
    }

    /// Removes one record. False if it was not there.
    pub fn remove(&mut self, name: &Name, data: &RData) -> bool {
        let Some(node) = self.nodes.get_mut(name) else { return false };
        let Some(set) = node.get_mut(data.rtype()) else { return false };
        let found = set.remove(data);
        if set.is_empty() {
            node.take(data.rtype());
        }
        if node.is_empty() {
            self.nodes.remove(name);
        }
        found
    }

    /// Removes a set.
    pub fn remove_set(&mut self, name: &Name, rtype: RecordType) -> Option<RRset> {
        let node = self.nodes.get_mut(name)?;
        let set = node.take(rtype);
        if node.is_empty() {
            self.nodes.remove(name);
        }
        set
    }

    /// Removes all sets of a name.
    pub fn remove_name(&mut self, name: &Name) -> Option<Node> {
        self.nodes.remove(name)
    }

    /// Whether `name` exists in the sense of RFC 4592 §2.2.2: it has records, or something below it has.
    pub fn exists(&self, name: &Name) -> bool {
        let at_or_after = self.nodes.range((Bound::Included(name), Bound::Unbounded)).next();
        at_or_after.is_some_and(|(found, _)| found.is_at_or_below(name))
    }

    /// The highest name at or above `name`, and below the apex, that is delegated away (has NS records).
    pub fn cut(&self, name: &Name) -> Option<Name> {
        let depth = self.apex.label_count();
        let ancestors = (depth + 1..=name.label_count()).map(|labels| name.suffix(labels));
        ancestors.into_iter().find(|ancestor| self.get(ancestor, RecordType::NS).is_some())
    }

    /// The SOA record's TTL and fields, if there is exactly one.
    pub fn soa(&self) -> Option<(Ttl, Soa)> {
        let set = self.get(&self.apex, RecordType::SOA)?;
        match set.data() {
            [one] => Some((set.ttl, Soa::from_rdata(one)?)),
            _ => None,
        }
    }

    /// The serial of the SOA record.
    pub fn serial(&self) -> Option<Serial> {
        self.soa().map(|(_, soa)| soa.serial)
    }

    /// Writes `serial` into the SOA record. False if there is none.
    pub fn set_serial(&mut self, serial: Serial) -> bool {
        let Some((ttl, mut soa)) = self.soa() else { return false };
        soa.serial = serial;
        let apex = self.apex.clone();
        self.nodes.entry(apex).or_default().set(RRset::new(ttl, soa.to_rdata()));
        true
    }

    /// How long a negative answer may be remembered (RFC 2308 §5).
    pub fn negative_ttl(&self) -> Option<Ttl> {
        self.soa().map(|(ttl, soa)| soa.negative_ttl(ttl))
    }
}

/// Whether a record may stand in the zone `apex`.
fn admit(apex: &Name, owner: &[u8], rtype: RecordType) -> Result<(), OutOfZone> {
    if rtype.is_meta() {
        return Err(OutOfZone::Type(rtype));
    }
    if !name::wire_is_at_or_below(owner, apex.as_wire()) {
        return Err(OutOfZone::Name(Name::from_wire(owner).expect("the caller's name")));
    }
    Ok(())
}

/// Takes many records in any order, and sorts their names once, at the end.
pub(crate) struct Bulk {
    apex: Name,
    nodes: Vec<(Name, Node)>,
}

impl Bulk {
    pub(crate) fn new(apex: Name) -> Self {
        Bulk { apex, nodes: Vec::new() }
    }

    /// Adds a record whose owner has the wire form `owner`.
    pub(crate) fn push(&mut self, owner: &[u8], ttl: Ttl, data: RData) -> Result<(), OutOfZone> {
        match self.nodes.last_mut() {
            Some((name, node)) if name.as_wire() == owner && !data.rtype().is_meta() => {
                node.insert(ttl, data);
            }
            _ => {
                admit(&self.apex, owner, data.rtype())?;
                let mut node = Node::default();
                node.insert(ttl, data);
                self.nodes.push((Name::from_wire(owner).expect("the caller's name"), node));
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> ZoneData {
        let mut nodes = self.nodes;
        if !nodes.is_sorted_by(|left, right| left.0 < right.0) {
            nodes.sort_by_cached_key(|(name, _)| name.sort_key());
        }
        ZoneData { apex: self.apex, nodes: join_equal(nodes).into_iter().collect() }
    }
}

/// Joins neighbours of the same name; what was first stays first, so that the later TTL holds.
fn join_equal(nodes: Vec<(Name, Node)>) -> Vec<(Name, Node)> {
    if nodes.is_sorted_by(|left, right| left.0 != right.0) {
        return nodes;
    }
    let mut joined: Vec<(Name, Node)> = Vec::with_capacity(nodes.len());
    for (name, node) in nodes {
        match joined.last_mut() {
            Some((last, into)) if *last == name => {
                for set in node.sets {
                    let ttl = set.ttl;
                    for data in set.data() {
                        into.insert(ttl, data.clone());
                    }
                }
            }
            _ => joined.push((name, node)),
        }
    }
    joined
}

impl fmt::Debug for ZoneData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "zone {}", self.apex)?;
        self.records().try_for_each(|record| writeln!(f, "{record}"))
    }
}
