//! The roll of the key that the parent's DS speaks of: a KSK, or a CSK, which signs the zone as well.
//!
//! Double-KSK (RFC 7583 §3.3.1; RFC 6781 §4.1.2, for one key §4.1.3):
//! 1. `Publishing`: both keys are in the key set and both sign it. A CSK's data is still signed by the
//!    old key. Until every server shows it, and then the key set's TTL.
//! 2. `Submitting`: CDS and CDNSKEY show the new key alone; a CSK now signs the data, and the old key no
//!    longer does. Until every server of the parent shows the new DS and not the old, and then the DS's
//!    TTL; for a CSK also until the data signed by the old key has left all caches.
//! 3. `Withdrawing`: the old key is gone from the set. Until caches forgot the set with it.

use serde::{Deserialize, Serialize};

use super::ds::DsSwap;
use super::keyset::{Cds, Delays, Pair, Publication, Scene};
use super::{KeyId, Spread, Wait};

/// A roll under way from one pair to another. For a KSK both pairs have the same zone key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Roll {
    /// The new key is in the key set beside the old one, and signs it as well.
    Publishing {
        /// The keys before.
        old: Pair,
        /// The keys after.
        new: Pair,
        /// Of the key set with both.
        spread: Spread,
    },
    /// The parent is asked to replace the DS.
    Submitting {
        /// The keys before.
        old: Pair,
        /// The keys after.
        new: Pair,
        /// What the parent did so far.
        ds: DsSwap,
        /// Of the data signed by the new key; only for a CSK.
        data: Option<Spread>,
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
    /// The old key left the key set: from now on `current` are the keys of the zone.
    Took(Pair, Roll),
    /// It is over, and this key can be destroyed.
    Over(KeyId),
}

impl Roll {
    /// Begins with both keys in the set.
    pub(super) fn new(old: Pair, new: Pair) -> Roll {
        Roll::Publishing { old, new, spread: Spread::Unserved }
    }

    /// The ZSK was rolled meanwhile.
    pub(super) fn set_zone_key(&mut self, key: KeyId) {
        if let Roll::Publishing { old, new, .. } | Roll::Submitting { old, new, .. } = self {
            old.zone = key;
            new.zone = key;
        }
    }

    pub(super) fn step(self, scene: &mut Scene<'_>) -> Stepped {
        let (now, delays) = (scene.now, scene.delays);
        match self {
            Roll::Publishing { old, new, spread } => {
                let spread = spread.seen(scene.observed);
                if !spread.settled(now, delays.keys_seconds) {
                    return Stepped::On(Roll::Publishing { old, new, spread });
                }
                let data = (old.zone != new.zone).then_some(Spread::Unserved);
                Stepped::On(Roll::Submitting { old, new, ds: DsSwap::new(), data })
            }
            Roll::Submitting { old, new, ds, data } => {
                let ds = ds.step(scene, new.top, &[old.top]);
                let data = data.map(|spread| spread.seen(scene.observed));
                let data_settled = data.is_none_or(|spread| spread.settled(now, delays.data_seconds));
                if ds.settled(now, delays) && data_settled {
                    let left = Roll::Withdrawing { old: old.top, spread: Spread::Unserved };
                    return Stepped::Took(new, left);
                }
                Stepped::On(Roll::Submitting { old, new, ds, data })
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
        match self {
            Roll::Publishing { spread, .. } | Roll::Withdrawing { spread, .. } => {
                *spread = spread.served(serial);
            }
            Roll::Submitting { ds, data, .. } => {
                ds.served(serial);
                *data = data.map(|spread| spread.served(serial));
            }
        }
    }

    /// Changes what the present keys alone would publish.
    pub(super) fn publish(&self, publication: &mut Publication) {
        match self {
            Roll::Publishing { new, .. } => {
                publication.dnskeys.push(new.top);
                publication.dnskey_signers.push(new.top);
            }
            Roll::Submitting { old, new, data, .. } => {
                publication.dnskeys.push(new.top);
                publication.dnskey_signers.push(new.top);
                publication.cds = Cds::Keys(vec![new.top]);
                if data.is_some() {
                    publication.zone_signers.retain(|key| *key != old.zone);
                    publication.zone_signers.push(new.zone);
                }
            }
            Roll::Withdrawing { .. } => {}
        }
    }

    pub(super) fn waits(&self, delays: Delays, name: &dyn Fn(KeyId) -> String) -> Vec<Wait> {
        match self {
            Roll::Publishing { new, spread, .. } => {
                let change = format!("{} in the key set", name(new.top));
                vec![spread.wait(&change, delays.keys_seconds)]
            }
            Roll::Submitting { old, new, ds, data } => {
                let mut waits = vec![ds.wait(delays, &name(new.top), &[name(old.top)])];
                let change = format!("data signed by {}", name(new.zone));
                waits.extend(data.map(|spread| spread.wait(&change, delays.data_seconds)));
                waits
            }
            Roll::Withdrawing { old, spread } => {
                let change = format!("a key set without {}", name(*old));
                vec![spread.wait(&change, delays.keys_seconds)]
            }
        }
    }
}
