//! Keys that the DNS speaks of, who may do what with a zone, and what was seen of it from outside.

use std::fmt;

use crate::error::{Missing, StoreError};
use crate::id::ZoneId;
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// Bytes that neither logs nor debug output may show.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(pub Vec<u8>);

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPurpose {
    /// Signing a zone (RFC 4034 §2).
    Zone,
    /// Signing a domain's messages (RFC 6376 §3.6.1).
    Dkim,
    /// A host's certificate, whose digest is published (RFC 6698 §2.1).
    Certificate,
    /// Signing a zone that was deleted and may come back.
    GoneZone,
}

impl KeyPurpose {
    pub(crate) const fn code(self) -> i64 {
        match self {
            KeyPurpose::Zone => 1,
            KeyPurpose::Dkim => 2,
            KeyPurpose::Certificate => 3,
            KeyPurpose::GoneZone => 4,
        }
    }

    fn from_code(code: i64) -> Result<KeyPurpose, StoreError> {
        match code {
            1 => Ok(KeyPurpose::Zone),
            2 => Ok(KeyPurpose::Dkim),
            3 => Ok(KeyPurpose::Certificate),
            4 => Ok(KeyPurpose::GoneZone),
            code => Err(StoreError::Corrupt(format!("{code} is no purpose of a key"))),
        }
    }
}

/// A key pair whose public half stands, or will stand, in the DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameKey {
    /// The name it serves, as in [`crate::Zone::name`].
    pub name: String,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its number, unique for name and purpose; chosen by the caller.
    pub key_id: u64,
    /// The algorithm in the numbers of its purpose; opaque here.
    pub algorithm: u32,
    /// The public half; its form is the caller's.
    pub public: Vec<u8>,
    /// The secret half, if it is here.
    pub secret: SecretBytes,
    /// How far it is; opaque here.
    pub state: String,
    /// When it was made, in Unix milliseconds.
    pub created_ms: i64,
}

/// Where the rolls of a name's keys stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRoll {
    /// The name.
    pub name: String,
    /// What the keys are for.
    pub purpose: KeyPurpose,
    /// When somebody must look at it again, in Unix milliseconds.
    pub due_ms: Option<i64>,
    /// How far it is; opaque here.
    pub state: String,
}

/// What a peer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerRole {
    /// It may fetch the zone (RFC 5936, RFC 1995).
    Fetches,
    /// The zone is fetched from it, and it may tell of changes (RFC 1996).
    Primary,
    /// It may change the zone (RFC 2136).
    Updates,
    /// It is told of changes (RFC 1996).
    Notified,
}

impl PeerRole {
    const fn code(self) -> i64 {
        match self {
            PeerRole::Fetches => 1,
            PeerRole::Primary => 2,
            PeerRole::Updates => 3,
            PeerRole::Notified => 4,
        }
    }

    fn from_code(code: i64) -> Result<PeerRole, StoreError> {
        match code {
            1 => Ok(PeerRole::Fetches),
            2 => Ok(PeerRole::Primary),
            3 => Ok(PeerRole::Updates),
            4 => Ok(PeerRole::Notified),
            code => Err(StoreError::Corrupt(format!("{code} is no role of a peer"))),
        }
    }
}

/// Another server or program that has to do with a zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZonePeer {
    /// What it may do.
    pub role: PeerRole,
    /// An address, `address:port`, or, for [`PeerRole::Fetches`] and [`PeerRole::Updates`], a network; the caller's
    /// form.
    pub address: String,
    /// The name of the key that it must prove, or that is proved to it; nothing: none.
    pub tsig_key: Option<String>,
}

/// A shared key for transactions (RFC 8945 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsigKey {
    /// Its name, as in [`crate::Zone::name`].
    pub name: String,
    /// The algorithm's name, such as `hmac-sha256`.
    pub algorithm: String,
    /// The key.
    pub secret: SecretBytes,
    /// When it was made, in Unix milliseconds.
    pub created_ms: i64,
}

/// What was seen of a zone from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneSeen {
    /// What was looked at, such as a server's address; the caller's form.
    pub subject: String,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// What was seen; opaque here.
    pub content: String,
}

macro_rules! key_where {
    ($rest:literal) => {
        concat!(
            "SELECT name, purpose, key_id, algorithm, public, secret, state, created_ms FROM name_key ",
            $rest
        )
    };
}

fn key(row: &Row<'_>) -> Result<NameKey, StoreError> {
    Ok(NameKey {
        name: row.string(0)?,
        purpose: KeyPurpose::from_code(row.int(1)?)?,
        key_id: row.count(2)?,
        algorithm: row.small(3)?,
        public: row.blob(4)?.to_vec(),
        secret: SecretBytes(row.blob(5)?.to_vec()),
        state: row.string(6)?,
        created_ms: row.int(7)?,
    })
}

