//! A hundred thousand zones of ten records, read from text, checked, made ready and put in a catalogue.
//!
//! A clock has no place in this crate, so the time is taken from outside:
//! `cargo build --release -p dns --example dns_many`, then `time target/release/examples/dns_many`.
#![allow(clippy::print_stdout)]

use dns::catalogue::Served;
use dns::check::{check, may_be_served};
use dns::master::{NoInclude, read};
use dns::{Catalogue, CompiledZone, Name};

const ZONES: u32 = 100_000;
const TEXT: &str = "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n@ MX 10 mx1\nmx1 A 192.0.2.10\nmx1 AAAA 2001:db8::10\n@ TXT \"v=spf1 mx -all\"\nwww CNAME mx1\n";

fn main() {
    let mut zones = Catalogue::new();
    let mut memory_bytes = 0;
    for at in 0..ZONES {
        let apex: Name = format!("customer-{at}.test.").parse().expect("a name");
        let zone = read(&apex, "zone", TEXT.as_bytes(), &mut NoInclude).expect("a good file");
        assert!(may_be_served(&check(&zone)));
        let compiled = CompiledZone::new(&zone).expect("a good zone");
        memory_bytes += compiled.memory_bytes();
        zones.put(Served::Zone(compiled.into()));
    }
    let changed = zones.without(&"customer-7.test.".parse().expect("a name"));
    println!("{} zones, {} bytes each; one less: {}", zones.len(), memory_bytes / zones.len(), changed.len());
}
