//! How much an area holds and may hold.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::entry::{Access, AreaId, Right};
use crate::error::{Missing, StoreError};
use crate::sql::params;
use crate::store::Store;
use crate::view::{Tx, View};

/// What an area may hold and holds, as far as the quota is concerned: an account's counts its mail as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AreaRoom {
    /// What it may hold in bytes; nothing: no limit.
    pub quota_bytes: Option<u64>,
    /// What it holds in bytes.
    pub used_bytes: u64,
}

impl AreaRoom {
    /// What may be added in bytes; nothing: no limit.
    pub fn free_bytes(&self) -> Option<u64> {
        self.quota_bytes.map(|quota| quota.saturating_sub(self.used_bytes))
    }
}

/// What lies in an area, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AreaUsage {
    /// Files.
    pub files: u64,
    /// Folders without the root.
    pub folders: u64,
    /// Bytes of the files.
    pub file_bytes: u64,
    /// Uploads that were cut and may be gone on with.
    pub parts: u64,
    /// Bytes that arrived of them.
    pub part_bytes: u64,
}

/// Bytes of uploads under way in this process, by area. They are not in any row yet, and uploads at the same
/// time shall not all be told that the same room is theirs.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    by_area: Mutex<HashMap<AreaId, u64>>,
}

impl Reservations {
    /// Adds up to `want` bytes, as many as fit into `free` beside what is reserved; says how many.
    pub fn add(&self, area: AreaId, want: u64, free: Option<u64>) -> u64 {
        let mut by_area = self.by_area.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = by_area.entry(area).or_default();
        let fits = free.map_or(want, |free| free.saturating_sub(*reserved).min(want));
        *reserved += fits;
        fits
    }

    pub fn give_back(&self, area: AreaId, bytes: u64) {
        let mut by_area = self.by_area.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reserved) = by_area.get_mut(&area) {
            *reserved = reserved.saturating_sub(bytes);
            if *reserved == 0 {
                by_area.remove(&area);
            }
        }
    }

    fn of(&self, area: AreaId) -> u64 {
        let by_area = self.by_area.lock().unwrap_or_else(PoisonError::into_inner);
        by_area.get(&area).copied().unwrap_or(0)
    }
}

impl View<'_> {
    /// What an area may hold and holds.
    ///
    /// # Errors
    /// [`Missing::File`] if it is not there or not for `access` to see.
    pub fn area_room(&mut self, access: Access, area: AreaId) -> Result<AreaRoom, StoreError> {
        self.need_right(access, area, Right::Read)?;
        self.room(area)?.ok_or(StoreError::Missing(Missing::File))
    }

    pub(crate) fn room(&mut self, area: AreaId) -> Result<Option<AreaRoom>, StoreError> {
        let (sql, number) = match area {
            AreaId::Account(account) => {
                ("SELECT quota_bytes, used_bytes FROM account WHERE account_id = ?1", account.0)
            }
            AreaId::Share(share) => {
                ("SELECT quota_bytes, used_bytes FROM file_share WHERE share_id = ?1", share.0)
            }
        };
        self.db.row(sql, params![number], |row| {
            let quota_bytes = row.opt_int(0)?.map(i64::cast_unsigned);
            Ok(AreaRoom { quota_bytes, used_bytes: row.count(1)? })
        })
    }

    /// Counts what lies in an area. Reads all of its entries: for `read_long`.
    ///
    /// # Errors
    /// [`Missing::File`] if it is not for `access` to see.
    pub fn area_usage(&mut self, access: Access, area: AreaId) -> Result<AreaUsage, StoreError> {
        self.need_right(access, area, Right::Read)?;
        let sql = "SELECT COUNT(*), COUNT(blob_id), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT)
                   FROM file_entry WHERE area_id = ?1";
        let (all, files, file_bytes) = self
            .db
            .row(sql, params![area], |row| Ok((row.count(0)?, row.count(1)?, row.count(2)?)))?
            .unwrap_or_default();
        let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT)
                   FROM file_part WHERE area_id = ?1";
        let (parts, part_bytes) =
            self.db.row(sql, params![area], |row| Ok((row.count(0)?, row.count(1)?)))?.unwrap_or_default();
        Ok(AreaUsage { files, folders: all - files, file_bytes, parts, part_bytes })
    }
}

