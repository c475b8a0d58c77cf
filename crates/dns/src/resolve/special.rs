//! Names that nobody is asked about (RFC 6761 §6, RFC 6303 §4, RFC 7686 §2): their answers are known, and questions
//! about them only tell others what happens here.

use super::evidence::Evidence;
use super::response::{Reply, Said, SignedSet};
use super::{Answer, Outcome, Verdict};
use crate::code::{RecordType, Serial, Ttl};
use crate::name::Name;
use crate::rdata::{RData, Soa};
use crate::record::RRset;

/// The answers hold as long as those of RFC 6303 §3.
const TTL: Ttl = Ttl::from_wire(10_800);
/// Below these there is nothing, wherever one asks.
const NOTHING: [&str; 2] = ["invalid", "onion"];
/// Below these there is nothing that the world's servers know: reverse names of private and of special addresses, and
/// names of the local network. A resolver that is configured may know more.
const LOCAL: [&str; 33] = [
    "local",
    "home.arpa",
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "254.169.in-addr.arpa",
    "0.in-addr.arpa",
    "127.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    "16.172.in-addr.arpa",
    "17.172.in-addr.arpa",
    "18.172.in-addr.arpa",
    "19.172.in-addr.arpa",
    "20.172.in-addr.arpa",
    "21.172.in-addr.arpa",
    "22.172.in-addr.arpa",
    "23.172.in-addr.arpa",
    "24.172.in-addr.arpa",
    "25.172.in-addr.arpa",
    "26.172.in-addr.arpa",
    "27.172.in-addr.arpa",
    "28.172.in-addr.arpa",
    "29.172.in-addr.arpa",
    "30.172.in-addr.arpa",
    "31.172.in-addr.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
];

/// The answer, if it is known; `alone` if no other resolver is asked.
pub(super) fn answer(name: &Name, rtype: RecordType, alone: bool) -> Option<Outcome> {
    let above = |zones: &[&str]| {
        let mut zones = zones.iter().filter_map(|text| text.parse().ok());
        zones.find(|zone: &Name| name.is_at_or_below(zone))
    };
    let (zone, answer) = if let Some(zone) = above(&["localhost"]) {
        let answer = match rtype {
            RecordType::A => Answer::Records(RRset::new(TTL, RData::a([127, 0, 0, 1].into()))),
            RecordType::AAAA => Answer::Records(RRset::new(TTL, RData::aaaa(std::net::Ipv6Addr::LOCALHOST))),
            _ => Answer::NoData,
        };
        (zone, answer)
    } else {
        let zone = above(&NOTHING).or_else(|| above(&LOCAL).filter(|_| alone))?;
        (zone, Answer::NxDomain)
    };
    let evidence = match &answer {
        Answer::Records(_) => Evidence::default(),
        _ => Evidence::of(name, &denial(zone).into()),
    };
    Some(Outcome {
        verdict: Verdict::Insecure,
        answer,
        name: name.clone(),
        aliases: Vec::new(),
        ttl: TTL,
        error: None,
        evidence,
    })
}

/// What an empty zone has to show (RFC 6303 §3).
fn denial(zone: Name) -> Reply {
    let soa = Soa {
        mname: zone.clone(),
        rname: Name::from_wire(b"\x06nobody\x07invalid\x00").expect("a name as it is written on the wire"),
        serial: Serial(1),
        refresh: 3600,
        retry: 1200,
        expire: 604_800,
        minimum: TTL.seconds(),
    };
    let soa = SignedSet { owner: zone, set: RRset::new(TTL, soa.to_rdata()), signatures: Vec::new() };
    Reply { said: Said::NxDomain, proof: vec![soa], ttl: TTL, by_the_way: false }
}
