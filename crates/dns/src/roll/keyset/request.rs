//! What the owner of a zone may ask for, and when it can be begun.

use super::{Chain, Pair, Pending, Policy, ZoneKeys};
use crate::roll::joining::Joining;
use crate::roll::leaving::Leaving;
use crate::roll::{Role, Spread};

/// What the owner of a zone may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Sign the zone.
    Sign,
    /// Sign a zone that was never served without signatures: the parent may be asked for a DS once every server has it.
    SignNew,
    /// Stop signing it, once the parent removed the DS.
    Unsign,
    /// Roll the ZSK.
    RollZone,
    /// Roll the KSK or CSK.
    RollTop,
    /// Go over to the algorithm and layout of the policy.
    Replace,
}

/// Why a request cannot be met now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedRequest {
    /// The zone is signed already.
    Signed,
    /// The zone is not signed.
    Unsigned,
    /// The zone has one key for all: roll that one.
    NoZoneKey,
    /// Another change of keys is under way, and this one has to wait for it.
    Busy,
    /// The parent shows no DS yet: there is nothing to roll at the parent.
    NotTrusted,
}

impl std::fmt::Display for RefusedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RefusedRequest::Signed => "the zone is signed already",
            RefusedRequest::Unsigned => "the zone is not signed",
            RefusedRequest::NoZoneKey => "the zone has one key for all; roll that one",
            RefusedRequest::Busy => "another change of keys is under way, and has to end first",
            RefusedRequest::NotTrusted => "the parent shows no DS of this zone yet",
        })
    }
}

impl std::error::Error for RefusedRequest {}

impl ZoneKeys {
    /// Asks for a change of keys. It begins with the next steps.
    ///
    /// # Errors
    /// [`RefusedRequest`] if the present state does not allow it; nothing is changed then.
    pub fn request(&mut self, request: Request, policy: &Policy) -> Result<(), RefusedRequest> {
        if self.pending.is_some() {
            return Err(RefusedRequest::Busy);
        }
        match request {
            Request::Sign => self.request_sign(policy, Pending::Join),
            Request::SignNew => self.request_sign(policy, Pending::JoinNew),
            Request::Unsign => self.request_unsign(),
            Request::RollZone => self.request_zone_roll(),
            Request::RollTop => self.request_top_roll(),
            Request::Replace => match (&self.chain, &self.zone_roll) {
                (Chain::Secure(_), None) => {
                    self.pending = Some(Pending::Replace(self.allocate_pair(policy)));
                    Ok(())
                }
                (Chain::Unsigned, _) => Err(RefusedRequest::Unsigned),
                (Chain::Joining(..), _) => Err(RefusedRequest::NotTrusted),
                _ => Err(RefusedRequest::Busy),
            },
        }
    }

    fn request_sign(&mut self, policy: &Policy, join: fn(Pair) -> Pending) -> Result<(), RefusedRequest> {
        match self.chain {
            Chain::Unsigned => {
                self.pending = Some(join(self.allocate_pair(policy)));
                Ok(())
            }
            // The signatures are still there: the DS is only not to go after all.
            Chain::Leaving(pair, Leaving::Submitting(_) | Leaving::Caching(_)) => {
                self.chain = Chain::Joining(pair, Joining::Submitting(Spread::Unserved));
                self.revision += 1;
                Ok(())
            }
            Chain::Leaving(..) => Err(RefusedRequest::Busy),
            _ => Err(RefusedRequest::Signed),
        }
    }

    fn request_unsign(&mut self) -> Result<(), RefusedRequest> {
        match (&self.chain, &self.zone_roll) {
            (Chain::Joining(pair, _) | Chain::Secure(pair), None) => {
                self.chain = Chain::Leaving(*pair, Leaving::new());
                self.revision += 1;
                Ok(())
            }
            (Chain::Unsigned, _) => Err(RefusedRequest::Unsigned),
            _ => Err(RefusedRequest::Busy),
        }
    }

    fn request_zone_roll(&mut self) -> Result<(), RefusedRequest> {
        let Some(pair) = self.current() else {
            return Err(RefusedRequest::Unsigned);
        };
        if pair.top == pair.zone {
            return Err(RefusedRequest::NoZoneKey);
        }
        match (&self.chain, &self.zone_roll) {
            (Chain::Joining(_, Joining::Submitting(_)) | Chain::Secure(_) | Chain::Rolling(..), None) => {
                let algorithm = self.algorithm_of(pair.zone);
                self.pending = Some(Pending::Zone(self.allocate(Role::Zsk, algorithm)));
                Ok(())
            }
            _ => Err(RefusedRequest::Busy),
        }
    }

    fn request_top_roll(&mut self) -> Result<(), RefusedRequest> {
        match self.chain {
            Chain::Secure(pair) => {
                let role = if pair.top == pair.zone { Role::Csk } else { Role::Ksk };
                let algorithm = self.algorithm_of(pair.top);
                self.pending = Some(Pending::Top(self.allocate(role, algorithm)));
                Ok(())
            }
            Chain::Unsigned => Err(RefusedRequest::Unsigned),
            Chain::Joining(..) => Err(RefusedRequest::NotTrusted),
            _ => Err(RefusedRequest::Busy),
        }
    }
}
