//! A domain's DKIM keys: made here, rolled by [`dns::roll::dkim`], kept in the store.
//!
//! Two machines per domain, one for RSA (RFC 8301: 2048 bits) and one for Ed25519 (RFC 8463). The state and the keys
//! change in one transaction, and the zone's records are made from them, so that no moment exists in which a
//! key signs that the machine does not know.

use super::mail_records::{DkimPublic, DkimRecord};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use dns::roll::dkim::{DkimAction, DkimKeys, DkimPolicy, DkimRecord as Shown, DkimSeen, DkimStage};
use dns::roll::{KeyId, Timestamp, Wait};
use serde::{Deserialize, Serialize};
use std::fmt;
use store::{KeyPurpose, NameKey, NameRoll, SecretBytes, StoreError, Tx, View};

/// An algorithm of signatures, with its number in [`NameKey::algorithm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DkimAlgorithm {
    /// rsa-sha256 (RFC 6376 §3.3.3).
    Rsa,
    /// ed25519-sha256 (RFC 8463).
    Ed25519,
}

impl DkimAlgorithm {
    /// Both.
    pub const ALL: [DkimAlgorithm; 2] = [DkimAlgorithm::Rsa, DkimAlgorithm::Ed25519];

    const fn code(self) -> u32 {
        match self {
            DkimAlgorithm::Rsa => 1,
            DkimAlgorithm::Ed25519 => 2,
        }
    }

    const fn from_code(code: u32) -> Option<DkimAlgorithm> {
        match code {
            1 => Some(DkimAlgorithm::Rsa),
            2 => Some(DkimAlgorithm::Ed25519),
            _ => None,
        }
    }

    /// Keys of both machines lie in one table: even numbers are of one, odd of the other.
    const fn row(self, id: KeyId) -> u64 {
        id.0 * 2 + (self.code() as u64 - 1)
    }

    /// The first letters of its selectors.
    const fn prefix(self) -> &'static str {
        match self {
            DkimAlgorithm::Rsa => "rsa",
            DkimAlgorithm::Ed25519 => "ed",
        }
    }
}

/// Both machines of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DkimState {
    rsa: DkimKeys,
    ed25519: DkimKeys,
}

impl DkimState {
    /// The machine of an algorithm.
    pub fn machine(&self, algorithm: DkimAlgorithm) -> &DkimKeys {
        match algorithm {
            DkimAlgorithm::Rsa => &self.rsa,
            DkimAlgorithm::Ed25519 => &self.ed25519,
        }
    }

    fn machine_mut(&mut self, algorithm: DkimAlgorithm) -> &mut DkimKeys {
        match algorithm {
            DkimAlgorithm::Rsa => &mut self.rsa,
            DkimAlgorithm::Ed25519 => &mut self.ed25519,
        }
    }
}

/// What is kept beside a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeyNote {
    selector: String,
}

/// A key that may sign a domain's messages now.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The selector, `s=`.
    pub selector: String,
    /// The algorithm, `a=`.
    pub algorithm: DkimAlgorithm,
    /// PKCS #8, DER.
    pub secret: Vec<u8>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A key pair could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKey;

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key pair could not be made")
    }
}

impl std::error::Error for NoKey {}

/// A pair: the public half as DKIM publishes it, the secret half as PKCS #8.
fn make_pair(algorithm: DkimAlgorithm) -> Result<(Vec<u8>, Vec<u8>), NoKey> {
    Ok(match algorithm {
        DkimAlgorithm::Rsa => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| NoKey)?;
            let public = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key());
            let secret = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair);
            (public.map_err(|_| NoKey)?.as_ref().to_vec(), secret.map_err(|_| NoKey)?.as_ref().to_vec())
        }
        DkimAlgorithm::Ed25519 => {
            let pair = Ed25519KeyPair::generate().map_err(|_| NoKey)?;
            let secret = pair.to_pkcs8().map_err(|_| NoKey)?;
            (pair.public_key().as_ref().to_vec(), secret.as_ref().to_vec())
        }
    })
}

