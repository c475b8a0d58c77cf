//! Sessions under arbitrary input: no panic, bounded memory, and the same dialogue however the
//! bytes are cut.

mod world;

use proptest::prelude::*;
use smtp::{Ask, Limits, Note, Session};
use std::time::Duration;
use transcript::{Reaction, Script, World as _};
use wire::{Budget, Input, Now, Outputs, Session as _};

const BUDGET_BYTES: usize = 20_000;

/// A driver without sockets.
struct Driver {
    session: Session,
    town: world::Town,
    input: Input,
    sent: Vec<u8>,
    now: Now,
    closed: bool,
    budget: Budget,
}

impl Driver {
    fn new(stage: &str) -> Driver {
        let script = Script::parse("arbitrary", stage);
        let mut settings = world::settings(&script);
        let budget = Budget::new(BUDGET_BYTES);
        settings.budget = budget.clone();
        let (session, town) = world::session(&script, settings);
        let now = Now::from_millis(1);
        let (input, sent) = (Input::new(), Vec::new());
        let mut driver = Driver { session, town, input, sent, now, closed: false, budget };
        driver.call(|session, now, _, out| session.start(now, out));
        driver
    }

    fn send(&mut self, piece: &[u8]) {
        if !self.closed {
            self.input.push(piece);
            self.call(|session, now, input, out| session.input(now, input, out));
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        if !self.closed && self.session.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.call(|session, now, _, out| session.expired(now, out));
            assert!(self.closed, "who is late is shown out");
        }
    }

    fn call(&mut self, enter: impl FnOnce(&mut Session, Now, &mut Input, &mut Outputs<Ask>)) {
        let mut out = Outputs::new();
        enter(&mut self.session, self.now, &mut self.input, &mut out);
        loop {
            self.sent.extend(out.take_bytes());
            let Some(ask) = out.take_ask() else { break };
            let (Reaction::Answer(answer) | Reaction::StartTls(answer)) =
                self.town.answer(ask, &mut self.sent);
            self.session.answer(self.now, answer, &mut out);
            if !out.has_ask() && !out.is_closed() {
                self.session.input(self.now, &mut self.input, &mut out);
            }
        }
        self.closed |= out.is_closed();
        assert!(self.budget.used_bytes() <= BUDGET_BYTES);
    }
}

/// Words that bring a session into every state, and shreds of them.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "EHLO a\r\n",
        "HELO a\r\n",
        "LHLO a\r\n",
        "MAIL FROM:<a@b>\r\n",
        "RCPT TO:<alice@example.org>\r\n",
        "DATA\r\n",
        "BDAT 7\r\n",
        "BDAT 7 LAST\r\n",
        "BDAT 99999 LAST\r\n",
        "\r\n.\r\n",
        "\r\n",
        ".",
        "\n",
        "\r",
        "\0",
        "RSET\r\n",
        "NOOP\r\n",
        "STARTTLS\r\n",
        "AUTH PLAIN\r\n",
        "AUTH LOGIN\r\n",
        "AGFsaWNlAHdvbmRlcmxhbmQ=\r\n",
        "MAIL FROM:<",
        ">",
        " SIZE=",
        " SMTPUTF8\r\n",
        "\"",
        "[",
        "é",
        "Received: x\r\n",
        "Subject: x\r\n",
    ]);
    prop_oneof![
        8 => known.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0usize..20_000).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

fn stages() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "@ service submission\n@ plaintext on\n",
        "@ service submission\n@ tls on\n@ size 30\n",
        "@ service lmtp\n@ line 10\n",
    ])
}

fn hello(stage: &str) -> &'static [u8] {
    if stage.contains("lmtp") { b"LHLO a\r\n" } else { b"EHLO a\r\n" }
}

/// What a client that waits for replies may say in one go.
fn group() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "EHLO a\r\n",
        "HELO a\r\n",
        "LHLO a\r\n",
        "MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<x@y>\r\nDATA\r\n",
        "MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nBDAT 3\r\na\r\n",
        "MAIL FROM:<alice@example.org>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n",
        "MAIL FROM:<a@b> SIZE=5\r\n",
        "RCPT TO:<bob@example.org>\r\nNOOP\r\n",
        "DATA\r\n",
        "Subject: x\r\n\r\n..a\r\n.\r\n",
        "Subject: x\r\n\r\na\n.\r\nRSET\r\n.\r\n",
        "Subject: x\r\n\r\na\r.\r\n.\r\nRSET\r\nMAIL FROM:<a@b>\r\n",
        "BDAT 7\r\nabcdefg",
        "BDAT 4 LAST\r\n\r\nab",
        "BDAT 3\r\na\r\nBDAT 2 LAST\r\n\nbRSET\r\n",
        "\0NOOP\r\n",
        "NO\rOP\r\nNOOP\r\n",
        "STARTTLS\r\n",
        "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n",
        "AUTH PLAIN !\r\n",
        "RSET\r\n",
    ]);
    known.prop_map(|text| text.as_bytes().to_vec())
}

