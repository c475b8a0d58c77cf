//! Searching: which servers are asked what, and what is remembered.

use std::time::Duration;

use dns::resolve::{Answer, Verdict};
use dns::{Class, Flags, MessageWriter, Name, Question, RData, RecordType, Section};

use crate::world::{Fate, craft, usual, usual_with};

/// A question with DO, as a stranger would write it.
pub fn query(name: &str, rtype: &str) -> Vec<u8> {
    let mut writer = MessageWriter::new(Vec::new(), 1, Flags::default(), 512);
    let question = Question { name: name.parse().unwrap(), rtype: rtype.parse().unwrap(), class: Class::IN };
    writer.question(&question).unwrap();
    writer.raw(Section::Additional, &Name::root(), (RecordType::OPT, Class(1232), 0x8000), b"").unwrap();
    writer.finish()
}

#[test]
fn names_are_shown_no_further_than_needed() {
    let mut net = usual();
    net.ask("_25._tcp.mail.signed.test", "TLSA");
    let asked = net.asked();
    let shown: Vec<&str> = asked.iter().map(String::as_str).filter(|line| !line.contains("DNSKEY")).collect();
    assert_eq!(
        shown,
        [
            "10.0.0.1 . NS",
            "10.0.0.1 test. A",
            "10.0.0.2 signed.test. A",
            "10.0.0.3 mail.signed.test. A",
            "10.0.0.3 _25._tcp.mail.signed.test. TLSA",
        ]
    );
}

#[test]
fn a_server_that_denies_what_is_between_is_shown_the_whole() {
    let mut net = usual();
    net.script = Box::new(|sent| {
        match sent.rtype == RecordType::A && sent.name == "deep.signed.test".parse().unwrap() {
            true => Fate::Bytes(craft(sent, Flags::AA.with_rcode(dns::Rcode::NXDOMAIN), ["", "", ""])),
            false => Fate::Answer,
        }
    });
    let outcome = net.ask("a.b.c.deep.signed.test", "TXT");
    assert_eq!((outcome.verdict, outcome.records().len()), (Verdict::Secure, 1));
}

#[test]
fn servers_without_addresses_are_looked_up() {
    let mut net = usual();
    let outcome = net.ask("far.test", "TXT");
    assert_eq!(outcome.records().len(), 1);
    assert!(net.asked().contains(&"10.0.0.5 ns1.plain.test. A".to_string()), "{:?}", net.asked());
    assert!(net.asked().contains(&"10.0.0.8 far.test. TXT".to_string()));
}

#[test]
fn aliases_are_followed_and_do_not_go_in_circles() {
    let mut net = usual();
    let outcome = net.ask("into.plain.test", "A");
    assert_eq!(outcome.name, "mail.signed.test".parse().unwrap());
    assert_eq!(outcome.aliases.len(), 1);
    let outcome = net.ask("loop.signed.test", "A");
    assert_eq!((outcome.answer, outcome.error.is_some()), (Answer::Failed, true));
}

/// Test 63 of the list in the anchor of names.
#[test]
fn a_dname_is_followed_without_a_cname() {
    let mut net = usual();
    let outcome = net.ask("mail.d.plain.test", "A");
    assert_eq!(outcome.records(), [RData::a([192, 0, 2, 25].into())]);
    assert_eq!(
        (outcome.aliases[0].by, outcome.aliases[0].target.to_string()),
        (RecordType::DNAME, "mail.signed.test.".into())
    );
    // The server makes no CNAME of it.
    let mut net = usual();
    net.script = Box::new(|sent| match sent.name == "mail.d.plain.test".parse().unwrap() {
        true => Fate::Bytes(craft(sent, Flags::AA, ["d.plain.test. DNAME signed.test.", "", ""])),
        false => Fate::Answer,
    });
    assert_eq!(net.ask("mail.d.plain.test", "A").records(), [RData::a([192, 0, 2, 25].into())]);
    let long =
        format!("{}.{}.{}.{}.e.plain.test", "a".repeat(60), "b".repeat(60), "c".repeat(60), "e".repeat(55));
    assert_eq!(net.ask(&long, "A").answer, Answer::Failed, "its target would be too long");
}

#[test]
fn absence_is_remembered() {
    let mut net = usual();
    net.ask("nothing.signed.test", "A");
    net.pass(Duration::from_secs(800));
    assert_eq!(net.ask("nothing.signed.test", "A").answer, Answer::NxDomain);
    assert_eq!(net.sent.len(), 0);
    net.pass(Duration::from_secs(200));
    net.ask("nothing.signed.test", "A");
    assert_eq!(net.asked(), ["10.0.0.3 nothing.signed.test. A"]);
}

