//! The check finds every kind of damage, and nothing where there is none.

use std::time::{Duration, SystemTime};

use store::{
    Access, AccountId, AreaId, EntryId, FilePath, FlagChange, FlagOp, Flags, FtpProfile, Keywords, NewFile,
    NewQueued, NewZoneChange, ORPHAN_AGE, PreparedZone, Store, TraceId, ZoneChangeKind, ZoneKind,
};

use crate::engines::sqlite_settings;
use crate::files::{noise, own, uploaded};
use crate::{account, assert_clean, fill, inbox, mailbox, plain, write};

/// Leaves behind something of everything the check looks at.
pub fn a_lively_store_is_clean(store: &Store) {
    let (ann, bob) = (account(store, "ann"), account(store, "bob"));
    let (at_ann, trash) = (inbox(store, ann), mailbox(store, ann, "Trash"));
    fill(store, ann, at_ann, 10, Flags::NONE);
    fill(store, bob, inbox(store, bob), 3, Flags::SEEN);
    let large: Vec<u8> = (0..60_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let blob = store.prepare_blob_blocking(&large).unwrap();
    write(store, move |tx| tx.add_message(ann, at_ann, &plain(&blob)));
    let keywords = Keywords::new(["Work"]).unwrap();
    let change = FlagChange { op: FlagOp::Add, flags: Flags::DELETED, keywords };
    write(store, move |tx| tx.change_flags(ann, at_ann, &[2..=5], &change, None));
    write(store, move |tx| tx.copy(ann, at_ann, &[1..=3], trash));
    write(store, move |tx| tx.move_messages(ann, at_ann, &[9..=9], trash));
    write(store, move |tx| tx.expunge(ann, at_ann, Some(&[4..=9])));
    let blob = store.prepare_blob_blocking(b"to others").unwrap();
    write(store, move |tx| {
        tx.enqueue(&NewQueued {
            blob: &blob,
            prefix: b"",
            sender: "ann@example.org",
            options: "",
            created_ms: 1,
            trace_id: TraceId(1),
            recipients: &[("x@y.example", "")],
        })
    });
    something_in_areas(store, ann);
    write(store, move |tx| {
        let zone = tx.add_zone("example.org", ZoneKind::Primary, "")?;
        let new = NewZoneChange {
            at_ms: 1,
            serial: 5,
            kind: ZoneChangeKind::Edit,
            undoes: None,
            what: String::new(),
            data: b"difference".to_vec(),
            base: Some(PreparedZone::new(b"content of a zone")?),
            due_ms: None,
            settings: String::new(),
            state: String::new(),
        };
        let seen = tx.change_zone(zone.id, zone.change, &new)?;
        tx.change_zone(zone.id, seen, &NewZoneChange { serial: 6, base: None, ..new.clone() })?;
        let gone = tx.add_zone("gone.example", ZoneKind::Primary, "")?;
        tx.change_zone(gone.id, gone.change, &new)?;
        tx.put_zone_away(gone.id, 1, "delete")
    });
    let report = store.check(&mut |_| ()).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.counted.files, report.counted.parts), (6, 1));
    assert_eq!((report.counted.accounts, report.counted.mailboxes, report.counted.queued), (2, 12, 1));
    assert!(report.counted.contents >= 10 && report.counted.content_bytes > 240_000);
}

