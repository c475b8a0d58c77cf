//! Nothing acknowledged is lost when the power goes or the disk fails, wherever that happens.
//!
//! A child process (this program again, under `layer.c`) delivers and expunges messages, uploads, cuts, resumes
//! and replaces files, and prints what was acknowledged. Afterwards the parent opens what is left and compares. `FAULTS_SECONDS` bounds the
//! sweep (default 25); `FAULTS_SEED` begins it elsewhere; `FAULTS_KIND` plays only the faults whose kind begins so, `FAULTS_AT` only those
//! at that operation.

#![allow(clippy::print_stdout, reason = "the child's acknowledgements and the parent's summary")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use store::{
    Access, AccountId, AreaId, Credential, EntryId, FilePath, FlagChange, FlagOp, Flags, Keywords, MailboxId,
    MessageId, NO_KEYWORDS, NewFile, NewMessage, OtherSizes, Settings, Store, StoreError, TraceEvent,
    TraceId, Tx,
};

/// What the layer exits with when it cuts the power.
const POWER_LOSS: i32 = 77;
const TASKS: u64 = 3;
const ROUNDS: u64 = 12;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).is_some_and(|word| word == "child") {
        let (folder, round, pauses) = (Path::new(&words[2]), &words[3], words[4] == "pauses");
        return child(folder, round.parse().expect("the round's number"), pauses);
    }
    let folder = tempfile::tempdir().expect("a folder is made");
    let layer = folder.path().join("layer.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/layer.c");
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .arg(&layer)
        .arg(&source)
        .args(["-ldl", "-lpthread"])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        println!("skipped: no C compiler for the fault layer");
        return;
    }
    sweep(folder.path(), &layer);
}

fn settings(folder: &Path) -> Settings {
    // Checkpoints come so early that the sweep meets many.
    let (url, blobs) = ("sqlite:posthouse.db?checkpoint_pages=60".to_owned(), "file:blobs".to_owned());
    Settings { url, blobs, data_dir: folder.to_owned(), readers: 2 }
}

/// The content that belongs to a number; every fifth is large and does not compress.
fn content(number: u64) -> Vec<u8> {
    let mut bytes = format!("Subject: {number}\r\n\r\n").into_bytes();
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let blocks = if number.is_multiple_of(5) { 10_000 } else { 200 };
    for _ in 0..blocks {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

fn prepare(tx: &mut Tx<'_>) -> Result<(AccountId, MailboxId), StoreError> {
    if tx.domain_by_name("example.org")?.is_none() {
        tx.add_domain("example.org")?;
    }
    let account = match tx.account_by_address("ann@example.org")? {
        Some(account) => account.id,
        None => tx.add_account("ann@example.org", &Credential { password: String::new(), scram: None })?,
    };
    let inbox = tx.mailbox_by_name(account, "INBOX")?.ok_or(StoreError::Missing(store::Missing::Mailbox))?;
    Ok((account, inbox.id))
}

/// Delivers, flags and expunges; goes on after errors, as the server does.
fn child(folder: &Path, round: u64, pauses: bool) {
    // A service manager would start it again.
    let Some(store) = (0..3).find_map(|_| Store::open(&settings(folder)).ok()) else { return };
    let Some((account, inbox)) = (0..3).find_map(|_| store.write_blocking(prepare).ok()) else { return };
    let half = ROUNDS / 2;
    for rounds in [0..half, half..ROUNDS] {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (store, rounds) = (store.clone(), rounds.clone());
                std::thread::spawn(move || {
                    rounds.for_each(|n| work(&store, (account, inbox), round * 10_000 + task * 100 + n))
                })
            })
            .collect();
        for task in tasks {
            task.join().expect("no task panics");
        }
        if pauses {
            pause();
        }
    }
}

/// Longer than the writer needs to begin with what it does in pauses. It begins by the clock, and
/// nobody can see from outside that it is done.
const PAUSE: Duration = Duration::from_millis(80);

fn pause() {
    let (_sender, receiver) = std::sync::mpsc::channel::<()>();
    let _ = receiver.recv_timeout(PAUSE);
}

fn work(store: &Store, (account, inbox): (AccountId, MailboxId), number: u64) {
    deliver(store, (account, inbox), number);
    if let Err(error) = upload(store, account, number) {
        println!("failed {error:?}");
    }
}

