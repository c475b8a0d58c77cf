//! EXPN: known and refused, since it would give lists away (RFC 5321 §3.5.3, §7.3).

use crate::error::Fault;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "EXPN list (not implemented)";

pub(super) fn run(_: &mut Session, _: &[u8], _: &mut Turn) -> Result<(), Fault> {
    Err(Fault::NotOffered)
}
