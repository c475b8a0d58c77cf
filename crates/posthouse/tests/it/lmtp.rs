//! LMTP: local programs that deliver, with a reply for each recipient.

use crate::programs::{program, run};
use crate::server::{Server, setup};

#[test]
fn three_recipients_get_three_replies() {
    let server = setup().start();
    server.add_accounts(&["carol@example.org"]);
    let mut lmtp = server.talk("lmtp");
    lmtp.expect("220 ");
    lmtp.command("LHLO client.example.net", "250-");
    lmtp.command("MAIL FROM:<sender@example.net>", "250 ");
    lmtp.command("RCPT TO:<alice@example.org>", "250 ");
    lmtp.command("RCPT TO:<nobody@example.org>", "550 5.1.1");
    lmtp.command("RCPT TO:<bob@example.org>", "250 ");
    lmtp.command("RCPT TO:<carol@example.org>", "250 ");
    lmtp.command("DATA", "354 ");
    lmtp.send(b"Subject: three\r\n\r\n.\r\n");
    for _ in 0..3 {
        lmtp.expect("250 2.");
    }
    lmtp.command("QUIT", "221 ");
    for user in ["alice@example.org", "bob@example.org", "carol@example.org"] {
        let mail = server.mail_of(user);
        assert_eq!(mail.len(), 1, "{user}");
        assert!(mail[0].contains("with LMTP id"), "{}", mail[0]);
    }
}

#[test]
fn swaks_speaks_lmtp_with_it() {
    let server = setup().start();
    let mut swaks = program("swaks");
    swaks.args(["--protocol", "LMTP", "--server", &server.at("lmtp"), "--from", "s@example.net"]);
    run(swaks.args(["--to", "alice@example.org,bob@example.org"])).ok();
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
    assert_eq!(server.mail_of("bob@example.org").len(), 1);
}

#[test]
fn a_mailbox_that_is_full_at_the_end_does_not_cost_the_others_theirs() {
    let server = setup().start();
    server.cli(&["account", "quota", "bob@example.org", "3000"]).ok();
    let mut lmtp = server.talk("lmtp");
    lmtp.expect("220 ");
    lmtp.command("LHLO client.example.net", "250-");
    lmtp.command("MAIL FROM:<sender@example.net>", "250 ");
    lmtp.command("RCPT TO:<alice@example.org>", "250 ");
    lmtp.command("RCPT TO:<bob@example.org>", "250 ");
    lmtp.command("DATA", "354 ");
    lmtp.send(format!("Subject: long\r\n\r\n{}.\r\n", "text\r\n".repeat(1_000)).as_bytes());
    let replies = [lmtp.line(), lmtp.line()];
    let stored = [server.mail_of("alice@example.org").len(), server.mail_of("bob@example.org").len()];
    for (reply, stored) in replies.iter().zip(stored) {
        assert_eq!(reply.starts_with("250 "), stored == 1, "{replies:?}, {stored}");
    }
    assert!(replies[1].starts_with("452 4.2.2"), "{replies:?}");
    assert!(replies[0].starts_with("250 "), "RFC 2033 §4.2: each for itself: {replies:?}");
}

/// Says a message of `lines` lines to `recipients`; the replies for each.
fn lmtp_deliver(server: &Server, recipients: &[&str], front: &str, lines: usize) -> Vec<String> {
    let mut lmtp = server.talk("lmtp");
    lmtp.expect("220 ");
    lmtp.command("LHLO client.example.net", "250-");
    lmtp.command("MAIL FROM:<sender@example.net>", "250 ");
    recipients.iter().for_each(|to| drop(lmtp.command(&format!("RCPT TO:<{to}>"), "250 ")));
    lmtp.command("DATA", "354 ");
    lmtp.send(format!("{front}Subject: x\r\n\r\n{}.\r\n", "text\r\n".repeat(lines)).as_bytes());
    recipients.iter().map(|_| lmtp.line()).collect()
}

#[test]
fn a_list_with_a_full_member_is_delivered_once_to_the_others() {
    let server = setup().start();
    server.add_accounts(&["carol@example.org"]);
    server.cli(&["account", "quota", "bob@example.org", "3000"]).ok();
    for member in ["alice@example.org", "bob@example.org"] {
        server.cli(&["alias", "add", "list@example.org", member]).ok();
    }
    let mut left = vec!["list@example.org", "carol@example.org", "bob@example.org"];
    for _ in 0..3 {
        // A client tries those again that were refused for now.
        let replies = lmtp_deliver(&server, &left, "", 1000);
        let refused = replies.iter().map(|reply| reply.starts_with("452 4.2.2"));
        left = left.into_iter().zip(refused).filter_map(|(to, refused)| refused.then_some(to)).collect();
        assert_eq!(left, ["bob@example.org"], "{replies:?}");
    }
    for (user, count) in [("alice@example.org", 1), ("carol@example.org", 1), ("bob@example.org", 0)] {
        assert_eq!(server.mail_of(user).len(), count, "{user}");
    }
    let story = server.cli(&["trace", "list@example.org"]).ok();
    assert!(story.contains("bob@example.org") && story.contains("the mailbox is full"), "{story}");
}

#[test]
fn a_loop_of_one_recipient_does_not_cost_the_others_theirs() {
    let server = setup().start();
    let front = "Delivered-To: bob@example.org\r\n";
    let replies = lmtp_deliver(&server, &["alice@example.org", "bob@example.org"], front, 1);
    assert!(replies[0].starts_with("250 ") && replies[1].starts_with("554 5.4.6"), "{replies:?}");
    let replies = lmtp_deliver(&server, &["bob@example.org"], front, 1);
    assert!(replies[0].starts_with("554 5.4.6"), "{replies:?}");
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
    assert_eq!(server.mail_of("bob@example.org").len(), 0);
    let story = server.cli(&["trace", "bob@example.org"]).ok();
    assert!(story.contains("in a loop"), "{story}");
}
