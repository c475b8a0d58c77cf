//! Through a forwarder, which is believed no more than anyone else.

use dns::resolve::{Answer, Verdict};
use dns::{Catalogue, Flags, Header, RecordType};

use crate::world::{Fate, Net, craft_records, forwarding, records, reply};

/// A server that searches: it answers from the zone that knows.
fn searching(net: &mut Net) {
    let servers: Vec<Catalogue> = net.servers.values().cloned().collect();
    let all = servers.iter().flat_map(|zones| zones.iter().cloned().collect::<Vec<_>>());
    let all = all.fold(Catalogue::new(), |all, zone| all.with(zone));
    net.script = Box::new(move |sent| {
        assert!(Header::read(&sent.bytes).unwrap().flags.has(Flags::RD.with(Flags::CD)));
        let answer = reply(&all, sent).unwrap();
        // It says that all of it is authentic, which counts for nothing.
        let flags = Flags::RA.with(Flags::AD).with_rcode(Header::read(&answer).unwrap().flags.rcode());
        Fate::Bytes(craft_records(sent, flags, &records(&answer)))
    });
}

#[test]
fn verdicts_are_the_same_as_from_the_root() {
    let mut net = forwarding();
    searching(&mut net);
    for (name, rtype, verdict) in [
        ("mail.signed.test", "A", Verdict::Secure),
        ("_25._tcp.mail.signed.test", "TLSA", Verdict::Secure),
        ("nothing.signed.test", "A", Verdict::Secure),
        ("mail.three.test", "AAAA", Verdict::Secure),
        ("out.signed.test", "A", Verdict::Insecure),
        ("mail.plain.test", "A", Verdict::Insecure),
        ("a.b.nothing.plain.test", "A", Verdict::Insecure),
        ("mail.wrong.test", "A", Verdict::Bogus),
    ] {
        let outcome = net.ask(name, rtype);
        assert_eq!(outcome.verdict, verdict, "{name} {rtype} {:?}", outcome.error);
    }
}

#[test]
fn a_forwarder_that_lies_or_is_mute_is_found_out() {
    let mut net = forwarding();
    net.script = Box::new(|sent| {
        Fate::Bytes(crate::world::craft(
            sent,
            Flags::RA.with(Flags::AD),
            [if sent.rtype == RecordType::A { "mail.signed.test. A 6.6.6.6" } else { "" }, "", ""],
        ))
    });
    let outcome = net.ask("mail.signed.test", "A");
    assert_eq!((outcome.verdict, outcome.answer), (Verdict::Bogus, Answer::Failed));
    let mut net = forwarding();
    net.script = Box::new(|_| Fate::Silence(0));
    assert_eq!(net.ask("mail.signed.test", "A").verdict, Verdict::Indeterminate);
}
