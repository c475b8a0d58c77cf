//! The commands, one row each; FEAT and HELP are made from the rows.

mod abor;
mod acct;
mod allo;
mod appe;
mod auth;
mod avbl;
mod ccc;
mod cdup;
mod clnt;
mod csid;
mod cwd;
mod dele;
pub(crate) mod eprt;
pub(crate) mod epsv;
pub(crate) mod feat;
mod hash;
mod help;
pub(crate) mod host;
mod lang;
mod list;
mod mdtm;
mod mfmt;
mod mkd;
mod mlsd;
mod mlst;
mod mode;
mod nlst;
mod noop;
mod opts;
pub(crate) mod pass;
pub(crate) mod pasv;
mod pbsz;
mod port;
mod prot;
mod pwd;
mod quit;
mod rang;
pub(crate) mod rein;
mod rest;
mod retr;
mod rmd;
mod rnfr;
mod rnto;
mod site;
mod size;
pub(crate) mod stat;
mod stor;
mod stou;
mod stru;
mod syst;
mod r#type;
pub(crate) mod user;

use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::state::{Area, Channel, Login, Next, Once, Turn};
use std::mem;

type Outside = fn(&mut Login, Args<'_>, &mut Turn<'_>) -> Result<Next, Refusal>;
type Inside = fn(&mut Area, Args<'_>, &mut Turn<'_>) -> Result<Next, Refusal>;
type Feature = fn(&Settings, &Channel, Option<&Area>) -> Option<String>;

/// Who runs a command.
#[derive(Clone, Copy)]
enum Run {
    /// Anybody, at any time.
    Outside(Outside),
    /// A logged-in account.
    Inside(Inside),
}

/// A row of [`COMMANDS`].
pub struct Command {
    /// Its verb, in capitals.
    pub verb: &'static str,
    /// Its older spelling (RFC 1123 §4.1.3.1).
    pub alias: Option<&'static str>,
    /// The form of the whole command, with all its arguments.
    pub usage: &'static str,
    /// Where it is specified.
    pub standard: &'static str,
    run: Run,
    feature: Option<Feature>,
    /// REST stays in force across it.
    keeps_rest: bool,
}

