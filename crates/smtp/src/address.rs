//! Paths: who a message is from and whom it is for (RFC 5321 §4.1.2, §4.1.3; RFC 6531 §3.3).
//!
//! What is held here can be printed into a header, a log or another command as it is: no control
//! character passes the parser, and quoting is undone on the way in and redone on the way out.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest local part as sent, quotes included, in bytes (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_LEN_MAX_BYTES: usize = 64;
/// Longest domain or address literal, in bytes (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_LEN_MAX_BYTES: usize = 255;
/// Longest path, angle brackets included, in bytes (RFC 5321 §4.5.3.1.3).
pub const PATH_LEN_MAX_BYTES: usize = 256;
/// Longest label of a domain, in bytes (RFC 1035 §2.3.4).
const LABEL_LEN_MAX_BYTES: usize = 63;

/// Why bytes are not a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Against the grammar.
    Syntax,
    /// The local part is longer than [`LOCAL_PART_LEN_MAX_BYTES`].
    LocalPartTooLong,
    /// The domain is longer than [`DOMAIN_LEN_MAX_BYTES`], or one of its labels than 63 bytes.
    DomainTooLong,
    /// The whole is longer than [`PATH_LEN_MAX_BYTES`].
    TooLong,
    /// Bytes above 127 without the SMTPUTF8 parameter (RFC 6531 §3.5).
    NeedsSmtputf8,
}

/// The part before the at sign, with quoting undone. Case is kept: only the owner of the domain
/// may say what it means (RFC 5321 §2.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// The text without quotes or backslashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPart {
    /// The form for the wire, quoted only where it must be (RFC 5321 §4.1.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if c == '"' || c == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// What follows the at sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name, its ASCII letters in lower case; labels may be U-labels (RFC 6531 §3.3).
    Domain(Domain),
    /// An address literal such as `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
    Literal(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Domain(domain) => f.write_str(domain.as_str()),
            Host::Literal(IpAddr::V4(address)) => write!(f, "[{address}]"),
            Host::Literal(IpAddr::V6(address)) => write!(f, "[IPv6:{address}]"),
        }
    }
}

/// A domain name as mail writes it, without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Domain(Box<str>);

impl Domain {
    /// The name, its ASCII letters in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a domain; letters above ASCII only where `smtputf8` says so.
    ///
    /// Underscores are taken although RFC 5321 §4.1.2 does not know them: names with them exist in
    /// the DNS, send mail, and do no harm.
    ///
    /// # Errors
    /// [`PathError::DomainTooLong`], [`PathError::NeedsSmtputf8`], else [`PathError::Syntax`].
    pub fn parse(text: &str, smtputf8: bool) -> Result<Domain, PathError> {
        if text.len() > DOMAIN_LEN_MAX_BYTES {
            return Err(PathError::DomainTooLong);
        }
        if !smtputf8 && !text.is_ascii() {
            return Err(PathError::NeedsSmtputf8);
        }
        for label in text.split('.') {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || is_utf8_text(c);
            if label.is_empty() || label.starts_with('-') || label.ends_with('-') || !label.chars().all(fits)
            {
                return Err(PathError::Syntax);
            }
            if label.is_ascii() && label.len() > LABEL_LEN_MAX_BYTES {
                return Err(PathError::DomainTooLong);
            }
        }
        Ok(Domain(text.to_ascii_lowercase().into_boxed_str()))
    }
}

/// An address: local part and host. Never holds a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    local: LocalPart,
    host: Host,
}

impl Mailbox {
    /// The part before the at sign.
    pub fn local(&self) -> &LocalPart {
        &self.local
    }

    /// The part after the at sign.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The domain, unless the host is an address literal.
    pub fn domain(&self) -> Option<&str> {
        match &self.host {
            Host::Domain(domain) => Some(domain.as_str()),
            Host::Literal(_) => None,
        }
    }

