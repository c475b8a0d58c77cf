//! Two years of a signed zone under a clock that the test moves, shown day by day to other people's checkers.

use std::collections::BTreeMap;
use std::time::SystemTime;

use dns::dnssec::check::check_zone;
use dns::dnssec::sign::{Sign, Signed, SigningPolicy, sign_zone};
use dns::dnssec::{Algorithm, Denial, DigestType, Ds, SigningPlan};
use dns::roll::keyset::Layout;
use dns::roll::{
    Action, Cds, DsSeen, DsView, KeyId, Observed, ParentView, Policy, Publication, Request, Role, Timestamp,
    ZoneKeys,
};
use dns::{Name, RecordType, Serial, ZoneData};
use posthouse::dns::crypto::{PrivateKey, Verifier};

use crate::dnsviz::{State, look};
use crate::programs::{program, run};

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;
/// The machines are asked so often.
const STEP: u32 = 6 * HOUR;

const ZONE: &str = r#"
$ORIGIN example.org.
$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 604800 1800
@ NS ns1
@ NS ns2.example.net.
@ MX 10 Mail
@ TXT "v=spf1 mx -all"
@ CAA 0 issue "ca.example; accounturi=https://ca.example/1"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail 86400 A 192.0.2.2
mail 86400 AAAA 2001:db8::2
mail TXT "v=spf1 a -all"
_25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_25._tcp.mail TLSA 3 1 1 fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210
_imaps._tcp SRV 0 1 993 mail
_pop3._tcp SRV 0 0 0 .
_dmarc TXT "v=DMARC1; p=reject"
s1._domainkey TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
*.wild 60 A 192.0.2.3
a.deep.empty.one A 192.0.2.4
secure NS ns.secure
secure DS 4711 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secure A 192.0.2.5
insecure NS ns.insecure
ns.insecure A 192.0.2.6
away.insecure2 NS ns2.example.net.
there DNAME elsewhere.example.net.
alias CNAME mail
www HTTPS 1 . alpn="h2,h3"
odd\.label TYPE65280 \# 3 010203
"#;

fn example() -> ZoneData {
    example_at("example.org.", ZONE)
}

fn example_at(apex: &str, text: &str) -> ZoneData {
    let text = text.replace("$ORIGIN example.org.", &format!("$ORIGIN {apex}"));
    let apex: Name = apex.parse().unwrap();
    dns::master::read(&apex, "zone", text.as_bytes(), &mut dns::master::NoInclude).unwrap()
}

fn true_time() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_seconds(since.as_secs())
}

/// A checker of signed zones: its name, and what it is called with. (validns of Debian is not among them: with
/// OpenSSL 3 it can make no key of ECDSA.)
struct Checker {
    name: &'static str,
    /// Whether it can be told what time it is. Those that cannot get a copy signed at the true time.
    takes_time: bool,
    /// Whether it knows that one of several keys may sign everything: Knot's takes a key with the SEP flag for one that
    /// signs the key set alone, unless it is the only key.
    knows_single_among_many: bool,
    arguments: fn(Timestamp, Layout) -> Vec<String>,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

const CHECKERS: [Checker; 4] = [
    Checker {
        name: "ldns-verify-zone",
        takes_time: true,
        knows_single_among_many: true,
        arguments: |now, _| words(&format!("-V 2 -t {}", now.compact())),
    },
    Checker {
        name: "kzonecheck",
        takes_time: true,
        knows_single_among_many: false,
        arguments: |now, _| words(&format!("-o example.org. -d on -t {}", now.unix_seconds())),
    },
    Checker {
        name: "dnssec-verify",
        takes_time: false,
        knows_single_among_many: true,
        arguments: |_, layout| match layout {
            // Told that one key may be all.
            Layout::Single => words("-q -z -o example.org."),
            Layout::Split => words("-q -o example.org."),
        },
    },
    Checker {
        name: "named-checkzone",
        takes_time: false,
        knows_single_among_many: true,
        arguments: |_, _| words("-q -i local example.org."),
    },
];

#[derive(Default)]
struct Keyring(BTreeMap<KeyId, PrivateKey>);

impl Sign for Keyring {
    fn sign(&self, key: KeyId, data: &[u8]) -> Result<Vec<u8>, String> {
        self.0.get(&key).ok_or("it was destroyed")?.sign(data)
    }
}

/// The zone, its keys, and a parent that follows CDS records in its own time.
struct World {
    now: Timestamp,
    plain: ZoneData,
    keys: ZoneKeys,
    ring: Keyring,
    policy: Policy,
    signing: SigningPolicy,
    signed: Signed,
    serial: u32,
    /// What the parent shows.
    ds: Vec<KeyId>,
    folder: tempfile::TempDir,
    signatures: usize,
    shown: usize,
    /// Each state of keys, signers and DS that there was, and how the last of them is known.
    states: Vec<State>,
    last_state: String,
}

impl World {
    fn new(layout: Layout) -> World {
        let policy = Policy { layout, zsk_lifetime_seconds: Some(30 * DAY), ..Policy::default() };
        let plain = example();
        let signed = Signed { zone: plain.clone(), next_due: None, made: 0, kept: 0 };
        let mut keys = ZoneKeys::new();
        keys.request(Request::Sign, &policy).unwrap();
        World {
            now: Timestamp::from_unix_seconds(1_795_424_400),
            plain,
            keys,
            ring: Keyring::default(),
            policy,
            signing: SigningPolicy::default(),
            signed,
            serial: 1,
            ds: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
            signatures: 0,
            shown: 0,
            states: Vec::new(),
            last_state: String::new(),
        }
    }

