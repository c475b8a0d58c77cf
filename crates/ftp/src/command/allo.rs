//! ALLO: is there room for so many bytes (RFC 959 §4.1.3)?

use super::{Args, number};
use crate::ask::FilesAsk;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Turn};

/// Room is looked for but not kept. The answer is 200 even to what is no size: there are cameras that take
/// 202 for an error, and say it without thinking.
pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    const TEXT: &str = "There is room.";
    let word = args.word()?.split(|byte| *byte == b' ').next().unwrap_or_default();
    match number(word) {
        Some(size_bytes) => Next::change(FilesAsk::Fits { path: area.cwd.clone(), size_bytes }, 200, TEXT),
        None => {
            reply::line(turn.out, 200, TEXT);
            Ok(Next::Stay)
        }
    }
}
