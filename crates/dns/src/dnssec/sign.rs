//! Signing a zone, and signing again only what must be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use super::denial::Denial;
use super::plan::{PlanKey, SigningPlan};
use super::rrsig::{Rrsig, covering, label_count};
use super::territory::{is_made_by_signer, is_signed, standings};
use super::zonemd;
use crate::code::{RecordType, Serial};
use crate::name::Name;
use crate::record::RRset;
use crate::roll::KeyId;
use crate::time::{DAY_SECONDS, HOUR_SECONDS, Timestamp};
use crate::zone::ZoneData;

/// Makes signatures: the caller's private keys, its cryptography, its chance.
pub trait Sign {
    /// The signature of `data` by the key, in the form that RRSIG records have it.
    ///
    /// # Errors
    /// Why there is none, for the log; without anything of the key.
    fn sign(&self, key: KeyId, data: &[u8]) -> Result<Vec<u8>, String>;
}

/// Checks signatures.
pub trait Verify {
    /// Whether `signature` is that of `data` by the key, all in the form of DNSKEY and RRSIG records.
    /// `None` if the algorithm is not known here.
    fn verify(&self, algorithm: Algorithm, public_key: &[u8], data: &[u8], signature: &[u8]) -> Option<bool>;
}

/// How signatures are dated, and what is made beside them. All times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningPolicy {
    /// How long a signature holds from the moment it is made.
    pub validity_seconds: u32,
    /// A signature is replaced when it has no more than this left.
    pub refresh_seconds: u32,
    /// Up to this much earlier: each set by an amount of its own, so that they do not fall due together.
    pub jitter_seconds: u32,
    /// How far back signatures begin, for validators whose clocks are late.
    pub backdate_seconds: u32,
    /// What falls due within this time is replaced together.
    pub batch_seconds: u32,
    /// How the zone proves what is not there.
    pub denial: Denial,
    /// Whether the zone has a digest over all of it (RFC 8976).
    pub zonemd: bool,
}

impl Default for SigningPolicy {
    /// Fourteen days, replaced with seven to eight left, beginning an hour back; NSEC, no digest.
    fn default() -> SigningPolicy {
        SigningPolicy {
            validity_seconds: 14 * DAY_SECONDS,
            refresh_seconds: 7 * DAY_SECONDS,
            jitter_seconds: DAY_SECONDS,
            backdate_seconds: HOUR_SECONDS,
            batch_seconds: HOUR_SECONDS,
            denial: Denial::Nsec,
            zonemd: false,
        }
    }
}

/// Why a zone could not be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningError {
    /// The zone has not exactly one SOA record.
    NoSoa,
    /// A key gave no signature.
    Key {
        /// Which.
        id: KeyId,
        /// Why.
        why: String,
    },
    /// The name of the zone is so long that no hash fits before it.
    NameTooLong,
    /// Two names have the same NSEC3 hash (RFC 5155 §7.1).
    HashCollision(Name, Name),
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SigningError::NoSoa => f.write_str("the zone has not exactly one SOA record"),
            SigningError::Key { id, why } => write!(f, "key {} gave no signature: {why}", id.0),
            SigningError::NameTooLong => f.write_str("the name of the zone is too long for NSEC3"),
            SigningError::HashCollision(one, other) => {
                write!(f, "{one} and {other} have the same NSEC3 hash")
            }
        }
    }
}

impl std::error::Error for SigningError {}

/// A zone that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// With keys, chain and signatures.
    pub zone: ZoneData,
    /// When to sign again at the latest; `None` if the zone is not signed.
    pub next_due: Option<Timestamp>,
    /// How many signatures were made.
    pub made: usize,
    /// How many were taken over.
    pub kept: usize,
}

