//! A zone made ready for answering: immutable, found by hash, with the records of each set as they stand in
//! an answer.
//!
//! All lies in one block of bytes, the arena. A **node** is a name with its sets:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | length of the name |
//! | 1 | flags ([`CUT`] and the rest) |
//! | 2 | how many sets |
//! | 4 | where the node of its NSEC3 record is, 0 for none |
//! | … | the name, uncompressed, in the case of the zone |
//! | … | the sets |
//!
//! A **set** is
//!
//! | bytes | what |
//! |---|---|
//! | 2, 2 | type; how many records |
//! | 4, 4, 2 | bytes of records; bytes of signatures; how many signatures |
//! | 2 | how many targets: 0, or one for each record |
//! | 4 each | targets: the nodes of the names that the records lead to, 0 for none |
//! | … | the records, then their RRSIG records |
//!
//! Records are in wire form. Their owner is a pointer to offset 12, where the name asked for stands in every
//! answer. Names in the data of the types of RFC 1035 are compressed against the owner where the owner is that
//! name, which it is not for wildcards. So an answer to a name that exists is a copy of these bytes.

use std::fmt;

use crate::code::{RecordType, Serial, Ttl};
use crate::name::{LABELS_MAX, NAME_LEN_MAX_BYTES, Name, canonical_cmp, label_offsets};
use crate::rdata::RData;
use crate::record::Record;
use crate::zone::{Bulk, ZoneData};

mod build;
mod denial;

pub use build::CompileError;
pub(crate) use denial::Denial;

/// Delegated away; not set at the apex.
pub(crate) const CUT: u8 = 1;
/// Below a delegation or a DNAME record: glue, or hidden.
pub(crate) const OCCLUDED: u8 = 2;
/// Has a DNAME record.
pub(crate) const DNAME: u8 = 4;
/// `*` below it exists.
pub(crate) const WILDCARD_CHILD: u8 = 8;
/// Is `*.something`.
pub(crate) const WILDCARD: u8 = 16;

/// In the arena, what stands before a node's name and before a set's targets.
const NODE_HEAD_BYTES: usize = 8;
const SET_HEAD_BYTES: usize = 16;
/// What stands before the data of a record whose owner is a pointer: pointer, type, class, TTL, length.
pub(crate) const RECORD_HEAD_BYTES: usize = 12;
/// Where the name asked for stands in every message.
pub(crate) const QNAME_AT: usize = 12;

/// A zone made ready for answering.
pub struct CompiledZone {
    pub(crate) apex: Name,
    pub(crate) apex_labels: usize,
    pub(crate) apex_hash: u64,
    arena: Box<[u8]>,
    /// Open addressing: high half of the hash, and where the node is; 0 is free.
    slots: Box<[u64]>,
    /// The nodes that have records, in canonical order.
    order: Box<[u32]>,
    pub(crate) denial: Denial,
    /// The SOA record as negative answers show it, and its signatures (RFC 2308 §3).
    pub(crate) negative_soa: Box<[u8]>,
    pub(crate) negative_soa_sigs: (Box<[u8]>, u16),
    serial: Serial,
    record_count: usize,
}

impl fmt::Debug for CompiledZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompiledZone({} serial {}, {} records)", self.apex, self.serial, self.record_count)
    }
}

impl CompiledZone {
    /// Makes `zone` ready. It should have been checked ([`crate::check::check`]); whatever it is, answering
    /// from it does not fail.
    ///
    /// # Errors
    /// [`CompileError::NoSoa`] without exactly one SOA record; [`CompileError::TooLarge`] over 4 GiB.
    pub fn new(zone: &ZoneData) -> Result<Self, CompileError> {
        build::build(zone)
    }

    /// The zone's name.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The serial of its SOA record.
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// How many records it has.
    pub fn record_count(&self) -> usize {
        self.record_count
    }

    /// Whether it has a chain of NSEC or NSEC3 records.
    pub fn is_signed(&self) -> bool {
        !matches!(self.denial, Denial::None)
    }

