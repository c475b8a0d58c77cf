//! Which keys sign what, with their public halves: what [`crate::roll`] decided, ready to be used.

use super::ds;
use super::key::DnsKey;
use crate::code::{RecordType, Ttl};
use crate::name::Name;
use crate::rdata::RData;
use crate::roll::{Cds, KeyId, Policy, Publication, ZoneKeys};

/// A key with what signatures say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanKey {
    /// Whom to ask for signatures.
    pub id: KeyId,
    /// The public half.
    pub dnskey: DnsKey,
    /// Its key tag.
    pub key_tag: u16,
}

/// What a zone publishes of its keys and what signs it, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SigningPlan {
    /// The revision of the publication; for [`ZoneKeys::served`].
    pub revision: u64,
    pub(super) dnskeys: Vec<RData>,
    pub(super) cds: Vec<RData>,
    pub(super) cdnskeys: Vec<RData>,
    pub(super) key_ttl: Ttl,
    pub(super) key_signers: Vec<PlanKey>,
    pub(super) zone_signers: Vec<PlanKey>,
}

impl SigningPlan {
    /// The plan for a zone in the present state of its keys. Keys that were not made yet are left out; the
    /// machines publish none of these.
    pub fn new(apex: &Name, keys: &ZoneKeys, policy: &Policy) -> SigningPlan {
        let publication: Publication = keys.publication(policy);
        let of = |id: &KeyId| {
            let dnskey = keys.key(*id)?.dnskey()?;
            let key_tag = dnskey.key_tag();
            Some(PlanKey { id: *id, dnskey, key_tag })
        };
        let all = |ids: &[KeyId]| ids.iter().filter_map(of).collect::<Vec<PlanKey>>();
        let (cds, cdnskeys) = match &publication.cds {
            Cds::None => (Vec::new(), Vec::new()),
            Cds::Delete => {
                let (cds, cdnskey) = ds::cds_delete();
                (vec![cds], vec![cdnskey])
            }
            Cds::Keys(ids) => {
                let keys = all(ids);
                ds::cds_for(apex, &keys.iter().map(|key| &key.dnskey).collect::<Vec<_>>())
            }
        };
        let dnskey = |key: PlanKey| ds::data(RecordType::DNSKEY, &key.dnskey.to_wire());
        SigningPlan {
            revision: publication.revision,
            dnskeys: all(&publication.dnskeys).into_iter().map(dnskey).collect(),
            cds,
            cdnskeys,
            key_ttl: Ttl::from_wire(publication.dnskey_ttl_seconds),
            key_signers: all(&publication.dnskey_signers),
            zone_signers: all(&publication.zone_signers),
        }
    }

    /// True if the zone is to be signed.
    pub fn signs(&self) -> bool {
        !self.zone_signers.is_empty()
    }

    /// What signs a set of that type.
    pub(super) fn signers(&self, rtype: RecordType) -> Vec<&PlanKey> {
        match rtype {
            RecordType::DNSKEY => self.key_signers.iter().collect(),
            // By a key that the DS speaks of (RFC 7344 §4.1), and like all else as well, for those who check
            // that every algorithm signs every set by its zone key.
            RecordType::CDS | RecordType::CDNSKEY => {
                let others = self.zone_signers.iter().filter(|key| !self.key_signers.contains(key));
                self.key_signers.iter().chain(others).collect()
            }
            _ => self.zone_signers.iter().collect(),
        }
    }
}
