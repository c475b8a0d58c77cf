//! A second opinion on a signed zone: whether a validator will accept every answer from it.
//!
//! This asks the zone the questions of a validator (RFC 4035 §5, RFC 5155 §8) and shares as little as it can
//! with the signer: names are classed by looking upwards from each, the chain is walked by its own links.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::algorithm::Algorithm;
use super::denial::nsec3_hash;
use super::ds::Ds;
use super::key::DnsKey;
use super::rrsig::Rrsig;
use super::sign::Verify;
use super::zonemd;
use crate::code::RecordType;
use crate::name::Name;
use crate::nsec3;
use crate::rdata::TypeBitmap;
use crate::record::RRset;
use crate::time::Timestamp;
use crate::zone::{Node, ZoneData};

/// At most this many faults are told: one mistake tends to be everywhere.
pub const FAULTS_MAX: usize = 20;

/// Something that a validator would not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub name: Name,
    /// Of which type, if it is about one set.
    pub rtype: Option<RecordType>,
    /// What, as a clause.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rtype {
            Some(rtype) => write!(f, "{} {rtype}: {}", self.name, self.what),
            None => write!(f, "{}: {}", self.name, self.what),
        }
    }
}

/// Checks all of a signed zone at the time `now`: keys, signatures, chain and digest. With `trust`, the DS records
/// of the parent, also that the key set is signed for every algorithm of theirs.
///
/// # Errors
/// What is wrong, at most [`FAULTS_MAX`].
pub fn check_zone(
    zone: &ZoneData,
    now: Timestamp,
    verify: &dyn Verify,
    trust: Option<&[Ds]>,
) -> Result<(), Vec<Fault>> {
    let mut check = Check::new(zone, now, verify);
    check.signatures(None);
    check.denial();
    check.trust(trust);
    if zonemd::verify(zone) == Some(false) {
        check.fault(zone.apex(), RecordType::ZONEMD, "the digest is not that of the zone");
    }
    check.faults.truncate(FAULTS_MAX);
    if check.faults.is_empty() { Ok(()) } else { Err(check.faults) }
}

/// Names up to which all of a zone is checked at each change; above, only those that changed. As many take a second
/// or two, and only when keys are rolled.
pub const CHECKED_WHOLE_MAX: usize = 20_000;

/// Checks what was signed just now, before it is served: the signatures of names that differ from `before`, or of all
/// names if the key set differs, and the chain.
///
/// # Errors
/// What is wrong, at most [`FAULTS_MAX`].
pub fn check_signed(
    zone: &ZoneData,
    before: &ZoneData,
    now: Timestamp,
    verify: &dyn Verify,
) -> Result<(), Vec<Fault>> {
    let keys = |zone: &ZoneData| zone.get(zone.apex(), RecordType::DNSKEY).map(|set| set.data().to_vec());
    let is_small = zone.nodes().nth(CHECKED_WHOLE_MAX).is_none();
    let mut check = Check::new(zone, now, verify);
    check.signatures(Some(before).filter(|_| !is_small || keys(zone) == keys(before)));
    if is_small {
        check.denial();
    }
    check.faults.truncate(FAULTS_MAX);
    if check.faults.is_empty() { Ok(()) } else { Err(check.faults) }
}

/// How a name belongs to the zone, found by looking upwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Own,
    Cut { secure: bool },
    Hidden,
}

