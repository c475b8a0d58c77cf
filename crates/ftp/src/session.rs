//! The session: what moves it from one state to the next.

use crate::ask::{Answer, Ask, Ended, FilesError, Listen, LoggedIn, Ready};
use crate::command::{Line, epsv, host, pass, pasv, rein, stat, user};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::{
    COMMAND_LEN_MAX_BYTES, LINE_DISCARD_MAX_BYTES, OUTPUT_HIGH_BYTES, PlainLogins, Settings,
};
use crate::state::{Channel, Login, Next, Once, Opening, Pending, Turn};
use crate::telnet::Telnet;
use crate::waiting::{Waiting, WaitingLine};
use sasl::Secret;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use wire::line::{LineEnd, LineError, LineReader};
use wire::{Input, Now, Outputs};

/// The first byte of a TLS record that begins a handshake (RFC 8446 §5.1): no command begins so.
const TLS_HANDSHAKE: u8 = 0x16;

/// One FTP control connection, server side.
///
/// A transfer goes on beside the conversation: [`Ask::Transfer`] lets it begin, and
/// [`ServerSession::transfer_ended`] tells its end. In between NOOP and STAT are answered, ABOR stops it,
/// and all other commands wait, so that replies keep the order of commands.
#[derive(Debug)]
pub struct ServerSession {
    settings: Arc<Settings>,
    channel: Channel,
    login: Login,
    /// The question that is open.
    pending: Option<Pending>,
    transfer: Option<Running>,
    closed: bool,
    telnet: Telnet,
    lines: LineReader,
    /// What has come, without Telnet commands.
    input: Input,
    /// Lines that came during a transfer.
    waiting: Waiting,
    /// How many bytes of a line that is too long were thrown away.
    discarded_bytes: usize,
    counts: Counts,
    deadline: Now,
    /// When a login must have succeeded; `None` once it has.
    login_deadline: Option<Now>,
}

/// A transfer that is under way.
#[derive(Debug)]
struct Running {
    /// The port at which the client is awaited.
    passive_port: Option<u16>,
    aborted: bool,
}

/// What is counted against a client.
#[derive(Debug, Default)]
struct Counts {
    bad_commands: u32,
    failed_logins: u32,
    commands_before_login: u32,
}

impl ServerSession {
    /// A session that has not greeted yet.
    ///
    /// - `client`: the address of the control connection's peer, the only one to which active data
    ///   connections are made.
    /// - `tls`: TLS is active from the start (port 990); data connections then are protected unless the
    ///   client says otherwise.
    pub fn new(settings: Arc<Settings>, client: IpAddr, tls: bool) -> ServerSession {
        ServerSession {
            settings,
            channel: Channel::new(client, tls),
            login: Login::Nobody,
            pending: None,
            transfer: None,
            closed: false,
            telnet: Telnet::default(),
            lines: line_reader(),
            input: Input::new(),
            waiting: Waiting::default(),
            discarded_bytes: 0,
            counts: Counts::default(),
            deadline: Now::default(),
            login_deadline: None,
        }
    }

    /// The transfer that [`Answer::Transfer`] let begin is over. To be called between questions only,
    /// exactly once per transfer, also after ABOR; commands that waited are carried out then.
    pub fn transfer_ended(&mut self, now: Now, ended: Ended, out: &mut Outputs<Ask>) {
        self.touch(now);
        let Some(transfer) = self.transfer.take().filter(|_| !self.closed) else { return };
        match outcome(ended, &transfer) {
            Ok(()) => reply::line(out.bytes_mut(), 226, "Transfer complete."),
            Err(refusal) => self.refuse(refusal, out),
        }
        self.advance(now, out);
    }

    /// True from the answer that lets a transfer begin until [`ServerSession::transfer_ended`].
    pub fn is_transferring(&self) -> bool {
        self.transfer.is_some()
    }

