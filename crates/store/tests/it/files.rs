//! File areas: trees, rights, quota, uploads and cut uploads.

use std::io::Read;

use store::{
    Access, AccountId, AreaId, Content, DataBinding, DigestAlgorithm, Entry, EntryId, FilePath, FtpProfile,
    INLINE_MAX_BYTES, Missing, NewFile, Right, ShareId, Store, StoreError, Uploaded,
};

use crate::parts::cut;
use crate::{account, inbox, plain, write};

const ROOT: EntryId = EntryId::ROOT;
const MISSING: StoreError = StoreError::Missing(Missing::File);

/// An area with the right to it.
#[derive(Clone, Copy)]
pub struct At {
    pub access: Access,
    pub area: AreaId,
}

pub fn own(account: AccountId) -> At {
    At { access: Access::Account(account), area: AreaId::Account(account) }
}

pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

pub fn uploaded(store: &Store, area: AreaId, bytes: &[u8]) -> Result<Uploaded, StoreError> {
    let mut upload = store.upload(area, 0);
    for block in bytes.chunks(100_000) {
        upload.write_block(block)?;
    }
    assert_eq!(upload.size_bytes(), bytes.len() as u64);
    upload.finish()
}

impl At {
    pub fn put(self, store: &Store, folder: EntryId, name: &str, bytes: &[u8]) -> Result<Entry, StoreError> {
        let content = uploaded(store, self.area, bytes)?;
        let (At { access, area }, name) = (self, name.to_owned());
        store.write_blocking(move |tx| {
            let new =
                NewFile { area, folder, name: &name, content: &content, modified_ms: 5, replaces: true };
            tx.place_file(access, &new)
        })
    }

    pub fn mkdir(self, store: &Store, parent: EntryId, name: &str) -> Result<Entry, StoreError> {
        let (At { access, area }, name) = (self, name.to_owned());
        store.write_blocking(move |tx| tx.make_folder(access, area, parent, &name))
    }

    pub fn at(self, store: &Store, path: &str) -> Option<Entry> {
        let path = FilePath::parse(path).unwrap();
        store.read_blocking(|view| view.entry_at(self.access, self.area, &path)).unwrap()
    }

    pub fn get(self, store: &Store, path: &str) -> Vec<u8> {
        let entry = self.at(store, path).unwrap();
        let opened = store.open_file_blocking(self.access, entry.area, entry.id).unwrap();
        assert_eq!(opened.entry, entry);
        match opened.content {
            Content::Inline(bytes) => bytes,
            Content::File { mut file, size_bytes } => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes.len() as u64, size_bytes);
                bytes
            }
            content @ Content::Remote(_) => {
                let mut bytes = Vec::new();
                let read = content.each_block(0..content.size_bytes(), &mut |block| {
                    bytes.extend_from_slice(block);
                    Ok(std::ops::ControlFlow::Continue(()))
                });
                read.unwrap();
                bytes
            }
        }
    }

    pub fn names(self, store: &Store, folder: EntryId) -> Vec<String> {
        let list = store.read_blocking(|view| view.entries(self.access, self.area, folder, None, 1000));
        list.unwrap().into_iter().map(|entry| entry.name).collect()
    }

    pub fn rename(self, store: &Store, id: EntryId, folder: EntryId, name: &str) -> Result<(), StoreError> {
        let (At { access, area }, name) = (self, name.to_owned());
        store.write_blocking(move |tx| tx.rename_entry(access, (area, id), (area, folder, &name)))
    }
}

pub fn used(store: &Store, area: AreaId) -> u64 {
    store.read_blocking(|view| view.area_room(Access::Operator, area)).unwrap().used_bytes
}

