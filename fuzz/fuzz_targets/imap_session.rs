//! IMAP sessions in a small world: no panic, well-formed response lines, memory within the budget;
//! and without STARTTLS and waits, the same dialogue however the bytes are cut.
#![no_main]

mod drive;
mod pieces;
mod words;

use drive::{Driven, World};
use imap::command::Command;
use imap::{Answer, Ask, Opened, Outcome, SaslAnswer, Session, Settings, TlsState};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;
use wire::{Budget, Input};

/// Little, so that it is used up.
const BUDGET_BYTES: usize = 20_000;
/// The longest line that a session writes by itself, with its CRLF: the capabilities behind a tag.
const LINE_LEN_MAX_BYTES: usize = 1024;

static SECRET: LazyLock<sasl::ScramSecret> =
    LazyLock::new(|| sasl::ScramSecret::derive(b"secret", &[9; 16], 4096).expect("within the limits"));

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"a ", b"a LOGIN alice secret\r\n", b"a LOGIN alice wrong\r\n", b"a AUTHENTICATE PLAIN\r\n",
    b"a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n", b"AGFsaWNlAHNlY3JldA==\r\n", b"a AUTHENTICATE LOGIN\r\n",
    b"a AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZSxyPWFiY2RlZg==\r\n", b"*\r\n", b"a SELECT INBOX\r\n",
    b"a EXAMINE INBOX\r\n", b"a CLOSE\r\n", b"a UNSELECT\r\n", b"a EXPUNGE\r\n", b"a NOOP\r\n", b"a CHECK\r\n",
    b"a IDLE\r\n", b"DONE\r\n", b"a LOGOUT\r\n", b"a CAPABILITY\r\n", b"a ID NIL\r\n", b"a STARTTLS\r\n",
    b"a ENABLE IMAP4rev2\r\n", b"a ENABLE CONDSTORE\r\n", b"a FETCH 1 ALL\r\n", b"a UID FETCH 1:* (FLAGS MODSEQ)\r\n",
    b"a STORE 1 +FLAGS (\\Seen)\r\n", b"a SEARCH ALL\r\n", b"a APPEND INBOX {5}\r\n", b"a APPEND INBOX {5+}\r\n",
    b"a APPEND INBOX {900+}\r\n", b"a APPEND INBOX {90000}\r\n", b"a APPEND INBOX {90000+}\r\n", b"a LIST \"\" *\r\n",
    b"a STATUS INBOX (HIGHESTMODSEQ)\r\n", b"a CREATE {3}\r\n", b"a LOGIN {5}\r\n", b"alice", b" {6}\r\n", b"secret",
    b"{", b"}", b"+}", b"\r\n", b"\r", b"\n", b"\0", b" ", b"(", b")", b"\"", b"\\", "ü".as_bytes(),
    &[b'x'; 9000], &[b'a'; 101],
];

struct House {
    budget: Budget,
    moods: Vec<u8>,
    asked: usize,
    sent: Vec<u8>,
}

impl House {
    /// What the outside is like just now.
    fn mood(&mut self) -> u8 {
        self.asked += 1;
        if self.moods.is_empty() { 0 } else { self.moods[self.asked % self.moods.len()] % 8 }
    }

    fn run(&mut self, command: &Command, mood: u8) -> Outcome {
        match (command, mood) {
            (_, 1) => Outcome::no("Not now"),
            (_, 2) => Outcome::bad("Not like this"),
            (_, 3) => Outcome::ok("Mailbox is gone").deselected(),
            (Command::Select(_), _) => Outcome::ok("Selected").selected(mood == 4),
            _ => Outcome::ok("Done"),
        }
    }
}