    /// True if the client said QUIT and it waits for the end of a transfer: the client may end its side of the
    /// control connection without giving up what is transferred (RFC 959 §4.1.1).
    pub fn is_leaving(&self) -> bool {
        self.waiting.has("QUIT")
    }

    fn touch(&mut self, now: Now) {
        self.deadline = now + self.settings.limits.idle;
    }

    /// Takes lines for as long as it can.
    fn advance(&mut self, now: Now, out: &mut Outputs<Ask>) {
        while self.pending.is_none() && !self.closed {
            if out.bytes().len() >= OUTPUT_HIGH_BYTES {
                return self.ask(Ask::Flush, Pending::Flush, out);
            }
            match self.transfer.is_some() {
                false => match self.waiting.take() {
                    Some(line) => self.waited(line, out),
                    None => match self.next_line(now, out) {
                        Some(line) => self.line(line, out),
                        None => break,
                    },
                },
                true => match self.next_line(now, out) {
                    Some(line) => self.line_beside(line, out),
                    None => break,
                },
            }
        }
        self.input.shrink_if_empty();
    }

    /// The next line that has come whole. What begins like a handshake or never ends ends the session.
    fn next_line(&mut self, now: Now, out: &mut Outputs<Ask>) -> Option<Result<Secret, Refusal>> {
        if self.discarded_bytes == 0 && self.input.as_slice().first() == Some(&TLS_HANDSHAKE) {
            self.end(Refusal::ForeignProtocol, out);
            return None;
        }
        let before = self.input.len();
        let line = self.lines.next(&mut self.input);
        let taken_bytes = self.discarded_bytes + before - self.input.len();
        if taken_bytes > LINE_DISCARD_MAX_BYTES + usize::from(line.is_some()) {
            self.end(Refusal::LineEndless, out);
            return None;
        }
        let Some(line) = line else {
            self.discarded_bytes = taken_bytes;
            return None;
        };
        self.discarded_bytes = 0;
        self.touch(now);
        // The line may hold a password: it is overwritten when dropped.
        Some(line.map(Secret::new).map_err(|error| match error {
            LineError::TooLong => Refusal::LineTooLong,
            LineError::BareLf | LineError::BareCr | LineError::Nul => Refusal::BadLine,
        }))
    }

    /// A command while nothing is transferred.
    fn line(&mut self, line: Result<Secret, Refusal>, out: &mut Outputs<Ask>) {
        if self.login_deadline.is_some() {
            self.counts.commands_before_login += 1;
            if self.counts.commands_before_login > self.settings.limits.commands_before_login_max {
                return self.end(Refusal::TooLongWithoutLogin, out);
            }
        }
        let more_came = !self.input.is_empty() || !self.waiting.is_empty();
        // Used up even by what is no command.
        let once =
            if let Login::In(area) = &mut self.login { mem::take(&mut area.once) } else { Once::Nothing };
        let next = line.and_then(|line| {
            let mut turn = turn(&self.settings, &mut self.channel, out);
            (turn.more_came, turn.once) = (more_came, once);
            Line::parse(line.expose())?.run(&mut self.login, &mut turn)
        });
        self.go_on(next, out);
    }

    fn go_on(&mut self, next: Result<Next, Refusal>, out: &mut Outputs<Ask>) {
        match next {
            Ok(Next::Stay) => {}
            Ok(Next::Close) => self.close(out),
            // ABOR lies behind it already: it is for all that came before.
            Ok(Next::Ask(Ask::Transfer(_), _)) if self.waiting.has_abort() => {
                self.refuse(Refusal::Aborted, out)
            }
            Ok(Next::Ask(ask, pending)) => self.ask(ask, pending, out),
            Err(refusal) => self.refuse(refusal, out),
        }
    }