/// Signs `zone`, which needs no records of DNSSEC and loses those it has: keys, chain and signatures are made
/// anew by `plan` and `policy`. The SOA record gets `serial`.
///
/// Of `previous`, the signed version before, every signature is taken over that still holds for a set which
/// did not change, by a key that still signs, and is not due. If `plan` has no keys, the result is not
/// signed.
///
/// # Errors
/// [`SigningError`]; keep serving what there was.
pub fn sign_zone(
    zone: &ZoneData,
    previous: Option<&ZoneData>,
    plan: &SigningPlan,
    policy: &SigningPolicy,
    (serial, now): (Serial, Timestamp),
    signer: &dyn Sign,
) -> Result<Signed, SigningError> {
    let mut signed = without_dnssec(zone);
    if !signed.set_serial(serial) {
        return Err(SigningError::NoSoa);
    }
    if !plan.signs() {
        return Ok(Signed { zone: signed, next_due: None, made: 0, kept: 0 });
    }
    add_keys(&mut signed, plan, policy)?;
    let also = policy.zonemd.then_some(RecordType::ZONEMD);
    for (name, set) in policy.denial.chain(&signed, also)? {
        put(&mut signed, &name, set);
    }
    let mut work =
        Work { apex: zone.apex(), previous, plan, policy, now, signer, made: 0, kept: 0, next_due: None };
    for (name, signatures) in work.sign_all(&signed)? {
        put(&mut signed, &name, signatures);
    }
    if policy.zonemd {
        work.sign_digest(&mut signed, serial)?;
    }
    Ok(Signed { zone: signed, next_due: work.next_due, made: work.made, kept: work.kept })
}

fn put(zone: &mut ZoneData, name: &Name, set: RRset) {
    zone.set(name, set).expect("a name of the zone, or a hash below its apex");
}

/// A copy without what the signer makes.
pub fn without_dnssec(zone: &ZoneData) -> ZoneData {
    let mut plain = zone.clone();
    let made: Vec<(Name, RecordType)> = zone
        .nodes()
        .flat_map(|(name, node)| node.sets().iter().map(move |set| (name, set.rtype())))
        .filter(|(name, rtype)| is_made_by_signer(*rtype, *name == zone.apex()))
        .map(|(name, rtype)| (name.clone(), rtype))
        .collect();
    for (name, rtype) in made {
        plain.remove_set(&name, rtype);
    }
    plain
}

fn add_keys(zone: &mut ZoneData, plan: &SigningPlan, policy: &SigningPolicy) -> Result<(), SigningError> {
    let apex = zone.apex().clone();
    let (soa_ttl, _) = zone.soa().ok_or(SigningError::NoSoa)?;
    let parameters = policy.denial.parameters().into_iter().collect();
    for (ttl, data) in [
        (plan.key_ttl, plan.dnskeys.clone()),
        (plan.key_ttl, plan.cds.clone()),
        (plan.key_ttl, plan.cdnskeys.clone()),
        (soa_ttl, parameters),
    ] {
        if let Some(set) = RRset::from_data(ttl, data) {
            put(zone, &apex, set);
        }
    }
    Ok(())
}

struct Work<'a> {
    apex: &'a Name,
    previous: Option<&'a ZoneData>,
    plan: &'a SigningPlan,
    policy: &'a SigningPolicy,
    now: Timestamp,
    signer: &'a dyn Sign,
    made: usize,
    kept: usize,
    next_due: Option<Timestamp>,
}

