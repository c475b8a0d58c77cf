//! Rust sources as far as text rules need to see them: code apart from comments and strings.

use std::ops::Range;

/// A copy of `text`, byte for byte as long, in which comments and what stands between the quotes
/// of strings and characters are spaces. Line ends stay, so that offsets and lines are the same.
pub fn mask(text: &str) -> String {
    let mut mask = Mask { bytes: text.as_bytes(), out: text.as_bytes().to_vec(), at: 0 };
    while mask.at < mask.bytes.len() {
        mask.step();
    }
    String::from_utf8(mask.out).expect("whole characters are blanked, with ASCII")
}

struct Mask<'a> {
    bytes: &'a [u8],
    out: Vec<u8>,
    at: usize,
}

impl Mask<'_> {
    /// Takes one comment, literal, word or other byte.
    fn step(&mut self) {
        let rest = &self.bytes[self.at..];
        match rest {
            [b'/', b'/', ..] => {
                let len = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                self.blank(0, len, len);
            }
            [b'/', b'*', ..] => {
                let len = block_comment_len(rest);
                self.blank(0, len, len);
            }
            [b'"', ..] => {
                let end = quoted_end(rest, b'"');
                self.blank(1, end, (end + 1).min(rest.len()));
            }
            [b'\'', ..] => self.tick(rest),
            [first, ..] if is_word(*first) => self.word(rest),
            _ => self.at += 1,
        }
    }

    /// A character literal or a lifetime.
    fn tick(&mut self, rest: &[u8]) {
        let char_len = match rest.get(1) {
            Some(b'\\') => quoted_end(rest, b'\'') - 1,
            Some(first) => utf8_len(*first),
            None => 0,
        };
        if rest.get(1 + char_len) == Some(&b'\'') {
            self.blank(1, 1 + char_len, 2 + char_len);
        } else {
            self.at += 1;
        }
    }

    /// A word, and the raw string of which it may be the prefix.
    fn word(&mut self, rest: &[u8]) {
        let len = rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len());
        let hashes = rest[len..].iter().take_while(|b| **b == b'#').count();
        let open = len + hashes;
        if !matches!(&rest[..len], b"r" | b"br" | b"cr") || rest.get(open) != Some(&b'"') {
            self.at += len;
            return;
        }
        let close = [b"\"".as_slice(), &rest[len..open]].concat();
        let body = &rest[open + 1..];
        let end = body.windows(close.len()).position(|window| window == close).unwrap_or(body.len());
        self.blank(open + 1, open + 1 + end, (open + 1 + end + close.len()).min(rest.len()));
    }

    /// Makes `from..to` (from here) spaces and goes on `used` bytes further.
    fn blank(&mut self, from: usize, to: usize, used: usize) {
        for byte in &mut self.out[self.at + from..self.at + to.max(from)] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        self.at += used;
    }
}

