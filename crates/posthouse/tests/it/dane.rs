//! Mail that comes by DANE (RFC 7672): Postfix finds our keys' digests by a resolver that validates, from a root of
//! ours on, and delivers to nobody else; also while the certificate's key changes.

use crate::programs::{program, run, run_with};
use crate::server::Server;
use crate::wait;
use crate::world::{RESOLVER, World};
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// How long Postfix may take to start, or to deliver.
const POSTFIX_WAIT: Duration = Duration::from_secs(30);
/// The sender's address in the world's network.
const SENDER: u8 = 20;
/// What Postfix runs, and from where each is started.
const MASTER: &str = "\
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

/// Debian's Postfix with a configuration, a queue and a resolver of its own.
struct Postfix {
    folder: tempfile::TempDir,
    child: Child,
}

impl Postfix {
    /// Starts one that sends from `own` and asks `resolver`.
    fn start(own: Ipv4Addr, resolver: Ipv4Addr) -> Postfix {
        // Not below the folder of the build: Postfix's user has to reach it.
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        for dir in ["etc", "queue", "data"] {
            fs::create_dir(at.join(dir)).unwrap();
        }
        run(program("chown").arg("postfix").arg(at.join("data"))).ok();
        fs::write(at.join("etc/master.cf"), MASTER).unwrap();
        let dir = at.display();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {dir}/queue\ndata_directory = {dir}/data\n\
             maillog_file_prefixes = {dir}\nmaillog_file = {dir}/log\nmyhostname = sender.example.net\n\
             mydestination =\nalias_maps =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n\
             smtp_bind_address = {own}\nsmtp_dns_support_level = dnssec\nsmtp_host_lookup = dns\n\
             smtp_tls_security_level = dane\nsmtp_tls_loglevel = 1\n"
        );
        fs::write(at.join("etc/main.cf"), main).unwrap();
        fs::write(at.join("resolv.conf"), format!("nameserver {resolver}\noptions trust-ad\n")).unwrap();
        // It has no setting for this: it sees another file in its place.
        let script =
            "mount --bind \"$0/resolv.conf\" /etc/resolv.conf && exec postfix -c \"$0/etc\" start-fg";
        let mut command = program("unshare");
        command.args(["-m", "sh", "-c", script]).arg(at);
        let said = fs::File::create(at.join("said")).unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let child = command.spawn().unwrap();
        let postfix = Postfix { folder, child };
        let ready = wait::until(POSTFIX_WAIT, || postfix.log().contains("daemon started").then_some(()));
        assert!(ready.is_some(), "Postfix did not start; it needs to be run as root:\n{}", postfix.log());
        postfix
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.file(name)).unwrap_or_default();
        read("said") + &read("log")
    }

    /// Sends a message; what the log says until it is delivered, or put off.
    #[track_caller]
    fn send(&self, to: &str, text: &str) -> String {
        let before = self.log().len();
        let message = format!("From: sender@example.net\nTo: {to}\nSubject: {text}\n\n{text}\n");
        let mut sendmail = program("sendmail");
        sendmail.arg("-C").arg(self.file("etc")).args(["-f", "sender@example.net", to]);
        run_with(&mut sendmail, message.as_bytes()).ok();
        let said = wait::until(POSTFIX_WAIT, || {
            let log = self.log()[before..].to_owned();
            log.contains("status=").then_some(log)
        });
        said.unwrap_or_else(|| panic!("nothing became of it:\n{}", self.log()))
    }

    /// Sends a message, which must be delivered to the host that the DNS speaks of.
    #[track_caller]
    fn deliver_verified(&self, text: &str) {
        let said = self.send("alice@alpha.example", text);
        assert!(said.contains("Verified TLS connection established to mx.alpha.example"), "{said}");
        assert!(said.contains("status=sent"), "{said}");
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Told to end, its first process ends all others, and with them the script that waits for it.
        let first = fs::read_to_string(self.file("queue/pid/master.pid")).unwrap_or_default();
        let _ = run(program("sh").args(["-c", &format!("kill -TERM {}", first.trim())])).said();
        if wait::until(POSTFIX_WAIT, || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the log of Postfix:\n{}", self.log());
        }
    }
}

