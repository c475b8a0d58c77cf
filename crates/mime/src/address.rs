//! Address lists as they come, and addresses that may be trusted.

use std::borrow::Cow;
use std::fmt;

use crate::limits::ADDRESSES_MAX;
use crate::syntax::{Lexer, is_space};

/// One mailbox of an address list, unquoted but with encoded words as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// The display name, or the last comment where that is the only name.
    pub name: Option<Cow<'a, [u8]>>,
    /// The obsolete source route, as in `@a,@b` (RFC 5322 §4.4), without its colon.
    pub route: Option<Cow<'a, [u8]>>,
    /// The local part without quoting.
    pub local: Cow<'a, [u8]>,
    /// The domain, or a domain literal with its brackets; empty if there is none.
    pub domain: Cow<'a, [u8]>,
}

/// One element of an address list, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A mailbox.
    Mailbox(Mailbox<'a>),
    /// A group with this name begins (RFC 5322 §3.4).
    GroupStart(Cow<'a, [u8]>),
    /// The group ends. Comes even if its semicolon does not.
    GroupEnd,
}

/// Reads an address list (RFC 5322 §3.4 and §4.4), whatever is wrong with it: what cannot be a
/// mailbox is skipped. At most [`ADDRESSES_MAX`] entries.
pub fn parse_list(value: &[u8]) -> Vec<Entry<'_>> {
    let mut parser = ListParser { lexer: Lexer::new(value), entries: Vec::new(), in_group: false };
    while parser.entries.len() < ADDRESSES_MAX - 1 && parser.lexer.peek().is_some() {
        parser.element();
    }
    if parser.in_group {
        parser.entries.push(Entry::GroupEnd);
    }
    parser.entries
}

/// The first mailbox of a list, groups looked into.
pub fn first_mailbox(value: &[u8]) -> Option<Mailbox<'_>> {
    parse_list(value).into_iter().find_map(|entry| match entry {
        Entry::Mailbox(mailbox) => Some(mailbox),
        _ => None,
    })
}

struct ListParser<'a> {
    lexer: Lexer<'a>,
    entries: Vec<Entry<'a>>,
    in_group: bool,
}

/// Words before the delimiter that tells what they were: a name, a group's name or an address.
#[derive(Default)]
struct Words<'a> {
    /// As a phrase: single spaces where there was space.
    phrase: Joined<'a>,
    /// As one half of an address: no spaces.
    half: Joined<'a>,
    /// The local part, once an `@` came.
    local: Option<Cow<'a, [u8]>>,
    comment: Option<Cow<'a, [u8]>>,
}

/// Pieces joined; borrowed while there is one.
#[derive(Default)]
struct Joined<'a>(Option<Cow<'a, [u8]>>);

impl<'a> Joined<'a> {
    fn push(&mut self, piece: Cow<'a, [u8]>, spaced: bool) {
        match &mut self.0 {
            None => self.0 = Some(piece),
            Some(text) => {
                let text = text.to_mut();
                if spaced {
                    text.push(b' ');
                }
                text.extend_from_slice(&piece);
            }
        }
    }
}

impl<'a> ListParser<'a> {
    fn element(&mut self) {
        let words = self.words();
        match self.lexer.peek() {
            Some(b'<') => {
                let name = words.phrase.0.or(words.comment);
                self.angle(name);
            }
            Some(b':') if words.local.is_none() && !self.in_group => {
                self.lexer.bump();
                self.in_group = true;
                self.entries.push(Entry::GroupStart(words.phrase.0.unwrap_or_default()));
            }
            Some(b';') => {
                self.lexer.bump();
                self.bare(words);
                if self.in_group {
                    self.in_group = false;
                    self.entries.push(Entry::GroupEnd);
                }
            }
            _ => {
                self.lexer.bump();
                self.bare(words);
            }
        }
    }