/// The length of the block comment that `bytes` begins with; they nest.
fn block_comment_len(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where the literal that `bytes` begins with has its closing quote; the end if it has none.
fn quoted_end(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

fn utf8_len(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where `needle` stands in `code` with no word character right before or after it.
pub fn words<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(needle).map(|(at, _)| at).filter(move |at| {
        let ends_word = needle.as_bytes().last().is_some_and(|b| is_word(*b));
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let after = bytes.get(at + needle.len());
        let continues = ends_word && after.is_some_and(|b| is_word(*b));
        !continues && !before.is_some_and(is_word)
    })
}

/// The line, from 1, on which the byte at `offset` stands.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count() + 1
}

/// The end, one past it, of the bracket that opens at `open` in masked code; the end of the text
/// if it is never closed.
pub fn bracket_end(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// The first `{` or `;` outside of brackets from `from` on.
fn body_start(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'{' | b';' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, without type or module.
    pub name: String,
    /// The line of `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both counted.
    pub len_lines: usize,
}

/// The functions in masked code, nested ones too.
pub fn functions(code: &str) -> Vec<Function> {
    words(code, "fn").filter_map(|at| function(code, at)).collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let after = code[at + 2..].trim_start();
    let name_len = after.find(|c: char| !(c.is_alphanumeric() || "_$#".contains(c))).unwrap_or(after.len());
    if name_len == 0 {
        return None;
    }
    let open = body_start(code, at)?;
    if code.as_bytes()[open] == b';' {
        return None;
    }
    let (line, last) = (line_of(code, at), line_of(code, bracket_end(code, open) - 1));
    Some(Function { name: after[..name_len].to_string(), line, len_lines: last - line + 1 })
}

/// The parts of masked code that are compiled for tests alone.
pub fn test_parts(code: &str) -> Vec<Range<usize>> {
    let attributes = code.match_indices("#[cfg(").filter_map(|(at, _)| {
        let end = bracket_end(code, at + 1);
        let condition = &code[at..end];
        (words(condition, "test").next().is_some() && !condition.contains("not(")).then_some((at, end))
    });
    attributes
        .map(|(at, end)| match body_start(code, end) {
            Some(open) if code.as_bytes()[open] == b'{' => at..bracket_end(code, open),
            Some(semicolon) => at..semicolon,
            None => at..code.len(),
        })
        .collect()
}

/// What `use` statements of masked code bring in, each as a full path with its offset.
pub fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(code, "use") {
        let end = code[at..].find(';').map_or(code.len(), |len| at + len);
        let tree: String = code[at + 3..end].split_whitespace().collect::<Vec<_>>().join(" ");
        expand("", &tree, &mut |path| found.push((at, path)));
    }
    found
}

/// Takes a tree such as `std::{fs, io::{self, Read}}` apart.
fn expand(prefix: &str, tree: &str, found: &mut dyn FnMut(String)) {
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree).trim().trim_end_matches("::self");
        found(format!("{prefix}{}", path.trim_start_matches("::")));
        return;
    };
    let prefix = format!("{prefix}{}", tree[..open].trim().trim_start_matches("::"));
    let inner = &tree[open + 1..bracket_end(tree, open).saturating_sub(1).max(open + 1)];
    for (_, part) in parts(inner) {
        match part.trim() {
            "" => {}
            "self" => found(prefix.trim_end_matches("::").to_string()),
            part => expand(&prefix, part, found),
        }
    }
}

/// What stands between the commas of `inner` that are outside of brackets, with its offset.
pub fn parts(inner: &str) -> Vec<(usize, &str)> {
    let (mut depth, mut start, mut found) = (0usize, 0, Vec::new());
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push((start, &inner[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push((start, &inner[start..]));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_is_not() {
        let table = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("a{\"}", x)"#, r#"f("     ", x)"#),
            ("r#\"a\"}\"# b", "r#\"   \"# b"),
            ("br\"}\\\" b", "br\"  \" b"),
            ("r#fn x", "r#fn x"),
            ("'{' '\\'' '\\u{7d}' 'a 'static", "' ' '  ' '      ' 'a 'static"),
            ("b'}' x", "b' ' x"),
            ("'é' x", "'  ' x"),
            ("\"é\n}\" x", "\"  \n \" x"),
            ("/* open", "       "),
            ("\"open é", "\"       "),
            ("'", "'"),
        ];
        for (text, expected) in table {
            let masked = mask(text);
            assert_eq!(masked.len(), text.len(), "{text}");
            assert_eq!(masked, expected, "{text}");
        }
    }

    #[test]
    fn functions_are_measured_to_their_own_closing_brace() {
        let text = "fn one() {\n  let s = \"}\";\n}\ntrait T {\n fn none();\n  fn two(x: [u8; 2])\n  where\n    T: Fn() {\n  }\n}\nlet f: fn(u8);";
        let found = functions(&mask(text));
        let found: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.len_lines)).collect();
        assert_eq!(found, [("one", 1, 3), ("two", 6, 4)]);
    }

    #[test]
    fn parts_for_tests_are_found() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n#[cfg(not(test))]\nfn c() {}\n#[cfg(any(test, x))]\nuse d;\n";
        let found: Vec<_> = test_parts(code).into_iter().map(|part| &code[part]).collect();
        assert_eq!(found, ["#[cfg(test)]\nmod tests {\n fn b() {}\n}", "#[cfg(any(test, x))]\nuse d"]);
    }

    #[test]
    fn imports_are_taken_apart() {
        let code = "use std::{fs, io::{self, Read as _}, net::IpAddr as Ip};\nuse ::memchr::memchr;";
        let found: Vec<_> = imports(code).into_iter().map(|(_, path)| path).collect();
        assert_eq!(found, ["std::fs", "std::io", "std::io::Read", "std::net::IpAddr", "memchr::memchr"]);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("async unasync async_x x.async", "async").collect::<Vec<_>>(), [0, 24]);
        assert_eq!(words("rand::x brand::x", "rand::").collect::<Vec<_>>(), [0]);
    }
}
