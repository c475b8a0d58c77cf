//! Queries as bytes, most of them bad; after each one, a good query must still be answered.

use super::ask::{catalogue, query, send, show, zone};
use dns::{Catalogue, Context, Outcome, Transport, answer};

const ZONE: &str = "$TTL 3600
@ SOA ns1 host 1 7200 900 1209600 300
@ NS ns1
ns1 A 192.0.2.1
big TXT \"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
big TXT \"1123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
big TXT \"2123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
big TXT \"3123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
big TXT \"4123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
";

fn zones() -> Catalogue {
    catalogue(&[&zone("example.", ZONE)])
}

/// `…` is cut out and what stands between are hexadecimal digits; words in quotes are bytes.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix('"') {
            Some(word) => out.extend_from_slice(word.strip_suffix('"').unwrap().as_bytes()),
            None => {
                let digits = word.as_bytes().chunks(2);
                out.extend(
                    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()),
                );
            }
        }
    }
    out
}

/// The name `ns1.example.`, and with type and class.
const NAME: &str = r#"03 "ns1" 07 "example" 00 "#;
const QUESTION: &str = r#"03 "ns1" 07 "example" 00 0001 0001"#;
const OPT: &str = "00 0029 04d0 00000000 0000";

/// A header with flags and four counts.
fn header(flags: &str, counts: [u16; 4]) -> String {
    let counts: String = counts.iter().map(|count| format!("{count:04x}")).collect();
    format!("1234 {flags} {counts} ")
}

fn one(flags: &str, question: &str) -> Vec<u8> {
    bytes(&format!("{}{question}", header(flags, [1, 0, 0, 0])))
}

fn with_opt(opt: &str) -> Vec<u8> {
    bytes(&format!("{}{QUESTION} {opt}", header("0000", [1, 0, 0, 1])))
}

/// What comes of bytes over UDP: the response code in full and the length of the question section, or what
/// the outcome is called.
fn fate(zones: &Catalogue, query: &[u8], transport: Transport) -> String {
    let mut out = vec![0; 65_535];
    let fate = match answer(query, &Context::new(transport), zones, &mut out) {
        Outcome::Reply(reply) => {
            let message = &out[..reply.len];
            assert_eq!(message[..2], query[..2], "the id");
            assert!(message[2] & 0x80 != 0, "QR");
            let questions = u16::from_be_bytes([message[4], message[5]]);
            assert!(dns::MessageReader::new(message).unwrap().finish().is_ok());
            format!("{} {questions}", reply.rcode)
        }
        Outcome::Signed(_) => "Signed".into(),
        outcome => format!("{outcome:?}"),
    };
    let canary =
        send(zones, &Context::new(Transport::Udp), &super::ask::query("ns1.example", "A", None, false));
    assert_eq!(show(&canary.unwrap().1), "NOERROR aa\nns1.example. A 192.0.2.1");
    fate
}

#[test]
fn bad_queries_one_to_fifteen() {
    let zones = zones();
    let check = |what: &str, query: &[u8], expected: &str| {
        assert_eq!(fate(&zones, query, Transport::Udp), expected, "{what}");
        assert_eq!(fate(&zones, query, Transport::Tcp), expected, "{what}");
    };
    for len in 0..12 {
        check("1: a short datagram", &one("0000", QUESTION)[..len], "Drop");
    }
    check("2: no question where one is counted", &one("0000", ""), "FORMERR 0");
    check("3: an answer", &one("8000", QUESTION), "Drop");
    check("4: no question", &bytes(&header("0000", [0, 0, 0, 0])), "FORMERR 0");
    let cookie = "00 0029 04d0 00000000 000c 000a 0008 0102030405060708";
    let query = bytes(&format!("{}{cookie}", header("0000", [0, 0, 0, 1])));
    check("4: no question, with a cookie", &query, "NOERROR 0");
    let two = bytes(&format!("{}{QUESTION} {QUESTION}", header("0000", [2, 0, 0, 0])));
    check("5: two questions", &two, "FORMERR 0");
    let many = bytes(&format!("{}{QUESTION} 00000000 00000000", header("0000", [65_535, 0, 0, 0])));
    check("6: 65535 questions", &many, "FORMERR 0");
    for (flags, what) in
        [("1800", "7: opcode 3"), ("7800", "7: opcode 15"), ("0800", "8: IQUERY"), ("1000", "9: STATUS")]
    {
        check(what, &one(flags, QUESTION), "NOTIMP 1");
        check(what, &one(flags, "ff"), "NOTIMP 0");
    }
    check("NOTIFY", &one("2000", QUESTION), "Notify");
    check("UPDATE", &one("2800", QUESTION), "Update");
    for length in ["40", "80", "bf"] {
        check("10: a label of a reserved type", &one("0000", &format!("{length} 00 0001 0001")), "FORMERR 0");
    }
    check("11: a pointer to itself", &one("0000", "c00c 0001 0001"), "FORMERR 0");
    check("12: a pointer forward", &one("0000", "c020 0001 0001"), "FORMERR 0");
    check("12: a pointer beyond", &one("0000", "ffff 0001 0001"), "FORMERR 0");
    check("12: a pointer into the header", &one("0000", "c000 0001 0001"), "FORMERR 0");
    check("13: two pointers to each other", &one("0000", "c00e c00c 0001 0001"), "FORMERR 0");
    let label = format!("3f {}", "61".repeat(63));
    let long = format!("{label} {label} {label} 3e {} 00 0001 0001", "61".repeat(62));
    check("15: a name of 256 bytes", &one("0000", &long), "FORMERR 0");
    let labels = format!("{} 00 0001 0001", "0161".repeat(128));
    check("15: a name of 128 labels", &one("0000", &labels), "FORMERR 0");
}

