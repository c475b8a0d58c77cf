//! Parts: what arrived of uploads that were cut, kept so that they can be gone on with (RFC 3659 §5.3).
//! A part has the name of the whole, but is no entry: nobody sees it in a list or fetches it.

use std::sync::Arc;
use std::time::Duration;

use super::entry::{Access, AreaId, EntryId, Right, check_new_name};
use crate::blobs::{BlobFile, Blobs};
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
    /// The upload had gone on with something: a file, or an older part.
    pub(crate) goes_on: bool,
}

/// A part as it lies in the database.
#[derive(Debug, Clone)]
pub(crate) struct PartRow {
    /// The name of its file.
    pub file: String,
    pub part: Part,
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
        Ok(self.part_row(area, folder, name)?.map(|row| row.part))
    }

    pub(crate) fn part_row(
        &mut self,
        area: AreaId,
        folder: EntryId,
        name: &str,
    ) -> Result<Option<PartRow>, StoreError> {
        let sql = "SELECT file, size_bytes, base_bytes, at_ms FROM file_part
                   WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3";
        self.db.row(sql, params![area, folder, name], |row| {
            let part = Part { size_bytes: row.count(1)?, base_bytes: row.count(2)?, at_ms: row.int(3)? };
            Ok(PartRow { file: row.string(0)?, part })
        })
    }
}

impl Tx<'_> {
    /// Keeps a part under the name that the whole would have had, in place of an older part of that name. It
    /// counts against the quota. Where a file of that name lies only what had gone on with something is kept: who
    /// asks for a part of a file that is whole would be told of the part, and an upload that began anew can do so
    /// again.
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
        if !part.goes_on && self.child_row(area, folder, name)?.is_some() {
            return Ok(());
        }
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

    /// Takes a part out of the rows; false if it is not there any more as it was.
    pub(crate) fn claim_part(
        &mut self,
        access: Access,
        area: AreaId,
        folder: EntryId,
        name: &str,
        row: &PartRow,
    ) -> Result<bool, StoreError> {
        self.begin_change(access, area)?;
        let sql = "DELETE FROM file_part WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3
                   AND file = ?4 AND size_bytes = ?5 AND at_ms = ?6";
        let values = params![area, folder, name, &row.file, row.part.size_bytes, row.part.at_ms];
        if self.db.execute(sql, values)? == 0 {
            return Ok(false);
        }
        if self.shared.blobs.as_ref().is_some_and(Blobs::is_service) {
            // Who goes on with it has a copy.
            self.effects.dropped_files.push(row.file.clone());
        }
        self.charge_area(area, 0, row.part.size_bytes)?;
        Ok(true)
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
