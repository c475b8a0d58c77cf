//! Mail from other servers: port 25.

use crate::programs::{program, run, run_with};
use crate::server::{Server, setup};
use crate::talk::Talk;
use crate::wait;
use std::time::Duration;

/// A connection of a server that has said EHLO.
pub fn mx(server: &Server) -> Talk {
    let mut smtp = server.talk("smtp");
    smtp.expect("220 mx.example.org ESMTP");
    smtp.command("EHLO client.example.net", "250-mx.example.org");
    smtp
}

/// Sends a message to one recipient; the reply to the end of the message.
#[track_caller]
pub fn send(smtp: &mut Talk, to: &str, message: &str) -> String {
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command(&format!("RCPT TO:<{to}>"), "250 ");
    smtp.command("DATA", "354 ");
    smtp.send(message.as_bytes());
    smtp.command(".", "")
}

#[test]
fn swaks_delivers_to_a_local_user() {
    let server = setup().start();
    let mut swaks = program("swaks");
    swaks.args(["--server", &server.at("smtp"), "--from", "s@example.net", "--to", "alice@example.org"]);
    let said = run(swaks.args(["--body", "Hello"])).ok();
    assert!(said.contains("<~  250 2.0.0") || said.contains("<-  250 2.0.0"), "{said}");
    let mail = server.mail_of("alice@example.org");
    assert_eq!(mail.len(), 1);
    assert!(mail[0].ends_with("\r\n\r\nHello\r\n\r\n\r\n") || mail[0].contains("Hello"), "{}", mail[0]);
}

#[test]
fn curl_delivers_to_two_local_users() {
    let server = setup().start();
    let mut curl = program("curl");
    curl.args(["-sS", "--url", &format!("smtp://{}/client.example.net", server.at("smtp"))]);
    curl.args(["--mail-from", "s@example.net", "--mail-rcpt", "alice@example.org"]);
    curl.args(["--mail-rcpt", "bob@example.org", "-T", "-"]);
    run_with(&mut curl, b"Subject: two\r\n\r\n.dot\r\n").ok();
    for user in ["alice@example.org", "bob@example.org"] {
        let mail = server.mail_of(user);
        assert_eq!(mail.len(), 1);
        assert!(mail[0].ends_with("Subject: two\r\n\r\n.dot\r\n"), "{}", mail[0]);
        assert!(!mail[0].contains("for <"), "with two recipients neither is told of the other: {}", mail[0]);
    }
}

#[test]
fn the_stored_message_has_its_trace_fields_in_order() {
    let server = setup().start();
    let mut smtp = mx(&server);
    let reply = send(&mut smtp, "Alice@Example.ORG", "Subject: x\r\n\r\ntext\r\n");
    let id = reply.rsplit(' ').find(|word| word.len() == 13).unwrap_or_else(|| panic!("no id in {reply}"));
    let mail = server.mail_of("alice@example.org").remove(0);
    let head: Vec<&str> = mail.lines().take(5).collect();
    assert_eq!(head[0], "Return-Path: <sender@example.net>");
    assert_eq!(head[1], "Delivered-To: alice@example.org");
    assert_eq!(head[2], "Received: from client.example.net ([127.0.0.1])");
    assert_eq!(head[3], format!("\tby mx.example.org with ESMTP id {id}"));
    assert!(head[4].starts_with("\tfor <"), "{mail}");
    assert!(mail.ends_with("\r\nSubject: x\r\n\r\ntext\r\n"), "{mail}");
}

#[test]
fn the_null_sender_and_the_postmaster_without_domain_are_taken() {
    let server = setup().start();
    server.cli(&["alias", "add", "postmaster@example.org", "alice@example.org"]).ok();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<>", "250 ");
    smtp.command("RCPT TO:<Postmaster>", "250 ");
    smtp.command("DATA", "354 ");
    smtp.send(b"Subject: bounce\r\n\r\n");
    smtp.command(".", "250 ");
    assert!(server.mail_of("alice@example.org")[0].starts_with("Return-Path: <>\r\n"));
}

#[test]
fn every_domain_has_a_postmaster() {
    let server = setup().start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<>", "250 ");
    // RFC 5321 §4.5.1: not to be refused, whether or not the operator thought of it.
    for postmaster in ["Postmaster", "postmaster@example.org", "PostMaster@Example.ORG"] {
        smtp.command(&format!("RCPT TO:<{postmaster}>"), "250 ");
    }
}

