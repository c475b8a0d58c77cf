//! Messages, content, quota, and how jobs end.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use store::{Flags, Keywords, Missing, NewMessage, OtherSizes, Store, StoreError, TraceId};

use crate::{account, fill, inbox, live, mailbox, plain, write};

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(|_| next()).take(len).collect()
}

pub fn a_message_comes_back_whole(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    for content in [Vec::new(), b"Subject: x\r\n\r\nhello\r\n".repeat(50), noise(3_000)] {
        let blob = store.prepare_blob_blocking(&content).unwrap();
        assert_eq!(blob.size_bytes(), content.len() as u64);
        let keywords = Keywords::new(["$Junk"]).unwrap();
        let added = write(store, move |tx| {
            let flags = Flags::SEEN | Flags::FLAGGED;
            let new =
                NewMessage { prefix: b"Return-Path: <>\r\n", flags, keywords: &keywords, ..plain(&blob) };
            tx.add_message(ann, inbox, &new)
        });
        let stored = store.read_blocking(|view| view.message(ann, added.message_id)).unwrap().unwrap();
        assert_eq!((stored.prefix.as_slice(), stored.trace_id), (&b"Return-Path: <>\r\n"[..], TraceId(7)));
        assert_eq!((stored.size_bytes, stored.thread_id), (17 + content.len() as u64, added.message_id));
        let read = store.read_blocking(|view| view.read_content(ann, added.message_id)).unwrap();
        assert_eq!(read, [b"Return-Path: <>\r\n".to_vec(), content].concat());
        let range = added.uid.get()..=added.uid.get();
        let placed = store.read_blocking(|view| view.placements_owned(ann, inbox, &[range])).unwrap();
        assert_eq!((placed[0].flags.0, placed[0].keywords.as_str()), (5, "$Junk"));
        assert_eq!(placed[0].message_id, added.message_id);
    }
    let none = store.read_blocking(|view| view.read_content(ann, store::MessageId(1)));
    assert_eq!(none, Err(StoreError::Missing(Missing::Message)));
}

pub fn other_sizes_are_kept_copied_and_found_out_later(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    let blob = store.prepare_blob_blocking(b"a\nb").unwrap();
    let sizes = [(None, None), (Some(6), None), (None, Some(9)), (Some(6), Some(9))];
    let mut expected = Vec::new();
    for (crlf_bytes, ascii_bytes) in sizes {
        let other_sizes = OtherSizes { crlf_bytes, ascii_bytes };
        let blob = blob.clone();
        let added =
            write(store, move |tx| tx.add_message(ann, inbox, &NewMessage { other_sizes, ..plain(&blob) }));
        if other_sizes != OtherSizes::default() {
            expected.push((added.message_id, other_sizes));
        }
    }
    assert_eq!(store.read_blocking(|view| view.other_sizes(ann)).unwrap(), expected);
    let copied = write(store, move |tx| tx.copy(ann, inbox, &[4..=4], inbox));
    assert_eq!(copied.pairs.len(), 1);
    let all = store.read_blocking(|view| view.other_sizes(ann)).unwrap();
    assert_eq!(all.last().unwrap().1, expected.last().unwrap().1);
    assert_eq!(store.read_blocking(|view| view.unmeasured(ann, inbox, 9)).unwrap(), []);
    let id = all[0].0;
    let changed = OtherSizes { crlf_bytes: None, ascii_bytes: Some(3) };
    write(store, move |tx| tx.set_other_sizes(ann, &[(id, changed)]));
    assert_eq!(store.read_blocking(|view| view.other_sizes(ann)).unwrap()[0], (id, changed));
}

pub fn content_is_shared(store: &Store) {
    let (ann, bob) = (account(store, "ann"), account(store, "bob"));
    let boxes = [(ann, inbox(store, ann)), (bob, inbox(store, bob))];
    let ids = [0, 1].map(|round| {
        let blob = store.prepare_blob_blocking(b"the same for all").unwrap();
        write(store, move |tx| {
            let mut ids = Vec::new();
            for (account, inbox) in boxes {
                let prefix = format!("Delivered-To: {account} {round}\r\n");
                ids.push(tx.add_message(
                    account,
                    inbox,
                    &NewMessage { prefix: prefix.as_bytes(), ..plain(&blob) },
                )?);
            }
            Ok(ids)
        })
    });
    let blob_of = |account, id| store.read_blocking(|view| view.message(account, id)).unwrap().unwrap().blob;
    assert_eq!(blob_of(ann, ids[0][0].message_id), blob_of(bob, ids[1][1].message_id));
    assert_eq!(store.check(&mut |_| ()).unwrap().counted.contents, 1);
    for (account, inbox) in boxes {
        write(store, move |tx| tx.remove_messages(account, inbox, &[1..=2]));
    }
    assert_eq!(store.check(&mut |_| ()).unwrap().counted.contents, 0);
}

