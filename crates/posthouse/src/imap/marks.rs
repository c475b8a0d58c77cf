//! Flags and keywords, between the words of the protocol and those of the store.

use ::imap::flag::{Keyword, SystemFlags};
use ::store::{Flags, Keywords, StoreError};

const PAIRS: [(Flags, SystemFlags); 5] = [
    (Flags::SEEN, SystemFlags::SEEN),
    (Flags::ANSWERED, SystemFlags::ANSWERED),
    (Flags::FLAGGED, SystemFlags::FLAGGED),
    (Flags::DELETED, SystemFlags::DELETED),
    (Flags::DRAFT, SystemFlags::DRAFT),
];

/// Every combination, so that a row of a list costs one look-up.
const SYSTEM: [SystemFlags; 32] = {
    let mut table = [SystemFlags::NONE; 32];
    let mut bits = 0;
    while bits < 32 {
        let mut pair = 0;
        while pair < PAIRS.len() {
            if Flags(bits as u8).contains(PAIRS[pair].0) {
                table[bits] = table[bits].union(PAIRS[pair].1);
            }
            pair += 1;
        }
        bits += 1;
    }
    table
};

/// The store's flags in the protocol's words.
pub(super) fn system(flags: Flags) -> SystemFlags {
    SYSTEM[usize::from(flags.0 & 31)]
}

/// The protocol's flags in the store's words.
pub(super) fn stored(flags: SystemFlags) -> Flags {
    PAIRS.iter().filter(|(_, system)| flags.contains(*system)).fold(Flags::NONE, |all, (flag, _)| all | *flag)
}

/// Keywords for the store.
///
/// # Errors
/// [`StoreError::Invalid`] for what the store takes for no keyword.
pub(super) fn keywords(list: &[Keyword]) -> Result<Keywords, StoreError> {
    Keywords::new(list.iter().map(Keyword::as_str))
}

/// The names in a stored text of keywords.
pub(super) fn names(keywords: &str) -> impl Iterator<Item = &str> {
    keywords.split_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_survives_both_ways() {
        for bits in 0..32 {
            assert_eq!(stored(system(Flags(bits))), Flags(bits));
        }
    }
}
