//! Logins: what a guesser learns and costs, and what an honest user never notices.

use crate::programs::{program, run};
use crate::server::{PASSWORD, Server, setup};
use crate::talk::Talk;
use crate::wait;
use std::thread;
use std::time::{Duration, Instant};

const ALICE: &str = "alice@example.org";

/// One POP3 login from an address; the reply.
fn try_pop3(port: u16, source: [u8; 4], user: &str, password: &str) -> String {
    let mut pop3 = Talk::open_from(source, port);
    pop3.expect("+OK");
    pop3.command(&format!("USER {user}"), "+OK");
    pop3.say(&format!("PASS {password}"));
    pop3.line()
}

/// One submission login from an address; the reply.
fn try_submission(port: u16, source: [u8; 4], user: &str, password: &str) -> String {
    let mut smtp = Talk::open_from(source, port);
    smtp.expect("220 ");
    smtp.command("EHLO client.example.net", "250");
    smtp.command("AUTH LOGIN", "334 ");
    smtp.command(&base64(user), "334 ");
    smtp.say(&base64(password));
    smtp.line()
}

/// One IMAP login from an address; the reply.
fn try_imap(port: u16, source: [u8; 4], user: &str, password: &str) -> String {
    let mut imap = Talk::open_from(source, port);
    imap.expect("* OK");
    imap.say(&format!("a LOGIN {user} \"{password}\""));
    imap.line()
}

/// The usual encoding (RFC 4648 §4).
pub fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = text.as_bytes().chunks(3).flat_map(|three| {
        let bits =
            three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        (0..4).map(move |place| match place <= three.len() {
            true => char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]),
            false => '=',
        })
    });
    letters.collect()
}

/// Fails this many POP3 logins at once, each with a connection of its own.
fn fail_pop3(server: &Server, source: [u8; 4], user: &str, count: usize) {
    let port = server.port("pop3");
    let tries: Vec<_> = (0..count)
        .map(|_| {
            let user = user.to_string();
            thread::spawn(move || try_pop3(port, source, &user, "wrong"))
        })
        .collect();
    for reply in tries {
        let reply = reply.join().unwrap();
        assert!(reply.starts_with("-ERR"), "{reply}");
    }
}

#[test]
fn base64_is_right() {
    for (text, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
        assert_eq!(base64(text), expected);
    }
}

#[test]
fn a_wrong_password_and_an_unknown_name_take_the_same_time_and_words() {
    let server = setup().plaintext().not_exempt().start();
    type Try = fn(u16, [u8; 4], &str, &str) -> String;
    let services: [(&str, Try); 3] = [("pop3", try_pop3), ("submission", try_submission), ("imap", try_imap)];
    for (service, attempt) in services {
        let mut replies = Vec::new();
        for user in [ALICE, "nobody@example.org", "nobody@elsewhere.example"] {
            let begun = Instant::now();
            replies.push(attempt(server.port(service), [127, 0, 0, 1], user, "wrong"));
            let took = begun.elapsed();
            assert!(took >= Duration::from_millis(500), "{service} {user}: {took:?}");
        }
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    }
}

#[test]
fn an_address_that_fails_too_often_is_refused_by_all_services_and_others_are_not() {
    let server = setup().plaintext().not_exempt().start();
    let (guesser, neighbour) = ([127, 0, 0, 3], [127, 0, 0, 2]);
    for user in ["a", "b", "c"] {
        fail_pop3(&server, guesser, &format!("{user}@example.org"), 7);
    }
    let pop3 = try_pop3(server.port("pop3"), guesser, ALICE, PASSWORD);
    assert!(pop3.starts_with("-ERR [SYS/TEMP]"), "{pop3}");
    let smtp = try_submission(server.port("submission"), guesser, ALICE, PASSWORD);
    assert!(smtp.starts_with("454 4.7.0"), "{smtp}");
    let imap = try_imap(server.port("imap"), guesser, ALICE, PASSWORD);
    assert!(imap.starts_with("a NO ["), "{imap}");
    assert!(!imap.contains("AUTHENTICATIONFAILED"), "{imap}");
    let pop3 = try_pop3(server.port("pop3"), neighbour, ALICE, PASSWORD);
    assert!(pop3.starts_with("+OK"), "{pop3}");
}

#[test]
fn an_address_that_logged_in_stays_welcome() {
    let server = setup().plaintext().not_exempt().start();
    let home = [127, 0, 0, 4];
    let first = try_imap(server.port("imap"), home, ALICE, PASSWORD);
    assert!(first.starts_with("a OK"), "{first}");
    // A forgotten phone with an old password, many times over.
    fail_pop3(&server, home, ALICE, 25);
    let smtp = try_submission(server.port("submission"), home, ALICE, PASSWORD);
    assert!(smtp.starts_with("235 "), "{smtp}");
}

#[test]
fn a_scram_login_over_smtp_that_sends_nothing_is_no_failure() {
    let server = setup().not_exempt().start();
    server.python("scram.py", &["submission", "21"]);
}

#[test]
fn an_account_guessed_at_from_many_addresses_is_closed_to_strangers_only() {
    let server = setup().plaintext().not_exempt().start();
    let home = [127, 0, 0, 4];
    assert!(try_pop3(server.port("pop3"), home, ALICE, PASSWORD).starts_with("+OK"));
    thread::scope(|scope| {
        for last in 10..20 {
            let server = &server;
            scope.spawn(move || (0..12).for_each(|_| fail_pop3(server, [127, 0, 0, last], ALICE, 1)));
        }
    });
    let stranger = try_submission(server.port("submission"), [127, 0, 0, 99], ALICE, PASSWORD);
    assert!(stranger.starts_with("454 4.7.0"), "{stranger}");
    let owner = try_submission(server.port("submission"), home, ALICE, PASSWORD);
    assert!(owner.starts_with("235 "), "{owner}");
    let other = try_submission(server.port("submission"), [127, 0, 0, 99], "bob@example.org", PASSWORD);
    assert!(other.starts_with("235 "), "{other}");
}

#[test]
fn a_hash_of_another_server_is_replaced_after_the_login() {
    let mut server = setup().start();
    let hash = run(program("openssl").args(["passwd", "-5", "-salt", "saltsalt", "old secret"])).ok();
    server.cli_with(&["account", "import", "-"], &format!("carol@example.org:{hash}")).ok();
    let log_in = |server: &Server| {
        let mut pop3 = server.talk("pop3").inside_starttls(&server.certificate(), "STLS");
        pop3.command("USER carol@example.org", "+OK");
        pop3.command("PASS old secret", "+OK");
        pop3.command("QUIT", "+OK");
    };
    log_in(&server);
    let database = server.folder.join("data/posthouse.db");
    let replaced = wait::until(Duration::from_secs(10), || {
        let stored = server.python("credential.py", &[database.to_str().unwrap(), "carol@example.org"]);
        stored.starts_with("$argon2id$").then_some(stored)
    });
    let stored = replaced.expect("an argon2id hash in the place of the old one");
    assert!(stored.contains("SCRAM-SHA-256$"), "and a secret for SCRAM: {stored}");
    log_in(&server);
    server.stop();
    server.launch();
    log_in(&server);
}
