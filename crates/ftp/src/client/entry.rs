//! What a server tells of a file: the facts of MLST and MLSD (RFC 3659 §7).

use super::Name;
use super::stamp::Stamp;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, of which a listing does not tell where it ends.
    Link,
    /// A device, a pipe, or something that the server has no common word for.
    Other,
}

/// What is known of one file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// How many bytes a transfer of it has; for folders whatever the server counts.
    pub size_bytes: Option<u64>,
    /// When it was last changed.
    pub modified: Option<Modified>,
    /// The permission bits, as chmod has them.
    pub mode: Option<u32>,
}

/// A time of last change, and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modified {
    /// The time.
    pub at: Stamp,
    /// True when it is exact to the second and in UTC; a LIST line tells minutes or days, in the
    /// server's own time zone.
    pub exact: bool,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: Name,
    /// What is known of it.
    pub facts: Facts,
}

/// What the facts say an entry is; the folder itself and the one above it stand in listings, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Facts(Facts),
    /// `cdir` or `pdir` (RFC 3659 §7.5.1).
    NotInside,
}

/// Reads `type=file;size=4;modify=20261123084500; name` into its facts and the name behind the first
/// space (RFC 3659 §7.2). Unknown facts and values are passed over, as §7.5 bids.
pub(super) fn machine_line(line: &[u8]) -> Option<(Listed, &[u8])> {
    let space = line.iter().position(|b| *b == b' ')?;
    let (facts, name) = (&line[..space], &line[space + 1..]);
    let mut read = Facts { kind: Kind::File, size_bytes: None, modified: None, mode: None };
    let mut inside = true;
    for fact in facts.split(|b| *b == b';').filter(|fact| !fact.is_empty()) {
        let at = fact.iter().position(|b| *b == b'=')?;
        let (key, value) = (fact[..at].to_ascii_lowercase(), &fact[at + 1..]);
        match key.as_slice() {
            b"type" => match kind(value) {
                Some(kind) => read.kind = kind,
                None => inside = false,
            },
            b"size" => read.size_bytes = number(value),
            b"modify" => {
                read.modified = Stamp::parse(value).map(|at| Modified { at, exact: true });
            }
            b"unix.mode" => read.mode = mode(value),
            _ => {}
        }
    }
    Some((if inside { Listed::Facts(read) } else { Listed::NotInside }, name))
}

/// The values of the fact `type` (RFC 3659 §7.5.1); nothing for the folder itself and the one above.
fn kind(value: &[u8]) -> Option<Kind> {
    let value = value.to_ascii_lowercase();
    Some(match value.as_slice() {
        b"file" => Kind::File,
        b"dir" => Kind::Folder,
        b"cdir" | b"pdir" => return None,
        // `OS.unix=slink:target` and `OS.unix=symlink` are in use.
        value if value.starts_with(b"os.unix=slink") || value.starts_with(b"os.unix=symlink") => Kind::Link,
        _ => Kind::Other,
    })
}

pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn mode(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    u32::from_str_radix(text, 8).ok().map(|mode| mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_facts() {
        let facts = |kind, size_bytes, modify: Option<&str>, mode| {
            let modified =
                modify.map(|text| Modified { at: Stamp::parse(text.as_bytes()).unwrap(), exact: true });
            Listed::Facts(Facts { kind, size_bytes, modified, mode })
        };
        type Row = (&'static str, Option<(Listed, &'static str)>);
        let table: &[Row] = &[
            (
                "type=file;size=4;modify=20261123084500;UNIX.mode=0644; a b",
                Some((facts(Kind::File, Some(4), Some("20261123084500"), Some(0o644)), "a b")),
            ),
            ("Type=DIR;Perm=el; x", Some((facts(Kind::Folder, None, None, None), "x"))),
            ("type=cdir;modify=x; /a", Some((Listed::NotInside, "/a"))),
            ("type=pdir; ..", Some((Listed::NotInside, ".."))),
            ("type=OS.unix=slink:/etc/passwd; l", Some((facts(Kind::Link, None, None, None), "l"))),
            ("type=OS.unix=chr-13/29; d", Some((facts(Kind::Other, None, None, None), "d"))),
            ("size=-1;modify=99999999999999; x", Some((facts(Kind::File, None, None, None), "x"))),
            ("size=18446744073709551616; x", Some((facts(Kind::File, None, None, None), "x"))),
            (" name alone", Some((facts(Kind::File, None, None, None), "name alone"))),
            ("type=file;  space first", Some((facts(Kind::File, None, None, None), " space first"))),
            ("nonsense; x", None),
            ("type=file;", None),
            ("", None),
        ];
        for (line, expected) in table {
            let expected = expected.as_ref().map(|(listed, name)| (*listed, name.as_bytes()));
            assert_eq!(machine_line(line.as_bytes()), expected, "{line:?}");
        }
    }
}
