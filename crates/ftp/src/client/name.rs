//! Names out of a server's listings.

use super::reply::printable;
use std::fmt;

/// The longest name that the file systems of Linux take.
pub const NAME_LEN_MAX_BYTES: usize = 255;

/// The name of one entry of a folder, harmless as the name of a file here: not empty, not `.` or `..`,
/// with no slash, backslash, NUL or other control byte.
///
/// A server's listing is hostile until it was cut into these: a mirror that joins what it is told to
/// its target's path can be made to write anywhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Vec<u8>);

/// Why a name is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Nothing, `.` or `..`.
    NoName,
    /// It holds a slash or backslash, and so would be a path.
    Path,
    /// It holds a control byte, and so could disguise itself or break a line.
    Control,
    /// It is longer than [`NAME_LEN_MAX_BYTES`].
    TooLong,
}

impl Name {
    /// Checks the name of an entry.
    ///
    /// # Errors
    /// Says why it is not taken.
    pub fn new(bytes: &[u8]) -> Result<Name, NameError> {
        if matches!(bytes, b"" | b"." | b"..") {
            return Err(NameError::NoName);
        }
        if bytes.len() > NAME_LEN_MAX_BYTES {
            return Err(NameError::TooLong);
        }
        if bytes.iter().any(|b| matches!(b, b'/' | b'\\')) {
            return Err(NameError::Path);
        }
        if bytes.iter().any(u8::is_ascii_control) {
            return Err(NameError::Control);
        }
        Ok(Name(bytes.to_vec()))
    }

    /// The bytes; as a rule UTF-8, but nobody warrants that.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", printable(&self.0))
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::NoName => "it is no name",
            NameError::Path => "it holds a slash or backslash",
            NameError::Control => "it holds a control character",
            NameError::TooLong => "it is longer than 255 bytes",
        })
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_value() {
        for b in 0..=255u8 {
            let expected = match b {
                b'/' | b'\\' => Err(NameError::Path),
                0..=31 | 127 => Err(NameError::Control),
                _ => Ok(()),
            };
            assert_eq!(Name::new(&[b'a', b]).map(drop), expected, "{b}");
        }
    }

    #[test]
    fn what_is_no_name_of_an_entry() {
        use NameError::*;
        let long = "x".repeat(NAME_LEN_MAX_BYTES + 1);
        let table: &[(&str, Result<(), NameError>)] = &[
            ("", Err(NoName)),
            (".", Err(NoName)),
            ("..", Err(NoName)),
            ("...", Ok(())),
            (".hidden", Ok(())),
            ("../x", Err(Path)),
            ("/etc/passwd", Err(Path)),
            ("..\\x", Err(Path)),
            ("a\nb", Err(Control)),
            ("Grüße.txt", Ok(())),
            (&long[1..], Ok(())),
            (&long, Err(TooLong)),
        ];
        for (name, expected) in table {
            assert_eq!(Name::new(name.as_bytes()).map(drop), *expected, "{name:?}");
        }
    }
}
