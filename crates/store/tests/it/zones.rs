//! Zones, their journals and their keys.

use store::{
    KeyPurpose, Missing, NameKey, NameRoll, NewZoneChange, PeerRole, PreparedZone, SecretBytes, Store,
    StoreError, TsigKey, Zone, ZoneChangeKind, ZoneKind, ZoneNote, ZonePeer, ZoneSeen,
};

use crate::{assert_clean, write};

fn zone(store: &Store, name: &'static str) -> Zone {
    write(store, move |tx| tx.add_zone(name, ZoneKind::Primary, "{}"))
}

fn change(serial: u32, data: &[u8]) -> NewZoneChange {
    NewZoneChange {
        at_ms: 1_800_000_000_000,
        serial,
        kind: ZoneChangeKind::Edit,
        undoes: None,
        what: format!("to {serial}"),
        data: data.to_vec(),
        base: None,
        due_ms: None,
        settings: "{}".to_owned(),
        state: String::new(),
    }
}

pub fn zones_come_and_go(store: &Store) {
    let first = zone(store, "example.org");
    zone(store, "a.example");
    let again = store.write_blocking(|tx| tx.add_zone("example.org", ZoneKind::Secondary, ""));
    assert_eq!(again, Err(StoreError::Exists("zone")));
    let bad = store.write_blocking(|tx| tx.add_zone("Example.org", ZoneKind::Primary, ""));
    assert!(matches!(bad, Err(StoreError::Invalid(_))), "{bad:?}");
    let names: Vec<String> =
        store.read_blocking(|view| view.zones()).unwrap().into_iter().map(|zone| zone.name).collect();
    assert_eq!(names, ["a.example", "example.org"]);
    let found = store.read_blocking(|view| view.zone_by_name("example.org")).unwrap().unwrap();
    assert_eq!(found, first);
    assert_eq!((found.kind, found.serial, found.due_ms), (ZoneKind::Primary, 0, None));
    write(store, move |tx| tx.remove_zone(first.id));
    let gone = store.write_blocking(move |tx| tx.remove_zone(first.id));
    assert_eq!(gone, Err(StoreError::Missing(Missing::Zone)));
    let back = zone(store, "example.org");
    assert!(back.id > first.id, "numbers are not reused");
    assert_clean(store);
}

pub fn content_is_base_and_changes(store: &Store) {
    let zone = zone(store, "example.org");
    let content = |store: &Store| store.read_blocking(|view| view.zone_content(zone.id)).unwrap();
    assert_eq!(content(store).base, b"");
    // More than one part, of content that shrinks and content that does not.
    let large: Vec<u8> = (0..2_500_000u32)
        .flat_map(|n| if n < 1_200_000 { [1; 4] } else { n.wrapping_mul(2_654_435_761).to_be_bytes() })
        .collect();
    let base = PreparedZone::new(&large).unwrap();
    let new = NewZoneChange { base: Some(base), ..change(1, b"") };
    let first = write(store, move |tx| tx.change_zone(zone.id, zone.change, &new));
    assert_eq!(content(store).base, large);
    let second = write(store, move |tx| tx.change_zone(zone.id, first, &change(2, b"plus one")));
    let third = write(store, move |tx| tx.change_zone(zone.id, second, &change(3, &[7; 9000])));
    assert!(third > second && second > first);
    let now = content(store);
    assert_eq!((now.base == large, &now.changes[..]), (true, &[b"plus one".to_vec(), vec![7; 9000]][..]));
    let late = store.write_blocking(move |tx| tx.change_zone(zone.id, second, &change(4, b"x")));
    assert_eq!(late, Err(StoreError::Conflict));
    assert_clean(store);
    let new = NewZoneChange { base: Some(PreparedZone::new(b"small").unwrap()), ..change(9, b"all new") };
    write(store, move |tx| tx.change_zone(zone.id, third, &new));
    let now = content(store);
    assert_eq!((&now.base[..], now.changes.len()), (&b"small"[..], 0));
    let serials: Vec<(u32, u32)> = store
        .read_blocking(|view| view.zone_changes(zone.id, 10))
        .unwrap()
        .iter()
        .map(|entry| (entry.serial_before, entry.serial))
        .collect();
    assert_eq!(serials, [(3, 9), (2, 3), (1, 2), (0, 1)]);
    assert_eq!(write(store, move |tx| tx.trim_zone_changes(zone.id, 2)), 2);
    assert_clean(store);
}

