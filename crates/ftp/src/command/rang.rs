//! RANG: the bytes that the next HASH is about.

use super::{Args, number};
use crate::ask::ByteRange;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Next, Once, Turn};

/// The last byte belongs to the range. A range that ends before it begins is none: all of the file.
pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let (first, last) = args.word_and_rest()?;
    let start = number(first).ok_or(args.syntax())?;
    let last = number(last.trim_ascii()).filter(|last| *last < u64::MAX).ok_or(args.syntax())?;
    let text = match start <= last {
        true => {
            area.once = Once::Range(ByteRange { start, end: Some(last + 1) });
            format!("Range is {start} to {last}.")
        }
        false => "Range is the whole file.".to_string(),
    };
    reply::line(turn.out, 350, &text);
    Ok(Next::Stay)
}