    /// Collects up to a delimiter: one of `< : ; , >` or the end.
    fn words(&mut self) -> Words<'a> {
        let mut words = Words::default();
        loop {
            let before = self.lexer.at();
            if let Some(comment) = self.lexer.skip_cfws() {
                words.comment = Some(comment);
            }
            let spaced = self.lexer.at() > before;
            let Some(byte) = self.lexer.peek() else { return words };
            let piece = match byte {
                b'<' | b':' | b';' | b',' | b'>' => return words,
                b'@' => {
                    self.lexer.bump();
                    words.phrase.push(Cow::Borrowed(b"@"), spaced);
                    if words.local.is_none() {
                        words.local = Some(std::mem::take(&mut words.half).0.unwrap_or_default());
                    } else {
                        words.half.push(Cow::Borrowed(b"@"), false);
                    }
                    continue;
                }
                _ => self.piece(byte),
            };
            words.half.push(piece.clone(), false);
            words.phrase.push(piece, spaced);
        }
    }

    /// An atom with its dots, a quoted string, or a domain literal.
    fn piece(&mut self, byte: u8) -> Cow<'a, [u8]> {
        match byte {
            b'"' => self.lexer.quoted(),
            b'[' => {
                let start = self.lexer.at();
                self.lexer.take_while(|b| !matches!(b, b']' | b',' | b';' | b'<' | b'>'));
                self.lexer.take(b']');
                Cow::Borrowed(self.lexer.slice(start, self.lexer.at()))
            }
            b'=' => match encoded_word_len(self.lexer.rest()) {
                Some(len) => {
                    let word = &self.lexer.rest()[..len];
                    (0..len).for_each(|_| self.lexer.bump());
                    Cow::Borrowed(word)
                }
                None => self.atom(),
            },
            _ => self.atom(),
        }
    }

    fn atom(&mut self) -> Cow<'a, [u8]> {
        let start = self.lexer.at();
        self.lexer.bump();
        self.lexer.take_while(|b| !is_space(b) && !br#"()<>:;,"@["#.contains(&b));
        Cow::Borrowed(self.lexer.slice(start, self.lexer.at()))
    }

    /// `<local@domain>` with an optional route before it.
    fn angle(&mut self, name: Option<Cow<'a, [u8]>>) {
        self.lexer.bump();
        self.lexer.skip_cfws();
        let route = self.route();
        let words = self.words();
        // An unclosed or broken address ends at the next comma.
        while matches!(self.lexer.peek(), Some(b'<' | b':')) {
            self.lexer.bump();
            self.words();
        }
        let closed = self.lexer.take(b'>');
        let (local, domain) = match words.local {
            Some(local) => (local, words.half.0.unwrap_or_default()),
            None => (words.half.0.unwrap_or_default(), Cow::Borrowed(&b""[..])),
        };
        if !(local.is_empty() && domain.is_empty() && name.is_none()) {
            self.entries.push(Entry::Mailbox(Mailbox { name, route, local, domain }));
        }
        if closed {
            // What follows up to the comma can only be a comment or junk.
            self.words();
        }
        if self.lexer.peek() != Some(b';') {
            self.lexer.bump();
        }
    }

    fn route(&mut self) -> Option<Cow<'a, [u8]>> {
        if self.lexer.peek() != Some(b'@') {
            return None;
        }
        let route = self.lexer.take_while(|b| !matches!(b, b':' | b'>' | b'"' | b'(' | b';'));
        self.lexer.take(b':');
        Some(match route.iter().any(|b| is_space(*b)) {
            true => Cow::Owned(route.iter().copied().filter(|b| !is_space(*b)).collect()),
            false => Cow::Borrowed(route),
        })
    }

    /// An address without angle brackets; its comment is its name, as was usual before them.
    fn bare(&mut self, words: Words<'a>) {
        let (local, domain) = match (words.local, words.half.0) {
            (Some(local), domain) => (local, domain.unwrap_or_default()),
            (None, Some(_)) => (words.phrase.0.unwrap_or_default(), Cow::Borrowed(&b""[..])),
            (None, None) => return,
        };
        self.entries.push(Entry::Mailbox(Mailbox { name: words.comment, route: None, local, domain }));
    }
}

/// The length of the encoded word that starts here: some programs leave commas and parentheses in
/// them, which RFC 2047 §5 forbids.
fn encoded_word_len(rest: &[u8]) -> Option<usize> {
    let inner = rest.strip_prefix(b"=?")?;
    let charset = memchr::memchr(b'?', &inner[..inner.len().min(64)])?;
    let text_at = 2 + charset + 3;
    let text = rest.get(text_at..rest.len().min(text_at + 1000))?;
    let end = memchr::memmem::find(text, b"?=")?;
    let clean = text[..end].iter().all(|b| !is_space(*b) && *b != b'"' && *b != b'<');
    clean.then_some(text_at + end + 2)
}

/// Why text is not an [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// No `@`, or nothing on one side of it.
    Incomplete,
    /// Over 64 bytes before or 255 bytes behind the `@` (RFC 5321 §4.5.3.1).
    TooLong,
    /// A byte that may not stand there: a control, a space, or a special in the domain.
    BadByte,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::Incomplete => "an address needs a name, an @ and a domain",
            AddressError::TooLong => "the address is too long",
            AddressError::BadByte => "the address holds a character that is not allowed there",
        })
    }
}

impl std::error::Error for AddressError {}

/// A mail address that holds no control character and has both halves; so it can be written into
/// a header as it is. UTF-8 is allowed in both halves (RFC 6532).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    local: String,
    domain: String,
}

/// Longest local part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_LEN_MAX_BYTES: usize = 64;
/// Longest domain (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_LEN_MAX_BYTES: usize = 255;

impl Address {
    /// Reads `local@domain`; the local part without quotes may hold anything but controls.
    ///
    /// # Errors
    /// [`AddressError`], the caller's or the peer's fault.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Incomplete)?;
        let unquoted = local.strip_prefix('"').and_then(|l| l.strip_suffix('"'));
        match unquoted {
            Some(inner) if !inner.is_empty() => Address::new(&without_backslashes(inner), domain),
            _ => Address::new(local, domain),
        }
    }

    /// Joins an unquoted local part and a domain.
    ///
    /// # Errors
    /// [`AddressError`], the caller's fault.
    pub fn new(local: &str, domain: &str) -> Result<Address, AddressError> {
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Incomplete);
        }
        if local.len() > LOCAL_LEN_MAX_BYTES || domain.len() > DOMAIN_LEN_MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        let literal = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']'));
        let bad_in_domain = |c: char| c.is_whitespace() || r#"()<>[]:;@\,""#.contains(c);
        let domain_bad = match literal {
            Some(inner) => !inner.chars().all(|c| c.is_ascii_alphanumeric() || ".:-".contains(c)),
            None => domain.chars().any(bad_in_domain),
        };
        if domain_bad || local.chars().chain(domain.chars()).any(char::is_control) {
            return Err(AddressError::BadByte);
        }
        Ok(Address { local: local.to_owned(), domain: domain.to_owned() })
    }

    /// The part before the `@`, without quoting.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// False if either half needs SMTPUTF8 (RFC 6531).
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }
}

/// As it stands in a header or an SMTP path: the local part quoted where it must be.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
        if self.local.split('.').all(|part| !part.is_empty() && part.chars().all(atom)) {
            write!(f, "{}@{}", self.local, self.domain)
        } else {
            let quoted = self.local.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "\"{quoted}\"@{}", self.domain)
        }
    }
}

fn without_backslashes(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}
