//! Prints how the server's zones fare as they grow: how long a change takes until it is served, how long all
//! zones take at the start, and what they take in memory. Nothing is asked by a network.
//!
//! `bench_names [RECORDS [ZONES]]`: records of the largest zone, else 1000000; zones of ten records, else 100000.

#![allow(clippy::print_stdout, reason = "the table is the output")]

use dns::{Name, Serial, ZoneData};
use posthouse::config::Config;
use posthouse::dns::book::Book;
use posthouse::dns::facts::HostFacts;
use posthouse::dns::import;
use posthouse::dns::orders;
use posthouse::dns::request::DnsRequest;
use posthouse::dns::settings::ZoneSettings;
use posthouse::dns::snapshot::Snapshot;
use posthouse::dns::zones::{Zones, calendar};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;
use store::{NewZoneChange, PreparedZone, Settings, Store, ZoneChangeKind, ZoneKind};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Zones per transaction while they are made.
const BATCH_ZONES: usize = 5000;
/// Changes that are timed; the quickest counts, as least disturbed.
const CHANGES: usize = 7;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let records = arguments.next().transpose()?.unwrap_or(1_000_000);
    let zones = arguments.next().transpose()?.unwrap_or(100_000);
    for size in [1000, 26_000, records] {
        one_zone(size)?;
    }
    many_zones(zones)
}

/// A folder with a store, and its zones.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Outcome<World> {
        Ok(World { folder: tempfile::tempdir_in(std::env::current_dir()?)? })
    }

    fn open(&self) -> Outcome<(Zones, Snapshot)> {
        let text = "hostname = 'mx.example.org'\ndata_dir = 'x'\n[listen]\ndns = ['192.0.2.1:53']\n";
        let config = Config::parse(text, self.folder.path())?;
        let store = Store::open(&Settings {
            url: "sqlite:posthouse.db".into(),
            blobs: "file:blobs".into(),
            data_dir: self.folder.path().join("data"),
            readers: 2,
        })?;
        let (host, snapshot) = (HostFacts::of(&config)?, Snapshot::default());
        Ok((Zones::new(store, host, calendar(), Box::new(snapshot.clone())), snapshot))
    }
}

/// A zone's text: per 5 records two hosts with both kinds of addresses, one of them with a text.
fn zone_text(records: usize) -> String {
    let mut text =
        String::from("$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n");
    for number in 0..records / 5 {
        let (high, low) = (number >> 16, number & 0xffff);
        let (b, c) = (number / 250 % 250, number % 250);
        let _ = write!(
            text,
            "h{number} A 198.51.{b}.{c}\nh{number} AAAA 2001:db8::{high:x}:{low:x}\nh{number} TXT \"v=spf1 a -all\"\n\
             g{number} A 203.0.{b}.{c}\ng{number} AAAA 2001:db8:1::{high:x}:{low:x}\n"
        );
    }
    text
}

fn one_zone(size: usize) -> Outcome<()> {
    let world = World::new()?;
    let name: Name = "bench.example.".parse()?;
    let (zones, _) = world.open()?;
    let records = import::read("bench.example", zone_text(size).as_bytes(), Path::new("-"))?;
    let request = DnsRequest::Import { zone: "bench.example".into(), records, unsigned: true };
    let began = Instant::now();
    orders::carry_out(&zones, request);
    let imported = began.elapsed();
    drop(zones);
    let began = Instant::now();
    let (zones, snapshot) = world.open()?;
    zones.load()?;
    let loaded = began.elapsed();
    let served = snapshot.zone(&name).ok_or("the zone is not served")?;
    let bytes_each = served.memory_bytes() / served.record_count();
    drop(served);
    let mut quickest = std::time::Duration::MAX;
    for number in 0..CHANGES {
        let lines = vec![format!("new{number}.bench.example. 60 A 192.0.2.7")];
        let began = Instant::now();
        orders::carry_out(&zones, DnsRequest::Add { lines });
        quickest = quickest.min(began.elapsed());
    }
    println!(
        "one zone of {size:>8} records: import {imported:>9.1?}   at the start {loaded:>9.1?}   \
         {bytes_each} bytes a record   a change {quickest:>9.1?}"
    );
    Ok(())
}

/// A zone of ten records, as the store has it.
fn small_book(name: &Name) -> Outcome<Vec<u8>> {
    let hosts = "a A 192.0.2.2\na AAAA 2001:db8::2\nb A 192.0.2.3\nb AAAA 2001:db8::3\n@ MX 10 a\n@ TXT \"v=spf1 mx -all\"\n@ A 192.0.2.4\n";
    let text = format!("{}{hosts}", zone_text(0));
    let served: ZoneData = dns::master::read(name, "zone", text.as_bytes(), &mut dns::master::NoInclude)?;
    Ok(Book { served, signed: false, managed: Vec::new() }.to_bytes())
}

fn many_zones(count: usize) -> Outcome<()> {
    let world = World::new()?;
    let (zones, _) = world.open()?;
    for first in (0..count).step_by(BATCH_ZONES) {
        let mut batch = Vec::new();
        for number in first..count.min(first + BATCH_ZONES) {
            let name = format!("zone{number}.example");
            batch.push((PreparedZone::new(&small_book(&format!("{name}.").parse()?)?)?, name));
        }
        let settings = ZoneSettings::default().to_text();
        zones.store().write_blocking(move |tx| {
            for (base, name) in &batch {
                let zone = tx.add_zone(name, ZoneKind::Primary, &settings)?;
                let change = NewZoneChange {
                    at_ms: 0,
                    serial: Serial(1).0,
                    kind: ZoneChangeKind::Edit,
                    undoes: None,
                    what: String::new(),
                    data: Vec::new(),
                    base: Some(base.clone()),
                    due_ms: None,
                    settings: settings.clone(),
                    state: zone.state.clone(),
                };
                tx.change_zone(zone.id, zone.change, &change)?;
            }
            Ok(())
        })?;
    }
    drop(zones);
    let began = Instant::now();
    let (zones, snapshot) = world.open()?;
    let loaded = zones.load()?;
    println!(
        "{loaded} zones of ten records: at the start {:.1?}, {} served",
        began.elapsed(),
        snapshot.served().load().len()
    );
    Ok(())
}