pub fn a_tree_grows_and_is_listed(store: &Store) {
    let ann = own(account(store, "ann"));
    assert_eq!(ann.names(store, ROOT), [""; 0]);
    let docs = ann.mkdir(store, ROOT, "docs").unwrap();
    for name in ["b", "a", "ä", "B"] {
        ann.put(store, docs.id, name, name.as_bytes()).unwrap();
    }
    assert_eq!(ann.names(store, docs.id), ["B", "a", "b", "ä"], "in the order of bytes");
    assert_eq!(ann.mkdir(store, ROOT, "docs"), Err(StoreError::Exists("name")));
    let bad = ["", ".", "..", "a/b", "a\nb", "shared"];
    for name in bad {
        assert!(matches!(ann.mkdir(store, ROOT, name), Err(StoreError::Invalid(_))), "{name:?}");
    }
    assert!(ann.mkdir(store, docs.id, "shared").is_ok(), "the name is kept only in the root");
    let page = |after: Option<&str>| -> Vec<String> {
        let page = store.read_blocking(|view| view.entries(ann.access, ann.area, docs.id, after, 2)).unwrap();
        page.into_iter().map(|entry| entry.name).collect()
    };
    assert_eq!(page(None), ["B", "a"]);
    assert_eq!(page(Some("a")), ["b", "shared"]);
    assert_eq!(page(Some("shared")), ["ä"]);
    assert_eq!(page(Some("ä")), [""; 0]);
    let file = ann.at(store, "/docs/a").unwrap();
    assert!(ann.at(store, "/docs/a/b").is_none());
    assert_eq!(ann.mkdir(store, file.id, "x"), Err(StoreError::NotAFolder));
    assert_eq!(ann.mkdir(store, EntryId(99), "x"), Err(MISSING));
    let path = FilePath::parse("/docs/x/y").unwrap();
    let made = write(store, move |tx| tx.make_folders(ann.access, ann.area, &path));
    assert_eq!(ann.at(store, "docs/x/y"), Some(made));
    let path = FilePath::parse("/docs/a/y").unwrap();
    let through_a_file = store.write_blocking(move |tx| tx.make_folders(ann.access, ann.area, &path));
    assert_eq!(through_a_file, Err(StoreError::NotAFolder));
}

pub fn files_come_back_whole(store: &Store) {
    let ann = own(account(store, "ann"));
    let sizes = [0, 1, 40_000, INLINE_MAX_BYTES, INLINE_MAX_BYTES + 1, 300_000, 1_000_000];
    for (at, size) in sizes.into_iter().enumerate() {
        let bytes = noise(size, at as u64 + 1);
        let placed = ann.put(store, ROOT, &format!("f{at}"), &bytes).unwrap();
        assert_eq!((placed.size_bytes(), placed.modified_ms, placed.mode), (size as u64, 5, 0o644));
        assert!(ann.get(store, &format!("/f{at}")) == bytes, "{size}");
        let opened = store.open_file_blocking(ann.access, ann.area, placed.id).unwrap();
        let is_file = matches!(opened.content, Content::File { .. });
        assert_eq!(is_file, size > INLINE_MAX_BYTES, "{size}");
        assert_eq!(opened.blake3, *blake3::hash(&bytes).as_bytes());
    }
    // What compresses well is kept as it is all the same, for the kernel to send.
    let zeros = vec![0; 500_000];
    let placed = ann.put(store, ROOT, "zeros", &zeros).unwrap();
    let opened = store.open_file_blocking(ann.access, ann.area, placed.id).unwrap();
    assert!(matches!(opened.content, Content::File { size_bytes: 500_000, .. }));
    let whole = opened.digest(DigestAlgorithm::Md5, None, &mut || true).unwrap();
    assert_eq!(whole.to_string(), "665fdfff72e08d31c2444ad00a0040e9");
    let range = opened.digest(DigestAlgorithm::Crc32, Some(0..4), &mut || true).unwrap();
    assert_eq!(range.to_string(), "2144df1c");
    assert!(opened.digest(DigestAlgorithm::Sha1, Some(0..500_001), &mut || true).is_err());
    assert!(matches!(
        opened.digest(DigestAlgorithm::Sha1, None, &mut || false),
        Err(StoreError::Abandoned(_))
    ));
}

pub fn replacing_keeps_readers_and_numbers(store: &Store) {
    let ann = own(account(store, "ann"));
    let (old, new) = (noise(200_000, 1), noise(150_000, 2));
    let first = ann.put(store, ROOT, "f", &old).unwrap();
    let opened = store.open_file_blocking(ann.access, ann.area, first.id).unwrap();
    let second = ann.put(store, ROOT, "f", &new).unwrap();
    assert_eq!(first.id, second.id);
    let mut read = vec![0; 200_000];
    let Content::File { mut file, .. } = opened.content else { panic!("it is large") };
    file.read_exact(&mut read).unwrap();
    assert!(read == old, "who opened it before reads it to its end");
    assert!(ann.get(store, "f") == new);
    assert_eq!(used(store, ann.area), 150_000);
    let content = uploaded(store, ann.area, b"x").unwrap();
    let kept = store.write_blocking(move |tx| {
        let new = NewFile {
            area: ann.area,
            folder: ROOT,
            name: "f",
            content: &content,
            modified_ms: 1,
            replaces: false,
        };
        tx.place_file(ann.access, &new)
    });
    assert_eq!(kept, Err(StoreError::Exists("file")));
    let folder = ann.mkdir(store, ROOT, "d").unwrap();
    assert_eq!(ann.put(store, ROOT, "d", b"x"), Err(StoreError::NotAFile));
    let open = store.open_file_blocking(ann.access, ann.area, folder.id);
    assert!(matches!(open, Err(StoreError::NotAFile)));
}