    /// A command during a transfer (RFC 959 §4.1.3).
    fn line_beside(&mut self, line: Result<Secret, Refusal>, out: &mut Outputs<Ask>) {
        let line = match line {
            Ok(line) => line,
            Err(refusal) => return self.keep(WaitingLine::Bad(refusal), out),
        };
        let parsed = Line::parse(line.expose());
        let is = |verb| parsed.as_ref().is_ok_and(|parsed| parsed.is(verb));
        match &mut self.transfer {
            // What stops a transfer cannot wait for its end; but its reply comes in its turn.
            Some(transfer) if is("ABOR") && !transfer.aborted => {
                transfer.aborted = true;
                self.keep(WaitingLine::Aborted, out);
                if !self.closed {
                    self.ask(Ask::Abort, Pending::Abort, out);
                }
            }
            _ if !self.waiting.is_empty() => self.keep(WaitingLine::Line(line), out),
            _ if is("STAT") => stat::session(&self.login, &self.channel, true, out.bytes_mut()),
            _ if is("NOOP") => self.line(Ok(line), out),
            _ => self.keep(WaitingLine::Line(line), out),
        }
    }

    fn keep(&mut self, line: WaitingLine, out: &mut Outputs<Ask>) {
        if !self.waiting.keep(line) {
            self.end(Refusal::TooManyWaiting, out);
        }
    }

    /// A line that waited for the end of a transfer.
    fn waited(&mut self, line: WaitingLine, out: &mut Outputs<Ask>) {
        match line {
            WaitingLine::Line(line) => self.line(Ok(line), out),
            WaitingLine::Bad(refusal) => self.line(Err(refusal), out),
            WaitingLine::Aborted => reply::line(out.bytes_mut(), 226, "Abort done."),
        }
    }

    /// An answer for commands that have to do with logins and the control connection.
    fn answered(&mut self, now: Now, pending: Pending, answer: Answer, out: &mut Outputs<Ask>) {
        match (pending, answer) {
            (Pending::Flush, Answer::Done) => {}
            (Pending::Called(text), Answer::Done) => reply::line(out.bytes_mut(), 200, text),
            (Pending::Tls, Answer::TlsStarted) => self.tls_started(now),
            (Pending::Host(host), Answer::Host(served)) => {
                let judged = host::judged(host, served, &mut self.channel, out.bytes_mut());
                self.refuse_if(judged, out);
            }
            (Pending::Plain(user), Answer::MayLogInPlain(true)) => {
                user::accept(&mut self.login, user, out.bytes_mut());
            }
            (Pending::Plain(_), Answer::MayLogInPlain(false)) => self.refuse(Refusal::TlsNeeded, out),
            (Pending::LogIn(user), Answer::LoggedIn(result)) => self.logged_in(user, result, out),
            (Pending::LogOutFor(user), Answer::Done) => {
                self.logged_out(now);
                let mut turn = turn(&self.settings, &mut self.channel, out);
                let next = user::name_user(&mut self.login, user, &mut turn);
                self.go_on(next, out);
            }
            (Pending::LogOut, Answer::Done) => {
                self.logged_out(now);
                rein::done(&mut self.login, &mut self.channel, out.bytes_mut());
            }
            (pending, answer) => self.answered_inside(pending, answer, out),
        }
    }

    /// An answer for commands of a logged-in account.
    fn answered_inside(&mut self, pending: Pending, answer: Answer, out: &mut Outputs<Ask>) {
        // During a transfer the reply to ABOR waits for its end.
        if let (Pending::Abort, Answer::Done) = (&pending, &answer) {
            if self.transfer.is_none() {
                reply::line(out.bytes_mut(), 225, "ABOR command successful; data channel closed.");
            }
            return;
        }
        let Login::In(area) = &mut self.login else { return self.end(Refusal::Unavailable, out) };
        match (pending, answer) {
            (Pending::Files(then), Answer::Files(told)) => {
                let done = then.told(area, told, out.bytes_mut());
                self.refuse_if(done, out);
            }
            (Pending::Listen(listen), Answer::Listening(address)) => {
                let done = self.listening(listen, address, out);
                self.refuse_if(done, out);
            }
            (Pending::Transfer(opening, route), Answer::Transfer(result)) => match result {
                Ok(ready) => {
                    let passive_port = area.passive_port.take();
                    self.transfer = Some(Running { passive_port, aborted: false });
                    announce(opening, &ready, out.bytes_mut());
                }
                Err(error) => {
                    area.route = Some(route);
                    let of_file = opening == Opening::Mlsd && error == FilesError::NotAFolder;
                    self.refuse(if of_file { Refusal::MlsdOfFile } else { error.into() }, out);
                }
            },
            _ => self.end(Refusal::Unavailable, out),
        }
    }

