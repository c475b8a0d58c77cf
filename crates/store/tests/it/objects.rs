//! Large content in a service: what is acknowledged is there, what fails leaves nothing that counts, what comes back is
//! right or an error.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use store::{
    AreaId, Content, EntryId, NewFile, ObjectSettings, OpenError, SecretBytes, Settings, Store, StoreError,
};

use crate::engines::{bucket, object_settings, server, sqlite_settings};
use crate::files::{At, noise, own};
use crate::s3::{BUCKET, Fate, Service};
use crate::{account, assert_clean, content, inbox, live, plain, write};

const ROOT: EntryId = EntryId::ROOT;

/// Copies are kept, so that what is asked for again need not be fetched.
const ROOMY_BYTES: u64 = 1 << 30;

fn open(folder: &Path, service: &Service, cache_max_bytes: u64) -> Store {
    let settings = Settings { blobs: bucket(), ..sqlite_settings(folder) };
    let objects = ObjectSettings { cache_max_bytes, ..object_settings(service) };
    Store::open_with(&settings, Some(&objects)).unwrap()
}

fn copies(folder: &Path) -> Vec<u64> {
    let shelves = fs::read_dir(folder.join("blob-cache")).unwrap().map(|shelf| shelf.unwrap().path());
    let files = shelves.filter(|shelf| shelf.is_dir()).flat_map(|shelf| fs::read_dir(shelf).unwrap());
    files.map(|file| file.unwrap().metadata().unwrap().len()).collect()
}

/// The only object there is.
fn only(service: &Service) -> String {
    let keys = service.keys();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

#[test]
fn content_is_an_object_and_its_copy_saves_the_way() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, ROOMY_BYTES);
    store.try_blobs().unwrap();
    assert_eq!(service.keys(), [""; 0], "the try leaves nothing");
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    let bytes = noise(200_000, 1);
    let blob = store.prepare_blob_blocking(&bytes).unwrap();
    let id = write(&store, move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id));
    let key = only(&service);
    assert!(key.starts_with("here/") && key.ends_with(".raw"), "{key}");
    service.requests();
    assert!(content(&store, ann, id) == bytes);
    assert_eq!(service.requests(), [""; 0], "what was just written is here");
    drop(store);
    let store = open(folder.path(), &service, ROOMY_BYTES);
    assert!(content(&store, ann, id) == bytes);
    assert_eq!(service.requests(), [""; 0], "and still is for the next program");
    drop(store);
    fs::remove_dir_all(folder.path().join("blob-cache")).unwrap();
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let away = store.read_blocking(|view| view.read_content(ann, id)).unwrap_err();
    assert!(matches!(away, StoreError::Away(_)) && away.is_temporary());
    assert_eq!(service.requests(), [""; 0], "no view waits for the service");
    assert!(content(&store, ann, id) == bytes);
    assert_eq!(service.requests().len(), 1);
    assert_clean(&store);
    assert_eq!(service.requests().len(), 2, "the check reads it once, and lists");
    write(&store, move |tx| tx.remove_messages(ann, inbox, &[1..=1]));
    drop(store);
    assert_eq!(service.keys(), [""; 0]);
    assert_eq!(copies(folder.path()), [0; 0]);
}

#[test]
fn what_cannot_be_uploaded_is_not_stored() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let ann = account(&store, "ann");
    let at = own(ann);
    for (len, fate) in [
        (200_000, Fate::Refused(403)),
        (200_000, Fate::Refused(503)),
        (200_000, Fate::ServedInVain(400)),
        (12 << 20, Fate::Refused(403)),
        (12 << 20, Fate::ServedInVain(400)),
    ] {
        service.rule(move |method, _| if method == "DELETE" { Fate::Served } else { fate });
        let refused = store.prepare_blob_blocking(&noise(len, 1)).unwrap_err();
        let StoreError::Io(what) = &refused else { panic!("{refused:?}") };
        assert!(what.starts_with("s3://mail/here/") && refused.is_temporary(), "{what}");
        assert!(!what.contains("a secret"), "{what}");
        assert!(matches!(at.put(&store, ROOT, "f", &noise(len, 2)), Err(StoreError::Io(_))));
    }
    // One part of many fails.
    service.rule(|_, path| if path.contains("partNumber=2") { Fate::Refused(400) } else { Fate::Served });
    assert!(at.put(&store, ROOT, "f", &noise(12 << 20, 3)).is_err());
    service.heal();
    assert!(at.at(&store, "f").is_none());
    assert_eq!(crate::files::used(&store, at.area), 0);
    assert_clean(&store);
    let uploads = folder.path().join("uploads/begun");
    assert_eq!(fs::read_dir(uploads).unwrap().count(), 0, "nothing stays here");
    assert_eq!(copies(folder.path()), [0; 0]);
    drop(store);
    assert_eq!(service.keys(), [""; 0], "and nothing there");
}

