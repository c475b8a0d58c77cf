//! AUTH: TLS from here on (RFC 4217 §4).

use super::Args;
use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::state::{Area, Channel, Login, Next, Pending, Turn};

/// `SSL` is what some clients say for TLS; data is not protected by it alone, as with `TLS`.
const NAMES: &[&str] = &["TLS", "TLS-C", "SSL"];

pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let name = args.word()?;
    if turn.channel.tls {
        return Err(Refusal::TlsActive);
    }
    if !NAMES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
        return Err(Refusal::NotForParameter("Unknown mechanism: TLS is known."));
    }
    if !turn.settings.auth_tls {
        return Err(Refusal::NoTls);
    }
    // Somebody in between may have added them, to be obeyed inside TLS.
    if turn.more_came {
        return Err(Refusal::BytesBehindAuth);
    }
    reply::line(turn.out, 234, "Begin TLS.");
    Ok(Next::Ask(Ask::StartTls { host: turn.channel.host.clone() }, Pending::Tls))
}

/// Announced while it is possible (RFC 4217 §6).
pub(crate) fn feature(settings: &Settings, channel: &Channel, _: Option<&Area>) -> Option<String> {
    (settings.auth_tls && !channel.tls).then(|| "AUTH TLS".to_string())
}