impl Work<'_> {
    /// The signatures of every name that has any.
    fn sign_all(&mut self, zone: &ZoneData) -> Result<Vec<(Name, RRset)>, SigningError> {
        let mut all = Vec::new();
        for (name, node, standing) in standings(zone) {
            let mut signatures = Vec::new();
            let mut ttl = None;
            for set in node.sets().iter().filter(|set| is_signed(standing, set.rtype())) {
                ttl = ttl.max(Some(set.ttl.seconds()));
                for signature in self.sign_set(name, set)? {
                    signatures.push(signature.to_rdata());
                }
            }
            let ttl = crate::code::Ttl::from_wire(ttl.unwrap_or_default());
            all.extend(RRset::from_data(ttl, signatures).map(|set| (name.clone(), set)));
        }
        Ok(all)
    }

    fn sign_set(&mut self, owner: &Name, set: &RRset) -> Result<Vec<Rrsig>, SigningError> {
        let before = self.previous.and_then(|previous| previous.node(owner));
        let unchanged = before.is_some_and(|node| node.get(set.rtype()) == Some(set));
        let held: Vec<Rrsig> = match before.filter(|_| unchanged) {
            Some(node) => covering(node.get(RecordType::RRSIG), set.rtype()).collect(),
            None => Vec::new(),
        };
        let plan = self.plan;
        let mut signatures = Vec::new();
        for key in plan.signers(set.rtype()) {
            let kept = held.iter().find(|held| self.still_good(owner, held, key)).cloned();
            let signature = match kept {
                Some(kept) => {
                    self.kept += 1;
                    kept
                }
                None => self.make(owner, set, key)?,
            };
            let due = self.due(owner, &signature);
            self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
            signatures.push(signature);
        }
        Ok(signatures)
    }

    fn still_good(&self, owner: &Name, held: &Rrsig, key: &PlanKey) -> bool {
        held.key_tag == key.key_tag
            && held.algorithm == key.dnskey.algorithm()
            && held.signer == *self.apex
            && self.now.from_wire(held.inception) <= self.now
            && self.now + self.policy.batch_seconds < self.due(owner, held)
    }

    /// When a signature has to be replaced: always the same moment for the same signature.
    fn due(&self, owner: &Name, signature: &Rrsig) -> Timestamp {
        let early = match self.policy.jitter_seconds {
            0 => 0,
            jitter => (spread(owner, signature) % u64::from(jitter)) as u32,
        };
        let expiration = self.now.from_wire(signature.expiration);
        expiration.minus(self.policy.refresh_seconds).minus(early)
    }

    fn make(&mut self, owner: &Name, set: &RRset, key: &PlanKey) -> Result<Rrsig, SigningError> {
        let mut signature = Rrsig {
            covered: set.rtype(),
            algorithm: key.dnskey.algorithm(),
            labels: label_count(owner),
            original_ttl_seconds: set.ttl.seconds(),
            expiration: (self.now + self.policy.validity_seconds).wire(),
            inception: self.now.minus(self.policy.backdate_seconds).wire(),
            key_tag: key.key_tag,
            signer: self.apex.to_lowercase(),
            signature: Vec::new(),
        };
        let bytes = signature.signed_bytes(owner, set);
        let why = |why| SigningError::Key { id: key.id, why };
        signature.signature = self.signer.sign(key.id, &bytes).map_err(why)?;
        self.made += 1;
        Ok(signature)
    }

    /// The digest of the zone as it is now, and its signature (RFC 8976 §3.1).
    fn sign_digest(&mut self, zone: &mut ZoneData, serial: Serial) -> Result<(), SigningError> {
        let (ttl, _) = zone.soa().ok_or(SigningError::NoSoa)?;
        let apex = self.apex;
        let set = RRset::new(ttl, zonemd::record(serial, &zonemd::digest(zone)));
        let mut all = zone.get(apex, RecordType::RRSIG).map(|set| set.data().to_vec()).unwrap_or_default();
        all.extend(self.sign_set(apex, &set)?.iter().map(Rrsig::to_rdata));
        put(zone, apex, set);
        if let Some(set) = RRset::from_data(ttl, all) {
            put(zone, apex, set);
        }
        Ok(())
    }
}

/// A number that is the same for the same signature and differs between sets (FNV-1a).
fn spread(owner: &Name, signature: &Rrsig) -> u64 {
    let lower = owner.to_lowercase();
    let numbers = [u32::from(signature.covered.0), u32::from(signature.key_tag), signature.inception];
    let bytes = lower.as_wire().iter().copied().chain(numbers.into_iter().flat_map(u32::to_be_bytes));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The low bits of FNV are poor; fold the high ones in.
    hash ^ hash >> 32
}

/// When the first signature of a signed zone ends; `None` if there is none. Serve nothing past that moment.
pub fn first_expiry(zone: &ZoneData, now: Timestamp) -> Option<Timestamp> {
    let sets = zone.nodes().filter_map(|(_, node)| node.get(RecordType::RRSIG));
    let all = sets.flat_map(|set| set.data()).filter_map(|data| data.as_wire().get(8..12));
    all.map(|wire| now.from_wire(u32::from_be_bytes([wire[0], wire[1], wire[2], wire[3]]))).min()
}

/// True if a signature of the zone is past its end: sign before answering from it.
pub fn is_expired(zone: &ZoneData, now: Timestamp) -> bool {
    first_expiry(zone, now).is_some_and(|expiry| expiry <= now)
}
