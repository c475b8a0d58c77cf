//! Loads a master file of a million records, checks it and makes it ready, as at a start or an import.
//!
//! A clock has no place in this crate, so the time is taken from outside:
//! `cargo build --release -p dns --example dns_load`, then `time target/release/examples/dns_load`. What it
//! takes includes writing the file's text into memory.
#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::hint::black_box;

use dns::check::{check, may_be_served};
use dns::master::{NoInclude, read};
use dns::{CompiledZone, Name};

const HOSTS: u32 = 380_000;

fn text() -> String {
    let mut text = String::from(
        "$ORIGIN big.test.\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n@ MX 10 mx1\nmx1 A 192.0.2.10\n",
    );
    for at in 0..HOSTS {
        let (high, low) = (at / 250 % 100, at % 250);
        writeln!(text, "h{at} A 198.51.{high}.{low}\nh{at} AAAA 2001:db8:{:x}::{low:x}", at / 250)
            .expect("memory");
        if at % 4 == 0 {
            writeln!(text, "h{at} MX 10 mx1\nh{at} TXT \"v=spf1 a -all\"").expect("memory");
        }
        if at % 10 == 0 {
            writeln!(text, "c{at} CNAME h{at}").expect("memory");
        }
    }
    text
}

fn main() {
    let text = text();
    let apex: Name = "big.test.".parse().expect("a name");
    let zone = read(&apex, "big", text.as_bytes(), &mut NoInclude).expect("a good file");
    let findings = check(&zone);
    assert!(may_be_served(&findings), "{findings:?}");
    let compiled = CompiledZone::new(black_box(&zone)).expect("a good zone");
    let records = compiled.record_count();
    println!("{records} records, {} bytes each in memory", compiled.memory_bytes() / records);
}
