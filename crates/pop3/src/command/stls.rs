//! STLS: TLS from here on (RFC 2595 §4).

use super::{Args, Stage, Turn};
use crate::authorization::{Authorization, Next};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;

pub(crate) fn run(state: &mut Authorization, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    args.none()?;
    if turn.offer.tls {
        return Err(Refusal::TlsActive);
    }
    if !turn.settings.stls {
        return Err(Refusal::NoTls);
    }
    // RFC 6856 §2.1 forbids clients to send it after UTF8.
    if state.utf8 {
        return Err(Refusal::StlsAfterUtf8);
    }
    reply::ok(turn.out, "Begin TLS");
    Ok(Next::StartTls)
}

/// Announced while it is possible (RFC 2595 §8: AUTHORIZATION state only).
pub(crate) fn capability(settings: &Settings, offer: &sasl::Offer, stage: Stage) -> Option<String> {
    (settings.stls && !offer.tls && stage == Stage::Authorization).then(|| "STLS".to_string())
}
