//! ETRN: known and refused; nothing is held back to be asked for (RFC 1985).

use crate::error::Fault;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "ETRN domain (not implemented)";

pub(super) fn run(_: &mut Session, _: &[u8], _: &mut Turn) -> Result<(), Fault> {
    Err(Fault::NotOffered)
}
