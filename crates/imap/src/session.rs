//! One connection: states, the order of commands, limits of time and memory.

mod idle;
mod login;
mod question;

pub use question::{Answer, Ask, Change, Enabled, Opened, Outcome, Run, SaslAnswer, Settings, TlsState};

use crate::capability;
use crate::command::{self, Command, Enable, Request, When};
use crate::cursor::{Cursor, Dialect, Tag};
use crate::error::Fault;
use crate::limits;
use crate::response::{self, Code, Condition};
use wire::literal::{CommandLimits, CommandReader, Step};
use wire::{Input, Now, Outputs, Share};

/// One IMAP connection, server side (RFC 9051 §3). Holds no socket, no store and reads no clock.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    offer: sasl::Offer,
    state: State,
    waiting: Waiting,
    enabled: Enabled,
    reader: CommandReader,
    /// Memory for the command that is arriving.
    share: Share,
    /// Why the literal that is being dropped was refused, if not for its size.
    no_memory: bool,
    bad_in_a_row: u32,
    active: Now,
}

/// How far the client has come.
#[derive(Debug)]
enum State {
    NotAuthenticated { opened: Now, failed_logins: u32, bad: u32 },
    Authenticated { user: String },
    Selected { user: String, read_only: bool },
    Closed,
}

/// Whose turn it is.
#[derive(Debug)]
enum Waiting {
    /// The client's: a command.
    Command,
    /// The client's: a line that answers a challenge.
    Challenge { tag: Tag, exchange: sasl::Exchange },
    /// The client's: DONE. `spoke` is when it was last sent anything.
    Done { tag: Tag, spoke: Now },
    /// The outside's: TLS.
    Tls,
    /// The outside's: a nonce.
    Nonce { tag: Tag, mechanism: sasl::Mechanism, initial: Option<sasl::Secret> },
    /// The outside's: a password or a SCRAM secret.
    Credentials { tag: Tag },
    /// The outside's: the account.
    Opening { tag: Tag, user: String },
    /// The outside's: news before idling begins.
    Idling { tag: Tag },
    /// The outside's: a command. `memory` is what its arguments take.
    Running { tag: Tag, ends_selection: bool, _memory: Share },
    /// The outside's: leaving the selected mailbox, for a command that then fails.
    Leaving { tag: Tag, fault: Fault },
}

impl Session {
    /// A session that has not greeted yet.
    pub fn new(settings: Settings) -> Session {
        let limits = CommandLimits {
            text_len_max_bytes: limits::TEXT_BEFORE_LOGIN_MAX_BYTES,
            discard_max_bytes: limits::DISCARD_BEFORE_LOGIN_MAX_BYTES,
        };
        Session {
            offer: settings.offer(Vec::new()),
            state: State::NotAuthenticated { opened: Now::default(), failed_logins: 0, bad: 0 },
            waiting: Waiting::Command,
            enabled: Enabled::default(),
            reader: CommandReader::new(limits),
            share: settings.budget.share(),
            no_memory: false,
            bad_in_a_row: 0,
            active: Now::default(),
            settings,
        }
    }

    /// What the client has enabled.
    pub fn enabled(&self) -> Enabled {
        self.enabled
    }

    /// Who has logged in.
    pub fn user(&self) -> Option<&str> {
        match &self.state {
            State::Authenticated { user } | State::Selected { user, .. } => Some(user),
            State::NotAuthenticated { .. } | State::Closed => None,
        }
    }

    /// Whether a mailbox is selected.
    pub fn is_selected(&self) -> bool {
        matches!(self.state, State::Selected { .. })
    }

    fn capabilities(&self) -> Vec<String> {
        let before_login = matches!(self.state, State::NotAuthenticated { .. });
        capability::list(self.settings.tls, before_login.then_some(&self.offer))
    }

    /// Says BYE and closes.
    pub fn bye(&mut self, code: Option<&Code>, text: &str, out: &mut Outputs<Ask>) {
        response::untagged(Condition::Bye, code, text, out.bytes_mut());
        self.state = State::Closed;
        self.waiting = Waiting::Command;
        out.close();
    }

    /// Waits for the client to speak?
    fn reads(&self) -> bool {
        matches!(self.waiting, Waiting::Command | Waiting::Challenge { .. } | Waiting::Done { .. })
            && !matches!(self.state, State::Closed)
    }

