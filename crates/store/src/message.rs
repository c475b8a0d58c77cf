//! Messages: immutable, with content shared by digest.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::blob::{NO_MESSAGE, PreparedBlob, restore_row};
use crate::error::{Missing, StoreError};
use crate::id::{AccountId, BlobId, MailboxId, MessageId, ModSeq, TraceId, Uid};
use crate::marks::{Flags, Keywords};
use crate::placement::{PLACEMENT_COLUMNS, Placement, placement};
use crate::ranges::{UidRange, normalize};
use crate::shared::{timed_id, unix_ms};
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// A message to be added to a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    /// The content, the same for all recipients.
    pub blob: &'a PreparedBlob,
    /// Bytes before the content, of this recipient alone (Return-Path, Delivered-To), with line ends.
    pub prefix: &'a [u8],
    /// When it was received (INTERNALDATE), in Unix milliseconds.
    pub received_ms: i64,
    /// The system flags it starts with.
    pub flags: Flags,
    /// The keywords it starts with.
    pub keywords: &'a Keywords,
    /// What lists need (envelope, structure, preview), in a form the caller chooses; of `prefix` and
    /// content together.
    pub overview: &'a [u8],
    /// The trace of how it came here.
    pub trace_id: TraceId,
    /// How long it is in other forms.
    pub other_sizes: OtherSizes,
}

/// How long a message is in forms in which it is shown to some, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherSizes {
    /// With every line ended by CRLF, the last one too (RFC 1939 §11), if that is not its size.
    pub crlf_bytes: Option<u64>,
    /// If its header has bytes outside of ASCII: in the form for those who cannot read them (RFC 6856 §2.1).
    pub ascii_bytes: Option<u64>,
}

/// What became of a message that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Its number in the mailbox.
    pub uid: Uid,
    /// The mailbox's UIDVALIDITY.
    pub uidvalidity: u32,
    /// Its number in the account.
    pub message_id: MessageId,
    /// The modseq of the change.
    pub modseq: ModSeq,
}

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its number.
    pub id: MessageId,
    /// Its content; equal for equal content.
    pub blob: BlobId,
    /// Length in bytes of prefix and content together.
    pub size_bytes: u64,
    /// When it was received (INTERNALDATE), in Unix milliseconds.
    pub received_ms: i64,
    /// The first message of its thread; for now itself.
    pub thread_id: MessageId,
    /// The trace of how it came here.
    pub trace_id: TraceId,
    /// Bytes before the content.
    pub prefix: Vec<u8>,
    /// As given in [`NewMessage::overview`].
    pub overview: Vec<u8>,
}

/// One line of a list: a placement and what lists need of its message.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Where the message stands, and its marks.
    pub placement: Placement<'a>,
    /// The first message of its thread.
    pub thread_id: MessageId,
    /// As given in [`NewMessage::overview`].
    pub overview: &'a [u8],
}

fn message(row: &Row<'_>) -> Result<StoredMessage, StoreError> {
    Ok(StoredMessage {
        id: MessageId(row.int(0)?),
        blob: BlobId(row.int(1)?),
        size_bytes: row.count(2)?,
        received_ms: row.int(3)?,
        thread_id: MessageId(row.int(4)?),
        trace_id: TraceId(row.count(5)?),
        prefix: row.blob(6)?.to_owned(),
        overview: row.blob(7)?.to_owned(),
    })
}

