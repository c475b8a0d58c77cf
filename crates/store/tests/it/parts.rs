//! Uploads that are cut, and gone on with.

use store::{AreaId, EntryId, NewFile, PART_AGE_MAX, Store, StoreError};

use crate::files::{At, noise, own, used};
use crate::{account, write};

const ROOT: EntryId = EntryId::ROOT;

/// Cuts an upload so that `bytes` are kept.
pub fn cut(store: &Store, at: At, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let mut upload = store.upload(at.area, 0);
    upload.write_block(bytes)?;
    // The last one that comes is not kept.
    upload.write_block(b"?")?;
    let Some(part) = upload.keep()? else { return Ok(()) };
    let name = name.to_owned();
    store.write_blocking(move |tx| tx.keep_part(at.access, at.area, ROOT, &name, &part))
}

pub fn cut_uploads_are_gone_on_with(store: &Store) {
    let ann = own(account(store, "ann"));
    let At { access, area } = ann;
    let bytes = noise(400_000, 3);
    let part = |name: &str| {
        let found = store.read_blocking(|view| view.part_of(access, area, ROOT, name)).unwrap();
        found.map(|part| part.size_bytes)
    };
    for kept in [1000, 250_000] {
        cut(store, ann, "f", &bytes[..kept]).unwrap();
        assert_eq!((part("f"), used(store, area)), (Some(kept as u64), kept as u64));
        assert!(ann.at(store, "f").is_none() && ann.names(store, ROOT).is_empty(), "a part is no file");
    }
    let resume = |offset| store.resume_upload_blocking(access, area, ROOT, "f", offset);
    assert!(resume(250_001).unwrap().is_none(), "behind what is there");
    let mut upload = resume(200_000).unwrap().unwrap();
    assert_eq!((part("f"), used(store, area)), (None, 0), "it is in one hand");
    upload.write_block(&bytes[200_000..300_001]).unwrap();
    // Cut again.
    let again = upload.keep().unwrap().unwrap();
    write(store, move |tx| tx.keep_part(access, area, ROOT, "f", &again));
    assert_eq!(part("f"), Some(300_000));
    let nothing_new = resume(300_000).unwrap().unwrap().keep().unwrap().unwrap();
    write(store, move |tx| tx.keep_part(access, area, ROOT, "f", &nothing_new));
    assert_eq!(part("f"), Some(300_000), "who brings nothing takes nothing away");
    crate::assert_clean(store);
    let mut upload = resume(300_000).unwrap().unwrap();
    upload.write_block(&bytes[300_000..]).unwrap();
    let content = upload.finish().unwrap();
    write(store, move |tx| {
        let (name, content) = ("f", &content);
        tx.place_file(access, &NewFile { area, folder: ROOT, name, content, modified_ms: 1, replaces: true })
    });
    assert!(ann.get(store, "f") == bytes);
    assert!(resume(1).unwrap().is_none());
    // Going on behind a whole file.
    let id = ann.at(store, "f").unwrap().id;
    let mut upload = store.upload_behind_blocking(access, area, id, 100_000).unwrap();
    upload.write_block(b"end").unwrap();
    let content = upload.finish().unwrap();
    write(store, move |tx| {
        let (name, content) = ("f", &content);
        tx.place_file(access, &NewFile { area, folder: ROOT, name, content, modified_ms: 1, replaces: true })
    });
    assert!(ann.get(store, "f") == [&bytes[..100_000], b"end"].concat());
    assert!(store.upload_behind_blocking(access, area, id, 100_004).is_err());
}

pub fn a_part_outlives_a_failed_resumption(store: &Store) {
    let ann = own(account(store, "ann"));
    let At { access, area } = ann;
    let bytes = noise(400_000, 5);
    cut(store, ann, "f", &bytes[..250_000]).unwrap();
    let AreaId::Account(id) = area else { unreachable!() };
    let quota = |bytes| write(store, move |tx| tx.set_quota(id, Some(bytes)));
    quota(100_000);
    let resume = || store.resume_upload_blocking(access, area, ROOT, "f", 200_000);
    assert!(matches!(resume(), Err(StoreError::OverQuota { .. })));
    let part = store.read_blocking(|view| view.part_of(access, area, ROOT, "f")).unwrap();
    assert_eq!(part.map(|part| part.size_bytes), Some(250_000));
    crate::assert_clean(store);
    // Its own bytes are not in its way.
    quota(400_000);
    let mut upload = resume().unwrap().unwrap();
    assert!(resume().unwrap().is_none(), "it is in one hand");
    upload.write_block(&bytes[200_000..]).unwrap();
    let content = upload.finish().unwrap();
    write(store, move |tx| {
        let (name, content) = ("f", &content);
        tx.place_file(access, &NewFile { area, folder: ROOT, name, content, modified_ms: 1, replaces: true })
    });
    assert!(ann.get(store, "f") == bytes);
}

