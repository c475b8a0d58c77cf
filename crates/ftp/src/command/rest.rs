//! REST: where the next transfer begins (RFC 3659 §5).

use super::{Args, number};
use crate::ask::Representation;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Once, Turn};

/// In ASCII a place in the file is not one on the wire, so that only 0 means something.
pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let offset = number(args.word()?).ok_or(Refusal::Invalid("Invalid parameter."))?;
    if offset > 0 && area.representation == Representation::Ascii {
        return Err(Refusal::Invalid("Resuming is not allowed in ASCII mode."));
    }
    area.once = Once::Restart(offset);
    reply::line(turn.out, 350, &format!("Restarting at {offset}."));
    Ok(Next::Stay)
}