/// All commands.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    outside("ABOR", "ABOR", "RFC 959 §4.1.3", abor::run),
    outside("ACCT", "ACCT account", "RFC 959 §4.1.1", acct::run),
    inside("ALLO", "ALLO size", "RFC 959 §4.1.3", allo::run),
    inside("APPE", "APPE path", "RFC 959 §4.1.3", appe::run),
    outside("AUTH", "AUTH TLS", "RFC 4217 §4", auth::run).announced(auth::feature),
    inside("AVBL", "AVBL path", "RFC 5797 §3, draft-peterson-streamlined-ftp-command-extensions §4", avbl::run).announced(|_, _, _| feature("AVBL")),
    outside("CCC", "CCC", "RFC 4217 §5", ccc::run),
    inside("CDUP", "CDUP", "RFC 959 §4.1.1", cdup::run).alias("XCUP"),
    outside("CLNT", "CLNT name", "RFC 5797 §3", clnt::run).announced(|_, _, _| feature("CLNT")),
    outside("CSID", "CSID Name=name; Version=version;", "RFC 5797 §3, draft-peterson-streamlined-ftp-command-extensions §6", csid::run).announced(|_, _, _| feature("CSID")),
    inside("CWD", "CWD path", "RFC 959 §4.1.1", cwd::run).alias("XCWD"),
    inside("DELE", "DELE path", "RFC 959 §4.1.3", dele::run),
    inside("EPRT", "EPRT |1|address|port|", "RFC 2428 §2", eprt::run).announced(|_, _, _| feature("EPRT")).keeps_rest(),
    inside("EPSV", "EPSV", "RFC 2428 §3", epsv::run).announced(epsv::feature).keeps_rest(),
    outside("FEAT", "FEAT", "RFC 2389 §3", feat::run),
    inside("HASH", "HASH path", "RFC 5797 §3, draft-bryan-ftpext-hash §3", hash::run).announced(hash::feature),
    outside("HELP", "HELP command", "RFC 959 §4.1.3", help::run),
    outside("HOST", "HOST name", "RFC 7151 §3", host::run).announced(|_, _, _| feature("HOST")),
    outside("LANG", "LANG language", "RFC 2640 §4", lang::run).announced(|_, _, _| feature("LANG EN*")),
    inside("LIST", "LIST path", "RFC 959 §4.1.3", list::run),
    inside("MDTM", "MDTM path", "RFC 3659 §3", mdtm::run).announced(|_, _, _| feature("MDTM")),
    inside("MFMT", "MFMT YYYYMMDDhhmmss path", "RFC 5797 §3, draft-somers-ftp-mfxx §3", mfmt::run).announced(|_, _, _| feature("MFMT")),
    inside("MKD", "MKD path", "RFC 959 §4.1.3", mkd::run).alias("XMKD"),
    inside("MLSD", "MLSD path", "RFC 3659 §7", mlsd::run),
    inside("MLST", "MLST path", "RFC 3659 §7", mlst::run).announced(mlst::feature),
    inside("MODE", "MODE S", "RFC 959 §4.1.2", mode::run).announced(mode::feature).keeps_rest(),
    inside("NLST", "NLST path", "RFC 959 §4.1.3", nlst::run),
    outside("NOOP", "NOOP", "RFC 959 §4.1.3", noop::run),
    outside("OPTS", "OPTS command options", "RFC 2389 §4", opts::run).announced(|_, _, _| feature("UTF8")),
    outside("PASS", "PASS password", "RFC 959 §4.1.1", pass::run),
    inside("PASV", "PASV", "RFC 959 §4.1.2", pasv::run).keeps_rest(),
    outside("PBSZ", "PBSZ 0", "RFC 4217 §8", pbsz::run).announced(pbsz::feature).keeps_rest(),
    inside("PORT", "PORT h1,h2,h3,h4,p1,p2", "RFC 959 §4.1.2", port::run).keeps_rest(),
    outside("PROT", "PROT P", "RFC 4217 §9", prot::run).announced(prot::feature).keeps_rest(),
    inside("PWD", "PWD", "RFC 959 §4.1.3", pwd::run).alias("XPWD"),
    outside("QUIT", "QUIT", "RFC 959 §4.1.1", quit::run),
    inside("RANG", "RANG first last", "RFC 5797 §3, draft-bryan-ftp-range §3", rang::run).announced(|_, _, _| feature("RANG STREAM")),
    outside("REIN", "REIN", "RFC 959 §4.1.1", rein::run),
    inside("REST", "REST offset", "RFC 3659 §5", rest::run).announced(|_, _, _| feature("REST STREAM")),
    inside("RETR", "RETR path", "RFC 959 §4.1.3", retr::run),
    inside("RMD", "RMD path", "RFC 959 §4.1.3", rmd::run).alias("XRMD"),
    inside("RNFR", "RNFR path", "RFC 959 §4.1.3", rnfr::run),
    inside("RNTO", "RNTO path", "RFC 959 §4.1.3", rnto::run),
    outside("SITE", "SITE command", "RFC 959 §4.1.3", site::run),
    inside("SIZE", "SIZE path", "RFC 3659 §4", size::run).announced(|_, _, _| feature("SIZE")),
    outside("STAT", "STAT path", "RFC 959 §4.1.3", stat::run),
    inside("STOR", "STOR path", "RFC 959 §4.1.3", stor::run),
    inside("STOU", "STOU", "RFC 959 §4.1.3, RFC 1123 §4.1.2.9", stou::run),
    inside("STRU", "STRU F", "RFC 959 §4.1.2", stru::run).keeps_rest(),
    outside("SYST", "SYST", "RFC 959 §4.1.3", syst::run),
    inside("TYPE", "TYPE I", "RFC 959 §4.1.2", r#type::run).announced(|_, _, _| feature("TVFS")).keeps_rest(),
    outside("USER", "USER name", "RFC 959 §4.1.1", user::run),
];