impl Tx<'_> {
    /// Keeps other changes off an area until the commit, and makes sure that its owner is there.
    pub(crate) fn lock_area(&mut self, area: AreaId) -> Result<(), StoreError> {
        let sql = match (area, self.db.is_postgres()) {
            (AreaId::Account(_), true) => "SELECT 1 FROM account WHERE account_id = ?1 FOR UPDATE",
            (AreaId::Account(_), false) => "SELECT 1 FROM account WHERE account_id = ?1",
            (AreaId::Share(_), true) => "SELECT 1 FROM file_share WHERE share_id = ?1 FOR UPDATE",
            (AreaId::Share(_), false) => "SELECT 1 FROM file_share WHERE share_id = ?1",
        };
        match self.db.number(sql, params![area.number().abs()])? {
            Some(_) => Ok(()),
            None => Err(StoreError::Missing(Missing::File)),
        }
    }

    /// Counts `added` and `freed` bytes against the area's quota. What leaves it smaller is always
    /// allowed.
    pub(crate) fn charge_area(&mut self, area: AreaId, added: u64, freed: u64) -> Result<(), StoreError> {
        if added == freed {
            return Ok(());
        }
        if added < freed {
            let sql = match area {
                AreaId::Account(_) => "UPDATE account SET used_bytes = used_bytes - ?2 WHERE account_id = ?1",
                AreaId::Share(_) => "UPDATE file_share SET used_bytes = used_bytes - ?2 WHERE share_id = ?1",
            };
            self.db.execute(sql, params![area.number().abs(), freed - added])?;
            return Ok(());
        }
        let need_bytes = added - freed;
        let sql = match area {
            AreaId::Account(_) => {
                "UPDATE account SET used_bytes = used_bytes + ?2 WHERE account_id = ?1
                 AND (quota_bytes IS NULL OR used_bytes + ?2 <= quota_bytes)"
            }
            AreaId::Share(_) => {
                "UPDATE file_share SET used_bytes = used_bytes + ?2 WHERE share_id = ?1
                 AND (quota_bytes IS NULL OR used_bytes + ?2 <= quota_bytes)"
            }
        };
        if self.db.execute(sql, params![area.number().abs(), need_bytes])? == 1 {
            return Ok(());
        }
        let room = self.room(area)?.ok_or(StoreError::Missing(Missing::File))?;
        let (quota_bytes, used_bytes) = (room.quota_bytes.unwrap_or(u64::MAX), room.used_bytes);
        Err(StoreError::OverQuota { quota_bytes, used_bytes, need_bytes })
    }
}

impl Store {
    /// Bytes that may be added to an area now: what the quota leaves beside uploads under way, or, without a
    /// quota, what the device has left. For AVBL and ALLO.
    ///
    /// # Errors
    /// As [`View::area_room`]; the device's.
    pub async fn free_in_area(&self, access: Access, area: AreaId) -> Result<u64, StoreError> {
        let room = self.read(move |view| view.area_room(access, area)).await?;
        let device = self.free_bytes()?;
        let reserved = self.shared().reservations.of(area);
        Ok(room.free_bytes().map_or(device, |free| free.saturating_sub(reserved).min(device)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccountId;

    #[test]
    fn reservations_share_the_room() {
        let reservations = Reservations::default();
        let area = AreaId::Account(AccountId(1));
        assert_eq!(reservations.add(area, 60, Some(100)), 60);
        assert_eq!(reservations.add(area, 60, Some(100)), 40);
        assert_eq!(reservations.add(area, 60, Some(100)), 0);
        assert_eq!(reservations.add(area, 60, None), 60);
        reservations.give_back(area, 60);
        reservations.give_back(area, 60);
        assert_eq!(reservations.add(area, 100, Some(100)), 60);
        assert_eq!(reservations.of(AreaId::Account(AccountId(2))), 0);
    }
}
