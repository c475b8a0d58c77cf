//! PBSZ: the size of protected blocks, which TLS has no use for (RFC 4217 §8).

use super::{Args, number};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::state::{Area, Channel, Login, Next, Turn};

/// Whatever size is asked for, the answer is 0 (RFC 2228 §3 lets the server answer with a smaller one).
pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    if !turn.channel.tls {
        return Err(Refusal::NoTlsYet);
    }
    number(args.word()?).ok_or(args.syntax())?;
    turn.channel.pbsz = true;
    reply::line(turn.out, 200, "PBSZ=0");
    Ok(Next::Stay)
}

/// RFC 4217 §6.
pub(crate) fn feature(settings: &Settings, channel: &Channel, _: Option<&Area>) -> Option<String> {
    (settings.auth_tls || channel.tls).then(|| "PBSZ".to_string())
}
