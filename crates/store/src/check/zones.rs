//! What must hold of zones and their journals.

use super::Checker;
use crate::error::StoreError;
use crate::id::ZoneId;
use crate::sql::params;
use crate::view::View;

/// A row of `zone` as the check reads it.
struct Head {
    id: ZoneId,
    /// `zone NAME`, or `deleted zone NAME`.
    place: String,
    serial: u32,
    change: u64,
    base_change: u64,
    base_size_bytes: u64,
    base_digest: Vec<u8>,
}

/// What there is without what it belongs to, by the zone's number or name.
const BESIDE: &[(&str, &str)] = &[
    (
        "content without zone",
        "SELECT DISTINCT CAST(zone_id AS TEXT) FROM zone_base WHERE zone_id NOT IN (SELECT zone_id FROM zone)
         AND zone_id NOT IN (SELECT zone_id FROM zone_gone)",
    ),
    (
        "change without zone",
        "SELECT DISTINCT CAST(zone_id AS TEXT) FROM zone_change WHERE zone_id NOT IN (SELECT zone_id FROM zone)
         AND zone_id NOT IN (SELECT zone_id FROM zone_gone)",
    ),
    (
        "peer without zone",
        "SELECT DISTINCT CAST(zone_id AS TEXT) FROM zone_peer WHERE zone_id NOT IN (SELECT zone_id FROM zone)
         AND zone_id NOT IN (SELECT zone_id FROM zone_gone)",
    ),
    // The peers of a deleted zone lose theirs when it comes back.
    (
        "peer without key",
        "SELECT DISTINCT CAST(zone_id AS TEXT) FROM zone_peer WHERE tsig_key <> ''
         AND tsig_key NOT IN (SELECT name FROM tsig_key) AND zone_id NOT IN (SELECT zone_id FROM zone_gone)",
    ),
    (
        "key without zone",
        "SELECT DISTINCT name FROM name_key WHERE purpose = 4 AND name NOT IN (SELECT name FROM zone_gone)",
    ),
];

impl View<'_> {
    pub(super) fn check_zones(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let sql = "SELECT zone_id, name, serial, change, base_change, base_size_bytes, base_digest, 'zone' FROM zone
                   UNION ALL
                   SELECT zone_id, name, serial, change, base_change, base_size_bytes, base_digest, 'deleted zone'
                   FROM zone_gone ORDER BY 8 DESC, 2";
        let zones = self.db.list(sql, &[], |row| {
            Ok(Head {
                id: ZoneId(row.int(0)?),
                place: format!("{} {}", row.string(7)?, row.string(1)?),
                serial: row.small(2)?,
                change: row.count(3)?,
                base_change: row.count(4)?,
                base_size_bytes: row.count(5)?,
                base_digest: row.blob(6)?.to_vec(),
            })
        })?;
        let here = self.db.number("SELECT COUNT(*) FROM zone", &[])?;
        checker.report.counted.zones = here.unwrap_or(0).cast_unsigned();
        for (done, zone) in (0..).zip(&zones) {
            checker.progress("zones", done, zones.len() as u64);
            self.check_zone(zone, checker)?;
        }
        self.check_beside_zones(checker)
    }

    /// What hangs on zones that are not there, whether deleted or not.
    fn check_beside_zones(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        for (what, sql) in BESIDE {
            for place in self.db.list(sql, &[], |row| row.string(0))? {
                checker.finding(what, format!("zone {place}"), "what it belongs to is not there".to_owned());
            }
        }
        let sql = "SELECT zone.name FROM zone JOIN zone_gone ON zone_gone.zone_id = zone.zone_id";
        for name in self.db.list(sql, &[], |row| row.string(0))? {
            checker.finding("deleted zone", format!("zone {name}"), "it is here, too".to_owned());
        }
        Ok(())
    }

    fn check_zone(&mut self, zone: &Head, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let place = || zone.place.clone();
        match self.zone_base(zone.id, zone.base_size_bytes) {
            Ok(base) if blake3::hash(&base).as_bytes().as_slice() == zone.base_digest.as_slice() => {}
            Ok(_) => {
                let detail = "it is not what was written".to_owned();
                checker.finding("zone content", place(), detail);
            }
            Err(StoreError::Corrupt(detail)) => checker.finding("zone content", place(), detail),
            Err(error) => return Err(error),
        }
        if zone.base_change > zone.change {
            let detail = format!("base {} is above the last, {}", zone.base_change, zone.change);
            checker.finding("zone change", place(), detail);
        }
        // Each change begins with the serial at which the one before ended.
        let changes = match self.zone_changes_after(zone.id, 0) {
            Ok(changes) => changes,
            Err(StoreError::Corrupt(detail)) => {
                checker.finding("zone journal", place(), detail);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for pair in changes.windows(2) {
            if pair[0].serial != pair[1].serial_before {
                let detail = format!("change {} does not follow {}", pair[1].change, pair[0].change);
                checker.finding("zone journal", place(), detail);
            }
        }
        if changes.last().is_some_and(|last| last.serial != zone.serial || last.change > zone.change) {
            let detail = format!("serial {} is not that of the last change", zone.serial);
            checker.finding("zone serial", place(), detail);
        }
        let sql = "SELECT value FROM counter WHERE name = 'zone-change'";
        if self.db.number(sql, params![])?.unwrap_or(0).cast_unsigned() < zone.change {
            checker.finding("zone change", place(), "it is above the counter".to_owned());
        }
        Ok(())
    }
}
