//! Mailboxes, names, subscriptions.

use store::{Flags, Mailbox, Missing, SpecialUse, Store, StoreError, normal_name};

use crate::{account, fill, inbox, live, mailbox, write};

fn names(store: &Store, account: store::AccountId) -> Vec<String> {
    let boxes = store.read_blocking(|view| view.mailboxes(account)).unwrap();
    boxes
        .into_iter()
        .map(|mailbox| mailbox.name)
        .filter(|name| name.starts_with(|c: char| c.is_lowercase()))
        .collect()
}

fn state(store: &Store, account: store::AccountId, id: store::MailboxId) -> Mailbox {
    store.read_blocking(|view| view.mailbox(account, id)).unwrap().unwrap()
}

pub fn names_are_normal(store: &Store) {
    let ann = account(store, "ann");
    assert_eq!(normal_name("inbox"), Ok("INBOX".to_owned()));
    assert_eq!(normal_name("InBox/sub"), Ok("INBOX/sub".to_owned()));
    assert_eq!(normal_name("inboxes"), Ok("inboxes".to_owned()));
    assert_eq!(normal_name("e\u{301}te\u{301}"), Ok("été".to_owned()));
    for bad in ["", "/a", "a/", "a//b", "a\r\nb", "a\0", &"a/".repeat(40), &"x".repeat(1001)] {
        assert!(matches!(normal_name(bad), Err(StoreError::Invalid(_))), "{bad:?}");
    }
    let id = write(store, move |tx| tx.create_mailbox(ann, "e\u{301}te\u{301}", None));
    assert_eq!(mailbox(store, ann, "été"), id);
    let again = store.write_blocking(move |tx| tx.create_mailbox(ann, "été", None));
    assert_eq!(again, Err(StoreError::Exists("mailbox")));
    let inbox = store.write_blocking(move |tx| tx.create_mailbox(ann, "inbox", None));
    assert_eq!(inbox, Err(StoreError::InboxFixed));
    assert_eq!(store.read_blocking(|view| view.mailbox_by_name(ann, "a//b")).unwrap(), None);
}

pub fn parents_are_made(store: &Store) {
    let ann = account(store, "ann");
    write(store, move |tx| tx.create_mailbox(ann, "a/b/c", None));
    assert_eq!(names(store, ann), ["a", "a/b", "a/b/c"]);
}

pub fn deleting_and_making_again(store: &Store) {
    let ann = account(store, "ann");
    let id = write(store, move |tx| tx.create_mailbox(ann, "a/b", None));
    let first = state(store, ann, id).uidvalidity;
    fill(store, ann, id, 3, Flags::NONE);
    let parent = mailbox(store, ann, "a");
    write(store, move |tx| tx.delete_mailbox(ann, parent));
    assert_eq!(names(store, ann), ["a/b"]);
    write(store, move |tx| tx.delete_mailbox(ann, id));
    let gone = store.write_blocking(move |tx| tx.delete_mailbox(ann, id));
    assert_eq!(gone, Err(StoreError::Missing(Missing::Mailbox)));
    let again = write(store, move |tx| tx.create_mailbox(ann, "a/b", None));
    assert_ne!(again, id);
    assert!(state(store, ann, again).uidvalidity > first, "UIDVALIDITY rises (RFC 9051 §2.3.1.1)");
    assert_eq!(store.read_blocking(|view| view.account(ann)).unwrap().unwrap().used_bytes, 0);
    let inbox = inbox(store, ann);
    assert_eq!(store.write_blocking(move |tx| tx.delete_mailbox(ann, inbox)), Err(StoreError::InboxFixed));
}

pub fn renaming_moves_children(store: &Store) {
    let ann = account(store, "ann");
    write(store, move |tx| tx.create_mailbox(ann, "a/b/c", None));
    write(store, move |tx| tx.create_mailbox(ann, "ab", None));
    let (a, c) = (mailbox(store, ann, "a"), mailbox(store, ann, "a/b/c"));
    let validity = state(store, ann, c).uidvalidity;
    let below = store.write_blocking(move |tx| tx.rename_mailbox(ann, a, "a/x"));
    assert!(matches!(below, Err(StoreError::Invalid(_))));
    let taken = store.write_blocking(move |tx| tx.rename_mailbox(ann, a, "ab"));
    assert_eq!(taken, Err(StoreError::Exists("mailbox")));
    write(store, move |tx| tx.rename_mailbox(ann, a, "x/y"));
    assert_eq!(names(store, ann), ["ab", "x", "x/y", "x/y/b", "x/y/b/c"]);
    assert_eq!(mailbox(store, ann, "x/y/b/c"), c);
    assert_eq!(state(store, ann, c).uidvalidity, validity);
}

pub fn renaming_inbox_moves_messages(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    fill(store, ann, inbox, 3, Flags::NONE);
    write(store, move |tx| tx.rename_mailbox(ann, inbox, "old/mail"));
    assert_eq!(live(store, ann, inbox), [0; 0]);
    assert_eq!(live(store, ann, mailbox(store, ann, "old/mail")), [1, 2, 3]);
    assert_eq!(names(store, ann), ["old", "old/mail"]);
    assert_eq!(mailbox(store, ann, "INBOX"), inbox);
}

pub fn subscriptions_outlive_mailboxes(store: &Store) {
    let ann = account(store, "ann");
    write(store, move |tx| tx.set_subscribed(ann, "no/such", true));
    write(store, move |tx| tx.set_subscribed(ann, "no/such", true));
    let archive = mailbox(store, ann, "Archive");
    write(store, move |tx| tx.delete_mailbox(ann, archive));
    let list = store.read_blocking(|view| view.subscriptions(ann)).unwrap();
    assert!(list.contains(&"no/such".to_owned()) && list.contains(&"Archive".to_owned()));
    write(store, move |tx| tx.set_subscribed(ann, "no/such", false));
    assert!(!store.read_blocking(|view| view.subscriptions(ann)).unwrap().contains(&"no/such".to_owned()));
}

pub fn special_uses_are_kept(store: &Store) {
    let ann = account(store, "ann");
    let id = write(store, move |tx| tx.create_mailbox(ann, "Wichtig", Some(SpecialUse::Important)));
    assert_eq!(state(store, ann, id).special_use, Some(SpecialUse::Important));
    let found = store.read_blocking(|view| view.mailbox_by_use(ann, SpecialUse::Important)).unwrap();
    assert_eq!(found.unwrap().id, id);
    write(store, move |tx| tx.set_special_use(ann, id, None));
    assert_eq!(state(store, ann, id).special_use, None);
    for special in SpecialUse::ALL {
        assert_eq!(SpecialUse::from_name(&special.name().to_uppercase()), Some(special));
    }
}

pub fn recent_is_told_once(store: &Store) {
    let ann = account(store, "ann");
    let inbox = inbox(store, ann);
    fill(store, ann, inbox, 2, Flags::NONE);
    assert_eq!(write(store, move |tx| tx.claim_recent(ann, inbox)), 1);
    assert_eq!(write(store, move |tx| tx.claim_recent(ann, inbox)), 3);
    fill(store, ann, inbox, 1, Flags::NONE);
    assert_eq!(state(store, ann, inbox).recent_uid, 3);
    assert_eq!(write(store, move |tx| tx.claim_recent(ann, inbox)), 3);
    assert_eq!(write(store, move |tx| tx.claim_recent(ann, inbox)), 4);
}