proptest! {
    #[test]
    fn no_input_is_too_strange(stage in stages(), pieces in prop::collection::vec((prop_oneof![words(), group(), group()], 0u64..30_000), 0..60)) {
        let mut driver = Driver::new(stage);
        driver.send(hello(stage));
        let line_max = Limits::default().auth_line_len_max_bytes;
        for (piece, wait_ms) in &pieces {
            driver.send(piece);
            prop_assert!(driver.closed || driver.input.len() < line_max);
            driver.wait(Duration::from_millis(*wait_ms));
        }
        prop_assert!(driver.sent.ends_with(b"\r\n"));
        for line in driver.sent.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            prop_assert!(line.len() < 512 && line[..line.len() - 1].iter().all(|byte| (b' '..=b'~').contains(byte)));
        }
        prop_assert!(driver.session.take_notes().len() <= 32);
        for envelope in &driver.town.delivered {
            let text = String::from_utf8_lossy(&envelope.body).replace("\r\n", "");
            prop_assert!(!text.contains(['\r', '\n', '\0']));
        }
        let budget = driver.budget.clone();
        drop(driver);
        prop_assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn cuts_change_nothing(
        stage in stages(),
        groups in prop::collection::vec((group(), prop::collection::vec(any::<prop::sample::Index>(), 0..4)), 1..25),
    ) {
        let (mut whole, mut cut) = (Driver::new(stage), Driver::new(stage));
        whole.send(hello(stage));
        cut.send(hello(stage));
        for (bytes, places) in &groups {
            whole.send(bytes);
            let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len())).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            places.windows(2).for_each(|pair| cut.send(&bytes[pair[0]..pair[1]]));
        }
        prop_assert_eq!(String::from_utf8_lossy(&whole.sent), String::from_utf8_lossy(&cut.sent));
        let bodies = |driver: &Driver| driver.town.delivered.iter().map(|e| e.body.clone()).collect::<Vec<_>>();
        prop_assert_eq!(bodies(&whole), bodies(&cut));
        prop_assert_eq!(whole.session.take_notes(), cut.session.take_notes());
    }
}

#[test]
fn a_line_without_end_is_dropped_wherever_it_begins() {
    let mut driver = Driver::new("");
    driver.send(&[b"NOOP\r\n".as_slice(), &[b'x'; 5000]].concat());
    assert!(driver.input.is_empty());
    driver.send(b"x\r\nNOOP\r\n");
    let replies = String::from_utf8_lossy(&driver.sent).into_owned();
    let codes: Vec<&str> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["220", "250", "500", "250"]);
}

#[test]
fn refusals_of_the_session_are_noted() {
    let mut driver = Driver::new("");
    driver.send(b"EHLO a\r\n");
    driver
        .send(b"MAIL FROM:<a b@c>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<\xff@b>\r\n");
    driver.send(b"RCPT TO:<nobody@example.org>\r\nDATA\r\n");
    driver.send(b"x\n\r\n.\r\n");
    let notes: Vec<Note> = driver.session.take_notes();
    let told: Vec<_> = notes
        .iter()
        .map(|note| {
            (note.reply.line(), note.command.as_deref(), note.recipients.len(), note.sender.is_some())
        })
        .collect();
    let expected = [
        ("501 5.1.7 malformed address", Some("MAIL FROM:<a b@c>"), 0, false),
        ("553 5.6.7 address needs SMTPUTF8", Some("RCPT TO:<?@b>"), 0, true),
        ("550 5.5.2 bare CR or LF in message, lines end with CR LF", None, 1, true),
    ];
    assert_eq!(told, expected.map(|(reply, command, count, sent)| (reply.to_string(), command, count, sent)));
    assert!(driver.session.take_notes().is_empty());
    // However many there are, few are kept.
    driver.send("BDAT 1\r\nx".repeat(100).as_bytes());
    assert!(driver.session.take_notes().len() <= 32);
}

