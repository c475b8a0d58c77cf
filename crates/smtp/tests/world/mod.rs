// Each test file uses a part of it.
#![allow(dead_code)]

//! A made-up world around a session: `example.org` with alice and bob, a full mailbox, and an
//! outside that has its moods.

use sasl::{ChannelBinding, ScramSecret};
use smtp::{Answer, Ask, Delivered, Envelope, ForwardPath, Host, Limits, Mailbox, Refusal, Sender};
use smtp::{Service, Session, Settings, TlsFacts};
use std::sync::Arc;
use transcript::{MemoryPeer, Reaction, Script, World};
use wire::{Budget, Now, Outputs, Session as _};

/// The outside of one session, and what it took in.
#[derive(Default)]
pub struct Town {
    /// Every message delivered, in order.
    pub delivered: Vec<Envelope>,
    trusted: bool,
}

/// A session as the script's `@` lines want it:
/// `service mx|submission|lmtp`, `tls on` (from the start), `starttls off`, `plaintext on`,
/// `size N`, `budget N`, `rcpt N`, `refused N`, `commands N`, `fruitless N`, `drain N`, `line N`.
pub fn peer(script: &Script) -> MemoryPeer<Session, Town> {
    let (session, town) = session(script, settings(script));
    MemoryPeer::open(session, town)
}

/// A session and its world before they meet.
pub fn session(script: &Script, settings: Settings) -> (Session, Town) {
    let tls = (script.setting("tls", "off") == "on").then(tls_facts);
    let town = Town { trusted: settings.service == Service::Lmtp, ..Town::default() };
    (Session::new(Arc::new(settings), tls), town)
}

/// What the script's `@` lines ask for.
pub fn settings(script: &Script) -> Settings {
    let service = match script.setting("service", "mx") {
        "mx" => Service::Mx,
        "submission" => Service::Submission,
        "lmtp" => Service::Lmtp,
        other => panic!("no such service: {other}"),
    };
    let number =
        |key: &str, default: u64| script.setting(key, &default.to_string()).parse().expect("a number");
    let plain = Limits::default();
    let limits = Limits {
        message_size_max_bytes: number("size", 100_000),
        recipients_max: number("rcpt", plain.recipients_max.into()) as u32,
        recipients_refused_max: number("refused", plain.recipients_refused_max.into()) as u32,
        commands_max: number("commands", plain.commands_max.into()) as u32,
        fruitless_commands_max: number("fruitless", plain.fruitless_commands_max.into()) as u32,
        chunk_drain_max_bytes: number("drain", 1_000_000),
        text_line_len_max_bytes: number("line", plain.text_line_len_max_bytes as u64) as usize,
        ..plain
    };
    Settings {
        hostname: "mx.example.org".into(),
        service,
        limits,
        offer_starttls: script.setting("starttls", "on") == "on",
        allow_plaintext_auth: script.setting("plaintext", "off") == "on",
        budget: Budget::new(number("budget", 10_000_000) as usize),
    }
}

/// Of alice's password.
fn scram_secret() -> ScramSecret {
    ScramSecret::derive(b"wonderland", &[9; 16], 4096).expect("within the limits")
}

/// What the made-up TLS knows of itself.
pub fn tls_facts() -> TlsFacts {
    TlsFacts {
        description: "TLS1.3 TLS_AES_128_GCM_SHA256".into(),
        bindings: vec![ChannelBinding::TlsExporter([3; 32])],
    }
}

impl World<Session> for Town {
    fn answer(&mut self, ask: Ask, _: &mut Vec<u8>) -> Reaction<Answer> {
        Reaction::Answer(match ask {
            Ask::Sender(sender) => Answer::Sender(self.judge_sender(&sender)),
            Ask::Recipient { path, sender, .. } => Answer::Recipient(self.judge_recipient(&path, &sender)),
            Ask::StartTls => return Reaction::StartTls(Answer::StartTls(tls_facts())),
            Ask::Nonce => Answer::Nonce([7; 18]),
            Ask::Verify(pending) => {
                let known = pending.user() == "alice" && pending.password().same(b"wonderland");
                match pending.user() {
                    "nobody-home" => Answer::Login(Err(Refusal::login_unavailable())),
                    _ => Answer::Login(Ok(pending.resume(known))),
                }
            }
            Ask::LookUpScram(pending) => Answer::Login(Ok(match pending.user() {
                "alice" => pending.resume(scram_secret()),
                _ => pending.resume_unknown(&[1; 32]),
            })),
            Ask::Deliver(envelope) => Answer::Deliver(self.deliver(*envelope)),
        })
    }

