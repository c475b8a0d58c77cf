//! FETCH responses (RFC 9051 §7.5.2).

use super::{flag_list, literal, nstring, number, number64};
use crate::command::{BinaryFetch, BodyFetch, Rfc822, write_part};
use crate::date::write_date_time;
use crate::flag::SystemFlags;

/// Writes one `* n FETCH (…)`: items in the order of calls, then [`FetchWriter::finish`].
#[derive(Debug)]
pub struct FetchWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    /// No item stands yet.
    is_bare: bool,
}

/// A response whose rest follows in another buffer: one that is too large to be held whole.
#[derive(Debug, Clone, Copy)]
pub struct Paused {
    is_bare: bool,
}

impl<'a> FetchWriter<'a> {
    /// Starts the response for the message with this sequence number.
    pub fn new(sequence: u32, out: &'a mut Vec<u8>) -> FetchWriter<'a> {
        let start = out.len();
        out.extend_from_slice(b"* ");
        number(sequence, out);
        out.extend_from_slice(b" FETCH (");
        FetchWriter { out, start, is_bare: true }
    }

    /// Ends the writing between two items; what was written may be sent, and the rest follows with
    /// [`FetchWriter::resume`].
    pub fn pause(self) -> Paused {
        Paused { is_bare: self.is_bare }
    }

    /// Goes on with a response. At least one item must stand in it when it is finished.
    pub fn resume(paused: Paused, out: &'a mut Vec<u8>) -> FetchWriter<'a> {
        FetchWriter { start: out.len(), out, is_bare: paused.is_bare }
    }

    fn item(&mut self, name: &[u8]) {
        if !std::mem::take(&mut self.is_bare) {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(name);
    }

    /// `FLAGS (…)`; `recent` adds `\Recent`, which only RFC 3501 knows.
    pub fn flags<'k>(
        &mut self,
        system: SystemFlags,
        keywords: impl IntoIterator<Item = &'k str>,
        recent: bool,
    ) -> &mut Self {
        self.item(b"FLAGS ");
        flag_list(system, keywords, if recent { &["\\Recent"] } else { &[] }, self.out);
        self
    }

    /// `UID n`
    pub fn uid(&mut self, uid: u32) -> &mut Self {
        self.item(b"UID ");
        number(uid, self.out);
        self
    }

    /// `MODSEQ (n)`
    pub fn modseq(&mut self, modseq: u64) -> &mut Self {
        self.item(b"MODSEQ (");
        number64(modseq, self.out);
        self.out.push(b')');
        self
    }

    /// `RFC822.SIZE n`
    pub fn size(&mut self, size_bytes: u64) -> &mut Self {
        self.item(b"RFC822.SIZE ");
        number64(size_bytes, self.out);
        self
    }

    /// `INTERNALDATE "…"` in UTC.
    pub fn internal_date(&mut self, unix_seconds: i64) -> &mut Self {
        self.item(b"INTERNALDATE ");
        write_date_time(unix_seconds, self.out);
        self
    }

    /// `ENVELOPE …` from its wire form.
    pub fn envelope(&mut self, rendered: &[u8]) -> &mut Self {
        self.raw(b"ENVELOPE ", rendered)
    }

    /// `BODY …` from its wire form, without extension data.
    pub fn body(&mut self, rendered: &[u8]) -> &mut Self {
        self.raw(b"BODY ", rendered)
    }

    /// `BODYSTRUCTURE …` from its wire form.
    pub fn body_structure(&mut self, rendered: &[u8]) -> &mut Self {
        self.raw(b"BODYSTRUCTURE ", rendered)
    }

    fn raw(&mut self, name: &[u8], rendered: &[u8]) -> &mut Self {
        self.item(name);
        self.out.extend_from_slice(rendered);
        self
    }

    /// `BODY[section]<offset> content`: `content` is the window already cut out; `None` (there is no
    /// such part) is NIL. NUL bytes, which no string may hold, become 0x80 (RFC 9051 §4.3.1 leaves
    /// them to BINARY).
    pub fn section(&mut self, fetch: &BodyFetch, content: Option<&[u8]>) -> &mut Self {
        self.section_label(fetch);
        self.content(content)
    }

    fn section_label(&mut self, fetch: &BodyFetch) {
        self.item(b"BODY[");
        fetch.section.write(self.out);
        self.out.push(b']');
        if let Some(partial) = fetch.partial {
            self.offset(partial.offset);
        }
        self.out.push(b' ');
    }

    /// `BODY[section]<offset> {n}`: the beginning of a section of `size_bytes` bytes, which the caller
    /// appends itself, or sends after what was written so far. For content too large to copy; it
    /// must not hold NUL. Nothing is to follow when `size_bytes` is 0.
    pub fn section_start(&mut self, fetch: &BodyFetch, size_bytes: u64) -> &mut Self {
        self.section_label(fetch);
        if size_bytes == 0 {
            self.out.extend_from_slice(b"\"\"");
        } else {
            super::literal_start(size_bytes, self.out);
        }
        self
    }

    /// Appends content announced by [`FetchWriter::section_start`].
    pub fn append(&mut self, content: &[u8]) -> &mut Self {
        self.out.extend_from_slice(content);
        self
    }

    /// `RFC822 content`, `RFC822.HEADER content`, `RFC822.TEXT content`.
    pub fn rfc822(&mut self, part: Rfc822, content: Option<&[u8]>) -> &mut Self {
        self.item(match part {
            Rfc822::Full => b"RFC822 ",
            Rfc822::Header => b"RFC822.HEADER ",
            Rfc822::Text => b"RFC822.TEXT ",
        });
        self.content(content)
    }

    fn content(&mut self, content: Option<&[u8]>) -> &mut Self {
        let start = self.out.len();
        nstring(content, self.out);
        if content.is_some_and(|content| content.contains(&0)) {
            for byte in &mut self.out[start..] {
                if *byte == 0 {
                    *byte = 0x80;
                }
            }
        }
        self
    }

    /// `BINARY[part]<offset> content`: `content` is decoded and the window cut out; a literal8 if
    /// it holds NUL (RFC 9051 §4.3).
    pub fn binary(&mut self, fetch: &BinaryFetch, content: Option<&[u8]>) -> &mut Self {
        self.item(b"BINARY[");
        write_part(&fetch.part, self.out);
        self.out.push(b']');
        if let Some(partial) = fetch.partial {
            self.offset(partial.offset);
        }
        self.out.push(b' ');
        match content {
            Some(content) if content.contains(&0) => {
                self.out.push(b'~');
                literal(content, self.out);
            }
            content => nstring(content, self.out),
        }
        self
    }

    /// `BINARY.SIZE[part] n`: the size of the decoded content.
    pub fn binary_size(&mut self, part: &[u32], size_bytes: u64) -> &mut Self {
        self.item(b"BINARY.SIZE[");
        write_part(part, self.out);
        self.out.extend_from_slice(b"] ");
        number64(size_bytes, self.out);
        self
    }

    /// `<offset>`: only the origin is echoed, or iOS asks for ever (RFC 9051 §7.5.2).
    fn offset(&mut self, offset: u64) {
        self.out.push(b'<');
        number64(offset, self.out);
        self.out.push(b'>');
    }

    /// Ends the response. One without items leaves nothing behind: the grammar wants at least one.
    pub fn finish(self) {
        if self.is_bare {
            self.out.truncate(self.start);
        } else {
            self.out.extend_from_slice(b")\r\n");
        }
    }
}
