//! HELP: the commands, or the form of one (RFC 959 §4.1.3). HELP SITE is what clients ask to see which
//! commands SITE has.

use super::{Args, COMMANDS, find, site};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

/// How many verbs stand in a line.
const VERBS_PER_LINE: usize = 8;

pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let mut words = args.all().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let Some(verb) = words.next() else {
        let verbs: Vec<&str> =
            COMMANDS.iter().flat_map(|row| std::iter::once(row.verb).chain(row.alias)).collect();
        let lines = verbs.chunks(VERBS_PER_LINE).map(|verbs| verbs.join(" "));
        reply::lines(turn.out, 214, "Commands:", lines, "HELP and a command shows its form.");
        return Ok(Next::Stay);
    };
    if verb.eq_ignore_ascii_case(b"SITE") {
        return site::help(words.next().unwrap_or_default(), turn);
    }
    let row = find(verb).ok_or(Refusal::Invalid("Unrecognized command."))?;
    reply::line(turn.out, 214, &format!("Syntax: {}", row.usage));
    Ok(Next::Stay)
}
