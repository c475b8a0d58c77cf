//! The key of the mail host's certificate, of which the DNS speaks by its digest (TLSA 3 1 1).
//!
//! [`dns::roll::tlsa`] decides; here its state and the keys are kept. The certificate in use is kept too, so that
//! a server that starts with a certificate whose key was not announced can go on with the one before
//! instead of cutting off every sender that uses DANE (RFC 7671 §8.1).

use dns::roll::tlsa::{TlsaAction, TlsaKeys, TlsaPolicy, TlsaRefusal, TlsaSeen};
use dns::roll::{KeyId, Timestamp, Wait};
use serde::{Deserialize, Serialize};
use store::{KeyPurpose, NameKey, NameRoll, SecretBytes, StoreError, Tx, View};

use super::dkim::NoKey;

/// How long keys are used: until the certificate comes with another.
pub fn policy() -> TlsaPolicy {
    TlsaPolicy { period_seconds: None, ..TlsaPolicy::default() }
}

/// A certificate in use: the chain and its key, PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The chain.
    pub chain_pem: String,
    /// The key.
    pub key_pem: String,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept(…)")
    }
}

/// The host's keys as they are in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateBook {
    /// The host.
    pub host: String,
    /// Where the machine stands; nothing before the first certificate was seen.
    pub state: Option<TlsaKeys>,
    /// The keys. `public` is a SubjectPublicKeyInfo; `secret` of a key made here is PKCS #8, of the one in use a
    /// [`Kept`] as JSON, and else empty.
    pub keys: Vec<NameKey>,
}

impl CertificateBook {
    /// Reads a host's keys.
    ///
    /// # Errors
    /// The store's.
    pub fn read(view: &mut View<'_>, host: &str) -> Result<CertificateBook, StoreError> {
        let state = match view.name_roll(host, KeyPurpose::Certificate)? {
            None => None,
            Some(roll) => Some(
                serde_json::from_str(&roll.state)
                    .map_err(|_| StoreError::Corrupt(format!("the certificate keys of {host}")))?,
            ),
        };
        let keys = view.name_keys(host, KeyPurpose::Certificate)?;
        Ok(CertificateBook { host: host.to_owned(), state, keys })
    }

    /// Writes what differs from `before`.
    ///
    /// # Errors
    /// The store's.
    pub fn write(&self, tx: &mut Tx<'_>, before: &CertificateBook) -> Result<(), StoreError> {
        let Some(state) = &self.state else { return Ok(()) };
        for key in self.keys.iter().filter(|key| !before.keys.contains(key)) {
            tx.put_name_key(key)?;
        }
        for old in &before.keys {
            if !self.keys.iter().any(|key| key.key_id == old.key_id) {
                tx.remove_name_key(&self.host, KeyPurpose::Certificate, old.key_id)?;
            }
        }
        let state = serde_json::to_string(state)
            .map_err(|error| StoreError::Corrupt(format!("the TLSA state cannot be written: {error}")))?;
        tx.put_name_roll(&NameRoll {
            name: self.host.clone(),
            purpose: KeyPurpose::Certificate,
            due_ms: None,
            state,
        })
    }

    fn put(&mut self, id: KeyId, public: &[u8], secret: Vec<u8>, now: Timestamp) {
        self.keys.retain(|key| key.key_id != id.0);
        self.keys.push(NameKey {
            name: self.host.clone(),
            purpose: KeyPurpose::Certificate,
            key_id: id.0,
            algorithm: 0,
            public: public.to_vec(),
            secret: SecretBytes(secret),
            state: String::new(),
            created_ms: i64::try_from(now.unix_seconds()).unwrap_or(0) * 1000,
        });
        self.keys.sort_by_key(|key| key.key_id);
    }

    fn row(&self, id: KeyId) -> Option<&NameKey> {
        self.keys.iter().find(|key| key.key_id == id.0)
    }

    /// Digests (SHA-256) of the public keys that have to be out, the present one first, with their keys.
    pub fn digests(&self) -> Vec<(KeyId, [u8; 32])> {
        let Some(state) = &self.state else { return Vec::new() };
        let digest = |id: KeyId| {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.row(id)?.public);
            Some((id, digest.as_ref().try_into().ok()?))
        };
        state.records().into_iter().filter_map(digest).collect()
    }

    /// Whether a certificate with this public key may be served from now on; if so, it is the one in use.
    ///
    /// `announced`: whether senders learn of keys by the DNS at all, that is, whether the host's zone is
    /// signed and served here. If not, every key may be served.
    ///
    /// # Errors
    /// Why the one in use must stay. The new key's digest is published from now on, so that it may be served
    /// later.
    pub fn take(
        &mut self,
        spki: &[u8],
        kept: &Kept,
        announced: bool,
        now: Timestamp,
    ) -> Result<(), TlsaRefusal> {
        let secret = serde_json::to_vec(kept).unwrap_or_default();
        let Some(state) = &mut self.state else {
            self.state = Some(TlsaKeys::new(now));
            self.put(KeyId(1), spki, secret, now);
            return Ok(());
        };
        let known = self.keys.iter().find(|key| key.public == spki).map(|key| KeyId(key.key_id));
        if !announced {
            // Nobody could have learned of any key: begin anew with this one, unless it is the one in use.
            if known.is_none() || known != state.current() {
                self.keys.clear();
                self.state = Some(TlsaKeys::new(now));
            }
            let id = self.state.as_ref().and_then(TlsaKeys::current).unwrap_or(KeyId(1));
            self.put(id, spki, secret, now);
            return Ok(());
        }
        let id = match known {
            Some(id) => id,
            None => {
                let id = state.introduce();
                self.put(id, spki, Vec::new(), now);
                return Err(TlsaRefusal::Unpublished);
            }
        };
        state.serving(id, now, &policy())?;
        self.put(id, spki, secret, now);
        Ok(())
    }

    /// The certificate that was in use last.
    pub fn kept(&self) -> Option<Kept> {
        let id = self.state.as_ref()?.current()?;
        serde_json::from_slice(&self.row(id)?.secret.0).ok()
    }

    /// The key that the next certificate should have: PKCS #8.
    pub fn next_secret(&self) -> Option<&[u8]> {
        let next = self.state.as_ref()?.next()?;
        let secret = &self.row(next)?.secret.0;
        (!secret.is_empty()).then_some(secret)
    }

    /// Moves the machine on and makes the keys it asks for.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn step(&mut self, now: Timestamp, seen: &TlsaSeen) -> Result<(), NoKey> {
        let Some(state) = self.state.take() else { return Ok(()) };
        let (state, actions) = state.step(now, seen, &policy());
        self.state = Some(state);
        for action in actions {
            match action {
                TlsaAction::Generate(id) => {
                    let pair = rcgen::KeyPair::generate().map_err(|_| NoKey)?;
                    let public = rcgen::PublicKeyData::subject_public_key_info(&pair);
                    self.put(id, &public, pair.serialize_der(), now);
                    if let Some(state) = &mut self.state {
                        state.made(id);
                    }
                }
                TlsaAction::Destroy(id) => self.keys.retain(|key| key.key_id != id.0),
                TlsaAction::Publish | TlsaAction::Switch(_) => {}
            }
        }
        Ok(())
    }

    /// What is waited for, in words.
    pub fn waits(&self) -> Vec<Wait> {
        let Some(state) = &self.state else { return Vec::new() };
        let current = state.current();
        state.waits(&policy(), |id| {
            if Some(id) == current {
                "the certificate's key".into()
            } else {
                format!("certificate key {}", id.0)
            }
        })
    }
}
