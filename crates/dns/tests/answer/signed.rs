//! Proofs from signed zones: those of RFC 4035 App. A and RFC 5155 App. A, with signatures that say nothing.

use super::ask::{ask, catalogue, zone};
use dns::dnssec::Denial;
use dns::{Catalogue, RData, RRset, RecordType, Ttl, ZoneData};

/// Gives each set but those of delegations a signature.
fn sign(zone: &mut ZoneData) {
    let apex = zone.apex().clone();
    let names: Vec<_> = zone.nodes().map(|(name, _)| name.clone()).collect();
    for name in names {
        let cut = zone.cut(&name);
        if cut.as_ref().is_some_and(|cut| *cut != name) {
            continue;
        }
        let types: Vec<RecordType> = zone.node(&name).unwrap().sets().iter().map(RRset::rtype).collect();
        let signed =
            types.iter().filter(|rtype| cut.is_none() || ![RecordType::NS, RecordType::A].contains(rtype));
        let data = signed.map(|rtype| {
            let text = format!("{rtype} 13 2 3600 20301231235959 20240229000000 1 {apex} AAEC");
            RData::parse(RecordType::RRSIG, &text, None).unwrap()
        });
        if let Some(set) = RRset::from_data(Ttl::new(3600).unwrap(), data) {
            zone.set(&name, set).unwrap();
        }
    }
}

const COMMON: &str = "$TTL 3600
@ SOA ns1 bugs.x.w 1081539377 3600 300 3600000 3600
@ NS ns1
@ NS ns2
@ MX 1 xx
@ DNSKEY 256 3 13 AAEC
a NS ns1.a
a NS ns2.a
a DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
ns1.a A 192.0.2.5
ns2.a A 192.0.2.6
ai A 192.0.2.9
ai HINFO \"KLH-10\" \"ITS\"
ai AAAA 2001:db8::f00:baa9
ns1 A 192.0.2.1
ns2 A 192.0.2.2
*.w MX 1 ai
x.w MX 1 xx
x.y.w MX 1 xx
xx A 192.0.2.10
xx HINFO \"KLH-10\" \"TOPS-20\"
xx AAAA 2001:db8::f00:baaa
";

const NSEC: &str = "b NS ns1.b
b NS ns2.b
ns1.b A 192.0.2.7
ns2.b A 192.0.2.8
@ NSEC a NS SOA MX RRSIG NSEC DNSKEY
a NSEC ai NS DS RRSIG NSEC
ai NSEC b A HINFO AAAA RRSIG NSEC
b NSEC ns1 NS RRSIG NSEC
ns1 NSEC ns2 A RRSIG NSEC
ns2 NSEC *.w A RRSIG NSEC
*.w NSEC x.w MX RRSIG NSEC
x.w NSEC x.y.w MX RRSIG NSEC
x.y.w NSEC xx MX RRSIG NSEC
xx NSEC @ A HINFO AAAA RRSIG NSEC
";

const NSEC3: &str = "c NS ns1.c
c NS ns2.c
ns1.c A 192.0.2.7
ns2.c A 192.0.2.8
@ NSEC3PARAM 1 0 12 aabbccdd
2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG
2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
2vptu5timamqttgl4luu9kg21e0aor3s NSEC3 1 1 12 aabbccdd 35mthgpgcu1qg68fab165klnsnk3dpvl MX RRSIG
35mthgpgcu1qg68fab165klnsnk3dpvl NSEC3 1 1 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG
b4um86eghhds6nea196smvmlo4ors995 NSEC3 1 1 12 aabbccdd gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG
gjeqe526plbf1g8mklp59enfd789njgi NSEC3 1 1 12 aabbccdd ji6neoaepv8b5o6k4ev33abha8ht9fgc HINFO A AAAA RRSIG
ji6neoaepv8b5o6k4ev33abha8ht9fgc NSEC3 1 1 12 aabbccdd k8udemvp1j2f7eg6jebps17vp3n8i58h
k8udemvp1j2f7eg6jebps17vp3n8i58h NSEC3 1 1 12 aabbccdd kohar7mbb8dc2ce8a9qvl8hon4k53uhi
kohar7mbb8dc2ce8a9qvl8hon4k53uhi NSEC3 1 1 12 aabbccdd q04jkcevqvmu85r014c7dkba38o0ji5r A RRSIG
q04jkcevqvmu85r014c7dkba38o0ji5r NSEC3 1 1 12 aabbccdd r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG
r53bq7cc2uvmubfu5ocmm6pers9tk9en NSEC3 1 1 12 aabbccdd t644ebqk9bibcna874givr6joj62mlhv MX RRSIG
t644ebqk9bibcna874givr6joj62mlhv NSEC3 1 1 12 aabbccdd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom HINFO A AAAA RRSIG
";

fn signed(chain: &str) -> Catalogue {
    let mut zone = zone("example.", &format!("{COMMON}{chain}"));
    sign(&mut zone);
    let compiled = dns::CompiledZone::new(&zone).unwrap();
    assert_eq!(compiled.to_data(), zone);
    assert!(compiled.is_signed());
    catalogue(&[&zone])
}

