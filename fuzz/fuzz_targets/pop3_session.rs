//! POP3 sessions in a small world: no panic, first lines of legal form and length, bounded output;
//! and without STLS and waits, the same dialogue however the bytes are cut.
#![no_main]

mod drive;
mod pieces;
mod words;

use drive::{Driven, World};
use libfuzzer_sys::fuzz_target;
use pop3::settings::{AUTH_LINE_LEN_MAX_BYTES, OUTPUT_HIGH_BYTES, REPLY_LEN_MAX_BYTES};
use pop3::{
    Answer, Ask, Commit, Maildrop, Message, Opening, Reading, ScramLookup, Session, Settings, Token,
    UniqueId, Verdict,
};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use wire::Input;

/// How much may wait to be sent at most: the mark, one reply line and one piece of a reply.
const OUTPUT_MAX_BYTES: usize = OUTPUT_HIGH_BYTES * 2 + 1024;

static SECRET: LazyLock<sasl::ScramSecret> =
    LazyLock::new(|| sasl::ScramSecret::derive(b"secret", &[9; 16], 4096).expect("within the limits"));

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"USER alice\r\n", b"PASS secret\r\n", b"PASS wrong\r\n", b"AUTH\r\n", b"AUTH PLAIN\r\n", b"AUTH LOGIN\r\n",
    b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", b"AGFsaWNlAHNlY3JldA==\r\n", b"*\r\n",
    b"AUTH SCRAM-SHA-256 biwsbj1hbGljZSxyPWFiY2RlZg==\r\n", b"STLS\r\n", b"CAPA\r\n", b"STAT\r\n", b"LIST\r\n",
    b"LIST ", b"UIDL\r\n", b"UIDL ", b"RETR ", b"TOP ", b"DELE ", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"UTF8\r\n",
    b"LANG\r\n", b"LANG *\r\n", b"LANG ", b"1", b"2", b" 0", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t",
    b"99999999999999999999", "é".as_bytes(), &[b'x'; 300], &[b'A'; 13_000],
];

struct Post {
    contents: Vec<Vec<u8>>,
    moods: Vec<u8>,
    asked: usize,
    sent: Vec<u8>,
}

impl Post {
    /// What the outside is like just now.
    fn mood(&mut self) -> u8 {
        self.asked += 1;
        if self.moods.is_empty() { 0 } else { self.moods[self.asked % self.moods.len()] % 8 }
    }

    fn maildrop(&self) -> Maildrop {
        let message = |(at, content): (usize, &Vec<u8>)| Message {
            token: Token(at as u64),
            unique_id: UniqueId::new(&format!("u{at}")).expect("printable"),
            size_octets: content.len() as u64,
            surrogate_octets: Some(pop3::surrogate::surrogate(content).len() as u64),
        };
        Maildrop { messages: self.contents.iter().enumerate().map(message).collect() }
    }
}

