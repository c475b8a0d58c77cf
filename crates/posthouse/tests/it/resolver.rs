//! A root, a top-level domain and domains of every kind on loopback addresses, resolved and validated by ours and by
//! Unbound: their verdicts must be the same.

use crate::dns::dig;
use crate::programs::{program, run};
use crate::server::{Server, free_port, fresh_folder, setup};
use crate::wait;
use dns::dnssec::bind::read_public;
use dns::dnssec::sign::{Sign, SigningPolicy, sign_zone};
use dns::dnssec::{Denial, DigestType, Ds, SigningPlan};
use dns::master::{NoInclude, read};
use dns::roll::keyset::Layout;
use dns::roll::{Action, KeyId, Observed, Policy, Request, Timestamp, ZoneKeys};
use dns::{Name, RData, Record, RecordType, Serial, Ttl, ZoneData};
use posthouse::dns::crypto::PrivateKey;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

pub const START_WAIT: Duration = Duration::from_secs(20);
const DAY: u32 = 86_400;

#[derive(Default)]
struct Keyring(BTreeMap<KeyId, PrivateKey>);

impl Sign for Keyring {
    fn sign(&self, key: KeyId, data: &[u8]) -> Result<Vec<u8>, String> {
        self.0.get(&key).ok_or("no such key")?.sign(data)
    }
}

/// A zone's keys.
pub struct Keys {
    keys: ZoneKeys,
    ring: Keyring,
    policy: Policy,
}

impl Keys {
    pub fn new() -> Keys {
        let policy = Policy { layout: Layout::Single, ..Policy::default() };
        let (mut keys, mut ring) = (ZoneKeys::new(), Keyring::default());
        keys.request(Request::Sign, &policy).unwrap();
        let date = now();
        for _ in 0..2 {
            let actions;
            (keys, actions) = keys.step(date, &Observed { at: date, ..Observed::default() }, &policy);
            for action in actions {
                if let Action::Generate { id, role, algorithm } = action {
                    let key = PrivateKey::generate_for(&keys, role, algorithm).unwrap();
                    keys.made(id, key.public_key());
                    ring.0.insert(id, key);
                }
            }
        }
        Keys { keys, ring, policy }
    }

    pub fn ds(&self, zone: &str) -> Ds {
        let key = self.keys.keys().iter().find_map(|key| key.dnskey()).unwrap();
        Ds::of(&zone.parse().unwrap(), &key, DigestType::SHA256).unwrap()
    }

    pub fn sign(&self, zone: &ZoneData, denial: Denial, date: Timestamp) -> ZoneData {
        let plan = SigningPlan::new(zone.apex(), &self.keys, &self.policy);
        let signing = SigningPolicy { denial, ..SigningPolicy::default() };
        sign_zone(zone, None, &plan, &signing, (Serial(2), date), &self.ring).unwrap().zone
    }
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_seconds(since.as_secs())
}

