//! Zones signed by a signature that anyone could make.

use dns::dnssec::sign::{Sign, SigningPolicy, Verify, sign_zone};
use dns::dnssec::{Algorithm, Denial, DigestType, Ds, SigningPlan};
use dns::roll::keyset::Layout;
use dns::roll::{Action, KeyId, Observed, Policy, Request, ZoneKeys};
use dns::time::Timestamp;
use dns::{Serial, ZoneData};
use sha2::{Digest, Sha256};

/// The date on which all zones are signed.
pub const DATE: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Signatures that anyone could make: the digest of public key and data. What is tested is what is believed.
#[derive(Clone, Copy)]
pub struct Toy;

fn toy_key(id: KeyId) -> Vec<u8> {
    Sha256::digest(id.0.to_be_bytes()).to_vec()
}

impl Sign for Toy {
    fn sign(&self, key: KeyId, data: &[u8]) -> Result<Vec<u8>, String> {
        Ok(Sha256::new().chain_update(toy_key(key)).chain_update(data).finalize().to_vec())
    }
}

impl Verify for Toy {
    fn verify(&self, algorithm: Algorithm, public_key: &[u8], data: &[u8], signature: &[u8]) -> Option<bool> {
        let wanted = Sha256::new().chain_update(public_key).chain_update(data).finalize();
        (algorithm == Algorithm::ECDSAP256SHA256).then_some(wanted[..] == *signature)
    }
}

/// Keys that may sign from `date` on, and their policy.
pub fn signed_keys(layout: Layout, date: Timestamp) -> (ZoneKeys, Policy) {
    let policy = Policy { layout, ..Policy::default() };
    let mut keys = ZoneKeys::new();
    keys.request(Request::Sign, &policy).unwrap();
    for _ in 0..2 {
        let actions;
        (keys, actions) = keys.step(date, &Observed { at: date, ..Observed::default() }, &policy);
        for action in actions {
            if let Action::Generate { id, .. } = action {
                keys.made(id, toy_key(id));
            }
        }
    }
    (keys, policy)
}

/// The zone signed, and its DS.
pub fn signed(zone: &ZoneData, denial: Denial, date: Timestamp) -> (ZoneData, Ds) {
    let (keys, policy) = signed_keys(Layout::Single, date);
    let plan = SigningPlan::new(zone.apex(), &keys, &policy);
    let signing = SigningPolicy { denial, ..SigningPolicy::default() };
    let signed = sign_zone(zone, None, &plan, &signing, (Serial(2), date), &Toy).unwrap().zone;
    let key = keys.keys().iter().find_map(|key| key.dnskey()).unwrap();
    (signed, Ds::of(zone.apex(), &key, DigestType::SHA256).unwrap())
}
