//! Transfers: opening the data connection, moving, and the last word.

use super::address;
use super::argument::Argument;
use super::error::Error;
use super::listing::Form;
use super::reply::{Kind, Reply};
use super::session::{Context, State};
use super::settings::Opens;
use super::work::{Answer, Ask, Content, Direction, Done, Moved, MovedEnd, Store, Transfer};
use std::net::SocketAddr;
use std::num::NonZeroU16;

/// How many replies may come between NOOP and its own when the two sides find each other again.
const RESYNC_REPLIES_MAX: usize = 4;

/// What is moved.
#[derive(Debug)]
pub(super) enum Move {
    Retrieve { path: Argument, from: u64, max_bytes: Option<u64> },
    Store { path: Argument, how: Store },
    List { path: Argument },
}

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Moving {
    what: Move,
    /// The form in which a listing is asked for.
    form: Form,
    /// True once CWD has gone into the folder that LIST is to show.
    inside: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Type,
    /// CWD to the folder, as LIST with a parameter may take it for a pattern.
    Folder,
    Epsv,
    Pasv,
    Connecting {
        extended: bool,
    },
    Listening,
    Eprt(SocketAddr),
    Port,
    Rest,
    Begin,
    /// The driver moves. A last word that came instead of the 1yz is kept.
    Moving(Option<Reply>),
    Final(Moved),
    Aborting {
        moved: Moved,
        said: Option<Reply>,
    },
    Resyncing {
        moved: Moved,
        said: Option<Reply>,
        replies: usize,
    },
}

impl Moving {
    pub(super) fn begin(what: Move, context: &mut Context<'_>) -> State {
        let form = if context.link.features.facts.is_some() { Form::Machine } else { Form::Human };
        Moving { what, form, inside: false, stage: Stage::Type }.set_type(context)
    }

    /// True where a further reply may stand behind the one just read: the last word may come together
    /// with the first.
    pub(super) fn expects_more(&self) -> bool {
        matches!(
            self.stage,
            Stage::Moving(_) | Stage::Final(_) | Stage::Aborting { .. } | Stage::Resyncing { .. }
        )
    }

    fn go(self, stage: Stage) -> State {
        State::Moving(Moving { stage, ..self })
    }

    /// Files go as they are (TYPE I), LIST as text (RFC 959 §4.1.3); MLSD is the same in either.
    fn set_type(self, context: &mut Context<'_>) -> State {
        let wants_text = match (&self.what, self.form) {
            (Move::List { .. }, Form::Machine) => context.link.text,
            (Move::List { .. }, Form::Human) => true,
            _ => false,
        };
        if wants_text == context.link.text {
            return self.set_folder(context);
        }
        context.command("TYPE", if wants_text { b"A" } else { b"I" });
        self.go(Stage::Type)
    }

    fn set_folder(self, context: &mut Context<'_>) -> State {
        match (&self.what, self.form) {
            // Only an absolute path is the same wherever one stands.
            (Move::List { path }, Form::Human) if path.as_bytes().starts_with(b"/") => {
                context.command("CWD", path.as_bytes());
                self.go(Stage::Folder)
            }
            _ => self.open(context),
        }
    }

    /// Opens the data connection.
    fn open(self, context: &mut Context<'_>) -> State {
        match context.settings.opens {
            Opens::Server => {
                context.out.ask(Ask::Listen);
                self.go(Stage::Listening)
            }
            Opens::Client if context.link.extended || !context.settings.peer_is_ipv4 => {
                context.command("EPSV", b"");
                self.go(Stage::Epsv)
            }
            Opens::Client => self.pasv(context),
        }
    }

    fn pasv(self, context: &mut Context<'_>) -> State {
        context.command("PASV", b"");
        self.go(Stage::Pasv)
    }

    fn connect(self, port: NonZeroU16, extended: bool, context: &mut Context<'_>) -> State {
        context.out.ask(Ask::Connect { port });
        self.go(Stage::Connecting { extended })
    }

    /// REST stands right before the command it is for (RFC 3659 §5).
    fn restart(self, context: &mut Context<'_>) -> State {
        let from = match self.what {
            Move::Retrieve { from, .. } | Move::Store { how: Store::From(from), .. } => from,
            _ => 0,
        };
        if from == 0 {
            return self.command(context);
        }
        context.command("REST", from.to_string().as_bytes());
        self.go(Stage::Rest)
    }

    fn command(self, context: &mut Context<'_>) -> State {
        match &self.what {
            Move::Retrieve { path, .. } => context.command("RETR", path.as_bytes()),
            Move::Store { path, how: Store::Append } => context.command("APPE", path.as_bytes()),
            Move::Store { path, .. } => context.command("STOR", path.as_bytes()),
            Move::List { path } if self.form == Form::Machine => context.command("MLSD", path.as_bytes()),
            Move::List { .. } if self.inside => context.command("LIST", b""),
            Move::List { path } => context.command("LIST", path.as_bytes()),
        }
        self.go(Stage::Begin)
    }

