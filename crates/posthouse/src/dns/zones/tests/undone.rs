//! What an operator takes back, and what cannot be.

use super::*;
use crate::dns::request::RollWhat;
use store::{KeyPurpose, PeerRole};

const ZONE: &str = "example.org";

fn undo(world: &World, zone: &str) -> Result<String, String> {
    world.order(DnsRequest::Undo { zone: zone.into(), skip: false })
}

fn skip(world: &World) -> Result<String, String> {
    world.order(DnsRequest::Undo { zone: ZONE.into(), skip: true })
}

fn add(world: &World, line: &str) {
    world.order(DnsRequest::Add { lines: vec![line.to_owned()] }).unwrap();
}

fn sign(world: &World, zone: &str, nsec3: bool, split: bool) {
    world.order(DnsRequest::Sign { zone: zone.into(), nsec3, split }).unwrap();
}

fn unsign(world: &World, at_once: bool) {
    world.order(DnsRequest::Unsign { zone: ZONE.into(), at_once }).unwrap();
}

fn delete(world: &World, zone: &str, for_good: bool) -> String {
    world.order(DnsRequest::Delete { zone: zone.into(), force: true, for_good }).unwrap()
}

fn secondary(address: &str, key: Option<&str>) -> DnsRequest {
    DnsRequest::SecondaryAdd { zone: ZONE.into(), address: address.into(), key: key.map(str::to_owned) }
}

fn tsig(world: &World, name: &str) {
    let (name, algorithm) = (name.to_owned(), "hmac-sha256".to_owned());
    world.order(DnsRequest::TsigAdd { name, algorithm, secret: None }).unwrap();
}

fn draft(world: &World, zone: &str) -> Draft {
    world.zones.placements(&name(zone)).unwrap().0
}

fn dnskeys(world: &World, zone: &str) -> Vec<String> {
    world.data(zone, &format!("{zone}."), RecordType::DNSKEY)
}

fn cds(world: &World) -> Vec<String> {
    world.data(ZONE, "example.org.", RecordType::CDS)
}

/// The parent has the DS record, as all servers show.
fn made_secure(world: &World) {
    let key = draft(world, ZONE).keys.keys.keys()[0].id;
    for _ in 0..60 {
        seen_everywhere(world, ZONE, &[key]);
    }
    assert!(draft(world, ZONE).keys.keys.is_secure());
}

fn assert_sound(world: &World) {
    assert_eq!(domain::check(&world.zones).unwrap(), []);
    assert_eq!(world.zones.store().check(&mut |_| ()).unwrap().findings, []);
}

fn peers(world: &World, zone: &str) -> Vec<(PeerRole, String, Option<String>)> {
    let id = world.zones.zone(&name(zone)).unwrap().id;
    let peers = world.zones.store().read_blocking(move |view| view.zone_peers(id)).unwrap();
    peers.into_iter().map(|peer| (peer.role, peer.address, peer.tsig_key)).collect()
}

#[test]
fn a_deleted_zone_comes_back_as_it_was() {
    let world = world_with_domain();
    made_secure(&world);
    tsig(&world, "transfer.example");
    world.order(secondary("192.0.2.9", Some("transfer.example"))).unwrap();
    world.order(secondary("192.0.2.10", None)).unwrap();
    world.order(DnsRequest::Ignore { name: ZONE.into(), rtype: "MX".into(), ignore: true }).unwrap();
    add(&world, "www.example.org. 300 IN A 192.0.2.80");
    let (before, keys) = (draft(&world, ZONE), dnskeys(&world, ZONE));
    let (serial, entered) = (world.served(ZONE).serial().unwrap(), peers(&world, ZONE));
    assert!(delete(&world, ZONE, false).contains("brings it back"));
    assert!(world.zones.head(&name(ZONE)).is_none());
    assert!(world.order(DnsRequest::Export { zone: ZONE.into() }).unwrap_err().contains("no zone"));
    let log = || world.order(DnsRequest::Log { zone: ZONE.into(), limit: 2 }).unwrap();
    assert!(log().contains("delete the zone"), "{}", log());
    assert_sound(&world);
    // Its signatures end meanwhile, but not those of the keys that the parent vouches for.
    world.pass(20 * DAY_S);
    let said = undo(&world, ZONE).unwrap();
    assert!(said.contains("example.org is back"), "{said}");
    assert_eq!(dnskeys(&world, ZONE), keys);
    let after = draft(&world, ZONE);
    assert!(after.keys.keys.is_secure());
    assert_eq!((after.yours, after.settings), (before.yours, before.settings));
    assert_eq!(peers(&world, ZONE), entered);
    assert!(world.served(ZONE).serial().unwrap().is_after(serial));
    assert!(first_expiry(&world.served(ZONE), world.zones.now()).unwrap() > world.zones.now());
    let head = world.zones.head(&name(ZONE)).unwrap();
    assert_eq!((Some(head.serial), head.peers.len()), (world.served(ZONE).serial(), 4));
    // Whoever has the last version fetches what differs.
    assert!(world.zones.steps_since(&head, serial).unwrap().is_some());
    assert!(log().contains("undo: delete the zone") && log().contains("\"undone\":true"), "{}", log());
    // What was done before it is undone next.
    assert!(undo(&world, ZONE).unwrap().contains("add www"));
    assert_eq!(world.data(ZONE, "www.example.org.", RecordType::A), [""; 0]);
    assert_sound(&world);
}

