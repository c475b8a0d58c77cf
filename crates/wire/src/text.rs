//! The rules of text lines on the wire, followed across reads.

/// Which rules a stretch of text broke (RFC 5321 §2.3.8, §4.1.1.4; RFC 2045 §2.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// A CR that no LF follows.
    pub bare_cr: bool,
    /// An LF that no CR precedes.
    pub bare_lf: bool,
    /// A NUL byte.
    pub nul: bool,
    /// A line longer than the limit.
    pub long_line: bool,
}

impl Faults {
    /// True when any rule was broken.
    pub fn any(self) -> bool {
        self != Faults::default()
    }
}

/// Looks at text piece by piece and remembers what is wrong with it.
#[derive(Debug, Clone)]
pub struct TextCheck {
    line_len_max_bytes: usize,
    line_len_bytes: usize,
    after_cr: bool,
    faults: Faults,
}

impl TextCheck {
    /// A check that calls a line long when it has more than `line_len_max_bytes`, CRLF included.
    pub fn new(line_len_max_bytes: usize) -> TextCheck {
        TextCheck { line_len_max_bytes, line_len_bytes: 0, after_cr: false, faults: Faults::default() }
    }

    /// Looks at the next piece.
    pub fn look(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let at = memchr::memchr3(b'\r', b'\n', 0, piece).unwrap_or(piece.len());
            if at > 0 {
                self.faults.bare_cr |= self.after_cr;
                self.after_cr = false;
                self.grow(at);
            }
            let Some(&special) = piece.get(at) else { return };
            self.special(special);
            piece = &piece[at + 1..];
        }
    }

    fn special(&mut self, byte: u8) {
        self.grow(1);
        match byte {
            b'\n' => {
                self.faults.bare_lf |= !self.after_cr;
                self.line_len_bytes = 0;
                self.after_cr = false;
            }
            b'\r' => {
                self.faults.bare_cr |= self.after_cr;
                self.after_cr = true;
            }
            _ => {
                self.faults.bare_cr |= self.after_cr;
                self.faults.nul = true;
                self.after_cr = false;
            }
        }
    }

    fn grow(&mut self, count: usize) {
        self.line_len_bytes += count;
        self.faults.long_line |= self.line_len_bytes > self.line_len_max_bytes;
    }

    /// What was wrong so far; a CR at the very end counts as bare once the text is `complete`.
    pub fn faults(&self, complete: bool) -> Faults {
        Faults { bare_cr: self.faults.bare_cr || (complete && self.after_cr), ..self.faults }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_wherever_the_text_is_cut() {
        let fault = |bare_cr, bare_lf, nul, long_line| Faults { bare_cr, bare_lf, nul, long_line };
        let table: &[(&[u8], Faults)] = &[
            (b"", fault(false, false, false, false)),
            (b"a\r\nb\r\n", fault(false, false, false, false)),
            (b"a\nb", fault(false, true, false, false)),
            (b"a\rb", fault(true, false, false, false)),
            (b"a\r\r\n", fault(true, false, false, false)),
            (b"a\r", fault(true, false, false, false)),
            (b"a\0b", fault(false, false, true, false)),
            (b"a\r\0\n", fault(true, true, true, false)),
            (b"12345678\r\n12345678\r\n", fault(false, false, false, false)),
            (b"123456789\r\n", fault(false, false, false, true)),
        ];
        for (text, expected) in table {
            for cut in 0..=text.len() {
                let mut check = TextCheck::new(10);
                check.look(&text[..cut]);
                check.look(&text[cut..]);
                assert_eq!(check.faults(true), *expected, "{text:?} cut at {cut}");
            }
        }
    }
}
