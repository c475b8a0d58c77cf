//! The fields that say what a part is (RFC 2045, 2183, 3282, 2557, 1864).

use crate::limits::{LANGUAGES_MAX, TOKEN_LEN_MAX_BYTES};
use crate::param::{self, Param};
use crate::syntax::{Lexer, is_space};

/// A media type (RFC 2045 §5). Type and subtype are as written; compare them with [`Self::is`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// The top-level type, a token.
    pub kind: String,
    /// The subtype, a token.
    pub subtype: String,
    /// The parameters.
    pub params: Vec<Param>,
}

impl ContentType {
    /// Reads a Content-Type value; `None` if it has no `type/subtype`.
    pub fn parse(value: &[u8]) -> Option<ContentType> {
        let mut lexer = Lexer::new(value);
        let kind = token(&mut lexer)?;
        if !lexer.take(b'/') {
            return None;
        }
        let subtype = token(&mut lexer)?;
        Some(ContentType { kind, subtype, params: param::parse(&mut lexer) })
    }

    /// What a part without a usable Content-Type is (RFC 2045 §5.2).
    pub fn text_plain() -> ContentType {
        let charset = Param { name: b"charset".to_vec(), value: b"us-ascii".to_vec(), extended: false };
        ContentType { kind: "text".into(), subtype: "plain".into(), params: vec![charset] }
    }

    /// A type without parameters.
    pub fn bare(kind: &str, subtype: &str) -> ContentType {
        ContentType { kind: kind.into(), subtype: subtype.into(), params: Vec::new() }
    }

    /// True if this is `kind/subtype`, in any case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.is_kind(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// True if the top-level type is `kind`, in any case.
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// True for message/rfc822 (RFC 2046 §5.2.1) and message/global (RFC 6532 §3.7).
    pub fn is_message(&self) -> bool {
        self.is("message", "rfc822") || self.is("message", "global")
    }

    /// The parameter called `name`, in any case.
    pub fn param(&self, name: &str) -> Option<&Param> {
        param::find(&self.params, name)
    }

    /// The charset parameter's bytes, empty if there is none.
    pub fn charset(&self) -> &[u8] {
        self.param("charset").map_or(b"", |p| &p.value)
    }
}

fn token(lexer: &mut Lexer<'_>) -> Option<String> {
    lexer.skip_cfws();
    let token = lexer.take_while(|b| b.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&b));
    lexer.skip_cfws();
    if token.is_empty() || token.len() > TOKEN_LEN_MAX_BYTES {
        None
    } else {
        String::from_utf8(token.to_vec()).ok()
    }
}

/// How the bytes of a body were made fit for transport (RFC 2045 §6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TransferEncoding {
    /// Lines of ASCII; also when the field is missing.
    #[default]
    SevenBit,
    /// Lines of bytes.
    EightBit,
    /// Bytes.
    Binary,
    /// Base64.
    Base64,
    /// Quoted-printable.
    QuotedPrintable,
    /// One that is not known, as written, a token. Such a part is opaque (§6.4).
    Other(String),
}

impl TransferEncoding {
    /// Reads a Content-Transfer-Encoding value.
    pub fn parse(value: &[u8]) -> TransferEncoding {
        let Some(name) = token(&mut Lexer::new(value)) else { return TransferEncoding::SevenBit };
        match name.to_ascii_lowercase().as_str() {
            "7bit" => TransferEncoding::SevenBit,
            "8bit" => TransferEncoding::EightBit,
            "binary" => TransferEncoding::Binary,
            "base64" => TransferEncoding::Base64,
            "quoted-printable" => TransferEncoding::QuotedPrintable,
            _ => TransferEncoding::Other(name),
        }
    }

    /// The name, as IMAP's body-fld-enc lists it.
    pub fn name(&self) -> &str {
        match self {
            TransferEncoding::SevenBit => "7BIT",
            TransferEncoding::EightBit => "8BIT",
            TransferEncoding::Binary => "BINARY",
            TransferEncoding::Base64 => "BASE64",
            TransferEncoding::QuotedPrintable => "QUOTED-PRINTABLE",
            TransferEncoding::Other(name) => name,
        }
    }

