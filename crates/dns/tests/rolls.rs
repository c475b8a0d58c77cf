//! Two simulated years of key rolls, hour by hour, before a resolver that may hold any record as long as
//! its TTL: whatever mixture of old and new it holds, it must be able to validate.
#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use std::collections::BTreeSet;

use dns::dnssec::algorithm::Algorithm;
use dns::roll::keyset::Layout;
use dns::roll::{
    Action, Cds, DsSeen, DsView, KeyId, Observed, ParentView, Policy, Publication, Request, Timestamp,
    ZoneKeys,
};

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;
const TWO_YEARS_HOURS: u32 = 2 * 365 * 24;

/// Something a server showed, from when until when, and how long a cache may keep it.
struct Shown<T> {
    from: Timestamp,
    until: Option<Timestamp>,
    ttl_seconds: u32,
    what: T,
}

/// All that one server showed, in order of time.
struct History<T>(Vec<Shown<T>>);

impl<T: Clone> History<T> {
    fn show(&mut self, now: Timestamp, ttl_seconds: u32, what: T) {
        if let Some(last) = self.0.last_mut() {
            last.until = Some(now);
        }
        self.0.push(Shown { from: now, until: None, ttl_seconds, what });
    }

    /// What a cache may hold at `now`; older entries are dropped for good.
    fn cached(&mut self, now: Timestamp) -> impl Iterator<Item = &T> {
        self.0.retain(|shown| shown.until.is_none_or(|until| until + shown.ttl_seconds > now));
        self.0.iter().filter(move |shown| shown.from <= now).map(|shown| &shown.what)
    }

    fn present(&self) -> &T {
        &self.0.last().expect("shown from the start").what
    }
}

/// A version of the zone, as far as keys go.
#[derive(Debug, Clone, Default)]
struct Version {
    serial: u32,
    ttl_seconds: u32,
    publication: Publication,
}

struct Server {
    lag_hours: u32,
    version: Version,
    keys: History<Publication>,
    data: History<Publication>,
}

struct World {
    now: Timestamp,
    hour: u32,
    policy: Policy,
    keys: ZoneKeys,
    /// Every key that ever was, with its algorithm.
    algorithms: Vec<(KeyId, Algorithm)>,
    zone_ttl_seconds: u32,
    versions: Vec<(u32, Version)>,
    servers: Vec<Server>,
    parents: Vec<History<BTreeSet<KeyId>>>,
    ds_ttl_seconds: u32,
    /// How often the parent looks for CDS.
    parent_scan_hours: u32,
    /// Observations that claim what is not yet so, to try the check itself.
    lying: bool,
    finished: u32,
}

impl World {
    fn new(policy: Policy) -> World {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let server = |lag_hours| {
            let mut server = Server {
                lag_hours,
                version: Version::default(),
                keys: History(Vec::new()),
                data: History(Vec::new()),
            };
            server.keys.show(now, 0, Publication::default());
            server.data.show(now, 0, Publication::default());
            server
        };
        let parent = || {
            let mut history = History(Vec::new());
            history.show(now, 0, BTreeSet::new());
            history
        };
        World {
            now,
            hour: 0,
            policy,
            keys: ZoneKeys::new(),
            algorithms: Vec::new(),
            zone_ttl_seconds: HOUR,
            versions: vec![(0, Version::default())],
            servers: vec![server(0), server(1), server(7)],
            parents: vec![parent(), parent()],
            ds_ttl_seconds: DAY,
            parent_scan_hours: 30,
            lying: false,
            finished: 0,
        }
    }

    fn publish(&mut self) {
        let serial = self.hour + 1;
        let publication = self.keys.publication(&self.policy);
        self.keys.served(publication.revision, serial);
        self.versions.push((self.hour, Version { serial, ttl_seconds: self.zone_ttl_seconds, publication }));
    }

    /// True while the slowest server is cut off: it answers resolvers, and neither us nor our NOTIFY.
    fn cut_off(&self, server: usize) -> bool {
        server == 2 && self.hour % (24 * 40) < 60
    }

