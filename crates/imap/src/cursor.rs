//! A cursor over one whole command: the lexical forms of RFC 9051 §9 that all commands share.

use crate::error::Fault;
use crate::limits;
use crate::mailbox::MailboxName;

/// Which revision's rules for mailbox names and responses hold (RFC 9051 §6.3.1, Appendix A).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// RFC 3501: names in modified UTF-7, untagged SEARCH and RECENT.
    #[default]
    Rev1,
    /// RFC 9051, after `ENABLE IMAP4rev2`: names in UTF-8, ESEARCH, no RECENT.
    Rev2,
}

/// Whether message numbers of a command are sequence numbers or UIDs (RFC 9051 §6.4.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Sequence numbers.
    Sequence,
    /// Unique identifiers: the command was prefixed with UID.
    Uid,
}

/// The result of a parser.
pub type Parsed<T> = Result<T, Fault>;

/// Reads a command from front to back; every parser leaves it behind what it took.
#[derive(Debug)]
pub struct Cursor {
    bytes: Vec<u8>,
    at: usize,
    dialect: Dialect,
}

impl Cursor {
    /// A cursor at the start of `bytes`: a command as framed by `wire`, literals behind their
    /// announcements, without the last line end.
    pub fn new(bytes: Vec<u8>, dialect: Dialect) -> Cursor {
        Cursor { bytes, at: 0, dialect }
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// The next byte.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Whose rules for mailbox names hold.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A syntax fault here.
    pub fn fault<T>(&self, expected: &'static str) -> Parsed<T> {
        Err(Fault::Syntax { at: self.at, expected })
    }

    /// Takes `byte` if it is next.
    pub fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes `byte`, which must be next.
    pub fn require(&mut self, byte: u8, expected: &'static str) -> Parsed<()> {
        if self.skip(byte) { Ok(()) } else { self.fault(expected) }
    }

    /// Takes the one space that separates arguments.
    pub fn space(&mut self) -> Parsed<()> {
        self.require(b' ', "a space")
    }

    /// The command must end here. One trailing space is forgiven.
    pub fn end(&mut self) -> Parsed<()> {
        self.skip(b' ');
        if self.rest().is_empty() { Ok(()) } else { self.fault("the end of the command") }
    }

    /// Takes the longest run of bytes that `belongs` accepts; it may be empty.
    pub fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &[u8] {
        let start = self.at;
        let len = self.rest().iter().position(|byte| !belongs(*byte)).unwrap_or(self.rest().len());
        self.at += len;
        &self.bytes[start..self.at]
    }

    /// Takes `word` in any case if it is next and no further atom character follows.
    pub fn keyword(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
            && !rest.get(word.len()).copied().is_some_and(is_atom_char);
        if found {
            self.at += word.len();
        }
        found
    }

    /// An atom in upper case: a command, key or item name.
    pub fn word(&mut self, expected: &'static str) -> Parsed<String> {
        let atom = self.atom(expected)?;
        Ok(atom.to_ascii_uppercase())
    }

    /// An atom (RFC 9051 §9 `atom`).
    pub fn atom(&mut self, expected: &'static str) -> Parsed<String> {
        let taken = self.run(is_atom_char);
        if taken.is_empty() {
            return self.fault(expected);
        }
        Ok(String::from_utf8_lossy(taken).into_owned())
    }

    /// A decimal number (`number`, `number64`).
    pub fn number64(&mut self) -> Parsed<u64> {
        let start = self.at;
        let taken = self.run(|byte| byte.is_ascii_digit());
        let number = if taken.is_empty() {
            None
        } else {
            taken.iter().try_fold(0u64, |n, digit| n.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        };
        number.ok_or(Fault::Syntax { at: start, expected: "a number" })
    }

    /// A decimal number that fits 32 bits.
    pub fn number(&mut self) -> Parsed<u32> {
        let start = self.at;
        u32::try_from(self.number64()?)
            .map_err(|_| Fault::Syntax { at: start, expected: "a number below 4294967296" })
    }

    /// A string or a run of characters that `belongs` accepts, as bytes without NUL.
    fn string_or(&mut self, belongs: fn(u8) -> bool, expected: &'static str) -> Parsed<Vec<u8>> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string();
        }
        let taken = self.run(belongs).to_vec();
        if taken.is_empty() { self.fault(expected) } else { Ok(taken) }
    }

    /// An `astring`: atom (with `]`), quoted or literal.
    pub fn astring(&mut self) -> Parsed<Vec<u8>> {
        self.string_or(is_astring_char, "a string")
    }

    /// A `list-mailbox`: like an astring, with `%` and `*`.
    pub fn list_mailbox(&mut self) -> Parsed<Vec<u8>> {
        self.string_or(|byte| is_astring_char(byte) || matches!(byte, b'%' | b'*'), "a mailbox pattern")
    }

    /// A quoted string or a literal.
    pub fn string(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => {
                let (start, end) = self.literal_range()?;
                let taken = self.bytes[start..end].to_vec();
                // RFC 9051 §9: CHAR8 excludes NUL; only literal8 may hold it.
                if taken.contains(&0) { self.fault("a literal without NUL") } else { Ok(taken) }
            }
            _ => self.fault("a quoted string or a literal"),
        }
    }