#[test]
fn many_pieces_are_one_content() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, 0);
    let at = own(account(&store, "ann"));
    // More pieces than are under way at once, and an end that is no whole piece; read where it lies.
    let bytes = noise((45 << 20) + 7, 1);
    at.put(&store, ROOT, "f", &bytes).unwrap();
    assert!(service.requests().iter().any(|line| line.contains("partNumber=10")));
    assert_eq!(service.open_uploads(), 0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert!(at.get(&store, "f") == bytes));
        }
    });
    assert_eq!(copies(folder.path()), [0; 0], "nothing is kept here");
    assert_clean(&store);
}

#[test]
fn long_content_is_read_where_it_lies() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, 0);
    let at = own(account(&store, "ann"));
    let bytes = noise(17 << 20, 1);
    let entry = at.put(&store, ROOT, "f", &bytes).unwrap();
    let opened = || store.open_file_blocking(at.access, at.area, entry.id).unwrap().content;
    let read = |content: &Content, from: u64| {
        let mut seen = Vec::new();
        let done = content.each_block(from..content.size_bytes(), &mut |block| {
            seen.extend_from_slice(block);
            Ok(ControlFlow::Continue(()))
        });
        (done, seen)
    };
    service.requests();
    let content = opened();
    assert!(matches!(content, Content::Remote(_)));
    let mut window = [0; 10];
    assert_eq!(content.read_at(12_000_000, &mut window).unwrap(), 10);
    assert!(window == bytes[12_000_000..12_000_010]);
    assert_eq!(content.read_at(17 << 20, &mut window).unwrap(), 0);
    assert_eq!(service.requests().len(), 1, "no more than is wanted");
    for from in [0, 1, (17 << 20) - 1] {
        assert!(read(&opened(), from as u64) == (Ok(()), bytes[from..].to_vec()), "from {from}");
    }
    let key = only(&service);
    for fate in [Fate::Cut, Fate::Shortened, Fate::Refused(503), Fate::Refused(404)] {
        let mut left = 3;
        service.rule(move |_, _| {
            left -= 1;
            if left < 0 { fate } else { Fate::Served }
        });
        let (done, seen) = read(&opened(), 0);
        assert!(matches!(done, Err(StoreError::Io(_))), "{fate:?}: {done:?}");
        assert!(seen == bytes[..3 << 20]);
    }
    service.heal();
    service.damage(&key, |stored| stored[5] ^= 1);
    let (done, seen) = read(&opened(), 0);
    assert!(done.is_err() && seen.len() < bytes.len(), "the end is withheld");
    service.damage(&key, |stored| stored.truncate(1000));
    assert!(read(&opened(), 0).0.is_err());
}

#[test]
fn wrong_content_is_never_shown() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let ann = account(&store, "ann");
    let (at, inbox) = (own(ann), inbox(&store, ann));
    at.put(&store, ROOT, "f", &noise(200_000, 1)).unwrap();
    let blob = store.prepare_blob_blocking(&noise(90_000, 2).repeat(4)).unwrap();
    let id = write(&store, move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id));
    drop(store);
    fs::remove_dir_all(folder.path().join("blob-cache")).unwrap();
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let entry = at.at(&store, "f").unwrap();
    let file = || store.open_file_blocking(at.access, at.area, entry.id).map(drop);
    let mail = || store.read_bringing_blocking(&mut |view| view.read_content(ann, id)).map(drop);
    for fate in [Fate::Cut, Fate::Shortened, Fate::Refused(400), Fate::Refused(503)] {
        service.rule(move |method, _| if method == "GET" { fate } else { Fate::Served });
        for read in [file(), mail()] {
            assert!(matches!(&read, Err(error) if error.is_temporary()), "{fate:?}: {read:?}");
        }
    }
    service.heal();
    let keys = service.keys();
    let key_of = |end: &str| keys.iter().find(|key| key.ends_with(end)).unwrap();
    service.damage(key_of(".raw"), |bytes| bytes[100_000] ^= 1);
    service.damage(key_of(".zst"), |bytes| bytes.truncate(bytes.len() / 2));
    assert!(matches!(file(), Err(StoreError::Corrupt(_))));
    assert!(matches!(mail(), Err(StoreError::Corrupt(_))));
    let found = store.check(&mut |_| ()).unwrap().findings;
    assert_eq!(found.iter().filter(|finding| finding.what == "content file").count(), 2, "{found:?}");
    service.rule(|_, _| Fate::Refused(400));
    assert!(matches!(store.check(&mut |_| ()), Err(StoreError::Io(_))), "what cannot be asked is no damage");
}

