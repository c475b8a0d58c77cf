//! Every script in transcripts/, against a made-up world.
//!
//! Settings: `@ plaintext on` (logins without TLS), `@ tls on` (TLS from the start), `@ stls off`,
//! `@ delay 300`, `@ expire 7`, `@ bad-commands 3`, `@ failed-logins 2`, `@ before-login 4`, `@ maildrop
//! empty|big`, and outcomes of the world: `@ opening in-use|delay|disabled|unavailable`, `@ verify
//! unavailable`, `@ reading gone|unavailable`, `@ commit failed`, `@ tls-fails yes`.
//! `@ nonce TEXT` is the server's for SCRAM. The world knows alice with the password secret, josé, and
//! for SCRAM the user of RFC 7677 and one who cannot be looked up.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use pop3::{
    Answer, Ask, Commit, Expire, Maildrop, Message, Opening, Reading, ScramLookup, Session, Settings, Token,
    UniqueId, Verdict,
};
use sasl::{ChannelBinding, ScramSecret, ServerNonce};
use std::path::Path;
use std::sync::{Arc, Mutex};
use transcript::{MemoryPeer, Reaction, Script, World, check_folder};
use wire::{Now, Outputs};

/// A message with lines that begin with dots.
const DOTS: &str = "From: bob@example.org\r\nSubject: Dots\r\n\r\n.\r\n..two\r\nplain\r\n.end\r\n";
/// A message without a body.
const EMPTY: &str = "From: bob@example.org\r\nSubject: Nothing\r\n\r\n";
/// A message with a UTF-8 header.
const UTF8: &str = "From: José <jose@example.org>\r\nSubject: Grüße\r\n\r\nHi.\r\n";

/// What was removed, for all sessions of a script.
type Removed = Arc<Mutex<Option<Vec<Token>>>>;

struct Post {
    script: Script,
    messages: Vec<String>,
    removed: Removed,
    /// Who failed to log in in ways that only the session sees.
    failed: Vec<String>,
    /// What was asked for as a whole, which counts as reading it.
    read: Vec<String>,
}

impl Post {
    fn maildrop(&self) -> Maildrop {
        let message = |(at, text): (usize, &String)| Message {
            token: Token(at as u64 + 1),
            unique_id: UniqueId::new(&format!("id-{}", at + 1)).unwrap(),
            size_octets: text.len() as u64,
            surrogate_octets: (!text.is_ascii())
                .then(|| pop3::surrogate::surrogate(text.as_bytes()).len() as u64),
        };
        Maildrop { messages: self.messages.iter().enumerate().map(message).collect() }
    }

    fn opening(&self) -> Opening {
        match self.script.setting("opening", "") {
            "in-use" => Opening::InUse,
            "delay" => Opening::LoginDelay,
            "disabled" => Opening::Disabled,
            "unavailable" => Opening::Unavailable,
            _ => Opening::Opened(self.maildrop()),
        }
    }

    fn reading(&self, token: Token) -> Reading {
        match self.script.setting("reading", "") {
            "gone" => Reading::Gone,
            "unavailable" => Reading::Unavailable,
            _ => Reading::Bytes(Arc::new(self.messages[token.0 as usize - 1].clone().into_bytes())),
        }
    }

    fn verdict(&self, user: &str, password: &sasl::Secret) -> Verdict {
        match self.script.setting("verify", "") {
            "unavailable" => Verdict::Unavailable,
            _ if user == "alice" && password.same(b"secret") => Verdict::Accepted,
            _ if user == "josé" && password.same("pass wörd ".as_bytes()) => Verdict::Accepted,
            _ => Verdict::Rejected,
        }
    }
}