    fn listening(
        &mut self,
        listen: Listen,
        address: Option<SocketAddr>,
        out: &mut Outputs<Ask>,
    ) -> Result<(), Refusal> {
        let Login::In(area) = &mut self.login else { return Err(Refusal::NotLoggedIn) };
        // A listener replaces what was arranged before, even if it could not be had.
        area.route = None;
        let address = address.ok_or(Refusal::NoListener)?;
        match (listen, address.ip().to_canonical()) {
            (Listen::Epsv, _) => epsv::listening(area, address.port(), out.bytes_mut()),
            (Listen::Pasv, IpAddr::V4(v4)) => pasv::listening(area, v4, address.port(), out.bytes_mut()),
            (Listen::Pasv, IpAddr::V6(_)) => return Err(Refusal::NoListener),
        }
        Ok(())
    }

    fn logged_in(&mut self, user: String, result: LoggedIn, out: &mut Outputs<Ask>) {
        match pass::judged(&mut self.login, user, result, out.bytes_mut()) {
            Ok(()) => self.login_deadline = None,
            // The same for all who may not, whatever the reason.
            Err(Refusal::BadCredentials) if self.is_for_devices() => {
                self.refuse(Refusal::BadCredentialsInClear, out);
            }
            Err(refusal) => self.refuse(refusal, out),
        }
    }

    /// Whether only devices may log in as things are.
    fn is_for_devices(&self) -> bool {
        !self.channel.tls && self.settings.plain_logins == PlainLogins::Devices
    }

    /// Whoever was logged in no longer is: a stranger may not keep the connection for longer, or say more
    /// on it, than after the greeting. What was running for a login still to come goes on.
    fn logged_out(&mut self, now: Now) {
        if self.login_deadline.is_none() {
            self.login_deadline = Some(now + self.settings.limits.login);
            self.counts.commands_before_login = 0;
        }
    }

    fn tls_started(&mut self, now: Now) {
        self.logged_out(now);
        self.channel.tls = true;
        // RFC 2228 §3, RFC 4217 §4: nothing said in the clear counts any more.
        self.channel.reset();
        self.login = Login::Nobody;
        self.lines = line_reader();
        self.telnet = Telnet::default();
        self.input.clear();
    }

    fn ask(&mut self, ask: Ask, pending: Pending, out: &mut Outputs<Ask>) {
        out.ask(ask);
        self.pending = Some(pending);
    }

    fn refuse_if(&mut self, result: Result<(), Refusal>, out: &mut Outputs<Ask>) {
        if let Err(refusal) = result {
            self.refuse(refusal, out);
        }
    }

    /// Answers with a refusal, and closes if the client has used up its allowance with it.
    fn refuse(&mut self, refusal: Refusal, out: &mut Outputs<Ask>) {
        self.counts.bad_commands += u32::from(refusal.is_misbehaviour());
        let is_failed_login = matches!(refusal, Refusal::BadCredentials | Refusal::BadCredentialsInClear);
        self.counts.failed_logins += u32::from(is_failed_login);
        if self.counts.bad_commands >= self.settings.limits.bad_commands_max {
            return self.end(Refusal::TooManyBadCommands, out);
        }
        if self.counts.failed_logins >= self.settings.limits.failed_logins_max {
            return self.end(Refusal::TooManyFailedLogins, out);
        }
        match refusal.is_final() {
            true => self.end(refusal, out),
            false => reply::refuse(out.bytes_mut(), refusal),
        }
    }

