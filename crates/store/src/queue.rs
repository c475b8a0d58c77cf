//! The outbound queue: what is accepted for others, one row per recipient.
//!
//! A node claims what is due for a while, tries it, and then defers or finishes it. Claiming moves the time
//! when the recipient is due to the end of the claim, so that a claim that runs out (the node died) is
//! due again by itself: a message may be sent twice, never lost (RFC 5321 §6.1).

use crate::blob::PreparedBlob;
use crate::error::{Missing, StoreError};
use crate::id::{BlobId, QueueId, TraceId};
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// A message for recipients elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct NewQueued<'a> {
    /// The content.
    pub blob: &'a PreparedBlob,
    /// Bytes before the content (Received and the like), with line ends.
    pub prefix: &'a [u8],
    /// The reverse-path without brackets; empty for bounces.
    pub sender: &'a str,
    /// Whatever else the sending side wants to keep of the envelope; opaque here.
    pub options: &'a str,
    /// When it was accepted, in Unix milliseconds; also when it is first due.
    pub created_ms: i64,
    /// The trace of how it came here.
    pub trace_id: TraceId,
    /// The recipients, each with options of its own (opaque here).
    pub recipients: &'a [(&'a str, &'a str)],
}

/// An entry of the queue, without its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub id: QueueId,
    /// Its content.
    pub blob: BlobId,
    /// Length in bytes of prefix and content together.
    pub size_bytes: u64,
    /// Bytes before the content.
    pub prefix: Vec<u8>,
    /// The reverse-path without brackets; empty for bounces.
    pub sender: String,
    /// As given in [`NewQueued::options`].
    pub options: String,
    /// When it was accepted, in Unix milliseconds.
    pub created_ms: i64,
    /// The trace of how it came here.
    pub trace_id: TraceId,
}

/// A recipient of an entry of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRecipient {
    /// The entry.
    pub queue: QueueId,
    /// The forward-path without brackets.
    pub recipient: String,
    /// As given in [`NewQueued::recipients`].
    pub options: String,
    /// When it is due, in Unix milliseconds; for one that is claimed, when the claim ends.
    pub next_attempt_ms: i64,
    /// How many attempts were made.
    pub attempts: u32,
    /// Who claimed it last, until it is deferred.
    pub claimed_by: Option<String>,
    /// What the other side said last.
    pub last_reply: Option<String>,
}

macro_rules! recipient_where {
    ($rest:literal) => {
        concat!(
            "SELECT queue_id, recipient, options, next_attempt_ms, attempts, claimed_by, last_reply ",
            "FROM queue_recipient ",
            $rest
        )
    };
}

fn recipient(row: &Row<'_>) -> Result<QueuedRecipient, StoreError> {
    Ok(QueuedRecipient {
        queue: QueueId(row.int(0)?),
        recipient: row.string(1)?,
        options: row.string(2)?,
        next_attempt_ms: row.int(3)?,
        attempts: row.small(4)?,
        claimed_by: row.opt_text(5)?.map(str::to_owned),
        last_reply: row.opt_text(6)?.map(str::to_owned),
    })
}

impl View<'_> {
    /// The entry `id`.
    pub fn queued(&mut self, id: QueueId) -> Result<Option<Queued>, StoreError> {
        let sql = "SELECT queue_id, blob_id, size_bytes, prefix, sender, options, created_ms, trace_id
                   FROM queue WHERE queue_id = ?1";
        self.db.row(sql, params![id], |row| {
            Ok(Queued {
                id: QueueId(row.int(0)?),
                blob: BlobId(row.int(1)?),
                size_bytes: row.count(2)?,
                prefix: row.blob(3)?.to_owned(),
                sender: row.string(4)?,
                options: row.string(5)?,
                created_ms: row.int(6)?,
                trace_id: TraceId(row.count(7)?),
            })
        })
    }

    /// The bytes of an entry, prefix and content.
    ///
    /// # Errors
    /// [`Missing::Queue`]; [`StoreError::Corrupt`] if the content is not what was stored.
    pub fn queued_content(&mut self, id: QueueId) -> Result<Vec<u8>, StoreError> {
        let entry = self.queued(id)?.ok_or(StoreError::Missing(Missing::Queue))?;
        let mut out = entry.prefix;
        let size_bytes = entry.size_bytes.saturating_sub(out.len() as u64);
        self.blob_into(entry.blob, size_bytes, &mut out)?;
        Ok(out)
    }

    /// The recipients of an entry that are not finished.
    pub fn queued_recipients(&mut self, id: QueueId) -> Result<Vec<QueuedRecipient>, StoreError> {
        self.db.list(recipient_where!("WHERE queue_id = ?1 ORDER BY recipient"), params![id], recipient)
    }

    /// The recipients of the whole queue that are due first, at most `limit`.
    pub fn queue_list(&mut self, limit: u32) -> Result<Vec<QueuedRecipient>, StoreError> {
        let sql = recipient_where!("ORDER BY next_attempt_ms, queue_id, recipient LIMIT ?1");
        self.db.list(sql, params![limit], recipient)
    }

    /// When the next recipient is due, or the next claim runs out, in Unix milliseconds: when to call
    /// [`Tx::claim_due`] again.
    pub fn queue_next_ms(&mut self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT MIN(next_attempt_ms) FROM queue_recipient";
        Ok(self.db.row(sql, &[], |row| row.opt_int(0))?.flatten())
    }
}

