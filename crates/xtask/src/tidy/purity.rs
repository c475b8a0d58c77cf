//! No socket, file, clock, chance, sleep or `async` below the store.

use super::{Finding, PROTOCOL_CRATES};
use crate::Tree;
use crate::source::{imports, line_of, mask, words};

pub const WHY: &str = "a protocol crate, tests included, cannot reach a socket, a file, a clock or chance: \
                       bytes and `Now` go in, outputs come out, and every dialogue is an exact test";

/// Paths that may not be named, nor anything below them.
const PATHS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::hash::RandomState",
    "std::collections::hash_map::RandomState",
    "fastrand",
    "getrandom",
    "rand",
    "tokio",
];

/// Words that may not stand in the code, however they came into scope.
const WORDS: &[&str] = &[
    "async",
    "await",
    "Instant::now",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixDatagram",
    "UnixListener",
    "UnixStream",
    "thread::sleep",
    "rand::",
    "getrandom",
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PROTOCOL_CRATES {
        for (path, text) in tree.rust(&format!("crates/{name}/")) {
            let mut found: Vec<(usize, String)> = places(&mask(text));
            found.sort();
            found.dedup_by_key(|(line, _)| *line);
            findings.extend(found.into_iter().map(|(line, what)| Finding::new(path, line, what)));
        }
    }
    findings
}

/// The lines that break the rule, some perhaps twice.
fn places(code: &str) -> Vec<(usize, String)> {
    let said =
        |at: usize, what: &str| (line_of(code, at), format!("`{what}` has no place in a protocol crate"));
    let words = WORDS.iter().flat_map(|word| words(code, word).map(move |at| said(at, word)));
    let paths = PATHS.iter().filter(|path| path.contains("::"));
    let paths = paths.flat_map(|path| self::words(code, path).map(move |at| said(at, path)));
    let imports = imports(code).into_iter().filter_map(|(at, import)| {
        let banned = PATHS.iter().find(|path| is_below(&import, path))?;
        Some(said(at, banned))
    });
    words.chain(paths).chain(imports).collect()
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    #[test]
    fn pure_code_passes() {
        let text = "use std::net::IpAddr;\nuse std::{fmt, mem};\nuse std::time::Duration;\n// std::fs, async fn\n\
                    /// Like `Instant::now`.\nconst T: &str = include_str!(\"SystemTime\");\nfn operand() { brand::x(); \
                    env!(\"CARGO_MANIFEST_DIR\"); }\n";
        expect(check, &[("crates/smtp/src/lib.rs", text)], &[]);
        expect(
            check,
            &[("crates/store/src/lib.rs", "use std::fs;"), ("crates/transcript/src/lib.rs", "use std::fs;")],
            &[],
        );
    }

    #[test]
    fn each_reach_outside_is_found() {
        for text in [
            "async fn f() {}",
            "let x = async move { 1 };",
            "f().await",
            "std::fs::read(x)",
            "use std::fs;",
            "use std::{fmt, fs::File};",
            "use std::{net::{IpAddr, TcpStream}};",
            "use std::env;",
            "std::env::var(\"X\")",
            "UdpSocket::bind(x)",
            "use std::os::unix::net::UnixStream;",
            "Instant::now()",
            "use std::time::{Duration, Instant as Clock};",
            "SystemTime::now()",
            "use std::thread;",
            "thread::sleep(x)",
            "rand::random()",
            "use rand::Rng;",
            "getrandom(x)",
            "use tokio::sync;",
            "use std::process::Command;",
            "use std::io::stdin;",
        ] {
            expect(check, &[("crates/imap/src/a.rs", text)], &["crates/imap/src/a.rs:1: `"]);
            expect(check, &[("crates/wire/tests/a.rs", text)], &["crates/wire/tests/a.rs:1: `"]);
        }
    }
}