    fn spread(&mut self) {
        for index in 0..self.servers.len() {
            if self.cut_off(index) {
                continue;
            }
            let ready = |made: &u32| self.hour >= made + self.servers[index].lag_hours;
            let Some((_, latest)) = self.versions.iter().rev().find(|(made, _)| ready(made)) else {
                continue;
            };
            let server = &mut self.servers[index];
            if latest.serial != server.version.serial {
                server.version = latest.clone();
                let publication = &latest.publication;
                server.keys.show(self.now, publication.dnskey_ttl_seconds, publication.clone());
                server.data.show(self.now, latest.ttl_seconds, publication.clone());
            }
        }
    }

    fn scan_by_parent(&mut self) {
        for index in 0..self.parents.len() {
            // The second server of the parent is nine hours behind.
            if self.hour < 9 || !(self.hour - 9 * index as u32).is_multiple_of(self.parent_scan_hours) {
                continue;
            }
            let wanted = match &self.servers[0].version.publication.cds {
                Cds::None => continue,
                Cds::Delete => BTreeSet::new(),
                Cds::Keys(keys) => keys.iter().copied().collect(),
            };
            if *self.parents[index].present() != wanted {
                let ttl = self.ds_ttl_seconds;
                self.parents[index].show(self.now, ttl, wanted);
            }
        }
    }

    fn observe(&self) -> Observed {
        let silent = (0..self.servers.len()).any(|server| self.cut_off(server));
        let oldest = self.servers.iter().map(|server| server.version.serial).min();
        let view = |history: &History<BTreeSet<KeyId>>| ParentView {
            server: "a.parent".into(),
            ds: Some(DsView {
                records: history.present().iter().map(|key| DsSeen::Ours(*key)).collect(),
                ttl_seconds: self.ds_ttl_seconds,
            }),
        };
        let ours = self.versions.last().map(|(_, version)| version.clone()).unwrap_or_default();
        let mut observed = Observed {
            at: self.now,
            our_serial: ours.serial,
            every_server_shows: oldest.filter(|_| !silent),
            parent: self.parents.iter().map(view).collect(),
            zone_ttl_max_seconds: ours.ttl_seconds,
            dnskey_ttl_seconds: ours.publication.dnskey_ttl_seconds,
            negative_ttl_seconds: 1800,
        };
        if self.lying {
            observed.every_server_shows = Some(self.hour + 1);
            let wanted = self.keys.wanted_ds().into_iter().map(DsSeen::Ours).collect();
            observed.parent[1].ds = Some(DsView { records: wanted, ttl_seconds: 60 });
            observed.parent[0] = observed.parent[1].clone();
        }
        observed
    }

    /// One hour: the world moves, the machine steps, the resolver validates.
    fn hour(&mut self) -> Result<(), String> {
        self.hour += 1;
        self.now = self.now + HOUR;
        self.spread();
        self.scan_by_parent();
        let observed = self.observe();
        // What is kept as text has to be the same state.
        let text = serde_json::to_string(&self.keys).expect("a state can be written");
        let keys: ZoneKeys = serde_json::from_str(&text).expect("and read");
        let (keys, actions) = keys.step(self.now, &observed, &self.policy);
        self.keys = keys;
        for action in actions {
            match action {
                Action::Generate { id, algorithm, .. } => {
                    self.algorithms.push((id, algorithm));
                    self.keys.made(id, vec![id.0 as u8; 64]);
                }
                Action::Sign => self.publish(),
                Action::NotifyParent => {}
                Action::Destroy(_) => self.finished += 1,
            }
        }
        self.spread();
        self.validate()
    }

    fn validate(&mut self) -> Result<(), String> {
        let now = self.now;
        let distinct = |found: Vec<Publication>| {
            let mut found = found;
            found.sort_by_key(|publication| publication.revision);
            found.dedup();
            found
        };
        let ds: BTreeSet<BTreeSet<KeyId>> = self
            .parents
            .iter_mut()
            .flat_map(|parent| parent.cached(now).cloned().collect::<Vec<_>>())
            .collect();
        let keys =
            self.servers.iter_mut().flat_map(|server| server.keys.cached(now).cloned().collect::<Vec<_>>());
        let keys = distinct(keys.collect());
        let data =
            self.servers.iter_mut().flat_map(|server| server.data.cached(now).cloned().collect::<Vec<_>>());
        let data = distinct(data.collect());
        for ds in ds.iter().filter(|ds| !ds.is_empty()) {
            for keys in &keys {
                for data in &data {
                    self.validates(ds, keys, data)?;
                }
            }
        }
        Ok(())
    }

