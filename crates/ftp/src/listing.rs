//! Lines of listings: `ls -l` for LIST and STAT, names for NLST, facts for MLSD and MLST.

use crate::timestamp::{Civil, MONTHS, time_val};
use std::io::Write;

/// How far back `ls` shows the time of day instead of the year: half a year of 365.2425 days.
const RECENT_MS: i64 = 15_778_476_000;

/// How far ahead of our clock a file may be and still count as recent: clocks differ.
const AHEAD_MS: i64 = 60 * 60 * 1000;

/// What is known of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// File or folder.
    pub kind: Kind,
    /// The size of a file; 0 for folders.
    pub size_bytes: u64,
    /// Its last change: milliseconds since 1970, UTC.
    pub modified_ms: i64,
    /// Permission bits, as SITE CHMOD sets them.
    pub mode: u16,
    /// What the account may do with it.
    pub rights: Rights,
    /// A number that it has for as long as it lives, and no other has.
    pub unique: u128,
}

/// File or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// What an account may do with a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Retrieve the file; enter and list the folder.
    pub read: bool,
    /// Store into the file; make and remove things in the folder.
    pub write: bool,
    /// Remove or rename it. Not the root.
    pub remove: bool,
}

/// The facts of MLSD and MLST, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// `type` (RFC 3659 §7.5.1).
    Type,
    /// `perm` (RFC 3659 §7.5.5).
    Perm,
    /// `size` (RFC 3659 §7.5.7).
    Size,
    /// `modify` (RFC 3659 §7.5.3).
    Modify,
    /// `unique` (RFC 3659 §7.5.2).
    Unique,
    /// `UNIX.mode`: permission bits in octal.
    UnixMode,
    /// `UNIX.uid`: always 0, for all files of an area belong to its account.
    UnixUid,
    /// `UNIX.gid`: likewise.
    UnixGid,
}

impl Fact {
    /// All facts in their order.
    pub const ALL: [Fact; 8] = [
        Fact::Type,
        Fact::Perm,
        Fact::Size,
        Fact::Modify,
        Fact::Unique,
        Fact::UnixMode,
        Fact::UnixUid,
        Fact::UnixGid,
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Fact::Type => "type",
            Fact::Perm => "perm",
            Fact::Size => "size",
            Fact::Modify => "modify",
            Fact::Unique => "unique",
            Fact::UnixMode => "unix.mode",
            Fact::UnixUid => "unix.uid",
            Fact::UnixGid => "unix.gid",
        }
    }
}

/// Which facts a client wants (OPTS MLST, RFC 3659 §7.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts(u8);

impl Facts {
    /// None.
    pub const NONE: Facts = Facts(0);

    /// Whether a fact is wanted.
    pub fn has(self, fact: Fact) -> bool {
        self.0 & (1 << fact as u8) != 0
    }

    /// With this fact as well.
    pub const fn with(self, fact: Fact) -> Facts {
        Facts(self.0 | 1 << fact as u8)
    }

    /// The facts that a list of names ended by `;` each asks for. Unknown names are passed over (RFC 3659
    /// §7.9). `None` if the list has another form.
    pub fn parse(list: &str) -> Option<Facts> {
        if list.is_empty() {
            return Some(Facts::NONE);
        }
        let names = list.strip_suffix(';')?.split(';');
        let wanted = names
            .filter_map(|name| Fact::ALL.into_iter().find(|fact| fact.name().eq_ignore_ascii_case(name)));
        Some(wanted.fold(Facts::NONE, Facts::with))
    }

    /// `type;size;`: the wanted ones.
    pub fn list(self) -> String {
        Fact::ALL.into_iter().filter(|fact| self.has(*fact)).map(|fact| format!("{};", fact.name())).collect()
    }

    /// `type*;size*;unique;`: all, the wanted ones starred, as FEAT shows them (RFC 3659 §7.8).
    pub fn starred(self) -> String {
        let star = |fact| if self.has(fact) { "*" } else { "" };
        Fact::ALL.into_iter().map(|fact| format!("{}{};", fact.name(), star(fact))).collect()
    }
}

