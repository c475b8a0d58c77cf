//! Answers made to harm: tests 56 to 64 of the list in the anchor of names.

use dns::dnssec::{Algorithm, Denial, DnsKey, Rrsig};
use dns::resolve::{Answer, Verdict};
use dns::roll::Role;
use dns::{Flags, Header, Name, RData, Record, RecordType, Section, Ttl};

use crate::world::{DATE, Fate, Net, craft, craft_records, records, reply, usual, usual_with, verified};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Test 56.
#[test]
fn only_the_true_answer_counts() {
    let mut net = usual();
    let sent = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let log = sent.clone();
    // The first datagrams are drowned in forgeries: then no datagram is trusted any more.
    net.script = Box::new(move |one| {
        log.borrow_mut().push((one.tcp, one.name.clone()));
        if one.tcp { Fate::Answer } else { Fate::Silence(9) }
    });
    assert_eq!(net.ask("mail.plain.test", "A").records().len(), 1);
    let sent = sent.borrow();
    assert!(
        sent.iter().zip(sent.iter().skip(1)).all(|(a, b)| a.0 != b.0),
        "each is repeated by TCP: {sent:?}"
    );
}

#[test]
fn what_only_looks_like_an_answer_is_passed_over() {
    use dns::resolve::{Moment, Request, Step, World};
    let mut net = usual();
    let mut request = Request::new(name("abcdefghijklmnop.test"), RecordType::A, net.now);
    let mut numbers = 0u64..;
    let mut chance = || numbers.next().unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut world = World { own: &net.own, chance: &mut chance };
    let at = Moment { now: net.now, date: net.date };
    let Step::Ask(ask) = request.step(&mut net.engine, at, &mut world) else { panic!() };
    let mut message = ask.message.clone();
    message[2] |= 0x80;
    assert!(ask.check.accepts(&message));
    for at in [0, 1, 2, 5, 12, 14, 16] {
        let mut other = message.clone();
        other[at] ^= if at == 2 { 0x80 } else { 1 };
        assert!(!ask.check.accepts(&other), "byte {at}");
    }
    for len in 0..message.len() - 1 {
        let _ = ask.check.accepts(&message[..len]);
    }
}

#[test]
fn letters_must_come_back_as_they_were_sent() {
    use dns::resolve::{Moment, Request, Step, World};
    let mut net = usual_with(|settings| {
        settings.mode = dns::resolve::Mode::Forward(vec!["10.0.0.1:53".parse().unwrap()])
    });
    let mut request = Request::new(name("abcdefghijklmnop.test"), RecordType::A, net.now);
    let mut chance = || 0x5555_5555_5555_5555;
    let mut world = World { own: &net.own, chance: &mut chance };
    let at = Moment { now: net.now, date: net.date };
    let Step::Ask(ask) = request.step(&mut net.engine, at, &mut world) else { panic!() };
    let mut message = ask.message.clone();
    message[2] |= 0x80;
    assert_eq!(&message[13..29], b"AbCdEfGhIjKlMnOp");
    assert!(ask.check.accepts(&message));
    message[13] ^= 0x20;
    assert!(!ask.check.accepts(&message));
}

/// Test 57.
#[test]
fn what_was_not_asked_for_is_not_believed() {
    let mut net = usual();
    net.script = Box::new(|sent| match sent.name == name("mail.plain.test") {
        true => Fate::Bytes(craft(
            sent,
            Flags::AA,
            [
                "mail.plain.test. A 192.0.2.26\nwww.plain.test. A 6.6.6.6",
                "test. NS evil.test.\nsigned.test. NS evil.test.\nplain.test. NS evil.test.",
                "evil.test. A 6.6.6.6\nns.signed.test. A 6.6.6.6\nns.plain.test. A 6.6.6.6",
            ],
        )),
        false => Fate::Answer,
    });
    assert_eq!(net.ask("mail.plain.test", "A").records(), [RData::a([192, 0, 2, 26].into())]);
    net.script = Box::new(|sent| {
        assert_ne!(sent.server.ip().to_string(), "6.6.6.6");
        Fate::Answer
    });
    assert_eq!(net.ask("www.plain.test", "A").answer, Answer::NxDomain);
    assert_eq!(net.ask("ns.plain.test", "A").records(), [RData::a([10, 0, 0, 5].into())]);
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Secure);
    assert_eq!(net.ask("evil.test", "A").answer, Answer::NxDomain);
}