pub fn journals_keep_what_the_content_needs(store: &Store) {
    let zone = zone(store, "example.org");
    let mut seen = zone.change;
    for serial in 1..=5 {
        seen = write(store, move |tx| tx.change_zone(zone.id, seen, &change(serial, b"d")));
    }
    assert_eq!(write(store, move |tx| tx.trim_zone_changes(zone.id, 1)), 0);
    assert_eq!(store.read_blocking(|view| view.zone_content(zone.id)).unwrap().changes.len(), 5);
}

pub fn edits_are_undone_once(store: &Store) {
    let zone = zone(store, "example.org");
    let first = write(store, move |tx| tx.change_zone(zone.id, zone.change, &change(1, b"one")));
    let upkeep = NewZoneChange { kind: ZoneChangeKind::Upkeep, ..change(2, b"signed") };
    let second = write(store, move |tx| tx.change_zone(zone.id, first, &upkeep));
    let last = store.read_blocking(|view| view.zone_undoable(zone.id, None)).unwrap().unwrap();
    assert_eq!((last.change, &last.data[..], &last.what[..]), (first, &b"one"[..], "to 1"));
    let undo = NewZoneChange { kind: ZoneChangeKind::Undo, undoes: Some(first), ..change(3, b"minus one") };
    let third = write(store, move |tx| tx.change_zone(zone.id, second, &undo));
    assert_eq!(store.read_blocking(|view| view.zone_undoable(zone.id, None)).unwrap(), None);
    let journal = store.read_blocking(|view| view.zone_changes_after(zone.id, 0)).unwrap();
    assert_eq!(journal[0].undone, Some(third));
}

pub fn due_zones_and_changed_zones(store: &Store) {
    let (early, late) = (zone(store, "early.example"), zone(store, "late.example"));
    let since = late.change;
    for (zone, due_ms) in [(early.clone(), 10), (late.clone(), 20)] {
        write(store, move |tx| tx.set_zone(zone.id, zone.change, "settings", "state", Some(due_ms)));
    }
    let due = |now_ms| -> Vec<String> {
        let zones = store.read_blocking(|view| view.zones_due(now_ms, 10)).unwrap();
        zones.into_iter().map(|zone| zone.name).collect()
    };
    assert_eq!(due(9), [""; 0]);
    assert_eq!(due(10), ["early.example"]);
    assert_eq!(due(99), ["early.example", "late.example"]);
    let changed = store.read_blocking(|view| view.zones_changed_since(since)).unwrap();
    assert_eq!(changed.len(), 2);
    assert_eq!((&changed[0].settings[..], &changed[0].state[..]), ("settings", "state"));
    let stale = store.write_blocking(move |tx| tx.set_zone(early.id, early.change, "", "", None));
    assert_eq!(stale, Err(StoreError::Conflict));
}

pub fn zone_watches_tell(store: &Store) {
    let mut watch = store.watch_zones();
    let zone = zone(store, "example.org");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(watch.changed()).get(), zone.change);
}

