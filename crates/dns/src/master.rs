//! Master files (RFC 1035 §5.1; `$TTL`: RFC 2308 §4; unknown types: RFC 3597 §5).

use std::fmt;

use crate::code::{Class, RecordType, Ttl};
use crate::name::{NAME_LEN_MAX_BYTES, Name, NameError, parse_labels};
use crate::rdata::{RData, Soa};
use crate::text::{TextError, Word, parse_data, period, word};
use crate::zone::{Bulk, OutOfZone, ZoneData};

/// `$INCLUDE` goes so deep; a file that includes itself is refused here.
pub const INCLUDE_DEPTH_MAX: u32 = 8;
/// An entry has at most this many words: data of 65535 bytes can be written with no more.
const WORDS_MAX: usize = 70_000;
/// An entry of a file that comes in pieces has at most this many bytes, comments included: data of 65535 bytes take a
/// quarter of that, every byte written as `\\DDD`. No more than that is ever kept of a file.
pub const ENTRY_LEN_MAX_BYTES: usize = 1 << 20;

/// Gives what `$INCLUDE` names.
pub trait Include {
    /// The content of the file `path`, which is relative and has no `..` in it (others are refused before);
    /// it is for the implementation to keep to one folder, symbolic links included.
    ///
    /// # Errors
    /// Why there is none, for the person who reads the message.
    fn open(&mut self, path: &str) -> Result<Vec<u8>, String>;
}

/// Refuses every `$INCLUDE`.
#[derive(Debug, Clone, Copy)]
pub struct NoInclude;

impl Include for NoInclude {
    fn open(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Err("$INCLUDE is not taken here".into())
    }
}

/// Why a master file was refused, and where. Shown as `file:line: reason`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterError {
    /// The file, as the caller or `$INCLUDE` named it.
    pub file: String,
    /// The line, from 1, at which the entry begins.
    pub line: u32,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with an entry of a master file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A word is missing, too many, or not what should stand there.
    Text(TextError),
    /// The record is not of the zone.
    OutOfZone(OutOfZone),
    /// A string without its closing quote, or over the end of the line.
    OpenQuote,
    /// `(` without `)`, or the reverse.
    Parentheses,
    /// An entry that begins with a blank, and nothing before it.
    NoOwner,
    /// Neither a TTL in the entry, nor `$TTL`, nor one in an entry before.
    NoTtl,
    /// A TTL of 2³¹ seconds or more (RFC 2181 §8).
    TtlTooLong,
    /// A class other than IN.
    Class(Class),
    /// Neither a type nor a class nor a TTL.
    UnknownWord(String),
    /// An entry `$…` that is none of `$ORIGIN`, `$TTL`, `$INCLUDE`.
    UnknownDirective(String),
    /// More words than any record has.
    TooManyWords,
    /// An entry of more than [`ENTRY_LEN_MAX_BYTES`].
    EntryTooLong,
    /// `$INCLUDE` of a path outside of the folder.
    IncludePath(String),
    /// `$INCLUDE` deeper than [`INCLUDE_DEPTH_MAX`].
    IncludeDepth,
    /// The file of `$INCLUDE` could not be had.
    Include(String, String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Text(error) => error.fmt(f),
            Reason::OutOfZone(error) => error.fmt(f),
            Reason::OpenQuote => f.write_str("a string without its closing quote"),
            Reason::Parentheses => f.write_str("unbalanced parentheses"),
            Reason::NoOwner => f.write_str("the first entry has no name"),
            Reason::NoTtl => f.write_str("no TTL here, none before, and no $TTL"),
            Reason::TtlTooLong => f.write_str("a TTL of 2^31 seconds or more"),
            Reason::Class(class) => write!(f, "class {class}; only IN is taken"),
            Reason::UnknownWord(word) => write!(f, "{word:?} is no type, class or TTL"),
            Reason::UnknownDirective(word) => write!(f, "{word:?} is not known"),
            Reason::TooManyWords => f.write_str("more words than a record can have"),
            Reason::EntryTooLong => write!(f, "an entry of more than {ENTRY_LEN_MAX_BYTES} bytes"),
            Reason::IncludePath(path) => write!(f, "$INCLUDE of {path:?}: only files in the same folder"),
            Reason::IncludeDepth => write!(f, "$INCLUDE is more than {INCLUDE_DEPTH_MAX} deep"),
            Reason::Include(path, why) => write!(f, "$INCLUDE of {path:?}: {why}"),
        }
    }
}

impl fmt::Display for MasterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl std::error::Error for MasterError {}

impl From<TextError> for Reason {
    fn from(error: TextError) -> Self {
        Reason::Text(error)
    }
}

