//! What lies in an area, and who may see and change it.

use std::fmt;

use super::name::{FilePath, check_name};
use super::share::ShareId;
use crate::error::{Missing, StoreError};
use crate::id::AccountId;
use crate::sql::{Row, Value, params};
use crate::view::View;

/// The folder in an account's root in which its shared folders appear. There only if the account is a
/// member of any; nothing else in the root may have its name.
pub const SHARED_FOLDER_NAME: &str = "shared";

/// A tree of files with a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AreaId {
    /// The account's own, whose bytes count together with its mail.
    Account(AccountId),
    /// A shared folder's.
    Share(ShareId),
}

impl AreaId {
    /// The number under which rows name it.
    pub(crate) fn number(self) -> i64 {
        match self {
            AreaId::Account(account) => account.0,
            AreaId::Share(share) => -share.0,
        }
    }

    pub(crate) fn from_number(number: i64) -> AreaId {
        if number < 0 { AreaId::Share(ShareId(-number)) } else { AreaId::Account(AccountId(number)) }
    }
}

impl fmt::Display for AreaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AreaId::Account(account) => write!(f, "area of account {account}"),
            AreaId::Share(share) => write!(f, "area of share {share}"),
        }
    }
}

impl From<AreaId> for Value<'_> {
    fn from(area: AreaId) -> Self {
        Value::Int(area.number())
    }
}

/// The number of an entry in its area: never reused, kept when it is renamed or its content replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub i64);

impl EntryId {
    /// The root of any area.
    pub const ROOT: EntryId = EntryId(0);
    /// The folder of shared folders in the area of an account.
    pub const SHARES: EntryId = EntryId(-1);
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<EntryId> for Value<'_> {
    fn from(id: EntryId) -> Self {
        Value::Int(id.0)
    }
}

/// Who asks. Every function that reads or changes files compares it with the rows of the same
/// transaction, so that a right that was taken away is gone at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The person who runs the server: everything.
    Operator,
    /// This account: its own area, and shared folders as far as it is a member.
    Account(AccountId),
}

/// What somebody may do in an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Nothing; not even know that it is there.
    Nothing,
    /// See and fetch.
    Read,
    /// Change as well.
    Write,
}

/// A file or a folder. `area` and `id` name it, also where the folder is a root or the folder of shared
/// folders, so that any entry that is a folder can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The area it is in. For a shared folder seen from an account: the share's.
    pub area: AreaId,
    /// Its number there.
    pub id: EntryId,
    /// The folder it is in.
    pub parent: EntryId,
    /// Its name; empty for an account's root.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// When its content (of a folder: its list) was last changed, in Unix milliseconds; 0 for roots.
    pub modified_ms: i64,
    /// Permission bits (`0o777`), kept for those who set them; they grant and deny nothing.
    pub mode: u16,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Length in bytes.
        size_bytes: u64,
        /// SHA-256 of its content.
        sha256: [u8; 32],
    },
}

impl Entry {
    /// True for a folder.
    pub fn is_folder(&self) -> bool {
        self.kind == EntryKind::Folder
    }

    /// Length of a file in bytes; 0 for a folder.
    pub fn size_bytes(&self) -> u64 {
        match self.kind {
            EntryKind::Folder => 0,
            EntryKind::File { size_bytes, .. } => size_bytes,
        }
    }

    pub(crate) fn root(area: AreaId) -> Entry {
        let name = String::new();
        let kind = EntryKind::Folder;
        Entry { area, id: EntryId::ROOT, parent: EntryId::ROOT, name, kind, modified_ms: 0, mode: 0o755 }
    }

    /// The folder of shared folders of an account.
    fn shares(account: AccountId) -> Entry {
        let name = SHARED_FOLDER_NAME.to_owned();
        Entry { id: EntryId::SHARES, name, mode: 0o555, ..Entry::root(AreaId::Account(account)) }
    }
}

/// The columns of an [`Entry`], in the order of [`entry`].
macro_rules! entry_where {
    ($rest:literal) => {
        concat!(
            "SELECT area_id, entry_id, parent_id, name, blob_id, size_bytes, modified_ms, mode, sha256 ",
            "FROM file_entry ",
            $rest
        )
    };
}
pub(crate) use entry_where;

