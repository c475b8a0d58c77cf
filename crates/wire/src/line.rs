//! Command lines.

use crate::Input;

/// Why a line is not handed on. In each case all of it has been consumed, up to the LF that ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineError {
    /// Longer than the limit; its bytes were not kept.
    TooLong,
    /// Ended by an LF without CR, where that is not allowed (RFC 5321 §2.3.8).
    BareLf,
    /// Holds a CR that is not part of its CRLF.
    BareCr,
    /// Holds a NUL byte.
    Nul,
}

/// Which line ends are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// CRLF alone, as SMTP must to be safe from smuggling.
    CrLf,
    /// CRLF, and LF alone from sloppy clients of protocols where that is harmless.
    CrLfOrLf,
}

/// Cuts lines out of the input.
#[derive(Debug)]
pub struct LineReader {
    len_max_bytes: usize,
    end: LineEnd,
    searched_bytes: usize,
    discarding: bool,
}

impl LineReader {
    /// A reader of lines of at most `len_max_bytes`, their end included.
    pub fn new(len_max_bytes: usize, end: LineEnd) -> LineReader {
        LineReader { len_max_bytes, end, searched_bytes: 0, discarding: false }
    }

    /// Sets the limit from the next line on.
    pub fn set_len_max_bytes(&mut self, len_max_bytes: usize) {
        self.len_max_bytes = len_max_bytes;
    }

    /// The next line without its end; `None` when it has not arrived whole.
    pub fn next(&mut self, input: &mut Input) -> Option<Result<Vec<u8>, LineError>> {
        let bytes = input.as_slice();
        let Some(at) = memchr::memchr(b'\n', &bytes[self.searched_bytes..]) else {
            self.searched_bytes = bytes.len();
            if self.discarding || bytes.len() >= self.len_max_bytes {
                self.discarding = true;
                self.searched_bytes = 0;
                input.consume(usize::MAX);
            }
            return None;
        };
        let end = self.searched_bytes + at + 1;
        let line = self.judge(&bytes[..end]);
        input.consume(end);
        self.searched_bytes = 0;
        self.discarding = false;
        Some(line)
    }

    fn judge(&self, line: &[u8]) -> Result<Vec<u8>, LineError> {
        if self.discarding || line.len() > self.len_max_bytes {
            return Err(LineError::TooLong);
        }
        let text = match line.strip_suffix(b"\r\n") {
            Some(text) => text,
            None if self.end == LineEnd::CrLfOrLf => &line[..line.len() - 1],
            None => return Err(LineError::BareLf),
        };
        match memchr::memchr2(b'\r', 0, text).map(|at| text[at]) {
            Some(b'\r') => Err(LineError::BareCr),
            Some(_) => Err(LineError::Nul),
            None => Ok(text.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut LineReader, pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, LineError>> {
        let mut input = Input::new();
        let mut lines = Vec::new();
        for piece in pieces {
            input.push(piece);
            while let Some(line) = reader.next(&mut input) {
                lines.push(line);
            }
        }
        lines
    }

    #[test]
    fn lines_are_the_same_wherever_the_bytes_are_cut() {
        use LineError::*;
        type Row = (&'static [u8], LineEnd, &'static [Result<&'static [u8], LineError>]);
        let table: &[Row] = &[
            (b"NOOP\r\nQUIT\r\n", LineEnd::CrLf, &[Ok(b"NOOP"), Ok(b"QUIT")]),
            (b"\r\n", LineEnd::CrLf, &[Ok(b"")]),
            (b"NOOP\nQUIT\r\n", LineEnd::CrLf, &[Err(BareLf), Ok(b"QUIT")]),
            (b"NOOP\nQUIT\r\n", LineEnd::CrLfOrLf, &[Ok(b"NOOP"), Ok(b"QUIT")]),
            (b"NO\rOP\r\nA\r\n", LineEnd::CrLf, &[Err(BareCr), Ok(b"A")]),
            (b"NO\0OP\r\nA\r\n", LineEnd::CrLf, &[Err(Nul), Ok(b"A")]),
            (b"12345678\r\nA\r\n", LineEnd::CrLf, &[Ok(b"12345678"), Ok(b"A")]),
            (b"123456789\r\nA\r\n", LineEnd::CrLf, &[Err(TooLong), Ok(b"A")]),
            (b"12345678901234567890\r\nA\r\n", LineEnd::CrLf, &[Err(TooLong), Ok(b"A")]),
        ];
        for (bytes, end, expected) in table {
            let expected: Vec<_> = expected.iter().map(|r| r.map(<[u8]>::to_vec)).collect();
            for cut in 0..=bytes.len() {
                let lines = read(&mut LineReader::new(10, *end), &[&bytes[..cut], &bytes[cut..]]);
                assert_eq!(lines, expected, "{bytes:?} cut at {cut}");
            }
            let singles: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(&mut LineReader::new(10, *end), &singles), expected, "{bytes:?} byte by byte");
        }
    }

    #[test]
    fn a_long_line_behind_a_short_one_is_dropped_whole() {
        let mut input = Input::new();
        input.push(&[b"A\r\n".to_vec(), vec![b'x'; 200]].concat());
        let mut reader = LineReader::new(100, LineEnd::CrLf);
        assert_eq!(reader.next(&mut input), Some(Ok(b"A".to_vec())));
        assert_eq!(reader.next(&mut input), None);
        assert!(input.is_empty());
        input.push(b"x\r\nB\r\n");
        assert_eq!(reader.next(&mut input), Some(Err(LineError::TooLong)));
        assert_eq!(reader.next(&mut input), Some(Ok(b"B".to_vec())));
    }

    #[test]
    fn a_line_without_end_costs_no_more_than_the_limit() {
        let mut reader = LineReader::new(100, LineEnd::CrLf);
        let mut input = Input::new();
        for _ in 0..10_000 {
            input.push(b"0123456789");
            assert_eq!(reader.next(&mut input), None);
            assert!(input.len() <= 100);
        }
        input.push(b"\r\n");
        assert_eq!(reader.next(&mut input), Some(Err(LineError::TooLong)));
    }
}