struct Check<'a> {
    zone: &'a ZoneData,
    now: Timestamp,
    verify: &'a dyn Verify,
    keys: Vec<DnsKey>,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    fn new(zone: &'a ZoneData, now: Timestamp, verify: &'a dyn Verify) -> Check<'a> {
        let keys = zone.get(zone.apex(), RecordType::DNSKEY);
        let keys = keys.map(RRset::data).unwrap_or_default().iter();
        let keys =
            keys.filter_map(|data| DnsKey::from_wire(data.as_wire())).filter(DnsKey::is_zone_key).collect();
        Check { zone, now, verify, keys, faults: Vec::new() }
    }

    fn fault(&mut self, name: &Name, rtype: impl Into<Option<RecordType>>, what: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { name: name.clone(), rtype: rtype.into(), what: what.into() });
        }
    }

    fn place(&self, name: &Name, node: &Node) -> Place {
        let depth = self.zone.apex().label_count();
        let under_dname = (depth..name.label_count())
            .any(|labels| self.zone.get(&name.suffix(labels), RecordType::DNAME).is_some());
        match self.zone.cut(name) {
            _ if under_dname => Place::Hidden,
            None => Place::Own,
            Some(cut) if cut == *name => Place::Cut { secure: node.has(RecordType::DS) },
            Some(_) => Place::Hidden,
        }
    }

    /// All signatures, or those of names that `known` does not have just so.
    fn signatures(&mut self, known: Option<&ZoneData>) {
        let zone = self.zone;
        if self.keys.is_empty() {
            self.fault(zone.apex(), RecordType::DNSKEY, "there is no key");
        }
        let mut others = known.into_iter().flat_map(ZoneData::nodes).peekable();
        for (name, node) in zone.nodes() {
            while others.next_if(|(other, _)| *other < name).is_some() {}
            let is_known = others
                .peek()
                .is_some_and(|(other, same)| *other == name && (std::ptr::eq(*same, node) || *same == node));
            if !is_known {
                self.signatures_at(name, node);
            }
        }
    }

    fn signatures_at(&mut self, name: &'a Name, node: &'a Node) {
        let place = self.place(name, node);
        let signatures: Vec<Rrsig> = node
            .get(RecordType::RRSIG)
            .map(RRset::data)
            .unwrap_or_default()
            .iter()
            .filter_map(|data| Rrsig::from_wire(data.as_wire()))
            .collect();
        for set in node.sets().iter().filter(|set| set.rtype() != RecordType::RRSIG) {
            let rtype = set.rtype();
            let needed = match place {
                Place::Own => true,
                Place::Cut { .. } => matches!(rtype, RecordType::DS | RecordType::NSEC),
                // Below a DNAME record of the zone's own name lie the hashes of names, too.
                Place::Hidden => rtype == RecordType::NSEC3,
            };
            let of_set: Vec<&Rrsig> = signatures.iter().filter(|sig| sig.covered == rtype).collect();
            match needed {
                true => self.signed_set(name, set, &of_set),
                false if !of_set.is_empty() => self.fault(name, rtype, "it is signed, and is not the zone's"),
                false => {}
            }
        }
        if let Some(stray) = signatures.iter().find(|sig| !node.has(sig.covered)) {
            self.fault(name, stray.covered, "there is a signature of a set that is not there");
        }
    }

    /// Every algorithm of the key set signs the set (RFC 4035 §2.2), and nothing that a validator may try
    /// fails.
    fn signed_set(&mut self, name: &Name, set: &RRset, signatures: &[&Rrsig]) {
        let mut good: BTreeSet<Algorithm> = BTreeSet::new();
        for signature in signatures {
            match self.verdict(name, set, signature) {
                Ok(true) => {
                    good.insert(signature.algorithm);
                }
                // By a key that is not shown: yet, or any more (RFC 6781 §4.1.4).
                Ok(false) => {}
                Err(what) => self.fault(name, set.rtype(), format!("key {}: {what}", signature.key_tag)),
            }
        }
        let wanted: BTreeSet<Algorithm> = self.keys.iter().map(DnsKey::algorithm).collect();
        if let Some(missing) = wanted.difference(&good).next() {
            self.fault(name, set.rtype(), format!("there is no good signature by {missing}"));
        }
    }

    fn verdict(&self, name: &Name, set: &RRset, signature: &Rrsig) -> Result<bool, String> {
        if signature.signer != *self.zone.apex() {
            return Err("it is signed by another zone".into());
        }
        let labels = name.label_count() - usize::from(name.is_wildcard());
        if usize::from(signature.labels) != labels {
            return Err(format!("it is signed as if it had {} labels", signature.labels));
        }
        if signature.original_ttl_seconds != set.ttl.seconds() {
            return Err(format!("it is signed with a TTL of {}", signature.original_ttl_seconds));
        }
        if self.now.from_wire(signature.inception) > self.now {
            return Err("the signature begins later".into());
        }
        if self.now.from_wire(signature.expiration) <= self.now {
            return Err("the signature is over".into());
        }
        let by = |key: &&DnsKey| key.key_tag() == signature.key_tag && key.algorithm() == signature.algorithm;
        let mut known = false;
        for key in self.keys.iter().filter(by) {
            known = true;
            let bytes = signature.signed_bytes(name, set);
            match self.verify.verify(key.algorithm(), key.public_key(), &bytes, &signature.signature) {
                Some(true) => return Ok(true),
                Some(false) => {}
                None => return Err(format!("{} is not known here", key.algorithm())),
            }
        }
        if known { Err("the signature is wrong".into()) } else { Ok(false) }
    }

    fn trust(&mut self, trust: Option<&[Ds]>) {
        let Some(trust) = trust.filter(|trust| !trust.is_empty()) else { return };
        let apex = self.zone.apex();
        let Some(node) = self.zone.node(apex) else { return };
        let (Some(keys), Some(signatures)) = (node.get(RecordType::DNSKEY), node.get(RecordType::RRSIG))
        else {
            return self.fault(apex, RecordType::DNSKEY, "the parent has a DS, and there are no signed keys");
        };
        let signatures: Vec<Rrsig> =
            signatures.data().iter().filter_map(|data| Rrsig::from_wire(data.as_wire())).collect();
        for algorithm in trust.iter().map(|ds| ds.algorithm).collect::<BTreeSet<_>>() {
            let vouched =
                |key: &DnsKey| key.algorithm() == algorithm && trust.iter().any(|ds| ds.is_of(apex, key));
            let tags: Vec<u16> = self.keys.iter().filter(|key| vouched(key)).map(DnsKey::key_tag).collect();
            let signed = signatures.iter().any(|signature| {
                signature.covered == RecordType::DNSKEY
                    && signature.algorithm == algorithm
                    && tags.contains(&signature.key_tag)
                    && self.verdict(apex, keys, signature) == Ok(true)
            });
            if !signed {
                let what = format!("no key that a DS of {algorithm} speaks of signs the key set");
                self.fault(apex, RecordType::DNSKEY, what);
            }
        }
    }

    fn denial(&mut self) {
        let apex = self.zone.apex();
        match self.zone.get(apex, RecordType::NSEC3PARAM).map(RRset::data) {
            None => self.nsec(),
            Some([parameters]) => self.nsec3(parameters.as_wire()),
            Some(_) => self.fault(apex, RecordType::NSEC3PARAM, "there are several"),
        }
    }

    /// The types that the denial of a name has to show.
    fn types(&self, node: &Node, place: Place) -> BTreeSet<RecordType> {
        let all = node.sets().iter().map(RRset::rtype);
        match place {
            Place::Own => all.collect(),
            _ => all
                .filter(|rtype| {
                    matches!(*rtype, RecordType::NS | RecordType::DS | RecordType::RRSIG | RecordType::NSEC)
                })
                .collect(),
        }
    }

    fn nsec(&mut self) {
        let zone = self.zone;
        let mut expected = zone.apex();
        let mut names = Vec::new();
        for (name, node) in zone.nodes() {
            let place = self.place(name, node);
            match (place, node.get(RecordType::NSEC).map(RRset::data)) {
                (Place::Hidden, None) => {}
                (Place::Hidden, Some(_)) => {
                    self.fault(name, RecordType::NSEC, "it stands where nothing is the zone's")
                }
                (_, Some([nsec])) => {
                    let next = Name::from_wire_prefix(nsec.as_wire()).unwrap_or_else(|_| Name::root());
                    let bitmap = TypeBitmap::from_wire(&nsec.as_wire()[next.as_wire().len()..]);
                    let shown: BTreeSet<RecordType> =
                        bitmap.map(|bitmap| bitmap.types().iter().copied().collect()).unwrap_or_default();
                    if shown != self.types(node, place) {
                        self.fault(name, RecordType::NSEC, "it does not show the types that are there");
                    }
                    names.push((name, next));
                }
                (_, _) => self.fault(name, RecordType::NSEC, "there is not exactly one"),
            }
        }
        for (name, next) in &names {
            if *name != expected {
                self.fault(name, RecordType::NSEC, format!("the one before leads to {expected}"));
            }
            expected = next;
        }
        if expected != zone.apex() {
            self.fault(zone.apex(), RecordType::NSEC, format!("the last one leads to {expected}"));
        }
    }

    fn nsec3(&mut self, parameters: &[u8]) {
        let apex = self.zone.apex();
        let [1, _, high, low, salt_len, salt @ ..] = parameters else {
            return self.fault(apex, RecordType::NSEC3PARAM, "its hash is not known");
        };
        let iterations = u16::from_be_bytes([*high, *low]);
        // A validator need not follow those that have any (RFC 9276 §3.2).
        if iterations != 0 || *salt_len != 0 {
            self.fault(apex, RecordType::NSEC3PARAM, "it has iterations or a salt");
        }
        let links = self.nsec3_links();
        let mut hashes = Hashes { links, met: BTreeSet::new(), iterations, salt };
        let depth = apex.label_count();
        for (name, node) in self.zone.nodes() {
            let place = self.place(name, node);
            if place == Place::Hidden || node.has(RecordType::NSEC3) {
                continue;
            }
            let insecure = place == Place::Cut { secure: false };
            let types = self.types(node, place);
            self.nsec3_name(name, &types, insecure, &mut hashes);
            for labels in depth + 1..name.label_count() {
                let ancestor = name.suffix(labels);
                if self.zone.node(&ancestor).is_none() {
                    self.nsec3_name(&ancestor, &BTreeSet::new(), insecure, &mut hashes);
                }
            }
        }
        for hash in hashes.links.keys().filter(|hash| !hashes.met.contains(*hash)) {
            let label = String::from_utf8_lossy(&nsec3::label(hash)).into_owned();
            self.fault(apex, RecordType::NSEC3, format!("{label} is the hash of no name"));
        }
    }

    /// One name: it has its record, or may be without and lies in a gap that says so (RFC 5155 §6).
    fn nsec3_name(
        &mut self,
        name: &Name,
        types: &BTreeSet<RecordType>,
        insecure: bool,
        hashes: &mut Hashes<'_>,
    ) {
        let hash = nsec3_hash(name, hashes.iterations, hashes.salt);
        let links = &hashes.links;
        if let Some(link) = links.get(&hash) {
            hashes.met.insert(hash);
            if link.types != *types {
                self.fault(name, RecordType::NSEC3, "it does not show the types that are there");
            }
            return;
        }
        let before = links.range(..hash).next_back().or_else(|| links.iter().next_back());
        let hidden = insecure && before.is_some_and(|(_, link)| link.opt_out);
        if !hidden {
            self.fault(name, RecordType::NSEC3, "there is none for it");
        }
    }

    /// All NSEC3 records by hash; their links must close a ring.
    fn nsec3_links(&mut self) -> BTreeMap<[u8; 20], Link> {
        let zone = self.zone;
        let mut links = BTreeMap::new();
        for (name, node) in zone.nodes() {
            let Some(set) = node.get(RecordType::NSEC3) else { continue };
            let parent = name.parent();
            let label = name.labels().next().unwrap_or_default();
            let hash = nsec3::read_label(label).filter(|_| parent.as_ref() == Some(zone.apex()));
            let link = match set.data() {
                [one] => Link::read(one.as_wire()),
                _ => None,
            };
            match (hash, link) {
                (Some(hash), Some(link)) => {
                    links.insert(hash, link);
                }
                _ => self.fault(name, RecordType::NSEC3, "it cannot be read"),
            }
        }
        let next = links.keys().skip(1).chain(links.keys().next());
        if links.values().zip(next).any(|(link, next)| link.next != *next) {
            self.fault(zone.apex(), RecordType::NSEC3, "the chain is broken");
        }
        links
    }
}

/// The NSEC3 records of a zone, and which of them were met by a name.
struct Hashes<'a> {
    links: BTreeMap<[u8; 20], Link>,
    met: BTreeSet<[u8; 20]>,
    iterations: u16,
    salt: &'a [u8],
}

struct Link {
    opt_out: bool,
    next: [u8; 20],
    types: BTreeSet<RecordType>,
}

impl Link {
    fn read(data: &[u8]) -> Option<Link> {
        let [1, flags, 0, 0, 0, 20, rest @ ..] = data else { return None };
        let (next, bitmap) = rest.split_first_chunk::<20>()?;
        let types = TypeBitmap::from_wire(bitmap).ok()?.types().iter().copied().collect();
        Some(Link { opt_out: flags & 1 != 0, next: *next, types })
    }
}