pub fn zone(apex: &str, text: &str) -> ZoneData {
    let text = format!("$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 900\n{text}");
    read(&apex.parse().unwrap(), apex, text.as_bytes(), &mut NoInclude)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn add_ds(zone: &mut ZoneData, child: &str, ds: &Ds) {
    let data = RData::from_wire(RecordType::DS, &ds.to_wire()).unwrap();
    zone.insert(Record::new(child.parse::<Name>().unwrap(), Ttl::from_wire(3600), data)).unwrap();
}

/// A process that ends with the test.
pub struct Daemon {
    child: Child,
    folder: PathBuf,
}

impl Daemon {
    pub fn start(name: &str, arguments: &[&str], folder: PathBuf) -> Daemon {
        let log = File::create(folder.join("log")).unwrap();
        let more = log.try_clone().unwrap();
        let mut command = program(name);
        command.args(arguments).arg("-c").arg(folder.join("conf"));
        let child = command.stdin(Stdio::null()).stdout(log).stderr(more).spawn().unwrap();
        Daemon { child, folder }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = run(program("sh").args(["-c", &format!("kill -TERM {}", self.child.id())])).said();
        if wait::until(START_WAIT, || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            eprintln!("the log in {}:\n{log}", self.folder.display());
        }
    }
}

/// NSD on port 53 of an address, with these zones.
fn nsd(address: &str, zones: &[&ZoneData]) -> Daemon {
    let folder = fresh_folder();
    let dir = folder.display();
    let mut conf = format!(
        "server:\n  ip-address: {address}\n  port: 53\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{dir}\"\n  \
         database: \"\"\n  pidfile: \"{dir}/pid\"\n  xfrdfile: \"{dir}/xfrd.state\"\n  xfrdir: \"{dir}\"\n  \
         zonelistfile: \"{dir}/zone.list\"\n  server-count: 1\nremote-control:\n  control-enable: no\n"
    );
    for (number, zone) in zones.iter().enumerate() {
        let lines: String = zone.records().map(|record| format!("{record}\n")).collect();
        fs::write(folder.join(format!("zone{number}")), lines).unwrap();
        conf += &format!("zone:\n  name: \"{}\"\n  zonefile: zone{number}\n", zone.apex());
    }
    fs::write(folder.join("conf"), conf).unwrap();
    Daemon::start("nsd", &["-d"], folder)
}

/// Unbound on a port of the loopback interface; `more` is what it is told besides.
pub fn unbound(port: u16, hints: &Path, anchors: &Path, more: &str) -> Daemon {
    let folder = fresh_folder();
    let conf = format!(
        "server:\n  interface: 127.0.0.1\n  port: {port}\n  chroot: \"\"\n  username: \"\"\n  directory: \"{}\"\n  \
         pidfile: \"\"\n  use-syslog: no\n  do-daemonize: no\n  do-not-query-localhost: no\n  do-ip6: no\n  \
         root-hints: \"{}\"\n  trust-anchor-file: \"{}\"\n  module-config: \"validator iterator\"\n  num-threads: 1\n\
         remote-control:\n  control-enable: no\n{more}",
        folder.display(),
        hints.display(),
        anchors.display()
    );
    fs::write(folder.join("conf"), conf).unwrap();
    Daemon::start("unbound", &["-d"], folder)
}

/// Three numbers of a loopback network that no other run uses, and no other test of this one.
fn network() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let id = std::process::id().wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(37));
    format!("127.{}.{}", 100 + id % 100, id / 100 % 250)
}

const DATA: &str = "mail A 192.0.2.25\n@ MX 10 mail\n_25._tcp.mail TLSA 3 1 1 \
    0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n*.wild A 192.0.2.7\nwww CNAME mail\n\
    out CNAME mail.plain.lab.\nmoved DNAME good.lab.\na.b.deep TXT x\nbig TXT \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"\n";

/// Everything that runs.
pub struct Lab {
    pub server: Server,
    unbound_port: u16,
    /// The address of the listener for others.
    pub listener: String,
    /// The files of hints and anchors.
    pub files: (PathBuf, PathBuf),
    _daemons: Vec<Daemon>,
}

impl Lab {
    /// Nothing where ports below 1024 are not for us.
    pub fn start() -> Option<Lab> {
        let net = network();
        let at = |last: u8| format!("{net}.{last}");
        if let Err(error) = UdpSocket::bind((at(1).as_str(), 53)) {
            eprintln!("not run: port 53 of {} cannot be had: {error}", at(1));
            return None;
        }
        let root_keys = Keys::new();
        let (server, files) = serve(&at, &root_keys.ds("."));
        let own = own_ds(&server);
        let (tld_keys, good, three, expired) = (Keys::new(), Keys::new(), Keys::new(), Keys::new());
        let delegation = |name: &str, last: u8| format!("{name} NS ns.{name}\nns.{name} A {}\n", at(last));
        let mut text = format!("@ NS ns\nns A {}\n", at(2));
        for name in ["good", "three", "plain", "wrong", "expired", "stripped"] {
            text += &delegation(name, 3);
        }
        text += &delegation("own", 5);
        let mut tld = zone("lab.", &text);
        add_ds(&mut tld, "own.lab", &own);
        add_ds(&mut tld, "good.lab", &good.ds("good.lab"));
        add_ds(&mut tld, "three.lab", &three.ds("three.lab"));
        add_ds(&mut tld, "expired.lab", &expired.ds("expired.lab"));
        add_ds(&mut tld, "wrong.lab", &Keys::new().ds("wrong.lab"));
        add_ds(&mut tld, "stripped.lab", &Keys::new().ds("stripped.lab"));
        let mut root =
            zone(".", &format!("@ NS a.root.\na.root. A {}\nlab NS ns.lab.\nns.lab A {}\n", at(1), at(2)));
        add_ds(&mut root, "lab", &tld_keys.ds("lab"));
        let (root, tld) =
            (root_keys.sign(&root, Denial::Nsec, now()), tld_keys.sign(&tld, Denial::Nsec, now()));
        let data = |name: &str| zone(name, &format!("@ NS ns\nns A {}\n{DATA}", at(3)));
        let zones = [
            good.sign(&data("good.lab"), Denial::Nsec, now()),
            three.sign(&data("three.lab"), Denial::Nsec3, now()),
            data("plain.lab"),
            Keys::new().sign(&data("wrong.lab"), Denial::Nsec, now()),
            expired.sign(&data("expired.lab"), Denial::Nsec, now().minus(60 * DAY)),
            data("stripped.lab"),
        ];
        let unbound_port = free_port();
        let daemons = vec![
            nsd(&at(1), &[&root]),
            nsd(&at(2), &[&tld]),
            nsd(&at(3), &zones.iter().collect::<Vec<_>>()),
            unbound(unbound_port, &files.0, &files.1, ""),
        ];
        for last in 1..=3 {
            let is_there = || dig_at(&at(last), 53, &["+norec", ".", "SOA"]).contains("HEADER").then_some(());
            wait::until(START_WAIT, is_there).unwrap_or_else(|| panic!("nothing answers at {}", at(last)));
        }
        let is_there =
            || dig_at("127.0.0.1", unbound_port, &["lab", "SOA"]).contains("NOERROR").then_some(());
        wait::until(START_WAIT, is_there).expect("unbound answers");
        Some(Lab { server, unbound_port, listener: at(9), files, _daemons: daemons })
    }

