//! STOU: a file from the client, under a name of our making (RFC 959 §4.1.3).

use super::{Args, stor};
use crate::ask::Placing;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Once, Turn};

/// An argument, which the standard does not know, is what the name may begin with; and where.
pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    if matches!(turn.once, Once::Restart(_)) {
        return Err(Refusal::RestBeforeStou);
    }
    let argument = args.all();
    let path = area.path(argument)?;
    let placing = match path.name() {
        Some(name) if !argument.is_empty() => {
            Placing::Unique { folder: path.parent(), hint: Some(name.to_string()) }
        }
        _ => Placing::Unique { folder: path, hint: None },
    };
    stor::store(area, placing, turn)
}