impl World<Session> for Post {
    fn answer(&mut self, ask: Ask, input: &mut Input) -> Answer {
        let mood = self.mood();
        match ask {
            // Not a mood of the world: how often it is asked may depend on the cuts.
            Ask::Flush => {
                self.asked -= 1;
                Answer::Flushed
            }
            Ask::StartTls if mood == 1 => Answer::TlsFailed,
            Ask::StartTls => {
                input.clear();
                Answer::TlsStarted(Vec::new())
            }
            Ask::Nonce => Answer::Nonce(sasl::ServerNonce::from_random([1; 18])),
            Ask::Verify { .. } if mood == 1 => Answer::Verified(Verdict::Unavailable),
            Ask::Verify { password, .. } if password.same(b"secret") => Answer::Verified(Verdict::Accepted),
            Ask::Verify { .. } => Answer::Verified(Verdict::Rejected),
            Ask::ScramSecret { .. } if mood == 1 => Answer::Scram(ScramLookup::Unavailable),
            Ask::ScramSecret { user } if user == "alice" => Answer::Scram(ScramLookup::Found(SECRET.clone())),
            Ask::ScramSecret { .. } => Answer::Scram(ScramLookup::Unknown([1; 32])),
            Ask::LoginFailed { .. } => Answer::Noted,
            Ask::OpenMaildrop { .. } => Answer::Maildrop(match mood {
                1 => Opening::InUse,
                2 => Opening::LoginDelay,
                3 => Opening::Disabled,
                4 => Opening::Unavailable,
                _ => Opening::Opened(self.maildrop()),
            }),
            Ask::Retrieve { token } | Ask::Top { token, .. } => Answer::Content(match mood {
                1 => Reading::Gone,
                2 => Reading::Unavailable,
                _ => {
                    let at = usize::try_from(token.0).expect("a token that was given out");
                    Reading::Bytes(Arc::new(self.contents[at].clone()))
                }
            }),
            Ask::Commit { deleted } => {
                assert!(deleted.iter().all(|token| token.0 < self.contents.len() as u64));
                Answer::Committed(if mood == 1 { Commit::Failed } else { Commit::Done })
            }
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= OUTPUT_MAX_BYTES, "{} bytes wait", bytes.len());
        self.sent.extend_from_slice(bytes);
    }
}

/// A byte of settings, moods of the world, lengths of pieces, waits in seconds, messages, and the
/// dialogue.
type Script = (u8, Vec<u8>, Vec<u8>, Vec<u8>, Vec<Vec<u8>>, Vec<(u8, Vec<u8>)>);

fuzz_target!(|input: Script| {
    let (offered, moods, lengths, waits, contents, parts) = input;
    let bytes = words::text(WORDS, &parts);
    let cut = talk(offered, (&moods, &contents), &lengths, &waits, &bytes);
    replies_are_legal(&cut);
    if waits.iter().all(|wait| *wait == 0) && offered & 1 == 0 {
        let whole = talk(offered, (&moods, &contents), &[], &[], &bytes);
        assert_eq!(
            cut.escape_ascii().to_string(),
            whole.escape_ascii().to_string(),
            "the cuts change the dialogue"
        );
    }
});

/// What the session says.
fn talk(
    offered: u8,
    (moods, contents): (&[u8], &[Vec<u8>]),
    lengths: &[u8],
    waits: &[u8],
    bytes: &[u8],
) -> Vec<u8> {
    let mut settings = Settings::new("mx.example.org").expect("a legal name");
    settings.stls = offered & 1 != 0;
    settings.allow_plaintext = offered & 2 == 0;
    let tls = (offered & 4 != 0).then(Vec::new);
    let post = Post { contents: contents.to_vec(), moods: moods.to_vec(), asked: 0, sent: Vec::new() };
    let mut driven = Driven::open(Session::new(Arc::new(settings), tls), post);
    let mut waits = waits.iter().cycle();
    for piece in pieces::pieces(bytes, lengths) {
        driven.send(piece);
        assert!(driven.closed || driven.input.len() <= AUTH_LINE_LEN_MAX_BYTES);
        driven.wait(Duration::from_secs(waits.next().map_or(0, |wait| u64::from(*wait))));
        if driven.closed {
            break;
        }
    }
    driven.stop();
    std::mem::take(&mut driven.world.sent)
}

/// It begins with a greeting and ends with a whole line: a reply, a challenge, the end of a listing.
fn replies_are_legal(sent: &[u8]) {
    assert!(sent.starts_with(b"+OK ") && sent.ends_with(b"\r\n"));
    let last = sent.split_inclusive(|byte| *byte == b'\n').next_back().unwrap_or_default();
    let reply = [&b"+OK"[..], b"-ERR"].iter().any(|status| last.starts_with(status));
    assert!(reply || last.starts_with(b"+ ") || last == b".\r\n", "{}", last.escape_ascii());
    assert!(!reply || last.len() <= REPLY_LEN_MAX_BYTES, "{}", last.escape_ascii());
}
