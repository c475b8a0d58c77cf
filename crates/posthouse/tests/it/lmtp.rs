//! LMTP: local programs that deliver, with a reply for each recipient.

use crate::programs::{program, run};
use crate::server::setup;

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