impl Tx<'_> {
    /// Puts a message into the queue. A recipient named twice counts once.
    pub fn enqueue(&mut self, new: &NewQueued<'_>) -> Result<QueueId, StoreError> {
        if new.recipients.is_empty() {
            return Err(StoreError::Invalid("a queued message needs a recipient"));
        }
        let blob = self.take_blob(new.blob)?;
        let id = QueueId(self.shared.fresh_id());
        let size_bytes = new.prefix.len() as u64 + new.blob.size_bytes();
        let sql =
            "INSERT INTO queue (queue_id, blob_id, size_bytes, prefix, sender, options, created_ms, trace_id)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values =
            params![id, blob, size_bytes, new.prefix, new.sender, new.options, new.created_ms, new.trace_id];
        self.db.execute(sql, values)?;
        for (recipient, options) in new.recipients {
            let sql = "INSERT INTO queue_recipient (queue_id, recipient, options, next_attempt_ms, attempts,
                       claimed_by, last_reply) VALUES (?1, ?2, ?3, ?4, 0, NULL, NULL)
                       ON CONFLICT (queue_id, recipient) DO NOTHING";
            self.db.execute(sql, params![id, *recipient, *options, new.created_ms])?;
        }
        self.effects.queue_touched = true;
        Ok(id)
    }

    /// Claims at most `limit` recipients that are due at `now_ms`, for `node`, until `until_ms`, and
    /// counts an attempt for each. What another node is claiming at this moment is passed over.
    pub fn claim_due(
        &mut self,
        node: &str,
        now_ms: i64,
        until_ms: i64,
        limit: u32,
    ) -> Result<Vec<QueuedRecipient>, StoreError> {
        let sql = if self.db.is_postgres() {
            recipient_where!(
                "WHERE next_attempt_ms <= ?1
                 ORDER BY next_attempt_ms, queue_id LIMIT ?2 FOR UPDATE SKIP LOCKED"
            )
        } else {
            recipient_where!(
                "WHERE next_attempt_ms <= ?1
                 ORDER BY next_attempt_ms, queue_id LIMIT ?2"
            )
        };
        let mut due = self.db.list(sql, params![now_ms, limit], recipient)?;
        for entry in &mut due {
            let sql =
                "UPDATE queue_recipient SET claimed_by = ?3, next_attempt_ms = ?4, attempts = attempts + 1
                       WHERE queue_id = ?1 AND recipient = ?2";
            self.db.execute(sql, params![entry.queue, &entry.recipient, node, until_ms])?;
            entry.attempts += 1;
            entry.next_attempt_ms = until_ms;
            entry.claimed_by = Some(node.to_owned());
        }
        Ok(due)
    }

    /// Puts a recipient off until `next_attempt_ms` and gives up the claim.
    ///
    /// # Errors
    /// [`Missing::Queue`].
    pub fn defer(
        &mut self,
        id: QueueId,
        recipient: &str,
        next_attempt_ms: i64,
        reply: Option<&str>,
    ) -> Result<(), StoreError> {
        self.effects.queue_touched = true;
        let sql = "UPDATE queue_recipient SET next_attempt_ms = ?3, claimed_by = NULL,
                   last_reply = COALESCE(?4, last_reply) WHERE queue_id = ?1 AND recipient = ?2";
        self.must_change(sql, params![id, recipient, next_attempt_ms, reply], Missing::Queue)
    }

    /// Takes a recipient out of the queue, delivered or given up; with the last one goes the entry.
    /// True if it was the last one.
    ///
    /// # Errors
    /// [`Missing::Queue`].
    pub fn finish(&mut self, id: QueueId, recipient: &str) -> Result<bool, StoreError> {
        // Two nodes that finish the last two recipients must see each other.
        if self.db.is_postgres() {
            self.db.number("SELECT 1 FROM queue WHERE queue_id = ?1 FOR UPDATE", params![id])?;
        }
        let sql = "DELETE FROM queue_recipient WHERE queue_id = ?1 AND recipient = ?2";
        self.must_change(sql, params![id, recipient], Missing::Queue)?;
        let sql = "SELECT COUNT(*) FROM queue_recipient WHERE queue_id = ?1";
        if self.db.number(sql, params![id])? != Some(0) {
            return Ok(false);
        }
        let sql = "DELETE FROM queue WHERE queue_id = ?1 RETURNING blob_id";
        if let Some(blob) = self.db.number(sql, params![id])? {
            self.release_blob(BlobId(blob))?;
        }
        Ok(true)
    }
}
