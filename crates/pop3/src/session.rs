//! The session: its states, and what moves it from one to the next.

use crate::authorization::{Authorization, Next as Before};
use crate::command::{Line, Turn, quit};
use crate::login::Attempt;
use crate::octets::stand_in;
use crate::question::{Answer, Ask, Commit, Opening, Reading};
use crate::refusal::Refusal;
use crate::sending::{Sending, top_end};
use crate::settings::{
    AUTH_LINE_LEN_MAX_BYTES, COMMAND_LEN_MAX_BYTES, IDLE_MIN, OUTPUT_HIGH_BYTES, Settings,
};
use crate::transaction::{Next as During, Transaction};
use crate::{maildrop, reply};
use sasl::{ChannelBinding, Offer, Secret};
use std::mem;
use std::sync::Arc;
use wire::line::{LineEnd, LineError, LineReader};
use wire::{Input, Now, Outputs};

/// One POP3 connection, server side.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    pub(crate) offer: Offer,
    lines: LineReader,
    pub(crate) state: State,
    deadline: Now,
    /// When a login must have succeeded; `None` once it has.
    login_deadline: Option<Now>,
    bad_commands: u32,
    failed_logins: u32,
    commands_before_login: u32,
}

/// Where a session stands. Each state owns what belongs to it.
#[derive(Debug)]
pub(crate) enum State {
    /// Nobody is authenticated; commands are taken.
    Authorization(Authorization),
    /// The handshake was asked for.
    StartingTls,
    /// A login is under way.
    LoggingIn(Authorization, Attempt),
    /// The maildrop was asked for.
    Opening(Authorization),
    /// A maildrop is open; commands are taken.
    Transaction(Transaction),
    /// A message was asked for, for RETR or, with so many lines, TOP.
    Fetching(Transaction, Option<u64>),
    /// A reply is being sent; room for its rest was asked for.
    Sending(Transaction, Sending),
    /// QUIT: the removal was asked for. There is no way back.
    Update,
    /// All is said.
    Closed,
}

impl Session {
    /// A session that has not greeted yet.
    ///
    /// - `tls`: the channel bindings of a connection on which TLS is active from the start (port
    ///   995, RFC 8314 §3.3); `None` for one in the clear.
    pub fn new(settings: Arc<Settings>, tls: Option<Vec<ChannelBinding>>) -> Session {
        let offer = Offer {
            tls: tls.is_some(),
            bindings: tls.unwrap_or_default(),
            allow_plaintext: settings.allow_plaintext,
        };
        Session {
            settings,
            offer,
            lines: LineReader::new(AUTH_LINE_LEN_MAX_BYTES, LineEnd::CrLfOrLf),
            state: State::Authorization(Authorization::default()),
            deadline: Now::default(),
            login_deadline: None,
            bad_commands: 0,
            failed_logins: 0,
            commands_before_login: 0,
        }
    }

    /// Another session took over the maildrop because this one looked dead: ends it without the
    /// UPDATE state, so that nothing is deleted. To be called between questions only.
    pub fn superseded(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        self.end(Refusal::Superseded, out);
    }

    /// Whether a line from the client can be taken.
    fn is_listening(&self) -> bool {
        match &self.state {
            State::Authorization(_) | State::Transaction(_) => true,
            State::LoggingIn(_, attempt) => attempt.is_waiting_for_client(),
            _ => false,
        }
    }

    fn touch(&mut self, now: Now) {
        self.deadline = now + self.settings.limits.idle.max(IDLE_MIN);
    }

    fn line(&mut self, line: Result<Vec<u8>, LineError>, out: &mut Outputs<Ask>) {
        // The line may hold a password: it is overwritten when dropped.
        let line = line.map(Secret::new).map_err(|error| match error {
            LineError::TooLong => Refusal::LineTooLong,
            LineError::BareLf | LineError::BareCr | LineError::Nul => Refusal::BadLine,
        });
        let line = line.as_ref().map(Secret::expose).map_err(|refusal| *refusal);
        match mem::replace(&mut self.state, State::Closed) {
            State::Authorization(state) => self.command_before(state, line, out),
            State::LoggingIn(state, attempt) => self.response(state, attempt, line, out),
            State::Transaction(open) => self.command_during(open, line, out),
            other => self.state = other,
        }
    }

