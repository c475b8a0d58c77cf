//! Dialogues from the client's side: what a server says, and what the client must say and do then.
//!
//! `S:` lines are the server's, `C:` what the client must send, and `E:` lines are questions and their
//! answers: `E: connect 5001 -> yes`. Each script is played with the server's words cut at every byte.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use ftp::client::{
    Answer, Argument, Ask, Client, Content, Direction, Done, Form, Moved, MovedEnd, Opens, Password,
    Settings, Stamp, Store, Tls, Transfer, Work,
};
use std::collections::VecDeque;
use std::path::Path;
use transcript::{Script, Step};
use wire::{Input, Now, Outputs, Session};

/// A client at work, and what it has said and asked that the script has not looked at yet.
struct Player {
    client: Client,
    now: Now,
    input: Input,
    out: Outputs<Ask>,
    asked: VecDeque<Ask>,
    sent: Vec<u8>,
}

impl Player {
    fn new(script: &Script) -> Player {
        let user = Argument::new(script.setting("user", "alice")).unwrap();
        let mut settings = Settings::new(user, Password::new("secret").unwrap());
        settings.tls = match script.setting("tls", "off") {
            "require" => Tls::Require,
            "try" => Tls::Try,
            "implicit" => Tls::Implicit,
            _ => Tls::Off,
        };
        settings.opens =
            if script.setting("opens", "client") == "server" { Opens::Server } else { Opens::Client };
        settings.peer_is_ipv4 = script.setting("peer", "v4") == "v4";
        settings.client_name = Argument::new("test").unwrap();
        let (client, now) = (Client::new(settings), Now::from_millis(1_000_000));
        let (input, out, asked, sent) = (Input::new(), Outputs::new(), VecDeque::new(), Vec::new());
        let mut player = Player { client, now, input, out, asked, sent };
        player.client.start(now, &mut player.out);
        player.collect();
        player
    }

    fn collect(&mut self) {
        self.sent.extend(self.out.take_bytes());
        self.asked.extend(self.out.take_ask());
    }

    /// Reads on where no question is open.
    fn read(&mut self) {
        while self.asked.is_empty() && !self.out.is_closed() && !self.input.is_empty() {
            let before = self.input.len();
            self.client.input(self.now, &mut self.input, &mut self.out);
            self.collect();
            if self.input.len() == before {
                return;
            }
        }
    }

    fn say(&mut self, text: &[u8], cut: usize) {
        let cut = cut.min(text.len());
        for piece in [&text[..cut], &text[cut..]] {
            self.input.push(piece);
            self.read();
        }
    }

    fn line(&mut self) -> Option<String> {
        let end = self.sent.windows(2).position(|pair| pair == b"\r\n")?;
        let line = String::from_utf8_lossy(&self.sent[..end]).into_owned();
        self.sent.drain(..end + 2);
        Some(line)
    }

    fn event(&mut self, event: &str, place: &str) {
        if event == "lost" {
            self.client.lost(&mut self.out);
            self.collect();
            return;
        }
        let (question, answer) = event.split_once(" -> ").unwrap_or((event, ""));
        let ask = self.asked.pop_front().unwrap_or_else(|| panic!("{place}: nothing was asked"));
        assert_eq!(show(&ask), question, "{place}");
        let unasked = matches!(ask, Ask::Next(_)) && !self.input.is_empty();
        if unasked {
            // As a driver does that finds bytes before it has sent a command.
            self.client.input(self.now, &mut self.input, &mut self.out);
            self.collect();
        } else if let Some(answer) = parse(answer, place) {
            self.client.answer(self.now, answer, &mut self.out);
            self.collect();
            self.read();
        }
    }

    fn wait(&mut self, time: std::time::Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.client.deadline().filter(|at| *at <= end && !self.out.is_closed()) {
            self.now = deadline;
            self.client.expired(self.now, &mut self.out);
            self.collect();
        }
        self.now = end;
    }
}

