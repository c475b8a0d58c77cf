//! The server's side of one connection.

use crate::ask::{Answer, Ask, Delivered, Envelope, Note, Recipient, Sender, TlsFacts};
use crate::body::Chunked;
use crate::command::auth::Opening;
use crate::command::{Chunk, Command, Text, auth, bdat, data, mail, rcpt, starttls};
use crate::error::Fault;
use crate::reply::{self, Refusal, printable};
use crate::{ForwardPath, Service, Settings};
use sasl::Exchange;
use std::sync::Arc;
use wire::line::{LineEnd, LineError, LineReader};
use wire::{Budget, Input, Now, Outputs, Share};

/// Most notes kept until they are taken; there are not more refusals in an honest session.
const NOTES_MAX: usize = 32;

/// One session of SMTP, submission or LMTP, server side. Holds no socket and reads no clock; while
/// it waits for a command it owns a few hundred bytes.
#[derive(Debug)]
pub struct Session {
    pub(crate) settings: Arc<Settings>,
    pub(crate) client: Client,
    pub(crate) stage: Stage,
    waiting: Option<Waiting>,
    lines: LineReader,
    pub(crate) tally: Tally,
    /// MAIL was refused, so what was pipelined after it is no fault of its own.
    pub(crate) mail_refused: bool,
    deadline: Now,
    notes: Vec<Note>,
    /// What the messages of this session are held under.
    pub(crate) budget: Budget,
}

/// What the client has shown of itself; all of it is dropped when TLS starts.
#[derive(Debug, Default)]
pub(crate) struct Client {
    pub(crate) hello: Option<Hello>,
    pub(crate) tls: Option<Arc<TlsFacts>>,
    pub(crate) login: Option<Arc<str>>,
}

/// What EHLO, HELO or LHLO said.
#[derive(Debug)]
pub(crate) struct Hello {
    /// Printable ASCII.
    pub(crate) name: Box<str>,
    /// Extensions were offered.
    pub(crate) extended: bool,
}

/// What the next bytes are.
#[derive(Debug)]
pub(crate) enum Stage {
    /// A command, outside of a transaction.
    Commands,
    /// A command within a transaction: after MAIL, and between chunks.
    Addressed(Box<Transaction>),
    /// Text up to the dot.
    Text(Box<Text>),
    /// The client's answer to a challenge.
    Login(Box<Exchange>),
    /// The rest of a chunk.
    Chunk(Box<Chunk>),
    /// Of no interest.
    Closed,
}

/// What MAIL began.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) sender: Arc<Sender>,
    pub(crate) recipients: Vec<Recipient>,
    /// The chunks so far, once there was one.
    pub(crate) chunked: Option<Chunked>,
}

impl Transaction {
    pub(crate) fn new(sender: Arc<Sender>) -> Transaction {
        Transaction { sender, recipients: Vec::new(), chunked: None }
    }

    fn paths(&self) -> Vec<ForwardPath> {
        self.recipients.iter().map(|recipient| recipient.path.clone()).collect()
    }
}

/// What the open question is about.
#[derive(Debug)]
pub(crate) enum Waiting {
    Sender(Arc<Sender>),
    Recipient(ForwardPath),
    StartTls,
    Nonce(Opening),
    Login,
    /// Replies are due for this many recipients.
    Delivery(usize),
}

/// What is counted against the limits.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) bad_commands: u32,
    pub(crate) refused_recipients: u32,
    pub(crate) failed_logins: u32,
    commands: u32,
    fruitless_commands: u32,
}

/// One turn of the dialogue: the time, whether bytes follow the command, and where output goes.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) more: bool,
    pub(crate) out: &'a mut Outputs<Ask>,
}

impl Session {
    /// A session for one connection; `tls` if TLS was on from the first byte (RFC 8314 §3.3).
    pub fn new(settings: Arc<Settings>, tls: Option<TlsFacts>) -> Session {
        let client = Client { tls: tls.map(Arc::new), ..Client::default() };
        Session {
            lines: line_reader(&settings),
            budget: settings.budget.clone(),
            settings,
            client,
            stage: Stage::Commands,
            waiting: None,
            tally: Tally::default(),
            mail_refused: false,
            deadline: Now::default(),
            notes: Vec::new(),
        }
    }

