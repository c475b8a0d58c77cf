//! The algorithm of RFC 1034 §4.3.2, as amended by RFC 4592 §3.3.1 and RFC 6672 §3.2.

use super::out::{Full, Out, POINTER_MAX};
use super::{CHAIN_MAX, Kind, Verdict};
use crate::code::{Rcode, RecordType};
use crate::compiled::{
    CUT, CompiledZone, DNAME, Key, NodeRef, OCCLUDED, QNAME_AT, RECORD_HEAD_BYTES, SetRef, WILDCARD_CHILD,
    wildcard_hash,
};
use crate::message::Section;
use crate::name::{self, NAME_LEN_MAX_BYTES};

/// Where a name is in the zone. `label` is the number of the label at which the node's name begins.
#[derive(Clone, Copy)]
pub(super) enum Spot<'z> {
    /// The name exists.
    Exact(NodeRef<'z>),
    /// It does not; the wildcard `node` below the closest encloser makes it.
    Wildcard { node: NodeRef<'z>, encloser: NodeRef<'z>, label: usize },
    /// It is at or below a delegation.
    Cut { node: NodeRef<'z>, label: usize },
    /// It is below a DNAME record.
    Dname { node: NodeRef<'z>, label: usize },
    /// It does not exist; `encloser` is the closest name above it that does.
    Nothing { encloser: NodeRef<'z>, label: usize },
}

/// An answer in the making.
pub(super) struct Resolution<'z, 'w, 'o> {
    pub(super) zone: &'z CompiledZone,
    pub(super) rtype: RecordType,
    pub(super) dnssec: bool,
    pub(super) key: &'w mut Key,
    /// Where the name that is looked up stands.
    pub(super) place: usize,
    /// Where the zone's name stands: at the end of the name asked for.
    pub(super) apex_place: usize,
    pub(super) out: &'w mut Out<'o>,
    /// Nodes whose NSEC or NSEC3 records show that the wildcards on the way may answer. Written behind the last
    /// record of the answer section, whatever the chain leads to.
    pub(super) owed: NodeList<{ CHAIN_MAX + 1 }>,
    /// Nodes whose proofs are in the answer.
    pub(super) proven: NodeList<PROOFS_MAX>,
    /// Nodes whose DNAME records are in the answer.
    dnames: NodeList<{ CHAIN_MAX + 1 }>,
}

/// One proof for each wildcard on the way, and three where it ends (RFC 5155 §7.2.2).
const PROOFS_MAX: usize = CHAIN_MAX + 1 + 3;

/// Nodes, each once, by where they stand in the zone: a number of 32 bits, as the zone's own lists have it.
pub(super) struct NodeList<const MAX: usize> {
    nodes: [u32; MAX],
    count: usize,
}

impl<const MAX: usize> NodeList<MAX> {
    const fn new() -> Self {
        NodeList { nodes: [0; MAX], count: 0 }
    }

    fn as_slice(&self) -> &[u32] {
        &self.nodes[..self.count]
    }

    /// Adds a node; false if it is there already.
    pub(super) fn add(&mut self, node: NodeRef<'_>) -> bool {
        if self.contains(node) {
            return false;
        }
        if let Some(free) = self.nodes.get_mut(self.count) {
            *free = node.at as u32;
            self.count += 1;
        }
        true
    }

    fn contains(&self, node: NodeRef<'_>) -> bool {
        self.as_slice().contains(&(node.at as u32))
    }
}

pub(super) fn resolve(
    zone: &CompiledZone,
    rtype: RecordType,
    dnssec: bool,
    key: &mut Key,
    out: &mut Out<'_>,
) -> Result<Verdict, (Full, Verdict)> {
    let apex_place = QNAME_AT + key.offset(key.labels - zone.apex_labels);
    let mut verdict = Verdict {
        rcode: Rcode::NOERROR,
        kind: Kind::Positive,
        authoritative: true,
        rate_key: key.hash(0),
        extended_error: None,
    };
    let mut resolution = Resolution {
        zone,
        rtype,
        dnssec,
        key,
        place: QNAME_AT,
        apex_place,
        out,
        owed: NodeList::new(),
        proven: NodeList::new(),
        dnames: NodeList::new(),
    };
    match resolution.run(&mut verdict).and_then(|()| resolution.settle()) {
        Ok(()) => Ok(verdict),
        Err(full) => Err((full, verdict)),
    }
}

impl<'z> Resolution<'z, '_, '_> {
    fn run(&mut self, verdict: &mut Verdict) -> Result<(), Full> {
        let mut seen = [0; CHAIN_MAX + 1];
        for step in 0..=CHAIN_MAX {
            let spot = self.spot();
            let next = match spot {
                Spot::Exact(node) => self.at_node(node, spot, verdict)?,
                Spot::Wildcard { node, label, .. } => {
                    verdict.rate_key = wildcard_hash(self.key.hash(label));
                    self.at_node(node, spot, verdict)?
                }
                Spot::Cut { node, label } => {
                    verdict.rate_key = self.key.hash(label);
                    if step == 0 {
                        (verdict.kind, verdict.authoritative) = (Kind::Referral, false);
                    }
                    self.referral(node, label)?;
                    None
                }
                Spot::Dname { node, label } => self.dname(node, label, verdict)?,
                Spot::Nothing { label, .. } => {
                    verdict.rate_key = self.key.hash(label);
                    (verdict.rcode, verdict.kind) = (Rcode::NXDOMAIN, Kind::NxDomain);
                    self.negative_soa()?;
                    self.prove_nothing(spot)?;
                    None
                }
            };
            seen[step] = self.key.hash(0);
            let Some(start) = next else { return Ok(()) };
            if !self.follow(start) || seen[..=step].contains(&self.key.hash(0)) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Finds the place of the name in the zone.
    pub(super) fn spot(&self) -> Spot<'z> {
        let (zone, key) = (self.zone, &*self.key);
        let apex_label = key.labels - zone.apex_labels;
        let mut label = 0;
        let mut found = zone.find(key.name(), key.hash(0));
        // Upwards to the first name that exists and is not hidden by one above it.
        while label < apex_label && found.is_none_or(|node| node.has(OCCLUDED)) {
            label += 1;
            found = zone.find(key.suffix(label), key.hash(label));
        }
        let node = found.unwrap_or_else(|| zone.apex_node());
        if node.has(CUT) && !(label == 0 && self.rtype == RecordType::DS) {
            return Spot::Cut { node, label };
        }
        if label == 0 {
            return Spot::Exact(node);
        }
        if node.has(DNAME) {
            return Spot::Dname { node, label };
        }
        if node.has(WILDCARD_CHILD) {
            let mut name = [0; NAME_LEN_MAX_BYTES + 2];
            let parent = key.suffix(label);
            name[..2].copy_from_slice(b"\x01*");
            name[2..2 + parent.len()].copy_from_slice(parent);
            let wildcard = zone.find(&name[..2 + parent.len()], wildcard_hash(key.hash(label)));
            if let Some(wildcard) = wildcard {
                return Spot::Wildcard { node: wildcard, encloser: node, label };
            }
        }
        Spot::Nothing { encloser: node, label }
    }

    /// Answers from the sets of a node. Gives where the CNAME record begins that is to be followed.
    fn at_node(
        &mut self,
        node: NodeRef<'z>,
        spot: Spot<'z>,
        verdict: &mut Verdict,
    ) -> Result<Option<usize>, Full> {
        let set = match self.rtype {
            // RFC 8482 §4.1: one set is enough.
            RecordType::ANY => node.sets().find(|set| !is_proof(set.rtype())).or_else(|| node.sets().next()),
            RecordType::RRSIG => return self.signatures(node, spot, verdict),
            rtype => node.set(rtype),
        };
        if let Some(set) = set {
            // The name led back to a DNAME record that was followed on the way: it is there already.
            let is_own = !matches!(spot, Spot::Wildcard { .. });
            if is_own && set.rtype() == RecordType::DNAME && self.dnames.contains(node) {
                return Ok(None);
            }
            let start = self.set(Section::Answer, set, self.place, node)?;
            self.owe_wildcard(spot);
            if set.has_targets() {
                self.settle()?;
                self.additional(set, start, self.place, None);
            }
            return Ok(None);
        }
        if let Some(set) = node.set(RecordType::CNAME) {
            let start = self.set(Section::Answer, set, self.place, node)?;
            self.owe_wildcard(spot);
            return Ok(Some(start));
        }
        verdict.kind = Kind::NoData;
        self.negative_soa()?;
        self.prove_no_data(spot)?;
        Ok(None)
    }

    /// A query for RRSIG: the signatures of the first set that has any, as for ANY (RFC 8482 §7).
    fn signatures(
        &mut self,
        node: NodeRef<'z>,
        spot: Spot<'z>,
        verdict: &mut Verdict,
    ) -> Result<Option<usize>, Full> {
        let signed = node.sets().map(SetRef::sig_bytes).find(|(_, count)| *count > 0);
        let orphans = node.set(RecordType::RRSIG).map(|set| (set.bytes(), set.count()));
        match signed.or(orphans) {
            Some(sigs) => {
                self.out.records(Section::Answer, sigs, self.place, node.name())?;
            }
            None => {
                verdict.kind = Kind::NoData;
                self.negative_soa()?;
                self.prove_no_data(spot)?;
            }
        }
        Ok(None)
    }

    /// Writes a set, and its signatures if they are wanted.
    pub(super) fn set(
        &mut self,
        section: Section,
        set: SetRef<'z>,
        place: usize,
        node: NodeRef<'z>,
    ) -> Result<usize, Full> {
        let start = self.out.records(section, (set.bytes(), set.count()), place, node.name())?;
        if self.dnssec {
            let sigs = set.sig_bytes();
            if sigs.1 > 0 {
                self.out.records(section, sigs, place, node.name())?;
            }
        }
        Ok(start)
    }

    /// RFC 2308 §3.
    fn negative_soa(&mut self) -> Result<(), Full> {
        let (place, owner) = (self.apex_place, self.zone.apex.as_wire());
        self.out.records(Section::Authority, (&self.zone.negative_soa, 1), place, owner)?;
        let (sigs, count) = &self.zone.negative_soa_sigs;
        if self.dnssec && *count > 0 {
            self.out.records(Section::Authority, (sigs, *count), place, owner)?;
        }
        Ok(())
    }

    /// RFC 1034 §4.3.2 step 3b; with DNSSEC, DS or the proof that there is none (RFC 4035 §3.1.4).
    fn referral(&mut self, node: NodeRef<'z>, label: usize) -> Result<(), Full> {
        let Some(set) = node.set(RecordType::NS) else { return Ok(()) };
        let place = self.out.place_of_tail(self.place, label);
        // NS records at a cut are not signed (RFC 4035 §2.2).
        let bytes = (set.bytes(), set.count());
        let start = self.out.records(Section::Authority, bytes, place, node.name())?;
        if self.dnssec {
            match node.set(RecordType::DS) {
                Some(ds) => {
                    self.set(Section::Authority, ds, place, node)?;
                }
                None => self.prove_insecure(node, label)?,
            }
        }
        self.settle()?;
        self.additional(set, start, place, Some(node));
        Ok(())
    }

    /// Writes the proofs that are owed for wildcards on the way.
    fn settle(&mut self) -> Result<(), Full> {
        if self.owed.count == 0 {
            return Ok(());
        }
        let owed = std::mem::replace(&mut self.owed, NodeList::new());
        owed.as_slice().iter().try_for_each(|at| self.denial(self.zone.node(*at)))
    }

    /// RFC 6672 §3.1: the DNAME record, and the CNAME record that it means for this name.
    fn dname(
        &mut self,
        node: NodeRef<'z>,
        label: usize,
        verdict: &mut Verdict,
    ) -> Result<Option<usize>, Full> {
        let Some(set) = node.set(RecordType::DNAME) else { return Ok(None) };
        verdict.rate_key = self.key.hash(label);
        let place = self.out.place_of_tail(self.place, label);
        // A chain can come by twice; no set stands twice in an answer.
        if self.dnames.add(node) {
            self.set(Section::Answer, set, place, node)?;
        }
        let target = &set.bytes()[RECORD_HEAD_BYTES..];
        let target = &target[..name::wire_len(target).unwrap_or(target.len())];
        let mut own = [0; NAME_LEN_MAX_BYTES];
        let (len, _) = name::expand(self.out.bytes(), self.place, &mut own).map_err(|_| Full)?;
        let kept = self.key.offset(label);
        debug_assert!(kept < len);
        let mut made = [0; NAME_LEN_MAX_BYTES];
        let Some(made) = made.get_mut(..kept + target.len()) else {
            // §2.2: too long.
            (verdict.rcode, verdict.kind) = (Rcode::YXDOMAIN, Kind::Error);
            return Ok(None);
        };
        made[..kept].copy_from_slice(&own[..kept]);
        made[kept..].copy_from_slice(target);
        // §3.1: with the TTL of the DNAME record.
        let ttl = [set.bytes()[6], set.bytes()[7], set.bytes()[8], set.bytes()[9]];
        let start = self.out.made_record(self.place, (RecordType::CNAME, 1), ttl, made)?;
        Ok(Some(start).filter(|_| self.rtype != RecordType::CNAME))
    }

    /// Goes on with the name that the CNAME record at `start` leads to; false if the zone does not have it.
    fn follow(&mut self, start: usize) -> bool {
        let place = start + RECORD_HEAD_BYTES;
        let mut buf = [0; NAME_LEN_MAX_BYTES];
        let Ok((len, _)) = name::expand(self.out.bytes(), place, &mut buf) else { return false };
        self.key.set(&buf[..len]);
        self.place = self.out.resolve_place(place);
        let Some(label) = self.key.labels.checked_sub(self.zone.apex_labels) else { return false };
        let in_zone = self.key.hash(label) == self.zone.apex_hash
            && self.zone.apex.as_wire().eq_ignore_ascii_case(self.key.suffix(label));
        // Pointers lead to the whole name, and to its tails where a delegation or DNAME record is above it.
        in_zone && self.place + len <= POINTER_MAX
    }
}

/// Types that say something about the zone rather than about the name.
fn is_proof(rtype: RecordType) -> bool {
    matches!(rtype, RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3)
}
