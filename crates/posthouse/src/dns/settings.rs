//! What is decided about a zone, and how far its keys are: what the store keeps as text beside the content.

use super::mail_records::DmarcPolicy;
use serde::{Deserialize, Serialize};

/// What was decided about a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoneSettings {
    /// Deny names by NSEC3 (RFC 5155) instead of NSEC.
    pub nsec3: bool,
    /// A KSK and a ZSK instead of one key for all.
    pub split: bool,
    /// Whether the records of mail domains are managed here.
    pub mail_records: bool,
    /// What DMARC asks for.
    pub dmarc: DmarcPolicy,
    /// Where reports go; nothing: `postmaster@domain`.
    pub reports_to: Option<String>,
    /// Managed records that are left to the operator.
    pub ignored: Vec<Ignored>,
}

impl Default for ZoneSettings {
    fn default() -> ZoneSettings {
        ZoneSettings {
            nsec3: false,
            split: false,
            mail_records: true,
            dmarc: DmarcPolicy::default(),
            reports_to: None,
            ignored: Vec::new(),
        }
    }
}

/// A name and type that is left to the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// The owner, lower case, with final dot.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: String,
}

impl ZoneSettings {
    /// Reads what [`ZoneSettings::to_text`] wrote; nothing if it is damaged.
    pub fn from_text(text: &str) -> Option<ZoneSettings> {
        if text.is_empty() {
            return Some(ZoneSettings::default());
        }
        serde_json::from_str(text).ok()
    }

    /// As the store keeps it.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Takes the decisions about records back to what they were. How the zone is signed is not among them: its keys
    /// are on their way.
    pub fn take_back(&mut self, before: ZoneSettings) {
        let (nsec3, split) = (self.nsec3, self.split);
        *self = ZoneSettings { nsec3, split, ..before };
    }

    /// Whether a managed record is left to the operator.
    pub fn ignores(&self, name: &str, rtype: &str) -> bool {
        self.ignored.iter().any(|ignored| {
            ignored.name.eq_ignore_ascii_case(name) && ignored.rtype.eq_ignore_ascii_case(rtype)
        })
    }
}
