//! Proofs that something is not there (RFC 4035 §5.4, RFC 5155 §8, RFC 6840 §4), from records whose signatures were
//! found right.

use super::validate::{Budget, Fault};
use super::{Limits, ede};
use crate::code::RecordType;
use crate::dnssec::denial::nsec3_hash;
use crate::name::Name;
use crate::nsec3::read_label;
use crate::rdata::{RData, TypeBitmap};

/// What a proof is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is proven.
    Secure,
    /// It may be or not: below an opt-out span, or hashed too often to be followed.
    Insecure,
}

/// What a proof says of a delegation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoDs {
    /// There is one, without DS: what is below it is insecure.
    Delegation,
    /// No zone begins at the name.
    NotCut,
}

struct Nsec {
    owner: Name,
    next: Name,
    types: TypeBitmap,
}

struct Nsec3 {
    hash: [u8; 20],
    next: [u8; 20],
    opt_out: bool,
    types: TypeBitmap,
}

/// The denials of one zone.
pub(super) struct Proof {
    zone: Name,
    nsec: Vec<Nsec>,
    nsec3: Vec<Nsec3>,
    iterations: u16,
    salt: Vec<u8>,
}

/// No data about the name may be denied by a record that stands for another zone's name (RFC 6840 §4.1, §4.4).
fn is_parents(types: &TypeBitmap) -> bool {
    types.contains(RecordType::NS) && !types.contains(RecordType::SOA)
}

fn lacks(types: &TypeBitmap, rtype: RecordType) -> bool {
    !types.contains(rtype) && !types.contains(RecordType::CNAME)
}

/// Whether the record of exactly the name shows that it has no such type.
fn denies_type(types: &TypeBitmap, name: &Name, rtype: RecordType) -> bool {
    let right_side = match rtype {
        // The child's side of the cut says nothing of DS; the root has no other side.
        RecordType::DS => !types.contains(RecordType::SOA) || name.is_root(),
        _ => !is_parents(types),
    };
    right_side && lacks(types, rtype)
}

fn missing(text: &str) -> Fault {
    Fault::new(ede::NSEC_MISSING, text)
}

impl Nsec {
    fn read(owner: &Name, data: &RData) -> Option<Nsec> {
        let next = Name::from_wire_prefix(data.as_wire()).ok()?;
        let types = TypeBitmap::from_wire(&data.as_wire()[next.as_wire().len()..]).ok()?;
        Some(Nsec { owner: owner.clone(), next, types })
    }

    /// Whether the name lies in the gap behind it, and this is for it to say.
    fn covers(&self, name: &Name, zone: &Name) -> bool {
        let in_gap = *name > self.owner && (*name < self.next || self.next == *zone);
        let hidden =
            name.is_below(&self.owner) && (is_parents(&self.types) || self.types.contains(RecordType::DNAME));
        in_gap && name.is_at_or_below(zone) && !hidden
    }
}

impl Nsec3 {
    /// Alone the hash, iterations and salt of `parameters` are looked at by the caller.
    fn read(owner: &Name, zone: &Name, data: &RData) -> Option<(Nsec3, u16, Vec<u8>)> {
        // RFC 5155 §8.1, §8.2: unknown hashes and flags are passed over.
        let [1, flags @ (0 | 1), high, low, salt_len, rest @ ..] = data.as_wire() else { return None };
        let (salt, rest) = rest.split_at_checked(usize::from(*salt_len))?;
        let [20, rest @ ..] = rest else { return None };
        let (next, bitmap) = rest.split_first_chunk::<20>()?;
        // A record of another zone proves nothing of this one.
        if owner.parent().as_ref() != Some(zone) {
            return None;
        }
        let hash = read_label(owner.labels().next()?)?;
        let types = TypeBitmap::from_wire(bitmap).ok()?;
        let nsec3 = Nsec3 { hash, next: *next, opt_out: *flags == 1, types };
        Some((nsec3, u16::from_be_bytes([*high, *low]), salt.to_vec()))
    }

    fn covers(&self, hash: &[u8; 20]) -> bool {
        match self.hash < self.next {
            true => self.hash < *hash && *hash < self.next,
            // The last one, or the only one.
            false => *hash > self.hash || *hash < self.next,
        }
    }
}

