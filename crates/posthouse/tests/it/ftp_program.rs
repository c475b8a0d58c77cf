//! `posthouse ftp`, against our server, other people's, and servers that mean harm.

use crate::ftp::content;
use crate::programs::{Ran, program, python, run};
use crate::server::{PASSWORD, Server, free_port, fresh_folder, setup};
use crate::wait;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const ALICE: &str = "alice%40example.org";

/// `posthouse ftp …`, with the password in the environment.
fn ftp(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    run(command
        .arg("ftp")
        .args(arguments)
        .env("POSTHOUSE_FTP_PASSWORD", PASSWORD)
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR"))
}

fn is_same(a: &Path, b: &Path) -> bool {
    fs::read(a).unwrap() == fs::read(b).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with files and a folder in it, and a link out of it.
fn tree(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("sub/deep [1]")).unwrap();
    fs::write(tree.join("a b.txt"), "hello\n").unwrap();
    fs::write(tree.join("sub/empty"), "").unwrap();
    fs::write(tree.join("sub/deep [1]/Grüße"), content(300_000)).unwrap();
    symlink("/etc/passwd", tree.join("link")).unwrap();
    tree
}

#[test]
fn our_own_server_with_tls_bound_data_and_digests() {
    let server = setup().start();
    let folder = fresh_folder();
    let (up, down, ca) = (folder.join("up"), folder.join("down"), server.certificate());
    fs::write(&up, content(9_000_001)).unwrap();
    let ca = ["--ca", text(&ca)];
    let explicit = format!("ftp://{ALICE}@{}", server.named("ftp"));
    let implicit = format!("ftps://{ALICE}@{}", server.named("ftps"));
    for (number, (base, ways)) in [
        (&explicit, &["--tls", "require"][..]),
        (&explicit, &["--tls", "require", "--segments", "3", "--verify", "require"]),
        (&explicit, &["--active"]),
        (&implicit, &["--segments", "2"]),
    ]
    .into_iter()
    .enumerate()
    {
        let url = format!("{base}/{number}");
        let put = ftp(&[&["put", text(&up), &url], &ca[..], ways].concat()).ok();
        assert!(put.contains("SHA-256 agrees"), "{put}");
        let mut get = Command::new(env!("CARGO_BIN_EXE_posthouse"));
        get.args(["ftp", "--json", "get", &url, text(&down)]).args(ca).args(ways);
        let got = run(get.env("POSTHOUSE_FTP_PASSWORD", PASSWORD)).ok();
        assert!(got.contains("\"verified\": \"SHA-256\"") && got.contains("TLSv1_3"), "{got}");
        assert!(got.contains("\"data_connections_not_resumed\": 0"), "{got}");
        assert!(is_same(&up, &down), "{base} {ways:?}");
    }
    let none = ftp(&[&["get", &format!("{explicit}/none"), text(&down)], &ca[..]].concat()).fails(6);
    assert!(none.contains("550"), "{none}");
    ftp(&["ls", &explicit]).fails(5);
}

/// So much has moved when a transfer is cut.
const PART_BYTES: u64 = 2_000_000;

#[test]
fn without_an_authority_nobody_is_believed() {
    let server = setup().start();
    let url = format!("ftp://{ALICE}@{}/", server.named("ftp"));
    let said = ftp(&["ls", &url]).fails(5);
    assert!(said.contains("is not believed"), "{said}");
    let mut ls = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    ls.args(["ftp", "ls", &url]).env("POSTHOUSE_FTP_PASSWORD", PASSWORD).env_remove("SSL_CERT_DIR");
    let said = run(ls.env("SSL_CERT_FILE", "/never/there")).fails(5);
    assert!(
        said.contains("the system's authorities cannot be read") && said.contains("/never/there"),
        "{said}"
    );
}

#[test]
fn a_broken_upload_and_download_go_on() {
    let server = setup().start();
    let folder = fresh_folder();
    let (up, down, ca) = (folder.join("up"), folder.join("down"), server.certificate());
    fs::write(&up, content(9_000_000)).unwrap();
    let url = format!("ftp://{ALICE}@{}/file", server.named("ftp"));
    let start = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
        command.arg("ftp").args(arguments).args(["--ca", text(&ca), "--rate", "2M"]);
        command.env("POSTHOUSE_FTP_PASSWORD", PASSWORD).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut put = start(&["put", text(&up), &url]);
    cut_off_when(|_| largest_bytes(&server.folder.join("data/blobs")) > PART_BYTES, &mut put);
    let went_on = ftp(&["put", "-c", text(&up), &url, "--ca", text(&ca)]).ok();
    assert!(went_on.contains("were there") && went_on.contains("SHA-256 agrees"), "{went_on}");
    for segments in ["1", "2"] {
        let _ = fs::remove_file(&down);
        let mut get = start(&["get", &url, text(&down), "--segments", segments]);
        // With several parts only what the map says has come is gone on with; it is written every three seconds.
        let is_known = || read_map(&folder).is_some_and(|wanted| wanted < 9_000_000);
        let has_come = |get: &Child| written_bytes(get.id()) > PART_BYTES && (segments == "1" || is_known());
        cut_off_when(has_come, &mut get);
        assert!(!down.exists(), "no half file under its name");
        let went_on = ftp(&["get", "-c", &url, text(&down), "--ca", text(&ca), "--segments", segments]).ok();
        assert!(went_on.contains("were there") && is_same(&up, &down), "{went_on}");
    }
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn an_upload_that_lacked_only_its_end_is_ended() {
    let server = setup().start();
    server.cli(&["account", "ftp", "alice@example.org", "--binding", "prefer"]).ok();
    let folder = fresh_folder();
    let (up, down, ca) = (folder.join("up"), folder.join("down"), server.certificate());
    let url = format!("ftp://{ALICE}@{}/file", server.named("ftp"));
    // First nothing is under the name, and all bytes of the file but the last, which a server does not keep of what
    // was cut; then an older file, which is the beginning of the new one.
    for (bytes, there) in [(300_000, 299_999), (400_000, 300_000)] {
        fs::write(&up, content(bytes)).unwrap();
        server.python("ftp_no_end.py", &[text(&up)]);
        let put = ["put", "-c", text(&up), &url, "--ca", text(&ca)];
        let went_on = ftp(&put).ok();
        assert!(went_on.contains(&format!(": {} bytes ({there} were there)", bytes - there)), "{went_on}");
        assert!(went_on.contains("SHA-256 agrees"), "{went_on}");
        ftp(&["get", &url, text(&down), "--ca", text(&ca)]).ok();
        assert!(is_same(&up, &down));
    }
}

/// Something on the way that lets the first connection pass, and says to all others that there is no TLS. Its
/// port, and what it was told.
fn stripper(to: String) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let strip = move |mut client: TcpStream| -> Option<()> {
        client.write_all(b"220 hello\r\n").ok()?;
        for line in BufReader::new(client.try_clone().ok()?).lines() {
            kept.lock().unwrap().push(line.ok()?);
            client.write_all(b"502 no\r\n").ok()?;
        }
        Some(())
    };
    thread::spawn(move || {
        let mut clients = listener.incoming().map(|client| client.unwrap());
        let (client, server) = (clients.next().unwrap(), TcpStream::connect(to).unwrap());
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
        clients.for_each(|client| {
            strip(client);
        });
    });
    (port, told)
}

#[test]
fn what_was_encrypted_once_is_not_sent_in_clear_later() {
    let server = setup().start();
    let folder = fresh_folder();
    let (up, ca) = (folder.join("up"), server.certificate());
    fs::write(&up, content(9_000_000)).unwrap();
    let at = server.named("ftp");
    ftp(&["put", text(&up), &format!("ftp://{ALICE}@{at}/file"), "--ca", text(&ca)]).ok();
    let (port, told) = stripper(at);
    let url = format!("ftp://{ALICE}@localhost:{port}/file");
    let down = folder.join("down");
    let get = ["get", &url, text(&down), "--ca", text(&ca), "--segments", "2", "--rate", "4M"];
    let said = ftp(&get).fails(5);
    assert!(said.contains("the server has no TLS, and nothing was sent in clear"), "{said}");
    assert_eq!(*told.lock().unwrap(), ["AUTH TLS"]);
    assert!(!down.exists());
}

#[test]
fn a_handshake_that_drips_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ftp://{}/", listener.local_addr().unwrap());
    let drip = move || -> Option<()> {
        let (mut control, _) = listener.accept().ok()?;
        control.write_all(b"220 hello\r\n").ok()?;
        BufReader::new(control.try_clone().ok()?).lines().next()?.ok()?;
        control.write_all(b"234 go\r\n").ok()?;
        // The client speaks first; then comes the head of a record, and its contents never.
        control.read_exact(&mut [0]).ok()?;
        control.write_all(b"\x16\x03\x03\x40\x00").ok()?;
        for _ in 0..200 {
            wait::load_for(Duration::from_millis(100));
            control.write_all(b"\x02").ok()?;
        }
        Some(())
    };
    thread::spawn(drip);
    let said = ftp(&["ls", &url, "--timeout", "1"]).fails(5);
    assert!(said.contains("timed out"), "{said}");
}

