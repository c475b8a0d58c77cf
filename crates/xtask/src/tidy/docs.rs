//! Every public item of a protocol crate says what it is.

use super::{Finding, PROTOCOL_CRATES};
use crate::Tree;
use crate::source::{line_of, mask, test_parts};
use crate::tree::is_test_file;

pub const WHY: &str = "a public item of a protocol crate is documented (what, shapes, units, errors, RFC section), \
                       and its lib.rs has `# Standards` and `# Hostile input`";

/// What lib.rs must say of the crate.
const SECTIONS: &[&str] = &["//! # Standards", "//! # Hostile input"];

/// What follows `pub` in an item that needs a docstring.
const ITEMS: &[&str] =
    &["async", "const", "enum", "extern", "fn", "mod", "static", "struct", "trait", "type", "union"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PROTOCOL_CRATES.iter().filter(|name| tree.has_crate(name)) {
        let lib = format!("crates/{name}/src/lib.rs");
        let text = tree.text(&lib);
        let missing =
            SECTIONS.iter().filter(|section| !text.lines().any(|line| line.trim_end() == **section));
        findings.extend(missing.map(|section| Finding::new(&lib, 1, format!("has no `{section}`"))));
        for (path, text) in tree.rust(&format!("crates/{name}/src/")).filter(|(path, _)| !is_test_file(path))
        {
            findings.extend(undocumented(tree, path, text));
        }
    }
    findings
}

fn undocumented(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let code = mask(text);
    let tests: Vec<_> = test_parts(&code)
        .into_iter()
        .map(|part| line_of(&code, part.start)..=line_of(&code, part.end))
        .collect();
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("pub ") else { continue };
        let is_item = rest.split(' ').next().is_some_and(|word| ITEMS.contains(&word));
        if !is_item || tests.iter().any(|part| part.contains(&(index + 1))) || has_doc(&lines[..index]) {
            continue;
        }
        if rest.strip_prefix("mod ").is_some_and(|name| module_has_doc(tree, path, name)) {
            continue;
        }
        let item = rest.trim_end_matches(['{', ';', '(', ' ']);
        findings.push(Finding::new(path, index + 1, format!("`pub {item}` has no docstring")));
    }
    findings
}

/// True if the lines end with a docstring, with attributes behind it or not.
fn has_doc(above: &[&str]) -> bool {
    let mut lines = above.iter().rev().map(|line| line.trim());
    while let Some(line) = lines.next() {
        match line {
            _ if line.starts_with("///") || line.starts_with("#[doc") || line.ends_with("*/") => return true,
            _ if line.starts_with("#[") => {}
            // The end of an attribute of several lines: on to its beginning.
            _ if line.ends_with(")]") => {
                lines.by_ref().take_while(|line| !line.starts_with("#[")).for_each(drop);
            }
            _ => return false,
        }
    }
    false
}

/// True if the file of the module `name;`, declared in `path`, begins with `//!`.
fn module_has_doc(tree: &Tree, path: &str, name: &str) -> bool {
    let Some(name) = name.trim_end().strip_suffix(';') else { return false };
    let name = name.strip_prefix("r#").unwrap_or(name);
    let stem = path.trim_end_matches(".rs");
    let folder = ["/lib", "/mod", "/main"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
    let files = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
    files.iter().any(|file| tree.text(file).trim_start().starts_with("//!"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    const LIB: &str =
        "//! Framing.\n//!\n//! # Standards\n//! RFC 5321.\n//!\n//! # Hostile input\n//! All of it.\n";

    fn expect_in(item: &str, expected: &[&str]) {
        let text = format!("{LIB}\n{item}\n");
        let files = [
            ("crates/wire/Cargo.toml", ""),
            ("crates/wire/src/lib.rs", text.as_str()),
            ("crates/wire/src/said.rs", "//! Said.\n"),
            ("crates/wire/src/unsaid.rs", "use x;\n"),
        ];
        expect(check, &files, expected);
    }

    #[test]
    fn documented_items_pass() {
        for item in [
            "/// Says.\npub fn f() {}",
            "/// Says.\n#[derive(Debug)]\n#[cfg_attr(\n    x,\n    y(z)\n)]\npub struct S {\n    pub x: u8,\n}",
            "/** Says. */\npub const X: u8 = 1;",
            "pub mod said;",
            "pub use said::X;",
            "pub(crate) fn f() {}",
            "fn f() { g(\"\npub fn x\") }",
            "#[cfg(test)]\nmod tests {\n    pub fn f() {}\n}",
        ] {
            expect_in(item, &[]);
        }
    }

    #[test]
    fn undocumented_items_are_found() {
        for (item, line) in [
            ("pub fn f() {}", 9),
            ("pub const fn f() {}", 9),
            ("#[derive(Debug)]\npub struct S;", 10),
            ("// Not a docstring.\npub enum E {}", 10),
            ("pub trait T {}", 9),
            ("pub type T = u8;", 9),
            ("pub const X: u8 = 1;", 9),
            ("pub mod unsaid;", 9),
            ("pub mod inside {}", 9),
            ("impl S {\n    pub fn f() {}\n}", 10),
        ] {
            expect_in(item, &[&format!("crates/wire/src/lib.rs:{line}: `pub ")]);
        }
    }

    #[test]
    fn the_sections_must_be_there() {
        let files = [("crates/imap/Cargo.toml", ""), ("crates/imap/src/lib.rs", "//! # Standards\n")];
        expect(check, &files, &["crates/imap/src/lib.rs:1: has no `//! # Hostile input`"]);
        expect(check, &[("crates/store/Cargo.toml", ""), ("crates/store/src/lib.rs", "pub fn f() {}")], &[]);
    }
}