#[test]
fn referrals_upwards_sideways_and_to_this_machine_lead_nowhere() {
    for (authority, additional) in [
        ("test. NS evil.test.", "evil.test. A 6.6.6.6"),
        (". NS evil.test.", "evil.test. A 6.6.6.6"),
        ("signed.test. NS evil.test.", "evil.test. A 6.6.6.6"),
        ("plain.test. NS evil.test.", "evil.test. A 6.6.6.6"),
        (
            "mail.plain.test. NS ns.mail.plain.test.",
            "ns.mail.plain.test. A 127.0.0.1\nns.mail.plain.test. AAAA ::1",
        ),
        (
            "mail.plain.test. NS ns.mail.plain.test.",
            "ns.mail.plain.test. A 0.0.0.0\nns.mail.plain.test. AAAA ff02::1",
        ),
    ] {
        let mut net = usual();
        net.script = Box::new(move |sent| {
            assert!(sent.server.ip().to_string().starts_with("10.0.0."), "{sent:?}");
            match sent.server.ip().to_string() == "10.0.0.5" {
                true => Fate::Bytes(craft(sent, Flags::default(), ["", authority, additional])),
                false => Fate::Answer,
            }
        });
        assert_eq!(net.ask("mail.plain.test", "A").answer, Answer::Failed, "{authority}");
        assert!(net.sent.len() < 20);
    }
}

/// Test 58.
#[test]
fn a_referral_to_a_thousand_servers_costs_five_look_ups() {
    let mut net = usual();
    let servers: String = (0..1000).map(|n| format!("mail.plain.test. NS n{n}.plain{n}.test.\n")).collect();
    net.script = Box::new(move |sent| match sent.server.ip().to_string() == "10.0.0.5" {
        true => Fate::Bytes(craft(sent, Flags::default(), ["", &servers, ""])),
        false => Fate::Answer,
    });
    let outcome = net.ask("mail.plain.test", "A");
    assert_eq!((outcome.answer, outcome.error.unwrap().code), (Answer::Failed, 22));
    let looked: std::collections::BTreeSet<_> = net
        .asked()
        .iter()
        .filter(|l| l.starts_with("10.0.0.2 plain"))
        .filter_map(|l| l.split(' ').nth(1).map(str::to_owned))
        .collect();
    // The delegation itself, and five others.
    assert!(looked.len() <= 6, "{looked:?}");
    assert!(net.sent.len() < 40, "{}", net.sent.len());
}

/// Servers that refer to others for ever, each look-up leading to the next: all of it shares one quota.
#[test]
fn delegations_without_end_come_to_an_end() {
    let mut net = usual();
    let mut count = 0;
    net.script = Box::new(move |sent| match sent.server.ip().to_string() == "10.0.0.5" {
        true => {
            count += 1;
            let servers: String =
                (0..16).map(|n| format!("{} NS n{n}.x{count}.plain.test.\n", sent.name)).collect();
            Fate::Bytes(craft(sent, Flags::default(), ["", &servers, ""]))
        }
        false => Fate::Answer,
    });
    assert_eq!(net.ask("mail.plain.test", "A").answer, Answer::Failed);
    assert!(net.sent.len() <= 150, "{}", net.sent.len());
    let mut net = usual();
    // A referral one label deeper each time.
    net.script = Box::new(move |sent| match sent.server.ip().to_string() == "10.0.0.5" {
        true => {
            let text = format!("{0} NS ns.plain.test.", sent.name);
            Fate::Bytes(craft(sent, Flags::default(), ["", &text, "ns.plain.test. A 10.0.0.5"]))
        }
        false => Fate::Answer,
    });
    let deep = format!("{}plain.test", "a.".repeat(110));
    assert_eq!(net.ask(&deep, "A").answer, Answer::Failed);
    assert!(net.sent.len() <= 150, "{}", net.sent.len());
}

/// Keys that all have the same tag: their 16-bit words in another order.
fn colliding(count: usize) -> Vec<DnsKey> {
    let mut words: Vec<[u8; 2]> = (0..16u8).map(|n| [n, 255 - n]).collect();
    let key = |words: &[[u8; 2]]| DnsKey::new(Role::Csk, Algorithm::ECDSAP256SHA256, words.concat());
    let mut keys = vec![key(&words)];
    for n in 1..count {
        let (a, b) = (n % 16, (n / 16 + n) % 16);
        words.swap(a, b);
        keys.push(key(&words));
    }
    keys
}

