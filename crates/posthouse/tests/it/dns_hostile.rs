//! Bad input, byte by byte; after each case the server must still answer.

use crate::dns::{
    ANSWER_WAIT, Stream, ask, ask_in_vain, canary, query, query_with_opt, serve, serve_with, wire,
};
use crate::server::setup;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

const HEADER: [u8; 12] = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// What must come of a case.
#[derive(Clone, Copy)]
enum Expected {
    Silence,
    /// This response code, the extended bits of an OPT record included.
    Code(u16),
    /// One of them, whichever was chosen.
    OneOf(&'static [u16]),
}

use Expected::{Code, OneOf, Silence};

/// The code of an answer with the upper bits that an OPT record at its end holds.
fn code(answer: &[u8]) -> u16 {
    let low = u16::from(answer[3] & 15);
    // Without other additional records it begins at a fixed distance behind the question.
    let mut at = 12;
    if answer[5] == 1 {
        while answer[at] != 0 {
            at += 1 + usize::from(answer[at]);
        }
        at += 5;
    }
    let is_opt =
        answer[11] == 1 && answer[7] == 0 && answer[9] == 0 && answer.get(at..at + 3) == Some(&[0, 0, 41]);
    low | if is_opt { u16::from(answer[at + 5]) << 4 } else { 0 }
}

fn with(mut message: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (at, value) in changes {
        message[*at] = *value;
    }
    message
}

fn body(bytes: &[u8]) -> Vec<u8> {
    [&HEADER[..], bytes, &[0, 1, 0, 1]].concat()
}

fn long_name(labels: usize, len: usize) -> Vec<u8> {
    let mut name: Vec<u8> = (0..labels).flat_map(|_| [&[len as u8], &vec![b'a'; len][..]].concat()).collect();
    name.push(0);
    name
}

fn option(number: u16, content: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

/// What is wrong with headers, names and counts; the numbers are those of the collection of attacks that this
/// server is tried on.
fn header_cases() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let plain = || query("www.zone.test", 1);
    vec![
        ("1: no bytes", vec![], Silence),
        ("1: 11 bytes", HEADER[..11].to_vec(), Silence),
        ("2: a question is announced and missing", HEADER.to_vec(), Code(1)),
        ("3: an answer", with(plain(), &[(2, 0x80)]), Silence),
        ("4: no question", with(plain(), &[(5, 0)])[..12].to_vec(), Code(1)),
        (
            "5: two questions",
            with([plain(), wire("a.zone.test"), vec![0, 1, 0, 1]].concat(), &[(5, 2)]),
            Code(1),
        ),
        ("6: 65535 questions", with(plain(), &[(4, 255), (5, 255)]), Code(1)),
        ("7: opcode 3", with(plain(), &[(2, 3 << 3)]), Code(4)),
        ("7: opcode 15", with(plain(), &[(2, 15 << 3)]), Code(4)),
        ("8: IQUERY", with(plain(), &[(2, 1 << 3)]), Code(4)),
        ("9: STATUS", with(plain(), &[(2, 2 << 3)]), Code(4)),
        ("10: a label of 64", body(&[64, b'a', 0]), Code(1)),
        ("10: a label of 128", body(&[128, b'a', 0]), Code(1)),
        ("10: a label of 191", body(&[191, b'a', 0]), Code(1)),
        ("11: a pointer to itself", body(&[0xc0, 12]), Code(1)),
        ("12: a pointer forward", body(&[0xc0, 40]), Code(1)),
        ("12: a pointer beyond", body(&[0xff, 0xff]), Code(1)),
        ("13: two pointers to each other", body(&[0xc0, 14, 0xc0, 12]), Code(1)),
        ("15: a name of 257 bytes", body(&long_name(4, 63)), Code(1)),
        ("15: 128 labels", body(&long_name(128, 1)), Code(1)),
        ("16: odd bytes", body(b"\x05\0.\\\x80\xff\x04zone\x04test\0"), Code(3)),
        ("17: mixed case", query("wWw.ZoNe.TeSt", 1), Code(0)),
        ("18: bytes behind the end", [plain(), vec![1, 2, 3]].concat(), Code(1)),
    ]
}

/// What is wrong with EDNS.
fn edns_cases() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let plain = || query("www.zone.test", 1);
    let mut opt_twice = query_with_opt("www.zone.test", 1, 1232, b"");
    opt_twice[11] = 2;
    opt_twice.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    let mut opt_named = plain();
    opt_named[11] = 1;
    opt_named.extend([1, b'a', 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    let opt = |options: &[u8]| query_with_opt("www.zone.test", 1, 1232, options);
    let version_1 = with(opt(b""), &[(plain().len() + 6, 1)]);
    let mut opt_short = opt(&option(10, &[1; 8]));
    let data_len_at = plain().len() + 10;
    opt_short[data_len_at] = 200;
    let option_long = opt(&[0, 10, 0, 200, 1, 2, 3]);
    vec![
        ("19: two OPT records", opt_twice, Code(1)),
        ("20: an OPT record with a name", opt_named, Code(1)),
        ("21: EDNS version 1", version_1, Code(16)),
        ("22: payload 0", query_with_opt("www.zone.test", 1, 0, b""), Code(0)),
        ("23: payload 65535", query_with_opt("big.zone.test", 16, 65_535, b""), Code(0)),
        ("24: OPT data past the end", opt_short, Code(1)),
        ("24: an option past the data", option_long, Code(1)),
        ("25: an unknown option", opt(&option(65_001, b"abc")), Code(0)),
        ("26: a cookie of 7 bytes", opt(&option(10, &[1; 7])), Code(1)),
        ("26: a cookie of 9 bytes", opt(&option(10, &[1; 9])), Code(1)),
        ("26: a cookie of 15 bytes", opt(&option(10, &[1; 15])), Code(1)),
        ("26: a cookie of 41 bytes", opt(&option(10, &[1; 41])), Code(1)),
        ("29: keepalive by UDP", opt(&option(11, b"")), Code(0)),
        ("31: a client subnet of family 9", opt(&option(8, &[0, 9, 33, 0, 1, 2, 3, 4, 5])), OneOf(&[0, 1])),
    ]
}

/// What is asked by those who may not, or in forms that do not exist.
fn forbidden_cases() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let plain = || query("www.zone.test", 1);
    let class = |number: u8| {
        let message = plain();
        let last = message.len() - 1;
        with(message, &[(last, number)])
    };
    vec![
        ("32: class CH", class(3), Code(5)),
        ("32: class HS", class(4), Code(5)),
        ("33: AXFR by UDP", query("zone.test", 252), OneOf(&[1, 4, 5])),
        ("35: IXFR without its SOA record", query("zone.test", 251), Code(1)),
        ("44: a notification by a stranger", with(query("zone.test", 6), &[(2, 4 << 3)]), Code(5)),
        (
            "40: an update without a zone",
            with(query("zone.test", 6), &[(2, 5 << 3), (5, 0)])[..12].to_vec(),
            Code(1),
        ),
        ("40: an update of a type", with(query("zone.test", 1), &[(2, 5 << 3)]), Code(1)),
        ("41: an update by a stranger", with(query("zone.test", 6), &[(2, 5 << 3)]), Code(5)),
    ]
}

#[test]
fn bad_datagrams_are_answered_by_their_codes_or_not_at_all() {
    let server = serve();
    let port = server.port("dns");
    for (what, message, expected) in [header_cases(), edns_cases(), forbidden_cases()].into_iter().flatten() {
        match expected {
            Silence => assert!(ask_in_vain(port, &message).is_none(), "{what}"),
            Code(expected) => {
                let answer = ask(port, &message).unwrap_or_else(|| panic!("{what}: no answer"));
                assert_eq!(code(&answer), expected, "{what}");
                assert_eq!(answer[..2], message[..2], "{what}");
                assert!(answer.len() <= 1232, "{what}");
            }
            OneOf(expected) => {
                let answer = ask(port, &message).unwrap_or_else(|| panic!("{what}: no answer"));
                assert!(expected.contains(&code(&answer)), "{what}: {}", code(&answer));
            }
        }
        canary(port, what);
    }
    // 16, 17: what was asked comes back byte for byte.
    for message in [query("wWw.ZoNe.TeSt", 1), body(b"\x05\0.\\\x80\xff\x04zone\x04test\0")] {
        assert!(ask(port, &message).unwrap()[12..].starts_with(&message[12..]));
    }
    // 30: without EDNS no more than 512 bytes.
    let cut = ask(port, &query("big.zone.test", 16)).unwrap();
    assert!(cut.len() <= 512 && cut[2] & 2 != 0);
    // 29: no keepalive comes back by UDP.
    let answer = ask(port, &query_with_opt("www.zone.test", 1, 1232, &option(11, b""))).unwrap();
    assert!(!answer.windows(4).any(|four| four == [0, 11, 0, 2]));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn every_case_is_the_same_on_a_connection() {
    let server = serve();
    let port = server.port("dns");
    for (what, message, expected) in [header_cases(), edns_cases(), forbidden_cases()].into_iter().flatten() {
        if matches!(expected, Silence) || message.len() < 12 || what.starts_with("33") {
            continue;
        }
        let mut stream = Stream::open(port);
        stream.send(&message);
        stream.send(&query("www.zone.test", 1));
        let first = stream.receive().unwrap_or_else(|| panic!("{what}: no answer"));
        match expected {
            Code(expected) => assert_eq!(code(&first), expected, "{what}"),
            OneOf(expected) => assert!(expected.contains(&code(&first)), "{what}"),
            Silence => {}
        }
        let second = stream.receive().unwrap_or_else(|| panic!("{what}: nothing after it"));
        assert_eq!(second[7], 2, "{what}");
    }
    // 14: eight thousand pointers, each to the one before.
    let mut chain = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    for number in 0..8000usize {
        let target = 12 + number.saturating_sub(1) * 2;
        chain.extend((0xc000 | target as u16 & 0x3fff).to_be_bytes());
    }
    let begun = Instant::now();
    let mut stream = Stream::open(port);
    stream.send(&chain);
    assert_eq!(code(&stream.receive().unwrap()), 1);
    assert!(begun.elapsed() < ANSWER_WAIT / 10);
    // 34: a stranger gets no zone.
    let mut stream = Stream::open(port);
    stream.send(&query_with_opt("zone.test", 252, 1232, b""));
    let refused = stream.receive().unwrap();
    assert_eq!(code(&refused), 5);
    assert!(refused.ends_with(&[0, 15, 0, 2, 0, 18]), "the reason is told: {refused:?}");
    canary(port, "the connections");
}

/// What connections may cost in all these tests together: less than an answer's greatest length for each.
const GROWTH_MAX_BYTES: usize = 12 << 20;

#[test]
fn a_thousand_connections_that_trickle_take_nothing_from_others() {
    let server = serve_with("[dns]\nconnections_max = 400\nconnections_per_network_max = 2000\n");
    let port = server.port("dns");
    let asked = |stream: &mut Stream| {
        stream.send(&query("www.zone.test", 1));
        stream.receive()
    };
    // 47: a length of zero, and one that is never fulfilled.
    let mut zero = TcpStream::connect(("127.0.0.1", port)).unwrap();
    zero.set_read_timeout(Some(ANSWER_WAIT)).unwrap();
    zero.write_all(&[0, 0]).unwrap();
    assert_eq!(zero.read(&mut [0; 10]).unwrap(), 0, "closed at once");
    let before = server.memory_bytes();
    let mut waiting: Vec<Stream> = Vec::new();
    // 48: more who trickle than may connect; the oldest make room, and others are served all the while.
    for number in 0..1000 {
        let mut stream = Stream::open(port);
        assert!(asked(&mut stream).is_some(), "{number}");
        stream.0.write_all(&[0xff, 0xff]).unwrap();
        waiting.push(stream);
        if number % 100 == 0 {
            assert!(asked(&mut Stream::open(port)).is_some(), "{number}");
        }
    }
    for _ in 0..3 {
        waiting.iter_mut().for_each(|stream| drop(stream.0.write_all(&[7])));
        assert!(asked(&mut Stream::open(port)).is_some());
    }
    assert!(waiting[0].receive().is_none(), "the first made room");
    let growth = server.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX_BYTES, "{growth} bytes for 400 connections");
    canary(port, "the trickle");
}

#[test]
fn whoever_does_not_read_is_not_read_from() {
    let server = serve();
    let port = server.port("dns");
    canary(port, "the beginning");
    let before = server.memory_bytes();
    // 49: many questions and no reading: the writer is held up, and nobody else.
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_write_timeout(Some(ANSWER_WAIT / 10)).unwrap();
    let question = query("big.zone.test", 16);
    let framed = [&(question.len() as u16).to_be_bytes()[..], &question].concat().repeat(100);
    let held = (0..5000).any(|_| stream.write_all(&framed).is_err());
    assert!(held, "everything was read");
    canary(port, "the flood");
    let growth = server.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX_BYTES, "{growth} bytes");
    // Whoever reads has each of ten thousand answered, in order.
    let mut reading = Stream::open(port);
    let mut writing = reading.0.try_clone().unwrap();
    let all: Vec<u8> = (0..10_000u16)
        .flat_map(|id| {
            let [high, low] = id.to_be_bytes();
            let question = with(query("big.zone.test", 16), &[(0, high), (1, low)]);
            [&(question.len() as u16).to_be_bytes()[..], &question].concat()
        })
        .collect();
    let writer = std::thread::spawn(move || writing.write_all(&all).unwrap());
    for id in 0..10_000u16 {
        let answer = reading.receive().unwrap_or_else(|| panic!("no answer {id}"));
        assert_eq!((&answer[..2], answer[7]), (&id.to_be_bytes()[..], 1));
    }
    writer.join().unwrap();
    let growth = server.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX_BYTES, "{growth} bytes");
}