/// Anchors: test 14, over TCP.
#[test]
fn a_chain_of_eight_thousand_pointers() {
    let mut query = bytes(&format!("{}{QUESTION}", header("0000", [1, 0, 0, 2])));
    // A record whose data is the chain, then one whose owner is the end of it.
    query.extend(bytes("00 ff00 0001 00000000 3e80"));
    let start = query.len();
    for at in 0..8000 {
        let target = if at == 0 { 12 } else { start + (at - 1) * 2 };
        query.extend((0xc000 | (target & 0x3fff) as u16).to_be_bytes());
    }
    let end = query.len() - 2;
    query.extend((0xc000 | end as u16).to_be_bytes());
    query.extend(bytes("0001 0001 00000000 0000"));
    // How few steps that takes is counted where names are read.
    assert_eq!(fate(&zones(), &query, Transport::Tcp), "FORMERR 1");
    // The same as the question itself.
    let mut query = bytes(&header("0000", [1, 0, 0, 0]));
    (0..8000u16).for_each(|n| query.extend((0xc000 | (12 + n.saturating_sub(1) * 2) & 0x3fff).to_be_bytes()));
    assert_eq!(fate(&zones(), &query, Transport::Tcp), "FORMERR 0");
}

#[test]
fn bad_queries_sixteen_to_thirty_six() {
    let zones = zones();
    let check = |what: &str, query: &[u8], expected: &str| {
        assert_eq!(fate(&zones, query, Transport::Udp), expected, "{what}");
    };
    let odd = r#"04 002e80ff 07 "example" 00 0001 0001"#;
    check("16: odd bytes in a name", &one("0000", odd), "NXDOMAIN 1");
    check("16: elsewhere", &one("0000", "04 002e80ff 00 0001 0001"), "REFUSED 1");
    check("18: trailing bytes", &one("0000", &format!("{QUESTION} 00")), "FORMERR 1");
    let two = bytes(&format!("{}{QUESTION} {OPT} {OPT}", header("0000", [1, 0, 0, 2])));
    check("19: two OPT records", &two, "FORMERR 1");
    check("20: OPT not of the root", &with_opt("0161 00 0029 04d0 00000000 0000"), "FORMERR 1");
    check("21: EDNS version 1", &with_opt("00 0029 04d0 00010000 0000"), "BADVERS 1");
    check("24: OPT data past the end", &with_opt("00 0029 04d0 00000000 0004"), "FORMERR 1");
    check("24: an option past the data", &with_opt("00 0029 04d0 00000000 0004 0003 0001"), "FORMERR 1");
    check("25: unknown option and bits", &with_opt("00 0029 04d0 00007fff 0006 fde9 0002 aabb"), "NOERROR 1");
    let option =
        |len: usize| format!("00 0029 04d0 00000000 {:04x} 000a {len:04x} {}", len + 4, "aa".repeat(len));
    for len in [0, 7, 9, 15, 41] {
        check("26: a cookie of a wrong length", &with_opt(&option(len)), "FORMERR 1");
    }
    for len in [8, 16, 40] {
        check("26: a cookie of a good length", &with_opt(&option(len)), "NOERROR 1");
    }
    let nsid_twice = "00 0029 04d0 00000000 0008 0003 0000 0003 0000";
    check("a known option twice", &with_opt(nsid_twice), "FORMERR 1");
    let many = |count: usize| format!("00 0029 04d0 00000000 {:04x} {}", count * 4, "fde90000".repeat(count));
    check("16 options", &with_opt(&many(16)), "NOERROR 1");
    check("17 options", &with_opt(&many(17)), "FORMERR 1");
    check(
        "31: a client subnet of family 9",
        &with_opt("00 0029 04d0 00000000 0008 0008 0004 00092100"),
        "NOERROR 1",
    );
    check("32: class ANY", &one("0000", &format!("{NAME} 0001 00ff")), "REFUSED 1");
    check("32: class HS", &one("0000", &format!("{NAME} 0001 0004")), "REFUSED 1");
    check("32: class CH", &one("0000", &format!("{NAME} 0010 0003")), "REFUSED 1");
    check("33: AXFR over UDP", &one("0000", &format!("{NAME} 00fc 0001")), "FORMERR 1");
    let axfr = one("0000", &format!("{NAME} 00fc 0001"));
    assert_eq!(fate(&zones, &axfr, Transport::Tcp), "Transfer", "34: AXFR over TCP");
    check("36: IXFR", &one("0000", &format!("{NAME} 00fb 0001")), "Transfer");
    let counted = bytes(&format!("{}{NAME} 00fb 0001", header("0000", [1, 0, 1, 0])));
    check("35: IXFR without the SOA record that is counted", &counted, "FORMERR 1");
    check(
        "a record among the answers",
        &bytes(&format!("{}{QUESTION} {OPT}", header("0000", [1, 1, 0, 0]))),
        "FORMERR 1",
    );
    check("a type for messages", &one("0000", &format!("{NAME} 0029 0001")), "FORMERR 1");
    check("MAILB", &one("0000", &format!("{NAME} 00fd 0001")), "NOTIMP 1");
    let tsig = "0161 00 00fa 00ff 00000000 0000";
    check(
        "a signature at the end",
        &bytes(&format!("{}{QUESTION} {tsig}", header("0000", [1, 0, 0, 1]))),
        "Signed",
    );
    let early = bytes(&format!("{}{QUESTION} {tsig} {OPT}", header("0000", [1, 0, 0, 2])));
    check("37: a signature that is not last", &early, "FORMERR 1");
}