/// Folders, a small and a large file, a cut upload, a shared folder with a member.
fn something_in_areas(store: &Store, ann: AccountId) {
    let at = own(ann);
    let path = FilePath::parse("/docs/old").unwrap();
    let old = write(store, move |tx| tx.make_folders(Access::Account(ann), AreaId::Account(ann), &path));
    at.put(store, old.id, "small", b"small").unwrap();
    at.put(store, old.id, "large", &noise(100_000, 1)).unwrap();
    let mut upload = store.upload(AreaId::Account(ann), 0);
    upload.write_block(&noise(70_000, 2)).unwrap();
    let part = upload.keep().unwrap().unwrap();
    let team = write(store, move |tx| {
        tx.keep_part(Access::Account(ann), AreaId::Account(ann), old.id, "cut", &part)?;
        tx.set_ftp_profile(ann, &FtpProfile::device())?;
        let team = tx.add_share("team")?;
        tx.set_share_member(team, ann, true)?;
        tx.make_folder(Access::Account(ann), AreaId::Share(team), EntryId::ROOT, "plans")?;
        Ok(team)
    });
    let content = uploaded(store, AreaId::Share(team), b"ours").unwrap();
    write(store, move |tx| {
        let (area, folder, name) = (AreaId::Share(team), EntryId::ROOT, "f");
        let content = &content;
        let new = NewFile { area, folder, name, content, modified_ms: 1, replaces: false };
        tx.place_file(Access::Account(ann), &new)
    });
}

