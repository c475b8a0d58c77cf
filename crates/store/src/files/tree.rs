//! Changes of the tree.
//!
//! Every change begins with the area's owner ([`Tx::begin_change`]), so that changes of one area come one
//! after the other also with several nodes: no folder gets a child while it is removed, and no two moves make a
//! circle.

use super::entry::{Access, AreaId, Entry, EntryId, Right, check_new_name, entry, entry_where};
use super::name::FilePath;
use super::upload::Uploaded;
use crate::error::{Missing, StoreError};
use crate::id::BlobId;
use crate::shared::unix_ms;
use crate::sql::params;
use crate::view::Tx;

/// A file to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// The area.
    pub area: AreaId,
    /// The folder.
    pub folder: EntryId,
    /// The name in the folder.
    pub name: &'a str,
    /// The content.
    pub content: &'a Uploaded,
    /// When it was last changed, in Unix milliseconds.
    pub modified_ms: i64,
    /// True if it may take the place of a file of this name.
    pub replaces: bool,
}

/// How far [`Tx::remove_some`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedSome {
    /// Entries removed by this call.
    pub removed: u64,
    /// True if nothing is left.
    pub is_done: bool,
}

const NO_FILE: StoreError = StoreError::Missing(Missing::File);

/// Permission bits of new files and folders.
const FILE_MODE: u16 = 0o644;
const FOLDER_MODE: u16 = 0o755;