pub(crate) fn entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    let kind = match row.opt_int(4)? {
        None => EntryKind::Folder,
        Some(_) => EntryKind::File { size_bytes: row.count(5)?, sha256: sha256(row, 8)? },
    };
    Ok(Entry {
        area: AreaId::from_number(row.int(0)?),
        id: EntryId(row.int(1)?),
        parent: EntryId(row.int(2)?),
        name: row.string(3)?,
        kind,
        modified_ms: row.int(6)?,
        mode: u16::try_from(row.int(7)?).unwrap_or(0),
    })
}

fn sha256(row: &Row<'_>, column: usize) -> Result<[u8; 32], StoreError> {
    let bytes = row.opt_blob(column)?.unwrap_or_default();
    bytes.try_into().map_err(|_| StoreError::Corrupt("a file has no SHA-256".to_owned()))
}

impl View<'_> {
    /// What `access` may do in an area. An area that is not there gives nobody a right but the operator.
    pub fn file_right(&mut self, access: Access, area: AreaId) -> Result<Right, StoreError> {
        match (access, area) {
            (Access::Operator, _) => Ok(Right::Write),
            (Access::Account(who), AreaId::Account(whose)) => {
                Ok(if who == whose { Right::Write } else { Right::Nothing })
            }
            (Access::Account(who), AreaId::Share(share)) => {
                let sql = "SELECT may_write FROM file_share_member WHERE account_id = ?1 AND share_id = ?2";
                Ok(match self.db.number(sql, params![who, share])? {
                    None => Right::Nothing,
                    Some(0) => Right::Read,
                    Some(_) => Right::Write,
                })
            }
        }
    }

    /// # Errors
    /// [`Missing::File`] for what `access` may not even see; [`StoreError::Denied`].
    pub(crate) fn need_right(&mut self, access: Access, area: AreaId, need: Right) -> Result<(), StoreError> {
        match self.file_right(access, area)? {
            has if has >= need => Ok(()),
            Right::Nothing => Err(StoreError::Missing(Missing::File)),
            _ => Err(StoreError::Denied("this shared folder may only be read")),
        }
    }

    /// What lies at `path`, from the root of an area; nothing if nothing is there, or nothing that
    /// `access` may see. From the root of an account, `/shared/NAME/…` leads into the shared folders of
    /// which the account is a member.
    pub fn entry_at(
        &mut self,
        access: Access,
        area: AreaId,
        path: &FilePath,
    ) -> Result<Option<Entry>, StoreError> {
        if self.file_right(access, area)? == Right::Nothing {
            return Ok(None);
        }
        let mut at = Entry::root(area);
        for name in path.names() {
            match self.child(&at, name)? {
                Some(child) => at = child,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The entry `id` of an area, also a root; nothing if it is not there or not for `access` to see.
    pub fn entry(&mut self, access: Access, area: AreaId, id: EntryId) -> Result<Option<Entry>, StoreError> {
        if self.file_right(access, area)? == Right::Nothing {
            return Ok(None);
        }
        self.entry_by_id(area, id)
    }

    pub(crate) fn entry_by_id(&mut self, area: AreaId, id: EntryId) -> Result<Option<Entry>, StoreError> {
        match (id, area) {
            (EntryId::ROOT, _) => Ok(Some(Entry::root(area))),
            (EntryId::SHARES, AreaId::Account(account)) => {
                Ok(self.is_member_of_any(account)?.then(|| Entry::shares(account)))
            }
            _ => {
                let sql = entry_where!("WHERE area_id = ?1 AND entry_id = ?2");
                self.db.row(sql, params![area, id], entry)
            }
        }
    }

    /// The entry of this name in a folder that may be seen.
    pub(crate) fn child(&mut self, folder: &Entry, name: &str) -> Result<Option<Entry>, StoreError> {
        match (folder.area, folder.id) {
            (AreaId::Account(account), EntryId::ROOT) if name == SHARED_FOLDER_NAME => {
                Ok(self.is_member_of_any(account)?.then(|| Entry::shares(account)))
            }
            (AreaId::Account(account), EntryId::SHARES) => {
                Ok(self.member_shares(account, Some(name))?.into_iter().next())
            }
            (area, id) => self.child_row(area, id, name),
        }
    }

    /// The row of this name in a folder.
    pub(crate) fn child_row(
        &mut self,
        area: AreaId,
        folder: EntryId,
        name: &str,
    ) -> Result<Option<Entry>, StoreError> {
        let sql = entry_where!("WHERE area_id = ?1 AND parent_id = ?2 AND name = ?3");
        self.db.row(sql, params![area, folder, name], entry)
    }

    /// At most `limit` entries of a folder in the byte order of their names, from the first or from
    /// behind the name `after`. A folder of any size is so listed in pages, each a view of its own; what
    /// changes meanwhile is seen or not, and nothing is seen twice.
    ///
    /// # Errors
    /// [`Missing::File`] if the folder is not there or not for `access` to see;
    /// [`StoreError::NotAFolder`].
    pub fn entries(
        &mut self,
        access: Access,
        area: AreaId,
        folder: EntryId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        self.need_right(access, area, Right::Read)?;
        let found = self.entry_by_id(area, folder)?.ok_or(StoreError::Missing(Missing::File))?;
        if !found.is_folder() {
            return Err(StoreError::NotAFolder);
        }
        let AreaId::Account(account) = area else {
            return self.child_rows(area, folder, after, limit);
        };
        if folder == EntryId::SHARES {
            let mut shares = self.member_shares(account, None)?;
            shares.retain(|share| after.is_none_or(|after| share.name.as_str() > after));
            shares.truncate(limit as usize);
            return Ok(shares);
        }
        let mut rows = self.child_rows(area, folder, after, limit)?;
        let is_due = after.is_none_or(|after| after < SHARED_FOLDER_NAME);
        if folder == EntryId::ROOT && is_due && self.is_member_of_any(account)? {
            let at = rows.partition_point(|row| row.name.as_str() < SHARED_FOLDER_NAME);
            rows.insert(at, Entry::shares(account));
            rows.truncate(limit as usize);
        }
        Ok(rows)
    }

    pub(crate) fn child_rows(
        &mut self,
        area: AreaId,
        folder: EntryId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        // No name is empty.
        let after = after.unwrap_or_default();
        let sql = entry_where!("WHERE area_id = ?1 AND parent_id = ?2 AND name > ?3 ORDER BY name LIMIT ?4");
        self.db.list(sql, params![area, folder, after, limit], entry)
    }

    fn is_member_of_any(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM file_share_member WHERE account_id = ?1 LIMIT 1";
        Ok(self.db.number(sql, params![account])?.is_some())
    }

    /// The shared folders of an account, or the one of this name, as entries by name.
    fn member_shares(&mut self, account: AccountId, name: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        let shares = self.shares_of(account)?;
        let wanted = shares.into_iter().filter(|(share, _)| name.is_none_or(|name| name == share.name));
        let as_entry = |(share, may_write): (super::Share, bool)| Entry {
            name: share.name,
            parent: EntryId::SHARES,
            mode: if may_write { 0o775 } else { 0o555 },
            ..Entry::root(AreaId::Share(share.id))
        };
        Ok(wanted.map(as_entry).collect())
    }
}

/// Checks a name for something new in a folder.
///
/// # Errors
/// [`StoreError::Invalid`], also for the name of the folder of shared folders in an account's root.
pub(crate) fn check_new_name(area: AreaId, folder: EntryId, name: &str) -> Result<(), StoreError> {
    check_name(name)?;
    let is_account = matches!(area, AreaId::Account(_));
    if is_account && folder == EntryId::SHARES {
        return Err(StoreError::Denied("shared folders are made by the operator"));
    }
    if is_account && folder == EntryId::ROOT && name == SHARED_FOLDER_NAME {
        return Err(StoreError::Invalid("the name is kept for shared folders"));
    }
    Ok(())
}