/// Kills a program once a part of what it moves has moved.
fn cut_off_when(has_moved: impl Fn(&Child) -> bool, child: &mut Child) {
    let look = || -> Option<bool> {
        let is_over = child.try_wait().unwrap().is_some();
        (is_over || has_moved(child)).then_some(is_over)
    };
    let is_over = wait::until(Duration::from_secs(60), look).expect("something moves");
    assert!(!is_over, "it was to be killed half-way");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The length of the largest file in a folder and below.
fn largest_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => largest_bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).max().unwrap_or(0)
}

/// How many bytes are still wanted by what is fetched in parts into a folder.
fn read_map(folder: &Path) -> Option<u64> {
    let map: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join(".posthouse-map-down")).ok()?).ok()?;
    let bounds = |range: &serde_json::Value| Some(range[1].as_u64()? - range[0].as_u64()?);
    map["wanted"].as_array()?.iter().map(bounds).sum()
}

/// What a program has written so far, wherever to (proc(5)).
fn written_bytes(id: u32) -> u64 {
    let told = fs::read_to_string(format!("/proc/{id}/io")).unwrap_or_default();
    told.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or(0)
}

#[test]
fn folders_go_both_ways() {
    let server = setup().start();
    let folder = fresh_folder();
    let (tree, back, ca) = (tree(&folder), folder.join("back"), server.certificate());
    let url = format!("ftp://{ALICE}@{}/tree", server.named("ftp"));
    both_ways(&url, &tree, &back, &["--ca", text(&ca)]);
    assert!(back.join("sub/deep [1]/Grüße").is_file());
}

