//! SMTP sessions of all three trades in a small world: no panic, replies of legal length and
//! letters, memory within the budget, and bodies that hold to the rules of text.
#![no_main]

mod drive;
mod pieces;
mod words;

use drive::{Driven, World};
use libfuzzer_sys::fuzz_target;
use sasl::ScramSecret;
use smtp::{Answer, Ask, Delivered, ForwardPath, Limits, Refusal, Service, Session, Settings, TlsFacts};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use wire::{Budget, Input};

/// Little, so that it is used up.
const BUDGET_BYTES: usize = 20_000;
/// Longest reply line with its CRLF (RFC 5321 §4.5.3.1.5).
const REPLY_LEN_MAX_BYTES: usize = 512;

static SECRET: LazyLock<ScramSecret> =
    LazyLock::new(|| ScramSecret::derive(b"wonderland", &[9; 16], 4096).expect("within the limits"));

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"EHLO a\r\n", b"HELO a\r\n", b"LHLO a\r\n", b"MAIL FROM:<a@b>", b"MAIL FROM:<>", b"MAIL FROM:<",
    b"RCPT TO:<alice@example.org>", b"RCPT TO:<postmaster>", b"RCPT TO:<", b">", b"@", b"@a,@b:", b"\"", b"\\",
    b"[IPv6:", b"[127.0.0.1]", b" SIZE=", b" BODY=8BITMIME", b" SMTPUTF8", b" AUTH=<>", b"DATA\r\n",
    b"BDAT 7\r\n", b"BDAT 7 LAST\r\n", b"BDAT 0 LAST\r\n", b"BDAT ", b" LAST", b"\r\n.\r\n", b"\r\n", b".",
    b"\r", b"\n", b"\0", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"VRFY a\r\n", b"EXPN a\r\n", b"HELP\r\n",
    b"ETRN a\r\n", b"STARTTLS\r\n", b"AUTH PLAIN\r\n", b"AUTH LOGIN\r\n", b"AUTH SCRAM-SHA-256\r\n", b"AUTH ",
    b"AGFsaWNlAHdvbmRlcmxhbmQ=\r\n", b"biwsbj1hbGljZSxyPWFiY2RlZg==\r\n", b"=", b"*\r\n", "é".as_bytes(),
    b"Received: x\r\n", b"Subject: x\r\n", b"\r\n\r\n", b"..", &[b'x'; 3000], &[b'A'; 13_000],
];

struct Town {
    budget: Budget,
    moods: Vec<u8>,
    asked: usize,
}

impl Town {
    /// What the outside is like just now.
    fn mood(&mut self) -> u8 {
        self.asked += 1;
        if self.moods.is_empty() { 0 } else { self.moods[self.asked % self.moods.len()] % 8 }
    }
}

impl World<Session> for Town {
    fn answer(&mut self, ask: Ask, input: &mut Input) -> Answer {
        let mood = self.mood();
        let refusal = match mood {
            1 => Some(Refusal::no_such_user()),
            2 => Some(Refusal::temporary()),
            3 => Some(Refusal::new(421, 3, 2, "going down")),
            _ => None,
        };
        let result = refusal.map_or(Ok(()), Err);
        match ask {
            Ask::Sender(_) => Answer::Sender(result),
            Ask::Recipient { path, .. } => {
                let known = matches!(path, ForwardPath::Postmaster | ForwardPath::Mailbox(_));
                Answer::Recipient(result.map(|()| u64::from(known)))
            }
            Ask::StartTls => {
                input.clear();
                Answer::StartTls(TlsFacts { description: "TLS1.3".into(), bindings: Vec::new() })
            }
            Ask::Nonce => Answer::Nonce([7; 18]),
            Ask::Verify(_) if mood == 2 => Answer::Login(Err(Refusal::login_unavailable())),
            Ask::Verify(pending) => {
                let matches = pending.password().same(b"wonderland");
                Answer::Login(Ok(pending.resume(matches)))
            }
            Ask::LookUpScram(pending) => Answer::Login(Ok(match pending.user() {
                "alice" => pending.resume(SECRET.clone()),
                _ => pending.resume_unknown(&[1; 32]),
            })),
            Ask::Deliver(envelope) => {
                assert!(!envelope.recipients.is_empty());
                follows_the_rules_of_text(&envelope.body);
                let results = envelope.recipients.iter().map(|_| result.clone()).collect();
                if mood == 4 {
                    return Answer::Deliver(Err(Refusal::storage_full()));
                }
                Answer::Deliver(Ok(Delivered { id: "m1".into(), results }))
            }
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        assert!(bytes.is_empty() || bytes.ends_with(b"\r\n"));
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            assert!(line.len() <= REPLY_LEN_MAX_BYTES, "{} bytes in a reply line", line.len());
            let text = line.strip_suffix(b"\r\n").expect("a reply line ends with CRLF");
            assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", text.escape_ascii());
            assert!(matches!(text, [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..]));
        }
        assert!(self.budget.used_bytes() <= BUDGET_BYTES);
    }
}

fn follows_the_rules_of_text(body: &[u8]) {
    let mut before = 0;
    for (at, byte) in body.iter().enumerate() {
        let next = body.get(at + 1).copied();
        assert!(*byte != 0, "NUL in a message");
        assert!(*byte != b'\n' || before == b'\r', "bare LF in a message");
        assert!(*byte != b'\r' || next == Some(b'\n'), "bare CR in a message");
        before = *byte;
    }
}

/// Two bytes of settings, moods of the world, lengths of pieces, waits in seconds, and the dialogue.
type Script = (u8, u8, Vec<u8>, Vec<u8>, Vec<u8>, Vec<(u8, Vec<u8>)>);

fuzz_target!(|input: Script| {
    let (trade, offered, moods, lengths, waits, parts) = input;
    let budget = Budget::new(BUDGET_BYTES);
    let settings = settings(trade, offered, &budget);
    let tls = (offered & 4 != 0).then(TlsFacts::default);
    let limits = settings.limits.clone();
    let town = Town { budget: budget.clone(), moods, asked: 0 };
    let mut driven = Driven::open(Session::new(Arc::new(settings), tls), town);
    let bytes = words::text(WORDS, &parts);
    let mut waits = waits.iter().cycle();
    for piece in pieces::pieces(&bytes, &lengths) {
        driven.send(piece);
        assert!(driven.closed || driven.input.len() < limits.auth_line_len_max_bytes);
        driven.wait(Duration::from_secs(waits.next().map_or(0, |wait| u64::from(*wait))));
        if driven.closed {
            break;
        }
    }
    assert!(driven.session.take_notes().len() <= 32);
    driven.stop();
    drop(driven);
    assert_eq!(budget.used_bytes(), 0, "a session that is gone holds nothing");
});

fn settings(trade: u8, offered: u8, budget: &Budget) -> Settings {
    Settings {
        hostname: "mx.example.org".into(),
        service: match trade % 3 {
            0 => Service::Mx,
            1 => Service::Submission,
            _ => Service::Lmtp,
        },
        limits: Limits {
            message_size_max_bytes: if offered & 8 != 0 { 30 } else { 100_000 },
            text_line_len_max_bytes: if offered & 16 != 0 { 40 } else { 2000 },
            chunk_drain_max_bytes: 1000,
            ..Limits::default()
        },
        offer_starttls: offered & 1 != 0,
        allow_plaintext_auth: offered & 2 != 0,
        budget: budget.clone(),
    }
}
