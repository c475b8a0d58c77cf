//! What must hold of file areas: each a tree with names that can be, sums that agree, and owners.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::Checker;
use crate::error::StoreError;
use crate::files::{AreaId, SHARED_FOLDER_NAME, check_name};
use crate::sql::params;
use crate::store::Store;
use crate::view::View;

/// A cut upload as a row names it.
pub(super) struct NamedPart {
    pub name: String,
    size_bytes: u64,
}

/// Where the walk from a folder to its root ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    AtRoot,
    Nowhere,
}

/// The folders of all areas, to find those from which no way leads to the root.
#[derive(Default)]
struct Folders {
    parents: HashMap<(i64, i64), i64>,
    ends: HashMap<(i64, i64), Ends>,
}

impl Folders {
    /// Walks up from a folder, without recursion and each step once for all walks.
    fn ends(&mut self, area: i64, folder: i64) -> Ends {
        let (mut way, mut at) = (Vec::new(), folder);
        let end = loop {
            if at == 0 {
                break Ends::AtRoot;
            }
            if let Some(known) = self.ends.get(&(area, at)) {
                break *known;
            }
            let Some(parent) = self.parents.get(&(area, at)) else { break Ends::Nowhere };
            // Until a way to the root is found, whoever comes here again went in a circle.
            self.ends.insert((area, at), Ends::Nowhere);
            way.push(at);
            at = *parent;
        };
        for step in way {
            self.ends.insert((area, step), end);
        }
        end
    }
}

