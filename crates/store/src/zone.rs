//! Zones: a base, a journal of changes above it, and what is to be known without reading either.
//!
//! A zone's content is bytes to the store. It is kept as one base in large compressed parts, so that a million
//! records are read in a fraction of a second, with a row for each change since, so that a small change
//! of a large zone writes little. The same rows are the history from which differences are
//! transferred (RFC 1995 §5) and changes are undone.

use crate::blob;
use crate::error::{Missing, StoreError};
use crate::id::ZoneId;
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// Longest name of a zone in bytes as text: 255 bytes of a name (RFC 1035 §2.3.4), each of which may be written
/// as `\DDD`.
pub const ZONE_NAME_LEN_MAX_BYTES: usize = 1020;

/// Largest content of a zone in bytes: some twenty million small records. What claims to be longer is damaged.
pub const ZONE_CONTENT_MAX_BYTES: usize = 1 << 30;

/// Bytes of a base that go into one row, before compression: few rows for large zones, and no row that a
/// database would rather not hold.
const PART_BYTES: usize = 4 << 20;

/// What this server is for a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ZoneKind {
    /// Its records are made here.
    Primary,
    /// Its records come from another server by transfer.
    Secondary,
    /// A list of zones for other servers, made here (RFC 9432).
    Catalogue,
}

impl ZoneKind {
    const fn code(self) -> i64 {
        match self {
            ZoneKind::Primary => 0,
            ZoneKind::Secondary => 1,
            ZoneKind::Catalogue => 2,
        }
    }

    fn from_code(code: i64) -> Result<ZoneKind, StoreError> {
        match code {
            0 => Ok(ZoneKind::Primary),
            1 => Ok(ZoneKind::Secondary),
            2 => Ok(ZoneKind::Catalogue),
            code => Err(StoreError::Corrupt(format!("{code} is no kind of zone"))),
        }
    }
}

/// What is known of a zone without reading its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its number.
    pub id: ZoneId,
    /// Its name as lower-case text without the final dot; `.` for the root.
    pub name: String,
    /// What this server is for it.
    pub kind: ZoneKind,
    /// The serial that is served (RFC 1035 §3.3.13); 0 while there is no content.
    pub serial: u32,
    /// The number of its last change, from one counter over all zones. Settings and state count too.
    pub change: u64,
    /// When somebody must look at it again, in Unix milliseconds.
    pub due_ms: Option<i64>,
    /// What was decided about it; opaque here.
    pub settings: String,
    /// How far its keys and transfers are; opaque here.
    pub state: String,
}

/// Why a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ZoneChangeKind {
    /// A person or a program that acts for one changed records; it can be undone.
    Edit,
    /// The house changed what it manages, or signed anew.
    Upkeep,
    /// It came from the primary.
    Transfer,
    /// An earlier edit was undone.
    Undo,
}

impl ZoneChangeKind {
    const fn code(self) -> i64 {
        match self {
            ZoneChangeKind::Edit => 0,
            ZoneChangeKind::Upkeep => 1,
            ZoneChangeKind::Transfer => 2,
            ZoneChangeKind::Undo => 3,
        }
    }

    fn from_code(code: i64) -> Result<ZoneChangeKind, StoreError> {
        match code {
            0 => Ok(ZoneChangeKind::Edit),
            1 => Ok(ZoneChangeKind::Upkeep),
            2 => Ok(ZoneChangeKind::Transfer),
            3 => Ok(ZoneChangeKind::Undo),
            code => Err(StoreError::Corrupt(format!("{code} is no kind of change"))),
        }
    }
}

/// An entry of a zone's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneChange {
    /// Its number.
    pub change: u64,
    /// When it was made, in Unix milliseconds.
    pub at_ms: i64,
    /// The serial before; 0 if there was no content.
    pub serial_before: u32,
    /// The serial after.
    pub serial: u32,
    /// Why it was made.
    pub kind: ZoneChangeKind,
    /// The change by which this one was undone.
    pub undone: Option<u64>,
    /// What was done, for people.
    pub what: String,
    /// What differs; opaque here.
    pub data: Vec<u8>,
}