    /// The same, with its messages held under `budget` instead of that of the settings: a part of it, so that one
    /// client cannot take all.
    pub fn with_budget(self, budget: Budget) -> Session {
        Session { budget, ..self }
    }

    /// Instead of [`wire::Session::start`], when the client talked before it was greeted: 554 and
    /// close (RFC 5321 §4.3.1). For port 25 and never under implicit TLS.
    pub fn early_talk(&mut self, now: Now, out: &mut Outputs<Ask>) {
        self.fail(now, Fault::TalkedEarly, out);
    }

    /// The name that the client gave, if it said hello.
    pub fn hello(&self) -> Option<&str> {
        self.client.hello.as_ref().map(|hello| &*hello.name)
    }

    /// What is known of TLS; `None` while it is off.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.client.tls.as_deref()
    }

    /// The account that logged in.
    pub fn login(&self) -> Option<&str> {
        self.client.login.as_deref()
    }

    /// The refusals that the session made by itself since the last call, oldest first; those that
    /// were answers of the outside are not among them. At most 32 are kept.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// The sender and the recipients of a message that has begun to arrive and has not ended: they are lost if the
    /// client goes now.
    pub fn unfinished(&self) -> Option<(Arc<Sender>, Vec<ForwardPath>)> {
        let transaction = self.message_started()?.1?;
        Some((Arc::clone(&transaction.sender), transaction.paths()))
    }

    /// Since when a message arrives, and what it belongs to.
    fn message_started(&self) -> Option<(Now, Option<&Transaction>)> {
        let chunked = |transaction: &Transaction| transaction.chunked.as_ref().map(|chunked| chunked.started);
        match &self.stage {
            Stage::Text(text) => Some((text.pace.started, Some(&text.transaction))),
            Stage::Chunk(chunk) => {
                let transaction = chunk.transaction.as_ref();
                Some((transaction.and_then(chunked).unwrap_or(chunk.pace.started), transaction))
            }
            Stage::Addressed(transaction) => Some((chunked(transaction)?, Some(transaction))),
            Stage::Commands | Stage::Login(_) | Stage::Closed => None,
        }
    }

    /// By when the message that arrives must have ended.
    fn message_deadline(&self) -> Option<Now> {
        self.message_started().map(|(started, _)| started + self.settings.limits.text_total_timeout)
    }

    /// The transaction, also while its message arrives.
    fn open_transaction(&self) -> Option<&Transaction> {
        match &self.stage {
            Stage::Addressed(transaction) => Some(transaction),
            Stage::Text(text) => Some(&text.transaction),
            Stage::Chunk(chunk) => chunk.transaction.as_ref(),
            Stage::Commands | Stage::Login(_) | Stage::Closed => None,
        }
    }

    /// True where STARTTLS is offered.
    pub(crate) fn may_start_tls(&self) -> bool {
        let settings = &self.settings;
        settings.offer_starttls && settings.service != Service::Lmtp && self.client.tls.is_none()
    }

    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        match &mut self.stage {
            Stage::Addressed(transaction) => Some(transaction),
            _ => None,
        }
    }

    fn take_transaction_if(&mut self, wanted: bool) -> Option<Transaction> {
        if wanted { self.take_transaction() } else { None }
    }

    pub(crate) fn take_transaction(&mut self) -> Option<Transaction> {
        match std::mem::replace(&mut self.stage, Stage::Commands) {
            Stage::Addressed(transaction) => Some(*transaction),
            other => {
                self.stage = other;
                None
            }
        }
    }

    pub(crate) fn begin(&mut self, transaction: Transaction) {
        self.mail_refused = false;
        self.stage = Stage::Addressed(Box::new(transaction));
    }

    /// Drops the transaction, if there is one.
    pub(crate) fn reset(&mut self) {
        self.mail_refused = false;
        self.stage = Stage::Commands;
    }

    /// Forgets all that the client said, as is due when TLS starts.
    pub(crate) fn forget_client(&mut self, tls: Option<TlsFacts>) {
        self.client = Client { tls: tls.map(Arc::new), ..Client::default() };
        self.lines = line_reader(&self.settings);
        self.reset();
    }

    pub(crate) fn ask(&mut self, waiting: Waiting, ask: Ask, out: &mut Outputs<Ask>) {
        self.waiting = Some(waiting);
        out.ask(ask);
    }

    pub(crate) fn close(&mut self, out: &mut Outputs<Ask>) {
        self.stage = Stage::Closed;
        out.close();
    }

    /// Refuses by ourselves: counts it, notes it, and closes where the fault asks for it. The recipients of the open
    /// transaction are refused with it only if it ends the connection.
    pub(crate) fn fail(&mut self, now: Now, fault: Fault, out: &mut Outputs<Ask>) {
        let pipelined = self.mail_refused && matches!(fault, Fault::NeedMail | Fault::ChunkAfterFailure);
        self.tally.bad_commands += u32::from(fault.is_bad_command() && !pipelined);
        let over = self.tally.bad_commands > self.settings.limits.bad_commands_max;
        let fault = if over { Fault::TooManyErrors } else { fault };
        let refusal = fault.refusal();
        let open = self.open_transaction();
        let sender = open.map(|transaction| Arc::clone(&transaction.sender));
        let recipients = open.filter(|_| fault.closes()).map(Transaction::paths).unwrap_or_default();
        self.note(Note { when: now, sender, recipients, command: None, reply: refusal.clone() });
        refusal.write(out.bytes_mut());
        if fault.closes() {
            self.close(out);
        }
    }

    /// Refuses what arrived of the message of `transaction`, which is over.
    pub(crate) fn fail_message(
        &mut self,
        now: Now,
        fault: Fault,
        transaction: &Transaction,
        out: &mut Outputs<Ask>,
    ) {
        let notes = self.notes.len();
        self.fail(now, fault, out);
        if let Some(note) = self.notes.get_mut(notes) {
            (note.sender, note.recipients) = (Some(Arc::clone(&transaction.sender)), transaction.paths());
        }
    }

    /// Passes on a refusal from outside; 421 and 521 end the connection (RFC 5321 §3.8, RFC 7504).
    pub(crate) fn refuse(&mut self, refusal: &Refusal, out: &mut Outputs<Ask>) {
        refusal.write(out.bytes_mut());
        if matches!(refusal.code(), 421 | 521) {
            self.close(out);
        }
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        }
    }

    /// A message is complete: asks to deliver it, or says what is wrong with it.
    pub(crate) fn message_arrived(
        &mut self,
        transaction: Transaction,
        whole: Result<(Vec<u8>, Share), Fault>,
        turn: &mut Turn,
    ) {
        let count = transaction.recipients.len();
        match whole {
            Ok((body, share)) => {
                let envelope = self.envelope(transaction, body, share);
                self.ask(Waiting::Delivery(count), Ask::Deliver(Box::new(envelope)), turn.out);
            }
            Err(fault) => {
                let reply = fault.refusal();
                let recipients = transaction.paths();
                let (sender, reply_noted) = (Some(transaction.sender), reply.clone());
                self.note(Note { when: turn.now, sender, recipients, command: None, reply: reply_noted });
                self.answer_delivery(count, Err(reply), turn);
            }
        }
    }

    fn envelope(&self, transaction: Transaction, body: Vec<u8>, share: Share) -> Envelope {
        let hello = self.client.hello.as_ref();
        let Transaction { sender, recipients, .. } = transaction;
        Envelope {
            protocol: self.protocol(sender.smtputf8),
            hello: hello.map(|hello| hello.name.clone()).unwrap_or_default(),
            tls: self.client.tls.clone(),
            sender,
            recipients,
            body,
            share,
        }
    }

    /// The `with` keyword of the `Received` field (RFC 3848, RFC 6531 §4.3).
    fn protocol(&self, smtputf8: bool) -> &'static str {
        let lmtp = self.settings.service == Service::Lmtp;
        if !lmtp && !self.client.hello.as_ref().is_some_and(|hello| hello.extended) {
            return "SMTP";
        }
        match (lmtp, smtputf8, self.client.tls.is_some(), self.client.login.is_some()) {
            (false, false, false, false) => "ESMTP",
            (false, false, true, false) => "ESMTPS",
            (false, false, false, true) => "ESMTPA",
            (false, false, true, true) => "ESMTPSA",
            (false, true, false, false) => "UTF8SMTP",
            (false, true, true, false) => "UTF8SMTPS",
            (false, true, false, true) => "UTF8SMTPA",
            (false, true, true, true) => "UTF8SMTPSA",
            (true, false, false, _) => "LMTP",
            (true, false, true, _) => "LMTPS",
            (true, true, false, _) => "UTF8LMTP",
            (true, true, true, _) => "UTF8LMTPS",
        }
    }

    /// Replies to the end of a message: once, or in LMTP once per recipient (RFC 2033 §4.2).
    fn answer_delivery(&mut self, count: usize, answer: Result<Delivered, Refusal>, turn: &mut Turn) {
        let lmtp = self.settings.service == Service::Lmtp;
        let replies = if lmtp { count } else { 1 };
        match answer {
            Ok(Delivered { id, results }) => {
                self.tally.fruitless_commands = 0;
                let accepted = format!("2.0.0 {} accepted", printable(id.into()));
                for at in 0..replies {
                    match results.get(at).filter(|_| lmtp) {
                        Some(Err(refusal)) => self.refuse(refusal, turn.out),
                        _ => reply::write(turn.out.bytes_mut(), "250", &accepted),
                    }
                }
            }
            Err(refusal) => (0..replies).for_each(|_| self.refuse(&refusal, turn.out)),
        }
    }

    /// Reads one line and does what it says; false when none has arrived whole.
    fn read_line(&mut self, input: &mut Input, turn: &mut Turn) -> bool {
        move_to_front(input, self.settings.limits.command_line_len_max_bytes);
        let Some(line) = self.lines.next(input) else { return false };
        turn.more = !input.is_empty();
        let done = match std::mem::replace(&mut self.stage, Stage::Commands) {
            Stage::Login(exchange) => auth::line(self, *exchange, line, turn),
            stage => {
                self.stage = stage;
                line.map_err(Fault::Line).and_then(|line| self.command(&line, turn))
            }
        };
        if let Err(fault) = done {
            // A bare LF where only servers talk is an attempt to smuggle, not a sloppy client.
            let smuggles = fault == Fault::Line(LineError::BareLf) && self.settings.service == Service::Mx;
            match self.take_transaction_if(smuggles) {
                Some(transaction) => self.fail_message(turn.now, fault, &transaction, turn.out),
                None => self.fail(turn.now, fault, turn.out),
            }
            if smuggles {
                self.close(turn.out);
            }
        }
        true
    }

    fn command(&mut self, line: &[u8], turn: &mut Turn) -> Result<(), Fault> {
        let limits = &self.settings.limits;
        self.tally.commands += 1;
        self.tally.fruitless_commands += 1;
        if self.tally.commands > limits.commands_max
            || self.tally.fruitless_commands > limits.fruitless_commands_max
        {
            return Err(Fault::TooManyCommands);
        }
        let (command, args) = Command::find(self.settings.service, line)?;
        if line.len() + 2 > limits.command_line_len_max_bytes && command.verb != "AUTH" {
            return Err(Fault::Line(LineError::TooLong));
        }
        if let Err(fault) = command.run(self, args, turn) {
            self.mail_refused |= command.verb == "MAIL";
            let notes = self.notes.len();
            self.fail(turn.now, fault, turn.out);
            let (sender, recipient) = match command.verb {
                "MAIL" => (mail::attempted(self, args), None),
                "RCPT" => (None, rcpt::attempted(args)),
                _ => return Ok(()),
            };
            if let Some(note) = self.notes.get_mut(notes) {
                note.command = Some(printable(String::from_utf8_lossy(line).into_owned().into()).into());
                note.sender = sender.filter(|_| note.recipients.is_empty()).or(note.sender.take());
                note.recipients.extend(recipient);
            }
        }
        Ok(())
    }

    /// Gives the next command its time.
    fn rest(&mut self, now: Now) {
        self.deadline = now + self.settings.limits.command_timeout;
    }
}

