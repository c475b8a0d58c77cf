//! A command is a row, a file, a transcript and an RFC.

use std::collections::BTreeSet;

use super::{COMMAND_CRATES, Finding};
use crate::Tree;
use crate::index;
use crate::source::{bracket_end, line_of, mask, parts, words};

pub const WHY: &str = "a command is one row of COMMANDS in its crate's src/command.rs, with src/command/<verb>.rs, \
                       transcripts/<verb>*.txt and an RFC, named in the row or the file, that stands in rfc/index.tsv; capability lists, HELP, \
                       metrics and docs are made from the rows";

/// A row as text tells: the first string is the verb, and what looks like an RFC is one.
struct Row {
    line: usize,
    verb: Option<String>,
    rfcs: Vec<u32>,
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    let known: BTreeSet<u32> = index::parse(tree.text(index::PATH)).0.iter().map(|row| row.number).collect();
    let present = COMMAND_CRATES.iter().filter(|name| tree.has_crate(name));
    present.flat_map(|name| check_crate(tree, name, &known)).collect()
}

fn check_crate(tree: &Tree, name: &str, known: &BTreeSet<u32>) -> Vec<Finding> {
    let path = format!("crates/{name}/src/command.rs");
    let Some(rows) = rows(tree.text(&path)) else {
        return vec![Finding::new(path, 1, "there is no `pub const COMMANDS: &[…] = &[…];` here")];
    };
    let mut findings = Vec::new();
    for row in rows {
        let mut say = |what: String| findings.push(Finding::new(&path, row.line, what));
        let Some(verb) = &row.verb else {
            say("the row has no verb: its first string".to_string());
            continue;
        };
        let stem = verb.to_lowercase().replace([' ', '-'], "_");
        let file = format!("crates/{name}/src/command/{stem}.rs");
        let Some(text) = tree.files.get(&file) else {
            say(format!("{verb} has no file {file}"));
            continue;
        };
        if !has_transcript(tree, name, &stem) {
            say(format!("{verb} has no transcript crates/{name}/transcripts/{stem}*.txt"));
        }
        let cited = index::citations(text).into_iter().map(|(_, number)| number);
        let numbers: BTreeSet<u32> = row.rfcs.iter().copied().chain(cited).collect();
        if numbers.is_empty() {
            say(format!("neither the row of {verb} nor its file names an RFC"));
        }
        for number in numbers.difference(known) {
            say(format!("RFC {number}, of {verb}, has no row in {}", index::PATH));
        }
    }
    findings
}

/// The rows between the brackets of `COMMANDS`; `None` if there is no such table.
fn rows(text: &str) -> Option<Vec<Row>> {
    let code = mask(text);
    let name = words(&code, "COMMANDS").find(|at| code[..*at].trim_end().ends_with("const"))?;
    let open = code[name..].find('=').and_then(|at| Some(name + at + code[name + at..].find('[')?))?;
    let close = bracket_end(&code, open) - 1;
    let found = parts(&code[open + 1..close]).into_iter().filter(|(_, part)| !part.trim().is_empty());
    Some(
        found
            .map(|(at, part)| {
                let start = open + 1 + at;
                let first = start + part.len() - part.trim_start().len();
                row(line_of(text, first), &text[first..start + part.len()], part.trim_start())
            })
            .collect(),
    )
}

fn row(line: usize, text: &str, code: &str) -> Row {
    let verb = code.find('"').and_then(|open| {
        let close = open + 1 + code[open + 1..].find('"')?;
        Some(text[open + 1..close].to_string())
    });
    Row { line, verb, rfcs: index::citations(text).into_iter().map(|(_, number)| number).collect() }
}