fn rdata(rtype: RecordType, wire: &[u8]) -> RData {
    RData::from_wire(rtype, wire).unwrap()
}

fn junk_signature(owner: &Name, covered: RecordType, zone: &Name, tag: u16, number: usize) -> RData {
    Rrsig {
        covered,
        algorithm: Algorithm::ECDSAP256SHA256,
        labels: u8::try_from(owner.label_count()).unwrap(),
        original_ttl_seconds: 300,
        expiration: (DATE + 86_400).wire(),
        inception: DATE.wire(),
        key_tag: tag,
        signer: zone.clone(),
        signature: number.to_be_bytes().repeat(8),
    }
    .to_rdata()
}

/// Test 59: KeyTrap (CVE-2023-50387).
#[test]
fn colliding_keys_and_many_signatures_cost_little() {
    let keys = colliding(300);
    let tag = keys[0].key_tag();
    assert!(keys.iter().all(|key| key.key_tag() == tag));
    let zone = name("trap.test");
    let ds = dns::dnssec::Ds::of(&zone, &keys[299], dns::dnssec::DigestType::SHA256).unwrap();
    let test = format!("@ NS ns\nns A 10.0.0.2\ntrap NS ns.trap\nns.trap A 10.0.0.3\ntrap DS {ds}");
    let mut net = Net::new(&[
        (
            "10.0.0.1",
            ".",
            "@ NS a\na. A 10.0.0.1\n; DS test.\ntest NS ns.test\nns.test A 10.0.0.2",
            Some(Denial::Nsec),
        ),
        ("10.0.0.2", "test.", &test, Some(Denial::Nsec)),
    ]);
    net.script = Box::new(move |sent| {
        if sent.server.ip().to_string() != "10.0.0.3" {
            return Fate::Answer;
        }
        if !sent.tcp {
            return Fate::Bytes(craft(sent, Flags::AA.with(Flags::TC), ["", "", ""]));
        }
        let mut all = Vec::new();
        let mut add = |data: RData| {
            all.push((Section::Answer, Record::new(sent.name.clone(), Ttl::from_wire(300), data)));
        };
        match sent.rtype {
            RecordType::DNSKEY => keys.iter().for_each(|key| add(rdata(RecordType::DNSKEY, &key.to_wire()))),
            _ => add(RData::a([6, 6, 6, 6].into())),
        }
        (0..300).for_each(|n| add(junk_signature(&sent.name, sent.rtype, &zone, tag, n)));
        Fate::Bytes(craft_records(sent, Flags::AA, &all))
    });
    let before = verified();
    let outcome = net.ask("www.trap.test", "A");
    let request = net.last.as_ref().unwrap();
    assert_eq!((outcome.verdict, outcome.answer), (Verdict::Bogus, Answer::Failed));
    // One takes a tenth of a millisecond: far below the 50 ms that the list allows. Of the trap itself no more than one
    // response's share, of all that leads to it what it takes anywhere.
    let count = verified() - before;
    assert_eq!(count, request.verifies(), "what is counted is what is done");
    assert!(count <= 40, "{count} signatures were verified");
    assert!(request.hashes() <= 8, "{} hashes", request.hashes());
    // Asked again, what was found is remembered; and others are served.
    let before = verified();
    assert_eq!(net.ask("www.trap.test", "A").verdict, Verdict::Bogus);
    assert_eq!(verified(), before);
    assert_eq!(net.ask("ns.test", "A").verdict, Verdict::Secure);
    assert!(verified() - before <= 4);
}

/// A request that was worn out leaves no verdict on the zones that it came to at last.
#[test]
fn work_for_one_zone_is_not_held_against_another() {
    // So little that each step uses it up.
    let mut net = usual_with(|settings| settings.limits.verifies_max = 17);
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.answer), (Verdict::Indeterminate, Answer::Failed));
    // What was learned stays, so that the next request comes further, and none finds a wrong verdict.
    let mut last = Verdict::Indeterminate;
    for _ in 0..10 {
        net.pass(std::time::Duration::from_secs(6));
        last = net.ask("mail.signed.test", "A").verdict;
        assert!(matches!(last, Verdict::Indeterminate | Verdict::Secure), "{last}");
    }
    assert_eq!(last, Verdict::Secure);
}

