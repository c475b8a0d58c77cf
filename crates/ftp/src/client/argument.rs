//! What stands behind a verb.

use super::reply::printable;
use std::fmt;

/// The parameter of a command, as a rule a path: at least one byte, and none that would end the line
/// and begin another command.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Argument(Vec<u8>);

/// Why bytes are no [`Argument`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentError {
    /// Nothing at all.
    Empty,
    /// A CR, LF or NUL: no command can carry it (RFC 959 §5.3.1, RFC 3659 §2.2).
    LineBreak,
    /// Longer than [`ARGUMENT_LEN_MAX_BYTES`].
    TooLong,
}

/// The longest parameter: a path of the length that Linux takes (PATH_MAX), which servers' line limits
/// of 4 KiB and more leave room for.
pub const ARGUMENT_LEN_MAX_BYTES: usize = 4096;

impl Argument {
    /// Checks `bytes`.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Argument, ArgumentError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(ArgumentError::Empty);
        }
        if bytes.len() > ARGUMENT_LEN_MAX_BYTES {
            return Err(ArgumentError::TooLong);
        }
        if bytes.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(ArgumentError::LineBreak);
        }
        Ok(Argument(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A path below this one. `name` is a plain name, as [`Name`](super::Name) holds it.
    ///
    /// # Errors
    /// If the whole is too long.
    pub fn join(&self, name: &super::Name) -> Result<Argument, ArgumentError> {
        let slash: &[u8] = if self.0.ends_with(b"/") { b"" } else { b"/" };
        Argument::new([self.as_bytes(), slash, name.as_bytes()].concat())
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", printable(&self.0))
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ArgumentError::Empty => "it is empty",
            ArgumentError::LineBreak => "it holds a line break or a NUL byte, which FTP cannot carry",
            ArgumentError::TooLong => "it is longer than 4096 bytes",
        })
    }
}

impl std::error::Error for ArgumentError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Name;

    #[test]
    fn what_would_break_the_line_is_refused() {
        for b in 0..=255u8 {
            let expected =
                if matches!(b, b'\r' | b'\n' | 0) { Err(ArgumentError::LineBreak) } else { Ok(()) };
            assert_eq!(Argument::new([b'a', b]).map(drop), expected, "{b}");
        }
        assert_eq!(Argument::new(*b"").map(drop), Err(ArgumentError::Empty));
        assert_eq!(Argument::new(vec![b'x'; ARGUMENT_LEN_MAX_BYTES]).map(drop), Ok(()));
        assert_eq!(
            Argument::new(vec![b'x'; ARGUMENT_LEN_MAX_BYTES + 1]).map(drop),
            Err(ArgumentError::TooLong)
        );
    }

    #[test]
    fn names_are_joined_by_one_slash() {
        let name = Name::new(b"b").unwrap();
        for (base, expected) in [("/", "/b"), ("/a", "/a/b"), ("a/", "a/b"), ("a", "a/b")] {
            let joined = Argument::new(base).unwrap().join(&name).unwrap();
            assert_eq!(joined.as_bytes(), expected.as_bytes());
        }
    }
}