    fn sign(&mut self) {
        self.serial += 1;
        let plan = SigningPlan::new(self.plain.apex(), &self.keys, &self.policy);
        let when = (Serial(self.serial), self.now);
        self.signed =
            sign_zone(&self.plain, Some(&self.signed.zone), &plan, &self.signing, when, &self.ring).unwrap();
        self.signatures += self.signed.made;
        self.keys.served(plan.revision, self.serial);
    }

    fn observed(&self) -> Observed {
        let records = self.ds.iter().map(|id| DsSeen::Ours(*id)).collect();
        let ds = Some(DsView { records, ttl_seconds: DAY });
        Observed {
            at: self.now,
            our_serial: self.serial,
            every_server_shows: Some(self.serial),
            parent: vec![ParentView { server: "a.org".into(), ds }],
            zone_ttl_max_seconds: 86_400,
            dnskey_ttl_seconds: 3600,
            negative_ttl_seconds: 1800,
        }
    }

    /// Six hours go by.
    fn step(&mut self) {
        self.now = self.now + STEP;
        let keys = std::mem::take(&mut self.keys);
        let (keys, actions) = keys.step(self.now, &self.observed(), &self.policy);
        self.keys = keys;
        let mut due = self.signed.next_due.is_some_and(|due| due <= self.now);
        for action in actions {
            match action {
                Action::Generate { id, role, algorithm } => {
                    let key = PrivateKey::generate_for(&self.keys, role, algorithm).unwrap();
                    self.keys.made(id, key.public_key());
                    self.ring.0.insert(id, key);
                }
                Action::Sign => due = true,
                Action::NotifyParent => {}
                Action::Destroy(id) => drop(self.ring.0.remove(&id)),
            }
        }
        if due {
            self.sign();
        }
    }

    fn scan_by_parent(&mut self) {
        match self.keys.publication(&self.policy).cds {
            Cds::None => {}
            Cds::Delete => self.ds.clear(),
            Cds::Keys(keys) => self.ds = keys,
        }
    }

    /// Keeps a copy of the zone, if its keys or what signs it are others than before.
    fn remember(&mut self) {
        let Publication { dnskeys, dnskey_signers, zone_signers, .. } = self.keys.publication(&self.policy);
        let state = format!(
            "keys {dnskeys:?}, signed by {dnskey_signers:?}, all else by {zone_signers:?}; DS {:?}; {:?}",
            self.ds, self.signing.denial
        );
        if zone_signers.is_empty() || state == self.last_state {
            return;
        }
        self.last_state.clone_from(&state);
        // Other people's servers are none that could be asked.
        let text = ZONE.replace("@ NS ns2.example.net.\n", "").replace("ns1 AAAA 2001:db8::1\n", "");
        let plain = example_at(
            &format!("s{:03}.test.", self.states.len()),
            &text.replace("192.0.2.1\n", "127.0.0.1\n"),
        );
        let plan = SigningPlan::new(plain.apex(), &self.keys, &self.policy);
        let when = (Serial(self.serial), true_time());
        let zone = sign_zone(&plain, None, &plan, &self.signing, when, &self.ring).unwrap().zone;
        let ds = self.ds.iter().filter_map(|id| self.keys.key(*id)?.dnskey());
        let ds = ds.filter_map(|key| Ds::of(plain.apex(), &key, DigestType::SHA256)).collect();
        self.states.push(State { zone, ds, summary: format!("{}: {state}", self.now) });
    }