    /// True if it can be said without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.0.is_ascii() && self.domain().is_none_or(str::is_ascii)
    }

    /// Reads `local@host`; letters above ASCII only where `smtputf8` says so.
    ///
    /// # Errors
    /// Any [`PathError`] but [`PathError::TooLong`].
    pub fn parse(text: &str, smtputf8: bool) -> Result<Mailbox, PathError> {
        if !smtputf8 && !text.is_ascii() {
            return Err(PathError::NeedsSmtputf8);
        }
        let (local, sent_bytes) = match text.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let local = text.split_once('@').ok_or(PathError::Syntax)?.0;
                if !is_dot_string(local) {
                    return Err(PathError::Syntax);
                }
                (local.to_string(), local.len())
            }
        };
        if sent_bytes > LOCAL_PART_LEN_MAX_BYTES {
            return Err(PathError::LocalPartTooLong);
        }
        let host = text[sent_bytes..].strip_prefix('@').ok_or(PathError::Syntax)?;
        Ok(Mailbox { local: LocalPart(local.into_boxed_str()), host: parse_host(host, smtputf8)? })
    }
}

impl fmt::Display for Mailbox {
    /// The form for the wire, without angle brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.host)
    }
}

/// Where failures are to be reported: what MAIL FROM says (RFC 5321 §4.1.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: a report, which must not cause another (RFC 5321 §4.5.5).
    Null,
    /// Somebody.
    Mailbox(Mailbox),
}

impl ReversePath {
    /// Reads what stood between the angle brackets.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn parse(inner: &[u8], smtputf8: bool) -> Result<ReversePath, PathError> {
        if inner.is_empty() {
            return Ok(ReversePath::Null);
        }
        parse_path(inner, smtputf8).map(ReversePath::Mailbox)
    }

    /// The address, unless it is the null path.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            ReversePath::Null => None,
            ReversePath::Mailbox(mailbox) => Some(mailbox),
        }
    }
}

impl fmt::Display for ReversePath {
    /// The form for the wire, without angle brackets; empty for the null path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mailbox().map_or(Ok(()), |mailbox| mailbox.fmt(f))
    }
}

/// For whom a message is: what RCPT TO says (RFC 5321 §4.1.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain, in any case of letters: the one in charge here.
    Postmaster,
    /// Somebody.
    Mailbox(Mailbox),
}

impl ForwardPath {
    /// Reads what stood between the angle brackets. A source route is checked and ignored
    /// (RFC 5321 §4.1.1.3, Appendix C).
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn parse(inner: &[u8], smtputf8: bool) -> Result<ForwardPath, PathError> {
        if inner.eq_ignore_ascii_case(b"postmaster") {
            return Ok(ForwardPath::Postmaster);
        }
        parse_path(inner, smtputf8).map(ForwardPath::Mailbox)
    }

    /// The address, unless it is the postmaster without a domain.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            ForwardPath::Postmaster => None,
            ForwardPath::Mailbox(mailbox) => Some(mailbox),
        }
    }
}

impl fmt::Display for ForwardPath {
    /// The form for the wire, without angle brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster => f.write_str("postmaster"),
            ForwardPath::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

/// Splits `<path>rest` at the angle bracket that ends the path, which is none inside quotes.
/// `None` where `text` does not begin with a bracket or none closes it.
pub(crate) fn split_path(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"<")?;
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some((&inner[..at], &inner[at + 1..])),
            _ => {}
        }
    }
    None
}

fn parse_path(inner: &[u8], smtputf8: bool) -> Result<Mailbox, PathError> {
    if !smtputf8 && !inner.is_ascii() {
        return Err(PathError::NeedsSmtputf8);
    }
    let text = std::str::from_utf8(inner).map_err(|_| PathError::Syntax)?;
    let mailbox = Mailbox::parse(skip_route(text, smtputf8)?, smtputf8)?;
    if inner.len() + 2 > PATH_LEN_MAX_BYTES {
        return Err(PathError::TooLong);
    }
    Ok(mailbox)
}

