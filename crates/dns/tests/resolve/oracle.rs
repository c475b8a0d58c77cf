//! Every answer of a signed zone is proven: each message as it stands convinces the resolver of every step in it.

use dns::dnssec::{Denial, Ds};
use dns::resolve::{Anchor, Answer, Mode, Outcome, Verdict};
use dns::{
    Catalogue, CompiledZone, Context, Header, Name, RData, Record, RecordType, Section, Transport, ZoneData,
    answer,
};
use proptest::prelude::*;

use crate::evidence::message;
use crate::world::{DATE, Fate, Net, Sent, craft_records, records, signed};
use crate::zones::{name, signable, zone};

/// A zone and the root above it, both signed.
struct Signed {
    zones: Catalogue,
    anchor: Ds,
}

impl Signed {
    fn new(data: &ZoneData, denial: Denial) -> Signed {
        let (data, ds) = signed(data, denial, DATE);
        let text = format!("@ NS a.root.\na.root. A 10.0.0.1\nzone. NS a.root.\nzone. DS {ds}");
        let (root, anchor) = signed(&crate::world::zone(".", &text), Denial::Nsec, DATE);
        let zones = [data, root]
            .iter()
            .fold(Catalogue::new(), |zones, data| zones.with_zone(CompiledZone::new(data).unwrap()));
        Signed { zones, anchor }
    }

    /// A resolver that knows nothing and forwards all questions.
    fn resolver(&self) -> Net {
        let anchor = Anchor { zone: Name::root(), ds: self.anchor.clone() };
        Net::with(&[], |settings| {
            settings.mode = Mode::Forward(vec!["10.1.0.1:53".parse().unwrap()]);
            settings.anchors = vec![anchor];
            settings.limits.aliases_max = 20;
        })
    }
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

/// What the message says of the delegation at its end, as the answer to a question for its DS.
fn of_ds(sent: &Sent, all: &[(Section, Record)]) -> Vec<u8> {
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

/// Asks where `all` is the answer to every question but those for keys and other delegations.
fn ask(
    signed: &Signed,
    (name, rtype): (&Name, RecordType),
    (header, all): (Header, Vec<(Section, Record)>),
) -> Outcome {
    let mut net = signed.resolver();
    let (zones, cut, asked) = (signed.zones.clone(), referral(&all), name.clone());
    net.script = Box::new(move |sent| {
        let is_of_cut = cut.as_ref() == Some(&sent.name);
        let beyond = cut.as_ref().is_some_and(|cut| sent.name.is_at_or_below(cut));
        match sent.rtype {
            RecordType::DS if is_of_cut => Fate::Bytes(of_ds(sent, &all)),
            _ if beyond => Fate::Unreachable,
            RecordType::DNSKEY | RecordType::DS if rtype != RecordType::DS || sent.name != asked => {
                let (header, all) = told(&zones, &sent.name, sent.rtype);
                Fate::Bytes(craft_records(sent, header.flags, &all))
            }
            _ => Fate::Bytes(craft_records(sent, header.flags, &all)),
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

fn check(
    signed: &Signed,
    (data, denial): (&ZoneData, Denial),
    (name, rtype): (&Name, RecordType),
) -> Result<(), TestCaseError> {
    let (header, all) = told(&signed.zones, name, rtype);
    for (section, record) in &all {
        let is_proof = matches!(record.rtype(), RecordType::NSEC | RecordType::NSEC3);
        prop_assert!(!is_proof || *section == Section::Authority, "{}", record);
    }
    let mut weakest = match denial {
        Denial::Nsec3OptOut => Verdict::Insecure,
        _ => Verdict::Secure,
    };
    let cut = referral(&all);
    if cut.is_some() || is_endless(&all) {
        weakest = Verdict::Indeterminate;
    }
    let outcome = ask(signed, (name, rtype), (header, all.clone()));
    let shown = || {
        let lines: Vec<String> =
            all.iter().map(|(section, record)| format!("{section:?} {record}")).collect();
        format!("{denial:?} {name} {rtype}\n{outcome:?}\n{}\n{data:?}", lines.join("\n"))
    };
    prop_assert!(outcome.verdict <= weakest, "{}", shown());
    if weakest == Verdict::Secure {
        prop_assert!(outcome.answer != Answer::Failed, "{}", shown());
    }
    if cut.is_none() && !outcome.is_failure() {
        // Whoever is told this with its proofs, and no more, believes as much of it.
        let again = ask(signed, (name, rtype), (header, message(&outcome, name)));
        let same = again.verdict == outcome.verdict && again.records() == outcome.records();
        prop_assert!(same && again.name == outcome.name, "{:?} from {}", again, shown());
    }
    if let Some(cut) = cut {
        let of_cut = ask(signed, (&cut, RecordType::DS), (header, all.clone()));
        let may = if denial == Denial::Nsec3OptOut { Verdict::Insecure } else { Verdict::Secure };
        prop_assert!(of_cut.verdict <= may, "{:?} of {}", of_cut, shown());
    }
    Ok(())
}

const DENIALS: [Denial; 3] = [Denial::Nsec, Denial::Nsec3, Denial::Nsec3OptOut];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_of_a_signed_zone_is_proven(
        zone in zone(), names in proptest::collection::vec(name(), 8), denial in 0..3usize,
    ) {
        let types = ["A", "TXT", "CNAME", "NS", "MX", "DNAME", "DS", "SOA"];
        let zone = signable(&zone);
        let denial = DENIALS[denial];
        let signed = Signed::new(&zone, denial);
        for (at, name) in names.iter().enumerate() {
            for rtype in [types[at % types.len()], "A"] {
                check(&signed, (&zone, denial), (name, rtype.parse().unwrap()))?;
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
        let signed = Signed::new(&zone, denial);
        for name in [
            "c", "q.cn", "p.q.cn", "q.w1", "q.w2", "q.nd", "q.nx", "q.in", "q.sec", "q.d", "q.e", "q.m",
            "q.any", "no", "x.sub", "x.ssub", "d", "w1", "cn", "*.cn", "*.w1",
        ] {
            for rtype in ["A", "MX", "TXT", "AAAA", "CNAME", "DS"] {
                let name: Name = format!("{name}.zone.").parse().unwrap();
                check(&signed, (&zone, denial), (&name, rtype.parse().unwrap()))
                    .unwrap_or_else(|e| panic!("{e}"));
            }
        }
    }
}

#[test]
fn a_record_without_its_proof_is_not_believed() {
    let zone = crate::world::zone("zone.", "@ NS a\na A 192.0.2.1\n*.cn CNAME a\n");
    let name: Name = "q.cn.zone.".parse().unwrap();
    for denial in [Denial::Nsec, Denial::Nsec3] {
        let signed = Signed::new(&zone, denial);
        let (header, mut all) = told(&signed.zones, &name, RecordType::A);
        let outcome = ask(&signed, (&name, RecordType::A), (header, all.clone()));
        assert_eq!(
            (outcome.verdict, outcome.records()),
            (Verdict::Secure, &[RData::a([192, 0, 2, 1].into())][..])
        );
        all.retain(|(section, _)| *section != Section::Authority);
        assert_eq!(ask(&signed, (&name, RecordType::A), (header, all)).verdict, Verdict::Bogus);
    }
}
