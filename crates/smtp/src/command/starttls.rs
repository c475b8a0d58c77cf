//! STARTTLS: goes on under TLS (RFC 3207).

use crate::ask::{Ask, TlsFacts};
use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Turn, Waiting};

pub(super) const SYNTAX: &str = "STARTTLS";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    if session.client.tls.is_some() {
        return Err(Fault::TlsAlready);
    }
    if !session.may_start_tls() {
        return Err(Fault::NotOffered);
    }
    super::no_arguments(args, SYNTAX)?;
    reply::write(turn.out.bytes_mut(), "220", "2.0.0 ready to start TLS");
    session.ask(Waiting::StartTls, Ask::StartTls, turn.out);
    Ok(())
}

/// Nothing that was said before TLS counts any more (RFC 3207 §4.2).
pub(crate) fn answered(session: &mut Session, facts: TlsFacts) {
    session.forget_client(Some(facts));
}
