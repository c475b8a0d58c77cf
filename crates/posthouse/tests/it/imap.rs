//! Mail programs that stay connected.

use crate::programs::{program, run};
use crate::server::{PASSWORD, Server, setup};
use crate::talk::Talk;

const ALICE: &str = "alice@example.org";

/// A session inside TLS, logged in.
pub fn imap(server: &Server, user: &str) -> Talk {
    let mut imap = server.talk("imap").inside_starttls(&server.certificate(), "a STARTTLS");
    imap.imap(&format!("l LOGIN {user} \"{PASSWORD}\""), "OK");
    imap
}

#[test]
fn python_does_what_mail_programs_do() {
    let server = setup().start();
    server.python("imap.py", &[ALICE]);
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn logins_are_for_tls_only() {
    let server = setup().start();
    let mut clear = server.talk("imap");
    let greeting = clear.expect("* OK");
    assert!(greeting.contains("LOGINDISABLED") && greeting.contains("STARTTLS"), "{greeting}");
    assert!(!greeting.contains("AUTH=PLAIN"), "{greeting}");
    let refused = clear.imap(&format!("a LOGIN {ALICE} \"{PASSWORD}\""), "");
    assert!(!refused[0].starts_with("a OK"), "{refused:?}");
    let mut inside = server.talk("imap").inside_starttls(&server.certificate(), "a STARTTLS");
    let offers = inside.imap("b CAPABILITY", "OK").remove(0);
    assert!(offers.contains("AUTH=PLAIN") && !offers.contains("LOGINDISABLED"), "{offers}");
    assert!(!offers.contains("STARTTLS"), "{offers}");
}

#[test]
fn words_that_come_with_starttls_are_not_obeyed_inside() {
    let server = setup().start();
    let mut imap = server.talk("imap");
    imap.expect("* OK");
    imap.send(b"a STARTTLS\r\nb NOOP\r\n");
    imap.patience(std::time::Duration::from_secs(2));
    let (said, _) = imap.rest();
    assert!(!said.contains("b OK"), "{said}");
}

#[test]
fn curl_stores_and_reads_a_message() {
    let server = setup().start();
    let url = format!("imaps://{}/INBOX", server.named("imaps"));
    let curl = || {
        let mut curl = program("curl");
        curl.args(["-sS", "--cacert"])
            .arg(server.certificate())
            .args(["--user", &format!("{ALICE}:{PASSWORD}")]);
        curl
    };
    let message = "Subject: kept\r\n\r\n.\r\ntext\r\n";
    let file = server.folder.join("message");
    std::fs::write(&file, message).unwrap();
    run(curl().arg(&url).arg("-T").arg(&file)).ok();
    assert_eq!(run(curl().arg(format!("{url};MAILINDEX=1"))).ok(), message);
    assert_eq!(run(curl().arg(format!("{url};MAILINDEX=1;SECTION=TEXT"))).ok(), ".\r\ntext\r\n");
    assert_eq!(server.mail_of(ALICE), [message], "POP3 shows the same");
}

#[test]
fn sessions_learn_of_each_others_changes() {
    let server = setup().start();
    let (mut here, mut there) = (imap(&server, ALICE), imap(&server, ALICE));
    here.imap("s SELECT INBOX", "OK");
    there.imap("s SELECT INBOX", "OK");
    server.deliver(ALICE, "Subject: 1\r\n\r\n");
    server.deliver(ALICE, "Subject: 2\r\n\r\n");
    let news = here.imap("a NOOP", "OK");
    assert!(news.contains(&"* 2 EXISTS".to_string()), "{news:?}");
    there.imap("a NOOP", "OK");
    here.imap("b STORE 1 +FLAGS (\\Deleted \\Flagged)", "OK");
    let news = there.imap("c NOOP", "OK");
    assert!(news.iter().any(|line| line.starts_with("* 1 FETCH") && line.contains("\\Flagged")), "{news:?}");
    here.imap("d EXPUNGE", "OK");
    // RFC 9051 §7.5.1: no EXPUNGE while sequence numbers are being used.
    let fetched = there.imap("e FETCH 1:2 (UID)", "");
    assert!(!fetched.iter().any(|line| line.ends_with(" EXPUNGE")), "{fetched:?}");
    let news = there.imap("f NOOP", "OK");
    assert!(news.contains(&"* 1 EXPUNGE".to_string()), "{news:?}");
}

#[test]
fn pop3_and_imap_see_one_mailbox() {
    let server = setup().start();
    server.deliver(ALICE, "Subject: 1\r\n\r\n");
    server.deliver(ALICE, "Subject: 2\r\n\r\n");
    let mut waiting = imap(&server, ALICE);
    waiting.imap("s SELECT INBOX", "OK");
    let mut pop3 = server.talk("pop3").inside_starttls(&server.certificate(), "STLS");
    pop3.log_in_pop3(ALICE);
    pop3.command("DELE 1", "+OK");
    pop3.command("QUIT", "+OK");
    let news = waiting.imap("a NOOP", "OK");
    assert!(news.contains(&"* 1 EXPUNGE".to_string()), "{news:?}");
}

#[test]
fn a_detail_delivers_into_the_mailbox_of_that_name_if_there_is_one() {
    let server = setup().start();
    let mut session = imap(&server, ALICE);
    session.imap("a CREATE lists", "OK");
    server.deliver("alice+lists@example.org", "Subject: 1\r\n\r\n");
    server.deliver("alice+nothing@example.org", "Subject: 2\r\n\r\n");
    let status = session.imap("b STATUS lists (MESSAGES)", "OK");
    assert_eq!(status[0], "* STATUS lists (MESSAGES 1)");
    let status = session.imap("c STATUS INBOX (MESSAGES)", "OK");
    assert_eq!(status[0], "* STATUS INBOX (MESSAGES 1)");
}

#[test]
fn an_append_over_quota_is_refused_with_the_code_for_it() {
    let server = setup().start();
    server.cli(&["account", "quota", ALICE, "1000"]).ok();
    let mut session = imap(&server, ALICE);
    session.say("a APPEND INBOX {2000+}");
    session.send("0123456789".repeat(200).as_bytes());
    session.say("");
    session.expect("a NO [OVERQUOTA]");
    session.imap("b NOOP", "OK");
}

#[test]
fn a_message_is_recent_to_the_first_session_only() {
    let server = setup().start();
    server.deliver(ALICE, "Subject: 1\r\n\r\n");
    let (mut first, mut second) = (imap(&server, ALICE), imap(&server, ALICE));
    let selected = first.imap("a SELECT INBOX", "OK");
    assert!(selected.contains(&"* 1 RECENT".to_string()), "{selected:?}");
    let selected = second.imap("a SELECT INBOX", "OK");
    assert!(selected.contains(&"* 0 RECENT".to_string()), "{selected:?}");
    assert!(second.imap("b FETCH 1 (FLAGS)", "OK")[0].contains("FLAGS ()"));
    first.imap("b LOGOUT", "OK");
    let selected = imap(&server, ALICE).imap("a SELECT INBOX", "OK");
    assert!(selected.contains(&"* 0 RECENT".to_string()), "{selected:?}");
}
