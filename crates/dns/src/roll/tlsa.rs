//! TLSA digests of the keys that a host's TLS services use (`3 1 1`: of the public key).
//!
//! The digests of the key in use and of the next one are always out. A renewal of the certificate keeps the
//! key and changes nothing here. At a key roll the next key is served only after its digest was out on
//! every server for twice the TTL and more (RFC 7671 §8.1, RFC 7672 §3.1.1): before that, [`TlsaKeys::may_serve`]
//! refuses. The digest of the old key stays as long afterwards.

use serde::{Deserialize, Serialize};

use super::{KeyId, Timestamp, TtlMemory, Wait};
use crate::time::{DAY_SECONDS, HOUR_SECONDS};

/// How long things take. All in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsaPolicy {
    /// The TTL of the TLSA records.
    pub ttl_seconds: u32,
    /// How long a key is used. `None`: until asked, or until the certificate comes with another.
    pub period_seconds: Option<u32>,
    /// Added to waits for caches: propagation between looks, and clocks.
    pub safety_seconds: u32,
}

impl Default for TlsaPolicy {
    /// A TTL of an hour, keys for a year.
    fn default() -> TlsaPolicy {
        TlsaPolicy {
            ttl_seconds: HOUR_SECONDS,
            period_seconds: Some(365 * DAY_SECONDS),
            safety_seconds: HOUR_SECONDS,
        }
    }
}

/// What **every** server of the zone was seen to show, asked directly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsaSeen {
    /// When the first of them was asked.
    pub at: Timestamp,
    /// Keys whose digest is on every server.
    pub shown: Vec<KeyId>,
    /// Keys whose digest is missing on a server that answered. A key in neither list is one of which
    /// nothing is known.
    pub missing: Vec<KeyId>,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsaStage {
    /// It has to be made ([`TlsaAction::Generate`]).
    Making,
    /// Its digest is to be out; `seen_since` is when every server was seen to show it, and has been since.
    Next {
        /// When that was first.
        seen_since: Option<Timestamp>,
    },
    /// Services use it, since then.
    Serving {
        /// When they began.
        since: Timestamp,
    },
    /// Services use it no longer, since then; its digest stays for caches.
    Leaving {
        /// When they stopped.
        since: Timestamp,
    },
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsaKey {
    /// Its identity; the caller keeps the key itself under it.
    pub id: KeyId,
    /// Where it stands.
    pub stage: TlsaStage,
}

/// Something the caller has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsaAction {
    /// Make a key pair and call [`TlsaKeys::made`].
    Generate(KeyId),
    /// [`TlsaKeys::records`] changed: publish it.
    Publish,
    /// The time of the present key is over and this one may be served: get a certificate for it, load
    /// it, and call [`TlsaKeys::serving`]. Given again until that is done.
    Switch(KeyId),
    /// Destroy the private key: nothing uses it any more.
    Destroy(KeyId),
}

/// Why a key must not be served yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsaRefusal {
    /// It is none of the keys whose digests are published.
    Unpublished,
    /// Its digest was not yet seen on every server.
    Unseen,
    /// Its digest was not out for long enough; it will have been at this time.
    Until(Timestamp),
}

impl std::fmt::Display for TlsaRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TlsaRefusal::Unpublished => {
                f.write_str("no TLSA record has its digest: senders that use DANE would not deliver")
            }
            TlsaRefusal::Unseen => {
                f.write_str("its TLSA record was not yet seen on every server of the zone")
            }
            TlsaRefusal::Until(at) => {
                write!(f, "its TLSA record has not been out for long enough; it will have been at {at}")
            }
        }
    }
}

impl std::error::Error for TlsaRefusal {}

/// The keys of one host. Kept by the store as text (serde).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsaKeys {
    keys: Vec<TlsaKey>,
    next_id: u64,
    roll_asked: bool,
    ttl: TtlMemory,
}

