//! Whatever a server says and a network does, a client comes to an end of each piece of work.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use ftp::client::{
    Answer, Argument, Ask, Client, Moved, MovedEnd, Opens, Password, Settings, Stamp, Store, Tls, Work,
};
use proptest::prelude::*;
use wire::{Input, Now, Outputs, Session};

/// What servers say, well and badly.
const WORDS: [&str; 24] = [
    "220 ready",
    "120 wait",
    "234 go",
    "331 password",
    "332 account",
    "230 in",
    "211-Features\r\n SIZE\r\n MDTM\r\n MFMT\r\n REST STREAM\r\n MLST type;size;\r\n HASH SHA-256;MD5*\r\n211 End",
    "200 ok",
    "257 \"/\"",
    "229 (|||5001|)",
    "229 nonsense",
    "227 (127,0,0,1,19,137)",
    "227 (1,2,3)",
    "350 go on",
    "150 go",
    "226 done",
    "250-x\r\n type=file;size=1; x\r\n250 x",
    "213 7",
    "213 MD5 5d41402abc4b2a76b9719d911017c592 x",
    "425 no",
    "500 what",
    "550 no",
    "421 bye",
    "nonsense",
];

/// What a good server says to a command.
fn good_word(verb: &str) -> &'static str {
    match verb {
        "" => "220 ready",
        "AUTH" => "234 go",
        "USER" => "331 password",
        "PASS" => "230 in",
        "FEAT" => WORDS[6],
        "PWD" => "257 \"/\"",
        "EPSV" => "229 (|||5001|)",
        "PASV" => "227 (127,0,0,1,19,137)",
        "REST" | "RNFR" => "350 go on",
        "RETR" | "STOR" | "APPE" | "LIST" | "MLSD" => "150 go\r\n226 done",
        "MLST" => "250-x\r\n type=file;size=1; x\r\n250 x",
        "SIZE" => "213 7",
        "HASH" => "213 MD5 5d41402abc4b2a76b9719d911017c592 x",
        "QUIT" => "221 bye",
        _ => "200 ok",
    }
}

fn answer(ask: &Ask, choice: u8) -> Option<Answer> {
    let path = || Argument::new("/x").unwrap();
    let ends = [
        MovedEnd::Complete,
        MovedEnd::Enough,
        MovedEnd::Unopened,
        MovedEnd::Cut,
        MovedEnd::Stalled,
        MovedEnd::GivenUp,
        MovedEnd::Cancelled,
    ];
    Some(match ask {
        Ask::StartTls => Answer::Handshake(choice.is_multiple_of(4)),
        Ask::Connect { .. } => Answer::Connected(!choice.is_multiple_of(4)),
        Ask::Listen => {
            let address = if choice.is_multiple_of(2) { "192.0.2.1:5001" } else { "[2001:db8::1]:5001" };
            Answer::Listening((choice % 4 != 3).then(|| address.parse().unwrap()))
        }
        Ask::Transfer(_) => Answer::Moved(Moved { bytes: 1, end: ends[usize::from(choice) % ends.len()] }),
        Ask::Next(_) => Answer::Do(match choice % 12 {
            0 => Work::Retrieve { path: path(), from: 0, max_bytes: None },
            1 => Work::Retrieve { path: path(), from: 5, max_bytes: Some(7) },
            2 => Work::Store { path: path(), how: Store::Replace },
            3 => Work::Store { path: path(), how: Store::From(3) },
            4 => Work::Store { path: path(), how: Store::Append },
            5 => Work::List { path: path() },
            6 => Work::Look { path: path() },
            7 => Work::Digest { path: path() },
            8 => Work::Rename { from: path(), to: path() },
            9 => Work::SetModified { path: path(), at: Stamp::from_unix_seconds(0).unwrap() },
            10 => Work::Size { path: path() },
            _ => Work::Delete(path()),
        }),
        Ask::Ended(_) => return None,
    })
}

/// One session with its outside.
struct Play {
    client: Client,
    now: Now,
    input: Input,
    out: Outputs<Ask>,
    asked: Option<Ask>,
    verb: String,
}

impl Play {
    /// Takes what the session wants; each line that it sends must be one command.
    fn collect(&mut self) {
        let bytes = self.out.take_bytes();
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            assert!(line.ends_with(b"\r\n") && !line[..line.len() - 2].contains(&b'\r'), "{bytes:?}");
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some(line) = text.lines().last() {
            self.verb = line.split(' ').next().unwrap_or_default().to_string();
        }
        if let Some(ask) = self.out.take_ask() {
            assert!(self.asked.is_none(), "one question at a time");
            self.asked = Some(ask);
        }
    }

    fn is_over(&self) -> bool {
        self.out.is_closed()
    }

    fn answer(&mut self, choice: u8) {
        let Some(ask) = self.asked.take() else { return };
        let Some(answer) = answer(&ask, choice) else { return };
        self.client.answer(self.now, answer, &mut self.out);
        self.collect();
    }

    fn say(&mut self, text: &str) {
        self.input.push(text.as_bytes());
        self.input.push(b"\r\n");
        while self.asked.is_none() && !self.is_over() && !self.input.is_empty() {
            let before = self.input.len();
            self.client.input(self.now, &mut self.input, &mut self.out);
            self.collect();
            if self.input.len() == before {
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_session_ends(
        tls in 0usize..4,
        active in any::<bool>(),
        v4 in any::<bool>(),
        steps in proptest::collection::vec((0..WORDS.len(), any::<u8>()), 0..60),
    ) {
        let mut settings = Settings::new(Argument::new("u").unwrap(), Password::new("p").unwrap());
        settings.tls = [Tls::Require, Tls::Try, Tls::Off, Tls::Implicit][tls];
        settings.opens = if active { Opens::Server } else { Opens::Client };
        settings.peer_is_ipv4 = v4;
        let longest = settings.long_reply_timeout.max(settings.reply_timeout);
        let mut play = Play {
            client: Client::new(settings),
            now: Now::from_millis(1),
            input: Input::new(),
            out: Outputs::new(),
            asked: None,
            verb: String::new(),
        };
        play.client.start(play.now, &mut play.out);
        play.collect();
        for (word, choice) in steps {
            if play.is_over() {
                break;
            }
            if play.asked.is_some() {
                play.answer(choice);
            } else {
                // Mostly well, or no session would come far.
                play.say(if choice < 220 { good_word(&play.verb) } else { WORDS[word] });
            }
        }
        // The server says nothing more: within a few waits, each bounded, all is over.
        for _ in 0..20 {
            if play.is_over() {
                break;
            }
            if matches!(play.asked, Some(Ask::Next(_))) {
                play.asked = None;
                play.client.answer(play.now, Answer::Do(Work::Quit), &mut play.out);
                play.collect();
            } else if play.asked.is_some() {
                play.answer(3);
            } else {
                let deadline = play.client.deadline();
                prop_assert!(deadline.is_some(), "it waits for ever");
                let deadline = deadline.unwrap();
                prop_assert!(deadline <= play.now + longest);
                play.now = deadline;
                play.client.expired(play.now, &mut play.out);
                play.collect();
            }
        }
        prop_assert!(play.is_over(), "it never ends");
        prop_assert!(matches!(play.asked, Some(Ask::Ended(_))), "it says why it ended");
    }
}
