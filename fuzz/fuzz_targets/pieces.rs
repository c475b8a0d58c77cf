//! Bytes in pieces, as a network delivers them.

/// Cuts `bytes` into pieces as long as `lengths` say, over and over; a length of 0 counts as 256.
pub fn pieces<'a>(bytes: &'a [u8], lengths: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    let mut lengths = lengths.iter().cycle();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let len = lengths.next().map_or(rest.len(), |len| if *len == 0 { 256 } else { usize::from(*len) });
        let (piece, after) = rest.split_at(len.min(rest.len()));
        rest = after;
        Some(piece)
    })
}
