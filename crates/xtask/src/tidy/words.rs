//! Words that do not belong in the sources.

use super::Finding;
use crate::Tree;
use crate::source::{line_of, mask, test_parts, words};
use crate::tree::is_test_file;

pub const WHY: &str = "memory safety without exceptions, errors that say whose fault they are, libraries that keep \
                       quiet, and no promises to finish later";

/// What is left for later; also in comments, where it mostly stands.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX"];

/// The same as code.
const UNFINISHED_MACROS: &[&str] = &["todo!", "unimplemented!"];

/// Macros that write to the terminal.
const PRINTING: &[&str] = &["print!", "println!", "eprint!", "eprintln!", "dbg!"];

/// The one file that may use `anyhow`: there an error has only its reader left.
const ANYHOW_PLACE: &str = "crates/posthouse/src/main.rs";

/// Crates whose business is to talk to people.
const TALKING_CRATES: &[&str] = &["crates/posthouse/", "crates/xtask/"];

/// This file has to name what it forbids.
const OWN: &str = "crates/xtask/src/tidy/words.rs";

/// Endings of files that hold code.
const SOURCES: &[&str] =
    &[".rs", ".toml", ".sql", ".sh", ".py", ".js", ".mjs", ".ts", ".css", ".html", "Makefile"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = tree.files.iter().filter(|(path, _)| SOURCES.iter().any(|ending| path.ends_with(ending)));
    for (path, text) in sources.filter(|(path, _)| *path != OWN) {
        say(&mut findings, path, text, UNFINISHED, "finish it, or write it down where work is planned");
    }
    for (path, text) in tree.rust("").filter(|(path, _)| *path != OWN) {
        let code = mask(text);
        say(&mut findings, path, &code, &["unsafe"], "nothing here needs it");
        say(&mut findings, path, &code, UNFINISHED_MACROS, "nothing half-done is merged");
        if path != ANYHOW_PLACE {
            say(&mut findings, path, &code, &["anyhow", "eyre"], "an error here is an enum");
        }
        if is_quiet(path) {
            let product = without_tests(&code);
            say(&mut findings, path, &product, PRINTING, "a library does not talk to the terminal");
        }
    }
    findings
}

fn say(findings: &mut Vec<Finding>, path: &str, text: &str, banned: &[&str], why: &str) {
    for word in banned {
        findings.extend(words(text, word).map(|at| {
            let what = format!("`{word}`: {why}");
            Finding::new(path, line_of(text, at), what)
        }));
    }
}

fn is_quiet(path: &str) -> bool {
    let is_library = path.starts_with("crates/") && path.contains("/src/") && !is_test_file(path);
    is_library && !TALKING_CRATES.iter().any(|own| path.starts_with(own))
}

/// The code, with what is compiled for tests alone made blank.
fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for part in test_parts(code) {
        bytes[part].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    #[test]
    fn clean_sources_pass() {
        let text = "#![forbid(unsafe_code)]\n// unsafe, anyhow and println! in a comment\nfn todo() { \"todo!\" }\n\
                    #[cfg(test)]\nmod tests { fn f() { println!() } }";
        let files = [
            ("crates/imap/src/lib.rs", text),
            ("crates/posthouse/src/main.rs", "use anyhow::Context; fn main() { println!(\"é\") }"),
            ("CONTRIBUTING.md", "no TODO"),
            (OWN, "TODO unsafe {}"),
        ];
        expect(check, &files, &[]);
    }

    #[test]
    fn each_word_is_found() {
        let path = "crates/imap/src/a.rs";
        for (text, word) in [
            ("// TODO: later", "TODO"),
            ("// FIXME", "FIXME"),
            ("/* XXX */", "XXX"),
            ("fn f() { todo!() }", "todo!"),
            ("fn f() { unimplemented!(\"\") }", "unimplemented!"),
            ("unsafe { f() }", "unsafe"),
            ("use anyhow::Result;", "anyhow"),
            ("println!(\"\")", "println!"),
            ("eprint!(\"\")", "eprint!"),
            ("dbg!(x)", "dbg!"),
        ] {
            expect(check, &[(path, text)], &[&format!("{path}:1: `{word}`")]);
        }
        expect(check, &[("web/a.js", "// TODO")], &["web/a.js:1: `TODO`"]);
        expect(check, &[("Makefile", "# FIXME")], &["Makefile:1: `FIXME`"]);
        expect(
            check,
            &[("crates/posthouse/src/cli.rs", "anyhow::bail!()")],
            &["crates/posthouse/src/cli.rs:1: `anyhow`"],
        );
    }
}
