//! What a client is shown: enough that one who validates behind ours comes to the same verdict.

use std::cell::RefCell;
use std::rc::Rc;

use dns::resolve::{Answer, Outcome, Verdict};
use dns::{Flags, Name, RData, Rcode, Record, RecordType, Section, Ttl};

use crate::verdicts::tamper;
use crate::world::{Fate, Net, craft_records, forwarding, usual, usual_with};

type Shared = Rc<RefCell<Net>>;

/// As a listener asks for a client that sets CD or not (RFC 6840 §5.9).
fn told(net: &mut Net, name: &str, rtype: &str, cd: bool) -> Outcome {
    let outcome = net.ask(name, rtype);
    if cd && outcome.is_failure() { net.ask_unvalidated(name, rtype) } else { outcome }
}

/// The records that a client is shown that sets DO.
pub fn message(outcome: &Outcome, asked: &Name) -> Vec<(Section, Record)> {
    let sections = outcome.sections(asked, true);
    let answer = sections.answer.into_iter().map(|record| (Section::Answer, record));
    answer.chain(sections.authority.into_iter().map(|record| (Section::Authority, record))).collect()
}

/// A resolver that knows the world only through another.
fn behind(front: &Shared, cd: bool) -> Net {
    let (mut net, front) = (forwarding(), front.clone());
    net.script = Box::new(move |sent| {
        let (name, rtype) = (sent.name.to_string(), sent.rtype.to_string());
        let outcome = told(&mut front.borrow_mut(), &name, &rtype, cd);
        let rcode = match outcome.answer {
            Answer::NxDomain => Rcode::NXDOMAIN,
            Answer::Failed => Rcode::SERVFAIL,
            _ => Rcode::NOERROR,
        };
        Fate::Bytes(craft_records(sent, Flags::RA.with_rcode(rcode), &message(&outcome, &sent.name)))
    });
    net
}

const CASES: [(&str, &str); 30] = [
    ("mail.signed.test", "A"),
    ("signed.test", "MX"),
    ("signed.test", "DNSKEY"),
    ("signed.test", "DS"),
    (".", "NS"),
    ("www.signed.test", "A"),
    ("www.signed.test", "CNAME"),
    ("mail.signed.test", "AAAA"),
    ("b.c.deep.signed.test", "A"),
    ("nothing.signed.test", "A"),
    ("x.wild.signed.test", "A"),
    ("x.y.wild.signed.test", "A"),
    ("x.wild.signed.test", "MX"),
    ("x.tree.signed.test", "A"),
    ("x.tree.signed.test", "CNAME"),
    ("weak.signed.test", "DS"),
    ("plain.test", "DS"),
    ("mail.three.test", "A"),
    ("mail.three.test", "AAAA"),
    ("x.nothing.three.test", "A"),
    ("x.y.wild.three.test", "A"),
    ("x.wild.three.test", "MX"),
    ("nothing.opt.test", "A"),
    ("mail.plain.test", "A"),
    ("nothing.plain.test", "A"),
    ("out.signed.test", "A"),
    ("into.plain.test", "A"),
    ("mail.strange.test", "A"),
    ("nothing", "A"),
    ("other", "DS"),
];

#[test]
fn whoever_validates_behind_ours_comes_to_the_same_verdict() {
    for cd in [false, true] {
        let front: Shared = Rc::new(RefCell::new(usual()));
        let mut net = behind(&front, cd);
        for (name, rtype) in CASES {
            // Twice: what is remembered is no less than what just came.
            for _ in 0..2 {
                let (theirs, ours) = (net.ask(name, rtype), front.borrow_mut().ask(name, rtype));
                let told = |outcome: &Outcome| (outcome.verdict, outcome.records().to_vec());
                assert_eq!(told(&theirs), told(&ours), "{name} {rtype}");
                let kind = |outcome: &Outcome| std::mem::discriminant(&outcome.answer);
                assert_eq!(kind(&theirs), kind(&ours), "{name} {rtype}");
                assert_ne!(ours.verdict, Verdict::Bogus, "{name} {rtype}");
                net = behind(&front, cd);
            }
        }
    }
}

