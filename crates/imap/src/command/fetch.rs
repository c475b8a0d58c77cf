//! FETCH (RFC 9051 §6.4.5; RFC 3516 BINARY; RFC 7162 §3.1.4 CHANGEDSINCE and MODSEQ).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::error::Fault;
use crate::limits;
use crate::response::number;
use crate::set::SequenceSet;

/// The arguments of FETCH. `UID FETCH` has [`FetchItem::Uid`] among its items whether it was asked
/// for or not (RFC 9051 §6.4.9), `CHANGEDSINCE` has [`FetchItem::ModSeq`] (RFC 7162 §3.1.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// What the numbers are.
    pub numbering: Numbering,
    /// Which messages.
    pub messages: SequenceSet,
    /// What to tell, each once; macros are spelt out.
    pub items: Vec<FetchItem>,
    /// Only messages whose modseq is above this. 0, which iOS sends against the grammar, means all.
    pub changed_since: Option<u64>,
}

/// One data item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// ENVELOPE
    Envelope,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822.SIZE
    Size,
    /// UID
    Uid,
    /// MODSEQ
    ModSeq,
    /// BODY without section: the structure without extension data.
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// `BODY[…]` and `BODY.PEEK[…]`
    Section(BodyFetch),
    /// RFC822, RFC822.HEADER, RFC822.TEXT (RFC 3501 only)
    Rfc822(Rfc822),
    /// `BINARY[…]` and `BINARY.PEEK[…]`
    Binary(BinaryFetch),
    /// `BINARY.SIZE[…]`
    BinarySize(PartNumber),
}

impl FetchItem {
    /// Whether fetching it sets \Seen (RFC 9051 §6.4.5, RFC 3501 §6.4.5).
    pub fn sets_seen(&self) -> bool {
        match self {
            FetchItem::Section(body) => !body.peek,
            FetchItem::Binary(binary) => !binary.peek,
            FetchItem::Rfc822(part) => *part != Rfc822::Header,
            _ => false,
        }
    }
}

/// The old names of three sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rfc822 {
    /// `BODY[]`
    Full,
    /// `BODY.PEEK[HEADER]`
    Header,
    /// `BODY[TEXT]`
    Text,
}

/// `BODY[section]<partial>`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyFetch {
    /// Which section.
    pub section: Section,
    /// Leave \Seen alone.
    pub peek: bool,
    /// Which bytes of it.
    pub partial: Option<Partial>,
}

/// `BINARY[part]<partial>`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryFetch {
    /// Which part.
    pub part: PartNumber,
    /// Leave \Seen alone.
    pub peek: bool,
    /// Which bytes of the decoded content.
    pub partial: Option<Partial>,
}

/// A window in bytes; only `offset` is echoed in the response (RFC 9051 §7.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// The first byte.
    pub offset: u64,
    /// How many bytes at most, above 0.
    pub len_max: u64,
}

impl Partial {
    /// The window's bytes out of `whole`; none when it lies behind the end.
    pub fn of<'a>(&self, whole: &'a [u8]) -> &'a [u8] {
        let start = usize::try_from(self.offset).unwrap_or(usize::MAX).min(whole.len());
        let len = usize::try_from(self.len_max).unwrap_or(usize::MAX).min(whole.len() - start);
        &whole[start..start + len]
    }
}

/// A MIME part number such as `1.2`: at most [`limits::PART_DEPTH_MAX`] numbers, none 0. Empty for
/// the message itself.
pub type PartNumber = Vec<u32>;

/// What stands in the brackets of `BODY[…]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Which part.
    pub part: PartNumber,
    /// What of it.
    pub text: SectionText,
}

/// What of a part is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// All: of the message its header and text, of a part its body.
    Full,
    /// HEADER
    Header,
    /// HEADER.FIELDS and HEADER.FIELDS.NOT
    HeaderFields {
        /// Field names as sent, at most [`limits::HEADER_FIELDS_MAX`].
        names: Vec<String>,
        /// All fields but these.
        not: bool,
    },
    /// TEXT
    Text,
    /// MIME: the MIME header of a part.
    Mime,
}

