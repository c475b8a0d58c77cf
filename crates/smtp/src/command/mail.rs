//! MAIL: begins a transaction (RFC 5321 §4.1.1.2).

use crate::address::split_path;
use crate::ask::{Ask, Sender};
use crate::error::Fault;
use crate::params::{self, Param, ParamError, Params};
use crate::session::{Session, Turn, Waiting};
use crate::{Refusal, session};
use crate::{ReversePath, Service, reply};
use std::sync::Arc;

pub(super) const SYNTAX: &str = "MAIL FROM:<address> [parameters]";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    if session.transaction().is_some() {
        return Err(Fault::MailNested);
    }
    // RFC 6409 §4.3: submission is for those who are known.
    if session.settings.service == Service::Submission && session.client.login.is_none() {
        return Err(Fault::NeedLogin);
    }
    let sender = Arc::new(parse(session, args)?);
    session.ask(Waiting::Sender(Arc::clone(&sender)), Ask::Sender(sender), turn.out);
    Ok(())
}

/// Goes on with the outside's word on the sender.
pub(crate) fn answered(
    session: &mut Session,
    sender: Arc<Sender>,
    answer: Result<(), Refusal>,
    turn: &mut Turn,
) {
    match answer {
        Ok(()) => {
            session.begin(session::Transaction::new(sender));
            reply::write(turn.out.bytes_mut(), "250", "2.1.0 sender ok");
        }
        Err(refusal) => {
            session.mail_refused = true;
            session.refuse(&refusal, turn.out);
        }
    }
}

/// The sender of a command that was refused, as far as one can be read.
pub(crate) fn attempted(session: &Session, args: &[u8]) -> Option<Arc<Sender>> {
    let (path, _) = split_path(args.get(5..)?)?;
    let path = ReversePath::parse(path, true).ok()?;
    let authenticated = session.client.login.clone();
    Some(Arc::new(Sender { path, authenticated, size_bytes: None, smtputf8: false, body_8bit: false }))
}

fn parse(session: &Session, args: &[u8]) -> Result<Sender, Fault> {
    let syntax = Fault::Arguments(SYNTAX);
    let path = args.get(..5).filter(|from| from.eq_ignore_ascii_case(b"FROM:")).ok_or(syntax)?;
    let (path, rest) = split_path(&args[path.len()..]).ok_or(syntax)?;
    let params = Params::parse(rest)?;
    let smtputf8 = params.has("SMTPUTF8");
    let mut sender = Sender {
        path: ReversePath::parse(path, smtputf8).map_err(Fault::Sender)?,
        authenticated: session.client.login.clone(),
        size_bytes: None,
        smtputf8,
        body_8bit: false,
    };
    for param in params.iter() {
        // Parameters belong to extensions, and HELO offers none (RFC 5321 §4.1.1.2).
        if !session.client.hello.as_ref().is_some_and(|hello| hello.extended) {
            return Err(Fault::ParameterUnknown);
        }
        apply(session, param, &mut sender)?;
    }
    Ok(sender)
}

fn apply(session: &Session, param: Param, sender: &mut Sender) -> Result<(), Fault> {
    let value = param.value.ok_or(Fault::ParameterSyntax);
    if param.is("SIZE") {
        // RFC 1870 §6.1: what is announced as too large need not be sent at all.
        let size = params::parse_size(value?).ok_or(Fault::ParameterSyntax)?;
        if size > session.settings.limits.message_size_max_bytes {
            return Err(Fault::TooLarge);
        }
        sender.size_bytes = Some(size);
    } else if param.is("BODY") {
        // RFC 6152 §2; BINARYMIME (RFC 3030 §3) is not offered.
        match value? {
            value if value.eq_ignore_ascii_case("7BIT") => {}
            value if value.eq_ignore_ascii_case("8BITMIME") => sender.body_8bit = true,
            _ => return Err(Fault::ParameterUnknown),
        }
    } else if param.is("SMTPUTF8") {
        // RFC 6531 §3.4: it takes no value.
        if param.value.is_some() {
            return Err(Fault::ParameterSyntax);
        }
    } else if param.is("AUTH") && session.settings.service == Service::Submission {
        // RFC 4954 §5: from a client that is not trusted to speak for others it counts as `<>`.
        if !params::is_auth_value(value?) {
            return Err(Fault::ParameterSyntax);
        }
    } else {
        return Err(Fault::ParameterUnknown);
    }
    Ok(())
}

impl From<ParamError> for Fault {
    fn from(error: ParamError) -> Fault {
        match error {
            ParamError::Syntax => Fault::ParameterSyntax,
            ParamError::Twice => Fault::ParameterTwice,
        }
    }
}
