//! A house of mail in memory: one user, alice, with the password secret and three messages.

use imap::flag::{Flags, Keyword, SystemFlags};
use imap::mailbox::MailboxName;
use imap::response;
use imap::seqmap::SeqMap;
use imap::set::NumberSet;
use imap::{Answer, Ask, Dialect, Enabled, Opened, Outcome, SaslAnswer, Session};
use std::collections::{BTreeMap, BTreeSet};
use transcript::{Reaction, World};
use wire::{Now, Outputs};

/// A message.
#[derive(Clone)]
pub struct Mail {
    pub flags: Flags,
    pub arrived: i64,
    pub modseq: u64,
    pub text: Vec<u8>,
}

/// A mailbox: messages by UID.
pub struct Mailbox {
    pub mails: BTreeMap<u32, Mail>,
    pub uid_next: u32,
    pub uid_validity: u32,
}

/// What the session has selected, as it was last told.
pub struct View {
    pub mailbox: MailboxName,
    pub map: SeqMap,
}

/// Everything.
pub struct House {
    pub boxes: BTreeMap<MailboxName, Mailbox>,
    pub subscribed: BTreeSet<MailboxName>,
    pub view: Option<View>,
    pub saved: NumberSet,
    pub modseq: u64,
    /// As the last command said.
    enabled: Enabled,
    uid_validity: u32,
}

impl House {
    pub fn new() -> House {
        let mut house = House {
            boxes: BTreeMap::new(),
            subscribed: BTreeSet::new(),
            view: None,
            saved: NumberSet::new(),
            modseq: 0,
            enabled: Enabled::default(),
            uid_validity: 0,
        };
        house.create(MailboxName::inbox());
        for (subject, body, system) in [
            ("Lunch", "At noon?\r\n", SystemFlags::SEEN),
            ("Report", "Figures are attached.\r\n", SystemFlags::FLAGGED),
            ("Lunch again", "Tomorrow?\r\n", SystemFlags::NONE),
        ] {
            let text = format!("From: Bob <bob@example.org>\r\nSubject: {subject}\r\n\r\n{body}");
            let flags = Flags { system, ..Flags::default() };
            house.add(&MailboxName::inbox(), flags, 0, text.into_bytes());
        }
        let entry = house.boxes.get_mut(&MailboxName::inbox()).expect("inbox").mails.get_mut(&3);
        entry.expect("third").flags.keywords.push(Keyword::new("$Junk").expect("a keyword"));
        house
    }

    pub fn create(&mut self, name: MailboxName) {
        self.uid_validity += 1;
        let mailbox = Mailbox { mails: BTreeMap::new(), uid_next: 1, uid_validity: self.uid_validity };
        self.boxes.insert(name, mailbox);
    }

    pub fn add(&mut self, name: &MailboxName, flags: Flags, arrived: i64, text: Vec<u8>) -> u32 {
        self.modseq += 1;
        let modseq = self.modseq;
        let mailbox = self.boxes.get_mut(name).expect("the mailbox");
        let uid = mailbox.uid_next;
        mailbox.uid_next += 1;
        mailbox.mails.insert(uid, Mail { flags, arrived, modseq, text });
        uid
    }

    /// The selected mailbox and the session's view of it.
    pub fn selected(&mut self) -> (&mut Mailbox, &mut View) {
        let view = self.view.as_mut().expect("a selected mailbox");
        (self.boxes.get_mut(&view.mailbox).expect("it exists"), view)
    }

    /// Tells what came and went since the last time.
    pub fn report(&mut self, dialect: Dialect, out: &mut Vec<u8>) {
        if self.view.is_none() {
            return;
        }
        let (mailbox, view) = self.selected();
        let gone: NumberSet = view.map.uids().filter(|uid| !mailbox.mails.contains_key(uid)).collect();
        view.map.expunge_all(&gone, |sequence| response::expunge(sequence, out));
        let before = view.map.len();
        for uid in mailbox.mails.keys() {
            view.map.append(*uid);
        }
        if view.map.len() > before {
            response::exists(view.map.len(), out);
            response::recent(0, dialect, out);
        }
    }
}

impl World<Session> for House {
    fn answer(&mut self, ask: Ask, out: &mut Vec<u8>) -> Reaction<Answer> {
        Reaction::Answer(match ask {
            Ask::StartTls => return Reaction::StartTls(Answer::Tls(Vec::new())),
            // The nonce of RFC 7677 §3, so that its example can be replayed.
            Ask::Nonce => {
                let nonce = sasl::ServerNonce::from_text("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
                Answer::Nonce(nonce.expect("a nonce"))
            }
            Ask::Verify(pending) if pending.user() == "down" => Answer::Sasl(SaslAnswer::Unavailable),
            Ask::Verify(pending) if pending.user() == "flood" => Answer::Sasl(SaslAnswer::Limit),
            Ask::Verify(pending) => {
                let known = ["alice", "busy", "barred", "ill"].contains(&pending.user());
                let matches = known && pending.password().expose() == b"secret";
                Answer::Sasl(SaslAnswer::Step(pending.resume(matches)))
            }
            Ask::Scram(pending) => Answer::Sasl(SaslAnswer::Step(if pending.user() == "user" {
                let salt = b"[m\x99h\x9d\x125\x8e\xec\xa0K\x14\x126\xfa\x81";
                let secret = sasl::ScramSecret::derive(b"pencil", salt, 4096);
                pending.resume(secret.expect("a secret"))
            } else {
                pending.resume_unknown(&[7; 32])
            })),
            Ask::Open { user } => Answer::Opened(match user.as_str() {
                "busy" => Opened::Limit,
                "barred" => Opened::Forbidden,
                "ill" => Opened::Unavailable,
                _ => Opened::Yes,
            }),
            Ask::Idle => {
                self.report(self.enabled.dialect(), out);
                Answer::Idling
            }
            Ask::Run(run) => {
                self.enabled = run.enabled;
                self.run(&run, out)
            }
        })
    }

    fn event(&mut self, event: &str, session: &mut Session, now: Now, out: &mut Outputs<Ask>) {
        match event {
            "mail" => {
                self.add(&MailboxName::inbox(), Flags::default(), 0, b"Subject: new\r\n\r\n\r\n".to_vec());
            }
            "expunge first" => {
                let mails = &mut self.boxes.get_mut(&MailboxName::inbox()).expect("inbox").mails;
                mails.pop_first();
            }
            "stop" => wire::Session::stop(session, now, out),
            _ => panic!("no such event: {event}"),
        }
        if session.is_idling() {
            let mut news = Vec::new();
            self.report(session.enabled().dialect(), &mut news);
            if !news.is_empty() {
                assert!(session.news(now, &news, out));
            }
        }
    }
}

/// The outcome most commands have.
pub fn done() -> Answer {
    Answer::Done(Outcome::ok("completed"))
}
