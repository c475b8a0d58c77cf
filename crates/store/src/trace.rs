//! Traces: what happened to a message, step by step, per recipient.

use crate::error::StoreError;
use crate::id::TraceId;
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// Longest key under which a trace is found, in bytes; longer ones are cut.
pub const TRACE_KEY_LEN_MAX_BYTES: usize = 512;

/// One step of a message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEvent {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// For which recipient; nothing: for all.
    pub recipient: Option<String>,
    /// What kind of step; the caller numbers them.
    pub kind: u16,
    /// The rest, in a form the caller chooses.
    pub detail: String,
}

fn key(text: &str) -> String {
    let text = text.to_lowercase();
    text[..text.floor_char_boundary(TRACE_KEY_LEN_MAX_BYTES)].to_owned()
}

impl View<'_> {
    /// The events of a trace in the order they were recorded; empty if there is none.
    pub fn trace(&mut self, id: TraceId) -> Result<Vec<TraceEvent>, StoreError> {
        let sql = "SELECT at_ms, recipient, kind, detail FROM trace_event WHERE trace_id = ?1 ORDER BY n";
        let read = |row: &Row<'_>| {
            Ok(TraceEvent {
                at_ms: row.int(0)?,
                recipient: row.opt_text(1)?.map(str::to_owned),
                kind: u16::try_from(row.int(2)?).unwrap_or(u16::MAX),
                detail: row.string(3)?,
            })
        };
        self.db.list(sql, params![id], read)
    }

    /// The traces recorded under `text` (sender, recipient or Message-ID; any case), newest first by
    /// their first event, at most `limit`.
    pub fn find_traces(&mut self, text: &str, limit: u32) -> Result<Vec<TraceId>, StoreError> {
        let sql = "SELECT k.trace_id FROM trace_key k
                   LEFT JOIN trace_event e ON e.trace_id = k.trace_id AND e.n = 0
                   WHERE k.name = ?1 ORDER BY e.at_ms DESC, k.trace_id DESC LIMIT ?2";
        self.db.list(sql, params![&key(text), limit], |row| Ok(TraceId(row.count(0)?)))
    }
}

impl Tx<'_> {
    /// Records a trace: the keys it is to be found under, and its first events. May be called again
    /// for the same trace; then it adds.
    pub fn record_trace(
        &mut self,
        id: TraceId,
        keys: &[&str],
        events: &[TraceEvent],
    ) -> Result<(), StoreError> {
        for text in keys {
            let sql = "INSERT INTO trace_key (name, trace_id) VALUES (?1, ?2) ON CONFLICT (name, trace_id) DO NOTHING";
            self.db.execute(sql, params![&key(text), id])?;
        }
        self.append_trace_events(id, events)
    }

    /// Adds events to a trace.
    pub fn append_trace_events(&mut self, id: TraceId, events: &[TraceEvent]) -> Result<(), StoreError> {
        for event in events {
            let sql = "INSERT INTO trace_event (trace_id, n, at_ms, recipient, kind, detail)
                       VALUES (?1, (SELECT COALESCE(MAX(n), -1) + 1 FROM trace_event WHERE trace_id = ?1),
                               ?2, ?3, ?4, ?5)";
            let TraceEvent { at_ms, recipient, kind, detail } = event;
            self.db.execute(sql, params![id, *at_ms, recipient.as_ref(), u32::from(*kind), detail])?;
        }
        Ok(())
    }

    /// Removes traces that began before `before_ms`, at most `max_rows` of them, and says how many.
    pub fn purge_traces(&mut self, before_ms: i64, max_rows: u32) -> Result<u64, StoreError> {
        let sql = "SELECT trace_id FROM trace_event WHERE n = 0 AND at_ms < ?1 LIMIT ?2";
        let old = self.db.list(sql, params![before_ms, max_rows], |row| Ok(TraceId(row.count(0)?)))?;
        for id in &old {
            self.db.execute("DELETE FROM trace_key WHERE trace_id = ?1", params![*id])?;
            self.db.execute("DELETE FROM trace_event WHERE trace_id = ?1", params![*id])?;
        }
        Ok(old.len() as u64)
    }
}