#[test]
fn what_is_bogus_is_seen_as_such_only_by_those_who_set_cd() {
    for (name, rtype) in [("mail.wrong.test", "A"), ("wrong.test", "DNSKEY"), ("nothing.wrong.test", "A")] {
        let front: Shared = Rc::new(RefCell::new(usual()));
        let outcome = behind(&front, false).ask(name, rtype);
        assert_eq!((outcome.verdict, outcome.answer), (Verdict::Indeterminate, Answer::Failed), "{name}");
        let outcome = behind(&front, true).ask(name, rtype);
        assert_eq!((outcome.verdict, outcome.answer), (Verdict::Bogus, Answer::Failed), "{name}");
        let given = front.borrow_mut().ask_unvalidated(name, rtype);
        assert_eq!(given.verdict, Verdict::Bogus, "{name}");
        assert!(given.ttl <= Ttl::from_wire(60) && given.error.is_some(), "{given:?}");
        assert!(!given.is_failure() && !message(&given, &given.name).is_empty(), "{given:?}");
        assert_eq!(front.borrow().sent.len(), 0, "it is remembered with what was wrong");
    }
}

#[test]
fn what_no_server_said_rightly_is_given_out_as_it_came() {
    let mut net = usual();
    let forged = |to: [u8; 4]| {
        Record::new("mail.signed.test".parse().unwrap(), Ttl::from_wire(3600), RData::a(to.into()))
    };
    tamper(&mut net, "mail.signed.test", RecordType::A, move |all| all[0].1 = forged([6, 6, 6, 6]));
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, &outcome.answer), (Verdict::Bogus, &Answer::Failed));
    assert_eq!(message(&outcome, &outcome.name), [], "nothing of it is told to others");
    // An alias that is valid does not help what it leads to.
    let outcome = net.ask("www.signed.test", "A");
    assert_eq!((outcome.verdict, message(&outcome, &outcome.name).len()), (Verdict::Bogus, 0));
    let outcome = net.ask_unvalidated("www.signed.test", "A");
    assert_eq!(outcome.verdict, Verdict::Bogus);
    assert_eq!(outcome.records(), [RData::a([6, 6, 6, 6].into())]);
    // Without ever having been judged: nobody says anything of it, and no key is asked for.
    let mut net = usual();
    let outcome = net.ask_unvalidated("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.records().len()), (Verdict::Indeterminate, 1));
    assert!(net.sent.iter().all(|sent| sent.rtype != RecordType::DNSKEY), "{:?}", net.asked());
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Secure, "and it is judged when wanted");
}

#[test]
fn where_the_keys_cannot_be_had_those_who_set_cd_need_none() {
    let mut net = usual();
    net.script = Box::new(|sent| match sent.rtype {
        RecordType::DNSKEY => Fate::Silence(0),
        _ => Fate::Answer,
    });
    assert_eq!(told(&mut net, "mail.signed.test", "A", false).answer, Answer::Failed);
    let outcome = told(&mut net, "mail.signed.test", "A", true);
    assert_eq!((outcome.verdict, outcome.records().len()), (Verdict::Indeterminate, 1), "{outcome:?}");
    assert!(outcome.ttl <= Ttl::from_wire(60), "it is soon to be asked for again");
}

#[test]
fn only_what_was_found_right_is_shown_of_what_is_secure() {
    let mut net = usual();
    tamper(&mut net, "nothing.signed.test", RecordType::A, |all| {
        let of_soa = |r: &Record| r.rtype() == RecordType::RRSIG && r.data.as_wire()[..2] == [0, 6];
        all.retain(|(_, record)| !of_soa(record));
        let text = RData::from_wire(RecordType::NSEC, b"\x01x\x00\x00\x01\x40").unwrap();
        let owner: Name = "made-up.signed.test".parse().unwrap();
        all.push((Section::Authority, Record::new(owner, Ttl::from_wire(900), text)));
    });
    let outcome = net.ask("nothing.signed.test", "A");
    assert_eq!((outcome.verdict, &outcome.answer), (Verdict::Secure, &Answer::NxDomain));
    let shown = message(&outcome, &outcome.name);
    assert!(shown.iter().all(|(_, r)| r.rtype() != RecordType::SOA), "{shown:?}");
    assert!(shown.iter().all(|(_, r)| r.owner != "made-up.signed.test".parse().unwrap()), "{shown:?}");
    assert!(shown.iter().any(|(_, r)| r.rtype() == RecordType::NSEC), "{shown:?}");
}

