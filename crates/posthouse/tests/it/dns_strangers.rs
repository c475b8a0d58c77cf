//! Servers and programs that misbehave: others' serials, primaries that send nonsense, strangers who shout.

use crate::dns::{
    NOTICE_WAIT, Stream, ZONE, ask, canary, dig, import, query, serial, serve, wait_for_serial, wire,
};
use crate::server::{Server, setup};
use crate::wait;
use ::dns::tsig::{Algorithm, Key, Signer};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Instant, SystemTime};

const SECRET: &str = "c29tZSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcy4=";
const KEY: &str = "transfer.key";

fn with_key() -> Server {
    let mut server = setup().prepare();
    server.launch();
    server.cli_with(&["dns", "tsig", "add", KEY, "--secret"], &format!("{SECRET}\n")).ok();
    import(&server, "zone.test", ZONE);
    server.cli(&["dns", "secondary", "add", "zone.test", "127.0.0.1:9", "--key", KEY]).ok();
    server
}

#[test]
fn whoever_has_a_newer_serial_gets_one_soa_record() {
    let server = with_key();
    let port = server.port("dns");
    let key = format!("hmac-sha256:{KEY}:{SECRET}");
    let present = serial(port, "zone.test").unwrap();
    // Test 36: newer by RFC 1982, the same, and half a circle away.
    for have in [present.wrapping_add(1000), present, present.wrapping_add(i32::MAX.unsigned_abs())] {
        let said = dig(port, &["-y", &key, "+noall", "+answer", "zone.test", &format!("IXFR={have}")]);
        let records: Vec<&str> =
            said.lines().filter(|line| !line.starts_with(';') && !line.contains("TSIG")).collect();
        assert!(records.len() == 1 && records[0].contains("SOA"), "{have}: {said}");
    }
    canary(port, "transfers");
}

/// What a server says of a signed question: the response code; the number of the fault, the length of the MAC and the time
/// that stands beside it.
fn said_of(answer: &[u8]) -> (u8, Option<(u16, usize, u64)>) {
    let found = ::dns::tsig::find(answer).unwrap();
    let time = |other: &[u8]| other.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    (answer[3] & 15, found.map(|found| (found.error, found.mac.len(), time(found.other))))
}

/// Tests 37 to 39, raw: signatures at the wrong place, by the wrong key, at the wrong time, too short.
#[test]
fn signatures_that_are_none_are_told_apart() {
    let server = with_key();
    let port = server.port("dns");
    let key_by = |name: &str, secret: &[u8]| Key::new(&wire(name), Algorithm::Sha256, secret).unwrap();
    let key = key_by(KEY, b"some secret of thirty-two bytes.");
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let signed = |key: &Key, unix_s: u64| {
        let mut message = query("www.zone.test", 1);
        Signer::requesting(key.clone()).sign(unix_s, &mut message);
        message
    };
    // One after the other, the same by a datagram and on a connection.
    let asked = |message: &[u8]| {
        let mut stream = Stream::open(port);
        stream.send(message);
        let (by_udp, by_tcp) = (ask(port, message).unwrap(), stream.receive().unwrap());
        assert_eq!(said_of(&by_udp).0, said_of(&by_tcp).0);
        canary(port, "a signature");
        said_of(&by_udp)
    };
    let good = signed(&key, now_s);
    assert_eq!(asked(&good), (0, Some((0, 32, 0))));
    for unix_s in [now_s - 290, now_s + 290] {
        assert_eq!(asked(&signed(&key, unix_s)), (0, Some((0, 32, 0))));
    }
    for unix_s in [now_s - 303, now_s + 303, 0, now_s + (1 << 33)] {
        let (code, fault) = asked(&signed(&key, unix_s));
        let (error, mac_len, time_s) = fault.unwrap();
        assert_eq!((code, error, mac_len), (9, 18, 32), "38: BADTIME, signed");
        assert!((now_s..now_s + 60).contains(&time_s), "38: with the server's time: {time_s}");
    }
    let other = key_by(KEY, b"another secret, thirty-two bytes");
    assert_eq!(asked(&signed(&other, now_s)), (9, Some((16, 0, 0))), "38: BADSIG, unsigned");
    let stranger = key_by("stranger", key.secret());
    assert_eq!(asked(&signed(&stranger, now_s)), (9, Some((17, 0, 0))), "38: BADKEY, unsigned");
    let mut twice = good.clone();
    Signer::requesting(key.clone()).sign(now_s, &mut twice);
    assert_eq!(asked(&twice), (1, None), "37: two of them");
    let mut followed = good.clone();
    followed[11] += 1;
    followed.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    assert_eq!(asked(&followed), (1, None), "37: not the last");
    // Behind the MAC stand an id, an error and the length of nothing.
    let shortened = |len: usize| {
        let mut message = good.clone();
        let mac = message.len() - 6 - 32;
        message.drain(mac + len..mac + 32);
        message[mac - 1] = len as u8;
        let data_len_at = query("www.zone.test", 1).len() + wire(KEY).len() + 9;
        message[data_len_at] -= (32 - len) as u8;
        message
    };
    assert_eq!(asked(&shortened(32)), (0, Some((0, 32, 0))));
    assert_eq!(asked(&shortened(16)), (9, Some((22, 32, 0))), "39: BADTRUNC, signed");
    for len in [0, 8, 15] {
        assert_eq!(asked(&shortened(len)), (1, None), "39: below the least");
    }
}

