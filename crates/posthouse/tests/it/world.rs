//! A small world of names: a root, a top-level domain and domains below it, each on a server of its own, joined by
//! what `posthouse dns status` says is to be entered at the parent, and resolved from the root by others.

use crate::programs::{program, run};
use crate::server::{Server, fresh_folder, setup};
use crate::wait;
use serde_json::Value;
use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a resolver may take to start, or a server to notice.
const START_WAIT: Duration = Duration::from_secs(30);
/// The hosts of a world, by the last number of their addresses.
const ROOT: u8 = 1;
const TLD: u8 = 2;
pub const ALPHA: u8 = 3;
const BETA: u8 = 4;
const COLLECTOR: u8 = 7;
pub const RESOLVER: u8 = 10;

/// What is in a zone that is made by hand.
fn zone_text(server: &str, more: &str) -> String {
    format!("$TTL 300\n@ SOA {server} hostmaster 1 3600 600 86400 300\n@ NS {server}\n{more}")
}

/// Loopback addresses that nobody else here uses: `127.x.y.1` to `.10`.
#[derive(Debug, Clone, Copy)]
pub struct Network(u8, u8);

impl Network {
    /// One whose port 53 is free.
    ///
    /// # Panics
    /// If this user may not open that port.
    pub fn free() -> Network {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number =
                std::process::id().wrapping_mul(31).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let [low, high, ..] = number.to_le_bytes();
            let network = Network(64 | high & 63, low);
            match UdpSocket::bind((network.host(RESOLVER), 53)) {
                Ok(_) => return network,
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
                Err(error) => panic!(
                    "port 53 of {} cannot be had ({error}): run the tests as root, or let everybody open it: \
                     sysctl net.ipv4.ip_unprivileged_port_start=0",
                    network.host(RESOLVER)
                ),
            }
        }
    }

    /// The address of a host.
    pub fn host(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.0, self.1, number)
    }
}

/// The servers of a world, and a resolver that trusts its root.
pub struct World {
    pub network: Network,
    pub root: Server,
    pub tld: Server,
    /// Serves `alpha.example`, with mail.
    pub alpha: Server,
    pub resolver: Unbound,
}

impl World {
    /// A signed root with `example` and `alpha.example`, all of them trusted.
    pub fn begin() -> World {
        World::begin_with(|_| ())
    }

    /// The same; what has to be in the folder of alpha's server is put there before it starts.
    pub fn begin_with(prepare: impl FnOnce(&Server)) -> World {
        let network = Network::free();
        let root = host(network, ROOT, "a.root-servers.example", None);
        let own = format!("a.root-servers.example. A {}\n", network.host(ROOT));
        root.cli_with(&["dns", "import", ".", "-"], &zone_text("a.root-servers.example.", &own)).ok();
        let trusted = anchor(&root);
        let tld = host(network, TLD, "ns.example", Some(&trusted));
        tld.cli_with(
            &["dns", "import", "example", "-"],
            &zone_text("ns", &format!("ns A {}\n", network.host(TLD))),
        )
        .ok();
        let mut alpha = prepared(network, ALPHA, "mx.alpha.example", Some(&trusted));
        prepare(&alpha);
        alpha.launch();
        alpha.cli(&["domain", "add", "alpha.example"]).ok();
        let resolver = Unbound::start(network, &trusted);
        enter(&root, &to_paste(&tld, "example"));
        enter(&tld, &to_paste(&alpha, "alpha.example"));
        World { network, root, tld, alpha, resolver }
    }

    /// What the resolver answers.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let at = format!("@{}", self.network.host(RESOLVER));
        run(program("dig").args([&at, "+tries=1", "+time=15", "+dnssec"]).args(arguments)).ok()
    }

    /// What `delv` finds, which asks our servers itself from the root on.
    fn delv(&self, name: &str, rtype: &str) -> String {
        let at = format!("@{}", self.network.host(RESOLVER));
        let file = self.resolver.folder.join("bind-anchor");
        let key = anchor(&self.root);
        let (numbers, encoded) = key.trim().rsplit_once(' ').unwrap();
        let numbers = numbers.rsplit(' ').take(3).collect::<Vec<_>>();
        let numbers = numbers.into_iter().rev().collect::<Vec<_>>().join(" ");
        fs::write(&file, format!("trust-anchors {{ . static-key {numbers} \"{encoded}\"; }};\n")).unwrap();
        // +cd: what it is told is not judged by the resolver before.
        run(program("delv").arg(&at).arg("-a").arg(&file).args(["+root=.", "+cdflag", name, rtype])).said()
    }
}

