//! Placements: which message stands in which mailbox, under which UID, with which marks.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{Missing, StoreError};
use crate::id::{AccountId, MailboxId, MessageId, ModSeq, Uid};
use crate::marks::{Flags, KEYWORDS_PER_MAILBOX_MAX, Keywords};
use crate::ranges::{RangeSet, UidRange, normalize};
use crate::sql::{Row, params};
use crate::uid_cache::KnownUids;
use crate::view::{Tx, View};

/// A message's place in a mailbox and its marks there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement<'a> {
    /// Its number in the mailbox.
    pub uid: Uid,
    /// Its number in the account.
    pub message_id: MessageId,
    /// When this placement was last changed.
    pub modseq: ModSeq,
    /// Its system flags.
    pub flags: Flags,
    /// Its keywords with single spaces between them; empty for none.
    pub keywords: &'a str,
    /// When the message was received (INTERNALDATE), in Unix milliseconds.
    pub received_ms: i64,
    /// Its length in bytes (RFC822.SIZE).
    pub size_bytes: u64,
    /// When it came into this mailbox (SAVEDATE, RFC 8514), in Unix milliseconds.
    pub saved_ms: i64,
}

/// A [`Placement`] that owns its keywords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementOwned {
    /// Its number in the mailbox.
    pub uid: Uid,
    /// Its number in the account.
    pub message_id: MessageId,
    /// When this placement was last changed.
    pub modseq: ModSeq,
    /// Its system flags.
    pub flags: Flags,
    /// Its keywords.
    pub keywords: Keywords,
    /// When the message was received (INTERNALDATE), in Unix milliseconds.
    pub received_ms: i64,
    /// Its length in bytes (RFC822.SIZE).
    pub size_bytes: u64,
    /// When it came into this mailbox (SAVEDATE, RFC 8514), in Unix milliseconds.
    pub saved_ms: i64,
}

impl Placement<'_> {
    /// A copy that owns its keywords.
    pub fn to_owned(&self) -> PlacementOwned {
        PlacementOwned {
            uid: self.uid,
            message_id: self.message_id,
            modseq: self.modseq,
            flags: self.flags,
            keywords: Keywords::from_stored(self.keywords),
            received_ms: self.received_ms,
            size_bytes: self.size_bytes,
            saved_ms: self.saved_ms,
        }
    }
}

impl PlacementOwned {
    /// The same, borrowed.
    pub fn borrow(&self) -> Placement<'_> {
        Placement {
            uid: self.uid,
            message_id: self.message_id,
            modseq: self.modseq,
            flags: self.flags,
            keywords: self.keywords.as_str(),
            received_ms: self.received_ms,
            size_bytes: self.size_bytes,
            saved_ms: self.saved_ms,
        }
    }
}

/// What happened in a mailbox after a modseq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Placements that came or changed, ascending by UID.
    pub changed: Vec<PlacementOwned>,
    /// UIDs that were expunged; may name some that came after the modseq, too.
    pub vanished: Vec<UidRange>,
    /// False if expunges so long ago are forgotten: then compare with [`View::uids`].
    pub complete: bool,
}

/// How many of the newest placements are looked at first for those that came after a modseq; usually
/// one came, and PostgreSQL sends all it was asked for.
const CAME_FIRST_LOOK: u32 = 8;

/// How many columns [`placement`] reads.
pub(crate) const PLACEMENT_COLUMNS: usize = 8;

/// Reads the columns uid, message_id, modseq, flags, keywords, received_ms, size_bytes, saved_ms.
pub(crate) fn placement<'a>(row: &'a Row<'_>) -> Result<Placement<'a>, StoreError> {
    let uid = Uid::new(row.small(0)?).ok_or_else(|| StoreError::Corrupt("a UID is zero".to_owned()))?;
    let flags = u8::try_from(row.int(3)?).map_err(|_| StoreError::Corrupt(format!("flags of UID {uid}")))?;
    Ok(Placement {
        uid,
        message_id: MessageId(row.int(1)?),
        modseq: ModSeq(row.count(2)?),
        flags: Flags(flags),
        keywords: row.opt_text(4)?.unwrap_or_default(),
        received_ms: row.int(5)?,
        size_bytes: row.count(6)?,
        saved_ms: row.int(7)?,
    })
}

/// How a mailbox's sums change.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delta {
    pub exists: i64,
    pub unseen: i64,
    pub deleted: i64,
    pub size_bytes: i64,
}

