//! What DNSSEC says: the cases of RFC 4035 §5, RFC 5155 §8, RFC 6840, RFC 9276.

use std::time::Duration;

use dns::dnssec::Denial;
use dns::resolve::{Answer, LinkStatus, Verdict};
use dns::{Name, RData, Record, RecordType, Section, Ttl};

use crate::world::{DATE, Fate, Net, craft_records, records, reply, usual, zone};

fn short(net: &mut Net, name: &str, rtype: &str) -> String {
    let outcome = net.ask(name, rtype);
    let answer = match &outcome.answer {
        Answer::Records(set) => set.data().iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Answer::NoData => "nodata".into(),
        Answer::NxDomain => "nxdomain".into(),
        Answer::Failed => "failed".into(),
    };
    match outcome.error {
        Some(error) => format!("{} {answer} {}", outcome.verdict, error.code),
        None => format!("{} {answer}", outcome.verdict),
    }
}

#[test]
fn each_kind_of_answer_has_its_verdict() {
    let mut net = usual();
    for (name, rtype, expected) in [
        ("mail.signed.test", "A", "secure 192.0.2.25"),
        ("signed.test", "MX", "secure 10 mail.signed.test."),
        ("www.signed.test", "A", "secure 192.0.2.25"),
        ("mail.signed.test", "AAAA", "secure nodata"),
        ("b.c.deep.signed.test", "A", "secure nodata"),
        ("nothing.signed.test", "A", "secure nxdomain"),
        ("x.wild.signed.test", "A", "secure 192.0.2.7"),
        ("x.y.wild.signed.test", "A", "secure 192.0.2.7"),
        ("x.wild.signed.test", "MX", "secure nodata"),
        ("x.tree.signed.test", "A", "secure nxdomain"),
        ("weak.signed.test", "DS", "secure nodata"),
        ("signed.test", "DNSKEY", ""),
        ("signed.test", "DS", ""),
        (".", "NS", "secure a.root."),
        ("mail.plain.test", "A", "insecure 192.0.2.26"),
        ("mail.plain.test", "AAAA", "insecure nodata"),
        ("nothing.plain.test", "A", "insecure nxdomain"),
        ("out.signed.test", "A", "insecure 192.0.2.26"),
        ("into.plain.test", "A", "insecure 192.0.2.25"),
        ("far.test", "TXT", "insecure \"far\""),
        ("mail.strange.test", "A", "insecure 192.0.2.26 1"),
        ("mail.wrong.test", "A", "bogus failed 9"),
        ("nothing.test", "A", "secure nxdomain"),
        ("nothing", "A", "secure nxdomain"),
        ("other", "DS", "secure nodata"),
    ] {
        let found = short(&mut net, name, rtype);
        match expected {
            "" => assert!(found.starts_with("secure "), "{name} {rtype}: {found}"),
            expected => {
                assert_eq!(found, expected, "{name} {rtype}: {:#?}", net.last.as_ref().unwrap().exchanges())
            }
        }
    }
}

#[test]
fn absence_is_proven_by_hashes_too() {
    let mut net = usual();
    for (name, rtype, expected) in [
        ("mail.three.test", "A", "secure 192.0.2.25"),
        ("mail.three.test", "AAAA", "secure nodata"),
        ("b.c.deep.three.test", "A", "secure nodata"),
        ("x.nothing.three.test", "A", "secure nxdomain"),
        ("x.y.wild.three.test", "A", "secure 192.0.2.7"),
        ("x.wild.three.test", "MX", "secure nodata"),
        ("_25._tcp.mail.three.test", "AAAA", "secure nodata"),
        ("weak.three.test", "DS", "secure nodata"),
        ("mail.opt.test", "A", "secure 192.0.2.25"),
        ("mail.opt.test", "AAAA", "secure nodata"),
        // Something without signatures may be there (RFC 5155 §9.2).
        ("nothing.opt.test", "A", "insecure nxdomain"),
    ] {
        assert_eq!(short(&mut net, name, rtype), expected, "{name} {rtype}");
    }
}

#[test]
fn what_was_validated_is_remembered_with_its_verdict() {
    let mut net = usual();
    net.ask("mail.signed.test", "A");
    let verified = net.last.as_ref().unwrap().verifies();
    // Keys of root, test and signed.test; two DS; the answer. The servers' addresses are not looked at.
    assert!((6..=8).contains(&verified), "{verified}");
    net.pass(Duration::from_secs(1000));
    assert_eq!(net.ask("mail.signed.test", "A").ttl.seconds(), 2599);
    assert_eq!((net.sent.len(), net.last.as_ref().unwrap().verifies()), (0, 0));
    net.ask("_25._tcp.mail.signed.test", "TLSA");
    assert_eq!(net.asked(), ["10.0.0.3 _25._tcp.mail.signed.test. TLSA"]);
}

