//! Large content in a bucket: the whole house, with services of others and with one that fails when it is told to.

use crate::ftp::{content, plain};
use crate::imap::imap;
use crate::journey::curl_reads;
use crate::programs::{program, run};
use crate::s3::{BUCKET, Fate, KEY, Service};
use crate::server::{PASSWORD, Server, free_port, fresh_folder, setup};
use crate::wait;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

const ALICE: &str = "alice@example.org";
/// What the service must not see in any log.
const SECRET: &str = "hush-hush-hush";
/// How long Python takes to start a service, also on a busy machine.
const MOTO_LIMIT: Duration = Duration::from_secs(60);

/// A configuration for a bucket at `endpoint`, with the keys in a file.
fn tables(endpoint: &str, key: &str, folder: &Path) -> String {
    let keys = folder.join("keys");
    fs::write(&keys, format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"))
        .unwrap();
    fs::set_permissions(&keys, PermissionsExt::from_mode(0o600)).unwrap();
    format!(
        "[store]\nblobs = \"s3://{BUCKET}/house\"\n[store.s3]\nendpoint = {endpoint:?}\ncredentials = {keys:?}\n"
    )
}

/// A letter whose content does not become small: it cannot lie in the database.
fn letter(lines: usize) -> String {
    let bytes = content(lines * 38);
    let text: String = bytes
        .chunks(38)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\r\n")
        .collect();
    format!("Subject: large\r\nMessage-ID: <large-{lines}@example.net>\r\n\r\n{text}needle\r\n")
}

fn curl(server: &Server, arguments: &[&str]) -> Vec<u8> {
    let out = fresh_folder().join("out");
    let mut curl = program("curl");
    curl.args(["-sS", "--max-time", "50", "--user", &format!("{ALICE}:{PASSWORD}"), "-o"]).arg(&out);
    run(curl.args(arguments)).ok();
    assert!(!server.log().contains(SECRET));
    fs::read(out).unwrap_or_default()
}

/// What must hold with any service: in by SMTP and FTP, out by IMAP, POP3 and FTP, also when nothing of it is here.
fn a_house_on(endpoint: &str, keys: &dyn Fn() -> Vec<String>) {
    let folder = fresh_folder();
    let mut server = setup().plaintext().tables(&tables(endpoint, KEY, &folder)).start();
    let letter = letter(3000);
    let mut smtp = server.talk("smtp");
    smtp.expect("220 ");
    smtp.command("EHLO client.example.net", "250");
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command(&format!("RCPT TO:<{ALICE}>"), "250 ");
    smtp.command("DATA", "354 ");
    smtp.send(letter.as_bytes());
    smtp.command(".", "250 ");
    assert_eq!(keys().len(), 1, "250 means that the service has it");
    // So long that it is read where it lies.
    let (up, bytes) = (folder.join("up"), content(20_000_000));
    fs::write(&up, &bytes).unwrap();
    let ftp = format!("ftp://{}/up", server.named("ftp"));
    curl(&server, &["-T", up.to_str().unwrap(), &ftp]);
    assert_eq!(keys().len(), 2);
    let url = format!("imaps://{}/INBOX;MAILINDEX=1", server.named("imaps"));
    let all_is_there = |server: &Server| {
        assert!(curl_reads(server, &url, &[]).ends_with(&letter));
        assert!(server.mail_of(ALICE)[0].ends_with(&letter));
        assert!(curl(server, &[&ftp]) == bytes);
        assert!(curl(server, &["-r", "19999000-", &ftp]) == bytes[19_999_000..]);
        let mut session = imap(server, ALICE);
        session.imap("s SELECT INBOX", "OK");
        let found = session.imap("f SEARCH BODY needle", "OK");
        assert!(found.iter().any(|line| line == "* SEARCH 1"), "{found:?}");
        assert!(server.cli(&["check"]).ok().contains("all is well"));
    };
    all_is_there(&server);
    let copies = server.folder.join("data/blob-cache");
    assert!(copies.is_dir());
    server.kill();
    fs::remove_dir_all(&copies).unwrap();
    server.launch();
    all_is_there(&server);
    // While it does not run, too.
    server.stop();
    fs::remove_dir_all(&copies).unwrap();
    assert!(server.cli(&["check"]).ok().contains("all is well"));
    let copied = run(program("find").arg(&copies).args(["-size", "+8k", "-type", "f"])).ok();
    assert_eq!(copied, "", "a check keeps nothing");
    server.launch();
    server.cli(&["files", "rm", &format!("{ALICE}:/up")]).ok();
    let gone = wait::until(Duration::from_secs(20), || (keys().len() == 1).then_some(()));
    assert!(gone.is_some(), "{:?}", keys());
    server.cli(&["account", "remove", ALICE, "--yes"]).ok();
    server.stop();
    assert_eq!(keys(), [""; 0]);
    assert!(!server.log().contains(SECRET));
}

#[test]
fn mail_and_files_in_a_bucket() {
    let service = Service::start();
    a_house_on(&service.endpoint(), &|| service.keys());
    assert_eq!(service.open_uploads(), 0);
}

/// moto, a service that others wrote.
struct Moto {
    child: Child,
    endpoint: String,
}

impl Moto {
    fn start() -> Moto {
        let port = free_port();
        let mut command = program("moto_server");
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let moto = Moto { child: command.spawn().unwrap(), endpoint: format!("http://127.0.0.1:{port}") };
        let ready = wait::until(MOTO_LIMIT, || moto.curl(&["-X", "PUT"], BUCKET));
        assert!(ready.is_some(), "moto_server does not answer");
        moto
    }

    fn curl(&self, arguments: &[&str], path: &str) -> Option<String> {
        let mut curl = program("curl");
        curl.args(["-sf", "--noproxy", "*"]).args(arguments).arg(format!("{}/{path}", self.endpoint));
        let ran = run(&mut curl);
        (ran.code == Some(0)).then_some(ran.out)
    }

    fn keys(&self) -> Vec<String> {
        let list = self.curl(&[], &format!("{BUCKET}?list-type=2")).unwrap();
        let keys = list.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        keys.collect()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs moto_server, which Debian does not have: pip install 'moto[server]'"]
fn mail_and_files_in_a_bucket_of_moto() {
    let moto = Moto::start();
    a_house_on(&moto.endpoint, &|| moto.keys());
}

#[test]
fn many_letters_that_are_away_are_found_and_fetched() {
    let (service, folder) = (Service::start(), fresh_folder());
    let settings = tables(&service.endpoint(), KEY, &folder) + "cache_max_bytes = 300000\n";
    let mut server = setup().plaintext().tables(&settings).start();
    for number in 0..12 {
        // Small ones, which are never away, lie in between.
        let text =
            if number % 3 == 2 { "Subject: small\r\n\r\nneedle\r\n".into() } else { letter(3000 + number) };
        server.deliver(ALICE, &text);
    }
    server.kill();
    server.launch();
    service.requests();
    let mut session = imap(&server, ALICE);
    session.imap("s SELECT INBOX", "OK");
    let all = "* SEARCH 1 2 3 4 5 6 7 8 9 10 11 12";
    let gets = || {
        let mut asked = service.requests();
        asked.retain(|line| line.starts_with("GET /mail/house/"));
        asked
    };
    let found = session.imap("f SEARCH BODY needle", "OK");
    assert!(found.iter().any(|line| line == all), "{found:?}");
    let asked = gets();
    assert_eq!(asked.len(), 8, "{asked:#?}");
    let found = session.imap("h SEARCH HEADER Received mx.example.org", "OK");
    assert!(found.iter().any(|line| line == all), "{found:?}");
    let asked = gets();
    assert!(asked.len() <= 8, "{asked:#?}");
    let fetched = session.imap("g FETCH 1:* (UID BODY.PEEK[])", "OK");
    assert_eq!(fetched.iter().filter(|line| line.contains(" FETCH (UID ")).count(), 12);
    assert_eq!(fetched.iter().filter(|line| *line == "needle").count(), 12);
    let asked = gets();
    assert_eq!(asked.len(), 8, "{asked:#?}");
    let mut find = program("find");
    find.arg(server.folder.join("data/blob-cache")).args(["-name", "*-*", "-type", "f", "-printf", "%s\\n"]);
    let kept: u64 = run(&mut find).ok().lines().map(|len| len.parse::<u64>().unwrap()).sum();
    assert!((100_000..=300_000).contains(&kept), "{kept} bytes are kept");
}

/// Tries to deliver a message, which is refused for now.
fn cannot_be_delivered(server: &Server, message: &str) {
    let mut lmtp = server.talk("lmtp");
    lmtp.expect("220 ");
    lmtp.command("LHLO client.example.net", "250");
    lmtp.command("MAIL FROM:<sender@example.net>", "250 ");
    lmtp.command(&format!("RCPT TO:<{ALICE}>"), "250 ");
    lmtp.command("DATA", "354 ");
    lmtp.send(message.as_bytes());
    lmtp.command(".", "451 ");
}

#[test]
fn a_service_that_fails_is_a_failure_for_now() {
    let (service, folder) = (Service::start(), fresh_folder());
    let mut server = setup().plaintext().tables(&tables(&service.endpoint(), KEY, &folder)).start();
    server.deliver(ALICE, &letter(3000));
    let mut ftp = plain(&server);
    ftp.command("TYPE I", "200 ");
    crate::ftp::put(&mut ftp, "there", &content(200_000));
    ftp.command("QUIT", "221 ");
    server.stop();
    fs::remove_dir_all(server.folder.join("data/blob-cache")).unwrap();
    server.launch();
    service.rule(|_, _| Fate::Refused(503));
    cannot_be_delivered(&server, &letter(3001));
    let mut session = imap(&server, ALICE);
    session.imap("s SELECT INBOX", "OK");
    let failed = session.imap("f FETCH 1 BODY.PEEK[]", "NO");
    assert!(failed.last().unwrap().contains("[UNAVAILABLE]"), "{failed:?}");
    let text = letter(3002);
    session.say(&format!("p APPEND INBOX {{{}+}}", text.len()));
    session.send(text.as_bytes());
    session.say("");
    assert!(session.line().contains("p NO [UNAVAILABLE]"));
    // What lies in the database is there as ever.
    server.deliver(ALICE, "Subject: small\r\n\r\nsmall\r\n");
    session.imap("n NOOP", "OK");
    let small = session.imap("g FETCH 2 BODY.PEEK[TEXT]", "OK");
    assert!(small.iter().any(|line| line.contains("small")), "{small:?}");
    let mut ftp = plain(&server);
    ftp.command("TYPE I", "200 ");
    ftp.command("EPSV", "229 ");
    ftp.command("RETR there", "451 ");
    let mut data = crate::ftp::passive(&mut ftp);
    ftp.command("STOR new", "150 ");
    std::io::Write::write_all(&mut data, &content(300_000)).unwrap();
    drop(data);
    ftp.expect("451 ");
    assert_eq!(service.keys().len(), 2);
    service.heal();
    let fetched = session.imap("h FETCH 1 BODY.PEEK[]", "OK");
    assert!(fetched.iter().any(|line| line == "needle"));
    assert!(crate::ftp::get(&mut ftp, "RETR there") == content(200_000));
    ftp.command("SIZE new", "550 ");
    assert_eq!(server.mail_of(ALICE).len(), 2);
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

/// Every byte that was acknowledged outlives the program, whenever it ends.
#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let (service, folder) = (Service::start(), fresh_folder());
    let mut server = setup().plaintext().tables(&tables(&service.endpoint(), KEY, &folder)).start();
    server.deliver(ALICE, &letter(3000));
    server.kill();
    // An upload is under way when the program ends: the service has it, no row does.
    server.launch();
    service.rule(|method, path| {
        if method == "PUT" && path.contains("house") { Fate::ServedInVain(400) } else { Fate::Served }
    });
    cannot_be_delivered(&server, &letter(3001));
    server.kill();
    service.heal();
    server.launch();
    let mail = server.mail_of(ALICE);
    assert_eq!(mail.len(), 1);
    assert!(mail[0].ends_with(&letter(3000)));
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn a_start_without_a_bucket_says_why() {
    let (service, folder) = (Service::start(), fresh_folder());
    let refused = |server: &Server| {
        let said = server.cli(&["serve"]).fails(1);
        assert!(!said.contains(SECRET), "{said}");
        said
    };
    let server = setup().tables(&tables(&service.endpoint(), "stranger", &folder)).prepare();
    let said = refused(&server);
    assert!(
        said.contains("s3://mail/house cannot be written") && said.contains("check the access key"),
        "{said}"
    );
    // What needs no content is done all the same.
    server.cli(&["domain", "add", "example.org"]).ok();
    let keys: PathBuf = folder.join("keys");
    fs::set_permissions(&keys, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(refused(&server).contains("chmod o-r"));
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let server = setup().tables(&tables(&endpoint, KEY, &folder)).prepare();
    assert!(refused(&server).contains("check store.s3.endpoint"));
    let table =
        format!("[store]\nblobs = \"s3://{BUCKET}\"\n[store.s3]\nendpoint = {:?}\n", service.endpoint());
    let mut server = setup().tables(&table).prepare();
    server.environment("AWS_ACCESS_KEY_ID", "");
    assert!(refused(&server).contains("AWS_ACCESS_KEY_ID"));
    server.environment("AWS_ACCESS_KEY_ID", KEY);
    server.environment("AWS_SECRET_ACCESS_KEY", SECRET);
    server.launch();
    server.stop();
    assert!(!server.log().contains(SECRET));
}
