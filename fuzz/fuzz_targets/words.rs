//! Text made of words that a parser knows, so that the fuzzer need not find them letter by letter.

/// The bytes that `parts` stand for: each one a word of `words`, or none if it counts past their
/// end, and any bytes behind it.
pub fn text(words: &[&[u8]], parts: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (word, raw) in parts {
        out.extend_from_slice(words.get(usize::from(*word)).copied().unwrap_or_default());
        out.extend_from_slice(raw);
    }
    out
}
