//! The session: what it remembers, and how replies and answers find the work they belong to.

use super::argument::Argument;
use super::error::Error;
use super::features::Features;
use super::inquiry::{Hashing, Looking, Plain};
use super::login::Login;
use super::moving::{Move, Moving};
use super::reply::{Reply, ReplyReader};
use super::settings::Settings;
use super::work::{Answer, Ask, Done, Work};
use std::time::Duration;
use wire::{Input, Now, Outputs, Session};

/// One FTP session, client side. Holds no socket and reads no clock.
///
/// After the login it asks [`Ask::Next`], and is answered with [`Answer::Do`] until that is
/// [`Work::Quit`]. Bytes that come while it waits for work may be handed to it at once, unlike with other
/// questions: they end the session, as the server has nothing to say then but that it closes. Commands go out one at a time, each when the reply to the one before has come: the
/// protocol has no other way to tell which reply belongs to what.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    link: Link,
    state: State,
}

/// What is remembered from work to work.
#[derive(Debug)]
pub(super) struct Link {
    replies: ReplyReader,
    pub(super) features: Features,
    pub(super) secure: bool,
    pub(super) protected: bool,
    pub(super) home: Option<Argument>,
    /// The representation type in force: at the start ASCII (RFC 959 §5.1).
    pub(super) text: bool,
    /// True while EPSV and EPRT have not failed.
    pub(super) extended: bool,
    deadline: Option<Now>,
    pub(super) verb: &'static str,
    unasked: bool,
}

/// What the session is at. Each state owns what it needs, and is consumed by what happens.
#[derive(Debug)]
pub(super) enum State {
    Fresh,
    Login(Login),
    /// Asked what next.
    Idle,
    Plain(Plain),
    Looking(Looking),
    Hashing(Hashing),
    Moving(Moving),
    Leaving,
    Closed,
}

/// What a state has at hand while it is consumed.
pub(super) struct Context<'a> {
    pub(super) now: Now,
    pub(super) settings: &'a Settings,
    pub(super) link: &'a mut Link,
    pub(super) out: &'a mut Outputs<Ask>,
}

impl Context<'_> {
    /// Sends a command, and waits for its reply as long as any may take.
    pub(super) fn command(&mut self, verb: &'static str, argument: &[u8]) {
        self.command_within(verb, argument, self.settings.reply_timeout);
    }

    /// Sends a command whose reply may take so long.
    pub(super) fn command_within(&mut self, verb: &'static str, argument: &[u8], time: Duration) {
        let out = self.out.bytes_mut();
        out.extend_from_slice(verb.as_bytes());
        if !argument.is_empty() {
            out.push(b' ');
        }
        for byte in argument {
            // 255 begins a Telnet command unless it is doubled (RFC 959 §2.3, RFC 854).
            out.extend_from_slice(if *byte == 0xff { &[0xff, 0xff] } else { std::slice::from_ref(byte) });
        }
        out.extend_from_slice(b"\r\n");
        self.link.verb = verb;
        self.allow(time);
    }

    /// Waits for something that no command brings.
    pub(super) fn wait_for(&mut self, what: &'static str) {
        self.link.verb = what;
        self.allow(self.settings.reply_timeout);
    }

    /// The next reply may take so long from now.
    pub(super) fn allow(&mut self, time: Duration) {
        self.link.deadline = Some(self.now + time);
    }

    /// The work is over; the session goes on.
    pub(super) fn finish(&mut self, result: Result<Done, Error>) -> State {
        self.out.ask(Ask::Next(result));
        State::Idle
    }

    /// The session is over.
    pub(super) fn end(&mut self, error: Error) -> State {
        self.out.ask(Ask::Ended(Some(error)));
        self.out.close();
        State::Closed
    }

    /// The reply does not fit: replies and commands have lost each other.
    pub(super) fn unexpected(&mut self, reply: Reply) -> State {
        let verb = self.link.verb;
        self.end(Error::Unexpected { verb, reply })
    }

    /// The work was refused.
    pub(super) fn refused(&mut self, reply: Reply) -> State {
        let verb = self.link.verb;
        self.finish(Err(Error::Refused { verb, reply }))
    }

    /// The work failed as the reply cannot be read.
    pub(super) fn unreadable(&mut self, reply: Reply) -> State {
        let verb = self.link.verb;
        self.finish(Err(Error::Unreadable { verb, reply }))
    }
}

impl Client {
    /// A session before its first byte.
    pub fn new(settings: Settings) -> Client {
        let secure = settings.tls == super::Tls::Implicit;
        let link = Link {
            replies: ReplyReader::new(),
            features: Features::default(),
            secure,
            protected: false,
            home: None,
            text: true,
            extended: true,
            deadline: None,
            verb: "",
            unasked: false,
        };
        Client { settings, link, state: State::Fresh }
    }

