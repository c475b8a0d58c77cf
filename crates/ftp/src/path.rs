//! Absolute paths of a file area.

use std::fmt;

/// Longest path in bytes: what fits into a command line with a verb before it.
pub const PATH_LEN_MAX_BYTES: usize = 4000;

/// Longest name of one file or folder in bytes, as on the usual file systems, so that an area can be
/// mirrored to one.
pub const NAME_LEN_MAX_BYTES: usize = 255;

/// Most names in a path: nobody needs more, and walks down a tree stay bounded.
pub const DEPTH_MAX: usize = 100;

/// Why bytes are no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Not UTF-8 (RFC 2640 §2.2).
    NotUtf8,
    /// Holds NUL, CR or LF, which no reply and no listing can carry.
    BadByte,
    /// Longer than [`PATH_LEN_MAX_BYTES`], deeper than [`DEPTH_MAX`], or a name is longer than
    /// [`NAME_LEN_MAX_BYTES`].
    TooLong,
}

/// An absolute path in normal form (RFC 3659 §6, TVFS): `/` or `/name/name`, in UTF-8, without empty
/// names, `.`, `..`, NUL, CR and LF, within the limits above.
///
/// ```
/// use ftp::VirtualPath;
/// let here = VirtualPath::root().resolve(b"photos/2026").unwrap();
/// assert_eq!(here.as_str(), "/photos/2026");
/// assert_eq!(here.resolve(b"../../../..").unwrap(), VirtualPath::root());
/// assert_eq!(here.resolve(b"/a//./b/").unwrap().as_str(), "/a/b");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPath(String);

impl VirtualPath {
    /// `/`.
    pub fn root() -> VirtualPath {
        VirtualPath("/".to_string())
    }

    /// The path that `text`, absolute or relative to this one, names. `..` at the root stays there.
    /// Nothing is expanded: `~`, `*` and `{` are letters like others.
    ///
    /// # Errors
    /// [`PathError`]; `text` is then no path, wherever it starts.
    pub fn resolve(&self, text: &[u8]) -> Result<VirtualPath, PathError> {
        if text.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(PathError::BadByte);
        }
        let text = std::str::from_utf8(text).map_err(|_| PathError::NotUtf8)?;
        let mut names: Vec<&str> = if text.starts_with('/') { Vec::new() } else { self.names().collect() };
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name if name.len() > NAME_LEN_MAX_BYTES => return Err(PathError::TooLong),
                name => names.push(name),
            }
        }
        let len_bytes: usize = names.iter().map(|name| name.len() + 1).sum();
        if names.len() > DEPTH_MAX || len_bytes > PATH_LEN_MAX_BYTES {
            return Err(PathError::TooLong);
        }
        Ok(VirtualPath(format!("/{}", names.join("/"))))
    }

    /// The names from the root on; none for the root.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// The last name; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.names().next_back()
    }

    /// The folder that holds it; the root's is the root.
    pub fn parent(&self) -> VirtualPath {
        match self.0.rfind('/') {
            None | Some(0) => VirtualPath::root(),
            Some(at) => VirtualPath(self.0[..at].to_string()),
        }
    }

    /// True for `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The path as text, beginning with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for VirtualPath {
    fn default() -> VirtualPath {
        VirtualPath::root()
    }
}

impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_made_normal() {
        let here = VirtualPath::root().resolve(b"/a/b").unwrap();
        for (text, expected) in [
            ("", "/a/b"),
            (".", "/a/b"),
            ("..", "/a"),
            ("../..", "/"),
            ("../../../../..", "/"),
            ("c", "/a/b/c"),
            ("c/", "/a/b/c"),
            ("./c/../d", "/a/b/d"),
            ("/", "/"),
            ("//", "/"),
            ("/c//d/./e/../f/", "/c/d/f"),
            ("...", "/a/b/..."),
            ("~", "/a/b/~"),
            ("-a", "/a/b/-a"),
            ("a b\"c", "/a/b/a b\"c"),
            ("Grüße", "/a/b/Grüße"),
            ("C:\\x\\..\\y", "/a/b/C:\\x\\..\\y"),
        ] {
            assert_eq!(here.resolve(text.as_bytes()).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let root = VirtualPath::root();
        let name = "x".repeat(NAME_LEN_MAX_BYTES);
        assert!(root.resolve(name.as_bytes()).is_ok());
        assert_eq!(root.resolve(format!("{name}x").as_bytes()), Err(PathError::TooLong));
        assert!(root.resolve("x/".repeat(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(root.resolve("x/".repeat(DEPTH_MAX + 1).as_bytes()), Err(PathError::TooLong));
        assert_eq!(root.resolve(format!("{name}/").repeat(16).as_bytes()), Err(PathError::TooLong));
        // A path that leads back up is as long as where it leads.
        assert!(root.resolve("x/../".repeat(DEPTH_MAX * 2).as_bytes()).is_ok());
    }

    #[test]
    fn every_byte_has_an_answer() {
        for byte in 0..=u8::MAX {
            let answer = VirtualPath::root().resolve(&[b'a', byte, b'b']);
            match byte {
                0 | b'\r' | b'\n' => assert_eq!(answer, Err(PathError::BadByte), "{byte}"),
                0x80.. => assert_eq!(answer, Err(PathError::NotUtf8), "{byte}"),
                b'/' => assert_eq!(answer.unwrap().as_str(), "/a/b"),
                _ => assert_eq!(answer.unwrap().as_str().as_bytes(), [b'/', b'a', byte, b'b'], "{byte}"),
            }
        }
    }

    #[test]
    fn names_and_parents() {
        let path = VirtualPath::root().resolve(b"a/b").unwrap();
        assert_eq!((path.name(), path.parent().as_str()), (Some("b"), "/a"));
        assert_eq!(path.parent().parent(), VirtualPath::root());
        assert_eq!((VirtualPath::root().name(), VirtualPath::root().parent()), (None, VirtualPath::root()));
    }

    proptest! {
        #[test]
        fn resolving_agrees_with_walking(here in "[ab./]{0,12}", text in "[ab./]{0,20}") {
            let here = VirtualPath::root().resolve(here.as_bytes()).unwrap();
            let mut walked = if text.starts_with('/') { VirtualPath::root() } else { here.clone() };
            for name in text.split('/') {
                walked = match name {
                    "" | "." => walked,
                    ".." => walked.parent(),
                    name => VirtualPath(format!("{}/{name}", walked.0.trim_end_matches('/'))),
                };
            }
            let path = here.resolve(text.as_bytes()).unwrap();
            prop_assert_eq!(&path, &walked);
            prop_assert_eq!(&VirtualPath::root().resolve(path.as_str().as_bytes()).unwrap(), &path);
        }

        #[test]
        fn whatever_bytes_come_the_path_is_normal(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(path) = VirtualPath::root().resolve(&text) {
                prop_assert!(path.as_str().starts_with('/'));
                prop_assert!(path.names().all(|name| name != "." && name != ".." && !name.is_empty()));
                prop_assert_eq!(path.is_root(), path.names().next().is_none());
                prop_assert!(!path.as_str().contains(['\0', '\r', '\n']));
            }
        }
    }
}
