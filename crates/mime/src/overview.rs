//! What list views need of a message: made once at delivery, kept beside it, read without copying.

use crate::date::Date;
use crate::envelope::EnvelopeFields;
use crate::header::{Headers, unfold};
use crate::limits::{
    CACHED_FIELDS_MAX_BYTES, FIELDS_MAX, HEADER_LEN_MAX_BYTES, PREVIEW_MAX_BYTES,
    PREVIEW_PLAIN_SOURCE_MAX_BYTES, PREVIEW_SOURCE_MAX_BYTES,
};
use crate::section::{filter_fields, push_field};
use crate::tree::{Message, Part};
use crate::{Span, charset, html, message_id, structure, transfer};

/// The fields that an overview keeps raw: those that known clients ask for when they list a
/// mailbox. In lower case.
pub const CACHED_FIELDS: &[&str] = &[
    "cc",
    "to",
    "bcc",
    "date",
    "from",
    "sender",
    "list-id",
    "subject",
    "priority",
    "reply-to",
    "x-mailer",
    "autocrypt",
    "list-help",
    "list-post",
    "resent-cc",
    "resent-to",
    "importance",
    "message-id",
    "newsgroups",
    "precedence",
    "references",
    "resent-bcc",
    "user-agent",
    "x-priority",
    "chat-version",
    "content-type",
    "delivered-to",
    "followup-to",
    "in-reply-to",
    "mime-version",
    "resent-date",
    "resent-from",
    "return-path",
    "thread-index",
    "thread-topic",
    "x-draft-info",
    "x-spam-flag",
    "auto-submitted",
    "bimi-location",
    "mail-reply-to",
    "resent-sender",
    "x-spam-status",
    "bimi-indicator",
    "mail-followup-to",
    "list-unsubscribe",
    "resent-message-id",
    "x-k9mail-identity",
    "return-receipt-to",
    "content-disposition",
    "list-unsubscribe-post",
    "x-bimi-indicator-hash",
    "x-confirm-reading-to",
    "authentication-results",
    "content-transfer-encoding",
    "disposition-notification-to",
    "x-uniform-type-identifier",
    "x-universally-unique-identifier",
];

/// True if [`CACHED_FIELDS`] has `name`, in any case.
pub fn is_cached_field(name: &[u8]) -> bool {
    // Most fields are told apart by length and first letter; the comparison is the slow part.
    let Some(first) = name.first().map(u8::to_ascii_lowercase) else { return false };
    CACHED_FIELDS.iter().map(|cached| cached.as_bytes()).any(|cached| {
        cached.len() == name.len() && cached.first() == Some(&first) && cached.eq_ignore_ascii_case(name)
    })
}

/// What list views need of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The list behind `ENVELOPE` ([`crate::envelope()`]).
    pub envelope: Vec<u8>,
    /// The list behind `BODY`.
    pub body: Vec<u8>,
    /// The list behind `BODYSTRUCTURE`.
    pub body_structure: Vec<u8>,
    /// The Date field, if it can be read.
    pub sent: Option<Date>,
    /// The raw [`CACHED_FIELDS`] of the message in their order, without a blank line.
    pub fields: Vec<u8>,
    /// False if the fields were over [`CACHED_FIELDS_MAX_BYTES`] and some are missing.
    pub fields_complete: bool,
    /// True if the message has a part to keep as a file ([`Message::is_attachment`]).
    pub has_attachment: bool,
    /// The start of the text, on one line, at most [`PREVIEW_MAX_BYTES`].
    pub preview: String,
    /// The Message-ID without angle brackets; empty if there is none.
    pub message_id: Vec<u8>,
}

