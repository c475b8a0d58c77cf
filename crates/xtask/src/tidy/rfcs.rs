//! The index of RFCs is whole and in order.

use std::collections::BTreeSet;

use super::Finding;
use crate::Tree;
use crate::index::{self, PATH, Row, Status};

pub const WHY: &str = "rfc/index.tsv says of every RFC that the sources cite how far it is obeyed, and where; \
                       what is missing is visible there and no surprise";

/// Endings of the files whose citations count.
const SOURCES: &[&str] = &[".rs", ".sql", ".txt", ".js", ".mjs", ".ts"];

/// The tool's own tests cite what they like.
const OWN: &str = "crates/xtask/";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let (rows, errors) = index::parse(tree.text(PATH));
    let mut findings: Vec<Finding> =
        errors.into_iter().map(|(line, what)| Finding::new(PATH, line, what)).collect();
    for pair in rows.windows(2) {
        let (before, row) = (&pair[0], &pair[1]);
        if row.number <= before.number {
            let what = format!("RFC {} after RFC {}: sorted, and each once", row.number, before.number);
            findings.push(Finding::new(PATH, row.line, what));
        }
    }
    findings.extend(rows.iter().flat_map(|row| unknown_crates(tree, row)));
    findings.extend(uncharted(tree, &rows));
    findings
}

/// Crates of a row that are not there. What is not obeyed at all may name one that is to come.
fn unknown_crates(tree: &Tree, row: &Row) -> Vec<Finding> {
    let unknown = row.crates.iter().filter(|name| !tree.has_crate(name) && row.status != Status::No);
    unknown.map(|name| Finding::new(PATH, row.line, format!("there is no crate `{name}`"))).collect()
}

/// Citations without a row, each number where it is cited first.
fn uncharted(tree: &Tree, rows: &[Row]) -> Vec<Finding> {
    let mut known: BTreeSet<u32> = rows.iter().map(|row| row.number).collect();
    let mut findings = Vec::new();
    let sources = tree.files.iter().filter(|(path, _)| {
        path.contains('/') && !path.starts_with(OWN) && SOURCES.iter().any(|ending| path.ends_with(ending))
    });
    for (path, text) in sources {
        for (at, number) in index::citations(text) {
            if known.insert(number) {
                let line = crate::source::line_of(text, at);
                findings.push(Finding::new(path, line, format!("RFC {number} has no row in {PATH}")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    const ROW: &str = "1939\tPost Office Protocol\tyes\tpop3\t\n";

    fn expect_for(rows: &str, expected: &[&str]) {
        let text = format!("{}\n{rows}", index::HEADER);
        let files = [(PATH, text.as_str()), ("crates/pop3/Cargo.toml", ""), ("crates/sasl/Cargo.toml", "")];
        expect(check, &files, expected);
    }

    #[test]
    fn an_index_in_order_passes() {
        expect_for(ROW, &[]);
        expect_for(
            &format!("{ROW}5034\tAUTH\tpartial\tpop3, sasl\tall but x\n6856\tUTF8\tno\tgopher\tnot yet\n"),
            &[],
        );
    }

    #[test]
    fn each_broken_row_is_found() {
        for (row, expected) in [
            ("5034\tAUTH\tyes\tpop3\n", "4 columns instead of 5"),
            ("x\tAUTH\tyes\tpop3\t\n", "`x` is no RFC number"),
            ("5034\tAUTH\tmaybe\tpop3\t\n", "status `maybe` is none of"),
            ("5034\t \tyes\tpop3\t\n", "no title"),
            ("5034\tAUTH\tno\tpop3\t\n", "a note must say"),
            ("5034\tAUTH\tyes\tgopher\t\n", "there is no crate `gopher`"),
            ("1939\tAgain\tyes\tpop3\t\n", "RFC 1939 after RFC 1939"),
            ("1870\tSIZE\tyes\tpop3\t\n", "RFC 1870 after RFC 1939"),
        ] {
            expect_for(&format!("{ROW}{row}"), &[&format!("{PATH}:3: {expected}")]);
        }
        expect(check, &[(PATH, "")], &["rfc/index.tsv:1: the first line is not"]);
    }

    #[test]
    fn a_citation_without_a_row_is_found_once() {
        let index = format!("{}\n{ROW}", index::HEADER);
        let files = [
            (PATH, index.as_str()),
            ("crates/pop3/Cargo.toml", ""),
            ("crates/pop3/src/a.rs", "// RFC 1939 §3\n// RFC 2449 §5\n"),
            ("crates/pop3/transcripts/b.txt", "RFC 2449 and RFC 5034"),
            ("README.md", "RFC 1"),
        ];
        let expected = [
            "crates/pop3/src/a.rs:2: RFC 2449 has no row",
            "crates/pop3/transcripts/b.txt:1: RFC 5034 has no row",
        ];
        expect(check, &files, &expected);
    }
}
