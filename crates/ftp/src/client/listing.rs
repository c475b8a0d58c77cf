//! Listings as they come over a data connection: MLSD (RFC 3659 §7), or LIST where a server knows no
//! better.
//!
//! RFC 959 says of LIST that it is for people. Two forms are read nevertheless: what `ls -l` prints,
//! and what DOS printed.

use super::entry::{Entry, Facts, Kind, Listed, Modified, machine_line, number};
use super::reply::printable;
use super::stamp::Stamp;
use super::{Name, NameError};
use wire::Input;
use wire::line::{LineEnd, LineReader};

/// A line of a listing may be this long, its end included: a name, facts, and a link's target.
pub const LISTING_LINE_LEN_MAX_BYTES: usize = 16 * 1024;

/// A listing may have this many entries; more would only fill the memory.
pub const LISTING_ENTRIES_MAX: usize = 4_000_000;

/// A listing may have this many bytes: a million entries with names of the usual length have a fifth of that,
/// and lines without end or meaning are no entries.
pub const LISTING_LEN_MAX_BYTES: u64 = 512 << 20;

/// What is shown of a line that cannot be read, and of a name that is not taken.
const NOTE_LEN_MAX_CHARS: usize = 300;

/// Which form a listing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Facts, as MLSD sends them.
    Machine,
    /// What LIST sends.
    Human,
}

/// What one line of a listing tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An entry.
    Entry(Entry),
    /// An entry whose name is not taken, and why; the name made fit for a terminal.
    BadName(String, NameError),
    /// A line that cannot be read; made fit for a terminal.
    Unknown(String),
}

/// Cuts a listing into its items as it arrives.
#[derive(Debug)]
pub struct ListingReader {
    form: Form,
    today: Stamp,
    lines: LineReader,
    input: Input,
    entries: usize,
    len_bytes: u64,
}

/// The listing has more than [`LISTING_ENTRIES_MAX`] entries, or [`LISTING_LEN_MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyEntries;

impl ListingReader {
    /// A reader of a listing. `today` is the present time, as LIST leaves the year out of the dates of
    /// the last six months.
    pub fn new(form: Form, today: Stamp) -> ListingReader {
        let lines = LineReader::new(LISTING_LINE_LEN_MAX_BYTES, LineEnd::CrLfOrLf);
        ListingReader { form, today, lines, input: Input::new(), entries: 0, len_bytes: 0 }
    }

    /// Reads what has arrived, handing each item to `take`.
    ///
    /// # Errors
    /// If there are too many entries or bytes.
    pub fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Item)) -> Result<(), TooManyEntries> {
        self.len_bytes += bytes.len() as u64;
        if self.len_bytes > LISTING_LEN_MAX_BYTES {
            return Err(TooManyEntries);
        }
        self.input.push(bytes);
        while let Some(line) = self.lines.next(&mut self.input) {
            self.entries += 1;
            if self.entries > LISTING_ENTRIES_MAX {
                return Err(TooManyEntries);
            }
            match line {
                Ok(line) => self.read(&line).into_iter().for_each(&mut take),
                Err(_) => take(Item::Unknown("a line that is too long or holds control bytes".to_string())),
            }
        }
        Ok(())
    }

    /// The listing has ended: reads a last line that has no end.
    ///
    /// # Errors
    /// As [`push`](ListingReader::push).
    pub fn finish(mut self, take: impl FnMut(Item)) -> Result<(), TooManyEntries> {
        if self.input.is_empty() { Ok(()) } else { self.push(b"\n", take) }
    }

    fn read(&self, line: &[u8]) -> Option<Item> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let read = match self.form {
            Form::Machine => machine_line(line),
            Form::Human if line.starts_with(b"total ") => return None,
            Form::Human => {
                let read = unix_line(line, self.today).or_else(|| dos_line(line));
                read.map(|(facts, name)| (Listed::Facts(facts), name))
            }
        };
        match read {
            None => Some(Item::Unknown(note(line))),
            Some((Listed::NotInside, _) | (_, b"." | b"..")) => None,
            Some((Listed::Facts(facts), name)) => Some(match Name::new(name) {
                Ok(name) => Item::Entry(Entry { name, facts }),
                Err(error) => Item::BadName(note(name), error),
            }),
        }
    }
}