/// A transcript is `<verb>.txt` or `<verb>-<case>.txt`, and not that of a verb that begins alike.
fn has_transcript(tree: &Tree, name: &str, stem: &str) -> bool {
    let begin = format!("crates/{name}/transcripts/{stem}");
    tree.files
        .keys()
        .filter_map(|path| path.strip_prefix(&begin))
        .any(|rest| rest.ends_with(".txt") && rest.starts_with(|c: char| !c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    const INDEX: (&str, &str) = (
        index::PATH,
        "number\ttitle\tstatus\tcrate\tnote\n1939\tPOP3\tyes\tpop3\t\n2449\tCAPA\tyes\tpop3\t\n",
    );
    const TABLE: &str = "//! Rows.\n/// \"No\" row.\npub const COMMANDS: &[Row] = &[\n    // The oldest.\n    \
                         row(\"STAT\", f, \"RFC 1939 §5\"),\n    Row {\n        verb: \"X-CAPA\",\n        \
                         rfc: \"RFC 2449 §5, RFC 1939\",\n    },\n];\n";
    const MANIFEST: (&str, &str) = ("crates/pop3/Cargo.toml", "");
    const STAT: (&str, &str) = ("crates/pop3/src/command/stat.rs", "//! RFC 1939 §5.");
    const CAPA: (&str, &str) = ("crates/pop3/src/command/x_capa.rs", "//! RFC 2449 §5.");
    const STAT_TRANSCRIPT: (&str, &str) = ("crates/pop3/transcripts/stat-empty.txt", "");
    const CAPA_TRANSCRIPT: (&str, &str) = ("crates/pop3/transcripts/x_capa.txt", "");
    const WHOLE: [(&str, &str); 7] = [
        INDEX,
        MANIFEST,
        STAT,
        CAPA,
        STAT_TRANSCRIPT,
        CAPA_TRANSCRIPT,
        ("crates/pop3/src/command.rs", TABLE),
    ];

    /// The whole tree without one file, or with other text in it.
    fn with<'a>(path: &str, text: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
        let files = WHOLE.into_iter().filter(|(other, _)| *other != path);
        let own = WHOLE.into_iter().filter_map(|(other, _)| Some((other, text?)).filter(|(p, _)| *p == path));
        files.chain(own).collect()
    }

    #[test]
    fn a_command_with_all_its_parts_passes() {
        expect(check, &WHOLE, &[]);
        expect(check, &[("crates/wire/Cargo.toml", "")], &[]);
    }

    #[test]
    fn each_missing_part_is_found() {
        let at = |line: usize, what: &str| format!("crates/pop3/src/command.rs:{line}: {what}");
        for (path, text, expected) in [
            (STAT.0, None, at(5, "STAT has no file crates/pop3/src/command/stat.rs")),
            (CAPA.0, None, at(6, "X-CAPA has no file crates/pop3/src/command/x_capa.rs")),
            (CAPA.0, Some("//! RFC 1734."), at(6, "RFC 1734, of X-CAPA, has no row")),
            (STAT_TRANSCRIPT.0, None, at(5, "STAT has no transcript crates/pop3/transcripts/stat*.txt")),
            (
                INDEX.0,
                Some("number\ttitle\tstatus\tcrate\tnote\n1939\tPOP3\tyes\tpop3\t\n"),
                at(6, "RFC 2449, of X-CAPA, has no row"),
            ),
            ("crates/pop3/src/command.rs", None, at(1, "there is no `pub const COMMANDS")),
        ] {
            expect(check, &with(path, text), &[&expected]);
        }
    }

    #[test]
    fn a_transcript_of_a_longer_verb_does_not_count() {
        let mut files = with(STAT_TRANSCRIPT.0, None);
        files.push(("crates/pop3/transcripts/status.txt", ""));
        expect(check, &files, &["crates/pop3/src/command.rs:5: STAT has no transcript"]);
    }

    #[test]
    fn a_row_must_name_its_verb() {
        let files = with("crates/pop3/src/command.rs", Some("pub const COMMANDS: &[Row] = &[row(STAT)];"));
        expect(check, &files, &["crates/pop3/src/command.rs:1: the row has no verb"]);
    }

    #[test]
    fn the_row_or_the_file_must_name_an_rfc() {
        let table = ("crates/pop3/src/command.rs", "pub const COMMANDS: &[Row] = &[row(\"STAT\")];");
        expect(check, &[INDEX, MANIFEST, STAT, STAT_TRANSCRIPT, table], &[]);
        let stat = (STAT.0, "//! Says nothing.");
        let expected = ["crates/pop3/src/command.rs:1: neither the row of STAT nor its file names an RFC"];
        expect(check, &[INDEX, MANIFEST, stat, STAT_TRANSCRIPT, table], &expected);
    }
}
