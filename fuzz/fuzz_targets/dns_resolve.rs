//! The resolver among servers that lie: whatever comes in place of answers, a question comes to an end within its
//! limits.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use dns::dnssec::sign::{Sign, SigningPolicy, Verify, sign_zone};
use dns::dnssec::{Algorithm, Denial, DigestType, Ds, SigningPlan};
use dns::master::{NoInclude, read};
use dns::resolve::{Anchor, Engine, Event, Limits, Mode, Moment, Request, Settings, Step, World};
use dns::roll::keyset::Layout;
use dns::roll::{Action, KeyId, Observed, Policy, Request as RollRequest, ZoneKeys};
use dns::time::Timestamp;
use dns::{Catalogue, CompiledZone, Context, Name, Outcome, RecordType, Serial, Transport, answer};
use libfuzzer_sys::fuzz_target;
use wire::Now;

const DATE: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const TEST: &str = "@ NS ns\nns A 10.0.0.2\n@ MX 1 mail\nmail A 192.0.2.1\n*.w CNAME x.v\n*.v A 192.0.2.2\nd DNAME w\n\
    sub NS ns.sub\nns.sub A 10.0.0.3\nfar NS ns.elsewhere.\na.b.c TXT x\n";
const QUESTIONS: [(&str, &str); 8] = [
    ("mail.test.", "A"),
    ("test.", "MX"),
    ("q.w.test.", "A"),
    ("q.d.test.", "TXT"),
    ("no.test.", "A"),
    ("x.sub.test.", "A"),
    ("far.test.", "NS"),
    ("c.test.", "DS"),
];

/// A signature that anyone could make.
struct Toy;

fn toy(key: &[u8], data: &[u8]) -> Vec<u8> {
    let hash = key.iter().chain(data).fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash.to_be_bytes().repeat(8)
}

impl Sign for Toy {
    fn sign(&self, key: KeyId, data: &[u8]) -> Result<Vec<u8>, String> {
        Ok(toy(&toy(&key.0.to_be_bytes(), b""), data))
    }
}

impl Verify for Toy {
    fn verify(&self, _: Algorithm, key: &[u8], data: &[u8], signature: &[u8]) -> Option<bool> {
        Some(toy(key, data) == signature)
    }
}

fn signed(apex: &str, text: &str, denial: Denial) -> (CompiledZone, Ds) {
    let text = format!("$TTL 60\n@ SOA ns x 1 3600 600 86400 60\n{text}");
    let zone = read(&apex.parse().expect("a name"), "zone", text.as_bytes(), &mut NoInclude).expect("a zone");
    let policy = Policy { layout: Layout::Single, ..Policy::default() };
    let mut keys = ZoneKeys::new();
    keys.request(RollRequest::Sign, &policy).expect("nothing is under way");
    for _ in 0..2 {
        let actions;
        (keys, actions) = keys.step(DATE, &Observed { at: DATE, ..Observed::default() }, &policy);
        for action in actions {
            if let Action::Generate { id, .. } = action {
                keys.made(id, toy(&id.0.to_be_bytes(), b""));
            }
        }
    }
    let plan = SigningPlan::new(zone.apex(), &keys, &policy);
    let signing = SigningPolicy { denial, ..SigningPolicy::default() };
    let signed = sign_zone(&zone, None, &plan, &signing, (Serial(2), DATE), &Toy).expect("an SOA record").zone;
    let key = keys.keys().iter().find_map(|key| key.dnskey()).expect("a key");
    let ds = Ds::of(zone.apex(), &key, DigestType::SHA256).expect("a known digest");
    (CompiledZone::new(&signed).expect("an SOA record"), ds)
}

/// For each kind of proof: a server of the root, one of the zone below it, and the key that is trusted.
fn worlds() -> &'static [(Catalogue, Catalogue, Ds)] {
    static WORLDS: OnceLock<Vec<(Catalogue, Catalogue, Ds)>> = OnceLock::new();
    WORLDS.get_or_init(|| {
        let world = |denial| {
            let (test, ds) = signed("test.", TEST, denial);
            let root = format!("@ NS a.root.\na.root. A 10.0.0.1\ntest. NS ns.test.\nns.test. A 10.0.0.2\ntest. DS {ds}\n");
            let (root, anchor) = signed(".", &root, Denial::Nsec);
            (Catalogue::new().with_zone(root), Catalogue::new().with_zone(test), anchor)
        };
        [Denial::Nsec, Denial::Nsec3, Denial::Nsec3OptOut].map(world).into()
    })
}