    fn next_step(&mut self, input: &mut Input) -> Option<Step> {
        let logged_in = self.user().is_some();
        let append_max = self.settings.message_max_bytes;
        let (share, no_memory) = (&mut self.share, &mut self.no_memory);
        self.reader.next(input, |command| {
            let max = literal_max_bytes(command, logged_in, append_max);
            let announced = announced_bytes(command);
            if announced > max {
                return max;
            }
            let total = usize::try_from(announced).unwrap_or(usize::MAX).saturating_add(command.len());
            *no_memory = !share.cover(total);
            if *no_memory { 0 } else { max }
        })
    }

    fn step(&mut self, step: Step, input: &mut Input, out: &mut Outputs<Ask>) {
        match step {
            Step::Command(line) => match std::mem::replace(&mut self.waiting, Waiting::Command) {
                Waiting::Challenge { tag, exchange } => self.challenge_answered(tag, exchange, &line, out),
                Waiting::Done { tag, .. } => self.idle_ended(&tag, &line, out),
                _ => self.command(line, input, out),
            },
            Step::Permit => response::continuation("Ready for literal data", out.bytes_mut()),
            Step::BadLine(before, _) => {
                let tag = self.tag_of(before);
                self.refuse(tag.as_ref(), &Fault::BadLine, out);
                // The line was not kept, so that nobody knows whether it announced a literal. Its
                // bytes, perhaps somebody else's message, must not be taken for commands.
                if !out.is_closed() {
                    self.bye(None, "Cannot tell where the next command begins", out);
                }
            }
            Step::LiteralTooLarge(before, size_bytes) => {
                let fault = if std::mem::take(&mut self.no_memory) {
                    Fault::NoMemory
                } else {
                    Fault::TooBig { size_bytes }
                };
                let tag = self.tag_of(before);
                self.refuse(tag.as_ref(), &fault, out);
            }
            Step::Undrainable => self.bye(Some(&Code::TooBig), "A literal is far too large", out),
        }
    }

    /// The tag to answer a broken command with: that of the exchange it broke, or its own.
    fn tag_of(&mut self, before: Vec<u8>) -> Option<Tag> {
        self.share = self.settings.budget.share();
        match std::mem::replace(&mut self.waiting, Waiting::Command) {
            Waiting::Challenge { tag, .. } | Waiting::Done { tag, .. } => Some(tag),
            _ => Cursor::new(before, Dialect::Rev1).tag(),
        }
    }

    fn command(&mut self, line: Vec<u8>, input: &mut Input, out: &mut Outputs<Ask>) {
        let memory = std::mem::replace(&mut self.share, self.settings.budget.share());
        let mut cursor = Cursor::new(line, self.enabled.dialect());
        let Some(tag) = cursor.tag() else {
            return self.refuse(None, &Fault::Syntax { at: 0, expected: "a tag and a command" }, out);
        };
        match self.parse(&mut cursor) {
            Ok(request) => {
                self.bad_in_a_row = 0;
                self.request((tag, memory), request, input, out);
            }
            Err(fault) => self.refuse(Some(&tag), &fault, out),
        }
    }

    fn parse(&self, cursor: &mut Cursor) -> Result<Request, Fault> {
        let (row, numbering) = command::find(cursor)?;
        let needs = match (row.when, &self.state) {
            (When::NotAuthenticated, State::NotAuthenticated { .. }) | (When::Any, _) => None,
            (When::NotAuthenticated, _) => Some("before login"),
            (_, State::NotAuthenticated { .. }) => Some("after login"),
            (When::Selected, State::Authenticated { .. }) => Some("with a mailbox selected"),
            _ => None,
        };
        if let Some(needs) = needs {
            return Err(Fault::WrongState { needs });
        }
        let request = (row.parse)(cursor, numbering)?;
        match (&request, &self.state) {
            (Request::Run(command), State::Selected { read_only: true, .. })
                if command.changes_selected() =>
            {
                Err(Fault::ReadOnly)
            }
            _ => Ok(request),
        }
    }

    fn request(
        &mut self,
        (tag, memory): (Tag, Share),
        request: Request,
        input: &mut Input,
        out: &mut Outputs<Ask>,
    ) {
        match request {
            Request::Capability => {
                response::capability(&self.capabilities(), out.bytes_mut());
                self.ok(&tag, None, "CAPABILITY completed", out);
            }
            Request::Logout => {
                response::untagged(Condition::Bye, None, "Logging out", out.bytes_mut());
                self.ok(&tag, None, "LOGOUT completed", out);
                self.state = State::Closed;
                out.close();
            }
            Request::Id(_) => {
                response::id(&[("name", "Posthouse")], out.bytes_mut());
                self.ok(&tag, None, "ID completed", out);
            }
            Request::StartTls => self.start_tls(tag, input, out),
            Request::Authenticate(authenticate) => self.authenticate(tag, authenticate, out),
            Request::Login(login) => self.login(tag, &login, out),
            Request::Enable(enable) => self.enable(&tag, enable, out),
            Request::Idle => self.idle(tag, out),
            Request::SelectNothing(error) => self.select_nothing(tag, Fault::Name(error), out),
            Request::Run(Command::Noop) if self.user().is_none() => {
                self.ok(&tag, None, "NOOP completed", out)
            }
            Request::Run(command) => self.run(tag, memory, command, out),
        }
    }