    fn event(&mut self, event: &str, session: &mut Session, now: Now, out: &mut Outputs<Ask>) {
        match event {
            "stop" => session.stop(now, out),
            // The driver found bytes before it greeted; the greeting of the script stays unsaid.
            "early talk" => session.early_talk(now, out),
            other => self.expect(other),
        }
    }
}

impl Town {
    fn judge_sender(&self, sender: &Sender) -> Result<(), Refusal> {
        match sender.path.mailbox().and_then(Mailbox::domain) {
            Some("nullmx.test") => Err(Refusal::sender_null_mx()),
            Some("full.test") => Err(Refusal::storage_full()),
            Some("gone.test") => Err(Refusal::new(421, 3, 2, "going down")),
            domain if sender.authenticated.is_some() && domain != Some("example.org") => {
                Err(Refusal::sender_not_owned())
            }
            _ => Ok(()),
        }
    }

    fn judge_recipient(&self, path: &ForwardPath, sender: &Sender) -> Result<u64, Refusal> {
        let ForwardPath::Mailbox(mailbox) = path else { return Ok(0) };
        let local = mailbox.local().as_str();
        match mailbox.host() {
            Host::Domain(domain) if domain.as_str() == "example.org" => match local {
                "alice" | "bob" | "refused" | "down" | "jörg" => Ok(local.len() as u64),
                "full" => Err(Refusal::mailbox_full()),
                "grey" => Err(Refusal::greylisted()),
                _ if local.starts_with("user") => Ok(4),
                _ => Err(Refusal::no_such_user()),
            },
            Host::Literal(address) if address.to_string() == "192.0.2.1" => Ok(1),
            Host::Literal(_) => Err(Refusal::no_such_host()),
            Host::Domain(_) if sender.authenticated.is_some() || self.trusted => Ok(99),
            Host::Domain(_) => Err(Refusal::relay_denied()),
        }
    }

    fn deliver(&mut self, envelope: Envelope) -> Result<Delivered, Refusal> {
        let results = envelope.recipients.iter().map(|recipient| match recipient.path.to_string().as_str() {
            "refused@example.org" => Err(Refusal::policy("looks like spam")),
            "down@example.org" => Err(Refusal::temporary()),
            _ => Ok(()),
        });
        let results: Vec<_> = results.collect();
        if let [Err(refusal)] = results.as_slice() {
            return Err(refusal.clone());
        }
        self.delivered.push(envelope);
        Ok(Delivered { id: format!("m{}", self.delivered.len()), results })
    }

    /// `E: delivered 1 with TEXT`: as many messages came, and the last one's body is TEXT, escaped.
    /// `E: protocol P`, `E: recipients A B`, `E: sender A`: so it is with the last one.
    fn expect(&self, event: &str) {
        let (what, rest) = event.split_once(' ').unwrap_or((event, ""));
        let last = self.delivered.last();
        match what {
            "delivered" => {
                let (count, body) = rest.split_once(" with ").unwrap_or((rest, ""));
                assert_eq!(self.delivered.len().to_string(), count, "messages delivered");
                if let Some(last) = last.filter(|_| rest.contains(" with ")) {
                    assert_eq!(last.body.escape_ascii().to_string(), body);
                }
            }
            "protocol" => assert_eq!(last.expect("a message").protocol, rest),
            "sender" => assert_eq!(last.expect("a message").sender.path.to_string(), rest),
            "recipients" => {
                let paths = last.expect("a message").recipients.iter().map(|r| r.path.to_string());
                assert_eq!(paths.collect::<Vec<_>>().join(" "), rest);
            }
            other => panic!("this world knows no event {other}"),
        }
    }
}