#[test]
fn strangers_who_notify_are_refused_and_do_not_fill_the_log() {
    let server = serve();
    let port = server.port("dns");
    // Test 44.
    let mut told = query("zone.test", 6);
    told[2] = 4 << 3;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    for _ in 0..10_000 {
        socket.send(&told).unwrap();
    }
    canary(port, "the shouting");
    assert_eq!(ask(port, &told).unwrap()[3] & 15, 5);
    let lines = server.log().matches("refused: no entry of the zone allows it").count();
    assert!((1..=5).contains(&lines), "{lines} lines");
}

/// A primary of `zone.test`: what it sends follows `mode`.
struct Primary {
    port: u16,
    mode: Arc<AtomicU8>,
}

/// An entry of the answer section.
fn record(owner: &str, rtype: u16, data: &[u8]) -> Vec<u8> {
    let head = [&wire(owner)[..], &rtype.to_be_bytes(), &[0, 1, 0, 0, 0, 60]].concat();
    [&head[..], &(data.len() as u16).to_be_bytes(), data].concat()
}

fn soa(serial: u32) -> Vec<u8> {
    let numbers: Vec<u8> = [serial, 3600, 600, 86_400, 60].iter().flat_map(|n| n.to_be_bytes()).collect();
    record("zone.test", 6, &[&wire("ns1.zone.test")[..], &wire("host.zone.test"), &numbers].concat())
}

impl Primary {
    /// Mode 1: a good zone with serial 1; others: serial 2, and a transfer that is none.
    fn start() -> Primary {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mode = Arc::new(AtomicU8::new(1));
        let (for_udp, for_tcp) = (mode.clone(), mode.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((len, from)) = udp.recv_from(&mut buffer) {
                let _ = udp.send_to(&answer(&buffer[..len], for_udp.load(Ordering::SeqCst)), from);
            }
        });
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                let mut len = [0; 2];
                while stream.read_exact(&mut len).is_ok() {
                    let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
                    if stream.read_exact(&mut message).is_err() {
                        break;
                    }
                    let answer = answer(&message, for_tcp.load(Ordering::SeqCst));
                    let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
                    if stream.write_all(&framed).is_err() {
                        break;
                    }
                }
            }
        });
        Primary { port, mode }
    }
}

/// What the primary says to a question about its zone.
fn answer(message: &[u8], mode: u8) -> Vec<u8> {
    let question = &message[12..12 + wire("zone.test").len() + 4];
    let rtype = question[question.len() - 3];
    let serial = if mode == 1 { 1 } else { 2 };
    let ns = record("zone.test", 2, &wire("ns1.zone.test"));
    let host = record("ns1.zone.test", 1, &[127, 0, 0, 1]);
    let text =
        record("text.zone.test", 16, &[&[5][..], if mode == 1 { b"first" } else { b"later" }].concat());
    let mut hostile = match mode {
        // An SOA record in the middle, a record of another zone, one whose data is none, one of class CH.
        2 => vec![soa(9)],
        3 => vec![record("www.bank.test", 1, &[192, 0, 2, 66])],
        4 => vec![record("www.zone.test", 1, &[192, 0, 2])],
        5 => vec![record("www.zone.test", 1, &[192, 0, 2, 1])],
        _ => vec![],
    };
    if mode == 5 {
        let class_at = wire("www.zone.test").len() + 3;
        hostile[0][class_at] = 3;
    }
    let records = match rtype {
        6 => vec![soa(serial)],
        _ => [vec![soa(serial), ns, host, text], hostile, vec![soa(serial)]].concat(),
    };
    let mut out = vec![message[0], message[1], 0x84, 0, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
    out.extend(question);
    out.extend(records.concat());
    out
}

#[test]
fn a_transfer_that_is_none_leaves_the_zone_as_it_was() {
    let mut server = setup().prepare();
    server.launch();
    let (port, primary) = (server.port("dns"), Primary::start());
    let at = format!("127.0.0.1:{}", primary.port);
    server.cli(&["dns", "secondary", "follow", "zone.test", &at]).ok();
    wait_for_serial(port, "zone.test", |serial| serial == 1);
    // Test 46.
    let mut told = query("zone.test", 6);
    told[2] = 0x24;
    for mode in 2..=5 {
        primary.mode.store(mode, Ordering::SeqCst);
        let before = server.log().matches("WARN").count();
        let begun = Instant::now();
        let refused = wait::until(NOTICE_WAIT, || {
            assert_eq!(ask(port, &told).unwrap()[3] & 15, 0, "the primary may notify");
            (server.log().matches("WARN").count() > before).then_some(())
        });
        assert!(refused.is_some(), "mode {mode}: {}", server.log());
        assert!(dig(port, &["+short", "text.zone.test", "TXT"]).contains("first"), "mode {mode}");
        assert_eq!(serial(port, "zone.test"), Some(1), "mode {mode}");
        assert!(dig(port, &["www.bank.test", "A"]).contains("REFUSED"), "mode {mode}");
        assert!(begun.elapsed() < NOTICE_WAIT);
    }
    // When it comes to its senses, so do we.
    primary.mode.store(6, Ordering::SeqCst);
    let later = wait::until(NOTICE_WAIT, || {
        let _ = ask(port, &told);
        dig(port, &["+short", "text.zone.test", "TXT"]).contains("later").then_some(())
    });
    assert!(later.is_some(), "{}", server.log());
}
