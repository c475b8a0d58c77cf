//! Master files: what they may look like, what is refused and where, and that writing and reading are inverse.
#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use std::collections::HashMap;

use dns::check::{Severity, check, check_change, may_be_served};
use dns::master::{ENTRY_LEN_MAX_BYTES, Include, MasterText, NoInclude, Reader, read};
use dns::{Name, RecordType, ZoneData};

const HEAD: &str = "@ 3600 SOA ns1 host 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone(text: &str) -> Result<ZoneData, String> {
    read(&name("example."), "zone", text.as_bytes(), &mut NoInclude).map_err(|error| error.to_string())
}

struct Files(HashMap<&'static str, &'static str>);

impl Include for Files {
    fn open(&mut self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| "no such file".into())
    }
}

#[test]
fn all_ways_to_write_an_entry() {
    let text = r#"
; a comment
$TTL 1h
$ORIGIN example.
@   IN SOA ns1 ( hostmaster ; who
        2026112301  ; serial
        2h 15m
        2w 5m )
    NS ns1
    IN 300 NS ns2.example.   ; class, then TTL
ns1 300 IN A 192.0.2.1
ns2 A 192.0.2.2
  ( AAAA
2001:db8::2 )
$ORIGIN sub
a\.b TXT "semi;colon" "paren ( \" quote" plain\;word
 TYPE65280 \# 3 ( ab
   cd ef )
"last" A 192.0.2.9
* 0 CLASS1 TYPE1 192.0.2.10
"#;
    let zone = zone(text).unwrap();
    let lines: Vec<String> = zone.records().map(|record| record.to_string()).collect();
    assert_eq!(
        lines,
        [
            "example. 300 IN NS ns1.example.",
            "example. 300 IN NS ns2.example.",
            "example. 3600 IN SOA ns1.example. hostmaster.example. 2026112301 7200 900 1209600 300",
            "ns1.example. 300 IN A 192.0.2.1",
            "ns2.example. 3600 IN A 192.0.2.2",
            "ns2.example. 3600 IN AAAA 2001:db8::2",
            "*.sub.example. 0 IN A 192.0.2.10",
            r#"a\.b.sub.example. 3600 IN TXT "semi;colon" "paren ( \" quote" "plain;word""#,
            r"a\.b.sub.example. 3600 IN TYPE65280 \# 3 ABCDEF",
            "last.sub.example. 3600 IN A 192.0.2.9",
        ]
    );
    let again =
        read(&name("example."), "zone", MasterText(&zone).to_string().as_bytes(), &mut NoInclude).unwrap();
    assert_eq!(again, zone);
}

/// Anchors: tests 53 and 54, and whatever else is no master file.
#[test]
fn refused_with_file_and_line() {
    let long = format!("a TXT \"{}\"", "x".repeat(256));
    let huge = format!("a TXT \"{}\"", "x".repeat(1 << 20));
    let words = format!("a TXT {}", "x ".repeat(80_000));
    let cases: &[(&str, &str)] = &[
        ("\n\n b A 192.0.2.1", "zone:3: the first entry has no name"),
        ("@ SOA a b 1 2 3 4 5\nb A 1.2.3", "zone:2: this should be an IPv4 address"),
        ("b 1 A 192.0.2.1 extra", "zone:1: something follows the last field"),
        ("b 2147483648 A 192.0.2.1", "zone:1: a TTL of 2^31 seconds or more"),
        ("b 99999999999 A 192.0.2.1", "zone:1: a TTL of 2^31 seconds or more"),
        ("$TTL 2147483648\n", "zone:1: a TTL of 2^31 seconds or more"),
        ("b A 192.0.2.1", "zone:1: no TTL here, none before, and no $TTL"),
        ("b 1 CH A 192.0.2.1", "zone:1: class CH; only IN is taken"),
        ("b 1 IN FOO 192.0.2.1", "zone:1: \"FOO\" is no type, class or TTL"),
        ("b 1 IN", "zone:1: the type is missing"),
        ("b.other. 1 A 192.0.2.1", "zone:1: b.other. is not in the zone"),
        ("b 1 TYPE250 \\# 0", "zone:1: TSIG does not stand in zones"),
        ("b 1 MX ( 10\n b", "zone:1: unbalanced parentheses"),
        ("\nb 1 MX 10 b )", "zone:2: unbalanced parentheses"),
        ("b 1 TXT \"open\nc 1 A 192.0.2.1", "zone:1: a string without its closing quote"),
        ("$FOO x", "zone:1: \"$FOO\" is not known"),
        ("$INCLUDE x", "zone:1: $INCLUDE of \"x\": $INCLUDE is not taken here"),
        ("$INCLUDE /etc/shadow", "zone:1: $INCLUDE of \"/etc/shadow\": only files in the same folder"),
        ("$INCLUDE ../x", "zone:1: $INCLUDE of \"../x\": only files in the same folder"),
        ("b 1 A \\# 3 010203", "zone:1: the data is cut short"),
        ("b 1 TYPE65280 \\# 4 010203", "zone:1: this should be as many bytes as the length says"),
        (&long, "zone:1: a string of over 255 bytes"),
        (&huge, "zone:1: a string of over 255 bytes"),
        (&words, "zone:1: more words than a record can have"),
        ("a..b 1 A 192.0.2.1", "zone:1: an empty label"),
    ];
    for (text, message) in cases {
        let text = if text.starts_with("a TXT") { format!("$TTL 1\n{text}") } else { (*text).to_string() };
        let message =
            if text.starts_with("$TTL 1\n") { message.replace(":1:", ":2:") } else { (*message).into() };
        let short: String = text.chars().take(60).collect();
        assert_eq!(zone(&text).map(|_| ()), Err(message), "{short}");
    }
}