/// Fit for a terminal, and short.
fn note(bytes: &[u8]) -> String {
    let cut = bytes.len() > NOTE_LEN_MAX_CHARS;
    let text = printable(&bytes[..bytes.len().min(NOTE_LEN_MAX_CHARS)]);
    if cut { text + "…" } else { text }
}

/// The words of a line, each with the place behind it.
fn words(line: &[u8]) -> Vec<(&[u8], usize)> {
    let mut words = Vec::new();
    let mut at = 0;
    // The name is never needed as a word, and what stands before it has ten words at most.
    while words.len() < 12 {
        let Some(begin) = line[at..].iter().position(|b| *b != b' ').map(|skip| at + skip) else { break };
        let end = line[begin..].iter().position(|b| *b == b' ').map_or(line.len(), |len| begin + len);
        words.push((&line[begin..end], end));
        at = end;
    }
    words
}

/// `-rw-r--r--   1 owner    group        1234 Nov 23 08:45 a name`; the group, the owner and the number
/// of links may be missing.
fn unix_line(line: &[u8], today: Stamp) -> Option<(Facts, &[u8])> {
    let words = words(line);
    let (permissions, _) = words.first()?;
    let kind = match permissions.first()? {
        b'-' => Kind::File,
        b'd' => Kind::Folder,
        b'l' => Kind::Link,
        b'b' | b'c' | b'p' | b's' | b'D' => Kind::Other,
        _ => return None,
    };
    let mode = unix_mode(permissions.get(1..10)?)?;
    // An owner may be called `May`: only a month with a number before it and a day and a time behind it
    // is the month.
    let (size, date, end) = (2..words.len().saturating_sub(2)).find_map(|at| {
        let size = number(words[at - 1].0)?;
        let date = unix_date(words[at].0, words[at + 1].0, words[at + 2].0, today)?;
        Some((size, date, words[at + 2].1))
    })?;
    // One space stands before the name; further ones belong to it.
    let mut name = line.get(end + 1..)?;
    if kind == Kind::Link {
        let arrow = name.windows(4).position(|four| four == b" -> ");
        name = &name[..arrow.unwrap_or(name.len())];
    }
    let modified = Some(Modified { at: date, exact: false });
    Some((Facts { kind, size_bytes: Some(size), modified, mode: Some(mode) }, name))
}

/// The bits of `rwxr-x---`; letters for set-id and sticky count as what they stand over.
fn unix_mode(letters: &[u8]) -> Option<u32> {
    letters.iter().enumerate().try_fold(0, |mode, (at, letter)| {
        let bit = 0o400 >> at;
        match letter {
            b'-' | b'S' | b'T' | b'l' | b'L' => Some(mode),
            b'r' | b'w' | b'x' | b's' | b't' => Some(mode | bit),
            _ => None,
        }
    })
}

/// `Nov 23 08:45` or `Nov 23 2025`, and in some places `23 Nov` instead.
fn unix_date(first: &[u8], second: &[u8], third: &[u8], today: Stamp) -> Option<Stamp> {
    let (month, day) = match month(first) {
        Some(month) => (month, number(second)?),
        None => (month(second)?, number(first)?),
    };
    let day = i64::try_from(day).ok()?;
    if let Some(colon) = third.iter().position(|b| *b == b':') {
        let part = |digits: &[u8]| number(digits).and_then(|n| i64::try_from(n).ok());
        let time = (part(&third[..colon])?, part(&third[colon + 1..])?, 0);
        let (year, _, _) = today.date();
        let at = Stamp::civil((year, month, day), time);
        // No year is told for the last six months. A day ahead is a server east of here.
        let day_seconds = 86_400;
        return match at {
            Some(at) if at.unix_seconds() <= today.unix_seconds() + day_seconds => Some(at),
            _ => Stamp::civil((year - 1, month, day), time),
        };
    }
    let year = (third.len() == 4).then(|| number(third)).flatten()?;
    Stamp::civil((i64::try_from(year).ok()?, month, day), (0, 0, 0))
}

fn month(word: &[u8]) -> Option<i64> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let at = MONTHS.iter().position(|month| word.eq_ignore_ascii_case(*month))?;
    i64::try_from(at + 1).ok()
}