/// Records of a zone signed as it would itself.
fn signed_by(zone_key: &DnsKey, zone: &Name, owner: &Name, data: RData) -> [Record; 2] {
    use dns::dnssec::sign::Sign;
    let set = dns::RRset::new(Ttl::from_wire(300), data.clone());
    let mut signature = Rrsig {
        covered: data.rtype(),
        algorithm: zone_key.algorithm(),
        labels: u8::try_from(owner.label_count()).unwrap(),
        original_ttl_seconds: 300,
        expiration: (DATE + 86_400).wire(),
        inception: DATE.wire(),
        key_tag: zone_key.key_tag(),
        signer: zone.clone(),
        signature: Vec::new(),
    };
    let bytes = signature.signed_bytes(owner, &set);
    let id = (1..100).map(dns::roll::KeyId).find(|id| {
        let made = crate::world::Toy.sign(*id, b"").unwrap();
        let by_key = <sha2::Sha256 as sha2::Digest>::digest(zone_key.public_key());
        made[..] == by_key[..]
    });
    signature.signature = crate::world::Toy.sign(id.unwrap(), &bytes).unwrap();
    let ttl = Ttl::from_wire(300);
    [Record::new(owner.clone(), ttl, data), Record::new(owner.clone(), ttl, signature.to_rdata())]
}

fn key_of(net: &Net, zone: &str, server: &str) -> DnsKey {
    let sent = crate::world::Sent {
        server: format!("{server}:53").parse().unwrap(),
        tcp: true,
        name: name(zone),
        rtype: RecordType::DNSKEY,
        bytes: crate::plain::query(zone, "DNSKEY"),
    };
    let answer = net.answer_of(&sent).unwrap();
    let keys = records(&answer).into_iter().filter(|(_, r)| r.rtype() == RecordType::DNSKEY);
    keys.map(|(_, r)| DnsKey::from_wire(r.data.as_wire()).unwrap()).next().unwrap()
}

fn nsec3(hash: &[u8; 20], next: &[u8; 20], iterations: u16, flags: u8) -> RData {
    let [high, low] = iterations.to_be_bytes();
    let mut wire = vec![1, flags, high, low, 0, 20];
    wire.extend(next);
    // MX alone.
    wire.extend([0, 2, 0, 1]);
    let _ = hash;
    rdata(RecordType::NSEC3, &wire)
}

/// Test 60.
#[test]
fn iterations_of_nsec3_are_followed_only_so_far() {
    for (iterations, verdict, code) in [
        (0, Verdict::Secure, None),
        (100, Verdict::Secure, None),
        (101, Verdict::Insecure, None),
        (2500, Verdict::Bogus, Some(27)),
    ] {
        let mut net = usual();
        let (zone, key) = (name("three.test"), key_of(&net, "three.test", "10.0.0.4"));
        let asked = name("mail.three.test");
        net.script = Box::new(move |sent| {
            if sent.name != asked || sent.rtype != RecordType::TXT {
                return Fate::Answer;
            }
            let hash = dns::dnssec::denial::nsec3_hash(&asked, iterations, &[]);
            let owner = zone.prepend(&dns::nsec3::label(&hash)).unwrap();
            let proof = signed_by(&key, &zone, &owner, nsec3(&hash, &[9; 20], iterations, 0));
            let all: Vec<_> = proof.into_iter().map(|record| (Section::Authority, record)).collect();
            Fate::Bytes(craft_records(sent, Flags::AA, &all))
        });
        let outcome = net.ask("mail.three.test", "TXT");
        assert_eq!((outcome.verdict, outcome.error.map(|e| e.code)), (verdict, code), "{iterations}");
    }
}

/// CVE-2023-50868: a name of many labels below records that are hashed often.
#[test]
fn hashes_are_counted() {
    let mut net = usual();
    let (zone, key) = (name("three.test"), key_of(&net, "three.test", "10.0.0.4"));
    let deep = name(&format!("{}three.test", "a.".repeat(100)));
    let asked = deep.clone();
    net.script = Box::new(move |sent| {
        if sent.name != asked {
            return Fate::Answer;
        }
        let owner = zone.prepend(&dns::nsec3::label(&[1; 20])).unwrap();
        let proof = signed_by(&key, &zone, &owner, nsec3(&[1; 20], &[9; 20], 100, 0));
        let all: Vec<_> = proof.into_iter().map(|record| (Section::Authority, record)).collect();
        Fate::Bytes(craft_records(sent, Flags::AA.with_rcode(dns::Rcode::NXDOMAIN), &all))
    });
    let outcome = net.ask(&deep.to_string(), "A");
    assert_eq!(outcome.verdict, Verdict::Bogus);
    // Eight for each of the few responses that said so.
    let request = net.last.as_ref().unwrap();
    assert!(request.hashes() <= 8 * request.questions(), "{} hashes", request.hashes());
    assert!((8..=64).contains(&request.hashes()), "{} hashes", request.hashes());
    assert!(outcome.error.unwrap().text.contains("too many hashes"));
}

