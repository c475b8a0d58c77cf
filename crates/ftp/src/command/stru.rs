//! STRU: files are files (RFC 959 §3.1.2).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

/// Records are taken as the bytes that they are (RFC 1123 §4.1.2.13).
pub(crate) fn run(_: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    match args.word()?.to_ascii_uppercase().as_slice() {
        b"F" | b"R" => {}
        b"P" => return Err(Refusal::NotForParameter("Unimplemented STRU type.")),
        _ => return Err(Refusal::Invalid("Unrecognized STRU type.")),
    }
    reply::line(turn.out, 200, "Structure is file.");
    Ok(Next::Stay)
}
