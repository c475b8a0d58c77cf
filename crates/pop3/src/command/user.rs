//! USER: the name, to be followed by PASS (RFC 1939 §7).

use super::{Args, Stage, Turn};
use crate::authorization::{Authorization, Next};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;

/// Any name is taken, so that nobody learns which ones exist. It may be UTF-8 with or without the
/// UTF8 command (RFC 6856 §2.2), and what is not UTF-8 or cannot be prepared is refused.
pub(crate) fn run(state: &mut Authorization, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    if !is_allowed(turn.offer) {
        return Err(Refusal::TlsNeeded);
    }
    state.user = None;
    let name = args.all()?;
    let name = std::str::from_utf8(name).map_err(|_| Refusal::BadName)?;
    state.user = Some(sasl::prepare::user(name.trim_matches(' ')).map_err(|_| Refusal::BadName)?);
    reply::ok(turn.out, "Send PASS");
    Ok(Next::Stay)
}

/// Passwords in the clear need TLS (RFC 8314 §4.1).
pub(crate) fn is_allowed(offer: &sasl::Offer) -> bool {
    offer.tls || offer.allow_plaintext
}

/// USER is announced where it is possible, in both states (RFC 2449 §6.2).
pub(crate) fn capability(_: &Settings, offer: &sasl::Offer, _: Stage) -> Option<String> {
    is_allowed(offer).then(|| "USER".to_string())
}
