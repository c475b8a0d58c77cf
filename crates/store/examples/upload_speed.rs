//! How fast uploads are taken and placed, synced, against the same bytes written and synced alone.
//!
//! `cargo run --release -p store --example upload_speed FOLDER [MiB]`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a product")]

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use store::{Access, AreaId, Credential, EntryId, NewFile, Settings, Store};

const BLOCK: usize = 256 * 1024;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let folder = Path::new(&words[1]);
    let len = words.get(2).map_or(512, |text| text.parse().unwrap()) << 20;
    let mut bytes = vec![0u8; len];
    let mut state = 1u64;
    for word in bytes.chunks_exact_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        word.copy_from_slice(&state.to_le_bytes());
    }
    let rate = |begun: Instant| len as f64 / begun.elapsed().as_secs_f64() / 1e6;
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let mut file = std::fs::File::create(folder.join("alone")).unwrap();
    bytes.chunks(BLOCK).for_each(|block| file.write_all(block).unwrap());
    let written = rate(begun);
    file.sync_all().unwrap();
    let cpu = cpu_seconds() - cpu;
    println!("alone: {written:.0} MB/s written, {:.0} MB/s synced, {cpu:.2} s of this thread", rate(begun));
    std::fs::remove_file(folder.join("alone")).unwrap();

    let settings = Settings {
        url: "sqlite:posthouse.db".to_owned(),
        blobs: "file:blobs".to_owned(),
        data_dir: folder.to_owned(),
        readers: 2,
    };
    let store = Store::open(&settings).unwrap();
    let account = store.write_blocking(|tx| {
        tx.add_domain("example.org")?;
        tx.add_account("a@example.org", &Credential { password: String::new(), scram: None })
    });
    let account = account.unwrap();
    let area = AreaId::Account(account);
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let mut upload = store.upload(area, 0);
    bytes.chunks(BLOCK).for_each(|block| upload.write_block(block).unwrap());
    let written = rate(begun);
    let content = upload.finish().unwrap();
    let synced = rate(begun);
    let place = move |tx: &mut store::Tx<'_>| {
        let content = &content;
        let new = NewFile { area, folder: EntryId::ROOT, name: "f", content, modified_ms: 1, replaces: true };
        tx.place_file(Access::Account(account), &new)
    };
    store.write_blocking(place).unwrap();
    let cpu = cpu_seconds() - cpu;
    println!("upload: {written:.0} MB/s written, {synced:.0} MB/s synced, {cpu:.2} s of this thread");

    let begun = Instant::now();
    for n in 0..1000u32 {
        let mut upload = store.upload(area, 0);
        upload.write_block(&bytes[n as usize * 4096..n as usize * 4096 + 10_240]).unwrap();
        let content = upload.finish().unwrap();
        let place = move |tx: &mut store::Tx<'_>| {
            let (name, content) = (&format!("s{n}")[..], &content);
            let new = NewFile { area, folder: EntryId::ROOT, name, content, modified_ms: 1, replaces: true };
            tx.place_file(Access::Account(account), &new)
        };
        store.write_blocking(place).unwrap();
    }
    println!("small: {:.0} files/s of 10 KiB one after the other", 1000.0 / begun.elapsed().as_secs_f64());
}

/// Seconds that this thread was on a processor: on a busy machine they say more than the clock.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