#[test]
fn files_within_files() {
    let mut files = Files(HashMap::from([
        ("hosts", "www 1 A 192.0.2.80\n$ORIGIN deep\nx 1 A 192.0.2.81\n"),
        ("loop", "$INCLUDE loop\n"),
        ("bad", "\n\nb 1 A nonsense\n"),
    ]));
    let mut read = |text: &str| read(&name("example."), "zone", text.as_bytes(), &mut files);
    let zone = read("$INCLUDE hosts sub\nafter 1 A 192.0.2.82\n").unwrap();
    let names: Vec<String> = zone.nodes().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["after.example.", "x.deep.sub.example.", "www.sub.example."]);
    assert_eq!(read("$INCLUDE loop").unwrap_err().to_string(), "loop:1: $INCLUDE is more than 8 deep");
    assert_eq!(read("\n$INCLUDE bad").unwrap_err().to_string(), "bad:3: this should be an IPv4 address");
    assert_eq!(read("$INCLUDE none").unwrap_err().to_string(), "zone:1: $INCLUDE of \"none\": no such file");
}

#[test]
fn a_file_cut_at_every_byte_is_read_or_refused() {
    let text = format!("{HEAD}a TXT ( \"x y\"\n\\065 ) ; c\n$ORIGIN b\nc HTTPS 1 . alpn=\"h2,h3\"\n");
    for len in 0..text.len() {
        let _ = zone(&text[..len]);
    }
    assert!(zone(&text).is_ok());
}

/// Zone, severity, what is told.
const CHECKS: &[(&str, Option<Severity>, &str)] = &[
    ("", None, ""),
    ("a CNAME b\na A 192.0.2.1", Some(Severity::Error), "a CNAME record and also A"),
    ("a CNAME b\na CNAME c", Some(Severity::Error), "more than one CNAME record"),
    ("@ SOA ns1 host 2 7200 900 1209600 300", Some(Severity::Error), "more than one SOA record"),
    (
        "a SOA ns1 host 2 7200 900 1209600 300",
        Some(Severity::Error),
        "an SOA record that is not at the zone's name",
    ),
    ("@ MX 10 m\nm CNAME ns1", Some(Severity::Error), "MX leads to m.example., which is a CNAME record"),
    ("@ NS m\nm CNAME ns1", Some(Severity::Error), "NS leads to m.example., which is a CNAME record"),
    (
        "_x._tcp SRV 0 0 1 m\nm CNAME ns1",
        Some(Severity::Warning),
        "SRV leads to m.example., which is a CNAME record",
    ),
    ("@ MX 10 m", Some(Severity::Warning), "MX leads to m.example., which has no address"),
    ("@ MX 10 m.w\n*.w A 192.0.2.1", None, ""),
    ("@ MX 0 .", None, ""),
    ("@ MX 0 .\n@ MX 10 ns1", Some(Severity::Error), "an MX record that refuses mail (0 .) beside another"),
    (
        "sub NS ns.sub",
        Some(Severity::Error),
        "the address of ns.sub.example. is missing, and cannot be asked for",
    ),
    ("sub NS ns.sub\nns.sub A 192.0.2.1", None, ""),
    ("sub NS ns.other.", None, ""),
    (
        "a DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000",
        Some(Severity::Warning),
        "a DS record without NS records",
    ),
    (
        "@ DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000",
        Some(Severity::Error),
        "a DS record at the zone's own name, where only its parent has one",
    ),
    ("a DNAME b.other.\na DNAME c.other.", Some(Severity::Error), "more than one DNAME record"),
    ("a DNAME b.other.\nx.a A 192.0.2.1", Some(Severity::Warning), "hidden by the DNAME record above it"),
    ("a DNAME b.other.\na NS ns1", Some(Severity::Error), "a DNAME record at a delegation"),
    ("* NS ns1", Some(Severity::Error), "NS records at a wildcard"),
    (
        "a HTTPS 0 b.other. alpn=h2",
        Some(Severity::Error),
        "a HTTPS alias (priority 0) with parameters or others",
    ),
    ("a HTTPS 0 a", Some(Severity::Error), "an alias of itself"),
    ("@ NSEC3PARAM 1 0 151 -", Some(Severity::Error), "151 NSEC3 iterations, over 150"),
];