/// Sends a tree and fetches it again; the second time nothing moves.
fn both_ways(url: &str, tree: &Path, back: &Path, ways: &[&str]) {
    let sent = ftp(&[&["mirror", "-R", text(tree), url], ways].concat()).ok();
    assert!(sent.starts_with("3 files moved") && sent.contains("1 left out, 0 failed"), "{sent}");
    let again = ftp(&[&["mirror", "-R", text(tree), url], ways].concat()).ok();
    assert!(again.starts_with("0 files moved (0 bytes), 3 unchanged"), "{again}");
    let fetched = ftp(&[&["mirror", url, text(back)], ways].concat()).ok();
    assert!(fetched.starts_with("3 files moved"), "{fetched}");
    let again = ftp(&[&["mirror", url, text(back)], ways].concat()).ok();
    assert!(again.starts_with("0 files moved (0 bytes), 3 unchanged"), "{again}");
    for name in ["a b.txt", "sub/empty", "sub/deep [1]/Grüße"] {
        assert!(is_same(&tree.join(name), &back.join(name)), "{name}");
    }
}

/// A server of others, as whoever runs the tests, and its port; killed at the end.
struct Foreign(Child, u16);

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn vsftpd(folder: &Path, tls: Option<&Server>) -> Foreign {
    let (port, root) = (free_port(), folder.join("root"));
    fs::create_dir_all(&root).unwrap();
    let mut config = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\n\
         local_enable=NO\nanon_root={}\nwrite_enable=YES\nanon_upload_enable=YES\nanon_mkdir_write_enable=YES\n\
         anon_other_write_enable=YES\nanon_umask=022\nanon_world_readable_only=NO\nmdtm_write=YES\n\
         allow_writeable_chroot=YES\nseccomp_sandbox=NO\nrun_as_launching_user=YES\nxferlog_enable=NO\n\
         isolate=NO\nisolate_network=NO\nmax_clients=4\n",
        root.display()
    );
    if let Some(server) = tls {
        let key = server.certificate().with_extension("key");
        config += &format!(
            "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\n\
             require_ssl_reuse=YES\nssl_ciphers=HIGH\nrsa_cert_file={}\nrsa_private_key_file={}\n",
            server.certificate().display(),
            key.display()
        );
    }
    let path = folder.join("vsftpd.conf");
    fs::write(&path, config).unwrap();
    // Debian keeps it where only the superuser's shell looks.
    let name = if Path::new("/usr/sbin/vsftpd").exists() { "/usr/sbin/vsftpd" } else { "vsftpd" };
    let child = program(name).arg(&path).stdin(Stdio::null()).spawn();
    let child = child.unwrap_or_else(|error| panic!("vsftpd cannot be run ({error}): scripts/test-deps"));
    Foreign(child, port).ready()
}

