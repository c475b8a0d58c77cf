//! Marks, expunge, copy, move, and what changed since.

use std::collections::BTreeMap;

use store::{
    AccountId, Changes, FlagChange, FlagOp, Flags, Keywords, MailboxId, Missing, ModSeq, Store, StoreError,
    UidRange,
};

use crate::{account, assert_clean, fill, inbox, live, mailbox, numbers, write};

fn change(
    store: &Store,
    at: (AccountId, MailboxId),
    ranges: &[UidRange],
    (op, flags, words): (FlagOp, Flags, &[&str]),
    since: Option<ModSeq>,
) -> Changes {
    let change = FlagChange { op, flags, keywords: Keywords::new(words.iter().copied()).unwrap() };
    let ranges = ranges.to_vec();
    write(store, move |tx| tx.change_flags(at.0, at.1, &ranges, &change, since))
}

fn uids_of(list: &[store::PlacementOwned]) -> Vec<u32> {
    list.iter().map(|found| found.uid.get()).collect()
}

pub fn flags_change_and_count(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    fill(store, ann, at.1, 5, Flags::NONE);
    let first = change(store, at, &[2..=3, 99..=100], (FlagOp::Add, Flags::SEEN | Flags::DELETED, &[]), None);
    assert_eq!(uids_of(&first.changed), [2, 3]);
    assert_eq!(first.changed[0].modseq, first.changed[1].modseq);
    let state = store.read_blocking(|view| view.mailbox(ann, at.1)).unwrap().unwrap();
    assert_eq!((state.exists_count, state.unseen_count, state.deleted_count), (5, 3, 2));
    assert_eq!(state.highest_modseq, first.changed[0].modseq);
    let second = change(store, at, &[1..=3], (FlagOp::Add, Flags::SEEN, &[]), None);
    assert_eq!((uids_of(&second.changed), uids_of(&second.unchanged)), (vec![1], vec![2, 3]));
    assert_eq!(second.unchanged[0].modseq, first.changed[0].modseq, "what stays the same keeps its modseq");
    let before = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().modseq;
    assert_eq!(change(store, at, &[1..=3], (FlagOp::Add, Flags::SEEN, &[]), None).changed, []);
    assert_eq!(store.read_blocking(|view| view.account(ann)).unwrap().unwrap().modseq, before);
    let third = change(store, at, &[1..=5], (FlagOp::Replace, Flags::DRAFT, &[]), None);
    assert!(third.changed.iter().all(|found| found.flags == Flags::DRAFT));
    change(store, at, &[1..=5], (FlagOp::Remove, Flags::DRAFT | Flags::SEEN, &[]), None);
    let state = store.read_blocking(|view| view.mailbox(ann, at.1)).unwrap().unwrap();
    assert_eq!((state.unseen_count, state.deleted_count), (5, 0));
    let nowhere = FlagChange { op: FlagOp::Add, flags: Flags::SEEN, keywords: Keywords::NONE };
    let missing =
        store.write_blocking(move |tx| tx.change_flags(ann, MailboxId(99), &[1..=1], &nowhere, None));
    assert_eq!(missing, Err(StoreError::Missing(Missing::Mailbox)));
}

pub fn unchanged_since_refuses(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    fill(store, ann, at.1, 3, Flags::NONE);
    let since = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().modseq;
    change(store, at, &[2..=2], (FlagOp::Add, Flags::FLAGGED, &[]), None);
    let outcome = change(store, at, &[1..=3], (FlagOp::Add, Flags::SEEN, &[]), Some(since));
    assert_eq!(uids_of(&outcome.changed), [1, 3]);
    assert_eq!(outcome.modified_refused.iter().map(|uid| uid.get()).collect::<Vec<_>>(), [2]);
}

