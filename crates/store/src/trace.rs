//! Traces: what happened to a message, step by step, per recipient.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

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

/// A key as it is stored: any case is one, and several make a list with a line each.
fn key(text: &str) -> String {
    let text = text.to_lowercase().replace('\n', " ");
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
        let text = key(text);
        let sql = "SELECT k.trace_id, COALESCE(e.at_ms, 0) FROM trace_key k
                   LEFT JOIN trace_event e ON e.trace_id = k.trace_id AND e.n = 0
                   WHERE k.name = ?1 ORDER BY e.at_ms DESC, k.trace_id DESC LIMIT ?2";
        let mut found =
            self.db.list(sql, params![&text, limit], |row| Ok((row.int(1)?, TraceId(row.count(0)?))))?;
        let sql = "SELECT trace_id, at_ms, keys FROM trace_event WHERE keys IS NOT NULL";
        self.db.each(sql, &[], &mut |row| {
            if row.text(2)?.split('\n').any(|unlisted| unlisted == text) {
                found.push((row.int(1)?, TraceId(row.count(0)?)));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        found.truncate(limit as usize);
        Ok(found.into_iter().map(|(_, id)| id).collect())
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
        let keys: Vec<String> = keys.iter().map(|text| key(text)).collect();
        // Where several write, nobody knows when there is a pause.
        if events.is_empty() || self.db.is_postgres() {
            keys.iter().try_for_each(|key| self.list_trace_key(key, id))?;
            return self.add_events(id, None, events);
        }
        self.shared.unlisted_traces.fetch_add(1, Ordering::Relaxed);
        self.add_events(id, Some(keys.join("\n")).filter(|keys| !keys.is_empty()), events)
    }

    /// Adds events to a trace.
    pub fn append_trace_events(&mut self, id: TraceId, events: &[TraceEvent]) -> Result<(), StoreError> {
        self.add_events(id, None, events)
    }

    /// Adds events, with `keys` at the first of them.
    fn add_events(
        &mut self,
        id: TraceId,
        mut keys: Option<String>,
        events: &[TraceEvent],
    ) -> Result<(), StoreError> {
        for event in events {
            let sql = "INSERT INTO trace_event (trace_id, n, at_ms, recipient, kind, detail, keys)
                       VALUES (?1, (SELECT COALESCE(MAX(n), -1) + 1 FROM trace_event WHERE trace_id = ?1),
                               ?2, ?3, ?4, ?5, ?6)";
            let TraceEvent { at_ms, recipient, kind, detail } = event;
            let keys = keys.take();
            let values = params![id, *at_ms, recipient.as_ref(), u32::from(*kind), detail, keys.as_ref()];
            self.db.execute(sql, values)?;
        }
        Ok(())
    }

    fn list_trace_key(&mut self, key: &str, id: TraceId) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO trace_key (name, trace_id) VALUES (?1, ?2) ON CONFLICT (name, trace_id) DO NOTHING";
        self.db.execute(sql, params![key, id]).map(|_| ())
    }

    /// Lists the keys of at most `max` traces whose keys still lie with their events, and says of how many.
    pub(crate) fn list_trace_keys(&mut self, max: u32) -> Result<u32, StoreError> {
        let sql = "SELECT trace_id, n, keys FROM trace_event WHERE keys IS NOT NULL LIMIT ?1";
        let rows = self
            .db
            .list(sql, params![max], |row| Ok((TraceId(row.count(0)?), row.int(1)?, row.string(2)?)))?;
        let mut keys: Vec<(&str, TraceId)> =
            rows.iter().flat_map(|(id, _, keys)| keys.split('\n').map(|key| (key, *id))).collect();
        // In the order in which they will lie: each page is then changed once.
        keys.sort_unstable();
        for (key, id) in keys.into_iter().filter(|(key, _)| !key.is_empty()) {
            self.list_trace_key(key, id)?;
        }
        for (id, n, _) in &rows {
            let sql = "UPDATE trace_event SET keys = NULL WHERE trace_id = ?1 AND n = ?2";
            self.db.execute(sql, params![*id, *n])?;
        }
        Ok(u32::try_from(rows.len()).unwrap_or(max))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Store};

    #[test]
    fn traces_are_found_before_and_after_they_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let (url, blobs) = ("sqlite:posthouse.db".to_owned(), "file:blobs".to_owned());
        let settings = Settings { url, blobs, data_dir: folder.path().to_owned(), readers: 2 };
        let store = Store::open(&settings).unwrap();
        let event = TraceEvent { at_ms: 1, recipient: None, kind: 0, detail: String::new() };
        for n in 1..=3 {
            let event = event.clone();
            let message_id = format!("<{n}@x>\n");
            let keys = move |tx: &mut Tx<'_>| {
                tx.record_trace(TraceId(n), &["Ann@x", &message_id], std::slice::from_ref(&event))
            };
            store.write_blocking(keys).unwrap();
        }
        let find = |key: &'static str| store.read_blocking(move |view| view.find_traces(key, 9)).unwrap();
        let expected = [TraceId(3), TraceId(2), TraceId(1)];
        loop {
            assert_eq!(find("ann@X"), expected);
            assert_eq!(find("<2@x> "), [TraceId(2)]);
            if store.write_blocking(|tx| tx.list_trace_keys(2)).unwrap() == 0 {
                break;
            }
        }
        assert_eq!(find("ann@X"), expected);
    }
}
