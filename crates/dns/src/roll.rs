//! The order and the waiting of key changes: DNSSEC keys of a zone, DKIM keys, TLSA digests.
//!
//! Every machine here is pure: `step(state, now, what was seen, policy) -> (state, actions)`. None
//! moves on because time passed alone: first it must have been **seen** that a change is everywhere
//! (every server of the zone shows it, every server of the parent shows the DS), and only then the
//! time runs for which caches may keep what was there before. What cannot be seen is waited for, and
//! [`Wait`] says in words for what.
//!
//! # Standards
//! RFC 7583 (timing of DNSSEC rolls), RFC 6781 §4.1 (their order), RFC 7344 and RFC 8078 (CDS and
//! CDNSKEY), RFC 6376 §3.6.1 and §6.1 (DKIM keys), RFC 7671 §8.1 (TLSA).
//!
//! # Hostile input
//! What servers and the parent show comes from the network. A wrong answer can make a machine wait
//! or go back a step; it can advance one only by showing what the machine waits for, from every
//! server at once. Ask the parent's servers directly, or through a validating resolver.

pub mod algorithm;
pub mod dkim;
pub mod ds;
pub mod joining;
pub mod keyset;
pub mod ksk;
pub mod leaving;
pub mod tlsa;
pub mod zsk;

mod ttl;

use serde::{Deserialize, Serialize};

pub use self::keyset::{Action, Cds, Key, Policy, Publication, RefusedRequest, Request, ZoneKeys};
pub use self::ttl::TtlMemory;
pub use crate::time::Timestamp;

/// Which key, among those of one zone, one DKIM name or one TLSA host. Never used twice there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u64);

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The key set only; the parent's DS speaks of it.
    Ksk,
    /// Everything but the key set.
    Zsk,
    /// Both: one key for all.
    Csk,
}

/// Something a machine waits for, in words for the owner of the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// What has to be seen or to pass, as a sentence without a full stop.
    pub what: String,
    /// The earliest moment at which it can be over; `None` while it depends on others only.
    pub earliest: Option<Timestamp>,
    /// True if the DS records of [`ZoneKeys::wanted_ds`] must now be put to the parent by the owner,
    /// unless the parent reads CDS records itself.
    pub needs_owner: bool,
}

/// What was seen of a zone and of its parent at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// When the servers were asked: the time at which the **first** of them was.
    pub at: Timestamp,
    /// The SOA serial of the zone that we serve now.
    pub our_serial: u32,
    /// The oldest SOA serial that any server of the zone showed; `None` unless every one answered.
    pub every_server_shows: Option<u32>,
    /// One row for each server of the parent. Empty means that nobody was asked.
    pub parent: Vec<ParentView>,
    /// The largest TTL among the records that we serve now, in seconds.
    pub zone_ttl_max_seconds: u32,
    /// The TTL of the key set that we serve now, in seconds; zero if there is none.
    pub dnskey_ttl_seconds: u32,
    /// For how long it may be kept that something is not there, in seconds: the smaller of the
    /// SOA's TTL and its minimum (RFC 2308 §5).
    pub negative_ttl_seconds: u32,
}

/// What one server of the parent showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentView {
    /// Which server, for people.
    pub server: String,
    /// The DS records, or `None` if the server gave no answer of use.
    pub ds: Option<DsView>,
}

/// A DS record set as a server of the parent showed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DsView {
    /// Whose digest each record is; empty if the server says there is no DS.
    pub records: Vec<DsSeen>,
    /// Its TTL in seconds.
    pub ttl_seconds: u32,
}

/// Whose digest a DS record is. [`ZoneKeys::recognise`] finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DsSeen {
    /// That of one of our keys.
    Ours(KeyId),
    /// Of no key that we have.
    Foreign {
        /// Its key tag.
        key_tag: u16,
        /// Its algorithm.
        algorithm: u8,
    },
}

impl Observed {
    /// The DS views, if there is a parent's server and every one of them answered.
    fn parent_ds(&self) -> Option<Vec<&DsView>> {
        let views: Option<Vec<&DsView>> = self.parent.iter().map(|view| view.ds.as_ref()).collect();
        views.filter(|views| !views.is_empty())
    }

    /// True if every server of the parent shows `present` and none shows any of `absent`.
    fn parent_shows(&self, present: KeyId, absent: &[KeyId]) -> bool {
        self.parent_ds().is_some_and(|views| {
            views.iter().all(|view| {
                view.records.contains(&DsSeen::Ours(present))
                    && !absent.iter().any(|key| view.records.contains(&DsSeen::Ours(*key)))
            })
        })
    }

    /// True if any server of the parent shows a DS of a key of ours.
    fn parent_shows_ours(&self) -> bool {
        let mut views = self.parent.iter().filter_map(|view| view.ds.as_ref());
        views.any(|view| view.records.iter().any(|seen| matches!(seen, DsSeen::Ours(_))))
    }

    /// True if every server of the parent says that there is no DS at all.
    pub fn parent_shows_none(&self) -> bool {
        self.parent_ds().is_some_and(|views| views.iter().all(|view| view.records.is_empty()))
    }