/// `11-23-26  08:45AM       <DIR>          a name`, or a number of bytes instead of `<DIR>`.
fn dos_line(line: &[u8]) -> Option<(Facts, &[u8])> {
    let words = words(line);
    let [(date, _), (time, _), (size, end), ..] = words.as_slice() else { return None };
    let at = dos_time(date, time)?;
    let folder = size.eq_ignore_ascii_case(b"<DIR>");
    let (kind, size_bytes) = if folder { (Kind::Folder, None) } else { (Kind::File, Some(number(size)?)) };
    let mut name = line.get(end + 1..)?;
    if folder {
        let spaces = name.iter().take_while(|b| **b == b' ').count();
        name = &name[spaces..];
    }
    Some((Facts { kind, size_bytes, modified: Some(Modified { at, exact: false }), mode: None }, name))
}

fn dos_time(date: &[u8], time: &[u8]) -> Option<Stamp> {
    let small = |digits: &[u8]| (digits.len() <= 4).then(|| number(digits)).flatten().map(|n| n as i64);
    let date: Vec<i64> = date.split(|b| *b == b'-').map(small).collect::<Option<_>>()?;
    let &[month, day, year] = date.as_slice() else { return None };
    let year = match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        year => year,
    };
    let (time, half) = match time.len().checked_sub(2).map(|at| time.split_at(at)) {
        Some((time, half)) if half.eq_ignore_ascii_case(b"AM") => (time, Some(0)),
        Some((time, half)) if half.eq_ignore_ascii_case(b"PM") => (time, Some(12)),
        _ => (time, None),
    };
    let time: Vec<i64> = time.split(|b| *b == b':').map(small).collect::<Option<_>>()?;
    let &[hour, minute] = time.as_slice() else { return None };
    let hour = half.map_or(hour, |half| hour % 12 + half);
    Stamp::civil((year, month, day), (hour, minute, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-23, when the tables below were true.
    fn today() -> Stamp {
        Stamp::parse(b"20261123084500").unwrap()
    }

    fn read<'a>(form: Form, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut items = Vec::new();
        let mut reader = ListingReader::new(form, today());
        for piece in pieces {
            reader.push(piece, |item| items.push(show(&item))).unwrap();
        }
        reader.finish(|item| items.push(show(&item))).unwrap();
        items
    }

    fn show(item: &Item) -> String {
        match item {
            Item::Entry(Entry { name, facts }) => {
                let size = facts.size_bytes.map_or("-".to_string(), |size| size.to_string());
                let time = facts.modified.map_or("-".to_string(), |modified| modified.at.to_string());
                let mode = facts.mode.map_or("-".to_string(), |mode| format!("{mode:o}"));
                format!("{:?} {size} {time} {mode} [{name}]", facts.kind)
            }
            Item::BadName(name, error) => format!("{error:?} [{name}]"),
            Item::Unknown(line) => format!("? {line}"),
        }
    }

    #[test]
    fn lines_for_people() {
        let table: &[(&str, &[&str])] = &[
            ("total 12", &[]),
            ("", &[]),
            (
                "-rw-r--r--   1 owner    group        1234 Nov 23 08:45 a name",
                &["File 1234 20261123084500 644 [a name]"],
            ),
            (
                "-rw-r--r--   1 owner    group        1234 Nov 24 08:00 a",
                &["File 1234 20261124080000 644 [a]"],
            ),
            (
                "-rw-r--r--   1 owner    group        1234 Dec 24 08:00 a",
                &["File 1234 20251224080000 644 [a]"],
            ),
            (
                "-rw-------   1 owner    group           0 Feb 29  2024  two spaces",
                &["File 0 20240229000000 600 [ two spaces]"],
            ),
            ("drwxr-xr-x   2 0 0 4096 Jan  5  2026 pub", &["Folder 4096 20260105000000 755 [pub]"]),
            ("drwxrwxrwt   2 0 0 4096 Jan  5  2026 ..", &[]),
            (
                "lrwxrwxrwx   1 0 0 11 Jan  5  2026 here -> /etc/passwd",
                &["Link 11 20260105000000 777 [here]"],
            ),
            ("-rw-r--r-- 1 May 42 May 7 10:00 x", &["File 42 20260507100000 644 [x]"]),
            ("-rw-r--r--+ 1 me 42 7 May 10:00 x", &["File 42 20260507100000 644 [x]"]),
            ("-rw-r--r-- 1 me you 42 Jan 1 2026 ../../etc/x", &["Path [../../etc/x]"]),
            ("-rw-r--r-- 1 me you 42 Jan 1 2026 a\x1bb", &["Control [a\\u{1b}b]"]),
            ("-rw-r--r-- 1 me you 42 Jan 1 2026", &["? -rw-r--r-- 1 me you 42 Jan 1 2026"]),
            (
                "-rw-r--r-- 1 me you 99999999999999999999 Jan 1 2026 x",
                &["? -rw-r--r-- 1 me you 99999999999999999999 Jan 1 2026 x"],
            ),
            ("crw-rw-rw- 1 0 0 1, 3 Jan 1 2026 null", &["Other 3 20260101000000 666 [null]"]),
            ("11-23-26  08:45AM       <DIR>          a folder", &["Folder - 20261123084500 - [a folder]"]),
            ("11-23-1999  12:05PM             1234 a  file", &["File 1234 19991123120500 - [a  file]"]),
            ("11-23-99  12:05AM             1234 x", &["File 1234 19991123000500 - [x]"]),
            ("13-23-26  08:45AM  1 x", &["? 13-23-26  08:45AM  1 x"]),
            ("ls: no such file", &["? ls: no such file"]),
        ];
        for (line, expected) in table {
            let bytes = [line.as_bytes(), b"\r\n"].concat();
            for cut in 0..=bytes.len() {
                assert_eq!(
                    read(Form::Human, [&bytes[..cut], &bytes[cut..]]),
                    *expected,
                    "{line:?} cut at {cut}"
                );
            }
            assert_eq!(read(Form::Human, [line.as_bytes()]), *expected, "without an end: {line:?}");
        }
    }

    #[test]
    fn lines_for_machines() {
        let bytes: &[u8] =
            b"type=cdir; .\r\ntype=file;size=3; a\r\ntype=dir; ../up\r\njunk\r\ntype=file; /etc/passwd\r\n\
                     type=file; ..\r\ntype=file; x\0y\r\ntype=dir;modify=20260101000000; b";
        let expected = [
            "File 3 - - [a]",
            "Path [../up]",
            "? junk",
            "Path [/etc/passwd]",
            "? a line that is too long or holds control bytes",
            "Folder - 20260101000000 - [b]",
        ];
        for cut in 0..=bytes.len() {
            assert_eq!(read(Form::Machine, [&bytes[..cut], &bytes[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_end_is_dropped_at_the_limit() {
        let line = vec![b'x'; LISTING_LINE_LEN_MAX_BYTES * 2];
        let items = read(Form::Machine, [&line[..], b"\ntype=file; a\n"]);
        assert_eq!(items, ["? a line that is too long or holds control bytes", "File - - - [a]"]);
    }

    #[test]
    fn there_is_a_last_entry() {
        let mut reader = ListingReader::new(Form::Machine, today());
        reader.entries = LISTING_ENTRIES_MAX - 1;
        assert_eq!(reader.push(b"type=file; a\n", drop), Ok(()));
        assert_eq!(reader.push(b"type=file; b\n", drop), Err(TooManyEntries));
    }

    #[test]
    fn there_is_a_last_byte() {
        let mut reader = ListingReader::new(Form::Machine, today());
        reader.len_bytes = LISTING_LEN_MAX_BYTES - 2;
        assert_eq!(reader.push(b"xx", drop), Ok(()));
        assert_eq!(reader.push(b"x", drop), Err(TooManyEntries));
    }

    #[test]
    fn little_is_kept_of_what_is_not_taken() {
        for line in ["x".repeat(10_000), format!("type=file; {}", "/".repeat(10_000))] {
            let items = read(Form::Machine, [line.as_bytes(), b"\n"]);
            assert!(items.len() == 1 && items[0].chars().count() < NOTE_LEN_MAX_CHARS + 20, "{items:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder(line in "([-dl]rw-r--r-- 1 a b 1 Jan 1 2026 |type=file; ).{0,20}") {
            for form in [Form::Human, Form::Machine] {
                let mut reader = ListingReader::new(form, today());
                let check = |item: Item| if let Item::Entry(entry) = item {
                    let name = entry.name.as_bytes().to_vec();
                    assert!(!name.contains(&b'/') && !name.contains(&0) && name != b".." && name != b".");
                };
                reader.push(line.as_bytes(), check).unwrap();
                reader.finish(check).unwrap();
            }
        }
    }
}