#[test]
fn an_object_that_is_gone_is_told() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, 0);
    let at = own(account(&store, "ann"));
    let entry = at.put(&store, ROOT, "f", &noise(200_000, 1)).unwrap();
    let key = only(&service);
    service.rule(
        move |method, path| {
            if method == "GET" && path.contains(&key) { Fate::Refused(404) } else { Fate::Served }
        },
    );
    let gone = store.open_file_blocking(at.access, at.area, entry.id).map(drop).unwrap_err();
    assert!(gone.to_string().contains("run check"), "{gone}");
    let found = store.check(&mut |_| ()).unwrap().findings;
    assert!(found.iter().any(|finding| finding.detail == "it is missing"), "{found:?}");
}

#[test]
fn a_crash_before_the_commit_leaves_an_orphan_and_no_row() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let ann = account(&store, "ann");
    let mut upload = store.upload(AreaId::Account(ann), 0);
    upload.write_block(&noise(200_000, 2)).unwrap();
    let begun = folder.path().join("uploads/begun");
    assert_eq!(fs::read_dir(&begun).unwrap().count(), 1);
    drop(upload);
    drop(store);
    assert_eq!(fs::read_dir(&begun).unwrap().count(), 0);
    let store = open(folder.path(), &service, ROOMY_BYTES);
    // What had been written when the program ended: nothing tidies up then.
    fs::write(begun.join("4567"), noise(200_000, 2)).unwrap();
    service.rule(|method, _| if method == "DELETE" { Fate::Refused(403) } else { Fate::Served });
    drop(store.prepare_blob_blocking(&noise(200_000, 1)).unwrap());
    drop(store);
    service.heal();
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let key = only(&service);
    assert_clean(&store);
    // A day later; beside it what others keep there.
    service.plant(&key, b"x", 25 * 3600);
    for others in ["here/notes.txt", "here/begun/x/y", "elsewhere/aa/bb", "here2/aa/bb"] {
        service.plant(others, b"x", 25 * 3600);
    }
    service.plant("here/begun/0123", b"x", 25 * 3600);
    let found = store.check(&mut |_| ()).unwrap().findings;
    let names: Vec<String> = found.into_iter().map(|finding| format!("here/{}", finding.where_)).collect();
    assert_eq!(names, [key.clone(), "here/begun/0123".to_owned()]);
    assert_eq!(store.remove_begun_uploads().unwrap(), ["begun/0123"]);
    let old = std::time::SystemTime::now() - 2 * store::ORPHAN_AGE;
    for file in fs::read_dir(&begun).unwrap() {
        fs::File::options().write(true).open(file.unwrap().path()).unwrap().set_modified(old).unwrap();
    }
    drop(store);
    let store = open(folder.path(), &service, ROOMY_BYTES);
    assert_eq!(store.remove_begun_uploads().unwrap().len(), 1);
    assert_eq!(fs::read_dir(&begun).unwrap().count(), 0);
    assert_eq!(store.remove_orphans().unwrap(), [key.strip_prefix("here/").unwrap()]);
    drop(store);
    let store = open(folder.path(), &service, ROOMY_BYTES);
    assert_clean(&store);
    drop(store);
    assert_eq!(service.keys().len(), 4, "what is not ours stays");
}

#[test]
fn copies_keep_to_their_limit() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, 500_000);
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    let most = || copies(folder.path()).iter().sum::<u64>();
    let ids: Vec<_> = (0..8)
        .map(|seed| {
            let blob = store.prepare_blob_blocking(&noise(150_000, seed)).unwrap();
            let id = write(&store, move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id));
            assert!(most() <= 500_000);
            id
        })
        .collect();
    assert_eq!(most(), 450_000);
    service.requests();
    for (seed, id) in (0..8).zip(&ids) {
        assert!(content(&store, ann, *id) == noise(150_000, seed));
        assert!(most() <= 500_000);
    }
    assert_eq!(service.requests().len(), 8, "the last ones made room for the first");
    content(&store, ann, ids[7]);
    assert_eq!(service.requests(), [""; 0]);
}