impl Section {
    /// Appends what stands between the brackets.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_part(&self.part, out);
        let text: &[u8] = match &self.text {
            SectionText::Full => return,
            SectionText::Header => b"HEADER",
            SectionText::HeaderFields { not: false, .. } => b"HEADER.FIELDS (",
            SectionText::HeaderFields { not: true, .. } => b"HEADER.FIELDS.NOT (",
            SectionText::Text => b"TEXT",
            SectionText::Mime => b"MIME",
        };
        if !self.part.is_empty() {
            out.push(b'.');
        }
        out.extend_from_slice(text);
        if let SectionText::HeaderFields { names, .. } = &self.text {
            for (index, name) in names.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                crate::response::astring(name.as_bytes(), out);
            }
            out.push(b')');
        }
    }
}

/// Appends a part number.
pub fn write_part(part: &[u32], out: &mut Vec<u8>) {
    for (index, value) in part.iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        number(*value, out);
    }
}

pub(super) fn parse(cursor: &mut Cursor, numbering: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let messages = SequenceSet::parse(cursor)?;
    cursor.space()?;
    let mut items = Vec::new();
    if cursor.peek() == Some(b'(') {
        for item in cursor.list(limits::FETCH_ITEMS_MAX, item)? {
            add(&mut items, item);
        }
    } else if let Some(all) = macro_items(cursor) {
        items = all;
    } else {
        items.push(item(cursor)?);
    }
    let changed_since = if cursor.rest().starts_with(b" (") { modifier(cursor)? } else { None };
    cursor.end()?;
    if numbering == Numbering::Uid {
        add(&mut items, FetchItem::Uid);
    }
    if changed_since.is_some() {
        add(&mut items, FetchItem::ModSeq);
    }
    Ok(Request::Run(Command::Fetch(Fetch { numbering, messages, items, changed_since })))
}

fn add(items: &mut Vec<FetchItem>, item: FetchItem) {
    if !items.contains(&item) {
        items.push(item);
    }
}

/// ALL, FAST or FULL (RFC 9051 §6.4.5).
fn macro_items(cursor: &mut Cursor) -> Option<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    if cursor.keyword("ALL") {
        Some(vec![Flags, InternalDate, Size, Envelope])
    } else if cursor.keyword("FAST") {
        Some(vec![Flags, InternalDate, Size])
    } else if cursor.keyword("FULL") {
        Some(vec![Flags, InternalDate, Size, Envelope, Body])
    } else {
        None
    }
}

fn modifier(cursor: &mut Cursor) -> Parsed<Option<u64>> {
    cursor.space()?;
    cursor.require(b'(', "a modifier")?;
    if !cursor.keyword("CHANGEDSINCE") {
        return cursor.fault("CHANGEDSINCE");
    }
    cursor.space()?;
    let modseq = cursor.number64()?;
    cursor.require(b')', "a closing parenthesis")?;
    Ok(Some(modseq))
}

