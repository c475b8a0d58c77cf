//! A session against naive models, with arbitrary commands and arbitrary bytes.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use pop3::{
    Answer, Ask, Commit, Maildrop, Message, Opening, Reading, ScramLookup, Session, Settings, Token,
    UniqueId, Verdict,
};
use proptest::prelude::*;
use sasl::ServerNonce;
use std::sync::Arc;
use wire::dot::DotReader;
use wire::{Input, Now, Outputs, Session as _};

/// How much may wait to be sent at most: the mark, one reply line and one piece of a reply.
const OUTPUT_MAX_BYTES: usize = pop3::settings::OUTPUT_HIGH_BYTES * 2 + 1024;

/// A session with a driver that answers everything, and what it has seen.
struct Driven {
    session: Session,
    contents: Vec<Vec<u8>>,
    input: Input,
    sent: Vec<u8>,
    committed: Option<Vec<Token>>,
    closed: bool,
}

impl Driven {
    fn new(contents: Vec<Vec<u8>>) -> Driven {
        let mut settings = Settings::new("mx.example.org").unwrap();
        settings.allow_plaintext = true;
        settings.limits.bad_commands_max = u32::MAX;
        settings.limits.failed_logins_max = u32::MAX;
        settings.limits.commands_before_login_max = u32::MAX;
        let session = Session::new(Arc::new(settings), None);
        let (input, sent) = (Input::new(), Vec::new());
        let mut driven = Driven { session, contents, input, sent, committed: None, closed: false };
        let mut out = Outputs::new();
        driven.session.start(Now::default(), &mut out);
        driven.carry_out(&mut out);
        driven
    }

    /// One that has logged in.
    fn open(contents: Vec<Vec<u8>>, utf8: bool) -> Driven {
        let mut driven = Driven::new(contents);
        driven.send(if utf8 { b"UTF8\r\n" } else { b"LANG en\r\n" });
        driven.send(b"USER alice\r\nPASS secret\r\n");
        driven.sent.clear();
        driven
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.closed {
            return;
        }
        self.input.push(bytes);
        let mut out = Outputs::new();
        self.session.input(Now::default(), &mut self.input, &mut out);
        self.carry_out(&mut out);
    }

    fn carry_out(&mut self, out: &mut Outputs<Ask>) {
        loop {
            assert!(out.bytes().len() <= OUTPUT_MAX_BYTES, "{} bytes wait", out.bytes().len());
            self.sent.extend(out.take_bytes());
            let Some(ask) = out.take_ask() else { break };
            let answer = self.answer(ask);
            self.session.answer(Now::default(), answer, out);
            if !out.has_ask() && !out.is_closed() {
                self.session.input(Now::default(), &mut self.input, out);
            }
        }
        self.closed |= out.is_closed();
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Flush => Answer::Flushed,
            Ask::StartTls => Answer::TlsStarted(Vec::new()),
            Ask::Nonce => Answer::Nonce(ServerNonce::from_random([1; 18])),
            Ask::Verify { .. } => Answer::Verified(Verdict::Accepted),
            Ask::ScramSecret { .. } => Answer::Scram(ScramLookup::Unknown([1; 32])),
            Ask::LoginFailed { .. } => Answer::Noted,
            Ask::OpenMaildrop { .. } => Answer::Maildrop(Opening::Opened(self.maildrop())),
            Ask::Retrieve { token } | Ask::Top { token, .. } => Answer::Content(Reading::Bytes(Arc::new(
                pop3::canonical(self.contents[token.0 as usize].clone()),
            ))),
            Ask::Commit { deleted } => {
                self.committed = Some(deleted);
                Answer::Committed(Commit::Done)
            }
        }
    }

    fn maildrop(&self) -> Maildrop {
        let message = |(at, content): (usize, &Vec<u8>)| {
            let pop3::Sizes { octets, surrogate_octets } = pop3::sizes(content);
            let unique_id = UniqueId::new(&format!("u{at}")).unwrap();
            Message { token: Token(at as u64), unique_id, size_octets: octets, surrogate_octets }
        };
        Maildrop { messages: self.contents.iter().enumerate().map(message).collect() }
    }

    /// Sends a command and takes its single-line reply.
    fn line(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n").as_bytes());
        let at = self.sent.windows(2).position(|pair| pair == b"\r\n").expect("a reply");
        let line = String::from_utf8(self.sent[..at].to_vec()).unwrap();
        self.sent.drain(..at + 2);
        line
    }

    /// Sends a command and takes its multi-line reply, unstuffed.
    fn lines(&mut self, command: &str) -> (String, Vec<u8>) {
        let first = self.line(command);
        let (mut input, mut body) = (Input::new(), Vec::new());
        input.push(&self.sent);
        let end = DotReader::new(u64::MAX, 998).read(&mut input, |bytes| body.extend_from_slice(bytes));
        assert!(end.is_some() && input.is_empty());
        self.sent.clear();
        (first, body)
    }
}

/// The same by the plainest means.
struct Naive {
    messages: Vec<(u64, bool)>,
}