#[test]
fn many_who_want_the_same_have_it_fetched_once() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    let blob = store.prepare_blob_blocking(&noise(300_000, 1)).unwrap();
    let id = write(&store, move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id));
    drop(store);
    fs::remove_dir_all(folder.path().join("blob-cache")).unwrap();
    let store = open(folder.path(), &service, ROOMY_BYTES);
    service.requests();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let job = move |view: &mut store::View<'_>| view.read_content(ann, id);
        let reads: Vec<_> = (0..20).map(|_| store.read_bringing(job)).collect();
        for read in reads {
            assert!(read.await.unwrap() == noise(300_000, 1));
        }
        // Also on a task that must not wait, what is large enough for the service goes to another thread.
        assert!(store.prepare_here_max_bytes() < store::INLINE_MAX_BYTES);
        let blob = store.prepare_blob(noise(100_000, 3)).await.unwrap();
        store.write(move |tx| tx.add_message(ann, inbox, &plain(&blob))).await.unwrap();
    });
    assert_eq!(service.requests().iter().filter(|line| line.starts_with("GET")).count(), 1);
    drop(store);
}

#[test]
fn what_nobody_waits_for_is_not_fetched_to_its_end() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, 0);
    let at = own(account(&store, "ann"));
    let entry = at.put(&store, ROOT, "f", &noise(15 << 20, 1)).unwrap();
    service.requests();
    let (asked, is_asked) = std::sync::mpsc::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    service.rule(move |_, _| {
        asked.send(()).unwrap();
        let _ = goes_on.recv();
        Fate::Served
    });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let reader = store.clone();
    let task = runtime.spawn(async move { reader.open_file(at.access, at.area, entry.id).await.map(drop) });
    is_asked.recv().unwrap();
    task.abort();
    assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    drop(go_on);
    // It waits for all its threads.
    drop(runtime);
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn a_removal_that_fails_leaves_an_orphan_only() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let ann = account(&store, "ann");
    let inbox = inbox(&store, ann);
    let blob = store.prepare_blob_blocking(&noise(200_000, 1)).unwrap();
    write(&store, move |tx| tx.add_message(ann, inbox, &plain(&blob)));
    service.rule(|method, _| if method == "DELETE" { Fate::Refused(403) } else { Fate::Served });
    write(&store, move |tx| tx.remove_messages(ann, inbox, &[1..=1]));
    assert_eq!(live(&store, ann, inbox), [0; 0]);
    drop(store);
    let key = only(&service);
    service.heal();
    service.plant(&key, b"x", 25 * 3600);
    let store = open(folder.path(), &service, ROOMY_BYTES);
    let found = store.check(&mut |_| ()).unwrap().findings;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].what, "orphan file");
}

#[test]
fn a_folder_may_move_into_a_bucket() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let store = Store::open(&sqlite_settings(folder.path())).unwrap();
    let ann = account(&store, "ann");
    let (at, inbox) = (own(ann), inbox(&store, ann));
    let (bytes, text) = (noise(200_000, 1), noise(90_000, 2).repeat(4));
    at.put(&store, ROOT, "f", &bytes).unwrap();
    let blob = store.prepare_blob_blocking(&text).unwrap();
    let id = write(&store, move |tx| Ok(tx.add_message(ann, inbox, &plain(&blob))?.message_id));
    drop(store);
    for shelf in fs::read_dir(folder.path().join("blobs")).unwrap().map(|shelf| shelf.unwrap()) {
        for file in fs::read_dir(shelf.path()).unwrap().map(|file| file.unwrap()) {
            let key = format!("here/{}/{}", shelf.file_name().display(), file.file_name().display());
            service.plant(&key, &fs::read(file.path()).unwrap(), 0);
        }
    }
    let store = open(folder.path(), &service, 0);
    assert!(at.get(&store, "f") == bytes && content(&store, ann, id) == text);
    // The same content once more, to be sent as it is.
    at.put(&store, ROOT, "same", &text).unwrap();
    at.put(&store, ROOT, "same too", &bytes).unwrap();
    assert!(at.get(&store, "same") == text && content(&store, ann, id) == text);
    assert!(at.get(&store, "same too") == bytes && at.get(&store, "f") == bytes);
    assert_clean(&store);
}