fn deliver(store: &Store, (account, inbox): (AccountId, MailboxId), number: u64) {
    let blob = match store.prepare_blob_blocking(&content(number)) {
        Ok(blob) => blob,
        Err(error) => return println!("failed {error:?}"),
    };
    let job = move |tx: &mut Tx<'_>| {
        let new = NewMessage {
            blob: &blob,
            prefix: b"Return-Path: <>\r\n",
            received_ms: 1,
            flags: Flags::NONE,
            keywords: &NO_KEYWORDS,
            overview: b"",
            trace_id: TraceId(number),
            other_sizes: OtherSizes::default(),
        };
        let event = TraceEvent { at_ms: 1, recipient: None, kind: 0, detail: String::new() };
        tx.record_trace(TraceId(number), &["ann@example.org"], &[event])?;
        tx.add_message(account, inbox, &new)
    };
    let added = match store.write_blocking(job) {
        Ok(added) => added,
        Err(error) => return println!("failed {error:?}"),
    };
    println!("stored {} {number}", added.message_id);
    if !number.is_multiple_of(4) {
        return;
    }
    let range = added.uid.get()..=added.uid.get();
    println!("removing {} {number}", added.message_id);
    let job = move |tx: &mut Tx<'_>| {
        let change = FlagChange { op: FlagOp::Add, flags: Flags::DELETED, keywords: Keywords::NONE };
        tx.change_flags(account, inbox, std::slice::from_ref(&range), &change, None)?;
        tx.expunge(account, inbox, Some(std::slice::from_ref(&range)))
    };
    match store.write_blocking(job) {
        Ok(_) => println!("removed {} {number}", added.message_id),
        Err(error) => println!("failed {error:?}"),
    }
}

/// Bytes of an upload that come in one piece.
const PIECE_BYTES: usize = 20_000;

/// Uploads a file: of every three numbers one replaces what the other gave, and every other is cut and
/// gone on with.
fn upload(store: &Store, account: AccountId, number: u64) -> Result<(), StoreError> {
    let (access, area, folder) = (Access::Account(account), AreaId::Account(account), EntryId::ROOT);
    let (bytes, name) = (content(number), number / 3);
    let text = name.to_string();
    println!("placing {name} {number}");
    let mut upload = store.upload(area, 0);
    if number.is_multiple_of(2) {
        upload.write_block(&bytes[..bytes.len() / 2])?;
        if let Some(part) = upload.keep()? {
            let text = text.clone();
            store.write_blocking(move |tx| tx.keep_part(access, area, folder, &text, &part))?;
        }
        let kept = store.resume_upload_blocking(access, area, folder, &text, bytes.len() as u64 / 3)?;
        upload = match kept {
            Some(upload) => upload,
            // Beside the file of the number before nothing is kept of what began anew.
            None if !number.is_multiple_of(3) => store.upload(area, 0),
            None => return Err(StoreError::Invalid("the part that was kept is not there")),
        };
    }
    let begun = usize::try_from(upload.size_bytes()).expect("it is short");
    for piece in bytes[begun..].chunks(PIECE_BYTES) {
        upload.write_block(piece)?;
    }
    let content = upload.finish()?;
    store.write_blocking(move |tx| {
        let (name, content) = (&text[..], &content);
        tx.place_file(access, &NewFile { area, folder, name, content, modified_ms: 1, replaces: true })
    })?;
    println!("placed {name} {number}");
    Ok(())
}

/// What the children said, by message, and of files by name.
#[derive(Default)]
struct Told {
    stored: BTreeMap<i64, u64>,
    removing: BTreeSet<i64>,
    removed: BTreeSet<i64>,
    /// What may be there: what was acknowledged last, and what was tried since.
    placed: BTreeMap<i64, Vec<Option<u64>>>,
}

impl Told {
    fn hear(&mut self, output: &str) {
        for line in output.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [verb, id, number] = words[..] else { continue };
            // The last line may be cut off with the power.
            let (Ok(id), Ok(number)) = (id.parse(), number.parse()) else { continue };
            match verb {
                "stored" => drop(self.stored.insert(id, number)),
                "removing" => drop(self.removing.insert(id)),
                "removed" => drop(self.removed.insert(id)),
                "placing" => self.placed.entry(id).or_insert_with(|| vec![None]).push(Some(number)),
                "placed" => drop(self.placed.insert(id, vec![Some(number)])),
                _ => {}
            }
        }
    }
}

