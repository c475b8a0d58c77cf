//! The keys of one zone, and which of their rolls is under way.

mod policy;
mod request;

use serde::{Deserialize, Serialize};

pub use self::policy::{Delays, Layout, Policy};
pub use self::request::{RefusedRequest, Request};
use super::algorithm::{self, Roll as Replacement};
use super::joining::Joining;
use super::leaving::Leaving;
use super::{DsSeen, KeyId, Observed, Role, Spread, Timestamp, TtlMemory, Wait, ksk, zsk};
use crate::dnssec::algorithm::Algorithm;
use crate::dnssec::ds::{DigestType, Ds};
use crate::dnssec::key::DnsKey;
use crate::name::Name;

/// One key of a zone. The private half is the caller's, under the same [`KeyId`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its identity in this zone.
    pub id: KeyId,
    /// What it signs.
    pub role: Role,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// The public half as a DNSKEY holds it; `None` until the key was made.
    #[serde(with = "crate::dnssec::key::written")]
    pub public_key: Option<Vec<u8>>,
    /// Since when it signs; lifetimes count from here.
    pub signs_since: Option<Timestamp>,
}

impl Key {
    /// Its DNSKEY, once it was made.
    pub fn dnskey(&self) -> Option<DnsKey> {
        let public_key = self.public_key.clone()?;
        Some(DnsKey::new(self.role, self.algorithm, public_key))
    }

    /// `KSK 12345 (ECDSAP256SHA256)`, for people.
    pub fn title(&self) -> String {
        let role = match self.role {
            Role::Ksk => "KSK",
            Role::Zsk => "ZSK",
            Role::Csk => "CSK",
        };
        match self.dnskey() {
            Some(key) => format!("{role} {} ({})", key.key_tag(), self.algorithm),
            None => format!("a new {role} ({})", self.algorithm),
        }
    }
}

/// The two keys that a zone needs; the same one twice if it has a CSK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Signs the key set; the DS speaks of it.
    pub top: KeyId,
    /// Signs all else.
    pub zone: KeyId,
}

impl Pair {
    /// The one key, or both, the top one first.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> + use<> {
        let zone = (self.zone != self.top).then_some(self.zone);
        [Some(self.top), zone].into_iter().flatten()
    }
}

/// What CDS and CDNSKEY say (RFC 7344, RFC 8078).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cds {
    /// They are not there.
    #[default]
    None,
    /// These keys are to be in the DS set, and no others.
    Keys(Vec<KeyId>),
    /// The DS set is to be removed (RFC 8078 §4).
    Delete,
}

/// What a zone publishes of its keys, and what signs it, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publication {
    /// Counts the changes of all that follows; hand it to [`ZoneKeys::served`].
    pub revision: u64,
    /// The key set.
    pub dnskeys: Vec<KeyId>,
    /// What signs the key set, CDS and CDNSKEY.
    pub dnskey_signers: Vec<KeyId>,
    /// What signs all else, each of them all of it. Empty: the zone is not signed.
    pub zone_signers: Vec<KeyId>,
    /// CDS and CDNSKEY.
    pub cds: Cds,
    /// The TTL of the key set, CDS and CDNSKEY, in seconds.
    pub dnskey_ttl_seconds: u32,
}

/// Something the caller has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a key pair, keep its private half, and call [`ZoneKeys::made`].
    Generate {
        /// The identity it gets.
        id: KeyId,
        /// What it will sign.
        role: Role,
        /// Of what kind it is.
        algorithm: Algorithm,
    },
    /// Sign the zone by [`ZoneKeys::publication`], serve it, and call [`ZoneKeys::served`].
    Sign,
    /// Tell the parent that CDS changed (RFC 9859), if it wants to be told. May be left out.
    NotifyParent,
    /// Destroy the private key: nothing needs it any more.
    Destroy(KeyId),
}

/// What a step goes by, and what it asks for.
pub(super) struct Scene<'a> {
    pub now: Timestamp,
    pub observed: &'a Observed,
    pub delays: Delays,
    pub actions: &'a mut Vec<Action>,
}

/// Where the zone stands with its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Chain {
    Unsigned,
    Joining(Pair, Joining),
    Secure(Pair),
    Rolling(Pair, ksk::Roll),
    Replacing(Replacement),
    Leaving(Pair, Leaving),
}

