//! Parameters of structured fields, with continuations and charsets (RFC 2045 §5.1, RFC 2231).

use std::borrow::Cow;

use crate::charset;
use crate::limits::PARAMS_MAX;
use crate::syntax::{Lexer, is_space};
use crate::transfer::{HEX_DIGITS, hex};
use crate::word;

/// One parameter, its continuations joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// The name as written, without stars and numbers. Compare it without case.
    pub name: Vec<u8>,
    /// The value without quoting. If `extended`, it is `charset'language'` and percent-encoded
    /// text (RFC 2231 §4); else bytes as they came, perhaps with encoded words.
    pub value: Vec<u8>,
    /// True if the value is in the form of RFC 2231 §4.
    pub extended: bool,
}

impl Param {
    /// The value as text: percent encoding and charset undone, encoded words decoded (which
    /// RFC 2047 §5 forbids here and programs write).
    pub fn text(&self) -> Cow<'_, str> {
        if !self.extended {
            return word::decode(&self.value);
        }
        let mut pieces = self.value.splitn(3, |b| *b == b'\'');
        let (label, _language, text) = match (pieces.next(), pieces.next(), pieces.next()) {
            (Some(label), Some(language), Some(text)) => (label, language, text),
            _ => (&b""[..], &b""[..], &self.value[..]),
        };
        Cow::Owned(charset::decode(label, &percent_decode(text)).into_owned())
    }
}

/// The parameter called `name`, in any case.
pub fn find<'p>(params: &'p [Param], name: &str) -> Option<&'p Param> {
    params.iter().find(|p| p.name.eq_ignore_ascii_case(name.as_bytes()))
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind.first().and_then(hex), behind.get(1).and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                rest = &behind[2..];
            }
            _ => out.push(byte),
        }
    }
    out
}

/// Percent-encodes all but RFC 2231's attribute characters.
pub(crate) fn percent_encode(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend([b'%', HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// One `name=value` as it came.
struct Segment<'a> {
    name: &'a [u8],
    /// The number of a continuation (RFC 2231 §3).
    number: Option<u16>,
    extended: bool,
    value: Cow<'a, [u8]>,
}

/// Reads the parameters from where the lexer stands, at a semicolon or at the end. At most
/// [`PARAMS_MAX`] are read.
pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Vec<Param> {
    let mut segments = Vec::new();
    // Two rounds per parameter are enough: the semicolon, and junk before it.
    for _ in 0..PARAMS_MAX * 2 {
        lexer.skip_cfws();
        lexer.take_while(|b| b == b';' || is_space(b));
        lexer.skip_cfws();
        if lexer.peek().is_none() || segments.len() == PARAMS_MAX {
            break;
        }
        segments.extend(segment(lexer));
    }
    join(segments)
}

fn segment<'a>(lexer: &mut Lexer<'a>) -> Option<Segment<'a>> {
    let name = lexer.take_while(|b| !is_space(b) && !br#"()<>@,;:\"/[]?="#.contains(&b));
    lexer.skip_cfws();
    if !lexer.take(b'=') {
        lexer.take_while(|b| b != b';');
        return None;
    }
    lexer.skip_cfws();
    let value = match lexer.peek() {
        Some(b'"') => lexer.quoted(),
        _ => unquoted(lexer),
    };
    let (name, extended) = match name.strip_suffix(b"*") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let star = name.iter().rposition(|b| *b == b'*');
    let number = star.and_then(|at| std::str::from_utf8(&name[at + 1..]).ok()?.parse::<u16>().ok());
    let name = match (star, number) {
        (Some(at), Some(_)) => &name[..at],
        _ => name,
    };
    (!name.is_empty()).then_some(Segment { name, number, extended, value })
}

/// A value that should be a token. Spaces and specials in it are kept up to the semicolon, as
/// other readers do with `name=my file.pdf`; a comment behind it is not.
fn unquoted<'a>(lexer: &mut Lexer<'a>) -> Cow<'a, [u8]> {
    let start = lexer.at();
    lexer.take_while(|b| !matches!(b, b';' | b'('));
    let value = lexer.slice(start, lexer.at()).trim_ascii();
    if lexer.peek() == Some(b'(') && !lexer.slice(start, lexer.at()).last().is_some_and(|b| is_space(*b)) {
        lexer.take_while(|b| b != b';');
        return Cow::Borrowed(lexer.slice(start, lexer.at()).trim_ascii());
    }
    if memchr::memchr(b'\n', value).is_some() {
        return crate::header::unfold(value);
    }
    Cow::Borrowed(value)
}

