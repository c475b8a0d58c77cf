//! MODE: a stream (RFC 959 §3.4.1) or, where it is switched on, a deflated one (RFC 5797 §3).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::state::{Area, Channel, Next, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    area.deflate = match args.word()?.to_ascii_uppercase().as_slice() {
        b"S" => false,
        b"Z" if turn.settings.mode_z => true,
        b"B" | b"C" | b"Z" => return Err(Refusal::NotForParameter("Unimplemented MODE type.")),
        _ => return Err(Refusal::Invalid("Unrecognized MODE type.")),
    };
    reply::line(turn.out, 200, if area.deflate { "Mode is Z." } else { "Mode is S." });
    Ok(Next::Stay)
}

pub(crate) fn feature(settings: &Settings, _: &Channel, _: Option<&Area>) -> Option<String> {
    settings.mode_z.then(|| "MODE Z".to_string())
}
