//! Replies: three digits and text, in one line or many (RFC 959 §4.2).

use std::fmt;
use wire::Input;
use wire::line::{LineEnd, LineError, LineReader};

/// A line of a reply may be this long, its end included. RFC 959 names no limit; the longest lines
/// that honest servers send carry a path twice.
pub const REPLY_LINE_LEN_MAX_BYTES: usize = 16 * 1024;

/// A reply may have this many lines: banners and help texts have hundreds at most.
pub const REPLY_LINES_MAX: usize = 2_000;

/// A reply may have this many bytes of text in all, so that a server cannot fill the memory line by
/// line.
pub const REPLY_TEXT_LEN_MAX_BYTES: usize = 256 * 1024;

/// A whole reply.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    lines: Vec<Vec<u8>>,
}

/// What the first digit of a reply says (RFC 959 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1yz: begun, another reply follows.
    Begun,
    /// 2yz: done.
    Done,
    /// 3yz: more is needed.
    More,
    /// 4yz: not now.
    NotNow,
    /// 5yz: no.
    No,
}

impl Reply {
    /// The three digits, 100 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// What the first digit says.
    pub fn kind(&self) -> Kind {
        match self.code / 100 {
            1 => Kind::Begun,
            2 => Kind::Done,
            3 => Kind::More,
            4 => Kind::NotNow,
            _ => Kind::No,
        }
    }

    /// True for 4yz and 5yz.
    pub fn is_negative(&self) -> bool {
        matches!(self.kind(), Kind::NotNow | Kind::No)
    }

    /// True where the server says that it does not know the command or its parameter at all, so that
    /// another way may be tried (RFC 959 §4.2.1: 500, 501, 502, 504; RFC 2428 §2: 522).
    pub fn is_not_implemented(&self) -> bool {
        matches!(self.code, 500 | 501 | 502 | 504 | 522)
    }

    /// The text of each line: the first and last without their code, those between as sent.
    pub fn lines(&self) -> &[Vec<u8>] {
        &self.lines
    }

    /// The text of the first line.
    pub fn text(&self) -> &[u8] {
        self.lines.first().map_or(&[], Vec::as_slice)
    }
}

/// On one line, fit for a terminal or a log: control bytes and what is not UTF-8 are escaped.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        for line in self.lines.iter().map(|line| printable(line)).filter(|line| !line.trim().is_empty()) {
            write!(f, " {}", line.trim())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({self})")
    }
}

/// Text from the other side, made fit for a terminal: a server must not be able to move the cursor
/// of who reads its words.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            // Marks that change the direction of what follows can disguise a name.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                text.extend(c.escape_unicode());
            }
            c if c.is_control() => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    text
}

/// Why what arrived is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyFault {
    /// A line that breaks the rules of lines.
    Line(LineError),
    /// The first line does not begin with a code from 100 to 599.
    NoCode,
    /// More lines or bytes than [`REPLY_LINES_MAX`] and [`REPLY_TEXT_LEN_MAX_BYTES`] allow.
    TooLong,
}

impl fmt::Display for ReplyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReplyFault::Line(LineError::TooLong) => "a line of its reply is too long",
            ReplyFault::Line(_) => "a line of its reply holds a bare carriage return or a NUL byte",
            ReplyFault::NoCode => "what it sent does not begin with a reply code; is this an FTP server?",
            ReplyFault::TooLong => "its reply is too long",
        })
    }
}

/// Cuts replies out of the input. LF alone ends a line, too: no harm can come of it here, as a
/// client sends nothing on behalf of others.
#[derive(Debug)]
pub struct ReplyReader {
    lines: LineReader,
    begun: Option<Reply>,
    text_len_bytes: usize,
}

impl Default for ReplyReader {
    fn default() -> Self {
        let lines = LineReader::new(REPLY_LINE_LEN_MAX_BYTES, LineEnd::CrLfOrLf);
        ReplyReader { lines, begun: None, text_len_bytes: 0 }
    }
}

impl ReplyReader {
    /// A reader before the first reply.
    pub fn new() -> ReplyReader {
        ReplyReader::default()
    }

    /// The next reply; `None` when it has not arrived whole. After a fault the stream cannot be
    /// trusted any more, and the connection is to be closed.
    pub fn next(&mut self, input: &mut Input) -> Option<Result<Reply, ReplyFault>> {
        loop {
            let line = match self.lines.next(input)? {
                Ok(line) => line,
                Err(error) => return Some(Err(ReplyFault::Line(error))),
            };
            self.text_len_bytes += line.len();
            let complete = match &mut self.begun {
                None => match first_line(&line) {
                    Ok((reply, complete)) => {
                        self.begun = Some(reply);
                        complete
                    }
                    Err(fault) => return Some(Err(fault)),
                },
                Some(reply) => add_line(reply, line),
            };
            if complete {
                self.text_len_bytes = 0;
                return self.begun.take().map(Ok);
            }
            let lines = self.begun.as_ref().map_or(0, |reply| reply.lines.len());
            if lines >= REPLY_LINES_MAX || self.text_len_bytes > REPLY_TEXT_LEN_MAX_BYTES {
                return Some(Err(ReplyFault::TooLong));
            }
        }
    }
}