impl Overview {
    /// Makes the overview of a message. The header is read once.
    pub fn build(message: &Message<'_>) -> Overview {
        let mut shown = EnvelopeFields::default();
        let mut fields = Vec::with_capacity(message.root.header.len().min(2048));
        let mut fields_complete = true;
        for (i, field) in message.headers().iter().enumerate() {
            if field.is_junk() {
                continue;
            }
            if i < FIELDS_MAX && field.span.end <= HEADER_LEN_MAX_BYTES {
                shown.add(field.name, field.value);
            }
            if is_cached_field(field.name) {
                match fields.len() + field.whole.len() + 2 <= CACHED_FIELDS_MAX_BYTES {
                    true => push_field(&field, &mut fields),
                    false => fields_complete = false,
                }
            }
        }
        let mut envelope = Vec::with_capacity(512);
        shown.write(&mut envelope);
        let (mut body, mut body_structure) = (Vec::with_capacity(128), Vec::with_capacity(160));
        structure::write(message, false, &mut body);
        structure::write(message, true, &mut body_structure);
        Overview {
            envelope,
            body,
            body_structure,
            sent: shown.date.and_then(Date::parse),
            fields,
            fields_complete,
            has_attachment: message.is_attachment(&message.root) || has_attachment(message, &message.root),
            preview: preview(message),
            message_id: shown.message_id.map(message_id_of).unwrap_or_default(),
        }
    }

    /// The same, borrowed.
    pub fn as_ref(&self) -> OverviewRef<'_> {
        OverviewRef {
            envelope: &self.envelope,
            body: &self.body,
            body_structure: &self.body_structure,
            sent: self.sent,
            fields: &self.fields,
            fields_complete: self.fields_complete,
            has_attachment: self.has_attachment,
            preview: &self.preview,
            message_id: &self.message_id,
        }
    }

    /// The form that is stored: a version, flags, the date, then each text behind its length.
    /// Numbers are little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let texts = self.as_ref().texts();
        let len = texts.iter().map(|text| text.len() + 4).sum::<usize>() + HEAD_LEN_BYTES;
        let mut out = Vec::with_capacity(len);
        let has_date = if self.sent.is_some() { HAS_DATE } else { 0 };
        let complete = if self.fields_complete { FIELDS_COMPLETE } else { 0 };
        let attachment = if self.has_attachment { HAS_ATTACHMENT } else { 0 };
        out.extend([VERSION, has_date | complete | attachment]);
        let sent = self.sent.unwrap_or(Date::utc(0));
        out.extend(sent.unix_s.to_le_bytes());
        out.extend(sent.zone_minutes.to_le_bytes());
        for text in texts {
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            out.extend(len.to_le_bytes());
            out.extend_from_slice(text);
        }
        out
    }
}

const VERSION: u8 = 1;
const HAS_DATE: u8 = 1;
const FIELDS_COMPLETE: u8 = 2;
const HAS_ATTACHMENT: u8 = 4;
/// Version, flags, seconds, zone.
const HEAD_LEN_BYTES: usize = 1 + 1 + 8 + 2;

/// An [`Overview`] read from where it is stored. Its parts can be copied into a response as they
/// are. The fields are those of [`Overview`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverviewRef<'a> {
    /// The list behind `ENVELOPE`.
    pub envelope: &'a [u8],
    /// The list behind `BODY`.
    pub body: &'a [u8],
    /// The list behind `BODYSTRUCTURE`.
    pub body_structure: &'a [u8],
    /// The Date field.
    pub sent: Option<Date>,
    /// The raw cached fields.
    pub fields: &'a [u8],
    /// False if some cached fields are missing.
    pub fields_complete: bool,
    /// True if the message has a part to keep as a file.
    pub has_attachment: bool,
    /// The start of the text.
    pub preview: &'a str,
    /// The Message-ID without angle brackets.
    pub message_id: &'a [u8],
}

