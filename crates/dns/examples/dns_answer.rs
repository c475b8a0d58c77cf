//! Twenty million answers from a zone of ten thousand hosts, mixed as the queries of a mail domain.
//!
//! A clock has no place in this crate, so the time is taken from outside:
//! `cargo build --release -p dns --example dns_answer`, then `time target/release/examples/dns_answer`.
//! Seconds of user time times 50 are nanoseconds per answer.
#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::hint::black_box;

use dns::master::{NoInclude, read};
use dns::{
    Catalogue, Class, CompiledZone, Context, Flags, MessageWriter, Name, Outcome, Question, Transport, answer,
};

const HOSTS: u32 = 10_000;
const ANSWERS: usize = 20_000_000;

fn zone() -> CompiledZone {
    let mut text = String::from(
        "$ORIGIN bench.test.\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 192.0.2.10\nmx1 AAAA 2001:db8::10\nmx2 A 192.0.2.11\n*.wild A 192.0.2.99\nsub NS ns.sub\nns.sub A 192.0.2.50\n",
    );
    for at in 0..HOSTS {
        let (high, low) = (at / 250 % 100, at % 250);
        writeln!(text, "h{at} A 198.51.{high}.{low}\nh{at} AAAA 2001:db8::{at:x}").expect("memory");
        if at % 4 == 0 {
            writeln!(text, "h{at} MX 10 mx1\nh{at} TXT \"v=spf1 a -all\"").expect("memory");
        }
        if at % 10 == 0 {
            writeln!(text, "c{at} CNAME h{at}").expect("memory");
        }
    }
    let apex: Name = "bench.test.".parse().expect("a name");
    let zone = read(&apex, "bench", text.as_bytes(), &mut NoInclude).expect("a good file");
    CompiledZone::new(&zone).expect("a good zone")
}

fn queries() -> Vec<Vec<u8>> {
    let query = |at: u32| {
        let host = at * 7919 % HOSTS;
        let (name, rtype) = match at % 100 {
            0..60 => (format!("h{host}"), "A"),
            60..80 => (format!("h{host}"), "AAAA"),
            80..88 => (format!("h{}", host - host % 4), "MX"),
            88..92 => (format!("c{}", host - host % 10), "A"),
            92..96 => (format!("no{host}"), "A"),
            96..98 => (format!("x{host}.wild"), "A"),
            _ => (format!("a{host}.sub"), "A"),
        };
        let name: Name = format!("{name}.bench.test.").parse().expect("a name");
        let mut writer = MessageWriter::new(Vec::new(), at as u16, Flags(0), 512);
        let question = Question { name, rtype: rtype.parse().expect("a type"), class: Class::IN };
        writer.question(&question).expect("room");
        writer.finish()
    };
    (0..200_000).map(query).collect()
}

fn main() {
    let zones = Catalogue::new().with_zone(zone());
    let queries = queries();
    let context = Context::new(Transport::Udp);
    let mut out = vec![0; 1232];
    let mut bytes = 0;
    for query in queries.iter().cycle().take(ANSWERS) {
        match answer(black_box(query), &context, &zones, &mut out) {
            Outcome::Reply(reply) => bytes += black_box(reply.len),
            outcome => println!("{outcome:?}"),
        }
    }
    println!("{ANSWERS} answers, {} bytes each", bytes / ANSWERS);
}
