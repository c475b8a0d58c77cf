//! Zones over a real store and a calendar that is moved, with no network: what the world shows is told to them.

use super::super::certificate::Kept;
use super::super::dkim::{DkimAlgorithm, DkimBook};
use super::super::facts::HostFacts;
use super::super::request::DnsRequest;
use super::super::{domain, orders};
use super::*;
use crate::admin::Reply;
use crate::config::Config;
use dns::dnssec::sign::{first_expiry, is_expired};
use dns::roll::dkim::DkimSeen;
use dns::roll::tlsa::TlsaSeen;
use dns::roll::{DsSeen, DsView, KeyId, Observed, ParentView};
use dns::{RData, RecordType};
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use store::Settings;

const START_S: u64 = 1_795_400_000;
const HOUR_S: u64 = 3600;
const DAY_S: u64 = 24 * HOUR_S;

mod guarded;
mod undone;

struct World {
    zones: Zones,
    clock: Arc<AtomicU64>,
    _folder: tempfile::TempDir,
}

impl World {
    fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    fn served(&self, zone: &str) -> ZoneData {
        self.book(zone).served
    }

    fn book(&self, zone: &str) -> Book {
        self.zones.book(&self.zones.zone(&name(zone)).unwrap()).unwrap()
    }

    /// The data of a set as text.
    fn data(&self, zone: &str, owner: &str, rtype: RecordType) -> Vec<String> {
        let served = self.served(zone);
        let set = served.get(&name(owner), rtype);
        set.map(|set| set.data().iter().map(RData::to_string).collect()).unwrap_or_default()
    }

    fn order(&self, request: DnsRequest) -> Result<String, String> {
        match orders::carry_out(&self.zones, request) {
            Reply::Done { message } => Ok(message),
            Reply::Dns(reply) => Ok(serde_json::to_string(&reply).unwrap()),
            Reply::Failed { message } => Err(message),
            other => panic!("{other:?}"),
        }
    }