pub fn keys_and_rolls_are_kept(store: &Store) {
    let key = NameKey {
        name: "example.org".to_owned(),
        purpose: KeyPurpose::Dkim,
        key_id: 7,
        algorithm: 8,
        public: b"public".to_vec(),
        secret: SecretBytes(b"secret".to_vec()),
        state: "new".to_owned(),
        created_ms: 5,
    };
    assert!(!format!("{key:?}").contains("secret\""), "secrets are not shown");
    let other = NameKey { key_id: 8, ..key.clone() };
    let used = NameKey { state: "used".to_owned(), ..key.clone() };
    for key in [key, other.clone(), used.clone()] {
        write(store, move |tx| tx.put_name_key(&key));
    }
    let keys = |purpose| store.read_blocking(|view| view.name_keys("example.org", purpose)).unwrap();
    assert_eq!(keys(KeyPurpose::Dkim), [used.clone(), other.clone()]);
    assert_eq!(keys(KeyPurpose::Zone), []);
    write(store, |tx| tx.remove_name_key("example.org", KeyPurpose::Dkim, 7));
    assert_eq!(store.read_blocking(|view| view.all_name_keys(KeyPurpose::Dkim)).unwrap(), [other]);
    for state in ["one", "two"] {
        let roll = NameRoll {
            name: "example.org".to_owned(),
            purpose: KeyPurpose::Dkim,
            due_ms: Some(9),
            state: state.to_owned(),
        };
        write(store, move |tx| tx.put_name_roll(&roll));
    }
    let rolls = store.read_blocking(|view| view.name_rolls(KeyPurpose::Dkim)).unwrap();
    assert_eq!((rolls.len(), &rolls[0].state[..]), (1, "two"));
    write(store, |tx| tx.remove_name_keys("example.org", KeyPurpose::Dkim));
    assert_eq!(store.read_blocking(|view| view.name_roll("example.org", KeyPurpose::Dkim)).unwrap(), None);
    assert_eq!(keys(KeyPurpose::Dkim), []);
}

pub fn peers_need_their_keys(store: &Store) {
    let zone = zone(store, "example.org");
    let peer = ZonePeer {
        role: PeerRole::Fetches,
        address: "192.0.2.1".to_owned(),
        tsig_key: Some("k.example".to_owned()),
    };
    let (wish, id) = (peer.clone(), zone.id);
    let refused = store.write_blocking(move |tx| tx.add_zone_peer(id, &wish));
    assert_eq!(refused, Err(StoreError::Missing(Missing::Key)));
    let key = TsigKey {
        name: "k.example".to_owned(),
        algorithm: "hmac-sha256".to_owned(),
        secret: SecretBytes(vec![1; 32]),
        created_ms: 1,
    };
    let again = key.clone();
    write(store, move |tx| tx.add_tsig_key(&key));
    assert_eq!(store.write_blocking(move |tx| tx.add_tsig_key(&again)), Err(StoreError::Exists("key")));
    let (wish, plain) = (peer.clone(), ZonePeer { tsig_key: None, ..peer.clone() });
    let open = plain.clone();
    write(store, move |tx| tx.add_zone_peer(id, &wish).and_then(|()| tx.add_zone_peer(id, &open)));
    assert_eq!(store.read_blocking(|view| view.zone_peers(id)).unwrap(), [plain, peer]);
    let used = store.write_blocking(|tx| tx.remove_tsig_key("k.example"));
    assert!(matches!(used, Err(StoreError::Invalid(_))), "{used:?}");
    assert_clean(store);
    assert!(write(store, move |tx| tx.remove_zone_peer(id, PeerRole::Fetches, "192.0.2.1")));
    assert!(!write(store, move |tx| tx.remove_zone_peer(id, PeerRole::Fetches, "192.0.2.1")));
    write(store, |tx| tx.remove_tsig_key("k.example"));
    assert_eq!(store.read_blocking(|view| view.tsig_keys()).unwrap(), []);
    let seen = ZoneSeen { subject: "192.0.2.1".to_owned(), at_ms: 3, content: "7".to_owned() };
    for content in ["6", "7"] {
        let seen = ZoneSeen { content: content.to_owned(), ..seen.clone() };
        write(store, move |tx| tx.put_zone_seen(id, &seen));
    }
    assert_eq!(store.read_blocking(|view| view.zone_seen(id)).unwrap(), [seen]);
}

fn key(key_id: u64, public: &[u8]) -> NameKey {
    NameKey {
        name: "example.org".to_owned(),
        purpose: KeyPurpose::Zone,
        key_id,
        algorithm: 13,
        public: public.to_vec(),
        secret: SecretBytes(b"secret".to_vec()),
        state: String::new(),
        created_ms: 5,
    }
}