/// What fails, and of which files, by the end of their names. The database's own syncs are few and everything
/// hangs on them, so that they get faults of their own.
const KINDS: [(&str, &str); 15] = [
    ("power", ""),
    ("power", ""),
    ("power", ""),
    ("power", ""),
    ("sync-eio", ""),
    ("sync-eio", "/posthouse.db"),
    ("sync-eio", "/posthouse.db"),
    ("sync-eio", "/posthouse.db-wal"),
    ("sync-eio", "/posthouse.db-wal"),
    ("sync-eio", "/data"),
    ("sync-eio", "/blobs"),
    ("write-eio", ""),
    ("write-eio", "/posthouse.db"),
    ("write-enospc", ""),
    ("write-enospc", "/posthouse.db"),
];

#[derive(Debug)]
struct Fault {
    mode: &'static str,
    file: &'static str,
    at: u64,
    /// How often it fails.
    times: u64,
    /// How many operations later the power goes; never if 0.
    crash_after: u64,
    seed: u64,
}

/// Runs a child under the layer and hears what it says; true if the power went.
fn run(folder: &Path, layer: &Path, round: u64, fault: &Fault, told: &mut Told) -> bool {
    let data = folder.join("data");
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"));
    child.arg("child").arg(&data).arg(round.to_string());
    child.arg(if fault.seed.is_multiple_of(3) { "pauses" } else { "goes-on" });
    child.env("LD_PRELOAD", layer).env("FAULT_DIR", &data).env("FAULT_STASH", folder.join("stash"));
    child.env("FAULT_MODE", fault.mode).env("FAULT_REPORT", folder.join("report"));
    child.env("FAULT_AT", fault.at.to_string()).env("FAULT_CRASH_AFTER", fault.crash_after.to_string());
    child.env("FAULT_TIMES", fault.times.to_string());
    child.env("FAULT_SEED", fault.seed.to_string()).env("FAULT_FILE", fault.file);
    let output = child.output().expect("the child starts");
    let said = String::from_utf8_lossy(&output.stdout);
    told.hear(&said);
    let failures: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("failed ")).collect();
    let kind = if fault.mode == "write-enospc" { "Full" } else { "Io(" };
    assert!(failures.iter().all(|failure| failure.starts_with(kind)), "{}: {failures:?}", fault.mode);
    // One fault concerns one commit; after it the store must work again.
    assert!(failures.len() as u64 <= TASKS * fault.times, "{}: {failures:?}", fault.mode);
    let code = output.status.code();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, Some(0 | POWER_LOSS)), "the child ended with {code:?}: {errors}");
    code == Some(POWER_LOSS)
}

/// Opens what is left, without the layer, and compares with what was told.
fn verify(data: &Path, told: &Told) -> Result<(), String> {
    let store = Store::open(&settings(data)).map_err(|error| error.to_string())?;
    let report = store.check(&mut |_| ()).map_err(|error| error.to_string())?;
    if !report.findings.is_empty() {
        return Err(format!("{:?}", report.findings));
    }
    let (account, inbox) = store.write_blocking(prepare).map_err(|error| error.to_string())?;
    let all = store.read_blocking(|view| view.placements_owned(account, inbox, &[1..=u32::MAX]));
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    for found in all.map_err(|error| error.to_string())? {
        *seen.entry(found.message_id.get()).or_default() += 1;
    }
    for (id, number) in &told.stored {
        let count = seen.get(id).copied().unwrap_or(0);
        let expected: &[usize] = match (told.removing.contains(id), told.removed.contains(id)) {
            (false, _) => &[1],
            (true, false) => &[0, 1],
            (true, true) => &[0],
        };
        if !expected.contains(&count) {
            return Err(format!("message {number} is there {count} times instead of {expected:?}"));
        }
        if count == 1 {
            let bytes = store.read_blocking(|view| view.read_content(account, MessageId(*id)));
            let expected = [b"Return-Path: <>\r\n".to_vec(), content(*number)].concat();
            if bytes.map_err(|error| error.to_string())? != expected {
                return Err(format!("message {number} is not what was sent"));
            }
        }
    }
    verify_files(&store, account, told).map_err(|error| error.to_string())
}

/// Every file is whole, and the one that was acknowledged last or one that was tried since.
fn verify_files(store: &Store, account: AccountId, told: &Told) -> Result<(), StoreError> {
    let (access, area) = (Access::Account(account), AreaId::Account(account));
    for (name, possible) in &told.placed {
        let path = FilePath::parse(&name.to_string())?;
        let found = match store.read_blocking(|view| view.entry_at(access, area, &path))? {
            None => None,
            Some(entry) => {
                let (opened, mut bytes) = (store.open_file_blocking(access, area, entry.id)?, Vec::new());
                let mut collect = |block: &[u8]| {
                    bytes.extend_from_slice(block);
                    Ok(ControlFlow::Continue(()))
                };
                opened.content.each_block(0..entry.size_bytes(), &mut collect)?;
                Some(bytes)
            }
        };
        if !possible.iter().any(|number| number.map(content) == found) {
            return Err(StoreError::Abandoned(format!("file {name} is none of {possible:?}")));
        }
    }
    Ok(())
}