/// Commands of the standards and of other servers that are known here and not offered: 502 instead of 500
/// (RFC 959 §5.4). Mail went over FTP once; ADAT to ENC are for security that nobody has (RFC 2228); LPRT
/// and LPSV were for other networks (RFC 1639); the rest serves transfers between servers.
pub const NOT_OFFERED: &[&str] = &[
    "ADAT", "COMB", "CONF", "CPSV", "ENC", "ESTA", "ESTP", "LPRT", "LPSV", "MAIL", "MFCT", "MFF", "MIC",
    "MLFL", "MRCP", "MRSQ", "MSAM", "MSND", "MSOM", "PRET", "SMNT", "SSCN", "XCRC", "XMD5", "XSHA", "XSHA1",
    "XSHA256", "XSHA512",
];

/// First words of other protocols that are sent here by mistake or malice: a browser can be made to POST
/// to any port.
const FOREIGN: &[&str] = &["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

const fn outside(verb: &'static str, usage: &'static str, standard: &'static str, run: Outside) -> Command {
    Command { verb, alias: None, usage, standard, run: Run::Outside(run), feature: None, keeps_rest: false }
}

const fn inside(verb: &'static str, usage: &'static str, standard: &'static str, run: Inside) -> Command {
    Command { verb, alias: None, usage, standard, run: Run::Inside(run), feature: None, keeps_rest: false }
}

fn feature(line: &str) -> Option<String> {
    Some(line.to_string())
}

impl Command {
    const fn alias(mut self, alias: &'static str) -> Command {
        self.alias = Some(alias);
        self
    }

    /// It only says how the data of the next transfer comes: many clients say so between REST and RETR, and
    /// would else put the beginning of a file behind what they have. Strictly nothing may stand there (RFC
    /// 3659 §5.3).
    const fn keeps_rest(mut self) -> Command {
        self.keeps_rest = true;
        self
    }

    const fn announced(mut self, feature: Feature) -> Command {
        self.feature = Some(feature);
        self
    }

    /// Its line in FEAT (RFC 2389 §3.2), where it has one.
    fn feature(&self, settings: &Settings, channel: &Channel, area: Option<&Area>) -> Option<String> {
        self.feature?(settings, channel, area)
    }
}

/// The row of a verb, in any case (RFC 959 §5.3).
pub(crate) fn find(verb: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|row| {
        let mut names = std::iter::once(row.verb).chain(row.alias);
        names.any(|name| name.as_bytes().eq_ignore_ascii_case(verb))
    })
}

/// A command line taken apart.
pub(crate) struct Line<'a> {
    command: &'static Command,
    args: Args<'a>,
}

impl<'a> Line<'a> {
    /// Finds the command of a line.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Line<'a>, Refusal> {
        // What is left of a Telnet signal that was torn apart: no verb begins so.
        let junk = line.iter().take_while(|byte| !byte.is_ascii()).count();
        let line = &line[junk..];
        let at = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (verb, rest) = line.split_at(at);
        let is_one_of = |list: &[&str]| list.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(verb));
        let Some(command) = find(verb) else {
            return Err(match () {
                () if is_one_of(FOREIGN) || verb.starts_with(b"SSH-") => Refusal::ForeignProtocol,
                () if is_one_of(NOT_OFFERED) => Refusal::NotOffered,
                () => Refusal::UnknownCommand,
            });
        };
        let args = Args { rest: rest.strip_prefix(b" ").unwrap_or_default(), usage: command.usage };
        Ok(Line { command, args })
    }

    /// Whether it is that command, without arguments.
    pub(crate) fn is(&self, verb: &str) -> bool {
        self.command.verb == verb && self.args.rest.is_empty()
    }

    /// Runs it.
    pub(crate) fn run(self, login: &mut Login, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
        if let (true, Login::In(area), Once::Restart(_)) = (self.command.keeps_rest, &mut *login, &turn.once)
        {
            area.once = mem::take(&mut turn.once);
        }
        match (self.command.run, login) {
            (Run::Outside(run), login) => run(login, self.args, turn),
            (Run::Inside(run), Login::In(area)) => run(area, self.args, turn),
            (Run::Inside(_), _) => Err(Refusal::NotLoggedIn),
        }
    }
}

