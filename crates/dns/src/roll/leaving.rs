//! Un-signing: the DS goes first, the signatures after it.
//!
//! 1. `Submitting`: CDS and CDNSKEY say "delete" (RFC 8078 §4). Until every server of the parent shows no
//!    DS, and then the TTL of the DS that was. Nothing else changes: the zone stays valid.
//! 2. `Unsigning`: keys and signatures are gone. Until every server shows that, so that the keys can be
//!    destroyed.

use serde::{Deserialize, Serialize};

use super::keyset::{Action, Cds, Delays, Publication, Scene};
use super::{Spread, Timestamp, Wait};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leaving {
    /// The parent is asked to remove the DS; this is how far the records that ask are served.
    Submitting(Spread),
    /// Every server of the parent was seen without a DS, first at this time.
    Caching(Timestamp),
    /// The zone is no longer signed.
    Unsigning(Spread),
}

impl Leaving {
    /// Begins with the request to the parent.
    pub(super) fn new() -> Leaving {
        Leaving::Submitting(Spread::Unserved)
    }

    /// The next state, or `None` once all is gone.
    pub(super) fn step(self, scene: &mut Scene<'_>) -> Option<Leaving> {
        let gone = scene.observed.parent_shows_none();
        match self {
            Leaving::Submitting(_) if gone => Some(Leaving::Caching(scene.observed.at)),
            Leaving::Submitting(before) => {
                let spread = before.seen(scene.observed);
                let everywhere = |spread| matches!(spread, Spread::Everywhere { .. });
                if everywhere(spread) && !everywhere(before) {
                    scene.actions.push(Action::NotifyParent);
                }
                Some(Leaving::Submitting(spread))
            }
            // A DS came back, or a server was missed: ask again.
            Leaving::Caching(_) if !gone && scene.observed.parent_ds().is_some() => Some(Leaving::new()),
            Leaving::Caching(since) if scene.now >= since + scene.delays.ds_seconds => {
                Some(Leaving::Unsigning(Spread::Unserved))
            }
            Leaving::Unsigning(spread) => match spread.seen(scene.observed) {
                spread if spread.settled(scene.now, scene.delays.all_seconds()) => None,
                spread => Some(Leaving::Unsigning(spread)),
            },
            other => Some(other),
        }
    }

    pub(super) fn served(&mut self, serial: u32) {
        if let Leaving::Submitting(spread) | Leaving::Unsigning(spread) = self {
            *spread = spread.served(serial);
        }
    }

    /// Changes what the present keys alone would publish.
    pub(super) fn publish(self, publication: &mut Publication) {
        match self {
            Leaving::Submitting(_) | Leaving::Caching(_) => publication.cds = Cds::Delete,
            Leaving::Unsigning(_) => {
                publication.dnskeys.clear();
                publication.dnskey_signers.clear();
                publication.zone_signers.clear();
                publication.cds = Cds::None;
            }
        }
    }

    pub(super) fn waits(self, delays: Delays) -> Wait {
        match self {
            Leaving::Submitting(_) => Wait {
                what: "every server of the parent zone to show no DS".into(),
                earliest: None,
                needs_owner: true,
            },
            Leaving::Caching(since) => Wait {
                what: format!("caches to forget the DS, gone from every server of the parent since {since}"),
                earliest: Some(since + delays.ds_seconds),
                needs_owner: false,
            },
            Leaving::Unsigning(spread) => spread.wait("data without signatures", delays.all_seconds()),
        }
    }
}