fn sweep(folder: &Path, layer: &Path) {
    let from_env = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let end = Instant::now() + Duration::from_secs(from_env("FAULTS_SECONDS").unwrap_or(25));
    let mut seed = from_env("FAULTS_SEED").unwrap_or(1).wrapping_mul(2_654_435_761) | 1;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) % below
    };
    let count = Fault { mode: "count", file: "", at: 0, times: 0, crash_after: 0, seed: 0 };
    let mut told = fresh(folder);
    run(folder, layer, 0, &count, &mut told);
    verify(&folder.join("data"), &told).expect("nothing is lost without faults");
    assert_eq!(told.stored.len() as u64, TASKS * ROUNDS);
    let report = std::fs::read_to_string(folder.join("report")).expect("the layer counted");
    let total: u64 = report.trim().parse().expect("the layer wrote a number");
    let kind = std::env::var("FAULTS_KIND").unwrap_or_default();
    let kinds: Vec<_> =
        KINDS.into_iter().filter(|(mode, file)| format!("{mode}{file}").starts_with(&kind)).collect();
    let only_at = from_env("FAULTS_AT");
    let mut sweep = Sweep { folder, layer, total, faults: 0, cuts: 0, kept: 0 };
    // A new database is made in a few operations, any of which may decide what all that follow are worth.
    for (mode, file) in kinds.iter().filter(|(_, file)| *file == "/posthouse.db") {
        for at in (1..=OPENING_OPERATIONS).filter(|at| only_at.is_none_or(|only| only == *at)) {
            let fault =
                Fault { mode, file, at, times: 1, crash_after: 100 + random(600), seed: random(u64::MAX) };
            sweep.play(&fault, &mut random);
        }
    }
    while Instant::now() < end {
        let (mode, file) = kinds[random(kinds.len() as u64) as usize];
        // The first operations are those of opening, the last those of closing.
        let at = match random(8) {
            _ if only_at.is_some() => only_at.unwrap_or_default(),
            0 => 1 + random(40),
            1 => total - random(30),
            _ => 1 + random(total),
        };
        let times = if random(4) == 0 { 2 + random(2) } else { 1 };
        // While it recovers, or not before the log has started anew.
        let crash_after = match random(8) {
            0 => 0,
            1..=4 => 1 + random(60),
            _ => 1 + random(500),
        };
        let fault = Fault { mode, file, at, times, crash_after, seed: random(u64::MAX) };
        sweep.play(&fault, &mut random);
    }
    let Sweep { faults, cuts, kept, .. } = sweep;
    println!("{faults} faults over {total} operations, {cuts} power cuts, {kept} messages kept");
    assert!(faults >= 10 && cuts > 0, "the sweep was too short to mean anything");
}

/// So many of the layer's operations a new database is made in, at least.
const OPENING_OPERATIONS: u64 = 24;

struct Sweep<'a> {
    folder: &'a Path,
    layer: &'a Path,
    /// Operations of a run without faults.
    total: u64,
    faults: usize,
    cuts: u64,
    kept: usize,
}

impl Sweep<'_> {
    fn play(&mut self, fault: &Fault, random: &mut impl FnMut(u64) -> u64) {
        let mut told = fresh(self.folder);
        self.cuts += u64::from(run(self.folder, self.layer, 0, fault, &mut told));
        if random(3) == 0 {
            // Once more on what is left, with the power going while it recovers or soon after.
            let (at, seed) = (random(80) + 1, random(u64::MAX));
            let again = Fault { mode: "power", file: "", at, times: 0, crash_after: 0, seed };
            self.cuts += u64::from(run(self.folder, self.layer, 1, &again, &mut told));
        }
        if let Err(why) = verify(&self.folder.join("data"), &told) {
            panic!("{fault:?} of {}: {why}", self.total);
        }
        self.faults += 1;
        self.kept += told.stored.len();
    }
}

/// Empty folders for the next fault.
fn fresh(folder: &Path) -> Told {
    for name in ["data", "stash"] {
        let path = folder.join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder is made");
    }
    Told::default()
}