/// What follows a verb and one space, and the form it should have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Args<'a> {
    rest: &'a [u8],
    usage: &'static str,
}

impl<'a> Args<'a> {
    /// All of it, which may be nothing. Spaces belong to it: file names may begin and end with them.
    pub(crate) fn all(self) -> &'a [u8] {
        self.rest
    }

    /// All of it, which must not be nothing.
    pub(crate) fn some(self) -> Result<&'a [u8], Refusal> {
        if self.rest.is_empty() { Err(Refusal::NeedsArgument) } else { Ok(self.rest) }
    }

    /// It without spaces around, which must not be nothing.
    pub(crate) fn word(self) -> Result<&'a [u8], Refusal> {
        let word = self.rest.trim_ascii();
        if word.is_empty() { Err(Refusal::NeedsArgument) } else { Ok(word) }
    }

    /// No arguments; a space alone is none.
    pub(crate) fn none(self) -> Result<(), Refusal> {
        if self.rest.trim_ascii().is_empty() { Ok(()) } else { Err(Refusal::NoArgument) }
    }

    /// A word, and all behind the space that follows it.
    pub(crate) fn word_and_rest(self) -> Result<(&'a [u8], &'a [u8]), Refusal> {
        let at = self.some()?.iter().position(|byte| *byte == b' ').ok_or(self.syntax())?;
        let (word, rest) = (&self.rest[..at], &self.rest[at + 1..]);
        if word.is_empty() || rest.is_empty() { Err(self.syntax()) } else { Ok((word, rest)) }
    }

    /// The refusal of arguments of another form.
    pub(crate) fn syntax(self) -> Refusal {
        Refusal::Syntax(self.usage)
    }
}

/// A whole number in digits that 64 bits can hold.
pub(crate) fn number(word: &[u8]) -> Option<u64> {
    let is_number = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_digits() {
        for (word, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("10.1", None),
            ("0x1", None),
            ("abc", None),
            (" 1", None),
            ("١", None),
        ] {
            assert_eq!(number(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn rows_are_sorted_and_say_how_they_are_used() {
        assert!(COMMANDS.is_sorted_by_key(|row| row.verb));
        assert!(NOT_OFFERED.is_sorted());
        for row in COMMANDS {
            assert!(row.usage.starts_with(row.verb), "{}", row.verb);
            assert!(row.standard.contains("RFC"), "{}", row.verb);
        }
        for verb in NOT_OFFERED.iter().chain(FOREIGN) {
            assert!(find(verb.as_bytes()).is_none(), "{verb}");
        }
    }

    #[test]
    fn verbs_are_found_in_any_case() {
        for (line, verb) in [
            ("type i", Ok("TYPE")),
            ("xPwD", Ok("PWD")),
            ("NOOP ", Ok("NOOP")),
            ("QUITX", Err(Refusal::UnknownCommand)),
            ("", Err(Refusal::UnknownCommand)),
            (" NOOP", Err(Refusal::UnknownCommand)),
            ("NOOP\t", Err(Refusal::UnknownCommand)),
            ("ÿNOOP", Ok("NOOP")),
            ("smnt x", Err(Refusal::NotOffered)),
            ("GET / HTTP/1.1", Err(Refusal::ForeignProtocol)),
            ("SSH-2.0-x", Err(Refusal::ForeignProtocol)),
        ] {
            let found = Line::parse(line.as_bytes()).map(|line| line.command.verb);
            assert_eq!(found, verb, "{line}");
        }
    }
}
