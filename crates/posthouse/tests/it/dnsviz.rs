//! What DNSViz says of every state that a zone's keys went through: each is shown as a zone of its own, below a parent
//! with the DS records of that state, so that one run sees them all.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use dns::dnssec::{Denial, Ds};
use dns::{
    Catalogue, CompiledZone, Context, RData, RRset, Record, RecordType, Transport, Ttl, ZoneData, answer,
};
use serde_json::Value;

use crate::programs::{program, run};
use crate::resolver::{Keys, now, zone};

/// A zone below `test.` as it was at some time, signed anew, and what its parent shows.
pub struct State {
    pub zone: ZoneData,
    pub ds: Vec<Ds>,
    /// In words, for those who look why it is wrong.
    pub summary: String,
}

/// The parent of them all, signed.
fn parent(states: &[State]) -> ZoneData {
    let mut text = "@ NS ns\nns A 127.0.0.1\n".to_owned();
    for State { zone, .. } in states {
        text += &format!("{apex} NS ns1.{apex}\nns1.{apex} A 127.0.0.1\n", apex = zone.apex());
    }
    let mut parent = zone("test.", &text);
    for State { zone, ds, .. } in states {
        for ds in ds {
            let data = RData::from_wire(RecordType::DS, &ds.to_wire()).unwrap();
            parent.insert(Record::new(zone.apex().clone(), Ttl::from_wire(3600), data)).unwrap();
        }
    }
    Keys::new().sign(&parent, Denial::Nsec, now())
}

fn reply(zones: &Catalogue, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let mut out = vec![0; dns::message::MESSAGE_LEN_MAX_BYTES];
    match answer(query, &Context::new(transport), zones, &mut out) {
        dns::Outcome::Reply(reply) => Some(out[..reply.len].to_vec()),
        _ => None,
    }
}

fn converse(mut stream: TcpStream, zones: &Catalogue) -> std::io::Result<()> {
    loop {
        let mut len = [0; 2];
        stream.read_exact(&mut len)?;
        let mut query = vec![0; u16::from_be_bytes(len).into()];
        stream.read_exact(&mut query)?;
        let Some(reply) = reply(zones, &query, Transport::Tcp) else { return Ok(()) };
        let len = u16::try_from(reply.len()).unwrap();
        stream.write_all(&[&len.to_be_bytes()[..], &reply].concat())?;
    }
}

/// Answers for these zones until the tests end; its port.
fn serve(zones: Catalogue) -> u16 {
    let (zones, tcp) = (Arc::new(zones), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let port = tcp.local_addr().unwrap().port();
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let shared = zones.clone();
    thread::spawn(move || {
        let mut query = [0; 4096];
        while let Ok((len, from)) = udp.recv_from(&mut query) {
            if let Some(reply) = reply(&shared, &query[..len], Transport::Udp) {
                let _ = udp.send_to(&reply, from);
            }
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming().map_while(Result::ok) {
            let zones = zones.clone();
            thread::spawn(move || converse(stream, &zones));
        }
    });
    port
}

/// All warnings and errors below a value.
fn complaints(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "warnings" | "errors" => found.push(value.to_string()),
                    _ => complaints(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| complaints(value, found)),
        _ => {}
    }
}

/// Shows them to DNSViz, which must find each secure (insecure without DS) and nothing to warn of; what it says else.
pub fn look(states: &[State], folder: &Path) -> Vec<String> {
    let parent = parent(states);
    let keys: String = parent
        .records()
        .filter(|record| record.data.rtype() == RecordType::DNSKEY)
        .map(|record| format!("{record}\n"))
        .collect();
    let zones = states.iter().map(|state| &state.zone).chain([&parent]);
    let catalogue = zones.fold(Catalogue::new(), |all, zone| all.with_zone(CompiledZone::new(zone).unwrap()));
    let (seen, anchors) = (folder.join("seen.json"), folder.join("anchors"));
    fs::write(&anchors, keys).unwrap();
    probe(states, serve(catalogue), &seen);
    // The modules are those of Debian's Python, whichever comes first in PATH.
    let mut grok = program("/usr/bin/python3");
    grok.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/py/dnsviz_grok.py"));
    let text = run(grok.args(["-l", "info", "-t"]).arg(&anchors).arg("-r").arg(&seen)).ok();
    let found: Value = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for State { zone, ds, summary } in states {
        let seen = &found[zone.apex().to_string()];
        let expected = if ds.is_empty() { "INSECURE" } else { "SECURE" };
        if seen["zone"]["status"] != expected {
            wrong.push(format!("{summary}: it is {}", seen["zone"]["status"]));
        }
        let mut said = Vec::new();
        complaints(seen, &mut said);
        wrong.extend(said.into_iter().map(|what| format!("{summary}: {what}")));
    }
    wrong
}

fn probe(states: &[State], port: u16, seen: &Path) {
    let mut probe = program("dnsviz");
    probe.args(["probe", "-A", "-4", "-t", "4", "-a", "test", "-o"]).arg(seen);
    probe.args(["-x", &format!("test+:ns.test=[127.0.0.1]:{port}")]);
    for State { zone, .. } in states {
        let name = zone.apex().to_string();
        let name = name.trim_end_matches('.');
        probe.args(["-x", &format!("{name}:ns1.{name}=[127.0.0.1]:{port}")]);
    }
    run(probe.args(states.iter().map(|state| state.zone.apex().to_string()))).ok();
}

#[test]
fn dnsviz_finds_what_is_wrong_with_one_state_of_several() {
    let state = |name: &str, key: &Keys, ds: &Keys, when| {
        let plain = zone(name, "@ NS ns1\nns1 A 127.0.0.1\n@ MX 10 ns1\n");
        let zone = key.sign(&plain, Denial::Nsec, when);
        State { zone, ds: vec![ds.ds(name)], summary: name.to_owned() }
    };
    let (one, other) = (Keys::new(), Keys::new());
    let mut stripped = state("stripped.test.", &one, &one, now());
    let apex = stripped.zone.apex().clone();
    let signatures = stripped.zone.get(&apex, RecordType::RRSIG).unwrap();
    let others =
        signatures.data().iter().filter(|data| data.as_wire()[..2] != RecordType::MX.0.to_be_bytes());
    let others = RRset::from_data(signatures.ttl, others.cloned()).unwrap();
    assert_eq!(others.len() + 1, signatures.len());
    stripped.zone.set(&apex, others).unwrap();
    let states = [
        state("right.test.", &one, &one, now()),
        state("wrong.test.", &one, &other, now()),
        state("late.test.", &one, &one, now().minus(60 * 86_400)),
        stripped,
    ];
    let folder = tempfile::tempdir().unwrap();
    let wrong = look(&states, folder.path());
    for state in &states {
        let count = wrong.iter().filter(|line| line.starts_with(&state.summary)).count();
        assert_eq!(count == 0, state.summary == "right.test.", "{}: {wrong:#?}", state.summary);
    }
}
