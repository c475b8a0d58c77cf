//! The rules of the house, one file each.

use std::fmt::{self, Write};

use crate::Tree;

mod architecture;
mod bans;
mod commands;
mod docs;
mod layers;
mod length;
mod licences;
mod machine;
mod names;
mod purity;
mod reasons;
mod rfcs;
mod sleep;
mod words;

/// The crates that speak a protocol or a format, and hold no socket, file or clock.
pub const PROTOCOL_CRATES: &[&str] =
    &["wire", "sasl", "mime", "dns", "senderauth", "smtp", "imap", "pop3", "ftp"];

/// The crates with a command table.
pub const COMMAND_CRATES: &[&str] = &["smtp", "imap", "pop3", "ftp"];

/// One rule.
pub struct Rule {
    /// Its name, which is the name of its file.
    pub name: &'static str,
    /// Why it is there; printed once for all that breaks it.
    pub why: &'static str,
    check: fn(&Tree) -> Vec<Finding>,
}

/// Every rule, in the order of the report.
pub const RULES: &[Rule] = &[
    Rule { name: "layers", why: layers::WHY, check: layers::check },
    Rule { name: "purity", why: purity::WHY, check: purity::check },
    Rule { name: "sleep", why: sleep::WHY, check: sleep::check },
    Rule { name: "names", why: names::WHY, check: names::check },
    Rule { name: "commands", why: commands::WHY, check: commands::check },
    Rule { name: "length", why: length::WHY, check: length::check },
    Rule { name: "docs", why: docs::WHY, check: docs::check },
    Rule { name: "architecture", why: architecture::WHY, check: architecture::check },
    Rule { name: "words", why: words::WHY, check: words::check },
    Rule { name: "reasons", why: reasons::WHY, check: reasons::check },
    Rule { name: "machine", why: machine::WHY, check: machine::check },
    Rule { name: "rfcs", why: rfcs::WHY, check: rfcs::check },
    Rule { name: "bans", why: bans::WHY, check: bans::check },
    Rule { name: "licences", why: licences::WHY, check: licences::check },
];

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, from the root of the repository.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what would mend it.
    pub what: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Checks all rules: those that are broken, each with the places.
pub fn run(tree: &Tree) -> Vec<(&'static Rule, Vec<Finding>)> {
    let checked = RULES.iter().map(|rule| (rule, (rule.check)(tree)));
    checked.filter(|(_, findings)| !findings.is_empty()).collect()
}

/// The findings for people: by rule, with the reason of each rule.
pub fn report(broken: &[(&Rule, Vec<Finding>)]) -> String {
    let mut out = String::new();
    for (rule, findings) in broken {
        let _ = writeln!(out, "{}: {}", rule.name, rule.why);
        for finding in findings {
            let _ = writeln!(out, "  {finding}");
        }
        out.push('\n');
    }
    let count: usize = broken.iter().map(|(_, findings)| findings.len()).sum();
    let _ = match count {
        0 => writeln!(out, "tidy: {} rules hold", RULES.len()),
        _ => writeln!(out, "tidy: {count} findings in {} of {} rules", broken.len(), RULES.len()),
    };
    out
}

/// The rules with their reasons.
pub fn list() -> String {
    RULES.iter().map(|rule| format!("{:14}{}\n", rule.name, rule.why)).collect()
}

/// Checks that a rule says exactly `expected` of a tree: each the beginning of a finding, in order.
#[cfg(test)]
#[track_caller]
fn expect(check: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)], expected: &[&str]) {
    expect_of(check, &Tree::of(files), expected);
}

#[cfg(test)]
#[track_caller]
fn expect_of(check: fn(&Tree) -> Vec<Finding>, tree: &Tree, expected: &[&str]) {
    let found: Vec<String> = check(tree).iter().map(Finding::to_string).collect();
    let agrees = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
    assert!(agrees, "expected {expected:#?}, found {found:#?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_rule_its_reason_and_the_places() {
        let tree = Tree::of(&[("crates/x/Cargo.toml", "[package]\nname = \"y\"\n")]);
        let text = report(&run(&tree));
        assert!(text.contains(names::WHY) && text.contains("  crates/x/Cargo.toml:2: "), "{text}");
    }

    #[test]
    fn a_report_without_findings_says_so() {
        assert_eq!(report(&[]), format!("tidy: {} rules hold\n", RULES.len()));
    }
}