    /// What it takes in memory, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let denial = match &self.denial {
            Denial::None => 0,
            Denial::Nsec(order) | Denial::Nsec3 { order, .. } => order.len() * 4,
        };
        size_of::<Self>()
            + self.apex.as_wire().len()
            + self.arena.len()
            + self.slots.len() * 8
            + self.order.len() * 4
            + denial
            + self.negative_soa.len()
            + self.negative_soa_sigs.0.len()
    }

    /// All records in canonical order of names. Signatures follow what they sign.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let nodes = self.order.iter().map(|at| self.node(*at));
        nodes.flat_map(|node| {
            let name = Name::from_wire(node.name()).expect("written by the builder");
            node.sets().flat_map(|set| set.records().chain(set.sigs())).map(move |raw| {
                let (rtype, ttl, data) = raw.expand(node.name());
                Record::new(name.clone(), ttl, RData::from_checked(rtype, &data))
            })
        })
    }

    /// The SOA record; a transfer begins and ends with it (RFC 5936 §2.2).
    pub fn soa(&self) -> Record {
        let node = self.node(self.order[0]);
        let set = node.set(RecordType::SOA).expect("the builder wants an SOA record");
        let (rtype, ttl, data) = set.records().next().expect("no set is empty").expand(node.name());
        Record::new(self.apex.clone(), ttl, RData::from_checked(rtype, &data))
    }

    /// The zone to be changed.
    pub fn to_data(&self) -> ZoneData {
        let mut bulk = Bulk::new(self.apex.clone());
        for record in self.records() {
            bulk.push(record.owner.as_wire(), record.ttl, record.data).expect("all records are of the zone");
        }
        bulk.finish()
    }

    pub(crate) fn node(&self, at: u32) -> NodeRef<'_> {
        NodeRef { arena: &self.arena, at: at as usize }
    }

    pub(crate) fn apex_node(&self) -> NodeRef<'_> {
        self.node(self.order[0])
    }

    /// The node of the name with wire form `name` and hash `hash`.
    pub(crate) fn find(&self, name: &[u8], hash: u64) -> Option<NodeRef<'_>> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot as u32 == 0 {
                return None;
            }
            if slot >> 32 == hash >> 32 {
                let node = self.node(slot as u32);
                let own = node.name();
                if own == name || own.eq_ignore_ascii_case(name) {
                    return Some(node);
                }
            }
            at = (at + 1) & mask;
        }
    }
}

/// A node in the arena.
#[derive(Clone, Copy)]
pub(crate) struct NodeRef<'z> {
    arena: &'z [u8],
    pub(crate) at: usize,
}

impl<'z> NodeRef<'z> {
    pub(crate) fn name(self) -> &'z [u8] {
        let start = self.at + NODE_HEAD_BYTES;
        &self.arena[start..start + usize::from(self.arena[self.at])]
    }

    pub(crate) fn flags(self) -> u8 {
        self.arena[self.at + 1]
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// The node of its NSEC3 record.
    pub(crate) fn nsec3(self) -> Option<NodeRef<'z>> {
        match number32(self.arena, self.at + 4) {
            0 => None,
            at => Some(NodeRef { arena: self.arena, at: at as usize }),
        }
    }

    pub(crate) fn sets(self) -> Sets<'z> {
        let start = self.at + NODE_HEAD_BYTES + usize::from(self.arena[self.at]);
        Sets { arena: self.arena, at: start, left: number16(self.arena, self.at + 2) }
    }

    pub(crate) fn set(self, rtype: RecordType) -> Option<SetRef<'z>> {
        self.sets().find(|set| set.rtype() == rtype)
    }
}

/// The sets of a node, in ascending order of type.
#[derive(Clone)]
pub(crate) struct Sets<'z> {
    arena: &'z [u8],
    at: usize,
    left: u16,
}

impl<'z> Iterator for Sets<'z> {
    type Item = SetRef<'z>;

    fn next(&mut self) -> Option<SetRef<'z>> {
        self.left = self.left.checked_sub(1)?;
        let set = SetRef { arena: self.arena, at: self.at };
        self.at = set.end();
        Some(set)
    }
}

/// A set in the arena.
#[derive(Clone, Copy)]
pub(crate) struct SetRef<'z> {
    arena: &'z [u8],
    at: usize,
}

impl<'z> SetRef<'z> {
    pub(crate) fn rtype(self) -> RecordType {
        RecordType(number16(self.arena, self.at))
    }

    pub(crate) fn count(self) -> u16 {
        number16(self.arena, self.at + 2)
    }

    fn targets_len(self) -> usize {
        usize::from(number16(self.arena, self.at + 14)) * 4
    }