    /// An `nstring`: a string or NIL.
    pub fn nstring(&mut self) -> Parsed<Option<Vec<u8>>> {
        if self.keyword("NIL") { Ok(None) } else { self.string().map(Some) }
    }

    /// An astring as text.
    pub fn text(&mut self) -> Parsed<String> {
        let start = self.at;
        String::from_utf8(self.astring()?).map_err(|_| Fault::Syntax { at: start, expected: "UTF-8" })
    }

    fn quoted(&mut self) -> Parsed<Vec<u8>> {
        self.require(b'"', "a quote")?;
        let mut text = Vec::new();
        loop {
            let plain = self.run(|byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0));
            text.extend_from_slice(plain);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') if matches!(self.rest().get(1), Some(b'"' | b'\\')) => {
                    text.push(self.bytes[self.at + 1]);
                    self.at += 2;
                }
                _ => return self.fault("the end of the quoted string"),
            }
        }
    }

    /// Takes `{n}` CRLF and n bytes, and gives where these begin and end.
    fn literal_range(&mut self) -> Parsed<(usize, usize)> {
        self.require(b'{', "a literal")?;
        let size = self.number64()?;
        self.skip(b'+');
        self.require(b'}', "the end of a literal's size")?;
        self.require(b'\r', "a line end behind a literal's size")?;
        self.require(b'\n', "a line end behind a literal's size")?;
        let start = self.at;
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        match end.filter(|end| *end <= self.bytes.len()) {
            Some(end) => {
                self.at = end;
                Ok((start, end))
            }
            None => self.fault("all bytes of the literal"),
        }
    }

    /// The last argument, a literal or literal8, taken without copying: the cursor is empty
    /// afterwards. Also says whether it was a literal8 (RFC 9051 §6.3.12, RFC 3516).
    pub fn final_literal(&mut self) -> Parsed<(Vec<u8>, bool)> {
        let binary = self.skip(b'~');
        let (start, end) = self.literal_range()?;
        self.end()?;
        let mut bytes = std::mem::take(&mut self.bytes);
        self.at = 0;
        bytes.truncate(end);
        bytes.drain(..start);
        Ok((bytes, binary))
    }

    /// A mailbox name in the session's encoding.
    pub fn mailbox(&mut self) -> Parsed<MailboxName> {
        let name = self.astring()?;
        Ok(MailboxName::from_wire(&name, self.dialect)?)
    }

    /// `(` item SP item … `)` with at least one item, at most `count_max`.
    pub fn list<T>(
        &mut self,
        count_max: usize,
        mut item: impl FnMut(&mut Cursor) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.require(b'(', "an opening parenthesis")?;
        let mut items = Vec::new();
        loop {
            if items.len() >= count_max {
                return Err(Fault::TooMany { what: "items in a list", count_max });
            }
            items.push(item(self)?);
            if self.skip(b')') {
                return Ok(items);
            }
            self.space()?;
            if self.skip(b')') {
                return Ok(items);
            }
        }
    }

    /// Like [`Cursor::list`], but `()` is a list too.
    pub fn list_or_empty<T>(
        &mut self,
        count_max: usize,
        item: impl FnMut(&mut Cursor) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        if self.rest().starts_with(b"()") {
            self.at += 2;
            return Ok(Vec::new());
        }
        self.list(count_max, item)
    }

    /// The tag that starts a command (RFC 9051 §2.2.1), followed by a space.
    pub fn tag(&mut self) -> Option<Tag> {
        let tag = self.run(is_tag_char);
        if tag.is_empty() || tag.len() > limits::TAG_LEN_MAX_BYTES {
            return None;
        }
        let tag = Tag(String::from_utf8_lossy(tag).into_owned());
        self.skip(b' ').then_some(tag)
    }
}

/// A command's tag: 1 to [`limits::TAG_LEN_MAX_BYTES`] characters of an astring without `+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The tag as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `ATOM-CHAR`: printable ASCII but the atom-specials.
pub fn is_atom_char(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// `ASTRING-CHAR`; bytes above ASCII are let through for the decoder of the argument to judge.
pub fn is_astring_char(byte: u8) -> bool {
    is_atom_char(byte) || byte == b']' || byte >= 0x80
}

fn is_tag_char(byte: u8) -> bool {
    byte != b'+' && byte < 0x80 && is_astring_char(byte)
}