    /// True if what we serve is what every server serves.
    fn all_agree(&self) -> bool {
        self.every_server_shows == Some(self.our_serial)
    }

    /// The largest TTL of a DS record set that was seen, in seconds.
    fn ds_ttl_seconds(&self) -> Option<u32> {
        let answered = self.parent.iter().filter_map(|view| view.ds.as_ref());
        answered.filter(|view| !view.records.is_empty()).map(|view| view.ttl_seconds).max()
    }
}

/// How far a version of the zone has spread over the servers of the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// It has not been served yet.
    Unserved,
    /// Our server serves it under this serial.
    Serving {
        /// The SOA serial of the first version with the change.
        serial: u32,
    },
    /// Every server was seen to serve it.
    Everywhere {
        /// The SOA serial of the first version with the change.
        serial: u32,
        /// When that was seen first.
        since: Timestamp,
    },
}

impl Spread {
    /// What becomes of it when the version that holds the change is served as `serial`.
    fn served(self, serial: u32) -> Spread {
        match self {
            Spread::Unserved => Spread::Serving { serial },
            other => other,
        }
    }

    /// What becomes of it by what was seen. A server that falls back to an older version (from a
    /// backup, say) makes it begin anew.
    fn seen(self, observed: &Observed) -> Spread {
        match (self, observed.every_server_shows) {
            (Spread::Serving { serial }, Some(shown)) if reached(shown, serial) => {
                Spread::Everywhere { serial, since: observed.at }
            }
            (Spread::Everywhere { serial, .. }, Some(shown)) if !reached(shown, serial) => {
                Spread::Serving { serial }
            }
            (other, _) => other,
        }
    }

    /// When caches will have forgotten what was before, if they keep it for `seconds`; `None` while
    /// it has not been seen everywhere.
    fn settled_at(self, seconds: u32) -> Option<Timestamp> {
        match self {
            Spread::Everywhere { since, .. } => Some(since + seconds),
            _ => None,
        }
    }

    /// True once that moment is over.
    fn settled(self, now: Timestamp, seconds: u32) -> bool {
        self.settled_at(seconds).is_some_and(|at| now >= at)
    }

    /// The wait in words: first for the servers to show `change`, then for caches.
    fn wait(self, change: &str, seconds: u32) -> Wait {
        let what = match self {
            Spread::Unserved => format!("the zone to be signed and served with {change}"),
            Spread::Serving { serial } => {
                format!("every server of the zone to show serial {serial}, with {change}")
            }
            Spread::Everywhere { since, .. } => {
                format!("caches to forget what was before {change}, seen on every server at {since}")
            }
        };
        Wait { what, earliest: self.settled_at(seconds), needs_owner: false }
    }
}

/// True if `shown` is `wanted` or a later serial (RFC 1982 §3.2).
fn reached(shown: u32, wanted: u32) -> bool {
    shown.wrapping_sub(wanted) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn shows(serial: Option<u32>, seconds: u64) -> Observed {
        Observed { at: at(seconds), every_server_shows: serial, ..Observed::default() }
    }

    #[test]
    fn a_change_settles_only_after_it_was_seen_everywhere() {
        let spread = Spread::Unserved.seen(&shows(Some(9), 10));
        assert_eq!(spread, Spread::Unserved);
        let spread = spread.served(5).seen(&shows(None, 20)).seen(&shows(Some(4), 30));
        assert_eq!(spread, Spread::Serving { serial: 5 });
        assert!(!spread.settled(at(1_000_000), 0));
        let spread = spread.seen(&shows(Some(5), 40)).seen(&shows(Some(6), 50));
        assert_eq!(spread.settled_at(100), Some(at(140)));
        assert!(!spread.settled(at(139), 100) && spread.settled(at(140), 100));
        // A server from a backup.
        assert_eq!(spread.seen(&shows(Some(3), 60)), Spread::Serving { serial: 5 });
    }

    #[test]
    fn serials_wrap() {
        assert!(reached(3, u32::MAX) && !reached(u32::MAX, 3) && reached(7, 7));
    }

    #[test]
    fn one_silent_server_of_the_parent_makes_all_unknown() {
        let view = |ds: Option<Vec<DsSeen>>| ParentView {
            server: "p".into(),
            ds: ds.map(|records| DsView { records, ttl_seconds: 60 }),
        };
        let ours = vec![DsSeen::Ours(KeyId(1))];
        let observed = |parent| Observed { parent, ..Observed::default() };
        let both = observed(vec![view(Some(ours.clone())), view(Some(ours.clone()))]);
        assert!(both.parent_shows(KeyId(1), &[KeyId(2)]));
        let silent = observed(vec![view(Some(ours)), view(None)]);
        assert!(!silent.parent_shows(KeyId(1), &[]));
        let none = observed(vec![view(Some(vec![])), view(None)]);
        assert!(!none.parent_shows_none() && !observed(vec![]).parent_shows_none());
        assert!(observed(vec![view(Some(vec![]))]).parent_shows_none());
    }
}
