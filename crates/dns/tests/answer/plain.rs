//! Answers from unsigned zones.

use super::ask::{ask, catalogue, query, send, show, zone};
use dns::dnssec::Denial;
use dns::{Context, Name, RData, RRset, RecordType, Transport, Ttl, ZoneData};

/// RFC 4592 §2.2.1, with the glue that the names of its servers need.
const WILDCARDS: &str = "$TTL 3600
@ SOA ns.example.com. host 1 2 3 4 5
@ NS ns.example.com.
@ NS ns.example.net.
* TXT \"this is a wildcard\"
* MX 10 host1
sub.* TXT \"this is not a wildcard\"
host1 A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host2
subdel NS ns.example.com.
subdel NS ns.example.net.
";

/// Name, type, answer.
type Case = (&'static str, &'static str, &'static str);

fn check(apex: &str, text: &str, cases: &[Case]) {
    let zone = zone(apex, text);
    let zones = catalogue(&[&zone]);
    for (name, rtype, expected) in cases {
        assert_eq!(ask(&zones, name, rtype, false), *expected, "{name} {rtype}");
    }
}

#[test]
fn wildcards_as_rfc_4592_shows_them() {
    let soa = "authority example. SOA …";
    let none = format!("NXDOMAIN aa\n{soa}");
    let no_data = format!("NOERROR aa\n{soa}");
    let referral =
        "NOERROR\nauthority subdel.example. NS ns.example.com.\nauthority subdel.example. NS ns.example.net.";
    let cases: &[(&str, &str, &str)] = &[
        (
            "host3.example.",
            "MX",
            "NOERROR aa\nhost3.example. MX 10 host1.example.\nadditional host1.example. A 192.0.2.1",
        ),
        ("host3.example.", "A", &no_data),
        ("foo.bar.example.", "TXT", "NOERROR aa\nfoo.bar.example. TXT \"this is a wildcard\""),
        ("host1.example.", "MX", &no_data),
        ("sub.*.example.", "MX", &no_data),
        ("_telnet._tcp.host1.example.", "SRV", &none),
        ("host.subdel.example.", "A", referral),
        ("ghost.*.example.", "MX", &none),
        ("_tcp.host1.example.", "A", &no_data),
        ("host2.example.", "TXT", &no_data),
        ("*.example.", "TXT", "NOERROR aa\n*.example. TXT \"this is a wildcard\""),
        ("SUB.*.EXAMPLE.", "TXT", "NOERROR aa\nSUB.*.EXAMPLE. TXT \"this is not a wildcard\""),
    ];
    let zone = zone("example.", WILDCARDS);
    let zones = catalogue(&[&zone]);
    for (name, rtype, expected) in cases {
        assert_eq!(ask(&zones, name, rtype, false), *expected, "{name} {rtype}");
    }
}

const HOUSE: &str = "$TTL 3600
@ SOA ns1 host 1 7200 900 1209600 300
@ NS ns1
@ NS ns.elsewhere.
@ MX 10 mx
@ MX 20 mx.sub
@ TXT \"v=spf1 mx -all\"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mx A 192.0.2.2
www CNAME web
web CNAME web.hosts
web.hosts A 192.0.2.3
out CNAME www.other.
gone CNAME nobody
down CNAME x.sub
loop1 CNAME loop2
loop2 CNAME loop1
wild CNAME x.wild2
*.wild2 CNAME mx
sub NS ns.sub
sub NS ns1
sub DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.sub A 192.0.2.4
old DNAME new
x.new A 192.0.2.5
y.new CNAME x.old
far DNAME other.
_imap._tcp SRV 0 1 993 mx
svc HTTPS 1 . alpn=h2
svc A 192.0.2.6
alias HTTPS 0 svc
a.b.c.d TXT deep
";

const HOUSE_CASES: &[Case] = &[
    (
        "example.org",
        "MX",
        "NOERROR aa\nexample.org. MX 10 mx.example.org.\nexample.org. MX 20 mx.sub.example.org.\nadditional mx.example.org. A 192.0.2.2",
    ),
    (
        "example.org",
        "NS",
        "NOERROR aa\nexample.org. NS ns.elsewhere.\nexample.org. NS ns1.example.org.\nadditional ns1.example.org. A 192.0.2.1\nadditional ns1.example.org. AAAA 2001:db8::1",
    ),
    ("example.org", "SOA", "NOERROR aa\nexample.org. SOA …"),
    (
        "example.org",
        "ANY",
        "NOERROR aa\nexample.org. NS ns.elsewhere.\nexample.org. NS ns1.example.org.\nadditional ns1.example.org. A 192.0.2.1\nadditional ns1.example.org. AAAA 2001:db8::1",
    ),
    ("example.org", "A", "NOERROR aa\nauthority example.org. SOA …"),
    ("c.d.example.org", "A", "NOERROR aa\nauthority example.org. SOA …"),
    ("x.d.example.org", "A", "NXDOMAIN aa\nauthority example.org. SOA …"),
    (
        "www.example.org",
        "A",
        "NOERROR aa\nwww.example.org. CNAME web.example.org.\nweb.example.org. CNAME web.hosts.example.org.\nweb.hosts.example.org. A 192.0.2.3",
    ),
    ("www.example.org", "CNAME", "NOERROR aa\nwww.example.org. CNAME web.example.org."),
    (
        "www.example.org",
        "TXT",
        "NOERROR aa\nwww.example.org. CNAME web.example.org.\nweb.example.org. CNAME web.hosts.example.org.\nauthority example.org. SOA …",
    ),
    ("out.example.org", "A", "NOERROR aa\nout.example.org. CNAME www.other."),
    (
        "gone.example.org",
        "A",
        "NXDOMAIN aa\ngone.example.org. CNAME nobody.example.org.\nauthority example.org. SOA …",
    ),
    (
        "down.example.org",
        "A",
        "NOERROR aa\ndown.example.org. CNAME x.sub.example.org.\nauthority sub.example.org. NS ns.sub.example.org.\nauthority sub.example.org. NS ns1.example.org.\nadditional ns.sub.example.org. A 192.0.2.4\nadditional ns1.example.org. A 192.0.2.1\nadditional ns1.example.org. AAAA 2001:db8::1",
    ),
    (
        "loop1.example.org",
        "A",
        "NOERROR aa\nloop1.example.org. CNAME loop2.example.org.\nloop2.example.org. CNAME loop1.example.org.",
    ),
    (
        "wild.example.org",
        "A",
        "NOERROR aa\nwild.example.org. CNAME x.wild2.example.org.\nx.wild2.example.org. CNAME mx.example.org.\nmx.example.org. A 192.0.2.2",
    ),
    (
        "x.y.sub.example.org",
        "A",
        "NOERROR\nauthority sub.example.org. NS ns.sub.example.org.\nauthority sub.example.org. NS ns1.example.org.\nadditional ns.sub.example.org. A 192.0.2.4\nadditional ns1.example.org. A 192.0.2.1\nadditional ns1.example.org. AAAA 2001:db8::1",
    ),
    (
        "sub.example.org",
        "DS",
        "NOERROR aa\nsub.example.org. DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("old.example.org", "A", "NOERROR aa\nauthority example.org. SOA …"),
    (
        "x.old.example.org",
        "A",
        "NOERROR aa\nold.example.org. DNAME new.example.org.\nx.old.example.org. CNAME x.new.example.org.\nx.new.example.org. A 192.0.2.5",
    ),
    (
        "y.old.example.org",
        "A",
        "NOERROR aa\nold.example.org. DNAME new.example.org.\ny.old.example.org. CNAME y.new.example.org.\ny.new.example.org. CNAME x.old.example.org.\nx.old.example.org. CNAME x.new.example.org.\nx.new.example.org. A 192.0.2.5",
    ),
    (
        "y.far.example.org",
        "AAAA",
        "NOERROR aa\nfar.example.org. DNAME other.\ny.far.example.org. CNAME y.other.",
    ),
    (
        "_imap._tcp.example.org",
        "SRV",
        "NOERROR aa\n_imap._tcp.example.org. SRV 0 1 993 mx.example.org.\nadditional mx.example.org. A 192.0.2.2",
    ),
    (
        "svc.example.org",
        "HTTPS",
        "NOERROR aa\nsvc.example.org. HTTPS 1 . alpn=\"h2\"\nadditional svc.example.org. A 192.0.2.6",
    ),
    (
        "alias.example.org",
        "HTTPS",
        "NOERROR aa\nalias.example.org. HTTPS 0 svc.example.org.\nadditional svc.example.org. A 192.0.2.6\nadditional svc.example.org. HTTPS 1 . alpn=\"h2\"",
    ),
    ("other.", "A", "REFUSED"),
];

#[test]
fn all_that_a_zone_can_answer() {
    check("example.org.", HOUSE, HOUSE_CASES);
}

#[test]
fn a_zone_can_be_had_back() {
    for (apex, text) in [("example.", WILDCARDS), ("example.org.", HOUSE)] {
        let zone = zone(apex, text);
        let compiled = dns::CompiledZone::new(&zone).unwrap();
        assert_eq!(compiled.to_data(), zone);
        assert_eq!(compiled.record_count(), zone.record_count());
    }
}

/// Anchors: test 52, RFC 6672 §2.2.
#[test]
fn a_name_that_dname_makes_too_long() {
    let long = ["x".repeat(63), "y".repeat(63), "z".repeat(50)].join(".");
    let zone = zone("example.", &format!("$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\nd DNAME {long}.example.\n"));
    let zones = catalogue(&[&zone]);
    let shown = ask(&zones, &format!("{}.{}.d.example.", "w".repeat(63), "v".repeat(10)), "A", false);
    assert!(shown.starts_with("YXDOMAIN aa\nd.example. DNAME xxx"), "{shown}");
    let fits = ask(&zones, "w.d.example.", "A", false);
    assert!(fits.starts_with("NXDOMAIN aa\nd.example. DNAME xxx"), "{fits}");
}

/// Anchors: test 51. What is shown of a chain is its beginning, without a gap, and no more than the greatest number of
/// steps; the rest is for whoever asks to ask for.
#[test]
fn a_chain_of_a_hundred_aliases_ends() {
    let mut text = String::from("$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\n");
    (0..100).for_each(|at| text += &format!("c{at} CNAME c{}\n", at + 1));
    text += "c100 A 192.0.2.1\n";
    let plain = zone("example.", &text);
    let shown = |from: usize, count: usize| -> String {
        let lines = (from..from + count).map(|at| format!("\nc{at}.example. CNAME c{}.example.", at + 1));
        format!("NOERROR aa{}", lines.collect::<String>())
    };
    let most = dns::answer::CHAIN_MAX + 1;
    let zones = catalogue(&[&plain]);
    assert_eq!(ask(&zones, "c0.example.", "A", false), shown(0, most));
    assert_eq!(
        ask(&zones, "c83.example.", "A", false),
        shown(83, most),
        "the last name is c100, without its records"
    );
    assert_eq!(
        ask(&zones, "c84.example.", "A", false),
        format!("{}\nc100.example. A 192.0.2.1", shown(84, 16))
    );
    assert_eq!(ask(&zones, "c0.example.", "CNAME", false), shown(0, 1));
    // By UDP without EDNS as much of it as there may be, or nothing and TC.
    let (reply, message) =
        send(&zones, &Context::new(Transport::Udp), &query("c0.example", "A", None, false)).unwrap();
    assert!(
        message.len() <= 512 && (reply.truncated || show(&message) == shown(0, most)),
        "{}",
        show(&message)
    );
    // Signed, each alias has its signature.
    for denial in [Denial::Nsec, Denial::Nsec3] {
        let (signed, _) = super::toy::signed(&plain, denial, super::toy::DATE);
        let said = ask(&catalogue(&[&signed]), "c0.example.", "A", true);
        let (signatures, records): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.contains(" RRSIG "));
        assert_eq!(records.join("\n"), shown(0, most));
        assert_eq!(signatures.len(), most, "{said}");
    }
}

/// Anchors: test 51. A circle is shown once.
#[test]
fn aliases_in_a_circle_end() {
    for count in [1, 2, 5, 16, 17, 40] {
        let mut text = String::from("$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\n");
        (0..count).for_each(|at| text += &format!("c{at} CNAME c{}\n", (at + 1) % count));
        let said = ask(&catalogue(&[&zone("example.", &text)]), "c0.example.", "A", false);
        assert_eq!(said.lines().count(), 1 + count.min(dns::answer::CHAIN_MAX + 1), "{count}: {said}");
        assert!(said.starts_with("NOERROR aa\nc0.example. CNAME"), "{said}");
    }
}

/// Anchors: test 46. Such a zone is refused by transfers and by the check; were it served all the same, answers stay
/// what they count.
#[test]
fn sets_beyond_all_measure_are_cut() {
    let apex: Name = "example.".parse().unwrap();
    let mut plain = zone("example.", "$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\n");
    let add = |zone: &mut ZoneData, owner: &str, data: Vec<RData>| {
        let owner: Name = owner.parse().unwrap();
        zone.set(&owner, RRset::from_data(Ttl::new(1).unwrap(), data).unwrap()).unwrap();
    };
    add(&mut plain, "many.example", (0..65_540u32).map(|n| RData::a(n.to_be_bytes().into())).collect());
    add(&mut plain, "much.example", (0..=255).map(|n| RData::txt(&[n; 255]).unwrap()).collect());
    add(&mut plain, "fits.example", (0..200).map(|n| RData::txt(&[n; 255]).unwrap()).collect());
    let finding = dns::check::check(&plain);
    assert!(!dns::check::may_be_served(&finding), "{finding:?}");
    // Compiled without a check, and with NSEC3 records whose names are no hashes.
    let nsec3 = RData::parse(RecordType::NSEC3, "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", None).unwrap();
    let (mut signed, _) = super::toy::signed(&plain, Denial::Nsec3, super::toy::DATE);
    for label in ["no-hash", "0p9m", "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww", "a.b"] {
        add(&mut signed, &format!("{label}.example"), vec![nsec3.clone()]);
    }
    for data in [&plain, &signed] {
        let zones = catalogue(&[data]);
        for (name, whole) in
            [("many", false), ("much", false), ("fits", true), ("no-hash", true), ("none", true)]
        {
            for (dnssec, transport) in
                [(false, Transport::Tcp), (true, Transport::Tcp), (true, Transport::Udp)]
            {
                for rtype in ["A", "TXT", "NSEC3"] {
                    let query = query(&format!("{name}.{apex}"), rtype, Some(1232), dnssec);
                    let (reply, message) = send(&zones, &Context::new(transport), &query).unwrap();
                    // What is counted is there, and nothing else.
                    let said = show(&message);
                    assert!(!reply.truncated || said.lines().count() == 1, "{name} {rtype}: {said}");
                    if transport == Transport::Tcp && whole {
                        assert!(!reply.truncated, "{name} {rtype}");
                    }
                    if name == "fits" && rtype == "TXT" && transport == Transport::Tcp {
                        assert_eq!(said.lines().filter(|line| line.contains(" TXT ")).count(), 200);
                    }
                }
            }
        }
    }
}

/// The parent's side of a cut answers for DS; a child alone answers that there is none (RFC 4035 §3.1.4.1).
#[test]
fn parent_and_child_served_together() {
    let parent = zone("example.", "$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a.\nsub NS a.\nsub DS 1 13 9 00\n");
    let child = zone("sub.example.", "$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a.\n@ A 192.0.2.1\n");
    let both = catalogue(&[&parent, &child]);
    assert_eq!(ask(&both, "sub.example.", "DS", false), "NOERROR aa\nsub.example. DS 1 13 9 00");
    assert_eq!(ask(&both, "sub.example.", "A", false), "NOERROR aa\nsub.example. A 192.0.2.1");
    let alone = catalogue(&[&child]);
    assert_eq!(ask(&alone, "sub.example.", "DS", false), "NOERROR aa\nauthority sub.example. SOA …");
    let without = both.without(child.apex());
    assert_eq!(ask(&without, "sub.example.", "A", false), "NOERROR\nauthority sub.example. NS a.");
    assert_eq!((both.len(), without.len()), (2, 1));
}
