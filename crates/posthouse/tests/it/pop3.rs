//! Mail programs that fetch by POP3.

use crate::programs::{program, run};
use crate::server::{PASSWORD, Server, setup};
use crate::talk::Talk;
use std::os::unix::fs::PermissionsExt;

const ALICE: &str = "alice@example.org";

/// A session inside TLS, not logged in.
fn pop3(server: &Server) -> Talk {
    server.talk("pop3").inside_starttls(&server.certificate(), "STLS")
}

/// The lines of UIDL.
fn uidl(server: &Server) -> Vec<String> {
    let mut pop3 = pop3(server);
    pop3.log_in_pop3(ALICE);
    pop3.command("UIDL", "+OK");
    let lines = pop3.block().lines().map(str::to_string).collect();
    pop3.command("QUIT", "+OK");
    lines
}

#[test]
fn python_lists_reads_tops_marks_and_resets() {
    let server = setup().start();
    for number in 1..=3 {
        server.deliver(ALICE, &format!("Subject: {number}\r\n\r\n.one\r\n..two\r\nthree\r\n"));
    }
    server.python("pop3.py", &[]);
}

#[test]
fn curl_reads_inside_verified_tls() {
    let server = setup().start();
    server.deliver(ALICE, "Subject: by curl\r\n\r\n.text\r\n");
    let login = format!("{ALICE}:{PASSWORD}");
    let curl = |url: &str, more: &[&str]| {
        let mut curl = program("curl");
        curl.args(["-sS", "--cacert"]).arg(server.certificate()).args(["--user", &login]).arg(url).args(more);
        run(&mut curl).ok()
    };
    let message = curl(&format!("pop3s://{}/1", server.named("pop3s")), &[]);
    assert!(message.ends_with("Subject: by curl\r\n\r\n.text\r\n"), "{message}");
    let same = curl(&format!("pop3://{}/1", server.named("pop3")), &["--ssl-reqd"]);
    assert_eq!(same, message);
    let list = curl(&format!("pop3s://{}/", server.named("pop3s")), &[]);
    assert_eq!(list, format!("1 {}\r\n", message.len()));
}

#[test]
fn fetchmail_fetches_everything_once() {
    let server = setup().start();
    for number in 1..=3 {
        server.deliver(ALICE, &format!("Subject: {number}\r\n\r\n.\r\n..{number}\r\n"));
    }
    let spool = server.folder.join("spool");
    let text = format!(
        "poll localhost service {} protocol pop3 timeout 20\n  user \"{ALICE}\" password \"{PASSWORD}\"\n  \
         ssl sslcertck sslcertfile \"{}\" nokeep fetchall\n  mda \"cat >> {}\"\n",
        server.port("pop3s"),
        server.certificate().display(),
        spool.display()
    );
    let file = server.folder.join("fetchmailrc");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let fetch = || {
        let mut fetchmail = program("fetchmail");
        fetchmail.env("FETCHMAILHOME", &server.folder).env("HOME", &server.folder);
        run(fetchmail.arg("-f").arg(&file).args(["--nodetach", "--nosyslog"]))
    };
    fetch().ok();
    let fetched = std::fs::read_to_string(&spool).unwrap();
    for number in 1..=3 {
        assert!(fetched.contains(&format!("Subject: {number}\n\n.\n..{number}\n")), "{fetched}");
    }
    // 1: there was no mail.
    fetch().fails(1);
    assert!(server.mail_of(ALICE).is_empty());
}

#[test]
fn unique_ids_stay_across_sessions_deletions_and_restarts() {
    let mut server = setup().start();
    for number in 1..=3 {
        server.deliver(ALICE, &format!("Subject: {number}\r\n\r\n"));
    }
    let before = uidl(&server);
    assert_eq!(before.len(), 3);
    assert_eq!(uidl(&server), before);
    let mut session = pop3(&server);
    session.log_in_pop3(ALICE);
    session.command("DELE 1", "+OK");
    session.command("QUIT", "+OK");
    server.deliver(ALICE, "Subject: 4\r\n\r\n");
    server.stop();
    server.launch();
    let ids = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').nth(1).unwrap().to_string()).collect()
    };
    let (before, after) = (ids(&before), ids(&uidl(&server)));
    assert_eq!(after[..2], before[1..]);
    assert!(!before.contains(&after[2]), "an id is not used again");
}

