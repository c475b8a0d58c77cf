//! The protocol crates' scripted dialogues, over sockets against the real server.
//!
//! Those are replayed whose made-up world can be built here: the same host name, domain and users.
//! What needs a moved clock, other limits or a world that fails stays with the crates' own tests.

use crate::accounts::base64;
use crate::server::{Server, setup};
use crate::talk::Talk;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transcript::{Cut, Peer, Script, Step, replay};

/// A reply that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(3);

/// A client of the real server.
struct SocketPeer {
    talk: Option<Talk>,
    certificate: PathBuf,
}

impl SocketPeer {
    fn new(mut talk: Talk, server: &Server) -> SocketPeer {
        talk.patience(PATIENCE);
        SocketPeer { talk: Some(talk), certificate: server.certificate() }
    }

    fn talk(&mut self) -> &mut Talk {
        self.talk.as_mut().unwrap()
    }
}

impl Peer for SocketPeer {
    fn send(&mut self, bytes: &[u8]) {
        self.talk().send(bytes);
    }

    fn receive_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let line = self.talk().next_line()?;
            if !is_of_the_mailbox(&line) {
                return Some(line.into_bytes());
            }
        }
    }

    fn is_closed(&mut self) -> bool {
        self.talk().is_closed()
    }

    fn advance(&mut self, time: Duration) {
        panic!("the real clock cannot be moved by {time:?}");
    }

    fn start_tls(&mut self) {
        let talk = self.talk.take().unwrap();
        self.talk = Some(talk.start_tls(&self.certificate));
    }

    /// What scripts say of the made-up world is checked there.
    fn event(&mut self, _event: &str) {}
}