/// Drops `@one,@two:` from the front.
fn skip_route(text: &str, smtputf8: bool) -> Result<&str, PathError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let (route, mailbox) = text.split_once(':').ok_or(PathError::Syntax)?;
    for hop in route.split(',') {
        Domain::parse(hop.strip_prefix('@').ok_or(PathError::Syntax)?, smtputf8)?;
    }
    Ok(mailbox)
}

/// The content of a quoted string after its first quote, and how many bytes it took with both.
fn unquote(quoted: &str) -> Result<(String, usize), PathError> {
    let mut content = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        let c = match c {
            '"' => return Ok((content, at + 2)),
            '\\' => chars.next().filter(|(_, c)| c.is_ascii()).ok_or(PathError::Syntax)?.1,
            c => c,
        };
        if c.is_control() {
            return Err(PathError::Syntax);
        }
        content.push(c);
    }
    Err(PathError::Syntax)
}

fn parse_host(text: &str, smtputf8: bool) -> Result<Host, PathError> {
    let Some(literal) = text.strip_prefix('[') else {
        return Domain::parse(text, smtputf8).map(Host::Domain);
    };
    if text.len() > DOMAIN_LEN_MAX_BYTES {
        return Err(PathError::DomainTooLong);
    }
    let literal = literal.strip_suffix(']').ok_or(PathError::Syntax)?;
    let tag = literal.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    let address = match tag {
        Some(_) => literal[5..].parse::<Ipv6Addr>().map(IpAddr::V6),
        None => literal.parse::<Ipv4Addr>().map(IpAddr::V4),
    };
    address.map(Host::Literal).map_err(|_| PathError::Syntax)
}

/// Whether text is atoms joined by single dots.
fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_utf8_text(c)
}