/// What comes in place of an answer.
enum Came<'a> {
    Truth,
    /// With bits of some bytes turned over: where, and which.
    Bent(&'a [u8]),
    Cut(u16),
    /// These flags, these counts and this body behind the true question.
    Raw(u16, &'a [u8]),
    Anything(&'a [u8]),
    TimedOut(u16),
    Unreachable,
}

impl<'a> Came<'a> {
    fn new((kind, number, bytes): &'a (u8, u16, Vec<u8>)) -> Came<'a> {
        match kind % 8 {
            0 => Came::Bent(bytes),
            1 => Came::Cut(*number),
            2 | 3 => Came::Raw(*number, bytes),
            4 => Came::Anything(bytes),
            5 => Came::TimedOut(*number),
            6 => Came::Unreachable,
            _ => Came::Truth,
        }
    }
}

/// What the true server says.
fn truth(zones: &Catalogue, query: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 65_535];
    match answer(query, &Context::new(Transport::Tcp), zones, &mut out) {
        Outcome::Reply(reply) => out.truncate(reply.len),
        _ => out.clear(),
    }
    out
}

impl Came<'_> {
    /// The message, where there is one.
    fn bytes(&self, query: &[u8], zones: &Catalogue) -> Option<Vec<u8>> {
        match self {
            Came::Truth => Some(truth(zones, query)),
            Came::Bent(changes) => {
                let mut message = truth(zones, query);
                let len = message.len().max(1);
                for change in changes.chunks_exact(3) {
                    let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % len;
                    if let Some(byte) = message.get_mut(at) {
                        *byte ^= change[2];
                    }
                }
                Some(message)
            }
            Came::Cut(len) => {
                let mut message = truth(zones, query);
                message.truncate(usize::from(*len));
                Some(message)
            }
            Came::Raw(flags, bytes) => {
                let name_len = Name::from_wire_prefix(&query[12..]).map_or(1, |name| name.as_wire().len());
                let mut message = query.get(..12 + name_len + 4)?.to_vec();
                message[2..4].copy_from_slice(&(flags & 0x87ff | 0x8000).to_be_bytes());
                let (counts, body) = bytes.split_at_checked(3)?;
                for (at, count) in counts.iter().enumerate() {
                    message[6 + at * 2..8 + at * 2].copy_from_slice(&[0, count % 32]);
                }
                message.extend(body);
                Some(message)
            }
            Came::Anything(bytes) => Some(bytes.to_vec()),
            Came::TimedOut(_) | Came::Unreachable => None,
        }
    }
}

fuzz_target!(|input: (u8, u8, Vec<(u8, u16, Vec<u8>)>)| {
    let (world, which, came) = input;
    let (root, test, anchor) = &worlds()[usize::from(world) % 3];
    let mut settings = Settings::new([7; 16]);
    settings.anchors = vec![Anchor { zone: Name::root(), ds: anchor.clone() }];
    settings.hints = vec!["10.0.0.1".parse().expect("an address")];
    if world & 64 != 0 {
        settings.mode = Mode::Forward(vec!["10.0.0.2:53".parse().expect("an address")]);
    }
    let limits: Limits = settings.limits;
    let mut engine = Engine::new(settings, Box::new(Toy));
    let mut came = came.iter();
    let own = Catalogue::new();
    let (mut now, mut chance) = (Now::from_millis(1000), 1u64);
    // Twice, so that what was learned of lies is used.
    for turn in 0..2 {
        let (name, rtype) = QUESTIONS[(usize::from(which) + turn * usize::from(which >> 4)) % QUESTIONS.len()];
        let (name, rtype): (Name, RecordType) = (name.parse().expect("a name"), rtype.parse().expect("a type"));
        let mut request = Request::new(name, rtype, now);
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps <= limits.questions_max + 2, "no end");
            let mut next = || {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                chance ^ chance >> 29
            };
            let at = Moment { now, date: DATE + 3600 };
            let ask = match request.step(&mut engine, at, &mut World { own: &own, chance: &mut next }) {
                Step::Done(_) => break,
                Step::Ask(ask) => ask,
            };
            let zones = if ask.server.ip().to_string() == "10.0.0.1" { root } else { test };
            let came = came.next().map_or(Came::Truth, Came::new);
            let bytes = came.bytes(&ask.message, zones);
            now = now + Duration::from_millis(5);
            match bytes.filter(|bytes| ask.check.accepts(bytes)) {
                Some(bytes) => request.event(&mut engine, Event::Message(&bytes), at),
                None if matches!(came, Came::Unreachable) => request.event(&mut engine, Event::Unreachable, at),
                None => {
                    now = now + ask.wait;
                    let forged = if let Came::TimedOut(forged) = came { u32::from(forged) } else { 1 };
                    request.event(&mut engine, Event::TimedOut { forged }, at);
                }
            }
        }
        assert!(request.questions() <= limits.questions_max);
        assert!(request.verifies() <= limits.verifies_max);
        assert!(engine.cached().0 <= limits.cache_max_bytes);
    }
});
