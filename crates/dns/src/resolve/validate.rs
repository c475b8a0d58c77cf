//! Signatures of one set (RFC 4035 §5.3), within limits on what strangers may make it cost.

use super::response::SignedSet;
use super::{ExtendedError, Limits, ede};
use crate::code::{RecordType, Ttl};
use crate::dnssec::{DnsKey, Ds, Rrsig, Verify};
use crate::name::Name;
use crate::record::RRset;
use crate::time::Timestamp;

/// Keys that are read of one set; the largest in use have a dozen.
const KEYS_MAX: usize = 64;
/// DS records that are looked at of one set, and keys whose digest is compared with one.
const DS_MAX: usize = 16;

/// Why something is bogus: the reason told to whoever asked.
pub(super) type Fault = ExtendedError;

/// What is left of the work that one response may cause.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    verifies_left: u32,
    /// In parts of [`HASH_BUDGET`].
    hashes_left: u32,
    price_plain: u32,
    price_iterated: u32,
    hashes: u32,
}

/// Hashes of both kinds are paid for from one budget, of which each takes a part.
const HASH_BUDGET: u32 = 1 << 12;

impl Budget {
    /// For one response.
    pub(super) fn new(limits: &Limits) -> Budget {
        Budget {
            verifies_left: limits.verifies_per_response_max,
            hashes_left: HASH_BUDGET,
            price_plain: HASH_BUDGET / limits.plain_hashes_max.max(1),
            price_iterated: HASH_BUDGET / limits.nsec3_hashes_max.max(1),
            hashes: 0,
        }
    }

    fn verify(&mut self) -> Result<(), Fault> {
        let left = self.verifies_left.checked_sub(1);
        self.verifies_left = left.ok_or_else(|| Fault::new(ede::BOGUS, "too many signatures to verify"))?;
        Ok(())
    }

    /// Pays for a hash with so many iterations.
    pub(super) fn hash(&mut self, iterations: u16) -> Result<(), Fault> {
        let price = if iterations > 0 { self.price_iterated } else { self.price_plain };
        let left = self.hashes_left.checked_sub(price);
        self.hashes_left = left.ok_or_else(|| Fault::new(ede::BOGUS, "too many hashes to prove absence"))?;
        self.hashes += 1;
        Ok(())
    }

    /// How many hashes of NSEC3 were computed.
    pub(super) fn hashes(&self) -> u32 {
        self.hashes
    }

    /// How many signatures were verified.
    pub(super) fn verified(&self, limits: &Limits) -> u32 {
        limits.verifies_per_response_max - self.verifies_left
    }
}

/// The keys of a zone, found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    keys: Vec<(u16, DnsKey)>,
}

impl Keys {
    /// The keys of a set that may sign (RFC 4034 §2.1.1), revoked ones left out.
    pub(super) fn read(set: &RRset) -> Keys {
        let keys = set.data().iter().take(KEYS_MAX).filter_map(|data| DnsKey::from_wire(data.as_wire()));
        Keys { keys: keys.filter(DnsKey::is_zone_key).map(|key| (key.key_tag(), key)).collect() }
    }

    /// Those that one of `trust` speaks of (RFC 4035 §5.2).
    fn vouched(&self, zone: &Name, trust: &[Ds]) -> Keys {
        let mut left = DS_MAX;
        let mut vouched = |tag: u16, key: &DnsKey| {
            trust.iter().take(DS_MAX).filter(|ds| ds.key_tag == tag && ds.algorithm == key.algorithm()).any(
                |ds| {
                    let may = left > 0;
                    left = left.saturating_sub(1);
                    may && ds.is_of(zone, key)
                },
            )
        };
        Keys { keys: self.keys.iter().filter(|(tag, key)| vouched(*tag, key)).cloned().collect() }
    }

    /// The memory they take, roughly, in bytes.
    pub(super) fn size(&self) -> usize {
        self.keys.iter().map(|(_, key)| key.public_key().len() + 48).sum()
    }

    /// Their tags and algorithms, for people.
    pub(super) fn tags(&self) -> Vec<(u16, u8, bool)> {
        self.keys.iter().map(|(tag, key)| (*tag, key.algorithm().0, key.is_entry_point())).collect()
    }
}

/// What a right signature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    /// The set may not be remembered longer (RFC 4035 §5.3.3).
    pub(super) ttl: Ttl,
    /// If the set was made from a wildcard: how many labels the name has that the wildcard is below.
    pub(super) wildcard: Option<usize>,
}

