//! Users' mail programs: ports 587 and 465.

use crate::programs::{Ran, program, run, run_with};
use crate::server::{PASSWORD, Server, setup};

fn swaks(server: &Server, arguments: &[&str]) -> Ran {
    let mut swaks = program("swaks");
    swaks.args(["--from", "bob@example.org", "--to", "alice@example.org"]);
    swaks.args(["--auth-user", "bob@example.org", "--auth-password", PASSWORD]);
    run(swaks.args(arguments).current_dir(&server.folder))
}

#[test]
fn logins_are_offered_inside_tls_only_and_never_to_servers() {
    let server = setup().start();
    for (service, verb) in [("smtp", "250-"), ("submission", "250-")] {
        let mut smtp = server.talk(service);
        smtp.expect("220 ");
        let offers = smtp.command("EHLO client.example.net", verb);
        assert!(!offers.contains("AUTH"), "{service} in the clear: {offers}");
        assert!(offers.contains("STARTTLS"), "{service}: {offers}");
        smtp.command("AUTH PLAIN AGJvYgBzZWNyZXQ=", "5");
    }
    let mut smtp = server.talk("smtp").inside_starttls(&server.certificate(), "STARTTLS");
    let offers = smtp.command("EHLO client.example.net", "250-");
    assert!(!offers.contains("AUTH"), "port 25 inside TLS: {offers}");
    let mut submission = server.talk("submission").inside_starttls(&server.certificate(), "STARTTLS");
    let offers = submission.command("EHLO client.example.net", "250-");
    assert!(
        offers.contains("AUTH ") && offers.contains("PLAIN") && offers.contains("SCRAM-SHA-256"),
        "{offers}"
    );
}

#[test]
fn without_a_login_nothing_is_taken() {
    let server = setup().start();
    let mut smtp = server.talk("submission").inside_starttls(&server.certificate(), "STARTTLS");
    smtp.command("MAIL FROM:<bob@example.org>", "530 5.7.0");
}

#[test]
fn plain_login_and_scram_work_over_starttls_and_inside_tls() {
    let server = setup().start();
    for mechanism in ["PLAIN", "LOGIN"] {
        swaks(&server, &["--server", &server.at("submission"), "--tls", "--auth", mechanism]).ok();
        swaks(&server, &["--server", &server.at("submissions"), "--tls-on-connect", "--auth", mechanism])
            .ok();
    }
    server.python("scram.py", &["submissions"]);
    server.python("scram.py", &["submission"]);
    assert_eq!(server.mail_of("alice@example.org").len(), 6);
}

#[test]
fn a_wrong_password_is_refused() {
    let server = setup().start();
    let mut swaks = program("swaks");
    swaks.args([
        "--from",
        "bob@example.org",
        "--to",
        "alice@example.org",
        "--server",
        &server.at("submission"),
    ]);
    swaks.args(["--tls", "--auth", "PLAIN", "--auth-user", "bob@example.org", "--auth-password", "wrong"]);
    let said = run(&mut swaks).fails(28);
    assert!(said.contains("535 5.7.8"), "{said}");
}

#[test]
fn curl_submits_inside_verified_tls() {
    let server = setup().start();
    let mut curl = program("curl");
    curl.args(["-sS", "--cacert"]).arg(server.certificate());
    curl.args(["--url", &format!("smtps://{}", server.named("submissions")), "--user"]);
    curl.args([&format!("bob@example.org:{PASSWORD}"), "--mail-from", "bob@example.org"]);
    curl.args(["--mail-rcpt", "alice@example.org", "-T", "-"]);
    run_with(&mut curl, b"From: bob@example.org\r\nSubject: curl\r\n\r\nHi\r\n").ok();
    let mail = server.mail_of("alice@example.org").remove(0);
    assert!(mail.contains("with ESMTPSA id"), "{mail}");
}

#[test]
fn users_send_in_their_own_names_only() {
    let server = setup().start();
    server.cli(&["alias", "add", "sales@example.org", "bob@example.org"]).ok();
    let at = server.at("submission");
    for foreign in ["alice@example.org", "bob@example.net", "nobody@example.org"] {
        let said =
            swaks(&server, &["--server", &at, "--tls", "--auth", "PLAIN", "--from", foreign]).fails(23);
        assert!(said.contains("550 5.7.1"), "{foreign}: {said}");
    }
    for own in ["Bob@Example.org", "bob+list@example.org", "sales@example.org"] {
        swaks(&server, &["--server", &at, "--tls", "--auth", "PLAIN", "--from", own]).ok();
    }
}

#[test]
fn mail_to_other_servers_is_refused_with_the_reason() {
    let server = setup().start();
    let to = ["--to", "someone@example.net"];
    let said = swaks(
        &server,
        &[&["--server", &server.at("submission"), "--tls", "--auth", "PLAIN"], &to[..]].concat(),
    );
    let said = said.fails(24);
    assert!(said.contains("does not send mail to other servers yet"), "{said}");
}

#[test]
fn bcc_goes_and_date_and_message_id_come() {
    let server = setup().plaintext().start();
    let mut smtp = server.talk("submission");
    smtp.expect("220 ");
    smtp.command("EHLO client.example.net", "250-");
    // "\0bob@example.org\0correct horse"
    smtp.command("AUTH PLAIN AGJvYkBleGFtcGxlLm9yZwBjb3JyZWN0IGhvcnNl", "235 ");
    smtp.command("MAIL FROM:<bob@example.org>", "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
    smtp.command("DATA", "354 ");
    smtp.send(b"From: bob@example.org\r\nBcc: alice@example.org,\r\n carol@example.org\r\nSubject: x\r\n\r\nBcc: text\r\n");
    smtp.command(".", "250 ");
    let mail = server.mail_of("alice@example.org").remove(0);
    let (head, body) = mail.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{mail:?}"));
    assert!(!head.contains("Bcc") && !head.contains("carol"), "{mail}");
    assert!(head.contains("\r\nDate: ") && head.contains("\r\nMessage-ID: <"), "{mail}");
    assert_eq!(body, "Bcc: text\r\n");
}

#[test]
fn a_session_whose_account_is_gone_sends_nothing() {
    let server = setup().start();
    let mut smtp = server.talk("submission").inside_starttls(&server.certificate(), "STARTTLS");
    smtp.command("EHLO client.example.net", "250-");
    let response = crate::accounts::base64(&format!("\0bob@example.org\0{PASSWORD}"));
    smtp.command(&format!("AUTH PLAIN {response}"), "235 ");
    smtp.command("MAIL FROM:<>", "250 ");
    smtp.command("RSET", "250 ");
    server.cli(&["account", "remove", "bob@example.org", "--yes"]).ok();
    smtp.command("MAIL FROM:<>", "530 5.7.0");
    smtp.command("MAIL FROM:<bob@example.org>", "530 5.7.0");
}
