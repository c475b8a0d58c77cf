//! The names of files that are not whole yet.
//!
//! They stand beside the file that they become, and begin with what no file of a listing may begin with: a
//! server that has both `a` and `a.part` must not get one's bytes into the other.

use super::digest;

/// What such names begin with.
pub const PREFIX: &str = ".posthouse-";

/// The longest name that the file systems of Linux take.
const NAME_LEN_MAX_BYTES: usize = 255;

/// What a file with a reserved name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The beginning of a file.
    Part,
    /// A file of full size that has holes.
    Parts,
    /// Where these holes are.
    Map,
    /// A map before it has its name.
    FreshMap,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Part => "part",
            Role::Parts => "parts",
            Role::Map => "map",
            Role::FreshMap => "freshmap",
        }
    }

    /// The name beside `name`: `.posthouse-part-NAME`, or `.posthouse-part#` and a digest of NAME where that
    /// would be too long. Each role and name has its own, as no word of a role holds either mark.
    pub fn beside(self, name: &[u8]) -> Vec<u8> {
        let plain = [PREFIX.as_bytes(), self.word().as_bytes(), b"-", name].concat();
        if plain.len() <= NAME_LEN_MAX_BYTES {
            return plain;
        }
        format!("{PREFIX}{}#{}", self.word(), digest::of_name(name)).into_bytes()
    }
}

/// True for names that only [`Role::beside`] may make; also in capitals, which some file systems hold to be
/// the same.
pub fn is_reserved(name: &[u8]) -> bool {
    name.get(..PREFIX.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(PREFIX.as_bytes()))
}

/// What is said of a name that is refused.
pub fn refusal() -> String {
    format!("names that begin with {PREFIX} are for parts of files, and no others are taken")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_file_has_names_of_its_own() {
        let long = "x".repeat(NAME_LEN_MAX_BYTES);
        let names = ["a", "a.part", "part-a", "s-a", "a~", &long[1..], &long];
        let mut seen = HashSet::new();
        for name in names {
            for role in [Role::Part, Role::Parts, Role::Map, Role::FreshMap] {
                let reserved = role.beside(name.as_bytes());
                assert!(is_reserved(&reserved) && reserved.len() <= NAME_LEN_MAX_BYTES);
                assert!(seen.insert(reserved), "{name} {role:?}");
            }
        }
        assert_eq!(Role::Part.beside(b"a b"), b".posthouse-part-a b");
    }

    #[test]
    fn reserved_names() {
        for (name, expected) in [
            (".posthouse-part-a", true),
            (".posthouse-", true),
            (".PostHouse-x", true),
            (".posthouse", false),
            ("a.posthouse-", false),
            ("a.part", false),
            ("", false),
        ] {
            assert_eq!(is_reserved(name.as_bytes()), expected, "{name}");
        }
    }
}