fn show(ask: &Ask) -> String {
    match ask {
        Ask::StartTls => "tls".to_string(),
        Ask::Connect { port } => format!("connect {port}"),
        Ask::Listen => "listen".to_string(),
        Ask::Transfer(Transfer { direction, protected, content, max_bytes }) => {
            let mut text = match (direction, content) {
                (Direction::Send, _) => "send",
                (_, Content::File) => "receive",
                (_, Content::Listing(Form::Machine)) => "receive facts",
                (_, Content::Listing(Form::Human)) => "receive lines",
            }
            .to_string();
            if *protected {
                text += " protected";
            }
            max_bytes.map_or(text.clone(), |max| format!("{text} max {max}"))
        }
        Ask::Next(Ok(done)) => match done {
            Done::Ready(server) => {
                let home = server.home.as_ref().map_or("-".to_string(), ToString::to_string);
                format!("ready secure={} protected={} home={home}", server.secure, server.protected)
            }
            Done::Moved(bytes) => format!("moved {bytes}"),
            Done::Listed => "listed".to_string(),
            Done::Facts(facts) => {
                let size = facts.size_bytes.map_or("-".to_string(), |size| size.to_string());
                let time = facts.modified.map_or("-".to_string(), |modified| modified.at.to_string());
                format!("facts {:?} {size} {time}", facts.kind)
            }
            Done::Digest(digest) => format!("digest {} {}", digest.algorithm, digest.hex),
            Done::Said(reply) => format!("said {reply}"),
        },
        Ask::Next(Err(error)) => format!("failed: {error}"),
        Ask::Ended(None) => "ended".to_string(),
        Ask::Ended(Some(error)) => format!("ended: {error}"),
    }
}

fn parse(answer: &str, place: &str) -> Option<Answer> {
    let words: Vec<&str> = answer.split(' ').collect();
    let path = |text: &str| Argument::new(text).unwrap();
    let work = |work| Some(Answer::Do(work));
    match words.as_slice() {
        [""] => None,
        ["shaken"] => Some(Answer::Handshake(true)),
        ["unshaken"] => Some(Answer::Handshake(false)),
        ["yes"] => Some(Answer::Connected(true)),
        ["no"] => Some(Answer::Connected(false)),
        ["at", address] => Some(Answer::Listening(Some(address.parse().unwrap()))),
        ["nowhere"] => Some(Answer::Listening(None)),
        ["moved", bytes, end] => {
            let end = match *end {
                "complete" => MovedEnd::Complete,
                "enough" => MovedEnd::Enough,
                "unopened" => MovedEnd::Unopened,
                "cut" => MovedEnd::Cut,
                "stalled" => MovedEnd::Stalled,
                "given-up" => MovedEnd::GivenUp,
                "cancelled" => MovedEnd::Cancelled,
                other => panic!("{place}: no such end: {other}"),
            };
            Some(Answer::Moved(Moved { bytes: bytes.parse().unwrap(), end }))
        }
        ["retr", file] => work(Work::Retrieve { path: path(file), from: 0, max_bytes: None }),
        ["retr", file, from] => {
            work(Work::Retrieve { path: path(file), from: from.parse().unwrap(), max_bytes: None })
        }
        ["retr", file, from, max] => {
            let (from, max_bytes) = (from.parse().unwrap(), Some(max.parse().unwrap()));
            work(Work::Retrieve { path: path(file), from, max_bytes })
        }
        ["stor", file] => work(Work::Store { path: path(file), how: Store::Replace }),
        ["stor", file, from] => {
            work(Work::Store { path: path(file), how: Store::From(from.parse().unwrap()) })
        }
        ["appe", file] => work(Work::Store { path: path(file), how: Store::Append }),
        ["list", folder] => work(Work::List { path: path(folder) }),
        ["look", at] => work(Work::Look { path: path(at) }),
        ["size", file] => work(Work::Size { path: path(file) }),
        ["digest", file] => work(Work::Digest { path: path(file) }),
        ["mkd", folder] => work(Work::MakeFolder(path(folder))),
        ["dele", file] => work(Work::Delete(path(file))),
        ["rename", from, to] => work(Work::Rename { from: path(from), to: path(to) }),
        ["touch", file, at] => {
            work(Work::SetModified { path: path(file), at: Stamp::parse(at.as_bytes()).unwrap() })
        }
        ["quit"] => work(Work::Quit),
        _ => panic!("{place}: no such answer: {answer}"),
    }
}