    /// Whether one DS set, one key set and one record set go together, for the strictest of validators:
    /// every algorithm of the DS set signs the key set, and every one of the key set signs the data.
    fn validates(&self, ds: &BTreeSet<KeyId>, keys: &Publication, data: &Publication) -> Result<(), String> {
        let algorithm =
            |id: &KeyId| self.algorithms.iter().find(|(key, _)| key == id).map(|(_, algorithm)| *algorithm);
        let day = self.hour / 24;
        for wanted in ds.iter().map(algorithm).collect::<BTreeSet<_>>() {
            let trusted = keys
                .dnskeys
                .iter()
                .any(|key| algorithm(key) == wanted && ds.contains(key) && keys.dnskey_signers.contains(key));
            if !trusted {
                return Err(format!("day {day}: DS {ds:?} and key set {keys:?}"));
            }
        }
        for wanted in keys.dnskeys.iter().map(algorithm).collect::<BTreeSet<_>>() {
            let signed =
                keys.dnskeys.iter().any(|key| algorithm(key) == wanted && data.zone_signers.contains(key));
            if !signed {
                return Err(format!("day {day}: key set {keys:?} and data {data:?}"));
            }
        }
        Ok(())
    }

    fn request(&mut self, request: Request) {
        self.keys.request(request, &self.policy).unwrap_or_else(|refused| panic!("{request:?}: {refused}"));
    }

    fn run_until(&mut self, hours_max: u32, done: impl Fn(&World) -> bool) {
        for _ in 0..hours_max {
            self.hour().unwrap_or_else(|broken| panic!("{broken}"));
            if done(self) {
                return;
            }
        }
        panic!("{} still waits for {:?}", self.keys.summary(), self.keys.waits(&self.policy));
    }
}

fn split(zsk_days: u32, ksk_days: u32) -> Policy {
    Policy {
        layout: Layout::Split,
        zsk_lifetime_seconds: Some(zsk_days * DAY),
        top_lifetime_seconds: Some(ksk_days * DAY),
        ..Policy::default()
    }
}

#[test]
fn two_years_of_zsk_and_ksk_rolls_beside_each_other() {
    let mut world = World::new(split(30, 97));
    world.request(Request::Sign);
    for hour in 0..TWO_YEARS_HOURS {
        // TTLs go up and down while rolls are under way.
        world.zone_ttl_seconds = [HOUR, 2 * DAY, 300, DAY][(hour / 200 % 4) as usize];
        world.policy.dnskey_ttl_seconds = [HOUR, DAY, 60][(hour / 333 % 3) as usize];
        if hour % 100 == 0 {
            world.publish();
        }
        world.hour().unwrap();
    }
    assert!(world.finished > 20, "{} keys came to their end", world.finished);
    assert!(world.keys.is_secure());
}

#[test]
fn two_years_of_csk_rolls() {
    let policy = Policy { top_lifetime_seconds: Some(45 * DAY), ..Policy::default() };
    let mut world = World::new(policy);
    world.request(Request::Sign);
    for hour in 0..TWO_YEARS_HOURS {
        world.zone_ttl_seconds = [DAY, 600, 3 * HOUR][(hour / 150 % 3) as usize];
        if hour % 50 == 0 {
            world.publish();
        }
        world.hour().unwrap();
    }
    assert!(world.finished > 12, "{} keys came to their end", world.finished);
}