/// A script of a crate, with these texts replaced in what is sent.
fn script(krate: &str, name: &str, replaced: &[(&str, String)]) -> Script {
    let path = format!("../{krate}/transcripts/{name}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut script = Script::parse(&format!("{krate}/{name}"), &text);
    script.steps.retain(|(_, step)| !matches!(step, Step::Expect(line) if krate == "imap" && is_of_the_mailbox(line)));
    for (_, step) in &mut script.steps {
        match step {
            Step::Send(bytes) => {
                if let Ok(text) = std::str::from_utf8(bytes) {
                    let text = replaced.iter().fold(text.to_string(), |text, (from, to)| text.replace(from, to));
                    *bytes = text.into_bytes();
                }
            }
            // The made-up towns number their messages.
            Step::Expect(pattern) => {
                *pattern = pattern.replace(" m1 accepted", " … accepted").replace(" m2 accepted", " … accepted");
                if krate == "imap" { *pattern = loosened(pattern); }
            }
            _ => {}
        }
    }
    script
}

/// Lines in which a made-up mailbox and a real one differ: they are not compared.
fn is_of_the_mailbox(line: &str) -> bool {
    let codes = ["PERMANENTFLAGS", "UNSEEN", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"];
    line.starts_with("* FLAGS ")
        || line.starts_with("* ") && line.ends_with(" RECENT")
        || codes.iter().any(|code| line.starts_with(&format!("* OK [{code} ")))
}

/// The pattern without the words that a store chooses: texts for people, UIDVALIDITY.
fn loosened(pattern: &str) -> String {
    let mut words = pattern.splitn(3, ' ');
    let [tag, kind, rest] = [(); 3].map(|()| words.next().unwrap_or_default());
    match (kind, rest.strip_prefix('[')) {
        ("OK" | "NO" | "BAD", Some(code)) => {
            let code = code.split([' ', ']']).next().unwrap_or_default();
            format!("{tag} {kind} [{code}…")
        }
        ("OK" | "NO" | "BAD", None) => format!("{tag} {kind} …"),
        _ => pattern.to_string(),
    }
}

#[test]
fn discover() {
    let server = setup().plaintext().limit("message_size_max_bytes = 100_000").start();
    let strict = setup().limit("message_size_max_bytes = 100_000").start();
    let names = |krate: &str| -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{krate}/transcripts"));
        let mut names: Vec<String> = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path().file_stem().unwrap().to_str().unwrap().to_string()).collect();
        names.sort();
        names
    };
    for s in [&server, &strict] {
        s.cli(&["account", "remove", "alice@example.org", "--yes"]).ok();
        let mut lines = "alice@example.org:wonderland\nfull@example.org:x\njörg@example.org:x\n".to_string();
        for krate in ["pop3", "imap"] {
            for name in names(krate) {
                lines.push_str(&format!("{krate}.{name}@example.org:secret\n"));
            }
        }
        for n in 0..40 { lines.push_str(&format!("user{n}@example.org:$5$saltsalt$vVyZ3sSMuTbxQpNwDHzVqzKCWz3gPcyfLeyVmMHpHkA\n")); }
        s.cli_with(&["account", "import", "-"], &lines).ok();
        s.cli(&["account", "quota", "full@example.org", "0"]).ok();
    }
    for krate in ["smtp", "pop3", "imap"] {
        for name in names(krate) {
            let account = format!("{krate}.{name}@example.org");
            let replaced: Vec<(&str, String)> = match krate {
                "smtp" => vec![("AGFsaWNlAHdvbmRlcmxhbmQ=", base64("\0alice@example.org\0wonderland")), ("YWxpY2U=", base64("alice@example.org"))],
                _ => vec![("AGFsaWNlAHNlY3JldA==", base64(&format!("\0{account}\0secret"))), ("YWxpY2U=", base64(&account)), ("LOGIN alice", format!("LOGIN {account}")), ("USER alice", format!("USER {account}")), ("LOGIN \"alice\"", format!("LOGIN \"{account}\""))],
            };
            let script = script(krate, &name, &replaced);
            let bad = script.steps.iter().any(|(_, s)| matches!(s, Step::Wait(_)) || matches!(s, Step::Event(e) if !["delivered","protocol","recipients","sender","removed","read","failed"].contains(&e.split(' ').next().unwrap())));
            let known = script.settings.keys().all(|k| ["service","tls","plaintext"].contains(&k.as_str()));
            if bad || !known { eprintln!("SKIP {krate}/{name} {:?}", script.settings); continue; }
            let s = if krate == "imap" || script.setting("plaintext", "off") == "on" { &server } else { &strict };
            let tls = script.setting("tls", "off") == "on";
            let service = match (krate, script.setting("service", "mx"), tls) {
                ("smtp", "mx", false) => "smtp",
                ("smtp", "lmtp", false) => "lmtp",
                ("smtp", "submission", false) => "submission",
                ("smtp", "submission", true) => "submissions",
                ("pop3", _, false) => "pop3",
                ("pop3", _, true) => "pop3s",
                ("imap", _, false) => "imap",
                ("imap", _, true) => "imaps",
                _ => { eprintln!("SKIP {krate}/{name} {:?}", script.settings); continue; }
            };
            let mut messages: Vec<(String, &str)> = Vec::new();
            if krate == "pop3" {
                for m in ["From: bob@example.org\r\nSubject: Dots\r\n\r\n.\r\n..two\r\nplain\r\n.end\r\n", "From: bob@example.org\r\nSubject: Nothing\r\n\r\n", "From: José <jose@example.org>\r\nSubject: Grüße\r\n\r\nHi.\r\n"] { messages.push((m.to_string(), "")); }
            } else if krate == "imap" {
                for (s, b, f) in [("Lunch", "At noon?\r\n", "\\Seen"), ("Report", "Figures are attached.\r\n", "\\Flagged"), ("Lunch again", "Tomorrow?\r\n", "$Junk")] {
                    messages.push((format!("From: Bob <bob@example.org>\r\nSubject: {s}\r\n\r\n{b}"), f));
                }
            }
            if !messages.is_empty() {
                let mut imap = s.talk("imap").inside_starttls(&s.certificate(), "a STARTTLS");
                imap.imap(&format!("l LOGIN {account} secret"), "OK");
                for (m, f) in messages {
                    imap.say(&format!("b APPEND INBOX ({f}) \" 1-Jan-1970 00:00:00 +0000\" {{{}+}}", m.len()));
                    imap.send(m.as_bytes());
                    imap.say(""); while !imap.line().starts_with("b ") {}
                }
            }
            if krate == "imap" {
                let mut imap = s.talk("imap").inside_starttls(&s.certificate(), "a STARTTLS");
                imap.imap(&format!("l LOGIN {account} secret"), "OK");
                imap.imap("s SELECT INBOX", "OK");
            }
            let mut talk = s.talk(service);
            if tls { talk = talk.start_tls(&s.certificate()); }
            let mut peer = SocketPeer::new(talk, s);
            match replay(&script, &mut peer, Cut::Nowhere) {
                Ok(()) => eprintln!("PASS {krate}/{name}"),
                Err(m) => eprintln!("FAIL {krate}/{name} {m}"),
            }
        }
    }
}
