//! What depends on bytes having arrived together: these are never cut.

mod world;

use transcript::{Peer as _, Script};

const PLAIN: &str = "@ plaintext on\n@ service submission\n";

/// All lines the server sent, and whether it closed, after each piece.
fn talk(settings: &str, pieces: &[&str]) -> (Vec<String>, bool) {
    let mut peer = world::peer(&Script::parse("segments", settings));
    let mut lines = Vec::new();
    for piece in pieces {
        peer.send(piece.as_bytes());
        while let Some(line) = peer.receive_line() {
            lines.push(String::from_utf8(line).expect("ASCII"));
        }
    }
    (lines, peer.is_closed())
}

/// The last line, and whether the server closed.
fn end(settings: &str, pieces: &[&str]) -> (String, bool) {
    let (lines, closed) = talk(settings, pieces);
    (lines.last().expect("a greeting").clone(), closed)
}

#[test]
fn nobody_talks_between_a_command_that_must_be_last_and_its_reply() {
    let ready = "EHLO a\r\n";
    let addressed = "MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\n";
    let wait = "554 5.5.0 wait for the reply to this command";
    let cases: &[(&str, &[&str], &str)] = &[
        // RFC 2920 §3.1: EHLO, DATA, AUTH and STARTTLS end a group.
        ("", &["EHLO a\r\nMAIL FROM:<a@b>\r\n"], wait),
        ("", &["HELO a\r\nM"], wait),
        ("", &["EHLO \r\nMAIL FROM:<a@b>\r\n"], wait),
        ("@ service lmtp\n", &["LHLO a\r\nMAIL FROM:<a@b>\r\n"], wait),
        ("", &[ready, addressed, "DATA\r\nSubject: x\r\n\r\n.\r\n"], wait),
        ("", &[ready, "DATA\r\nSubject: x\r\n"], wait),
        (PLAIN, &[ready, "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\nMAIL FROM:<a@b>\r\n"], wait),
        (PLAIN, &[ready, "AUTH PLAIN\r\nAGFsaWNlAHdvbmRlcmxhbmQ=\r\n"], wait),
        (PLAIN, &[ready, "AUTH LOGIN\r\n", "YWxpY2U=\r\nd29uZGVybGFuZA==\r\n"], wait),
        // RFC 3207 §4.2, §6: what was sent in the clear must not be answered under TLS.
        ("", &[ready, "STARTTLS\r\nNOOP\r\n"], "554 5.5.1 wait for the reply to STARTTLS"),
        ("", &[ready, "STARTTLS\r\n\r\n"], "554 5.5.1 wait for the reply to STARTTLS"),
        ("@ starttls off\n", &[ready, "STARTTLS\r\nN"], "554 5.5.1 wait for the reply to STARTTLS"),
    ];
    for (settings, pieces, expected) in cases {
        assert_eq!(end(settings, pieces), (expected.to_string(), true), "{pieces:?}");
    }
}

#[test]
fn what_comes_with_starttls_is_never_answered() {
    let (lines, closed) = talk("", &["EHLO a\r\n", "STARTTLS\r\nNOOP\r\n"]);
    assert!(closed && !lines.iter().any(|line| line.starts_with("220 2.0.0")));
}

#[test]
fn groups_that_end_as_they_must_are_welcome() {
    let cases: &[(&[&str], &str, bool)] = &[
        (&["EHLO a\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"], "354", false),
        (&["EHLO a\r\n", "RSET\r\nNOOP\r\nMAIL FROM:<a@b>\r\nEHLO a\r\n"], "250 HELP", false),
        // What follows QUIT is of no interest.
        (&["EHLO a\r\n", "QUIT\r\nNOOP\r\n"], "221", true),
        // Text is no command.
        (
            &["EHLO a\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", "EHLO a\r\nb"],
            "354",
            false,
        ),
    ];
    for (pieces, expected, expected_close) in cases {
        let (line, closed) = end("", pieces);
        assert!(line.starts_with(expected) && closed == *expected_close, "{pieces:?}: {line}");
    }
}

#[test]
fn who_talks_before_the_greeting_is_shown_out() {
    let mut peer = world::peer(&Script::default());
    assert!(peer.receive_line().is_some_and(|line| line.starts_with(b"220 ")));
    peer.event("early talk");
    assert_eq!(peer.receive_line().as_deref(), Some(&b"554 5.5.0 wait for the greeting"[..]));
    assert!(peer.is_closed());
}
