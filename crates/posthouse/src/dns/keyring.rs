//! The keys that sign zones: made here, kept in the store, used without ever being shown.
//!
//! [`dns::roll::ZoneKeys`] decides which keys there are and what they sign; a [`Keyring`] has their secret halves.

use dns::dnssec::algorithm::Algorithm;
use dns::dnssec::sign::Sign;
use dns::roll::{Action, KeyId, Observed, Policy, Role, Timestamp, ZoneKeys, keyset::Layout};
use std::collections::HashMap;
use std::fmt;
use store::{KeyPurpose, NameKey, SecretBytes};

use super::crypto::{KeyError, PrivateKey};
use super::dkim::NoKey;
use super::settings::ZoneSettings;

/// Steps that one change may take: making keys, then what follows from their being there.
const STEPS_MAX: usize = 6;

/// How a zone's keys are made and rolled.
pub fn policy(settings: &ZoneSettings) -> Policy {
    let layout = if settings.split { Layout::Split } else { Layout::Single };
    Policy { layout, ..Policy::default() }
}

/// The secret halves of one zone's keys.
#[derive(Default)]
pub struct Keyring {
    pairs: HashMap<KeyId, PrivateKey>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.pairs.len())
    }
}

impl Keyring {
    /// The keys of the store's rows; rows whose secret is not here, or of an algorithm that is not
    /// made here, cannot sign.
    pub fn new(rows: &[NameKey]) -> Keyring {
        let mut ring = Keyring::default();
        for row in rows {
            let pair =
                algorithm_of(row).and_then(|algorithm| PrivateKey::from_pkcs8(algorithm, &row.secret.0).ok());
            ring.pairs.extend(pair.map(|pair| (KeyId(row.key_id), pair)));
        }
        ring
    }
}

impl Sign for Keyring {
    fn sign(&self, key: KeyId, data: &[u8]) -> Result<Vec<u8>, String> {
        self.pairs.get(&key).ok_or("its secret half is not here")?.sign(data)
    }
}

/// The algorithm of a key of the store.
pub fn algorithm_of(row: &NameKey) -> Option<Algorithm> {
    u8::try_from(row.algorithm).ok().map(Algorithm)
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

    /// Moves the machines on as far as they go now, making the keys they ask for. True if the parent should be told of
    /// new CDS records.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn advance(&mut self, now: Timestamp, observed: &Observed, policy: &Policy) -> Result<bool, NoKey> {
        let mut tells_parent = false;
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
                    Action::NotifyParent => tells_parent = true,
                    Action::Sign => {}
                }
            }
            if !made {
                break;
            }
        }
        Ok(tells_parent)
    }

    fn generate(&mut self, id: KeyId, role: Role, algorithm: Algorithm, now: Timestamp) -> Result<(), NoKey> {
        let pair = PrivateKey::generate_for(&self.keys, role, algorithm).map_err(|_| NoKey)?;
        let row = self.row(id, &pair, now).map_err(|_| NoKey)?;
        self.rows.retain(|row| row.key_id != id.0);
        self.rows.push(row);
        self.rows.sort_by_key(|row| row.key_id);
        self.keys.made(id, pair.public_key());
        Ok(())
    }

    fn row(&self, id: KeyId, pair: &PrivateKey, now: Timestamp) -> Result<NameKey, KeyError> {
        Ok(NameKey {
            name: self.zone.clone(),
            purpose: KeyPurpose::Zone,
            key_id: id.0,
            algorithm: u32::from(pair.algorithm().0),
            public: pair.public_key(),
            secret: SecretBytes(pair.to_pkcs8()?),
            state: String::new(),
            created_ms: i64::try_from(now.unix_seconds()).unwrap_or(0) * 1000,
        })
    }

    /// Forgets all keys: the zone is not signed any more, at once.
    pub fn clear(&mut self) {
        self.keys = ZoneKeys::new();
        self.rows.clear();
    }
}