impl From<NameError> for Reason {
    fn from(error: NameError) -> Self {
        Reason::Text(TextError::Name(error))
    }
}

/// Reads a zone from a master file.
///
/// - `apex`: the zone's name, and the origin at the beginning.
/// - `file`: what messages call the file.
/// - `text`: its content.
///
/// A record whose TTL differs from that of its set gives the set its TTL (RFC 2181 §5.2 wants one). A record
/// that is there twice counts once. Says nothing about whether the zone is good: [`crate::check::check`] does.
///
/// # Errors
/// [`MasterError`] for the first entry that is wrong.
pub fn read(
    apex: &Name,
    file: &str,
    text: &[u8],
    include: &mut dyn Include,
) -> Result<ZoneData, MasterError> {
    let mut bulk = Bulk::new(apex.clone());
    let mut state = State { origin: apex.clone(), owner: Vec::new(), default_ttl: None, last_ttl: None };
    read_file(Source { file, depth: 0, line: 1 }, text, &mut state, &mut bulk, include)?;
    Ok(bulk.finish())
}

/// Reads a zone from a master file that comes in pieces, of which no more is kept than the entry that is not whole yet.
/// The result is that of [`read`], but for entries of more than [`ENTRY_LEN_MAX_BYTES`], which are refused.
pub struct Reader {
    file: String,
    /// Of the first byte that is kept.
    line: u32,
    rest: Vec<u8>,
    seam: Seam,
    state: State,
    bulk: Bulk,
}

impl Reader {
    /// Nothing was read yet; `apex` and `file` as for [`read`].
    pub fn new(apex: &Name, file: &str) -> Reader {
        Reader {
            file: file.into(),
            line: 1,
            rest: Vec::new(),
            seam: Seam::default(),
            state: State { origin: apex.clone(), owner: Vec::new(), default_ttl: None, last_ttl: None },
            bulk: Bulk::new(apex.clone()),
        }
    }

    /// Takes the next piece, of any length.
    ///
    /// # Errors
    /// [`MasterError`] for the first entry that is wrong; nothing may be made of the rest then.
    pub fn push(&mut self, piece: &[u8], include: &mut dyn Include) -> Result<(), MasterError> {
        let whole_len = self.seam.last_end(piece);
        let (whole, rest) = piece.split_at(whole_len);
        if whole_len > 0 {
            let mut begun = std::mem::take(&mut self.rest);
            match begun.is_empty() {
                true => self.entries(whole, include)?,
                false => {
                    begun.extend_from_slice(whole);
                    self.entries(&begun, include)?;
                }
            }
        }
        if self.rest.len() + rest.len() > ENTRY_LEN_MAX_BYTES {
            return Err(MasterError {
                file: self.file.clone(),
                line: self.line,
                reason: Reason::EntryTooLong,
            });
        }
        self.rest.extend_from_slice(rest);
        Ok(())
    }

    /// The zone, when all has come.
    ///
    /// # Errors
    /// [`MasterError`] for what is wrong in the last entry.
    pub fn finish(mut self, include: &mut dyn Include) -> Result<ZoneData, MasterError> {
        let last = std::mem::take(&mut self.rest);
        self.entries(&last, include)?;
        Ok(self.bulk.finish())
    }

    fn entries(&mut self, text: &[u8], include: &mut dyn Include) -> Result<(), MasterError> {
        let source = Source { file: &self.file, depth: 0, line: self.line };
        self.line = read_file(source, text, &mut self.state, &mut self.bulk, include)?;
        Ok(())
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({}:{}, {} bytes kept)", self.file, self.line, self.rest.len())
    }
}

/// Finds where entries end, as [`Scanner`] sees it, without looking into them.
#[derive(Default)]
struct Seam {
    within: Within,
    depth: u32,
    /// The next byte stands for itself.
    escaped: bool,
}

#[derive(Clone, Copy, Default)]
enum Within {
    #[default]
    Words,
    Quotes,
    Comment,
}