#[test]
fn algorithms_and_layouts_change_back_and_forth() {
    let mut world = World::new(Policy { top_lifetime_seconds: None, ..split(25, 0) });
    world.zone_ttl_seconds = DAY;
    world.request(Request::Sign);
    world.run_until(2000, |world| world.keys.is_secure());
    for (algorithm, layout) in [
        (Algorithm::ED25519, Layout::Split),
        (Algorithm::ECDSAP256SHA256, Layout::Single),
        (Algorithm::ED25519, Layout::Single),
        (Algorithm::ED25519, Layout::Split),
        (Algorithm::RSASHA256, Layout::Split),
    ] {
        world.run_until(2000, |world| world.keys.summary() == "secure");
        (world.policy.algorithm, world.policy.layout) = (algorithm, layout);
        world.request(Request::Replace);
        world.run_until(3000, |world| world.keys.summary() == "secure; the keys are being replaced");
        world.run_until(3000, |world| world.keys.summary() == "secure");
        assert!(world.keys.keys().iter().all(|key| key.algorithm == algorithm));
        world.run_until(TWO_YEARS_HOURS / 10, |world| world.hour % 700 == 0);
    }
}

#[test]
fn a_zone_goes_signed_and_unsigned_and_changes_its_mind() {
    let mut world = World::new(Policy::default());
    world.zone_ttl_seconds = 2 * DAY;
    world.servers.iter_mut().for_each(|server| server.data.show(world.now, 2 * DAY, Publication::default()));
    for round in 0..5 {
        world.request(Request::Sign);
        world.run_until(2000, |world| world.keys.is_secure());
        assert!(world.keys.may_delete(&world.observe()).is_err());
        world.request(Request::Unsign);
        if round % 2 == 1 {
            let mut left = 10 * round;
            while left > 0 {
                left -= 1;
                world.hour().unwrap();
            }
            world.request(Request::Sign);
            world.run_until(2000, |world| world.keys.is_secure());
            world.request(Request::Unsign);
        }
        world.run_until(2000, |world| world.keys.summary() == "not signed");
        assert!(world.keys.keys().is_empty() && world.keys.may_delete(&world.observe()).is_ok());
    }
}

#[test]
fn a_zone_that_was_never_unsigned_asks_for_its_ds_once_every_server_has_it() {
    let mut world = World::new(Policy::default());
    world.zone_ttl_seconds = 7 * DAY;
    world.request(Request::SignNew);
    world.run_until(72, |world| world.keys.wanted_ds().len() == 1);
    world.run_until(2000, |world| world.keys.is_secure());
    world.request(Request::RollTop);
    world.run_until(2000, |world| world.finished > 0);
    assert_eq!(world.keys.summary(), "secure");
}

#[test]
fn nothing_moves_by_time_alone() {
    let mut world = World::new(split(30, 60));
    world.request(Request::Sign);
    world.run_until(2000, |world| world.keys.is_secure());
    // The parent no longer looks for CDS.
    world.parent_scan_hours = u32::MAX;
    world.request(Request::RollTop);
    for _ in 0..TWO_YEARS_HOURS / 2 {
        world.hour().unwrap();
    }
    assert_eq!(world.keys.summary(), "secure; the KSK is being rolled");
    let waits = world.keys.waits(&world.policy);
    assert!(waits.iter().any(|wait| wait.needs_owner && wait.earliest.is_none()), "{waits:?}");
    // ZSKs roll on meanwhile.
    assert!(world.finished > 5, "{}", world.finished);
}

/// The check must be able to fail: it does as soon as observations are not true.
#[test]
fn believing_what_is_not_so_breaks_the_zone() {
    for (policy, request) in [
        (Policy::default(), Request::RollTop),
        (split(1000, 1000), Request::RollTop),
        (split(1000, 1000), Request::RollZone),
        (Policy { algorithm: Algorithm::ED25519, ..Policy::default() }, Request::Replace),
        (Policy::default(), Request::Unsign),
    ] {
        let mut world = World::new(Policy { algorithm: Algorithm::ECDSAP256SHA256, ..policy.clone() });
        world.zone_ttl_seconds = HOUR;
        world.request(Request::Sign);
        world.run_until(2000, |world| world.keys.is_secure());
        world.policy = Policy { safety_seconds: 0, parent_propagation_seconds: 0, ..policy };
        world.hour += 24 * 40 - world.hour % (24 * 40);
        world.parent_scan_hours = 9000;
        world.request(request);
        world.lying = true;
        let outcome: Result<(), String> = (0..500).try_for_each(|_| world.hour());
        assert!(outcome.is_err(), "{request:?} was not noticed");
    }
}