    /// Says why, and closes.
    fn end(&mut self, refusal: Refusal, out: &mut Outputs<Ask>) {
        reply::refuse(out.bytes_mut(), refusal);
        self.close(out);
    }

    fn close(&mut self, out: &mut Outputs<Ask>) {
        self.closed = true;
        self.pending = None;
        out.close();
    }
}

fn line_reader() -> LineReader {
    LineReader::new(COMMAND_LEN_MAX_BYTES, LineEnd::CrLfOrLf)
}

fn turn<'a>(settings: &'a Settings, channel: &'a mut Channel, out: &'a mut Outputs<Ask>) -> Turn<'a> {
    Turn { settings, channel, once: Once::Nothing, more_came: false, out: out.bytes_mut() }
}

/// Says that a transfer begins. Always 150, never 125: there are clients that know no other (RFC 959
/// §5.4). The size is in the form that clients look for.
fn announce(opening: Opening, ready: &Ready, out: &mut Vec<u8>) {
    let text = match (opening, ready) {
        (Opening::Retrieve, Ready { size_bytes: Some(size), .. }) => format!("Data comes ({size} bytes)."),
        // RFC 1123 §4.1.2.9: exactly this form.
        (Opening::Unique, Ready { name: Some(name), .. }) => format!("FILE: {name}"),
        (Opening::Retrieve, _) => "Data comes.".to_string(),
        (Opening::Store | Opening::Unique, _) => "Send the data.".to_string(),
        (Opening::List | Opening::Mlsd, _) => "The listing comes.".to_string(),
    };
    reply::line(out, 150, &text);
}

/// The reply to how a transfer ended.
fn outcome(ended: Ended, transfer: &Running) -> Result<(), Refusal> {
    Err(match ended {
        Ended::Done => return Ok(()),
        // Whatever broke on the way, the client wanted it broken.
        _ if transfer.aborted => Refusal::Aborted,
        Ended::Aborted => Refusal::Aborted,
        Ended::NotConnected => Refusal::NotConnected(transfer.passive_port),
        Ended::NotProtected => Refusal::NotProtected,
        Ended::Broken => Refusal::Broken,
        Ended::TimedOut => Refusal::TimedOut,
        Ended::Undecodable => Refusal::Undecodable,
        Ended::Refused(error) => error.into(),
    })
}

impl wire::Session for ServerSession {
    type Ask = Ask;
    type Answer = Answer;

    fn start(&mut self, now: Now, out: &mut Outputs<Ask>) {
        self.touch(now);
        self.login_deadline = Some(now + self.settings.limits.login);
        reply::line(out.bytes_mut(), 220, self.settings.greeting.as_str());
    }

    /// Takes all that has come; what cannot be done yet is kept inside.
    fn input(&mut self, now: Now, input: &mut Input, out: &mut Outputs<Ask>) {
        self.telnet.strip(input, &mut self.input);
        self.advance(now, out);
    }

    fn answer(&mut self, now: Now, answer: Answer, out: &mut Outputs<Ask>) {
        let Some(pending) = self.pending.take().filter(|_| !self.closed) else { return };
        self.touch(now);
        self.answered(now, pending, answer, out);
        self.advance(now, out);
    }

    fn deadline(&self) -> Option<Now> {
        // A transfer has timers of its own.
        let idle = self.transfer.is_none().then_some(self.deadline);
        [idle, self.login_deadline].into_iter().flatten().min().filter(|_| !self.closed)
    }

    fn expired(&mut self, now: Now, out: &mut Outputs<Ask>) {
        let too_long = self.login_deadline.is_some_and(|deadline| deadline <= now);
        self.end(if too_long { Refusal::TooLongWithoutLogin } else { Refusal::Idle }, out);
    }

    /// What is being transferred is lost with the control connection: a driver that wants it to end in order
    /// waits before it calls this.
    fn stop(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        self.end(Refusal::Stopping, out);
    }
}