impl Proof {
    /// The denials among records whose signatures by `zone` are right.
    pub(super) fn new<'a>(zone: &Name, records: impl Iterator<Item = (&'a Name, &'a RData)>) -> Proof {
        let mut proof = Proof {
            zone: zone.clone(),
            nsec: Vec::new(),
            nsec3: Vec::new(),
            iterations: 0,
            salt: Vec::new(),
        };
        for (owner, data) in records {
            match data.rtype() {
                RecordType::NSEC => proof.nsec.extend(Nsec::read(owner, data)),
                RecordType::NSEC3 => {
                    let Some((nsec3, iterations, salt)) = Nsec3::read(owner, zone, data) else { continue };
                    if proof.nsec3.is_empty() {
                        (proof.iterations, proof.salt) = (iterations, salt);
                    } else if proof.iterations != iterations || proof.salt != salt {
                        // RFC 5155 §8.2: those of one chain only.
                        continue;
                    }
                    proof.nsec3.push(nsec3);
                }
                _ => {}
            }
        }
        proof
    }

    /// The zone that denies.
    pub(super) fn zone(&self) -> &Name {
        &self.zone
    }

    /// Whether hashes may be computed at all (RFC 9276 §3.2).
    fn hashable(&self, limits: &Limits) -> Result<bool, Fault> {
        if self.nsec3.is_empty() || self.iterations <= limits.nsec3_iterations_secure_max {
            return Ok(true);
        }
        if self.iterations <= limits.nsec3_iterations_max {
            return Ok(false);
        }
        let text = format!("{} proves absence by {} iterations of NSEC3", self.zone, self.iterations);
        Err(Fault::new(ede::NSEC3_ITERATIONS, text))
    }

    fn hash(&self, name: &Name, budget: &mut Budget) -> Result<[u8; 20], Fault> {
        budget.hash(self.iterations)?;
        Ok(nsec3_hash(name, self.iterations, &self.salt))
    }

    /// That `name` exists and has no data of the type, nor is an alias.
    pub(super) fn no_data(
        &self,
        name: &Name,
        rtype: RecordType,
        (limits, budget): (&Limits, &mut Budget),
    ) -> Result<Worth, Fault> {
        if let Some(worth) = self.nsec_no_data(name, rtype) {
            return Ok(worth);
        }
        if self.nsec3.is_empty() {
            return Err(missing("no record shows that the name lacks the type"));
        }
        if !self.hashable(limits)? {
            return Ok(Worth::Insecure);
        }
        let hash = self.hash(name, budget)?;
        if let Some(matching) = self.nsec3.iter().find(|nsec3| nsec3.hash == hash) {
            return match denies_type(&matching.types, name, rtype) {
                true => Ok(Worth::Secure),
                false => Err(missing("the record of the name shows the type, or is not for it to deny")),
            };
        }
        let (encloser, opt_out) = self.closest_encloser(name, budget)?;
        // RFC 5155 §8.6.
        if opt_out && rtype == RecordType::DS {
            return Ok(Worth::Insecure);
        }
        // RFC 5155 §8.7.
        let wildcard = encloser.wildcard().map_err(|_| missing("no wildcard fits"))?;
        let hash = self.hash(&wildcard, budget)?;
        let found = self.nsec3.iter().find(|nsec3| nsec3.hash == hash);
        match found.is_some_and(|nsec3| denies_type(&nsec3.types, &wildcard, rtype)) {
            true if opt_out => Ok(Worth::Insecure),
            true => Ok(Worth::Secure),
            // An opt-out span may hide the delegation that the name belongs to.
            false if opt_out => Ok(Worth::Insecure),
            false => Err(missing("no record shows that the name, or a wildcard for it, lacks the type")),
        }
    }

    fn nsec_no_data(&self, name: &Name, rtype: RecordType) -> Option<Worth> {
        let of_name = |nsec: &Nsec| nsec.owner == *name && denies_type(&nsec.types, name, rtype);
        // A name that is there only because of those below it has no record of its own (RFC 4592 §2.2.2).
        let is_empty = |nsec: &Nsec, name: &Name| nsec.covers(name, &self.zone) && nsec.next.is_below(name);
        if self.nsec.iter().any(|nsec| of_name(nsec) || is_empty(nsec, name)) {
            return Some(Worth::Secure);
        }
        let gap = self.nsec.iter().find(|nsec| nsec.covers(name, &self.zone))?;
        let wildcard = closest(name, gap).wildcard().ok()?;
        let of_wildcard = |nsec: &Nsec| nsec.owner == wildcard && denies_type(&nsec.types, &wildcard, rtype);
        self.nsec.iter().any(|nsec| of_wildcard(nsec) || is_empty(nsec, &wildcard)).then_some(Worth::Secure)
    }

    /// That `name` does not exist, and no wildcard makes it.
    pub(super) fn nx_domain(
        &self,
        name: &Name,
        (limits, budget): (&Limits, &mut Budget),
    ) -> Result<Worth, Fault> {
        let gap = self.nsec.iter().find(|nsec| nsec.covers(name, &self.zone) && !nsec.next.is_below(name));
        if let Some(gap) = gap {
            let wildcard = closest(name, gap).wildcard().map_err(|_| missing("no wildcard fits"))?;
            return match self.nsec.iter().any(|nsec| nsec.covers(&wildcard, &self.zone)) {
                true => Ok(Worth::Secure),
                false => Err(missing("no record shows that there is no wildcard")),
            };
        }
        if self.nsec3.is_empty() {
            return Err(missing("no record shows that the name does not exist"));
        }
        if !self.hashable(limits)? {
            return Ok(Worth::Insecure);
        }
        let (encloser, opt_out) = self.closest_encloser(name, budget)?;
        if opt_out {
            // RFC 5155 §9.2.
            return Ok(Worth::Insecure);
        }
        let wildcard = encloser.wildcard().map_err(|_| missing("no wildcard fits"))?;
        let hash = self.hash(&wildcard, budget)?;
        match self.nsec3.iter().any(|nsec3| nsec3.covers(&hash)) {
            true => Ok(Worth::Secure),
            false => Err(missing("no record shows that there is no wildcard")),
        }
    }

    /// That nothing nearer to `name` exists than the wildcard below `encloser` that it was made from
    /// (RFC 4035 §5.3.4, RFC 5155 §8.8).
    pub(super) fn no_closer(
        &self,
        name: &Name,
        encloser_labels: usize,
        (limits, budget): (&Limits, &mut Budget),
    ) -> Result<Worth, Fault> {
        let next_closer = name.suffix(encloser_labels + 1);
        if self
            .nsec
            .iter()
            .any(|nsec| nsec.covers(name, &self.zone) && closest(name, nsec).label_count() <= encloser_labels)
        {
            return Ok(Worth::Secure);
        }
        if self.nsec3.is_empty() {
            return Err(missing("no record shows that the wildcard may answer"));
        }
        if !self.hashable(limits)? {
            return Ok(Worth::Insecure);
        }
        let hash = self.hash(&next_closer, budget)?;
        match self.nsec3.iter().find(|nsec3| nsec3.covers(&hash)) {
            Some(nsec3) if nsec3.opt_out => Ok(Worth::Insecure),
            Some(_) => Ok(Worth::Secure),
            None => Err(missing("no record shows that the wildcard may answer")),
        }
    }

    /// That there is no DS at `name`: whether a zone begins there all the same.
    pub(super) fn no_ds(&self, name: &Name, (limits, budget): (&Limits, &mut Budget)) -> Result<NoDs, Fault> {
        let cut = |types: &TypeBitmap| match types.contains(RecordType::NS) {
            true => NoDs::Delegation,
            false => NoDs::NotCut,
        };
        if let Some(nsec) = self.nsec.iter().find(|nsec| nsec.owner == *name) {
            return match denies_type(&nsec.types, name, RecordType::DS) {
                true => Ok(cut(&nsec.types)),
                false => Err(missing("the record of the name does not deny its DS")),
            };
        }
        if !self.nsec3.is_empty() && self.hashable(limits)? {
            let hash = self.hash(name, budget)?;
            if let Some(nsec3) = self.nsec3.iter().find(|nsec3| nsec3.hash == hash) {
                return match denies_type(&nsec3.types, name, RecordType::DS) {
                    true => Ok(cut(&nsec3.types)),
                    false => Err(missing("the record of the name does not deny its DS")),
                };
            }
        }
        match self.no_data(name, RecordType::DS, (limits, budget))? {
            Worth::Secure => Ok(NoDs::NotCut),
            Worth::Insecure => Ok(NoDs::Delegation),
        }
    }

    /// The nearest name above `name` that exists, and whether the gap in which the next nearer lies may hide
    /// delegations (RFC 5155 §8.3).
    fn closest_encloser(&self, name: &Name, budget: &mut Budget) -> Result<(Name, bool), Fault> {
        let depth = self.zone.label_count();
        let mut next_hash = self.hash(name, budget)?;
        for labels in (depth..name.label_count()).rev() {
            let candidate = name.suffix(labels);
            let hash = self.hash(&candidate, budget)?;
            let Some(found) = self.nsec3.iter().find(|nsec3| nsec3.hash == hash) else {
                next_hash = hash;
                continue;
            };
            if is_parents(&found.types) || found.types.contains(RecordType::DNAME) {
                return Err(missing("the nearest name above belongs to another zone"));
            }
            let covering = self.nsec3.iter().find(|nsec3| nsec3.covers(&next_hash));
            let covering = covering.ok_or_else(|| missing("no record covers the name"))?;
            return Ok((candidate, covering.opt_out));
        }
        Err(missing("no record shows what is nearest to the name"))
    }
}

/// The nearest existing name above `name`, which lies in the gap: the longest part that it shares with an end of it.
fn closest(name: &Name, gap: &Nsec) -> Name {
    let shared = |other: &Name| {
        let most = name.label_count().min(other.label_count());
        (0..=most).rev().find(|count| name.suffix(*count) == other.suffix(*count)).unwrap_or(0)
    };
    name.suffix(shared(&gap.owner).max(shared(&gap.next)))
}