impl Foreign {
    /// Waits until it takes connections.
    fn ready(self) -> Foreign {
        let connect = || TcpStream::connect(("127.0.0.1", self.1)).ok();
        wait::until(Duration::from_secs(20), connect).expect("a server that listens");
        self
    }
}

#[test]
fn vsftpd_plain_and_with_sessions_that_must_be_resumed() {
    let server = setup().start();
    let ca = server.certificate();
    for tls in [None, Some(&server)] {
        let folder = fresh_folder();
        let vsftpd = vsftpd(&folder, tls);
        let url = format!("ftp://localhost:{}/%2F{}", vsftpd.1, &text(&folder.join("root"))[1..]);
        let require: &[&str] = &["--tls", "require", "--ca", text(&ca)];
        let ways = if tls.is_some() { require } else { &["--tls", "off"] };
        let (big, down) = (folder.join("big"), folder.join("down"));
        fs::write(&big, content(9_000_000)).unwrap();
        let at = format!("{url}/big");
        ftp(&[&["put", text(&big), &at], ways].concat()).ok();
        for more in [&[][..], &["--segments", "3"], &["--active"]] {
            ftp(&[&["get", &at, text(&down)], ways, more].concat()).ok();
            assert!(is_same(&big, &down), "{more:?}");
        }
        // A cut upload, gone on with by REST and STOR.
        let there = folder.join("root/big");
        fs::File::options().write(true).open(&there).unwrap().set_len(5_000_000).unwrap();
        let put = ["put", "-c", text(&big), &at];
        let said = ftp(&[&put[..], ways].concat()).fails(8);
        assert!(said.contains("--verify off") && fs::metadata(&there).unwrap().len() == 5_000_000, "{said}");
        let went_on = ftp(&[&put[..], &["--verify", "off"], ways].concat()).ok();
        assert!(went_on.contains("4000000 bytes (5000000 were there)") && is_same(&big, &there), "{went_on}");
        both_ways(&format!("{url}/tree"), &tree(&folder), &folder.join("back"), ways);
        // More connections than the server takes: those that stand do the work.
        let back = folder.join("again");
        let many = ftp(&[&["mirror", "-P", "12", &format!("{url}/tree"), text(&back)], ways].concat()).ok();
        assert!(many.contains("3 files moved") && many.contains("0 failed"), "{many}");
    }
}

/// What a server of our making says and does.
#[derive(Clone, Copy)]
struct Plot {
    /// What MLSD sends.
    listing: &'static [u8],
    /// What RETR sends, and then closes.
    file: &'static [u8],
    /// What MLST says of any file.
    facts: &'static str,
    /// The command that is never answered.
    silent: &'static str,
}

/// Serves one connection after the other by a plot; its address.
fn plotter(plot: Plot) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for control in listener.incoming() {
            thread::spawn(move || converse(control.unwrap(), plot));
        }
    });
    format!("ftp://{address}/")
}

fn converse(mut control: TcpStream, plot: Plot) -> Option<()> {
    let mut lines = BufReader::new(control.try_clone().ok()?).lines();
    let mut data = None;
    control.write_all(b"220 hello\r\n").ok()?;
    loop {
        let line = lines.next()?.ok()?;
        let verb = line.split(' ').next().unwrap_or_default();
        let mut transfer = |control: &mut TcpStream, bytes: &[u8]| {
            let listener: TcpListener = data.take()?;
            control.write_all(b"150 go\r\n").ok()?;
            listener.accept().ok()?.0.write_all(bytes).ok()
        };
        let reply = match verb {
            verb if verb == plot.silent => continue,
            "USER" => "230 in",
            "FEAT" => {
                "211-Features\r\n MLST type*;size*;modify*;perm*;unix.mode*;\r\n REST STREAM\r\n211 End"
            }
            "PWD" => "257 \"/\"",
            "TYPE" => "200 ok",
            "EPSV" => {
                let listener = TcpListener::bind("127.0.0.1:0").ok()?;
                let port = listener.local_addr().ok()?.port();
                data = Some(listener);
                &format!("229 (|||{port}|)")
            }
            "MLST" if line == "MLST /" => "250-Facts\r\n type=dir; /\r\n250 End",
            "MLST" => &format!("250-Facts\r\n {}; x\r\n250 End", plot.facts),
            "MLSD" => {
                transfer(&mut control, if line == "MLSD /" { plot.listing } else { b"" });
                "226 done"
            }
            "RETR" => {
                transfer(&mut control, plot.file);
                "226 done"
            }
            _ => "502 no",
        };
        control.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
    }
}

const HONEST: Plot =
    Plot { listing: b"", file: b"hello", facts: "type=file;size=5;modify=20260101000000", silent: "-" };

