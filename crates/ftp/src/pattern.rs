//! Patterns of names.

/// Most `*` in a pattern that is matched as one; beyond, the pattern is a plain name. What people type
/// has a handful.
const STARS_MAX: usize = 64;

/// A pattern of one name: `*` stands for any run of characters, `?` for one, all else for itself. There
/// are no brackets, braces or escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern, or `None` if `text` is a plain name.
    pub fn new(text: &str) -> Option<Pattern> {
        let stars = text.bytes().filter(|byte| *byte == b'*').count();
        (text.contains(['*', '?']) && stars <= STARS_MAX).then(|| Pattern(text.to_string()))
    }

    /// The text that it was made from.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is of this pattern. Only the last `*` is ever tried again, so that the time is at
    /// most the product of both lengths, and a name that begins with a dot is like any other.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    retry = Some((p + 1, n));
                    p += 1;
                }
                Some(b'?') => {
                    p += 1;
                    n = after_char(name, n);
                }
                Some(byte) if *byte == name[n] => {
                    p += 1;
                    n += 1;
                }
                _ => {
                    let Some((after_star, from)) = retry else { return false };
                    let from = after_char(name, from);
                    (p, n) = (after_star, from);
                    retry = Some((after_star, from));
                }
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}

/// The place after the character (not the byte) at `at`.
fn after_char(name: &[u8], at: usize) -> usize {
    let rest = name[at + 1..].iter().take_while(|byte| **byte & 0xC0 == 0x80).count();
    at + 1 + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("?", "é", true),
            ("??", "é", false),
            ("*?", "日本", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a", "A", false),
            ("[ab]*", "a", false),
            ("[ab]*", "[ab]c", true),
            ("***", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
        assert_eq!(Pattern::new("plain"), None);
        assert_eq!(Pattern::new(&"*".repeat(STARS_MAX + 1)), None);
    }

    #[test]
    fn no_pattern_is_slow() {
        let pattern = Pattern::new(&format!("{}b", "a*".repeat(STARS_MAX))).unwrap();
        let name = "a".repeat(crate::path::NAME_LEN_MAX_BYTES);
        // Exponential matchers do not come back from this.
        assert!((0..1000).all(|_| !pattern.matches(&name)));
    }

    /// The same by trying everything.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match (pattern.first(), name.first()) {
            (None, None) => true,
            (Some('*'), _) => naive(&pattern[1..], name) || (!name.is_empty() && naive(pattern, &name[1..])),
            (Some('?'), Some(_)) => naive(&pattern[1..], &name[1..]),
            (Some(a), Some(b)) => a == b && naive(&pattern[1..], &name[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(pattern in "[*?aé]{1,8}", name in "[aéb]{0,8}") {
            if let Some(made) = Pattern::new(&pattern) {
                let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
                prop_assert_eq!(made.matches(&name), naive(&p, &n));
            }
        }
    }
}
