//! What must not happen to a zone, whoever asks for it or whatever goes wrong.

use super::*;
use crate::dns::crypto::PrivateKey;
use crate::dns::request::{RollWhat, Verdict};
use dns::dnssec::algorithm::Algorithm;
use dns::dnssec::bind::write_public;
use dns::dnssec::key::DnsKey;
use dns::roll::Role;

/// The same store under another configuration, as after a change of it and a start.
fn restarted(world: &World, hostname: &str) -> Zones {
    let text = format!(
        "hostname = '{hostname}'\ndata_dir = 'x'\n[listen]\nsmtp = ['192.0.2.1:25']\ndns = ['192.0.2.1:53']\n"
    );
    let config = Config::parse(&text, Path::new("/")).unwrap();
    let (store, clock) = (world.zones.store().clone(), world.clock.clone());
    let calendar: Calendar = Arc::new(move || Timestamp::from_unix_seconds(clock.load(Ordering::Relaxed)));
    Zones::new(store, HostFacts::of(&config).unwrap(), calendar, Box::new(Nowhere))
}

#[test]
fn a_zone_that_would_be_wrong_stays_as_it_was_and_is_signed_on() {
    let world = world_with_domain();
    let line = "mx2.example.org. 300 IN CNAME elsewhere.example.net.".to_owned();
    world.order(DnsRequest::Add { lines: vec![line] }).unwrap();
    // MX must not lead to an alias (RFC 2181 §10.3): the records that are wanted now make no good zone.
    let zones = restarted(&world, "mx2.example.org");
    let before = world.data("example.org", "example.org.", RecordType::MX);
    for _ in 0..15 {
        world.pass(2 * DAY_S);
        assert_eq!(zones.freshen().unwrap(), Vec::<Name>::new());
        assert!(!is_expired(&world.served("example.org"), zones.now()));
    }
    assert_eq!(world.data("example.org", "example.org.", RecordType::MX), before);
    let told = crate::dns::status::status(&zones, "example.org", false).unwrap();
    let row = |what: &str| told.checks.iter().find(|row| row.what == what).unwrap();
    assert_eq!(row("zone").verdict, Verdict::Wrong);
    assert!(row("zone").detail.contains("mx2.example.org"), "{}", row("zone").detail);
    assert_eq!(row("signatures").verdict, Verdict::Right);
    // Whoever changes something is told at once, and nothing is changed.
    let edit = zones.change(&name("example.org"), &Why::edit("nothing"), |_| Ok(()));
    assert!(matches!(edit, Err(ZoneError::Faults(_))));
}

#[test]
fn a_zone_whose_key_is_lost_is_not_answered_from_past_its_signatures() {
    let world = world_with_domain();
    world
        .zones
        .store()
        .write_blocking(|tx| {
            for row in tx.name_keys("example.org", store::KeyPurpose::Zone)? {
                tx.remove_name_key("example.org", store::KeyPurpose::Zone, row.key_id)?;
            }
            Ok(())
        })
        .unwrap();
    world.pass(8 * DAY_S);
    assert_eq!(world.zones.freshen().unwrap(), Vec::<Name>::new(), "they are good still");
    world.pass(20 * DAY_S);
    assert_eq!(world.zones.freshen().unwrap(), [name("example.org")]);
    let told = crate::dns::status::status(&world.zones, "example.org", false).unwrap();
    let row = told.checks.iter().find(|row| row.what == "signatures").unwrap();
    assert_eq!(row.verdict, Verdict::Wrong);
}

#[test]
fn signatures_go_at_once_only_while_nobody_relies_on_them() {
    let world = world_with_domain();
    let keys = || world.zones.placements(&name("example.org.")).unwrap().0.keys.keys;
    let shown = |records: Option<Vec<DsSeen>>| Observed {
        parent: vec![ParentView {
            server: "a.test".into(),
            ds: records.map(|records| DsView { records, ttl_seconds: 3600 }),
        }],
        ..Observed::default()
    };
    let id = keys().keys()[0].id;
    let (ours, none, silent) = (shown(Some(vec![DsSeen::Ours(id)])), shown(Some(Vec::new())), shown(None));
    let foreign = shown(Some(vec![DsSeen::Foreign { key_tag: 1, algorithm: 13 }]));
    // On its way in: there never was a DS, but what the parent shows counts.
    assert!(keys().may_stop_at_once(&none).is_ok() && keys().may_stop_at_once(&silent).is_ok());
    assert!(keys().may_stop_at_once(&ours).is_err());
    // The keys of the server before: a DS of them is no reason to sign with others.
    assert!(keys().may_stop_at_once(&foreign).is_ok() && keys().may_be_replaced(&foreign).is_ok());
    assert!(keys().may_be_replaced(&ours).is_err());
    for _ in 0..40 {
        seen_everywhere(&world, "example.org", &[id]);
    }
    assert!(keys().is_secure() && keys().may_stop_at_once(&none).is_err());
    world.order(DnsRequest::Unsign { zone: "example.org".into(), at_once: false }).unwrap();
    seen_everywhere(&world, "example.org", &[id]);
    // On its way out it is not secure any more, and the DS is out there all the same.
    assert!(!keys().is_secure() && keys().is_signed());
    for observed in [&ours, &silent, &foreign] {
        assert!(keys().may_stop_at_once(observed).is_err() && keys().may_be_replaced(observed).is_err());
    }
    assert!(keys().may_stop_at_once(&none).is_ok());
}