fn keys_for(store: &Store, purpose: KeyPurpose) -> Vec<NameKey> {
    store.read_blocking(|view| view.name_keys("example.org", purpose)).unwrap()
}

pub fn deleted_zones_come_back_whole(store: &Store) {
    let zone = zone(store, "example.org");
    let id = zone.id;
    let new = NewZoneChange {
        base: Some(PreparedZone::new(b"base").unwrap()),
        state: "signed".to_owned(),
        due_ms: Some(9),
        ..change(7, b"first")
    };
    let first = write(store, move |tx| tx.change_zone(id, zone.change, &new));
    write(store, move |tx| tx.change_zone(id, first, &change(8, b"plus")));
    let peer = ZonePeer { role: PeerRole::Fetches, address: "192.0.2.1".to_owned(), tsig_key: None };
    let (wish, mine) = (peer.clone(), key(1, b"mine"));
    write(store, move |tx| tx.add_zone_peer(id, &wish).and_then(|()| tx.put_name_key(&mine)));
    let before = store.read_blocking(|view| view.zone(id)).unwrap().unwrap();
    write(store, move |tx| tx.put_zone_away(id, 1000, "delete"));
    assert_eq!(store.read_blocking(|view| view.zones()).unwrap(), []);
    assert_eq!(store.read_blocking(|view| view.zones_due(99, 9)).unwrap(), []);
    assert_eq!(keys_for(store, KeyPurpose::Zone), [], "another zone of that name has none of its keys");
    let gone = store.read_blocking(|view| view.gone_zone("example.org")).unwrap().unwrap();
    assert_eq!((gone.gone_ms, gone.zone.id, gone.zone.serial, gone.last_serial), (1000, id, 8, 8));
    assert_eq!(store.read_blocking(|view| view.gone_zones()).unwrap(), std::slice::from_ref(&gone));
    assert_eq!(store.read_blocking(|view| view.zone_content(id)).unwrap().base, b"base");
    assert_clean(store);
    let back = write(store, |tx| tx.bring_zone_back("example.org"));
    assert_eq!(back, gone.zone);
    let back = store.read_blocking(|view| view.zone(id)).unwrap().unwrap();
    assert_eq!(Zone { change: before.change, ..back }, before);
    assert_eq!(store.read_blocking(|view| view.zone_content(id)).unwrap().changes, [b"plus".to_vec()]);
    assert_eq!(store.read_blocking(|view| view.zone_peers(id)).unwrap(), [peer]);
    assert_eq!(keys_for(store, KeyPurpose::Zone), [key(1, b"mine")]);
    let journal = store.read_blocking(|view| view.zone_changes(id, 9)).unwrap();
    assert_eq!((&journal[0].what[..], journal[0].serial), ("delete", 8));
    assert_eq!(journal[0].change, gone.zone.change);
    let again = store.write_blocking(|tx| tx.bring_zone_back("example.org"));
    assert_eq!(again, Err(StoreError::Exists("zone")));
    assert_eq!(store.read_blocking(|view| view.gone_zones()).unwrap(), []);
    assert_clean(store);
}

