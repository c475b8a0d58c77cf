//! Opening, locking, migrating.

use std::fs;

use store::{Flags, OpenError, OtherSizes, Settings, Store};

use crate::engines::{server, sqlite_settings};
use crate::{account, assert_clean, fill, inbox, live};

fn refusal(settings: &Settings) -> OpenError {
    Store::open(settings).map(|_| ()).unwrap_err()
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let settings = sqlite_settings(folder.path());
    let store = Store::open(&settings).unwrap();
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    fill(&store, ann, inbox, 10, Flags::NONE);
    drop(store);
    let store = Store::open(&settings).unwrap();
    assert_eq!(live(&store, ann, inbox).len(), 10);
    fill(&store, ann, inbox, 1, Flags::NONE);
    assert_clean(&store);
}

#[test]
fn one_process_owns_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let settings = sqlite_settings(folder.path());
    let store = Store::open(&settings).unwrap();
    assert!(matches!(refusal(&settings), OpenError::Locked(_)));
    let handle = store.clone();
    drop(store);
    assert!(matches!(refusal(&settings), OpenError::Locked(_)));
    drop(handle);
    Store::open(&settings).unwrap();
}

#[test]
fn newer_data_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let settings = sqlite_settings(folder.path());
    drop(Store::open(&settings).unwrap());
    let database = rusqlite::Connection::open(folder.path().join("posthouse.db")).unwrap();
    database.execute("UPDATE format SET version = 999", []).unwrap();
    drop(database);
    let error = refusal(&settings);
    assert!(matches!(error, OpenError::TooNew { found: 999, .. }));
    assert!(error.to_string().contains("format 999"), "{error}");
}

#[test]
fn messages_from_before_their_sizes_were_kept_are_measured_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = sqlite_settings(folder.path());
    let store = Store::open(&settings).unwrap();
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    fill(&store, ann, inbox, 3, Flags::NONE);
    drop(store);
    // What the format before knew is put back.
    let database = rusqlite::Connection::open(folder.path().join("posthouse.db")).unwrap();
    let back = "DROP TABLE zone_gone; DROP INDEX message_by_crlf_size; ALTER TABLE message DROP COLUMN crlf_size_bytes;
                UPDATE format SET version = 5;";
    database.execute_batch(back).unwrap();
    drop(database);
    let store = Store::open(&settings).unwrap();
    let unknown = store.read_blocking(|view| view.unmeasured(ann, inbox, 9)).unwrap();
    assert_eq!(unknown.len(), 3);
    let sizes = OtherSizes { crlf_bytes: Some(7), ascii_bytes: None };
    let measured = vec![(unknown[0], sizes), (unknown[1], OtherSizes::default())];
    store.write_blocking(move |tx| tx.set_other_sizes(ann, &measured)).unwrap();
    assert_eq!(store.read_blocking(|view| view.unmeasured(ann, inbox, 9)).unwrap(), unknown[2..]);
    let known = store.read_blocking(|view| view.other_sizes(ann)).unwrap();
    assert_eq!(known[0], (unknown[0], sizes));
    assert_clean(&store);
}

#[test]
fn settings_that_are_not_understood_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = sqlite_settings(folder.path());
    for (url, blobs) in
        [("mysql://x", "file:b"), ("sqlite:x.db", "s3://bucket"), ("sqlite:x.db", "b"), ("", "file:b")]
    {
        let settings = Settings { url: url.to_owned(), blobs: blobs.to_owned(), ..good.clone() };
        assert!(matches!(refusal(&settings), OpenError::Setting(_)), "{url} {blobs}");
    }
    fs::write(folder.path().join("garbage.db"), "this is not a database at all, not even nearly".repeat(99))
        .unwrap();
    let garbage = Settings { url: "sqlite:garbage.db".to_owned(), ..good.clone() };
    assert!(matches!(refusal(&garbage), OpenError::Failed(_)));
    let unreachable = Settings { url: "postgres://nobody@/none?host=/nonexistent".to_owned(), ..good };
    assert!(matches!(refusal(&unreachable), OpenError::Failed(_)));
}

