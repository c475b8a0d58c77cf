//! IMAP's ENVELOPE (RFC 3501 §7.4.2, RFC 9051 §7.5.2).

use crate::address::{self, Entry, Mailbox};
use crate::header::Headers;
use crate::limits::ADDRESSES_MAX;
use crate::nstring::{ascii_text, header_text_or_nil};
use crate::tree::Message;

/// The parenthesised list that stands behind `ENVELOPE` in a FETCH response, in pure ASCII.
///
/// Header text keeps its encoded words; raw bytes beyond ASCII become encoded words in UTF-8, so
/// that the list may go to clients that have not enabled UTF8=ACCEPT. Fields that are absent are
/// NIL, those that are empty are "". Sender and Reply-To default to From. An address without a
/// domain has the host "", since NIL would begin a group.
pub fn envelope(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write(message.headers(), &mut out);
    out
}

/// What an envelope shows, as it stands in the header.
#[derive(Debug, Default)]
pub(crate) struct EnvelopeFields<'a> {
    pub(crate) date: Option<&'a [u8]>,
    pub(crate) subject: Option<&'a [u8]>,
    pub(crate) in_reply_to: Option<&'a [u8]>,
    pub(crate) message_id: Option<&'a [u8]>,
    /// From, Sender, Reply-To, To, Cc, Bcc; a field that comes twice counts as one long list.
    addresses: [Vec<&'a [u8]>; 6],
}

impl<'a> EnvelopeFields<'a> {
    pub(crate) fn of(headers: Headers<'a>) -> EnvelopeFields<'a> {
        let mut fields = EnvelopeFields::default();
        headers.fields().for_each(|field| fields.add(field.name, field.value));
        fields
    }

    pub(crate) fn add(&mut self, name: &[u8], value: &'a [u8]) {
        const ADDRESS_FIELDS: [&[u8]; 6] = [b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"];
        // Lengths tell most fields apart before any letter is compared.
        let text = match name.len() {
            4 if name.eq_ignore_ascii_case(b"date") => &mut self.date,
            7 if name.eq_ignore_ascii_case(b"subject") => &mut self.subject,
            11 if name.eq_ignore_ascii_case(b"in-reply-to") => &mut self.in_reply_to,
            10 if name.eq_ignore_ascii_case(b"message-id") => &mut self.message_id,
            2..=8 => {
                let kind = ADDRESS_FIELDS.iter().position(|f| f.eq_ignore_ascii_case(name));
                if let Some(list) = kind.and_then(|kind| self.addresses.get_mut(kind)) {
                    list.push(value);
                }
                return;
            }
            _ => return,
        };
        text.get_or_insert(value);
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        header_text_or_nil(self.date, out);
        out.push(b' ');
        header_text_or_nil(self.subject, out);
        out.push(b' ');
        let from_start = out.len();
        write_addresses(&self.addresses[0], out);
        let from = from_start..out.len();
        for (kind, values) in self.addresses.iter().enumerate().skip(1) {
            out.push(b' ');
            let wrote = write_addresses(values, out);
            // Sender and Reply-To.
            if !wrote && kind <= 2 {
                out.truncate(out.len() - b"NIL".len());
                out.extend_from_within(from.clone());
            }
        }
        out.push(b' ');
        header_text_or_nil(self.in_reply_to, out);
        out.push(b' ');
        header_text_or_nil(self.message_id, out);
        out.push(b')');
    }
}

/// Writes the envelope of the header at hand.
pub(crate) fn write(headers: Headers<'_>, out: &mut Vec<u8>) {
    EnvelopeFields::of(headers).write(out);
}

/// Writes a list of addresses, or NIL for none; true if there were any.
fn write_addresses(values: &[&[u8]], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.push(b'(');
    let entries = values.iter().flat_map(|value| address::parse_list(value)).take(ADDRESSES_MAX);
    let mut open_group = false;
    for entry in entries {
        match entry {
            Entry::Mailbox(mailbox) => write_mailbox(&mailbox, out),
            Entry::GroupStart(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                ascii_text(&name, out);
                out.extend_from_slice(b" NIL)");
                open_group = true;
            }
            Entry::GroupEnd => {
                out.extend_from_slice(b"(NIL NIL NIL NIL)");
                open_group = false;
            }
        }
    }
    if open_group {
        out.extend_from_slice(b"(NIL NIL NIL NIL)");
    }
    let any = out.len() > start + 1;
    if any {
        out.push(b')');
    } else {
        out.truncate(start);
        out.extend_from_slice(b"NIL");
    }
    any
}

fn write_mailbox(mailbox: &Mailbox<'_>, out: &mut Vec<u8>) {
    out.push(b'(');
    header_text_or_nil(mailbox.name.as_deref(), out);
    out.push(b' ');
    header_text_or_nil(mailbox.route.as_deref(), out);
    out.push(b' ');
    ascii_text(&mailbox.local, out);
    out.push(b' ');
    ascii_text(&mailbox.domain, out);
    out.push(b')');
}