    fn enable(&mut self, tag: &Tag, enable: Enable, out: &mut Outputs<Ask>) {
        self.enabled.condstore |= enable.condstore;
        self.enabled.rev2 |= enable.rev2;
        let names = [(enable.condstore, "CONDSTORE"), (enable.rev2, "IMAP4rev2")];
        let names: Vec<&str> = names.iter().filter(|(asked, _)| *asked).map(|(_, name)| *name).collect();
        response::enabled(&names, out.bytes_mut());
        self.ok(tag, None, "ENABLE completed", out);
    }

    fn select_nothing(&mut self, tag: Tag, fault: Fault, out: &mut Outputs<Ask>) {
        if !self.is_selected() {
            return self.refuse(Some(&tag), &fault, out);
        }
        self.deselect(say_closed, out);
        let leave = Run { tag: tag.clone(), command: Command::Unselect, enabled: self.enabled };
        out.ask(Ask::Run(Box::new(leave)));
        self.waiting = Waiting::Leaving { tag, fault };
    }

    fn run(&mut self, tag: Tag, memory: Share, command: Command, out: &mut Outputs<Ask>) {
        self.enabled.condstore |= command.enables_condstore();
        if matches!(command, Command::Select(_)) {
            // RFC 9051 §6.3.2: the mailbox is closed even when the next cannot be opened.
            self.deselect(say_closed, out);
        }
        let ends_selection = matches!(command, Command::Close | Command::Unselect);
        out.ask(Ask::Run(Box::new(Run { tag: tag.clone(), command, enabled: self.enabled })));
        self.waiting = Waiting::Running { tag, ends_selection, _memory: memory };
    }

    /// Leaves the selected mailbox, if there is one, with some words.
    fn deselect(&mut self, say: impl FnOnce(&mut Outputs<Ask>), out: &mut Outputs<Ask>) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Selected { user, .. } => {
                say(out);
                State::Authenticated { user }
            }
            other => other,
        };
    }

    fn finished(&mut self, tag: &Tag, ends_selection: bool, outcome: &Outcome, out: &mut Outputs<Ask>) {
        let done = outcome.condition == Condition::Ok;
        match outcome.change {
            Change::Selected { read_only } => {
                self.state = match std::mem::replace(&mut self.state, State::Closed) {
                    State::Authenticated { user } | State::Selected { user, .. } => {
                        State::Selected { user, read_only }
                    }
                    other => other,
                };
            }
            Change::Deselected => self.deselect(|_| {}, out),
            Change::None if ends_selection && done => self.deselect(|_| {}, out),
            Change::None => {}
        }
        response::tagged(tag, outcome.condition, outcome.code.as_ref(), &outcome.text, out.bytes_mut());
    }

    fn ok(&self, tag: &Tag, code: Option<&Code>, text: &str, out: &mut Outputs<Ask>) {
        response::tagged(tag, Condition::Ok, code, text, out.bytes_mut());
    }

    /// Answers a command that is not carried out, and ends the connection after too many.
    fn refuse(&mut self, tag: Option<&Tag>, fault: &Fault, out: &mut Outputs<Ask>) {
        let (condition, code, text) = fault.to_status();
        match tag {
            Some(tag) => response::tagged(tag, condition, code.as_ref(), &text, out.bytes_mut()),
            None => response::untagged(Condition::Bad, code.as_ref(), &text, out.bytes_mut()),
        }
        self.bad_in_a_row += 1;
        let too_many = match &mut self.state {
            State::NotAuthenticated { bad, .. } => {
                *bad += 1;
                *bad >= limits::BAD_BEFORE_LOGIN_MAX
            }
            _ => self.bad_in_a_row >= limits::BAD_IN_A_ROW_MAX,
        };
        if too_many {
            self.bye(None, "Too many wrong commands", out);
        }
    }

    /// When a client that is silent is given up.
    fn silence_ends(&self) -> Now {
        match &self.state {
            State::NotAuthenticated { opened, .. } => {
                (self.active + limits::LOGIN_TIMEOUT).min(*opened + limits::LOGIN_TOTAL_TIMEOUT)
            }
            _ => self.active + limits::AUTOLOGOUT_TIMEOUT,
        }
    }
}

