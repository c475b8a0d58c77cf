//! Responses: every writer appends one response, or a part of one, to a byte vector.
//!
//! What a writer is given is taken to be checked: types such as [`MailboxName`] and
//! [`Keyword`] cannot hold what would break a line. Text of status responses
//! is cleaned of line ends and never empty (RFC 9051 §9 `resp-text`).

mod code;
mod fetch;
mod list;
mod search;

pub use code::Code;
pub use fetch::{FetchWriter, Paused};
pub use list::{Attribute, ListLine, list, list_separator, lsub, namespace, status};
pub use search::{SearchAnswer, esearch, search};

use crate::cursor::{Dialect, Tag};
use crate::flag::{Keyword, SystemFlags};
use crate::mailbox::MailboxName;
use crate::utf7;

/// The condition that a status response reports (RFC 9051 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Done, or a notice.
    Ok,
    /// Not done, or a warning.
    No,
    /// Not understood.
    Bad,
    /// The connection ends; only untagged.
    Bye,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Condition::Ok => "OK ",
            Condition::No => "NO ",
            Condition::Bad => "BAD ",
            Condition::Bye => "BYE ",
        }
    }
}

/// Appends `tag OK [code] text`, the answer that ends a command.
pub fn tagged(tag: &Tag, condition: Condition, code: Option<&Code>, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(tag.as_str().as_bytes());
    out.push(b' ');
    condition_text(condition, code, text, out);
}

/// Appends `* OK [code] text`.
pub fn untagged(condition: Condition, code: Option<&Code>, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ");
    condition_text(condition, code, text, out);
}

fn condition_text(condition: Condition, code: Option<&Code>, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(condition.name().as_bytes());
    if let Some(code) = code {
        out.push(b'[');
        code.write(out);
        out.extend_from_slice(b"] ");
    }
    if text.is_empty() {
        out.extend_from_slice(b"done");
    }
    // RFC 9051 §9: text is one line; UTF-8 is for those who enabled it, so that we write ASCII.
    out.extend(text.bytes().map(|byte| if matches!(byte, b' '..=b'~') { byte } else { b'?' }));
    out.extend_from_slice(b"\r\n");
}

/// Appends `+ text`: the client may go on. The space is there even without text.
pub fn continuation(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"+ ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `* CAPABILITY names`.
pub fn capability(names: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* CAPABILITY");
    words(names, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends `* ENABLED names`; the list may be empty (RFC 9051 §7.2.1).
pub fn enabled(names: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ENABLED");
    words(names, out);
    out.extend_from_slice(b"\r\n");
}

fn words<T: AsRef<str>>(names: &[T], out: &mut Vec<u8>) {
    for name in names {
        out.push(b' ');
        out.extend_from_slice(name.as_ref().as_bytes());
    }
}

/// Appends `* ID (fields)` (RFC 2971 §3.2).
pub fn id(fields: &[(&str, &str)], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ID ");
    for (index, (field, value)) in fields.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        string(field.as_bytes(), out);
        out.push(b' ');
        string(value.as_bytes(), out);
    }
    out.extend_from_slice(if fields.is_empty() { b"NIL\r\n" } else { b")\r\n" });
}

/// Appends `* FLAGS (flags)`: the flags in use in the mailbox.
pub fn flags(keywords: &[Keyword], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* FLAGS ");
    let all = SystemFlags::NAMES.iter().fold(SystemFlags::NONE, |all, (flag, _)| all.union(*flag));
    flag_list(all, keywords.iter().map(Keyword::as_str), &[], out);
    out.extend_from_slice(b"\r\n");
}

/// Appends `* n EXISTS`.
pub fn exists(count: u32, out: &mut Vec<u8>) {
    numbered(count, b" EXISTS\r\n", out);
}

/// Appends `* n RECENT`, which only RFC 3501 knows: nothing for IMAP4rev2.
pub fn recent(count: u32, dialect: Dialect, out: &mut Vec<u8>) {
    if dialect == Dialect::Rev1 {
        numbered(count, b" RECENT\r\n", out);
    }
}

/// Appends `* n EXPUNGE`.
pub fn expunge(sequence: u32, out: &mut Vec<u8>) {
    numbered(sequence, b" EXPUNGE\r\n", out);
}

fn numbered(count: u32, rest: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ");
    number(count, out);
    out.extend_from_slice(rest);
}

/// Appends `(flags)`; `extra` are further names such as `\Recent`.
pub(crate) fn flag_list<'a>(
    system: SystemFlags,
    keywords: impl IntoIterator<Item = &'a str>,
    extra: &[&'a str],
    out: &mut Vec<u8>,
) {
    out.push(b'(');
    let start = out.len();
    let named = SystemFlags::NAMES.iter().filter(|(flag, _)| system.contains(*flag)).map(|(_, name)| *name);
    for name in named.chain(keywords).chain(extra.iter().copied()) {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }
    out.push(b')');
}

/// Appends a number. Written by hand: a FETCH of many messages is mostly numbers.
pub fn number(value: u32, out: &mut Vec<u8>) {
    number64(u64::from(value), out);
}

/// Appends a number of 64 bits.
pub fn number64(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// What is sent as a quoted string at most; anything longer is a literal.
const QUOTED_LEN_MAX_BYTES: usize = 200;

/// Appends a `string`: quoted when short and of plain ASCII, else a literal. An empty one is `""`,
/// never `{0}`: iOS 18 waits for ever behind a literal of no bytes at the end of a response.
pub fn string(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() > QUOTED_LEN_MAX_BYTES || !bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return literal(bytes, out);
    }
    out.push(b'"');
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Appends an `nstring`: a string or NIL.
pub fn nstring(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => string(bytes, out),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Appends an `astring`: an atom where that is possible, else a string.
pub fn astring(bytes: &[u8], out: &mut Vec<u8>) {
    let atom = !bytes.is_empty()
        && bytes.iter().all(|byte| *byte < 0x80 && crate::cursor::is_astring_char(*byte))
        && !bytes.eq_ignore_ascii_case(b"NIL");
    if atom { out.extend_from_slice(bytes) } else { string(bytes, out) }
}

fn literal(bytes: &[u8], out: &mut Vec<u8>) {
    literal_start(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn literal_start(size_bytes: u64, out: &mut Vec<u8>) {
    out.push(b'{');
    number64(size_bytes, out);
    out.extend_from_slice(b"}\r\n");
}

/// Appends a mailbox name in the session's encoding.
pub fn mailbox(name: &MailboxName, dialect: Dialect, out: &mut Vec<u8>) {
    match dialect {
        Dialect::Rev1 => {
            let mut encoded = Vec::with_capacity(name.as_str().len());
            utf7::encode(name.as_str(), &mut encoded);
            astring(&encoded, out);
        }
        Dialect::Rev2 if name.as_str().is_ascii() => astring(name.as_str().as_bytes(), out),
        // RFC 9051 §9: a quoted string may hold UTF-8. Names hold no control characters.
        Dialect::Rev2 => {
            out.push(b'"');
            for byte in name.as_str().bytes() {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests;