#[test]
fn a_large_message_arrives_whole() {
    let server = setup().start();
    let mut smtp = mx(&server);
    let mut text = "Subject: large\r\n\r\n".to_string();
    while text.len() < 12_000_000 {
        text.push_str(&format!("{}\r\n", blake3::hash(&text.len().to_le_bytes())));
    }
    let begun = std::time::Instant::now();
    assert!(send(&mut smtp, "alice@example.org", &text).starts_with("250 "));
    eprintln!("12 MB in {:?}", begun.elapsed());
    assert!(server.mail_of("alice@example.org")[0].ends_with(&text));
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn aliases_catch_alls_and_details_lead_to_the_account() {
    let server = setup().start();
    server.cli(&["domain", "add", "example.com"]).ok();
    server.cli(&["alias", "add", "info@example.org", "alice@example.org"]).ok();
    server.cli(&["alias", "add", "info@example.org", "bob@example.org"]).ok();
    server.cli(&["alias", "add", "@example.com", "bob@example.org"]).ok();
    let mut smtp = mx(&server);
    for to in ["info@example.org", "alice+detail@example.org", "anybody@example.com"] {
        let reply = send(&mut smtp, to, "Subject: x\r\n\r\n");
        assert!(reply.starts_with("250 "), "{to}: {reply}");
    }
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<anybody@example.org>", "550 5.1.1");
    assert_eq!(server.mail_of("alice@example.org").len(), 2);
    assert_eq!(server.mail_of("bob@example.org").len(), 2);
}

#[test]
fn one_account_gets_one_copy_by_whichever_of_its_addresses() {
    let server = setup().start();
    server.cli(&["alias", "add", "info@example.org", "alice@example.org"]).ok();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    for to in ["alice@example.org", "info@example.org", "alice+x@example.org", "alice@example.org"] {
        smtp.command(&format!("RCPT TO:<{to}>"), "250 ");
    }
    smtp.command("DATA", "354 ");
    smtp.send(b"Subject: once\r\n\r\n");
    smtp.command(".", "250 ");
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
}

#[test]
fn chunks_carry_a_message_and_need_no_end_mark() {
    let server = setup().start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
    let (first, second) = ("Subject: chunks\r\n\r\n", ".\r\nstill the message\r\n");
    smtp.send(format!("BDAT {}\r\n{first}", first.len()).as_bytes());
    smtp.expect("250 ");
    smtp.send(format!("BDAT {} LAST\r\n{second}", second.len()).as_bytes());
    smtp.expect("250 ");
    smtp.command("QUIT", "221 ");
    assert!(server.mail_of("alice@example.org")[0].ends_with(&format!("{first}{second}")));
}

#[test]
fn a_message_over_the_size_limit_is_refused_early_and_late() {
    let server = setup().limit("message_size_max_bytes = 70_000").start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<sender@example.net> SIZE=70001", "552 5.3.4");
    let reply = send(&mut smtp, "alice@example.org", &"0123456789abcde\r\n".repeat(5_000));
    assert!(reply.starts_with("552 5.3.4"), "{reply}");
    let reply = send(&mut smtp, "alice@example.org", "Subject: small\r\n\r\n");
    assert!(reply.starts_with("250 "), "the session goes on: {reply}");
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
}

#[test]
fn a_full_mailbox_is_refused_for_now_at_rcpt_and_at_the_end() {
    let server = setup().start();
    server.cli(&["account", "quota", "alice@example.org", "5000"]).ok();
    let mut smtp = mx(&server);
    let reply =
        send(&mut smtp, "alice@example.org", &format!("Subject: x\r\n\r\n{}", "text\r\n".repeat(1_000)));
    assert!(reply.starts_with("452 4.2.2"), "it would not fit: {reply}");
    let reply =
        send(&mut smtp, "alice@example.org", &format!("Subject: x\r\n\r\n{}", "text\r\n".repeat(700)));
    assert!(reply.starts_with("250 "), "it fits: {reply}");
    server.cli(&["account", "quota", "alice@example.org", "1000"]).ok();
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "452 4.2.2");
    smtp.command("RCPT TO:<bob@example.org>", "250 ");
    server.cli(&["account", "quota", "alice@example.org", "none"]).ok();
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
}

