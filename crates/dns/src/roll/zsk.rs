//! The roll of a ZSK by pre-publication (RFC 7583 §3.2.1, RFC 6781 §4.1.1.1).
//!
//! 1. `Publishing`: the new key is in the key set and signs nothing. Until every server shows it, and
//!    then the key set's TTL (`Ipub`).
//! 2. `Swapping`: all data is signed by the new key; the old one stays in the set. Until every server
//!    shows the data so signed, and then the largest TTL of the zone (`Iret`).
//! 3. `Withdrawing`: the old key is out of the set. Until caches forgot the set with it.

use serde::{Deserialize, Serialize};

use super::keyset::{Delays, Publication, Scene};
use super::{KeyId, Spread, Wait};

/// A roll under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Roll {
    /// The new key is shown, and not used.
    Publishing {
        /// The key that signs.
        old: KeyId,
        /// The key that will.
        new: KeyId,
        /// Of the key set with both.
        spread: Spread,
    },
    /// The new key signs, and the old one is still shown.
    Swapping {
        /// The key that signed.
        old: KeyId,
        /// The key that does now.
        new: KeyId,
        /// Of the data signed by the new key.
        spread: Spread,
    },
    /// The old key is out of the key set.
    Withdrawing {
        /// The key that left.
        old: KeyId,
        /// Of the key set without it.
        spread: Spread,
    },
}

/// What a step of the roll came to.
pub(super) enum Stepped {
    /// It goes on.
    On(Roll),
    /// The old key left the key set: this one signs the zone alone.
    Took(KeyId, Roll),
    /// It is over, and this key can be destroyed.
    Over(KeyId),
}

impl Roll {
    /// Begins with both keys in the set.
    pub(super) fn new(old: KeyId, new: KeyId) -> Roll {
        Roll::Publishing { old, new, spread: Spread::Unserved }
    }

    pub(super) fn step(self, scene: &Scene<'_>) -> Stepped {
        let (now, delays) = (scene.now, scene.delays);
        match self {
            Roll::Publishing { old, new, spread } => {
                let spread = spread.seen(scene.observed);
                Stepped::On(match spread.settled(now, delays.keys_seconds) {
                    true => Roll::Swapping { old, new, spread: Spread::Unserved },
                    false => Roll::Publishing { old, new, spread },
                })
            }
            Roll::Swapping { old, new, spread } => {
                let spread = spread.seen(scene.observed);
                match spread.settled(now, delays.data_seconds) {
                    true => Stepped::Took(new, Roll::Withdrawing { old, spread: Spread::Unserved }),
                    false => Stepped::On(Roll::Swapping { old, new, spread }),
                }
            }
            Roll::Withdrawing { old, spread } => {
                let spread = spread.seen(scene.observed);
                match spread.settled(now, delays.keys_seconds) {
                    true => Stepped::Over(old),
                    false => Stepped::On(Roll::Withdrawing { old, spread }),
                }
            }
        }
    }

    pub(super) fn served(&mut self, serial: u32) {
        let (Roll::Publishing { spread, .. }
        | Roll::Swapping { spread, .. }
        | Roll::Withdrawing { spread, .. }) = self;
        *spread = spread.served(serial);
    }

    /// Changes what the present keys alone would publish.
    pub(super) fn publish(&self, publication: &mut Publication) {
        match self {
            Roll::Publishing { new, .. } => publication.dnskeys.push(*new),
            Roll::Swapping { old, new, .. } => {
                publication.dnskeys.push(*new);
                publication.zone_signers.retain(|key| key != old);
                publication.zone_signers.push(*new);
            }
            Roll::Withdrawing { .. } => {}
        }
    }

    pub(super) fn waits(&self, delays: Delays, name: &dyn Fn(KeyId) -> String) -> Wait {
        match self {
            Roll::Publishing { new, spread, .. } => {
                spread.wait(&format!("{} in the key set", name(*new)), delays.keys_seconds)
            }
            Roll::Swapping { new, spread, .. } => {
                spread.wait(&format!("data signed by {}", name(*new)), delays.data_seconds)
            }
            Roll::Withdrawing { old, spread } => {
                spread.wait(&format!("a key set without {}", name(*old)), delays.keys_seconds)
            }
        }
    }
}
