//! DKIM keys: publish, wait until everyone can see it, sign, keep the old one for what is under way,
//! then withdraw it in two steps.
//!
//! One machine per algorithm of a domain; each of its keys has a selector of its own, which the caller
//! chooses. A key goes through
//! 1. `Publishing`: its record is to be out. Until every server of the zone showed it, and then until
//!    nobody can remember that it was not there.
//! 2. `Ready`: it could sign; the successor of the signing key waits here.
//! 3. `Signing`.
//! 4. `Kept`: it signs no more, and its record stays for messages that wait in queues: five days
//!    (RFC 5321 §4.5.4.1), the TTL, and some days for late readers and reports.
//! 5. `Revoked`: its record says `p=` (RFC 6376 §3.6.1), so that what still refers to it fails for a reason
//!    that is told from an accident.
//! 6. gone.
//!
//! A key signs only while the record was seen on every server ([`DkimSeen`]); where the zone is hosted
//! elsewhere, that is the only proof there is.

use serde::{Deserialize, Serialize};

use super::{KeyId, Timestamp, TtlMemory, Wait};
use crate::time::{DAY_SECONDS, HOUR_SECONDS};

/// How long things take. All in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimPolicy {
    /// The TTL of the key records.
    pub ttl_seconds: u32,
    /// How long it may be remembered that a record is not there: from the SOA (RFC 2308 §5).
    pub negative_ttl_seconds: u32,
    /// How long a key signs. `None`: until asked.
    pub period_seconds: Option<u32>,
    /// How long its record stays after it stopped. Not under eight days: five in queues, a TTL, two more.
    pub keep_seconds: u32,
    /// How long its record then says that it was revoked.
    pub revoked_seconds: u32,
    /// Added to waits for caches.
    pub safety_seconds: u32,
}

/// The least time a record is kept after its key stopped signing, whatever the policy says: five days in
/// queues (RFC 5321 §4.5.4.1), a day of TTL, two days for late readers. In seconds.
pub const KEEP_SECONDS_MIN: u32 = 8 * DAY_SECONDS;

impl Default for DkimPolicy {
    /// A TTL of an hour, 120 days of signing, 14 days kept, 7 days revoked.
    fn default() -> DkimPolicy {
        DkimPolicy {
            ttl_seconds: HOUR_SECONDS,
            negative_ttl_seconds: HOUR_SECONDS,
            period_seconds: Some(120 * DAY_SECONDS),
            keep_seconds: 14 * DAY_SECONDS,
            revoked_seconds: 7 * DAY_SECONDS,
            safety_seconds: HOUR_SECONDS,
        }
    }
}

/// What **every** server of the zone was seen to show, asked directly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DkimSeen {
    /// When the first of them was asked.
    pub at: Timestamp,
    /// Keys whose record is right on every server.
    pub shown: Vec<KeyId>,
    /// Keys whose record is missing or wrong on a server that answered. A key in neither list is one of
    /// which nothing is known.
    pub missing: Vec<KeyId>,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DkimStage {
    /// It has to be made ([`DkimAction::Generate`]).
    Making,
    /// Its record is to be out; `seen_since` is when every server was seen to show it, and has been since.
    Publishing {
        /// When that was first.
        seen_since: Option<Timestamp>,
    },
    /// It may sign and is spared for later.
    Ready,
    /// It signs, since then.
    Signing {
        /// When it began.
        since: Timestamp,
    },
    /// Its record stays.
    Kept {
        /// When it stopped signing.
        since: Timestamp,
    },
    /// Its record says `p=` and nothing else.
    Revoked {
        /// When that was published.
        since: Timestamp,
    },
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimKey {
    /// Its identity; the caller keeps private half and selector under it.
    pub id: KeyId,
    /// Where it stands.
    pub stage: DkimStage,
    /// Whether at the last look a server lacked its record.
    missing: bool,
}

/// The record that a key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DkimRecord {
    /// With its public key.
    Key(KeyId),
    /// With an empty `p=`.
    Revoked(KeyId),
}

/// Something the caller has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DkimAction {
    /// Make a key and a selector never used before, and call [`DkimKeys::made`].
    Generate(KeyId),
    /// [`DkimKeys::records`] changed: publish it.
    Publish,
    /// Destroy the private half: nothing signs with it any more.
    Destroy(KeyId),
}

/// The keys of one algorithm of one domain. Kept by the store as text (serde).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DkimKeys {
    keys: Vec<DkimKey>,
    next_id: u64,
    roll_asked: bool,
    ttl: TtlMemory,
}

