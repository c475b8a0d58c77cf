//! LIST, LSUB, STATUS and NAMESPACE responses (RFC 9051 §7.3).

use super::{mailbox, number64};
use crate::command::StatusItem;
use crate::cursor::Dialect;
use crate::mailbox::MailboxName;

/// An attribute of a mailbox name (RFC 9051 §7.3.1; RFC 6154 §2 for the uses).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// \NonExistent
    NonExistent,
    /// \Noinferiors
    NoInferiors,
    /// \Noselect
    NoSelect,
    /// \HasChildren
    HasChildren,
    /// \HasNoChildren
    HasNoChildren,
    /// \Marked
    Marked,
    /// \Unmarked
    Unmarked,
    /// \Subscribed
    Subscribed,
    /// \Remote
    Remote,
    /// \All
    All,
    /// \Archive
    Archive,
    /// \Drafts
    Drafts,
    /// \Flagged
    Flagged,
    /// \Important (RFC 8457)
    Important,
    /// \Junk
    Junk,
    /// \Sent
    Sent,
    /// \Trash
    Trash,
}

impl Attribute {
    /// The attributes that say what a mailbox is for (RFC 6154 §2, RFC 8457).
    pub const SPECIAL_USES: [Attribute; 8] = [
        Attribute::All,
        Attribute::Archive,
        Attribute::Drafts,
        Attribute::Flagged,
        Attribute::Important,
        Attribute::Junk,
        Attribute::Sent,
        Attribute::Trash,
    ];

    /// The special use of that name, such as `\Sent`, in any case.
    pub fn special_use(name: &str) -> Option<Attribute> {
        Attribute::SPECIAL_USES.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Attribute::NonExistent => "\\NonExistent",
            Attribute::NoInferiors => "\\Noinferiors",
            Attribute::NoSelect => "\\Noselect",
            Attribute::HasChildren => "\\HasChildren",
            Attribute::HasNoChildren => "\\HasNoChildren",
            Attribute::Marked => "\\Marked",
            Attribute::Unmarked => "\\Unmarked",
            Attribute::Subscribed => "\\Subscribed",
            Attribute::Remote => "\\Remote",
            Attribute::All => "\\All",
            Attribute::Archive => "\\Archive",
            Attribute::Drafts => "\\Drafts",
            Attribute::Flagged => "\\Flagged",
            Attribute::Important => "\\Important",
            Attribute::Junk => "\\Junk",
            Attribute::Sent => "\\Sent",
            Attribute::Trash => "\\Trash",
        }
    }
}

/// What a LIST response tells.
#[derive(Debug, Clone, Copy)]
pub struct ListLine<'a> {
    /// Its attributes.
    pub attributes: &'a [Attribute],
    /// The mailbox.
    pub mailbox: &'a MailboxName,
    /// `CHILDINFO ("SUBSCRIBED")`: RECURSIVEMATCH found a subscribed name below (RFC 9051 §6.3.9.6).
    pub child_info: bool,
    /// What the mailbox was called before (RFC 9051 §7.3.1); told to IMAP4rev2 only.
    pub old_name: Option<&'a MailboxName>,
}

/// Appends `* LIST …`.
pub fn list(line: &ListLine<'_>, dialect: Dialect, out: &mut Vec<u8>) {
    name_line(b"* LIST (", line.attributes, line.mailbox, dialect, out);
    let old_name = line.old_name.filter(|_| dialect == Dialect::Rev2);
    if line.child_info || old_name.is_some() {
        out.extend_from_slice(b" (");
        if line.child_info {
            out.extend_from_slice(b"CHILDINFO (\"SUBSCRIBED\")");
        }
        if let Some(old_name) = old_name {
            out.extend_from_slice(if line.child_info { b" OLDNAME (" } else { b"OLDNAME (" });
            mailbox(old_name, dialect, out);
            out.push(b')');
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the answer to `LIST "" ""`: the separator and the root.
pub fn list_separator(out: &mut Vec<u8>) {
    out.extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n");
}

/// Appends `* LSUB …` (RFC 3501 §7.2.3).
pub fn lsub(attributes: &[Attribute], name: &MailboxName, dialect: Dialect, out: &mut Vec<u8>) {
    name_line(b"* LSUB (", attributes, name, dialect, out);
    out.extend_from_slice(b"\r\n");
}

fn name_line(
    start: &[u8],
    attributes: &[Attribute],
    name: &MailboxName,
    dialect: Dialect,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(start);
    for (index, attribute) in attributes.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(attribute.name().as_bytes());
    }
    out.extend_from_slice(b") \"/\" ");
    mailbox(name, dialect, out);
}

/// Appends `* STATUS mailbox (item value …)`.
pub fn status(name: &MailboxName, values: &[(StatusItem, u64)], dialect: Dialect, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* STATUS ");
    mailbox(name, dialect, out);
    out.extend_from_slice(b" (");
    for (index, (item, value)) in values.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        let (_, word) = StatusItem::NAMES[*item as usize];
        out.extend_from_slice(word.as_bytes());
        out.push(b' ');
        number64(*value, out);
    }
    out.extend_from_slice(b")\r\n");
}

/// Appends `* NAMESPACE`: one personal namespace without prefix (RFC 9051 §6.3.10).
pub fn namespace(out: &mut Vec<u8>) {
    out.extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
}