/// A change that begins once its keys were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pending {
    Join(Pair),
    JoinNew(Pair),
    Top(KeyId),
    Zone(KeyId),
    Replace(Pair),
}

/// The keys of one zone and the state of their rolls. Kept by the store as text (serde).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneKeys {
    keys: Vec<Key>,
    next_id: u64,
    chain: Chain,
    zone_roll: Option<zsk::Roll>,
    pending: Option<Pending>,
    revision: u64,
    served_revision: u64,
    zone_ttl: TtlMemory,
    dnskey_ttl: TtlMemory,
    ds_ttl: TtlMemory,
}

impl Default for ZoneKeys {
    fn default() -> ZoneKeys {
        ZoneKeys::new()
    }
}

impl ZoneKeys {
    /// A zone that is not signed.
    pub fn new() -> ZoneKeys {
        ZoneKeys {
            keys: Vec::new(),
            next_id: 1,
            chain: Chain::Unsigned,
            zone_roll: None,
            pending: None,
            revision: 0,
            served_revision: 0,
            zone_ttl: TtlMemory::default(),
            dnskey_ttl: TtlMemory::default(),
            ds_ttl: TtlMemory::default(),
        }
    }

    /// A zone that comes with its keys from another server: signed there, and so without a moment in
    /// which it is not. `top` and `zone` are the same for a CSK. The state is that after the data was
    /// signed; it is secure as soon as the parent shows the DS.
    pub fn adopt(top: DnsKey, zone: Option<DnsKey>, now: Timestamp) -> ZoneKeys {
        let mut keys = ZoneKeys::new();
        let role = if zone.is_some() { Role::Ksk } else { Role::Csk };
        let mut keep = |key: DnsKey, role| {
            let id = keys.allocate(role, key.algorithm());
            if let Some(kept) = keys.key_mut(id) {
                kept.public_key = Some(key.public_key().to_vec());
                kept.signs_since = Some(now);
            }
            id
        };
        let top = keep(top, role);
        let zone = zone.map_or(top, |key| keep(key, Role::Zsk));
        keys.chain = Chain::Joining(Pair { top, zone }, Joining::Submitting(Spread::Unserved));
        keys.revision = 1;
        keys
    }

    /// All keys: those in use, those to come and those on their way out.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key of that identity.
    pub fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    fn key_mut(&mut self, id: KeyId) -> Option<&mut Key> {
        self.keys.iter_mut().find(|key| key.id == id)
    }

    fn title(&self, id: KeyId) -> String {
        self.key(id).map_or_else(|| "a former key".into(), Key::title)
    }

    /// The keys in use, if the zone is signed: during a roll those that are to go.
    pub fn current(&self) -> Option<Pair> {
        match &self.chain {
            Chain::Unsigned => None,
            Chain::Joining(pair, _)
            | Chain::Secure(pair)
            | Chain::Rolling(pair, _)
            | Chain::Leaving(pair, _) => Some(*pair),
            Chain::Replacing(roll) => Some(roll.old()),
        }
    }

    /// True if the zone is to be served signed.
    pub fn is_signed(&self) -> bool {
        !self.publication_of_chain().zone_signers.is_empty()
    }

    /// True if every server of the parent was seen to show our DS, and the zone is to stay signed.
    pub fn is_secure(&self) -> bool {
        matches!(self.chain, Chain::Secure(_) | Chain::Rolling(..) | Chain::Replacing(_))
    }

    /// True if the parent was ever seen to show our DS since the zone was signed.
    pub fn was_secure(&self) -> bool {
        !matches!(self.chain, Chain::Unsigned | Chain::Joining(..))
    }

    /// True if a DS was ever seen at the parent since there are keys, so that caches may still have one.
    pub fn saw_ds(&self) -> bool {
        self.ds_ttl != TtlMemory::default()
    }