impl Default for Facts {
    fn default() -> Facts {
        let wanted = [Fact::Type, Fact::Perm, Fact::Size, Fact::Modify, Fact::Unique, Fact::UnixMode];
        wanted.into_iter().fold(Facts::NONE, Facts::with)
    }
}

/// The form of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// LIST: lines of `ls -l`.
    Long,
    /// NLST: names alone, each with this before it, so that it can be used as it is in later commands
    /// (RFC 1123 §4.1.2.7): `folder/` if the client named a folder, else nothing.
    Names(String),
    /// MLSD: facts and names (RFC 3659 §7.2).
    Facts(Facts),
}

/// Writes the lines of a listing, one entry at a time, so that a folder of any size can be streamed.
///
/// ```
/// use ftp::listing::{Entry, Format, Kind, Rights, Writer};
/// let rights = Rights { read: true, write: true, remove: true };
/// let file =
///     Entry { kind: Kind::File, size_bytes: 17, modified_ms: 0, mode: 0o644, rights, unique: 7 };
/// let mut out = Vec::new();
/// Writer::new(Format::Long, 1_764_000_000_000).entry("a b.txt", &file, &mut out);
/// assert_eq!(out, b"-rw-r--r--    1 ftp      ftp                17 Jan 01  1970 a b.txt\r\n");
/// ```
#[derive(Debug, Clone)]
pub struct Writer {
    format: Format,
    today_ms: i64,
}

impl Writer {
    /// A writer; `today_ms` is the time of day in milliseconds since 1970, for the form of dates.
    pub fn new(format: Format, today_ms: i64) -> Writer {
        Writer { format, today_ms }
    }

