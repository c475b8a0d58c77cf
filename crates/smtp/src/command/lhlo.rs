//! LHLO: the EHLO of LMTP (RFC 2033 §4.1).

use crate::error::Fault;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "LHLO hostname";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    super::ehlo::run(session, args, turn)
}
