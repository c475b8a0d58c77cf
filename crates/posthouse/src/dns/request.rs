//! What an operator may ask about names, and what comes back; the same through the control socket and directly.

use super::mail_records::DmarcPolicy;
use serde::{Deserialize, Serialize};

/// A wish about zones.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the arguments of the commands, described there")]
pub enum DnsRequest {
    /// Take records in place of what is the operator's there; made where it is not there. `records`: see
    /// [`super::book::pack_records`], in base64.
    Import { zone: String, records: String, unsigned: bool },
    /// Add records, lines of a master file.
    Add { lines: Vec<String> },
    /// Remove a name's records, of one type, or one of them.
    Remove { name: String, rtype: Option<String>, data: Option<String> },
    /// List zones, or a zone's records with their owners.
    List {
        zone: Option<String>,
        /// Those of signing, too.
        #[serde(default)]
        signing: bool,
    },
    /// A zone as a master file.
    Export { zone: String },
    /// Sign a zone from now on.
    Sign { zone: String, nsec3: bool, split: bool },
    /// Stop signing a zone, in the order in which nobody is left without.
    Unsign { zone: String, at_once: bool },
    /// Begin to roll a key.
    Rollover { name: String, what: RollWhat },
    /// Let a server fetch the zone, and tell it of changes.
    SecondaryAdd { zone: String, address: String, key: Option<String> },
    /// The reverse.
    SecondaryRemove { zone: String, address: String },
    /// Be a secondary: fetch the zone from there.
    Follow { zone: String, primary: String, key: Option<String> },
    /// Let a program change the zone by update messages.
    UpdaterAdd { zone: String, address: String, key: String },
    /// The reverse.
    UpdaterRemove { zone: String, address: String },
    /// Who has to do with a zone.
    Peers { zone: String },
    /// Make a shared key, or take a given one (base64).
    TsigAdd { name: String, algorithm: String, secret: Option<String> },
    /// Remove a shared key.
    TsigRemove { name: String },
    /// List shared keys, without their secrets.
    TsigList,
    /// One shared key with its secret, for the other side.
    TsigShow { name: String },
    /// Compare what is wanted with what the world sees. `zone` may be a domain whose zone is elsewhere.
    Status { zone: String, look: bool },
    /// What was changed, the newest first.
    Log { zone: String, limit: u32 },
    /// Undo the newest change by an operator.
    Undo {
        zone: String,
        /// Not that which cannot be undone, but the newest that can.
        #[serde(default)]
        skip: bool,
    },
    /// Delete a zone.
    Delete {
        zone: String,
        force: bool,
        /// Keep nothing of it.
        #[serde(default)]
        for_good: bool,
    },
    /// Leave a managed record to the operator, or take it back.
    Ignore { name: String, rtype: String, ignore: bool },
    /// Settings of a domain's mail records.
    Mail { zone: String, dmarc: Option<DmarcPolicy>, reports_to: Option<String>, records: Option<bool> },
    /// The secret keys of a zone in BIND's form, for moving it.
    KeyExport { zone: String },
    /// Take a key in BIND's form.
    KeyImport { zone: String, public: String, private: String },
    /// The key that the next certificate of the mail host should have, as PEM.
    NextCertificateKey,
}

/// What is rolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollWhat {
    /// The key or keys that sign the zone.
    Ksk,
    /// The zone-signing key.
    Zsk,
    /// The combined key.
    Csk,
    /// The DKIM keys.
    Dkim,
    /// All keys of a zone, for others of the algorithm that this server makes.
    Algorithm,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum DnsReply {
    /// Zones.
    Zones(Vec<ZoneRow>),
    /// A zone's records.
    Records(Vec<RecordRow>),
    /// A master file, a key, or other text to be taken as it is.
    Text { text: String },
    /// Peers.
    Peers(Vec<PeerRow>),
    /// Shared keys.
    TsigKeys(Vec<TsigRow>),
    /// Changes.
    Changes(Vec<ChangeRow>),
    /// The state of a domain.
    Status(Box<StatusReply>),
}

/// A zone in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ZoneRow {
    /// Its name.
    pub zone: String,
    /// `primary`, `secondary` or `catalogue`.
    pub kind: String,
    /// The serial served.
    pub serial: u32,
    /// Whether it is signed.
    pub signed: bool,
    /// Its records, those that signing adds included.
    pub records: u64,
}

/// A record in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordRow {
    /// The owner name.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// The type.
    pub rtype: String,
    /// The data as in a master file.
    pub data: String,
    /// `managed`, `yours`, `signing`, or `ignored` (wanted, and left to the operator).
    pub owner: String,
    /// What is to be known about it, such as a conflict.
    pub note: Option<String>,
}

/// A peer in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct PeerRow {
    /// What it may do.
    pub role: String,
    /// Its address.
    pub address: String,
    /// The key that is proved.
    pub key: Option<String>,
}

/// A shared key in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct TsigRow {
    /// Its name.
    pub name: String,
    /// Its algorithm.
    pub algorithm: String,
}

/// A change in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangeRow {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// The serial after it.
    pub serial: u32,
    /// `edit`, `upkeep`, `transfer` or `undo`.
    pub kind: String,
    /// What was done.
    pub what: String,
    /// Whether it was undone.
    pub undone: bool,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Right,
    /// Not as it should be.
    Wrong,
    /// Not yet; it will be, without anybody doing anything.
    Waiting,
    /// Nobody could be asked: neither right nor wrong.
    CannotTell,
}

/// The state of a domain as the world sees it.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusReply {
    /// The domain.
    pub domain: String,
    /// Whether its zone is served here.
    pub here: bool,
    /// When the world was asked, in Unix milliseconds.
    pub at_ms: i64,
    /// The name servers that were asked, with their addresses.
    pub servers: Vec<ServerRow>,
    /// Each wanted record.
    pub records: Vec<StatusRow>,
    /// What concerns the zone as a whole: delegation, DS, glue, second server, keys.
    pub checks: Vec<CheckRow>,
    /// What happens next, and when.
    pub next: Vec<NextRow>,
}

/// A name server that was asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServerRow {
    /// Its name.
    pub name: String,
    /// The address that was asked.
    pub address: String,
    /// The serial it shows.
    pub serial: Option<u32>,
    /// Why it could not be asked.
    pub fault: Option<String>,
}

/// A wanted record and what was seen of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusRow {
    /// The owner name.
    pub name: String,
    /// The type.
    pub rtype: String,
    /// The data wanted.
    pub data: String,
    /// What it is for.
    pub purpose: String,
    /// How it stands over all servers.
    pub verdict: Verdict,
    /// What each server answers, in the order of [`StatusReply::servers`]: `right`, or what it says.
    pub seen: Vec<String>,
    /// `managed`, `yours` or `ignored`.
    pub owner: String,
    /// What is to be known about it.
    pub note: Option<String>,
}

/// A check of the whole.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckRow {
    /// What was checked.
    pub what: String,
    /// How it stands.
    pub verdict: Verdict,
    /// In words.
    pub detail: String,
    /// The text to paste at the registrar or elsewhere.
    pub paste: Vec<String>,
}

/// Something that will happen.
#[derive(Debug, Serialize, Deserialize)]
pub struct NextRow {
    /// When at the earliest, in Unix milliseconds; nothing: it waits for somebody.
    pub at_ms: Option<i64>,
    /// What.
    pub what: String,
}