impl World<Session> for House {
    fn answer(&mut self, ask: Ask, input: &mut Input) -> Answer {
        let mood = self.mood();
        if mood == 7 {
            return Answer::Bye { code: None, text: "Going down".into() };
        }
        match ask {
            Ask::StartTls => {
                input.clear();
                Answer::Tls(Vec::new())
            }
            Ask::Nonce => Answer::Nonce(sasl::ServerNonce::from_random([7; 18])),
            Ask::Verify(_) if mood == 5 => Answer::Sasl(SaslAnswer::Unavailable),
            Ask::Scram(_) if mood == 6 => Answer::Sasl(SaslAnswer::Limit),
            Ask::Verify(pending) => {
                let matches = pending.password().same(b"secret");
                Answer::Sasl(SaslAnswer::Step(pending.resume(matches)))
            }
            Ask::Scram(pending) => Answer::Sasl(SaslAnswer::Step(match pending.user() {
                "alice" => pending.resume(SECRET.clone()),
                _ => pending.resume_unknown(&[1; 32]),
            })),
            Ask::Open { .. } => Answer::Opened(match mood {
                1 => Opened::Forbidden,
                2 => Opened::Unavailable,
                3 => Opened::Limit,
                _ => Opened::Yes,
            }),
            Ask::Idle => Answer::Idling,
            Ask::Run(run) => Answer::Done(self.run(&run.command, mood)),
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        assert!(bytes.is_empty() || bytes.ends_with(b"\r\n"));
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            assert!(line.len() <= LINE_LEN_MAX_BYTES, "{} bytes in a line", line.len());
            let text = line.strip_suffix(b"\r\n").expect("a line ends with CRLF");
            assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", text.escape_ascii());
            assert!(text.contains(&b' '), "{}", text.escape_ascii());
        }
        assert!(self.budget.used_bytes() <= BUDGET_BYTES);
        self.sent.extend_from_slice(bytes);
    }
}

/// A byte of settings, moods of the world, lengths of pieces, waits in half minutes, and the dialogue.
type Script = (u8, Vec<u8>, Vec<u8>, Vec<u8>, Vec<(u8, Vec<u8>)>);

fuzz_target!(|input: Script| {
    let (offered, moods, lengths, waits, parts) = input;
    let bytes = words::text(WORDS, &parts);
    let cut = talk(offered, &moods, &lengths, &waits, &bytes);
    if waits.iter().all(|wait| *wait == 0) && tls(offered) != TlsState::Available {
        let whole = talk(offered, &moods, &[], &[], &bytes);
        assert_eq!(
            cut.escape_ascii().to_string(),
            whole.escape_ascii().to_string(),
            "the cuts change the dialogue"
        );
    }
});

/// What the session says.
fn talk(offered: u8, moods: &[u8], lengths: &[u8], waits: &[u8], bytes: &[u8]) -> Vec<u8> {
    let budget = Budget::new(BUDGET_BYTES);
    let house = House { budget: budget.clone(), moods: moods.to_vec(), asked: 0, sent: Vec::new() };
    let mut driven = Driven::open(Session::new(settings(offered, &budget)), house);
    let mut waits = waits.iter().cycle();
    for piece in pieces::pieces(bytes, lengths) {
        driven.send(piece);
        driven.wait(Duration::from_secs(waits.next().map_or(0, |wait| u64::from(*wait) * 30)));
        if driven.closed {
            break;
        }
    }
    driven.stop();
    let sent = std::mem::take(&mut driven.world.sent);
    drop(driven);
    assert_eq!(budget.used_bytes(), 0, "a session that is gone holds nothing");
    sent
}

fn tls(offered: u8) -> TlsState {
    match offered % 3 {
        0 => TlsState::Unavailable,
        1 => TlsState::Active,
        _ => TlsState::Available,
    }
}

fn settings(offered: u8, budget: &Budget) -> Settings {
    Settings {
        hostname: "mx.example.org".into(),
        tls: tls(offered),
        bindings: Vec::new(),
        allow_plaintext: offered & 128 == 0,
        message_max_bytes: 1000,
        budget: budget.clone(),
    }
}
