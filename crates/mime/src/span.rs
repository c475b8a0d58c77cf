//! Ranges of bytes that may be copied.

use std::ops::Range;

/// A range of bytes in a raw message: `start` is included, `end` is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` to `end`; empty at `start` if `end` is before it.
    pub const fn new(start: usize, end: usize) -> Span {
        Span { start, end: if end < start { start } else { end } }
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        self.end - self.start
    }

    /// True when no byte is in it.
    pub const fn is_empty(self) -> bool {
        self.end == self.start
    }

    /// The same as a standard range.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The bytes it covers; empty if `raw` is not what the range was made from and too short.
    pub fn of(self, raw: &[u8]) -> &[u8] {
        raw.get(self.start..self.end).unwrap_or_default()
    }
}