impl View<'_> {
    /// Bytes that the entries and parts of an area take.
    pub(super) fn area_bytes(&mut self, area: AreaId) -> Result<u64, StoreError> {
        let sql = "SELECT CAST((SELECT COALESCE(SUM(size_bytes), 0) FROM file_entry WHERE area_id = ?1)
                   + (SELECT COALESCE(SUM(size_bytes), 0) FROM file_part WHERE area_id = ?1) AS BIGINT)";
        Ok(self.db.number(sql, params![area])?.unwrap_or(0).cast_unsigned())
    }

    /// Compares everything about file areas that is in rows, and lists the cut uploads.
    pub(super) fn check_areas(&mut self, checker: &mut Checker<'_>) -> Result<Vec<NamedPart>, StoreError> {
        self.check_shares(checker)?;
        self.check_tree(checker)?;
        self.check_entries(checker)?;
        self.check_area_owners(checker)?;
        let sql = "SELECT file, size_bytes FROM file_part";
        let parts = self
            .db
            .list(sql, &[], |row| Ok(NamedPart { name: row.string(0)?, size_bytes: row.count(1)? }))?;
        checker.report.counted.parts = parts.len() as u64;
        Ok(parts)
    }

    fn check_shares(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        for share in self.shares()? {
            let bytes = self.area_bytes(AreaId::Share(share.id))?;
            if bytes != share.used_bytes {
                let detail = format!("used_bytes is {}, its files take {bytes}", share.used_bytes);
                checker.finding("shared folder size", format!("shared folder {}", share.name), detail);
            }
        }
        let sql = "SELECT value FROM counter WHERE name = 'share'";
        let given = self.db.number(sql, &[])?.unwrap_or(0);
        let last = self.db.number("SELECT COALESCE(MAX(share_id), 0) FROM file_share", &[])?.unwrap_or(0);
        if last > given {
            let detail = format!("{last} is above the last given, {given}");
            checker.finding("shared folder number", "shared folders".to_owned(), detail);
        }
        Ok(())
    }

    /// Every entry and part lies in a folder from which a way leads to the root.
    fn check_tree(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let mut folders = Folders::default();
        let sql = "SELECT area_id, entry_id, parent_id FROM file_entry WHERE blob_id IS NULL";
        self.db.each(sql, &[], &mut |row| {
            folders.parents.insert((row.int(0)?, row.int(1)?), row.int(2)?);
            Ok(ControlFlow::Continue(()))
        })?;
        let sql = "SELECT DISTINCT area_id, parent_id FROM file_entry
                   UNION SELECT DISTINCT area_id, parent_id FROM file_part";
        let used = self.db.list(sql, &[], |row| Ok((row.int(0)?, row.int(1)?)))?;
        for (area, folder) in used {
            if folders.ends(area, folder) == Ends::Nowhere {
                let place = format!("{}, folder {folder}", AreaId::from_number(area));
                let detail = "what is in it cannot be reached from the root".to_owned();
                checker.finding("file without folder", place, detail);
            }
        }
        Ok(())
    }

    fn check_entries(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let total = self.db.number("SELECT COUNT(*) FROM file_entry", &[])?.unwrap_or(0).cast_unsigned();
        let sql =
            "SELECT e.area_id, e.entry_id, e.parent_id, e.name, e.blob_id, e.size_bytes, e.mode, e.sha256,
                   b.size_bytes FROM file_entry e LEFT JOIN content c ON c.blob_id = e.blob_id
                   LEFT JOIN blob b ON b.digest = c.digest";
        self.db.each(sql, &[], &mut |row| {
            if checker.report.counted.files.is_multiple_of(1024) {
                checker.progress("files", checker.report.counted.files, total);
            }
            checker.report.counted.files += 1;
            let (area, id, name) = (row.int(0)?, row.int(1)?, row.text(3)?);
            let place = || format!("{}, entry {id}", AreaId::from_number(area));
            let is_kept_name = area > 0 && row.int(2)? == 0 && name == SHARED_FOLDER_NAME;
            if check_name(name).is_err() || is_kept_name || id <= 0 {
                let detail = format!("{name:?} cannot be a name there");
                checker.finding("file name", place(), detail);
            }
            let (size_bytes, digest) = (row.int(5)?, row.opt_blob(7)?);
            let is_right = match row.opt_int(4)? {
                None => size_bytes == 0 && digest.is_none(),
                // Content that is missing is told elsewhere.
                Some(_) => {
                    row.opt_int(8)?.is_none_or(|real| real == size_bytes)
                        && digest.is_some_and(|digest| digest.len() == 32)
                }
            };
            if !is_right || !(0..=0o777).contains(&row.int(6)?) {
                let detail = "size, digest or permissions are not as its content's".to_owned();
                checker.finding("file size", place(), detail);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn check_area_owners(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let rules = [
            (
                "file area without owner",
                "SELECT area_id, 0 FROM (SELECT area_id FROM file_entry UNION SELECT area_id FROM file_part) used
                 WHERE (area_id > 0 AND area_id NOT IN (SELECT account_id FROM account))
                 OR (area_id <= 0 AND -area_id NOT IN (SELECT share_id FROM file_share))",
            ),
            (
                "member without account",
                "SELECT account_id, share_id FROM file_share_member
                 WHERE account_id NOT IN (SELECT account_id FROM account)",
            ),
            (
                "member without shared folder",
                "SELECT account_id, share_id FROM file_share_member
                 WHERE share_id NOT IN (SELECT share_id FROM file_share)",
            ),
            (
                "profile without account",
                "SELECT account_id, 0 FROM ftp_profile
                 WHERE account_id NOT IN (SELECT account_id FROM account)",
            ),
        ];
        for (what, sql) in rules {
            for (one, other) in self.db.list(sql, &[], |row| Ok((row.int(0)?, row.int(1)?)))? {
                let detail = "what it belongs to is not there".to_owned();
                checker.finding(what, format!("number {one}, {other}"), detail);
            }
        }
        Ok(())
    }
}

impl Store {
    /// Every cut upload has its bytes.
    pub(super) fn check_parts(
        &self,
        parts: &[NamedPart],
        checker: &mut Checker<'_>,
    ) -> Result<(), StoreError> {
        for part in parts {
            let len = match &self.shared().blobs {
                Some(blobs) => blobs.len(&part.name)?,
                None => None,
            };
            let sql = "SELECT 1 FROM file_part WHERE file = ?1";
            // It may have been gone on with since the rows were read.
            if len.is_none_or(|len| len < part.size_bytes)
                && self.read_blocking(|view| view.db.number(sql, params![&part.name]))?.is_some()
            {
                let detail = format!("{} bytes are needed, the file has {len:?}", part.size_bytes);
                checker.finding("cut upload", part.name.clone(), detail);
            }
        }
        Ok(())
    }
}