#[test]
fn the_chain_is_shown() {
    let mut net = usual();
    let outcome = net.ask("mail.signed.test", "A");
    let links = net.last.take().unwrap().links(&mut net.engine, &outcome.name);
    let zones: Vec<String> = links.iter().map(|link| link.zone.to_string()).collect();
    assert_eq!(zones, [".", "test.", "signed.test."]);
    for link in &links {
        assert_eq!(link.status, LinkStatus::Secure);
        assert!(link.ds.iter().all(|(tag, _)| link.keys.iter().any(|(key, ..)| key == tag)), "{link:?}");
    }
    let outcome = net.ask("mail.plain.test", "A");
    let links = net.last.take().unwrap().links(&mut net.engine, &outcome.name);
    assert_eq!(links.last().unwrap().status, LinkStatus::Insecure(None));
}

/// Changes the records of the answers to one question.
pub fn tamper(
    net: &mut Net,
    name: &'static str,
    rtype: RecordType,
    change: impl Fn(&mut Vec<(Section, Record)>) + 'static,
) {
    let servers = net.servers.clone();
    net.script = Box::new(move |sent| {
        if sent.name != name.parse::<Name>().unwrap() || sent.rtype != rtype {
            return Fate::Answer;
        }
        let answer = reply(&servers[&sent.server.ip()], sent).unwrap();
        let flags = dns::Header::read(&answer).unwrap().flags;
        let mut all = records(&answer);
        change(&mut all);
        Fate::Bytes(craft_records(sent, flags, &all))
    });
}

fn is_signature(record: &Record) -> bool {
    record.rtype() == RecordType::RRSIG
}

#[test]
fn what_was_changed_on_its_way_is_bogus() {
    let forged = || {
        Record::new("mail.signed.test".parse().unwrap(), Ttl::from_wire(3600), RData::a([6, 6, 6, 6].into()))
    };
    type Change = Box<dyn Fn(&mut Vec<(Section, Record)>)>;
    let cases: Vec<(&str, &str, Change, u16)> = vec![
        ("mail.signed.test", "A", Box::new(move |all| all[0].1 = forged()), 6),
        ("mail.signed.test", "A", Box::new(|all| all.retain(|(_, r)| !is_signature(r))), 10),
        ("mail.signed.test", "AAAA", Box::new(|all| all.retain(|(_, r)| r.rtype() != RecordType::NSEC)), 10),
        ("mail.signed.test", "AAAA", Box::new(|all| all.clear()), 10),
        ("x.wild.signed.test", "A", Box::new(|all| all.retain(|(s, _)| *s == Section::Answer)), 10),
        ("nothing.signed.test", "A", Box::new(|all| all.retain(|(s, _)| *s == Section::Answer)), 10),
        // The denial of another name.
        (
            "mail.signed.test",
            "TXT",
            Box::new(|all| {
                all.retain(|(_, r)| {
                    r.rtype() != RecordType::NSEC || r.owner != "mail.signed.test".parse().unwrap()
                });
            }),
            10,
        ),
    ];
    for (name, rtype, change, code) in cases {
        let mut net = usual();
        tamper(&mut net, name, rtype.parse().unwrap(), change);
        let outcome = net.ask(name, rtype);
        assert_eq!((outcome.verdict, &outcome.answer), (Verdict::Bogus, &Answer::Failed), "{name} {rtype}");
        assert_eq!(outcome.error.unwrap().code, code, "{name} {rtype}");
        // So it stays for a while, without asking anyone.
        assert_eq!(net.ask(name, rtype).verdict, Verdict::Bogus);
        assert_eq!(net.sent.len(), 0);
    }
}

#[test]
fn a_stripped_delegation_is_bogus_and_not_insecure() {
    let mut net = usual();
    let servers = net.servers.clone();
    // Whoever stands between takes every sign of DNSSEC away from all that the servers of test say.
    net.script = Box::new(move |sent| {
        if sent.server.ip().to_string() != "10.0.0.2" || sent.rtype == RecordType::DNSKEY {
            return Fate::Answer;
        }
        let answer = reply(&servers[&sent.server.ip()], sent).unwrap();
        let mut all = records(&answer);
        all.retain(|(_, r)| !matches!(r.rtype(), RecordType::DS | RecordType::RRSIG | RecordType::NSEC));
        Fate::Bytes(craft_records(sent, dns::Header::read(&answer).unwrap().flags, &all))
    });
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Bogus);
}