impl Seam {
    /// The length of `piece` up to the last end of an entry; 0 if none ends in it.
    fn last_end(&mut self, piece: &[u8]) -> usize {
        let mut end = 0;
        for (at, byte) in piece.iter().enumerate() {
            if std::mem::take(&mut self.escaped) {
                continue;
            }
            match (byte, self.within) {
                // A string over the end of a line is refused when it is read.
                (b'\n', _) => {
                    self.within = Within::Words;
                    if self.depth == 0 {
                        end = at + 1;
                    }
                }
                (_, Within::Comment) => {}
                (b'\\', _) => self.escaped = true,
                (b'"', Within::Words) => self.within = Within::Quotes,
                (b'"', Within::Quotes) => self.within = Within::Words,
                (_, Within::Quotes) => {}
                (b';', Within::Words) => self.within = Within::Comment,
                (b'(', Within::Words) => self.depth += 1,
                (b')', Within::Words) => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        end
    }
}

/// What one entry leaves to the next.
struct State {
    origin: Name,
    /// Wire form of the last entry's name; empty before the first.
    owner: Vec<u8>,
    default_ttl: Option<Ttl>,
    last_ttl: Option<Ttl>,
}

#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a str,
    depth: u32,
    /// The line at which the text begins.
    line: u32,
}

/// Reads entries; gives the line behind them.
fn read_file(
    source: Source<'_>,
    text: &[u8],
    state: &mut State,
    bulk: &mut Bulk,
    include: &mut dyn Include,
) -> Result<u32, MasterError> {
    let mut scanner = Scanner { text, at: 0, line: source.line };
    let (mut words, mut wire) = (Vec::new(), Vec::new());
    let wrong = |line, reason| MasterError { file: source.file.into(), line, reason };
    loop {
        let (line, indented) = match scanner.entry(&mut words) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(scanner.line),
            Err((line, reason)) => return Err(wrong(line, reason)),
        };
        let first = words.first().copied().filter(|word| !word.quoted && !indented);
        match first {
            Some(word) if word.text.starts_with(b"$") => {
                if !word.text.eq_ignore_ascii_case(b"$INCLUDE") {
                    directive(&words, state).map_err(|reason| wrong(line, reason))?;
                    continue;
                }
                let (path, origin) = include_args(&words, state).map_err(|reason| wrong(line, reason))?;
                let content = open(&path, source, include).map_err(|reason| wrong(line, reason))?;
                // RFC 1035 §5.1: the origin of the file that includes stays as it was.
                let outer = std::mem::replace(&mut state.origin, origin);
                let inner = Source { file: &path, depth: source.depth + 1, line: 1 };
                read_file(inner, &content, state, bulk, include)?;
                state.origin = outer;
            }
            _ => record(&words, indented, state, bulk, &mut wire).map_err(|reason| wrong(line, reason))?,
        }
    }
}

fn open(path: &str, source: Source<'_>, include: &mut dyn Include) -> Result<Vec<u8>, Reason> {
    if source.depth + 1 > INCLUDE_DEPTH_MAX {
        return Err(Reason::IncludeDepth);
    }
    let inside = |part: &str| !part.is_empty() && part != ".." && !part.contains(['\0', '\\']);
    if !path.split('/').all(inside) {
        return Err(Reason::IncludePath(path.into()));
    }
    include.open(path).map_err(|why| Reason::Include(path.into(), why))
}

