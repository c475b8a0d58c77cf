//! Multi-line replies, written a piece at a time so that none is held whole.

use crate::settings::OUTPUT_HIGH_BYTES;
use crate::transaction::Transaction;
use std::ops::Range;
use std::sync::Arc;
use wire::dot::DotWriter;

/// The rest of a multi-line reply (RFC 1939 §3).
#[derive(Debug)]
pub(crate) enum Sending {
    /// A message, or its beginning.
    Content { bytes: Arc<Vec<u8>>, range: Range<usize>, writer: DotWriter },
    /// LIST: numbers and sizes, from this number on.
    Sizes { next: usize },
    /// UIDL: numbers and unique ids, from this number on.
    UniqueIds { next: usize },
}

impl Sending {
    /// Sends `bytes[range]`.
    pub(crate) fn content(bytes: Arc<Vec<u8>>, range: Range<usize>) -> Sending {
        Sending::Content { bytes, range, writer: DotWriter::new() }
    }

    /// Adds to `out` until it is full enough or all is written, dot included; then gives `None`.
    pub(crate) fn write(self, open: &Transaction, out: &mut Vec<u8>) -> Option<Sending> {
        match self {
            Sending::Content { bytes, range, mut writer } => {
                let room = OUTPUT_HIGH_BYTES.saturating_sub(out.len());
                let end = range.end.min(range.start + room);
                writer.write(&bytes[range.start..end], out);
                if end < range.end {
                    return Some(Sending::Content { bytes, range: end..range.end, writer });
                }
                writer.finish(out);
                None
            }
            Sending::Sizes { next } => {
                let line = |message: &crate::Message| message.size_octets.to_string();
                list(next, open, out, line).map(|next| Sending::Sizes { next })
            }
            Sending::UniqueIds { next } => {
                let line = |message: &crate::Message| message.unique_id.as_str().to_string();
                list(next, open, out, line).map(|next| Sending::UniqueIds { next })
            }
        }
    }
}

/// Lists from number `next` on; gives the number to go on with.
fn list(
    mut next: usize,
    open: &Transaction,
    out: &mut Vec<u8>,
    line: impl Fn(&crate::Message) -> String,
) -> Option<usize> {
    while let Some((number, message)) = open.next_from(next) {
        if out.len() >= OUTPUT_HIGH_BYTES {
            return Some(number);
        }
        out.extend_from_slice(format!("{number} {}\r\n", line(message)).as_bytes());
        next = number + 1;
    }
    out.extend_from_slice(b".\r\n");
    None
}

/// Where TOP ends: behind the header, its blank line, and `lines` lines of the body (RFC 1939 §7).
pub(crate) fn top_end(content: &[u8], lines: u64) -> usize {
    let mut at = header_end(content);
    for _ in 0..lines {
        match content[at..].iter().position(|byte| *byte == b'\n') {
            Some(end) => at += end + 1,
            None => return content.len(),
        }
    }
    at
}

/// Where the body begins: behind the blank line, or at the end of what has none.
pub(crate) fn header_end(content: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = content[at..].iter().position(|byte| *byte == b'\n') {
        let line = &content[at..=at + end];
        at += end + 1;
        if matches!(line, b"\r\n" | b"\n") {
            return at;
        }
    }
    content.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_counts_lines_of_the_body_alone() {
        let message = b"From: a\r\nSubject: b\r\n\r\none\r\n\r\nthree\r\n";
        for (lines, expected) in [
            (0, "From: a\r\nSubject: b\r\n\r\n"),
            (1, "From: a\r\nSubject: b\r\n\r\none\r\n"),
            (2, "From: a\r\nSubject: b\r\n\r\none\r\n\r\n"),
            (3, "From: a\r\nSubject: b\r\n\r\none\r\n\r\nthree\r\n"),
            (u64::MAX, "From: a\r\nSubject: b\r\n\r\none\r\n\r\nthree\r\n"),
        ] {
            assert_eq!(&message[..top_end(message, lines)], expected.as_bytes(), "{lines} lines");
        }
        for whole in [&b""[..], b"\r\n", b"From: a\r\n", b"From: a"] {
            assert_eq!(top_end(whole, 0), whole.len());
        }
        assert_eq!(top_end(b"\r\nbody\r\n", 0), 2, "an empty header");
    }
}