/// A server of a world that runs, and trusts its root.
pub fn host(network: Network, number: u8, name: &str, trusted: Option<&str>) -> Server {
    let mut server = prepared(network, number, name, trusted);
    server.launch();
    server
}

/// A server of a world, named and placed, asking the world's resolver; nothing runs yet.
fn prepared(network: Network, number: u8, name: &str, trusted: Option<&str>) -> Server {
    let address = network.host(number);
    let anchors = trusted.map_or("", |_| "trust_anchors = \"root.anchors\"\n");
    let tables = format!(
        "[dns]\naddresses = [\"{address}\"]\n[resolver]\nservers = [\"{}:53\"]\n{anchors}",
        network.host(RESOLVER)
    );
    let server = setup().hostname(name).at(address).tables(&tables).prepare();
    if let Some(trusted) = trusted {
        fs::write(server.folder.join("root.anchors"), trusted).unwrap();
    }
    server
}

/// The status of a domain, for programs.
pub fn status(server: &Server, domain: &str) -> Value {
    let reply: Value = serde_json::from_str(&server.cli(&["--json", "dns", "status", domain]).ok()).unwrap();
    reply["dns"]["status"].clone()
}

/// The row of a check.
pub fn check<'v>(status: &'v Value, what: &str) -> &'v Value {
    let rows = status["checks"].as_array().unwrap();
    rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("no {what}: {status}"))
}