    /// Adds the line of an entry, with its CRLF, to `out`. For a single file that LIST, NLST or STAT
    /// named, use [`Writer::single`].
    pub fn entry(&self, name: &str, entry: &Entry, out: &mut Vec<u8>) {
        match &self.format {
            Format::Long => long(name, entry, self.today_ms, out),
            Format::Names(before) => {
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(name.as_bytes());
            }
            Format::Facts(facts) => {
                write_facts(*facts, entry, out);
                out.push(b' ');
                out.extend_from_slice(name.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Adds the line of the single file that was asked for. NLST shows it as the client wrote it.
    pub fn single(&self, name: &str, entry: &Entry, out: &mut Vec<u8>) {
        match &self.format {
            Format::Names(before) if !before.is_empty() => {
                out.extend_from_slice(before.strip_suffix('/').unwrap_or(before).as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            _ => self.entry(name, entry, out),
        }
    }
}

/// A line of `ls -l`. Clients parse it by its columns: ten letters, links, owner, group, size, month,
/// day, time or year, name.
fn long(name: &str, entry: &Entry, today_ms: i64, out: &mut Vec<u8>) {
    let age_ms = today_ms.saturating_sub(entry.modified_ms);
    let Civil { year, month, day, hour, minute, .. } = Civil::of(entry.modified_ms);
    let month = MONTHS[usize::from(month - 1)];
    let folder = entry.kind == Kind::Folder;
    let (first, links) = if folder { ('d', 2) } else { ('-', 1) };
    let mode = letters(entry.mode);
    let size = entry.size_bytes;
    // A Vec takes all that is written.
    let _ = write!(out, "{first}{mode} {links:>4} ftp      ftp      {size:>12} {month} {day:02} ");
    let _ = match (-AHEAD_MS..RECENT_MS).contains(&age_ms) {
        true => write!(out, "{hour:02}:{minute:02} "),
        false => write!(out, "{year:>5} "),
    };
    out.extend_from_slice(name.as_bytes());
}

/// `rwxr-xr-x`, with `s` and `t` as `ls` has them.
fn letters(mode: u16) -> String {
    let mut letters = String::with_capacity(9);
    for (shift, special, set) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        letters.push(if bits & 4 != 0 { 'r' } else { '-' });
        letters.push(if bits & 2 != 0 { 'w' } else { '-' });
        letters.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => set.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    letters
}

/// Adds the facts that are wanted, each ended by `;` (RFC 3659 §7.2).
pub fn write_facts(facts: Facts, entry: &Entry, out: &mut Vec<u8>) {
    for fact in Fact::ALL.into_iter().filter(|fact| facts.has(*fact)) {
        // A Vec takes all that is written.
        let _ = write!(out, "{}=", fact.name());
        let _ = match fact {
            Fact::Type => write!(out, "{}", if entry.kind == Kind::File { "file" } else { "dir" }),
            Fact::Perm => write!(out, "{}", perm(entry)),
            Fact::Size => write!(out, "{}", entry.size_bytes),
            Fact::Modify => write!(out, "{}", time_val(entry.modified_ms)),
            Fact::Unique => write!(out, "{:x}", entry.unique),
            Fact::UnixMode => write!(out, "{:04o}", entry.mode & 0o7777),
            Fact::UnixUid | Fact::UnixGid => write!(out, "0"),
        };
        out.push(b';');
    }
}

/// The letters of `perm` (RFC 3659 §7.5.5).
fn perm(entry: &Entry) -> String {
    let Rights { read, write, remove } = entry.rights;
    let file = [('a', write), ('d', remove), ('f', remove), ('r', read), ('w', write)];
    let folder =
        [('c', write), ('d', remove), ('e', read), ('f', remove), ('l', read), ('m', write), ('p', write)];
    let letters = if entry.kind == Kind::File { &file[..] } else { &folder[..] };
    letters.iter().filter(|(_, held)| *held).map(|(letter, _)| letter).collect()
}

/// What LIST, NLST and STAT leave of their argument: options such as `-al` in front are what people type
/// at `ls`, and mean nothing here. A folder named `-a` is reached by `./-a`, or behind `--`.
pub fn without_options(argument: &[u8]) -> &[u8] {
    let mut rest = argument.trim_ascii_start();
    while rest.starts_with(b"-") {
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let option = &rest[..end];
        rest = rest[end..].trim_ascii_start();
        if option == b"--" {
            break;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: Rights = Rights { read: true, write: true, remove: true };
    const READ: Rights = Rights { read: true, write: false, remove: false };
    /// 2026-11-23 12:00 UTC.
    const TODAY_MS: i64 = 1_795_435_200_000;

    fn entry(kind: Kind, modified_ms: i64, mode: u16, rights: Rights) -> Entry {
        Entry { kind, size_bytes: 1234, modified_ms, mode, rights, unique: 0x1f }
    }

    fn line(format: Format, name: &str, entry: &Entry) -> String {
        let mut out = Vec::new();
        Writer::new(format, TODAY_MS).entry(name, entry, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn long_lines() {
        let day = 86_400_000;
        for (kind, age_ms, mode, expected) in [
            (Kind::File, 0, 0o644, "-rw-r--r--    1 ftp      ftp              1234 Nov 23 12:00 x\r\n"),
            (Kind::Folder, day, 0o755, "drwxr-xr-x    2 ftp      ftp              1234 Nov 22 12:00 x\r\n"),
            (
                Kind::File,
                182 * day,
                0o600,
                "-rw-------    1 ftp      ftp              1234 May 25 12:00 x\r\n",
            ),
            (
                Kind::File,
                183 * day,
                0o600,
                "-rw-------    1 ftp      ftp              1234 May 24  2026 x\r\n",
            ),
            (
                Kind::File,
                -AHEAD_MS,
                0o000,
                "----------    1 ftp      ftp              1234 Nov 23 13:00 x\r\n",
            ),
            (Kind::File, -day, 0o7777, "-rwsrwsrwt    1 ftp      ftp              1234 Nov 24  2026 x\r\n"),
            (
                Kind::File,
                i64::MAX,
                0o7000,
                "---S--S--T    1 ftp      ftp              1234 Jan 01     0 x\r\n",
            ),
        ] {
            let entry = entry(kind, TODAY_MS.saturating_sub(age_ms), mode, ALL);
            let entry =
                Entry { modified_ms: if age_ms == i64::MAX { i64::MIN } else { entry.modified_ms }, ..entry };
            assert_eq!(line(Format::Long, "x", &entry), expected);
        }
    }

    #[test]
    fn names_can_be_used_as_they_are() {
        let file = entry(Kind::File, 0, 0o644, ALL);
        assert_eq!(line(Format::Names(String::new()), "a b", &file), "a b\r\n");
        assert_eq!(line(Format::Names("x/y/".into()), "a", &file), "x/y/a\r\n");
        let mut out = Vec::new();
        Writer::new(Format::Names("x/y/".into()), 0).single("y", &file, &mut out);
        Writer::new(Format::Names(String::new()), 0).single("y", &file, &mut out);
        assert_eq!(out, b"x/y\r\ny\r\n");
    }

    #[test]
    fn facts_are_written_as_wanted() {
        let (file, folder) = (entry(Kind::File, 0, 0o644, ALL), entry(Kind::Folder, 0, 0o1755, READ));
        for (wanted, entry, expected) in [
            (
                Facts::default(),
                &file,
                "type=file;perm=adfrw;size=1234;modify=19700101000000;unique=1f;unix.mode=0644; x\r\n",
            ),
            (
                Facts::default(),
                &folder,
                "type=dir;perm=el;size=1234;modify=19700101000000;unique=1f;unix.mode=1755; x\r\n",
            ),
            (Facts::NONE, &file, " x\r\n"),
            (Facts::parse("UNIX.gid;Size;what;").unwrap(), &file, "size=1234;unix.gid=0; x\r\n"),
        ] {
            assert_eq!(line(Format::Facts(wanted), "x", entry), expected);
        }
        assert_eq!(perm(&entry(Kind::Folder, 0, 0, ALL)), "cdeflmp");
        assert_eq!(perm(&entry(Kind::File, 0, 0, READ)), "r");
    }

    #[test]
    fn selections_of_facts() {
        for (list, expected) in [
            ("", Some("")),
            ("type;", Some("type;")),
            ("TyPe;fish;size;", Some("type;size;")),
            (";", Some("")),
            ("type", None),
            ("bad_fact", None),
        ] {
            assert_eq!(Facts::parse(list).map(Facts::list).as_deref(), expected, "{list}");
        }
        let starred = "type*;perm*;size*;modify*;unique*;unix.mode*;unix.uid;unix.gid;";
        assert_eq!(Facts::default().starred(), starred);
    }

    #[test]
    fn options_are_eaten() {
        for (argument, expected) in [
            ("", ""),
            ("-a", ""),
            ("-al", ""),
            ("-l -a", ""),
            ("-al /x", "/x"),
            ("-l -a x y ", "x y "),
            ("x -a", "x -a"),
            ("./-a", "./-a"),
            ("-- -a", "-a"),
            ("-", ""),
            ("  x", "x"),
            ("-R /", "/"),
        ] {
            assert_eq!(without_options(argument.as_bytes()), expected.as_bytes(), "{argument}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_ends_the_argument(argument in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(argument.ends_with(without_options(&argument)));
        }

        #[test]
        fn no_entry_harms(size_bytes: u64, modified_ms: i64, mode: u16, today_ms: i64, unique: u128) {
            let entry = Entry { kind: Kind::File, size_bytes, modified_ms, mode, rights: ALL, unique };
            for format in [Format::Long, Format::Facts(Facts::default())] {
                let mut out = Vec::new();
                Writer::new(format, today_ms).entry("name", &entry, &mut out);
                prop_assert!(out.ends_with(b" name\r\n"));
                prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
            }
        }
    }
}
