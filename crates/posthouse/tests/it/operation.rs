//! What a supervisor sees: readiness, signals, handed-over sockets, numbers.

use crate::programs::{self, program, run};
use crate::server::{PASSWORD, Server, setup};
use crate::talk::Talk;
use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

/// The numbers of /metrics, by name with labels.
fn metrics(server: &Server) -> Vec<(String, f64)> {
    let mut curl = program("curl");
    let text = run(curl.args(["-sSf", &format!("http://{}/metrics", server.at("http"))])).ok();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            (name.to_string(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        })
        .collect()
}

fn number(server: &Server, name: &str) -> f64 {
    let numbers = metrics(server);
    numbers.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name} in {numbers:?}")).1
}

#[test]
fn the_numbers_count_what_happens() {
    let server = setup().start();
    let mut open = server.talk("imap");
    open.expect("* OK");
    server.deliver("alice@example.org", "Subject: x\r\n\r\n");
    let mut smtp = crate::smtp::mx(&server);
    smtp.command("MAIL FROM:<s@example.net>", "250 ");
    smtp.command("RCPT TO:<nobody@example.org>", "550 ");
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
    let mut pop3 = server.talk("pop3").inside_starttls(&server.certificate(), "STLS");
    pop3.command("USER alice@example.org", "+OK");
    pop3.command("PASS wrong", "-ERR");
    for (name, expected) in [
        ("posthouse_connections_total{service=\"lmtp\"}", 1.0),
        ("posthouse_connections_open{service=\"imap\"}", 1.0),
        ("posthouse_messages_accepted_total", 1.0),
        ("posthouse_messages_delivered_total", 1.0),
        ("posthouse_messages_refused_total", 1.0),
        ("posthouse_logins_total{service=\"pop3\"}", 1.0),
        ("posthouse_login_failures_total{service=\"pop3\"}", 1.0),
        ("posthouse_store_failures_total", 0.0),
    ] {
        assert_eq!(number(&server, name), expected, "{name}");
    }
    let mut curl = program("curl");
    assert_eq!(run(curl.args(["-sSf", &format!("http://{}/health", server.at("http"))])).ok(), "ok\n");
}

#[test]
fn stopping_says_goodbye_to_everybody_and_is_quick() {
    for signal in ["TERM", "INT"] {
        let mut server = setup().plaintext().start();
        let mut smtp = crate::smtp::mx(&server);
        smtp.command("MAIL FROM:<s@example.net>", "250 ");
        let mut pop3 = server.talk("pop3");
        pop3.expect("+OK");
        pop3.log_in_pop3("alice@example.org");
        pop3.command("LIST", "+OK");
        pop3.block();
        let mut imap = server.talk("imap");
        imap.expect("* OK");
        imap.imap(&format!("a LOGIN bob@example.org \"{PASSWORD}\""), "OK");
        let begun = Instant::now();
        server.signal(signal);
        smtp.expect("421 4.3.2");
        pop3.expect("-ERR [SYS/TEMP]");
        imap.expect("* BYE");
        assert!(smtp.is_closed() && pop3.is_closed() && imap.is_closed());
        assert_eq!(server.wait_for_end(Duration::from_secs(10)), Some(0), "{}", server.log());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(!server.folder.join("data/control.sock").exists());
        server.launch();
    }
}

