//! IMAP's BODY and BODYSTRUCTURE (RFC 3501 §7.4.2, RFC 9051 §7.5.2).

use std::borrow::Cow;

use crate::Span;
use crate::charset;
use crate::content::{self, Disposition};
use crate::header::Headers;
use crate::limits::STRUCTURE_LEN_MAX_BYTES;
use crate::nstring::{ascii_text, header_text_or_nil, number, string};
use crate::param::{self, Param};
use crate::tree::{Message, Part};
use crate::{envelope, word};

/// The parenthesised list that stands behind `BODYSTRUCTURE` (`extended`) or `BODY` in a FETCH
/// response, in pure ASCII.
///
/// Parameters that were continued or had a charset (RFC 2231) appear as `name*` with their encoded
/// value; raw bytes beyond ASCII are put into that form. The encoding is never NIL. A multipart
/// without parts shows one empty text part, since the grammar wants at least one.
pub fn body_structure(message: &Message<'_>, extended: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(message, extended, &mut out);
    out
}

pub(crate) fn write(message: &Message<'_>, extended: bool, out: &mut Vec<u8>) {
    let full_at = out.len() + STRUCTURE_LEN_MAX_BYTES;
    Writer { raw: message.raw, extended, full_at, out }.part(&message.root);
}

struct Writer<'w> {
    raw: &'w [u8],
    extended: bool,
    /// Length of `out` from which on what is optional becomes NIL.
    full_at: usize,
    out: &'w mut Vec<u8>,
}

impl Writer<'_> {
    /// Recursion ends at the depth of the tree, [`crate::limits::DEPTH_MAX`].
    fn part(&mut self, part: &Part) {
        self.out.push(b'(');
        if part.is_multipart() {
            self.multipart(part);
        } else {
            self.leaf(part);
        }
        self.out.push(b')');
    }

    fn multipart(&mut self, part: &Part) {
        part.children.iter().for_each(|child| self.part(child));
        if part.children.is_empty() {
            self.out.extend_from_slice(br#"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0"#);
            self.out.extend_from_slice(if self.extended { b" NIL NIL NIL NIL)" } else { b")" });
        }
        self.out.push(b' ');
        string(part.content_type.subtype.as_bytes(), self.out);
        if self.extended {
            self.params(&part.content_type.params);
            self.disposition_language_location(part);
        }
    }

    fn leaf(&mut self, part: &Part) {
        let kind = &part.content_type;
        string(kind.kind.as_bytes(), self.out);
        self.out.push(b' ');
        string(kind.subtype.as_bytes(), self.out);
        self.params(&kind.params);
        for span in [part.fields.id, part.fields.description] {
            self.out.push(b' ');
            header_text_or_nil(self.kept(span).map(|span| span.of(self.raw)), self.out);
        }
        self.out.push(b' ');
        string(part.encoding.name().as_bytes(), self.out);
        self.number(part.body_size());
        if let Some(message) = &part.message {
            self.out.push(b' ');
            let header = self.kept(Some(message.header)).unwrap_or_default();
            envelope::write(Headers::at(self.raw, header), self.out);
            self.out.push(b' ');
            self.part(message);
            self.number(part.body_lines);
        } else if kind.is_kind("text") {
            self.number(part.body_lines);
        }
        if self.extended {
            self.out.push(b' ');
            self.unspaced(part.fields.md5);
            self.disposition_language_location(part);
        }
    }

    /// What is optional, as long as there is room.
    fn kept(&self, span: Option<Span>) -> Option<Span> {
        span.filter(|_| self.out.len() < self.full_at)
    }

    fn number(&mut self, value: usize) {
        self.out.push(b' ');
        number(value, self.out);
    }

    fn unspaced(&mut self, span: Option<Span>) {
        match self.kept(span) {
            Some(span) => ascii_text(&content::unspaced(span.of(self.raw)), self.out),
            None => self.out.extend_from_slice(b"NIL"),
        }
    }

    fn disposition_language_location(&mut self, part: &Part) {
        self.out.push(b' ');
        match self.kept(part.fields.disposition).and_then(|span| Disposition::parse(span.of(self.raw))) {
            Some(disposition) => {
                self.out.push(b'(');
                string(disposition.kind.as_bytes(), self.out);
                self.params(&disposition.params);
                self.out.push(b')');
            }
            None => self.out.extend_from_slice(b"NIL"),
        }
        self.out.push(b' ');
        self.languages(part.fields.language);
        self.out.push(b' ');
        self.unspaced(part.fields.location);
    }

    fn languages(&mut self, span: Option<Span>) {
        let tags = self.kept(span).map(|span| content::languages(span.of(self.raw))).unwrap_or_default();
        match tags.as_slice() {
            [] => self.out.extend_from_slice(b"NIL"),
            [one] => string(one.as_bytes(), self.out),
            many => {
                for (i, tag) in many.iter().enumerate() {
                    self.out.push(if i == 0 { b'(' } else { b' ' });
                    string(tag.as_bytes(), self.out);
                }
                self.out.push(b')');
            }
        }
    }

    /// Writes a space and the list of parameters, or NIL.
    fn params(&mut self, params: &[Param]) {
        self.out.push(b' ');
        if params.is_empty() || self.out.len() >= self.full_at {
            self.out.extend_from_slice(b"NIL");
            return;
        }
        for (i, param) in params.iter().enumerate() {
            self.out.push(if i == 0 { b'(' } else { b' ' });
            let (name, value) = ascii_param(param);
            ascii_text(&name, self.out);
            self.out.push(b' ');
            ascii_text(&value, self.out);
        }
        self.out.push(b')');
    }
}

/// Name and value of a parameter in ASCII: raw text beyond it takes the form of RFC 2231 §4.
fn ascii_param(param: &Param) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
    let starred = || Cow::Owned([&param.name[..], b"*"].concat());
    if param.extended {
        return (starred(), Cow::Borrowed(&param.value));
    }
    if !word::needs_encoding(&param.value) {
        return (Cow::Borrowed(&param.name), Cow::Borrowed(&param.value));
    }
    let mut value = b"utf-8''".to_vec();
    param::percent_encode(charset::guess(&param.value).as_bytes(), &mut value);
    (starred(), Cow::Owned(value))
}