/// A change to be written.
#[derive(Debug, Clone)]
pub struct NewZoneChange {
    /// When it is made, in Unix milliseconds.
    pub at_ms: i64,
    /// The serial after.
    pub serial: u32,
    /// Why it is made.
    pub kind: ZoneChangeKind,
    /// The change that it undoes.
    pub undoes: Option<u64>,
    /// What is done, for people.
    pub what: String,
    /// What differs from before. Nothing: the base says it all, and the history before cannot be applied to it.
    pub data: Vec<u8>,
    /// The whole content after, if it is to be the new base.
    pub base: Option<PreparedZone>,
    /// As in [`Zone`].
    pub due_ms: Option<i64>,
    /// As in [`Zone`].
    pub settings: String,
    /// As in [`Zone`].
    pub state: String,
}

/// An entry of the journal about what lies beside a zone's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneNote {
    /// When it is made, in Unix milliseconds.
    pub at_ms: i64,
    /// Why it is made.
    pub kind: ZoneChangeKind,
    /// The change that it undoes.
    pub undoes: Option<u64>,
    /// What is done, for people.
    pub what: String,
    /// As [`ZoneChange::data`], and given with the content's changes. Nothing: there is nothing to be undone.
    pub data: Vec<u8>,
}

/// What every entry of the journal has.
struct Entry<'a> {
    at_ms: i64,
    kind: ZoneChangeKind,
    what: &'a str,
    data: &'a [u8],
}

/// A zone's whole content, compressed; made before the transaction, as it takes time.
#[derive(Debug, Clone)]
pub struct PreparedZone {
    size_bytes: u64,
    digest: blake3::Hash,
    parts: Vec<(usize, Vec<u8>)>,
}

impl PreparedZone {
    /// Compresses a content.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] above [`ZONE_CONTENT_MAX_BYTES`].
    pub fn new(content: &[u8]) -> Result<PreparedZone, StoreError> {
        if content.len() > ZONE_CONTENT_MAX_BYTES {
            return Err(StoreError::Invalid("the zone is longer than 1 GiB"));
        }
        let parts = content.chunks(PART_BYTES).map(|part| Ok((part.len(), blob::pack(part)?.into_owned())));
        Ok(PreparedZone {
            size_bytes: content.len() as u64,
            digest: blake3::hash(content),
            parts: parts.collect::<Result<_, StoreError>>()?,
        })
    }
}

/// The content of a zone: the base, and the changes to be applied to it in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoneContent {
    /// The content as it was once.
    pub base: Vec<u8>,
    /// What happened since, [`ZoneChange::data`] of each.
    pub changes: Vec<Vec<u8>>,
}

macro_rules! zone_where {
    ($rest:literal) => {
        concat!("SELECT zone_id, name, kind, serial, change, due_ms, settings, state FROM zone ", $rest)
    };
}

pub(crate) fn zone(row: &Row<'_>) -> Result<Zone, StoreError> {
    Ok(Zone {
        id: ZoneId(row.int(0)?),
        name: row.string(1)?,
        kind: ZoneKind::from_code(row.int(2)?)?,
        serial: row.small(3)?,
        change: row.count(4)?,
        due_ms: row.opt_int(5)?,
        settings: row.string(6)?,
        state: row.string(7)?,
    })
}

macro_rules! change_where {
    ($rest:literal) => {
        concat!(
            "SELECT change, at_ms, serial_before, serial, kind, undone, what, size_bytes, data ",
            "FROM zone_change ",
            $rest
        )
    };
}

fn change(row: &Row<'_>) -> Result<ZoneChange, StoreError> {
    let mut data = Vec::new();
    blob::restore_into(row.blob(8)?, row.count(7)?, &mut data)?;
    Ok(ZoneChange {
        change: row.count(0)?,
        at_ms: row.int(1)?,
        serial_before: row.small(2)?,
        serial: row.small(3)?,
        kind: ZoneChangeKind::from_code(row.int(4)?)?,
        undone: row.opt_int(5)?.map(i64::cast_unsigned),
        what: row.string(6)?,
        data,
    })
}

