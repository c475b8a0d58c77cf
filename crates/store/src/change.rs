//! Changes of many messages at once: marks, expunge, copy, move.

use std::ops::ControlFlow;

use crate::error::{Missing, StoreError};
use crate::id::{AccountId, BlobId, MailboxId, MessageId, ModSeq, Uid};
use crate::marks::{FlagChange, FlagOp, Flags, Keywords};
use crate::message::FIRST_UID;
use crate::placement::{Delta, Placement, PlacementOwned};
use crate::ranges::{RangeSet, UidRange};
use crate::shared::unix_ms;
use crate::sql::params;
use crate::view::Tx;

/// What became of a change of marks. The three lists together are all messages in the ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Placements with other marks than before, as they are now.
    pub changed: Vec<PlacementOwned>,
    /// Placements that had these marks before; their modseq did not move.
    pub unchanged: Vec<PlacementOwned>,
    /// UIDs that were changed by others after `unchanged_since` and hence left alone (RFC 7162
    /// §3.1.3, MODIFIED).
    pub modified_refused: Vec<Uid>,
}

/// What was expunged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expunged {
    /// The UIDs, ascending.
    pub uids: Vec<Uid>,
    /// The modseq of the change; if nothing was expunged, the mailbox's highest.
    pub modseq: ModSeq,
}

/// What was copied or moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the target.
    pub uidvalidity: u32,
    /// Source UID and target UID, ascending by both.
    pub pairs: Vec<(Uid, Uid)>,
    /// The modseq of the change; if nothing was copied, the source's highest.
    pub modseq: ModSeq,
}

