//! AUTH: a SASL exchange (RFC 5034 §4).

use super::{Args, Stage, Turn};
use crate::authorization::{Authorization, Next};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use sasl::NotOffered;
use sasl::response::decode_initial;

/// Without a mechanism, AUTH lists what there is, as older clients expect it.
pub(crate) fn run(_: &mut Authorization, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let mut words = args.split();
    let (name, initial) = match (words.next(), words.next(), words.next()) {
        (None, ..) => return Ok(list(turn)),
        (Some(name), initial, None) => (name, initial),
        _ => return Err(args.syntax()),
    };
    let mechanism = turn.offer.select(name).map_err(|why| match why {
        NotOffered::NeedsTls => Refusal::TlsNeeded,
        NotOffered::Unsupported => Refusal::UnknownMechanism,
    })?;
    let initial = initial.map(decode_initial).transpose().map_err(|_| Refusal::BadResponse)?;
    Ok(Next::Authenticate { mechanism, initial })
}

fn list(turn: &mut Turn<'_>) -> Next {
    reply::ok(turn.out, "Mechanisms follow");
    for mechanism in turn.offer.mechanisms() {
        turn.out.extend_from_slice(format!("{mechanism}\r\n").as_bytes());
    }
    turn.out.extend_from_slice(b".\r\n");
    Next::Stay
}

/// The mechanisms of this connection (RFC 5034 §3); none are possible before TLS.
pub(crate) fn capability(_: &Settings, offer: &sasl::Offer, _: Stage) -> Option<String> {
    let names: Vec<&str> = offer.mechanisms().map(|mechanism| mechanism.name()).collect();
    (!names.is_empty()).then(|| format!("SASL {}", names.join(" ")))
}