/// What the status says is to be entered at the parent, line by line.
pub fn to_paste(server: &Server, domain: &str) -> String {
    let status = status(server, domain);
    let lines = |what: &str| -> Vec<String> {
        let paste = check(&status, what)["paste"].as_array();
        paste.into_iter().flatten().map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let all = [lines("delegation"), lines("DNSSEC")].concat();
    all.iter().map(|line| format!("{line}\n")).collect()
}

/// Enters lines as an operator of the parent does.
#[track_caller]
pub fn enter(parent: &Server, lines: &str) {
    parent.cli_with(&["dns", "add", "-"], lines).ok();
}

/// The root's key set as a line of a master file.
fn anchor(root: &Server) -> String {
    let text = root.cli(&["dns", "export", "."]).ok();
    let key = text.lines().find(|line| line.contains(" DNSKEY 257 "));
    key.unwrap_or_else(|| panic!("no key in {text}")).to_owned() + "\n"
}

/// unbound with a root and an anchor of its own.
pub struct Unbound {
    pub folder: PathBuf,
    child: Child,
}

impl Unbound {
    /// Starts it on the network's resolver address.
    pub fn start(network: Network, anchor: &str) -> Unbound {
        let folder = fresh_folder();
        let (dir, own, root) = (folder.display().to_string(), network.host(RESOLVER), network.host(ROOT));
        let hints =
            format!(". 3600000 NS a.root-servers.example.\na.root-servers.example. 3600000 A {root}\n");
        fs::write(folder.join("hints"), hints).unwrap();
        fs::write(folder.join("anchor"), anchor).unwrap();
        let text = format!(
            "server:\n  interface: {own}\n  access-control: 127.0.0.0/8 allow\n  do-not-query-localhost: no\n  \
             do-daemonize: no\n  do-ip6: no\n  username: \"\"\n  chroot: \"\"\n  directory: \"{dir}\"\n  \
             pidfile: \"{dir}/pid\"\n  root-hints: \"{dir}/hints\"\n  trust-anchor-file: \"{dir}/anchor\"\n  \
             module-config: \"validator iterator\"\n  num-threads: 1\n  aggressive-nsec: no\n  val-log-level: 2\n  ede: yes\n  \
             use-syslog: no\n  logfile: \"\"\nremote-control:\n  control-enable: no\n"
        );
        fs::write(folder.join("conf"), text).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let mut command = program("unbound");
        command.arg("-d").arg("-c").arg(folder.join("conf"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!(
                "unbound cannot be run ({error}): install it (apt-get install unbound, or scripts/test-deps)"
            )
        });
        let unbound = Unbound { folder, child };
        let at = format!("@{own}");
        let ready = wait::until(START_WAIT, || {
            let said = run(program("dig").args([&at, "+tries=1", "+time=1", ".", "SOA"])).said();
            said.contains("status: NOERROR").then_some(())
        });
        assert!(ready.is_some(), "unbound does not answer:\n{}", unbound.log());
        unbound
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the log of unbound in {}:\n{}", self.folder.display(), self.log());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[track_caller]
fn assert_secure(world: &World, name: &str, rtype: &str, code: &str) -> String {
    let said = world.ask(&[name, rtype]);
    assert!(said.contains(&format!("status: {code},")), "{name} {rtype}: {said}");
    let flags = said.lines().find(|line| line.starts_with(";; flags:")).unwrap();
    assert!(flags.split(';').nth(2).unwrap().split(' ').any(|flag| flag == "ad"), "{name} {rtype}: {said}");
    let verdict = world.delv(name, rtype);
    assert!(verdict.contains("fully validated"), "{name} {rtype}: {verdict}");
    said
}

#[test]
fn a_world_of_ours_is_secure_from_the_root_on() {
    let world = World::begin();
    assert_secure(&world, "alpha.example", "MX", "NOERROR");
    assert_secure(&world, "mx.alpha.example", "A", "NOERROR");
    assert_secure(&world, "_25._tcp.mx.alpha.example", "TLSA", "NOERROR");
    assert_secure(&world, "alpha.example", "DNSKEY", "NOERROR");
    assert_secure(&world, "alpha.example", "DS", "NOERROR");
    // What is not there is proved: a name, a type, an empty non-terminal, at each level.
    assert_secure(&world, "nobody.alpha.example", "A", "NXDOMAIN");
    assert_secure(&world, "alpha.example", "AAAA", "NOERROR");
    assert_secure(&world, "_tcp.alpha.example", "A", "NOERROR");
    assert_secure(&world, "nobody.example", "DS", "NXDOMAIN");
    assert_secure(&world, "nobody", "A", "NXDOMAIN");
    // Wildcards, beside and below, by NSEC and by NSEC3. (The resolver denies nothing by what it remembers of other
    // names: records that come later would not be seen before the negative TTL is over.)
    world.alpha.cli(&["dns", "add", "*.wild.alpha.example", "TXT", "wild", "--ttl", "1"]).ok();
    world.alpha.cli(&["dns", "add", "host.wild.alpha.example", "A", "192.0.2.7", "--ttl", "1"]).ok();
    // Wildcards that are aliases: of a host, of each other, of what has no such type, of what is not there.
    for (owner, target) in
        [("*.cn", "host.wild"), ("*.first", "x.second"), ("*.second", "y.z.cn"), ("*.lost", "nobody.cn-not")]
    {
        let (owner, target) = (format!("{owner}.alpha.example"), format!("{target}.alpha.example."));
        world.alpha.cli(&["dns", "add", &owner, "CNAME", &target, "--ttl", "1"]).ok();
    }
    for denial in ["NSEC", "NSEC3"] {
        if denial == "NSEC3" {
            world.alpha.cli(&["dns", "sign", "alpha.example", "--nsec3"]).ok();
        }
        let name = |label: &str| format!("{label}-{denial}.wild.alpha.example").to_lowercase();
        let said = assert_secure(&world, &name("a"), "TXT", "NOERROR");
        assert!(said.contains("\"wild\"") && said.split_whitespace().any(|word| word == denial), "{said}");
        assert_secure(&world, &name("b"), "A", "NOERROR");
        assert_secure(&world, &name("deep.c"), "TXT", "NOERROR");
        for (below, rtype, code) in [
            ("cn", "A", "NOERROR"),
            ("first", "A", "NOERROR"),
            ("deep.first", "TXT", "NOERROR"),
            ("lost", "A", "NXDOMAIN"),
        ] {
            let said = assert_secure(&world, &format!("q-{denial}.{below}.alpha.example"), rtype, code);
            assert_eq!(said.contains("192.0.2.7"), rtype == "A" && code == "NOERROR", "{said}");
        }
        assert_secure(&world, &format!("{denial}.host.wild.alpha.example"), "TXT", "NXDOMAIN");
        assert_secure(&world, &format!("{denial}.nobody.alpha.example"), "A", "NXDOMAIN");
    }
    // Each level's own view is that all is well.
    for (server, domain) in [(&world.tld, "example"), (&world.alpha, "alpha.example")] {
        let status = status(server, domain);
        for what in ["delegation", "DNSSEC", "DS, validated", "name servers agree"] {
            assert_eq!(check(&status, what)["verdict"], "right", "{status}");
        }
    }
    let text = world.root.cli(&["dns", "status", "."]).ok();
    assert!(text.contains("✓ DNSSEC: signed") && text.contains("      . DS "), "{text}");
    assert!(!text.contains("✗ delegation") && !text.contains(".. "), "{text}");
}

#[test]
fn a_parent_that_wants_to_know_is_told_of_new_keys() {
    let world = World::begin();
    let place = world.network.host(COLLECTOR);
    let collector = UdpSocket::bind((place, 0)).unwrap();
    collector.set_nonblocking(true).unwrap();
    let port = collector.local_addr().unwrap().port();
    let lines = format!(
        "*._dsync.example. 300 DSYNC CDS 1 {port} collector.example.\ncollector.example. 300 A {place}\n"
    );
    enter(&world.tld, &lines);
    let trusted = anchor(&world.root);
    let beta = host(world.network, BETA, "ns.beta.example", Some(&trusted));
    let own = format!("ns A {}\n", world.network.host(BETA));
    beta.cli_with(&["dns", "import", "beta.example", "-"], &zone_text("ns", &own)).ok();
    // Nobody enters the DS: the parent is to find it by itself.
    let lines = to_paste(&beta, "beta.example");
    let delegation: Vec<&str> = lines.lines().filter(|line| !line.contains(" DS ")).collect();
    enter(&world.tld, &delegation.join("\n"));
    // RFC 9859 §4.2: NOTIFY, one question, the zone and the type that the record names.
    let mut message = [0; 512];
    let told = wait::until(START_WAIT, || {
        // Each status is a look: one publishes what asks for a DS, a later one sees it everywhere.
        status(&beta, "beta.example");
        collector.recv_from(&mut message).ok()
    });
    let (len, from) = told.expect("the parent was told");
    let question = [&b"\x04beta\x07example\x00"[..], &[0, 59, 0, 1]].concat();
    assert_eq!((message[2] >> 3, &message[4..6], &message[12..len]), (4, &[0, 1][..], &question[..]));
    message[2] |= 0x80;
    collector.send_to(&message[..len], from).unwrap();
}

#[test]
fn unsigned_domains_are_insecure_and_wrong_digests_bogus() {
    let world = World::begin();
    let trusted = anchor(&world.root);
    let beta = host(world.network, BETA, "ns.beta.example", Some(&trusted));
    let www = "www A 192.0.2.80\n";
    let own = format!("{www}ns A {}\n", world.network.host(BETA));
    beta.cli_with(&["dns", "import", "--unsigned", "beta.example", "-"], &zone_text("ns", &own)).ok();
    beta.cli_with(&["dns", "import", "gamma.example", "-"], &zone_text("ns.beta.example.", www)).ok();
    beta.cli_with(&["dns", "import", "delta.example", "-"], &zone_text("ns.beta.example.", www)).ok();
    enter(&world.tld, &to_paste(&beta, "beta.example"));
    // A digit of the digest went wrong when it was entered.
    let lines = to_paste(&beta, "gamma.example");
    let digest = lines.trim().rsplit(' ').next().unwrap().to_owned();
    let digit = if digest.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{digit}", &digest[..digest.len() - 1]);
    enter(&world.tld, &lines.replace(&digest, &wrong));
    // Signed, and its DS was never entered.
    let lines = to_paste(&beta, "delta.example");
    let (delegation, ds): (Vec<&str>, Vec<&str>) = lines.lines().partition(|line| !line.contains(" DS "));
    assert_eq!(ds.len(), 1, "{lines}");
    enter(&world.tld, &delegation.join("\n"));
    for name in ["www.beta.example", "www.delta.example"] {
        let said = world.ask(&[name, "A"]);
        assert!(said.contains("192.0.2.80") && said.contains("NOERROR") && !said.contains(" ad;"), "{said}");
        let verdict = world.delv(name, "A");
        assert!(
            verdict.contains("; unsigned answer") || verdict.contains("; answer not validated"),
            "{verdict}"
        );
    }
    let said = world.ask(&["www.gamma.example", "A"]);
    assert!(said.contains("SERVFAIL") && said.contains("EDE: 9 (DNSKEY Missing)"), "{said}");
    assert!(world.delv("www.gamma.example", "A").contains("resolution failed"));
    // The owners are told what is wrong, and with what it is mended.
    let seen = status(&beta, "gamma.example");
    assert_eq!(check(&seen, "DNSSEC")["verdict"], "wrong", "{seen}");
    let paste = check(&seen, "DNSSEC")["paste"][0].as_str().unwrap().to_owned();
    assert_eq!(paste, lines_of(&beta, "gamma.example"));
    assert_eq!(check(&status(&beta, "beta.example"), "DNSSEC")["verdict"], "right");
    let delta = status(&beta, "delta.example");
    assert_eq!(check(&delta, "DNSSEC")["verdict"], "wrong");
    world.tld.cli(&["dns", "remove", "gamma.example", "DS"]).ok();
    enter(&world.tld, &paste);
    let seen = status(&beta, "gamma.example");
    assert_eq!(check(&seen, "DNSSEC")["verdict"], "right", "{seen}");
}

/// The DS line that a status asks for.
fn lines_of(server: &Server, domain: &str) -> String {
    let lines = to_paste(server, domain);
    lines.lines().find(|line| line.contains(" DS ")).unwrap_or_default().to_owned()
}
