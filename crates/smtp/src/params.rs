//! ESMTP parameters (RFC 5321 §4.1.1.11) and xtext (RFC 3461 §4).

use crate::Mailbox;

/// Most parameters of one command. More are known to no extension; the cap bounds the search for
/// repeated ones.
const PARAMETERS_MAX: usize = 16;

/// Parameters of MAIL or RCPT as sent: checked for form and for repetition, not for meaning.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Params<'a>(Vec<Param<'a>>);

/// One `KEYWORD` or `KEYWORD=value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Param<'a> {
    keyword: &'a str,
    /// What follows the equals sign; never empty.
    pub(crate) value: Option<&'a str>,
}

/// Why bytes are not parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParamError {
    Syntax,
    Twice,
}

impl<'a> Params<'a> {
    /// Reads what follows the path: nothing, or a space and parameters split by single spaces.
    /// Spaces at the end are forgiven (RFC 5321 §4.1.1 asks for that).
    pub(crate) fn parse(rest: &'a [u8]) -> Result<Params<'a>, ParamError> {
        let rest = rest.trim_ascii_end();
        if rest.is_empty() {
            return Ok(Params::default());
        }
        let text = std::str::from_utf8(rest).ok().and_then(|text| text.strip_prefix(' '));
        let mut params: Vec<Param> = Vec::new();
        for word in text.ok_or(ParamError::Syntax)?.split(' ') {
            let param = Param::parse(word).ok_or(ParamError::Syntax)?;
            if params.iter().any(|known| known.is(param.keyword)) {
                return Err(ParamError::Twice);
            }
            if params.len() == PARAMETERS_MAX {
                return Err(ParamError::Syntax);
            }
            params.push(param);
        }
        Ok(Params(params))
    }

    /// All of them in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Param<'a>> + '_ {
        self.0.iter().copied()
    }

    /// Whether one of that keyword is there.
    pub(crate) fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|param| param.is(keyword))
    }
}

impl<'a> Param<'a> {
    fn parse(word: &'a str) -> Option<Param<'a>> {
        let (keyword, value) = match word.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (word, None),
        };
        let first = keyword.bytes().next()?;
        let named = first.is_ascii_alphanumeric()
            && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let valued = value.is_none_or(|value| {
            !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=')
        });
        // AUTH=<> and base64 hold no equals sign, and those of xtext are written +3D.
        (named && valued).then_some(Param { keyword, value })
    }

    /// Whether it has that keyword; case does not matter.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(keyword)
    }
}

/// Reads the value of SIZE: up to 20 digits (RFC 1870 §3); what no integer holds is as large as
/// one can be.
pub(crate) fn parse_size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// Whether the value of AUTH is well-formed: `<>` or an address in xtext (RFC 4954 §5). Nobody is
/// trusted to speak for others, so nothing is made of it.
pub(crate) fn is_auth_value(value: &str) -> bool {
    value == "<>" || decode_xtext(value).is_some_and(|text| Mailbox::parse(&text, true).is_ok())
}

/// Undoes xtext (RFC 3461 §4); `None` where it is malformed or hides a control character.
pub(crate) fn decode_xtext(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'!'..=b'~' if byte != b'=' => byte,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

/// A digit of xtext: only capitals are allowed.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_repeated_ones_refused() {
        for (rest, expected) in [
            ("", Ok(0)),
            ("  ", Ok(0)),
            (" SIZE=1", Ok(1)),
            (" SIZE=1 BODY=7BIT ", Ok(2)),
            (" SIZE=1 size=1", Err(ParamError::Twice)),
            (" SIZE=", Err(ParamError::Syntax)),
            (" =1", Err(ParamError::Syntax)),
            (" -A=1", Err(ParamError::Syntax)),
            (" SIZE=1  BODY=7BIT", Err(ParamError::Syntax)),
            ("SIZE=1", Err(ParamError::Syntax)),
            (" A=b=c", Err(ParamError::Syntax)),
            (" A=\u{e9}", Err(ParamError::Syntax)),
            (" A=\tb", Err(ParamError::Syntax)),
        ] {
            let got = Params::parse(rest.as_bytes()).map(|params| params.0.len());
            assert_eq!(got, expected, "{rest:?}");
        }
        let many: String = (0..=PARAMETERS_MAX).map(|n| format!(" A{n}")).collect();
        assert_eq!(Params::parse(many.as_bytes()), Err(ParamError::Syntax));
        assert!(Params::parse(&many.as_bytes()[..many.len() - 4]).is_ok());
    }

    #[test]
    fn sizes() {
        for (value, expected) in [
            ("0", Some(0)),
            ("50000", Some(50_000)),
            ("99999999999999999999", Some(u64::MAX)),
            ("100000000000000000000", None),
            ("-1", None),
            ("+1", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(parse_size(value), expected, "{value}");
        }
    }

    #[test]
    fn xtext_never_hides_a_line_end() {
        for (value, expected) in [
            ("a+3Db", Some("a=b")),
            ("a+2Bb@c", Some("a+b@c")),
            ("a+0D+0Ab", None),
            ("a+3db", None),
            ("a+3", None),
            ("a=b", None),
            ("a b", None),
        ] {
            assert_eq!(decode_xtext(value).as_deref(), expected, "{value}");
        }
        assert!(is_auth_value("<>") && is_auth_value("e+3Dmc2@example.com"));
        assert!(!is_auth_value("nobody") && !is_auth_value("a+0A@b"));
    }
}