impl<'a> OverviewRef<'a> {
    /// Reads what [`Overview::to_bytes`] wrote; `None` if it is another version or damaged. What
    /// stands behind the known texts is ignored, so that later versions may add some.
    pub fn parse(bytes: &'a [u8]) -> Option<OverviewRef<'a>> {
        let (head, mut rest) = bytes.split_first_chunk::<HEAD_LEN_BYTES>()?;
        let [VERSION, flags, s0, s1, s2, s3, s4, s5, s6, s7, z0, z1] = *head else { return None };
        let sent = Date {
            unix_s: i64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            zone_minutes: i16::from_le_bytes([z0, z1]),
        };
        let mut text = || {
            let (len, behind) = rest.split_first_chunk::<4>()?;
            let (text, behind) = behind.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
            rest = behind;
            Some(text)
        };
        Some(OverviewRef {
            envelope: text()?,
            body: text()?,
            body_structure: text()?,
            sent: (flags & HAS_DATE != 0).then_some(sent),
            fields: text()?,
            fields_complete: flags & FIELDS_COMPLETE != 0,
            has_attachment: flags & HAS_ATTACHMENT != 0,
            preview: std::str::from_utf8(text()?).ok()?,
            message_id: text()?,
        })
    }

    /// The texts in the order in which they are stored.
    fn texts(&self) -> [&'a [u8]; 6] {
        let preview = self.preview.as_bytes();
        [self.envelope, self.body, self.body_structure, self.fields, preview, self.message_id]
    }

    /// What `BODY[HEADER.FIELDS (…)]` shows, blank line included. `None` if only the message can
    /// tell: for the form with NOT, for a name beyond [`CACHED_FIELDS`], or when fields are missing.
    pub fn cached_header_fields<N: AsRef<[u8]>>(&self, names: &[N], not: bool) -> Option<Vec<u8>> {
        let all_here = !not && self.fields_complete && names.iter().all(|n| is_cached_field(n.as_ref()));
        all_here.then(|| filter_fields(self.headers(), names, false))
    }

    /// The cached fields, to look values up.
    pub fn headers(&self) -> Headers<'a> {
        Headers::at(self.fields, Span::new(0, self.fields.len()))
    }
}

fn message_id_of(value: &[u8]) -> Vec<u8> {
    message_id::first(value).map_or_else(|| unfold(value).into_owned(), |id| id.into_owned())
}

/// The start of the first text part that is not an attachment.
fn preview(message: &Message<'_>) -> String {
    let mut out = String::with_capacity(PREVIEW_MAX_BYTES);
    if let Some(part) = first_text(message, &message.root) {
        let is_html = part.content_type.is("text", "html");
        let source_max = if is_html { PREVIEW_SOURCE_MAX_BYTES } else { PREVIEW_PLAIN_SOURCE_MAX_BYTES };
        let body = part.body.of(message.raw);
        let start = &body[..body.len().min(source_max)];
        let decoded = transfer::decode(&part.encoding, start);
        let decoded = if start.len() < body.len() { without_cut_character(&decoded) } else { &decoded };
        let text = charset::decode(part.content_type.charset(), decoded);
        if is_html {
            let mut plain = String::with_capacity(PREVIEW_MAX_BYTES * 4);
            html::text_into(&text, PREVIEW_MAX_BYTES * 8, &mut plain);
            collapse_into(&plain, &mut out);
        } else {
            collapse_into(&text, &mut out);
        }
    }
    out
}

fn first_text<'m>(message: &Message<'_>, part: &'m Part) -> Option<&'m Part> {
    if part.is_multipart() {
        return part.children.iter().find_map(|child| first_text(message, child));
    }
    if let Some(inner) = &part.message {
        return first_text(message, inner);
    }
    let readable = part.content_type.is_kind("text") && !part.body.is_empty();
    (readable && !message.is_attachment(part)).then_some(part)
}

/// True if the message, or one inside that is not itself attached, has a part to keep as a file.
fn has_attachment(message: &Message<'_>, part: &Part) -> bool {
    part.children.iter().any(|child| message.is_attachment(child) || has_attachment(message, child))
}

/// Cutting the source may have cut a character of UTF-8 in two; its start goes.
fn without_cut_character(body: &[u8]) -> &[u8] {
    match std::str::from_utf8(body) {
        Err(error) if error.error_len().is_none() => &body[..error.valid_up_to()],
        _ => body,
    }
}

/// Appends text with single spaces between its words, up to [`PREVIEW_MAX_BYTES`].
fn collapse_into(text: &str, out: &mut String) {
    let gap = |c: char| c.is_whitespace() || c.is_control();
    for word in text.split(gap).filter(|word| !word.is_empty()) {
        let space = usize::from(!out.is_empty());
        let room = PREVIEW_MAX_BYTES.saturating_sub(out.len() + space);
        let fits = (0..=room.min(word.len())).rev().find(|at| word.is_char_boundary(*at)).unwrap_or(0);
        if fits > 0 {
            out.extend([&" "[..space], &word[..fits]]);
        }
        if fits < word.len() {
            return;
        }
    }
}