/// Anchors: test 17; the id and RD come back, CD does not (RFC 4035 §3.1.6).
#[test]
fn case_and_flags_come_back() {
    let zones = zones();
    let question = r#"03 "nS1" 07 "eXAMPLe" 00 0001 0001"#;
    let (_, message) = send(&zones, &Context::new(Transport::Udp), &one("0110", question)).unwrap();
    let expected =
        bytes(&format!("1234 8500 0001 0001 0000 0000 {question} c00c 0001 0001 00000e10 0004 c0000201"));
    assert_eq!(message, expected);
}

/// Anchors: tests 22, 23 and 30.
#[test]
fn answers_fit_what_was_offered() {
    let zones = zones();
    let text = ZONE.lines().last().unwrap().to_string();
    assert!(text.len() > 100);
    for (payload, most, fits) in [
        (None, 512, false),
        (Some(0), 512, false),
        (Some(511), 512, false),
        (Some(700), 700, true),
        (Some(65_535), 1232, true),
    ] {
        let query = query("big.example", "TXT", payload, false);
        let (reply, message) = send(&zones, &Context::new(Transport::Udp), &query).unwrap();
        assert!(message.len() <= most, "{payload:?}: {}", message.len());
        assert_eq!(reply.truncated, !fits, "{payload:?}");
        assert_eq!(show(&message).lines().count(), if fits { 6 } else { 1 }, "{payload:?}");
        let (reply, _) = send(&zones, &Context::new(Transport::Tcp), &query).unwrap();
        assert!(!reply.truncated);
    }
}

/// Every prefix of a query, and every byte of it changed, is dropped or answered.
#[test]
fn queries_cut_and_changed_at_every_byte() {
    let zones = zones();
    let query = with_opt("00 0029 04d0 00008000 0014 000a 0008 0102030405060708 0003 0000 000c 0000");
    let mut out = vec![0; 65_535];
    for len in 0..query.len() {
        let _ = fate(&zones, &query[..len], Transport::Udp);
    }
    for at in 0..query.len() {
        for value in 0..=255 {
            let mut query = query.clone();
            query[at] = value;
            let _ = answer(&query, &Context::new(Transport::Tls), &zones, &mut out);
            let _ = answer(&query, &Context::new(Transport::Udp), &zones, &mut out[..512]);
        }
    }
}