/// Verifies signatures.
pub(super) struct Validator<'a> {
    pub(super) verify: &'a dyn Verify,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
}

impl Validator<'_> {
    /// Whether signatures of the DS's key can be verified here, and its digest compared.
    pub(super) fn supports(&self, ds: &Ds) -> bool {
        self.verify.verify(ds.algorithm, &[], &[], &[]).is_some() && matches!(ds.digest_type.0, 2 | 4)
    }

    /// Whether one of the set's signatures is by a key of `zone` and right. `zone` must be the set's own, which
    /// the caller sees to.
    pub(super) fn set(
        &self,
        set: &SignedSet,
        zone: &Name,
        keys: &Keys,
        budget: &mut Budget,
    ) -> Result<Checked, Fault> {
        let what = format!("{} {}", set.owner, set.set.rtype());
        let mut fault = Fault::new(ede::RRSIGS_MISSING, format!("{what} is not signed by {zone}"));
        let by_zone = set.signatures.iter().filter(|signature| signature.signer == *zone);
        for signature in by_zone.take(self.limits.signatures_per_set_max) {
            if usize::from(signature.labels) > set.owner.label_count() - usize::from(set.owner.is_wildcard())
            {
                continue;
            }
            if let Err(untimely) = self.in_time(signature, &what) {
                fault = untimely;
                continue;
            }
            match self.by_keys(set, signature, keys, budget)? {
                Some(true) => return Ok(self.checked(set, signature)),
                Some(false) => fault = Fault::new(ede::BOGUS, format!("the signature of {what} is wrong")),
                None if fault.code == ede::RRSIGS_MISSING => {
                    let text = format!("{zone} shows no key {} that signed {what}", signature.key_tag);
                    fault = Fault::new(ede::DNSKEY_MISSING, text);
                }
                None => {}
            }
        }
        Err(fault)
    }

    /// `None` if there is no such key.
    fn by_keys(
        &self,
        set: &SignedSet,
        signature: &Rrsig,
        keys: &Keys,
        budget: &mut Budget,
    ) -> Result<Option<bool>, Fault> {
        let fits =
            |(tag, key): &&(u16, DnsKey)| *tag == signature.key_tag && key.algorithm() == signature.algorithm;
        let mut tried = None;
        for (_, key) in keys.keys.iter().filter(fits).take(self.limits.tag_collisions_max) {
            budget.verify()?;
            let bytes = signature.signed_bytes(&set.owner, &set.set);
            match self.verify.verify(key.algorithm(), key.public_key(), &bytes, &signature.signature) {
                Some(true) => return Ok(Some(true)),
                Some(false) => tried = Some(false),
                None => {}
            }
        }
        Ok(tried)
    }

    fn in_time(&self, signature: &Rrsig, what: &str) -> Result<(), Fault> {
        let begins = self.now.from_wire(signature.inception);
        let ends = self.now.from_wire(signature.expiration);
        if ends < self.now {
            let text =
                format!("the signature of {what} ended {ends}; this machine's clock shows {}", self.now);
            return Err(Fault::new(ede::EXPIRED, text));
        }
        if begins > self.now {
            let text =
                format!("the signature of {what} begins {begins}; this machine's clock shows {}", self.now);
            return Err(Fault::new(ede::NOT_YET_VALID, text));
        }
        Ok(())
    }

    fn checked(&self, set: &SignedSet, signature: &Rrsig) -> Checked {
        let left = self.now.from_wire(signature.expiration).seconds_since(self.now);
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let seconds = set.set.ttl.seconds().min(signature.original_ttl_seconds).min(left);
        let labels = usize::from(signature.labels);
        let own = set.owner.label_count() - usize::from(set.owner.is_wildcard());
        Checked { ttl: Ttl::from_wire(seconds), wildcard: (labels < own).then_some(labels) }
    }

    /// The keys of `zone`, if the set of them is signed by one that `trust` speaks of.
    pub(super) fn keys(
        &self,
        set: &SignedSet,
        zone: &Name,
        trust: &[Ds],
        budget: &mut Budget,
    ) -> Result<(Keys, Ttl), Fault> {
        debug_assert_eq!(set.set.rtype(), RecordType::DNSKEY);
        let keys = Keys::read(&set.set);
        let vouched = keys.vouched(zone, trust);
        if vouched.keys.is_empty() {
            let text = format!("no key of {zone} is one that its parent or a trust anchor speaks of");
            return Err(Fault::new(ede::DNSKEY_MISSING, text));
        }
        let checked = self.set(set, zone, &vouched, budget)?;
        Ok((keys, checked.ttl))
    }
}
