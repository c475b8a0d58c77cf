//! What takes a change back that is more than records: kept as text with the change, in the zone's journal.

use serde::{Deserialize, Serialize};
use store::{PeerRole, ZonePeer};

/// How a change is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inverse {
    /// Signing was asked for: it stops again.
    Unsign {
        /// As it was before.
        nsec3: bool,
        /// As it was before.
        split: bool,
        /// The zone was on its way out of being signed, so that caches may have a DS: never at once.
        in_order: bool,
    },
    /// Signing was to stop: it is asked for again.
    Sign {
        /// As it was before.
        nsec3: bool,
        /// As it was before.
        split: bool,
    },
    /// Names were to be denied otherwise.
    Denial {
        /// As it was before.
        nsec3: bool,
    },
    /// What one address may do was changed.
    Peers {
        /// The address as it was entered.
        address: String,
        /// In which roles, in the words of [`role_word`].
        roles: Vec<String>,
        /// What was there of them before.
        before: Vec<FormerPeer>,
    },
    /// The zone was made, to be fetched from elsewhere: it goes, without a trace.
    Unfollow,
    /// It cannot be taken back.
    Never {
        /// Why not, for people.
        why: String,
    },
}

/// An entry as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerPeer {
    /// In the words of [`role_word`].
    pub role: String,
    /// The shared key's name.
    pub key: Option<String>,
}

impl Inverse {
    /// Reads what [`Inverse::to_text`] wrote; nothing if it is damaged, or of a later program.
    pub fn from_text(text: &str) -> Option<Inverse> {
        serde_json::from_str(text).ok()
    }

    /// As the journal keeps it.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts, flags and lists of them are always written")
    }

    /// What brings the peers of these roles and this address back.
    pub fn peers(address: &str, roles: &[PeerRole], before: &[ZonePeer]) -> Inverse {
        let former = |peer: &ZonePeer| FormerPeer {
            role: role_word(peer.role).to_owned(),
            key: peer.tsig_key.clone(),
        };
        Inverse::Peers {
            address: address.to_owned(),
            roles: roles.iter().map(|role| role_word(*role).to_owned()).collect(),
            before: before.iter().map(former).collect(),
        }
    }
}

/// A role in a word.
pub const fn role_word(role: PeerRole) -> &'static str {
    match role {
        PeerRole::Fetches => "fetches",
        PeerRole::Primary => "primary",
        PeerRole::Updates => "updates",
        PeerRole::Notified => "notified",
    }
}

/// The role of [`role_word`].
pub fn role_of(word: &str) -> Option<PeerRole> {
    [PeerRole::Fetches, PeerRole::Primary, PeerRole::Updates, PeerRole::Notified]
        .into_iter()
        .find(|role| role_word(*role) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_read_as_they_were_written() {
        let peer = ZonePeer {
            role: PeerRole::Updates,
            address: "any".to_owned(),
            tsig_key: Some("k.example".to_owned()),
        };
        let all = [
            Inverse::Unsign { nsec3: true, split: false, in_order: true },
            Inverse::Sign { nsec3: false, split: true },
            Inverse::Denial { nsec3: true },
            Inverse::peers("any", &[PeerRole::Updates], &[peer]),
            Inverse::Unfollow,
            Inverse::Never { why: "it is over".to_owned() },
        ];
        for inverse in all {
            assert_eq!(Inverse::from_text(&inverse.to_text()), Some(inverse));
        }
        for damaged in ["", "{}", "\"unknown\""] {
            assert_eq!(Inverse::from_text(damaged), None, "{damaged:?}");
        }
        for role in [PeerRole::Fetches, PeerRole::Primary, PeerRole::Updates, PeerRole::Notified] {
            assert_eq!(role_of(role_word(role)), Some(role));
        }
    }
}