/// The response code, and for each record of answer and authority: owner and type, of signatures and proofs what
/// they cover too.
fn told(zones: &Catalogue, name: &str, rtype: &str) -> Vec<String> {
    let shown = ask(zones, name, rtype, true);
    let short = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let skip = usize::from(words[0] == "authority");
        let owner = words[skip].trim_end_matches("example.").trim_end_matches('.');
        match words[skip + 1] {
            "RRSIG" => format!("sig({owner} {})", words[skip + 2]),
            rtype => format!("{owner} {rtype}"),
        }
    };
    shown
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with("additional"))
        .map(|(at, line)| if at == 0 { line.to_string() } else { short(line) })
        .collect()
}

fn check(zones: &Catalogue, name: &str, rtype: &str, expected: &[&str]) {
    assert_eq!(told(zones, name, rtype), expected, "{name} {rtype}");
}

/// RFC 4035 App. B.
#[test]
fn proofs_by_nsec() {
    let zones = signed(NSEC);
    let soa = [" SOA", "sig( SOA)"];
    check(&zones, "x.w.example", "MX", &["NOERROR aa", "x.w MX", "sig(x.w MX)"]);
    check(
        &zones,
        "ml.example",
        "A",
        &["NXDOMAIN aa", soa[0], soa[1], "b NSEC", "sig(b NSEC)", " NSEC", "sig( NSEC)"],
    );
    check(&zones, "ns1.example", "MX", &["NOERROR aa", soa[0], soa[1], "ns1 NSEC", "sig(ns1 NSEC)"]);
    check(&zones, "mc.a.example", "MX", &["NOERROR", "a NS", "a NS", "a DS", "sig(a DS)"]);
    check(&zones, "mc.b.example", "MX", &["NOERROR", "b NS", "b NS", "b NSEC", "sig(b NSEC)"]);
    check(
        &zones,
        "a.z.w.example",
        "MX",
        &["NOERROR aa", "a.z.w MX", "sig(a.z.w MX)", "x.y.w NSEC", "sig(x.y.w NSEC)"],
    );
    check(
        &zones,
        "a.z.w.example",
        "AAAA",
        &["NOERROR aa", soa[0], soa[1], "x.y.w NSEC", "sig(x.y.w NSEC)", "*.w NSEC", "sig(*.w NSEC)"],
    );
    check(&zones, "example", "DS", &["NOERROR aa", soa[0], soa[1], " NSEC", "sig( NSEC)"]);
    check(&zones, "b.example", "DS", &["NOERROR aa", soa[0], soa[1], "b NSEC", "sig(b NSEC)"]);
    check(&zones, "y.w.example", "A", &["NOERROR aa", soa[0], soa[1], "x.w NSEC", "sig(x.w NSEC)"]);
    check(&zones, "ns1.example", "NSEC", &["NOERROR aa", "ns1 NSEC", "sig(ns1 NSEC)"]);
    check(&zones, "ns1.example", "RRSIG", &["NOERROR aa", "sig(ns1 A)"]);
    assert_eq!(ask(&zones, "ns1.example", "A", false), "NOERROR aa\nns1.example. A 192.0.2.1");
}

/// RFC 5155 App. B.
#[test]
fn proofs_by_nsec3() {
    let zones = signed(NSEC3);
    let soa = [" SOA", "sig( SOA)"];
    let proofs = |names: &[&str]| -> Vec<String> {
        let full = |start: &&str| {
            NSEC3.lines().find(|l| l.starts_with(*start)).unwrap().split(' ').next().unwrap().to_string()
        };
        names
            .iter()
            .map(full)
            .flat_map(|name| [format!("{name} NSEC3"), format!("sig({name} NSEC3)")])
            .collect()
    };
    let negative = |rcode: &str, names: &[&str]| -> Vec<String> {
        [rcode, soa[0], soa[1]].into_iter().map(String::from).chain(proofs(names)).collect()
    };
    assert_eq!(
        told(&zones, "a.c.x.w.example", "A"),
        negative("NXDOMAIN aa", &["b4um", "0p9m", "35mt"]),
        "B.1"
    );
    assert_eq!(told(&zones, "ns1.example", "MX"), negative("NOERROR aa", &["2t7b"]), "B.2");
    assert_eq!(told(&zones, "y.w.example", "A"), negative("NOERROR aa", &["ji6n"]), "B.2.1");
    let referral = ["NOERROR", "c NS", "c NS"].into_iter().map(String::from).chain(proofs(&["0p9m", "35mt"]));
    assert_eq!(told(&zones, "mc.c.example", "MX"), referral.collect::<Vec<_>>(), "B.3");
    assert_eq!(told(&zones, "c.example", "DS"), negative("NOERROR aa", &["0p9m", "35mt"]), "§7.2.4");
    let wildcard = ["NOERROR aa", "a.z.w MX", "sig(a.z.w MX)"].into_iter().map(String::from);
    assert_eq!(
        told(&zones, "a.z.w.example", "MX"),
        wildcard.chain(proofs(&["q04j"])).collect::<Vec<_>>(),
        "B.4"
    );
    assert_eq!(
        told(&zones, "a.z.w.example", "AAAA"),
        negative("NOERROR aa", &["k8ud", "q04j", "r53b"]),
        "B.5"
    );
    assert_eq!(told(&zones, "example", "DS"), negative("NOERROR aa", &["0p9m"]), "B.6");
    // §7.2.8: a name that has only an NSEC3 record does not exist; one that has others beside it does.
    let hashed = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example";
    assert_eq!(told(&zones, hashed, "NSEC3")[0], "NXDOMAIN aa");
    let both = "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example";
    assert_eq!(told(&zones, both, "A")[..2], ["NOERROR aa", "2t7b4g4vsa5smi47k61mv5bv1a22bojr A"]);
}

