//! The replacement of the DS at the parent, as the rolls of KSK, CSK and algorithm share it.

use serde::{Deserialize, Serialize};

use super::keyset::{Action, Delays, Scene};
use super::{KeyId, Spread, Timestamp, Wait};

/// How far the parent is with replacing DS records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DsSwap {
    /// The CDS and CDNSKEY records that ask for it are being served.
    Announcing {
        /// Of these records.
        spread: Spread,
    },
    /// They are everywhere; the parent has not done it yet.
    Waiting,
    /// Every server of the parent was seen to show the new DS and no old one.
    Caching {
        /// When that was seen first.
        since: Timestamp,
    },
}

impl DsSwap {
    pub(super) fn new() -> DsSwap {
        DsSwap::Announcing { spread: Spread::Unserved }
    }

    /// Goes by what every server of the parent shows; back as well, should the old DS return.
    pub(super) fn step(self, scene: &mut Scene<'_>, new: KeyId, old: &[KeyId]) -> DsSwap {
        let swapped = scene.observed.parent_shows(new, old);
        match self {
            DsSwap::Announcing { .. } | DsSwap::Waiting if swapped => {
                DsSwap::Caching { since: scene.observed.at }
            }
            DsSwap::Announcing { spread } => match spread.seen(scene.observed) {
                Spread::Everywhere { .. } => {
                    scene.actions.push(Action::NotifyParent);
                    DsSwap::Waiting
                }
                spread => DsSwap::Announcing { spread },
            },
            DsSwap::Caching { .. } if !swapped && scene.observed.parent_ds().is_some() => DsSwap::Waiting,
            other => other,
        }
    }

    pub(super) fn served(&mut self, serial: u32) {
        if let DsSwap::Announcing { spread } = self {
            *spread = spread.served(serial);
        }
    }

    /// True once no cache can hold the old DS any more.
    pub(super) fn settled(self, now: Timestamp, delays: Delays) -> bool {
        matches!(self, DsSwap::Caching { since } if now >= since + delays.ds_seconds)
    }

    pub(super) fn wait(self, delays: Delays, new: &str, old: &[String]) -> Wait {
        match self {
            DsSwap::Announcing { spread: Spread::Unserved | Spread::Serving { .. } } | DsSwap::Waiting => {
                Wait {
                    what: format!(
                        "every server of the parent zone to show the DS of {new}, and no longer that of {}",
                        old.join(" or ")
                    ),
                    earliest: None,
                    needs_owner: true,
                }
            }
            DsSwap::Announcing { .. } => Wait {
                what: format!("the CDS records of {new} to be served"),
                earliest: None,
                needs_owner: false,
            },
            DsSwap::Caching { since } => Wait {
                what: format!("caches to forget the former DS; the parent shows that of {new} since {since}"),
                earliest: Some(since + delays.ds_seconds),
                needs_owner: false,
            },
        }
    }
}