    /// What ours says: verdict and kind of answer.
    fn ours(&self, arguments: &[&str]) -> String {
        let ran = self.server.cli(&[&["--json", "dig"], arguments].concat());
        let text = ran.said();
        let reply: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}"));
        let field = |name: &str| reply[name].as_str().unwrap().to_owned();
        match field("verdict").as_str() {
            "bogus" => "bogus".into(),
            verdict => format!("{verdict} {}", field("answer")),
        }
    }

    /// What Unbound says, in the same words.
    fn theirs(&self, name: &str, rtype: &str) -> String {
        said(&dig_at("127.0.0.1", self.unbound_port, &["+dnssec", name, rtype]))
    }
}

/// The words of ours for an answer that dig shows.
pub fn said(text: &str) -> String {
    let header = text.lines().find(|line| line.contains("status:")).unwrap_or_else(|| panic!("{text}"));
    let flags = text.lines().find(|line| line.contains("flags: qr")).unwrap();
    let secure = flags.split(';').nth(2).unwrap().contains(" ad");
    let verdict = if secure { "secure" } else { "insecure" };
    let is_empty = flags.contains("ANSWER: 0")
        || !text.lines().any(|l| {
            !l.starts_with(';')
                && !l.contains("CNAME")
                && !l.contains("RRSIG")
                && l.contains("IN\t")
                && !l.contains("SOA")
                && !l.contains("NSEC")
        });
    match header {
        header if header.contains("SERVFAIL") => "bogus".into(),
        header if header.contains("NXDOMAIN") => format!("{verdict} no-such-name"),
        _ if is_empty => format!("{verdict} no-data"),
        _ => format!("{verdict} records"),
    }
}

pub fn dig_at(address: &str, port: u16, arguments: &[&str]) -> String {
    let (server, port) = (format!("@{address}"), port.to_string());
    let mut dig = program("dig");
    dig.args([&server, "-p", &port, "+tries=1", "+time=8"]).args(arguments);
    run(&mut dig).said()
}

/// Ours, with a signed zone of its own, and the files of hints and anchors.
fn serve(at: &impl Fn(u8) -> String, root: &Ds) -> (Server, (PathBuf, PathBuf)) {
    let resolver = format!(
        "[resolver]\nroot_hints = \"root.hints\"\ntrust_anchors = \"root.anchors\"\nlisten = [\"{}:53\"]\nnetworks = \
         [\"127.0.0.0/8\"]\n",
        at(9)
    );
    let mut server = setup().tables(&resolver).prepare();
    let text = fs::read_to_string(server.config()).unwrap();
    let (dns, more) = (format!("dns = [\"{}\"", server.at("dns")), format!(", \"{}:53\"", at(5)));
    fs::write(server.config(), text.replace(&dns, &(dns.clone() + &more))).unwrap();
    let files = (server.folder.join("root.hints"), server.folder.join("root.anchors"));
    fs::write(&files.0, format!(". 3600000 NS a.root.\na.root. 3600000 A {}\n", at(1))).unwrap();
    fs::write(&files.1, format!(". 3600 IN DS {root}\n")).unwrap();
    server.launch();
    server
        .cli_with(&["dns", "import", "own.lab", "-"], "$ORIGIN own.lab.\n$TTL 300\nwww A 192.0.2.80\n")
        .ok();
    (server, files)
}

