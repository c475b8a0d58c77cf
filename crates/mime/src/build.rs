//! Building messages: bounces, notices, demonstrations.

use std::fmt;

use memchr::memmem;

use crate::address::Address;
use crate::date::Date;
use crate::param::percent_encode;
use crate::transfer::{base64_encode_lines, quoted_printable_encode};
use crate::word;

/// Why a header field was refused; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldError {
    /// The name is empty, too long, or holds a byte other than printable ASCII without the colon; or
    /// a subtype is not ASCII.
    BadName,
    /// The text holds CR, LF, NUL or another control character: nothing may begin a new field.
    Control,
    /// A word, or a run of spaces, is so long that its line would have over 998 bytes (RFC 5322
    /// §2.1.1).
    LongWord,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldError::BadName => "not a field name",
            FieldError::Control => "a header field cannot hold control characters",
            FieldError::LongWord => "a header field cannot hold a word that long",
        })
    }
}

impl std::error::Error for FieldError {}

/// Columns after which a header line is folded where it can be (RFC 5322 §2.1.1).
const FOLD_COLUMN: usize = 78;
/// Longest line, its end not counted (RFC 5322 §2.1.1).
const LINE_LEN_MAX_BYTES: usize = 998;

/// A message in the making. Fields appear in the order in which they were added.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    header: Vec<u8>,
    body: Option<Body>,
}

impl Builder {
    /// An empty message.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Adds a field; text beyond ASCII becomes encoded words, long lines are folded.
    ///
    /// # Errors
    /// [`FieldError`], for anything that could break out of the field.
    pub fn field(mut self, name: &str, text: &str) -> Result<Builder, FieldError> {
        push_field(name, text, &mut self.header)?;
        Ok(self)
    }

    /// Adds a field of addresses, each with a display name or none.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn addresses(mut self, name: &str, list: &[(Option<&str>, &Address)]) -> Result<Builder, FieldError> {
        let mut value = Vec::new();
        for (i, (display, address)) in list.iter().enumerate() {
            if i > 0 {
                value.extend_from_slice(b", ");
            }
            match display.filter(|d| !d.is_empty()) {
                Some(display) => {
                    check_text(display)?;
                    value.extend(phrase(display));
                    value.extend_from_slice(format!(" <{address}>").as_bytes());
                }
                None => value.extend_from_slice(address.to_string().as_bytes()),
            }
        }
        check_name(name)?;
        fold_into(name, &value, &mut self.header)?;
        Ok(self)
    }

    /// Adds the Date field.
    pub fn date(mut self, date: Date) -> Builder {
        self.header.extend_from_slice(format!("Date: {}\r\n", date.to_rfc5322()).as_bytes());
        self
    }

    /// Sets the body; without one the message is empty text.
    pub fn body(mut self, body: Body) -> Builder {
        self.body = Some(body);
        self
    }

    /// The message, lines ended by CRLF. The same input gives the same bytes.
    pub fn build(self) -> Vec<u8> {
        let mut out = self.header;
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        let body = self.body.unwrap_or_else(|| Body::text(""));
        out.extend_from_slice(&body.serialize().bytes);
        out
    }
}

/// A body, or a part of one.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its Content fields, each whole, but for the encoding and a boundary.
    fields: Vec<u8>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Text(String),
    Bytes(Vec<u8>),
    Verbatim(Vec<u8>),
    /// The Content-Type value so far, and the parts.
    Parts(String, Vec<Body>),
}

/// A part in bytes, and whether lines in it need more than seven bits.
struct Serialized {
    bytes: Vec<u8>,
    eight_bit: bool,
}

impl Body {
    /// Plain text in UTF-8.
    pub fn text(text: &str) -> Body {
        Body::of_text("plain", text)
    }

    /// HTML in UTF-8.
    pub fn html(html: &str) -> Body {
        Body::of_text("html", html)
    }

    fn of_text(subtype: &str, text: &str) -> Body {
        let fields = format!("Content-Type: text/{subtype}; charset=utf-8\r\n").into_bytes();
        Body { fields, content: Content::Text(text.to_owned()) }
    }

    /// A file, in base64.
    ///
    /// # Errors
    /// [`FieldError`] if type or name hold what a header field cannot.
    pub fn attachment(content_type: &str, file_name: &str, bytes: Vec<u8>) -> Result<Body, FieldError> {
        check_text(file_name)?;
        let mut fields = Vec::new();
        push_field("Content-Type", content_type, &mut fields)?;
        let mut value = b"attachment; ".to_vec();
        if word::needs_encoding(file_name.as_bytes()) {
            value.extend_from_slice(b"filename*=utf-8''");
            percent_encode(file_name.as_bytes(), &mut value);
        } else {
            value.extend_from_slice(b"filename=");
            value.extend(quoted(file_name));
        }
        fold_into("Content-Disposition", &value, &mut fields)?;
        Ok(Body { fields, content: Content::Bytes(bytes) })
    }

    /// Bytes that must stay as they are, such as a message/rfc822, message/delivery-status or
    /// text/rfc822-headers. They have to be lines; they are marked 8bit if they need it.
    ///
    /// # Errors
    /// [`FieldError`] if the type holds what a header field cannot.
    pub fn verbatim(content_type: &str, bytes: Vec<u8>) -> Result<Body, FieldError> {
        let mut fields = Vec::new();
        push_field("Content-Type", content_type, &mut fields)?;
        Ok(Body { fields, content: Content::Verbatim(bytes) })
    }