#[test]
fn a_message_under_way_when_the_server_stops_is_refused_for_now_or_kept() {
    let mut server = setup().start();
    let mut smtp = crate::smtp::mx(&server);
    smtp.command("MAIL FROM:<s@example.net>", "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
    smtp.command("DATA", "354 ");
    smtp.send(b"Subject: half\r\n\r\n");
    server.signal("TERM");
    let reply = smtp.next_line();
    smtp.send(b"the rest\r\n.\r\n");
    let reply = reply.or_else(|| smtp.next_line()).unwrap_or_default();
    assert_eq!(server.wait_for_end(Duration::from_secs(25)), Some(0));
    server.launch();
    let kept = server.mail_of("alice@example.org").len();
    assert_eq!(reply.starts_with("250 "), kept == 1, "{reply}, {kept} kept");
    assert!(reply.starts_with("421 ") || reply.starts_with("250 "), "{reply}");
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_stops() {
    let mut server = setup().prepare();
    let path = server.folder.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = server.serve_command();
    command.env("NOTIFY_SOCKET", &path);
    server.launch_as(command);
    let said = || {
        let mut space = [0; 1024];
        let count = socket.recv(&mut space).unwrap();
        String::from_utf8_lossy(&space[..count]).trim_end().to_string()
    };
    assert_eq!(said(), "READY=1");
    server.signal("TERM");
    assert_eq!(said(), "STOPPING=1");
    assert_eq!(server.wait_for_end(Duration::from_secs(10)), Some(0));
}

#[test]
fn signals_right_after_readiness_are_obeyed() {
    let mut server = setup().prepare();
    let path = server.folder.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    for _ in 0..10 {
        let mut command = server.serve_command();
        command.env("NOTIFY_SOCKET", &path);
        let mut child = command.spawn().unwrap();
        let mut shell = program("sh");
        // Started before, so that nothing but a system call lies between readiness and the signal.
        shell.args(["-c", &format!("read go; kill -TERM {}", child.id())]);
        let mut shell = shell.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut space = [0; 64];
        let count = socket.recv(&mut space).unwrap();
        assert_eq!(&space[..count], b"READY=1\n");
        shell.stdin.take().unwrap().write_all(b"go\n").unwrap();
        assert!(shell.wait().unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{status}: {}", server.log());
        let count = socket.recv(&mut space).unwrap();
        assert_eq!(&space[..count], b"STOPPING=1\n");
    }
    server.launch();
}

#[test]
fn sockets_that_systemd_opened_are_used_by_their_names() {
    let mut server = setup().prepare();
    // The configuration does not name the services; only the handed-over sockets exist.
    let text = std::fs::read_to_string(server.config()).unwrap();
    let kept = text.lines().filter(|line| !line.starts_with("smtp =") && !line.starts_with("imaps ="));
    std::fs::write(server.config(), kept.collect::<Vec<_>>().join("\n")).unwrap();
    let plain = server.serve_command();
    let mut command = programs::python("activate.py");
    command.arg(format!("smtp={}", server.port("smtp"))).arg(format!("imaps={}", server.port("imaps")));
    command.arg("--").arg(plain.get_program()).args(plain.get_args());
    let log = std::fs::File::create(server.folder.join("log")).unwrap();
    command.stderr(log);
    server.launch_as(command);
    server.talk("smtp").expect("220 ");
    Talk::open(server.port("imaps")).start_tls(&server.certificate()).expect("* OK");
    server.stop();
}

#[test]
fn secrets_reach_neither_the_log_nor_other_users() {
    use std::os::unix::fs::PermissionsExt;
    let mut server = setup().plaintext().prepare();
    server.environment("POSTHOUSE_LOG", "trace");
    server.launch();
    server.cli(&["domain", "add", "example.org"]).ok();
    server.add_accounts(&["alice@example.org", "bob@example.org"]);
    let encoded = crate::accounts::base64(PASSWORD);
    let response = crate::accounts::base64(&format!("\0bob@example.org\0{PASSWORD}"));
    let mut smtp = server.talk("submission");
    smtp.expect("220 ");
    smtp.command("EHLO client.example.net", "250");
    smtp.command(&format!("AUTH PLAIN {response}"), "235 ");
    let mut pop3 = server.talk("pop3");
    pop3.expect("+OK");
    pop3.log_in_pop3("alice@example.org");
    let mut imap = server.talk("imap");
    imap.expect("* OK");
    imap.imap(&format!("a LOGIN bob@example.org \"{PASSWORD}\""), "OK");
    imap.imap(&format!("b LOGIN bob@example.org \"{PASSWORD}\""), "");
    let mut failing = server.talk("pop3");
    failing.expect("+OK");
    failing.command("USER alice@example.org", "+OK");
    failing.command(&format!("PASS {PASSWORD} with a typo"), "-ERR");
    let log = server.log();
    assert!(log.contains("login failed"), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains(&encoded) && !log.contains(&response), "{log}");
    let mode = |name: &str| {
        std::fs::metadata(server.folder.join("data").join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for name in ["self-signed.key", "control.sock", "decoy.key"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[test]
fn out_of_file_descriptors_it_goes_on_when_some_come_free() {
    let mut server = setup().prepare();
    let plain = server.serve_command();
    let mut command = program("sh");
    command.args(["-c", "ulimit -n 100; exec \"$@\"", "sh"]).arg(plain.get_program()).args(plain.get_args());
    command.stderr(std::fs::File::create(server.folder.join("log")).unwrap());
    server.launch_as(command);
    let mut crowd: Vec<Talk> = (0..150).map(|_| server.talk("smtp")).collect();
    crowd[0].expect("220 ");
    let told =
        crate::wait::until(Duration::from_secs(10), || server.log().contains("cannot accept").then_some(()));
    assert!(told.is_some(), "{}", server.log());
    drop(crowd);
    let mut smtp = server.talk("smtp");
    smtp.expect("220 ");
    smtp.command("NOOP", "250 ");
}

#[test]
fn a_demo_runs_until_it_is_told_to_stop_and_leaves_nothing() {
    let folder = crate::server::fresh_folder();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_posthouse"));
    command.arg("demo").env("TMPDIR", &folder).env("POSTHOUSE_LOG", "error");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut guide = String::new();
    while !guide.contains("what became of her mail") || !guide.ends_with("\n\n") {
        let mut space = [0; 4096];
        let count = out.read(&mut space).unwrap();
        assert!(count > 0, "{guide}");
        guide.push_str(std::str::from_utf8(&space[..count]).unwrap());
    }
    // Its own commands work as they are printed.
    let script: String =
        guide.lines().skip_while(|line| !line.contains("# bob writes")).collect::<Vec<_>>().join("\n");
    let path = std::env::var("PATH").unwrap();
    let said = run(program("sh").args(["-ec", &script]).env("PATH", path)).ok();
    run(program("sh").args(["-c", &format!("kill -INT {}", child.id())])).ok();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(rest.contains("The demo has ended"), "{rest}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing is left behind");
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(said.contains("Hello Alice") || said.contains("by curl"), "{said}");
    assert!(said.contains("delivered"), "{said}");
}

#[test]
fn a_handshake_that_does_not_come_delays_no_stop() {
    let mut server = setup().start();
    let silent = ["submissions", "imaps", "ftps"].map(|service| server.talk(service));
    let mut asked = server.talk("submission");
    asked.expect("220 ");
    asked.command("EHLO client.example.net", "250-");
    asked.command("STARTTLS", "220 ");
    server.signal("TERM");
    assert_eq!(server.wait_for_end(Duration::from_secs(10)), Some(0));
    drop((silent, asked));
}
