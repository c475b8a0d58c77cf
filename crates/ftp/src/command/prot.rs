//! PROT: whether data connections are protected (RFC 4217 §9).

use super::Args;
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::state::{Area, Channel, Login, Next, Turn};

pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let level = args.word()?;
    if !turn.channel.tls {
        return Err(Refusal::NoTlsYet);
    }
    if !turn.channel.pbsz {
        return Err(Refusal::NoPbsz);
    }
    turn.channel.protected = match level.to_ascii_uppercase().as_slice() {
        b"P" => true,
        b"C" => false,
        // Integrity alone and confidentiality alone: TLS gives both or none (RFC 4217 §9).
        b"S" | b"E" => return Err(Refusal::ProtectionLevel),
        _ => return Err(Refusal::NotForParameter("Unknown protection level.")),
    };
    let text = if turn.channel.protected {
        "Data connections are protected."
    } else {
        "Data connections are clear."
    };
    reply::line(turn.out, 200, text);
    Ok(Next::Stay)
}

/// RFC 4217 §6.
pub(crate) fn feature(settings: &Settings, channel: &Channel, _: Option<&Area>) -> Option<String> {
    (settings.auth_tls || channel.tls).then(|| "PROT".to_string())
}