    fn command_before(
        &mut self,
        mut state: Authorization,
        line: Result<&[u8], Refusal>,
        out: &mut Outputs<Ask>,
    ) {
        self.commands_before_login += 1;
        if self.commands_before_login > self.settings.limits.commands_before_login_max {
            return self.end(Refusal::TooLongWithoutLogin, out);
        }
        let mut turn = Turn { settings: &self.settings, offer: &self.offer, out: out.bytes_mut() };
        let next =
            line.and_then(short_unless_auth).and_then(|command| command.run_before(&mut state, &mut turn));
        match next {
            Ok(Before::Stay) => self.state = State::Authorization(state),
            Ok(Before::StartTls) => self.ask(Ask::StartTls, State::StartingTls, out),
            Ok(Before::Verify { user, password }) => self.verify(state, user, password, out),
            Ok(Before::Authenticate { mechanism, initial }) => {
                let attempt = Attempt::Starting { mechanism, initial };
                self.ask(Ask::Nonce, State::LoggingIn(state, attempt), out);
            }
            Ok(Before::Close) => out.close(),
            Err(refusal) => self.refuse(refusal, State::Authorization(state), out),
        }
    }

    fn command_during(
        &mut self,
        mut open: Transaction,
        line: Result<&[u8], Refusal>,
        out: &mut Outputs<Ask>,
    ) {
        let mut turn = Turn { settings: &self.settings, offer: &self.offer, out: out.bytes_mut() };
        let next = line.and_then(Line::parse).and_then(|command| command.run_during(&mut open, &mut turn));
        match next {
            Ok(During::Stay) => self.state = State::Transaction(open),
            Ok(During::Send(sending)) => self.send(open, sending, out),
            Ok(During::Fetch { token, top_lines }) => {
                let ask = match top_lines {
                    Some(lines) => Ask::Top { token, lines },
                    None => Ask::Retrieve { token },
                };
                self.ask(ask, State::Fetching(open, top_lines), out);
            }
            Ok(During::Update) => {
                self.ask(Ask::Commit { deleted: open.into_deleted() }, State::Update, out);
            }
            Err(refusal) => self.refuse(refusal, State::Transaction(open), out),
        }
    }

    /// Writes what there is room for and asks for more room if that was not all.
    fn send(&mut self, open: Transaction, sending: Sending, out: &mut Outputs<Ask>) {
        match sending.write(&open, out.bytes_mut()) {
            Some(rest) => self.ask(Ask::Flush, State::Sending(open, rest), out),
            None => self.state = State::Transaction(open),
        }
    }

    fn opened(&mut self, state: Authorization, opening: Opening, out: &mut Outputs<Ask>) {
        let refusal = match opening {
            Opening::Opened(drop) => return self.enter(drop, state.utf8, out),
            Opening::InUse => Refusal::InUse,
            Opening::LoginDelay => Refusal::LoginDelay,
            Opening::Disabled => Refusal::Disabled,
            Opening::Unavailable => Refusal::Unavailable,
        };
        self.refuse(refusal, State::Authorization(state), out);
    }

    fn enter(&mut self, drop: maildrop::Maildrop, utf8: bool, out: &mut Outputs<Ask>) {
        let open = Transaction::new(drop, utf8);
        self.lines.set_len_max_bytes(COMMAND_LEN_MAX_BYTES);
        self.login_deadline = None;
        reply::ok(out.bytes_mut(), &format!("{} messages ({} octets)", open.left(), open.left_octets()));
        self.state = State::Transaction(open);
    }

    fn fetched(&mut self, open: Transaction, lines: Option<u64>, reading: Reading, out: &mut Outputs<Ask>) {
        let bytes = match reading {
            Reading::Bytes(bytes) => bytes,
            Reading::Gone => return self.refuse(Refusal::Gone, State::Transaction(open), out),
            Reading::Unavailable => return self.refuse(Refusal::Unavailable, State::Transaction(open), out),
        };
        let bytes = stand_in(&bytes, open.utf8).map_or(bytes, Arc::new);
        let end = match lines {
            Some(lines) => top_end(&bytes, lines),
            None => bytes.len(),
        };
        // The dot needs a line of its own: an unended last line grows by CRLF.
        let octets = if end == 0 || bytes[..end].ends_with(b"\n") { end } else { end + 2 };
        reply::ok(out.bytes_mut(), &format!("{octets} octets"));
        self.send(open, Sending::content(bytes, 0..end), out);
    }

    fn committed(&mut self, commit: Commit, out: &mut Outputs<Ask>) {
        match commit {
            Commit::Done => reply::ok(out.bytes_mut(), quit::FAREWELL),
            Commit::Failed => reply::err(out.bytes_mut(), Refusal::NotRemoved),
        }
        self.state = State::Closed;
        out.close();
    }