/// Test 61: RUSTSEC-2026-0118, RUSTSEC-2026-0120.
#[test]
fn the_proof_of_another_zone_proves_nothing() {
    let mut net = usual();
    let other = net.servers[&"10.0.0.7".parse().unwrap()].clone();
    net.script = Box::new(move |sent| {
        if sent.name != name("nothing.three.test") {
            return Fate::Answer;
        }
        let mut asked = sent.clone();
        asked.bytes = crate::plain::query("nothing.opt.test", "A");
        let answer = reply(&other, &asked).unwrap();
        let flags = Header::read(&answer).unwrap().flags;
        Fate::Bytes(craft_records(sent, flags, &records(&answer)))
    });
    assert_eq!(net.ask("nothing.three.test", "A").verdict, Verdict::Bogus);
    // Signed by the right zone, but standing in another: as in a zone that holds both.
    let mut net = usual();
    let (zone, key) = (name("three.test"), key_of(&net, "three.test", "10.0.0.4"));
    net.script = Box::new(move |sent| {
        if sent.name != name("nothing.three.test") {
            return Fate::Answer;
        }
        let owner = name("sub.three.test").prepend(&dns::nsec3::label(&[1; 20])).unwrap();
        let proof = signed_by(&key, &zone, &owner, nsec3(&[1; 20], &[1; 20], 0, 1));
        let all: Vec<_> = proof.into_iter().map(|record| (Section::Authority, record)).collect();
        Fate::Bytes(craft_records(sent, Flags::AA.with_rcode(dns::Rcode::NXDOMAIN), &all))
    });
    assert_eq!(net.ask("nothing.three.test", "A").verdict, Verdict::Bogus);
}

/// Test 62.
#[test]
fn what_every_server_cuts_short_is_fetched_by_tcp() {
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
    net.script = Box::new(|sent| match sent.tcp {
        true => Fate::Answer,
        false => Fate::Bytes(craft(sent, Flags::AA.with(Flags::TC), ["", "", ""])),
    });
    assert_eq!(net.ask("www.two", "A").verdict, Verdict::Secure);
    assert!(
        net.sent.iter().filter(|sent| !sent.tcp).count() == net.sent.iter().filter(|sent| sent.tcp).count()
    );
}

#[test]
fn servers_that_know_no_edns_are_asked_without() {
    let mut net = usual();
    net.script = Box::new(|sent| {
        let has_opt = Header::read(&sent.bytes).unwrap().counts[3] > 0;
        match sent.server.ip().to_string() == "10.0.0.5" && has_opt {
            true => Fate::Bytes(craft(sent, Flags::default().with_rcode(dns::Rcode::FORMERR), ["", "", ""])),
            false => Fate::Answer,
        }
    });
    assert_eq!(net.ask("mail.plain.test", "A").verdict, Verdict::Insecure);
}

#[test]
fn answers_that_are_none_lead_to_the_next_server_or_to_an_end() {
    for bytes in [&b""[..], b"\x00", b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
        let mut net = usual();
        let tail = bytes.to_vec();
        net.script = Box::new(move |sent| match sent.server.ip().to_string() == "10.0.0.5" {
            true => {
                // The header promises records that do not come, or that are none.
                let mut message = craft(sent, Flags::AA, ["", "", ""]);
                message[7] = 3;
                message.extend(&tail);
                Fate::Bytes(message)
            }
            false => Fate::Answer,
        });
        assert_eq!(net.ask("mail.plain.test", "A").answer, Answer::Failed);
    }
}

/// How one answer is changed on its way.
#[derive(Debug, Clone)]
enum Change {
    Flip(usize, u8),
    Cut(usize),
    Drop(usize),
    Double(usize),
    Move(usize),
}

fn changes() -> impl proptest::strategy::Strategy<Value = Vec<(u8, Change)>> {
    use proptest::prelude::*;
    let change = prop_oneof![
        (12..400usize, 1..=255u8).prop_map(|(at, bits)| Change::Flip(at, bits)),
        (12..400usize).prop_map(Change::Cut),
        (0..8usize).prop_map(Change::Drop),
        (0..8usize).prop_map(Change::Double),
        (0..8usize).prop_map(Change::Move),
    ];
    proptest::collection::vec((0..24u8, change), 1..4)
}

