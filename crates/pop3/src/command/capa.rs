//! CAPA: what the server can do (RFC 2449 §5).

use super::{Args, COMMANDS, Stage, Turn};
use crate::authorization::{self, Authorization};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::{Expire, Settings};
use crate::transaction::{self, Transaction};

pub(crate) fn before(
    _: &mut Authorization,
    args: Args<'_>,
    turn: &mut Turn<'_>,
) -> Result<authorization::Next, Refusal> {
    answer(args, turn, Stage::Authorization).map(|()| authorization::Next::Stay)
}

pub(crate) fn during(
    _: &mut Transaction,
    args: Args<'_>,
    turn: &mut Turn<'_>,
) -> Result<transaction::Next, Refusal> {
    answer(args, turn, Stage::Transaction).map(|()| transaction::Next::Stay)
}

fn answer(args: Args<'_>, turn: &mut Turn<'_>, stage: Stage) -> Result<(), Refusal> {
    args.none()?;
    reply::ok(turn.out, "Capabilities follow");
    for line in capabilities(turn.settings, turn.offer, stage) {
        turn.out.extend_from_slice(line.as_bytes());
        turn.out.extend_from_slice(b"\r\n");
    }
    turn.out.extend_from_slice(b".\r\n");
    Ok(())
}

/// The lines: those of the commands first, then those that no command stands for.
pub(crate) fn capabilities(settings: &Settings, offer: &sasl::Offer, stage: Stage) -> Vec<String> {
    let rows = COMMANDS.iter().filter_map(|row| row.capability?(settings, offer, stage));
    // RFC 2449 §6.4 and §6.6, RFC 3206 §6.
    let fixed = ["RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"].map(str::to_string);
    let expire = match settings.expire {
        Expire::Never => "EXPIRE NEVER".to_string(),
        Expire::Days(days) => format!("EXPIRE {days}"),
    };
    let delay = (settings.login_delay_s > 0).then(|| format!("LOGIN-DELAY {}", settings.login_delay_s));
    let implementation = format!("IMPLEMENTATION {}", settings.implementation.as_str());
    rows.chain(fixed).chain([expire]).chain(delay).chain([implementation]).collect()
}