impl Tx<'_> {
    /// Keeps other writers off the account until the commit, without moving its modseq. All changes of an
    /// account begin so by themselves; a job needs it only if what it reads before its first
    /// change must still hold then (see [`Tx`]).
    ///
    /// # Errors
    /// [`Missing::Account`], with PostgreSQL only.
    pub fn lock(&mut self, account: AccountId) -> Result<(), StoreError> {
        // With SQLite there is no other writer.
        if !self.db.is_postgres() {
            return Ok(());
        }
        let sql = "SELECT modseq FROM account WHERE account_id = ?1 FOR UPDATE";
        self.db.number(sql, params![account])?.map(|_| ()).ok_or(StoreError::Missing(Missing::Account))
    }

    /// Changes the marks of the messages in `ranges`, except those changed after `unchanged_since`.
    /// A message that already has the marks keeps its modseq; all others get the same new one.
    ///
    /// # Errors
    /// [`Missing::Mailbox`], [`StoreError::Exhausted`] for too many keywords.
    pub fn change_flags(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        ranges: &[UidRange],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Changes, StoreError> {
        self.lock(account)?;
        self.need_mailbox(account, mailbox)?;
        let keywords = match change.op {
            FlagOp::Remove => change.keywords.clone(),
            FlagOp::Add | FlagOp::Replace => self.learn_keywords(account, mailbox, &change.keywords)?,
        };
        let change = FlagChange { keywords, ..change.clone() };
        let mut changes = Changes::default();
        let mut old_flags = Vec::new();
        self.placements(account, mailbox, ranges, &mut |found| {
            if unchanged_since.is_some_and(|since| found.modseq > since) {
                changes.modified_refused.push(found.uid);
                return ControlFlow::Continue(());
            }
            let (before, mut after) = (found.flags, found.to_owned());
            (after.flags, after.keywords) = change.apply(found.flags, &after.keywords);
            if after.flags == before && after.keywords.as_str() == found.keywords {
                changes.unchanged.push(after);
            } else {
                old_flags.push(before);
                changes.changed.push(after);
            }
            ControlFlow::Continue(())
        })?;
        if changes.changed.is_empty() {
            return Ok(changes);
        }
        let modseq = self.bump(account)?;
        let mut delta = Delta::default();
        for (now, before) in changes.changed.iter_mut().zip(old_flags) {
            now.modseq = modseq;
            delta.count(-1, before, 0);
            delta.count(1, now.flags, 0);
            self.write_marks(account, mailbox, now)?;
        }
        self.apply(account, mailbox, modseq, delta)?;
        Ok(changes)
    }

    fn write_marks(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        now: &PlacementOwned,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE placement SET flags = ?4, keywords = ?5, modseq = ?6
                   WHERE account_id = ?1 AND mailbox_id = ?2 AND uid = ?3";
        let keywords = Some(now.keywords.as_str()).filter(|keywords| !keywords.is_empty());
        self.db.execute(sql, params![account, mailbox, now.uid, now.flags.0, keywords, now.modseq])?;
        Ok(())
    }

    /// Expunges the messages with `\Deleted`, all or those in `ranges` (UID EXPUNGE, RFC 4315 §2.1).
    /// The modseq does not move if there are none.
    ///
    /// # Errors
    /// [`Missing::Mailbox`].
    pub fn expunge(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        ranges: Option<&[UidRange]>,
    ) -> Result<Expunged, StoreError> {
        self.lock(account)?;
        let found = self.need_mailbox(account, mailbox)?;
        if found.deleted_count == 0 {
            return Ok(Expunged { uids: Vec::new(), modseq: found.highest_modseq });
        }
        let mut going = Vec::new();
        self.placements(account, mailbox, ranges.unwrap_or(&[1..=u32::MAX]), &mut |message| {
            if message.flags.contains(Flags::DELETED) {
                going.push(message.to_owned());
            }
            ControlFlow::Continue(())
        })?;
        let modseq = if going.is_empty() { found.highest_modseq } else { self.bump(account)? };
        self.take_out(account, mailbox, modseq, &going)?;
        for message in &going {
            self.drop_message(account, message.message_id)?;
        }
        Ok(Expunged { uids: going.iter().map(|message| message.uid).collect(), modseq })
    }

    /// Removes the messages in `ranges` at once, whatever their flags (POP3 QUIT, JMAP destroy).
    ///
    /// # Errors
    /// [`Missing::Mailbox`].
    pub fn remove_messages(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        ranges: &[UidRange],
    ) -> Result<Expunged, StoreError> {
        self.lock(account)?;
        let found = self.need_mailbox(account, mailbox)?;
        let going = self.placements_owned(account, mailbox, ranges)?;
        let modseq = if going.is_empty() { found.highest_modseq } else { self.bump(account)? };
        self.take_out(account, mailbox, modseq, &going)?;
        for message in &going {
            self.drop_message(account, message.message_id)?;
        }
        Ok(Expunged { uids: going.iter().map(|message| message.uid).collect(), modseq })
    }

    /// Removes placements and leaves tombstones; the messages stay.
    fn take_out(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        modseq: ModSeq,
        going: &[PlacementOwned],
    ) -> Result<(), StoreError> {
        if going.is_empty() {
            return Ok(());
        }
        let (mut delta, mut uids) = (Delta::default(), RangeSet::default());
        for message in going {
            delta.count(-1, message.flags, message.size_bytes);
            uids.push_range(message.uid.get(), message.uid.get());
            let sql = "DELETE FROM placement WHERE account_id = ?1 AND mailbox_id = ?2 AND uid = ?3";
            self.db.execute(sql, params![account, mailbox, message.uid])?;
        }
        for range in uids.into_vec() {
            let sql = "INSERT INTO tombstone (account_id, mailbox_id, modseq, uid, last_uid)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            self.db.execute(sql, params![account, mailbox, modseq, *range.start(), *range.end()])?;
        }
        self.apply(account, mailbox, modseq, delta)
    }

    /// Removes all placements of a mailbox that is being deleted, without tombstones.
    pub(crate) fn drop_all_placements(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM placement WHERE account_id = ?1 AND mailbox_id = ?2 RETURNING message_id";
        let messages = self.db.list(sql, params![account, mailbox], |row| Ok(MessageId(row.int(0)?)))?;
        for message in messages {
            self.drop_message(account, message)?;
        }
        Ok(())
    }

    /// Copies messages into a mailbox (which may be the same). Each copy is a new message on the
    /// same content, with the marks of the original (RFC 9051 §6.4.7).
    ///
    /// # Errors
    /// [`Missing::Mailbox`] for either mailbox, [`StoreError::OverQuota`]: nothing is copied.
    pub fn copy(
        &mut self,
        account: AccountId,
        from: MailboxId,
        ranges: &[UidRange],
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        self.lock(account)?;
        let source = self.need_mailbox(account, from)?;
        let target = self.need_mailbox(account, to)?;
        let originals = self.placements_owned(account, from, ranges)?;
        let mut copied =
            Copied { uidvalidity: target.uidvalidity, pairs: Vec::new(), modseq: source.highest_modseq };
        if originals.is_empty() {
            return Ok(copied);
        }
        let mut union = Keywords::NONE;
        for original in &originals {
            union = union.union(&original.keywords);
        }
        self.learn_keywords(account, to, &union)?;
        let size_bytes = originals.iter().map(|original| original.size_bytes).sum();
        let (modseq, first) = self.charge(account, to, size_bytes, originals.len() as u32)?;
        copied.modseq = modseq;
        let saved_ms = unix_ms();
        for (n, original) in (0..).zip(&originals) {
            let message_id = MessageId(first.get() + n);
            self.copy_message(account, original.message_id, message_id)?;
            let keywords = original.keywords.as_str();
            let marks =
                Placement { uid: FIRST_UID, message_id, modseq, keywords, saved_ms, ..original.borrow() };
            copied.pairs.push((original.uid, self.place(account, to, marks)?.0));
        }
        Ok(copied)
    }

    fn copy_message(&mut self, account: AccountId, from: MessageId, to: MessageId) -> Result<(), StoreError> {
        let sql = "INSERT INTO message (account_id, message_id, blob_id, size_bytes, received_ms, thread_id, trace_id,
                   prefix, overview, ascii_size_bytes, crlf_size_bytes)
                   SELECT account_id, ?3, blob_id, size_bytes, received_ms, ?3, trace_id, prefix, overview, ascii_size_bytes,
                   crlf_size_bytes
                   FROM message WHERE account_id = ?1 AND message_id = ?2 RETURNING blob_id";
        let blob = self.db.number(sql, params![account, from, to])?;
        let blob = blob
            .ok_or_else(|| StoreError::Corrupt(format!("message {from} of account {account} is missing")))?;
        self.share_blob(BlobId(blob))
    }

    /// Moves messages into another mailbox; they stay the same messages (RFC 6851, RFC 8474 §5.2).
    ///
    /// # Errors
    /// [`Missing::Mailbox`] for either mailbox, [`StoreError::Exhausted`].
    pub fn move_messages(
        &mut self,
        account: AccountId,
        from: MailboxId,
        ranges: &[UidRange],
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        self.lock(account)?;
        let source = self.need_mailbox(account, from)?;
        let target = self.need_mailbox(account, to)?;
        let going = self.placements_owned(account, from, ranges)?;
        let mut moved =
            Copied { uidvalidity: target.uidvalidity, pairs: Vec::new(), modseq: source.highest_modseq };
        if going.is_empty() {
            return Ok(moved);
        }
        if u64::from(target.uidnext) + going.len() as u64 > u64::from(u32::MAX) {
            return Err(StoreError::Exhausted("UIDs"));
        }
        let mut union = Keywords::NONE;
        for message in &going {
            union = union.union(&message.keywords);
        }
        self.learn_keywords(account, to, &union)?;
        moved.modseq = self.bump(account)?;
        self.take_out(account, from, moved.modseq, &going)?;
        let saved_ms = unix_ms();
        for message in &going {
            let marks = Placement { uid: FIRST_UID, modseq: moved.modseq, saved_ms, ..message.borrow() };
            moved.pairs.push((message.uid, self.place(account, to, marks)?.0));
        }
        Ok(moved)
    }
}