/// What was noted: the reply's code, whether the sender is known, and whom it keeps the mail from.
fn noted(driver: &mut Driver) -> Vec<(u16, bool, Vec<String>)> {
    let told = |note: Note| {
        let recipients = note.recipients.iter().map(ToString::to_string).collect();
        (note.reply.code(), note.sender.is_some(), recipients)
    };
    driver.session.take_notes().into_iter().map(told).collect()
}

const ALICE: &str = "alice@example.org";

#[test]
fn a_note_names_only_those_who_are_refused() {
    let mut driver = Driver::new("@ rcpt 100\n");
    driver.send(b"EHLO a\r\n");
    driver.send(b"MAIL FROM:<a@b> SIZE=99999999\r\n");
    assert_eq!(noted(&mut driver), [(552, true, vec![])]);
    driver.send(b"MAIL FROM:<a@b>\r\n");
    driver.send("RCPT TO:<alice@example.org>\r\n".repeat(100).as_bytes());
    driver.send(b"FOO\r\nRCPT TO:<@@>\r\nRCPT TO:<bob@example.org>\r\n");
    let bob = vec!["bob@example.org".to_string()];
    assert_eq!(noted(&mut driver), [(500, true, vec![]), (501, true, vec![]), (452, true, bob)]);
    driver.send(b"DATA\r\n");
    driver.send(b"Subject: x\r\n\r\n.\r\n");
    assert_eq!(driver.town.delivered.len(), 1);
    assert_eq!(noted(&mut driver), []);
}

#[test]
fn a_message_that_is_cut_short_is_noted() {
    let alice = || vec![ALICE.to_string()];
    let begin = b"MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\n";
    for text in [&b"DATA\r\nSubj"[..], b"BDAT 100\r\nSubj", b"BDAT 4\r\nSubj"] {
        let mut driver = Driver::new("");
        driver.send(b"EHLO a\r\n");
        driver.send(begin);
        assert_eq!(driver.session.unfinished(), None);
        text.split_inclusive(|byte| *byte == b'\n').for_each(|piece| driver.send(piece));
        let (_, recipients) = driver.session.unfinished().unwrap();
        assert_eq!(recipients.iter().map(ToString::to_string).collect::<Vec<_>>(), alice());
        driver.call(|session, now, _, out| session.stop(now, out));
        assert_eq!(noted(&mut driver), [(421, true, alice())]);
        assert_eq!(driver.session.unfinished(), None);
    }
    // Chunks that end the transaction, and what ends the connection.
    for (text, code) in
        [("BDAT 30000\r\n", 452), ("BDAT 200000\r\n", 552), ("BDAT 2000000\r\n", 552), ("\n", 500)]
    {
        let mut driver = Driver::new("");
        driver.send(b"EHLO a\r\n");
        driver.send(begin);
        driver.send(text.as_bytes());
        driver.send(&b"x".repeat(200_000));
        assert_eq!(noted(&mut driver).first(), Some(&(code, true, alice())), "{text}");
    }
}

#[test]
fn a_message_must_end_within_its_time_whatever_else_is_said() {
    let begin = b"MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.org>\r\n";
    let total = Limits::default().text_total_timeout;
    let step = Duration::from_secs(100);
    let (chunk, text) = (b"BDAT 2\r\nab", b"DATA\r\n");
    let noop: &[u8] = b"NOOP\r\n";
    let line = [&b"x".repeat(998)[..], b"\r\n"].concat().repeat(50);
    for (open, more) in [(&chunk[..], noop), (&chunk[..], chunk), (&text[..], &line)] {
        let mut driver = Driver::new("@ size 99999999\n");
        driver.send(b"EHLO a\r\n");
        driver.send(begin);
        driver.send(open);
        let mut passed = Duration::ZERO;
        while !driver.closed {
            passed += step;
            assert!(passed <= total, "it is still open");
            driver.wait(step);
            driver.send(more);
        }
        assert_eq!(passed, total);
    }
    // Also where the next bytes are seen before the timer.
    let mut driver = Driver::new("");
    driver.send(b"EHLO a\r\n");
    driver.send(begin);
    driver.send(chunk);
    driver.now = driver.now + total;
    driver.send(noop);
    assert!(driver.closed && driver.sent.ends_with(b"421 4.4.2 timeout, closing\r\n"));
}
