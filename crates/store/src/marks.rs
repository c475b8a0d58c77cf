//! Flags and keywords: the marks that clients put on messages.

use std::ops::{BitAnd, BitOr, Not};

use crate::error::StoreError;

/// Most keywords one mailbox may know. Clients show them in lists; thousands are a runaway client.
pub const KEYWORDS_PER_MAILBOX_MAX: usize = 512;

/// Longest keyword in bytes.
pub const KEYWORD_LEN_MAX_BYTES: usize = 255;

/// The system flags of RFC 9051 §2.3.2 as a bit mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// `\Seen`
    pub const SEEN: Flags = Flags(1);
    /// `\Answered`
    pub const ANSWERED: Flags = Flags(2);
    /// `\Flagged`
    pub const FLAGGED: Flags = Flags(4);
    /// `\Deleted`
    pub const DELETED: Flags = Flags(8);
    /// `\Draft`
    pub const DRAFT: Flags = Flags(16);

    /// True if every flag of `other` is in `self`.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Flags;
    fn bitand(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }
}

impl Not for Flags {
    type Output = Flags;
    fn not(self) -> Flags {
        Flags(!self.0 & 31)
    }
}

/// A set of keywords: sorted without regard to case, no two alike, as one text with single spaces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Keywords(String);

/// No keyword, to borrow from.
pub static NO_KEYWORDS: Keywords = Keywords::NONE;

impl Keywords {
    /// No keyword.
    pub const NONE: Keywords = Keywords(String::new());

    /// Builds the set from names in any order. The first spelling of a name stays.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if a name is empty, over [`KEYWORD_LEN_MAX_BYTES`], or has a byte that no
    /// IMAP atom may have (RFC 9051 §9, `flag-keyword`).
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Keywords, StoreError> {
        let mut list: Vec<&str> = Vec::new();
        for name in names {
            let bad = |b: u8| b <= b' ' || b >= 0x7f || b"(){%*\"\\]".contains(&b);
            if name.is_empty() || name.len() > KEYWORD_LEN_MAX_BYTES || name.bytes().any(bad) {
                return Err(StoreError::Invalid("a keyword is empty, too long or not an atom"));
            }
            if !list.iter().any(|have| have.eq_ignore_ascii_case(name)) {
                list.push(name);
            }
        }
        Ok(Keywords::from_distinct(list))
    }

    /// The set out of names that are known to be valid and distinct.
    pub(crate) fn from_distinct(mut list: Vec<&str>) -> Keywords {
        list.sort_by_key(|name| name.to_ascii_lowercase());
        Keywords(list.join(" "))
    }

    /// The set as it stands in the database.
    pub(crate) fn from_stored(text: &str) -> Keywords {
        Keywords(text.to_owned())
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }

    /// True if `name` is in the set, whatever its case.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|have| have.eq_ignore_ascii_case(name))
    }

    /// True if no keyword is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names separated by single spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All names of both sets.
    pub fn union(&self, other: &Keywords) -> Keywords {
        let more = other.iter().filter(|name| !self.contains(name));
        Keywords::from_distinct(self.iter().chain(more).collect())
    }

    /// The names of `self` that are not in `other`.
    pub fn without(&self, other: &Keywords) -> Keywords {
        Keywords::from_distinct(self.iter().filter(|name| !other.contains(name)).collect())
    }
}

/// What a change does with the marks it names (RFC 9051 §6.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagOp {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// A change of marks, the same for every message it is applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagChange {
    /// Whether the marks are added, removed or put in place of the old ones.
    pub op: FlagOp,
    /// The system flags named.
    pub flags: Flags,
    /// The keywords named.
    pub keywords: Keywords,
}

impl FlagChange {
    /// The marks after the change.
    pub fn apply(&self, flags: Flags, keywords: &Keywords) -> (Flags, Keywords) {
        match self.op {
            FlagOp::Add => (flags | self.flags, keywords.union(&self.keywords)),
            FlagOp::Remove => (flags & !self.flags, keywords.without(&self.keywords)),
            FlagOp::Replace => (self.flags, self.keywords.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(names: &[String]) -> (Keywords, BTreeSet<String>) {
        let keywords = Keywords::new(names.iter().map(String::as_str)).unwrap();
        (keywords, names.iter().map(|name| name.to_lowercase()).collect())
    }

    fn lower(keywords: &Keywords) -> BTreeSet<String> {
        let list: Vec<String> = keywords.iter().map(str::to_lowercase).collect();
        let distinct: BTreeSet<String> = list.iter().cloned().collect();
        assert!(list.is_sorted() && list.len() == distinct.len(), "{list:?}");
        distinct
    }

    proptest! {
        #[test]
        fn keywords_are_sets_without_case(
            a in proptest::collection::vec("[$a-cA-C]{1,2}", 0..6),
            b in proptest::collection::vec("[$a-cA-C]{1,2}", 0..6),
        ) {
            let ((a, model_a), (b, model_b)) = (set(&a), set(&b));
            prop_assert_eq!(lower(&a.union(&b)), model_a.union(&model_b).cloned().collect());
            prop_assert_eq!(lower(&a.without(&b)), model_a.difference(&model_b).cloned().collect());
        }

        #[test]
        fn flags_change_as_bits(before in 0u8..32, named in 0u8..32) {
            let change = |op| FlagChange { op, flags: Flags(named), keywords: Keywords::NONE };
            let after = |op| change(op).apply(Flags(before), &NO_KEYWORDS).0.0;
            prop_assert_eq!(after(FlagOp::Add), before | named);
            prop_assert_eq!(after(FlagOp::Remove), before & !named);
            prop_assert_eq!(after(FlagOp::Replace), named);
        }
    }
}