#[test]
fn updates_reach_neither_managed_names_nor_what_hides_them() {
    let world = world_with_domain();
    let (draft, _) = world.zones.placements(&name("example.org.")).unwrap();
    let dkim =
        draft.book.managed.iter().find(|record| record.owner.to_string().contains("_domainkey")).unwrap();
    let selector = dkim.owner.to_string();
    use RecordType as T;
    let table = [
        ("example.org.", T::A, false),
        ("example.org.", T::MX, true),
        ("example.org.", T::NS, true),
        ("example.org.", T::DNAME, true),
        ("mx.example.org.", T::A, true),
        ("mx.example.org.", T::AAAA, true),
        ("mx.example.org.", T::TXT, true),
        ("_tcp.example.org.", T::NS, true),
        ("_tcp.example.org.", T::TXT, false),
        ("_domainkey.example.org.", T::NS, true),
        ("_domainkey.example.org.", T::DNAME, true),
        (selector.as_str(), T::ANY, true),
        ("www.example.org.", T::NS, false),
        ("_acme-challenge.example.org.", T::TXT, false),
    ];
    for (owner, rtype, managed) in table {
        assert_eq!(draft.is_managed(&name(owner), rtype), managed, "{owner} {rtype}");
    }
}

#[test]
fn who_hides_a_managed_record_is_told() {
    let world = world_with_domain();
    let line = "_domainkey.example.org. 300 IN NS ns.example.net.".to_owned();
    let said = world.order(DnsRequest::Add { lines: vec![line] }).unwrap();
    assert!(said.contains("not published any more, because of your NS ns.example.net."), "{said}");
    let served = world.served("example.org");
    assert!(!served.nodes().any(|(owner, _)| owner.to_string().contains("._domainkey.")));
    assert_eq!(domain::check(&world.zones).unwrap(), []);
}

#[test]
fn ds_records_stand_above_the_cut() {
    const DS: &str = "12345 13 2 49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE49FD46E6C4B45C55D4AC69CB";
    let world = world_with_domain();
    let own = format!("example.org. 300 IN DS {DS}");
    let said = world.order(DnsRequest::Add { lines: vec![own] }).unwrap_err();
    assert!(said.contains("parent's zone"), "{said}");
    world.import("sub.example.org", PLAIN, false).unwrap();
    world.order(DnsRequest::Add { lines: vec![format!("sub.example.org. 300 IN DS {DS}")] }).unwrap();
    assert_eq!(world.data("example.org", "sub.example.org.", RecordType::DS).len(), 1);
    assert_eq!(world.data("sub.example.org", "sub.example.org.", RecordType::DS).len(), 0);
}

#[test]
fn decisions_are_undone_like_records() {
    let world = world_with_domain();
    let mx = || world.data("example.org", "example.org.", RecordType::MX).len();
    let dmarc = || world.data("example.org", "_dmarc.example.org.", RecordType::TXT)[0].clone();
    let before = dmarc();
    let ignore = |name: &str| DnsRequest::Ignore { name: name.into(), rtype: "MX".into(), ignore: true };
    let undo = || world.order(DnsRequest::Undo { zone: "example.org".into(), skip: false });
    world.order(ignore("example.org")).unwrap();
    // One that changes nothing that is served, yet.
    world.order(ignore("nothing.example.org")).unwrap();
    let mail = DnsRequest::Mail {
        zone: "example.org".into(),
        dmarc: Some(crate::dns::mail_records::DmarcPolicy::Quarantine),
        reports_to: None,
        records: None,
    };
    world.order(mail).unwrap();
    world.order(DnsRequest::Sign { zone: "example.org".into(), nsec3: true, split: false }).unwrap();
    assert!(mx() == 0 && dmarc() != before);
    assert!(undo().unwrap().contains("sign"));
    assert!(mx() == 0 && dmarc() != before, "each by itself");
    assert!(undo().unwrap().contains("settings of the mail records"));
    assert!(mx() == 0 && dmarc() == before);
    assert!(undo().unwrap().contains("nothing.example.org"));
    assert!(undo().unwrap().contains("leave to the operator: example.org. MX"));
    assert_eq!(mx(), 1);
    let settings = world.zones.placements(&name("example.org")).unwrap().0.settings;
    assert_eq!(settings, ZoneSettings::default());
}

