//! The tree of parts of a message, as ranges of its bytes.

use std::borrow::Cow;

use crate::content::{ContentType, Disposition, TransferEncoding};
use crate::header::{Field, Headers, is_blank_line, line_end};
use crate::limits::{DEPTH_MAX, PARTS_MAX};
use crate::{Span, charset, param, transfer};

/// A message and the tree of its parts.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The message as it came.
    pub raw: &'a [u8],
    /// The message as the outermost part.
    pub root: Part,
}

/// One part: the message itself, a part of a multipart, or the message in a message/rfc822.
///
/// The type is what the part is taken as, not always what it claims: a multipart without a
/// boundary is text/plain (RFC 2045 §5.2), and a container that is too deep or in an encoding that
/// hides its lines is application/octet-stream. So a part is multipart exactly if its body was cut
/// into `children` (perhaps none), and a message exactly if `message` is there.
#[derive(Debug, Clone)]
pub struct Part {
    /// Header and body.
    pub whole: Span,
    /// The header and the blank line behind it.
    pub header: Span,
    /// The body, still encoded. The line end before a delimiter belongs to the delimiter.
    pub body: Span,
    /// Line ends in the body.
    pub body_lines: usize,
    /// What the part is taken as.
    pub content_type: ContentType,
    /// The transfer encoding.
    pub encoding: TransferEncoding,
    /// Where the values of the other Content fields are.
    pub fields: ContentFields,
    /// The parts of a multipart, in order.
    pub children: Vec<Part>,
    /// The message in a message/rfc822 or message/global.
    pub message: Option<Box<Part>>,
}

/// Ranges of the values of Content fields in the raw message, the first of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentFields {
    /// Content-ID.
    pub id: Option<Span>,
    /// Content-Description.
    pub description: Option<Span>,
    /// Content-Disposition.
    pub disposition: Option<Span>,
    /// Content-Language.
    pub language: Option<Span>,
    /// Content-Location.
    pub location: Option<Span>,
    /// Content-MD5.
    pub md5: Option<Span>,
}

impl<'a> Message<'a> {
    /// Cuts a message into its parts. Never fails: what makes no sense is a leaf of text.
    ///
    /// MIME-Version is not asked for, since many programs forget it.
    pub fn parse(raw: &'a [u8]) -> Message<'a> {
        let mut parser = Parser { raw, at: 0, lines: 0, parts: 0, boundaries: Vec::new() };
        let (root, _) = parser.entity(0, false);
        Message { raw, root }
    }

    /// The header fields of the message.
    pub fn headers(&self) -> Headers<'a> {
        self.headers_of(&self.root)
    }

    /// The header fields of one of its parts.
    pub fn headers_of(&self, part: &Part) -> Headers<'a> {
        Headers::at(self.raw, part.header)
    }

    /// How a part wants to be shown, if it says (RFC 2183).
    pub fn disposition(&self, part: &Part) -> Option<Disposition> {
        part.fields.disposition.and_then(|span| Disposition::parse(span.of(self.raw)))
    }

    /// The file name of a part, decoded: from its disposition, else the `name` of its type, where
    /// old programs put it. It is the sender's word: it may hold slashes, dots and controls.
    pub fn file_name(&self, part: &Part) -> Option<String> {
        let disposition = self.disposition(part);
        let named = disposition.as_ref().and_then(|d| param::find(&d.params, "filename"));
        named.or_else(|| part.content_type.param("name")).map(|name| name.text().into_owned())
    }

    /// True if a part is a file to keep rather than something to read: it says so, it is a message,
    /// or it is neither text nor part of a page ([`ContentFields::id`]) nor a signature.
    pub fn is_attachment(&self, part: &Part) -> bool {
        if part.is_multipart() {
            return false;
        }
        match self.disposition(part) {
            Some(disposition) => disposition.is_attachment(),
            None => {
                let kind = &part.content_type;
                let signature = kind.subtype.to_ascii_lowercase().ends_with("-signature");
                part.message.is_some() || !(kind.is_kind("text") || part.fields.id.is_some() || signature)
            }
        }
    }

    /// The body of a part, transfer encoding undone (RFC 2045 §6).
    pub fn decoded_body(&self, part: &Part) -> Cow<'a, [u8]> {
        transfer::decode(&part.encoding, part.body.of(self.raw))
    }

    /// The body of a part as UTF-8 text, transfer encoding and charset undone.
    pub fn decoded_text(&self, part: &Part) -> Cow<'a, str> {
        match self.decoded_body(part) {
            Cow::Borrowed(body) => charset::decode(part.content_type.charset(), body),
            Cow::Owned(body) => Cow::Owned(charset::decode(part.content_type.charset(), &body).into_owned()),
        }
    }
}

