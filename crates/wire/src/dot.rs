//! Bodies ended by a line with a single dot, and the stuffing that keeps them apart.

use crate::Input;
use crate::text::{Faults, TextCheck};

/// What is said of a body once its end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyEnd {
    /// Rules of text that it broke.
    pub faults: Faults,
    /// Its length in bytes after unstuffing, whether kept or not.
    pub len_bytes: u64,
    /// True if it was longer than allowed; what was over the limit was not kept.
    pub too_large: bool,
}

/// Where the reader stands within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the first byte of a line: after CRLF, or at the very beginning.
    LineStart,
    /// After a dot that began a line.
    Dot,
    /// After a dot and a CR that began a line.
    DotCr,
    /// Elsewhere in a line; the flag tells whether the last byte was CR.
    Inside { after_cr: bool },
}

/// Reads a dot-stuffed body. Its end is exactly CRLF `.` CRLF (or `.` CRLF at once), nothing else
/// (RFC 5321 §4.1.1.4); any looser reading lets one message be smuggled inside another.
#[derive(Debug)]
pub struct DotReader {
    place: Place,
    check: TextCheck,
    len_bytes: u64,
    size_max_bytes: u64,
}

impl DotReader {
    /// A reader that keeps at most `size_max_bytes` and calls a line long past `line_len_max_bytes`.
    pub fn new(size_max_bytes: u64, line_len_max_bytes: usize) -> DotReader {
        let check = TextCheck::new(line_len_max_bytes);
        DotReader { place: Place::LineStart, check, len_bytes: 0, size_max_bytes }
    }

    /// Takes what has arrived, handing unstuffed bytes to `take`; `Some` once the end was read.
    /// Bytes after the end stay in `input`. Past the size limit bytes are counted, not handed on.
    pub fn read(&mut self, input: &mut Input, mut take: impl FnMut(&[u8])) -> Option<BodyEnd> {
        loop {
            let bytes = input.as_slice();
            let &first = bytes.first()?;
            let used = match (self.place, first) {
                (Place::LineStart, b'.') => self.go(Place::Dot),
                (Place::LineStart, _) => self.go_free(Place::Inside { after_cr: false }),
                (Place::Dot, b'\r') => self.go(Place::DotCr),
                // The stuffed dot itself is dropped (RFC 5321 §4.5.2).
                (Place::Dot, _) => self.go_free(Place::Inside { after_cr: false }),
                (Place::DotCr, b'\n') => {
                    input.consume(1);
                    return Some(self.end());
                }
                (Place::DotCr, _) => {
                    self.emit(b"\r", &mut take);
                    self.go_free(Place::Inside { after_cr: true })
                }
                (Place::Inside { after_cr }, _) => self.inside(after_cr, bytes, &mut take),
            };
            input.consume(used);
        }
    }

    fn go(&mut self, place: Place) -> usize {
        self.place = place;
        1
    }

    fn go_free(&mut self, place: Place) -> usize {
        self.place = place;
        0
    }

    /// Takes whole lines up to one that begins with a dot, or all there is.
    fn inside(&mut self, after_cr: bool, bytes: &[u8], take: &mut impl FnMut(&[u8])) -> usize {
        let mut used = 0;
        let mut after_cr = after_cr;
        self.place = loop {
            let rest = &bytes[used..];
            let Some(at) = memchr::memchr(b'\n', rest) else {
                let after_cr = rest.last().map_or(after_cr, |last| *last == b'\r');
                used = bytes.len();
                break Place::Inside { after_cr };
            };
            let crlf = if at == 0 { after_cr } else { rest[at - 1] == b'\r' };
            used += at + 1;
            after_cr = false;
            match bytes.get(used) {
                None | Some(b'.') if crlf => break Place::LineStart,
                _ => {}
            }
        };
        self.emit(&bytes[..used], take);
        used
    }

    fn emit(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) {
        self.check.look(bytes);
        let room = self.size_max_bytes.saturating_sub(self.len_bytes);
        self.len_bytes += bytes.len() as u64;
        let kept = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        if kept > 0 {
            take(&bytes[..kept]);
        }
    }

    fn end(&self) -> BodyEnd {
        BodyEnd {
            faults: self.check.faults(true),
            len_bytes: self.len_bytes,
            too_large: self.len_bytes > self.size_max_bytes,
        }
    }
}

/// Writes text with its dots stuffed (RFC 5321 §4.5.2, RFC 1939 §3), piece by piece.
#[derive(Debug)]
pub struct DotWriter {
    line_start: bool,
}

impl Default for DotWriter {
    fn default() -> Self {
        DotWriter { line_start: true }
    }
}

impl DotWriter {
    /// A writer at the start of a line.
    pub fn new() -> DotWriter {
        DotWriter::default()
    }