pub fn keywords_are_spelled_one_way(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    fill(store, ann, at.1, 2, Flags::NONE);
    change(store, at, &[1..=1], (FlagOp::Add, Flags::NONE, &["$Forwarded", "Work"]), None);
    let second = change(store, at, &[1..=2], (FlagOp::Add, Flags::NONE, &["WORK"]), None);
    assert_eq!(second.changed[0].keywords.as_str(), "Work");
    assert_eq!(uids_of(&second.unchanged), [1]);
    assert_eq!(store.read_blocking(|view| view.keywords(ann, at.1)).unwrap(), ["$Forwarded", "Work"]);
    let third = change(store, at, &[1..=1], (FlagOp::Remove, Flags::NONE, &["work", "never"]), None);
    assert_eq!(third.changed[0].keywords.as_str(), "$Forwarded");
    assert_eq!(store.read_blocking(|view| view.keywords(ann, at.1)).unwrap().len(), 2);
    for bad in ["", "a b", "a(", "\\Seen", "a\u{e4}", "a]", "a\"", "a%", "a*", "a{", &"x".repeat(256)] {
        assert!(matches!(Keywords::new([bad]), Err(StoreError::Invalid(_))), "{bad:?}");
    }
    let many: Vec<String> = (0..512).map(|n| format!("k{n}")).collect();
    let keywords = Keywords::new(many.iter().map(String::as_str)).unwrap();
    let many = FlagChange { op: FlagOp::Add, flags: Flags::NONE, keywords };
    let refused = store.write_blocking(move |tx| tx.change_flags(ann, at.1, &[1..=1], &many, None));
    assert_eq!(refused, Err(StoreError::Exhausted("keywords")));
}

pub fn expunge_leaves_tombstones(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    fill(store, ann, at.1, 8, Flags::NONE);
    let before = store.read_blocking(|view| view.mailbox(ann, at.1)).unwrap().unwrap();
    let nothing = write(store, move |tx| tx.expunge(at.0, at.1, None));
    assert_eq!((nothing.uids.len(), nothing.modseq), (0, before.highest_modseq));
    change(store, at, &[2..=4, 7..=7], (FlagOp::Add, Flags::DELETED, &[]), None);
    let some = write(store, move |tx| tx.expunge(at.0, at.1, Some(&[1..=3])));
    assert_eq!(some.uids.iter().map(|uid| uid.get()).collect::<Vec<_>>(), [2, 3]);
    let rest = write(store, move |tx| tx.expunge(at.0, at.1, None));
    assert_eq!(rest.uids.iter().map(|uid| uid.get()).collect::<Vec<_>>(), [4, 7]);
    assert_eq!(live(store, ann, at.1), [1, 5, 6, 8]);
    let since = store.read_blocking(|view| view.changes_since(ann, at.1, before.highest_modseq)).unwrap();
    assert_eq!((numbers(&since.vanished), since.complete), (vec![2, 3, 4, 7], true));
    let since = store.read_blocking(|view| view.changes_since(ann, at.1, some.modseq)).unwrap();
    assert_eq!(numbers(&since.vanished), [4, 7]);
    write(store, move |tx| tx.trim_tombstones(at.0, at.1, some.modseq));
    let old = store.read_blocking(|view| view.changes_since(ann, at.1, before.highest_modseq)).unwrap();
    assert!(!old.complete);
    let new = store.read_blocking(|view| view.changes_since(ann, at.1, some.modseq)).unwrap();
    assert_eq!((numbers(&new.vanished), new.complete), (vec![4, 7], true));
    let uids = fill(store, ann, at.1, 1, Flags::NONE);
    assert_eq!(uids[0].get(), 9, "a UID is never given twice");
    assert_eq!(write(store, |tx| tx.trim_many_tombstones(2, 10)), 0, "there are but two left");
    assert_eq!(write(store, |tx| tx.trim_many_tombstones(1, 10)), 1);
    let trimmed = store.read_blocking(|view| view.changes_since(ann, at.1, some.modseq)).unwrap();
    assert_eq!((numbers(&trimmed.vanished), trimmed.complete), (vec![], false), "both went at one modseq");
}