fn roll(row: &Row<'_>) -> Result<NameRoll, StoreError> {
    Ok(NameRoll {
        name: row.string(0)?,
        purpose: KeyPurpose::from_code(row.int(1)?)?,
        due_ms: row.opt_int(2)?,
        state: row.string(3)?,
    })
}

fn tsig(row: &Row<'_>) -> Result<TsigKey, StoreError> {
    Ok(TsigKey {
        name: row.string(0)?,
        algorithm: row.string(1)?,
        secret: SecretBytes(row.blob(2)?.to_vec()),
        created_ms: row.int(3)?,
    })
}

impl View<'_> {
    /// The keys of a name for one purpose, by number.
    pub fn name_keys(&mut self, name: &str, purpose: KeyPurpose) -> Result<Vec<NameKey>, StoreError> {
        let sql = key_where!("WHERE name = ?1 AND purpose = ?2 ORDER BY key_id");
        self.db.list(sql, params![name, purpose.code()], key)
    }

    /// The keys of all names for one purpose, by name and number.
    pub fn all_name_keys(&mut self, purpose: KeyPurpose) -> Result<Vec<NameKey>, StoreError> {
        self.db.list(key_where!("WHERE purpose = ?1 ORDER BY name, key_id"), params![purpose.code()], key)
    }

    /// Where the roll of a name's keys stands.
    pub fn name_roll(&mut self, name: &str, purpose: KeyPurpose) -> Result<Option<NameRoll>, StoreError> {
        let sql = "SELECT name, purpose, due_ms, state FROM name_roll WHERE name = ?1 AND purpose = ?2";
        self.db.row(sql, params![name, purpose.code()], roll)
    }

    /// All rolls for one purpose, by name.
    pub fn name_rolls(&mut self, purpose: KeyPurpose) -> Result<Vec<NameRoll>, StoreError> {
        let sql = "SELECT name, purpose, due_ms, state FROM name_roll WHERE purpose = ?1 ORDER BY name";
        self.db.list(sql, params![purpose.code()], roll)
    }

    /// All shared keys by name.
    pub fn tsig_keys(&mut self) -> Result<Vec<TsigKey>, StoreError> {
        self.db.list("SELECT name, algorithm, secret, created_ms FROM tsig_key ORDER BY name", &[], tsig)
    }

    /// Who has to do with a zone.
    pub fn zone_peers(&mut self, id: ZoneId) -> Result<Vec<ZonePeer>, StoreError> {
        let sql = "SELECT role, address, tsig_key FROM zone_peer WHERE zone_id = ?1 ORDER BY role, address, tsig_key";
        self.db.list(sql, params![id], |row| {
            let tsig_key = row.string(2)?;
            Ok(ZonePeer {
                role: PeerRole::from_code(row.int(0)?)?,
                address: row.string(1)?,
                tsig_key: (!tsig_key.is_empty()).then_some(tsig_key),
            })
        })
    }

    /// The peers of a zone whose shared keys are not here. Only one that was deleted can have any.
    pub fn keyless_peers(&mut self, id: ZoneId) -> Result<Vec<ZonePeer>, StoreError> {
        let keys: Vec<String> = self.tsig_keys()?.into_iter().map(|key| key.name).collect();
        let mut peers = self.zone_peers(id)?;
        peers.retain(|peer| peer.tsig_key.as_ref().is_some_and(|key| !keys.contains(key)));
        Ok(peers)
    }

    /// What was seen of a zone from outside, by subject.
    pub fn zone_seen(&mut self, id: ZoneId) -> Result<Vec<ZoneSeen>, StoreError> {
        let sql = "SELECT subject, at_ms, content FROM zone_seen WHERE zone_id = ?1 ORDER BY subject";
        self.db.list(sql, params![id], |row| {
            Ok(ZoneSeen { subject: row.string(0)?, at_ms: row.int(1)?, content: row.string(2)? })
        })
    }
}

