//! SEARCH and ESEARCH responses (RFC 3501 §7.2.5, RFC 9051 §7.3.4, RFC 7162 §3.1.5).

use super::{number, number64};
use crate::command::{Search, SearchReturn};
use crate::cursor::{Dialect, Numbering, Tag};
use crate::set::NumberSet;

/// What a search found.
#[derive(Debug, Clone, Copy)]
pub struct SearchAnswer<'a> {
    /// The numbers of the messages, of the kind that the command asks for.
    pub found: &'a NumberSet,
    /// The highest modseq among them, if MODSEQ was a key; not told when nothing was found.
    pub modseq: Option<u64>,
}

/// Appends the answer to a SEARCH in the form it asks for: ESEARCH with RETURN or in IMAP4rev2,
/// nothing for `RETURN (SAVE)` alone, else SEARCH.
pub fn search(command: &Search, tag: &Tag, answer: SearchAnswer<'_>, dialect: Dialect, out: &mut Vec<u8>) {
    match (command.returns, dialect) {
        (Some(returns), _) => esearch(returns, command.numbering, tag, answer, out),
        (None, Dialect::Rev2) => {
            let returns = SearchReturn { all: true, ..SearchReturn::default() };
            esearch(returns, command.numbering, tag, answer, out);
        }
        (None, Dialect::Rev1) => {
            out.extend_from_slice(b"* SEARCH");
            for found in answer.found.iter() {
                out.push(b' ');
                number(found, out);
            }
            if let Some(modseq) = answer.modseq.filter(|_| !answer.found.is_empty()) {
                out.extend_from_slice(b" (MODSEQ ");
                number64(modseq, out);
                out.push(b')');
            }
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Appends `* ESEARCH (TAG "tag") …`. MIN, MAX and ALL are left out when nothing was found (RFC
/// 9051 §6.4.4).
pub fn esearch(
    returns: SearchReturn,
    numbering: Numbering,
    tag: &Tag,
    answer: SearchAnswer<'_>,
    out: &mut Vec<u8>,
) {
    let SearchReturn { min, max, all, count, save } = returns;
    // RFC 9051 §6.4.4.1: SAVE alone keeps the result and says nothing.
    if save && !(min || max || all || count) {
        return;
    }
    out.extend_from_slice(b"* ESEARCH (TAG ");
    super::string(tag.as_str().as_bytes(), out);
    out.push(b')');
    if numbering == Numbering::Uid {
        out.extend_from_slice(b" UID");
    }
    if let (Some(first), Some(last)) = (answer.found.first(), answer.found.last()) {
        if min {
            out.extend_from_slice(b" MIN ");
            number(first, out);
        }
        if max {
            out.extend_from_slice(b" MAX ");
            number(last, out);
        }
        if all {
            out.extend_from_slice(b" ALL ");
            answer.found.write(out);
        }
    }
    if count {
        out.extend_from_slice(b" COUNT ");
        number64(answer.found.count(), out);
    }
    if let Some(modseq) = answer.modseq.filter(|_| !answer.found.is_empty()) {
        out.extend_from_slice(b" MODSEQ ");
        number64(modseq, out);
    }
    out.extend_from_slice(b"\r\n");
}