#[test]
fn a_zone_made_anew_keeps_the_deleted_one_away_until_it_goes() {
    let world = world();
    let text = PLAIN.replace("example.net", "other.example");
    world.import("plain.example", &text, false).unwrap();
    let keys = dnskeys(&world, "plain.example");
    delete(&world, "plain.example", false);
    // A failed attempt at another takes nothing away.
    let broken = text.clone() + "www CNAME old\n";
    assert!(world.import("plain.example", &broken, true).is_err());
    assert!(world.zones.gone_zone(&name("plain.example")).unwrap().is_some());
    world
        .import(
            "plain.example",
            &text.replace("192.0.2.80", "192.0.2.90").replace(" 7 3600", " 70 3600"),
            false,
        )
        .unwrap();
    assert_ne!(dnskeys(&world, "plain.example"), keys);
    let refused = undo(&world, "plain.example").unwrap_err();
    assert!(refused.contains("it made the zone") && refused.contains("--for-good"), "{refused}");
    let addresses = || world.data("plain.example", "www.plain.example.", RecordType::A);
    assert_eq!(addresses(), ["192.0.2.90"], "nothing was changed");
    assert_sound(&world);
    let other = world.served("plain.example").serial().unwrap();
    delete(&world, "plain.example", true);
    undo(&world, "plain.example").unwrap();
    let serial = world.served("plain.example").serial().unwrap();
    assert!(serial.is_after(other), "secondaries of the other one take it, too");
    assert_eq!((addresses(), dnskeys(&world, "plain.example")), (vec!["192.0.2.80".to_owned()], keys));
    assert_sound(&world);
    // Removed for good is removed.
    delete(&world, "plain.example", true);
    assert!(undo(&world, "plain.example").unwrap_err().contains("no zone for plain.example"));
    let left = world.zones.store().read_blocking(|view| view.all_name_keys(KeyPurpose::Zone)).unwrap();
    assert_eq!(left, []);
}