/// Joins continuations. Of two parameters of one name the first counts, but an extended one before
/// a plain one, which stands beside it for old readers (RFC 5987 §4.2 has the same rule).
fn join(segments: Vec<Segment<'_>>) -> Vec<Param> {
    let mut params: Vec<Param> = Vec::with_capacity(segments.len());
    for (i, first) in segments.iter().enumerate() {
        let same = |s: &&Segment<'_>| s.name.eq_ignore_ascii_case(first.name);
        if segments[..i].iter().any(|s| same(&s)) {
            continue;
        }
        let all = || segments[i..].iter().filter(same);
        let whole = all().find(|s| s.number.is_none() && s.extended);
        let numbered = all().any(|s| s.number.is_some());
        let (value, extended) = match whole {
            Some(whole) => (whole.value.to_vec(), true),
            None if numbered => join_numbered(all().filter(|s| s.number.is_some()).collect()),
            None => (first.value.to_vec(), false),
        };
        params.push(Param { name: first.name.to_vec(), value, extended });
    }
    params
}

fn join_numbered(mut pieces: Vec<&Segment<'_>>) -> (Vec<u8>, bool) {
    pieces.sort_by_key(|s| s.number);
    let extended = pieces.iter().any(|s| s.extended);
    let mut value = Vec::new();
    if extended && !pieces[0].extended {
        value.extend_from_slice(b"''");
    }
    for (i, piece) in pieces.iter().enumerate() {
        if i > 0 && pieces[i - 1].number == piece.number {
            continue;
        }
        match extended && !piece.extended {
            true => percent_encode(&piece.value, &mut value),
            false => value.extend_from_slice(&piece.value),
        }
    }
    (value, extended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Vec<(String, String)> {
        parse(&mut Lexer::new(value.as_bytes()))
            .iter()
            .map(|p| (String::from_utf8_lossy(&p.name).into_owned(), p.text().into_owned()))
            .collect()
    }

    #[test]
    fn parameters() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            ("; a=b", &[("a", "b")]),
            (";a=b;c=\"d;\\\"e\"; f = g (comment)", &[("a", "b"), ("c", "d;\"e"), ("f", "g")]),
            ("; name=my file.pdf; x=y", &[("name", "my file.pdf"), ("x", "y")]),
            ("; name=my(1).pdf", &[("name", "my(1).pdf")]),
            ("; boundary=\"foo\r\n bar\"", &[("boundary", "foo bar")]),
            ("; junk; =x; a=b;;", &[("a", "b")]),
            ("; f*=utf-8''gr%C3%BCn", &[("f", "grün")]),
            ("; f*=iso-8859-1'de'gr%FCn", &[("f", "grün")]),
            ("; f*0=\"a \"; f*1=b", &[("f", "a b")]),
            ("; f*1=b; f*0=a; f*1=c", &[("f", "ab")]),
            ("; f*0*=utf-8''a%20; f*1=\"b%\"; f*2*=%C3%BC", &[("f", "a b%ü")]),
            ("; f=old; f*=utf-8''new", &[("f", "new")]),
            ("; f=\"=?utf-8?q?gr=C3=BCn?=\"", &[("f", "grün")]),
            ("; f*=no-quotes%20here", &[("f", "no-quotes here")]),
            ("; F=a; f=b", &[("F", "a")]),
            ("; a=\"open", &[("a", "open")]),
        ];
        for (value, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
            assert_eq!(parsed(value), expected, "{value:?}");
        }
    }

    #[test]
    fn parameters_are_bounded() {
        let many: String = (0..PARAMS_MAX + 5).map(|n| format!("; p{n}=x")).collect();
        assert_eq!(parsed(&many).len(), PARAMS_MAX);
        let junk = "x;".repeat(10_000) + "a=b";
        assert_eq!(parsed(&junk), []);
    }
}
