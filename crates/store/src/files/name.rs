//! Names and paths of files.

use std::fmt;

use crate::error::StoreError;

/// Longest name of a file or folder in bytes: what file systems allow, so that an area can be mirrored.
pub const FILE_NAME_LEN_MAX_BYTES: usize = 255;

/// Longest path in bytes, as file systems allow; it also bounds the questions that finding it takes.
pub const FILE_PATH_LEN_MAX_BYTES: usize = 4096;

/// Checks one name of a file or folder. Names are kept byte for byte as given.
///
/// # Errors
/// [`StoreError::Invalid`] for an empty or too long name, `.`, `..`, and one with `/` or an ASCII control
/// character: a name must neither lead elsewhere nor break a line of a listing.
pub(crate) fn check_name(name: &str) -> Result<(), StoreError> {
    if name.is_empty() || name == "." || name == ".." {
        return Err(StoreError::Invalid("this is not a name for a file"));
    }
    if name.len() > FILE_NAME_LEN_MAX_BYTES {
        return Err(StoreError::Invalid("a file's name may have at most 255 bytes"));
    }
    if name.bytes().any(|byte| byte == b'/' || byte.is_ascii_control()) {
        return Err(StoreError::Invalid("a file's name may have no slash and no control characters"));
    }
    Ok(())
}

/// A path from the root of an area: every part is a valid name, so it cannot lead outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FilePath {
    names: Vec<String>,
}

impl FilePath {
    /// `/`.
    pub const ROOT: FilePath = FilePath { names: Vec::new() };

    /// Reads a path from the root, with or without the leading slash.
    ///
    /// # Errors
    /// As [`FilePath::resolve`].
    pub fn parse(text: &str) -> Result<FilePath, StoreError> {
        FilePath::ROOT.resolve(text)
    }

    /// Reads a path as it is seen from the folder `self`: with a leading slash from the root, otherwise
    /// from here. Empty parts and `.` are nothing; `..` goes up, and stays at the root (RFC 3659 §6: the
    /// tree is all there is).
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for names that cannot be, and for a result of more than
    /// [`FILE_PATH_LEN_MAX_BYTES`].
    pub fn resolve(&self, text: &str) -> Result<FilePath, StoreError> {
        let mut names = if text.starts_with('/') { Vec::new() } else { self.names.clone() };
        if text.len() > FILE_PATH_LEN_MAX_BYTES {
            return Err(StoreError::Invalid("a path may have at most 4096 bytes"));
        }
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => {
                    check_name(name)?;
                    names.push(name.to_owned());
                }
            }
        }
        let path = FilePath { names };
        if path.len_bytes() > FILE_PATH_LEN_MAX_BYTES {
            return Err(StoreError::Invalid("a path may have at most 4096 bytes"));
        }
        Ok(path)
    }

    /// The path's names from the root on.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// True for `/`.
    pub fn is_root(&self) -> bool {
        self.names.is_empty()
    }

    /// The last name; nothing for `/`.
    pub fn name(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }

    /// The folder it is in; `/` for itself.
    pub fn parent(&self) -> FilePath {
        let end = self.names.len().saturating_sub(1);
        FilePath { names: self.names[..end].to_vec() }
    }

    fn len_bytes(&self) -> usize {
        self.names.iter().map(|name| name.len() + 1).sum()
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("/");
        }
        for name in &self.names {
            write!(f, "/{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_resolved_and_stay_inside() {
        let table = [
            ("/", "", "/"),
            ("/", "a", "/a"),
            ("/a", "b/c", "/a/b/c"),
            ("/a/b", "..", "/a"),
            ("/a/b", "../../../../x", "/x"),
            ("/a", "/b//./c/", "/b/c"),
            ("/a", ".", "/a"),
            ("/a", "/..", "/"),
            ("/", "ä\u{2028}~ *", "/ä\u{2028}~ *"),
        ];
        for (from, text, expected) in table {
            let found = FilePath::parse(from).unwrap().resolve(text).unwrap();
            assert_eq!(found.to_string(), expected, "{text:?} from {from}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        let long = "x".repeat(FILE_NAME_LEN_MAX_BYTES + 1);
        let far = "y/".repeat(FILE_PATH_LEN_MAX_BYTES / 2 + 1);
        for bad in ["a\0", "a\rb", "\n", "\u{1b}[2J", "a/\u{7f}", &long, &far] {
            assert!(FilePath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(FilePath::parse(&long[1..]).is_ok());
        assert!(FilePath::parse(&far[2..]).is_ok());
        let deep = FilePath::parse(&far[2..]).unwrap();
        assert!(deep.resolve("zz").is_err(), "a path does not grow over the limit by steps");
    }

    proptest! {
        #[test]
        fn a_path_reads_back_as_itself(text in "[a-c./ ]{0,40}") {
            let path = FilePath::parse(&text).unwrap();
            prop_assert_eq!(&FilePath::parse(&path.to_string()).unwrap(), &path);
            prop_assert!(path.names().iter().all(|name| check_name(name).is_ok()));
        }
    }
}
