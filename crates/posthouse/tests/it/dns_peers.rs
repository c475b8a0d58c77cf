//! NSD, Knot and BIND as secondaries of ours, and as primaries for ours: whole transfers, differences,
//! notifications, signatures.

use crate::dns::{ZONE, dig, import, wait_for_serial};
use crate::programs::{program, run, run_with};
use crate::server::{Server, free_port, fresh_folder, setup};
use crate::wait;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// 32 bytes in base64.
const SECRET: &str = "c29tZSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcy4=";
/// The name of the key on both sides.
const KEY: &str = "transfer.key";
/// How long a daemon may take to end.
const END_WAIT: Duration = Duration::from_secs(20);

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nsd,
    Knot,
    Bind,
}

/// Another maker's server, in a folder and on a port of its own.
struct Peer {
    kind: Kind,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// What it is for `zone.test`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Primary,
    Secondary,
}

impl Peer {
    fn start(kind: Kind, role: Role, ours: u16) -> Peer {
        let (folder, port) = (fresh_folder(), free_port());
        let mut peer = Peer { kind, folder, port, child: None };
        if role == Role::Primary {
            peer.write_zone(100, "first");
        }
        let dir = peer.folder.display().to_string();
        let text = match kind {
            Kind::Nsd => nsd(role, &dir, port, ours),
            Kind::Knot => knot(role, &dir, port, ours),
            Kind::Bind => bind(role, &dir, port, ours),
        };
        fs::create_dir_all(peer.folder.join("db")).unwrap();
        fs::write(peer.folder.join("conf"), text).unwrap();
        peer.launch();
        peer
    }

    fn launch(&mut self) {
        let config = self.folder.join("conf");
        let mut command = match self.kind {
            Kind::Nsd => program("nsd"),
            Kind::Knot => program("knotd"),
            Kind::Bind => program("named"),
        };
        match self.kind {
            Kind::Nsd => command.arg("-d").arg("-c").arg(&config),
            Kind::Knot => command.arg("-c").arg(&config),
            Kind::Bind => command.arg("-g").arg("-c").arg(&config),
        };
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let more = log.try_clone().unwrap();
        self.child = Some(command.stdin(Stdio::null()).stdout(log).stderr(more).spawn().unwrap());
    }

    fn write_zone(&self, serial: u32, text: &str) {
        let zone = format!(
            "$ORIGIN zone.test.\n$TTL 300\n@ SOA ns1 hostmaster {serial} 2 1 3600 60\n@ NS ns1\nns1 A 127.0.0.1\n\
             www A 192.0.2.1\nwww A 192.0.2.2\ntext TXT \"{text}\"\n"
        );
        fs::write(self.folder.join("zone.test.zone"), zone).unwrap();
    }