#[test]
fn only_quit_deletes() {
    let server = setup().start();
    server.deliver(ALICE, "Subject: 1\r\n\r\n");
    server.deliver(ALICE, "Subject: 2\r\n\r\n");
    let mut session = pop3(&server);
    session.log_in_pop3(ALICE);
    session.command("DELE 1", "+OK");
    session.command("LIST 1", "-ERR");
    session.command("RETR 1", "-ERR");
    drop(session);
    let left = crate::wait::until(std::time::Duration::from_secs(5), || {
        let mut session = pop3(&server);
        session.command(&format!("USER {ALICE}"), "+OK");
        session.say(&format!("PASS {PASSWORD}"));
        if !session.line().starts_with("+OK") {
            return None;
        }
        let stat = session.command("STAT", "+OK");
        session.command("DELE 1", "+OK");
        session.command("QUIT", "+OK");
        Some(stat)
    });
    assert!(left.unwrap().starts_with("+OK 2 "), "a lost connection deletes nothing (RFC 1939 §6)");
    let mail = server.mail_of(ALICE);
    assert!(mail.len() == 1 && mail[0].contains("Subject: 2"), "{mail:?}");
}

#[test]
fn a_maildrop_is_open_once() {
    let server = setup().start();
    let mut first = pop3(&server);
    first.log_in_pop3(ALICE);
    let mut second = pop3(&server);
    second.command(&format!("USER {ALICE}"), "+OK");
    second.command(&format!("PASS {PASSWORD}"), "-ERR [IN-USE]");
    first.command("QUIT", "+OK");
    second.command(&format!("USER {ALICE}"), "+OK");
    second.command(&format!("PASS {PASSWORD}"), "+OK");
}

#[test]
fn what_is_offered_depends_on_tls_and_login() {
    let server = setup().start();
    let mut clear = server.talk("pop3");
    clear.expect("+OK");
    clear.command("CAPA", "+OK");
    let offers = clear.block();
    assert!(offers.contains("STLS\r\n") && !offers.contains("\nUSER"), "{offers}");
    assert!(!offers.contains("SASL") || !offers.contains("PLAIN"), "{offers}");
    clear.command(&format!("USER {ALICE}"), "-ERR");
    let mut inside = pop3(&server);
    inside.command("CAPA", "+OK");
    let offers = inside.block();
    for offer in ["TOP", "USER", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8"] {
        assert!(offers.lines().any(|line| line.split(' ').next() == Some(offer)), "{offer}: {offers}");
    }
    assert!(
        offers.contains("SASL ") && offers.contains("SCRAM-SHA-256") && !offers.contains("STLS"),
        "{offers}"
    );
    inside.command("STLS", "-ERR");
    inside.command(&format!("USER {ALICE}"), "+OK");
    inside.command("PASS wrong", "-ERR [AUTH]");
}

#[test]
fn utf8_shows_messages_as_they_are_and_others_get_a_downgraded_form() {
    let server = setup().start();
    server.python("smtputf8_to_alice.py", &[]);
    let mut plain = pop3(&server);
    plain.log_in_pop3(ALICE);
    plain.command("RETR 1", "+OK");
    let message = plain.block();
    assert!(message.is_ascii(), "{message}");
    plain.command("QUIT", "+OK");
    let whole = server.mail_of(ALICE).remove(0);
    assert!(whole.contains("Subject: Grüße\r\n"), "{whole}");
}

#[test]
fn commands_may_come_in_one_piece() {
    let server = setup().start();
    server.deliver(ALICE, "Subject: x\r\n\r\n");
    let mut pop3 = pop3(&server);
    pop3.send(format!("USER {ALICE}\r\nPASS {PASSWORD}\r\nSTAT\r\nTOP 1 0\r\nNOOP\r\nQUIT\r\n").as_bytes());
    for begin in ["+OK", "+OK", "+OK 1 ", "+OK"] {
        pop3.expect(begin);
    }
    assert!(pop3.block().ends_with("Subject: x\r\n\r\n"));
    pop3.expect("+OK");
    pop3.expect("+OK");
    assert!(pop3.is_closed());
}

#[test]
fn the_size_of_a_downgraded_message_is_that_of_the_form_that_is_sent() {
    let server = setup().start();
    server.python("smtputf8_to_alice.py", &[]);
    let mut plain = pop3(&server);
    plain.log_in_pop3(ALICE);
    let list = plain.command("LIST 1", "+OK 1 ");
    plain.command("RETR 1", "+OK");
    assert_eq!(list, format!("+OK 1 {}", plain.block().len()));
}
