//! The queue and the traces.

use store::{Missing, NewQueued, QueueId, Store, StoreError, TraceEvent, TraceId};

use crate::write;

fn enqueue(store: &Store, recipients: &'static [(&'static str, &'static str)], created_ms: i64) -> QueueId {
    let blob = store.prepare_blob_blocking(b"Subject: out\r\n\r\n").unwrap();
    write(store, move |tx| {
        tx.enqueue(&NewQueued {
            blob: &blob,
            prefix: b"Received: here\r\n",
            sender: "ann@example.org",
            options: "SIZE=1",
            created_ms,
            trace_id: TraceId(u64::MAX),
            recipients,
        })
    })
}

fn claim(store: &Store, node: &'static str, now_ms: i64, limit: u32) -> Vec<String> {
    let due = write(store, move |tx| tx.claim_due(node, now_ms, now_ms + 100, limit));
    due.into_iter().map(|found| found.recipient).collect()
}

pub fn entries_are_claimed_once(store: &Store) {
    let id =
        enqueue(store, &[("a@x.example", ""), ("b@y.example", "NOTIFY=NEVER"), ("a@x.example", "")], 1_000);
    let entry = store.read_blocking(|view| view.queued(id)).unwrap().unwrap();
    assert_eq!(
        (entry.sender.as_str(), entry.trace_id, entry.size_bytes),
        ("ann@example.org", TraceId(u64::MAX), 32)
    );
    let content = store.read_blocking(|view| view.queued_content(id)).unwrap();
    assert_eq!(content, b"Received: here\r\nSubject: out\r\n\r\n");
    assert_eq!(claim(store, "one", 999, 10).len(), 0, "not due yet");
    assert_eq!(claim(store, "one", 1_000, 1), ["a@x.example"]);
    assert_eq!(claim(store, "two", 1_050, 10), ["b@y.example"]);
    assert_eq!(claim(store, "two", 1_060, 10).len(), 0);
    assert_eq!(claim(store, "two", 1_100, 10), ["a@x.example"], "a claim that ran out is due again");
    let all = store.read_blocking(|view| view.queued_recipients(id)).unwrap();
    assert_eq!(all.iter().map(|found| found.attempts).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((all[0].claimed_by.as_deref(), all[0].next_attempt_ms), (Some("two"), 1_200));
    assert_eq!(all[1].options, "NOTIFY=NEVER");
    let empty = store.prepare_blob_blocking(b"").unwrap();
    let refused = store.write_blocking(move |tx| {
        let sender = "";
        tx.enqueue(&NewQueued {
            blob: &empty,
            prefix: b"",
            sender,
            options: "",
            created_ms: 0,
            trace_id: TraceId(0),
            recipients: &[],
        })
    });
    assert!(matches!(refused, Err(StoreError::Invalid(_))));
}

pub fn deferring_and_finishing(store: &Store) {
    let id = enqueue(store, &[("a@x.example", ""), ("b@y.example", "")], 1_000);
    assert_eq!(claim(store, "one", 1_000, 10).len(), 2);
    write(store, move |tx| tx.defer(id, "a@x.example", 5_000, Some("451 later")));
    assert!(!write(store, move |tx| tx.finish(id, "b@y.example")));
    let again = store.write_blocking(move |tx| tx.finish(id, "b@y.example"));
    assert_eq!(again, Err(StoreError::Missing(Missing::Queue)));
    assert_eq!(claim(store, "one", 4_999, 10).len(), 0);
    let list = store.read_blocking(|view| view.queue_list(10)).unwrap();
    assert_eq!(
        (list.len(), list[0].last_reply.as_deref(), list[0].claimed_by.is_none()),
        (1, Some("451 later"), true)
    );
    assert_eq!(claim(store, "two", 5_000, 10).len(), 1);
    write(store, move |tx| tx.defer(id, "a@x.example", 6_000, None));
    let list = store.read_blocking(|view| view.queue_list(10)).unwrap();
    assert_eq!(list[0].last_reply.as_deref(), Some("451 later"));
    assert!(write(store, move |tx| tx.finish(id, "a@x.example")));
    assert_eq!(store.read_blocking(|view| view.queued(id)).unwrap(), None);
    assert_eq!(store.check(&mut |_| ()).unwrap().counted.contents, 0);
}

pub fn next_due(store: &Store) {
    assert_eq!(store.read_blocking(|view| view.queue_next_ms()).unwrap(), None);
    enqueue(store, &[("a@x.example", "")], 1_000);
    enqueue(store, &[("b@x.example", "")], 1_300);
    assert_eq!(store.read_blocking(|view| view.queue_next_ms()).unwrap(), Some(1_000));
    claim(store, "one", 1_250, 1);
    assert_eq!(store.read_blocking(|view| view.queue_next_ms()).unwrap(), Some(1_300));
    claim(store, "one", 1_300, 1);
    assert_eq!(store.read_blocking(|view| view.queue_next_ms()).unwrap(), Some(1_350));
}

fn event(at_ms: i64, detail: &str) -> TraceEvent {
    TraceEvent { at_ms, recipient: Some("bob@example.org".to_owned()), kind: 3, detail: detail.to_owned() }
}

pub fn traces_are_found(store: &Store) {
    for (n, id) in [(1, TraceId(5)), (2, TraceId(u64::MAX)), (3, TraceId(2))] {
        write(store, move |tx| {
            tx.record_trace(id, &["Ann@example.org", &format!("<{n}@x>")], &[event(n, "accepted")])
        });
    }
    write(store, move |tx| tx.append_trace_events(TraceId(5), &[event(9, "delivered"), event(8, "read")]));
    write(store, move |tx| tx.record_trace(TraceId(5), &["ann@example.org", "late"], &[]));
    let find = |key: &'static str, limit| store.read_blocking(|view| view.find_traces(key, limit)).unwrap();
    assert_eq!(find("ANN@example.org", 10), [TraceId(2), TraceId(u64::MAX), TraceId(5)]);
    assert_eq!(find("ann@example.org", 1), [TraceId(2)]);
    assert_eq!(find("late", 10), [TraceId(5)]);
    assert_eq!(find("nobody", 10), []);
    let trace = store.read_blocking(|view| view.trace(TraceId(5))).unwrap();
    assert_eq!(trace, [event(1, "accepted"), event(9, "delivered"), event(8, "read")]);
    let long = "ü".repeat(1_000);
    let key = long.clone();
    write(store, move |tx| tx.record_trace(TraceId(1), &[&key], &[event(1, "")]));
    assert_eq!(store.read_blocking(|view| view.find_traces(&long, 10)).unwrap(), [TraceId(1)]);
}

pub fn traces_are_purged(store: &Store) {
    for n in 0..10 {
        write(store, move |tx| {
            tx.record_trace(TraceId(n), &["key"], &[event(n as i64, "x"), event(100, "y")])
        });
    }
    assert_eq!(write(store, |tx| tx.purge_traces(5, 3)), 3);
    assert_eq!(write(store, |tx| tx.purge_traces(5, 30)), 2);
    assert_eq!(store.read_blocking(|view| view.find_traces("key", 99)).unwrap().len(), 5);
    assert_eq!(store.read_blocking(|view| view.trace(TraceId(0))).unwrap(), []);
}