#[test]
fn handshakes_that_break_off_leave_no_trace() {
    let server = serve();
    let port = server.port("dot");
    let before = server.memory_bytes();
    // 50: the beginning of a ClientHello, and away.
    for _ in 0..10_000 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _ = stream.write_all(&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
    }
    canary(server.port("dns"), "the handshakes");
    let sockets = crate::wait::until(ANSWER_WAIT, || (server.open_sockets() < 100).then_some(()));
    assert!(sockets.is_some(), "{} sockets are open", server.open_sockets());
    let growth = server.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX_BYTES, "{growth} bytes");
    assert!(!server.log().contains("panicked"));
}

#[test]
fn a_flood_is_limited_and_a_cookie_lifts_the_limit() {
    let mut server = setup()
        .not_exempt()
        .tables("[dns]\nresponses_per_s = 5\nerrors_per_s = 5\nslip = 2\nudp_threads = 1\n")
        .prepare();
    server.launch();
    crate::dns::import(&server, "zone.test", crate::dns::ZONE);
    let port = server.port("dns");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(ANSWER_WAIT / 50)).unwrap();
    let flood = |message: &[u8], count: usize| {
        (0..count).for_each(|_| drop(socket.send(message)));
        let mut buffer = [0; 4096];
        let (mut whole, mut cut, mut badcookie) = (0, 0, Vec::new());
        while let Ok(len) = socket.recv(&mut buffer) {
            let answer = &buffer[..len];
            match (answer[2] & 2 != 0, code(answer)) {
                (_, 23) => badcookie = answer.to_vec(),
                (true, _) => cut += 1,
                (false, _) => whole += 1,
            }
        }
        (whole, cut, badcookie)
    };
    let (whole, cut, _) = flood(&query("www.zone.test", 1), 200);
    assert!((5..40).contains(&whole), "{whole} whole answers");
    assert!(cut >= 50, "{cut} cut answers");
    // 27: whoever has a wrong cookie is given the right one, and is then not limited.
    let cookie = |server: &[u8]| {
        query_with_opt("www.zone.test", 1, 1232, &option(10, &[&[7; 8][..], server].concat()))
    };
    let (_, _, badcookie) = flood(&cookie(&[9; 16]), 200);
    assert!(!badcookie.is_empty(), "nobody was given a fresh cookie");
    let at = badcookie.windows(12).position(|w| w[..4] == [0, 10, 0, 24] && w[4..12] == [7; 8]).unwrap();
    let right = cookie(&badcookie[at + 12..at + 28]);
    let (whole, cut, _) = flood(&right, 200);
    assert_eq!((whole, cut), (200, 0));
}