    fn tls_started(&mut self, bindings: Vec<ChannelBinding>) {
        self.offer.tls = true;
        self.offer.bindings = bindings;
        // RFC 2595 §4: nothing said in the clear counts any more.
        self.lines = LineReader::new(AUTH_LINE_LEN_MAX_BYTES, LineEnd::CrLfOrLf);
        self.state = State::Authorization(Authorization::default());
    }

    pub(crate) fn ask(&mut self, ask: Ask, state: State, out: &mut Outputs<Ask>) {
        out.ask(ask);
        self.state = state;
    }

    /// Answers `-ERR` and goes on in `state`, unless the client has used up its allowance.
    pub(crate) fn refuse(&mut self, refusal: Refusal, state: State, out: &mut Outputs<Ask>) {
        self.bad_commands += u32::from(refusal.is_misbehaviour());
        self.failed_logins += u32::from(refusal == Refusal::BadCredentials);
        if self.bad_commands >= self.settings.limits.bad_commands_max {
            return self.end(Refusal::TooManyBadCommands, out);
        }
        if self.failed_logins >= self.settings.limits.failed_logins_max {
            return self.end(Refusal::TooManyFailedLogins, out);
        }
        reply::err(out.bytes_mut(), refusal);
        self.state = state;
    }

    /// Answers `-ERR` and closes, deleting nothing. Inside a multi-line reply nothing can be said.
    pub(crate) fn end(&mut self, refusal: Refusal, out: &mut Outputs<Ask>) {
        if !matches!(mem::replace(&mut self.state, State::Closed), State::Sending(..)) {
            reply::err(out.bytes_mut(), refusal);
        }
        out.close();
    }
}

/// Lines before login may be as long as AUTH needs them, but commands other than AUTH may not.
fn short_unless_auth(line: &[u8]) -> Result<Line<'_>, Refusal> {
    let parsed = Line::parse(line);
    let is_auth = parsed.as_ref().is_ok_and(|command| command.verb() == "AUTH");
    if line.len() + 2 > COMMAND_LEN_MAX_BYTES && !is_auth { Err(Refusal::LineTooLong) } else { parsed }
}

impl wire::Session for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn start(&mut self, now: Now, out: &mut Outputs<Ask>) {
        self.touch(now);
        self.login_deadline = Some(now + self.settings.limits.login.max(IDLE_MIN));
        reply::ok(out.bytes_mut(), self.settings.greeting.as_str());
    }

    fn input(&mut self, now: Now, input: &mut Input, out: &mut Outputs<Ask>) {
        while self.is_listening() && !out.has_ask() && !out.is_closed() {
            let Some(line) = self.lines.next(input) else { return };
            // A whole command, not a byte, winds the timer up (RFC 1939 §3).
            self.touch(now);
            self.line(line, out);
            if matches!(self.state, State::StartingTls) {
                // What was sent behind STLS in the clear may come from somebody in between.
                input.clear();
            }
            if out.bytes().len() >= OUTPUT_HIGH_BYTES && !out.has_ask() && !out.is_closed() {
                out.ask(Ask::Flush);
            }
        }
    }

    fn answer(&mut self, now: Now, answer: Answer, out: &mut Outputs<Ask>) {
        self.touch(now);
        match (mem::replace(&mut self.state, State::Closed), answer) {
            (State::Authorization(state), Answer::Flushed) => self.state = State::Authorization(state),
            (State::Transaction(open), Answer::Flushed) => self.state = State::Transaction(open),
            (State::Sending(open, rest), Answer::Flushed) => self.send(open, rest, out),
            (State::StartingTls, Answer::TlsStarted(bindings)) => self.tls_started(bindings),
            (State::StartingTls, Answer::TlsFailed) => out.close(),
            (State::LoggingIn(state, attempt), answer) => self.login_answer(state, attempt, answer, out),
            (State::Opening(state), Answer::Maildrop(opening)) => self.opened(state, opening, out),
            (State::Fetching(open, lines), Answer::Content(reading)) => {
                self.fetched(open, lines, reading, out)
            }
            (State::Update, Answer::Committed(commit)) => self.committed(commit, out),
            (State::Closed, _) => out.close(),
            (state, _) => {
                self.state = state;
                self.end(Refusal::Unavailable, out);
            }
        }
    }

    fn deadline(&self) -> Option<Now> {
        let deadline = self.login_deadline.map_or(self.deadline, |login| login.min(self.deadline));
        (!matches!(self.state, State::Closed)).then_some(deadline)
    }

    /// The client is gone, or did not log in for too long: closes without a word and without the UPDATE state (RFC 1939 §3).
    fn expired(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        self.state = State::Closed;
        out.close();
    }

    fn stop(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        self.end(Refusal::Stopping, out);
    }
}
