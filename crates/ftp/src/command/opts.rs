//! OPTS: how commands behave from here on (RFC 2389 §4).

use super::{Args, hash};
use crate::listing::Facts;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Login, Next, Turn};

/// UTF8 is taken before login too: clients say it as soon as FEAT has named it.
pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let mut words = args.all().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let command = words.next().map(<[u8]>::to_ascii_uppercase);
    if matches!(command.as_deref(), Some(b"UTF8" | b"UTF-8")) {
        // Names are UTF-8 (RFC 2640 §3.1), whatever the client says.
        reply::line(turn.out, 200, "Names are UTF-8.");
        return Ok(Next::Stay);
    }
    let Login::In(area) = login else { return Err(Refusal::NotLoggedIn) };
    let option = words.next().unwrap_or_default();
    if words.next().is_some() {
        return Err(Refusal::Invalid("Invalid number of arguments."));
    }
    match command.as_deref() {
        None => Err(Refusal::NeedsArgument),
        Some(b"MLST") => mlst(area, option, turn),
        Some(b"HASH") => algorithm(area, option, turn),
        Some(_) => Err(Refusal::Invalid("Unsupported command.")),
    }
}

/// RFC 3659 §7.9.
fn mlst(area: &mut Area, list: &[u8], turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let facts = std::str::from_utf8(list).ok().and_then(Facts::parse);
    area.facts = facts.ok_or(Refusal::Invalid("Invalid argument."))?;
    reply::line(turn.out, 200, &format!("MLST OPTS {}", area.facts.list()));
    Ok(Next::Stay)
}

/// Without a name it tells the current one.
fn algorithm(area: &mut Area, name: &[u8], turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    if !name.is_empty() {
        let known = hash::offered(turn.settings, name);
        area.hash = Some(known.ok_or(Refusal::NotForParameter("No such algorithm here."))?);
    }
    let current = area.hash.or(turn.settings.hashes.first().copied()).ok_or(Refusal::NotOffered)?;
    reply::line(turn.out, 200, current.name());
    Ok(Next::Stay)
}