    /// The state in a few words, for people.
    pub fn summary(&self) -> &'static str {
        match (&self.chain, &self.zone_roll) {
            (Chain::Unsigned, _) if self.pending.is_some() => "making keys",
            (Chain::Unsigned, _) => "not signed",
            (Chain::Joining(_, Joining::Signing(_) | Joining::Spreading(_)), _) => "going signed",
            (Chain::Joining(_, Joining::Submitting(_)), _) => "signed; the parent has no DS yet",
            (Chain::Secure(_), None) => "secure",
            (Chain::Secure(_), Some(_)) => "secure; the ZSK is being rolled",
            (Chain::Rolling(pair, _), _) if pair.top == pair.zone => "secure; the CSK is being rolled",
            (Chain::Rolling(..), _) => "secure; the KSK is being rolled",
            (Chain::Replacing(_), _) => "secure; the keys are being replaced",
            (Chain::Leaving(..), _) => "going unsigned",
        }
    }

    /// Whose digest a DS record of the zone `apex` is.
    pub fn recognise(&self, apex: &Name, ds: &Ds) -> DsSeen {
        let made = self.keys.iter().filter_map(|key| Some((key.id, key.dnskey()?)));
        let mut ours = made.filter(|(_, key)| ds.is_of(apex, key));
        let foreign = DsSeen::Foreign { key_tag: ds.key_tag, algorithm: ds.algorithm.0 };
        ours.next().map_or(foreign, |(id, _)| DsSeen::Ours(id))
    }

    /// The DS records that the parent should show now, as text to be put to the registrar:
    /// `example.org. IN DS 12345 13 2 …`. Empty if it should show none.
    pub fn wanted_ds_text(&self, apex: &Name) -> Vec<String> {
        let keys = self.wanted_ds().into_iter().filter_map(|id| self.key(id)?.dnskey());
        let ds = keys.filter_map(|key| Ds::of(apex, &key, DigestType::SHA256));
        ds.map(|ds| format!("{apex} IN DS {ds}")).collect()
    }

    /// The keys whose DS the parent should show now; for the text to be put to the registrar. Empty
    /// if it should show none.
    pub fn wanted_ds(&self) -> Vec<KeyId> {
        match self.publication_of_chain().cds {
            Cds::Keys(keys) => keys,
            Cds::None | Cds::Delete => Vec::new(),
        }
    }

    /// What is to be published and what is to sign.
    pub fn publication(&self, policy: &Policy) -> Publication {
        let mut publication = self.publication_of_chain();
        publication.dnskey_ttl_seconds = policy.dnskey_ttl_seconds;
        if !policy.cds {
            publication.cds = Cds::None;
        }
        publication
    }

    fn publication_of_chain(&self) -> Publication {
        let mut publication = Publication { revision: self.revision, ..Publication::default() };
        if let Some(pair) = self.current() {
            publication.dnskeys = pair.keys().collect();
            publication.dnskey_signers = vec![pair.top];
            publication.zone_signers = vec![pair.zone];
            publication.cds = Cds::Keys(vec![pair.top]);
        }
        match &self.chain {
            Chain::Unsigned | Chain::Secure(_) => {}
            Chain::Joining(_, joining) => joining.publish(&mut publication),
            Chain::Rolling(_, roll) => roll.publish(&mut publication),
            Chain::Replacing(roll) => roll.publish(&mut publication),
            Chain::Leaving(_, leaving) => leaving.publish(&mut publication),
        }
        if let Some(roll) = &self.zone_roll {
            roll.publish(&mut publication);
        }
        publication
    }

    fn delays(&self, policy: &Policy) -> Delays {
        let kept = |ttl: u32| ttl.saturating_add(policy.safety_seconds);
        Delays {
            data_seconds: kept(self.zone_ttl.max_seconds()),
            keys_seconds: kept(self.dnskey_ttl.max_seconds().max(policy.dnskey_ttl_seconds)),
            ds_seconds: kept(self.ds_ttl.max_seconds()).saturating_add(policy.parent_propagation_seconds),
        }
    }

    fn algorithm_of(&self, id: KeyId) -> Algorithm {
        self.key(id).map_or(Algorithm::ECDSAP256SHA256, |key| key.algorithm)
    }

    fn allocate(&mut self, role: Role, algorithm: Algorithm) -> KeyId {
        let id = KeyId(self.next_id);
        self.next_id += 1;
        self.keys.push(Key { id, role, algorithm, public_key: None, signs_since: None });
        id
    }

    fn allocate_pair(&mut self, policy: &Policy) -> Pair {
        match policy.layout {
            Layout::Single => {
                let key = self.allocate(Role::Csk, policy.algorithm);
                Pair { top: key, zone: key }
            }
            Layout::Split => Pair {
                top: self.allocate(Role::Ksk, policy.algorithm),
                zone: self.allocate(Role::Zsk, policy.algorithm),
            },
        }
    }

    /// Tells that a key was made, with its public half as a DNSKEY holds it. Its key tag must be that of
    /// no other key of the zone: make another if [`ZoneKeys::tag_taken`].
    pub fn made(&mut self, id: KeyId, public_key: Vec<u8>) {
        if let Some(key) = self.key_mut(id) {
            key.public_key.get_or_insert(public_key);
        }
    }

    /// True if a key of that algorithm and tag is there already. Two such keys make validators try
    /// both for each signature, and some refuse to.
    pub fn tag_taken(&self, algorithm: Algorithm, key_tag: u16) -> bool {
        let mut made = self.keys.iter().filter_map(Key::dnskey);
        made.any(|key| key.algorithm() == algorithm && key.key_tag() == key_tag)
    }

    /// Tells that the zone, signed by the publication of that revision, is being served under `serial`.
    /// An older revision is passed over.
    pub fn served(&mut self, revision: u64, serial: u32) {
        if revision != self.revision {
            return;
        }
        self.served_revision = revision;
        match &mut self.chain {
            Chain::Unsigned | Chain::Secure(_) => {}
            Chain::Joining(_, joining) => joining.served(serial),
            Chain::Rolling(_, roll) => roll.served(serial),
            Chain::Replacing(roll) => roll.served(serial),
            Chain::Leaving(_, leaving) => leaving.served(serial),
        }
        if let Some(roll) = &mut self.zone_roll {
            roll.served(serial);
        }
    }

    /// Moves on as far as `observed` and `now` allow, one state at most for each roll.
    ///
    /// Keep the new state before doing what the actions say: they are given again until they are done,
    /// but for [`Action::NotifyParent`] and [`Action::Destroy`].
    pub fn step(mut self, now: Timestamp, observed: &Observed, policy: &Policy) -> (ZoneKeys, Vec<Action>) {
        let mut actions = Vec::new();
        self.remember(observed);
        let before = self.publication(policy);
        let served = self.served_revision == self.revision;
        self.begin_pending(now);
        let delays = self.delays(policy);
        let mut scene = Scene { now, observed, delays, actions: &mut actions };
        self.step_zone_roll(&mut scene);
        self.step_chain(&mut scene);
        self.schedule(now, policy);
        if self.publication(policy) != before || (served && self.has_unserved()) {
            self.revision += 1;
        }
        actions.extend(self.outstanding());
        (self, actions)
    }

    fn remember(&mut self, observed: &Observed) {
        let zone_ttl_seconds = observed.zone_ttl_max_seconds.max(observed.negative_ttl_seconds);
        let everywhere = observed.all_agree();
        self.zone_ttl.note_served(zone_ttl_seconds, everywhere, observed.at);
        self.dnskey_ttl.note_served(observed.dnskey_ttl_seconds, everywhere, observed.at);
        if let Some(ttl_seconds) = observed.ds_ttl_seconds() {
            self.ds_ttl.note(ttl_seconds, observed.at);
        }
    }

    fn has_unserved(&self) -> bool {
        // Serving is what ends it: try it on a copy.
        let mut served = self.clone();
        served.served(self.revision, 0);
        (&served.chain, &served.zone_roll) != (&self.chain, &self.zone_roll)
    }

    /// What still has to be done, whenever asked: after a restart as well.
    pub fn outstanding(&self) -> Vec<Action> {
        let missing = self.keys.iter().filter(|key| key.public_key.is_none());
        let mut actions: Vec<Action> = missing
            .map(|key| Action::Generate { id: key.id, role: key.role, algorithm: key.algorithm })
            .collect();
        if self.served_revision != self.revision {
            actions.push(Action::Sign);
        }
        actions
    }

    fn begin_pending(&mut self, now: Timestamp) {
        let Some(pending) = self.pending else { return };
        let keys: Vec<KeyId> = match pending {
            Pending::Join(pair) | Pending::JoinNew(pair) | Pending::Replace(pair) => pair.keys().collect(),
            Pending::Top(key) | Pending::Zone(key) => vec![key],
        };
        let made = |id: &KeyId| self.key(*id).is_some_and(|key| key.public_key.is_some());
        if !keys.iter().all(made) {
            return;
        }
        match (pending, &self.chain) {
            (Pending::Join(pair), _) => self.chain = Chain::Joining(pair, Joining::new()),
            (Pending::JoinNew(pair), _) => self.chain = Chain::Joining(pair, Joining::never_unsigned()),
            (Pending::Replace(new), Chain::Secure(old)) => {
                self.chain = Chain::Replacing(Replacement::new(*old, new))
            }
            (Pending::Top(top), Chain::Secure(old)) => {
                let zone = if old.top == old.zone { top } else { old.zone };
                self.chain = Chain::Rolling(*old, ksk::Roll::new(*old, Pair { top, zone }));
            }
            (Pending::Zone(new), _) => {
                self.zone_roll = self.current().map(|pair| zsk::Roll::new(pair.zone, new));
            }
            // No request is taken while one is pending, so the chain is still as it was.
            (Pending::Replace(_) | Pending::Top(_), _) => return,
        }
        self.pending = None;
        for id in keys {
            if let Some(key) = self.key_mut(id) {
                key.signs_since = Some(now);
            }
        }
    }

    fn step_zone_roll(&mut self, scene: &mut Scene<'_>) {
        let Some(roll) = self.zone_roll.take() else { return };
        self.zone_roll = match roll.step(scene) {
            zsk::Stepped::On(roll) => Some(roll),
            zsk::Stepped::Took(key, roll) => {
                self.set_zone_key(key);
                Some(roll)
            }
            zsk::Stepped::Over(old) => {
                self.forget([old], scene);
                None
            }
        };
    }

    fn set_zone_key(&mut self, key: KeyId) {
        match &mut self.chain {
            Chain::Joining(pair, _) | Chain::Secure(pair) | Chain::Leaving(pair, _) => pair.zone = key,
            Chain::Rolling(pair, roll) => {
                pair.zone = key;
                roll.set_zone_key(key);
            }
            // A ZSK is not rolled meanwhile.
            Chain::Unsigned | Chain::Replacing(_) => {}
        }
    }

    fn step_chain(&mut self, scene: &mut Scene<'_>) {
        self.chain = match std::mem::replace(&mut self.chain, Chain::Unsigned) {
            Chain::Joining(pair, joining) => match joining.step(scene, pair.top) {
                Some(joining) => Chain::Joining(pair, joining),
                None => Chain::Secure(pair),
            },
            Chain::Rolling(pair, roll) => match roll.step(scene) {
                ksk::Stepped::On(roll) => Chain::Rolling(pair, roll),
                ksk::Stepped::Took(pair, roll) => Chain::Rolling(pair, roll),
                ksk::Stepped::Over(old) => {
                    self.forget([old], scene);
                    Chain::Secure(pair)
                }
            },
            Chain::Replacing(roll) => match roll.step(scene) {
                algorithm::Stepped::On(roll) => Chain::Replacing(roll),
                algorithm::Stepped::Over { current, old } => {
                    self.forget(old.keys(), scene);
                    Chain::Secure(current)
                }
            },
            Chain::Leaving(pair, leaving) => match leaving.step(scene) {
                Some(leaving) => Chain::Leaving(pair, leaving),
                None => {
                    self.forget(pair.keys(), scene);
                    Chain::Unsigned
                }
            },
            other => other,
        };
    }

    fn forget(&mut self, keys: impl IntoIterator<Item = KeyId>, scene: &mut Scene<'_>) {
        for id in keys {
            self.keys.retain(|key| key.id != id);
            scene.actions.push(Action::Destroy(id));
        }
    }

    /// Begins what is due by the lifetimes of the policy.
    fn schedule(&mut self, now: Timestamp, policy: &Policy) {
        let Some(pair) = self.current() else { return };
        let due = |id: KeyId, lifetime: Option<u32>| {
            let since = self.key(id).and_then(|key| key.signs_since);
            since.zip(lifetime).is_some_and(|(since, lifetime)| now >= since + lifetime)
        };
        let top_due = due(pair.top, policy.top_lifetime_seconds);
        let zone_due = pair.zone != pair.top && due(pair.zone, policy.zsk_lifetime_seconds);
        // Refusals mean "not now": the next step tries again.
        if zone_due {
            let _ = self.request(Request::RollZone, policy);
        }
        if top_due {
            let _ = self.request(Request::RollTop, policy);
        }
    }

    /// What is being waited for, in words.
    pub fn waits(&self, policy: &Policy) -> Vec<Wait> {
        let delays = self.delays(policy);
        let name = |id| self.title(id);
        let mut waits = match &self.chain {
            Chain::Unsigned | Chain::Secure(_) => Vec::new(),
            Chain::Joining(pair, joining) => vec![joining.waits(delays, &name(pair.top))],
            Chain::Rolling(_, roll) => roll.waits(delays, &name),
            Chain::Replacing(roll) => vec![roll.waits(delays, &name)],
            Chain::Leaving(_, leaving) => vec![leaving.waits(delays)],
        };
        waits.extend(self.zone_roll.as_ref().map(|roll| roll.waits(delays, &name)));
        for key in self.keys.iter().filter(|key| key.public_key.is_none()) {
            waits.push(Wait {
                what: format!("{} to be made", key.title()),
                earliest: None,
                needs_owner: false,
            });
        }
        waits
    }

    /// What is wrong at the parent, in words; empty if nothing is, or nothing can be told.
    pub fn parent_problems(&self, observed: &Observed) -> Vec<String> {
        let mut problems = Vec::new();
        for view in &observed.parent {
            let Some(ds) = &view.ds else { continue };
            let ours = ds.records.iter().filter(|seen| matches!(seen, DsSeen::Ours(_))).count();
            if self.is_secure() && ours == 0 {
                problems.push(format!(
                    "{} shows no DS of any key of this zone: {}",
                    view.server,
                    if ds.records.is_empty() { "it is no longer trusted" } else { "no validator accepts it" }
                ));
            }
            for seen in &ds.records {
                if let DsSeen::Foreign { key_tag, algorithm } = seen {
                    let text = "shows a DS of no key of this zone";
                    problems
                        .push(format!("{} {text}: key tag {key_tag}, algorithm {algorithm}", view.server));
                }
            }
        }
        problems
    }

    /// Whether the zone may be taken away: only if no server of the parent shows a DS, else its
    /// names are gone for every validator.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub fn may_delete(&self, observed: &Observed) -> Result<(), String> {
        match self.chain {
            Chain::Unsigned => Ok(()),
            _ if observed.parent_shows_none() => Ok(()),
            _ if observed.parent_ds().is_none() => {
                Err("it is not known whether the parent shows a DS".into())
            }
            _ => Err("the parent still shows a DS: stop signing first".into()),
        }
    }

    /// Whether signatures and keys may go at once: only while nobody relies on them.
    ///
    /// A zone on its way into the chain may also go while the parent cannot be asked: there never was a DS of ours, as
    /// far as was ever seen. One on its way out may not: there was one.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub fn may_stop_at_once(&self, observed: &Observed) -> Result<(), String> {
        match self.chain {
            Chain::Unsigned => Ok(()),
            _ if observed.parent_shows_ours() => Err("the parent shows a DS of a key that is here".into()),
            // A DS of keys elsewhere is not served by these signatures either.
            Chain::Joining(..) => Ok(()),
            Chain::Leaving(..) if observed.parent_shows_none() => Ok(()),
            Chain::Leaving(..) => Err("it is not known whether the parent still shows a DS".into()),
            Chain::Secure(_) | Chain::Rolling(..) | Chain::Replacing(_) => {
                Err("caches may still have the parent's DS".into())
            }
        }
    }

    /// Whether other keys may take the place of these at once: only while the parent vouches for none of them.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub fn may_be_replaced(&self, observed: &Observed) -> Result<(), String> {
        match self.chain {
            Chain::Unsigned => Ok(()),
            _ if observed.parent_shows_ours() => Err("the parent shows a DS of a key that is here".into()),
            Chain::Joining(..) => Ok(()),
            Chain::Leaving(..) if observed.parent_shows_none() => Ok(()),
            _ => Err("the zone is secure by the keys that are here: roll them instead".into()),
        }
    }
}
