//! The change to another algorithm, or between one key and two (RFC 6781 §4.1.4, RFC 7583 §3.3.5).
//!
//! A validator may ask that all data be signed by every algorithm of the key set, and the key set by
//! every algorithm of the DS set (RFC 6840 §5.11). So signatures come first and go last:
//! 1. `Signing`: data is signed by old and new keys; the key set shows the old ones.
//! 2. `Publishing`: the key set shows both, signed by both.
//! 3. `Submitting`: CDS and CDNSKEY ask for the new DS instead of the old one.
//! 4. `Withdrawing`: the key set shows the new keys; data is still signed by both.
//! 5. `Unsigning`: data is signed by the new keys.
//!
//! Each lasts until it was seen everywhere and caches forgot what was before. The change between a CSK
//! and a pair of KSK and ZSK goes the same way: what holds for two algorithms holds for one.

use serde::{Deserialize, Serialize};

use super::ds::DsSwap;
use super::keyset::{Cds, Delays, Pair, Publication, Scene};
use super::{KeyId, Spread, Wait};

/// A change under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    old: Pair,
    new: Pair,
    state: State,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Signing(Spread),
    Publishing(Spread),
    Submitting(DsSwap),
    Withdrawing(Spread),
    Unsigning(Spread),
}

/// What a step came to.
pub(super) enum Stepped {
    /// It goes on.
    On(Roll),
    /// It is over: these are the keys of the zone, and those can be destroyed.
    Over {
        /// The keys of the zone.
        current: Pair,
        /// The keys that were.
        old: Pair,
    },
}

impl Roll {
    /// Begins with both signatures on all data.
    pub(super) fn new(old: Pair, new: Pair) -> Roll {
        Roll { old, new, state: State::Signing(Spread::Unserved) }
    }

    /// The keys that are to go.
    pub(super) fn old(&self) -> Pair {
        self.old
    }

    pub(super) fn step(mut self, scene: &mut Scene<'_>) -> Stepped {
        let (now, delays) = (scene.now, scene.delays);
        self.state = match self.state {
            State::Signing(spread) => match spread.seen(scene.observed) {
                spread if spread.settled(now, delays.data_seconds) => State::Publishing(Spread::Unserved),
                spread => State::Signing(spread),
            },
            State::Publishing(spread) => match spread.seen(scene.observed) {
                spread if spread.settled(now, delays.keys_seconds) => State::Submitting(DsSwap::new()),
                spread => State::Publishing(spread),
            },
            State::Submitting(ds) => match ds.step(scene, self.new.top, &[self.old.top]) {
                ds if ds.settled(now, delays) => State::Withdrawing(Spread::Unserved),
                ds => State::Submitting(ds),
            },
            State::Withdrawing(spread) => match spread.seen(scene.observed) {
                spread if spread.settled(now, delays.keys_seconds) => State::Unsigning(Spread::Unserved),
                spread => State::Withdrawing(spread),
            },
            State::Unsigning(spread) => match spread.seen(scene.observed) {
                spread if spread.settled(now, delays.data_seconds) => {
                    return Stepped::Over { current: self.new, old: self.old };
                }
                spread => State::Unsigning(spread),
            },
        };
        Stepped::On(self)
    }

    pub(super) fn served(&mut self, serial: u32) {
        match &mut self.state {
            State::Submitting(ds) => ds.served(serial),
            State::Signing(spread)
            | State::Publishing(spread)
            | State::Withdrawing(spread)
            | State::Unsigning(spread) => *spread = spread.served(serial),
        }
    }

    /// What is published while it lasts.
    pub(super) fn publish(&self, publication: &mut Publication) {
        let keys = |pairs: &[Pair]| pairs.iter().flat_map(Pair::keys).collect::<Vec<_>>();
        let tops = |pairs: &[Pair]| pairs.iter().map(|pair| pair.top).collect::<Vec<_>>();
        let zones = |pairs: &[Pair]| pairs.iter().map(|pair| pair.zone).collect::<Vec<_>>();
        let (old, new, both) = ([self.old], [self.new], [self.old, self.new]);
        let shown: &[Pair] = match self.state {
            State::Signing(_) => &old,
            State::Publishing(_) | State::Submitting(_) => &both,
            State::Withdrawing(_) | State::Unsigning(_) => &new,
        };
        let signing: &[Pair] = if matches!(self.state, State::Unsigning(_)) { &new } else { &both };
        let wanted = if matches!(self.state, State::Signing(_) | State::Publishing(_)) { old } else { new };
        publication.dnskeys = keys(shown);
        publication.dnskey_signers = tops(shown);
        publication.zone_signers = zones(signing);
        publication.cds = Cds::Keys(tops(&wanted));
    }

    pub(super) fn waits(&self, delays: Delays, name: &dyn Fn(KeyId) -> String) -> Wait {
        let (old, new) = (name(self.old.top), name(self.new.top));
        match self.state {
            State::Signing(spread) => {
                let change = format!("data signed by {old} and {}", name(self.new.zone));
                spread.wait(&change, delays.data_seconds)
            }
            State::Publishing(spread) => spread.wait(&format!("{new} in the key set"), delays.keys_seconds),
            State::Submitting(ds) => ds.wait(delays, &new, &[old]),
            State::Withdrawing(spread) => {
                spread.wait(&format!("a key set without {old}"), delays.keys_seconds)
            }
            State::Unsigning(spread) => {
                let change = format!("data no longer signed by {}", name(self.old.zone));
                spread.wait(&change, delays.data_seconds)
            }
        }
    }
}
