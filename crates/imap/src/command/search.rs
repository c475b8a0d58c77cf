//! SEARCH (RFC 9051 §6.4.4; RFC 4731 RETURN; RFC 5182 SAVE; RFC 7162 §3.1.5 MODSEQ).

use super::{Command, Request};
use crate::cursor::{Cursor, Numbering, Parsed};
use crate::date::Date;
use crate::error::Fault;
use crate::flag::{Keyword, SystemFlags};
use crate::limits;
use crate::search::{DateTest, SearchKey, TextKey};
use crate::set::{NumberSet, SequenceSet};

/// The arguments of SEARCH.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What numbers the answer has; sequence sets in `key` say for themselves what they are.
    pub numbering: Numbering,
    /// What to tell; `None` without RETURN: an untagged SEARCH, or with IMAP4rev2 ESEARCH with ALL.
    pub returns: Option<SearchReturn>,
    /// What to look for.
    pub key: SearchKey,
    /// The charset of its keys is unknown, and so are they: to be answered `NO [BADCHARSET]`, with `$` emptied
    /// as [`SearchReturn::save`] wants.
    pub unknown_charset: bool,
}

/// Result options. `RETURN ()` means ALL (RFC 9051 §6.4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent options, as on the wire")]
pub struct SearchReturn {
    /// The smallest number.
    pub min: bool,
    /// The largest number.
    pub max: bool,
    /// All numbers.
    pub all: bool,
    /// How many.
    pub count: bool,
    /// Keep the result for `$` (RFC 9051 §6.4.4.1). A search that fails with NO empties it, as does
    /// selecting a mailbox; one that fails with BAD leaves it alone.
    pub save: bool,
}

impl SearchReturn {
    /// The messages out of `found` that the answer is about: the first and last where only MIN and
    /// MAX are asked for, else all. These are what SAVE keeps (RFC 9051 §6.4.4.4) and whose highest
    /// modseq the answer bears (RFC 7162 §3.1.10).
    pub fn covered(&self, found: &NumberSet) -> NumberSet {
        if self.all || self.count || !(self.min || self.max) {
            return found.clone();
        }
        let first = found.first().filter(|_| self.min);
        let last = found.last().filter(|_| self.max);
        first.into_iter().chain(last).collect()
    }
}

pub(super) fn parse(cursor: &mut Cursor, numbering: Numbering) -> Parsed<Request> {
    cursor.space()?;
    let returns = if cursor.keyword("RETURN") {
        cursor.space()?;
        let returns = result_options(cursor)?;
        cursor.space()?;
        Some(returns)
    } else {
        None
    };
    if cursor.keyword("CHARSET") {
        cursor.space()?;
        let charset = cursor.text()?;
        if !["US-ASCII", "UTF-8"].iter().any(|known| known.eq_ignore_ascii_case(&charset)) {
            // Only who keeps the result can empty it (RFC 9051 §6.4.4.1): the command goes on to be refused.
            return match returns.is_some_and(|returns| returns.save) {
                true => Ok(Request::Run(Command::Search(Search {
                    numbering,
                    returns,
                    key: SearchKey::All,
                    unknown_charset: true,
                }))),
                false => Err(Fault::BadCharset),
            };
        }
        cursor.space()?;
    }
    let key = Keys { count: 0 }.all(cursor, 0)?;
    cursor.end()?;
    Ok(Request::Run(Command::Search(Search { numbering, returns, key, unknown_charset: false })))
}

fn result_options(cursor: &mut Cursor) -> Parsed<SearchReturn> {
    let mut returns = SearchReturn::default();
    let count = cursor.list_or_empty(limits::OPTIONS_MAX, |cursor| {
        match cursor.word("a result option")?.as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            "SAVE" => returns.save = true,
            _ => return cursor.fault("a known result option"),
        }
        Ok(())
    })?;
    returns.all |= count.is_empty();
    Ok(returns)
}

/// Counts the keys of one command.
struct Keys {
    count: usize,
}

impl Keys {
    /// One or more keys, up to a parenthesis or the end.
    fn all(&mut self, cursor: &mut Cursor, depth: usize) -> Parsed<SearchKey> {
        let mut keys = vec![self.one(cursor, depth)?];
        while matches!(cursor.rest(), [b' ', next, ..] if *next != b')') {
            cursor.space()?;
            keys.push(self.one(cursor, depth)?);
        }
        Ok(if keys.len() == 1 { keys.remove(0) } else { SearchKey::And(keys) })
    }

    fn one(&mut self, cursor: &mut Cursor, depth: usize) -> Parsed<SearchKey> {
        self.count += 1;
        if self.count > limits::SEARCH_KEYS_MAX {
            return Err(Fault::TooMany { what: "search keys", count_max: limits::SEARCH_KEYS_MAX });
        }
        if depth > limits::SEARCH_DEPTH_MAX {
            return Err(Fault::TooDeep { depth_max: limits::SEARCH_DEPTH_MAX });
        }
        match cursor.peek() {
            Some(b'(') => {
                cursor.skip(b'(');
                let key = self.all(cursor, depth + 1)?;
                cursor.skip(b' ');
                cursor.require(b')', "a closing parenthesis")?;
                Ok(key)
            }
            Some(b'0'..=b'9' | b'*' | b'$') => Ok(SearchKey::Sequence(SequenceSet::parse(cursor)?)),
            _ => self.named(cursor, depth),
        }
    }