#[test]
fn what_is_wrong_with_a_zone() {
    for (text, severity, message) in CHECKS {
        let zone = zone(&format!("{HEAD}{text}\n")).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = check(&zone);
        assert_eq!(found.iter().map(|f| f.severity).max(), *severity, "{text}: {found:?}");
        assert_eq!(may_be_served(&found), *severity != Some(Severity::Error));
        assert!(
            message.is_empty() || found.iter().any(|f| f.problem.to_string() == *message),
            "{text}: {found:?}"
        );
    }
    let found = check(&ZoneData::new(name("example.")));
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn warnings_hide_no_error_and_a_change_brings_only_its_own() {
    let many: String = (100..400).map(|number| format!("a{number} MX 10 nowhere\n")).collect();
    let before = zone(&format!("{HEAD}{many}mx A 192.0.2.1\n@ MX 10 mx\n")).unwrap();
    assert_eq!(check(&before).len(), 100);
    let with_error = zone(&format!("{HEAD}{many}z CNAME b\nz A 192.0.2.1\n")).unwrap();
    assert!(!may_be_served(&check(&with_error)));
    let found = check_change(&before, &with_error);
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["error: z.example.: a CNAME record and also A"]);
    // What it breaks elsewhere is among it.
    let without_address = zone(&format!("{HEAD}{many}@ MX 10 mx\n")).unwrap();
    let found = check_change(&before, &without_address);
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["warning: example.: MX leads to mx.example., which has no address"]);
}

#[test]
fn differences_lead_from_one_version_to_the_next_and_back() {
    let old = zone(&format!("{HEAD}a A 192.0.2.1\na A 192.0.2.2\nb TXT x\n")).unwrap();
    let mut new = zone(&format!("{HEAD}a A 192.0.2.2\na A 192.0.2.3\nc 5 TXT x\nns1 AAAA ::1\n")).unwrap();
    assert!(new.set_serial(dns::Serial(2)));
    let diff = dns::ZoneDiff::between(&old, &new).unwrap();
    assert_eq!((diff.removed.len(), diff.added.len()), (2, 3));
    let diff = dns::ZoneDiff::from_bytes(&diff.to_bytes()).unwrap();
    let mut stepped = old.clone();
    diff.apply(&mut stepped).unwrap();
    assert_eq!(stepped, new);
    assert!(diff.apply(&mut stepped).is_err(), "the serial has moved on");
    diff.inverse().apply(&mut stepped).unwrap();
    assert_eq!(stepped, old);
    assert_eq!(old.get(&name("A.EXAMPLE."), RecordType::A).unwrap().len(), 2);
}

/// A file that is made as it is read: `head`, then `line` again and again, `len` bytes in all.
struct Endless {
    head: &'static [u8],
    line: &'static [u8],
    len: u64,
}

impl Endless {
    /// Feeds the reader; the error, how much was read till then, and the most that was allocated at a time.
    fn feed(&self) -> (Option<String>, u64, u64) {
        let mut read = 0;
        let mut error = None;
        let piece = self.line.repeat(65_536 / self.line.len());
        let counted = allocation_counter::measure(|| {
            let mut reader = Reader::new(&"example.".parse().unwrap(), "big");
            let mut next = self.head;
            while read < self.len {
                read += next.len() as u64;
                if let Err(wrong) = reader.push(next, &mut NoInclude) {
                    error = Some(wrong.to_string());
                    return;
                }
                next = &piece;
            }
            error = reader.finish(&mut NoInclude).err().map(|wrong| wrong.to_string());
        });
        (error, read, counted.bytes_max)
    }
}

