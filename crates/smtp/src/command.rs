//! The commands, one row each; HELP and the dispatch are made from the rows.

use crate::Service;
use crate::Service::{Lmtp, Mx, Submission};
use crate::error::Fault;
use crate::session::{Session, Turn};

pub(crate) mod auth;
pub(crate) mod bdat;
pub(crate) mod data;
mod ehlo;
mod etrn;
mod expn;
mod helo;
mod help;
mod lhlo;
pub(crate) mod mail;
mod noop;
mod quit;
pub(crate) mod rcpt;
mod rset;
pub(crate) mod starttls;
mod vrfy;

pub(crate) use bdat::Chunk;
pub(crate) use data::Text;

/// A command of the protocol.
pub struct Command {
    /// Its first word, in capitals.
    pub verb: &'static str,
    /// How it is written; the text of the 501 reply and of HELP.
    pub syntax: &'static str,
    /// Where it is known.
    pub services: &'static [Service],
    /// The client must have said hello.
    needs_hello: bool,
    /// It must be the last of a pipelined group (RFC 2920 §3.1): the fault if bytes follow it.
    last: Option<Fault>,
    run: fn(&mut Session, &[u8], &mut Turn) -> Result<(), Fault>,
}

/// Every command that is known, the frequent ones first.
pub const COMMANDS: &[Command] = &[
    row("MAIL", mail::SYNTAX, ALL, mail::run).after_hello(),
    row("RCPT", rcpt::SYNTAX, ALL, rcpt::run).after_hello(),
    row("DATA", data::SYNTAX, ALL, data::run).after_hello().last(Fault::TalkedBeforeReply),
    row("BDAT", bdat::SYNTAX, ALL, bdat::run),
    row("RSET", rset::SYNTAX, ALL, rset::run),
    row("QUIT", quit::SYNTAX, ALL, quit::run),
    row("EHLO", ehlo::SYNTAX, &[Mx, Submission], ehlo::run).last(Fault::TalkedBeforeReply),
    row("HELO", helo::SYNTAX, &[Mx, Submission], helo::run).last(Fault::TalkedBeforeReply),
    row("LHLO", lhlo::SYNTAX, &[Lmtp], lhlo::run).last(Fault::TalkedBeforeReply),
    row("STARTTLS", starttls::SYNTAX, &[Mx, Submission], starttls::run).last(Fault::TalkedBeforeTls),
    row("AUTH", auth::SYNTAX, &[Submission], auth::run).after_hello().last(Fault::TalkedBeforeReply),
    row("NOOP", noop::SYNTAX, ALL, noop::run),
    row("VRFY", vrfy::SYNTAX, ALL, vrfy::run),
    row("EXPN", expn::SYNTAX, ALL, expn::run),
    row("HELP", help::SYNTAX, ALL, help::run),
    row("ETRN", etrn::SYNTAX, &[Mx, Submission], etrn::run),
];

const ALL: &[Service] = &[Mx, Submission, Lmtp];

const fn row(
    verb: &'static str,
    syntax: &'static str,
    services: &'static [Service],
    run: fn(&mut Session, &[u8], &mut Turn) -> Result<(), Fault>,
) -> Command {
    Command { verb, syntax, services, needs_hello: false, last: None, run }
}

impl Command {
    const fn after_hello(mut self) -> Command {
        self.needs_hello = true;
        self
    }

    const fn last(mut self, fault: Fault) -> Command {
        self.last = Some(fault);
        self
    }

    /// The command that a line begins with, and its arguments without the space before them and
    /// without spaces at the end (RFC 5321 §4.1.1 forgives those). Commands of other services are
    /// known, but not offered.
    pub(crate) fn find(service: Service, line: &[u8]) -> Result<(&'static Command, &[u8]), Fault> {
        let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let args = line[end..].strip_prefix(b" ").unwrap_or_default().trim_ascii_end();
        let named = |row: &&Command| row.verb.as_bytes().eq_ignore_ascii_case(&line[..end]);
        let command = COMMANDS.iter().find(named).ok_or(Fault::Unknown)?;
        if command.services.contains(&service) { Ok((command, args)) } else { Err(Fault::NotOffered) }
    }

    /// Carries the command out, or says why not.
    pub(crate) fn run(&self, session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
        if let Some(fault) = self.last.filter(|_| turn.more) {
            return Err(fault);
        }
        if self.needs_hello && session.client.hello.is_none() {
            return Err(Fault::NeedHello);
        }
        (self.run)(session, args, turn)
    }
}

/// Refuses arguments to a command that takes none.
fn no_arguments(args: &[u8], syntax: &'static str) -> Result<(), Fault> {
    if args.is_empty() { Ok(()) } else { Err(Fault::Arguments(syntax)) }
}