/// The DS of the zone that ours has signed.
fn own_ds(server: &Server) -> Ds {
    let shown = wait::until(START_WAIT, || {
        let text = dig(server.port("dns"), &["+short", "own.lab", "DNSKEY"]);
        text.starts_with("257").then_some(text)
    });
    let line = shown.expect("the zone is signed");
    let key = format!("own.lab. 300 IN DNSKEY {}", line.lines().next().unwrap());
    let (name, key) = read_public(&key).unwrap();
    Ds::of(&name, &key, DigestType::SHA256).unwrap()
}

/// Names, types and what is to be said of them.
pub const CASES: [(&str, &str, &str); 32] = [
    ("mail.good.lab", "A", "secure records"),
    ("good.lab", "MX", "secure records"),
    ("_25._tcp.mail.good.lab", "TLSA", "secure records"),
    ("mail.good.lab", "AAAA", "secure no-data"),
    ("b.deep.good.lab", "A", "secure no-data"),
    ("nothing.good.lab", "A", "secure no-such-name"),
    ("x.wild.good.lab", "A", "secure records"),
    ("x.wild.good.lab", "MX", "secure no-data"),
    ("www.good.lab", "A", "secure records"),
    ("out.good.lab", "A", "insecure records"),
    ("mail.moved.good.lab", "A", "secure records"),
    ("mail.three.lab", "A", "secure records"),
    ("mail.three.lab", "TXT", "secure no-data"),
    ("x.y.nothing.three.lab", "A", "secure no-such-name"),
    ("x.y.wild.three.lab", "A", "secure records"),
    ("x.wild.three.lab", "MX", "secure no-data"),
    ("mail.moved.three.lab", "A", "secure records"),
    ("mail.plain.lab", "A", "insecure records"),
    ("mail.plain.lab", "AAAA", "insecure no-data"),
    ("nothing.plain.lab", "A", "insecure no-such-name"),
    ("mail.moved.plain.lab", "A", "insecure records"),
    ("plain.lab", "DS", "secure no-data"),
    ("nothing.lab", "A", "secure no-such-name"),
    ("nothing", "A", "secure no-such-name"),
    ("lab", "NS", "secure records"),
    ("lab", "DNSKEY", "secure records"),
    ("mail.wrong.lab", "A", "bogus"),
    ("mail.expired.lab", "A", "bogus"),
    ("nothing.expired.lab", "A", "bogus"),
    ("mail.stripped.lab", "A", "bogus"),
    ("www.own.lab", "A", "secure records"),
    ("nothing.own.lab", "A", "secure no-such-name"),
];

#[test]
fn verdicts_are_those_of_unbound() {
    let Some(mut lab) = Lab::start() else { return };
    let forwarder = format!("@127.0.0.1:{}", lab.unbound_port);
    let mut wrong = Vec::new();
    for (name, rtype, expected) in CASES {
        let found = [
            ("ours", lab.ours(&[name, rtype])),
            ("unbound", lab.theirs(name, rtype)),
            ("ours through unbound", lab.ours(&[name, rtype, &forwarder])),
            ("the listener", said(&dig_at(&lab.listener, 53, &["+dnssec", name, rtype]))),
        ];
        wrong.extend(
            found.into_iter().filter(|(_, said)| said != expected).map(|f| (name, rtype, expected, f)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // For people: the chain, the error, each message.
    let text = lab.server.cli(&["dig", "mail.good.lab", "--trace"]).ok();
    for part in ["192.0.2.25", "secure:", "✓ good.lab.", "✓ lab.", "✓ ."] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let text = lab.server.cli(&["dig", "mail.expired.lab"]).fails(1);
    assert!(text.contains("Signature Expired") && text.contains("clock"), "{text}");
    let text = dig_at(&lab.listener, 53, &["+dnssec", "mail.expired.lab"]);
    assert!(text.contains("EDE: 7"), "{text}");
    // The answer of a zone served here comes from here.
    let text = lab.server.cli(&["dig", "www.own.lab", "--trace"]).ok();
    assert!(text.contains("served here"), "{text}");
    // The same without a running server.
    lab.server.stop();
    let text = lab.server.cli(&["dig", "www.own.lab", "--trace"]).ok();
    assert!(text.contains("served here") && text.contains("secure:"), "{text}");
    assert_eq!(lab.ours(&["mail.good.lab", "AAAA"]), "secure no-data");
}

#[test]
fn a_resolver_for_nobody_named_does_not_start() {
    let server = setup().tables("[resolver]\nlisten = [\"127.0.0.1:5399\"]\n").prepare();
    let text = run(&mut server.serve_command()).fails(1);
    assert!(text.contains("needs networks"), "{text}");
}