/// Two nodes with nothing in common but the database and the bucket.
#[test]
fn nodes_share_a_bucket() {
    let Some(server) = server() else {
        eprintln!("skipped: no PostgreSQL programs found");
        return;
    };
    let (one, two, service) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Service::start());
    let settings = Settings { blobs: bucket(), ..server.settings(one.path()) };
    let other = Settings { data_dir: two.path().to_owned(), ..settings.clone() };
    let objects = ObjectSettings { cache_max_bytes: ROOMY_BYTES, ..object_settings(&service) };
    let first = Store::open_with(&settings, Some(&objects)).unwrap();
    let second = Store::open_with(&other, Some(&objects)).unwrap();
    let ann = account(&first, "ann");
    let inbox = inbox(&first, ann);
    let At { access, area } = own(ann);
    // The same content prepared on both: two names, of which one is kept.
    let bytes = noise(200_000, 1);
    let blobs = [&first, &second].map(|store| store.prepare_blob_blocking(&bytes).unwrap());
    assert_eq!(service.keys().len(), 2);
    for (store, blob) in [&first, &second].into_iter().zip(blobs) {
        write(store, move |tx| tx.add_message(ann, inbox, &plain(&blob)));
    }
    let seen = AtomicU32::new(0);
    for store in [&first, &second] {
        store
            .read_blocking(|view| {
                let mut ids = Vec::new();
                view.placements(ann, inbox, &[1..=9], &mut |row| {
                    ids.push(row.message_id);
                    ControlFlow::Continue(())
                })?;
                Ok(ids)
            })
            .unwrap()
            .into_iter()
            .for_each(|id| {
                assert!(content(store, ann, id) == bytes);
                seen.fetch_add(1, Ordering::Relaxed);
            });
    }
    assert_eq!(seen.into_inner(), 4);
    // Cut here, gone on with there.
    let bytes = noise(400_000, 5);
    let mut upload = first.upload(area, 0);
    upload.write_block(&bytes[..250_001]).unwrap();
    let part = upload.keep().unwrap().unwrap();
    write(&first, move |tx| tx.keep_part(access, area, ROOT, "f", &part));
    assert_clean(&second);
    let mut upload = second.resume_upload_blocking(access, area, ROOT, "f", 250_000).unwrap().unwrap();
    upload.write_block(&bytes[250_000..]).unwrap();
    let content = upload.finish().unwrap();
    write(&second, move |tx| {
        let (name, content) = ("f", &content);
        tx.place_file(access, &NewFile { area, folder: ROOT, name, content, modified_ms: 1, replaces: true })
    });
    assert!(own(ann).get(&first, "f") == bytes);
    assert_clean(&first);
    drop((first, second));
    assert_eq!(service.keys().len(), 2, "the message's and the file's: {:?}", service.keys());
}

#[test]
fn a_start_says_what_is_wrong() {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let settings = Settings { blobs: bucket(), ..sqlite_settings(folder.path()) };
    let good = object_settings(&service);
    let why = |settings: &Settings, objects: &ObjectSettings| {
        let store = Store::open_with(settings, Some(objects)).unwrap();
        let error = store.try_blobs().unwrap_err();
        assert!(matches!(error, OpenError::Failed(_)));
        let text = error.to_string();
        assert!(!text.contains("hush"), "{text}");
        text
    };
    let stranger = ObjectSettings {
        access_key_id: "nobody".to_owned(),
        secret_access_key: SecretBytes(b"hush".to_vec()),
        ..good.clone()
    };
    let text = why(&settings, &stranger);
    assert!(text.contains("InvalidAccessKeyId") && text.contains("check the access key"), "{text}");
    let nowhere = Settings { blobs: "s3://nowhere".to_owned(), ..settings.clone() };
    let text = why(&nowhere, &good);
    assert!(text.contains("NoSuchBucket") && text.contains("make the bucket"), "{text}");
    // Nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = ObjectSettings { endpoint: Some(format!("http://127.0.0.1:{port}")), ..good.clone() };
    let text = why(&settings, &silent);
    assert!(text.contains("refused") && text.contains("store.s3.endpoint"), "{text}");
    service.rule(|method, _| if method == "DELETE" { Fate::Refused(403) } else { Fate::Served });
    let text = why(&settings, &good);
    assert!(text.contains(&format!("s3://{BUCKET}/here cannot be removed from")), "{text}");
    service.heal();
    let without_tls = ObjectSettings { endpoint: Some("http://192.0.2.1".to_owned()), ..good };
    let refused = Store::open_with(&settings, Some(&without_tls)).map(drop);
    assert!(matches!(refused, Err(OpenError::Setting(_))), "{refused:?}");
}