    fn transfer(self, early: Option<Reply>, context: &mut Context<'_>) -> State {
        let (direction, content, max_bytes) = match self.what {
            Move::Retrieve { max_bytes, .. } => (Direction::Receive, Content::File, max_bytes),
            Move::Store { .. } => (Direction::Send, Content::File, None),
            Move::List { .. } => (Direction::Receive, Content::Listing(self.form), None),
        };
        let protected = context.link.protected;
        context.out.ask(Ask::Transfer(Transfer { direction, protected, content, max_bytes }));
        self.go(Stage::Moving(early))
    }

    pub(super) fn on_reply(self, reply: Reply, context: &mut Context<'_>) -> State {
        let kind = reply.kind();
        match &self.stage {
            Stage::Begin => return self.on_begin(reply, context),
            Stage::Final(_) | Stage::Aborting { .. } | Stage::Resyncing { .. } => {
                return self.on_last(reply, context);
            }
            // A reply while the driver works is read when it has done.
            Stage::Connecting { .. } | Stage::Listening | Stage::Moving(_) => {
                return context.end(Error::Unasked);
            }
            Stage::Rest if matches!(kind, Kind::More | Kind::Done) => return self.command(context),
            _ if matches!(kind, Kind::Begun | Kind::More) => return context.unexpected(reply),
            _ => {}
        }
        let negative = reply.is_negative();
        match self.stage {
            Stage::Type if !negative => {
                context.link.text = !context.link.text;
                self.set_folder(context)
            }
            Stage::Folder => {
                // A refusal may mean that it is a file; LIST will tell.
                Moving { inside: !negative, ..self }.open(context)
            }
            Stage::Epsv => self.on_epsv(reply, context),
            Stage::Pasv if !negative => match address::passive_port(reply.text()) {
                Some(port) if reply.code() == 227 => self.connect(port, false, context),
                _ => context.unreadable(reply),
            },
            Stage::Eprt(at) if negative => match address::port(at) {
                Some(parameter) => {
                    context.link.extended = false;
                    context.command("PORT", parameter.as_bytes());
                    self.go(Stage::Port)
                }
                None => context.refused(reply),
            },
            Stage::Eprt(_) | Stage::Port if !negative => self.restart(context),
            _ => context.refused(reply),
        }
    }

    /// Where EPSV fails in whatever way, PASV may do, if the peer has an IPv4 address.
    fn on_epsv(self, reply: Reply, context: &mut Context<'_>) -> State {
        let port = if reply.code() == 229 { address::extended_passive_port(reply.text()) } else { None };
        match port {
            Some(port) => self.connect(port, true, context),
            None if context.settings.peer_is_ipv4 => {
                context.link.extended = false;
                self.pasv(context)
            }
            None if reply.is_negative() => context.refused(reply),
            None => context.unreadable(reply),
        }
    }

    fn on_begin(mut self, reply: Reply, context: &mut Context<'_>) -> State {
        match reply.kind() {
            Kind::Begun => self.transfer(None, context),
            Kind::Done => self.transfer(Some(reply), context),
            Kind::More => context.unexpected(reply),
            _ => {
                let is_list = matches!(self.what, Move::List { .. }) && self.form == Form::Machine;
                if is_list && reply.is_not_implemented() {
                    context.link.features.facts = None;
                    self.form = Form::Human;
                    return self.set_type(context);
                }
                context.refused(reply)
            }
        }
    }

    /// Replies after the data.
    fn on_last(self, reply: Reply, context: &mut Context<'_>) -> State {
        let (kind, name) = (reply.kind(), self.name());
        match self.stage {
            // Marks and second 150s say nothing new.
            stage if kind == Kind::Begun => State::Moving(Moving { stage, ..self }),
            // 3yz wants a command that is not there: no transfer ends so.
            Stage::Final(_) if kind == Kind::More => context.unexpected(reply),
            Stage::Final(moved) => conclude(name, moved, Some(reply), context),
            // The transfer's own end comes first, then that of ABOR (RFC 959 §4.1.3). Servers differ in
            // whether an end that was already said is said again: where it is not certain that both have
            // come, a NOOP tells.
            Stage::Aborting { moved, said: None } if reply.is_negative() => {
                let said = Some(reply);
                State::Moving(Moving { stage: Stage::Aborting { moved, said }, ..self })
            }
            Stage::Aborting { moved, said: said @ Some(_) } => conclude(name, moved, said, context),
            Stage::Aborting { moved, said: None } => {
                context.command_within("NOOP", b"", context.settings.abort_timeout);
                self.go(Stage::Resyncing { moved, said: None, replies: 0 })
            }
            Stage::Resyncing { moved, said, .. } if reply.code() == 200 => {
                conclude(name, moved, said, context)
            }
            Stage::Resyncing { moved, said, replies } if replies < RESYNC_REPLIES_MAX => {
                let stage = Stage::Resyncing { moved, said, replies: replies + 1 };
                State::Moving(Moving { stage, ..self })
            }
            _ => context.unexpected(reply),
        }
    }