impl wire::Session for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn start(&mut self, now: Now, out: &mut Outputs<Ask>) {
        let protocol = if self.settings.service == Service::Lmtp { "LMTP" } else { "ESMTP" };
        let text = format!("{} {protocol} Posthouse", self.settings.hostname);
        reply::write(out.bytes_mut(), "220", &text);
        self.rest(now);
    }

    fn input(&mut self, now: Now, input: &mut Input, out: &mut Outputs<Ask>) {
        while self.waiting.is_none() {
            // Who never pauses gives the timer no turn.
            if self.message_deadline().is_some_and(|deadline| deadline <= now) {
                return self.fail(now, Fault::Slow, out);
            }
            let mut turn = Turn { now, more: false, out: &mut *out };
            let moved = match self.stage {
                Stage::Closed => return,
                Stage::Text(_) => data::read(self, input, &mut turn),
                Stage::Chunk(_) => bdat::read(self, input, &mut turn),
                Stage::Commands | Stage::Addressed(_) | Stage::Login(_) => self.read_line(input, &mut turn),
            };
            if !moved {
                return;
            }
            // Only whole commands buy time: a client that drips bytes gets none.
            self.rest(now);
        }
    }

    fn answer(&mut self, now: Now, answer: Answer, out: &mut Outputs<Ask>) {
        self.rest(now);
        let mut turn = Turn { now, more: false, out };
        match (self.waiting.take(), answer) {
            (Some(Waiting::Sender(sender)), Answer::Sender(answer)) => {
                mail::answered(self, sender, answer, &mut turn);
            }
            (Some(Waiting::Recipient(path)), Answer::Recipient(answer)) => {
                rcpt::answered(self, path, answer, &mut turn);
            }
            (Some(Waiting::StartTls), Answer::StartTls(facts)) => starttls::answered(self, facts),
            (Some(Waiting::Nonce(opening)), Answer::Nonce(nonce)) => {
                auth::opened(self, opening, nonce, &mut turn);
            }
            (Some(Waiting::Login), Answer::Login(answer)) => auth::answered(self, answer, &mut turn),
            (Some(Waiting::Delivery(count)), Answer::Deliver(answer)) => {
                self.answer_delivery(count, answer, &mut turn);
            }
            _ => self.fail(now, Fault::Confused, turn.out),
        }
    }

    fn deadline(&self) -> Option<Now> {
        let limits = &self.settings.limits;
        let deadline = match &self.stage {
            _ if self.waiting.is_some() => return None,
            Stage::Closed => return None,
            Stage::Text(text) => text.pace.deadline(limits),
            Stage::Chunk(chunk) => chunk.pace.deadline(limits),
            Stage::Commands | Stage::Addressed(_) | Stage::Login(_) => self.deadline,
        };
        Some(self.message_deadline().map_or(deadline, |message| message.min(deadline)))
    }

    fn expired(&mut self, now: Now, out: &mut Outputs<Ask>) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.fail(now, Fault::Slow, out);
        }
    }

    fn stop(&mut self, now: Now, out: &mut Outputs<Ask>) {
        if !matches!(self.stage, Stage::Closed) {
            self.fail(now, Fault::Stopping, out);
        }
    }
}

/// Moves bytes in which no line ends to the front of their queue once the line reader may drop
/// them: it asks the queue to consume `usize::MAX` bytes, which overflows for bytes further back.
fn move_to_front(input: &mut Input, len_max_bytes: usize) {
    if input.len() >= len_max_bytes && memchr::memchr(b'\n', input.as_slice()).is_none() {
        let bytes = input.as_slice().to_vec();
        input.clear();
        input.push(&bytes);
    }
}

/// A reader of lines as long as any command of the service may be.
fn line_reader(settings: &Settings) -> LineReader {
    let limits = &settings.limits;
    let len_max_bytes = match settings.service {
        Service::Submission => limits.command_line_len_max_bytes.max(limits.auth_line_len_max_bytes),
        Service::Mx | Service::Lmtp => limits.command_line_len_max_bytes,
    };
    LineReader::new(len_max_bytes, LineEnd::CrLf)
}