pub fn the_same_content_as_a_message(store: &Store) {
    let id = account(store, "ann");
    let (ann, inbox) = (own(id), inbox(store, id));
    // In a file, compressed; and compressed so well that it lies in the database.
    for content in [b"compresses somewhat ".repeat(9000), vec![7; 300_000]] {
        let half = [content.clone(), noise(content.len() / 3, 5)].concat();
        for bytes in [content, half] {
            let blob = store.prepare_blob_blocking(&bytes).unwrap();
            let message = write(store, move |tx| Ok(tx.add_message(id, inbox, &plain(&blob))?.message_id));
            let placed = ann.put(store, ROOT, "same", &bytes).unwrap();
            let opened = store.open_file_blocking(ann.access, ann.area, placed.id).unwrap();
            assert!(matches!(opened.content, Content::File { .. }));
            assert!(crate::content(store, id, message) == bytes);
            crate::assert_clean(store);
            write(store, move |tx| tx.remove_file(ann.access, ann.area, placed.id));
            assert!(crate::content(store, id, message) == bytes);
        }
    }
}

pub fn quota_counts_mail_and_files(store: &Store) {
    let id = account(store, "ann");
    let (ann, inbox) = (own(id), inbox(store, id));
    write(store, move |tx| tx.set_quota(id, Some(500_000)));
    let blob = store.prepare_blob_blocking(&noise(100_000, 9)).unwrap();
    write(store, move |tx| tx.add_message(id, inbox, &plain(&blob)));
    let file = ann.put(store, ROOT, "f", &noise(300_000, 1)).unwrap();
    assert_eq!(used(store, ann.area), 400_000);
    let over = |need_bytes| StoreError::OverQuota { quota_bytes: 500_000, used_bytes: 400_000, need_bytes };
    // As bytes arrive, not only at the end.
    let mut upload = store.upload(ann.area, 0);
    upload.write_block(&noise(90_000, 2)).unwrap();
    assert_eq!(upload.write_block(&noise(90_000, 3)), Err(over(180_000)));
    assert_eq!(upload.size_bytes(), 90_000);
    let mut other = store.upload(ann.area, 0);
    assert!(other.write_block(&noise(90_000, 4)).is_err(), "two uploads do not get the same room");
    drop((upload, other));
    // What is replaced makes room.
    let mut upload = store.upload(ann.area, file.size_bytes());
    upload.write_block(&noise(350_000, 5)).unwrap();
    let content = upload.finish().unwrap();
    write(store, move |tx| {
        let (name, content) = ("f", &content);
        let new = NewFile { area: ann.area, folder: ROOT, name, content, modified_ms: 1, replaces: true };
        tx.place_file(ann.access, &new)
    });
    assert_eq!(used(store, ann.area), 450_000);
    // Small ones are checked when they are placed.
    let refused = ann.put(store, ROOT, "g", &[b'x'; 60_000]);
    let why = StoreError::OverQuota { quota_bytes: 500_000, used_bytes: 450_000, need_bytes: 60_000 };
    assert_eq!(refused, Err(why));
    write(store, move |tx| tx.remove_file(ann.access, ann.area, file.id));
    assert_eq!(used(store, ann.area), 100_000);
}