    /// Checks the zone by our own second opinion, as one who believes the parent would.
    fn check_ours(&self) {
        if !self.keys.is_signed() {
            return;
        }
        let ds: Vec<Ds> = self
            .ds
            .iter()
            .filter_map(|id| self.keys.key(*id)?.dnskey())
            .filter_map(|key| Ds::of(self.plain.apex(), &key, DigestType::SHA256))
            .collect();
        let checked = check_zone(&self.signed.zone, self.now, &Verifier, Some(&ds));
        assert_eq!(checked, Ok(()), "at {} ({})", self.now, self.keys.summary());
    }

    /// Shows the zone to everyone else.
    fn check_outside(&mut self) {
        if !self.keys.is_signed() {
            return;
        }
        self.shown += 1;
        let plan = SigningPlan::new(self.plain.apex(), &self.keys, &self.policy);
        let when = (Serial(self.serial), true_time());
        let copy = sign_zone(&self.plain, None, &plan, &self.signing, when, &self.ring).unwrap().zone;
        let single = self.keys.keys().iter().any(|key| key.role == Role::Csk);
        let layout = if single { Layout::Single } else { Layout::Split };
        let many =
            self.signed.zone.get(self.plain.apex(), RecordType::DNSKEY).is_some_and(|keys| keys.len() > 1);
        for checker in CHECKERS.iter().filter(|checker| checker.knows_single_among_many || !(single && many))
        {
            let zone = if checker.takes_time { &self.signed.zone } else { &copy };
            let file = self.folder.path().join("zone");
            let lines: String = zone.records().map(|record| format!("{record}\n")).collect();
            std::fs::write(&file, &lines).unwrap();
            let ran = run(program(checker.name).args((checker.arguments)(self.now, layout)).arg(&file));
            if ran.code != Some(0) {
                let (now, waits) = (self.now, self.keys.waits(&self.policy));
                panic!("at {now} ({}, {waits:?}):\n{ran:?}\n{lines}", self.keys.summary());
            }
        }
    }

    /// Lives for so many days; at the end of each all checkers look.
    fn live(&mut self, days: u32) {
        for day in 0..days {
            for quarter in 0..DAY / STEP {
                if quarter == 1 && day % 3 == 0 {
                    self.scan_by_parent();
                }
                self.step();
                self.remember();
            }
            self.check_ours();
            self.check_outside();
        }
    }

    fn ask(&mut self, request: Request) {
        self.keys.request(request, &self.policy).unwrap_or_else(|refused| panic!("{request:?}: {refused}"));
    }
}

/// Rolls of every kind, over two years. All checkers look every day, and DNSViz at each state of the keys.
fn two_years() {
    let mut world = World::new(Layout::Split);
    world.live(40);
    assert!(world.keys.is_secure(), "{:?}", world.keys.waits(&world.policy));
    world.ask(Request::RollTop);
    world.live(60);
    world.signing.denial = Denial::Nsec3;
    world.live(60);
    world.signing.zonemd = true;
    world.ask(Request::RollTop);
    world.live(70);
    world.policy.zsk_lifetime_seconds = None;
    world.live(40);
    world.policy.layout = Layout::Single;
    world.ask(Request::Replace);
    world.live(60);
    assert_eq!(world.keys.summary(), "secure");
    world.policy.top_lifetime_seconds = Some(60 * DAY);
    world.live(200);
    world.policy.top_lifetime_seconds = None;
    world.live(40);
    world.policy.algorithm = Algorithm::ED25519;
    world.ask(Request::Replace);
    world.live(60);
    assert_eq!(world.keys.summary(), "secure");
    world.signing.denial = Denial::Nsec;
    world.ask(Request::RollTop);
    world.live(60);
    world.ask(Request::Unsign);
    world.live(40);
    assert_eq!(
        (world.keys.summary(), &world.signed.zone.record_count()),
        ("not signed", &example().record_count())
    );
    assert!(world.signatures > 0 && world.shown > 0, "something was signed, and looked at");
    assert!(world.states.len() > 20, "{} states of the keys", world.states.len());
    assert_eq!(look(&world.states, world.folder.path()), Vec::<String>::new());
}

#[test]
fn a_zone_is_valid_for_every_checker_on_every_day_of_two_years() {
    two_years();
}