impl Part {
    /// True if the body was cut into parts.
    pub fn is_multipart(&self) -> bool {
        self.content_type.is_kind("multipart")
    }

    /// Length of the body in bytes.
    pub fn body_size(&self) -> usize {
        self.body.len()
    }

    /// All leaves and containers below and with this one, in the order of the message. The depth
    /// of recursion is that of the tree, at most [`DEPTH_MAX`].
    pub fn visit<'p>(&'p self, seen: &mut dyn FnMut(&'p Part)) {
        seen(self);
        self.children.iter().for_each(|child| child.visit(seen));
        if let Some(message) = &self.message {
            message.visit(seen);
        }
    }
}

/// A delimiter line, found while reading a part.
#[derive(Debug, Clone, Copy)]
struct Delimiter {
    /// Which of the open multiparts it belongs to, 0 the outermost.
    level: usize,
    /// With the two hyphens behind it that end the multipart.
    closes: bool,
    /// Where the content before it ends: without the line end that belongs to the delimiter.
    content_end: usize,
    /// Line ends from the start of the message to `content_end`.
    content_lines: usize,
}

struct Parser<'a> {
    raw: &'a [u8],
    at: usize,
    /// Line ends before `at`.
    lines: usize,
    parts: usize,
    boundaries: Vec<Vec<u8>>,
}

/// What a header says about its part.
#[derive(Default)]
struct Claims {
    content_type: Option<ContentType>,
    has_content_type: bool,
    encoding: Option<TransferEncoding>,
    fields: ContentFields,
}

impl Parser<'_> {
    /// Reads the entity at `self.at`, up to a delimiter of an open multipart or the end.
    fn entity(&mut self, depth: usize, in_digest: bool) -> (Part, Option<Delimiter>) {
        self.parts += 1;
        let start = self.at;
        let mut found = self.header();
        let header = Span::new(start, found.map_or(self.at, |d| d.content_end.max(start)));
        let (body_start, lines_before) = (header.end, self.lines);
        let claims = Claims::read(self.raw, header);
        let mut part = claims.into_part(header, in_digest);
        let full = depth >= DEPTH_MAX || self.parts >= PARTS_MAX;
        let boundary = part.take_boundary(full, found.is_some());
        if found.is_none() {
            found = if let Some(boundary) = boundary {
                self.multipart(&mut part, boundary, depth)
            } else if part.content_type.is_message() {
                let (message, found) = self.entity(depth + 1, false);
                part.message = Some(Box::new(message));
                found
            } else {
                self.next_delimiter()
            };
        } else if part.content_type.is_message() {
            part.message =
                Some(Box::new(Claims::default().into_part(Span::new(header.end, header.end), false)));
        }
        let (end, lines) = found.map_or((self.raw.len(), self.lines), |d| (d.content_end, d.content_lines));
        part.body = Span::new(body_start, end);
        part.whole = Span::new(start, part.body.end);
        part.body_lines = lines.saturating_sub(lines_before);
        (part, found)
    }

    /// Moves behind the header that starts here. A delimiter in it ends it, and the part.
    fn header(&mut self) -> Option<Delimiter> {
        let start = self.at;
        while let Some(end) = line_end(self.raw, self.at) {
            let line = &self.raw[self.at..end];
            if let Some(delimiter) = self.delimiter(self.at, end, start) {
                self.step(end);
                return Some(delimiter);
            }
            let blank = is_blank_line(line);
            self.step(end);
            if blank {
                break;
            }
        }
        None
    }

    fn step(&mut self, line_end: usize) {
        self.lines += usize::from(self.raw[line_end - 1] == b'\n');
        self.at = line_end;
    }

    /// Reads preamble, parts and epilogue (RFC 2046 §5.1.1); gives the outer delimiter that ended it.
    fn multipart(&mut self, part: &mut Part, boundary: Vec<u8>, depth: usize) -> Option<Delimiter> {
        let digest = part.content_type.is("multipart", "digest");
        let level = self.boundaries.len();
        self.boundaries.push(boundary);
        let mut found = self.next_delimiter();
        while let Some(Delimiter { level: at, closes: false, .. }) = found
            && at == level
        {
            if self.parts >= PARTS_MAX {
                break;
            }
            let (child, next) = self.entity(depth + 1, digest);
            part.children.push(child);
            found = next;
        }
        self.boundaries.pop();
        match found {
            // Behind the end, or past the limit: only outer delimiters count.
            Some(delimiter) if delimiter.level == level => self.next_delimiter(),
            outer => outer,
        }
    }

    /// Moves behind the next line that delimits an open multipart, or to the end.
    fn next_delimiter(&mut self) -> Option<Delimiter> {
        let start = self.at;
        if self.boundaries.is_empty() {
            self.lines += memchr::memchr_iter(b'\n', &self.raw[start..]).count();
            self.at = self.raw.len();
            return None;
        }
        while let Some(end) = line_end(self.raw, self.at) {
            let delimiter = self.delimiter(self.at, end, start);
            self.step(end);
            if delimiter.is_some() {
                return delimiter;
            }
        }
        None
    }

    /// Reads the line from `at` to `end` as a delimiter. The content began at `start`: the line end
    /// before the delimiter is only taken if it is not older than that.
    fn delimiter(&self, at: usize, end: usize, start: usize) -> Option<Delimiter> {
        let line = self.raw[at..end].strip_prefix(b"--")?.trim_ascii_end();
        // The innermost that fits; a boundary may be the start of another (RFC 2046 §5.1.2 wants
        // the whole line compared), and what follows it on the line may only be white space.
        let (level, closes) = self.boundaries.iter().enumerate().rev().find_map(|(level, boundary)| {
            match line.strip_prefix(boundary.as_slice())? {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        })?;
        let before = &self.raw[start..at];
        let kept = match before.strip_suffix(b"\n") {
            Some(kept) => kept.strip_suffix(b"\r").unwrap_or(kept),
            None => before,
        };
        let content_lines = self.lines - usize::from(kept.len() < before.len());
        Some(Delimiter { level, closes, content_end: start + kept.len(), content_lines })
    }
}