pub fn parts_beside_files(store: &Store) {
    let ann = own(account(store, "ann"));
    let At { access, area } = ann;
    let part = |name: &str| {
        let found = store.read_blocking(|view| view.part_of(access, area, ROOT, name)).unwrap();
        found.map(|part| (part.size_bytes, part.base_bytes))
    };
    // An upload that goes on behind a file, and is cut.
    let appended = |name: &'static str| {
        let file = ann.put(store, ROOT, name, b"old").unwrap();
        let mut upload = store.upload_behind_blocking(access, area, file.id, 3).unwrap();
        assert!(upload.size_bytes() == 3);
        upload.write_block(b"more").unwrap();
        let kept = upload.keep().unwrap().unwrap();
        write(store, move |tx| tx.keep_part(access, area, ROOT, name, &kept));
        assert_eq!(part(name), Some((6, 3)));
        file.id
    };
    let file = appended("f");
    // One that began anew leaves the file, and nothing else.
    cut(store, ann, "f", b"new").unwrap();
    assert_eq!((part("f"), used(store, area)), (None, 3));
    assert_eq!(ann.get(store, "f"), b"old");
    let nothing = store.upload_behind_blocking(access, area, file, 3).unwrap();
    assert!(nothing.keep().unwrap().is_none());
    appended("f");
    write(store, move |tx| tx.remove_file(access, area, file));
    assert_eq!((part("f"), used(store, area)), (None, 0));
    let (from, _) = (appended("from"), appended("to"));
    ann.rename(store, from, ROOT, "to").unwrap();
    assert_eq!((part("from"), part("to"), used(store, area)), (None, None, 3));
    cut(store, ann, "d", b"new").unwrap();
    ann.mkdir(store, ROOT, "d").unwrap();
    assert_eq!((part("d"), used(store, area)), (None, 3));
}

/// Long enough for the disk to be put to work before the end, cut in between.
pub fn a_long_upload_is_whole(store: &Store) {
    let ann = own(account(store, "ann"));
    let At { access, area } = ann;
    let bytes = noise(40 << 20, 7);
    let mut upload = store.upload(area, 0);
    bytes[..(20 << 20) + 1].chunks(200_000).for_each(|block| upload.write_block(block).unwrap());
    let part = upload.keep().unwrap().unwrap();
    write(store, move |tx| tx.keep_part(access, area, ROOT, "f", &part));
    let mut upload = store.resume_upload_blocking(access, area, ROOT, "f", 20 << 20).unwrap().unwrap();
    bytes[20 << 20..].chunks(200_000).for_each(|block| upload.write_block(block).unwrap());
    let content = upload.finish().unwrap();
    assert_eq!(content.blake3(), blake3::hash(&bytes).as_bytes());
    write(store, move |tx| {
        let (name, content) = ("f", &content);
        tx.place_file(access, &NewFile { area, folder: ROOT, name, content, modified_ms: 1, replaces: true })
    });
    assert!(ann.get(store, "f") == bytes);
}

pub fn parts_go_with_time_folder_and_whole(store: &Store) {
    let ann = own(account(store, "ann"));
    let At { access, area } = ann;
    cut(store, ann, "old", &noise(100_000, 1)).unwrap();
    assert_eq!(write(store, move |tx| tx.purge_parts(1_000_000, 10)), 0);
    assert_eq!(PART_AGE_MAX.as_secs(), 86_400);
    assert_eq!(write(store, move |tx| tx.purge_parts(i64::MAX, 10)), 1);
    assert_eq!(used(store, area), 0);
    cut(store, ann, "f", &noise(100_000, 2)).unwrap();
    ann.put(store, ROOT, "f", b"whole").unwrap();
    assert_eq!(used(store, area), 5, "the whole takes the part's place");
    let folder = ann.mkdir(store, ROOT, "d").unwrap();
    let mut upload = store.upload(area, 0);
    upload.write_block(b"some?").unwrap();
    let part = upload.keep().unwrap().unwrap();
    write(store, move |tx| tx.keep_part(access, area, folder.id, "x", &part));
    assert_eq!(used(store, area), 9);
    write(store, move |tx| tx.remove_folder(access, area, folder.id));
    assert_eq!(used(store, area), 5);
    assert!(store.upload(area, 0).keep().unwrap().is_none(), "nothing came, nothing is kept");
}
