//! The store from outside: one suite, run on every engine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod changes;
mod checks;
mod engines;
mod files;
mod mailboxes;
mod messages;
mod objects;
mod opening;
mod parts;
mod queues;
mod s3;
mod secure;
mod zones;

use std::ops::ControlFlow;

use store::{
    AccountId, Credential, Flags, MailboxId, MessageId, NO_KEYWORDS, NewMessage, OtherSizes, PreparedBlob,
    Store, StoreError, TraceId, Tx, Uid, UidRange,
};

/// Every function takes an empty store; the macro makes one test per engine of each.
macro_rules! suite {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        mod on_sqlite {
            $($(
                #[test]
                fn $name() {
                    crate::engines::with_sqlite(crate::$module::$name);
                }
            )+)+
        }
        mod on_objects {
            $($(
                #[test]
                fn $name() {
                    crate::engines::with_objects(crate::$module::$name);
                }
            )+)+
        }
        mod on_postgres {
            $($(
                #[test]
                fn $name() {
                    crate::engines::with_postgres(crate::$module::$name);
                }
            )+)+
        }
    };
}

suite! {
    accounts: domains_come_and_go, accounts_come_with_mailboxes, accounts_go_with_everything,
        addresses_are_found_in_any_case, aliases_lead_on, catch_all_and_postmaster, loops_are_seen;
    mailboxes: names_are_normal, parents_are_made, deleting_and_making_again, renaming_moves_children,
        renaming_inbox_moves_messages, subscriptions_outlive_mailboxes, special_uses_are_kept, recent_is_told_once;
    messages: a_message_comes_back_whole, other_sizes_are_kept_copied_and_found_out_later, content_is_shared, large_content_lies_in_a_file, quota_holds,
        message_numbers_rise, listing_stops_early, failed_jobs_leave_nothing, one_bad_job_spares_the_others,
        watches_tell, views_do_not_change, a_panic_is_an_error, async_callers_are_served;
    changes: flags_change_and_count, unchanged_since_refuses, keywords_are_spelled_one_way, expunge_leaves_tombstones,
        copies_are_new_messages, copies_keep_to_the_quota, moves_keep_messages, changes_since_tell_all,
        uids_follow_every_change, random_walk_matches_model;
    queues: entries_are_claimed_once, deferring_and_finishing, next_due, traces_are_found, traces_are_purged;
    files: a_tree_grows_and_is_listed, files_come_back_whole, replacing_keeps_readers_and_numbers,
        the_same_content_as_a_message, quota_counts_mail_and_files, renames_and_circles, removal,
        shared_folders_and_rights, ten_at_once, what_was_refused_for_it_is_there, moving_between_areas, accounts_take_their_files_along, profiles_are_kept, files_random_walk_matches_model;
    parts: cut_uploads_are_gone_on_with, parts_go_with_time_folder_and_whole, a_long_upload_is_whole,
        a_part_outlives_a_failed_resumption, parts_beside_files;
    checks: a_lively_store_is_clean;
    zones: zones_come_and_go, content_is_base_and_changes, journals_keep_what_the_content_needs,
        edits_are_undone_once, due_zones_and_changed_zones, zone_watches_tell, keys_and_rolls_are_kept,
        peers_need_their_keys, deleted_zones_come_back_whole,
        the_newest_deletion_of_a_name_is_kept_for_its_time, a_deleted_zone_holds_no_shared_key,
        notes_stand_in_the_journal_and_are_undone;
}

/// The account `name@example.org`, made together with its domain if that is missing.
pub fn account(store: &Store, name: &str) -> AccountId {
    let address = format!("{name}@example.org");
    store
        .write_blocking(move |tx| {
            if tx.domain_by_name("example.org")?.is_none() {
                tx.add_domain("example.org")?;
            }
            tx.add_account(&address, &Credential { password: "$6$x".to_owned(), scram: None })
        })
        .unwrap()
}

/// The bytes of a message, wherever they lie.
pub fn content(store: &Store, account: AccountId, id: MessageId) -> Vec<u8> {
    store.read_bringing_blocking(&mut |view| view.read_content(account, id)).unwrap()
}

/// The account's INBOX.
pub fn inbox(store: &Store, account: AccountId) -> MailboxId {
    mailbox(store, account, "INBOX")
}

/// The account's mailbox of this name.
pub fn mailbox(store: &Store, account: AccountId, name: &str) -> MailboxId {
    store.read_blocking(|view| view.mailbox_by_name(account, name)).unwrap().unwrap().id
}

/// A message with nothing special about it.
pub fn plain(blob: &PreparedBlob) -> NewMessage<'_> {
    NewMessage {
        blob,
        prefix: b"",
        received_ms: 1_700_000_000_000,
        flags: Flags::NONE,
        keywords: &NO_KEYWORDS,
        overview: b"overview",
        trace_id: TraceId(7),
        other_sizes: OtherSizes::default(),
    }
}

/// Adds `count` messages of different content with these flags.
pub fn fill(store: &Store, account: AccountId, mailbox: MailboxId, count: u32, flags: Flags) -> Vec<Uid> {
    let blobs: Vec<PreparedBlob> = (0..count)
        .map(|n| {
            store
                .prepare_blob_blocking(format!("Subject: {n} in {mailbox}\r\n\r\nbody\r\n").as_bytes())
                .unwrap()
        })
        .collect();
    store
        .write_blocking(move |tx| {
            let add = |blob| Ok(tx.add_message(account, mailbox, &NewMessage { flags, ..plain(blob) })?.uid);
            blobs.iter().map(add).collect()
        })
        .unwrap()
}

/// All UIDs of a mailbox by reading its placements.
pub fn live(store: &Store, account: AccountId, mailbox: MailboxId) -> Vec<u32> {
    let mut uids = Vec::new();
    let mut visit = |found: store::Placement<'_>| {
        uids.push(found.uid.get());
        ControlFlow::Continue(())
    };
    store.read_blocking(|view| view.placements(account, mailbox, &[1..=u32::MAX], &mut visit)).unwrap();
    uids
}

/// Runs a job that must succeed.
pub fn write<T: Send + 'static>(
    store: &Store,
    job: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write_blocking(job).unwrap()
}

/// The check must find nothing.
pub fn assert_clean(store: &Store) {
    let report = store.check(&mut |_| ()).unwrap();
    assert_eq!(report.findings, []);
}

/// Ranges as a list of numbers.
pub fn numbers(ranges: &[UidRange]) -> Vec<u32> {
    ranges.iter().cloned().flatten().collect()
}