impl Delta {
    /// Counts one placement with `flags`; `sign` is 1 for one that comes, -1 for one that goes.
    pub fn count(&mut self, sign: i64, flags: Flags, size_bytes: u64) {
        self.exists += sign;
        self.unseen += if flags.contains(Flags::SEEN) { 0 } else { sign };
        self.deleted += if flags.contains(Flags::DELETED) { sign } else { 0 };
        self.size_bytes += sign * size_bytes.cast_signed();
    }
}

impl View<'_> {
    /// Visits the placements of a mailbox in `ranges`, ascending by UID, until the visitor breaks
    /// off. What it is shown is borrowed. Reads no message rows.
    pub fn placements(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        ranges: &[UidRange],
        visit: &mut dyn FnMut(Placement<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT uid, message_id, modseq, flags, keywords, received_ms, size_bytes, saved_ms FROM placement
                   WHERE account_id = ?1 AND mailbox_id = ?2 AND uid BETWEEN ?3 AND ?4 ORDER BY uid";
        for range in normalize(ranges) {
            let mut flow = ControlFlow::Continue(());
            self.db.each(sql, params![account, mailbox, *range.start(), *range.end()], &mut |row| {
                flow = visit(placement(row)?);
                Ok(flow)
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The placements of a mailbox in `ranges`, ascending by UID.
    pub fn placements_owned(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        ranges: &[UidRange],
    ) -> Result<Vec<PlacementOwned>, StoreError> {
        let mut list = Vec::new();
        self.placements(account, mailbox, ranges, &mut |found| {
            list.push(found.to_owned());
            ControlFlow::Continue(())
        })?;
        Ok(list)
    }

    /// The UIDs of a mailbox, as ascending ranges that do not touch. Kept in memory: only the first
    /// call for a mailbox reads all its placements (some 0.2 µs each: with 100 000 or more in
    /// [`crate::Mailbox::exists_count`], ask through [`crate::Store::read_long`]), later ones what changed since.
    ///
    /// # Errors
    /// [`Missing::Mailbox`].
    pub fn uids(&mut self, account: AccountId, mailbox: MailboxId) -> Result<Vec<UidRange>, StoreError> {
        let sql = "SELECT highest_modseq, tombstone_floor_modseq FROM mailbox WHERE account_id = ?1 AND mailbox_id = ?2";
        let found = self.db.row(sql, params![account, mailbox], |row| Ok((row.count(0)?, row.count(1)?)))?;
        let (now, floor) = found.ok_or(StoreError::Missing(Missing::Mailbox))?;
        let known = match self.shared.uid_cache.get(account, mailbox) {
            Some(known) if known.at.get() == now => return Ok(known.uids.as_slice().to_vec()),
            Some(known) if known.at.get() < now && known.at.get() >= floor => {
                self.catch_up(account, mailbox, known)?
            }
            _ => self.scan_uids(account, mailbox)?,
        };
        let known = KnownUids { at: ModSeq(now), uids: known.uids };
        let list = known.uids.as_slice().to_vec();
        if self.committed {
            self.shared.uid_cache.put(account, mailbox, known);
        }
        Ok(list)
    }

    fn scan_uids(&mut self, account: AccountId, mailbox: MailboxId) -> Result<KnownUids, StoreError> {
        let mut uids = RangeSet::default();
        let sql = "SELECT uid FROM placement WHERE account_id = ?1 AND mailbox_id = ?2 ORDER BY uid";
        self.db.each(sql, params![account, mailbox], &mut |row| {
            let uid = row.small(0)?;
            uids.push_range(uid, uid);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(KnownUids { at: ModSeq(0), uids: Arc::new(uids) })
    }

    fn catch_up(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        known: KnownUids,
    ) -> Result<KnownUids, StoreError> {
        let mut uids = Arc::unwrap_or_clone(known.uids);
        self.each_since(account, mailbox, known.at, &mut |found| {
            uids.insert(found.uid.get());
        })?;
        for range in self.vanished(account, mailbox, known.at)? {
            uids.remove(*range.start(), *range.end());
        }
        Ok(KnownUids { at: known.at, uids: Arc::new(uids) })
    }

    fn vanished(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Vec<UidRange>, StoreError> {
        let sql =
            "SELECT uid, last_uid FROM tombstone WHERE account_id = ?1 AND mailbox_id = ?2 AND modseq > ?3";
        let list =
            self.db.list(sql, params![account, mailbox, since], |row| Ok(row.small(0)?..=row.small(1)?))?;
        Ok(normalize(&list))
    }

    /// What happened in a mailbox after `since` (RFC 7162 §3.2).
    ///
    /// # Errors
    /// [`Missing::Mailbox`].
    pub fn changes_since(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Since, StoreError> {
        let floor = self.need_mailbox(account, mailbox)?.tombstone_floor;
        let mut changed = Vec::new();
        self.each_since(account, mailbox, since, &mut |found| changed.push(found.to_owned()))?;
        changed.sort_unstable_by_key(|found| found.uid);
        Ok(Since { changed, vanished: self.vanished(account, mailbox, since)?, complete: since >= floor })
    }

    /// Visits each placement that came or changed after `since`, in no order. UIDs are given in the order
    /// of modseqs, so what came stands at the end of the mailbox; what changed after it came is listed by
    /// modseq.
    fn each_since(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
        visit: &mut dyn FnMut(&Placement<'_>),
    ) -> Result<(), StoreError> {
        let sql = "SELECT uid, message_id, modseq, flags, keywords, received_ms, size_bytes, saved_ms, added_modseq
                   FROM placement WHERE account_id = ?1 AND mailbox_id = ?2 AND uid < ?3 ORDER BY uid DESC LIMIT ?4";
        let (mut below, mut limit) = (u32::MAX, CAME_FIRST_LOOK);
        loop {
            let mut left = limit;
            self.db.each(sql, params![account, mailbox, below, limit], &mut |row| {
                if row.count(PLACEMENT_COLUMNS)? <= since.get() {
                    return Ok(ControlFlow::Break(()));
                }
                let found = placement(row)?;
                (below, left) = (found.uid.get(), left - 1);
                visit(&found);
                Ok(ControlFlow::Continue(()))
            })?;
            if left > 0 {
                break;
            }
            limit = limit.saturating_mul(8);
        }
        let sql = "SELECT uid, message_id, modseq, flags, keywords, received_ms, size_bytes, saved_ms FROM placement
                   WHERE account_id = ?1 AND mailbox_id = ?2 AND modseq > ?3 AND modseq <> added_modseq
                   AND added_modseq <= ?3";
        self.db.each(sql, params![account, mailbox, since], &mut |row| {
            visit(&placement(row)?);
            Ok(ControlFlow::Continue(()))
        })
    }
}

impl Tx<'_> {
    /// Puts a message into a mailbox under its next UID; `marks.uid` is not looked at.
    pub(crate) fn place(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        marks: Placement<'_>,
    ) -> Result<(Uid, u32), StoreError> {
        let sql = "UPDATE mailbox SET uidnext = uidnext + 1, exists_count = exists_count + 1,
                   unseen_count = unseen_count + ?3, deleted_count = deleted_count + ?4,
                   size_bytes = size_bytes + ?5, highest_modseq = ?6
                   WHERE account_id = ?1 AND mailbox_id = ?2 RETURNING uidnext - 1, uidvalidity";
        let mut delta = Delta::default();
        delta.count(1, marks.flags, marks.size_bytes);
        let values = params![account, mailbox, delta.unseen, delta.deleted, delta.size_bytes, marks.modseq];
        let given = self.db.row(sql, values, |row| Ok((row.small(0)?, row.small(1)?)))?;
        let (uid, uidvalidity) = given.ok_or(StoreError::Missing(Missing::Mailbox))?;
        let uid = Uid::new(uid).ok_or_else(|| StoreError::Corrupt("UIDNEXT is zero".to_owned()))?;
        let sql = "INSERT INTO placement (account_id, mailbox_id, uid, message_id, modseq, flags, keywords, received_ms,
                   size_bytes, saved_ms, added_modseq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?5)";
        let keywords = Some(marks.keywords).filter(|keywords| !keywords.is_empty());
        let Placement { message_id, modseq, flags, received_ms, size_bytes, saved_ms, .. } = marks;
        let values = params![
            account,
            mailbox,
            uid,
            message_id,
            modseq,
            flags.0,
            keywords,
            received_ms,
            size_bytes,
            saved_ms
        ];
        self.db.execute(sql, values)?;
        Ok((uid, uidvalidity))
    }

    /// Changes a mailbox's sums and the modseq it stands at.
    pub(crate) fn apply(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        modseq: ModSeq,
        delta: Delta,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE mailbox SET exists_count = exists_count + ?3, unseen_count = unseen_count + ?4,
                   deleted_count = deleted_count + ?5, size_bytes = size_bytes + ?6, highest_modseq = ?7
                   WHERE account_id = ?1 AND mailbox_id = ?2";
        let values =
            params![account, mailbox, delta.exists, delta.unseen, delta.deleted, delta.size_bytes, modseq];
        self.must_change(sql, values, Missing::Mailbox)
    }

    /// Adds keywords to those the mailbox knows, and gives them in the spelling it knows.
    pub(crate) fn learn_keywords(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        keywords: &Keywords,
    ) -> Result<Keywords, StoreError> {
        if keywords.is_empty() {
            return Ok(Keywords::NONE);
        }
        let mut known = self.keywords(account, mailbox)?;
        let mut spelled = Vec::new();
        for name in keywords.iter() {
            if let Some(found) = known.iter().find(|found| found.eq_ignore_ascii_case(name)) {
                spelled.push(found.clone());
                continue;
            }
            if known.len() >= KEYWORDS_PER_MAILBOX_MAX {
                return Err(StoreError::Exhausted("keywords"));
            }
            let sql = "INSERT INTO keyword (account_id, mailbox_id, name) VALUES (?1, ?2, ?3)
                       ON CONFLICT (account_id, mailbox_id, name) DO NOTHING";
            self.db.execute(sql, params![account, mailbox, name])?;
            known.push(name.to_owned());
            spelled.push(name.to_owned());
        }
        Ok(Keywords::from_distinct(spelled.iter().map(String::as_str).collect()))
    }

    /// Gives the first UID of the mailbox that no session was told of as `\Recent` yet (RFC 3501
    /// §2.3.2), and counts all up to now as told.
    ///
    /// # Errors
    /// [`Missing::Mailbox`].
    pub fn claim_recent(&mut self, account: AccountId, mailbox: MailboxId) -> Result<u32, StoreError> {
        self.lock(account)?;
        let found = self.need_mailbox(account, mailbox)?;
        if found.recent_uid != found.uidnext {
            let sql = "UPDATE mailbox SET recent_uid = uidnext WHERE account_id = ?1 AND mailbox_id = ?2";
            self.db.execute(sql, params![account, mailbox])?;
        }
        Ok(found.recent_uid)
    }

    /// Forgets which UIDs were expunged at or before `floor`. Clients that were away for longer
    /// then compare all UIDs.
    ///
    /// # Errors
    /// [`Missing::Mailbox`].
    pub fn trim_tombstones(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        floor: ModSeq,
    ) -> Result<(), StoreError> {
        self.lock(account)?;
        let sql = "UPDATE mailbox SET tombstone_floor_modseq = ?3
                   WHERE account_id = ?1 AND mailbox_id = ?2 AND tombstone_floor_modseq < ?3";
        let found = self.need_mailbox(account, mailbox)?;
        let floor = floor.min(found.highest_modseq);
        self.db.execute(sql, params![account, mailbox, floor])?;
        let sql = "DELETE FROM tombstone WHERE account_id = ?1 AND mailbox_id = ?2 AND modseq <= ?3";
        self.db.execute(sql, params![account, mailbox, floor])?;
        Ok(())
    }

    /// Forgets the oldest tombstones of mailboxes that have more than `kept` rows of them, at most `max`
    /// mailboxes at once, and says of how many.
    pub fn trim_many_tombstones(&mut self, kept: u32, max: u32) -> Result<u32, StoreError> {
        let sql = "SELECT account_id, mailbox_id FROM tombstone GROUP BY account_id, mailbox_id
                   HAVING COUNT(*) > ?1 LIMIT ?2";
        let full = self
            .db
            .list(sql, params![kept, max], |row| Ok((AccountId(row.int(0)?), MailboxId(row.int(1)?))))?;
        for (account, mailbox) in &full {
            let sql = "SELECT modseq FROM tombstone WHERE account_id = ?1 AND mailbox_id = ?2
                       ORDER BY modseq DESC, uid DESC LIMIT 1 OFFSET ?3";
            if let Some(floor) = self.db.number(sql, params![*account, *mailbox, kept])? {
                self.trim_tombstones(*account, *mailbox, ModSeq(floor.cast_unsigned()))?;
            }
        }
        Ok(u32::try_from(full.len()).unwrap_or(max))
    }
}