/// A domain's keys as they are in the store: state and rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DkimBook {
    /// The domain.
    pub domain: String,
    /// Where the machines stand.
    pub state: DkimState,
    /// The keys, secrets too.
    pub keys: Vec<NameKey>,
}

fn damaged<T>(domain: &str) -> Result<T, StoreError> {
    Err(StoreError::Corrupt(format!("the DKIM keys of {domain}")))
}

impl DkimBook {
    /// Reads a domain's keys; none if there are none yet.
    ///
    /// # Errors
    /// The store's.
    pub fn read(view: &mut View<'_>, domain: &str) -> Result<DkimBook, StoreError> {
        let state = match view.name_roll(domain, KeyPurpose::Dkim)? {
            None => DkimState::default(),
            Some(roll) => match serde_json::from_str(&roll.state) {
                Ok(state) => state,
                Err(_) => return damaged(domain),
            },
        };
        let keys = view.name_keys(domain, KeyPurpose::Dkim)?;
        Ok(DkimBook { domain: domain.to_owned(), state, keys })
    }

    /// Writes what differs from `before`.
    ///
    /// # Errors
    /// The store's.
    pub fn write(&self, tx: &mut Tx<'_>, before: &DkimBook) -> Result<(), StoreError> {
        for key in self.keys.iter().filter(|key| !before.keys.contains(key)) {
            tx.put_name_key(key)?;
        }
        for old in &before.keys {
            if !self.keys.iter().any(|key| key.key_id == old.key_id) {
                tx.remove_name_key(&self.domain, KeyPurpose::Dkim, old.key_id)?;
            }
        }
        let state = serde_json::to_string(&self.state)
            .map_err(|error| StoreError::Corrupt(format!("the DKIM state cannot be written: {error}")))?;
        tx.put_name_roll(&NameRoll {
            name: self.domain.clone(),
            purpose: KeyPurpose::Dkim,
            due_ms: None,
            state,
        })
    }

    fn row(&self, algorithm: DkimAlgorithm, id: KeyId) -> Option<&NameKey> {
        self.keys.iter().find(|key| key.key_id == algorithm.row(id))
    }

    /// The selector of a key.
    pub fn selector(&self, algorithm: DkimAlgorithm, id: KeyId) -> Option<String> {
        let note: KeyNote = serde_json::from_str(&self.row(algorithm, id)?.state).ok()?;
        Some(note.selector)
    }

    /// The records that have to be out now, with the key that each is of.
    pub fn records(&self) -> Vec<(DkimAlgorithm, KeyId, DkimRecord)> {
        let of = |algorithm: DkimAlgorithm| {
            let records = self.state.machine(algorithm).records();
            records.into_iter().filter_map(move |record| {
                let (id, revoked) = match record {
                    Shown::Key(id) => (id, false),
                    Shown::Revoked(id) => (id, true),
                };
                let row = self.row(algorithm, id)?;
                let public = match (revoked, algorithm) {
                    (true, _) => DkimPublic::Revoked,
                    (false, DkimAlgorithm::Rsa) => DkimPublic::Rsa(row.public.clone()),
                    (false, DkimAlgorithm::Ed25519) => {
                        DkimPublic::Ed25519(row.public.as_slice().try_into().ok()?)
                    }
                };
                Some((algorithm, id, DkimRecord { selector: self.selector(algorithm, id)?, public }))
            })
        };
        DkimAlgorithm::ALL.into_iter().flat_map(of).collect()
    }

    /// The keys that may sign now: at most one of each algorithm, and none whose record the world was not seen to
    /// show for long enough.
    pub fn signing_keys(&self) -> Vec<SigningKey> {
        let of = |algorithm: DkimAlgorithm| {
            let id = self.state.machine(algorithm).signing()?;
            let secret = self.row(algorithm, id)?.secret.0.clone();
            Some(SigningKey { selector: self.selector(algorithm, id)?, algorithm, secret })
        };
        DkimAlgorithm::ALL.into_iter().filter_map(of).collect()
    }

