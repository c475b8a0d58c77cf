//! What a job sees: [`View`] to read, [`Tx`] to read and change.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::blobs::BlobFile;
use crate::error::StoreError;
use crate::id::{AccountId, ModSeq};
use crate::moment::Moment;
use crate::shared::Shared;
use crate::sql::{Db, params};

/// One consistent state of the store, for reading. Every question asked of one view sees the same
/// moment.
pub struct View<'a> {
    pub(crate) db: Db<'a>,
    pub(crate) shared: &'a Shared,
    /// True if what is seen is committed, so that it may be remembered beyond this view.
    pub(crate) committed: bool,
    /// The state that is seen, if it is known to be that of other views.
    pub(crate) moment: Option<Moment>,
}

impl View<'_> {
    /// Which state is seen. A later view of the same moment sees exactly the same, so that what was read from
    /// this one needs no second look. Nothing where that cannot be told: while something is being
    /// committed, within a transaction, and with PostgreSQL, where others commit, too.
    pub fn moment(&self) -> Option<Moment> {
        self.moment
    }
}

/// A transaction: all of [`View`], and changes. They become visible to others, all at once, after
/// the job returned `Ok` and the commit was synced.
///
/// With SQLite jobs run one after the other. With PostgreSQL several run at once; once a job has changed
/// or locked ([`Tx::lock`]) an account, nobody else changes it before the commit, but what it read
/// before that may have changed since.
pub struct Tx<'a> {
    view: View<'a>,
    pub(crate) effects: Effects,
}

/// What remains to be done outside the database once the changes are committed.
#[derive(Default)]
pub(crate) struct Effects {
    /// Accounts whose modseq moved.
    pub touched: BTreeMap<AccountId, ModSeq>,
    /// True if the queue got an entry or one became due.
    pub queue_touched: bool,
    /// The last change of any zone; 0: none changed.
    pub zones_touched: u64,
    /// Content files and objects that a row now names.
    pub adopted: Vec<Arc<BlobFile>>,
    /// Content files and objects that no row names any more.
    pub dropped_files: Vec<String>,
}

impl Effects {
    /// Takes over the effects of another job of the same commit.
    pub fn append(&mut self, other: Effects) {
        self.touched.extend(other.touched);
        self.queue_touched |= other.queue_touched;
        self.zones_touched = self.zones_touched.max(other.zones_touched);
        self.adopted.extend(other.adopted);
        self.dropped_files.extend(other.dropped_files);
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn new(db: Db<'a>, shared: &'a Shared) -> Tx<'a> {
        Tx { view: View { db, shared, committed: false, moment: None }, effects: Effects::default() }
    }

    /// Moves the account's modseq by one, which also keeps other writers off the account until the
    /// commit. Every change of an account begins with this.
    pub(crate) fn bump(&mut self, account: AccountId) -> Result<ModSeq, StoreError> {
        let sql = "UPDATE account SET modseq = modseq + 1 WHERE account_id = ?1 RETURNING modseq";
        let found = self.db.row(sql, params![account], |row| row.count(0))?;
        let modseq = ModSeq(found.ok_or(StoreError::Missing(crate::Missing::Account))?);
        self.effects.touched.insert(account, modseq);
        Ok(modseq)
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;
    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl<'a> DerefMut for Tx<'a> {
    fn deref_mut(&mut self) -> &mut View<'a> {
        &mut self.view
    }
}