impl Naive {
    fn find(&mut self, number: usize) -> Option<&mut (u64, bool)> {
        self.messages.get_mut(number.checked_sub(1)?).filter(|(_, marked)| !marked)
    }

    fn stat(&self) -> String {
        let left = self.messages.iter().filter(|(_, marked)| !marked);
        format!("+OK {} {}", left.clone().count(), left.map(|(size, _)| size).sum::<u64>())
    }

    fn listing(&self, show: impl Fn(usize, u64) -> String) -> String {
        let left = self.messages.iter().enumerate().filter(|(_, (_, marked))| !marked);
        left.map(|(at, (size, _))| format!("{} {}\r\n", at + 1, show(at, *size))).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Dele(usize),
    Rset,
    Stat,
    List(Option<usize>),
    Uidl(Option<usize>),
    Retr(usize),
    Noop,
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0usize..8;
    prop_oneof![
        4 => number().prop_map(Step::Dele),
        1 => Just(Step::Rset),
        2 => Just(Step::Stat),
        3 => prop::option::of(number()).prop_map(Step::List),
        3 => prop::option::of(number()).prop_map(Step::Uidl),
        2 => number().prop_map(Step::Retr),
        1 => Just(Step::Noop),
    ]
}

fn check(driven: &mut Driven, naive: &mut Naive, step: &Step) {
    match step {
        Step::Dele(number) => {
            let found = naive.find(*number).map(|message| message.1 = true).is_some();
            assert_eq!(driven.line(&format!("DELE {number}")).starts_with("+OK"), found);
        }
        Step::Rset => {
            naive.messages.iter_mut().for_each(|message| message.1 = false);
            assert!(driven.line("RSET").starts_with("+OK"));
        }
        Step::Stat => assert_eq!(driven.line("STAT"), naive.stat()),
        Step::List(None) => {
            let expected = naive.listing(|_, size| size.to_string());
            assert_eq!(driven.lines("LIST").1, expected.as_bytes());
        }
        Step::Uidl(None) => {
            let expected = naive.listing(|at, _| format!("u{at}"));
            assert_eq!(driven.lines("UIDL").1, expected.as_bytes());
        }
        Step::List(Some(number)) => {
            let got = driven.line(&format!("LIST {number}"));
            let found = naive.find(*number).map(|(size, _)| format!("+OK {number} {size}"));
            assert_eq!(got.starts_with("+OK").then_some(got), found);
        }
        Step::Uidl(Some(number)) => {
            let got = driven.line(&format!("UIDL {number}"));
            let found = naive.find(*number).map(|_| format!("+OK {number} u{}", number - 1));
            assert_eq!(got.starts_with("+OK").then_some(got), found);
        }
        Step::Retr(number) => match naive.find(*number).copied() {
            None => assert!(driven.line(&format!("RETR {number}")).starts_with("-ERR")),
            Some((size, _)) => {
                let (first, body) = driven.lines(&format!("RETR {number}"));
                assert_eq!(first, format!("+OK {size} octets"));
                assert_eq!(body, driven.contents[number - 1]);
            }
        },
        Step::Noop => assert!(driven.line("NOOP").starts_with("+OK")),
    }
}

/// Text of lines ended by CRLF, with many dots.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof!["[.a]{0,4}", "Subject: [aé.]{0,5}", Just(String::new())];
    prop::collection::vec(line, 1..6)
        .prop_map(|lines| lines.iter().map(|line| format!("{line}\r\n")).collect::<String>().into_bytes())
}

