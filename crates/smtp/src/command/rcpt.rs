//! RCPT: adds a recipient (RFC 5321 §4.1.1.3).

use crate::address::split_path;
use crate::ask::{Ask, Recipient};
use crate::error::Fault;
use crate::params::Params;
use crate::session::{Session, Turn, Waiting};
use crate::{ForwardPath, Refusal, reply};
use std::sync::Arc;

pub(super) const SYNTAX: &str = "RCPT TO:<address>";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    let max = session.settings.limits.recipients_max();
    let transaction = session.transaction().ok_or(Fault::NeedMail)?;
    if transaction.chunked.is_some() {
        return Err(Fault::NotBetweenChunks);
    }
    let path = parse(args, transaction.sender.smtputf8)?;
    // RFC 5321 §4.5.3.1.10: only those over the limit are refused, for now.
    if transaction.recipients.len() >= max {
        return Err(Fault::TooManyRecipients);
    }
    let (sender, accepted) = (Arc::clone(&transaction.sender), transaction.recipients.len());
    let ask = Ask::Recipient { path: path.clone(), sender, accepted };
    session.ask(Waiting::Recipient(path), ask, turn.out);
    Ok(())
}

/// Goes on with the outside's word on the recipient.
pub(crate) fn answered(
    session: &mut Session,
    path: ForwardPath,
    answer: Result<u64, Refusal>,
    turn: &mut Turn,
) {
    match (answer, session.transaction()) {
        (Ok(token), Some(transaction)) => {
            transaction.recipients.push(Recipient { path, token });
            reply::write(turn.out.bytes_mut(), "250", "2.1.5 recipient ok");
        }
        (Err(refusal), Some(_)) => {
            session.tally.refused_recipients += u32::from(refusal.is_permanent());
            if session.tally.refused_recipients > session.settings.limits.recipients_refused_max {
                session.fail(turn.now, Fault::TooManyRefused, turn.out);
            } else {
                session.refuse(&refusal, turn.out);
            }
        }
        (_, None) => session.fail(turn.now, Fault::Confused, turn.out),
    }
}

/// The recipient of a command that was refused, as far as one can be read.
pub(crate) fn attempted(args: &[u8]) -> Option<ForwardPath> {
    let (path, _) = split_path(args.get(3..)?)?;
    ForwardPath::parse(path, true).ok()
}

/// RCPT has no parameters here: those of DSN and others are not offered.
fn parse(args: &[u8], smtputf8: bool) -> Result<ForwardPath, Fault> {
    let syntax = Fault::Arguments(SYNTAX);
    let to = args.get(..3).filter(|to| to.eq_ignore_ascii_case(b"TO:")).ok_or(syntax)?;
    let (path, rest) = split_path(&args[to.len()..]).ok_or(syntax)?;
    let params = Params::parse(rest)?;
    let path = ForwardPath::parse(path, smtputf8).map_err(Fault::Recipient)?;
    if params.iter().next().is_some() {
        return Err(Fault::ParameterUnknown);
    }
    Ok(path)
}