impl wire::Session for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn start(&mut self, now: Now, out: &mut Outputs<Ask>) {
        self.state = State::NotAuthenticated { opened: now, failed_logins: 0, bad: 0 };
        self.active = now;
        let code = Code::Capability(self.capabilities());
        let text = format!("{} ready", self.settings.hostname);
        response::untagged(Condition::Ok, Some(&code), &text, out.bytes_mut());
    }

    fn input(&mut self, now: Now, input: &mut Input, out: &mut Outputs<Ask>) {
        if !input.is_empty() {
            self.active = now;
        }
        while self.reads() && !out.has_ask() && !out.is_closed() {
            let Some(step) = self.next_step(input) else { break };
            self.step(step, input, out);
        }
    }

    fn answer(&mut self, now: Now, answer: Answer, out: &mut Outputs<Ask>) {
        self.active = now;
        if let Answer::Bye { code, text } = answer {
            return self.bye(code.as_ref(), &text, out);
        }
        match (std::mem::replace(&mut self.waiting, Waiting::Command), answer) {
            (Waiting::Running { tag, ends_selection, .. }, Answer::Done(outcome)) => {
                self.finished(&tag, ends_selection, &outcome, out);
            }
            (Waiting::Leaving { tag, fault }, Answer::Done(_)) => self.refuse(Some(&tag), &fault, out),
            (Waiting::Idling { tag }, Answer::Idling) => {
                self.waiting = Waiting::Done { tag, spoke: now };
            }
            (Waiting::Tls, Answer::Tls(bindings)) => self.tls_started(now, bindings),
            (Waiting::Nonce { tag, mechanism, initial }, Answer::Nonce(nonce)) => {
                self.nonce_given(tag, mechanism, (nonce, initial), out);
            }
            (Waiting::Credentials { tag }, Answer::Sasl(answer)) => {
                self.credentials_checked(tag, answer, out)
            }
            (Waiting::Opening { tag, user }, Answer::Opened(opened)) => self.opened(&tag, user, opened, out),
            // An answer to another question is a fault of the driver, not of the client.
            _ => self.bye(Some(&Code::ServerBug), "Internal error", out),
        }
    }

    fn deadline(&self) -> Option<Now> {
        match &self.waiting {
            _ if !self.reads() => None,
            Waiting::Done { spoke, .. } => Some(self.silence_ends().min(*spoke + limits::IDLE_KEEPALIVE)),
            _ => Some(self.silence_ends()),
        }
    }

    fn expired(&mut self, now: Now, out: &mut Outputs<Ask>) {
        if now < self.silence_ends() {
            return self.still_here(now, out);
        }
        self.bye(None, "Autologout for inactivity", out);
    }

    fn stop(&mut self, _: Now, out: &mut Outputs<Ask>) {
        self.bye(Some(&Code::Unavailable), "Server is shutting down", out);
    }
}

fn say_closed(out: &mut Outputs<Ask>) {
    response::untagged(Condition::Ok, Some(&Code::Closed), "Previous mailbox closed", out.bytes_mut());
}

/// How large a literal at the end of `command` may be.
fn literal_max_bytes(command: &[u8], logged_in: bool, message_max_bytes: u64) -> u64 {
    let so_far = command.len() as u64;
    if !logged_in {
        let left = limits::COMMAND_BEFORE_LOGIN_MAX_BYTES.saturating_sub(so_far);
        return left.min(limits::LITERAL_BEFORE_LOGIN_MAX_BYTES);
    }
    if is_message_literal(command) {
        return message_max_bytes;
    }
    limits::LITERALS_TOTAL_MAX_BYTES.saturating_sub(so_far).min(limits::LITERAL_MAX_BYTES)
}

/// Whether the literal announced at the end is APPEND's message, not its mailbox.
fn is_message_literal(command: &[u8]) -> bool {
    let mut words = command.splitn(3, |byte| *byte == b' ');
    let (_, verb, rest) = (words.next(), words.next(), words.next());
    verb.is_some_and(|verb| verb.eq_ignore_ascii_case(b"APPEND"))
        && rest.is_some_and(|rest| !rest.starts_with(b"{") || rest.contains(&b'\n'))
}

/// The size that `{n}` or `{n+}` at the end of a line announces.
fn announced_bytes(command: &[u8]) -> u64 {
    let inner = command.strip_suffix(b"}").unwrap_or_default();
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let start = inner.iter().rposition(|byte| *byte == b'{').map_or(inner.len(), |at| at + 1);
    inner[start..]
        .iter()
        .fold(0u64, |n, digit| n.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0'))))
}

#[cfg(test)]
mod tests;
