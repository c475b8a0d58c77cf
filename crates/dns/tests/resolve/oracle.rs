//! Every answer of a signed zone is proven: each message as it stands convinces the resolver of every step in it.

use dns::dnssec::Denial;
use dns::resolve::{Anchor, Answer, Mode, Outcome, Verdict};
use dns::{
    Catalogue, CompiledZone, Context, Header, Name, RData, Record, RecordType, Section, Transport, ZoneData,
    answer,
};
use proptest::prelude::*;

use crate::world::{DATE, Fate, Net, Sent, craft_records, records, signed};
use crate::zones::{name, signable, zone};

/// A resolver that trusts the key of `zone` and forwards all questions to the servers of `zones`.
fn resolver(zone: &Name, data: &ZoneData, denial: Denial) -> (Net, Catalogue) {
    let (data, ds) = signed(data, denial, DATE);
    let zones = Catalogue::new().with_zone(CompiledZone::new(&data).unwrap());
    let net = Net::with(&[], |settings| {
        settings.mode = Mode::Forward(vec!["10.1.0.1:53".parse().unwrap()]);
        settings.anchors = vec![Anchor { zone: zone.clone(), ds }];
        settings.limits.aliases_max = 20;
    });
    (net, zones)
}

/// What the zone answers, over a stream.
fn told(zones: &Catalogue, name: &Name, rtype: RecordType) -> (Header, Vec<(Section, Record)>) {
    let query = crate::plain::query(&name.to_string(), &rtype.to_string());
    let mut out = vec![0; 65_535];
    let dns::Outcome::Reply(reply) = answer(&query, &Context::new(Transport::Tcp), zones, &mut out) else {
        panic!("no answer to {name} {rtype}");
    };
    let message = &out[..reply.len];
    (Header::read(message).unwrap(), records(message))
}

/// The delegation that the message ends with, and everything it says of it.
fn referral(all: &[(Section, Record)]) -> Option<Name> {
    let ns = |(section, record): &&(Section, Record)| {
        *section == Section::Authority && record.rtype() == RecordType::NS
    };
    all.iter().find(ns).map(|(_, record)| record.owner.clone())
}

/// The message as the answer to what `sent` asks: a step on the way, or the DS of the delegation at its end.
fn replay(sent: &Sent, header: Header, all: &[(Section, Record)]) -> Vec<u8> {
    if sent.rtype != RecordType::DS {
        return craft_records(sent, header.flags, all);
    }
    let is_ds = |record: &Record| {
        let covered = &record.data.as_wire()[..2];
        record.rtype() == RecordType::DS
            || (record.rtype() == RecordType::RRSIG && covered == RecordType::DS.0.to_be_bytes())
    };
    let moved = all.iter().filter(|(section, _)| *section == Section::Authority).map(|(_, record)| {
        (if is_ds(record) { Section::Answer } else { Section::Authority }, record.clone())
    });
    let kept = moved.filter(|(_, record)| record.rtype() != RecordType::NS);
    craft_records(sent, dns::Flags::AA, &kept.collect::<Vec<_>>())
}

/// Asks with nothing known but `all`, the keys of the zone aside.
fn ask(
    fresh: impl Fn() -> (Net, Catalogue),
    (name, rtype): (&Name, RecordType),
    (header, all): (Header, Vec<(Section, Record)>),
) -> Outcome {
    let (mut net, zones) = fresh();
    let cut = referral(&all);
    net.script = Box::new(move |sent| {
        let beyond =
            cut.as_ref().is_some_and(|cut| sent.name.is_at_or_below(cut) && sent.rtype != RecordType::DS);
        match sent.rtype {
            RecordType::DNSKEY => {
                let (header, all) = told(&zones, &sent.name, sent.rtype);
                Fate::Bytes(craft_records(sent, header.flags, &all))
            }
            _ if beyond => Fate::Unreachable,
            _ => Fate::Bytes(replay(sent, header, &all)),
        }
    });
    net.ask(&name.to_string(), &rtype.to_string())
}

/// Whether the chain of aliases comes back to where it was, or is longer than an answer shows.
fn is_endless(all: &[(Section, Record)]) -> bool {
    let target = |name: &Name| -> Option<Name> {
        let of = |rtype| {
            move |(section, record): &&(Section, Record)| {
                *section == Section::Answer && record.rtype() == rtype && record.owner == *name
            }
        };
        all.iter().find(of(RecordType::CNAME)).and_then(|(_, record)| record.data.target())
    };
    all.iter().filter(|(section, _)| *section == Section::Answer).any(|(_, record)| {
        let mut at = record.owner.clone();
        let steps = (0..40).take_while(|_| target(&at).map(|next| at = next).is_some()).count();
        steps > 16
    })
}

