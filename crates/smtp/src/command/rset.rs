//! RSET: drops the transaction (RFC 5321 §4.1.1.5).

use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "RSET";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    super::no_arguments(args, SYNTAX)?;
    session.reset();
    reply::write(turn.out.bytes_mut(), "250", "2.0.0 reset");
    Ok(())
}
