//! `rfc/index.tsv`: which RFC is obeyed, how far, and where.

use std::fmt::Write;

/// The path of the index.
pub const PATH: &str = "rfc/index.tsv";

/// The first line of the index.
pub const HEADER: &str = "number\ttitle\tstatus\tcrate\tnote";

/// How far an RFC is obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All of it that concerns a server of ours.
    Yes,
    /// What the note says.
    Partial,
    /// Not, for the reason in the note.
    No,
}

/// One RFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its line in the index, from 1.
    pub line: usize,
    /// Its number.
    pub number: u32,
    /// Its title, shortened where it is long.
    pub title: &'a str,
    /// How far it is obeyed.
    pub status: Status,
    /// The crates that obey it.
    pub crates: Vec<&'a str>,
    /// What is left out, or what else a reader should know.
    pub note: &'a str,
}

/// The rows, and for each line that is none its number and what is wrong with it.
pub fn parse(text: &str) -> (Vec<Row<'_>>, Vec<(usize, String)>) {
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    if text.lines().next() != Some(HEADER) {
        errors.push((1, format!("the first line is not `{}`", HEADER.replace('\t', "<TAB>"))));
    }
    for (index, line) in text.lines().enumerate().skip(1) {
        match row(index + 1, line) {
            Ok(row) => rows.push(row),
            Err(error) => errors.push((index + 1, error)),
        }
    }
    (rows, errors)
}

fn row(line: usize, text: &str) -> Result<Row<'_>, String> {
    let columns: Vec<&str> = text.split('\t').collect();
    let [number, title, status, crates, note] = columns[..] else {
        return Err(format!("{} columns instead of 5", columns.len()));
    };
    let status = match status {
        "yes" => Status::Yes,
        "partial" => Status::Partial,
        "no" => Status::No,
        other => return Err(format!("status `{other}` is none of yes, partial, no")),
    };
    if title.trim().is_empty() {
        return Err("no title".to_string());
    }
    if status != Status::Yes && note.trim().is_empty() {
        return Err("a note must say what is left out".to_string());
    }
    let number = number.parse().map_err(|_| format!("`{number}` is no RFC number"))?;
    Ok(Row { line, number, title, status, crates: crates.split(", ").collect(), note })
}

/// The rows as a markdown table.
pub fn markdown(rows: &[Row]) -> String {
    let mut out = String::from("| RFC | Title | Status | Crate | Note |\n|---|---|---|---|---|\n");
    for row in rows {
        let status = match row.status {
            Status::Yes => "yes",
            Status::Partial => "partial",
            Status::No => "no",
        };
        let (number, title, crates, note) =
            (row.number, cell(row.title), row.crates.join(", "), cell(row.note));
        let link = format!("[{number}](https://www.rfc-editor.org/rfc/rfc{number})");
        let _ = writeln!(out, "| {link} | {title} | {status} | {crates} | {note} |");
    }
    out
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The numbers of the RFCs that a text cites, each with the offset of the citation.
pub fn citations(text: &str) -> Vec<(usize, u32)> {
    let starts = text.match_indices("RFC").map(|(at, _)| at);
    starts.filter_map(|at| Some((at, citation(&text[at + 3..])?))).collect()
}

/// The number after the letters, as in `RFC 5321`, `RFC5321`, `RFC-5321` and `RFCs 5321`. Three
/// digits without a space are none: IMAP has an `RFC822.SIZE`.
fn citation(rest: &str) -> Option<u32> {
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    let spaced = rest.strip_prefix([' ', '-', '\u{a0}']);
    let digits = spaced.unwrap_or(rest);
    let len = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..len].parse().ok().filter(|_| spaced.is_some() || len > 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_a_table() {
        let text = format!("{HEADER}\n1939\tPost Office Protocol\tyes\tpop3\ta | b\n");
        let (rows, errors) = parse(&text);
        assert_eq!(errors, []);
        let line = "| [1939](https://www.rfc-editor.org/rfc/rfc1939) | Post Office Protocol | yes | pop3 | a \\| b |";
        assert_eq!(markdown(&rows).lines().nth(2), Some(line));
    }

    #[test]
    fn citations_are_found_however_written() {
        let found = citations("RFC 5321 §4, (RFC1939), RFC-822; RFCs 3501, RFC822.SIZE and RFC x");
        assert_eq!(found.into_iter().map(|(_, number)| number).collect::<Vec<_>>(), [5321, 1939, 822, 3501]);
    }
}