fn item(cursor: &mut Cursor) -> Parsed<FetchItem> {
    let name = cursor.run(|byte| byte.is_ascii_alphanumeric() || byte == b'.').to_ascii_uppercase();
    Ok(match name.as_slice() {
        b"ENVELOPE" => FetchItem::Envelope,
        b"FLAGS" => FetchItem::Flags,
        b"INTERNALDATE" => FetchItem::InternalDate,
        b"RFC822.SIZE" => FetchItem::Size,
        b"UID" => FetchItem::Uid,
        b"MODSEQ" => FetchItem::ModSeq,
        b"RFC822" => FetchItem::Rfc822(Rfc822::Full),
        b"RFC822.HEADER" => FetchItem::Rfc822(Rfc822::Header),
        b"RFC822.TEXT" => FetchItem::Rfc822(Rfc822::Text),
        b"BODYSTRUCTURE" => FetchItem::BodyStructure,
        b"BODY" if cursor.peek() != Some(b'[') => FetchItem::Body,
        b"BODY" | b"BODY.PEEK" => {
            let section = section(cursor)?;
            FetchItem::Section(BodyFetch { section, peek: name.len() > 4, partial: partial(cursor)? })
        }
        b"BINARY" | b"BINARY.PEEK" => {
            let part = binary_part(cursor)?;
            FetchItem::Binary(BinaryFetch { part, peek: name.len() > 6, partial: partial(cursor)? })
        }
        b"BINARY.SIZE" => FetchItem::BinarySize(binary_part(cursor)?),
        _ => return cursor.fault("a known data item"),
    })
}

fn section(cursor: &mut Cursor) -> Parsed<Section> {
    cursor.require(b'[', "a section in brackets")?;
    let (part, more) = part_number(cursor)?;
    let text = if cursor.peek() == Some(b']') && !more { SectionText::Full } else { section_text(cursor)? };
    // RFC 9051 §9: MIME needs a part number before it.
    if text == SectionText::Mime && part.is_empty() {
        return cursor.fault("a part number before MIME");
    }
    cursor.require(b']', "a closing bracket")?;
    Ok(Section { part, text })
}

/// Numbers and dots; also whether a dot stands at the end, before a text name.
fn part_number(cursor: &mut Cursor) -> Parsed<(PartNumber, bool)> {
    let mut part = Vec::new();
    while cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        let value = cursor.number()?;
        if value == 0 {
            return cursor.fault("part numbers above 0");
        }
        part.push(value);
        if part.len() > limits::PART_DEPTH_MAX {
            return Err(Fault::TooDeep { depth_max: limits::PART_DEPTH_MAX });
        }
        if !cursor.skip(b'.') {
            return Ok((part, false));
        }
    }
    let more = !part.is_empty();
    Ok((part, more))
}

fn section_text(cursor: &mut Cursor) -> Parsed<SectionText> {
    let name = cursor.run(|byte| byte.is_ascii_alphabetic() || byte == b'.').to_ascii_uppercase();
    let not = match name.as_slice() {
        b"HEADER" => return Ok(SectionText::Header),
        b"TEXT" => return Ok(SectionText::Text),
        b"MIME" => return Ok(SectionText::Mime),
        b"HEADER.FIELDS" => false,
        b"HEADER.FIELDS.NOT" => true,
        _ => return cursor.fault("a known section"),
    };
    cursor.space()?;
    let names = cursor.list(limits::HEADER_FIELDS_MAX, |cursor| {
        let name = cursor.text()?;
        // RFC 5322 §2.2: field names are printable ASCII without the colon. The echo of others
        // could break the response.
        let fits = !name.is_empty() && name.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b':');
        if fits { Ok(name) } else { cursor.fault("a header field name") }
    })?;
    Ok(SectionText::HeaderFields { names, not })
}

fn binary_part(cursor: &mut Cursor) -> Parsed<PartNumber> {
    cursor.require(b'[', "a part number in brackets")?;
    let (part, more) = part_number(cursor)?;
    if more {
        return cursor.fault("a number behind the dot");
    }
    cursor.require(b']', "a closing bracket")?;
    Ok(part)
}

/// `<offset.length>`, if it is there.
fn partial(cursor: &mut Cursor) -> Parsed<Option<Partial>> {
    if !cursor.skip(b'<') {
        return Ok(None);
    }
    let offset = cursor.number64()?;
    cursor.require(b'.', "a dot between offset and length")?;
    let len_max = cursor.number64()?;
    if len_max == 0 {
        return cursor.fault("a length above 0");
    }
    cursor.require(b'>', "the end of the partial")?;
    Ok(Some(Partial { offset, len_max }))
}
