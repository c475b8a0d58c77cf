//! TYPE: text or bytes (RFC 959 §3.1.1).

use super::Args;
use crate::ask::Representation;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Once, Turn};

/// `A`, `A N`, `I`, `L 8`; in lower case and without the space too, as scanners say it. Carriage control
/// (`A T`, `A C`), EBCDIC and other bytes than those of eight bits are refused (RFC 1123 §4.1.2.1-2).
pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let mut name = args.word()?.to_ascii_uppercase();
    name.retain(|byte| *byte != b' ');
    let (representation, text) = match name.as_slice() {
        b"A" | b"AN" => (Representation::Ascii, "Type is ASCII."),
        b"I" | b"L8" => (Representation::Image, "Type is binary."),
        _ => return Err(Refusal::NotForParameter("Unsupported type.")),
    };
    area.representation = representation;
    if representation == Representation::Ascii {
        // REST is about bytes.
        area.once = Once::Nothing;
    }
    reply::line(turn.out, 200, text);
    Ok(Next::Stay)
}
