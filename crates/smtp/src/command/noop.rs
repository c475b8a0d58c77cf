//! NOOP: nothing, whatever follows it (RFC 5321 §4.1.1.9).

use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "NOOP [text]";

pub(super) fn run(_: &mut Session, _: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    reply::write(turn.out.bytes_mut(), "250", "2.0.0 ok");
    Ok(())
}