impl World<Session> for Post {
    fn answer(&mut self, ask: Ask, _: &mut Vec<u8>) -> Reaction<Answer> {
        Reaction::Answer(match ask {
            Ask::Flush => Answer::Flushed,
            Ask::StartTls if self.script.setting("tls-fails", "no") == "yes" => {
                return Reaction::StartTls(Answer::TlsFailed);
            }
            Ask::StartTls => return Reaction::StartTls(Answer::TlsStarted(bindings())),
            Ask::Nonce => {
                Answer::Nonce(ServerNonce::from_text(self.script.setting("nonce", "server-nonce")).unwrap())
            }
            Ask::Verify { user, password } => Answer::Verified(self.verdict(&user, &password)),
            Ask::ScramSecret { user } if user == "alice" => Answer::Scram(ScramLookup::Found(
                ScramSecret::derive(b"secret", b"0123456789abcdef", 4096).unwrap(),
            )),
            // The example of RFC 7677 §3.
            Ask::ScramSecret { user } if user == "user" => {
                let salt = b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
                Answer::Scram(ScramLookup::Found(ScramSecret::derive(b"pencil", salt, 4096).unwrap()))
            }
            Ask::ScramSecret { user } if user == "offline" => Answer::Scram(ScramLookup::Unavailable),
            Ask::ScramSecret { .. } => Answer::Scram(ScramLookup::Unknown([7; 32])),
            Ask::LoginFailed { user, .. } => {
                self.failed.push(user.unwrap_or_default());
                Answer::Noted
            }
            Ask::OpenMaildrop { .. } => Answer::Maildrop(self.opening()),
            Ask::Retrieve { token } => {
                self.read.push(token.0.to_string());
                Answer::Content(self.reading(token))
            }
            Ask::Top { token, .. } => Answer::Content(self.reading(token)),
            Ask::Commit { deleted } => {
                *self.removed.lock().unwrap() = Some(deleted);
                let failed = self.script.setting("commit", "") == "failed";
                Answer::Committed(if failed { Commit::Failed } else { Commit::Done })
            }
        })
    }

    fn event(&mut self, event: &str, session: &mut Session, now: Now, out: &mut Outputs<Ask>) {
        let removed = self.removed.lock().unwrap();
        match event.split_once(' ').unwrap_or((event, "")) {
            ("superseded", _) => session.superseded(now, out),
            ("stop", _) => wire::Session::stop(session, now, out),
            ("read", tokens) => assert_eq!(self.read.join(" "), tokens),
            ("failed", users) => assert_eq!(self.failed.join(" "), users),
            ("removed", "nothing") => assert_eq!(*removed, None),
            ("removed", tokens) => {
                let tokens = tokens.split_whitespace().map(|token| Token(token.parse().unwrap()));
                assert_eq!(*removed, Some(tokens.collect()));
            }
            _ => panic!("no such event: {event}"),
        }
    }
}

fn bindings() -> Vec<ChannelBinding> {
    vec![ChannelBinding::TlsExporter([7; 32])]
}

fn settings(script: &Script) -> Settings {
    let number = |key: &str, default: u32| script.setting(key, &default.to_string()).parse().unwrap();
    let mut settings = Settings::new("mx.example.org").unwrap();
    settings.allow_plaintext = script.setting("plaintext", "off") == "on";
    settings.stls = script.setting("stls", "on") == "on";
    settings.login_delay_s = number("delay", 0);
    if let Ok(days) = script.setting("expire", "never").parse() {
        settings.expire = Expire::Days(days);
    }
    settings.limits.bad_commands_max = number("bad-commands", settings.limits.bad_commands_max);
    settings.limits.failed_logins_max = number("failed-logins", settings.limits.failed_logins_max);
    settings.limits.commands_before_login_max =
        number("before-login", settings.limits.commands_before_login_max);
    settings
}

fn messages(script: &Script) -> Vec<String> {
    match script.setting("maildrop", "three") {
        "empty" => Vec::new(),
        "big" => vec![format!("Subject: Big\r\n\r\n{}", ".0123456789\r\n".repeat(20_000)); 2],
        "unended" => vec!["Subject: No end\r\n\r\nno end".to_string()],
        _ => [DOTS, EMPTY, UTF8].map(str::to_string).to_vec(),
    }
}

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    check_folder(&folder, |script| {
        let tls = (script.setting("tls", "off") == "on").then(bindings);
        let session = Session::new(Arc::new(settings(script)), tls);
        let (removed, failed, read) = (Removed::default(), Vec::new(), Vec::new());
        let post = Post { script: script.clone(), messages: messages(script), removed, failed, read };
        Box::new(MemoryPeer::open(session, post))
    });
}
