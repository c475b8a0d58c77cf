//! The keys that sign zones: made here, kept in the store, used without ever being shown.
//!
//! [`dns::roll::ZoneKeys`] decides which keys there are and what they sign; a [`Keyring`] has their secret halves.

use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use dns::dnssec::algorithm::Algorithm;
use dns::dnssec::key::DnsKey;
use dns::dnssec::sign::Sign;
use dns::roll::{Action, KeyId, Observed, Policy, Role, Timestamp, ZoneKeys, keyset::Layout};
use std::collections::HashMap;
use std::fmt;
use store::{KeyPurpose, NameKey, SecretBytes};

use super::dkim::NoKey;
use super::settings::ZoneSettings;

/// Steps that one change may take: making keys, then what follows from their being there.
const STEPS_MAX: usize = 6;
/// Keys made until one has a tag that no other key of the zone has: one in 65 536 does not.
const TAG_TRIES_MAX: usize = 8;

/// How a zone's keys are made and rolled.
pub fn policy(settings: &ZoneSettings) -> Policy {
    let layout = if settings.split { Layout::Split } else { Layout::Single };
    Policy { layout, ..Policy::default() }
}

/// The secret halves of one zone's keys.
#[derive(Default)]
pub struct Keyring {
    pairs: HashMap<KeyId, EcdsaKeyPair>,
    random: SystemRandom,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.pairs.len())
    }
}

impl Keyring {
    /// The keys of the store's rows; rows whose secret is not here, or not of algorithm 13, cannot sign.
    pub fn new(rows: &[NameKey]) -> Keyring {
        let mut ring = Keyring::default();
        for row in rows {
            if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &row.secret.0) {
                ring.pairs.insert(KeyId(row.key_id), pair);
            }
        }
        ring
    }
}

impl Sign for Keyring {
    fn sign(&self, key: KeyId, data: &[u8]) -> Result<Vec<u8>, String> {
        let pair = self.pairs.get(&key).ok_or("its secret half is not here")?;
        let signature = pair.sign(&self.random, data).map_err(|_| "the library refused")?;
        Ok(signature.as_ref().to_vec())
    }
}

/// A new key pair of algorithm 13: the public half as a DNSKEY holds it (RFC 6605 §4), the secret as PKCS #8.
fn make() -> Result<(Vec<u8>, Vec<u8>), NoKey> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(|_| NoKey)?;
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).map_err(|_| NoKey)?;
    // An uncompressed point: one byte that says so, then the two coordinates that DNSSEC wants.
    let public = pair.public_key().as_ref().get(1..).ok_or(NoKey)?.to_vec();
    Ok((public, pkcs8.as_ref().to_vec()))
}

/// The keys of a zone while it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneKeyBook {
    /// The zone as the store names it.
    pub zone: String,
    /// Where the machines stand.
    pub keys: ZoneKeys,
    /// The rows of the store.
    pub rows: Vec<NameKey>,
}

impl ZoneKeyBook {
    /// The state as the store keeps it; empty text is a zone that was never signed.
    pub fn read_state(text: &str) -> Option<ZoneKeys> {
        if text.is_empty() { Some(ZoneKeys::new()) } else { serde_json::from_str(text).ok() }
    }

    /// The state as the store keeps it.
    pub fn state_text(&self) -> String {
        if self.keys == ZoneKeys::new() {
            return String::new();
        }
        serde_json::to_string(&self.keys).unwrap_or_default()
    }

    /// Moves the machines on as far as they go now, making the keys they ask for.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn advance(&mut self, now: Timestamp, observed: &Observed, policy: &Policy) -> Result<(), NoKey> {
        for _ in 0..STEPS_MAX {
            let (keys, actions) = self.keys.clone().step(now, observed, policy);
            self.keys = keys;
            let mut made = false;
            for action in actions {
                match action {
                    Action::Generate { id, role, algorithm } => {
                        self.generate(id, role, algorithm, now)?;
                        made = true;
                    }
                    Action::Destroy(id) => self.rows.retain(|row| row.key_id != id.0),
                    Action::Sign | Action::NotifyParent => {}
                }
            }
            if !made {
                return Ok(());
            }
        }
        Ok(())
    }

    fn generate(&mut self, id: KeyId, role: Role, algorithm: Algorithm, now: Timestamp) -> Result<(), NoKey> {
        if algorithm != Algorithm::ECDSAP256SHA256 {
            return Err(NoKey);
        }
        for _ in 0..TAG_TRIES_MAX {
            let (public, secret) = make()?;
            let tag = DnsKey::new(role, algorithm, public.clone()).key_tag();
            if self.keys.tag_taken(algorithm, tag) {
                continue;
            }
            self.rows.retain(|row| row.key_id != id.0);
            self.rows.push(self.row(id, public.clone(), secret, now));
            self.rows.sort_by_key(|row| row.key_id);
            self.keys.made(id, public);
            return Ok(());
        }
        Err(NoKey)
    }

    fn row(&self, id: KeyId, public: Vec<u8>, secret: Vec<u8>, now: Timestamp) -> NameKey {
        NameKey {
            name: self.zone.clone(),
            purpose: KeyPurpose::Zone,
            key_id: id.0,
            algorithm: u32::from(Algorithm::ECDSAP256SHA256.0),
            public,
            secret: SecretBytes(secret),
            state: String::new(),
            created_ms: i64::try_from(now.unix_seconds()).unwrap_or(0) * 1000,
        }
    }

    /// Forgets all keys: the zone is not signed any more, at once.
    pub fn clear(&mut self) {
        self.keys = ZoneKeys::new();
        self.rows.clear();
    }
}

/// The secret number of a key, as BIND's files hold it.
pub fn scalar_of(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
    let secret = AsBigEndian::<EcPrivateKeyBin<'_>>::as_be_bytes(&pair.private_key()).ok()?;
    Some(secret.as_ref().to_vec())
}

/// A pair as PKCS #8 from its secret number and what the DNSKEY holds; nothing if they are not a pair.
pub fn pkcs8_of(scalar: &[u8], public: &[u8]) -> Option<Vec<u8>> {
    let point: Vec<u8> = std::iter::once(4).chain(public.iter().copied()).collect();
    let pair =
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, scalar, &point)
            .ok()?;
    Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_leave_and_come_back() {
        let (public, pkcs8) = make().unwrap();
        let scalar = scalar_of(&pkcs8).unwrap();
        assert_eq!((public.len(), scalar.len()), (64, 32));
        let back = pkcs8_of(&scalar, &public).unwrap();
        assert_eq!(scalar_of(&back).unwrap(), scalar);
        let (other, _) = make().unwrap();
        assert!(pkcs8_of(&scalar, &other).is_none(), "not a pair");
    }
}
