//! Long functions and files, and the list of those that are known.

use std::collections::BTreeMap;

use super::Finding;
use crate::Tree;
use crate::source::{functions, mask};

pub const WHY: &str = "functions of up to 70 lines and files of up to 800 can be read in one go; \
                       what was longer stands in crates/xtask/ratchet.txt, which may only shrink";

/// The longest function that needs no entry, from `fn` to its closing brace.
const FUNCTION_MAX_LINES: usize = 70;

/// The longest file that needs no entry.
const FILE_MAX_LINES: usize = 800;

const RATCHET: &str = "crates/xtask/ratchet.txt";

/// Endings of what people write by hand.
const SOURCES: &[&str] = &[".rs", ".sql", ".sh", ".py", ".js", ".mjs", ".ts", ".css", ".html"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut actual = actual(tree);
    let mut findings = Vec::new();
    for (index, line) in tree.text(RATCHET).lines().enumerate() {
        let at = |what: String| Finding::new(RATCHET, index + 1, what);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, listed)) = entry(line) else {
            findings.push(at("neither `file PATH LINES` nor `fn PATH NAME LINES`".to_string()));
            continue;
        };
        match actual.remove(&key) {
            None => findings.push(at(format!("`{key}` is no longer too long: remove the entry"))),
            Some((_, lines)) if lines < listed => {
                findings.push(at(format!("`{key}` has come down to {lines} lines: lower the entry")));
            }
            Some(found) if found.1 > listed => {
                actual.insert(key, found);
            }
            Some(_) => {}
        }
    }
    findings.extend(actual.into_iter().map(|(key, (line, lines))| {
        let mut parts = key.split(' ');
        let (kind, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let (what, max) = match parts.next() {
            Some(name) => (format!("function `{name}`"), FUNCTION_MAX_LINES),
            None => (kind.to_string(), FILE_MAX_LINES),
        };
        Finding::new(path, line, format!("{what} has {lines} lines, over {max}"))
    }));
    findings
}

/// What is too long: `file PATH` or `fn PATH NAME`, with its line and length. Functions of one
/// name in one file are added up, so that none can hide behind another.
fn actual(tree: &Tree) -> BTreeMap<String, (usize, usize)> {
    let mut found = BTreeMap::new();
    for (path, text) in &tree.files {
        let lines = text.lines().count();
        if SOURCES.iter().any(|ending| path.ends_with(ending)) && lines > FILE_MAX_LINES {
            found.insert(format!("file {path}"), (1, lines));
        }
    }
    for (path, text) in tree.rust("") {
        for function in functions(&mask(text)).iter().filter(|f| f.len_lines > FUNCTION_MAX_LINES) {
            let key = format!("fn {path} {}", function.name);
            found.entry(key).or_insert((function.line, 0)).1 += function.len_lines;
        }
    }
    found
}

fn entry(line: &str) -> Option<(String, usize)> {
    let (key, lines) = line.rsplit_once(' ')?;
    let words = key.split(' ').count();
    let known = (key.starts_with("file ") && words == 2) || (key.starts_with("fn ") && words == 3);
    Some((key.to_string(), lines.parse().ok()?)).filter(|_| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    fn expect_with(text: &str, ratchet: &str, expected: &[&str]) {
        expect(check, &[("crates/a/src/b.rs", text), (RATCHET, ratchet)], expected);
    }

    #[test]
    fn what_is_just_short_enough_passes() {
        expect_with(&function("f", 70), "# none\n", &[]);
        expect_with(&"x\n".repeat(800), "", &[]);
        expect_with(&function("f", 80), "fn crates/a/src/b.rs f 80\n", &[]);
        expect_with(&"x\n".repeat(900), "file crates/a/src/b.rs 900\n", &[]);
    }

    #[test]
    fn what_is_too_long_is_found() {
        expect_with(
            &format!("\n{}", function("f", 71)),
            "",
            &["crates/a/src/b.rs:2: function `f` has 71 lines, over 70"],
        );
        expect_with(&"x\n".repeat(801), "", &["crates/a/src/b.rs:1: file has 801 lines, over 800"]);
        expect(check, &[("web/a.js", &"x\n".repeat(801))], &["web/a.js:1: file has 801 lines"]);
    }

    #[test]
    fn an_entry_may_not_be_outgrown() {
        expect_with(
            &function("f", 81),
            "fn crates/a/src/b.rs f 80\n",
            &["crates/a/src/b.rs:1: function `f` has 81"],
        );
        let two = function("f", 71) + &function("f", 72);
        expect_with(
            &two,
            "fn crates/a/src/b.rs f 71\n",
            &["crates/a/src/b.rs:1: function `f` has 143 lines"],
        );
    }

    #[test]
    fn the_list_shrinks_with_what_it_lists() {
        let entry = "fn crates/a/src/b.rs f 80\n";
        expect_with(
            &function("f", 75),
            entry,
            &["crates/xtask/ratchet.txt:1: `fn crates/a/src/b.rs f` has come down to 75"],
        );
        expect_with(
            &function("f", 70),
            entry,
            &["crates/xtask/ratchet.txt:1: `fn crates/a/src/b.rs f` is no longer too long"],
        );
        expect_with(
            "",
            "file crates/a/src/b.rs 900\n",
            &["crates/xtask/ratchet.txt:1: `file crates/a/src/b.rs` is no longer"],
        );
    }

    #[test]
    fn an_entry_that_says_nothing_is_found() {
        expect_with("", "crates/a/src/b.rs\n", &["crates/xtask/ratchet.txt:1: neither"]);
    }
}
