//! Shared folders: areas of groups, made by the operator.

use super::entry::AreaId;
use super::name::check_name;
use crate::error::{Missing, StoreError};
use crate::id::AccountId;
use crate::shared::unix_ms;
use crate::sql::{Row, Value, params};
use crate::view::{Tx, View};

/// Longest name of a shared folder in bytes: it has to stand in tables and command lines.
pub const SHARE_NAME_LEN_MAX_BYTES: usize = 64;

/// The number of a shared folder, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareId(pub i64);

impl std::fmt::Display for ShareId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ShareId> for Value<'_> {
    fn from(id: ShareId) -> Self {
        Value::Int(id.0)
    }
}

/// A shared folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its number.
    pub id: ShareId,
    /// Its name: members find it as `/shared/NAME`.
    pub name: String,
    /// What it may hold in bytes; nothing: no limit.
    pub quota_bytes: Option<u64>,
    /// What it holds in bytes.
    pub used_bytes: u64,
}

/// A member of a shared folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareMember {
    /// Who.
    pub account: AccountId,
    /// The account's address.
    pub address: String,
    /// True if the member may change what is in it.
    pub may_write: bool,
}

fn share(row: &Row<'_>) -> Result<Share, StoreError> {
    Ok(Share {
        id: ShareId(row.int(0)?),
        name: row.string(1)?,
        quota_bytes: row.opt_int(2)?.map(i64::cast_unsigned),
        used_bytes: row.count(3)?,
    })
}

impl View<'_> {
    /// All shared folders by name.
    pub fn shares(&mut self) -> Result<Vec<Share>, StoreError> {
        let sql = "SELECT share_id, name, quota_bytes, used_bytes FROM file_share ORDER BY name";
        self.db.list(sql, &[], share)
    }

    /// The shared folder of this name.
    pub fn share_by_name(&mut self, name: &str) -> Result<Option<Share>, StoreError> {
        let sql = "SELECT share_id, name, quota_bytes, used_bytes FROM file_share WHERE name = ?1";
        self.db.row(sql, params![name], share)
    }

    /// The shared folders of which an account is a member, by name, each with whether it may change them.
    pub fn shares_of(&mut self, account: AccountId) -> Result<Vec<(Share, bool)>, StoreError> {
        let sql =
            "SELECT s.share_id, s.name, s.quota_bytes, s.used_bytes, m.may_write FROM file_share_member m
                   JOIN file_share s ON s.share_id = m.share_id WHERE m.account_id = ?1 ORDER BY s.name";
        self.db.list(sql, params![account], |row| Ok((share(row)?, row.int(4)? != 0)))
    }

    /// The members of a shared folder by address.
    pub fn share_members(&mut self, id: ShareId) -> Result<Vec<ShareMember>, StoreError> {
        let sql = "SELECT m.account_id, a.address, m.may_write FROM file_share_member m
                   JOIN account a ON a.account_id = m.account_id WHERE m.share_id = ?1 ORDER BY a.address";
        self.db.list(sql, params![id], |row| {
            let (account, may_write) = (AccountId(row.int(0)?), row.int(2)? != 0);
            Ok(ShareMember { account, address: row.string(1)?, may_write })
        })
    }
}

impl Tx<'_> {
    /// Makes a shared folder without members and quota.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name that is no name of a folder, is longer than
    /// [`SHARE_NAME_LEN_MAX_BYTES`], or has `@` or `:` (command lines tell accounts and paths by them);
    /// [`StoreError::Exists`].
    pub fn add_share(&mut self, name: &str) -> Result<ShareId, StoreError> {
        check_name(name)?;
        if name.len() > SHARE_NAME_LEN_MAX_BYTES || name.contains(['@', ':']) {
            return Err(StoreError::Invalid(
                "a shared folder's name has at most 64 bytes, and neither @ nor :",
            ));
        }
        self.lock_directory()?;
        if self.share_by_name(name)?.is_some() {
            return Err(StoreError::Exists("shared folder"));
        }
        let id = ShareId(self.next_number("share")?);
        let sql = "INSERT INTO file_share (share_id, name, quota_bytes, used_bytes, created_ms)
                   VALUES (?1, ?2, NULL, 0, ?3)";
        self.db.execute(sql, params![id, name, unix_ms()])?;
        Ok(id)
    }

    /// Removes an empty shared folder with its list of members.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`]; empty it with [`Tx::remove_some`] first. [`Missing::Share`].
    pub fn remove_share(&mut self, id: ShareId) -> Result<(), StoreError> {
        self.lock_directory()?;
        let area = AreaId::Share(id);
        self.lock_area(area)?;
        let sql = "SELECT 1 FROM file_entry WHERE area_id = ?1 LIMIT 1";
        if self.db.number(sql, params![area])?.is_some() {
            return Err(StoreError::NotEmpty);
        }
        self.drop_parts_of_area(area)?;
        self.db.execute("DELETE FROM file_share_member WHERE share_id = ?1", params![id])?;
        self.must_change("DELETE FROM file_share WHERE share_id = ?1", params![id], Missing::Share)
    }

    /// Makes an account a member, or changes what a member may do.
    ///
    /// # Errors
    /// [`Missing::Share`], [`Missing::Account`].
    pub fn set_share_member(
        &mut self,
        id: ShareId,
        account: AccountId,
        may_write: bool,
    ) -> Result<(), StoreError> {
        self.lock_directory()?;
        self.lock_area(AreaId::Share(id))?;
        if self.account(account)?.is_none() {
            return Err(StoreError::Missing(Missing::Account));
        }
        let sql = "INSERT INTO file_share_member (account_id, share_id, may_write) VALUES (?1, ?2, ?3)
                   ON CONFLICT (account_id, share_id) DO UPDATE SET may_write = ?3";
        self.db.execute(sql, params![account, id, i64::from(may_write)])?;
        Ok(())
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// [`Missing::Account`] if it is no member.
    pub fn remove_share_member(&mut self, id: ShareId, account: AccountId) -> Result<(), StoreError> {
        let sql = "DELETE FROM file_share_member WHERE share_id = ?1 AND account_id = ?2";
        self.must_change(sql, params![id, account], Missing::Account)
    }

    /// Sets what a shared folder may hold in bytes; nothing: no limit. What is there stays.
    ///
    /// # Errors
    /// [`Missing::Share`].
    pub fn set_share_quota(&mut self, id: ShareId, quota_bytes: Option<u64>) -> Result<(), StoreError> {
        let sql = "UPDATE file_share SET quota_bytes = ?2 WHERE share_id = ?1";
        self.must_change(sql, params![id, quota_bytes], Missing::Share)
    }
}