impl TlsaKeys {
    /// A host that serves one key already; its identity is `KeyId(1)`. No TLSA record was out before, so
    /// nothing can contradict the first one.
    pub fn new(now: Timestamp) -> TlsaKeys {
        let current = TlsaKey { id: KeyId(1), stage: TlsaStage::Serving { since: now } };
        TlsaKeys { keys: vec![current], next_id: 1, roll_asked: false, ttl: TtlMemory::default() }
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> &[TlsaKey] {
        &self.keys
    }

    /// The key that services use.
    pub fn current(&self) -> Option<KeyId> {
        let serving = |key: &&TlsaKey| matches!(key.stage, TlsaStage::Serving { .. });
        self.keys.iter().find(serving).map(|key| key.id)
    }

    /// The key that will be used next, once it was made.
    pub fn next(&self) -> Option<KeyId> {
        let next = |key: &&TlsaKey| matches!(key.stage, TlsaStage::Next { .. });
        self.keys.iter().find(next).map(|key| key.id)
    }

    /// The keys whose digests have to be out.
    pub fn records(&self) -> Vec<KeyId> {
        let out = self.keys.iter().filter(|key| key.stage != TlsaStage::Making);
        out.map(|key| key.id).collect()
    }

    /// Asks that the next key be used as soon as it may.
    pub fn request_roll(&mut self) {
        self.roll_asked = true;
    }

    /// Tells that the key was made and its digest can be published.
    pub fn made(&mut self, id: KeyId) {
        for key in self.keys.iter_mut().filter(|key| key.id == id && key.stage == TlsaStage::Making) {
            key.stage = TlsaStage::Next { seen_since: None };
        }
    }

    /// Takes up a key that was made elsewhere (a certificate came with it), to be published and, when it may
    /// be, served. Its identity.
    pub fn introduce(&mut self) -> KeyId {
        self.next_id += 1;
        let id = KeyId(self.next_id);
        self.keys.retain(|key| key.stage != TlsaStage::Making);
        self.keys.push(TlsaKey { id, stage: TlsaStage::Next { seen_since: None } });
        id
    }

    fn out_seconds(&self, policy: &TlsaPolicy) -> u32 {
        self.ttl.max_seconds().max(policy.ttl_seconds).saturating_mul(2).saturating_add(policy.safety_seconds)
    }

    /// Whether services may use the key now.
    ///
    /// # Errors
    /// [`TlsaRefusal`]: then keep serving the present key.
    pub fn may_serve(&self, id: KeyId, now: Timestamp, policy: &TlsaPolicy) -> Result<(), TlsaRefusal> {
        let key = self.keys.iter().find(|key| key.id == id).ok_or(TlsaRefusal::Unpublished)?;
        match key.stage {
            TlsaStage::Making => Err(TlsaRefusal::Unpublished),
            TlsaStage::Next { seen_since: None } => Err(TlsaRefusal::Unseen),
            TlsaStage::Next { seen_since: Some(since) } => match since + self.out_seconds(policy) {
                until if now < until => Err(TlsaRefusal::Until(until)),
                _ => Ok(()),
            },
            // The digest of a key on its way out is still there: going back is always possible.
            TlsaStage::Serving { .. } | TlsaStage::Leaving { .. } => Ok(()),
        }
    }

    /// Tells that all services use this key from now on.
    ///
    /// # Errors
    /// [`TlsaRefusal`] if [`TlsaKeys::may_serve`] refuses it; nothing is changed then.
    pub fn serving(&mut self, id: KeyId, now: Timestamp, policy: &TlsaPolicy) -> Result<(), TlsaRefusal> {
        self.may_serve(id, now, policy)?;
        for key in &mut self.keys {
            match key.stage {
                TlsaStage::Serving { .. } if key.id != id => key.stage = TlsaStage::Leaving { since: now },
                TlsaStage::Next { .. } | TlsaStage::Leaving { .. } if key.id == id => {
                    key.stage = TlsaStage::Serving { since: now };
                }
                _ => {}
            }
        }
        self.roll_asked = false;
        Ok(())
    }

    /// Moves on as far as `seen` and `now` allow.
    pub fn step(
        mut self,
        now: Timestamp,
        seen: &TlsaSeen,
        policy: &TlsaPolicy,
    ) -> (TlsaKeys, Vec<TlsaAction>) {
        let before = self.records();
        let held: Vec<KeyId> = self.keys.iter().map(|key| key.id).collect();
        self.ttl.note(policy.ttl_seconds, seen.at);
        let out_seconds = self.out_seconds(policy);
        for key in &mut self.keys {
            key.look(seen);
        }
        self.keys
            .retain(|key| !matches!(key.stage, TlsaStage::Leaving { since } if now >= since + out_seconds));
        if !self.keys.iter().any(|key| matches!(key.stage, TlsaStage::Making | TlsaStage::Next { .. })) {
            self.next_id += 1;
            self.keys.push(TlsaKey { id: KeyId(self.next_id), stage: TlsaStage::Making });
        }
        let mut actions = self.outstanding(now, policy);
        if self.records() != before {
            actions.push(TlsaAction::Publish);
        }
        let gone = held.into_iter().filter(|id| !self.keys.iter().any(|key| key.id == *id));
        actions.extend(gone.map(TlsaAction::Destroy));
        (self, actions)
    }

    /// What still has to be made or switched, whenever asked: after a restart as well.
    pub fn outstanding(&self, now: Timestamp, policy: &TlsaPolicy) -> Vec<TlsaAction> {
        let making = self.keys.iter().filter(|key| key.stage == TlsaStage::Making);
        let mut actions: Vec<TlsaAction> = making.map(|key| TlsaAction::Generate(key.id)).collect();
        let over = |key: &TlsaKey| match (key.stage, policy.period_seconds) {
            (TlsaStage::Serving { since }, Some(period)) => now >= since + period,
            _ => false,
        };
        let due = self.roll_asked || self.keys.iter().any(over);
        let ready = self.next().filter(|next| due && self.may_serve(*next, now, policy).is_ok());
        actions.extend(ready.map(TlsaAction::Switch));
        actions
    }

    /// What each key waits for, in words; `title` names a key.
    pub fn waits(&self, policy: &TlsaPolicy, title: impl Fn(KeyId) -> String) -> Vec<Wait> {
        let out_seconds = self.out_seconds(policy);
        let wait = |key: &TlsaKey| {
            let title = title(key.id);
            let (what, earliest) = match key.stage {
                TlsaStage::Making => ("a next key to be made".into(), None),
                TlsaStage::Next { seen_since: None } => {
                    (format!("every server of the zone to show the digest of {title}"), None)
                }
                TlsaStage::Next { seen_since: Some(since) } => (
                    format!("the digest of {title} to have been out for long enough"),
                    Some(since + out_seconds),
                ),
                TlsaStage::Serving { since } => {
                    (format!("{title} to have been used for its time"), Some(since + policy.period_seconds?))
                }
                TlsaStage::Leaving { since } => (
                    format!(
                        "caches to forget record sets without the present key; {title} is no longer used"
                    ),
                    Some(since + out_seconds),
                ),
            };
            Some(Wait { what, earliest, needs_owner: false })
        };
        self.keys.iter().filter_map(wait).collect()
    }
}

impl TlsaKey {
    fn look(&mut self, seen: &TlsaSeen) {
        if let TlsaStage::Next { seen_since } = &mut self.stage {
            if seen.missing.contains(&self.id) {
                *seen_since = None;
            } else if seen.shown.contains(&self.id) {
                seen_since.get_or_insert(seen.at);
            }
        }
    }
}