/// Messages as they are kept: any line ends, none at the end, headers that end nowhere or look as if they did.
fn kept() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[.a]{0,4}",
        "(Subject|To|X-é|Content-Type)?: ?[a<@>é\"; =]{0,9}",
        "\r?\n[ \t]{0,2}",
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
    ];
    let bytes = prop_oneof![4 => piece.prop_map(String::into_bytes), 1 => Just(vec![0xff, b'\n'])];
    prop::collection::vec(bytes, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn numbers_and_sizes_agree_with_the_model(
        contents in prop::collection::vec(content(), 0..6),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let messages = contents.iter().map(|content| (content.len() as u64, false)).collect();
        let (mut driven, mut naive) = (Driven::open(contents, true), Naive { messages });
        for step in &steps {
            check(&mut driven, &mut naive, step);
        }
        prop_assert_eq!(driven.line("QUIT"), "+OK Bye");
        let marked = naive.messages.iter().enumerate().filter(|(_, (_, marked))| *marked);
        let marked: Vec<Token> = marked.map(|(at, _)| Token(at as u64)).collect();
        prop_assert_eq!(driven.committed, Some(marked));
        prop_assert!(driven.closed);
    }

    #[test]
    fn list_tells_what_retr_sends(contents in prop::collection::vec(kept(), 1..4), utf8: bool) {
        let count = contents.len();
        let mut driven = Driven::open(contents, utf8);
        let mut total = 0;
        for number in 1..=count {
            let listed = driven.line(&format!("LIST {number}"));
            let (first, body) = driven.lines(&format!("RETR {number}"));
            prop_assert_eq!(listed, format!("+OK {number} {}", body.len()));
            prop_assert_eq!(first, format!("+OK {} octets", body.len()));
            total += body.len();
            prop_assert!(body.is_empty() || body.ends_with(b"\r\n"));
            let (_, whole) = driven.lines(&format!("TOP {number} 1000"));
            prop_assert_eq!(&whole, &body);
        }
        prop_assert_eq!(driven.line("STAT"), format!("+OK {count} {total}"));
    }

    #[test]
    fn top_is_header_blank_line_and_so_many_lines(content in content(), lines in 0usize..6) {
        let text = String::from_utf8(content.clone()).unwrap();
        let mut left = None;
        let expected: String = text.split_inclusive("\r\n").take_while(|line| {
            match &mut left {
                None if *line == "\r\n" => left = Some(lines),
                Some(0) => return false,
                Some(left) => *left -= 1,
                None => {}
            }
            true
        }).collect();
        let (_, body) = Driven::open(vec![content], true).lines(&format!("TOP 1 {lines}"));
        prop_assert_eq!(body, expected.into_bytes());
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
        let cut = cut.min(bytes.len());
        for mut driven in [Driven::new(vec![b"A: b\r\n\r\n".to_vec()]), Driven::open(vec![Vec::new()], false)] {
            driven.send(&bytes[..cut]);
            driven.send(&bytes[cut..]);
        }
    }

    #[test]
    fn arbitrary_commands_get_one_reply_line_each_of_legal_length(
        lines in prop::collection::vec(
            "(AUTH|CAPA|DELE|LANG|LIST|NOOP|PASS|RETR|RSET|STAT|STLS|TOP|UIDL|USER|UTF8|XTND|\\*|)( ?[-+=*A-Za-z0-9é]{0,6}){0,3}",
            0..30,
        ),
        logged_in: bool,
    ) {
        let contents = || vec![b"A: b\r\n\r\n.\r\n".to_vec(), b"A: \xc3\xa9\r\n".to_vec()];
        let mut driven = if logged_in { Driven::open(contents(), false) } else { Driven::new(contents()) };
        for line in &lines {
            driven.sent.clear();
            driven.send(format!("{line}\r\n").as_bytes());
            let first = driven.sent.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
            let legal = [&b"+OK"[..], b"-ERR", b"+ "].iter().any(|status| first.starts_with(status));
            prop_assert!(legal && first.ends_with(b"\r\n") && first.len() <= 512, "{line}: {first:?}");
            // RFC 2449 §3: a bracket begins a response code and stands nowhere else.
            let bracket = first.iter().rposition(|byte| *byte == b'[');
            prop_assert!(bracket.is_none_or(|at| at == 5 && first.starts_with(b"-ERR ")), "{first:?}");
        }
    }
}

#[test]
fn large_replies_leave_in_pieces_and_whole() {
    let body = ".0123456789 and more\r\n".repeat(20_000);
    let content = format!("Subject: Large\r\n\r\n{body}").into_bytes();
    let mut driven = Driven::open(vec![content.clone(); 2], false);
    let (first, got) = driven.lines("RETR 2");
    assert_eq!(first, format!("+OK {} octets", content.len()));
    assert!(got == content);
}

#[test]
fn pipelined_listings_of_a_large_maildrop_do_not_gather() {
    let mut driven = Driven::open(vec![b"A: b\r\n".to_vec(); 20_000], false);
    driven.send("LIST\r\nUIDL\r\nNOOP\r\n".repeat(20).as_bytes());
    let ends = driven.sent.windows(5).filter(|window| window == b"\r\n.\r\n").count();
    assert_eq!(ends, 40, "every listing came whole, none waits in memory");
}

#[test]
fn pipelined_short_replies_do_not_gather() {
    let mut driven = Driven::open(Vec::new(), false);
    driven.send("NOOP\r\n".repeat(50_000).as_bytes());
    assert_eq!(driven.sent.len(), "+OK Done\r\n".len() * 50_000);
}

#[test]
fn an_answer_that_was_not_asked_for_ends_the_session() {
    let mut settings = Settings::new("mx.example.org").unwrap();
    settings.allow_plaintext = true;
    let mut session = Session::new(Arc::new(settings), None);
    let (mut input, mut out) = (Input::new(), Outputs::new());
    session.start(Now::default(), &mut out);
    input.push(b"USER alice\r\nPASS secret\r\n");
    session.input(Now::default(), &mut input, &mut out);
    assert!(matches!(out.take_ask(), Some(Ask::Verify { .. })));
    out.take_bytes();
    session.answer(Now::default(), Answer::Committed(Commit::Done), &mut out);
    assert!(out.is_closed() && out.bytes().starts_with(b"-ERR [SYS/TEMP]"));
    assert_eq!(session.deadline(), None);
}

#[test]
fn timers_are_never_shorter_than_the_standard_allows() {
    let mut settings = Settings::new("mx.example.org").unwrap();
    settings.limits.idle = std::time::Duration::from_secs(1);
    settings.limits.login = std::time::Duration::from_secs(1);
    let mut session = Session::new(Arc::new(settings), None);
    session.start(Now::default(), &mut Outputs::new());
    assert_eq!(session.deadline(), Some(Now::default() + pop3::settings::IDLE_MIN));
}