const CHAINS: &str = "$TTL 3600
@ SOA a x 1 2 3 4 60
@ NS a
a A 192.0.2.1
c CNAME a
*.cn CNAME a
*.w1 CNAME x.w2
*.w2 CNAME y.z.w3
*.w3 A 192.0.2.3
*.twice CNAME p.again
*.again CNAME q.twice
*.nd CNAME mx
*.nx CNAME no.thing
*.in CNAME x.sub
sub NS ns.sub
ns.sub A 192.0.2.4
*.sec CNAME x.ssub
ssub NS a
ssub DS 1 13 9 00
d DNAME w1
e DNAME d
*.m CNAME mx
mx MX 1 a
";

/// Name and type asked for, the answer section without signatures, the authority section without proofs, and how many
/// NSEC and NSEC3 records prove it.
type Chain<'a> = (&'a str, &'a str, &'a str, &'a str, [usize; 2]);

/// What a chain of aliases leads to stands before all proofs for the wildcards on its way, and each proof stands once.
const EXPECTED: [Chain<'_>; 12] = [
    ("c", "A", "c CNAME a; a A", "", [0, 0]),
    ("q.cn", "A", "q.cn CNAME a; a A", "", [1, 1]),
    ("o.p.q.cn", "A", "o.p.q.cn CNAME a; a A", "", [1, 1]),
    ("q.w1", "A", "q.w1 CNAME x.w2; x.w2 CNAME y.z.w3; y.z.w3 A", "", [3, 2]),
    ("q.twice", "A", "q.twice CNAME p.again; p.again CNAME q.twice", "", [2, 2]),
    ("q.nd", "A", "q.nd CNAME mx", "zone SOA", [2, 2]),
    ("q.nx", "A", "q.nx CNAME no.thing", "zone SOA", [3, 4]),
    ("q.in", "A", "q.in CNAME x.sub", "sub NS", [2, 2]),
    ("q.sec", "A", "q.sec CNAME x.ssub", "ssub NS; ssub DS", [1, 1]),
    ("q.d", "A", "d DNAME; q.d CNAME q.w1; q.w1 CNAME x.w2; x.w2 CNAME y.z.w3; y.z.w3 A", "", [3, 2]),
    (
        "q.e",
        "MX",
        "e DNAME; q.e CNAME q.d; d DNAME; q.d CNAME q.w1; q.w1 CNAME x.w2; x.w2 CNAME y.z.w3",
        "zone SOA",
        [3, 4],
    ),
    ("q.m", "MX", "q.m CNAME mx; mx MX", "", [1, 1]),
];

/// The records of one section of a shown answer, each as its words without the zone's name.
fn section<'a>(shown: &'a str, wanted: &str) -> Vec<Vec<&'a str>> {
    let own = shown.lines().skip(1).filter_map(|line| match line.split_once(' ') {
        Some((section @ ("authority" | "additional"), rest)) => (section == wanted).then_some(rest),
        _ => (wanted == "answer").then_some(line),
    });
    let short = |word: &'a str| word.strip_suffix(".zone.").unwrap_or(word).trim_end_matches('.');
    own.map(|line| line.split(' ').map(short).collect()).collect()
}

/// Without signatures and proofs.
fn plain(records: &[Vec<&str>]) -> String {
    let kept = records.iter().filter(|words| !["RRSIG", "NSEC", "NSEC3"].contains(&words[1]));
    let shown = kept.map(|words| words[..if words[1] == "CNAME" { 3 } else { 2 }].join(" "));
    shown.collect::<Vec<_>>().join("; ")
}

#[test]
fn proofs_stand_behind_the_chain() {
    for (denial, at, kind) in [(Denial::Nsec, 0, "NSEC"), (Denial::Nsec3, 1, "NSEC3")] {
        let (signed, _) = super::toy::signed(&zone("zone.", CHAINS), denial, super::toy::DATE);
        let zones = catalogue(&[&signed]);
        for (name, rtype, answer, authority, proofs) in EXPECTED {
            let shown = ask(&zones, &format!("{name}.zone"), rtype, true);
            assert_eq!(plain(&section(&shown, "answer")), answer, "{shown}");
            let records = section(&shown, "authority");
            assert_eq!(plain(&records), authority, "{shown}");
            let count = records.iter().filter(|words| words[1] == kind).count();
            // By hashes, some of the gaps are the same.
            assert_eq!(count, proofs[at], "{shown}");
        }
    }
}