#[test]
fn deleted_zones_are_forgotten_with_their_keys_after_their_time() {
    let world = world();
    world.import("plain.example", &PLAIN.replace("example.net", "other.example"), false).unwrap();
    delete(&world, "plain.example", false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let forget = || runtime.block_on(forget_long_gone(world.zones.store(), world.zones.now_ms())).unwrap();
    world.pass(u64::try_from(DELETED_KEPT_DAYS).unwrap() * DAY_S);
    assert_eq!(forget(), 0);
    world.pass(1);
    assert_eq!(forget(), 1);
    assert!(undo(&world, "plain.example").unwrap_err().contains("30 days"));
    let left = world.zones.store().read_blocking(|view| view.all_name_keys(KeyPurpose::GoneZone)).unwrap();
    assert_eq!(left, []);
}

#[test]
fn peers_of_a_zone_that_comes_back_need_their_keys() {
    let world = world_with_domain();
    tsig(&world, "transfer.example");
    world.order(secondary("192.0.2.9", Some("transfer.example"))).unwrap();
    delete(&world, ZONE, false);
    world.order(DnsRequest::TsigRemove { name: "transfer.example".into() }).unwrap();
    let said = undo(&world, ZONE).unwrap();
    assert!(said.contains("192.0.2.9 has nothing to do with it any more"), "{said}");
    assert_eq!(peers(&world, ZONE), []);
    assert_sound(&world);
}

#[test]
fn signing_is_undone_at_once_while_nobody_relies_on_it() {
    let world = world();
    world.import("plain.example", &PLAIN.replace("example.net", "other.example"), true).unwrap();
    let before = draft(&world, "plain.example");
    sign(&world, "plain.example", true, true);
    assert_eq!(dnskeys(&world, "plain.example").len(), 2);
    assert!(undo(&world, "plain.example").unwrap().contains("undone is \"sign\""));
    let after = draft(&world, "plain.example");
    assert_eq!((after.yours, after.settings), (before.yours, before.settings));
    assert!(!world.book("plain.example").signed);
    assert_eq!(after.keys.rows, []);
    assert!(undo(&world, "plain.example").unwrap_err().contains("it made the zone"));
    assert_sound(&world);
}

#[test]
fn signing_that_the_parent_vouches_for_is_undone_in_order() {
    let world = world_with_domain();
    unsign(&world, true);
    sign(&world, ZONE, false, false);
    made_secure(&world);
    let keys = dnskeys(&world, ZONE);
    undo(&world, ZONE).unwrap();
    assert_eq!(cds(&world), ["0 0 0 00"], "the parent is asked to remove the DS record");
    assert_eq!(dnskeys(&world, ZONE), keys);
    assert!(world.book(ZONE).signed);
    // The next one before was to stop signing: it is taken back as well, with the same keys.
    undo(&world, ZONE).unwrap();
    assert_eq!((dnskeys(&world, ZONE), cds(&world).len()), (keys, 1));
    assert!(!cds(&world)[0].starts_with("0 0 0"));
    assert!(undo(&world, ZONE).unwrap_err().contains("no edit to undo"));
}

#[test]
fn signing_is_not_undone_at_once_while_caches_may_have_a_ds() {
    let world = world_with_domain();
    unsign(&world, true);
    sign(&world, ZONE, false, false);
    made_secure(&world);
    unsign(&world, false);
    // The parent has none any more, and whoever asked it a moment ago has it still.
    seen_everywhere(&world, ZONE, &[]);
    undo(&world, ZONE).unwrap();
    assert!(undo(&world, ZONE).unwrap().contains("undone is \"sign\""));
    assert!(world.book(ZONE).signed);
    assert_eq!(cds(&world), ["0 0 0 00"]);
}

#[test]
fn stopping_to_sign_is_undone_with_the_keys_that_were() {
    let world = world_with_domain();
    made_secure(&world);
    sign(&world, ZONE, true, false);
    let keys = dnskeys(&world, ZONE);
    unsign(&world, false);
    assert_eq!(cds(&world), ["0 0 0 00"]);
    undo(&world, ZONE).unwrap();
    assert_eq!(dnskeys(&world, ZONE), keys);
    assert!(!cds(&world)[0].starts_with("0 0 0"));
    let first = draft(&world, ZONE).keys.keys.keys()[0].id;
    seen_everywhere(&world, ZONE, &[first]);
    assert!(draft(&world, ZONE).keys.keys.is_secure(), "nothing was lost");
    // Then how names are denied.
    let param = || world.data(ZONE, "example.org.", RecordType::NSEC3PARAM).len();
    assert_eq!(param(), 1);
    undo(&world, ZONE).unwrap();
    assert_eq!((param(), dnskeys(&world, ZONE)), (0, keys));
    assert_sound(&world);
}

#[test]
fn a_zone_whose_signatures_fade_is_signed_again_when_they_are_gone() {
    let world = world_with_domain();
    made_secure(&world);
    unsign(&world, false);
    while world.book(ZONE).signed {
        seen_everywhere(&world, ZONE, &[]);
    }
    assert!(undo(&world, ZONE).unwrap_err().contains("on their way out of caches"));
    assert!(!world.book(ZONE).signed, "nothing was changed");
    while draft(&world, ZONE).keys.keys.current().is_some() {
        seen_everywhere(&world, ZONE, &[]);
    }
    undo(&world, ZONE).unwrap();
    assert!(world.book(ZONE).signed);
}

#[test]
fn an_import_that_drops_signatures_is_undone_with_them() {
    let world = world_with_domain();
    sign(&world, ZONE, true, false);
    let before = world.book(ZONE).yours();
    world.import(ZONE, PLAIN, true).unwrap();
    assert!(!world.book(ZONE).signed);
    undo(&world, ZONE).unwrap();
    assert!(world.book(ZONE).signed);
    assert_eq!(world.book(ZONE).yours(), before);
    assert_eq!(world.data(ZONE, "example.org.", RecordType::NSEC3PARAM).len(), 1);
    assert_sound(&world);
}

#[test]
fn what_cannot_be_undone_says_so_and_hides_nothing() {
    let world = world_with_domain();
    add(&world, "www.example.org. 300 IN A 192.0.2.80");
    let dkim = || world.order(DnsRequest::Rollover { name: ZONE.into(), what: RollWhat::Dkim });
    dkim().unwrap();
    let served = world.served(ZONE);
    let refused = undo(&world, ZONE).unwrap_err();
    assert!(refused.contains("\"begin to replace a key\" cannot be undone: keys are replaced"), "{refused}");
    assert!(refused.contains("--skip") && refused.contains("add www.example.org."), "{refused}");
    assert_eq!(world.served(ZONE), served);
    assert!(skip(&world).unwrap().contains("undone is \"add www.example.org."));
    assert_eq!(world.data(ZONE, "www.example.org.", RecordType::A), [""; 0]);
    let refused = skip(&world).unwrap_err();
    assert!(refused.contains("cannot be undone") && !refused.contains("--skip"), "{refused}");
    // What comes after it is undone as ever.
    add(&world, "ftp.example.org. 300 IN A 192.0.2.81");
    assert!(undo(&world, ZONE).unwrap().contains("add ftp"));
    made_secure(&world);
    world.order(DnsRequest::Rollover { name: ZONE.into(), what: RollWhat::Csk }).unwrap();
    assert!(undo(&world, ZONE).unwrap_err().contains("cannot be undone"));
    let list = world.order(DnsRequest::Log { zone: ZONE.into(), limit: 1 }).unwrap();
    assert!(list.contains("begin to replace a key"), "{list}");
}

#[test]
fn peers_are_undone_one_by_one() {
    let world = world_with_domain();
    tsig(&world, "one.example");
    tsig(&world, "two.example");
    let at = "192.0.2.9";
    let both = |key: Option<&str>| {
        [PeerRole::Fetches, PeerRole::Notified]
            .map(|role| (role, at.to_owned(), key.map(str::to_owned)))
            .to_vec()
    };
    let serial = world.served(ZONE).serial();
    world.order(secondary(at, None)).unwrap();
    world.order(secondary(at, Some("one.example"))).unwrap();
    // Twice the same is no change, and so nothing to be undone.
    world.order(secondary(at, Some("one.example"))).unwrap();
    assert_eq!(peers(&world, ZONE), both(Some("one.example")));
    let remove = || DnsRequest::SecondaryRemove { zone: ZONE.into(), address: at.into() };
    world.order(remove()).unwrap();
    assert!(world.order(remove()).unwrap_err().contains("was not entered"));
    world
        .order(DnsRequest::UpdaterAdd { zone: ZONE.into(), address: "any".into(), key: "two.example".into() })
        .unwrap();
    assert_eq!(peers(&world, ZONE).len(), 1);
    assert!(world.book(ZONE).signed, "an entry beside the records says nothing of them");
    assert!(undo(&world, ZONE).unwrap().contains("updater add any"));
    assert_eq!(peers(&world, ZONE), []);
    assert!(undo(&world, ZONE).unwrap().contains("secondary remove"));
    assert_eq!(peers(&world, ZONE), both(Some("one.example")));
    assert_eq!(world.zones.head(&name(ZONE)).unwrap().peers.len(), 2, "and it is in use");
    undo(&world, ZONE).unwrap();
    assert_eq!(peers(&world, ZONE), both(None));
    undo(&world, ZONE).unwrap();
    assert_eq!(peers(&world, ZONE), []);
    assert!(undo(&world, ZONE).unwrap_err().contains("no edit to undo"));
    assert_eq!(world.served(ZONE).serial(), serial, "no record changed");
    assert_sound(&world);
}

#[test]
fn a_peer_does_not_come_back_without_its_key() {
    let world = world_with_domain();
    tsig(&world, "one.example");
    world.order(secondary("192.0.2.9", Some("one.example"))).unwrap();
    world.order(DnsRequest::SecondaryRemove { zone: ZONE.into(), address: "192.0.2.9".into() }).unwrap();
    world.order(DnsRequest::TsigRemove { name: "one.example".into() }).unwrap();
    assert!(undo(&world, ZONE).unwrap_err().contains("the key that 192.0.2.9 proved is not here"));
    assert_eq!(peers(&world, ZONE), []);
}

#[test]
fn following_is_undone_with_the_zone_that_it_made() {
    let world = world();
    let follow = |primary: &str, key: Option<&str>| DnsRequest::Follow {
        zone: "other.example".into(),
        primary: primary.into(),
        key: key.map(str::to_owned),
    };
    // What cannot be entered leaves no zone behind.
    assert!(world.order(follow("nowhere", None)).is_err());
    assert!(world.order(follow("192.0.2.1", Some("gone.example"))).is_err());
    assert!(world.zones.zone(&name("other.example")).is_err());
    world.order(follow("192.0.2.1", None)).unwrap();
    world.order(follow("192.0.2.2", None)).unwrap();
    assert_eq!(peers(&world, "other.example").len(), 2);
    assert!(undo(&world, "other.example").unwrap().contains("follow 192.0.2.2"));
    assert_eq!(peers(&world, "other.example").len(), 1);
    undo(&world, "other.example").unwrap();
    assert!(world.zones.zone(&name("other.example")).is_err());
    assert!(undo(&world, "other.example").unwrap_err().contains("no zone for other.example"));
    // Deleted, it comes back to be fetched as before.
    world.order(follow("192.0.2.1", None)).unwrap();
    delete(&world, "other.example", false);
    undo(&world, "other.example").unwrap();
    assert_eq!(peers(&world, "other.example").len(), 1);
    assert_eq!(world.zones.head(&name("other.example")).unwrap().kind, ZoneKind::Secondary);
    assert_sound(&world);
}