    /// The records in wire form.
    pub(crate) fn bytes(self) -> &'z [u8] {
        let start = self.at + SET_HEAD_BYTES + self.targets_len();
        &self.arena[start..start + number32(self.arena, self.at + 4) as usize]
    }

    /// The RRSIG records in wire form, and how many there are.
    pub(crate) fn sig_bytes(self) -> (&'z [u8], u16) {
        let end = self.end();
        let len = number32(self.arena, self.at + 8) as usize;
        (&self.arena[end - len..end], number16(self.arena, self.at + 12))
    }

    fn end(self) -> usize {
        let len = number32(self.arena, self.at + 4) as usize + number32(self.arena, self.at + 8) as usize;
        self.at + SET_HEAD_BYTES + self.targets_len() + len
    }

    /// Whether records lead to names whose addresses help.
    pub(crate) fn has_targets(self) -> bool {
        self.targets_len() > 0
    }

    /// The node that the record number `index` leads to, if the zone has it.
    pub(crate) fn target(self, index: usize) -> Option<NodeRef<'z>> {
        if index * 4 >= self.targets_len() {
            return None;
        }
        match number32(self.arena, self.at + SET_HEAD_BYTES + index * 4) {
            0 => None,
            at => Some(NodeRef { arena: self.arena, at: at as usize }),
        }
    }

    fn records(self) -> RawRecords<'z> {
        RawRecords { rest: self.bytes() }
    }

    fn sigs(self) -> RawRecords<'z> {
        RawRecords { rest: self.sig_bytes().0 }
    }
}

/// The records of some bytes in which every owner is a pointer.
pub(crate) struct RawRecords<'a> {
    pub(crate) rest: &'a [u8],
}

/// One of them.
pub(crate) struct Raw<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let len = RECORD_HEAD_BYTES + usize::from(number16(self.rest, 10));
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        Some(Raw { bytes })
    }
}

impl Raw<'_> {
    pub(crate) fn rtype(&self) -> RecordType {
        RecordType(number16(self.bytes, 2))
    }

    /// Type, TTL and uncompressed data, the owner being `owner`.
    fn expand(&self, owner: &[u8]) -> (RecordType, Ttl, Vec<u8>) {
        let ttl = Ttl::from_wire(number32(self.bytes, 6));
        let mut data = Vec::with_capacity(self.bytes.len() + 16);
        let data_bytes = &self.bytes[RECORD_HEAD_BYTES..];
        let mut buf = [0; NAME_LEN_MAX_BYTES];
        each_piece(self.rtype(), data_bytes, |piece| match piece {
            CompressedPiece::Bytes(bytes) => data.extend_from_slice(bytes),
            CompressedPiece::Name(name) => {
                let len = expand_against(name, owner, &mut buf);
                data.extend_from_slice(&buf[..len]);
            }
        });
        (self.rtype(), ttl, data)
    }
}

/// A piece of data as it lies in the arena: plain bytes, or a name that may end in a pointer into its owner.
pub(crate) enum CompressedPiece<'a> {
    Bytes(&'a [u8]),
    Name(&'a [u8]),
}

/// Walks the pieces of data in which names may be compressed: those of the types of RFC 1035, all of which
/// have a fixed layout. Of all other types the data is one piece of bytes.
pub(crate) fn each_piece<'a>(rtype: RecordType, data: &'a [u8], mut take: impl FnMut(CompressedPiece<'a>)) {
    let (before, names) = match rtype {
        RecordType::NS | RecordType::CNAME | RecordType::PTR => (0, 1),
        RecordType::MX => (2, 1),
        RecordType::SOA | RecordType::MINFO => (0, 2),
        _ => (data.len(), 0),
    };
    let (bytes, mut rest) = data.split_at(before);
    if !bytes.is_empty() {
        take(CompressedPiece::Bytes(bytes));
    }
    for _ in 0..names {
        let (name, after) = rest.split_at(compressed_len(rest));
        take(CompressedPiece::Name(name));
        rest = after;
    }
    if !rest.is_empty() {
        take(CompressedPiece::Bytes(rest));
    }
}

/// Whether names in the data of `rtype` may be compressed in the arena.
pub(crate) fn is_compressible(rtype: RecordType) -> bool {
    matches!(
        rtype,
        RecordType::NS
            | RecordType::CNAME
            | RecordType::PTR
            | RecordType::MX
            | RecordType::SOA
            | RecordType::MINFO
    )
}

/// The length of a name that may end in a pointer.
fn compressed_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match bytes[at] {
            0 => return at + 1,
            192.. => return at + 2,
            len => at += 1 + usize::from(len),
        }
    }
}

/// Writes a name of the arena, which may end in a pointer into `owner`, into `buf`; gives its length.
pub(crate) fn expand_against(name: &[u8], owner: &[u8], buf: &mut [u8; NAME_LEN_MAX_BYTES]) -> usize {
    let Some([high, low]) = name.last_chunk::<2>().filter(|_| name.len() > 1 && is_pointed(name)) else {
        buf[..name.len()].copy_from_slice(name);
        return name.len();
    };
    let own = name.len() - 2;
    let at = (usize::from(high & 0x3f) << 8 | usize::from(*low)) - QNAME_AT;
    let tail = &owner[at..];
    buf[..own].copy_from_slice(&name[..own]);
    buf[own..own + tail.len()].copy_from_slice(tail);
    own + tail.len()
}