fn check(data: &ZoneData, denial: Denial, name: &Name, rtype: RecordType) -> Result<(), TestCaseError> {
    let apex = data.apex().clone();
    let fresh = || resolver(&apex, data, denial);
    let (_, zones) = fresh();
    let (header, all) = told(&zones, name, rtype);
    for (section, record) in &all {
        let rtype = record.rtype();
        let is_proof = matches!(rtype, RecordType::NSEC | RecordType::NSEC3 | RecordType::SOA);
        prop_assert!(!is_proof || *section == Section::Authority || record.owner == *name, "{}", record);
    }
    let mut weakest = match denial {
        Denial::Nsec3OptOut => Verdict::Insecure,
        _ => Verdict::Secure,
    };
    let cut = referral(&all);
    if cut.is_some() || is_endless(&all) {
        weakest = Verdict::Indeterminate;
    }
    let outcome = ask(fresh, (name, rtype), (header, all.clone()));
    let shown = || {
        let lines: Vec<String> =
            all.iter().map(|(section, record)| format!("{section:?} {record}")).collect();
        format!("{denial:?} {name} {rtype}\n{outcome:?}\n{}\n{data:?}", lines.join("\n"))
    };
    prop_assert!(outcome.verdict <= weakest, "{}", shown());
    if weakest == Verdict::Secure {
        prop_assert!(outcome.answer != Answer::Failed, "{}", shown());
    }
    if let Some(cut) = cut {
        let of_cut = ask(fresh, (&cut, RecordType::DS), (header, all.clone()));
        let may = if denial == Denial::Nsec3OptOut { Verdict::Insecure } else { Verdict::Secure };
        prop_assert!(of_cut.verdict <= may, "{:?} of {}", of_cut, shown());
    }
    Ok(())
}

const DENIALS: [Denial; 3] = [Denial::Nsec, Denial::Nsec3, Denial::Nsec3OptOut];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_of_a_signed_zone_is_proven(
        zone in zone(), names in proptest::collection::vec(name(), 6), denial in 0..3usize,
    ) {
        let types = ["A", "TXT", "CNAME", "NS", "MX", "DNAME", "DS", "SOA"];
        let zone = signable(&zone);
        for (at, name) in names.iter().enumerate() {
            for rtype in [types[(at + denial) % types.len()], "A"] {
                check(&zone, DENIALS[denial], name, rtype.parse().unwrap())?;
            }
        }
    }
}

/// The same for a zone made to have each kind of chain.
#[test]
fn every_kind_of_chain_is_proven() {
    let text = "@ NS a\na A 192.0.2.1\na TXT x\nc CNAME a\n*.cn CNAME a\n*.w1 CNAME x.w2\n*.w2 CNAME y.z.w3\n*.w3 A 192.0.2.3\n\
        *.nd CNAME a\n*.nx CNAME no.thing\n*.in CNAME x.sub\nsub NS ns.sub\nns.sub A 192.0.2.4\n*.sec CNAME x.ssub\n\
        ssub NS a\nssub DS 1 13 9 00\nd DNAME w1\ne DNAME d\n*.m CNAME mx\nmx MX 1 a\n*.any A 192.0.2.5\n";
    let zone = crate::world::zone("zone.", text);
    for denial in DENIALS {
        for name in [
            "c", "q.cn", "p.q.cn", "q.w1", "q.w2", "q.nd", "q.nx", "q.in", "q.sec", "q.d", "q.e", "q.m",
            "q.any", "no", "x.sub", "x.ssub", "d", "w1", "cn", "*.cn", "*.w1",
        ] {
            for rtype in ["A", "MX", "TXT", "AAAA", "CNAME", "DS"] {
                let name: Name = format!("{name}.zone.").parse().unwrap();
                check(&zone, denial, &name, rtype.parse().unwrap()).unwrap_or_else(|e| panic!("{e}"));
            }
        }
    }
}

#[test]
fn a_record_without_its_proof_is_not_believed() {
    let zone = crate::world::zone("zone.", "@ NS a\na A 192.0.2.1\n*.cn CNAME a\n");
    let name: Name = "q.cn.zone.".parse().unwrap();
    for denial in [Denial::Nsec, Denial::Nsec3] {
        let fresh = || resolver(zone.apex(), &zone, denial);
        let (header, mut all) = told(&fresh().1, &name, RecordType::A);
        let outcome = ask(fresh, (&name, RecordType::A), (header, all.clone()));
        assert_eq!(
            (outcome.verdict, outcome.records()),
            (Verdict::Secure, &[RData::a([192, 0, 2, 1].into())][..])
        );
        all.retain(|(section, _)| *section != Section::Authority);
        assert_eq!(ask(fresh, (&name, RecordType::A), (header, all)).verdict, Verdict::Bogus);
    }
}