impl Tx<'_> {
    /// Every change begins with this: the right to it, and nobody else's change of the area before the commit.
    pub(crate) fn begin_change(&mut self, access: Access, area: AreaId) -> Result<(), StoreError> {
        self.lock_area(area)?;
        self.need_right(access, area, Right::Write)
    }

    /// The folder `id`, which must be a real one, into which things can be put.
    pub(crate) fn need_folder(&mut self, area: AreaId, id: EntryId) -> Result<Entry, StoreError> {
        let found = self.entry_by_id(area, id)?.ok_or(NO_FILE)?;
        if found.is_folder() { Ok(found) } else { Err(StoreError::NotAFolder) }
    }

    /// An entry with a row; roots and the folder of shared folders have none, and cannot be changed.
    fn need_row(&mut self, area: AreaId, id: EntryId) -> Result<Entry, StoreError> {
        if id.0 <= 0 {
            return Err(StoreError::Denied("this folder belongs to the area itself"));
        }
        self.entry_by_id(area, id)?.ok_or(NO_FILE)
    }

    /// A folder's list was changed.
    fn touch(&mut self, area: AreaId, folder: EntryId) -> Result<(), StoreError> {
        if folder != EntryId::ROOT {
            let sql = "UPDATE file_entry SET modified_ms = ?3 WHERE area_id = ?1 AND entry_id = ?2";
            self.db.execute(sql, params![area, folder, unix_ms()])?;
        }
        Ok(())
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// [`Missing::File`] if `parent` is not there or not for `access` to see; [`StoreError::Denied`];
    /// [`StoreError::NotAFolder`]; [`StoreError::Exists`]; [`StoreError::Invalid`] for the name.
    pub fn make_folder(
        &mut self,
        access: Access,
        area: AreaId,
        parent: EntryId,
        name: &str,
    ) -> Result<Entry, StoreError> {
        self.begin_change(access, area)?;
        check_new_name(area, parent, name)?;
        self.need_folder(area, parent)?;
        if self.child_row(area, parent, name)?.is_some() {
            return Err(StoreError::Exists("name"));
        }
        self.drop_part_row(area, parent, name)?;
        let id = EntryId(self.shared.fresh_id());
        let sql =
            "INSERT INTO file_entry (area_id, parent_id, name, entry_id, blob_id, size_bytes, modified_ms,
                   mode, sha256) VALUES (?1, ?2, ?3, ?4, NULL, 0, ?5, ?6, NULL)";
        let values = params![area, parent, name, id, unix_ms(), i64::from(FOLDER_MODE)];
        self.db.execute(sql, values)?;
        self.touch(area, parent)?;
        self.entry_by_id(area, id)?.ok_or(NO_FILE)
    }

    /// Makes the folder at `path` (see [`crate::View::entry_at`]) with all that is missing on the way, and
    /// gives it; one that is there is given as it is.
    ///
    /// # Errors
    /// As [`Tx::make_folder`], but for [`StoreError::Exists`].
    pub fn make_folders(
        &mut self,
        access: Access,
        area: AreaId,
        path: &FilePath,
    ) -> Result<Entry, StoreError> {
        if self.file_right(access, area)? == Right::Nothing {
            return Err(NO_FILE);
        }
        let mut at = Entry::root(area);
        for name in path.names() {
            if !at.is_folder() {
                return Err(StoreError::NotAFolder);
            }
            at = match self.child(&at, name)? {
                Some(child) => child,
                None => self.make_folder(access, at.area, at.id, name)?,
            };
        }
        if at.is_folder() { Ok(at) } else { Err(StoreError::NotAFolder) }
    }

    /// Makes a file of uploaded content, or gives a file of that name the new content; its number stays then. A
    /// part of that name is removed. The upload may be acknowledged once this is committed.
    ///
    /// # Errors
    /// As [`Tx::make_folder`]; [`StoreError::NotAFile`] if a folder has the name; [`StoreError::OverQuota`].
    pub fn place_file(&mut self, access: Access, new: &NewFile<'_>) -> Result<Entry, StoreError> {
        let NewFile { area, folder, name, content, modified_ms, replaces } = *new;
        self.begin_change(access, area)?;
        check_new_name(area, folder, name)?;
        self.need_folder(area, folder)?;
        let old = self.child_row(area, folder, name)?;
        match &old {
            Some(old) if old.is_folder() => return Err(StoreError::NotAFile),
            Some(_) if !replaces => return Err(StoreError::Exists("file")),
            _ => {}
        }
        self.drop_part_row(area, folder, name)?;
        let size_bytes = content.size_bytes();
        self.charge_area(area, size_bytes, old.as_ref().map_or(0, Entry::size_bytes))?;
        let blob = self.take_blob_as_it_is(&content.blob)?;
        let id = match &old {
            Some(old) => {
                let replaced = self.blob_of(area, old.id)?;
                let sql = "UPDATE file_entry SET blob_id = ?3, size_bytes = ?4, modified_ms = ?5, sha256 = ?6
                           WHERE area_id = ?1 AND entry_id = ?2";
                let values = params![area, old.id, blob, size_bytes, modified_ms, &content.sha256[..]];
                self.db.execute(sql, values)?;
                self.release_blob(replaced)?;
                old.id
            }
            None => {
                let id = EntryId(self.shared.fresh_id());
                let sql = "INSERT INTO file_entry (area_id, parent_id, name, entry_id, blob_id, size_bytes,
                           modified_ms, mode, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
                let mode = i64::from(FILE_MODE);
                let sha256 = &content.sha256[..];
                let values = params![area, folder, name, id, blob, size_bytes, modified_ms, mode, sha256];
                self.db.execute(sql, values)?;
                self.touch(area, folder)?;
                id
            }
        };
        self.entry_by_id(area, id)?.ok_or(NO_FILE)
    }

    fn blob_of(&mut self, area: AreaId, id: EntryId) -> Result<BlobId, StoreError> {
        let sql = "SELECT blob_id FROM file_entry WHERE area_id = ?1 AND entry_id = ?2";
        let blob = self.db.row(sql, params![area, id], |row| row.opt_int(0))?.ok_or(NO_FILE)?;
        blob.map(BlobId).ok_or(StoreError::NotAFile)
    }

    /// Removes a file, and with it what is kept of an upload that was to replace it.
    ///
    /// # Errors
    /// [`Missing::File`], [`StoreError::Denied`], [`StoreError::NotAFile`].
    pub fn remove_file(&mut self, access: Access, area: AreaId, id: EntryId) -> Result<(), StoreError> {
        self.begin_change(access, area)?;
        let found = self.need_row(area, id)?;
        if found.is_folder() {
            return Err(StoreError::NotAFile);
        }
        self.drop_entry(&found)?;
        self.drop_part_row(area, found.parent, &found.name)?;
        self.charge_area(area, 0, found.size_bytes())?;
        self.touch(area, found.parent)
    }

    /// Removes a folder in which nothing is but parts of uploads, which go with it.
    ///
    /// # Errors
    /// [`Missing::File`], [`StoreError::Denied`], [`StoreError::NotAFolder`], [`StoreError::NotEmpty`].
    pub fn remove_folder(&mut self, access: Access, area: AreaId, id: EntryId) -> Result<(), StoreError> {
        self.begin_change(access, area)?;
        let found = self.need_row(area, id)?;
        if !found.is_folder() {
            return Err(StoreError::NotAFolder);
        }
        if !self.child_rows(area, id, None, 1)?.is_empty() {
            return Err(StoreError::NotEmpty);
        }
        self.drop_entry(&found)?;
        self.touch(area, found.parent)
    }

    /// Removes the row of an entry without children, and what it holds on to; what it frees is not charged
    /// yet, but for parts.
    fn drop_entry(&mut self, found: &Entry) -> Result<(), StoreError> {
        let sql =
            "DELETE FROM file_entry WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3 RETURNING blob_id";
        let values = params![found.area, found.parent, &found.name];
        let blob = self.db.row(sql, values, |row| row.opt_int(0))?.ok_or(NO_FILE)?;
        match blob {
            Some(blob) => self.release_blob(BlobId(blob)),
            None => self.drop_parts_in(found.area, found.id),
        }
    }

    /// Removes what is in the folder `id`, however deep, but at most `limit` entries in one call: call it
    /// again until it is done. The folder itself stays. Deepest first, so that at every moment what is
    /// left is a tree.
    ///
    /// # Errors
    /// [`Missing::File`], [`StoreError::Denied`], [`StoreError::NotAFolder`].
    pub fn remove_some(
        &mut self,
        access: Access,
        area: AreaId,
        id: EntryId,
        limit: u32,
    ) -> Result<RemovedSome, StoreError> {
        self.begin_change(access, area)?;
        if id == EntryId::SHARES {
            return Err(StoreError::Denied("shared folders are removed by the operator"));
        }
        self.need_folder(area, id)?;
        self.remove_below(area, id, limit)
    }

    /// [`Tx::remove_some`] after its checks.
    pub(crate) fn remove_below(
        &mut self,
        area: AreaId,
        top: EntryId,
        limit: u32,
    ) -> Result<RemovedSome, StoreError> {
        let (mut left, mut freed, mut at, mut is_done) = (limit, 0, top, false);
        while left > 0 && !is_done {
            let children = self.child_rows(area, at, None, left)?;
            let mut down = None;
            for child in &children {
                if child.is_folder() {
                    down = Some(child.id);
                    break;
                }
                self.drop_entry(child)?;
                freed += child.size_bytes();
                left -= 1;
            }
            if let Some(folder) = down {
                at = folder;
            } else if !children.is_empty() {
                continue;
            } else if at == top {
                is_done = true;
            } else {
                let empty = self.entry_by_id(area, at)?.ok_or(NO_FILE)?;
                self.drop_entry(&empty)?;
                left -= 1;
                at = empty.parent;
            }
        }
        if is_done {
            self.drop_parts_in(area, top)?;
        }
        self.charge_area(area, 0, freed)?;
        self.touch(area, top)?;
        Ok(RemovedSome { removed: u64::from(limit - left), is_done })
    }

    /// Removes all entries and parts of an area whose owner goes.
    pub(crate) fn remove_area(&mut self, area: AreaId) -> Result<(), StoreError> {
        while !self.remove_below(area, EntryId::ROOT, 1000)?.is_done {}
        self.drop_parts_of_area(area)
    }

    /// Gives an entry another name or another folder, also in another area if it is a file. A file takes the
    /// place of a file that has the name. What is kept of uploads to either name is removed: it went on with a
    /// file that is not there any more.
    ///
    /// - `from`: the entry's area and number; `to`: the area, the folder, and the name in it.
    ///
    /// # Errors
    /// [`Missing::File`] for either end, [`StoreError::Denied`], [`StoreError::NotAFolder`],
    /// [`StoreError::Exists`] if the name is taken by a folder, or by anything when a folder is moved,
    /// [`StoreError::Invalid`] for the name, for a folder moved into itself and for a folder moved to another
    /// area; [`StoreError::OverQuota`] of the other area.
    pub fn rename_entry(
        &mut self,
        access: Access,
        from: (AreaId, EntryId),
        to: (AreaId, EntryId, &str),
    ) -> Result<(), StoreError> {
        let ((area, id), (to_area, folder, name)) = (from, to);
        self.begin_change(access, area)?;
        if to_area != area {
            self.begin_change(access, to_area)?;
        }
        let found = self.need_row(area, id)?;
        check_new_name(to_area, folder, name)?;
        self.need_folder(to_area, folder)?;
        if to_area == area && folder == found.parent && name == found.name {
            return Ok(());
        }
        let taken = self.child_row(to_area, folder, name)?;
        if let Some(taken) = &taken
            && (taken.is_folder() || found.is_folder())
        {
            return Err(StoreError::Exists("name"));
        }
        if found.is_folder() {
            self.refuse_circle(&found, to_area, folder)?;
        }
        if let Some(taken) = &taken {
            self.drop_entry(taken)?;
        }
        self.drop_part_row(area, found.parent, &found.name)?;
        self.drop_part_row(to_area, folder, name)?;
        let freed = taken.as_ref().map_or(0, Entry::size_bytes);
        self.move_row(&found, to, freed)?;
        self.touch(area, found.parent)?;
        self.touch(to_area, folder)
    }

    /// Moves the row of an entry; `freed` bytes went in the area it comes to.
    fn move_row(
        &mut self,
        found: &Entry,
        (to_area, folder, name): (AreaId, EntryId, &str),
        freed: u64,
    ) -> Result<(), StoreError> {
        let (added, mut id) = (found.size_bytes(), found.id);
        if to_area == found.area {
            self.charge_area(to_area, 0, freed)?;
        } else {
            self.charge_area(to_area, added, freed)?;
            self.charge_area(found.area, 0, added)?;
            id = EntryId(self.shared.fresh_id());
        }
        let sql = "UPDATE file_entry SET area_id = ?3, parent_id = ?4, name = ?5, entry_id = ?6
                   WHERE area_id = ?1 AND entry_id = ?2";
        self.must_change(sql, params![found.area, found.id, to_area, folder, name, id], Missing::File)
    }

    /// A folder cannot be moved into another area, itself, or a folder within it.
    fn refuse_circle(&mut self, moved: &Entry, to_area: AreaId, folder: EntryId) -> Result<(), StoreError> {
        if to_area != moved.area {
            return Err(StoreError::Invalid("a folder cannot be moved into or out of a shared folder"));
        }
        let mut at = folder;
        while at != EntryId::ROOT {
            if at == moved.id {
                return Err(StoreError::Invalid("a folder cannot be moved into itself"));
            }
            let sql = entry_where!("WHERE area_id = ?1 AND entry_id = ?2");
            at = self.db.row(sql, params![to_area, at], entry)?.ok_or(NO_FILE)?.parent;
        }
        Ok(())
    }

    /// Sets when an entry was last changed, in Unix milliseconds.
    ///
    /// # Errors
    /// [`Missing::File`], [`StoreError::Denied`].
    pub fn set_modified(
        &mut self,
        access: Access,
        area: AreaId,
        id: EntryId,
        modified_ms: i64,
    ) -> Result<(), StoreError> {
        self.begin_change(access, area)?;
        self.need_row(area, id)?;
        let sql = "UPDATE file_entry SET modified_ms = ?3 WHERE area_id = ?1 AND entry_id = ?2";
        self.must_change(sql, params![area, id, modified_ms], Missing::File)
    }

    /// Sets the permission bits of an entry, which are shown and have no other effect.
    ///
    /// # Errors
    /// [`Missing::File`], [`StoreError::Denied`]; [`StoreError::Invalid`] for other than the nine bits.
    pub fn set_mode(
        &mut self,
        access: Access,
        area: AreaId,
        id: EntryId,
        mode: u16,
    ) -> Result<(), StoreError> {
        self.begin_change(access, area)?;
        self.need_row(area, id)?;
        if mode > 0o777 {
            return Err(StoreError::Invalid("permissions are three octal digits"));
        }
        let sql = "UPDATE file_entry SET mode = ?3 WHERE area_id = ?1 AND entry_id = ?2";
        self.must_change(sql, params![area, id, i64::from(mode)], Missing::File)
    }
}