pub fn renames_and_circles(store: &Store) {
    let ann = own(account(store, "ann"));
    let a = ann.mkdir(store, ROOT, "a").unwrap();
    let b = ann.mkdir(store, a.id, "b").unwrap();
    let c = ann.mkdir(store, b.id, "c").unwrap();
    let f = ann.put(store, c.id, "f", b"one").unwrap();
    let g = ann.put(store, c.id, "g", b"three").unwrap();
    let circle = StoreError::Invalid("a folder cannot be moved into itself");
    assert_eq!(ann.rename(store, a.id, c.id, "x"), Err(circle.clone()));
    assert_eq!(ann.rename(store, a.id, a.id, "x"), Err(circle));
    ann.rename(store, b.id, ROOT, "B").unwrap();
    assert!(ann.get(store, "/B/c/f") == b"one");
    assert_eq!(ann.rename(store, c.id, ROOT, "B"), Err(StoreError::Exists("name")));
    assert_eq!(ann.rename(store, f.id, ROOT, "a"), Err(StoreError::Exists("name")));
    assert_eq!(ann.rename(store, c.id, f.id, "x"), Err(StoreError::NotAFolder));
    ann.rename(store, f.id, c.id, "f").unwrap();
    ann.rename(store, f.id, c.id, "g").unwrap();
    assert_eq!(ann.names(store, c.id), ["g"]);
    assert!(ann.get(store, "/B/c/g") == b"one", "the file that was there is replaced");
    assert_eq!(used(store, ann.area), 3);
    assert_eq!(ann.rename(store, g.id, ROOT, "x"), Err(MISSING));
    for id in [EntryId::ROOT, EntryId::SHARES] {
        assert!(matches!(ann.rename(store, id, c.id, "x"), Err(StoreError::Denied(_))));
    }
    let At { access, area } = ann;
    write(store, move |tx| {
        tx.set_modified(access, area, f.id, -7)?;
        tx.set_mode(access, area, f.id, 0o600)
    });
    let found = ann.at(store, "/B/c/g").unwrap();
    assert_eq!((found.modified_ms, found.mode), (-7, 0o600));
    let refused = store.write_blocking(move |tx| tx.set_mode(access, area, f.id, 0o1000));
    assert!(matches!(refused, Err(StoreError::Invalid(_))));
}

pub fn removal(store: &Store) {
    let ann = own(account(store, "ann"));
    let At { access, area } = ann;
    let top = ann.mkdir(store, ROOT, "top").unwrap();
    let mut at = top.id;
    for depth in 0..5 {
        for file in 0..10 {
            ann.put(store, at, &format!("f{file}"), &noise(10 + file, depth)).unwrap();
        }
        ann.put(store, at, "large", &noise(70_000, depth)).unwrap();
        at = ann.mkdir(store, at, "m").unwrap().id;
    }
    assert_eq!(
        store.write_blocking(move |tx| tx.remove_folder(access, area, top.id)),
        Err(StoreError::NotEmpty)
    );
    let usage = store.read_blocking(|view| view.area_usage(access, area)).unwrap();
    assert_eq!((usage.files, usage.folders, usage.file_bytes), (55, 6, used(store, area)));
    let mut removed = 0;
    loop {
        let some = write(store, move |tx| tx.remove_some(access, area, top.id, 7));
        removed += some.removed;
        crate::assert_clean(store);
        if some.is_done {
            break;
        }
        assert_eq!(some.removed, 7);
    }
    assert_eq!((removed, used(store, area)), (60, 0));
    write(store, move |tx| tx.remove_folder(access, area, top.id));
    assert!(ann.at(store, "top").is_none());
    let file = ann.put(store, ROOT, "f", b"x").unwrap();
    let refused = store.write_blocking(move |tx| tx.remove_folder(access, area, file.id));
    assert_eq!(refused, Err(StoreError::NotAFolder));
    for id in [EntryId::ROOT, EntryId::SHARES] {
        let refused = store.write_blocking(move |tx| tx.remove_folder(access, area, id));
        assert!(matches!(refused, Err(StoreError::Denied(_))));
    }
}

/// Who is told that something is there can see it.
pub fn what_was_refused_for_it_is_there(store: &Store) {
    let ann = own(account(store, "ann"));
    for round in 0..100 {
        let name = &format!("{round}");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    let made = ann.mkdir(store, ROOT, name);
                    assert!(matches!(made, Ok(_) | Err(StoreError::Exists(_))), "{made:?}");
                    assert!(ann.at(store, name).is_some(), "{name}: {made:?}");
                });
            }
        });
    }
}