/// The code at the front of a line, and the byte behind it.
fn code(line: &[u8]) -> Option<(u16, Option<u8>)> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'1'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits.iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0'));
    Some((code, line.get(3).copied()))
}

fn first_line(line: &[u8]) -> Result<(Reply, bool), ReplyFault> {
    let complete = match code(line) {
        Some((_, Some(b' ') | None)) => true,
        Some((_, Some(b'-'))) => false,
        _ => return Err(ReplyFault::NoCode),
    };
    let (code, _) = code(line).ok_or(ReplyFault::NoCode)?;
    let text = line.get(4..).unwrap_or_default().to_vec();
    Ok((Reply { code, lines: vec![text] }, complete))
}

/// Adds a further line; true for the last, which repeats the code with a space (RFC 959 §4.2).
fn add_line(reply: &mut Reply, line: Vec<u8>) -> bool {
    let last = matches!(code(&line), Some((code, Some(b' ') | None)) if code == reply.code);
    reply.lines.push(if last { line.get(4..).unwrap_or_default().to_vec() } else { line });
    last
}

/// Reads a reply from the bytes of `text`, for the tests of the neighbours.
#[cfg(test)]
pub(super) fn reply(text: &str) -> Reply {
    let mut input = Input::new();
    input.push(text.as_bytes());
    input.push(b"\r\n");
    ReplyReader::new().next(&mut input).expect("whole").expect("a reply")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<String, ReplyFault>> {
        let (mut reader, mut input, mut replies) = (ReplyReader::new(), Input::new(), Vec::new());
        for piece in pieces {
            input.push(piece);
            while let Some(reply) = reader.next(&mut input) {
                let failed = reply.is_err();
                replies.push(reply.map(|reply| reply.to_string()));
                if failed {
                    return replies;
                }
            }
        }
        replies
    }

    #[test]
    fn replies_are_the_same_wherever_the_bytes_are_cut() {
        type Row = (&'static [u8], &'static [Result<&'static str, ReplyFault>]);
        let table: &[Row] = &[
            (b"220 ready\r\n", &[Ok("220 ready")]),
            (b"220\r\n", &[Ok("220")]),
            (b"220 a\n331 b\r\n", &[Ok("220 a"), Ok("331 b")]),
            (b"211-Features:\r\n SIZE\r\n MDTM\r\n211 End\r\n", &[Ok("211 Features: SIZE MDTM End")]),
            // Lines within may look like other replies, or like the same code gone on (RFC 959 §4.2).
            (b"220-a\r\n220-b\r\n221 c\r\n2200\r\n220 d\r\n", &[Ok("220 a 220-b 221 c 2200 d")]),
            (b"220-a\r\n220\r\n", &[Ok("220 a")]),
            (b"600 x\r\n", &[Err(ReplyFault::NoCode)]),
            (b"020 x\r\n", &[Err(ReplyFault::NoCode)]),
            (b"2200 x\r\n", &[Err(ReplyFault::NoCode)]),
            (b"\r\n", &[Err(ReplyFault::NoCode)]),
            (b"SSH-2.0-x\r\n", &[Err(ReplyFault::NoCode)]),
            (b"220 a\0b\r\n", &[Err(ReplyFault::Line(LineError::Nul))]),
            (b"220 \x1b[31mred\xff\r\n", &[Ok("220 \\u{1b}[31mred\u{fffd}")]),
        ];
        for (bytes, expected) in table {
            let expected: Vec<_> = expected.iter().map(|r| r.map(str::to_string)).collect();
            for cut in 0..=bytes.len() {
                assert_eq!(read([&bytes[..cut], &bytes[cut..]]), expected, "{bytes:?} cut at {cut}");
            }
            assert_eq!(read(bytes.chunks(1)), expected);
        }
    }

    #[test]
    fn each_limit_holds() {
        let line = [b"220 ".to_vec(), vec![b'x'; REPLY_LINE_LEN_MAX_BYTES], b"\r\n".to_vec()].concat();
        assert_eq!(read([&line[..]]), [Err(ReplyFault::Line(LineError::TooLong))]);
        let lines = [b"220-a\r\n".to_vec(), b"x\r\n".repeat(REPLY_LINES_MAX)].concat();
        assert_eq!(read([&lines[..]]), [Err(ReplyFault::TooLong)]);
        let row = [vec![b'x'; 10_000], b"\r\n".to_vec()].concat();
        let bytes = [b"220-a\r\n".to_vec(), row.repeat(REPLY_TEXT_LEN_MAX_BYTES / 10_000 + 1)].concat();
        assert_eq!(read([&bytes[..]]), [Err(ReplyFault::TooLong)]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_alike_in_any_pieces(
            bytes in proptest::collection::vec(prop_oneof![Just(b'2'), Just(b' '), Just(b'-'), Just(b'\n'), any::<u8>()], 0..200),
            cut in 0usize..200,
        ) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(read([&bytes[..cut], &bytes[cut..]]), read([&bytes[..]]));
        }
    }
}
