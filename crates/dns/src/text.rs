//! The presentation form of record data (RFC 1035 §5.1, and the RFC of each type).

use std::fmt;

use crate::code::{RecordType, UnknownCode};
use crate::name::{Name, NameError, unescape};
use crate::rdata::{RData, RDataError};

mod location;
mod parse;
mod prefixes;
mod print;
mod service;

pub(crate) use parse::{parse_data, period};

/// A word of a master file: the bytes as they stand there, escapes and all, without enclosing quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) quoted: bool,
}

/// Why text is no record data, or a line no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextError {
    /// The line ends where something should follow.
    Missing(&'static str),
    /// Something follows the last field.
    Extra,
    /// A word is not what should stand there.
    Expected(&'static str),
    /// A name is none.
    Name(NameError),
    /// A backslash that is not followed by a byte, or by three digits up to 255 (RFC 1035 §5.1).
    BadEscape,
    /// A string of over 255 bytes (RFC 1035 §3.3).
    StringTooLong,
    /// A type or class that nobody knows.
    Code(UnknownCode),
    /// The fields do not go together.
    Data(RDataError),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Missing(what) => write!(f, "{what} is missing"),
            TextError::Extra => f.write_str("something follows the last field"),
            TextError::Expected(what) => write!(f, "this should be {what}"),
            TextError::Name(error) => error.fmt(f),
            TextError::BadEscape => f.write_str("a bad escape"),
            TextError::StringTooLong => f.write_str("a string of over 255 bytes"),
            TextError::Code(error) => error.fmt(f),
            TextError::Data(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TextError {}

impl From<NameError> for TextError {
    fn from(error: NameError) -> Self {
        TextError::Name(error)
    }
}

impl From<RDataError> for TextError {
    fn from(error: RDataError) -> Self {
        TextError::Data(error)
    }
}

impl RData {
    /// Reads data as a master file writes it, on one line: `10 mx1.example.org.` for MX. Names without a
    /// final dot are completed by `origin`. The form `\# length hex` of RFC 3597 is taken for every type.
    ///
    /// # Errors
    /// [`TextError`].
    pub fn parse(rtype: RecordType, text: &str, origin: Option<&Name>) -> Result<RData, TextError> {
        let words = split_words(text.as_bytes())?;
        let mut wire = Vec::new();
        parse_data(rtype, &words, origin, &mut wire)?;
        Ok(RData::from_wire(rtype, &wire)?)
    }
}

/// Cuts one line into words; comments and parentheses are not for it.
fn split_words(line: &[u8]) -> Result<Vec<Word<'_>>, TextError> {
    let (mut words, mut at) = (Vec::new(), 0);
    while at < line.len() {
        if line[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (word, used) = word(&line[at..]).ok_or(TextError::Expected("a string with its closing quote"))?;
        words.push(word);
        at += used;
    }
    Ok(words)
}

/// The word at the beginning of `text`, and how many bytes it takes; `None` if a quote is not closed. A
/// quoted piece behind `=` belongs to the word (RFC 9460 §2.1).
pub(crate) fn word(text: &[u8]) -> Option<(Word<'_>, usize)> {
    if text[0] == b'"' {
        let len = quoted_len(&text[1..])?;
        return Some((Word { text: &text[1..=len], quoted: true }, len + 2));
    }
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b';' => break,
            b'"' if at > 0 && text[at - 1] == b'=' => at += quoted_len(&text[at + 1..])? + 2,
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    let at = at.min(text.len());
    Some((Word { text: &text[..at], quoted: false }, at))
}

/// The bytes before the closing quote. A line may end inside a string (RFC 1035 §5.1 does not forbid it, and
/// the writers of old do it), but most readers take that as a quote forgotten, and so do we.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some(at),
            b'\n' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Appends the bytes that `text` stands for.
pub(crate) fn unescape_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'\\' {
            let (byte, used) = unescape(&text[at..]).ok_or(TextError::BadEscape)?;
            out.push(byte);
            at += used;
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    Ok(())
}