    /// Asks both machines to roll.
    pub fn request_roll(&mut self) {
        for algorithm in DkimAlgorithm::ALL {
            self.state.machine_mut(algorithm).request_roll();
        }
    }

    /// Moves the machines on, makes the keys they ask for, and destroys the secrets they are done with.
    ///
    /// `seen`: what every server showed, by algorithm in the order of [`DkimAlgorithm::ALL`].
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn step(&mut self, now: Timestamp, seen: &[DkimSeen; 2], policy: &DkimPolicy) -> Result<(), NoKey> {
        for (algorithm, seen) in DkimAlgorithm::ALL.into_iter().zip(seen) {
            let (machine, actions) = self.state.machine(algorithm).clone().step(now, seen, policy);
            *self.state.machine_mut(algorithm) = machine;
            for action in actions {
                match action {
                    DkimAction::Generate(id) => self.make(algorithm, id, now)?,
                    DkimAction::Destroy(id) => self.destroy(algorithm, id),
                    DkimAction::Publish => {}
                }
            }
        }
        self.forget();
        Ok(())
    }

    fn make(&mut self, algorithm: DkimAlgorithm, id: KeyId, now: Timestamp) -> Result<(), NoKey> {
        let (public, secret) = make_pair(algorithm)?;
        // The day makes the selector one that was never used, also where the domain was here before.
        let day = now.compact();
        let selector = format!("{}{}-{}", algorithm.prefix(), &day[..8], id.0);
        let state = serde_json::to_string(&KeyNote { selector }).map_err(|_| NoKey)?;
        self.keys.retain(|key| key.key_id != algorithm.row(id));
        self.keys.push(NameKey {
            name: self.domain.clone(),
            purpose: KeyPurpose::Dkim,
            key_id: algorithm.row(id),
            algorithm: algorithm.code(),
            public,
            secret: SecretBytes(secret),
            state,
            created_ms: i64::try_from(now.unix_seconds()).unwrap_or(0) * 1000,
        });
        self.keys.sort_by_key(|key| key.key_id);
        self.state.machine_mut(algorithm).made(id);
        Ok(())
    }

    fn destroy(&mut self, algorithm: DkimAlgorithm, id: KeyId) {
        for key in self.keys.iter_mut().filter(|key| key.key_id == algorithm.row(id)) {
            key.secret = SecretBytes(Vec::new());
        }
    }

    /// Rows of keys that no machine knows any more.
    fn forget(&mut self) {
        let known: Vec<u64> = DkimAlgorithm::ALL
            .into_iter()
            .flat_map(|algorithm| {
                self.state.machine(algorithm).keys().iter().map(move |key| algorithm.row(key.id))
            })
            .collect();
        self.keys
            .retain(|key| DkimAlgorithm::from_code(key.algorithm).is_some() && known.contains(&key.key_id));
    }

    /// What is waited for, in words.
    pub fn waits(&self, policy: &DkimPolicy) -> Vec<Wait> {
        let of = |algorithm: DkimAlgorithm| {
            let title = move |id: KeyId| match self.selector(algorithm, id) {
                Some(selector) => format!("DKIM key {selector}"),
                None => "a DKIM key".to_owned(),
            };
            self.state.machine(algorithm).waits(policy, title)
        };
        DkimAlgorithm::ALL.into_iter().flat_map(of).collect()
    }

    /// The stage of each key, for people.
    pub fn stages(&self) -> Vec<(String, DkimStage)> {
        let of = |algorithm: DkimAlgorithm| {
            let keys = self.state.machine(algorithm).keys().iter();
            keys.filter_map(move |key| Some((self.selector(algorithm, key.id)?, key.stage)))
        };
        DkimAlgorithm::ALL.into_iter().flat_map(of).collect()
    }
}