/// What RFC 6531 §3.3 adds to atoms and labels, without the control characters above ASCII.
fn is_utf8_text(c: char) -> bool {
    !c.is_ascii() && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::PathError::*;
    use super::*;
    use proptest::prelude::*;

    fn forward(inner: &str, smtputf8: bool) -> Result<String, PathError> {
        ForwardPath::parse(inner.as_bytes(), smtputf8).map(|path| path.to_string())
    }

    #[test]
    fn paths_are_read_and_printed_in_one_form() {
        let local_64 = format!("{}@b", "a".repeat(64));
        let local_65 = format!("{}@b", "a".repeat(65));
        let domain = |len: usize| format!("a@{}", "b.".repeat(len).get(..len).expect("long enough"));
        let (domain_251, domain_253) = (domain(251), domain(253));
        let domain_256 = format!("a@{}b", "b.".repeat(128).get(..255).expect("long enough"));
        for (inner, expected) in [
            ("a@b", Ok("a@b")),
            ("Alice@Example.ORG", Ok("Alice@example.org")),
            ("a.b+c=d@b-c.d_e", Ok("a.b+c=d@b-c.d_e")),
            ("postMASTER", Ok("postmaster")),
            ("\"a\"@b", Ok("a@b")),
            ("\"a b\"@b", Ok("\"a b\"@b")),
            ("\"a\\\"\\\\\\c\"@b", Ok("\"a\\\"\\\\c\"@b")),
            ("\"a@evil\"@b", Ok("\"a@evil\"@b")),
            ("\"a>b\"@b", Ok("\"a>b\"@b")),
            ("\"\"@b", Ok("\"\"@b")),
            ("a%evil@b", Ok("a%evil@b")),
            ("evil!a@b", Ok("evil!a@b")),
            ("@x,@y:a@b", Ok("a@b")),
            ("a@[127.0.0.1]", Ok("a@[127.0.0.1]")),
            ("a@[IPv6:::1]", Ok("a@[IPv6:::1]")),
            ("a@[ipv6:2001:DB8::1]", Ok("a@[IPv6:2001:db8::1]")),
            (&local_64, Ok(&local_64)),
            (&local_65, Err(LocalPartTooLong)),
            (&domain_251, Ok(&domain_251)),
            (&domain_253, Err(TooLong)),
            (&domain_256, Err(DomainTooLong)),
            ("a@[1.2.3]", Err(Syntax)),
            ("a@[x:y]", Err(Syntax)),
            ("a@[1.2.3.4", Err(Syntax)),
            ("a@[IPv6:1.2.3.4]", Err(Syntax)),
            ("", Err(Syntax)),
            ("a", Err(Syntax)),
            ("@b", Err(Syntax)),
            ("a@", Err(Syntax)),
            ("a@@b", Err(Syntax)),
            ("a@b@c", Err(Syntax)),
            (".a@b", Err(Syntax)),
            ("a..b@c", Err(Syntax)),
            ("a.@b", Err(Syntax)),
            ("a b@c", Err(Syntax)),
            ("a@b.", Err(Syntax)),
            ("a@-b", Err(Syntax)),
            ("a@b-", Err(Syntax)),
            ("a@b c", Err(Syntax)),
            ("\"a@b", Err(Syntax)),
            ("\"a\"b@c", Err(Syntax)),
            ("\"a\tb\"@c", Err(Syntax)),
            ("\"a\\\tb\"@c", Err(Syntax)),
            ("@x:", Err(Syntax)),
            ("@x,y:a@b", Err(Syntax)),
            ("a@b\r\nRCPT", Err(Syntax)),
            ("j\u{f6}rg@b", Err(NeedsSmtputf8)),
            ("a@b\u{fc}cher", Err(NeedsSmtputf8)),
        ] {
            assert_eq!(forward(inner, false), expected.map(str::to_string), "{inner}");
        }
        let label = format!("a@{}", "b".repeat(64));
        assert_eq!(forward(&label, false), Err(DomainTooLong));
        assert_eq!(forward("j\u{f6}rg@b\u{fc}cher", true).as_deref(), Ok("j\u{f6}rg@b\u{fc}cher"));
        assert_eq!(forward("j\u{85}rg@b", true), Err(Syntax), "a control character above ASCII");
        assert_eq!(ForwardPath::parse(b"a\xff@b", true), Err(Syntax));
        assert_eq!(ForwardPath::parse(b"a\xff@b", false), Err(NeedsSmtputf8));
        assert_eq!(ReversePath::parse(b"", false), Ok(ReversePath::Null));
    }

    #[test]
    fn a_path_ends_at_the_bracket_outside_quotes() {
        for (text, expected) in [
            ("<a@b>", Some(("a@b", ""))),
            ("<a@b> SIZE=1", Some(("a@b", " SIZE=1"))),
            ("<\"a>b\\\">\"@c>x", Some(("\"a>b\\\">\"@c", "x"))),
            ("<>", Some(("", ""))),
            (" <a@b>", None),
            ("a@b", None),
            ("<a@b", None),
            ("<\"a>", None),
        ] {
            let expected = expected.map(|(inner, rest)| (inner.as_bytes(), rest.as_bytes()));
            assert_eq!(split_path(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(text in "(\"?[a-c.\\\\\"@ \u{e9}]{0,8}\"?|[a-c.]{1,5})@(\\[?[0-9a-fIPv.:\u{fc}-]{1,12}\\]?)") {
            if let Ok(path) = ForwardPath::parse(text.as_bytes(), true) {
                let printed = path.to_string();
                prop_assert_eq!(ForwardPath::parse(printed.as_bytes(), true), Ok(path));
                prop_assert!(printed.len() <= text.len() + 32);
            }
        }

        #[test]
        fn what_is_taken_never_holds_a_control_character(inner: Vec<u8>, quoted in "[\\x00-\\x7f]{0,6}") {
            for bytes in [inner, format!("\"{quoted}\"@b").into_bytes(), format!("a@{quoted}").into_bytes()] {
                if let Ok(path) = ForwardPath::parse(&bytes, true) {
                    prop_assert!(!path.to_string().contains(char::is_control));
                    let (inner, rest) = split_path(&[b"<", bytes.as_slice(), b">"].concat()).map(|(a, b)| (a.to_vec(), b.to_vec())).expect("brackets");
                    prop_assert_eq!((inner, rest), (bytes, Vec::new()));
                }
            }
        }
    }
}