fn include_args(words: &[Word<'_>], state: &State) -> Result<(String, Name), Reason> {
    let (path, origin) = match words {
        [_, path] => (path, state.origin.clone()),
        [_, path, origin] => (path, Name::parse(origin.text, Some(&state.origin))?),
        [_] | [] => return Err(TextError::Missing("the file").into()),
        _ => return Err(TextError::Extra.into()),
    };
    Ok((String::from_utf8_lossy(path.text).into_owned(), origin))
}

fn directive(words: &[Word<'_>], state: &mut State) -> Result<(), Reason> {
    let word = words[0].text.to_ascii_uppercase();
    let argument = match words {
        [_, argument] => argument.text,
        [_] | [] => return Err(TextError::Missing("the value").into()),
        _ => return Err(TextError::Extra.into()),
    };
    match word.as_slice() {
        b"$ORIGIN" => state.origin = Name::parse(argument, Some(&state.origin))?,
        b"$TTL" => state.default_ttl = Some(ttl(argument).ok_or(TextError::Expected("a TTL"))??),
        _ => return Err(Reason::UnknownDirective(String::from_utf8_lossy(words[0].text).into_owned())),
    }
    Ok(())
}

/// A TTL; `None` if the word is none.
fn ttl(text: &[u8]) -> Option<Result<Ttl, Reason>> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    match period(text) {
        Some(seconds) => Some(Ttl::new(seconds).ok_or(Reason::TtlTooLong)),
        None if text.iter().all(u8::is_ascii_digit) => Some(Err(Reason::TtlTooLong)),
        None => None,
    }
}

fn record(
    words: &[Word<'_>],
    indented: bool,
    state: &mut State,
    bulk: &mut Bulk,
    wire: &mut Vec<u8>,
) -> Result<(), Reason> {
    let mut rest = words;
    if indented {
        if state.owner.is_empty() {
            return Err(Reason::NoOwner);
        }
    } else {
        owner(rest[0].text, state)?;
        rest = &rest[1..];
    }
    let (mut own_ttl, mut class) = (None, None);
    let rtype = loop {
        let (word, after) = rest.split_first().ok_or(TextError::Missing("the type"))?;
        rest = after;
        if own_ttl.is_none()
            && let Some(found) = ttl(word.text)
        {
            own_ttl = Some(found?);
            continue;
        }
        let text = std::str::from_utf8(word.text).unwrap_or_default();
        if let Ok(rtype) = text.parse::<RecordType>() {
            break rtype;
        }
        match text.parse::<Class>() {
            Ok(Class::IN) if class.is_none() => class = Some(Class::IN),
            Ok(other) => return Err(Reason::Class(other)),
            Err(_) => return Err(Reason::UnknownWord(String::from_utf8_lossy(word.text).into_owned())),
        }
    };
    wire.clear();
    parse_data(rtype, rest, Some(&state.origin), wire)?;
    let data = RData::from_checked(rtype, wire);
    let ttl = match own_ttl.or(state.default_ttl).or(state.last_ttl) {
        Some(ttl) => ttl,
        // What everybody does for files of the time before RFC 2308: the SOA's minimum is the default.
        None => Soa::from_rdata(&data).map(|soa| Ttl::from_wire(soa.minimum)).ok_or(Reason::NoTtl)?,
    };
    state.last_ttl = Some(ttl);
    bulk.push(&state.owner, ttl, data).map_err(Reason::OutOfZone)
}

fn owner(text: &[u8], state: &mut State) -> Result<(), Reason> {
    state.owner.clear();
    if text == b"@" {
        state.owner.extend_from_slice(state.origin.as_wire());
        return Ok(());
    }
    let mut buf = [0u8; NAME_LEN_MAX_BYTES];
    let (len, absolute) = parse_labels(text, &mut buf)?;
    state.owner.extend_from_slice(&buf[..len]);
    if !absolute {
        state.owner.extend_from_slice(state.origin.as_wire());
    }
    if state.owner.len() > NAME_LEN_MAX_BYTES {
        return Err(NameError::NameTooLong.into());
    }
    Ok(())
}

/// Cuts the text into entries of words.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Scanner<'a> {
    /// The words of the next entry that has any, its first line, and whether it begins with a blank; `None` at
    /// the end.
    fn entry(&mut self, words: &mut Vec<Word<'a>>) -> Result<Option<(u32, bool)>, (u32, Reason)> {
        words.clear();
        let (mut depth, mut opened) = (0u32, 0);
        let (mut first_line, mut indented) = (self.line, self.starts_blank());
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if depth > 0 {
                        continue;
                    }
                    if !words.is_empty() {
                        return Ok(Some((first_line, indented)));
                    }
                    (first_line, indented) = (self.line, self.starts_blank());
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => {
                    let rest = &self.text[self.at..];
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                b'(' => {
                    if depth == 0 {
                        opened = self.line;
                    }
                    depth += 1;
                    self.at += 1;
                }
                b')' => {
                    depth = depth.checked_sub(1).ok_or((self.line, Reason::Parentheses))?;
                    self.at += 1;
                }
                _ => {
                    let (word, used) = word(&self.text[self.at..]).ok_or((self.line, Reason::OpenQuote))?;
                    // An escaped line end inside of a word still ends a line for the count.
                    self.line += word.text.iter().filter(|byte| **byte == b'\n').count() as u32;
                    self.at += used;
                    if words.len() == WORDS_MAX {
                        return Err((first_line, Reason::TooManyWords));
                    }
                    words.push(word);
                }
            }
        }
        if depth > 0 {
            return Err((opened, Reason::Parentheses));
        }
        Ok(if words.is_empty() { None } else { Some((first_line, indented)) })
    }

    fn starts_blank(&self) -> bool {
        matches!(self.text.get(self.at), Some(b' ' | b'\t'))
    }
}

/// A zone as a master file: the SOA record first, then all in canonical order, one line each, names written
/// out. [`read`] gives the same zone.
#[derive(Clone, Copy)]
pub struct MasterText<'a>(pub &'a ZoneData);

impl fmt::Display for MasterText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ORIGIN {}", self.0.apex())?;
        let soa = self.0.records().filter(|record| record.rtype() == RecordType::SOA);
        let others = self.0.records().filter(|record| record.rtype() != RecordType::SOA);
        soa.chain(others).try_for_each(|record| writeln!(f, "{record}"))
    }
}