#[test]
fn keys_of_another_algorithm_are_replaced_and_those_of_the_house_are_not() {
    let world = world_with_domain();
    let roll = || DnsRequest::Rollover { name: "example.org".into(), what: RollWhat::Algorithm };
    assert!(world.order(roll()).unwrap_err().contains("ECDSAP256SHA256"));
    let pair = PrivateKey::generate(Algorithm::ED25519).unwrap();
    let dnskey = DnsKey::new(Role::Csk, Algorithm::ED25519, pair.public_key());
    let public = write_public(&name("example.org."), &dnskey, 3600);
    let private = pair.to_bind().unwrap().write();
    world.order(DnsRequest::KeyImport { zone: "example.org".into(), public, private }).unwrap();
    let algorithms = || -> Vec<u8> {
        let keys = world.zones.placements(&name("example.org.")).unwrap().0.keys.keys;
        keys.keys().iter().map(|key| key.algorithm.0).collect()
    };
    assert_eq!(algorithms(), [15]);
    let old = world.zones.placements(&name("example.org.")).unwrap().0.keys.keys.keys()[0].id;
    for _ in 0..40 {
        seen_everywhere(&world, "example.org", &[old]);
    }
    world.order(roll()).unwrap();
    seen_everywhere(&world, "example.org", &[old]);
    assert_eq!(algorithms(), [15, 13]);
    let new = world.zones.placements(&name("example.org.")).unwrap().0.keys.keys.keys()[1].id;
    for _ in 0..40 {
        seen_everywhere(&world, "example.org", &[old]);
    }
    for _ in 0..80 {
        seen_everywhere(&world, "example.org", &[new]);
    }
    assert_eq!(algorithms(), [13]);
}

/// Notes what may not be answered from.
struct Withheld(Arc<Mutex<Vec<Name>>>);

impl Serving for Withheld {
    fn put(&self, _: &ZoneData) {}
    fn put_all(&self, _: Vec<ZoneData>) {}
    fn withhold(&self, name: &Name) {
        self.0.lock().unwrap().push(name.clone());
    }
    fn remove(&self, _: &Name) {}
}

#[test]
fn a_secondary_zone_that_expired_stays_so_over_a_start() {
    let world = world();
    let apex = name("other.example.");
    let zone = world.zones.create(&apex, ZoneKind::Secondary, &ZoneSettings::default()).unwrap();
    let why = Why { kind: store::ZoneChangeKind::Transfer, ..Why::upkeep("whole") };
    let read = super::super::super::import::read("other.example", PLAIN.as_bytes(), Path::new("-")).unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, read).unwrap();
    let records = super::super::super::book::unpack_records(&bytes).unwrap();
    world
        .zones
        .change(&apex, &why, |draft| {
            draft.yours = ZoneData::from_records(apex.clone(), records.clone()).unwrap();
            Ok(())
        })
        .unwrap();
    // Its SOA record says a day (86 400 s), and a look is allowed to be missed before.
    for (ago_s, expected) in [(3600, Vec::new()), (2 * DAY_S, vec![apex.clone()])] {
        let at_ms = world.zones.now_ms() - i64::try_from(ago_s).unwrap() * 1000;
        let seen = store::ZoneSeen { subject: "primary".into(), at_ms, content: String::new() };
        world.zones.store().write_blocking(move |tx| tx.put_zone_seen(zone.id, &seen)).unwrap();
        let noted = Arc::new(Mutex::new(Vec::new()));
        let (store, clock) = (world.zones.store().clone(), world.clock.clone());
        let calendar: Calendar =
            Arc::new(move || Timestamp::from_unix_seconds(clock.load(Ordering::Relaxed)));
        let host = world.zones.host().clone();
        let fresh = Zones::new(store, host, calendar, Box::new(Withheld(noted.clone())));
        fresh.load().unwrap();
        crate::dns::secondary::withhold_expired(&fresh).unwrap();
        assert_eq!(*noted.lock().unwrap(), expected, "{ago_s} s ago");
    }
}
