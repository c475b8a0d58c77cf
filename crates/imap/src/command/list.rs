//! LIST (RFC 9051 §6.3.9; RFC 5258, RFC 5819, RFC 6154).

use super::StatusItem;
use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::limits;
use crate::pattern::Pattern;

/// The arguments of LIST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Selection options.
    pub selection: ListSelection,
    /// Which names, the reference in front of each; at most [`limits::LIST_PATTERNS_MAX`].
    pub patterns: Vec<Pattern>,
    /// `LIST "" ""`: no names, but the hierarchy separator and the root of the reference.
    pub asks_separator: bool,
    /// What to tell.
    pub returns: ListReturn,
}

/// Which mailboxes LIST selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent options, as on the wire")]
pub struct ListSelection {
    /// Only subscribed names, also those without a mailbox.
    pub subscribed: bool,
    /// Remote mailboxes too; there are none.
    pub remote: bool,
    /// Parents of matches too, with CHILDINFO; only with another option.
    pub recursive_match: bool,
    /// Only mailboxes of special use.
    pub special_use: bool,
}

/// What LIST tells of each mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent options, as on the wire")]
pub struct ListReturn {
    /// \\Subscribed
    pub subscribed: bool,
    /// \\HasChildren and \\HasNoChildren
    pub children: bool,
    /// Special-use attributes
    pub special_use: bool,
    /// A STATUS response with these items; none when empty.
    pub status: Vec<StatusItem>,
}

pub(super) fn parse(cursor: &mut Cursor, _: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let mut selection = ListSelection::default();
    if cursor.peek() == Some(b'(') {
        selection = selection_options(cursor)?;
        cursor.space()?;
    }
    let reference = cursor.astring()?;
    cursor.space()?;
    let patterns = if cursor.peek() == Some(b'(') {
        cursor.list(limits::LIST_PATTERNS_MAX, Cursor::list_mailbox)?
    } else {
        vec![cursor.list_mailbox()?]
    };
    let mut returns = ListReturn::default();
    if cursor.skip(b' ') && !cursor.rest().is_empty() {
        if !cursor.keyword("RETURN") {
            return cursor.fault("RETURN");
        }
        cursor.space()?;
        returns = return_options(cursor)?;
    }
    cursor.end()?;
    // RFC 5258 §3.1: SUBSCRIBED as selection implies the return option; SPECIAL-USE likewise
    // (RFC 6154 §2).
    returns.subscribed |= selection.subscribed;
    returns.special_use |= selection.special_use;
    let asks_separator = patterns.iter().all(Vec::is_empty);
    let patterns =
        patterns.iter().map(|pattern| Pattern::from_wire(&reference, pattern, cursor.dialect())).collect();
    Ok(Request::Run(Command::List(List { selection, patterns, asks_separator, returns })))
}

fn selection_options(cursor: &mut Cursor) -> Parsed<ListSelection> {
    let mut selection = ListSelection::default();
    cursor.list_or_empty(limits::OPTIONS_MAX, |cursor| {
        match cursor.word("a selection option")?.as_str() {
            "SUBSCRIBED" => selection.subscribed = true,
            "REMOTE" => selection.remote = true,
            "RECURSIVEMATCH" => selection.recursive_match = true,
            "SPECIAL-USE" => selection.special_use = true,
            _ => return cursor.fault("a known selection option"),
        }
        Ok(())
    })?;
    // RFC 9051 §6.3.9.1: RECURSIVEMATCH alone, or with REMOTE only, is an error.
    if selection.recursive_match && !selection.subscribed && !selection.special_use {
        return cursor.fault("another selection option beside RECURSIVEMATCH");
    }
    Ok(selection)
}

fn return_options(cursor: &mut Cursor) -> Parsed<ListReturn> {
    let mut returns = ListReturn::default();
    cursor.list_or_empty(limits::OPTIONS_MAX, |cursor| {
        match cursor.word("a return option")?.as_str() {
            "SUBSCRIBED" => returns.subscribed = true,
            "CHILDREN" => returns.children = true,
            "SPECIAL-USE" => returns.special_use = true,
            "STATUS" => {
                cursor.space()?;
                returns.status = StatusItem::parse_list(cursor)?;
            }
            _ => return cursor.fault("a known return option"),
        }
        Ok(())
    })?;
    Ok(returns)
}