pub fn the_newest_deletion_of_a_name_is_kept_for_its_time(store: &Store) {
    let first = zone(store, "example.org");
    write(store, |tx| tx.put_name_key(&key(1, b"first")));
    write(store, move |tx| tx.put_zone_away(first.id, 1000, "delete"));
    let second = zone(store, "example.org");
    write(store, |tx| tx.put_name_key(&key(1, b"second")));
    let taken = store.write_blocking(|tx| tx.bring_zone_back("example.org"));
    assert_eq!(taken, Err(StoreError::Exists("zone")));
    assert_clean(store);
    write(store, move |tx| tx.put_zone_away(second.id, 2000, "delete"));
    let gone = store.read_blocking(|view| view.gone_zones()).unwrap();
    assert_eq!(gone.iter().map(|gone| gone.zone.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(keys_for(store, KeyPurpose::GoneZone).len(), 1);
    assert_eq!(store.read_blocking(|view| view.zone_changes(first.id, 9)).unwrap(), []);
    assert_clean(store);
    // What is removed for good takes nothing that was deleted before with it, but the name was served by it.
    for (serial, last) in [(0, 0), (9, 9), (4, 9), (2_147_483_656, 2_147_483_656)] {
        let third = zone(store, "example.org");
        write(store, move |tx| {
            if serial != 0 {
                tx.change_zone(third.id, third.change, &change(serial, b"third"))?;
            }
            tx.remove_zone(third.id)
        });
        let gone = store.read_blocking(|view| view.gone_zone("example.org")).unwrap().unwrap();
        assert_eq!((gone.zone.id, gone.last_serial), (second.id, last), "after {serial}");
    }
    assert_eq!(write(store, |tx| tx.forget_gone_zones(2000, 9)), 0);
    assert_eq!(write(store, |tx| tx.forget_gone_zones(2001, 9)), 1);
    assert_eq!(keys_for(store, KeyPurpose::GoneZone), []);
    let gone = store.write_blocking(|tx| tx.bring_zone_back("example.org"));
    assert_eq!(gone, Err(StoreError::Missing(Missing::Zone)));
    assert_clean(store);
}

pub fn a_deleted_zone_holds_no_shared_key(store: &Store) {
    let zone = zone(store, "example.org");
    let id = zone.id;
    let shared = TsigKey {
        name: "k.example".to_owned(),
        algorithm: "hmac-sha256".to_owned(),
        secret: SecretBytes(vec![1; 32]),
        created_ms: 1,
    };
    let keyed = ZonePeer {
        role: PeerRole::Fetches,
        address: "192.0.2.1".to_owned(),
        tsig_key: Some("k.example".to_owned()),
    };
    let wish = keyed.clone();
    write(store, move |tx| tx.add_tsig_key(&shared).and_then(|()| tx.add_zone_peer(id, &wish)));
    write(store, move |tx| tx.put_zone_away(id, 1000, "delete"));
    write(store, |tx| tx.remove_tsig_key("k.example"));
    assert_clean(store);
    assert_eq!(store.read_blocking(|view| view.keyless_peers(id)).unwrap(), [keyed]);
    write(store, |tx| tx.bring_zone_back("example.org"));
    assert_eq!(store.read_blocking(|view| view.keyless_peers(id)).unwrap(), []);
    assert_eq!(store.read_blocking(|view| view.zone_peers(id)).unwrap(), []);
    assert_clean(store);
}

pub fn notes_stand_in_the_journal_and_are_undone(store: &Store) {
    let zone = zone(store, "example.org");
    let id = zone.id;
    let first = write(store, move |tx| tx.change_zone(id, zone.change, &change(7, b"records")));
    let note = ZoneNote {
        at_ms: 5,
        kind: ZoneChangeKind::Edit,
        undoes: None,
        what: "a peer".to_owned(),
        data: b"peer".to_vec(),
    };
    let undo = ZoneNote { kind: ZoneChangeKind::Undo, ..note.clone() };
    let noted = write(store, move |tx| tx.note_zone(id, &note));
    let undo = ZoneNote { undoes: Some(noted), ..undo };
    let undoable = |before| store.read_blocking(|view| view.zone_undoable(id, Some(before))).unwrap();
    let newest = undoable(u64::MAX >> 1).unwrap();
    assert_eq!((newest.change, newest.serial_before, newest.serial), (noted, 7, 7));
    assert_eq!(undoable(noted).unwrap().change, first);
    assert_eq!(undoable(first), None);
    assert_clean(store);
    let late = store.write_blocking(move |tx| tx.change_zone(id, first, &change(8, b"late")));
    assert_eq!(late, Err(StoreError::Conflict), "who changes the zone reads what was noted");
    let undone = write(store, move |tx| tx.note_zone(id, &undo));
    let journal = store.read_blocking(|view| view.zone_changes_after(id, first)).unwrap();
    assert_eq!(journal[0].undone, Some(undone));
    assert_eq!(store.read_blocking(|view| view.zone_undoable(id, None)).unwrap().unwrap().change, first);
    assert_clean(store);
}
