//! Commands that may hold literals: `{n}` at the end of a line announces n bytes that follow it.

use crate::Input;
use crate::line::{LineEnd, LineError, LineReader};

/// The limits of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandLimits {
    /// The text of a command without its literals.
    pub text_len_max_bytes: usize,
    /// How much of an oversized non-synchronizing literal is read and dropped to keep the session.
    pub discard_max_bytes: u64,
}

/// What came of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole command: text and literals as sent, without the last line end. A literal stands
    /// behind its `{n}` CRLF.
    Command(Vec<u8>),
    /// The client waits for permission to send a literal: answer `+`, then ask again.
    Permit,
    /// A command line was longer than allowed or broke the rules of lines; all of it is consumed.
    /// The text that came before, to find the tag in, is at most a line.
    BadLine(Vec<u8>, LineError),
    /// A literal of `size` bytes is over the limit. It is not on its way, or was read and dropped
    /// together with the rest of the command, whose beginning is given.
    LiteralTooLarge(Vec<u8>, u64),
    /// A literal so large that it cannot be dropped either: close.
    Undrainable,
}

/// Cuts commands out of the input (RFC 9051 §4.3; RFC 7888 for `{n+}`).
#[derive(Debug)]
pub struct CommandReader {
    limits: CommandLimits,
    lines: LineReader,
    command: Vec<u8>,
    text_len_bytes: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// This many literal bytes are to come.
    Literal(usize),
    /// The command is being dropped for a literal of `size`; `left` bytes of it are to come.
    Discard {
        size: u64,
        left: u64,
    },
}

/// A literal announced at the end of a line.
struct Announced {
    size: u64,
    waits: bool,
}

impl CommandReader {
    /// A reader under `limits`.
    pub fn new(limits: CommandLimits) -> CommandReader {
        let lines = LineReader::new(limits.text_len_max_bytes, LineEnd::CrLfOrLf);
        CommandReader { limits, lines, command: Vec::new(), text_len_bytes: 0, state: State::Text }
    }

    /// Sets the limits from the next command on.
    pub fn set_limits(&mut self, limits: CommandLimits) {
        self.limits = limits;
        self.lines.set_len_max_bytes(limits.text_len_max_bytes);
    }

    /// True when nothing of a command has been taken yet.
    pub fn is_at_start(&self) -> bool {
        self.command.is_empty() && self.state == State::Text
    }

    /// The next step; `None` when more input is needed. `literal_max_bytes` is asked, with the
    /// command so far, how large a literal may be at its end.
    pub fn next(
        &mut self,
        input: &mut Input,
        mut literal_max_bytes: impl FnMut(&[u8]) -> u64,
    ) -> Option<Step> {
        loop {
            let step = match self.state {
                State::Text => {
                    let line = self.lines.next(input)?;
                    self.text(line, &mut literal_max_bytes)
                }
                State::Literal(left) => {
                    if input.is_empty() {
                        return None;
                    }
                    let count = left.min(input.len());
                    self.command.extend_from_slice(&input.as_slice()[..count]);
                    input.consume(count);
                    self.state = if count == left { State::Text } else { State::Literal(left - count) };
                    None
                }
                State::Discard { size, left: 0 } => {
                    let line = self.lines.next(input)?;
                    self.discarded_line(size, &line)
                }
                State::Discard { size, left } => {
                    if input.is_empty() {
                        return None;
                    }
                    let count = left.min(input.len() as u64);
                    input.consume(usize::try_from(count).unwrap_or(usize::MAX));
                    self.state = State::Discard { size, left: left - count };
                    None
                }
            };
            if step.is_some() {
                return step;
            }
        }
    }

