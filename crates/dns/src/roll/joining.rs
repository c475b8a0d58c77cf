//! Going signed: a zone without DNSSEC gets keys, signatures, and a DS at the parent.
//!
//! 1. `Signing`: all is signed and the keys are shown; nobody validates it yet. Until every server shows
//!    it and caches forgot the unsigned data: a DS seen earlier would make that data bogus.
//!    A zone that was never served unsigned is `Spreading` instead: no cache has to forget anything.
//! 2. `Submitting`: CDS and CDNSKEY ask the parent for a DS (RFC 8078 §3, RFC 9615). Until every server
//!    of the parent shows it. The zone may stay so for ever; it is signed, and not yet trusted.

use serde::{Deserialize, Serialize};

use super::keyset::{Action, Cds, Delays, Publication, Scene};
use super::{KeyId, Spread, Wait};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Joining {
    /// The signed zone spreads.
    Signing(Spread),
    /// A zone that was never unsigned spreads.
    Spreading(Spread),
    /// The parent is asked for a DS; this is how far the records that ask are served.
    Submitting(Spread),
}

impl Joining {
    /// Begins with the zone signed.
    pub(super) fn new() -> Joining {
        Joining::Signing(Spread::Unserved)
    }

    /// Begins with a zone that was never served without signatures.
    pub(super) fn never_unsigned() -> Joining {
        Joining::Spreading(Spread::Unserved)
    }

    /// The next state, or `None` once every server of the parent shows the DS of `top`.
    pub(super) fn step(self, scene: &mut Scene<'_>, top: KeyId) -> Option<Joining> {
        match self {
            Joining::Signing(spread) => {
                let spread = spread.seen(scene.observed);
                Some(match spread.settled(scene.now, scene.delays.all_seconds()) {
                    true => Joining::Submitting(Spread::Unserved),
                    false => Joining::Signing(spread),
                })
            }
            Joining::Spreading(spread) => Some(match spread.seen(scene.observed) {
                Spread::Everywhere { .. } => Joining::Submitting(Spread::Unserved),
                spread => Joining::Spreading(spread),
            }),
            Joining::Submitting(_) if scene.observed.parent_shows(top, &[]) => None,
            Joining::Submitting(before) => {
                let spread = before.seen(scene.observed);
                let everywhere = |spread| matches!(spread, Spread::Everywhere { .. });
                if everywhere(spread) && !everywhere(before) {
                    scene.actions.push(Action::NotifyParent);
                }
                Some(Joining::Submitting(spread))
            }
        }
    }

    pub(super) fn served(&mut self, serial: u32) {
        let (Joining::Signing(spread) | Joining::Spreading(spread) | Joining::Submitting(spread)) = self;
        *spread = spread.served(serial);
    }

    /// Changes what the present keys alone would publish.
    pub(super) fn publish(self, publication: &mut Publication) {
        if matches!(self, Joining::Signing(_) | Joining::Spreading(_)) {
            publication.cds = Cds::None;
        }
    }

    pub(super) fn waits(self, delays: Delays, top: &str) -> Wait {
        match self {
            Joining::Signing(spread) => spread.wait("all data signed", delays.all_seconds()),
            Joining::Spreading(spread) => spread.wait("all data signed", 0),
            Joining::Submitting(_) => Wait {
                what: format!("every server of the parent zone to show the DS of {top}"),
                earliest: None,
                needs_owner: true,
            },
        }
    }
}