impl Claims {
    fn read(raw: &[u8], header: Span) -> Claims {
        let mut claims = Claims::default();
        for field in Headers::at(raw, header).fields() {
            if field.name.len() > 8 && field.name[..8].eq_ignore_ascii_case(b"content-") {
                claims.content_field(&field);
            }
        }
        claims
    }

    fn content_field(&mut self, field: &Field<'_>) {
        let span = Some(field.value_span);
        let place = match field.name[8..].to_ascii_lowercase().as_slice() {
            b"type" if !self.has_content_type => {
                self.has_content_type = true;
                self.content_type = ContentType::parse(field.value);
                return;
            }
            b"transfer-encoding" => {
                self.encoding.get_or_insert_with(|| TransferEncoding::parse(field.value));
                return;
            }
            b"id" => &mut self.fields.id,
            b"description" => &mut self.fields.description,
            b"disposition" => &mut self.fields.disposition,
            b"language" => &mut self.fields.language,
            b"location" => &mut self.fields.location,
            b"md5" => &mut self.fields.md5,
            _ => return,
        };
        *place = place.or(span);
    }

    fn into_part(self, header: Span, in_digest: bool) -> Part {
        // RFC 2046 §5.1.5: in a digest, a part without a type is a message.
        let content_type = match self.content_type {
            Some(content_type) => content_type,
            None if in_digest && !self.has_content_type => ContentType::bare("message", "rfc822"),
            None => ContentType::text_plain(),
        };
        Part {
            whole: header,
            header,
            body: Span::new(header.end, header.end),
            body_lines: 0,
            content_type,
            encoding: self.encoding.unwrap_or_default(),
            fields: self.fields,
            children: Vec::new(),
            message: None,
        }
    }
}

impl Part {
    /// Settles what a container is taken as; gives the boundary if it is a multipart. `full` says
    /// that no more parts may be cut, `ended` that a delimiter stood in the header, so that there is
    /// no body.
    fn take_boundary(&mut self, full: bool, ended: bool) -> Option<Vec<u8>> {
        let container = self.content_type.is_kind("multipart") || self.content_type.is_message();
        if !container {
            return None;
        }
        // RFC 2045 §6.4 allows only identity encodings here. Some programs name one of the others
        // on a multipart and do not encode it, so that is not believed there.
        let hidden = self.content_type.is_message() && !self.encoding.is_identity();
        if full || hidden {
            self.content_type = ContentType::bare("application", "octet-stream");
            return None;
        }
        if self.content_type.is_message() {
            return None;
        }
        // White space at the end of a boundary is not part of it (RFC 2046 §5.1.1).
        let boundary = self.content_type.param("boundary").map(|p| p.value.trim_ascii_end().to_vec());
        match boundary.filter(|b| !b.is_empty()) {
            Some(boundary) => (!ended).then_some(boundary),
            None => {
                self.content_type = ContentType::text_plain();
                None
            }
        }
    }
}