    pub(super) fn on_answer(self, answer: Answer, context: &mut Context<'_>) -> State {
        match (&self.stage, answer) {
            (Stage::Connecting { .. }, Answer::Connected(true)) => self.restart(context),
            (Stage::Connecting { extended: true }, Answer::Connected(false))
                if context.settings.peer_is_ipv4 =>
            {
                context.link.extended = false;
                self.pasv(context)
            }
            (Stage::Connecting { .. }, Answer::Connected(false)) => {
                context.finish(Err(Error::NoDataConnection { verb: self.verb() }))
            }
            (Stage::Listening, Answer::Listening(Some(at))) => {
                if let (false, Some(parameter)) = (context.link.extended, address::port(at)) {
                    context.command("PORT", parameter.as_bytes());
                    return self.go(Stage::Port);
                }
                context.command("EPRT", address::extended_port(at).as_bytes());
                self.go(Stage::Eprt(at))
            }
            (Stage::Listening, Answer::Listening(None)) => {
                context.finish(Err(Error::NoDataConnection { verb: self.verb() }))
            }
            (Stage::Moving(_), Answer::Moved(moved)) => self.on_moved(moved, context),
            _ => context.end(Error::Unasked),
        }
    }

    fn on_moved(self, moved: Moved, context: &mut Context<'_>) -> State {
        let name = self.name();
        context.link.verb = name.verb;
        match (moved.end, self.stage) {
            (_, Stage::Moving(Some(early))) => conclude(name, moved, Some(early), context),
            (MovedEnd::Complete | MovedEnd::Enough, stage) => {
                // Only what was stored may take the server long to settle.
                let stores = matches!(self.what, Move::Store { .. });
                let settings = context.settings;
                context.allow(if stores { settings.long_reply_timeout } else { settings.reply_timeout });
                Moving { stage, ..self }.go(Stage::Final(moved))
            }
            (MovedEnd::Cut | MovedEnd::GivenUp, stage) => {
                context.allow(context.settings.abort_timeout);
                Moving { stage, ..self }.go(Stage::Final(moved))
            }
            // The server may still wait for the connection, or write into nothing: it is told. No Telnet
            // Synch is sent along (RFC 959 §4.1.3): a server that needs it to hear will see the data
            // connection close, and urgent bytes have no place in TLS.
            (MovedEnd::Unopened | MovedEnd::Stalled | MovedEnd::Cancelled, stage) => {
                context.command_within("ABOR", b"", context.settings.abort_timeout);
                Moving { stage, ..self }.go(Stage::Aborting { moved, said: None })
            }
        }
    }

    /// No reply came in time.
    pub(super) fn on_silence(self, context: &mut Context<'_>) -> State {
        let verb = self.verb();
        match self.stage {
            // The cause is known; that the server keeps silent about it is no news.
            Stage::Final(moved) if !matches!(moved.end, MovedEnd::Complete | MovedEnd::Enough) => {
                context.end(Error::Data { verb, end: moved.end, bytes: moved.bytes, reply: None })
            }
            Stage::Aborting { moved, said } | Stage::Resyncing { moved, said, .. } => {
                context.end(Error::Data { verb, end: moved.end, bytes: moved.bytes, reply: said })
            }
            _ => {
                let verb = context.link.verb;
                context.end(Error::Silent { verb })
            }
        }
    }

    fn name(&self) -> Called {
        Called { verb: self.verb(), lists: matches!(self.what, Move::List { .. }) }
    }

    fn verb(&self) -> &'static str {
        match &self.what {
            Move::Retrieve { .. } => "RETR",
            Move::Store { how: Store::Append, .. } => "APPE",
            Move::Store { .. } => "STOR",
            Move::List { .. } if self.form == Form::Machine => "MLSD",
            Move::List { .. } => "LIST",
        }
    }
}

/// What a transfer is called when it has ended.
#[derive(Clone, Copy)]
struct Called {
    verb: &'static str,
    lists: bool,
}

/// The last word has come.
fn conclude(name: Called, moved: Moved, reply: Option<Reply>, context: &mut Context<'_>) -> State {
    let (Called { verb, lists }, Moved { bytes, end }) = (name, moved);
    let refused = reply.as_ref().is_some_and(Reply::is_negative);
    let result = match (end, reply) {
        (MovedEnd::Complete | MovedEnd::GivenUp, Some(reply)) if refused => {
            Err(Error::Refused { verb, reply })
        }
        (MovedEnd::Complete, _) if lists => Ok(Done::Listed),
        // Whatever the server says of a connection that was cut here, what was wanted has come.
        (MovedEnd::Complete | MovedEnd::Enough, _) => Ok(Done::Moved(bytes)),
        (end, reply) => Err(Error::Data { verb, end, bytes, reply }),
    };
    context.finish(result)
}