    fn text(&mut self, line: Result<Vec<u8>, LineError>, max: &mut impl FnMut(&[u8]) -> u64) -> Option<Step> {
        let line = match line {
            Ok(line) if self.text_len_bytes + line.len() <= self.limits.text_len_max_bytes => line,
            Ok(_) => return Some(Step::BadLine(self.take(), LineError::TooLong)),
            Err(error) => return Some(Step::BadLine(self.take(), error)),
        };
        self.text_len_bytes += line.len();
        self.command.extend_from_slice(&line);
        let Some(announced) = announced(&line) else {
            return Some(Step::Command(self.take()));
        };
        if announced.size <= max(&self.command) {
            self.command.extend_from_slice(b"\r\n");
            self.state = match usize::try_from(announced.size) {
                Ok(0) | Err(_) => State::Text,
                Ok(size) => State::Literal(size),
            };
            return announced.waits.then_some(Step::Permit);
        }
        if announced.waits {
            return Some(Step::LiteralTooLarge(self.take(), announced.size));
        }
        if announced.size > self.limits.discard_max_bytes {
            return Some(Step::Undrainable);
        }
        self.state = State::Discard { size: announced.size, left: announced.size };
        None
    }

    /// The line after a dropped literal: the command's end, or one more literal to drop.
    fn discarded_line(&mut self, size: u64, line: &Result<Vec<u8>, LineError>) -> Option<Step> {
        match line.as_ref().ok().and_then(|line| announced(line)) {
            Some(next) if !next.waits && next.size <= self.limits.discard_max_bytes => {
                self.state = State::Discard { size, left: next.size };
                None
            }
            Some(next) if !next.waits => Some(Step::Undrainable),
            _ => Some(Step::LiteralTooLarge(self.take(), size)),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        self.state = State::Text;
        self.text_len_bytes = 0;
        std::mem::take(&mut self.command)
    }
}

/// The literal that a line announces at its end: `{n}` or `{n+}`. A number too large for 64 bits
/// counts as the largest.
fn announced(line: &[u8]) -> Option<Announced> {
    let inner = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inner)?;
    let digits = &inner[open + 1..];
    let (digits, waits) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (digits, true),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size =
        digits.iter().fold(0u64, |n, digit| n.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Announced { size, waits })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CommandLimits = CommandLimits { text_len_max_bytes: 40, discard_max_bytes: 50 };

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Step> {
        let (mut reader, mut input, mut steps) = (CommandReader::new(LIMITS), Input::new(), Vec::new());
        for piece in pieces {
            input.push(piece);
            while let Some(step) = reader.next(&mut input, |_| 10) {
                steps.push(step);
            }
        }
        steps
    }

    fn command(text: &str) -> Step {
        Step::Command(text.as_bytes().to_vec())
    }

    #[test]
    fn commands_are_the_same_wherever_the_bytes_are_cut() {
        let long = "x".repeat(60);
        let table: Vec<(String, Vec<Step>)> = vec![
            ("a NOOP\r\nb NOOP\n".into(), vec![command("a NOOP"), command("b NOOP")]),
            (
                "a LOGIN {3}\r\nx\r\n {2}\r\nyz\r\n".into(),
                vec![Step::Permit, Step::Permit, command("a LOGIN {3}\r\nx\r\n {2}\r\nyz")],
            ),
            (
                "a L {2+}\r\nxy {0+}\r\n\r\nb N\r\n".into(),
                vec![command("a L {2+}\r\nxy {0+}\r\n"), command("b N")],
            ),
            (
                "a L {11}\r\nb N\r\n".into(),
                vec![Step::LiteralTooLarge(b"a L {11}".into(), 11), command("b N")],
            ),
            (
                "a L {11+}\r\n01234567890 {12+}\r\n012345678901 x\r\nb N\r\n".into(),
                vec![Step::LiteralTooLarge(b"a L {11+}".into(), 11), command("b N")],
            ),
            ("a L {51+}\r\n".into(), vec![Step::Undrainable]),
            (
                format!("a {long}\r\nb N\r\n"),
                vec![Step::BadLine(Vec::new(), LineError::TooLong), command("b N")],
            ),
            ("a L {x}\r\n".into(), vec![command("a L {x}")]),
            (
                "a L {99999999999999999999999}\r\n".into(),
                vec![Step::LiteralTooLarge(b"a L {99999999999999999999999}".into(), u64::MAX)],
            ),
        ];
        for (bytes, expected) in &table {
            let bytes = bytes.as_bytes();
            for cut in 0..=bytes.len() {
                assert_eq!(&read([&bytes[..cut], &bytes[cut..]]), expected, "cut at {cut}");
            }
            assert_eq!(&read(bytes.chunks(1)), expected);
        }
    }
}
