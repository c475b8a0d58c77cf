//! Proofs from signed zones: those of RFC 4035 App. A and RFC 5155 App. A, with signatures that say nothing.

use super::ask::{ask, catalogue, zone};
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