impl DkimKeys {
    /// No key yet; the first step asks for the first.
    pub fn new() -> DkimKeys {
        DkimKeys::default()
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> &[DkimKey] {
        &self.keys
    }

    /// The key to sign with now: `None` while no key was out for long enough, or while the record of the
    /// one that would sign was last seen missing. Then send unsigned, or with the other algorithm.
    pub fn signing(&self) -> Option<KeyId> {
        let signs = |key: &&DkimKey| matches!(key.stage, DkimStage::Signing { .. }) && !key.missing;
        self.keys.iter().find(signs).map(|key| key.id)
    }

    /// The records that have to be out, oldest key first.
    pub fn records(&self) -> Vec<DkimRecord> {
        let record = |key: &DkimKey| match key.stage {
            DkimStage::Making => None,
            DkimStage::Revoked { .. } => Some(DkimRecord::Revoked(key.id)),
            _ => Some(DkimRecord::Key(key.id)),
        };
        self.keys.iter().filter_map(record).collect()
    }

    /// Asks that the next key take over as soon as it may, whatever the period.
    pub fn request_roll(&mut self) {
        self.roll_asked = true;
    }

    /// Tells that the key was made and can be published.
    pub fn made(&mut self, id: KeyId) {
        for key in self.keys.iter_mut().filter(|key| key.id == id && key.stage == DkimStage::Making) {
            key.stage = DkimStage::Publishing { seen_since: None };
        }
    }

    /// Moves on as far as `seen` and `now` allow.
    pub fn step(
        mut self,
        now: Timestamp,
        seen: &DkimSeen,
        policy: &DkimPolicy,
    ) -> (DkimKeys, Vec<DkimAction>) {
        let before = self.records();
        let held: Vec<KeyId> = self.keys.iter().map(|key| key.id).collect();
        self.ttl.note(policy.ttl_seconds.max(policy.negative_ttl_seconds), seen.at);
        let wait = self.ttl.max_seconds().saturating_add(policy.safety_seconds);
        for key in &mut self.keys {
            key.look(seen);
            key.age(now, wait, policy);
        }
        self.keys.retain(|key| !key.is_over(now, wait, policy));
        self.promote(now, policy);
        self.provide();
        let mut actions = self.outstanding();
        if self.records() != before {
            actions.push(DkimAction::Publish);
        }
        let gone = held.into_iter().filter(|id| !self.keys.iter().any(|key| key.id == *id));
        actions.extend(gone.map(DkimAction::Destroy));
        (self, actions)
    }

    /// Lets the next key sign if it is ready and its turn has come.
    fn promote(&mut self, now: Timestamp, policy: &DkimPolicy) {
        let Some(next) = self.keys.iter().position(|key| key.stage == DkimStage::Ready && !key.missing)
        else {
            return;
        };
        let signing = self.keys.iter().position(|key| matches!(key.stage, DkimStage::Signing { .. }));
        if let Some(signing) = signing {
            let DkimStage::Signing { since } = self.keys[signing].stage else { return };
            let over = policy.period_seconds.is_some_and(|period| now >= since + period);
            if !over && !self.roll_asked {
                return;
            }
            self.keys[signing].stage = DkimStage::Kept { since: now };
        }
        self.roll_asked = false;
        self.keys[next].stage = DkimStage::Signing { since: now };
    }

    /// Sees to it that a successor is on its way.
    fn provide(&mut self) {
        let coming = |key: &DkimKey| {
            matches!(key.stage, DkimStage::Making | DkimStage::Publishing { .. } | DkimStage::Ready)
        };
        if !self.keys.iter().any(coming) {
            self.next_id += 1;
            let id = KeyId(self.next_id);
            self.keys.push(DkimKey { id, stage: DkimStage::Making, missing: false });
        }
    }

    /// What still has to be made, whenever asked: after a restart as well.
    pub fn outstanding(&self) -> Vec<DkimAction> {
        let making = self.keys.iter().filter(|key| key.stage == DkimStage::Making);
        making.map(|key| DkimAction::Generate(key.id)).collect()
    }

    /// What each key waits for, in words; `title` names a key (its selector).
    pub fn waits(&self, policy: &DkimPolicy, title: impl Fn(KeyId) -> String) -> Vec<Wait> {
        let wait = self.ttl.max_seconds().saturating_add(policy.safety_seconds);
        self.keys.iter().filter_map(|key| key.wait(&title(key.id), wait, policy)).collect()
    }
}

impl DkimKey {
    fn look(&mut self, seen: &DkimSeen) {
        let missing = seen.missing.contains(&self.id);
        if missing || seen.shown.contains(&self.id) {
            self.missing = missing;
        }
        match &mut self.stage {
            DkimStage::Publishing { seen_since } if missing => *seen_since = None,
            DkimStage::Publishing { seen_since } if seen.shown.contains(&self.id) => {
                seen_since.get_or_insert(seen.at);
            }
            // It has to be out for long enough once more.
            DkimStage::Ready if missing => self.stage = DkimStage::Publishing { seen_since: None },
            _ => {}
        }
    }

    fn age(&mut self, now: Timestamp, wait_seconds: u32, policy: &DkimPolicy) {
        self.stage = match self.stage {
            DkimStage::Publishing { seen_since: Some(since) } if now >= since + wait_seconds => {
                DkimStage::Ready
            }
            DkimStage::Kept { since } if now >= since + policy.keep_seconds.max(KEEP_SECONDS_MIN) => {
                DkimStage::Revoked { since: now }
            }
            stage => stage,
        };
    }

    fn is_over(&self, now: Timestamp, wait_seconds: u32, policy: &DkimPolicy) -> bool {
        let stays = policy.revoked_seconds.max(wait_seconds);
        matches!(self.stage, DkimStage::Revoked { since } if now >= since + stays)
    }

    fn wait(&self, title: &str, wait_seconds: u32, policy: &DkimPolicy) -> Option<Wait> {
        let (what, earliest) = match self.stage {
            DkimStage::Making => ("a new key to be made".into(), None),
            DkimStage::Publishing { seen_since: None } => {
                (format!("every server of the zone to show the record of {title}"), None)
            }
            DkimStage::Publishing { seen_since: Some(since) } => (
                format!("caches to forget that {title} was not there, seen on every server since {since}"),
                Some(since + wait_seconds),
            ),
            DkimStage::Ready => return None,
            DkimStage::Signing { since } => {
                let period = policy.period_seconds?;
                (format!("{title} to have signed for its time"), Some(since + period))
            }
            DkimStage::Kept { since } => (
                format!("messages signed by {title} to arrive"),
                Some(since + policy.keep_seconds.max(KEEP_SECONDS_MIN)),
            ),
            DkimStage::Revoked { since } => (
                format!("everyone to see that {title} is revoked"),
                Some(since + policy.revoked_seconds.max(wait_seconds)),
            ),
        };
        Some(Wait { what, earliest, needs_owner: false })
    }
}