    /// A multipart of any kind: `mixed`, `alternative`, or `report; report-type=delivery-status`
    /// (RFC 6522 §3). The boundary is added.
    ///
    /// # Errors
    /// [`FieldError`] if the subtype holds what a header field cannot.
    pub fn multipart(subtype: &str, parts: Vec<Body>) -> Result<Body, FieldError> {
        check_text(subtype)?;
        if !subtype.is_ascii() {
            return Err(FieldError::BadName);
        }
        Ok(Body { fields: Vec::new(), content: Content::Parts(format!("multipart/{subtype}"), parts) })
    }

    /// Writes the Content fields, the blank line and the content. Recursion is as deep as the
    /// caller nested its parts.
    fn serialize(self) -> Serialized {
        let mut bytes = self.fields;
        let mut eight_bit = false;
        let (encoding, content) = match self.content {
            Content::Text(text) => encode_text(&text),
            Content::Bytes(content) => ("base64", base64_encode_lines(&content)),
            Content::Verbatim(content) => {
                eight_bit = !content.is_ascii();
                (if eight_bit { "8bit" } else { "7bit" }, content)
            }
            Content::Parts(kind, parts) => {
                let parts: Vec<Serialized> = parts.into_iter().map(Body::serialize).collect();
                eight_bit = parts.iter().any(|part| part.eight_bit);
                let boundary = boundary_for(&parts);
                bytes.extend_from_slice(
                    format!("Content-Type: {kind};\r\n boundary=\"{boundary}\"\r\n").as_bytes(),
                );
                (if eight_bit { "8bit" } else { "7bit" }, join(&parts, &boundary))
            }
        };
        bytes.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes());
        bytes.extend_from_slice(&content);
        Serialized { bytes, eight_bit }
    }
}

fn join(parts: &[Serialized], boundary: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.bytes.len() + 80).sum());
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(&part.bytes);
        // This line end belongs to the delimiter (RFC 2046 §5.1.1).
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// A boundary that stands in none of the parts: made from their bytes, so that no randomness is
/// needed, and tried until it fits.
fn boundary_for(parts: &[Serialized]) -> String {
    const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const FNV_PRIME: u64 = 0x0100_0000_01b3;
    let bytes = parts.iter().flat_map(|part| part.bytes.iter());
    let mut hash = bytes.fold(FNV_OFFSET, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(FNV_PRIME));
    loop {
        // "=_" occurs in neither base64 nor quoted-printable (RFC 2045 §6.7).
        let boundary = format!("=_{hash:016x}");
        if parts.iter().all(|part| memmem::find(&part.bytes, boundary.as_bytes()).is_none()) {
            return boundary;
        }
        hash = hash.wrapping_add(FNV_PRIME);
    }
}

/// Text as lines of ASCII if it is that, else in quoted-printable, or in base64 where that is
/// shorter.
fn encode_text(text: &str) -> (&'static str, Vec<u8>) {
    let mut lines = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive('\n') {
        let ended = line.strip_suffix('\n');
        let line = ended.map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
        lines.extend_from_slice(line.as_bytes());
        if ended.is_some() {
            lines.extend_from_slice(b"\r\n");
        }
    }
    let plain = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let short = lines.split(|b| *b == b'\n').all(|line| line.len() <= LINE_LEN_MAX_BYTES);
    let bare_cr = text.replace("\r\n", "").contains('\r');
    if short && !bare_cr && lines.iter().all(plain) {
        return ("7bit", lines);
    }
    let others = text.bytes().filter(|b| !plain(b)).count();
    if others * 6 > text.len() || bare_cr {
        return ("base64", base64_encode_lines(&lines));
    }
    ("quoted-printable", quoted_printable_encode(&lines))
}

fn push_field(name: &str, text: &str, out: &mut Vec<u8>) -> Result<(), FieldError> {
    check_name(name)?;
    check_text(text)?;
    fold_into(name, &word::encode(text.as_bytes()), out)
}

fn check_name(name: &str) -> Result<(), FieldError> {
    // RFC 5322 §2.2; 77 bytes leave room for a colon on one line (§3.6.8 has no limit).
    let fits = (1..=77).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if fits { Ok(()) } else { Err(FieldError::BadName) }
}

fn check_text(text: &str) -> Result<(), FieldError> {
    if text.chars().any(|c| c.is_control() && c != '\t') { Err(FieldError::Control) } else { Ok(()) }
}

/// Writes a field, folded before the words that would cross the column.
fn fold_into(name: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), FieldError> {
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut column = name.len() + 1;
    for word in value.split(|b| matches!(b, b' ' | b'\t')) {
        // An empty word comes from doubled spaces: a fold there would make a line of spaces only.
        if column + 1 + word.len() > FOLD_COLUMN && column > name.len() + 1 && !word.is_empty() {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        out.extend_from_slice(word);
        column += 1 + word.len();
        if column > LINE_LEN_MAX_BYTES {
            out.truncate(start);
            return Err(FieldError::LongWord);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// A display name as a phrase: atoms, a quoted string, or encoded words.
fn phrase(display: &str) -> Vec<u8> {
    if word::needs_encoding(display.as_bytes()) || display.contains("=?") {
        return word::encode_all(display);
    }
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~ ".contains(&b);
    if display.bytes().all(atom) { display.as_bytes().to_vec() } else { quoted(display) }
}

fn quoted(text: &str) -> Vec<u8> {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")).into_bytes()
}
