//! QUIT: ends the session (RFC 5321 §4.1.1.10).

use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "QUIT";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    super::no_arguments(args, SYNTAX)?;
    reply::write(turn.out.bytes_mut(), "221", "2.0.0 goodbye");
    session.close(turn.out);
    Ok(())
}
