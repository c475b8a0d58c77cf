//! HELO: hello without extensions (RFC 5321 §4.1.1.1).

use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "HELO hostname";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    super::ehlo::greet(session, args, false)?;
    reply::write(turn.out.bytes_mut(), "250", &session.settings.hostname);
    Ok(())
}