/// Damage by SQL, and what the check must call it.
const DAMAGE: &[(&str, &str)] = &[
    ("UPDATE mailbox SET exists_count = exists_count + 1 WHERE name = 'INBOX'", "message count"),
    ("UPDATE mailbox SET unseen_count = 99 WHERE name = 'INBOX'", "unseen count"),
    ("UPDATE mailbox SET deleted_count = 99 WHERE name = 'INBOX'", "deleted count"),
    ("UPDATE mailbox SET size_bytes = 0 WHERE name = 'INBOX'", "mailbox size"),
    ("UPDATE mailbox SET uidnext = 1 WHERE name = 'INBOX'", "UID"),
    ("UPDATE mailbox SET highest_modseq = 999999 WHERE name = 'INBOX'", "mailbox modseq"),
    ("UPDATE mailbox SET highest_modseq = 1 WHERE name = 'INBOX'", "message modseq"),
    ("UPDATE mailbox SET recent_uid = 999 WHERE name = 'INBOX'", "recent UID"),
    ("UPDATE mailbox SET uidvalidity = 0 WHERE name = 'INBOX'", "UIDVALIDITY"),
    ("UPDATE mailbox SET uidvalidity = (SELECT MAX(uidvalidity) FROM mailbox)", "UIDVALIDITY"),
    ("UPDATE account SET last_mailbox_id = 1", "mailbox number"),
    ("UPDATE zone_base SET data = CAST('content of a zonE' AS BLOB)", "zone content"),
    ("DELETE FROM zone_base", "zone content"),
    ("UPDATE zone SET serial = 4", "zone serial"),
    ("UPDATE zone SET base_change = 99", "zone change"),
    ("UPDATE counter SET value = 1 WHERE name = 'zone-change'", "zone change"),
    ("UPDATE zone_change SET serial_before = 77", "zone journal"),
    ("UPDATE zone SET zone_id = 77", "change without zone"),
    ("INSERT INTO zone_peer VALUES (1, 1, 'a', 'gone')", "peer without key"),
    ("DELETE FROM zone_gone", "content without zone"),
    ("UPDATE zone_gone SET serial = 4", "zone serial"),
    ("UPDATE zone_gone SET zone_id = 1", "deleted zone"),
    ("INSERT INTO name_key VALUES ('x.example', 4, 1, 13, x'', x'', '', 1)", "key without zone"),
    ("UPDATE mailbox SET tombstone_floor_modseq = 999999 WHERE name = 'INBOX'", "tombstone floor"),
    ("UPDATE mailbox SET name = 'Post' WHERE name = 'INBOX'", "INBOX"),
    ("DELETE FROM mailbox WHERE name = 'Trash'", "placement without mailbox"),
    ("UPDATE account SET used_bytes = used_bytes + 1", "account size"),
    ("UPDATE account SET last_message_id = 5", "message number"),
    ("UPDATE account SET domain_id = 77", "account without domain"),
    ("DELETE FROM account WHERE address LIKE 'bob%'", "mailbox without account"),
    ("DELETE FROM account WHERE address LIKE 'bob%'", "message without account"),
    ("DELETE FROM account WHERE address LIKE 'bob%'", "subscription without account"),
    ("DELETE FROM placement WHERE uid = 1", "message without mailbox"),
    (
        "DELETE FROM message WHERE message_id = (SELECT MIN(message_id) FROM message)",
        "placement without message",
    ),
    ("UPDATE message SET size_bytes = size_bytes + 1", "message size"),
    ("UPDATE placement SET received_ms = 5 WHERE uid = 1", "placement"),
    ("UPDATE placement SET added_modseq = modseq + 1 WHERE uid = 1", "order of arrival"),
    (
        "UPDATE placement SET added_modseq = 1 WHERE uid = (SELECT MAX(uid) FROM placement)",
        "order of arrival",
    ),
    ("UPDATE placement SET size_bytes = 5 WHERE uid = 1", "placement"),
    ("UPDATE placement SET keywords = 'Never' WHERE uid = 1", "keyword"),
    ("INSERT INTO keyword VALUES (1, 999, 'x')", "keyword without mailbox"),
    ("INSERT INTO tombstone VALUES (1, 999, 5, 1, 1)", "tombstone without mailbox"),
    ("UPDATE tombstone SET modseq = 0", "tombstone"),
    ("UPDATE tombstone SET last_uid = 99999", "tombstone"),
    ("UPDATE tombstone SET uid = 1", "tombstone"),
    ("UPDATE blob SET refs = refs + 1", "reference count"),
    ("UPDATE blob SET size_bytes = size_bytes + 1", "content"),
    ("UPDATE content SET data = x'00' WHERE data IS NOT NULL", "content"),
    ("UPDATE content SET data = (SELECT data FROM content WHERE data IS NOT NULL LIMIT 1)", "content"),
    ("DELETE FROM content WHERE file IS NULL", "content missing"),
    ("DELETE FROM blob", "content missing"),
    ("DELETE FROM blob", "content unreachable"),
    ("UPDATE content SET file = 'no/such' WHERE file IS NOT NULL", "content file"),
    ("DELETE FROM queue_recipient", "queue entry"),
    ("DELETE FROM queue", "queue entry"),
    ("DELETE FROM queue", "reference count"),
    ("UPDATE file_entry SET parent_id = 77 WHERE name = 'small'", "file without folder"),
    ("UPDATE file_entry SET parent_id = entry_id WHERE name = 'docs'", "file without folder"),
    (
        "UPDATE file_entry SET parent_id = (SELECT entry_id FROM file_entry WHERE name = 'old') WHERE name = 'docs'",
        "file without folder",
    ),
    ("UPDATE file_part SET parent_id = 77", "file without folder"),
    ("UPDATE file_entry SET name = 'a/b' WHERE name = 'docs'", "file name"),
    ("UPDATE file_entry SET name = 'shared' WHERE name = 'docs'", "file name"),
    ("UPDATE file_entry SET size_bytes = size_bytes + 1 WHERE name = 'small'", "file size"),
    ("UPDATE file_entry SET size_bytes = size_bytes + 1 WHERE name = 'small'", "account size"),
    ("UPDATE file_entry SET size_bytes = 3 WHERE name = 'docs'", "file size"),
    ("UPDATE file_entry SET mode = 4096 WHERE name = 'docs'", "file size"),
    ("UPDATE file_entry SET sha256 = NULL WHERE name = 'small'", "file size"),
    ("UPDATE file_entry SET sha256 = randomblob(32) WHERE name = 'small'", "content"),
    ("UPDATE file_entry SET sha256 = randomblob(32) WHERE name = 'large'", "content file"),
    ("DELETE FROM file_entry WHERE name = 'small'", "reference count"),
    ("UPDATE file_entry SET blob_id = 5 WHERE name = 'small'", "content missing"),
    ("UPDATE file_share SET used_bytes = 1", "shared folder size"),
    ("UPDATE counter SET value = 0 WHERE name = 'share'", "shared folder number"),
    ("DELETE FROM file_share", "file area without owner"),
    ("DELETE FROM file_share", "member without shared folder"),
    ("DELETE FROM account WHERE address LIKE 'ann%'", "file area without owner"),
    ("DELETE FROM account WHERE address LIKE 'ann%'", "member without account"),
    ("DELETE FROM account WHERE address LIKE 'ann%'", "profile without account"),
    ("DELETE FROM file_part", "account size"),
    ("UPDATE file_part SET size_bytes = size_bytes + 1", "cut upload"),
    ("UPDATE file_part SET file = 'begun/none'", "cut upload"),
    ("UPDATE counter SET value = 0 WHERE name = 'account'", "counter"),
    ("DELETE FROM counter WHERE name = 'domain'", "counter"),
    ("UPDATE domain SET name = 'Example.ORG'", "domain name"),
    ("UPDATE account SET address = 'ANN@example.org' WHERE address LIKE 'ann%'", "account address"),
    ("UPDATE account SET quota_bytes = -1", "quota"),
    ("UPDATE mailbox SET name = 'a//b' WHERE name = 'Trash'", "mailbox name"),
    ("UPDATE mailbox SET special_use = (SELECT MAX(special_use) FROM mailbox)", "special use"),
    ("INSERT INTO alias VALUES ('x@nowhere.example', 'ann@example.org')", "alias"),
    ("INSERT INTO trace_event VALUES (7, 1, 5, NULL, 1, 'x', NULL)", "trace"),
    // A trick that makes the index disagree with its table, as a torn page would.
    (
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'placement_by_modseq'",
        "database file",
    ),
];