/// A certificate for a key in a file.
fn certify(folder: &Path, key: &str, certificate: &str) {
    let mut openssl = program("openssl");
    openssl.args(["req", "-x509", "-new", "-subj", "/CN=mx.alpha.example", "-days", "90"]);
    openssl.args(["-addext", "subjectAltName=DNS:mx.alpha.example,DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    run(openssl.arg("-key").arg(folder.join(key)).arg("-out").arg(folder.join(certificate))).ok();
}

/// A new key, PEM.
fn make_key(folder: &Path, key: &str) {
    let mut openssl = program("openssl");
    openssl.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]);
    run(openssl.arg(folder.join(key))).ok();
}

/// The public key in a certificate.
fn public_key(certificate: &str) -> String {
    run_with(program("openssl").args(["x509", "-noout", "-pubkey"]), certificate.as_bytes()).ok()
}

/// The public key that the server shows to senders.
fn served_key(world: &World) -> String {
    let at = format!("{}:25", world.network.host(crate::world::ALPHA));
    let mut openssl = program("openssl");
    openssl.args(["s_client", "-connect", &at, "-starttls", "smtp", "-name", "client.example.net"]);
    public_key(&run_with(&mut openssl, b"QUIT\n").said())
}

/// Puts key and certificate where the server looks for them, as a program that renews certificates does.
fn put(server: &Server, key: &str, certificate: &str) {
    for (from, to) in [(key, "data/self-signed.key"), (certificate, "data/self-signed.crt")] {
        fs::copy(server.folder.join(from), server.folder.join(to)).unwrap();
    }
}

fn read_again(server: &Server, refused: usize) {
    server.signal("HUP");
    let said = "the one before stays in use for now";
    let done = wait::until(POSTFIX_WAIT, || (server.log().matches(said).count() >= refused).then_some(()));
    assert!(done.is_some(), "{}", server.log());
}

#[test]
fn postfix_delivers_by_dane_before_while_and_after_the_key_changes() {
    let mut world = World::begin();
    let (own, resolver) = (world.network.host(SENDER), world.network.host(RESOLVER));
    world.alpha.add_accounts(&["alice@alpha.example"]);
    let folder = world.alpha.folder.clone();
    let first_key = public_key(&fs::read_to_string(world.alpha.certificate()).unwrap());
    let postfix = Postfix::start(own, resolver);
    postfix.deliver_verified("by the first key");
    assert_eq!(served_key(&world), first_key);
    // Both digests were out from the beginning, so whoever remembers the first answer knows the next key as well.
    let digests = world.ask(&["+short", "_25._tcp.mx.alpha.example", "TLSA"]);
    assert_eq!(digests.matches("3 1 1 ").count(), 2, "{digests}");

    // A key of which nobody could know is not served, whatever the files say.
    make_key(&folder, "stranger.key");
    certify(&folder, "stranger.key", "stranger.crt");
    put(&world.alpha, "stranger.key", "stranger.crt");
    read_again(&world.alpha, 1);
    assert_eq!(served_key(&world), first_key);
    postfix.deliver_verified("with a strange key in the files");

    // Nor the next one, as long as caches may not know it.
    fs::write(folder.join("next.key"), world.alpha.cli(&["dns", "key", "next"]).ok()).unwrap();
    certify(&folder, "next.key", "next.crt");
    let next_key = public_key(&fs::read_to_string(folder.join("next.crt")).unwrap());
    put(&world.alpha, "next.key", "next.crt");
    read_again(&world.alpha, 2);
    assert_eq!(served_key(&world), first_key);
    postfix.deliver_verified("with the next key in the files");

    // A little later the digests are seen on every server; hours later the key is taken up by itself.
    world.alpha.stop();
    world.alpha.launch_later("+2m");
    assert_eq!(served_key(&world), first_key);
    let seen = wait::until(POSTFIX_WAIT, || {
        let text = world.alpha.cli(&["dns", "status", "alpha.example"]).ok();
        text.contains("to have been out for long enough").then_some(())
    });
    assert!(seen.is_some(), "{}", world.alpha.cli(&["dns", "status", "alpha.example"]).ok());
    world.alpha.stop();
    world.alpha.launch_later("+4h");
    assert_eq!(served_key(&world), next_key);
    // Postfix and its resolver still go by what they heard in the beginning.
    postfix.deliver_verified("by the next key");
    let mail = world.alpha.mail_of("alice@alpha.example");
    assert_eq!(mail.len(), 4);
    assert!(mail.iter().all(|message| message.contains("TLS1.3")), "{mail:?}");
}
