//! STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3 UNCHANGEDSINCE).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::flag::Flags;
use crate::set::SequenceSet;

/// The arguments of STORE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// What the numbers are.
    pub numbering: Numbering,
    /// Which messages.
    pub messages: SequenceSet,
    /// Leave messages alone whose modseq is above this.
    pub unchanged_since: Option<u64>,
    /// How the flags change.
    pub action: StoreAction,
    /// `.SILENT`: do not tell the new flags (but with CONDSTORE the new modseq).
    pub silent: bool,
    /// Which flags.
    pub flags: Flags,
}

/// How flags change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreAction {
    /// `FLAGS`: these flags and no others.
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

pub(super) fn parse(cursor: &mut Cursor, numbering: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let messages = SequenceSet::parse(cursor)?;
    cursor.space()?;
    let unchanged_since = modifier(cursor)?;
    let action = if cursor.skip(b'+') {
        StoreAction::Add
    } else if cursor.skip(b'-') {
        StoreAction::Remove
    } else {
        StoreAction::Replace
    };
    let silent = match cursor.word("FLAGS")?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return cursor.fault("FLAGS or FLAGS.SILENT"),
    };
    cursor.space()?;
    let flags = Flags::parse_list_or_bare(cursor)?;
    cursor.end()?;
    let store = Store { numbering, messages, unchanged_since, action, silent, flags };
    Ok(Request::Run(Command::Store(store)))
}

/// `(UNCHANGEDSINCE n) `, if it is there. 0 is allowed: nothing then changes (RFC 7162 §3.1.3).
fn modifier(cursor: &mut Cursor) -> Parsed<Option<u64>> {
    if !cursor.skip(b'(') {
        return Ok(None);
    }
    if !cursor.keyword("UNCHANGEDSINCE") {
        return cursor.fault("UNCHANGEDSINCE");
    }
    cursor.space()?;
    let modseq = cursor.number64()?;
    cursor.require(b')', "a closing parenthesis")?;
    cursor.space()?;
    Ok(Some(modseq))
}