#[test]
fn no_listing_leads_out_of_the_target() {
    let url = plotter(Plot {
        listing: b"type=file;size=5;modify=20260101000000; good\r\ntype=file;size=5; ../evil\r\n\
                   type=file;size=5; /tmp/posthouse-evil\r\ntype=dir; ..\r\ntype=file;size=5; a\x1b[2Jb\r\n\
                   type=dir; linked\r\ntype=file;size=5; .\r\ntype=OS.unix=slink:/etc; l\r\nnonsense\r\n",
        ..HONEST
    });
    let folder = fresh_folder();
    let (target, outside) = (folder.join("target"), folder.join("outside"));
    fs::create_dir_all(&target).unwrap();
    fs::create_dir_all(&outside).unwrap();
    // Somebody has put a link where the server has a folder.
    symlink(&outside, target.join("linked")).unwrap();
    let said = ftp(&["mirror", &url, text(&target), "--tls", "off"]).fails(9);
    assert!(said.contains("1 files moved") && said.contains("1 failed"), "{said}");
    assert!(!said.contains('\x1b'), "{said:?}");
    assert_eq!(fs::read(target.join("good")).unwrap(), b"hello");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 2);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    assert!(!Path::new("/tmp/posthouse-evil").exists());
}

#[test]
fn what_is_short_or_long_is_not_taken_for_whole() {
    for size in ["4", "6"] {
        let facts: &'static str =
            if size == "4" { "type=file;size=4" } else { "type=file;size=6;modify=20260101000000" };
        let url = plotter(Plot { facts, ..HONEST });
        let folder = fresh_folder();
        let said = ftp(&["get", &format!("{url}x"), text(&folder), "--tls", "off"]).fails(8);
        let more = if size == "4" { " or more" } else { "" };
        let expected = format!("5 bytes{more} came, but the server says that it has {size}");
        assert!(said.contains(&expected), "{said}");
        assert!(!folder.join("x").exists());
    }
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    for silent in ["USER", "FEAT", "EPSV", "RETR"] {
        let url = plotter(Plot { silent, ..HONEST });
        let said = ftp(&["get", &format!("{url}x"), "-", "--tls", "off", "--timeout", "1"]).fails(7);
        assert!(said.contains(&format!("did not answer {silent} in time")), "{said}");
    }
}

#[test]
fn a_cut_tls_connection_is_no_end() {
    let server = setup().start();
    let ca = server.certificate();
    for (facts, whole) in [("", false), ("size=100001;", false), ("size=100000;", true)] {
        let port = free_port();
        let mut script = python("ftp_cut.py");
        script.env("PORT", port.to_string()).env("CERTIFICATE", &ca).env("KEY", ca.with_extension("key"));
        let child = script.env("FACTS", facts).stderr(Stdio::null()).spawn().unwrap();
        let _server = Foreign(child, port).ready();
        let folder = fresh_folder();
        let ran = ftp(&["get", &format!("ftps://localhost:{port}/x"), text(&folder), "--ca", text(&ca)]);
        if whole {
            ran.ok();
        } else {
            let said = ran.fails(7);
            assert!(said.contains("the data connection of RETR was cut after 100000 bytes"), "{said}");
        }
        assert_eq!(folder.join("x").exists(), whole, "{facts}");
    }
}

#[test]
fn whoever_is_believed_must_be_so_on_the_data_connection() {
    let (server, other) = (setup().start(), setup().start());
    for (data, taken) in [(&server, true), (&other, false)] {
        let port = free_port();
        let mut script = python("ftp_cut.py");
        for (name, server) in [("", &server), ("DATA_", data)] {
            let certificate = server.certificate();
            script.env(format!("{name}KEY"), certificate.with_extension("key"));
            script.env(format!("{name}CERTIFICATE"), certificate);
        }
        script.env("PORT", port.to_string()).env("FACTS", "size=100000;");
        let _server = Foreign(script.stderr(Stdio::null()).spawn().unwrap(), port).ready();
        let folder = fresh_folder();
        let ran = ftp(&["get", &format!("ftps://localhost:{port}/x"), text(&folder), "--insecure"]);
        if taken {
            ran.ok();
        } else {
            assert!(ran.fails(5).contains("another certificate than the control connection"));
        }
        assert_eq!(folder.join("x").exists(), taken);
    }
}

#[test]
fn passwords_do_not_stand_in_addresses() {
    let said = ftp(&["get", "ftp://alice:secret@localhost/x"]).fails(2);
    assert!(said.contains("--password-file"), "{said}");
}