/// Ten clients at once, in one area: on the same name, on names of their own, and reading meanwhile.
pub fn ten_at_once(store: &Store) {
    let ann = own(account(store, "ann"));
    let folder = ann.mkdir(store, ROOT, "d").unwrap().id;
    ann.put(store, folder, "same", &noise(100_000, 0)).unwrap();
    std::thread::scope(|scope| {
        for client in 0..10u64 {
            scope.spawn(move || {
                for round in 0..4 {
                    let bytes = noise(if client < 5 { 100_000 } else { 1000 }, client);
                    ann.put(store, folder, "same", &bytes).unwrap();
                    let mine = ann.put(store, folder, &format!("{client}-{round}"), &bytes).unwrap();
                    ann.rename(store, mine.id, ROOT, &format!("{client}")).unwrap();
                    let same = ann.at(store, "/d/same").unwrap();
                    let opened = store.open_file_blocking(ann.access, ann.area, same.id).unwrap();
                    let sha256 = opened.digest(DigestAlgorithm::Sha256, None, &mut || true).unwrap();
                    let of_bytes =
                        opened.digest(DigestAlgorithm::Blake3, Some(0..1000), &mut || true).unwrap();
                    let whose = (0..10).find(|by| {
                        let bytes = noise(1000, *by);
                        of_bytes.0 == blake3::hash(&bytes).as_bytes()
                    });
                    assert!(whose.is_some(), "what is read is what somebody wrote, {sha256}");
                }
            });
        }
    });
    assert_eq!((ann.names(store, folder).len(), ann.names(store, ROOT).len()), (1, 11));
}

fn share(store: &Store, name: &str) -> ShareId {
    let name = name.to_owned();
    write(store, move |tx| tx.add_share(&name))
}

pub fn shared_folders_and_rights(store: &Store) {
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| account(store, name));
    assert_eq!(own(ann).at(store, "/shared"), None);
    let (team, plans) = (share(store, "team"), share(store, "plans"));
    write(store, move |tx| {
        tx.set_share_member(team, ann, true)?;
        tx.set_share_member(plans, ann, true)?;
        tx.set_share_member(team, bob, false)
    });
    let area = AreaId::Share(team);
    own(ann).put(store, ROOT, "zebra", b"x").unwrap();
    own(ann).put(store, ROOT, "apple", b"x").unwrap();
    assert_eq!(own(ann).names(store, ROOT), ["apple", "shared", "zebra"]);
    let page = |after, limit| {
        let page =
            store.read_blocking(|view| view.entries(own(ann).access, own(ann).area, ROOT, after, limit));
        page.unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>()
    };
    assert_eq!(
        (page(Some("apple"), 1), page(Some("shared"), 9)),
        (vec!["shared".into()], vec!["zebra".into()])
    );
    assert_eq!(page(None, 1), ["apple"]);
    assert_eq!(own(ann).names(store, EntryId::SHARES), ["plans", "team"]);
    assert_eq!(own(bob).names(store, EntryId::SHARES), ["team"]);
    assert_eq!(own(eve).names(store, ROOT), [""; 0]);
    let root = own(ann).at(store, "/shared/team").unwrap();
    assert_eq!((root.area, root.id, root.name.as_str()), (area, ROOT, "team"));
    let write_as = |who| At { access: Access::Account(who), area };
    write_as(ann).put(store, ROOT, "f", b"for all").unwrap();
    assert!(own(bob).get(store, "/shared/team/f") == b"for all");
    let denied = StoreError::Denied("this shared folder may only be read");
    assert_eq!(write_as(bob).put(store, ROOT, "g", b"x"), Err(denied.clone()));
    assert_eq!(write_as(bob).mkdir(store, ROOT, "g"), Err(denied));
    // Who is no member is not told that anything is there.
    assert_eq!(write_as(eve).mkdir(store, ROOT, "g"), Err(MISSING));
    assert_eq!(own(eve).at(store, "/shared/team/f"), None);
    assert_eq!(write_as(eve).at(store, "f"), None);
    assert_eq!(
        At { access: Access::Account(eve), area: AreaId::Account(ann) }.mkdir(store, ROOT, "x"),
        Err(MISSING)
    );
    assert!(store.read_blocking(|view| view.area_room(Access::Account(eve), area)).is_err());
    let right = |who| store.read_blocking(|view| view.file_right(Access::Account(who), area)).unwrap();
    assert_eq!((right(ann), right(bob), right(eve)), (Right::Write, Right::Read, Right::Nothing));
    // A right that is taken away is gone at once.
    write(store, move |tx| tx.remove_share_member(team, ann));
    assert_eq!(write_as(ann).put(store, ROOT, "h", b"x"), Err(MISSING));
    let members = store.read_blocking(|view| view.share_members(team)).unwrap();
    assert_eq!(members.iter().map(|m| m.address.as_str()).collect::<Vec<_>>(), ["bob@example.org"]);
    assert_eq!(store.write_blocking(move |tx| tx.remove_share(team)), Err(StoreError::NotEmpty));
    write(store, move |tx| tx.remove_some(Access::Operator, area, ROOT, 100));
    write(store, move |tx| tx.remove_share(team));
    assert_eq!(own(bob).at(store, "/shared"), None);
    for bad in ["", "a@b", "a:b", "a/b", &"x".repeat(65)] {
        let bad = bad.to_owned();
        assert!(store.write_blocking(move |tx| tx.add_share(&bad)).is_err());
    }
    assert_eq!(store.write_blocking(|tx| tx.add_share("plans")), Err(StoreError::Exists("shared folder")));
}