impl View<'_> {
    /// The message `id` of an account.
    pub fn message(
        &mut self,
        account: AccountId,
        id: MessageId,
    ) -> Result<Option<StoredMessage>, StoreError> {
        let sql = "SELECT message_id, blob_id, size_bytes, received_ms, thread_id, trace_id, prefix, overview
                   FROM message WHERE account_id = ?1 AND message_id = ?2";
        self.db.row(sql, params![account, id], message)
    }

    /// The bytes of a message, prefix and content.
    ///
    /// # Errors
    /// [`Missing::Message`]; [`StoreError::Away`] if the content has to be [brought](crate::Store::bring) first;
    /// [`StoreError::Corrupt`] if it is not what was stored.
    pub fn read_content(&mut self, account: AccountId, id: MessageId) -> Result<Vec<u8>, StoreError> {
        let mut out = Vec::new();
        self.content_into(account, id, &mut out)?;
        Ok(out)
    }

    /// Appends the bytes of a message to `out`; errors as [`View::read_content`].
    pub fn content_into(
        &mut self,
        account: AccountId,
        id: MessageId,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let (blobs, begin) = (self.shared.blobs.as_ref(), out.len());
        let sql = "SELECT c.file, c.data, m.size_bytes, m.prefix, m.blob_id FROM message m
                   LEFT JOIN content c ON c.blob_id = m.blob_id WHERE m.account_id = ?1 AND m.message_id = ?2";
        let found = self.db.row(sql, params![account, id], |row| {
            let prefix = row.blob(3)?;
            out.extend_from_slice(prefix);
            let size_bytes = row.count(2)?.saturating_sub(prefix.len() as u64);
            match restore_row(row, blobs, size_bytes, out)? {
                true => Ok(()),
                false => Err(StoreError::Corrupt(format!("content {} is missing", row.int(4)?))),
            }
        });
        // Who brings what is away asks again, with the same `out`.
        let found = found.inspect_err(|_| out.truncate(begin))?;
        found.ok_or(NO_MESSAGE)
    }

    /// The messages of an account that have other sizes; few, as a rule. Ascending by id.
    pub fn other_sizes(&mut self, account: AccountId) -> Result<Vec<(MessageId, OtherSizes)>, StoreError> {
        let ascii = "SELECT message_id, ascii_size_bytes FROM message
                     WHERE account_id = ?1 AND ascii_size_bytes IS NOT NULL ORDER BY message_id";
        let crlf = "SELECT message_id, crlf_size_bytes FROM message
                    WHERE account_id = ?1 AND crlf_size_bytes IS NOT NULL ORDER BY message_id";
        let [ascii, crlf] = [ascii, crlf]
            .map(|sql| self.db.list(sql, params![account], |row| Ok((MessageId(row.int(0)?), row.int(1)?))));
        let mut sizes: BTreeMap<MessageId, OtherSizes> = BTreeMap::new();
        for (id, bytes) in ascii? {
            sizes.entry(id).or_default().ascii_bytes = u64::try_from(bytes).ok();
        }
        for (id, bytes) in crlf? {
            sizes.entry(id).or_default().crlf_bytes = u64::try_from(bytes).ok();
        }
        Ok(sizes.into_iter().collect())
    }

    /// The first messages of a mailbox, at most `count_max`, that came before other sizes were kept and were
    /// not measured since.
    pub fn unmeasured(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        count_max: u64,
    ) -> Result<Vec<MessageId>, StoreError> {
        let sql = "SELECT message_id FROM message WHERE account_id = ?1 AND crlf_size_bytes IS NOT NULL
                   AND crlf_size_bytes < 0 AND message_id IN
                   (SELECT message_id FROM placement WHERE account_id = ?1 AND mailbox_id = ?2)
                   ORDER BY message_id LIMIT ?3";
        self.db.list(sql, params![account, mailbox, count_max], |row| Ok(MessageId(row.int(0)?)))
    }

    /// Visits the placements of a mailbox in `ranges`, ascending by UID, with what lists need of
    /// their messages, until the visitor breaks off. What it is shown is borrowed.
    pub fn listing(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        ranges: &[UidRange],
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT p.uid, p.message_id, p.modseq, p.flags, p.keywords, p.received_ms, p.size_bytes, p.saved_ms,
                   m.thread_id, m.overview
                   FROM placement p JOIN message m ON m.account_id = p.account_id AND m.message_id = p.message_id
                   WHERE p.account_id = ?1 AND p.mailbox_id = ?2 AND p.uid BETWEEN ?3 AND ?4 ORDER BY p.uid";
        for range in normalize(ranges) {
            let mut flow = ControlFlow::Continue(());
            self.db.each(sql, params![account, mailbox, *range.start(), *range.end()], &mut |row| {
                flow = visit(Listed {
                    placement: placement(row)?,
                    thread_id: MessageId(row.int(PLACEMENT_COLUMNS)?),
                    overview: row.blob(PLACEMENT_COLUMNS + 1)?,
                });
                Ok(flow)
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Tx<'_> {
    /// Adds a message to a mailbox.
    ///
    /// # Errors
    /// [`StoreError::OverQuota`] and [`Missing`] leave the transaction as it was, so that a job may go
    /// on with other recipients.
    pub fn add_message(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        new: &NewMessage<'_>,
    ) -> Result<Added, StoreError> {
        self.add_under(account, mailbox, new, Fit::Whole)
    }

    /// Adds a message to a mailbox of an account whose quota has any room left, also if the message is larger than
    /// that room: for one that is shared with others, who must not be held up by it. As it is over its quota then,
    /// the next is not added.
    ///
    /// # Errors
    /// As [`Tx::add_message`].
    pub fn add_last_message(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        new: &NewMessage<'_>,
    ) -> Result<Added, StoreError> {
        self.add_under(account, mailbox, new, Fit::AnyRoom)
    }

    fn add_under(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        new: &NewMessage<'_>,
        fit: Fit,
    ) -> Result<Added, StoreError> {
        let mut keywords = Keywords::NONE;
        if !new.keywords.is_empty() {
            self.lock(account)?;
            self.need_mailbox(account, mailbox)?;
            keywords = self.learn_keywords(account, mailbox, new.keywords)?;
        }
        let size_bytes = new.prefix.len() as u64 + new.blob.size_bytes();
        let (modseq, message_id) = self.charge_under(account, mailbox, size_bytes, 1, fit)?;
        let blob = self.take_blob(new.blob)?;
        let sql = "INSERT INTO message (account_id, message_id, blob_id, size_bytes, received_ms, thread_id, trace_id,
                   prefix, overview, ascii_size_bytes, crlf_size_bytes)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?2, ?6, ?7, ?8, ?9, ?10)";
        let values = params![
            account,
            message_id,
            blob,
            size_bytes,
            new.received_ms,
            new.trace_id,
            new.prefix,
            new.overview,
            new.other_sizes.ascii_bytes,
            new.other_sizes.crlf_bytes
        ];
        self.db.execute(sql, values)?;
        let marks = Placement {
            uid: FIRST_UID,
            message_id,
            modseq,
            flags: new.flags,
            keywords: keywords.as_str(),
            received_ms: new.received_ms,
            size_bytes,
            saved_ms: unix_ms(),
        };
        let (uid, uidvalidity) = self.place(account, mailbox, marks)?;
        Ok(Added { uid, uidvalidity, message_id, modseq })
    }

    /// Sets what was found out about messages of an account; those that are gone are passed over.
    pub fn set_other_sizes(
        &mut self,
        account: AccountId,
        measured: &[(MessageId, OtherSizes)],
    ) -> Result<(), StoreError> {
        let sql = "UPDATE message SET ascii_size_bytes = ?3, crlf_size_bytes = ?4
                   WHERE account_id = ?1 AND message_id = ?2";
        for (id, sizes) in measured {
            self.db.execute(sql, params![account, *id, sizes.ascii_bytes, sizes.crlf_bytes])?;
        }
        Ok(())
    }

    /// Moves the account's modseq, gives the first of `messages` consecutive message ids and counts the size against the quota, all
    /// in the one statement that also locks the account; changes nothing if it fails.
    pub(crate) fn charge(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        size_bytes: u64,
        messages: u32,
    ) -> Result<(ModSeq, MessageId), StoreError> {
        self.charge_under(account, mailbox, size_bytes, messages, Fit::Whole)
    }

    fn charge_under(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        size_bytes: u64,
        messages: u32,
        fit: Fit,
    ) -> Result<(ModSeq, MessageId), StoreError> {
        let room_bytes = match fit {
            Fit::Whole => size_bytes,
            Fit::AnyRoom => size_bytes.min(1),
        };
        let sql =
            "UPDATE account SET modseq = modseq + 1, used_bytes = used_bytes + ?3, last_message_id = ?5 - 1
                   + CASE WHEN last_message_id >= ?4 THEN last_message_id + 1 ELSE ?4 END
                   WHERE account_id = ?1 AND (quota_bytes IS NULL OR used_bytes + ?6 <= quota_bytes)
                   AND EXISTS (SELECT 1 FROM mailbox
                               WHERE account_id = ?1 AND mailbox_id = ?2 AND uidnext + ?5 <= 4294967295)
                   RETURNING modseq, last_message_id - ?5 + 1";
        let values = params![account, mailbox, size_bytes, timed_id(), messages, room_bytes];
        let charged = self.db.row(sql, values, |row| Ok((ModSeq(row.count(0)?), MessageId(row.int(1)?))))?;
        let Some((modseq, id)) = charged else {
            return Err(self.why_not_charged(account, mailbox, room_bytes)?);
        };
        self.effects.touched.insert(account, modseq);
        Ok((modseq, id))
    }

    fn why_not_charged(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        need_bytes: u64,
    ) -> Result<StoreError, StoreError> {
        let Some(found) = self.account(account)? else {
            return Ok(StoreError::Missing(Missing::Account));
        };
        if self.mailbox(account, mailbox)?.is_none() {
            return Ok(StoreError::Missing(Missing::Mailbox));
        }
        let used_bytes = found.used_bytes;
        Ok(match found.quota_bytes {
            Some(quota_bytes) if used_bytes.saturating_add(need_bytes) > quota_bytes => {
                StoreError::OverQuota { quota_bytes, used_bytes, need_bytes }
            }
            _ => StoreError::Exhausted("UIDs"),
        })
    }

    /// Forgets a message that was taken out of its mailbox.
    pub(crate) fn drop_message(&mut self, account: AccountId, id: MessageId) -> Result<(), StoreError> {
        let sql =
            "DELETE FROM message WHERE account_id = ?1 AND message_id = ?2 RETURNING blob_id, size_bytes";
        let gone = self.db.row(sql, params![account, id], |row| Ok((BlobId(row.int(0)?), row.int(1)?)))?;
        let Some((blob, size_bytes)) = gone else { return Ok(()) };
        let sql = "UPDATE account SET used_bytes = used_bytes - ?2 WHERE account_id = ?1";
        self.db.execute(sql, params![account, size_bytes])?;
        self.release_blob(blob)
    }
}

/// How much room a quota must have for what is added.
#[derive(Debug, Clone, Copy)]
enum Fit {
    /// For all of it.
    Whole,
    /// For a byte of it.
    AnyRoom,
}

/// Stands in for the UID that the mailbox will give.
pub(crate) const FIRST_UID: Uid = Uid(std::num::NonZeroU32::MIN);
