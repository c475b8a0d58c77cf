//! All zones that are served: found by the longest suffix of a name.

use std::sync::Arc;

use crate::code::RecordType;
use crate::compiled::{CompiledZone, Key, hash_of};
use crate::name::Name;

/// Zones are spread over so many lists by hash; to replace one, one list is copied.
const SHARDS: usize = 256;

/// What is served under a name.
#[derive(Debug, Clone)]
pub enum Served {
    /// A zone.
    Zone(Arc<CompiledZone>),
    /// A zone that cannot be answered for now: a secondary's not yet fetched, or expired. Queries get SERVFAIL.
    NotReady(Name),
}

impl Served {
    /// The zone's name.
    pub fn apex(&self) -> &Name {
        match self {
            Served::Zone(zone) => zone.apex(),
            Served::NotReady(name) => name,
        }
    }
}

type Shard = Arc<Vec<(u64, Served)>>;

/// An immutable set of zones. To change one makes a new catalogue, which shares all the rest with the old.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Sorted by hash.
    shards: Vec<Shard>,
    /// How many zones have how many labels, so that look-ups pass over lengths that no zone has.
    by_labels: Arc<[u32; 128]>,
    /// Bit n: some zone has n labels.
    labels: u128,
}

impl Default for Catalogue {
    fn default() -> Self {
        let empty: Shard = Arc::default();
        Catalogue { shards: vec![empty; SHARDS], by_labels: Arc::new([0; 128]), labels: 0 }
    }
}

impl Catalogue {
    /// A catalogue of no zones.
    pub fn new() -> Self {
        Catalogue::default()
    }

    /// The catalogue with `entry` in place of what was served under its name.
    #[must_use]
    pub fn with(&self, entry: Served) -> Self {
        let mut new = self.clone();
        new.put(entry);
        new
    }

    /// The catalogue with `zone` in place of what was served under its name.
    #[must_use]
    pub fn with_zone(&self, zone: CompiledZone) -> Self {
        self.with(Served::Zone(Arc::new(zone)))
    }

    /// The catalogue without what is served under `name`.
    #[must_use]
    pub fn without(&self, name: &Name) -> Self {
        let mut new = self.clone();
        let hash = hash_of(name.as_wire());
        let shard = Arc::make_mut(&mut new.shards[shard_of(hash)]);
        if let Some(at) = position(shard, hash, name) {
            shard.remove(at);
            new.count(name.label_count(), false);
        }
        new
    }

    /// Puts an entry in; cheap while the catalogue is not shared, for the start with many zones.
    pub fn put(&mut self, entry: Served) {
        let hash = hash_of(entry.apex().as_wire());
        let labels = entry.apex().label_count();
        let shard = Arc::make_mut(&mut self.shards[shard_of(hash)]);
        match position(shard, hash, entry.apex()) {
            Some(at) => shard[at].1 = entry,
            None => {
                let at = shard.partition_point(|(other, _)| *other < hash);
                shard.insert(at, (hash, entry));
                self.count(labels, true);
            }
        }
    }

    fn count(&mut self, labels: usize, more: bool) {
        let counts = Arc::make_mut(&mut self.by_labels);
        if more {
            counts[labels] += 1
        } else {
            counts[labels] -= 1
        }
        let bit = 1 << labels;
        self.labels = if counts[labels] > 0 { self.labels | bit } else { self.labels & !bit };
    }

    /// What is served under exactly this name.
    pub fn get(&self, name: &Name) -> Option<&Served> {
        let hash = hash_of(name.as_wire());
        let shard = &self.shards[shard_of(hash)];
        position(shard, hash, name).map(|at| &shard[at].1)
    }

    /// The zone of exactly this name, if it can be answered for.
    pub fn zone(&self, name: &Name) -> Option<&Arc<CompiledZone>> {
        match self.get(name)? {
            Served::Zone(zone) => Some(zone),
            Served::NotReady(_) => None,
        }
    }

    /// What is served under `name` or the nearest name above it.
    pub fn covering(&self, name: &Name) -> Option<&Served> {
        let mut key = Key::new();
        key.set(name.as_wire());
        self.find(&key, RecordType::ANY)
    }

    /// All that is served, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Served> {
        self.shards.iter().flat_map(|shard| shard.iter().map(|(_, entry)| entry))
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels == 0
    }

    /// The zone that answers for a name and type: the nearest above it, but for DS the one above that, if
    /// there is any, since DS records are the parent's (RFC 4035 §3.1.4.1).
    pub(crate) fn find(&self, key: &Key, rtype: RecordType) -> Option<&Served> {
        let mut at_name = None;
        for label in 0..=key.labels {
            if self.labels >> (key.labels - label) & 1 == 0 {
                continue;
            }
            let (hash, name) = (key.hash(label), key.suffix(label));
            let shard = &self.shards[shard_of(hash)];
            let start = shard.partition_point(|(other, _)| *other < hash);
            let same = shard[start..].iter().take_while(|(other, _)| *other == hash);
            let found = same.map(|(_, entry)| entry).find(|e| e.apex().as_wire().eq_ignore_ascii_case(name));
            match found {
                Some(entry) if label == 0 && rtype == RecordType::DS => at_name = Some(entry),
                Some(entry) => return Some(entry),
                None => {}
            }
        }
        at_name
    }
}

fn shard_of(hash: u64) -> usize {
    (hash >> 56) as usize % SHARDS
}

fn position(shard: &[(u64, Served)], hash: u64, name: &Name) -> Option<usize> {
    let start = shard.partition_point(|(other, _)| *other < hash);
    let same = shard[start..].iter().take_while(|(other, _)| *other == hash);
    same.zip(start..).find(|((_, entry), _)| entry.apex() == name).map(|(_, at)| at)
}