pub fn moving_between_areas(store: &Store) {
    let ann = account(store, "ann");
    let team = share(store, "team");
    write(store, move |tx| {
        tx.set_share_member(team, ann, true)?;
        tx.set_share_quota(team, Some(100_000))
    });
    let (mine, ours) = (own(ann), At { access: Access::Account(ann), area: AreaId::Share(team) });
    let bytes = noise(90_000, 1);
    let file = mine.put(store, ROOT, "f", &bytes).unwrap();
    let to_team = move |tx: &mut store::Tx<'_>| {
        tx.rename_entry(mine.access, (mine.area, file.id), (ours.area, ROOT, "g"))
    };
    write(store, to_team);
    assert!(mine.get(store, "/shared/team/g") == bytes);
    assert_eq!((used(store, mine.area), used(store, ours.area)), (0, 90_000));
    assert_eq!(store.write_blocking(to_team), Err(MISSING));
    let second = mine.put(store, ROOT, "f", &noise(20_000, 2)).unwrap();
    let over = store.write_blocking(move |tx| {
        tx.rename_entry(mine.access, (mine.area, second.id), (ours.area, ROOT, "h"))
    });
    assert!(matches!(over, Err(StoreError::OverQuota { .. })));
    let folder = mine.mkdir(store, ROOT, "d").unwrap();
    let refused = store.write_blocking(move |tx| {
        tx.rename_entry(mine.access, (mine.area, folder.id), (ours.area, ROOT, "d"))
    });
    assert!(matches!(refused, Err(StoreError::Invalid(_))));
    // Over the file that is there: the room of the one that goes counts.
    write(store, move |tx| tx.rename_entry(mine.access, (mine.area, second.id), (ours.area, ROOT, "g")));
    assert_eq!((used(store, mine.area), used(store, ours.area)), (0, 20_000));
}

pub fn accounts_take_their_files_along(store: &Store) {
    let [ann, bob] = ["ann", "bob"].map(|name| account(store, name));
    let team = share(store, "team");
    write(store, move |tx| {
        tx.set_share_member(team, ann, true)?;
        tx.set_ftp_profile(ann, &FtpProfile::device())
    });
    let folder = own(ann).mkdir(store, ROOT, "d").unwrap();
    own(ann).put(store, folder.id, "f", &noise(100_000, 1)).unwrap();
    own(bob).put(store, ROOT, "f", &noise(100_000, 1)).unwrap();
    cut(store, own(ann), "p", &noise(100, 1)).unwrap();
    At { access: Access::Account(ann), area: AreaId::Share(team) }.put(store, ROOT, "s", b"stays").unwrap();
    write(store, move |tx| tx.remove_account(ann));
    let counted = store.check(&mut |_| ()).unwrap().counted;
    assert_eq!((counted.files, counted.parts, counted.contents), (2, 0, 2));
    assert!(own(bob).get(store, "f") == noise(100_000, 1));
    assert_eq!(own(ann).mkdir(store, ROOT, "x"), Err(MISSING), "a session of a removed account");
}

