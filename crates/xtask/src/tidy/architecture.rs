//! ARCHITECTURE.md stays short and true.

use super::Finding;
use crate::Tree;

pub const WHY: &str = "ARCHITECTURE.md names every crate and says what it does not know, in fewer lines than \
                       anyone minds reading";

const PATH: &str = "ARCHITECTURE.md";

/// One more line and it is too long.
const LINES_MAX: usize = 199;

/// Ways to say it.
const PHRASES: &[&str] = &["never knows", "does not know", "knows nothing of"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.files.get(PATH) else {
        return vec![Finding::new(PATH, 1, "is missing")];
    };
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.push(Finding::new(PATH, lines, format!("has {lines} lines, over {LINES_MAX}")));
    }
    for name in tree.crates() {
        match named_at(text, name) {
            None => findings.push(Finding::new(PATH, 1, format!("does not name the crate `{name}`"))),
            Some(line) if !says_ignorance(text, name) => {
                let what = format!("does not say what `{name}` never knows");
                findings.push(Finding::new(PATH, line, what));
            }
            Some(_) => {}
        }
    }
    findings
}

/// The first line that names a crate, in backticks.
fn named_at(text: &str, name: &str) -> Option<usize> {
    text.lines().position(|line| names(line, name)).map(|index| index + 1)
}

fn names(text: &str, name: &str) -> bool {
    ["", "crates/"]
        .iter()
        .any(|prefix| ["`", "/`"].iter().any(|end| text.contains(&format!("`{prefix}{name}{end}"))))
}

/// True if a row of a table, a paragraph, a list item or a section says what the crate does not know.
fn says_ignorance(text: &str, name: &str) -> bool {
    in_table(text, name) || blocks(text).iter().any(|block| names(block, name) && has_phrase(block))
}

fn has_phrase(text: &str) -> bool {
    let text = text.to_lowercase();
    PHRASES.iter().any(|phrase| text.contains(phrase))
}

/// True if the crate has a row in a table with a column of that name, and the cell is not empty.
fn in_table(text: &str, name: &str) -> bool {
    let mut column = None;
    for line in text.lines() {
        if !line.starts_with('|') {
            column = None;
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        match column.and_then(|column: usize| cells.get(column)) {
            Some(cell) if names(cells[0], name) => return cell.chars().any(char::is_alphabetic),
            Some(_) => {}
            None => column = cells.iter().position(|cell| has_phrase(cell)),
        }
    }
    false
}

/// Paragraphs and list items; a heading belongs to each block of its section. Tables are left out.
fn blocks(text: &str) -> Vec<String> {
    let (mut blocks, mut heading) = (Vec::new(), "");
    let mut block = String::new();
    for line in text.lines().filter(|line| !line.starts_with('|')).chain([""]) {
        let is_item = ["- ", "* "].iter().any(|mark| line.trim_start().starts_with(mark));
        if line.trim().is_empty() || line.starts_with('#') || is_item {
            blocks.push(format!("{heading}\n{block}"));
            block.clear();
        }
        if line.starts_with('#') {
            heading = line;
        } else {
            block.push_str(line);
            block.push(' ');
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    fn expect_for(text: &str, expected: &[&str]) {
        let files = [(PATH, text), ("crates/wire/Cargo.toml", ""), ("crates/imap/Cargo.toml", "")];
        expect(check, &files, expected);
    }

    #[test]
    fn each_way_to_say_it_passes() {
        for text in [
            "| crate | knows | never knows |\n|---|---|---|\n| `wire` | lines | any protocol |\n| `imap` | IMAP | storage |\n",
            "- `wire` frames;\n  it never knows a protocol.\n- `crates/imap/` does not know\n  the disk.\n",
            "### `wire`\nFrames. It knows nothing of protocols.\n### `crates/imap`\nGrammar.\n\nIt does not know the disk.\n",
        ] {
            expect_for(text, &[]);
        }
    }

    #[test]
    fn a_crate_that_is_not_named_is_found() {
        expect_for(
            "`wire` never knows a protocol. Of imap, more later.",
            &["ARCHITECTURE.md:1: does not name the crate `imap`"],
        );
    }

    #[test]
    fn a_crate_whose_ignorance_is_not_said_is_found() {
        let expected = ["ARCHITECTURE.md:3: does not say what `imap` never knows"];
        expect_for("`wire` never knows a protocol.\n\n`imap` knows IMAP.\n", &expected);
        let table = "| crate | never knows |\n|---|---|\n| `imap` | — |\n| `wire` | `imap` |\n";
        expect_for(table, &expected);
    }

    #[test]
    fn too_many_lines_are_found() {
        let text = "`wire` and `imap` never know: each does not know it.\n".to_string() + &"\n".repeat(199);
        expect_for(&text, &["ARCHITECTURE.md:200: has 200 lines, over 199"]);
    }

    #[test]
    fn a_missing_page_is_found() {
        expect(check, &[], &["ARCHITECTURE.md:1: is missing"]);
    }
}
