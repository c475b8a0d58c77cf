//! Zones that were deleted, for as long as they may come back.
//!
//! Only a zone's own row moves, to a table where nobody looks for what is to be served. All that hangs on its number
//! stays where it is, so that deleting a large zone, and bringing it back, writes little.

use crate::error::{Missing, StoreError};
use crate::id::ZoneId;
use crate::sql::{Row, params};
use crate::view::{Tx, View};
use crate::zone::{Zone, ZoneChangeKind, ZoneNote, zone};
use crate::zone_key::KeyPurpose;

/// The columns that a deleted zone shares with one that is here.
macro_rules! columns {
    () => {
        "zone_id, name, kind, serial, change, base_change, base_size_bytes, base_digest, due_ms, settings, state"
    };
}

/// A zone that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneZone {
    /// The zone as it was; [`Zone::change`] is the journal's entry of the deletion.
    pub zone: Zone,
    /// The latest serial that was served under its name: its own, or that of a zone that was there since.
    pub last_serial: u32,
    /// When it was deleted, in Unix milliseconds.
    pub gone_ms: i64,
}

macro_rules! gone_where {
    ($rest:literal) => {
        concat!(
            "SELECT zone_id, name, kind, serial, change, due_ms, settings, state, last_serial, gone_ms FROM zone_gone ",
            $rest
        )
    };
}

fn gone(row: &Row<'_>) -> Result<GoneZone, StoreError> {
    Ok(GoneZone { zone: zone(row)?, last_serial: row.small(8)?, gone_ms: row.int(9)? })
}

impl View<'_> {
    /// The zone that was deleted last under exactly this name, if it may come back still.
    pub fn gone_zone(&mut self, name: &str) -> Result<Option<GoneZone>, StoreError> {
        self.db.row(gone_where!("WHERE name = ?1"), params![name], gone)
    }

    /// All zones that were deleted and may come back, by name.
    pub fn gone_zones(&mut self) -> Result<Vec<GoneZone>, StoreError> {
        self.db.list(gone_where!("ORDER BY name"), &[], gone)
    }
}

impl Tx<'_> {
    /// Deletes a zone, so that [`Tx::bring_zone_back`] can undo it: with its journal, peers, observations and the keys
    /// that sign it. What was deleted before under its name is forgotten.
    ///
    /// # Errors
    /// [`Missing::Zone`].
    pub fn put_zone_away(&mut self, id: ZoneId, at_ms: i64, what: &str) -> Result<(), StoreError> {
        let before = self.zone(id)?.ok_or(StoreError::Missing(Missing::Zone))?;
        // Who holds the row of the counter is alone: nobody changes the zone between these steps.
        self.note_zone(
            id,
            &ZoneNote {
                at_ms,
                kind: ZoneChangeKind::Edit,
                undoes: None,
                what: what.to_owned(),
                data: Vec::new(),
            },
        )?;
        if let Some(older) = self.gone_zone(&before.name)? {
            self.forget_gone_zone(&older)?;
        }
        let sql = concat!(
            "INSERT INTO zone_gone (",
            columns!(),
            ", last_serial, gone_ms) SELECT ",
            columns!(),
            ", serial, ?2 FROM zone WHERE zone_id = ?1"
        );
        self.db.execute(sql, params![id, at_ms])?;
        self.db.execute("DELETE FROM zone WHERE zone_id = ?1", params![id])?;
        self.move_zone_keys(&before.name, KeyPurpose::Zone, KeyPurpose::GoneZone)
    }

    /// Makes the zone that was deleted last under this name a zone again, as it was, and with its number, but without
    /// its [`View::keyless_peers`].
    ///
    /// # Errors
    /// [`Missing::Zone`] if none was deleted, or too long ago; [`StoreError::Exists`] if there is a zone of that name.
    pub fn bring_zone_back(&mut self, name: &str) -> Result<Zone, StoreError> {
        self.next_change()?;
        if self.zone_by_name(name)?.is_some() {
            return Err(StoreError::Exists("zone"));
        }
        let GoneZone { zone, .. } = self.gone_zone(name)?.ok_or(StoreError::Missing(Missing::Zone))?;
        let id = zone.id;
        let sql = concat!(
            "INSERT INTO zone (",
            columns!(),
            ") SELECT ",
            columns!(),
            " FROM zone_gone WHERE zone_id = ?1"
        );
        self.db.execute(sql, params![id])?;
        self.db.execute("DELETE FROM zone_gone WHERE zone_id = ?1", params![id])?;
        self.move_zone_keys(name, KeyPurpose::GoneZone, KeyPurpose::Zone)?;
        for peer in self.keyless_peers(id)? {
            self.remove_keyed_peer(id, &peer)?;
        }
        Ok(zone)
    }

    /// Forgets up to `limit` zones that were deleted before `before_ms`, with their keys, the oldest first. Gives how
    /// many.
    pub fn forget_gone_zones(&mut self, before_ms: i64, limit: u32) -> Result<u64, StoreError> {
        let sql = gone_where!("WHERE gone_ms < ?1 ORDER BY gone_ms LIMIT ?2");
        let old = self.db.list(sql, params![before_ms, limit], gone)?;
        for gone in &old {
            self.forget_gone_zone(gone)?;
        }
        Ok(old.len() as u64)
    }

    /// Notes up to which serial a zone was served that was made anew under the name of a deleted one.
    pub(crate) fn note_last_serial(&mut self, zone: &Zone) -> Result<(), StoreError> {
        let Some(gone) = self.gone_zone(&zone.name)? else { return Ok(()) };
        // Later in the circle of serials (RFC 1982 §3.2).
        let ahead = zone.serial.wrapping_sub(gone.last_serial);
        if zone.serial != 0 && (1..1 << 31).contains(&ahead) {
            let sql = "UPDATE zone_gone SET last_serial = ?2 WHERE zone_id = ?1";
            self.db.execute(sql, params![gone.zone.id, zone.serial])?;
        }
        Ok(())
    }

    fn forget_gone_zone(&mut self, gone: &GoneZone) -> Result<(), StoreError> {
        self.db.execute("DELETE FROM zone_gone WHERE zone_id = ?1", params![gone.zone.id])?;
        self.remove_name_keys(&gone.zone.name, KeyPurpose::GoneZone)?;
        self.remove_beside_zone(gone.zone.id)
    }

    /// All keys of one purpose become those of the other, in place of what was there.
    fn move_zone_keys(&mut self, name: &str, from: KeyPurpose, to: KeyPurpose) -> Result<(), StoreError> {
        self.remove_name_keys(name, to)?;
        let sql = "UPDATE name_key SET purpose = ?3 WHERE name = ?1 AND purpose = ?2";
        self.db.execute(sql, params![name, from.code(), to.code()])?;
        Ok(())
    }
}