#[test]
fn the_parents_record_does_not_deny_what_is_the_childs() {
    // The NSEC of the delegation in test has no A; replayed, it must not deny the A of signed.test's apex.
    let mut net = usual();
    let parent = net.servers[&"10.0.0.2".parse().unwrap()].clone();
    net.script = Box::new(move |sent| {
        if sent.name != "plain.test".parse().unwrap() || sent.rtype != RecordType::MX {
            return Fate::Answer;
        }
        let mut asked = sent.clone();
        asked.bytes = crate::plain::query("plain.test", "DS");
        let denial = reply(&parent, &asked).unwrap();
        Fate::Bytes(craft_records(sent, dns::Flags::AA, &records(&denial)))
    });
    let outcome = net.ask("plain.test", "MX");
    assert_eq!((outcome.verdict, outcome.answer), (Verdict::Bogus, Answer::Failed));
}

#[test]
fn one_bad_server_of_two_is_passed_over() {
    let mut net = Net::new(&[
        (
            "10.0.0.1",
            ".",
            "@ NS a.\na. A 10.0.0.1\n; DS two.\ntwo NS a.two.\ntwo NS b.two.\na.two A 10.0.0.3\nb.two A 10.0.0.4",
            Some(Denial::Nsec),
        ),
        (
            "10.0.0.3 10.0.0.4",
            "two.",
            "@ NS a\n@ NS b\na A 10.0.0.3\nb A 10.0.0.4\nwww A 192.0.2.1",
            Some(Denial::Nsec),
        ),
    ]);
    let mut first = None;
    net.script = Box::new(move |sent| {
        if sent.rtype != RecordType::A || sent.name != "www.two".parse().unwrap() {
            return Fate::Answer;
        }
        match *first.get_or_insert(sent.server) == sent.server {
            true => Fate::Bytes(crate::world::craft(sent, dns::Flags::AA, ["www.two. A 6.6.6.6", "", ""])),
            false => Fate::Answer,
        }
    });
    let outcome = net.ask("www.two", "A");
    assert_eq!(
        (outcome.verdict, outcome.records()),
        (Verdict::Secure, &[RData::a([192, 0, 2, 1].into())][..])
    );
}

/// Test 64 of the list in the anchor of names: a clock that is wrong by years.
#[test]
fn a_wrong_clock_is_told_as_such() {
    for (date, code) in [(DATE + 2 * 365 * 86_400, 7), (DATE.minus(2 * 365 * 86_400), 8)] {
        let mut net = usual();
        net.date = date;
        let outcome = net.ask("mail.signed.test", "A");
        assert_eq!((outcome.verdict, &outcome.answer), (Verdict::Bogus, &Answer::Failed));
        let error = outcome.error.unwrap();
        assert_eq!(error.code, code);
        assert!(error.text.contains("clock"), "{error}");
    }
}

#[test]
fn without_an_anchor_nothing_can_be_said() {
    let mut net = crate::world::usual_with(|settings| settings.anchors.clear());
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.error.unwrap().code), (Verdict::Indeterminate, 5));
}

#[test]
fn nothing_outlives_its_signature() {
    let mut net = usual();
    // Signatures of 14 days: half an hour before their end.
    net.date = (DATE + 14 * 86_400).minus(5400);
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!(outcome.verdict, Verdict::Secure);
    let ttl = outcome.ttl.seconds();
    assert!((1..=5400).contains(&ttl), "{ttl}");
}

#[test]
fn our_own_zones_are_answered_here_and_validated_from_the_root() {
    let mut net = usual();
    let own = net.servers.remove(&"10.0.0.3".parse().unwrap()).unwrap();
    net.own = own;
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.records().len()), (Verdict::Secure, 1));
    assert!(net.asked().iter().all(|line| !line.starts_with("10.0.0.3")), "{:?}", net.asked());
    assert_eq!(net.ask("nothing.signed.test", "A").answer, Answer::NxDomain);
    assert_eq!(net.ask("signed.test", "DS").verdict, Verdict::Secure);
    // A change is seen at once.
    let changed = zone("signed.test.", "@ NS ns\nns A 10.0.0.3\nmail A 192.0.2.99");
    net.own = net.own.with_zone(dns::CompiledZone::new(&changed).unwrap());
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Bogus, "it is not signed any more");
}

#[test]
fn our_own_zones_are_known_also_when_nobody_else_can_be_asked() {
    let mut net = usual();
    net.own = net.servers.remove(&"10.0.0.3".parse().unwrap()).unwrap();
    net.script = Box::new(|_| Fate::Silence(0));
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.records().len()), (Verdict::Indeterminate, 1));
    assert_eq!(outcome.error.unwrap().code, 22);
    assert_eq!(net.ask("nobody.signed.test", "A").answer, Answer::NxDomain);
    assert_eq!(net.ask("mail.plain.test", "A").answer, Answer::Failed);
}
