//! APPE: store at the end of a file (RFC 959 §4.1.3).

use super::{Args, stor};
use crate::ask::Placing;
use crate::refusal::Refusal;
use crate::state::{Area, Next, Once, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let path = area.path(args.some()?)?;
    if matches!(turn.once, Once::Restart(_)) {
        return Err(Refusal::RestBeforeAppe);
    }
    let part = area.take_part(&path);
    stor::store(area, Placing::Append { path, part }, turn)
}