    /// True if the body is its own content.
    pub fn is_identity(&self) -> bool {
        matches!(self, TransferEncoding::SevenBit | TransferEncoding::EightBit | TransferEncoding::Binary)
    }
}

/// How a part wants to be shown (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment` or another token, as written.
    pub kind: String,
    /// The parameters.
    pub params: Vec<Param>,
}

impl Disposition {
    /// Reads a Content-Disposition value; `None` if it does not begin with a token.
    pub fn parse(value: &[u8]) -> Option<Disposition> {
        let mut lexer = Lexer::new(value);
        let kind = token(&mut lexer)?;
        Some(Disposition { kind, params: param::parse(&mut lexer) })
    }

    /// True unless it is `inline`: unknown kinds count as attachments (RFC 2183 §2.8).
    pub fn is_attachment(&self) -> bool {
        !self.kind.eq_ignore_ascii_case("inline")
    }
}

/// The language tags of a Content-Language value (RFC 3282 §2), at most [`LANGUAGES_MAX`].
pub fn languages(value: &[u8]) -> Vec<String> {
    let mut lexer = Lexer::new(value);
    let mut tags = Vec::new();
    while tags.len() < LANGUAGES_MAX && lexer.peek().is_some() {
        lexer.skip_cfws();
        let tag = lexer.take_while(|b| b.is_ascii_alphanumeric() || b == b'-');
        tags.extend(std::str::from_utf8(tag).ok().filter(|tag| !tag.is_empty()).map(str::to_owned));
        lexer.take_while(|b| b != b',' && b != b'(');
        lexer.take(b',');
    }
    tags
}

/// A value of one word that may be folded anywhere: a location (RFC 2557 §4.4.2), an MD5 sum
/// (RFC 1864 §2). White space in it goes.
pub fn unspaced(value: &[u8]) -> Vec<u8> {
    crate::header::bounded(value).iter().copied().filter(|b| !is_space(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_encodings_dispositions_languages() {
        let long = format!("text/{}", "x".repeat(TOKEN_LEN_MAX_BYTES + 1));
        type Seen = Option<(&'static str, &'static str, usize)>;
        let table: &[(&str, Seen)] = &[
            ("text/plain", Some(("text", "plain", 0))),
            (" Text / HTML ; charset=utf-8", Some(("Text", "HTML", 1))),
            ("(c) image(d)/(e)png(f)", Some(("image", "png", 0))),
            ("text/plain; charset=\"us-ascii\" (Plain text)", Some(("text", "plain", 1))),
            ("text", None),
            (&long, None),
            ("/plain", None),
            ("text/", None),
            ("", None),
        ];
        for (value, expected) in table {
            let parsed = ContentType::parse(value.as_bytes());
            let seen = parsed.as_ref().map(|t| (&*t.kind, &*t.subtype, t.params.len()));
            assert_eq!(seen, *expected, "{value:?}");
        }
        assert_eq!(TransferEncoding::parse(b" Base64 (x)"), TransferEncoding::Base64);
        assert_eq!(TransferEncoding::parse(b""), TransferEncoding::SevenBit);
        assert_eq!(TransferEncoding::parse(b"x-uue").name(), "x-uue");
        let disposition = Disposition::parse(b"attachment; filename=x.pdf").unwrap();
        assert!(disposition.is_attachment() && disposition.params[0].text() == "x.pdf");
        assert_eq!(languages(b"de, en-GB (British),, fr"), ["de", "en-GB", "fr"]);
        assert_eq!(languages(&b"a,".repeat(LANGUAGES_MAX + 1)).len(), LANGUAGES_MAX);
        assert_eq!(unspaced(b" http://a/\r\n b "), b"http://a/b");
    }
}
