//! Parts: what arrived of uploads that were cut, kept so that they can be gone on with (RFC 3659 §5.3).
//! A part has the name of the whole, but is no entry: nobody sees it in a list or fetches it.

use std::sync::Arc;
use std::time::Duration;

use super::entry::{Access, AreaId, EntryId, Right, check_new_name};
use crate::blob_file::BlobFile;
use crate::error::StoreError;
use crate::shared::unix_ms;
use crate::sql::params;
use crate::view::{Tx, View};

/// A part that nobody went on with for this long may be removed.
pub const PART_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// What arrived of an upload that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Bytes that are kept.
    pub size_bytes: u64,
    /// How many of them, at the beginning, were taken over from the file that the upload was to replace.
    pub base_bytes: u64,
    /// When it was cut, in Unix milliseconds.
    pub at_ms: i64,
}

/// A part that is on the disk; [`Tx::keep_part`] gives it a name. Dropped without that it leaves nothing behind.
#[derive(Debug, Clone)]
pub struct KeptPart {
    pub(crate) file: Arc<BlobFile>,
    pub(crate) size_bytes: u64,
    pub(crate) base_bytes: u64,
}

/// A part that is no part any more, because somebody goes on with it.
pub(crate) struct ClaimedPart {
    pub file: String,
    pub base_bytes: u64,
}

impl KeptPart {
    /// Bytes that arrived.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl View<'_> {
    /// What is kept of a cut upload of `name` into a folder.
    ///
    /// # Errors
    /// [`crate::Missing::File`] if the area is not for `access` to see.
    pub fn part_of(
        &mut self,
        access: Access,
        area: AreaId,
        folder: EntryId,
        name: &str,
    ) -> Result<Option<Part>, StoreError> {
        self.need_right(access, area, Right::Read)?;
        let sql = "SELECT size_bytes, base_bytes, at_ms FROM file_part
                   WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3";
        self.db.row(sql, params![area, folder, name], |row| {
            Ok(Part { size_bytes: row.count(0)?, base_bytes: row.count(1)?, at_ms: row.int(2)? })
        })
    }
}

impl View<'_> {
    /// The name of the file of a part.
    pub(crate) fn part_file(
        &mut self,
        area: AreaId,
        folder: EntryId,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT file FROM file_part WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3";
        self.db.row(sql, params![area, folder, name], |row| row.string(0))
    }
}

impl Tx<'_> {
    /// Keeps a part under the name that the whole would have had, in place of an older part of that name. It
    /// counts against the quota.
    ///
    /// # Errors
    /// As [`Tx::place_file`].
    pub fn keep_part(
        &mut self,
        access: Access,
        area: AreaId,
        folder: EntryId,
        name: &str,
        part: &KeptPart,
    ) -> Result<(), StoreError> {
        self.begin_change(access, area)?;
        check_new_name(area, folder, name)?;
        self.need_folder(area, folder)?;
        self.drop_part_row(area, folder, name)?;
        self.charge_area(area, part.size_bytes, 0)?;
        let sql = "INSERT INTO file_part (area_id, parent_id, name, file, size_bytes, base_bytes, at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let values =
            params![area, folder, name, &part.file.name, part.size_bytes, part.base_bytes, unix_ms()];
        self.db.execute(sql, values)?;
        self.effects.adopted.push(Arc::clone(&part.file));
        Ok(())
    }

    /// Removes a part; nothing happens if there is none.
    ///
    /// # Errors
    /// As [`Tx::place_file`].
    pub fn drop_part(
        &mut self,
        access: Access,
        area: AreaId,
        folder: EntryId,
        name: &str,
    ) -> Result<(), StoreError> {
        self.begin_change(access, area)?;
        self.drop_part_row(area, folder, name)
    }

    /// Takes the part of this name out of the rows, if it has at least `offset` bytes.
    pub(crate) fn claim_part(
        &mut self,
        access: Access,
        area: AreaId,
        folder: EntryId,
        name: &str,
        offset: u64,
    ) -> Result<Option<ClaimedPart>, StoreError> {
        self.begin_change(access, area)?;
        let sql = "DELETE FROM file_part WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3
                   AND size_bytes >= ?4 RETURNING file, base_bytes, size_bytes";
        let found = self.db.row(sql, params![area, folder, name, offset], |row| {
            Ok((ClaimedPart { file: row.string(0)?, base_bytes: row.count(1)? }, row.count(2)?))
        })?;
        let Some((claimed, size_bytes)) = found else { return Ok(None) };
        self.charge_area(area, 0, size_bytes)?;
        Ok(Some(claimed))
    }

    /// Removes the part of this name, if there is one.
    pub(crate) fn drop_part_row(
        &mut self,
        area: AreaId,
        folder: EntryId,
        name: &str,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM file_part WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3
                   RETURNING file, size_bytes";
        let gone =
            self.db.row(sql, params![area, folder, name], |row| Ok((row.string(0)?, row.count(1)?)))?;
        self.forget_parts(area, gone)
    }

    /// Removes all parts in a folder.
    pub(crate) fn drop_parts_in(&mut self, area: AreaId, folder: EntryId) -> Result<(), StoreError> {
        let sql = "DELETE FROM file_part WHERE area_id = ?1 AND parent_id = ?2 RETURNING file, size_bytes";
        let gone = self.db.list(sql, params![area, folder], |row| Ok((row.string(0)?, row.count(1)?)))?;
        self.forget_parts(area, gone)
    }

    /// Removes all parts of an area.
    pub(crate) fn drop_parts_of_area(&mut self, area: AreaId) -> Result<(), StoreError> {
        let sql = "DELETE FROM file_part WHERE area_id = ?1 RETURNING file, size_bytes";
        let gone = self.db.list(sql, params![area], |row| Ok((row.string(0)?, row.count(1)?)))?;
        self.forget_parts(area, gone)
    }

    fn forget_parts(
        &mut self,
        area: AreaId,
        gone: impl IntoIterator<Item = (String, u64)>,
    ) -> Result<(), StoreError> {
        let mut freed = 0;
        for (file, size_bytes) in gone {
            freed += size_bytes;
            self.effects.dropped_files.push(file);
        }
        self.charge_area(area, 0, freed)
    }

    /// Removes parts that were cut before `before_ms` (Unix milliseconds), at most `limit`, and says how many.
    /// For a job that runs now and then, with [`PART_AGE_MAX`].
    pub fn purge_parts(&mut self, before_ms: i64, limit: u32) -> Result<u64, StoreError> {
        let sql = "SELECT area_id, parent_id, name FROM file_part WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2";
        let old = self.db.list(sql, params![before_ms, limit], |row| {
            Ok((AreaId::from_number(row.int(0)?), EntryId(row.int(1)?), row.string(2)?))
        })?;
        for (area, folder, name) in &old {
            self.lock_area(*area)?;
            self.drop_part_row(*area, *folder, name)?;
        }
        Ok(old.len() as u64)
    }
}
