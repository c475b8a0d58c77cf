//! Flags and keywords (RFC 9051 §2.3.2).

use crate::cursor::{Cursor, Parsed};
use crate::limits;
use std::fmt;

/// A set of the system flags that clients may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SystemFlags(u8);

impl SystemFlags {
    /// No flag.
    pub const NONE: SystemFlags = SystemFlags(0);
    /// `\Seen`
    pub const SEEN: SystemFlags = SystemFlags(1);
    /// `\Answered`
    pub const ANSWERED: SystemFlags = SystemFlags(2);
    /// `\Flagged`
    pub const FLAGGED: SystemFlags = SystemFlags(4);
    /// `\Deleted`
    pub const DELETED: SystemFlags = SystemFlags(8);
    /// `\Draft`
    pub const DRAFT: SystemFlags = SystemFlags(16);

    /// Every flag with its name, in the order in which they are written.
    pub const NAMES: [(SystemFlags, &'static str); 5] = [
        (SystemFlags::ANSWERED, "\\Answered"),
        (SystemFlags::FLAGGED, "\\Flagged"),
        (SystemFlags::DELETED, "\\Deleted"),
        (SystemFlags::SEEN, "\\Seen"),
        (SystemFlags::DRAFT, "\\Draft"),
    ];

    /// The flags as a number from 0 to 31, the same in every version: `\Seen` 1, `\Answered` 2,
    /// `\Flagged` 4, `\Deleted` 8, `\Draft` 16.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The flags of a number as [`SystemFlags::bits`] gives it; other bits are dropped.
    pub const fn from_bits(bits: u8) -> SystemFlags {
        SystemFlags(bits & 31)
    }

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: SystemFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    pub const fn union(self, other: SystemFlags) -> SystemFlags {
        SystemFlags(self.0 | other.0)
    }

    /// The flags of `self` that are not in `other`.
    pub const fn without(self, other: SystemFlags) -> SystemFlags {
        SystemFlags(self.0 & !other.0)
    }
}

/// A keyword: an atom of at most [`limits::KEYWORD_LEN_MAX_BYTES`] bytes. Case is kept and does
/// not count when keywords are compared.
#[derive(Debug, Clone)]
pub struct Keyword(String);

impl Keyword {
    /// Checks a keyword; `None` if it is no atom or too long.
    pub fn new(text: &str) -> Option<Keyword> {
        let fits = !text.is_empty() && text.len() <= limits::KEYWORD_LEN_MAX_BYTES;
        (fits && text.bytes().all(crate::cursor::is_atom_char)).then(|| Keyword(text.into()))
    }

    /// The keyword as first sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Keyword) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Flags of a message, or to change on messages; keywords are distinct and at most
/// [`limits::FLAGS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// The system flags.
    pub system: SystemFlags,
    /// The keywords in the order sent.
    pub keywords: Vec<Keyword>,
}

impl Flags {
    /// Reads `(flags)`, which may be empty. `\Recent`, which no client can change, is skipped.
    pub fn parse_list(cursor: &mut Cursor) -> Parsed<Flags> {
        let mut flags = Flags::default();
        cursor.list_or_empty(limits::FLAGS_MAX, |cursor| flags.parse_one(cursor))?;
        Ok(flags)
    }

    /// Reads `(flags)`, or one or more flags without parentheses (RFC 9051 §9 `store-att-flags`).
    pub fn parse_list_or_bare(cursor: &mut Cursor) -> Parsed<Flags> {
        if cursor.peek() == Some(b'(') {
            return Flags::parse_list(cursor);
        }
        let mut flags = Flags::default();
        flags.parse_one(cursor)?;
        while cursor.skip(b' ') && !cursor.rest().is_empty() {
            flags.parse_one(cursor)?;
            if flags.keywords.len() > limits::FLAGS_MAX {
                let fault = crate::error::Fault::TooMany { what: "flags", count_max: limits::FLAGS_MAX };
                return Err(fault);
            }
        }
        Ok(flags)
    }

    fn parse_one(&mut self, cursor: &mut Cursor) -> Parsed<()> {
        if !cursor.skip(b'\\') {
            let Some(keyword) = Keyword::new(&cursor.atom("a flag")?) else {
                return cursor.fault("a shorter keyword");
            };
            if !self.keywords.contains(&keyword) {
                self.keywords.push(keyword);
            }
            return Ok(());
        }
        let name = cursor.atom("a system flag")?;
        let known = SystemFlags::NAMES.iter().find(|(_, known)| known[1..].eq_ignore_ascii_case(&name));
        match known {
            Some((flag, _)) => self.system = self.system.union(*flag),
            None if name.eq_ignore_ascii_case("Recent") => {}
            None => return cursor.fault("a known system flag"),
        }
        Ok(())
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.system == SystemFlags::NONE && self.keywords.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Dialect;

    fn parse(text: &str) -> Parsed<Flags> {
        let mut cursor = Cursor::new(text.into(), Dialect::Rev1);
        let flags = Flags::parse_list_or_bare(&mut cursor)?;
        cursor.end()?;
        Ok(flags)
    }

    #[test]
    fn flags_good_and_bad() {
        let flags = parse("(\\seen $Junk \\FLAGGED $junk NonJunk \\Recent)").unwrap();
        assert_eq!(flags.system, SystemFlags::SEEN.union(SystemFlags::FLAGGED));
        assert_eq!(flags.keywords, [Keyword::new("$JUNK").unwrap(), Keyword::new("nonjunk").unwrap()]);
        assert_eq!(flags.keywords[0].as_str(), "$Junk");
        assert!(parse("()").unwrap().is_empty());
        assert_eq!(parse("\\Seen \\Deleted").unwrap(), parse("(\\Deleted \\Seen)").unwrap());
        for bad in ["", "(", "(\\Seen", "\\Foo", "(\\)", "(a b", "(a  b)", "a(b", "\"a\"", "(\\*)"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"k".repeat(limits::KEYWORD_LEN_MAX_BYTES)).is_ok());
        assert!(parse(&"k".repeat(limits::KEYWORD_LEN_MAX_BYTES + 1)).is_err());
        let many: Vec<String> = (0..=limits::FLAGS_MAX).map(|n| format!("k{n}")).collect();
        assert!(parse(&format!("({})", many.join(" "))).is_err());
        assert!(parse(&many.join(" ")).is_err());
    }
}