pub fn profiles_are_kept(store: &Store) {
    let ann = account(store, "ann");
    let profile = || store.read_blocking(|view| view.ftp_profile(ann)).unwrap();
    assert_eq!(profile(), FtpProfile::default());
    assert_eq!(profile().data_binding, DataBinding::Require);
    let plain = |address: &str| store.read_blocking(|view| view.is_plain_allowed(address)).unwrap();
    let has_plain = |domain: &str| store.read_blocking(|view| view.has_plain_accounts(domain)).unwrap();
    let address = store.read_blocking(|view| view.account(ann)).unwrap().unwrap().address;
    let domain = address.split_once('@').unwrap().1.to_string();
    write(store, move |tx| tx.set_ftp_profile(ann, &FtpProfile::default()));
    assert!(!plain(&address) && !has_plain(&domain));
    write(store, move |tx| tx.set_ftp_profile(ann, &FtpProfile::device()));
    assert!(plain(&address) && plain(&address.to_uppercase()) && has_plain(&domain));
    assert!(!plain("") && !plain("nobody@example.net") && !has_plain("") && !has_plain("example.net"));
    for binding in [DataBinding::Off, DataBinding::Prefer, DataBinding::Require] {
        let wanted = FtpProfile {
            data_binding: binding,
            rate_down: Some(1 << 40),
            rate_up: None,
            ..FtpProfile::device()
        };
        write(store, move |tx| tx.set_ftp_profile(ann, &wanted));
        assert_eq!(profile(), wanted);
    }
    let nobody = AccountId(99);
    assert!(store.write_blocking(move |tx| tx.set_ftp_profile(nobody, &FtpProfile::default())).is_err());
}

/// What an area should hold: paths with the bytes of files; folders have none.
type Model = std::collections::BTreeMap<String, Option<Vec<u8>>>;

fn is_folder(model: &Model, path: &str) -> bool {
    path.is_empty() || model.get(path).is_some_and(Option::is_none)
}

/// The folder and the name of a path.
fn parts(path: &str) -> (String, String) {
    let (parent, name) = path.rsplit_once('/').unwrap();
    (parent.to_owned(), name.to_owned())
}

/// Puts a file, or without bytes makes a folder, and compares whether that was possible.
fn walk_make(store: &Store, ann: At, model: &mut Model, path: String, bytes: Option<Vec<u8>>) {
    let (parent, name) = parts(&path);
    let Some(folder) = ann.at(store, &parent) else {
        return assert!(!is_folder(model, &parent) && !model.contains_key(&parent));
    };
    let is_free = match &bytes {
        Some(_) => !is_folder(model, &path),
        None => !model.contains_key(&path),
    };
    let may = is_folder(model, &parent) && is_free;
    let made = match &bytes {
        Some(bytes) => ann.put(store, folder.id, &name, bytes).is_ok(),
        None => ann.mkdir(store, folder.id, &name).is_ok(),
    };
    assert_eq!(made, may, "make {path}");
    if may {
        model.insert(path, bytes);
    }
}

fn walk_remove(store: &Store, At { access, area }: At, model: &mut Model, path: &str, entry: Entry) {
    let has_children = model.keys().any(|other| other.starts_with(&format!("{path}/")));
    let id = entry.id;
    let outcome = store.write_blocking(move |tx| match entry.is_folder() {
        true => tx.remove_folder(access, area, id),
        false => tx.remove_file(access, area, id),
    });
    assert_eq!(outcome.is_ok(), !has_children, "remove {path}");
    if outcome.is_ok() {
        model.remove(path);
    }
}

fn walk_rename(store: &Store, ann: At, model: &mut Model, (one, other): (&str, &str), entry: Entry) {
    let (parent, name) = parts(other);
    let Some(to) = ann.at(store, &parent) else { return };
    let below = |path: &str| path == one || path.starts_with(&format!("{one}/"));
    let may = is_folder(model, &parent)
        && match model.get(other) {
            _ if one == other => true,
            None => !(entry.is_folder() && below(other)),
            Some(over) => over.is_some() && !entry.is_folder(),
        };
    assert_eq!(ann.rename(store, entry.id, to.id, &name).is_ok(), may, "{one} to {other}");
    if may && one != other {
        let moved: Vec<String> = model.keys().filter(|path| below(path)).cloned().collect();
        for path in moved {
            let content = model.remove(&path).unwrap();
            model.insert(format!("{other}{}", &path[one.len()..]), content);
        }
    }
}