fn changed(sent: &crate::world::Sent, answer: &[u8], change: &Change) -> Vec<u8> {
    let question_end = 12 + sent.name.as_wire().len() + 4;
    let mut bytes = answer.to_vec();
    let Some(mut all) = crate::world::readable(answer) else { return bytes };
    let at = |n: &usize| *n % all.len().max(1);
    match change {
        Change::Flip(at, bits) => {
            let at = question_end + at % (bytes.len() - question_end).max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bits;
            }
            return bytes;
        }
        Change::Cut(at) => {
            bytes.truncate((question_end + at).min(answer.len()));
            return bytes;
        }
        _ if all.is_empty() => return bytes,
        Change::Drop(n) => drop(all.remove(at(n))),
        Change::Double(n) => all.push(all[at(n)].clone()),
        Change::Move(n) => {
            let n = at(n);
            all[n].0 = if all[n].0 == Section::Answer { Section::Authority } else { Section::Answer };
        }
    }
    craft_records(sent, Header::read(answer).unwrap().flags, &all)
}

/// A TTL that was changed on its way is not told on: the signature says how long it may be (RFC 4035 §5.3.3).
#[test]
fn nothing_holds_longer_than_its_owner_signed() {
    let mut net = usual();
    let servers = net.servers.clone();
    net.script = Box::new(move |sent| {
        let mut answer = reply(&servers[&sent.server.ip()], sent).unwrap();
        let mut all = records(&answer);
        all.iter_mut().for_each(|(_, record)| record.ttl = Ttl::MAX);
        let flags = Header::read(&answer).unwrap().flags;
        answer = craft_records(sent, flags, &all);
        Fate::Bytes(answer)
    });
    let outcome = net.ask("mail.signed.test", "A");
    let Answer::Records(set) = &outcome.answer else { panic!("{outcome:?}") };
    assert_eq!(outcome.verdict, Verdict::Secure);
    assert!(set.ttl.seconds() <= 3600 && outcome.ttl.seconds() <= 3600, "{outcome:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]

    /// Whatever becomes of answers on their way: what is called secure is what the zone says, and there is an end.
    #[test]
    fn what_is_secure_is_true(changes in changes(), which in 0..6usize) {
        let (name, rtype) = [
            ("mail.signed.test", "A"), ("nothing.signed.test", "A"), ("x.wild.signed.test", "A"),
            ("mail.three.test", "TXT"), ("nothing.three.test", "A"), ("x.y.wild.three.test", "A"),
        ][which];
        let truth = usual().ask(name, rtype);
        let mut net = usual();
        let servers = net.servers.clone();
        let mut count = 0u8;
        net.script = Box::new(move |sent| {
            let Some(zones) = servers.get(&sent.server.ip()) else { return Fate::Unreachable };
            let mut answer = reply(zones, sent).unwrap();
            for (at, change) in &changes {
                if *at == count {
                    answer = changed(sent, &answer, change);
                }
            }
            count = count.saturating_add(1);
            // What does not look like the answer is passed over, and another does not come.
            match answer.get(..2) == sent.bytes.get(..2) && answer.get(12..12 + sent.name.as_wire().len() + 4).is_some() {
                true => Fate::Bytes(answer),
                false => Fate::Silence(1),
            }
        });
        let outcome = net.ask(name, rtype);
        proptest::prop_assert!(net.sent.len() <= 150);
        if outcome.verdict == Verdict::Secure {
            proptest::prop_assert_eq!(outcome.records(), truth.records());
            proptest::prop_assert_eq!(outcome.answer == Answer::NxDomain, truth.answer == Answer::NxDomain);
            // Whatever TTL came, nothing holds longer than its owner signed.
            proptest::prop_assert!(outcome.ttl.seconds() <= 3600);
            if let Answer::Records(set) = &outcome.answer {
                proptest::prop_assert!(set.ttl <= outcome.ttl, "{:?}", outcome);
            }
        } else {
            proptest::prop_assert!(outcome.is_failure() || outcome.verdict != Verdict::Bogus);
            proptest::prop_assert_ne!(outcome.verdict, Verdict::Insecure, "{:?}", outcome);
        }
    }
}
