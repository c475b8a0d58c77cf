//! STATUS (RFC 9051 §6.3.11; RFC 8438 SIZE; RFC 7162 §3.1.7 HIGHESTMODSEQ).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::limits;
use crate::mailbox::MailboxName;

/// The arguments of STATUS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// What to tell, each once.
    pub items: Vec<StatusItem>,
}

/// What STATUS can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    /// How many messages.
    Messages,
    /// How many messages are recent (RFC 3501 only).
    Recent,
    /// The next UID.
    UidNext,
    /// The UIDVALIDITY.
    UidValidity,
    /// How many messages lack \\Seen.
    Unseen,
    /// How many messages have \\Deleted.
    Deleted,
    /// The sum of sizes in bytes.
    Size,
    /// The highest modseq.
    HighestModSeq,
}

impl StatusItem {
    /// Every item with its name.
    pub const NAMES: [(StatusItem, &'static str); 8] = [
        (StatusItem::Messages, "MESSAGES"),
        (StatusItem::Recent, "RECENT"),
        (StatusItem::UidNext, "UIDNEXT"),
        (StatusItem::UidValidity, "UIDVALIDITY"),
        (StatusItem::Unseen, "UNSEEN"),
        (StatusItem::Deleted, "DELETED"),
        (StatusItem::Size, "SIZE"),
        (StatusItem::HighestModSeq, "HIGHESTMODSEQ"),
    ];

    /// Reads `(items)`, dropping repetitions.
    pub fn parse_list(cursor: &mut Cursor) -> Parsed<Vec<StatusItem>> {
        let mut items = Vec::new();
        cursor.list(limits::OPTIONS_MAX, |cursor| {
            let name = cursor.word("a status item")?;
            let Some((item, _)) = StatusItem::NAMES.iter().find(|(_, known)| *known == name) else {
                return cursor.fault("a known status item");
            };
            if !items.contains(item) {
                items.push(*item);
            }
            Ok(())
        })?;
        Ok(items)
    }
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    cursor.space()?;
    let items = StatusItem::parse_list(cursor)?;
    cursor.end()?;
    Ok(Request::Run(Command::Status(Status { mailbox, items })))
}