    fn named(&mut self, cursor: &mut Cursor, depth: usize) -> Parsed<SearchKey> {
        let name = cursor.word("a search key")?;
        if let Some(key) = flag_key(&name) {
            return Ok(key);
        }
        match name.as_str() {
            "NOT" => {
                cursor.space()?;
                Ok(SearchKey::Not(Box::new(self.one(cursor, depth + 1)?)))
            }
            "OR" => {
                cursor.space()?;
                let first = self.one(cursor, depth + 1)?;
                cursor.space()?;
                let second = self.one(cursor, depth + 1)?;
                Ok(SearchKey::Or(Box::new(first), Box::new(second)))
            }
            _ => argument_key(&name, cursor),
        }
    }
}

/// Keys without argument.
fn flag_key(name: &str) -> Option<SearchKey> {
    let set = |flag| SearchKey::Flag(flag);
    let unset = |flag| SearchKey::Not(Box::new(SearchKey::Flag(flag)));
    Some(match name {
        "ALL" => SearchKey::All,
        "ANSWERED" => set(SystemFlags::ANSWERED),
        "DELETED" => set(SystemFlags::DELETED),
        "DRAFT" => set(SystemFlags::DRAFT),
        "FLAGGED" => set(SystemFlags::FLAGGED),
        "SEEN" => set(SystemFlags::SEEN),
        "UNANSWERED" => unset(SystemFlags::ANSWERED),
        "UNDELETED" => unset(SystemFlags::DELETED),
        "UNDRAFT" => unset(SystemFlags::DRAFT),
        "UNFLAGGED" => unset(SystemFlags::FLAGGED),
        "UNSEEN" => unset(SystemFlags::SEEN),
        "RECENT" => SearchKey::Recent,
        "OLD" => SearchKey::Not(Box::new(SearchKey::Recent)),
        "NEW" => SearchKey::And(vec![SearchKey::Recent, unset(SystemFlags::SEEN)]),
        _ => return None,
    })
}

fn argument_key(name: &str, cursor: &mut Cursor) -> Parsed<SearchKey> {
    cursor.space()?;
    let header = |name: &str, value| SearchKey::Text(TextKey::Header { name: name.into(), value });
    Ok(match name {
        "BCC" | "CC" | "FROM" | "TO" => {
            SearchKey::Text(TextKey::Address { name: name.into(), value: cursor.text()? })
        }
        "SUBJECT" => header(name, cursor.text()?),
        "HEADER" => {
            let name = cursor.text()?;
            cursor.space()?;
            header(&name, cursor.text()?)
        }
        "BODY" => SearchKey::Text(TextKey::Body(cursor.text()?)),
        "TEXT" => SearchKey::Text(TextKey::Text(cursor.text()?)),
        "BEFORE" => SearchKey::Internal(DateTest::Before, Date::parse(cursor)?),
        "ON" => SearchKey::Internal(DateTest::On, Date::parse(cursor)?),
        "SINCE" => SearchKey::Internal(DateTest::Since, Date::parse(cursor)?),
        "SENTBEFORE" => SearchKey::Sent(DateTest::Before, Date::parse(cursor)?),
        "SENTON" => SearchKey::Sent(DateTest::On, Date::parse(cursor)?),
        "SENTSINCE" => SearchKey::Sent(DateTest::Since, Date::parse(cursor)?),
        "LARGER" => SearchKey::Larger(cursor.number64()?),
        "SMALLER" => SearchKey::Smaller(cursor.number64()?),
        "UID" => SearchKey::Uid(SequenceSet::parse(cursor)?),
        "KEYWORD" => SearchKey::Keyword(keyword(cursor)?),
        "UNKEYWORD" => SearchKey::Not(Box::new(SearchKey::Keyword(keyword(cursor)?))),
        "MODSEQ" => SearchKey::ModSeq(modseq(cursor)?),
        _ => return cursor.fault("a known search key"),
    })
}

fn keyword(cursor: &mut Cursor) -> Parsed<Keyword> {
    match Keyword::new(&cursor.atom("a keyword")?) {
        Some(keyword) => Ok(keyword),
        None => cursor.fault("a shorter keyword"),
    }
}

/// `["/flags/\Seen" all] modseq` (RFC 7162 §3.1.5). The server keeps one modseq per message, so
/// that the entry makes no difference.
fn modseq(cursor: &mut Cursor) -> Parsed<u64> {
    if cursor.peek() == Some(b'"') {
        let entry = cursor.string()?;
        if !entry.get(..7).is_some_and(|head| head.eq_ignore_ascii_case(b"/flags/")) {
            return cursor.fault("an entry of flags");
        }
        cursor.space()?;
        if !["all", "priv", "shared"].iter().any(|kind| cursor.keyword(kind)) {
            return cursor.fault("all, priv or shared");
        }
        cursor.space()?;
    }
    cursor.number64()
}
