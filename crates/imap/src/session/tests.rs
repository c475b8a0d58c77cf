use super::*;
use proptest::prelude::*;
use std::time::Duration;
use wire::{Budget, Session as _};

fn settings() -> Settings {
    Settings {
        hostname: "mx.example.org".into(),
        tls: TlsState::Available,
        bindings: Vec::new(),
        allow_plaintext: true,
        message_max_bytes: 10_000_000,
        budget: Budget::new(100_000_000),
    }
}

/// Answers as if all were well.
fn yes(ask: Ask) -> Answer {
    match ask {
        Ask::StartTls => Answer::Tls(Vec::new()),
        Ask::Nonce => Answer::Nonce(sasl::ServerNonce::from_random([7; 18])),
        Ask::Verify(pending) => Answer::Sasl(SaslAnswer::Step(pending.resume(true))),
        Ask::Scram(pending) => Answer::Sasl(SaslAnswer::Step(pending.resume_unknown(&[7; 32]))),
        Ask::Open { .. } => Answer::Opened(Opened::Yes),
        Ask::Idle => Answer::Idling,
        Ask::Run(run) => match run.command {
            Command::Select(select) => Answer::Done(Outcome::ok("selected").selected(select.read_only)),
            _ => Answer::Done(Outcome::ok("completed")),
        },
    }
}

/// A session, what it was sent and not yet consumed, and what it said.
struct Peer {
    session: Session,
    input: Input,
    said: Vec<u8>,
    closed: bool,
}

const START: Now = Now::from_millis(1000);

impl Peer {
    fn new(settings: Settings) -> Peer {
        let mut peer =
            Peer { session: Session::new(settings), input: Input::new(), said: Vec::new(), closed: false };
        peer.call(|session, _, out| session.start(START, out));
        peer.said.clear();
        peer
    }

    fn logged_in() -> Peer {
        let mut peer = Peer::new(settings());
        peer.send(b"l LOGIN alice secret\r\ns SELECT INBOX\r\n");
        assert!(peer.session.is_selected());
        assert_eq!(peer.session.user(), Some("alice"));
        peer.said.clear();
        peer
    }

