//! One message never becomes two: every end of a message but CRLF.CRLF, sent for real.

use crate::server::setup;
use crate::smtp::mx;

/// Line ends that some servers take for the end of a message, and what follows them here: the
/// beginning of another.
const NOT_THE_END: &[&[u8]] = &[
    b"x\n.\n",
    b"x\n.\r\n",
    b"x\r\n.\n",
    b"x\r.\r",
    b"x\r\n.\r",
    b"x\r\n.\r\r\n",
    b"x\r\0\n.\r\n",
    b"x\r\n\0.\r\n",
    b"x\r\n.\0\r\n",
    b"x\r\n .\r\n",
    b"x\r\n. \r\n",
    b"x\r.\r\n",
    b"x\n\n.\r\n",
];

const SMUGGLED: &[u8] = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\n\r\n.\r\n";

#[test]
fn nothing_but_crlf_dot_crlf_ends_a_message() {
    let server = setup().start();
    for end in NOT_THE_END {
        let mut smtp = mx(&server);
        smtp.command("MAIL FROM:<sender@example.net>", "250 ");
        smtp.command("RCPT TO:<alice@example.org>", "250 ");
        smtp.command("DATA", "354 ");
        smtp.send(&[b"Subject: outer\r\n\r\n", *end, SMUGGLED, b"QUIT\r\n"].concat());
        let (said, _) = smtp.rest();
        let told = end.escape_ascii();
        assert!(!said.contains("250 2.1.0") && !said.contains("354 "), "{told}: {said}");
        assert!(said.starts_with("550 ") || said.starts_with("250 2.0.0"), "{told}: {said}");
    }
    let (alice, bob) = (server.mail_of("alice@example.org"), server.mail_of("bob@example.org"));
    assert!(bob.is_empty(), "{bob:?}");
    // The two with a space beside the dot are ordinary text.
    assert_eq!(alice.len(), 2, "{alice:?}");
    for message in &alice {
        assert!(message.contains("MAIL FROM:<evil@example.net>"), "{message}");
        assert!(!message.contains('\0'));
    }
}

#[test]
fn in_a_chunk_only_the_length_counts() {
    let server = setup().start();
    for end in NOT_THE_END.iter().chain(&[b"x\r\n.\r\n".as_slice()]) {
        let mut smtp = mx(&server);
        smtp.command("MAIL FROM:<sender@example.net>", "250 ");
        smtp.command("RCPT TO:<alice@example.org>", "250 ");
        let chunk = [b"Subject: outer\r\n\r\n", *end, SMUGGLED].concat();
        smtp.send(format!("BDAT {} LAST\r\n", chunk.len()).as_bytes());
        smtp.send(&chunk);
        let reply = smtp.reply();
        assert!(
            reply.starts_with("250 2.0.0") || reply.starts_with("550 5.6.0"),
            "{}: {reply}",
            end.escape_ascii()
        );
        smtp.command("NOOP", "250 2.0.0");
    }
    assert!(server.mail_of("bob@example.org").is_empty());
}

#[test]
fn the_end_may_come_byte_by_byte_and_counts_once() {
    let server = setup().start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<alice@example.org>", "250 ");
    smtp.command("DATA", "354 ");
    for byte in b"Subject: slow\r\n\r\n..\r\n...x\r\n.\r\n" {
        smtp.send(&[*byte]);
    }
    smtp.expect("250 ");
    smtp.command("QUIT", "221 ");
    let mail = server.mail_of("alice@example.org");
    assert_eq!(mail.len(), 1);
    assert!(mail[0].ends_with("Subject: slow\r\n\r\n.\r\n..x\r\n"), "{}", mail[0]);
}

#[test]
fn bare_line_ends_in_commands_are_refused() {
    let server = setup().start();
    for bytes in [b"NOOP\nNOOP\r\n".as_slice(), b"NOOP\rNOOP\r\n", b"NO\0OP\r\n"] {
        let mut smtp = mx(&server);
        smtp.send(bytes);
        let reply = smtp.reply();
        assert!(reply.starts_with("500 5.5.2"), "{}: {reply}", bytes.escape_ascii());
    }
}