#[test]
fn all_content_may_lie_in_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { blobs: "database:".to_owned(), ..sqlite_settings(folder.path()) };
    let store = Store::open(&settings).unwrap();
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    let content: Vec<u8> =
        (0..300_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let blob = store.prepare_blob_blocking(&content).unwrap();
    let id = crate::write(&store, move |tx| Ok(tx.add_message(ann, inbox, &crate::plain(&blob))?.message_id));
    assert_eq!(store.read_blocking(|view| view.read_content(ann, id)).unwrap(), content);
    assert!(!folder.path().join("blobs").exists());
    assert_clean(&store);
}

#[test]
fn two_nodes_share_a_database() {
    let Some(server) = server() else { return };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Settings { blobs: "database:".to_owned(), ..server.settings(one.path()) };
    let second = Settings { data_dir: two.path().to_owned(), ..first.clone() };
    let (one, two) = (Store::open(&first).unwrap(), Store::open(&second).unwrap());
    let ann = account(&one, "ann");
    let inbox = inbox(&two, ann);
    let mut watch = two.watch(ann);
    let handles: Vec<_> = [one.clone(), two.clone(), one.clone(), two.clone()]
        .into_iter()
        .map(|store| {
            std::thread::spawn(move || {
                for _ in 0..25 {
                    fill(&store, ann, inbox, 1, Flags::NONE);
                }
            })
        })
        .collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    assert_eq!(live(&one, ann, inbox), (1..=100).collect::<Vec<_>>());
    assert_eq!(two.read_blocking(|view| view.uids(ann, inbox)).unwrap(), [1..=100]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(watch.changed());
    // Only what the other node does is left to tell.
    let last = fill(&one, ann, inbox, 1, Flags::NONE);
    let expected = one.read_blocking(|view| view.account(ann)).unwrap().unwrap().modseq;
    while runtime.block_on(watch.changed()) < expected {}
    assert_eq!(last[0].get(), 101);
    assert_clean(&one);
}

#[test]
fn the_log_starts_anew_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = "sqlite:posthouse.db?checkpoint_pages=50".to_owned();
    let store = Store::open(&Settings { url, ..sqlite_settings(folder.path()) }).unwrap();
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    for _ in 0..400 {
        fill(&store, ann, inbox, 1, Flags::NONE);
    }
    let log = fs::metadata(folder.path().join("posthouse.db-wal")).unwrap().len();
    // Each commit adds some eight pages.
    assert!(log < 400 * 8 * 4096 / 2, "the log is {log} bytes long");
    assert_eq!(live(&store, ann, inbox).len(), 400);
    drop(store);
    assert!(!folder.path().join("posthouse.db-wal").exists(), "whoever closes last tidies up");
    for bad in ["sqlite:", "sqlite:x?checkpoint_pages=", "sqlite:x?checkpoint_pages=-1", "sqlite:x?y=1"] {
        let settings = Settings { url: bad.to_owned(), ..sqlite_settings(folder.path()) };
        assert!(matches!(refusal(&settings), OpenError::Setting(_)), "{bad}");
    }
}

#[test]
fn the_last_handle_may_go_inside_a_task() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut stores = vec![Store::open(&sqlite_settings(here.path())).unwrap()];
    stores.extend(server().map(|server| Store::open(&server.settings(there.path())).unwrap()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    for store in stores {
        runtime.block_on(async {
            let task = tokio::spawn(async move { store.read(|view| view.domains()).await.unwrap().len() });
            assert_eq!(task.await.unwrap(), 0);
        });
    }
    Store::open(&sqlite_settings(here.path())).unwrap();
}

#[test]
fn connections_that_break_are_replaced() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = server.settings(folder.path());
    let store = Store::open(&settings).unwrap();
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    fill(&store, ann, inbox, 1, Flags::NONE);
    let mut watch = store.watch(ann);
    let database = settings.url.split(['/', '?']).nth(3).unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 2..5 {
        server.psql(database, kill);
        fill(&store, ann, inbox, 1, Flags::NONE);
        server.psql(database, kill);
        assert_eq!(live(&store, ann, inbox).len(), round);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(watch.changed());
    assert_clean(&store);
}