/// Whether the name ends in a pointer.
pub(crate) fn is_pointed(name: &[u8]) -> bool {
    let mut at = 0;
    loop {
        match name[at] {
            0 => return false,
            192.. => return true,
            len => at += 1 + usize::from(len),
        }
    }
}

/// A name to be looked up, with all that is known after one pass: lower case, where labels begin, and the hash
/// of the name from each label on.
pub(crate) struct Key {
    lower: [u8; NAME_LEN_MAX_BYTES],
    len: usize,
    offsets: [u8; LABELS_MAX + 1],
    /// By number of labels: the hash of the last n labels.
    hashes: [u64; HASHES_KEPT],
    /// How many labels, the root's not counted.
    pub(crate) labels: usize,
}

impl Key {
    pub(crate) fn new() -> Self {
        Key {
            lower: [0; NAME_LEN_MAX_BYTES],
            len: 1,
            offsets: [0; LABELS_MAX + 1],
            hashes: [0; HASHES_KEPT],
            labels: 0,
        }
    }

    /// Takes the uncompressed name `wire`.
    pub(crate) fn set(&mut self, wire: &[u8]) {
        self.len = wire.len();
        self.lower[..wire.len()].copy_from_slice(wire);
        self.lower[..wire.len()].make_ascii_lowercase();
        let (mut at, mut labels) = (0, 0);
        while wire[at] != 0 {
            self.offsets[labels] = at as u8;
            labels += 1;
            at += 1 + usize::from(wire[at]);
        }
        self.offsets[labels] = at as u8;
        self.labels = labels;
        let mut hash = HASH_OF_ROOT;
        self.hashes[0] = hash;
        for count in 1..=labels.min(HASHES_KEPT - 1) {
            let label = labels - count;
            let (start, end) = (usize::from(self.offsets[label]), usize::from(self.offsets[label + 1]));
            hash = extend_hash(hash, &self.lower[start..end]);
            self.hashes[count] = hash;
        }
    }

    /// The name from the label number `from` on, in lower case.
    pub(crate) fn suffix(&self, from: usize) -> &[u8] {
        &self.lower[usize::from(self.offsets[from])..self.len]
    }

    /// The whole name in lower case.
    pub(crate) fn name(&self) -> &[u8] {
        &self.lower[..self.len]
    }

    pub(crate) fn offset(&self, label: usize) -> usize {
        usize::from(self.offsets[label])
    }

    /// The hash of the name from the label number `from` on.
    pub(crate) fn hash(&self, from: usize) -> u64 {
        match self.hashes.get(self.labels - from) {
            Some(hash) => *hash,
            None => hash_of(self.suffix(from)),
        }
    }
}

/// Hashes of suffixes with up to so many labels, less one, are kept; longer names are seldom, and clearing the
/// room for all would cost every query.
const HASHES_KEPT: usize = 16;

const HASH_OF_ROOT: u64 = 0x9e37_79b9_7f4a_7c15;
const HASH_FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

/// The hash of a name, from that of its parent and its first label in lower case, length byte and all. The
/// folded product is that of wyhash: good enough, and two cycles for eight bytes. Who writes a zone can make
/// names collide, and then pays for it in the zone's own look-ups.
fn extend_hash(parent: u64, label: &[u8]) -> u64 {
    let mut hash = parent;
    for chunk in label.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let product = u128::from(hash ^ u64::from_le_bytes(word)) * u128::from(HASH_FACTOR);
        hash = product as u64 ^ (product >> 64) as u64;
    }
    hash
}

/// The hash of `*.` and a name of hash `parent`.
pub(crate) fn wildcard_hash(parent: u64) -> u64 {
    extend_hash(parent, b"\x01*")
}

/// The hash of an uncompressed name.
pub(crate) fn hash_of(wire: &[u8]) -> u64 {
    let mut offsets = [0; LABELS_MAX];
    let count = label_offsets(wire, &mut offsets);
    let mut low = [0; 64];
    offsets[..count].iter().rev().fold(HASH_OF_ROOT, |hash, at| {
        let start = usize::from(*at);
        let label = &wire[start..=start + usize::from(wire[start])];
        let low = &mut low[..label.len()];
        low.copy_from_slice(label);
        low.make_ascii_lowercase();
        extend_hash(hash, low)
    })
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl CompiledZone {
    /// Of nodes in canonical order of names, the last that is not after `name`; the last of all if every one
    /// is after it, as in a ring.
    fn not_after(&self, order: &[u32], name: &[u8]) -> Option<NodeRef<'_>> {
        let at = order.partition_point(|node| canonical_cmp(self.node(*node).name(), name).is_le());
        let at = at.checked_sub(1).unwrap_or(order.len().checked_sub(1)?);
        Some(self.node(order[at]))
    }
}
