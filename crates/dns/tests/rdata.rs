//! Record data in text and on the wire: every type, good and bad.
#![allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use dns::{Name, RData, RecordType};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Type, text as written, text as printed, wire form in hexadecimal (if it is worth a look).
const GOOD: &[(&str, &str, &str, &str)] = &[
    ("A", "192.0.2.1", "192.0.2.1", "c0000201"),
    ("AAAA", "2001:DB8::1", "2001:db8::1", "20010db8000000000000000000000001"),
    ("NS", "ns1", "ns1.example.", "036e7331076578616d706c6500"),
    ("CNAME", "@", "example.", "076578616d706c6500"),
    ("MX", "10 mx", "10 mx.example.", ""),
    ("MX", "0 .", "0 .", "000000"),
    ("SOA", "ns hostmaster 1 2h 15m 2w 300", "ns.example. hostmaster.example. 1 7200 900 1209600 300", ""),
    ("TXT", "\"a b\" c \"\"", "\"a b\" \"c\" \"\"", "036120620163 00"),
    ("TXT", r#""q\"\\\200""#, r#""q\"\\\200""#, "0471225cc8"),
    ("SPF", "\"v=spf1 -all\"", "\"v=spf1 -all\"", ""),
    ("SRV", "0 5 993 imap", "0 5 993 imap.example.", ""),
    ("CAA", "0 issue \"ca.example; accounturi=x\"", "0 issue \"ca.example; accounturi=x\"", ""),
    ("CAA", "128 issue \";\"", "128 issue \";\"", "80056973737565 3b"),
    ("CAA", "0 issue \"\"", "0 issue \"\"", "00056973737565"),
    ("TLSA", "3 1 1 00ff 1020", "3 1 1 00FF1020", "03010100ff1020"),
    ("SSHFP", "4 2 aabb", "4 2 AABB", ""),
    (
        "DS",
        "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
        "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
        "",
    ),
    ("CDS", "0 0 0 00", "0 0 0 00", "0000000000"),
    ("CDNSKEY", "0 3 0 AA==", "0 3 0 AA==", "0000030000"),
    ("DNSKEY", "257 3 ECDSAP256SHA256 AAEC AwQ=", "257 3 13 AAECAwQ=", ""),
    (
        "RRSIG",
        "A 13 2 3600 20301231235959 20240229000000 1 example. AAEC",
        "A 13 2 3600 20301231235959 20240229000000 1 example. AAEC",
        "",
    ),
    (
        "NSEC",
        "host A MX RRSIG NSEC TYPE1234",
        "host.example. A MX RRSIG NSEC TYPE1234",
        "04686f7374076578616d706c65000006400100000003041b000000000000000000000000000000000000000000000000000020",
    ),
    (
        "NSEC3",
        "1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
        "1 1 12 AABBCCDD 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
        "",
    ),
    ("NSEC3", "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s", "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s", ""),
    ("NSEC3PARAM", "1 0 0 -", "1 0 0 -", "0100000000"),
    ("CERT", "PGP 0 0 AAEC", "3 0 0 AAEC", ""),
    ("OPENPGPKEY", "AAEC", "AAEC", ""),
    ("SMIMEA", "3 0 0 aa", "3 0 0 AA", ""),
    ("CSYNC", "66 3 A NS AAAA", "66 3 A NS AAAA", "000000420003000460000008"),
    (
        "ZONEMD",
        "2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c",
        "2018031900 1 1 C68090D90A7AED716BC459F9340E3D7C",
        "",
    ),
    (
        "NAPTR",
        "100 50 \"s\" \"z3950+I2L\" \"\" _z3950._tcp",
        "100 50 \"s\" \"z3950+I2L\" \"\" _z3950._tcp.example.",
        "",
    ),
    ("URI", "10 1 \"ftp://ftp1.example.com/public\"", "10 1 \"ftp://ftp1.example.com/public\"", ""),
    ("HINFO", "PDP-11 UNIX", "\"PDP-11\" \"UNIX\"", ""),
    ("RP", "louie.trantor .", "louie.trantor.example. .", ""),
    ("AFSDB", "1 bigbird.toaster", "1 bigbird.toaster.example.", ""),
    ("DNAME", "other.", "other.", ""),
    ("EUI48", "00-00-5e-00-53-2a", "00-00-5e-00-53-2a", "00005e00532a"),
    ("EUI64", "00-00-5E-ef-10-00-00-2a", "00-00-5e-ef-10-00-00-2a", "00005eef1000002a"),
    // RFC 1876 §4.
    (
        "LOC",
        "42 21 54 N 71 06 18 W -24m 30m",
        "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m",
        "003316138917 2dd070be15f000988d20",
    ),
    ("LOC", "52 14 05 N 00 08 50 E 10m", "52 14 5.000 N 0 8 50.000 E 10.00m 1.00m 10000.00m 10.00m", ""),
    ("LOC", "32 7 19 S 116 2 25 E 10m", "32 7 19.000 S 116 2 25.000 E 10.00m 1.00m 10000.00m 10.00m", ""),
    ("LOC", "42 N 71 W 0", "42 0 0.000 N 71 0 0.000 W 0.00m 1.00m 10000.00m 10.00m", ""),
    (
        "APL",
        "1:192.168.32.0/21 !1:192.168.38.0/28",
        "1:192.168.32.0/21 !1:192.168.38.0/28",
        "00011503c0a820 00011c83c0a826",
    ),
    ("APL", "", "", ""),
    ("DSYNC", "CDS 1 5359 cds-scanner.example.net.", "CDS 1 5359 cds-scanner.example.net.", ""),
    // RFC 9460 App. D.
    ("HTTPS", "0 foo.example.com.", "0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00"),
    ("SVCB", "1 .", "1 .", "000100"),
    (
        "SVCB",
        "16 foo.example.com. port=53",
        "16 foo.example.com. port=53",
        "001003666f6f076578616d706c6503636f6d00000300020035",
    ),
    (
        "SVCB",
        "1 foo.example.com. key667=hello",
        "1 foo.example.com. key667=\"hello\"",
        "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f",
    ),
    (
        "SVCB",
        r#"1 foo.example.com. key667="hello\210qoo""#,
        r#"1 foo.example.com. key667="hello\210qoo""#,
        "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f",
    ),
    (
        "SVCB",
        r#"1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1""#,
        "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1",
        "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000000000000000530001",
    ),
    (
        "SVCB",
        "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
        r#"16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1"#,
        "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201",
    ),
    (
        "SVCB",
        r#"16 foo.example.org. alpn="f\\\\oo\\,bar,h2""#,
        r#"16 foo.example.org. alpn="f\\\\oo\\,bar,h2""#,
        "001003666f6f076578616d706c65036f726700000100 0c08665c6f6f2c626172026832",
    ),
    ("TYPE731", r"\# 6 abcdef 012345", r"\# 6 ABCDEF012345", "abcdef012345"),
    ("TYPE731", r"\# 0", r"\# 0", ""),
    ("A", r"\# 4 0A000001", "10.0.0.1", "0a000001"),
];

const BAD: &[(&str, &str)] = &[
    ("A", "192.0.2.256"),
    ("A", "192.0.2.1 x"),
    ("A", ""),
    ("AAAA", "::g"),
    ("MX", "65536 mx"),
    ("MX", "10"),
    ("NS", "a..b"),
    ("SOA", "ns host 1 2 3 4"),
    ("SOA", "ns host 1 4294967296 3 4 5"),
    ("SOA", "ns host 4294967296 2 3 4 5"),
    ("CAA", "0 is-sue x"),
    ("CAA", "0 \"\" x"),
    ("TLSA", "3 1 1 0"),
    ("TLSA", "3 1 1"),
    ("DS", "1 13 2 00"),
    ("DNSKEY", "257 3 NOPE AAEC"),
    ("DNSKEY", "257 3 13 A"),
    ("RRSIG", "A 13 2 3600 20300231235959 20240229000000 1 example. AAEC"),
    ("NSEC3", "1 0 0 - 0"),
    ("NSEC3PARAM", "1 0 0 a"),
    ("EUI48", "00-00-5e-00-53"),
    ("LOC", "91 N 0 E 0m"),
    ("LOC", "42 21 60 N 71 06 18 W -24m"),
    ("LOC", "42 21 54 N 71 06 18 W"),
    ("APL", "1:192.168.32.0/33"),
    ("URI", "10 1 \"\""),
    // RFC 9460 App. D.3 and §7, §8.
    ("SVCB", "1 foo.example.com. key123=abc key123=def"),
    ("SVCB", "1 foo.example.com. mandatory"),
    ("SVCB", "1 foo.example.com. alpn"),
    ("SVCB", "1 foo.example.com. port"),
    ("SVCB", "1 foo.example.com. ipv4hint"),
    ("SVCB", "1 foo.example.com. no-default-alpn=abc"),
    ("SVCB", "1 foo.example.com. mandatory=key123"),
    ("SVCB", "1 foo.example.com. mandatory=mandatory"),
    ("SVCB", "1 foo.example.com. mandatory=key123,key123 key123=abc"),
    ("SVCB", "1 foo.example.com. alpn=,h2"),
    ("SVCB", "1 foo.example.com. no-default-alpn"),
    ("TYPE731", "abcdef"),
    ("TYPE731", r"\# 2 ab"),
    ("A", r"\# 3 abcdef"),
    ("TXT", "\"open"),
    ("TXT", r"\256"),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn every_type_is_read_and_written() {
    let origin = name("example.");
    for (rtype, text, printed, wire) in GOOD {
        let rtype: RecordType = rtype.parse().unwrap();
        let data = RData::parse(rtype, text, Some(&origin)).unwrap_or_else(|e| panic!("{rtype} {text}: {e}"));
        assert_eq!(data.to_string(), *printed, "{rtype} {text}");
        if !wire.is_empty() {
            assert_eq!(data.as_wire(), bytes(wire), "{rtype} {text}");
        }
        let again = RData::parse(rtype, printed, None).unwrap_or_else(|e| panic!("{rtype} {printed}: {e}"));
        assert_eq!(again.as_wire(), data.as_wire(), "{rtype} {text}");
        assert_eq!(RData::from_wire(rtype, data.as_wire()).unwrap().as_wire(), data.as_wire());
        assert_eq!(RData::from_message(rtype, data.as_wire(), 0, data.as_wire().len()).unwrap(), data);
    }
}

/// Data of a forbidden form as bytes: what text cannot say, because it is put in order while it is read.
const BAD_BYTES: &[(&str, &str)] = &[
    // Keys 4 and 1; key 3 twice; a key that is cut short; one that says it is longer than it is.
    ("SVCB", "0001 00 0004 0004 c0000201 0001 0003 02 6832"),
    ("SVCB", "0001 00 0003 0002 01bb 0003 0002 01bb"),
    ("SVCB", "0001 00 0003 00"),
    ("SVCB", "0001 00 0003 0004 01bb"),
    // `mandatory` naming itself, naming what is not there, out of order, empty.
    ("SVCB", "0001 00 0000 0002 0000"),
    ("SVCB", "0001 00 0000 0002 0003"),
    ("SVCB", "0001 00 0000 0004 0003 0001 0001 0003 02 6832 0003 0002 01bb"),
    ("SVCB", "0001 00 0000 0000"),
    // `alpn` empty, with an empty name, cut; a port of one byte; an address of three.
    ("SVCB", "0001 00 0001 0000"),
    ("SVCB", "0001 00 0001 0001 00"),
    ("SVCB", "0001 00 0001 0002 02 68"),
    ("SVCB", "0001 00 0003 0001 50"),
    ("HTTPS", "0001 00 0004 0003 c00002"),
    // Lengths of addresses that their family does not have; a digest of no byte.
    ("APL", "0001 21 04 c0000201"),
    ("A", "c00002"),
    ("TLSA", "03 01"),
    ("CAA", "00 00"),
];

#[test]
fn bytes_that_a_type_forbids_are_refused() {
    for (rtype, wire) in BAD_BYTES {
        let digits: String = wire.split_whitespace().collect();
        let data = RData::from_wire(rtype.parse().unwrap(), &bytes(&digits));
        assert!(data.is_err(), "{rtype} {wire}: {data:?}");
    }
}

#[test]
fn what_a_type_forbids_is_refused() {
    let origin = name("example.");
    for (rtype, text) in BAD {
        let rtype: RecordType = rtype.parse().unwrap();
        assert!(RData::parse(rtype, text, Some(&origin)).is_err(), "{rtype} {text}");
    }
    let long = format!("\"{}\"", "x".repeat(256));
    assert!(RData::parse(RecordType::TXT, &long, None).is_err());
}

/// Cut anywhere, data is either refused or shorter data of the same type; never a panic.
#[test]
fn data_cut_at_every_byte() {
    let origin = name("example.");
    for (rtype, text, _, _) in GOOD {
        let rtype: RecordType = rtype.parse().unwrap();
        let data = RData::parse(rtype, text, Some(&origin)).unwrap();
        for len in 0..data.as_wire().len() {
            if let Ok(shorter) = RData::from_wire(rtype, &data.as_wire()[..len]) {
                assert_eq!(
                    RData::parse(rtype, &shorter.to_string(), None).unwrap(),
                    shorter,
                    "{rtype} {text}"
                );
            }
        }
    }
}
