//! SITE: what has no command of its own (RFC 959 §4.1.3).

use super::{Args, mfmt};
use crate::ask::{FilesAnswer, FilesAsk, FilesError};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Area, Login, Next, Turn};
use crate::timestamp::parse_utime;

type Run = fn(&mut Area, &[u8]) -> Result<Next, Refusal>;

/// A row of the table: verb, form, and who runs it. `None` is HELP, which needs no login.
struct Site {
    verb: &'static str,
    usage: &'static str,
    run: Option<Run>,
}

const SITES: &[Site] = &[
    Site { verb: "CHMOD", usage: "SITE CHMOD mode path", run: Some(chmod) },
    Site { verb: "HELP", usage: "SITE HELP command", run: None },
    Site { verb: "QUOTA", usage: "SITE QUOTA", run: Some(quota) },
    Site { verb: "UTIME", usage: "SITE UTIME YYYYMMDDhhmmss path", run: Some(utime) },
];

pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let line = args.some()?.trim_ascii_start();
    let (verb, rest) = split(line);
    let site = find(verb).ok_or(Refusal::UnknownSite)?;
    let Some(run) = site.run else { return help(rest, turn) };
    let Login::In(area) = login else { return Err(Refusal::NotLoggedIn) };
    run(area, rest)
}

fn find(verb: &[u8]) -> Option<&'static Site> {
    SITES.iter().find(|site| site.verb.as_bytes().eq_ignore_ascii_case(verb))
}

/// A word, and what is behind the space that follows it.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, b""),
    }
}

pub(super) fn help(verb: &[u8], turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let verb = verb.trim_ascii();
    if verb.is_empty() {
        reply::lines(turn.out, 214, "SITE commands:", SITES.iter().map(|site| site.usage), "End");
    } else {
        let site = find(verb).ok_or(Refusal::Invalid("Unrecognized SITE command."))?;
        reply::line(turn.out, 214, &format!("Syntax: {}", site.usage));
    }
    Ok(Next::Stay)
}

/// Permission bits in three or four octal digits. They are kept and shown, and bind nobody here.
fn chmod(area: &mut Area, rest: &[u8]) -> Result<Next, Refusal> {
    let (digits, path) = split(rest);
    match (digits, path) {
        ([], _) => return Err(Refusal::NeedsArgument),
        (_, []) => return Err(Refusal::Invalid("SITE CHMOD needs two arguments.")),
        _ => {}
    }
    let octal = (3..=4).contains(&digits.len()) && digits.iter().all(|digit| (b'0'..=b'7').contains(digit));
    if !octal {
        return Err(Refusal::Invalid("Invalid SITE CHMOD format."));
    }
    let mode = digits.iter().fold(0, |mode, digit| mode * 8 + u16::from(digit - b'0'));
    Next::change(FilesAsk::SetMode { path: area.path(path)?, mode }, 200, "Mode set.")
}

/// Two forms are in use: `time path`, and `path atime mtime ctime UTC`, of which the second time counts.
fn utime(area: &mut Area, rest: &[u8]) -> Result<Next, Refusal> {
    let (time, path) = split(rest);
    if let (Some(modified_ms), false) = (parse_utime(time), path.is_empty()) {
        return mfmt::set(area.path(path)?, modified_ms);
    }
    let mut words = rest.rsplitn(5, |byte| *byte == b' ');
    let words: [Option<&[u8]>; 5] = std::array::from_fn(|_| words.next());
    if let [Some(zone), Some(created), Some(modified), Some(accessed), Some(path)] = words
        && zone.eq_ignore_ascii_case(b"UTC")
        && let (Some(_), Some(modified_ms), Some(_)) =
            (parse_utime(created), parse_utime(modified), parse_utime(accessed))
    {
        return mfmt::set(area.path(path)?, modified_ms);
    }
    Err(Refusal::Invalid("Invalid SITE UTIME format."))
}

fn quota(_: &mut Area, rest: &[u8]) -> Result<Next, Refusal> {
    if !rest.trim_ascii().is_empty() {
        return Err(Refusal::NoArgument);
    }
    Next::files(FilesAsk::Quota, |_, told, out| {
        let FilesAnswer::Quota { used_bytes, limit_bytes } = told? else {
            return Err(FilesError::Unavailable.into());
        };
        let limit = limit_bytes.map_or("unlimited".to_string(), |limit| format!("{limit} bytes"));
        reply::line(out, 200, &format!("Used: {used_bytes} bytes, mail and files; limit: {limit}."));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Pending;
    use crate::{Ask, Profile};

    fn asked(line: &str) -> Result<FilesAsk, Refusal> {
        let mut area = Area::new("alice".to_string(), Profile::default());
        let (verb, rest) = split(line.as_bytes());
        let run = find(verb).unwrap().run.unwrap();
        match run(&mut area, rest)? {
            Next::Ask(Ask::Files(ask), Pending::Files(_)) => Ok(ask),
            next => panic!("{next:?}"),
        }
    }

    #[test]
    fn modes_are_octal() {
        for (digits, expected) in [
            ("644", Some(0o644)),
            ("0755", Some(0o755)),
            ("7777", Some(0o7777)),
            ("000", Some(0)),
            ("778", None),
            ("9999", None),
            ("-177", None),
            ("77777", None),
            ("77", None),
            ("u+x", None),
        ] {
            let mode = match asked(&format!("CHMOD {digits} a b")) {
                Ok(FilesAsk::SetMode { path, mode }) => (path.as_str() == "/a b").then_some(mode),
                _ => None,
            };
            assert_eq!(mode, expected, "{digits}");
        }
    }

    #[test]
    fn times_come_in_two_forms() {
        for (line, expected) in [
            ("UTIME 19700101000100 a b", Some(("/a b", 60_000))),
            ("UTIME 197001010001 a b", Some(("/a b", 60_000))),
            ("UTIME a b 19700101000000 19700101000200 19700101000000 UTC", Some(("/a b", 120_000))),
            ("UTIME a 19700101000000 19700101000200 19700101000000 CET", None),
            ("UTIME a 19700101000000 x 19700101000000 UTC", None),
            ("UTIME garbage", None),
            ("UTIME 19700101000100", None),
            ("UTIME 19700101000100 ", None),
            ("UTIME", None),
        ] {
            let set = match asked(line) {
                Ok(FilesAsk::SetModified { path, modified_ms }) => Some((path.to_string(), modified_ms)),
                _ => None,
            };
            assert_eq!(set, expected.map(|(path, ms)| (path.to_string(), ms)), "{line}");
        }
    }
}