/// Random changes, compared with a map of paths to contents.
pub fn files_random_walk_matches_model(store: &Store) {
    let ann = own(account(store, "ann"));
    let mut model = Model::new();
    let mut state = 88_172_645_463_325_252u64;
    let mut dice = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    for round in 0..400 {
        let mut path = || (0..=dice(3)).map(|_| format!("/{}", dice(3))).collect::<String>();
        let (one, other) = (path(), path());
        let entry = ann.at(store, &one);
        match (dice(5), entry) {
            (0, _) => {
                let bytes = noise(dice(200) as usize, round);
                walk_make(store, ann, &mut model, one, Some(bytes));
            }
            (1, _) => walk_make(store, ann, &mut model, one, None),
            (2, Some(entry)) => walk_remove(store, ann, &mut model, &one, entry),
            (_, Some(entry)) => walk_rename(store, ann, &mut model, (&one, &other), entry),
            (_, None) => assert!(!model.contains_key(&one)),
        }
    }
    for (path, content) in &model {
        match content {
            Some(bytes) => assert!(ann.get(store, path) == *bytes),
            None => assert!(ann.at(store, path).unwrap().is_folder()),
        }
    }
    let usage = store.read_blocking(|view| view.area_usage(ann.access, ann.area)).unwrap();
    assert_eq!(usage.files + usage.folders, model.len() as u64);
}

/// Where all content lies in the database, files do too.
#[test]
fn files_without_a_folder_for_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let settings = crate::engines::sqlite_settings(folder.path());
    let store = Store::open(&store::Settings { blobs: "database:".to_owned(), ..settings }).unwrap();
    let ann = own(account(&store, "ann"));
    let bytes = noise(300_000, 1);
    ann.put(&store, ROOT, "f", &bytes).unwrap();
    assert!(ann.get(&store, "f") == bytes);
    let mut upload = store.upload(ann.area, 0);
    upload.write_block(&bytes).unwrap();
    assert!(upload.keep().unwrap().is_none(), "there is no place for parts");
    let mut upload = store.upload(ann.area, 0);
    let block = vec![0; 1 << 20];
    let refused = (0..100).find_map(|_| upload.write_block(&block).err());
    assert!(matches!(refused, Some(StoreError::Invalid(_))), "it would have to fit into memory");
    assert_eq!(upload.size_bytes(), 64 << 20);
    crate::assert_clean(&store);
}

/// An upload that outlives every other handle of the store is dropped by the writer's thread.
#[test]
fn the_last_handle_may_go_with_an_upload() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&crate::engines::sqlite_settings(folder.path())).unwrap();
    let ann = own(account(&store, "ann"));
    let content = uploaded(&store, ann.area, &noise(100_000, 1)).unwrap();
    write(&store, move |tx| {
        let (area, name, content) = (ann.area, "f", &content);
        let new = NewFile { area, folder: ROOT, name, content, modified_ms: 1, replaces: true };
        tx.place_file(ann.access, &new)
    });
    drop(store);
    let store = Store::open(&crate::engines::sqlite_settings(folder.path())).unwrap();
    assert!(ann.at(&store, "f").is_some());
}

/// Many entries in one folder: every page is read by its place, not by counting.
#[test]
fn a_folder_of_many_is_listed_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&crate::engines::sqlite_settings(folder.path())).unwrap();
    let ann = own(account(&store, "ann"));
    let At { access, area } = ann;
    let content = uploaded(&store, area, b"the same in all").unwrap();
    for batch in 0..20 {
        let content = content.clone();
        write(&store, move |tx| {
            for n in 0..1000 {
                let (name, content) = (&format!("{:05}", batch * 1000 + n)[..], &content);
                let new = NewFile { area, folder: ROOT, name, content, modified_ms: 1, replaces: false };
                tx.place_file(access, &new)?;
            }
            Ok(())
        });
    }
    let (mut after, mut seen) = (None::<String>, 0);
    loop {
        let page =
            store.read_blocking(|view| view.entries(access, area, ROOT, after.as_deref(), 700)).unwrap();
        for entry in &page {
            assert_eq!(entry.name, format!("{seen:05}"));
            seen += 1;
        }
        match page.last() {
            Some(last) => after = Some(last.name.clone()),
            None => break,
        }
    }
    assert_eq!(seen, 20_000);
    write(&store, move |tx| tx.remove_account(account_of(area)));
    crate::assert_clean(&store);
}

fn account_of(area: AreaId) -> AccountId {
    match area {
        AreaId::Account(account) => account,
        AreaId::Share(_) => panic!("it is an account's"),
    }
}