#[test]
fn without_do_there_are_no_signatures() {
    let mut net = usual();
    for (name, rtype) in CASES {
        let outcome = net.ask(name, rtype);
        let shown = outcome.sections(&outcome.name, false);
        let all = || shown.answer.iter().chain(&shown.authority);
        let signs = [RecordType::RRSIG, RecordType::NSEC, RecordType::NSEC3];
        assert!(all().all(|record| !signs.contains(&record.rtype())), "{name} {rtype}: {shown:?}");
        assert_eq!(shown.answer.len(), outcome.aliases.len() + outcome.records().len());
        let is_denial = matches!(outcome.answer, Answer::NoData | Answer::NxDomain);
        assert!(is_denial || shown.authority.is_empty(), "{name} {rtype}");
        assert!(!is_denial || shown.authority.len() == 1, "{name} {rtype}: {shown:?}");
        assert!(all().all(|record| record.ttl == outcome.ttl), "{name} {rtype}");
    }
    // The name is written as the client wrote it.
    let asked: Name = "MAIL.signed.TEST".parse().unwrap();
    let outcome = net.ask("mail.signed.test", "A");
    for dnssec in [false, true] {
        let shown = outcome.sections(&asked, dnssec);
        assert!(shown.answer.iter().all(|r| r.owner.to_string() == "MAIL.signed.TEST."), "{shown:?}");
    }
}

/// A signature that is none, of so many bytes, for the address of `mail.signed.test`.
fn ballast(bytes: usize) -> Record {
    let head = [0, 1, 13, 3, 0, 0, 14, 16, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let wire = [&head[..], b"\x06signed\x04test\x00", &vec![7; bytes]].concat();
    let data = RData::from_wire(RecordType::RRSIG, &wire).unwrap();
    Record::new("mail.signed.test".parse().unwrap(), Ttl::from_wire(3600), data)
}

#[test]
fn signatures_and_proofs_count_as_memory() {
    const BALLAST_BYTES: usize = 20_000;
    let used = |bogus: bool, ballast_bytes: usize| {
        let mut net = usual();
        tamper(&mut net, "mail.signed.test", RecordType::A, move |all| {
            if bogus {
                all.retain(|(section, r)| *section != Section::Answer || r.rtype() != RecordType::RRSIG);
            }
            all.push((Section::Answer, ballast(ballast_bytes)));
        });
        let outcome = net.ask("mail.signed.test", "A");
        assert_eq!(outcome.verdict, if bogus { Verdict::Bogus } else { Verdict::Secure });
        net.engine.cached().0
    };
    for bogus in [false, true] {
        let more = used(bogus, BALLAST_BYTES) - used(bogus, 1);
        assert!((BALLAST_BYTES - 1..BALLAST_BYTES + 64).contains(&more), "{more}");
    }
    // What is bogus is forgotten like everything else where there is no room.
    const LIMIT_BYTES: usize = 100_000;
    let mut net = usual_with(|settings| settings.limits.cache_max_bytes = LIMIT_BYTES);
    tamper(&mut net, "mail.signed.test", RecordType::A, |all| {
        all.retain(|(_, record)| record.rtype() != RecordType::RRSIG);
        all.push((Section::Answer, ballast(BALLAST_BYTES)));
    });
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Bogus);
    assert!(net.engine.cached().0 > BALLAST_BYTES);
    for number in 0..200 {
        net.ask(&format!("x{number}.wild.signed.test"), "A");
        assert!(net.engine.cached().0 <= LIMIT_BYTES);
    }
    net.ask("mail.signed.test", "A");
    assert!(!net.sent.is_empty(), "it was forgotten");
}

#[test]
fn what_a_referral_says_of_a_ds_is_asked_for_again_before_it_is_told() {
    let mut net = usual();
    assert_eq!(net.ask("mail.plain.test", "A").verdict, Verdict::Insecure);
    assert!(net.sent.iter().all(|sent| sent.rtype != RecordType::DS), "{:?}", net.asked());
    for expected in [&["10.0.0.2 plain.test. DS"][..], &[]] {
        let outcome = net.ask("plain.test", "DS");
        assert_eq!((outcome.verdict, &outcome.answer), (Verdict::Secure, &Answer::NoData));
        assert_eq!(net.asked(), expected);
        let shown = outcome.sections(&outcome.name, true).authority;
        for rtype in [RecordType::SOA, RecordType::NSEC, RecordType::RRSIG] {
            assert!(shown.iter().any(|record| record.rtype() == rtype), "{rtype}: {shown:?}");
        }
    }
}