const GIGABYTE: u64 = 1 << 30;

/// Anchors: test 53, the file of a gigabyte: what is no entry is refused as soon as that is sure, what is nothing is passed
/// over, and never is more kept than an entry.
#[test]
fn a_file_of_a_gigabyte_is_refused_or_passed_over_in_little_memory() {
    let too_long = format!("an entry of more than {ENTRY_LEN_MAX_BYTES} bytes");
    for (what, head, line, expected) in [
        ("a string", &b"$TTL 1\nbig TXT \""[..], &b"aaaaaaaa"[..], Some(format!("big:2: {too_long}"))),
        ("many strings", b"$TTL 1\nbig TXT (", b"\"aaaaaaa\"\n", Some(format!("big:2: {too_long}"))),
        (
            "hexadecimal digits",
            b"$TTL 1\nbig TYPE65280 \\# 65535 (",
            b"0123 ",
            Some(format!("big:2: {too_long}")),
        ),
        ("a name", b"$TTL 1\n\n", b"aaaaaaaa", Some(format!("big:3: {too_long}"))),
        ("a comment in an entry", b"$TTL 1\nbig TXT ( ; ", b";;;;;;;;\n", Some(format!("big:2: {too_long}"))),
        ("a record too many", b"$TTL 1\nbig A 192.0.2.1 ", b"x x x\n", Some("big:2: more".into())),
    ] {
        let (error, read, most) = Endless { head, line, len: GIGABYTE }.feed();
        let expected = expected.unwrap();
        let place = expected.split(": ").next().unwrap();
        let error = error.unwrap_or_else(|| panic!("{what}: it was taken"));
        assert!(
            error.starts_with(place) && (error == expected || !expected.contains("entry")),
            "{what}: {error}"
        );
        assert!(read <= 2 * ENTRY_LEN_MAX_BYTES as u64, "{what}: {read} bytes were read");
        assert!(most <= 4 * ENTRY_LEN_MAX_BYTES as u64, "{what}: {most} bytes were held");
    }
    for (what, line) in [
        ("empty lines", &b"\n\n\n\n\n\n\n\n"[..]),
        ("comments", b"; nothing to see\n"),
        ("one record again and again", b"a 1 A 192.0.2.1\n"),
    ] {
        let len = if what.starts_with("one") { 1 << 20 } else { 64 << 20 };
        let (error, read, most) = Endless { head: b"@ 1 SOA a b 1 2 3 4 5\n", line, len }.feed();
        assert_eq!((error, read >= len), (None, true), "{what}");
        assert!(most <= 16 * ENTRY_LEN_MAX_BYTES as u64, "{what}: {most} bytes were held");
    }
}

/// Anchors: test 55, in whole files: the place and a reason, whichever way it is written.
#[test]
fn services_against_the_rules_are_refused_where_they_stand() {
    for data in [
        "1 . mandatory=mandatory alpn=h2",
        "1 . mandatory=alpn",
        "1 . mandatory=alpn,alpn alpn=h2",
        "1 . alpn",
        "1 . alpn=\"\"",
        "1 . alpn=h2 alpn=h3",
        "1 . no-default-alpn",
        "1 . port=65536",
        "1 . ipv4hint=\"\"",
        // Keys out of order, `mandatory` that names itself or what is not there, an empty alpn, a length past the end.
        "\\# 18 0001 00 0004 0004 c0000201 0001 0003 026832",
        "\\# 9 0001 00 0000 0002 0000",
        "\\# 9 0001 00 0000 0002 0001",
        "\\# 7 0001 00 0001 0000",
        "\\# 10 0001 00 0001 0009 026832",
    ] {
        for rtype in ["SVCB", "HTTPS"] {
            let text = format!("$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\n\na {rtype} {data}\n");
            let error = read(&"example.".parse().unwrap(), "zone", text.as_bytes(), &mut NoInclude);
            let shown = error.map(|_| ()).unwrap_err().to_string();
            assert!(shown.starts_with("zone:5: "), "{rtype} {data}: {shown}");
        }
    }
}