#[test]
fn a_mailbox_without_room_for_the_announced_size_does_not_cost_the_others_theirs() {
    let server = setup().start();
    server.cli(&["account", "quota", "bob@example.org", "3000"]).ok();
    let mut smtp = mx(&server);
    let text = format!("Subject: x\r\n\r\n{}", "text\r\n".repeat(1_000));
    smtp.command(&format!("MAIL FROM:<sender@example.net> SIZE={}", text.len()), "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
    smtp.command("RCPT TO:<bob@example.org>", "452 4.2.2");
    smtp.command("DATA", "354 ");
    smtp.send(text.as_bytes());
    smtp.command(".", "250 ");
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
}

#[test]
fn a_message_that_was_delivered_here_before_is_refused() {
    let server = setup().start();
    let mut smtp = mx(&server);
    let looped = "Delivered-To: alice@example.org\r\nSubject: round and round\r\n\r\n";
    let reply = send(&mut smtp, "alice@example.org", looped);
    assert!(reply.starts_with("554 5.4.6"), "{reply}");
    assert!(send(&mut smtp, "bob@example.org", looped).starts_with("250 "));
}

#[test]
fn python_sends_to_an_address_that_is_not_ascii() {
    let server = setup().start();
    server.add_accounts(&["jörg@example.org"]);
    server.python("smtputf8.py", &[]);
    let mail = server.mail_of("alice@example.org");
    assert!(mail[0].contains("with UTF8SMTP"), "{}", mail[0]);
    assert!(mail[0].contains("Subject: Grüße aus dem Posthaus\r\n"), "{}", mail[0]);
}

#[test]
fn who_talks_before_the_greeting_is_sent_away() {
    let server = setup().not_exempt().start();
    let mut smtp = server.talk("smtp");
    smtp.send(b"EHLO a\r\nMAIL FROM:<s@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n");
    let (said, ended) = smtp.rest();
    assert!(said.starts_with("554 5.5.0") && said.lines().count() == 1 && ended, "{said:?}");
    let mut patient = mx(&server);
    patient.command("NOOP", "250 ");
}

#[test]
fn one_address_gets_so_many_connections_and_no_more() {
    let server = setup().not_exempt().limit("connections_per_address_max = 3").start();
    let mut open: Vec<Talk> = (0..3).map(|_| mx(&server)).collect();
    let mut over = server.talk("smtp");
    over.expect("421 4.7.0");
    assert!(over.is_closed());
    Talk::open_from([127, 0, 0, 2], server.port("smtp")).expect("220 ");
    open.remove(0).command("QUIT", "221 ");
    let admitted = crate::wait::until(std::time::Duration::from_secs(5), || {
        server.talk("smtp").next_line().filter(|line| line.starts_with("220 "))
    });
    assert!(admitted.is_some(), "a connection that ended makes room");
}

#[test]
fn what_comes_with_starttls_in_one_packet_is_never_obeyed_inside() {
    let server = setup().start();
    let mut smtp = mx(&server);
    smtp.send(b"STARTTLS\r\nNOOP\r\n");
    let (said, ended) = smtp.rest();
    assert!(said.starts_with("554 5.5.1") && said.lines().count() == 1, "{said:?}");
    assert!(ended);
}

#[test]
fn who_says_all_at_once_and_then_only_listens_hears_every_reply() {
    let server = setup().start();
    let mut smtp = mx(&server);
    let text = "Subject: all at once\r\n\r\n";
    let begin = "MAIL FROM:<s@example.net>\r\nRCPT TO:<alice@example.org>\r\n";
    smtp.send(format!("{begin}BDAT {} LAST\r\n{text}QUIT\r\n", text.len()).as_bytes());
    smtp.say_no_more();
    for reply in ["250 2.1.0", "250 2.1.5", "250 2.", "221 "] {
        smtp.expect(reply);
    }
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
}

#[test]
fn who_does_not_wait_for_what_is_offered_is_sent_away() {
    let server = setup().start();
    let mut smtp = server.talk("smtp");
    smtp.expect("220 ");
    // RFC 2920 §3.1: EHLO ends a group of commands.
    smtp.send(b"EHLO a.example.net\r\nMAIL FROM:<s@example.net>\r\n");
    smtp.expect("554 5.5.0");
    assert!(smtp.is_closed());
}

#[test]
fn starttls_makes_the_session_forget_and_works_once() {
    let server = setup().start();
    let mut smtp = server.talk("smtp").inside_starttls(&server.certificate(), "STARTTLS");
    let offers = smtp.command("EHLO client.example.net", "250-");
    assert!(!offers.contains("STARTTLS"), "{offers}");
    smtp.command("STARTTLS", "503 ");
    let reply = send(&mut smtp, "alice@example.org", "Subject: x\r\n\r\n");
    assert!(reply.starts_with("250 "), "{reply}");
    let mail = server.mail_of("alice@example.org").remove(0);
    assert!(mail.contains("with ESMTPS id") && mail.contains("(TLS1.3 TLS13_AES_256_GCM_SHA384)"), "{mail}");
}

/// Says a message to alice and bob; the reply to its end.
fn send_to_both(smtp: &mut Talk, size_bytes: usize, text: &str) -> String {
    smtp.command(&format!("MAIL FROM:<sender@example.net> SIZE={size_bytes}"), "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
    smtp.command("RCPT TO:<bob@example.org>", "250 ");
    smtp.command("DATA", "354 ");
    smtp.send(text.as_bytes());
    smtp.say(".");
    smtp.line()
}

#[test]
fn a_nearly_full_mailbox_does_not_hold_up_the_others_of_a_transaction() {
    let server = setup().start();
    server.cli(&["account", "quota", "bob@example.org", "3000"]).ok();
    let mut smtp = mx(&server);
    let text = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(2972));
    let reply = send_to_both(&mut smtp, text.len(), &text);
    assert!(reply.starts_with("250 "), "the trace fields are over the quota: {reply}");
    // Once it is over its quota it is refused by name.
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<bob@example.org>", "452 4.2.2");
    for user in ["alice@example.org", "bob@example.org"] {
        assert_eq!(server.mail_of(user).len(), 1, "{user}");
    }
}

#[test]
fn a_loop_of_one_mailbox_leaves_the_others_their_copies() {
    let server = setup().start();
    let mut smtp = mx(&server);
    let text = "Delivered-To: bob@example.org\r\nSubject: x\r\n\r\ntext\r\n";
    let reply = send_to_both(&mut smtp, text.len(), text);
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
    assert_eq!(server.mail_of("bob@example.org").len(), 0);
}

#[test]
fn a_stranger_who_guesses_leaves_few_traces_and_lines() {
    let server = setup().not_exempt().start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<guesser@example.net>", "250 ");
    for n in 0..45 {
        smtp.command(&format!("RCPT TO:<nobody-{n}@example.org>"), "550 5.1.1");
    }
    smtp.command("QUIT", "221 ");
    let kept = |text: String| text.lines().filter(|line| line.contains("nobody-")).count();
    assert!(kept(server.log()) <= 21, "{}", server.log());
    let story = wait::until(Duration::from_secs(10), || {
        let story = server.cli(&["trace", "guesser@example.net", "--limit", "100"]).said();
        (kept(story.clone()) >= 20).then_some(story)
    });
    assert!(kept(story.expect("the first are told")) <= 21);
}

#[test]
fn a_trace_tells_of_what_was_refused_and_of_nothing_else() {
    let server = setup().start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<big@remote.example> SIZE=99999999", "552 ");
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
    smtp.command("FOO", "500 ");
    smtp.command("RCPT TO:<@@>", "501 ");
    smtp.command("DATA", "354 ");
    smtp.send(b"Subject: x\r\n\r\n");
    smtp.command(".", "250 ");
    // Another goes before the end of its message.
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<bob@example.org>", "250 ");
    smtp.command("DATA", "354 ");
    smtp.send(b"Subject: x\r\n\r\nhalf of it");
    drop(smtp);
    let told = |of: &str, words: &str| {
        let found = wait::until(Duration::from_secs(10), || {
            let story = server.cli(&["trace", of]).said();
            story.contains(words).then_some(story)
        });
        found.unwrap_or_else(|| panic!("{of}: {words}: {}", server.cli(&["trace", of]).said()))
    };
    told("big@remote.example", "552 5.3.4");
    told("sender@example.net", "(to RCPT TO:<@@>)");
    assert!(!told("alice@example.org", "into INBOX").contains("refused"));
    told("bob@example.org", "cut short");
}