pub fn large_content_lies_in_a_file(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    let content = noise(200_000);
    let blob = store.prepare_blob_blocking(&content).unwrap();
    let unused = store.prepare_blob_blocking(&content).unwrap();
    let kept = blob.clone();
    let id = write(store, move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id));
    drop(unused);
    assert!(crate::content(store, ann, id) == content);
    assert_eq!(store.check(&mut |_| ()).unwrap().counted.content_bytes, 200_000);
    let again = kept.clone();
    write(store, move |tx| tx.add_message(ann, inbox, &plain(&again)));
    write(store, move |tx| tx.remove_messages(ann, inbox, &[1..=1]));
    assert_eq!(live(store, ann, inbox), [2]);
    write(store, move |tx| tx.remove_messages(ann, inbox, &[2..=2]));
    let gone = store.write_blocking(move |tx| tx.add_message(ann, inbox, &plain(&kept)));
    assert_eq!(gone, Err(StoreError::BlobGone), "its file was removed with the last message");
    let blob = store.prepare_blob_blocking(&content).unwrap();
    let id = write(store, move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id));
    assert!(crate::content(store, ann, id) == content);
}

pub fn quota_holds(store: &Store) {
    let (ann, bob) = (account(store, "ann"), account(store, "bob"));
    let (at_ann, at_bob) = (inbox(store, ann), inbox(store, bob));
    write(store, move |tx| tx.set_quota(ann, Some(100)));
    let blob = store.prepare_blob_blocking(&[b'x'; 60]).unwrap();
    let outcome = write(store, move |tx| {
        tx.add_message(ann, at_ann, &plain(&blob))?;
        let over = tx.add_message(ann, at_ann, &plain(&blob));
        // The others still get theirs in the same transaction.
        tx.add_message(bob, at_bob, &plain(&blob))?;
        Ok(over)
    });
    let expected = StoreError::OverQuota { quota_bytes: 100, used_bytes: 60, need_bytes: 60 };
    assert_eq!(outcome, Err(expected));
    assert_eq!((live(store, ann, at_ann).len(), live(store, bob, at_bob).len()), (1, 1));
    // Where others share the message any room is enough, once.
    let blob = store.prepare_blob_blocking(&[b'x'; 60]).unwrap();
    let last = write(store, move |tx| {
        tx.add_last_message(ann, at_ann, &plain(&blob))?;
        Ok(tx.add_last_message(ann, at_ann, &plain(&blob)))
    });
    assert_eq!(last, Err(StoreError::OverQuota { quota_bytes: 100, used_bytes: 120, need_bytes: 1 }));
    write(store, move |tx| tx.set_quota(ann, None));
    fill(store, ann, at_ann, 3, Flags::NONE);
    write(store, move |tx| tx.set_quota(ann, Some(1)));
    let blob = store.prepare_blob_blocking(b"").unwrap();
    let over = store.write_blocking(move |tx| tx.add_message(ann, at_ann, &plain(&blob)));
    assert!(matches!(over, Err(StoreError::OverQuota { .. })));
    let nowhere = store::MailboxId(999);
    let blob = store.prepare_blob_blocking(b"").unwrap();
    let missing = store.write_blocking(move |tx| tx.add_message(bob, nowhere, &plain(&blob)));
    assert_eq!(missing, Err(StoreError::Missing(Missing::Mailbox)));
    let blob = store.prepare_blob_blocking(b"").unwrap();
    let missing =
        store.write_blocking(move |tx| tx.add_message(store::AccountId(999), at_bob, &plain(&blob)));
    assert_eq!(missing, Err(StoreError::Missing(Missing::Account)));
}

pub fn message_numbers_rise(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    let blob = store.prepare_blob_blocking(b"x").unwrap();
    let ids: Vec<_> = (0..50)
        .map(|_| {
            let blob = blob.clone();
            write(store, move |tx| tx.add_message(ann, inbox, &plain(&blob)))
        })
        .collect();
    assert!(ids.windows(2).all(|two| two[0].message_id < two[1].message_id && two[0].modseq < two[1].modseq));
    assert!(ids.windows(2).all(|two| two[0].uid.get() + 1 == two[1].uid.get()));
}

pub fn listing_stops_early(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    fill(store, ann, inbox, 10, Flags::NONE);
    let mut seen = Vec::new();
    let mut visit = |listed: store::Listed<'_>| {
        assert_eq!(listed.overview, b"overview");
        seen.push(listed.placement.uid.get());
        if seen.len() == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.read_blocking(|view| view.listing(ann, inbox, &[8..=20, 2..=3, 3..=5], &mut visit)).unwrap();
    assert_eq!(seen, [2, 3, 4, 5]);
}