pub fn copies_are_new_messages(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    let sent = mailbox(store, ann, "Sent");
    fill(store, ann, at.1, 4, Flags::FLAGGED);
    fill(store, ann, sent, 2, Flags::NONE);
    change(store, at, &[2..=2], (FlagOp::Add, Flags::NONE, &["Work"]), None);
    let used = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().used_bytes;
    let copied = write(store, move |tx| tx.copy(ann, at.1, &[2..=3, 50..=60], sent));
    let pairs: Vec<_> = copied.pairs.iter().map(|(from, to)| (from.get(), to.get())).collect();
    assert_eq!(pairs, [(2, 3), (3, 4)]);
    let from = store.read_blocking(|view| view.placements_owned(ann, at.1, &[2..=3])).unwrap();
    let to = store.read_blocking(|view| view.placements_owned(ann, sent, &[3..=4])).unwrap();
    for (from, to) in from.iter().zip(&to) {
        assert_ne!(from.message_id, to.message_id);
        assert_eq!((from.flags, &from.keywords, from.received_ms), (to.flags, &to.keywords, to.received_ms));
        let content = |id| store.read_blocking(|view| view.read_content(ann, id)).unwrap();
        assert_eq!(content(from.message_id), content(to.message_id));
    }
    assert!(store.read_blocking(|view| view.account(ann)).unwrap().unwrap().used_bytes > used);
    let none = write(store, move |tx| tx.copy(ann, at.1, &[50..=60], sent));
    assert_eq!(none.pairs, []);
    let twice = write(store, move |tx| tx.copy(ann, at.1, &[1..=1], at.1));
    assert_eq!(twice.pairs[0].1.get(), 5, "a copy into the same mailbox is a copy");
}

pub fn copies_keep_to_the_quota(store: &Store) {
    let ann = account(store, "ann");
    let at = inbox(store, ann);
    let sent = mailbox(store, ann, "Sent");
    fill(store, ann, at, 4, Flags::NONE);
    let used = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().used_bytes;
    write(store, move |tx| tx.set_quota(ann, Some(used + used / 2)));
    let outcome = write(store, move |tx| Ok(tx.copy(ann, at, &[1..=4], sent)));
    assert!(matches!(outcome, Err(StoreError::OverQuota { .. })));
    assert_eq!(live(store, ann, sent), [0; 0], "all or nothing, also if the job goes on");
    write(store, move |tx| tx.copy(ann, at, &[1..=2], sent));
}

pub fn moves_keep_messages(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    let trash = mailbox(store, ann, "Trash");
    fill(store, ann, at.1, 4, Flags::SEEN);
    let before = store.read_blocking(|view| view.placements_owned(ann, at.1, &[2..=3])).unwrap();
    let since = store.read_blocking(|view| view.account(ann)).unwrap().unwrap();
    let moved = write(store, move |tx| tx.move_messages(ann, at.1, &[2..=3], trash));
    let pairs: Vec<_> = moved.pairs.iter().map(|(from, to)| (from.get(), to.get())).collect();
    assert_eq!(pairs, [(2, 1), (3, 2)]);
    let after = store.read_blocking(|view| view.placements_owned(ann, trash, &[1..=9])).unwrap();
    assert_eq!(before[0].message_id, after[0].message_id);
    assert_eq!(after[0].flags, Flags::SEEN);
    let changes = store.read_blocking(|view| view.changes_since(ann, at.1, since.modseq)).unwrap();
    assert_eq!((numbers(&changes.vanished), changes.changed.len()), (vec![2, 3], 0));
    assert_eq!(store.read_blocking(|view| view.account(ann)).unwrap().unwrap().used_bytes, since.used_bytes);
    let same = write(store, move |tx| tx.move_messages(ann, at.1, &[1..=1], at.1));
    assert_eq!(same.pairs[0].1.get(), 5);
    assert_eq!(live(store, ann, at.1), [4, 5]);
}

pub fn changes_since_tell_all(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    fill(store, ann, at.1, 3, Flags::NONE);
    let since = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().modseq;
    assert_eq!(store.read_blocking(|view| view.changes_since(ann, at.1, since)).unwrap().changed, []);
    change(store, at, &[3..=3], (FlagOp::Add, Flags::SEEN, &[]), None);
    change(store, at, &[1..=1], (FlagOp::Add, Flags::SEEN, &[]), None);
    fill(store, ann, at.1, 1, Flags::NONE);
    let found = store.read_blocking(|view| view.changes_since(ann, at.1, since)).unwrap();
    assert_eq!(uids_of(&found.changed), [1, 3, 4]);
    let all = store.read_blocking(|view| view.changes_since(ann, at.1, ModSeq(0))).unwrap();
    assert_eq!((all.changed.len(), all.complete), (4, false));
}