impl View<'_> {
    /// All zones by name.
    pub fn zones(&mut self) -> Result<Vec<Zone>, StoreError> {
        self.db.list(zone_where!("ORDER BY name"), &[], zone)
    }

    /// The zone `id`.
    pub fn zone(&mut self, id: ZoneId) -> Result<Option<Zone>, StoreError> {
        self.db.row(zone_where!("WHERE zone_id = ?1"), params![id], zone)
    }

    /// The zone with exactly this name (see [`Zone::name`]).
    pub fn zone_by_name(&mut self, name: &str) -> Result<Option<Zone>, StoreError> {
        self.db.row(zone_where!("WHERE name = ?1"), params![name], zone)
    }

    /// The zones that changed after `change`, in the order of their last changes. Zones that were removed are
    /// not among them.
    pub fn zones_changed_since(&mut self, change: u64) -> Result<Vec<Zone>, StoreError> {
        self.db.list(zone_where!("WHERE change > ?1 ORDER BY change"), params![change], zone)
    }

    /// The zones that are due at `now_ms`, the longest due first.
    pub fn zones_due(&mut self, now_ms: i64, limit: u32) -> Result<Vec<Zone>, StoreError> {
        let sql = zone_where!("WHERE due_ms IS NOT NULL AND due_ms <= ?1 ORDER BY due_ms LIMIT ?2");
        self.db.list(sql, params![now_ms, limit], zone)
    }

    /// A zone's content, also of one that was deleted ([`crate::GoneZone`]); empty if nothing was written yet.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is not what was written.
    pub fn zone_content(&mut self, id: ZoneId) -> Result<ZoneContent, StoreError> {
        let sql = "SELECT base_change, base_size_bytes FROM zone WHERE zone_id = ?1
                   UNION ALL SELECT base_change, base_size_bytes FROM zone_gone WHERE zone_id = ?1";
        let head = self.db.row(sql, params![id], |row| Ok((row.count(0)?, row.count(1)?)))?;
        let (base_change, size_bytes) = head.ok_or(StoreError::Missing(Missing::Zone))?;
        let base = self.zone_base(id, size_bytes)?;
        let sql =
            "SELECT size_bytes, data FROM zone_change WHERE zone_id = ?1 AND change > ?2 ORDER BY change";
        let changes = self.db.list(sql, params![id, base_change], |row| {
            let mut data = Vec::new();
            blob::restore_into(row.blob(1)?, row.count(0)?, &mut data)?;
            Ok(data)
        })?;
        Ok(ZoneContent { base, changes: changes.into_iter().filter(|data| !data.is_empty()).collect() })
    }

    pub(crate) fn zone_base(&mut self, id: ZoneId, size_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let damaged = || StoreError::Corrupt(format!("the content of zone {id} has not the length it had"));
        let size = usize::try_from(size_bytes).map_err(|_| damaged())?;
        if size > ZONE_CONTENT_MAX_BYTES {
            return Err(damaged());
        }
        let mut base = Vec::with_capacity(size);
        let sql = "SELECT size_bytes, data FROM zone_base WHERE zone_id = ?1 ORDER BY part";
        self.db.each(sql, params![id], &mut |row| {
            let part_bytes = row.count(0)?;
            if part_bytes > PART_BYTES as u64 {
                return Err(damaged());
            }
            blob::restore_into(row.blob(1)?, part_bytes, &mut base)?;
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        if base.len() == size { Ok(base) } else { Err(damaged()) }
    }

    /// The newest entries of a zone's journal, the newest first.
    pub fn zone_changes(&mut self, id: ZoneId, limit: u32) -> Result<Vec<ZoneChange>, StoreError> {
        let sql = change_where!("WHERE zone_id = ?1 ORDER BY change DESC LIMIT ?2");
        self.db.list(sql, params![id, limit], change)
    }

    /// The entries of a zone's journal after `after`, in order.
    pub fn zone_changes_after(&mut self, id: ZoneId, after: u64) -> Result<Vec<ZoneChange>, StoreError> {
        let sql = change_where!("WHERE zone_id = ?1 AND change > ?2 ORDER BY change");
        self.db.list(sql, params![id, after], change)
    }

    /// The newest edit that was not undone; with `before`, of those before that change.
    pub fn zone_undoable(
        &mut self,
        id: ZoneId,
        before: Option<u64>,
    ) -> Result<Option<ZoneChange>, StoreError> {
        let before = before.unwrap_or(i64::MAX.cast_unsigned());
        let sql = change_where!(
            "WHERE zone_id = ?1 AND kind = 0 AND undone IS NULL AND LENGTH(data) > 0 AND change < ?2
             ORDER BY change DESC LIMIT 1"
        );
        self.db.row(sql, params![id, before], change)
    }
}

/// Whether `name` is as [`Zone::name`] must be.
fn check_name(name: &str) -> Result<(), StoreError> {
    let printable = |b: u8| (0x21..=0x7e).contains(&b) && !b.is_ascii_uppercase();
    let fits = !name.is_empty() && name.len() <= ZONE_NAME_LEN_MAX_BYTES && name.bytes().all(printable);
    let dotted = name != "." && (name.starts_with('.') || (name.ends_with('.') && !name.ends_with("\\.")));
    if fits && !dotted { Ok(()) } else { Err(StoreError::Invalid("this is not the name of a zone")) }
}

impl Tx<'_> {
    pub(crate) fn next_change(&mut self) -> Result<u64, StoreError> {
        // The row of the counter also keeps other nodes' changes of zones apart until the commit.
        let change = self.next_number("zone-change")?.cast_unsigned();
        self.effects.zones_touched = self.effects.zones_touched.max(change);
        Ok(change)
    }

    /// Adds a zone without content.
    ///
    /// # Errors
    /// [`StoreError::Exists`]; [`StoreError::Invalid`] for what is no name as in [`Zone::name`].
    pub fn add_zone(&mut self, name: &str, kind: ZoneKind, settings: &str) -> Result<Zone, StoreError> {
        check_name(name)?;
        let change = self.next_change()?;
        if self.zone_by_name(name)?.is_some() {
            return Err(StoreError::Exists("zone"));
        }
        let id = self.next_number("zone")?;
        let empty = blake3::hash(b"");
        let sql = "INSERT INTO zone (zone_id, name, kind, serial, change, base_change, base_size_bytes, base_digest,
                   settings, state) VALUES (?1, ?2, ?3, 0, ?4, ?4, 0, ?5, ?6, '')";
        let values = params![id, name, kind.code(), change, empty.as_bytes().as_slice(), settings];
        self.db.execute(sql, values)?;
        self.zone(ZoneId(id))?.ok_or(StoreError::Missing(Missing::Zone))
    }

    /// Removes a zone with its journal, peers and observations, for good; keys of its name stay.
    /// [`Tx::put_zone_away`] is what can be undone.
    ///
    /// # Errors
    /// [`Missing::Zone`].
    pub fn remove_zone(&mut self, id: ZoneId) -> Result<(), StoreError> {
        self.next_change()?;
        let before = self.zone(id)?.ok_or(StoreError::Missing(Missing::Zone))?;
        self.note_last_serial(&before)?;
        self.db.execute("DELETE FROM zone WHERE zone_id = ?1", params![id])?;
        self.remove_beside_zone(id)
    }

    /// Removes everything that hangs on a zone's number.
    pub(crate) fn remove_beside_zone(&mut self, id: ZoneId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM zone_base WHERE zone_id = ?1",
            "DELETE FROM zone_change WHERE zone_id = ?1",
            "DELETE FROM zone_peer WHERE zone_id = ?1",
            "DELETE FROM zone_seen WHERE zone_id = ?1",
        ] {
            self.db.execute(sql, params![id])?;
        }
        Ok(())
    }

    /// Writes a change, if the zone still is as it was after the change `seen` ([`Zone::change`]), and gives its
    /// number.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if somebody else changed the zone since: read it again and begin anew.
    /// [`Missing::Zone`].
    pub fn change_zone(&mut self, id: ZoneId, seen: u64, new: &NewZoneChange) -> Result<u64, StoreError> {
        let number = self.next_change()?;
        let before = self.zone(id)?.ok_or(StoreError::Missing(Missing::Zone))?;
        if before.change != seen {
            return Err(StoreError::Conflict);
        }
        let sql = "UPDATE zone SET serial = ?2, change = ?3, due_ms = ?4, settings = ?5, state = ?6
                   WHERE zone_id = ?1";
        let values = params![id, new.serial, number, new.due_ms, &new.settings, &new.state];
        self.db.execute(sql, values)?;
        if let Some(base) = &new.base {
            self.put_base(id, number, base)?;
        }
        let entry = Entry { at_ms: new.at_ms, kind: new.kind, what: &new.what, data: &new.data };
        self.put_entry(id, number, (before.serial, new.serial), &entry, new.undoes)?;
        Ok(number)
    }

    /// Writes an entry of the journal about a zone whose records stay as they are, and gives its number.
    ///
    /// # Errors
    /// [`Missing::Zone`].
    pub fn note_zone(&mut self, id: ZoneId, note: &ZoneNote) -> Result<u64, StoreError> {
        let number = self.next_change()?;
        let before = self.zone(id)?.ok_or(StoreError::Missing(Missing::Zone))?;
        self.db.execute("UPDATE zone SET change = ?2 WHERE zone_id = ?1", params![id, number])?;
        let entry = Entry { at_ms: note.at_ms, kind: note.kind, what: &note.what, data: &note.data };
        self.put_entry(id, number, (before.serial, before.serial), &entry, note.undoes)?;
        Ok(number)
    }

    /// - `serials`: before and after.
    fn put_entry(
        &mut self,
        id: ZoneId,
        number: u64,
        serials: (u32, u32),
        entry: &Entry<'_>,
        undoes: Option<u64>,
    ) -> Result<(), StoreError> {
        if let Some(undone) = undoes {
            let sql = "UPDATE zone_change SET undone = ?3 WHERE zone_id = ?1 AND change = ?2";
            self.db.execute(sql, params![id, undone, number])?;
        }
        let sql = "INSERT INTO zone_change (zone_id, change, at_ms, serial_before, serial, kind, what, size_bytes, data)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let data = blob::pack(entry.data)?;
        let (kind, size) = (entry.kind.code(), entry.data.len() as u64);
        let values =
            params![id, number, entry.at_ms, serials.0, serials.1, kind, entry.what, size, data.as_ref()];
        self.db.execute(sql, values)?;
        Ok(())
    }

    fn put_base(&mut self, id: ZoneId, change: u64, base: &PreparedZone) -> Result<(), StoreError> {
        self.db.execute("DELETE FROM zone_base WHERE zone_id = ?1", params![id])?;
        for (number, (size, data)) in (0u64..).zip(&base.parts) {
            let sql = "INSERT INTO zone_base (zone_id, part, size_bytes, data) VALUES (?1, ?2, ?3, ?4)";
            self.db.execute(sql, params![id, number, *size as u64, data])?;
        }
        let sql =
            "UPDATE zone SET base_change = ?2, base_size_bytes = ?3, base_digest = ?4 WHERE zone_id = ?1";
        let values = params![id, change, base.size_bytes, base.digest.as_bytes().as_slice()];
        self.db.execute(sql, values)?;
        Ok(())
    }

    /// Writes what is known of a zone besides its content.
    ///
    /// # Errors
    /// As [`Tx::change_zone`].
    pub fn set_zone(
        &mut self,
        id: ZoneId,
        seen: u64,
        settings: &str,
        state: &str,
        due_ms: Option<i64>,
    ) -> Result<u64, StoreError> {
        let number = self.next_change()?;
        let sql = "UPDATE zone SET change = ?3, settings = ?4, state = ?5, due_ms = ?6
                   WHERE zone_id = ?1 AND change = ?2";
        let values = params![id, seen, number, settings, state, due_ms];
        if self.db.execute(sql, values)? == 0 {
            return match self.zone(id)? {
                Some(_) => Err(StoreError::Conflict),
                None => Err(StoreError::Missing(Missing::Zone)),
            };
        }
        Ok(number)
    }

    /// Forgets the oldest entries of a zone's journal, but neither the newest `keep` nor any that the
    /// present content needs. Gives how many were forgotten.
    pub fn trim_zone_changes(&mut self, id: ZoneId, keep: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM zone_change WHERE zone_id = ?1
                   AND change <= (SELECT base_change FROM zone WHERE zone_id = ?1)
                   AND change < COALESCE((SELECT MIN(change) FROM (SELECT change FROM zone_change
                   WHERE zone_id = ?1 ORDER BY change DESC LIMIT ?2) AS newest), 0)";
        self.db.execute(sql, params![id, keep])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_text() {
        for good in [".", "org", "example.org", "a\\.b.example", "_x.example", "a\\."] {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
        for bad in ["", "Example.org", "example.org.", ".org", "a b", "ä.example", &"a".repeat(1021)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
