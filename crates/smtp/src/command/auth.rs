//! AUTH: logs in (RFC 4954). On submission only, and only over TLS unless settings say otherwise.

use crate::ask::Ask;
use crate::error::Fault;
use crate::session::{Session, Stage, Turn, Waiting};
use crate::{Refusal, Service, reply};
use sasl::{Exchange, Failure, Mechanism, NotOffered, Offer, Secret, ServerNonce, Step};
use std::sync::Arc;
use wire::line::LineError;

pub(super) const SYNTAX: &str = "AUTH mechanism [initial-response]";

/// An AUTH command that waits for the nonce of its exchange.
#[derive(Debug)]
pub(crate) struct Opening {
    mechanism: Mechanism,
    initial: Option<Secret>,
}

/// What AUTH may use on this connection now.
pub(super) fn offer(session: &Session) -> Offer {
    let tls = session.client.tls.as_ref();
    Offer {
        tls: tls.is_some(),
        bindings: tls.map(|facts| facts.bindings.clone()).unwrap_or_default(),
        allow_plaintext: session.settings.allow_plaintext_auth,
    }
}

/// The line of EHLO, where there is a mechanism to offer.
pub(super) fn extension(session: &Session) -> Option<String> {
    if session.settings.service != Service::Submission || session.client.login.is_some() {
        return None;
    }
    let names: Vec<&str> = offer(session).mechanisms().map(Mechanism::name).collect();
    (!names.is_empty()).then(|| format!("AUTH {}", names.join(" ")))
}

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    // RFC 4954 §4: not within a transaction, and once only.
    if session.client.login.is_some() {
        return Err(Fault::LoginTwice);
    }
    if session.transaction().is_some() {
        return Err(Fault::MailNested);
    }
    let mut words = args.splitn(2, |byte| *byte == b' ');
    let name = words.next().filter(|name| !name.is_empty()).ok_or(Fault::Arguments(SYNTAX))?;
    let mechanism = offer(session).select(name).map_err(|refused| match refused {
        NotOffered::Unsupported => Fault::MechanismUnknown,
        NotOffered::NeedsTls => Fault::LoginNeedsTls,
    })?;
    let initial = words.next().map(sasl::response::decode_initial).transpose();
    let initial = initial.map_err(|failure| failed(session, failure))?;
    session.ask(Waiting::Nonce(Opening { mechanism, initial }), Ask::Nonce, turn.out);
    Ok(())
}

/// Goes on with the random bytes of the exchange's nonce.
pub(crate) fn opened(session: &mut Session, opening: Opening, nonce: [u8; 18], turn: &mut Turn) {
    let initial = opening.initial.as_ref().map(Secret::expose);
    let nonce = ServerNonce::from_random(nonce);
    match Exchange::start(&offer(session), opening.mechanism, nonce, initial) {
        Ok(step) => advance(session, step, turn),
        Err(_) => session.fail(turn.now, Fault::MechanismUnknown, turn.out),
    }
}

/// Goes on with what the outside found out.
pub(crate) fn answered(session: &mut Session, answer: Result<Step, Refusal>, turn: &mut Turn) {
    match answer {
        Ok(step) => advance(session, step, turn),
        Err(refusal) => session.refuse(&refusal, turn.out),
    }
}

/// Goes on with a line of the client; the exchange is over unless it leads to another challenge.
pub(crate) fn line(
    session: &mut Session,
    exchange: Exchange,
    line: Result<Vec<u8>, LineError>,
    turn: &mut Turn,
) -> Result<(), Fault> {
    let line = Secret::new(line.map_err(|error| match error {
        // RFC 4954 §4, §6.
        LineError::TooLong => Fault::LoginLineTooLong,
        error => Fault::Line(error),
    })?);
    // The client cannot know the next challenge, so it cannot have more to say (RFC 2920 §3.1).
    if turn.more {
        return Err(Fault::TalkedBeforeReply);
    }
    advance(session, exchange.answer_line(line.expose()), turn);
    Ok(())
}

fn advance(session: &mut Session, step: Step, turn: &mut Turn) {
    match step {
        Step::Challenge(exchange, challenge) => {
            session.stage = Stage::Login(Box::new(exchange));
            reply::write(turn.out.bytes_mut(), "334", &sasl::response::encode(&challenge));
        }
        Step::NeedVerify(pending) => session.ask(Waiting::Login, Ask::Verify(pending), turn.out),
        Step::NeedScram(pending) => session.ask(Waiting::Login, Ask::LookUpScram(pending), turn.out),
        Step::Done { user } => {
            session.client.login = Some(Arc::from(user));
            session.tally.failed_logins = 0;
            reply::write(turn.out.bytes_mut(), "235", "2.7.0 authentication succeeded");
        }
        Step::Failed(failure) => {
            let fault = failed(session, failure);
            session.fail(turn.now, fault, turn.out);
        }
    }
}

/// Counts failures that may be guesses; the rest count as bad commands.
fn failed(session: &mut Session, failure: Failure) -> Fault {
    let fault = Fault::Login(failure);
    session.tally.failed_logins += u32::from(!fault.is_bad_command());
    if session.tally.failed_logins > session.settings.limits.failed_logins_max {
        return Fault::TooManyLogins;
    }
    fault
}