pub fn uids_follow_every_change(store: &Store) {
    let ann = account(store, "ann");
    let at = (ann, inbox(store, ann));
    let uids = |store: &Store| store.read_blocking(|view| view.uids(at.0, at.1)).unwrap();
    assert_eq!(uids(store), []);
    fill(store, ann, at.1, 6, Flags::NONE);
    assert_eq!(uids(store), [1..=6]);
    write(store, move |tx| tx.remove_messages(at.0, at.1, &[3..=4]));
    assert_eq!(uids(store), [1..=2, 5..=6]);
    change(store, at, &[5..=5], (FlagOp::Add, Flags::SEEN, &[]), None);
    fill(store, ann, at.1, 2, Flags::NONE);
    assert_eq!(uids(store), [1..=2, 5..=8]);
    let inside = store.write_blocking(move |tx| {
        tx.remove_messages(at.0, at.1, &[1..=1])?;
        assert_eq!(tx.uids(at.0, at.1)?, [2..=2, 5..=8]);
        Err::<(), _>(StoreError::Abandoned(String::new()))
    });
    assert!(inside.is_err());
    assert_eq!(uids(store), [1..=2, 5..=8], "what was rolled back is not remembered");
    let floor = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().modseq;
    write(store, move |tx| tx.remove_messages(at.0, at.1, &[6..=7]));
    write(store, move |tx| tx.trim_tombstones(at.0, at.1, ModSeq(floor.get() + 1)));
    assert_eq!(uids(store), [1..=2, 5..=5, 8..=8], "forgotten tombstones force a full read");
}

/// A model of a mailbox: UID to flags.
type Model = BTreeMap<u32, u8>;

pub fn random_walk_matches_model(store: &Store) {
    let ann = account(store, "ann");
    let boxes = [inbox(store, ann), mailbox(store, ann, "Archive")];
    let mut models = [Model::new(), Model::new()];
    let mut next = [1u32, 1];
    let mut seed = 12_345u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for step in 0..160 {
        let (here, there) = if random(2) == 0 { (0, 1) } else { (1, 0) };
        let first = random(20) as u32 + 1;
        let range = first..=first + random(6) as u32;
        match random(6) {
            0 | 1 => {
                for uid in fill(store, ann, boxes[here], random(4) as u32 + 1, Flags::NONE) {
                    assert_eq!(uid.get(), next[here]);
                    models[here].insert(uid.get(), 0);
                    next[here] += 1;
                }
            }
            2 => {
                let flags = Flags(random(32) as u8);
                change(
                    store,
                    (ann, boxes[here]),
                    std::slice::from_ref(&range),
                    (FlagOp::Replace, flags, &[]),
                    None,
                );
                models[here].range_mut(range).for_each(|(_, have)| *have = flags.0);
            }
            3 => {
                write(store, move |tx| tx.expunge(ann, boxes[here], None));
                models[here].retain(|_, flags| *flags & 8 == 0);
            }
            kind => {
                let going: Vec<(u32, u8)> =
                    models[here].range(range.clone()).map(|(uid, flags)| (*uid, *flags)).collect();
                let job_range = range.clone();
                write(store, move |tx| match kind {
                    4 => tx.copy(ann, boxes[here], std::slice::from_ref(&job_range), boxes[there]),
                    _ => tx.move_messages(ann, boxes[here], std::slice::from_ref(&job_range), boxes[there]),
                });
                for (uid, flags) in going {
                    models[there].insert(next[there], flags);
                    next[there] += 1;
                    if kind == 5 {
                        models[here].remove(&uid);
                    }
                }
            }
        }
        for (id, model) in boxes.iter().zip(&models) {
            let uids = store.read_blocking(|view| view.uids(ann, *id)).unwrap();
            assert_eq!(numbers(&uids), model.keys().copied().collect::<Vec<_>>(), "step {step}");
        }
        if step % 40 == 39 {
            assert_clean(store);
        }
    }
    for (id, model) in boxes.iter().zip(&models) {
        let all = store.read_blocking(|view| view.placements_owned(ann, *id, &[1..=u32::MAX])).unwrap();
        let flags: Model = all.iter().map(|found| (found.uid.get(), found.flags.0)).collect();
        assert_eq!(&flags, model);
    }
}