    /// True while it waits for work.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && !self.link.unasked
    }

    /// The control connection has ended from the other side.
    pub fn lost(&mut self, out: &mut Outputs<Ask>) {
        let ended = match self.state {
            State::Leaving | State::Closed => None,
            State::Idle => Some(Error::Lost { verb: "the next command" }),
            _ => Some(Error::Lost { verb: self.link.verb }),
        };
        self.state = State::Closed;
        out.ask(Ask::Ended(ended));
        out.close();
    }

    /// True if `input`, which came on the control connection while data was awaited, begins with the
    /// server's word that nothing will come of it (4yz or 5yz). The driver then answers
    /// [`MovedEnd::GivenUp`](super::MovedEnd::GivenUp). Takes nothing from `input`.
    pub fn refuses(&self, input: &Input) -> bool {
        let mut copy = Input::new();
        copy.push(input.as_slice());
        match ReplyReader::new().next(&mut copy) {
            Some(Ok(reply)) => reply.is_negative(),
            Some(Err(_)) => true,
            None => false,
        }
    }

    /// Runs one step of the state, with everything it needs.
    fn step(
        &mut self,
        now: Now,
        out: &mut Outputs<Ask>,
        step: impl FnOnce(State, &mut Context<'_>) -> State,
    ) {
        let state = std::mem::replace(&mut self.state, State::Closed);
        let mut context = Context { now, settings: &self.settings, link: &mut self.link, out };
        self.state = step(state, &mut context);
    }

    /// True where bytes behind the reply just read are in order.
    fn expects_more(&self) -> bool {
        match &self.state {
            State::Login(login) => login.expects_more(),
            State::Moving(moving) => moving.expects_more(),
            State::Leaving | State::Closed => true,
            _ => false,
        }
    }

    /// Bytes are left behind a reply that should have been the last.
    fn leftover(&mut self, now: Now, out: &mut Outputs<Ask>) {
        match &self.state {
            // What was done stays done; but no further command is sent.
            State::Idle => self.link.unasked = true,
            State::Login(login) if login.shakes_hands() => {
                *out = Outputs::new();
                self.step(now, out, |_, context| context.end(Error::InjectedBeforeTls));
            }
            _ => {
                *out = Outputs::new();
                self.step(now, out, |_, context| context.end(Error::Unasked));
            }
        }
    }
}

impl Session for Client {
    type Ask = Ask;
    type Answer = Answer;

    fn start(&mut self, now: Now, out: &mut Outputs<Ask>) {
        self.step(now, out, |_, context| Login::begin(context));
    }

    fn input(&mut self, now: Now, input: &mut Input, out: &mut Outputs<Ask>) {
        while !out.has_ask() && !out.is_closed() {
            let Some(reply) = self.link.replies.next(input) else { return };
            self.step(now, out, |state, context| match reply {
                Ok(reply) => on_reply(state, reply, context),
                Err(fault) => context.end(Error::BadReply(fault)),
            });
            if !input.is_empty() && !self.expects_more() {
                self.leftover(now, out);
                return;
            }
        }
    }

    fn answer(&mut self, now: Now, answer: Answer, out: &mut Outputs<Ask>) {
        let unasked = self.link.unasked;
        self.step(now, out, |state, context| match (state, answer) {
            (State::Idle, Answer::Do(Work::Quit)) => {
                context.command("QUIT", b"");
                State::Leaving
            }
            (State::Idle, Answer::Do(_)) if unasked => context.end(Error::Unasked),
            (State::Idle, Answer::Do(work)) => begin(work, context),
            (State::Login(login), Answer::Handshake(well)) => login.on_handshake(well, context),
            (State::Moving(moving), answer) => moving.on_answer(answer, context),
            // An answer to what was not asked: the driver's fault, which ends the session safely.
            (_, _) => context.end(Error::Unasked),
        });
    }

    fn deadline(&self) -> Option<Now> {
        match self.state {
            State::Fresh | State::Idle | State::Closed => None,
            _ => self.link.deadline,
        }
    }

    fn expired(&mut self, now: Now, out: &mut Outputs<Ask>) {
        self.step(now, out, |state, context| {
            let verb = context.link.verb;
            match state {
                State::Leaving => {
                    context.out.ask(Ask::Ended(None));
                    context.out.close();
                    State::Closed
                }
                State::Moving(moving) => moving.on_silence(context),
                _ => context.end(Error::Silent { verb }),
            }
        });
    }

    fn stop(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        out.send(b"QUIT\r\n");
        out.close();
        self.state = State::Closed;
    }
}

/// Begins a piece of work.
fn begin(work: Work, context: &mut Context<'_>) -> State {
    match work {
        Work::Retrieve { path, from, max_bytes } => {
            Moving::begin(Move::Retrieve { path, from, max_bytes }, context)
        }
        Work::Store { path, how } => Moving::begin(Move::Store { path, how }, context),
        Work::List { path } => Moving::begin(Move::List { path }, context),
        Work::Look { path } => Looking::begin(path, context),
        Work::Size { path } => Looking::size(path, context),
        Work::Digest { path } => Hashing::begin(path, context),
        Work::MakeFolder(path) => Plain::begin("MKD", path.as_bytes(), context),
        Work::RemoveFolder(path) => Plain::begin("RMD", path.as_bytes(), context),
        Work::Delete(path) => Plain::begin("DELE", path.as_bytes(), context),
        Work::Rename { from, to } => Plain::rename(&from, to, context),
        Work::SetModified { path, at } => Plain::set_modified(&path, at, context),
        Work::Quit => State::Leaving,
    }
}

fn on_reply(state: State, reply: Reply, context: &mut Context<'_>) -> State {
    // 421 may answer any command: the server closes (RFC 959 §5.4).
    if reply.code() == 421 && !matches!(state, State::Leaving) {
        return context.end(Error::Closing(reply));
    }
    match state {
        State::Login(login) => login.on_reply(reply, context),
        State::Plain(plain) => plain.on_reply(reply, context),
        State::Looking(looking) => looking.on_reply(reply, context),
        State::Hashing(hashing) => hashing.on_reply(reply, context),
        State::Moving(moving) => moving.on_reply(reply, context),
        State::Leaving => {
            context.out.ask(Ask::Ended(None));
            context.out.close();
            State::Closed
        }
        State::Fresh | State::Idle | State::Closed => context.end(Error::Unasked),
    }
}
