//! What `BODY[…]` and `BINARY[…]` address (RFC 9051 §6.4.5, RFC 3516).

use std::borrow::Cow;
use std::fmt;

use crate::header::{Field, Headers};
use crate::transfer;
use crate::tree::{Message, Part};

/// The inside of the brackets of `BODY[…]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Section {
    /// Part numbers, counted from one; empty for the message itself.
    pub path: Vec<u32>,
    /// What of that part.
    pub what: What,
}

/// What of a part a section asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum What {
    /// The message, or the part's body.
    #[default]
    Whole,
    /// HEADER: the header of a message, with its blank line.
    Header,
    /// HEADER.FIELDS: the named fields.
    Fields(Vec<Vec<u8>>),
    /// HEADER.FIELDS.NOT: all but the named fields.
    FieldsNot(Vec<Vec<u8>>),
    /// TEXT: the body of a message.
    Text,
    /// MIME: the header of a part.
    Mime,
}

/// The bytes a section asks for; `None` if there is no such part, which IMAP shows as NIL.
///
/// HEADER and TEXT below a part number are those of the message in a message/rfc822, and `None`
/// for other parts. Part 1 of a message that is no multipart is its body.
pub fn section<'a>(message: &Message<'a>, section: &Section) -> Option<Cow<'a, [u8]>> {
    let raw = message.raw;
    let Some(found) = find(message, &section.path) else {
        let is_shown =
            matches!(section.what, What::Whole | What::Mime) && is_stand_in(message, &section.path);
        return is_shown.then_some(Cow::Borrowed(b""));
    };
    // The message whose header and text are meant.
    let inner = || if section.path.is_empty() { Some(found) } else { found.message.as_deref() };
    let span = match &section.what {
        What::Whole if section.path.is_empty() => found.whole,
        What::Whole => found.body,
        What::Mime if section.path.is_empty() => return None,
        What::Mime => found.header,
        What::Header => inner()?.header,
        What::Text => inner()?.body,
        What::Fields(names) => {
            return Some(Cow::Owned(filter_fields(Headers::at(raw, inner()?.header), names, false)));
        }
        What::FieldsNot(names) => {
            return Some(Cow::Owned(filter_fields(Headers::at(raw, inner()?.header), names, true)));
        }
    };
    Some(Cow::Borrowed(span.of(raw)))
}

/// True for part 1 of a multipart without parts: BODYSTRUCTURE shows an empty text there, since its grammar
/// wants one part at least.
fn is_stand_in(message: &Message<'_>, path: &[u32]) -> bool {
    let [above @ .., 1] = path else { return false };
    find(message, above)
        .map(|part| part.message.as_deref().unwrap_or(part))
        .is_some_and(|part| part.is_multipart() && part.children.is_empty())
}

/// The part at a path of numbers; the message itself for the empty path.
///
/// A number counts the parts of a multipart. In a message/rfc822 it counts those of its message;
/// a message that is no multipart has its body as part 1. An empty multipart has no parts.
pub fn find<'m>(message: &'m Message<'_>, path: &[u32]) -> Option<&'m Part> {
    let (mut part, mut is_message) = (&message.root, true);
    for &number in path {
        if let (false, Some(inner)) = (is_message, &part.message) {
            (part, is_message) = (inner, true);
        }
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        if part.is_multipart() {
            part = part.children.get(index)?;
        } else if !(is_message && index == 0) {
            return None;
        }
        is_message = false;
    }
    Some(part)
}

/// Why a part cannot be given decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryError {
    /// There is no such part: the client's mistake, answered with NIL.
    NoSuchPart,
    /// Its encoding is not known: `NO [UNKNOWN-CTE]` (RFC 3516 §4.3).
    UnknownEncoding,
}

impl fmt::Display for BinaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinaryError::NoSuchPart => "no such part",
            BinaryError::UnknownEncoding => "the part's transfer encoding is not known",
        })
    }
}

impl std::error::Error for BinaryError {}

/// The body of a part with its transfer encoding undone; the whole message for the empty path.
/// Containers come as they are.
///
/// # Errors
/// [`BinaryError`].
pub fn binary<'a>(message: &Message<'a>, path: &[u32]) -> Result<Cow<'a, [u8]>, BinaryError> {
    if path.is_empty() {
        return Ok(Cow::Borrowed(message.raw));
    }
    let Some(part) = find(message, path) else {
        let is_shown = is_stand_in(message, path);
        return if is_shown { Ok(Cow::Borrowed(b"")) } else { Err(BinaryError::NoSuchPart) };
    };
    if matches!(part.encoding, crate::TransferEncoding::Other(_)) {
        return Err(BinaryError::UnknownEncoding);
    }
    if part.is_multipart() || part.message.is_some() {
        return Ok(Cow::Borrowed(part.body.of(message.raw)));
    }
    Ok(transfer::decode(&part.encoding, part.body.of(message.raw)))
}

/// The fields that are named, or with `not` all others and the junk lines, as they stand and in
/// their order, with a blank line behind them (RFC 9051 §6.4.5).
pub(crate) fn filter_fields<N: AsRef<[u8]>>(headers: Headers<'_>, names: &[N], not: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for field in headers.iter() {
        let named = !field.is_junk() && names.iter().any(|name| field.is(name.as_ref()));
        if named != not {
            push_field(&field, &mut out);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Copies a field; the last of a header that breaks off gets its line end.
pub(crate) fn push_field(field: &Field<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(field.whole);
    if !field.whole.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
}