#[test]
fn every_damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&sqlite_settings(folder.path())).unwrap();
    a_lively_store_is_clean(&store);
    drop(store);
    for (sql, what) in DAMAGE {
        let copy = tempfile::tempdir().unwrap();
        let status =
            std::process::Command::new("cp").arg("-r").arg(folder.path().join(".")).arg(copy.path()).status();
        assert!(status.unwrap().success());
        let database = rusqlite::Connection::open(copy.path().join("posthouse.db")).unwrap();
        database.execute_batch(sql).unwrap();
        drop(database);
        let store = Store::open(&sqlite_settings(copy.path())).unwrap();
        let report = store.check(&mut |_| ()).unwrap();
        let found: Vec<_> = report.findings.iter().map(|finding| finding.what).collect();
        assert!(found.contains(what), "{sql}: {:?}", report.findings);
    }
}

#[test]
fn files_are_compared_and_orphans_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&sqlite_settings(folder.path())).unwrap();
    a_lively_store_is_clean(&store);
    let mut shelves =
        std::fs::read_dir(folder.path().join("blobs")).unwrap().map(|shelf| shelf.unwrap().path());
    let shelf = shelves.find(|shelf| !shelf.ends_with("begun")).unwrap();
    let file = std::fs::read_dir(&shelf).unwrap().next().unwrap().unwrap().path();
    let young = shelf.join("young");
    let old = shelf.join("old");
    std::fs::write(&young, "x").unwrap();
    std::fs::write(&old, "x").unwrap();
    let then = SystemTime::now() - ORPHAN_AGE - Duration::from_secs(9);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(then).unwrap();
    let whats = |store: &Store| -> Vec<_> {
        store.check(&mut |_| ()).unwrap().findings.into_iter().map(|finding| finding.what).collect()
    };
    let begun = folder.path().join("blobs/begun/left");
    std::fs::write(&begun, "x").unwrap();
    std::fs::File::options().write(true).open(&begun).unwrap().set_modified(then).unwrap();
    assert_eq!(whats(&store), ["orphan file"; 2]);
    assert_eq!(store.remove_begun_uploads().unwrap(), ["begun/left"]);
    assert_eq!(whats(&store), ["orphan file"]);
    assert_eq!(store.remove_orphans().unwrap().len(), 1);
    assert!(young.exists() && !old.exists() && file.exists());
    assert_clean(&store);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(whats(&store), ["content file"]);
}
