//! What a subject is about: the base subject by which messages are sorted and threaded (RFC 5256
//! §2.1).

use crate::limits::SUBJECT_LEN_MAX_BYTES;

/// A subject without its marks of reply and forwarding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// The base subject; may be empty.
    pub text: String,
    /// True if a mark of reply or forwarding was removed: such a message is not the first of its
    /// thread (RFC 5256 §3, REFERENCES step 5).
    pub is_reply: bool,
}

/// Finds the base subject of a decoded subject ([`crate::word::decode`]). Looks at the first
/// [`SUBJECT_LEN_MAX_BYTES`].
pub fn base(subject: &str) -> BaseSubject {
    let end = (0..=SUBJECT_LEN_MAX_BYTES.min(subject.len())).rev().find(|at| subject.is_char_boundary(*at));
    // Step 1: single spaces.
    let words: Vec<&str> = subject[..end.unwrap_or(0)].split([' ', '\t', '\r', '\n']).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let (mut text, mut is_reply) = (line.as_str(), false);
    loop {
        text = without_trailers(text, &mut is_reply);
        text = without_leaders(text, &mut is_reply);
        // Step 6: "[fwd: … ]" is unwrapped, and all begins again.
        match strip_prefix_ignore_case(text, "[fwd:").and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => (text, is_reply) = (inner, true),
            None => return BaseSubject { text: text.to_owned(), is_reply },
        }
    }
}

/// Step 2: "(fwd)" and spaces at the end.
fn without_trailers<'s>(mut text: &'s str, is_reply: &mut bool) -> &'s str {
    const TRAILER: &str = "(fwd)";
    loop {
        text = text.trim_end_matches(' ');
        let split = text.len().checked_sub(TRAILER.len()).and_then(|at| text.split_at_checked(at));
        match split {
            Some((before, end)) if end.eq_ignore_ascii_case(TRAILER) => (text, *is_reply) = (before, true),
            _ => return text,
        }
    }
}

/// Steps 3 to 5: "re:", "fw:", "fwd:" with "[…]" around them, then "[…]" alone unless nothing
/// would be left.
fn without_leaders<'s>(mut text: &'s str, is_reply: &mut bool) -> &'s str {
    loop {
        text = text.trim_start_matches(' ');
        if let Some(rest) = without_mark(text) {
            (text, *is_reply) = (rest, true);
            continue;
        }
        match without_blob(text) {
            Some(rest) if !rest.is_empty() => text = rest,
            _ => return text,
        }
    }
}

/// `*subj-blob subj-refwd`.
fn without_mark(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(behind) = without_blob(rest) {
        rest = behind;
    }
    let rest = ["re", "fwd", "fw"].iter().find_map(|mark| strip_prefix_ignore_case(rest, mark))?;
    let rest = rest.trim_start_matches(' ');
    without_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `"[" *BLOBCHAR "]" *WSP`.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner[end..].strip_prefix(']').map(|rest| rest.trim_start_matches(' '))
}

fn strip_prefix_ignore_case<'s>(text: &'s str, prefix: &str) -> Option<&'s str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The key by which texts are sorted: letters in their capital form, as in i;unicode-casemap
/// (RFC 5051 §2, asked for by RFC 5256 §3), then compared byte by byte.
pub fn sort_key(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_uppercase().into_bytes();
    }
    text.chars().flat_map(char::to_uppercase).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_subjects() {
        let table = [
            ("", "", false),
            ("a", "a", false),
            ("  a \t b ", "a b", false),
            ("Re: a", "a", true),
            ("RE : a (fwd) (FWD)", "a", true),
            ("fw: Fwd: re: a", "a", true),
            ("Re[2]: a", "a", true),
            ("[list] Re: [list] a", "a", true),
            ("[list] a", "a", false),
            ("[xyz]", "[xyz]", false),
            ("[a] [b]", "[b]", false),
            ("Re: [FWD: c]", "c", true),
            ("[fwd: [fwd: re: x (fwd)]]", "x", true),
            ("[foo] Fwd: [bar] Re: fw: b (fWd)  (fwd)", "b", true),
            ("b (a)", "b (a)", false),
            ("Regarding: a", "Regarding: a", false),
            ("Re:", "", true),
            ("[open", "[open", false),
            ("Ré: ü", "Ré: ü", false),
        ];
        for (subject, text, is_reply) in table {
            assert_eq!(base(subject), BaseSubject { text: text.into(), is_reply }, "{subject:?}");
        }
    }

    #[test]
    fn base_subjects_are_bounded() {
        for seed in ["[a]", "re:", "(fwd)", "[fwd:", "ü", "[", "re[", "[fwd: re: "] {
            assert!(base(&seed.repeat(100_000)).text.len() <= SUBJECT_LEN_MAX_BYTES);
        }
    }

    #[test]
    fn sort_keys_put_letters_before_brackets() {
        let mut texts = ["_", "[x]", "c", "B", "ä", "a", ""];
        texts.sort_by_key(|text| sort_key(text));
        assert_eq!(texts, ["", "a", "B", "c", "[x]", "_", "ä"]);
    }
}
