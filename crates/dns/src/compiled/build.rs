//! From a zone to its arena.

use std::collections::HashMap;
use std::fmt;

use super::denial::{Denial, hash_label};
use super::{CUT, CompiledZone, DNAME, OCCLUDED, QNAME_AT, WILDCARD, WILDCARD_CHILD};
use super::{RECORD_HEAD_BYTES, SetRef, hash_of, is_compressible};
use crate::code::{RecordType, Ttl};
use crate::name::{LABELS_MAX, Name, label_offsets, wire_is_at_or_below};
use crate::nsec3;
use crate::rdata::{Piece, RData, Soa, pieces};
use crate::record::RRset;
use crate::zone::{Node, ZoneData};

/// Why a zone cannot be made ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileError {
    /// Not exactly one SOA record at the apex.
    NoSoa,
    /// Over 4 GiB.
    TooLarge,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CompileError::NoSoa => "the zone has not exactly one SOA record",
            CompileError::TooLarge => "the zone is over 4 GiB",
        })
    }
}

impl std::error::Error for CompileError {}

/// A node that was written.
struct Written {
    at: u32,
    hash: u64,
    /// Whether queries find it: not if it has nothing but an NSEC3 record (RFC 5155 §7.2.8).
    visible: bool,
}

struct Builder {
    arena: Vec<u8>,
    written: Vec<Written>,
    order: Vec<u32>,
    nsec: Vec<u32>,
    nsec3: Vec<u32>,
    /// Places in the arena to be filled with the node of the name that lies at the second place there.
    targets: Vec<(usize, Name)>,
    wildcards: Vec<u32>,
    record_count: usize,
}

pub(super) fn build(zone: &ZoneData) -> Result<CompiledZone, CompileError> {
    let (soa_ttl, soa) = zone.soa().ok_or(CompileError::NoSoa)?;
    let mut builder = Builder {
        // Offset 0 means "none", so no node begins there.
        arena: vec![0; 4],
        written: Vec::with_capacity(zone.name_count()),
        order: Vec::with_capacity(zone.name_count()),
        nsec: Vec::new(),
        nsec3: Vec::new(),
        targets: Vec::new(),
        wildcards: Vec::new(),
        record_count: 0,
    };
    builder.nodes(zone)?;
    let slots = builder.slots();
    let mut compiled = CompiledZone {
        apex: zone.apex().clone(),
        apex_labels: zone.apex().label_count(),
        apex_hash: hash_of(zone.apex().as_wire()),
        arena: Box::default(),
        slots,
        order: std::mem::take(&mut builder.order).into(),
        denial: Denial::None,
        negative_soa: negative_soa(zone, soa_ttl, &soa).into(),
        negative_soa_sigs: negative_soa_sigs(zone, soa.negative_ttl(soa_ttl)),
        serial: soa.serial,
        record_count: builder.record_count,
    };
    // The look-ups of the finished zone serve to tie the nodes together.
    compiled.arena = std::mem::take(&mut builder.arena).into();
    builder.link_targets(&mut compiled);
    builder.mark_wildcards(&mut compiled);
    compiled.denial = builder.denial(zone, &mut compiled);
    Ok(compiled)
}

impl Builder {
    fn nodes(&mut self, zone: &ZoneData) -> Result<(), CompileError> {
        let apex = zone.apex();
        let (mut cut, mut dname): (Option<&Name>, Option<&Name>) = (None, None);
        let mut previous: Option<&Name> = None;
        for (name, node) in zone.nodes() {
            cut = cut.filter(|cut| name.is_at_or_below(cut));
            dname = dname.filter(|dname| name.is_below(dname));
            let only_nsec3 = node.sets().iter().all(|set| is_nsec3(node, set));
            if !only_nsec3 {
                self.empty_between(previous, name, apex, cut.or(dname))?;
                previous = Some(name);
            }
            let mut flags = 0;
            if cut.is_some_and(|cut| cut != name) || dname.is_some() {
                flags |= OCCLUDED;
            } else {
                if name != apex && node.has(RecordType::NS) && !name.is_wildcard() {
                    flags |= CUT;
                    cut = Some(name);
                }
                if node.has(RecordType::DNAME) {
                    flags |= DNAME;
                    dname = Some(name);
                }
            }
            if name.is_wildcard() {
                flags |= WILDCARD;
            }
            let at = self.node(name, node, flags, !only_nsec3)?;
            self.order.push(at);
            if flags & OCCLUDED == 0 && node.has(RecordType::NSEC) {
                self.nsec.push(at);
            }
            if node.has(RecordType::NSEC3) {
                self.nsec3.push(at);
            }
        }
        Ok(())
    }