    fn call(&mut self, enter: impl FnOnce(&mut Session, &mut Input, &mut Outputs<Ask>)) {
        if self.closed {
            return;
        }
        let mut out = Outputs::new();
        enter(&mut self.session, &mut self.input, &mut out);
        loop {
            self.said.extend(out.take_bytes());
            self.closed |= out.is_closed();
            let Some(ask) = out.take_ask() else { return };
            assert_eq!(self.session.deadline(), None, "nobody waits for the client");
            self.session.answer(START, yes(ask), &mut out);
            if !out.has_ask() && !out.is_closed() {
                self.session.input(START, &mut self.input, &mut out);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.input.push(bytes);
        self.call(|session, input, out| session.input(START, input, out));
    }

    /// What is said to `bytes`.
    fn says(&mut self, bytes: &[u8]) -> String {
        self.said.clear();
        self.send(bytes);
        String::from_utf8(self.said.clone()).expect("answers are ASCII")
    }
}

#[test]
fn words_behind_starttls_end_the_connection() {
    // RFC 9051 §6.2.1: they may have been put there by somebody in between.
    let mut peer = Peer::new(settings());
    let said = peer.says(b"a STARTTLS\r\nb LOGIN alice secret\r\n");
    assert_eq!(said, "a BAD Data behind STARTTLS\r\n* BYE [CLIENTBUG] Data behind STARTTLS\r\n");
    assert!(peer.closed && peer.input.is_empty());
}

#[test]
fn nothing_is_nested_before_login() {
    let mut peer = Peer::new(settings());
    let deep = format!("a SEARCH {}\r\n", "(".repeat(7000));
    assert_eq!(peer.says(deep.as_bytes()), "a BAD Command is only valid after login\r\n");
    let deep = "b ID ((((((((\r\n";
    assert!(peer.says(deep.as_bytes()).starts_with("b BAD Syntax error at byte 6"));
}

#[test]
fn a_stranger_may_send_little() {
    let line = |len: usize| format!("a ID ({})\r\n", "x".repeat(len - 9));
    let mut peer = Peer::new(settings());
    assert!(peer.says(line(limits::TEXT_BEFORE_LOGIN_MAX_BYTES).as_bytes()).starts_with("a BAD Syntax"));
    let mut long = Peer::new(settings());
    assert!(long.says(line(limits::TEXT_BEFORE_LOGIN_MAX_BYTES + 1).as_bytes()).starts_with("* BAD Line"));
    assert!(long.closed);
    // Four literals of 4096 bytes are more than a whole command may hold.
    let max = limits::LITERAL_BEFORE_LOGIN_MAX_BYTES;
    let literal = format!("{{{max}}}\r\n{}", "x".repeat(usize::try_from(max).unwrap()));
    let said = peer.says(format!("a ID ({literal}{literal}{literal} {{{max}}}\r\n").as_bytes());
    assert_eq!(said.matches("+ Ready").count(), 3);
    assert!(said.ends_with("a NO [TOOBIG] A literal of 4096 bytes is too large\r\n"), "{said}");
    let tag = "t".repeat(limits::TAG_LEN_MAX_BYTES);
    assert!(peer.says(format!("{tag} NOOP\r\n").as_bytes()).starts_with(&format!("{tag} OK")));
    assert!(peer.says(format!("{tag}t NOOP\r\n").as_bytes()).starts_with("* BAD"));
}

#[test]
fn a_user_may_send_much() {
    let mut peer = Peer::logged_in();
    let line = |len: usize| format!("a FETCH {} UID\r\n", &"1,".repeat(len)[..len - 14]);
    let said = peer.says(line(limits::TEXT_MAX_BYTES).as_bytes());
    assert!(said.starts_with("a NO [LIMIT] More than 100000 ranges in a set"), "{said}");
    let mut long = Peer::logged_in();
    assert!(long.says(line(limits::TEXT_MAX_BYTES + 1).as_bytes()).starts_with("* BAD Line"));
    assert!(long.closed);
    let max = limits::LITERAL_MAX_BYTES;
    assert!(peer.says(format!("a SELECT {{{}}}\r\n", max + 1).as_bytes()).starts_with("a NO [TOOBIG]"));
    let text = "x".repeat(usize::try_from(max).unwrap());
    let keys = format!(" TEXT {{{max}+}}\r\n{text}").repeat(64);
    let said = peer.says(format!("a SEARCH ALL{keys}\r\n").as_bytes());
    assert!(said.starts_with("a NO [TOOBIG]"), "{}", limits::LITERALS_TOTAL_MAX_BYTES);
    let keys = format!(" TEXT {{{max}+}}\r\n{text}").repeat(63);
    assert_eq!(peer.says(format!("b SEARCH ALL{keys}\r\n").as_bytes()), "b OK completed\r\n");
    let said = peer.says(format!("c NOOP {{{}+}}\r\n", limits::DISCARD_MAX_BYTES + 1).as_bytes());
    assert!(said.starts_with("* BYE [TOOBIG]") && peer.closed);
}

#[test]
fn memory_is_given_back() {
    let settings = settings();
    let budget = settings.budget.clone();
    let mut peer = Peer::new(settings);
    peer.send(b"l LOGIN {5+}\r\nalice secret\r\na APPEND INBOX {100000+}\r\n");
    peer.send(&[b'x'; 50_000]);
    assert!(budget.used_bytes() >= 100_000);
    peer.send(&[b'x'; 50_000]);
    peer.send(b"\r\n");
    assert_eq!(budget.used_bytes(), 0);
    peer.send(b"b APPEND INBOX {100+}\r\n");
    drop(peer);
    assert_eq!(budget.used_bytes(), 0);
}

#[test]
fn errors_without_end_end_the_session() {
    let mut peer = Peer::logged_in();
    for _ in 1..limits::BAD_IN_A_ROW_MAX {
        peer.send(b"a XYZZY\r\n");
    }
    peer.send(b"a NOOP\r\n");
    for _ in 1..limits::BAD_IN_A_ROW_MAX {
        peer.send(b"a XYZZY\r\n");
    }
    assert!(!peer.closed, "a good command in between counts");
    assert!(peer.says(b"a XYZZY\r\n").ends_with("* BYE Too many wrong commands\r\n"));
    assert!(peer.closed);
}

#[test]
fn a_mailbox_that_is_gone_is_deselected() {
    let mut peer = Peer::logged_in();
    let mut out = Outputs::new();
    peer.input.push(b"a NOOP\r\n");
    peer.session.input(START, &mut peer.input, &mut out);
    assert!(matches!(out.take_ask(), Some(Ask::Run(_))));
    let outcome = Outcome::no("Mailbox is gone").with_code(Code::NonExistent).deselected();
    peer.session.answer(START, Answer::Done(outcome), &mut out);
    assert_eq!(out.bytes(), b"a NO [NONEXISTENT] Mailbox is gone\r\n");
    assert!(!peer.session.is_selected());
}

#[test]
fn the_outside_can_end_a_session() {
    let mut peer = Peer::logged_in();
    let mut out = Outputs::new();
    peer.input.push(b"a NOOP\r\n");
    peer.session.input(START, &mut peer.input, &mut out);
    out.take_ask();
    peer.session.answer(START, Answer::Bye { code: None, text: "Account was removed".into() }, &mut out);
    assert_eq!(out.bytes(), b"* BYE Account was removed\r\n");
    assert!(out.is_closed());
    // An answer to a question that was not asked is our fault, and must not log anybody in.
    let mut peer = Peer::new(settings());
    let mut out = Outputs::new();
    peer.session.answer(START, Answer::Opened(Opened::Yes), &mut out);
    assert!(out.is_closed() && peer.session.user().is_none());
}

#[test]
fn news_reach_only_who_idles() {
    let mut peer = Peer::logged_in();
    let mut out = Outputs::new();
    assert!(!peer.session.news(START, b"* 5 EXISTS\r\n", &mut out));
    assert!(out.bytes().is_empty());
    peer.send(b"a IDLE\r\n");
    assert!(peer.session.is_idling());
    let later = START + (limits::IDLE_KEEPALIVE - Duration::from_secs(60));
    assert!(peer.session.news(later, b"* 5 EXISTS\r\n", &mut out));
    assert_eq!(out.bytes(), b"* 5 EXISTS\r\n");
    // News keep the connection alive as well as words do.
    assert_eq!(peer.session.deadline(), Some(START + limits::AUTOLOGOUT_TIMEOUT));
}

#[test]
fn messages_have_limits_of_their_own_and_mailbox_names_do_not() {
    for (command, expected) in [
        (&b"a APPEND INBOX {9}"[..], true),
        (b"a append {5}\r\nINBOX {9}", true),
        (b"a APPEND {5}", false),
        (b"a APPEND {5+}", false),
        (b"a APPEND", false),
        (b"a SEARCH APPEND {9}", false),
    ] {
        assert_eq!(is_message_literal(command), expected, "{}", String::from_utf8_lossy(command));
    }
}

/// Pieces that make up dialogues, good and bad.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => proptest::sample::select(vec![
            "a NOOP\r\n", "b LOGIN alice secret\r\n", "c SELECT INBOX\r\n", "d IDLE\r\n", "DONE\r\n", "e FETCH 1:* FLAGS\r\n",
            "f LOGIN {5}\r\nalice {6+}\r\nsecret\r\n", "g APPEND INBOX {3}\r\nabc\r\n", "h AUTHENTICATE PLAIN\r\n", "AGEAYg==\r\n",
            "*\r\n", "i LOGIN {99999}\r\n", "j ID NIL\r\n", "k ENABLE IMAP4REV2\r\n", "\r\n", "l CLOSE\r\n", "{3}\r\n", "m UID",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn answers_are_the_same_wherever_the_bytes_are_cut(bytes in pieces(), cuts in proptest::collection::vec(1usize..9, 0..60)) {
        let mut whole = Peer::new(settings());
        whole.send(&bytes);
        let mut cut = Peer::new(settings());
        let (mut rest, mut cuts) = (bytes.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            cut.send(piece);
            rest = later;
        }
        prop_assert_eq!(String::from_utf8_lossy(&whole.said), String::from_utf8_lossy(&cut.said));
        prop_assert_eq!(whole.closed, cut.closed);
        prop_assert_eq!(whole.session.is_idling(), cut.session.is_idling());
    }

    #[test]
    fn every_answer_line_is_whole(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut peer = Peer::new(settings());
        peer.send(&bytes);
        prop_assert!(peer.said.is_empty() || peer.said.ends_with(b"\r\n"));
    }
}