    /// Another version at the primary.
    fn change(&self) {
        if self.kind == Kind::Bind {
            let port = self.port;
            let script = format!(
                "server 127.0.0.1 {port}\nzone zone.test\nkey hmac-sha256:{KEY} {SECRET}\n\
                 update delete text.zone.test TXT\nupdate add text.zone.test 300 TXT second\nsend\n"
            );
            run_with(&mut program("nsupdate"), script.as_bytes()).ok();
            return;
        }
        self.write_zone(101, "second");
        match self.kind {
            Kind::Knot => {
                let socket = self.folder.join("knot.sock");
                run(program("knotc").arg("-s").arg(socket).args(["zone-reload", "zone.test"])).ok();
            }
            _ => self.signal("HUP"),
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id();
        run(program("sh").args(["-c", &format!("kill -{name} {pid}")])).ok();
    }

    fn stop(&mut self) {
        self.signal("TERM");
        let mut child = self.child.take().unwrap();
        assert!(wait::until(END_WAIT, || child.try_wait().unwrap()).is_some());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It has children of its own, which it ends when it is asked to.
            let _ = run(program("sh").args(["-c", &format!("kill -TERM {}", child.id())])).said();
            if wait::until(END_WAIT, || child.try_wait().ok().flatten()).is_none() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            eprintln!("the log of {:?} in {}:\n{log}", self.kind, self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn nsd(role: Role, dir: &str, port: u16, ours: u16) -> String {
    let zone = match role {
        Role::Primary => format!("provide-xfr: 127.0.0.1 {KEY}\n  notify: 127.0.0.1@{ours} {KEY}\n"),
        Role::Secondary => format!("request-xfr: 127.0.0.1@{ours} {KEY}\n  allow-notify: 127.0.0.1 {KEY}\n"),
    };
    format!(
        "server:\n  ip-address: 127.0.0.1\n  port: {port}\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{dir}\"\n  \
         database: \"\"\n  pidfile: \"{dir}/pid\"\n  xfrdfile: \"{dir}/xfrd.state\"\n  xfrdir: \"{dir}\"\n  \
         zonelistfile: \"{dir}/zone.list\"\n  server-count: 1\n  verbosity: 2\n\
         remote-control:\n  control-enable: no\n\
         key:\n  name: {KEY}\n  algorithm: hmac-sha256\n  secret: \"{SECRET}\"\n\
         zone:\n  name: zone.test\n  zonefile: zone.test.zone\n  {zone}"
    )
}

fn knot(role: Role, dir: &str, port: u16, ours: u16) -> String {
    let zone = match role {
        Role::Primary => {
            "notify: ours\n    acl: transfer\n    zonefile-load: difference\n    journal-content: changes\n"
        }
        Role::Secondary => "master: ours\n    acl: told\n",
    };
    format!(
        "server:\n    rundir: {dir}\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\nlog:\n  - target: stderr\n    any: info\ndatabase:\n    storage: {dir}/db\n\
         key:\n  - id: {KEY}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
         remote:\n  - id: ours\n    address: 127.0.0.1@{ours}\n    key: {KEY}\n\
         acl:\n  - id: told\n    address: 127.0.0.1\n    key: {KEY}\n    action: notify\n  \
         - id: transfer\n    address: 127.0.0.1\n    key: {KEY}\n    action: transfer\n\
         zone:\n  - domain: zone.test\n    storage: {dir}\n    file: zone.test.zone\n    {zone}"
    )
}

fn bind(role: Role, dir: &str, port: u16, ours: u16) -> String {
    let zone = match role {
        Role::Primary => format!(
            "type primary; file \"zone.test.zone\"; allow-transfer {{ key {KEY}; }}; allow-update {{ key {KEY}; }};\n  \
             notify explicit; also-notify port {ours} {{ 127.0.0.1 key {KEY}; }};"
        ),
        Role::Secondary => format!(
            "type secondary; file \"zone.test.zone\"; primaries port {ours} {{ 127.0.0.1 key {KEY}; }};\n  \
             allow-notify {{ key {KEY}; }};"
        ),
    };
    format!(
        "options {{ directory \"{dir}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n  \
         pid-file \"{dir}/pid\"; lock-file none; session-keyfile \"{dir}/session.key\"; recursion no;\n  \
         dnssec-validation no; notify-delay 0; max-ixfr-ratio unlimited; }};\ncontrols {{ }};\n\
         key \"{KEY}\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n\
         zone \"zone.test\" {{ {zone} }};\n"
    )
}

fn ours(with_zone: bool) -> Server {
    let mut server = setup().prepare();
    server.launch();
    server.cli_with(&["dns", "tsig", "add", KEY, "--secret"], &format!("{SECRET}\n")).ok();
    if with_zone {
        import(&server, "zone.test", ZONE);
    }
    server
}

/// All records of the zone as a stranger with the key fetches them, sorted.
fn fetched(port: u16) -> Vec<String> {
    let key = format!("hmac-sha256:{KEY}:{SECRET}");
    let said = dig(port, &["-y", &key, "+noall", "+answer", "zone.test", "AXFR"]);
    let lines = said.lines().filter(|line| !line.starts_with(';') && !line.contains("TSIG"));
    let mut lines: Vec<String> =
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn a_secondary_follows_ours(kind: Kind) {
    let server = ours(true);
    let port = server.port("dns");
    let peer = Peer::start(kind, Role::Secondary, port);
    server
        .cli(&["dns", "secondary", "add", "zone.test", &format!("127.0.0.1:{}", peer.port), "--key", KEY])
        .ok();
    let first = crate::dns::serial(port, "zone.test").unwrap();
    wait_for_serial(peer.port, "zone.test", |serial| serial == first);
    // A change is told and fetched as a difference.
    server.cli(&["dns", "add", "told.zone.test", "A", "192.0.2.99"]).ok();
    let second = crate::dns::serial(port, "zone.test").unwrap();
    assert!(second > first);
    wait_for_serial(peer.port, "zone.test", |serial| serial == second);
    assert!(dig(peer.port, &["+short", "told.zone.test", "A"]).contains("192.0.2.99"));
    assert!(server.log().contains("differences"), "{}", server.log());
    // A large zone comes whole, in many messages.
    let many: String = (0..3000).map(|n| format!("host-{n} A 10.0.{}.{}\n", n / 250, n % 250)).collect();
    import(&server, "zone.test", &format!("{ZONE}{many}"));
    let third = crate::dns::serial(port, "zone.test").unwrap();
    wait_for_serial(peer.port, "zone.test", |serial| serial == third);
    assert!(dig(peer.port, &["+short", "host-2999.zone.test", "A"]).contains("10.0.11.249"));
}

#[test]
fn nsd_follows_ours() {
    a_secondary_follows_ours(Kind::Nsd);
}

#[test]
fn knot_follows_ours() {
    a_secondary_follows_ours(Kind::Knot);
}

#[test]
fn bind_follows_ours() {
    a_secondary_follows_ours(Kind::Bind);
}

fn ours_follows(kind: Kind) {
    let mut server = ours(false);
    let port = server.port("dns");
    let mut peer = Peer::start(kind, Role::Primary, port);
    wait_for_serial(peer.port, "zone.test", |serial| serial == 100);
    let primary = format!("127.0.0.1:{}", peer.port);
    server.cli(&["dns", "secondary", "follow", "zone.test", &primary, "--key", KEY]).ok();
    wait_for_serial(port, "zone.test", |serial| serial == 100);
    assert!(dig(port, &["+short", "text.zone.test", "TXT"]).contains("first"));
    // It changes there, we are told, and it is the same here.
    peer.change();
    let second = wait_for_serial(port, "zone.test", |serial| serial > 100);
    assert_eq!(Some(second), crate::dns::serial(peer.port, "zone.test"));
    assert!(dig(port, &["+short", "text.zone.test", "TXT"]).contains("second"));
    if kind != Kind::Nsd {
        assert!(server.log().contains("differences from"), "{}", server.log());
    }
    // Ours serves others in turn, and every record is the same.
    let anyone = "127.0.0.1:9";
    server.cli(&["dns", "secondary", "add", "zone.test", anyone, "--key", KEY]).ok();
    assert_eq!(fetched(port), fetched(peer.port));
    // Without the primary, and after a restart, it is still served.
    peer.stop();
    server.stop();
    server.launch();
    wait_for_serial(port, "zone.test", |serial| serial == second);
    // A secondary is not changed here.
    assert!(server.cli(&["dns", "add", "x.zone.test", "A", "192.0.2.1"]).said().contains("another server"));
}

#[test]
fn ours_follows_nsd() {
    ours_follows(Kind::Nsd);
}

#[test]
fn ours_follows_knot() {
    ours_follows(Kind::Knot);
}

#[test]
fn ours_follows_bind() {
    ours_follows(Kind::Bind);
}

#[test]
fn signatures_are_demanded_and_faults_named() {
    let server = ours(true);
    let port = server.port("dns");
    server.cli(&["dns", "secondary", "add", "zone.test", "127.0.0.1:9", "--key", KEY]).ok();
    let axfr = |key: &str| {
        let mut arguments = vec!["zone.test", "AXFR"];
        if !key.is_empty() {
            arguments.extend(["-y", key]);
        }
        let text = port.to_string();
        run(program("dig").args(["@127.0.0.1", "-p", &text, "+tries=1", "+time=5"]).args(arguments)).said()
    };
    let right = format!("hmac-sha256:{KEY}:{SECRET}");
    assert!(axfr(&right).contains("XFR size"), "{}", axfr(&right));
    assert!(!axfr("").contains("192.0.2.1"));
    let wrong = format!("hmac-sha256:{KEY}:{}", SECRET.replace("c29t", "d29t"));
    assert!(axfr(&wrong).contains("BADSIG"), "{}", axfr(&wrong));
    let unknown = format!("hmac-sha256:other.key:{SECRET}");
    assert!(axfr(&unknown).contains("BADKEY"), "{}", axfr(&unknown));
    let stronger = format!("hmac-sha512:{KEY}:{SECRET}");
    assert!(axfr(&stronger).contains("BADKEY"), "{}", axfr(&stronger));
    // A plain question that is signed has a signed answer.
    let text = port.to_string();
    let said = run(program("dig").args(["@127.0.0.1", "-p", &text, "-y", &right, "www.zone.test", "A"])).ok();
    assert!(
        said.contains("192.0.2.1") && said.contains("TSIG") && !said.contains("couldn't verify"),
        "{said}"
    );
    // Knot's client, too.
    let at = format!("@127.0.0.1#{port}");
    let said = run(program("kdig").args([&at, "-y", &right, "zone.test", "IXFR=1"])).ok();
    assert!(said.contains("192.0.2.1"), "{said}");
}

fn nsupdate(port: u16, key: &str, lines: &str) -> String {
    let script =
        format!("server 127.0.0.1 {port}\nzone zone.test\nkey hmac-sha256:{KEY} {key}\n{lines}\nsend\n");
    run_with(&mut program("nsupdate"), script.as_bytes()).said()
}

#[test]
fn updates_are_done_by_those_who_may() {
    let server = ours(true);
    let port = server.port("dns");
    let short = |name: &str, rtype: &str| dig(port, &["+short", name, rtype]);
    assert!(nsupdate(port, SECRET, "update add a.zone.test 60 A 192.0.2.5").contains("REFUSED"));
    server.cli(&["dns", "updater", "add", "zone.test", "--key", KEY]).ok();
    let before = crate::dns::serial(port, "zone.test").unwrap();
    assert_eq!(nsupdate(port, SECRET, "update add a.zone.test 60 A 192.0.2.5"), "");
    assert_eq!(short("a.zone.test", "A"), "192.0.2.5\n");
    assert!(crate::dns::serial(port, "zone.test").unwrap() > before);
    // What an ACME client does.
    assert_eq!(nsupdate(port, SECRET, "update add _acme-challenge.zone.test 60 TXT proof"), "");
    assert_eq!(short("_acme-challenge.zone.test", "TXT"), "\"proof\"\n");
    assert_eq!(nsupdate(port, SECRET, "update delete _acme-challenge.zone.test TXT"), "");
    assert_eq!(short("_acme-challenge.zone.test", "TXT"), "");
    // A prerequisite that does not hold, a zone that is not ours, a wrong secret.
    let lines = "prereq nxdomain a.zone.test\nupdate add b.zone.test 60 A 192.0.2.6";
    assert!(nsupdate(port, SECRET, lines).contains("YXDOMAIN"));
    assert_eq!(short("b.zone.test", "A"), "");
    let wrong = SECRET.replace("c29t", "d29t");
    assert!(nsupdate(port, &wrong, "update add b.zone.test 60 A 192.0.2.6").contains("BADSIG"));
    // What the server looks after is left alone; the log says whose it is.
    assert!(
        nsupdate(port, SECRET, "update delete zone.test SOA\nupdate add zone.test 60 CDS 0 0 0 00")
            .contains("REFUSED")
    );
    assert!(server.log().contains("somebody else manages this"), "{}", server.log());
    // By TCP as well, and undone like any other change.
    let tcp = format!(
        "server 127.0.0.1 {port}\nzone zone.test\nkey hmac-sha256:{KEY} {SECRET}\nupdate add c.zone.test 60 A 192.0.2.7\nsend\n"
    );
    run_with(program("nsupdate").arg("-v"), tcp.as_bytes()).ok();
    assert_eq!(short("c.zone.test", "A"), "192.0.2.7\n");
    server.cli(&["dns", "undo", "zone.test"]).ok();
    assert_eq!(short("c.zone.test", "A"), "");
    let _: &Path = server.folder.as_path();
}