/// Plays a script with each of the server's lines cut after `cut` bytes.
fn play(script: &Script, cut: usize) {
    let mut player = Player::new(script);
    for (line, step) in &script.steps {
        let place = format!("{}:{line} (cut at {cut})", script.name);
        match step {
            // The runs of S: lines in one packet are written with `\r\n` between them.
            Step::Expect(text) => {
                let text = text.replace("\\r\\n", "\r\n").replace("\\0", "\0");
                player.say(&[text.as_bytes(), b"\r\n"].concat(), cut);
            }
            Step::Send(text) => {
                let text = String::from_utf8_lossy(text).trim_end().to_string();
                assert_eq!(player.line(), Some(text), "{place}; asked: {:?}", player.asked);
            }
            Step::Event(event) => player.event(event, &place),
            Step::Wait(time) => player.wait(*time),
            Step::ExpectClosed => {
                assert!(player.out.is_closed(), "{place}: not closed");
                assert_eq!(player.line(), None, "{place}");
            }
            Step::StartTls => panic!("{place}: say `E: tls -> shaken`"),
        }
    }
    assert_eq!(player.line(), None, "{}: said more", script.name);
    assert_eq!(player.asked.front().map(show), None, "{}: asked more", script.name);
}

#[test]
fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    let mut count = 0;
    for (name, text) in SCRIPTS {
        let script = Script::parse(&folder.join(name).display().to_string(), text);
        // Whether bytes came before or after a question can be what a script is about.
        let cuts = if script.setting("cut", "everywhere") == "nowhere" { 1 } else { 60 };
        for cut in 0..cuts {
            play(&script, cut);
        }
        count += 1;
    }
    assert!(count > 0);
}

/// All scripts, read when the test is built: the crates of protocols touch no file.
const SCRIPTS: &[(&str, &str)] = &[
    ("login.txt", include_str!("client/login.txt")),
    ("login-tls.txt", include_str!("client/login-tls.txt")),
    ("login-tls-try.txt", include_str!("client/login-tls-try.txt")),
    ("login-tls-refused.txt", include_str!("client/login-tls-refused.txt")),
    ("login-tls-injected.txt", include_str!("client/login-tls-injected.txt")),
    ("login-refused.txt", include_str!("client/login-refused.txt")),
    ("login-account.txt", include_str!("client/login-account.txt")),
    ("greeting-closing.txt", include_str!("client/greeting-closing.txt")),
    ("greeting-other.txt", include_str!("client/greeting-other.txt")),
    ("greeting-silent.txt", include_str!("client/greeting-silent.txt")),
    ("transfer.txt", include_str!("client/transfer.txt")),
    ("transfer-active.txt", include_str!("client/transfer-active.txt")),
    ("transfer-active-v6.txt", include_str!("client/transfer-active-v6.txt")),
    ("transfer-bad-servers.txt", include_str!("client/transfer-bad-servers.txt")),
    ("transfer-bad-v6.txt", include_str!("client/transfer-bad-v6.txt")),
    ("transfer-closing.txt", include_str!("client/transfer-closing.txt")),
    ("transfer-silent.txt", include_str!("client/transfer-silent.txt")),
    ("transfer-abort.txt", include_str!("client/transfer-abort.txt")),
    ("transfer-abort-silent.txt", include_str!("client/transfer-abort-silent.txt")),
    ("unasked.txt", include_str!("client/unasked.txt")),
    ("inquiry.txt", include_str!("client/inquiry.txt")),
    ("inquiry-old.txt", include_str!("client/inquiry-old.txt")),
    ("digest.txt", include_str!("client/digest.txt")),
];