#[test]
fn silence_is_waited_for_remembered_and_bridged_by_what_was_known() {
    let mut net = usual();
    net.script = Box::new(|sent| match sent.server.ip().to_string().as_str() {
        "10.0.0.3" => Fate::Silence(0),
        _ => Fate::Answer,
    });
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.error.unwrap().code), (Verdict::Indeterminate, 22));
    // Two datagrams, then TCP; for the short and for the whole question alike.
    assert!(net.sent.iter().filter(|sent| sent.server.ip().to_string() == "10.0.0.3").count() <= 6);
    assert!(net.ask("mail.signed.test", "A").error.is_some());
    assert_eq!(net.sent.len(), 0, "a failure is remembered (RFC 9520)");
    net.script = Box::new(|_| Fate::Answer);
    net.pass(Duration::from_secs(6));
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Secure);
    // Later nobody answers: what was known is told, as what it is (RFC 8767).
    net.script = Box::new(|_| Fate::Unreachable);
    net.pass(Duration::from_secs(3700));
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.records().len(), outcome.ttl.seconds()), (Verdict::Secure, 1, 30));
    assert_eq!(outcome.error.unwrap().code, 3);
    net.pass(Duration::from_secs(86_400));
    assert_eq!(net.ask("mail.signed.test", "A").answer, Answer::Failed);
}

#[test]
fn a_child_cannot_keep_itself_alive() {
    let mut net = usual();
    net.ask("mail.plain.test", "A");
    net.pass(Duration::from_secs(3590));
    net.ask("plain.test", "NS");
    net.pass(Duration::from_secs(20));
    net.ask("x.plain.test", "A");
    // The parent's word is over, so the parent is asked again, whatever the child said of itself.
    assert!(net.asked().iter().any(|line| line.starts_with("10.0.0.2 plain.test.")), "{:?}", net.asked());
}

#[test]
fn memory_is_bounded() {
    let mut net = usual_with(|settings| settings.limits.cache_max_bytes = 40_000);
    for number in 0..200 {
        net.ask(&format!("x{number}.wild.signed.test"), "A");
        let (bytes, _) = net.engine.cached();
        assert!(bytes <= 40_000, "{bytes}");
    }
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Secure);
}

#[test]
fn names_of_this_machine_and_network_are_nobodys_business() {
    let mut net = usual();
    for (name, rtype, answer) in [
        ("localhost", "A", None),
        ("x.localhost", "AAAA", None),
        ("localhost", "MX", Some(Answer::NoData)),
        ("mail.invalid", "MX", Some(Answer::NxDomain)),
        ("abc.onion", "A", Some(Answer::NxDomain)),
        ("printer.local", "A", Some(Answer::NxDomain)),
        ("1.0.0.10.in-addr.arpa", "PTR", Some(Answer::NxDomain)),
        ("1.2.20.172.in-addr.arpa", "PTR", Some(Answer::NxDomain)),
    ] {
        let outcome = net.ask(name, rtype);
        assert_eq!((net.sent.len(), outcome.verdict), (0, Verdict::Insecure), "{name}");
        // Clients remember nothing of a denial without an SOA, and some take it for a fault.
        let soa =
            outcome.sections(&outcome.name, true).authority.iter().any(|r| r.rtype() == RecordType::SOA);
        assert_eq!(soa, answer.is_some(), "{name}");
        match answer {
            Some(answer) => assert_eq!(outcome.answer, answer, "{name}"),
            None => assert_eq!(outcome.records().len(), 1, "{name}"),
        }
    }
    net.own = net.own.with_zone(
        dns::CompiledZone::new(&crate::world::zone("local.", "@ NS ns\nns A 10.0.0.3\nprinter A 10.0.0.99"))
            .unwrap(),
    );
    net.ask("printer.local", "A");
    assert!(!net.last.as_ref().unwrap().exchanges().is_empty(), "a zone served here is served");
}

#[test]
fn questions_that_are_none_are_not_asked() {
    let mut net = usual();
    for rtype in ["ANY", "AXFR", "RRSIG", "OPT"] {
        assert_eq!(net.ask("signed.test", rtype).answer, Answer::Failed);
        assert_eq!(net.sent.len(), 0);
    }
}