    /// Writes nodes without sets for the names that exist only because `name` is below them (RFC 4592 §2.2.2):
    /// its ancestors that `previous`, the name before it in canonical order, is not below too.
    fn empty_between(
        &mut self,
        previous: Option<&Name>,
        name: &Name,
        apex: &Name,
        hidden_by: Option<&Name>,
    ) -> Result<(), CompileError> {
        let labels = name.label_count();
        let known = previous.map_or(0, |previous| common_labels(previous, name)).max(apex.label_count());
        for count in known + 1..labels {
            let empty = name.suffix(count);
            let mut flags = if empty.is_wildcard() { WILDCARD } else { 0 };
            if hidden_by.is_some_and(|above| empty.is_below(above)) {
                flags |= OCCLUDED;
            }
            self.node(&empty, &Node::default(), flags, true)?;
        }
        Ok(())
    }

    fn node(&mut self, name: &Name, node: &Node, flags: u8, visible: bool) -> Result<u32, CompileError> {
        let at = u32::try_from(self.arena.len()).map_err(|_| CompileError::TooLarge)?;
        let wire = name.as_wire();
        let rrsigs = node.get(RecordType::RRSIG).map_or(&[][..], RRset::data);
        self.arena.extend_from_slice(&[wire.len() as u8, flags, 0, 0, 0, 0, 0, 0]);
        self.arena.extend_from_slice(wire);
        let mut count = 0u16;
        let covered = |data: &RData| RecordType(u16::from_be_bytes([data.as_wire()[0], data.as_wire()[1]]));
        for set in node.sets() {
            if set.rtype() == RecordType::RRSIG {
                // Only signatures of what is not there make a set of their own.
                let orphans = rrsigs.iter().filter(|sig| !node.has(covered(sig)));
                if let Some(orphans) = RRset::from_data(set.ttl, orphans.cloned()) {
                    self.set(name, &orphans, &[]);
                    count += 1;
                }
                continue;
            }
            let sigs: Vec<&RData> = rrsigs.iter().filter(|sig| covered(sig) == set.rtype()).collect();
            self.set(name, set, &sigs);
            count += 1;
        }
        let head = at as usize;
        self.arena[head + 2..head + 4].copy_from_slice(&count.to_be_bytes());
        self.written.push(Written { at, hash: hash_of(wire), visible });
        if flags & WILDCARD != 0 && visible {
            self.wildcards.push(at);
        }
        Ok(at)
    }

    fn set(&mut self, name: &Name, set: &RRset, sigs: &[&RData]) {
        let head = self.arena.len();
        let with_targets = leads_on(set.rtype());
        let targets = if with_targets { set.len() } else { 0 };
        self.arena.extend_from_slice(&set.rtype().0.to_be_bytes());
        self.arena.extend_from_slice(&(set.len() as u16).to_be_bytes());
        self.arena.extend_from_slice(&[0; 8]);
        self.arena.extend_from_slice(&(sigs.len() as u16).to_be_bytes());
        self.arena.extend_from_slice(&(targets as u16).to_be_bytes());
        for data in &set.data()[..targets] {
            if let Some(target) = target_of(name, data) {
                self.targets.push((self.arena.len(), target));
            }
            self.arena.extend_from_slice(&[0; 4]);
        }
        let start = self.arena.len();
        let compress = is_compressible(set.rtype()) && !name.is_wildcard();
        let owner = compress.then_some(name.as_wire());
        set.data().iter().for_each(|data| write_record(&mut self.arena, owner, set.ttl, data));
        let records = self.arena.len();
        // RFC 4034 §3: the TTL of a signature is that of what it signs.
        sigs.iter().for_each(|sig| write_record(&mut self.arena, None, set.ttl, sig));
        let (records_len, sigs_len) = (records - start, self.arena.len() - records);
        self.arena[head + 4..head + 8].copy_from_slice(&(records_len as u32).to_be_bytes());
        self.arena[head + 8..head + 12].copy_from_slice(&(sigs_len as u32).to_be_bytes());
        self.record_count += set.len() + sigs.len();
    }