    /// Adds `text`, whose line ends are CRLF, to `out`.
    pub fn write(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        while !text.is_empty() {
            if self.line_start && text[0] == b'.' {
                out.push(b'.');
            }
            let end = memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1);
            out.extend_from_slice(&text[..end]);
            self.line_start = text[end - 1] == b'\n';
            text = &text[end..];
        }
    }

    /// Adds the closing dot, and before it a line end if the text had none.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.line_start { b".\r\n" } else { b"\r\n.\r\n" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads `bytes` in the given pieces: the body, what was said of it, and what was left.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Option<BodyEnd>, Vec<u8>) {
        let (mut reader, mut input, mut body, mut end) =
            (DotReader::new(1000, 998), Input::new(), Vec::new(), None);
        for piece in pieces {
            input.push(piece);
            if end.is_none() {
                end = reader.read(&mut input, |bytes| body.extend_from_slice(bytes));
            }
        }
        (body, end, input.as_slice().to_vec())
    }

    /// The same by the plainest means: find the first CRLF.CRLF, then unstuff line by line.
    fn oracle(bytes: &[u8]) -> (Vec<u8>, bool, Vec<u8>) {
        let framed = [b"\r\n", bytes].concat();
        let end = framed.windows(5).position(|w| w == b"\r\n.\r\n");
        let text = &framed[..end.map_or(framed.len(), |at| at + 2)];
        let rest = end.map_or(Vec::new(), |at| framed[at + 5..].to_vec());
        let mut body = Vec::new();
        let mut at = 2;
        while at < text.len() {
            let begins = text[..at].ends_with(b"\r\n");
            if !(begins && text[at] == b'.') {
                body.push(text[at]);
            }
            at += 1;
        }
        (body, end.is_some(), rest)
    }

    #[test]
    fn only_crlf_dot_crlf_ends_a_body() {
        let ends: &[(&[u8], &[u8], &[u8])] = &[
            (b"x\r\n.\r\n", b"x\r\n", b""),
            (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
            (b"\r\n..x\r\n.\r\n", b"\r\n.x\r\n", b""),
            (b"...\r\n.\r\n", b"..\r\n", b""),
            (b"x\r\n .\r\n.\r\n", b"x\r\n .\r\n", b""),
            (b"x\n.\nMAIL\r\n.\r\n", b"x\n.\nMAIL\r\n", b""),
            (b"x\n.\r\nMAIL\r\n.\r\n", b"x\n.\r\nMAIL\r\n", b""),
            (b"x\r\n.\nMAIL\r\n.\r\n", b"x\r\n\nMAIL\r\n", b""),
            (b"x\r\n.\r\r\nMAIL\r\n.\r\n", b"x\r\n\r\r\nMAIL\r\n", b""),
        ];
        for (bytes, body, rest) in ends {
            for cut in 0..=bytes.len() {
                let (got, end, left) = read([&bytes[..cut], &bytes[cut..]]);
                assert!(end.is_some(), "{bytes:?}");
                assert_eq!((got.as_slice(), left.as_slice()), (*body, *rest), "{bytes:?} cut at {cut}");
            }
            assert_eq!(read(bytes.chunks(1)).0, *body);
        }
    }

    #[test]
    fn what_is_over_the_limit_is_counted_and_not_kept() {
        let bytes = [vec![b'a'; 3000], b"\r\n.\r\n".to_vec()].concat();
        let (body, end, _) = read([bytes.as_slice()]);
        let end = end.unwrap();
        assert_eq!((body.len(), end.len_bytes), (1000, 3002));
        assert!(end.too_large && end.faults.long_line);
    }

    proptest! {
        #[test]
        fn agrees_with_the_oracle(bytes in proptest::collection::vec(prop::sample::select(b"\r\n.x".to_vec()), 0..40), cut in 0usize..40) {
            let cut = cut.min(bytes.len());
            let (body, end, rest) = read([&bytes[..cut], &bytes[cut..]]);
            let (want, ended, want_rest) = oracle(&bytes);
            prop_assert_eq!(end.is_some(), ended);
            if ended {
                prop_assert_eq!(body, want);
                prop_assert_eq!(rest, want_rest);
            }
        }

        #[test]
        fn what_is_written_reads_back(lines in proptest::collection::vec("[.a]{0,4}", 0..8), cut in 0usize..40) {
            let text = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>().into_bytes();
            let (mut out, mut writer) = (Vec::new(), DotWriter::new());
            let cut = cut.min(text.len());
            writer.write(&text[..cut], &mut out);
            writer.write(&text[cut..], &mut out);
            writer.finish(&mut out);
            let (body, end, rest) = read([out.as_slice()]);
            prop_assert!(end.is_some() && rest.is_empty());
            prop_assert_eq!(body, text);
        }
    }
}