    fn import(&self, zone: &str, text: &str, unsigned: bool) -> Result<String, String> {
        let read = super::super::import::read(zone, text.as_bytes(), Path::new("-"));
        let records = read.map_err(|error| error.to_string())?;
        self.order(DnsRequest::Import { zone: zone.into(), records, unsigned })
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let text = "hostname = 'mx.example.org'\ndata_dir = 'x'\n[listen]\nsmtp = ['192.0.2.1:25']\n\
                imaps = ['192.0.2.1:993']\ndns = ['192.0.2.1:53']\n";
    let config = Config::parse(text, folder.path()).unwrap();
    let settings = Settings {
        url: "sqlite:posthouse.db".into(),
        blobs: "database:".into(),
        data_dir: folder.path().join("data"),
        readers: 2,
    };
    let clock = Arc::new(AtomicU64::new(START_S));
    let read = clock.clone();
    let calendar: Calendar = Arc::new(move || Timestamp::from_unix_seconds(read.load(Ordering::Relaxed)));
    let store = Store::open(&settings).unwrap();
    let zones = Zones::new(store, HostFacts::of(&config).unwrap(), calendar, Box::new(Nowhere));
    World { zones, clock, _folder: folder }
}

/// A world with the domain `example.org`, its zone signed.
fn world_with_domain() -> World {
    let world = world();
    world.zones.store().write_blocking(|tx| tx.add_domain("example.org")).unwrap();
    let said = domain::added(&world.zones, "example.org");
    assert!(said.contains("signed"), "{said}");
    world
}

/// Every server shows what is served, and the parent shows DS records of these keys.
fn seen_everywhere(world: &World, zone: &str, ds: &[KeyId]) {
    let serial = world.served(zone).serial().unwrap().0;
    let records = ds.iter().map(|id| DsSeen::Ours(*id)).collect();
    let observed = Observed {
        at: world.zones.now(),
        our_serial: serial,
        every_server_shows: Some(serial),
        parent: vec![ParentView { server: "a.test".into(), ds: Some(DsView { records, ttl_seconds: 3600 }) }],
        zone_ttl_max_seconds: 3600,
        dnskey_ttl_seconds: 3600,
        negative_ttl_seconds: 3600,
    };
    world.zones.apply_seen(&name(zone), &observed, &[], None).unwrap();
    world.pass(HOUR_S);
}

#[test]
fn a_zone_vouches_for_the_keys_of_others_until_their_parents_have_them() {
    const SIGNAL: &str = "_dsboot.other.test._signal.mx.example.org.";
    let world = world_with_domain();
    world.zones.store().write_blocking(|tx| tx.add_domain("other.test")).unwrap();
    domain::added(&world.zones, "other.test");
    for _ in 0..40 {
        seen_everywhere(&world, "other.test", &[]);
    }
    for rtype in [RecordType::CDS, RecordType::CDNSKEY] {
        let shown = world.data("other.test", "other.test.", rtype);
        assert_eq!(shown.len(), 1, "{rtype}");
        assert_eq!(world.data("example.org", SIGNAL, rtype), shown, "{rtype}");
    }
    // Nobody believes what a zone says of itself.
    let own = world.data("example.org", "_dsboot.example.org._signal.mx.example.org.", RecordType::CDS);
    assert_eq!(own, Vec::<String>::new());
    let (draft, _) = world.zones.placements(&name("other.test.")).unwrap();
    let key = draft.keys.keys.keys()[0].id;
    for _ in 0..40 {
        seen_everywhere(&world, "other.test", &[key]);
    }
    assert_eq!(world.data("example.org", SIGNAL, RecordType::CDS), Vec::<String>::new());
}

const PLAIN: &str = "$TTL 300\n@ SOA ns.example.net. x.example.net. 7 3600 600 86400 60\n@ NS ns.example.net.\n\
                     www A 192.0.2.80\nold A 192.0.2.81\n";

#[test]
fn a_new_domain_is_signed_and_has_its_mail_records() {
    let world = world_with_domain();
    let at = |owner: &str, rtype| world.data("example.org", owner, rtype);
    assert_eq!(at("example.org.", RecordType::MX), ["10 mx.example.org."]);
    assert_eq!(at("mx.example.org.", RecordType::A), ["192.0.2.1"]);
    assert_eq!(at("example.org.", RecordType::NS), ["mx.example.org."]);
    assert_eq!(at("_imaps._tcp.example.org.", RecordType::SRV), ["0 1 993 mx.example.org."]);
    assert_eq!(at("example.org.", RecordType::DNSKEY).len(), 1);
    assert_eq!(at("example.org.", RecordType::CDS).len(), 0, "nothing is submitted before it was seen");
    let served = world.served("example.org");
    let selectors = served.nodes().filter(|(owner, _)| owner.to_string().contains("._domainkey.")).count();
    assert_eq!(selectors, 2, "RSA and Ed25519");
    for (owner, node) in served.nodes() {
        assert!(node.has(RecordType::RRSIG) && node.has(RecordType::NSEC), "{owner}");
    }
    assert_eq!(domain::check(&world.zones).unwrap(), []);
    assert_eq!(world.zones.store().check(&mut |_| ()).unwrap().findings, []);
    // None of the keys was out for long enough.
    assert_eq!(domain::signing_keys(&world.zones, "example.org").unwrap(), []);
}

#[test]
fn a_change_raises_the_serial_once_and_nothing_changes_nothing() {
    let world = world_with_domain();
    let zone = name("example.org");
    let serial = |world: &World| world.served("example.org").serial().unwrap();
    let first = serial(&world);
    let (_, changed) = world.zones.change(&zone, &Why::upkeep("nothing"), |_| Ok(())).unwrap();
    assert!(!changed.changed && serial(&world) == first);
    let line = "www.example.org. 300 IN A 192.0.2.80".to_owned();
    world.order(DnsRequest::Add { lines: vec![line.clone()] }).unwrap();
    assert_eq!(serial(&world).0, first.0.wrapping_add(1));
    world.order(DnsRequest::Add { lines: vec![line] }).unwrap();
    assert_eq!(serial(&world).0, first.0.wrapping_add(1));
    assert_eq!(world.data("example.org", "www.example.org.", RecordType::A), ["192.0.2.80"]);
}

#[test]
fn edits_are_undone_one_by_one() {
    let world = world_with_domain();
    let before = world.book("example.org").yours();
    let add = |line: &str| world.order(DnsRequest::Add { lines: vec![line.to_owned()] }).unwrap();
    add("www.example.org. 300 IN A 192.0.2.80");
    add("www.example.org. 300 IN AAAA 2001:db8::80");
    world.import("example.org", PLAIN, false).unwrap();
    assert_eq!(world.data("example.org", "old.example.org.", RecordType::A), ["192.0.2.81"]);
    assert_eq!(world.data("example.org", "www.example.org.", RecordType::AAAA), [""; 0]);
    let undo = || world.order(DnsRequest::Undo { zone: "example.org".into(), skip: false });
    assert!(undo().unwrap().contains("import"));
    assert_eq!(world.data("example.org", "old.example.org.", RecordType::A), [""; 0]);
    assert_eq!(world.data("example.org", "www.example.org.", RecordType::AAAA), ["2001:db8::80"]);
    assert_eq!(world.data("example.org", "example.org.", RecordType::NS), ["mx.example.org."]);
    undo().unwrap();
    assert_eq!(world.data("example.org", "www.example.org.", RecordType::A), ["192.0.2.80"]);
    undo().unwrap();
    assert_eq!(world.book("example.org").yours(), before);
    assert!(undo().unwrap_err().contains("no edit to undo"));
    assert_eq!(world.zones.store().check(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn an_import_makes_an_unsigned_zone_and_leaves_managed_records_alone() {
    let world = world();
    world.import("plain.example", &PLAIN.replace("example.net", "other.example"), true).unwrap();
    let served = world.served("plain.example");
    assert_eq!(served.serial(), Some(Serial(7)));
    assert_eq!(served.record_count(), 4);
    // Twice the same: nothing; an older serial: the next one.
    assert!(
        world
            .import("plain.example", &PLAIN.replace("example.net", "other.example"), true)
            .unwrap()
            .contains("nothing")
    );
    let fewer = PLAIN.replace("example.net", "other.example").replace("old A 192.0.2.81\n", "");
    world.import("plain.example", &fewer, true).unwrap();
    assert_eq!(world.served("plain.example").serial(), Some(Serial(8)));
    let world = world_with_domain();
    world.import("example.org", PLAIN, true).unwrap();
    assert_eq!(world.data("example.org", "example.org.", RecordType::MX), ["10 mx.example.org."]);
    assert_eq!(
        world.data("example.org", "example.org.", RecordType::DNSKEY),
        [""; 0],
        "unsigned was asked for"
    );
}

#[test]
fn zones_that_are_not_right_are_refused_and_nothing_is_left() {
    let world = world();
    let table = [
        ("@ SOA a. b. 1 1 1 1 1\nwww A 192.0.2.1\n", "NS"),
        ("@ SOA a. b. 1 1 1 1 1\n@ NS ns.example.net.\nx NS ns.x\n", "ns.x.bad.example"),
        ("@ SOA a. b. 1 1 1 1 1\n@ NS ns.example.net.\nx CNAME y\nx A 192.0.2.1\n", "CNAME"),
    ];
    for (text, expected) in table {
        let error = world.import("bad.example", &format!("$TTL 60\n{text}"), true);
        // A missing NS or SOA record is made, what is wrong otherwise is said.
        if expected == "NS" || error.is_ok() {
            let said = error.unwrap();
            assert!(expected == "NS" || said.contains("warning: ") && said.contains(expected), "{said}");
            world.zones.delete(&name("bad.example")).unwrap();
            continue;
        }
        let error = error.unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(world.zones.zone(&name("bad.example")).is_err(), "no empty zone stays");
    }
    assert!(world.import("bad.example", "x A 192.0.2.1\n", true).unwrap_err().contains("standard input:1"));
}

#[test]
fn yours_is_never_touched_and_conflicts_are_shown() {
    let world = world_with_domain();
    let add = |line: &str| world.order(DnsRequest::Add { lines: vec![line.to_owned()] }).unwrap();
    add("example.org. 300 IN TXT \"v=spf1 include:other.example -all\"");
    assert_eq!(
        world.data("example.org", "example.org.", RecordType::TXT),
        ["\"v=spf1 include:other.example -all\""]
    );
    let list = world.order(DnsRequest::List { zone: Some("example.org".into()), signing: false }).unwrap();
    assert!(list.contains("in place of the managed \\\"v=spf1 mx -all\\\""), "{list}");
    let remove = |owner: &str, rtype: &str| {
        world.order(DnsRequest::Remove { name: owner.into(), rtype: Some(rtype.into()), data: None })
    };
    assert!(remove("example.org", "MX").unwrap_err().contains("managed here"));
    assert!(remove("gone.example.org", "A").unwrap_err().contains("no such record"));
    remove("example.org", "TXT").unwrap();
    assert_eq!(world.data("example.org", "example.org.", RecordType::TXT), ["\"v=spf1 mx -all\""]);
    let ignore = |ignore| DnsRequest::Ignore { name: "example.org".into(), rtype: "MX".into(), ignore };
    world.order(ignore(true)).unwrap();
    assert_eq!(world.data("example.org", "example.org.", RecordType::MX), [""; 0]);
    world.order(ignore(false)).unwrap();
    assert_eq!(world.data("example.org", "example.org.", RecordType::MX), ["10 mx.example.org."]);
}

#[test]
fn steps_lead_from_any_serial_to_the_present() {
    let world = world_with_domain();
    let old = world.served("example.org");
    for number in 1..=5 {
        let line = format!("h{number}.example.org. 60 IN A 192.0.2.{number}");
        world.order(DnsRequest::Add { lines: vec![line] }).unwrap();
    }
    let zone = world.zones.zone(&name("example.org")).unwrap();
    let head = head_of(&zone, Vec::new(), &HashMap::new()).unwrap();
    let steps = world.zones.steps_since(&head, old.serial().unwrap()).unwrap().unwrap();
    assert_eq!(steps.len(), 5);
    let mut copy = old;
    for step in steps {
        step.apply(&mut copy).unwrap();
    }
    assert!(copy == world.served("example.org"));
    assert!(world.zones.steps_since(&head, Serial(1)).unwrap().is_none());
}

#[test]
fn nothing_is_ever_served_expired() {
    let world = world_with_domain();
    for _ in 0..30 {
        world.pass(2 * DAY_S);
        world.zones.freshen().unwrap();
        let (served, now) = (world.served("example.org"), world.zones.now());
        assert!(!is_expired(&served, now));
        let left = first_expiry(&served, now).unwrap().seconds_since(now);
        assert!(left > 5 * DAY_S, "the SOA expire of five days fits below: {left}");
    }
    // A month in which no server ran.
    world.pass(30 * DAY_S);
    assert!(is_expired(&world.served("example.org"), world.zones.now()));
    world.zones.freshen().unwrap();
    assert!(!is_expired(&world.served("example.org"), world.zones.now()));
}

/// How long the slowest secondary of the simulation lags behind.
const LAG_S: u64 = 2 * HOUR_S;

/// The versions of a zone that somebody may still see: the present one, those of a lagging secondary, and what
/// caches took from either.
struct Sight {
    versions: VecDeque<(u64, ZoneData)>,
}

impl Sight {
    fn note(&mut self, at: u64, zone: ZoneData) {
        if self.versions.back().is_none_or(|(_, last)| *last != zone) {
            self.versions.push_back((at, zone));
        }
        // The one that was current when the window begins is seen at its beginning.
        let begin = at.saturating_sub(LAG_S + HOUR_S);
        while self.versions.len() > 1 && self.versions[1].0 <= begin {
            self.versions.pop_front();
        }
    }

    /// What the slowest server shows.
    fn slowest(&self, at: u64) -> &ZoneData {
        let lagging = self.versions.iter().rev().find(|(since, _)| *since + LAG_S <= at);
        &lagging.unwrap_or(&self.versions[0]).1
    }
}

fn shows_key(zone: &ZoneData, domain: &str, selector: &str) -> bool {
    let owner = name(&format!("{selector}._domainkey.{domain}."));
    let set = zone.get(&owner, RecordType::TXT);
    set.is_some_and(|set| set.data().iter().any(|data| !data.to_string().contains("p=\"")))
}

/// What every server shows of the keys, the slowest being the last.
fn look(book: &DkimBook, at: Timestamp, slowest: &ZoneData) -> [DkimSeen; 2] {
    let mut seen = [DkimSeen { at, ..DkimSeen::default() }, DkimSeen { at, ..DkimSeen::default() }];
    for (algorithm, id, record) in book.records() {
        let wanted = super::super::mail_records::dkim_record("example.org", &record);
        let wish = record_of(&wanted).unwrap();
        let set = slowest.get(&wish.owner, RecordType::TXT);
        let slot = &mut seen[usize::from(algorithm == DkimAlgorithm::Ed25519)];
        match set.is_some_and(|set| set.data().contains(&wish.data)) {
            true => slot.shown.push(id),
            false => slot.missing.push(id),
        }
    }
    seen
}

#[test]
fn a_roll_of_dkim_keys_leaves_no_message_unverifiable() {
    let world = world_with_domain();
    let mut sight = Sight { versions: VecDeque::new() };
    // Who signed in the last five days, the time for which messages wait in queues (RFC 5321 §4.5.4.1).
    let mut signed: Vec<(u64, String)> = Vec::new();
    let mut selectors = BTreeSet::new();
    let (mut unsigned_hours, hours) = (0, 45 * 24);
    for hour in 0..hours {
        let now = world.zones.now();
        let at = now.unix_seconds();
        sight.note(at, world.served("example.org"));
        if hour == 24 * 10 {
            let order = DnsRequest::Rollover {
                name: "example.org".into(),
                what: super::super::request::RollWhat::Dkim,
            };
            world.order(order).unwrap();
        }
        let keys = domain::signing_keys(&world.zones, "example.org").unwrap();
        unsigned_hours += u64::from(keys.is_empty());
        for key in keys {
            selectors.insert(key.selector.clone());
            signed.push((at, key.selector));
        }
        signed.retain(|(when, _)| at - when <= 5 * DAY_S);
        for (_, selector) in &signed {
            for (_, version) in &sight.versions {
                assert!(
                    shows_key(version, "example.org", selector),
                    "hour {hour}: {selector} is not to be seen"
                );
            }
        }
        let (draft, _) = world.zones.placements(&name("example.org")).unwrap();
        let seen = look(&draft.dkim["example.org"], now, sight.slowest(at));
        let observed = Observed { at: now, ..Observed::default() };
        world
            .zones
            .apply_seen(&name("example.org"), &observed, &[("example.org".into(), seen)], None)
            .unwrap();
        world.pass(HOUR_S);
    }
    assert!(unsigned_hours < 8, "{unsigned_hours}");
    assert_eq!(selectors.len(), 4, "two algorithms, each rolled once: {selectors:?}");
    // The old keys were revoked and are gone by now.
    let served = world.served("example.org");
    let left = served.nodes().filter(|(owner, _)| owner.to_string().contains("._domainkey.")).count();
    assert!(left <= 4, "{left}");
}

fn kept(number: u8) -> Kept {
    Kept { chain_pem: format!("chain {number}"), key_pem: format!("key {number}") }
}

#[test]
fn a_certificate_with_an_unannounced_key_waits() {
    let world = world_with_domain();
    let zone = name("example.org");
    let tlsa = || world.data("example.org", "_25._tcp.mx.example.org.", RecordType::TLSA);
    world.zones.take_certificate(b"spki one", &kept(1)).unwrap();
    // The next key is made and announced beside it.
    assert_eq!(tlsa().len(), 2);
    let look = |shown: &[u64]| {
        let now = world.zones.now();
        let seen =
            TlsaSeen { at: now, shown: shown.iter().map(|id| KeyId(*id)).collect(), missing: Vec::new() };
        let observed = Observed { at: now, ..Observed::default() };
        world.zones.apply_seen(&zone, &observed, &[], Some(&seen)).unwrap();
    };
    look(&[1]);
    assert_eq!(tlsa().len(), 2);
    let pem = world.order(DnsRequest::NextCertificateKey).unwrap();
    assert!(pem.contains("BEGIN PRIVATE KEY"));
    // A key from elsewhere: published, and the one before stays.
    let (_, before) = world.zones.take_certificate(b"spki two", &kept(2)).unwrap_err();
    assert_eq!(before, Some(kept(1)));
    assert_eq!(tlsa().len(), 3);
    let mut sight = Sight { versions: VecDeque::new() };
    let mut served = b"spki one".to_vec();
    for hour in 0..24 {
        let at = world.zones.now().unix_seconds();
        sight.note(at, world.served("example.org"));
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &served);
        let digest: [u8; 32] = digest.as_ref().try_into().unwrap();
        let wish =
            record_of(&super::super::mail_records::tlsa_record("mx.example.org", 25, &digest)).unwrap();
        for (_, version) in sight.versions.iter().filter(|_| hour > 0) {
            let set = version.get(&wish.owner, RecordType::TLSA);
            assert!(set.is_some_and(|set| set.data().contains(&wish.data)), "hour {hour}");
        }
        // The slowest server shows all of it after its lag.
        look(if hour >= 2 { &[1, 2, 3] } else { &[1, 2] });
        if world.zones.take_certificate(b"spki two", &kept(2)).is_ok() && served != b"spki two" {
            assert!(hour >= 4, "too early: hour {hour}");
            served = b"spki two".to_vec();
        }
        world.pass(HOUR_S);
    }
    assert_eq!(served, b"spki two");
    // A renewal with the same key needs nothing.
    world.zones.take_certificate(b"spki two", &kept(3)).unwrap();
}

#[test]
fn tsig_keys_and_peers_are_entered_and_shown() {
    let world = world_with_domain();
    let add = |name: &str, secret: Option<&str>| {
        world.order(DnsRequest::TsigAdd {
            name: name.into(),
            algorithm: "hmac-sha256".into(),
            secret: secret.map(str::to_owned),
        })
    };
    add("Transfer.example.org.", None).unwrap();
    assert!(add("short.example", Some("c2hvcnQ=")).unwrap_err().contains("fewer"));
    assert!(!world.order(DnsRequest::TsigList).unwrap().contains("secret"));
    let shown = world.order(DnsRequest::TsigShow { name: "transfer.example.org".into() }).unwrap();
    assert!(shown.contains("hmac-sha256:transfer.example.org:"), "{shown}");
    let secondary = |address: &str, key: Option<&str>| DnsRequest::SecondaryAdd {
        zone: "example.org".into(),
        address: address.into(),
        key: key.map(str::to_owned),
    };
    assert!(world.order(secondary("nowhere", None)).unwrap_err().contains("no address"));
    assert!(world.order(secondary("192.0.2.9", Some("gone"))).unwrap_err().contains("no such key"));
    world.order(secondary("192.0.2.9:5353", Some("transfer.example.org."))).unwrap();
    let head = world.zones.head(&name("example.org")).unwrap();
    assert_eq!(head.peers.len(), 2, "it may fetch, and it is told");
    assert!(head.peers.iter().all(|peer| peer.key.is_some()));
    let remove = DnsRequest::SecondaryRemove { zone: "example.org".into(), address: "192.0.2.9:5353".into() };
    world.order(remove).unwrap();
    assert_eq!(world.zones.head(&name("example.org")).unwrap().peers.len(), 0);
    world.order(DnsRequest::TsigRemove { name: "transfer.example.org".into() }).unwrap();
}

#[test]
fn keys_move_to_another_server_and_back() {
    let world = world_with_domain();
    let text = world.order(DnsRequest::KeyExport { zone: "example.org".into() }).unwrap();
    let text: serde_json::Value = serde_json::from_str(&text).unwrap();
    let text = text["text"]["text"].as_str().unwrap();
    let at = text.find("Private-key-format").unwrap();
    let (public, private) = text.split_at(at);
    let other = world_with_domain();
    let import =
        DnsRequest::KeyImport { zone: "example.org".into(), public: public.into(), private: private.into() };
    other.order(import).unwrap();
    let key = |world: &World| world.data("example.org", "example.org.", RecordType::DNSKEY);
    assert_eq!(key(&world), key(&other));
}

#[test]
fn everything_is_there_after_a_restart() {
    let world = world_with_domain();
    world.order(DnsRequest::Add { lines: vec!["a.example.org. 60 IN A 192.0.2.5".into()] }).unwrap();
    let fresh =
        Zones::new(world.zones.store().clone(), world.zones.host().clone(), calendar(), Box::new(Nowhere));
    assert_eq!(fresh.load().unwrap(), 1);
    let head = fresh.head(&name("example.org")).unwrap();
    assert_eq!(Some(head.serial), world.served("example.org").serial());
}