    /// The hash table, at most three quarters full.
    fn slots(&self) -> Box<[u64]> {
        let visible = || self.written.iter().filter(|node| node.visible);
        let len = (visible().count() * 4 / 3 + 2).next_power_of_two();
        let mut slots = vec![0u64; len].into_boxed_slice();
        for node in visible() {
            let mut at = node.hash as usize & (len - 1);
            while slots[at] != 0 {
                at = (at + 1) & (len - 1);
            }
            slots[at] = node.hash >> 32 << 32 | u64::from(node.at);
        }
        slots
    }

    fn link_targets(&mut self, zone: &mut CompiledZone) {
        for (place, name) in std::mem::take(&mut self.targets) {
            let wire = name.as_wire();
            if let Some(at) = zone.find(wire, hash_of(wire)).map(|node| node.at as u32) {
                zone.arena[place..place + 4].copy_from_slice(&at.to_be_bytes());
            }
        }
    }

    fn mark_wildcards(&self, zone: &mut CompiledZone) {
        for at in &self.wildcards {
            let parent = &zone.node(*at).name()[2..];
            if let Some(at) = zone.find(parent, hash_of(parent)).map(|node| node.at) {
                zone.arena[at + 1] |= WILDCARD_CHILD;
            }
        }
    }

    /// Finds out how the zone proves absence, and ties each name to its NSEC3 record.
    fn denial(mut self, zone: &ZoneData, compiled: &mut CompiledZone) -> Denial {
        let params = zone.get(zone.apex(), RecordType::NSEC3PARAM).and_then(|set| set.data().first());
        let Some(params) = params.filter(|_| !self.nsec3.is_empty()) else {
            return if self.nsec.is_empty() { Denial::None } else { Denial::Nsec(self.nsec.into()) };
        };
        let wire = params.as_wire();
        let iterations = u16::from_be_bytes([wire[2], wire[3]]);
        let salt: Box<[u8]> = wire[5..].into();
        // Another chain may be on its way in or out (RFC 5155 §10.4); only whole ones have parameters at the apex.
        // Algorithm, iterations and salt; the flags between differ by record.
        let of_chain = |set: SetRef<'_>| {
            set.bytes()
                .get(RECORD_HEAD_BYTES..)
                .is_some_and(|data| data[0] == wire[0] && data[2..].starts_with(&wire[2..]))
        };
        self.nsec3.retain(|at| compiled.node(*at).set(RecordType::NSEC3).is_some_and(of_chain));
        let by_label: HashMap<Vec<u8>, u32> =
            self.nsec3.iter().map(|at| (compiled.node(*at).name().to_ascii_lowercase(), *at)).collect();
        let mut owner = Vec::new();
        for node in self.written.iter().filter(|node| node.visible) {
            let name = compiled.node(node.at).name().to_ascii_lowercase();
            owner.clear();
            owner.extend_from_slice(&hash_label(&nsec3::hash(&name, iterations, &salt)));
            owner.extend(zone.apex().as_wire().iter().map(u8::to_ascii_lowercase));
            if let Some(at) = by_label.get(&owner) {
                let place = node.at as usize + 4;
                compiled.arena[place..place + 4].copy_from_slice(&at.to_be_bytes());
            }
        }
        Denial::Nsec3 { order: self.nsec3.into(), iterations, salt }
    }
}