impl Tx<'_> {
    /// Adds a key, or writes its state and halves anew.
    pub fn put_name_key(&mut self, key: &NameKey) -> Result<(), StoreError> {
        let sql = "INSERT INTO name_key (name, purpose, key_id, algorithm, public, secret, state, created_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (name, purpose, key_id) DO UPDATE SET
                   algorithm = excluded.algorithm, public = excluded.public, secret = excluded.secret,
                   state = excluded.state";
        let values = params![
            &key.name,
            key.purpose.code(),
            key.key_id,
            key.algorithm,
            &key.public,
            &key.secret.0,
            &key.state,
            key.created_ms
        ];
        self.db.execute(sql, values)?;
        Ok(())
    }

    /// Removes a key; also one that is not there.
    pub fn remove_name_key(
        &mut self,
        name: &str,
        purpose: KeyPurpose,
        key_id: u64,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM name_key WHERE name = ?1 AND purpose = ?2 AND key_id = ?3";
        self.db.execute(sql, params![name, purpose.code(), key_id])?;
        Ok(())
    }

    /// Writes where a roll stands.
    pub fn put_name_roll(&mut self, roll: &NameRoll) -> Result<(), StoreError> {
        let sql = "INSERT INTO name_roll (name, purpose, due_ms, state) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (name, purpose) DO UPDATE SET due_ms = excluded.due_ms, state = excluded.state";
        self.db.execute(sql, params![&roll.name, roll.purpose.code(), roll.due_ms, &roll.state])?;
        Ok(())
    }

    /// Removes all keys and the roll of a name for one purpose.
    pub fn remove_name_keys(&mut self, name: &str, purpose: KeyPurpose) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM name_key WHERE name = ?1 AND purpose = ?2",
            "DELETE FROM name_roll WHERE name = ?1 AND purpose = ?2",
        ] {
            self.db.execute(sql, params![name, purpose.code()])?;
        }
        Ok(())
    }

    /// Adds a shared key.
    ///
    /// # Errors
    /// [`StoreError::Exists`].
    pub fn add_tsig_key(&mut self, key: &TsigKey) -> Result<(), StoreError> {
        self.next_change()?;
        let sql = "INSERT INTO tsig_key (name, algorithm, secret, created_ms) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (name) DO NOTHING";
        let values = params![&key.name, &key.algorithm, &key.secret.0, key.created_ms];
        if self.db.execute(sql, values)? == 0 {
            return Err(StoreError::Exists("key"));
        }
        Ok(())
    }

    /// Removes a shared key.
    ///
    /// # Errors
    /// [`Missing::Key`]; [`StoreError::Invalid`] while a zone's peer needs it.
    pub fn remove_tsig_key(&mut self, name: &str) -> Result<(), StoreError> {
        self.next_change()?;
        // A zone that was deleted does without: nobody could find what holds the key.
        let sql =
            "SELECT COUNT(*) FROM zone_peer WHERE tsig_key = ?1 AND zone_id IN (SELECT zone_id FROM zone)";
        if self.db.number(sql, params![name])?.unwrap_or(0) > 0 {
            return Err(StoreError::Invalid("a zone's secondary, primary or updater uses this key"));
        }
        if self.db.execute("DELETE FROM tsig_key WHERE name = ?1", params![name])? == 0 {
            return Err(StoreError::Missing(Missing::Key));
        }
        Ok(())
    }

    /// Adds a peer; also one that is there already.
    ///
    /// # Errors
    /// [`Missing::Zone`]; [`Missing::Key`] if the key is not there.
    pub fn add_zone_peer(&mut self, id: ZoneId, peer: &ZonePeer) -> Result<(), StoreError> {
        self.touch_zone(id)?;
        let key = peer.tsig_key.as_deref().unwrap_or("");
        if !key.is_empty()
            && self.db.number("SELECT COUNT(*) FROM tsig_key WHERE name = ?1", params![key])? != Some(1)
        {
            return Err(StoreError::Missing(Missing::Key));
        }
        let sql = "INSERT INTO zone_peer (zone_id, role, address, tsig_key) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (zone_id, role, address, tsig_key) DO NOTHING";
        self.db.execute(sql, params![id, peer.role.code(), &peer.address, key])?;
        Ok(())
    }

    /// Removes a peer from a role, whatever its key, and says whether it was there.
    pub fn remove_zone_peer(
        &mut self,
        id: ZoneId,
        role: PeerRole,
        address: &str,
    ) -> Result<bool, StoreError> {
        self.touch_zone(id)?;
        let sql = "DELETE FROM zone_peer WHERE zone_id = ?1 AND role = ?2 AND address = ?3";
        Ok(self.db.execute(sql, params![id, role.code(), address])? > 0)
    }

    pub(crate) fn remove_keyed_peer(&mut self, id: ZoneId, peer: &ZonePeer) -> Result<(), StoreError> {
        let sql = "DELETE FROM zone_peer WHERE zone_id = ?1 AND role = ?2 AND address = ?3 AND tsig_key = ?4";
        let key = peer.tsig_key.as_deref().unwrap_or("");
        self.db.execute(sql, params![id, peer.role.code(), &peer.address, key])?;
        Ok(())
    }

    /// Writes down what was seen of a zone; does not count as a change.
    pub fn put_zone_seen(&mut self, id: ZoneId, seen: &ZoneSeen) -> Result<(), StoreError> {
        let sql = "INSERT INTO zone_seen (zone_id, subject, at_ms, content) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (zone_id, subject) DO UPDATE SET at_ms = excluded.at_ms, content = excluded.content";
        self.db.execute(sql, params![id, &seen.subject, seen.at_ms, &seen.content])?;
        Ok(())
    }

    fn touch_zone(&mut self, id: ZoneId) -> Result<(), StoreError> {
        let number = self.next_change()?;
        let sql = "UPDATE zone SET change = ?2 WHERE zone_id = ?1";
        if self.db.execute(sql, params![id, number])? == 0 {
            return Err(StoreError::Missing(Missing::Zone));
        }
        Ok(())
    }
}
