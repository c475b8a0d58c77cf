//! VRFY: tells nothing (RFC 5321 §3.5.3, §7.3).

use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "VRFY address";

/// The same answer for everybody, so that nobody's existence can be asked for.
pub(super) fn run(_: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    if args.is_empty() {
        return Err(Fault::Arguments(SYNTAX));
    }
    reply::write(turn.out.bytes_mut(), "252", "2.5.0 cannot verify, send mail and see");
    Ok(())
}