/// Whether `set` is an NSEC3 record or its signature.
fn is_nsec3(node: &Node, set: &RRset) -> bool {
    let signs_nsec3 = |sig: &RData| sig.as_wire().starts_with(&RecordType::NSEC3.0.to_be_bytes());
    match set.rtype() {
        RecordType::NSEC3 => true,
        RecordType::RRSIG => node.has(RecordType::NSEC3) && set.data().iter().all(signs_nsec3),
        _ => false,
    }
}

/// Whether records of this type lead to names whose addresses help (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1).
fn leads_on(rtype: RecordType) -> bool {
    matches!(
        rtype,
        RecordType::NS
            | RecordType::MX
            | RecordType::SRV
            | RecordType::SVCB
            | RecordType::HTTPS
            | RecordType::KX
            | RecordType::AFSDB
    )
}

fn target_of(owner: &Name, data: &RData) -> Option<Name> {
    let target = data.target()?;
    let service = matches!(data.rtype(), RecordType::SVCB | RecordType::HTTPS);
    match (target.is_root(), service) {
        (false, _) => Some(target),
        // RFC 9460 §2.5.2: in services `.` is the owner itself.
        (true, true) if data.as_wire()[..2] != [0, 0] => Some(owner.clone()),
        _ => None,
    }
}

/// Writes a record whose owner is the name asked for; names in its data are compressed against `owner`.
fn write_record(out: &mut Vec<u8>, owner: Option<&[u8]>, ttl: Ttl, data: &RData) {
    out.extend_from_slice(&(0xc000 | QNAME_AT as u16).to_be_bytes());
    out.extend_from_slice(&data.rtype().0.to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
    out.extend_from_slice(&ttl.seconds().to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    let start = out.len();
    match owner {
        None => out.extend_from_slice(data.as_wire()),
        Some(owner) => {
            for piece in pieces(data.rtype(), data.as_wire()) {
                match piece {
                    Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                    Piece::Name(name) => write_name(out, owner, name),
                }
            }
        }
    }
    let len = (out.len() - start) as u16;
    out[start - 2..start].copy_from_slice(&len.to_be_bytes());
}

/// Writes `name`, its longest tail that `owner` has too as a pointer. The case must be the same, so that the
/// zone can be had back as it was.
fn write_name(out: &mut Vec<u8>, owner: &[u8], name: &[u8]) {
    let mut offsets = [0; LABELS_MAX];
    let count = label_offsets(name, &mut offsets);
    for at in offsets[..count].iter().map(|at| usize::from(*at)) {
        let tail = &name[at..];
        if owner.ends_with(tail) && wire_is_at_or_below(owner, tail) {
            out.extend_from_slice(&name[..at]);
            let target = QNAME_AT + owner.len() - tail.len();
            out.extend_from_slice(&(0xc000 | target as u16).to_be_bytes());
            return;
        }
    }
    out.extend_from_slice(name);
}

fn common_labels(left: &Name, right: &Name) -> usize {
    let (l, r): (Vec<&[u8]>, Vec<&[u8]>) = (left.labels().collect(), right.labels().collect());
    l.iter().rev().zip(r.iter().rev()).take_while(|(l, r)| l.eq_ignore_ascii_case(r)).count()
}

/// RFC 2308 §3: the SOA record with the smaller of its TTL and its minimum as TTL.
fn negative_soa(zone: &ZoneData, ttl: Ttl, soa: &Soa) -> Vec<u8> {
    let mut out = Vec::new();
    write_record(&mut out, Some(zone.apex().as_wire()), soa.negative_ttl(ttl), &soa.to_rdata());
    out
}

fn negative_soa_sigs(zone: &ZoneData, ttl: Ttl) -> (Box<[u8]>, u16) {
    let (mut out, mut count) = (Vec::new(), 0);
    let sigs = zone.get(zone.apex(), RecordType::RRSIG).map_or(&[][..], RRset::data);
    for sig in sigs.iter().filter(|sig| sig.as_wire().starts_with(&RecordType::SOA.0.to_be_bytes())) {
        write_record(&mut out, None, ttl, sig);
        count += 1;
    }
    (out.into(), count)
}