pub fn failed_jobs_leave_nothing(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    let blob = store.prepare_blob_blocking(&noise(100_000)).unwrap();
    let kept = blob.clone();
    let failed = store.write_blocking(move |tx| {
        tx.add_message(ann, inbox, &plain(&blob))?;
        Err::<(), _>(StoreError::Abandoned("for the test".to_owned()))
    });
    assert_eq!(failed, Err(StoreError::Abandoned("for the test".to_owned())));
    assert_eq!(live(store, ann, inbox), [0; 0]);
    write(store, move |tx| tx.add_message(ann, inbox, &plain(&kept)));
    assert_eq!(live(store, ann, inbox), [1]);
}

pub fn one_bad_job_spares_the_others(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let good = runtime.block_on(async {
        let tasks: Vec<_> = (0..60)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let blob = store.prepare_blob(format!("message {n}").into_bytes()).await.unwrap();
                    let job = move |tx: &mut store::Tx<'_>| {
                        let added = tx.add_message(ann, inbox, &plain(&blob))?;
                        if n % 3 == 0 {
                            Err(StoreError::Abandoned(String::new()))
                        } else {
                            Ok(added.uid.get())
                        }
                    };
                    store.write(job).await
                })
            })
            .collect();
        let mut good = Vec::new();
        for task in tasks {
            good.extend(task.await.unwrap());
        }
        good
    });
    assert_eq!(good.len(), 40);
    let mut good = good;
    good.sort_unstable();
    assert_eq!(good, (1..=40).collect::<Vec<u32>>());
    assert_eq!(live(store, ann, inbox), good);
}

pub fn watches_tell(store: &Store) {
    let (ann, bob) = (account(store, "ann"), account(store, "bob"));
    let (mut at_ann, mut at_bob) = (store.watch(ann), store.watch(bob));
    let uids = fill(store, ann, inbox(store, ann), 1, Flags::NONE);
    let expected = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().modseq;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let quiet = store.read_blocking(|view| view.account(bob)).unwrap().unwrap().modseq;
    runtime.block_on(async {
        while at_ann.changed().await < expected {}
        // What happened before the watch was made may still be told, but nothing else.
        let wait = std::time::Duration::from_millis(20);
        while let Ok(modseq) = tokio::time::timeout(wait, at_bob.changed()).await {
            assert!(modseq <= quiet);
        }
    });
    assert_eq!(uids.len(), 1);
}

pub fn views_do_not_change(store: &Store) {
    let ann = account(store, "ann");
    let (inbox, sent) = (inbox(store, ann), mailbox(store, ann, "Sent"));
    fill(store, ann, inbox, 1, Flags::NONE);
    store
        .read_blocking(|view| {
            let before = view.mailboxes(ann)?;
            fill(store, ann, inbox, 1, Flags::NONE);
            fill(store, ann, sent, 1, Flags::NONE);
            assert_eq!(view.mailboxes(ann)?, before);
            assert_eq!(view.uids(ann, inbox)?, [1..=1]);
            Ok(())
        })
        .unwrap();
    assert_eq!(store.read_blocking(|view| view.uids(ann, inbox)).unwrap(), [1..=2]);
}

pub fn a_panic_is_an_error(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let blob = store.prepare_blob_blocking(b"x").unwrap();
    let failed = store.write_blocking(move |tx| {
        tx.add_message(ann, inbox, &plain(&blob))?;
        counter.fetch_add(1, Ordering::Relaxed);
        assert!(counter.load(Ordering::Relaxed) == 0, "on purpose");
        Ok(())
    });
    assert_eq!(failed, Err(StoreError::Panicked));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    fill(store, ann, inbox, 1, Flags::NONE);
    assert_eq!(live(store, ann, inbox), [1]);
}

pub fn async_callers_are_served(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let content = noise(300_000);
    let (store, expected) = (store.clone(), content.clone());
    runtime.block_on(async move {
        let blob = store.prepare_blob(content).await.unwrap();
        let id =
            store.write(move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id)).await.unwrap();
        let read = store.read_bringing(move |view| view.read_content(ann, id)).await.unwrap();
        let long = store.read_long(move |view| view.uids(ann, inbox)).await.unwrap();
        assert!(read == expected && long == [1..=1]);
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.read(move |view| view.uids(ann, inbox)).await.unwrap() })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), [1..=1]);
        }
        let failed = store.read(|_| Err::<(), _>(StoreError::Abandoned(String::new()))).await;
        assert_eq!(failed, Err(StoreError::Abandoned(String::new())));
        assert!(store.free_bytes().unwrap() > 0);
    });
}
