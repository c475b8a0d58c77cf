//! Search trees and their evaluation (RFC 9051 §6.4.4).

use crate::date::Date;
use crate::flag::{Keyword, SystemFlags};
use crate::set::{NumberSet, SequenceSet};

/// What to look for. As parsed its sets are [`SequenceSet`]s; [`SearchKey::resolve`] makes them
/// [`NumberSet`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey<Set = SequenceSet> {
    /// Every message.
    All,
    /// All of these, at least one.
    And(Vec<SearchKey<Set>>),
    /// Either.
    Or(Box<SearchKey<Set>>, Box<SearchKey<Set>>),
    /// The opposite.
    Not(Box<SearchKey<Set>>),
    /// Sequence numbers.
    Sequence(Set),
    /// UIDs.
    Uid(Set),
    /// A system flag is set.
    Flag(SystemFlags),
    /// A keyword is set.
    Keyword(Keyword),
    /// The message is recent (RFC 3501 only).
    Recent,
    /// More than so many bytes.
    Larger(u64),
    /// Fewer than so many bytes.
    Smaller(u64),
    /// The day of arrival, its time and zone disregarded.
    Internal(DateTest, Date),
    /// The day of the Date field, its time and zone disregarded.
    Sent(DateTest, Date),
    /// The modseq is at least this (RFC 7162 §3.1.5).
    ModSeq(u64),
    /// Text of the message.
    Text(TextKey),
}

/// How a date is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTest {
    /// Earlier.
    Before,
    /// The same day.
    On,
    /// The same day or later.
    Since,
}

impl DateTest {
    fn holds(self, date: Date, limit: Date) -> bool {
        match self {
            DateTest::Before => date < limit,
            DateTest::On => date == limit,
            DateTest::Since => date >= limit,
        }
    }
}

/// Text to be found anywhere, in any case, in the decoded message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TextKey {
    /// In the addresses of a field, as the envelope has them: BCC, CC, FROM and TO. An empty `value` asks for
    /// the field itself.
    Address {
        /// The field's name, in any case.
        name: String,
        /// What it holds.
        value: String,
    },
    /// In the text of a header field; an empty `value` asks for the field itself. SUBJECT and HEADER are such.
    Header {
        /// The field's name, in any case.
        name: String,
        /// What it holds.
        value: String,
    },
    /// In the body.
    Body(String),
    /// In header or body.
    Text(String),
}

/// A message as the evaluator sees it. All but [`Candidate::matches`] must be cheap.
pub trait Candidate {
    /// Its UID.
    fn uid(&self) -> u32;
    /// Its sequence number.
    fn sequence(&self) -> u32;
    /// Its system flags.
    fn flags(&self) -> SystemFlags;
    /// Whether the keyword is set.
    fn has_keyword(&self, keyword: &Keyword) -> bool;
    /// Whether it is recent in this session.
    fn is_recent(&self) -> bool;
    /// RFC822.SIZE
    fn size_bytes(&self) -> u64;
    /// The day of arrival.
    fn internal_date(&self) -> Date;
    /// The day of the Date field, if there is a readable one.
    fn sent_date(&self) -> Option<Date>;
    /// Its modseq.
    fn modseq(&self) -> u64;
    /// Whether the text is found; `None` when that is not known yet.
    fn matches(&self, key: &TextKey) -> Option<bool>;
}

impl SearchKey<SequenceSet> {
    /// Settles what `*` and `$` mean.
    ///
    /// - `messages`: how many messages there are, the largest sequence number.
    /// - `uid_largest`: the largest UID, 0 if there is no message.
    /// - `saved`: the UIDs that the session keeps for `$`.
    pub fn resolve(&self, messages: u32, uid_largest: u32, saved: &NumberSet) -> SearchKey<NumberSet> {
        let one = |key: &SearchKey| key.resolve(messages, uid_largest, saved);
        match self {
            // RFC 9051 §6.4.4.1: `$` means messages, not numbers.
            SearchKey::Sequence(set) => match set.resolve(messages) {
                Some(numbers) => SearchKey::Sequence(numbers),
                None => SearchKey::Uid(saved.clone()),
            },
            SearchKey::Uid(set) => SearchKey::Uid(set.resolve(uid_largest).unwrap_or_else(|| saved.clone())),
            SearchKey::And(keys) => SearchKey::And(keys.iter().map(one).collect()),
            SearchKey::Or(first, second) => SearchKey::Or(Box::new(one(first)), Box::new(one(second))),
            SearchKey::Not(key) => SearchKey::Not(Box::new(one(key))),
            SearchKey::All => SearchKey::All,
            SearchKey::Flag(flags) => SearchKey::Flag(*flags),
            SearchKey::Keyword(keyword) => SearchKey::Keyword(keyword.clone()),
            SearchKey::Recent => SearchKey::Recent,
            SearchKey::Larger(size) => SearchKey::Larger(*size),
            SearchKey::Smaller(size) => SearchKey::Smaller(*size),
            SearchKey::Internal(test, date) => SearchKey::Internal(*test, *date),
            SearchKey::Sent(test, date) => SearchKey::Sent(*test, *date),
            SearchKey::ModSeq(modseq) => SearchKey::ModSeq(*modseq),
            SearchKey::Text(key) => SearchKey::Text(key.clone()),
        }
    }
}

impl<Set> SearchKey<Set> {
    /// Whether `accepts` holds for any key of the tree.
    fn any(&self, accepts: &mut impl FnMut(&SearchKey<Set>) -> bool) -> bool {
        accepts(self)
            || match self {
                SearchKey::And(keys) => keys.iter().any(|key| key.any(accepts)),
                SearchKey::Or(first, second) => first.any(accepts) || second.any(accepts),
                SearchKey::Not(key) => key.any(accepts),
                _ => false,
            }
    }

    /// Whether MODSEQ is among the keys: the answer then bears the highest modseq found (RFC 7162
    /// §3.1.5).
    pub fn uses_modseq(&self) -> bool {
        self.any(&mut |key| matches!(key, SearchKey::ModSeq(_)))
    }

    /// Whether any key needs the message's text.
    pub fn uses_text(&self) -> bool {
        self.any(&mut |key| matches!(key, SearchKey::Text(_)))
    }
}

/// Whether a message is meant, in three-valued logic: `None` when that depends on a text whose
/// [`Candidate::matches`] said `None`.
///
/// Cheap facts come first: `matches` is asked only if the cheap keys beside it leave the result
/// open. So a first pass with a candidate that always says `None` settles all it can without
/// opening a message, and a second pass asks for the few texts that are left.
pub fn evaluate(key: &SearchKey<NumberSet>, candidate: &dyn Candidate) -> Option<bool> {
    match judge(key, candidate, false) {
        None => judge(key, candidate, true),
        known => known,
    }
}

fn judge(key: &SearchKey<NumberSet>, candidate: &dyn Candidate, texts: bool) -> Option<bool> {
    let one = |key: &SearchKey<NumberSet>| judge(key, candidate, texts);
    Some(match key {
        SearchKey::All => true,
        SearchKey::And(keys) => return conjunction(keys, candidate, texts),
        SearchKey::Or(first, second) => return disjunction([first, second], candidate, texts),
        SearchKey::Not(key) => !one(key)?,
        SearchKey::Sequence(set) => set.contains(candidate.sequence()),
        SearchKey::Uid(set) => set.contains(candidate.uid()),
        SearchKey::Flag(flag) => candidate.flags().contains(*flag),
        SearchKey::Keyword(keyword) => candidate.has_keyword(keyword),
        SearchKey::Recent => candidate.is_recent(),
        SearchKey::Larger(size) => candidate.size_bytes() > *size,
        SearchKey::Smaller(size) => candidate.size_bytes() < *size,
        SearchKey::Internal(test, date) => test.holds(candidate.internal_date(), *date),
        SearchKey::Sent(test, date) => candidate.sent_date().is_some_and(|sent| test.holds(sent, *date)),
        SearchKey::ModSeq(modseq) => candidate.modseq() >= *modseq,
        SearchKey::Text(text) => return if texts { candidate.matches(text) } else { None },
    })
}

/// False as soon as one key is false, before any text is asked for.
fn conjunction(keys: &[SearchKey<NumberSet>], candidate: &dyn Candidate, texts: bool) -> Option<bool> {
    let mut open = Vec::new();
    for key in keys {
        match judge(key, candidate, false) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => open.push(key),
        }
    }
    let mut all = Some(true);
    for key in open {
        match if texts { judge(key, candidate, true) } else { None } {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

/// True as soon as one key is true, before any text is asked for.
fn disjunction(keys: [&SearchKey<NumberSet>; 2], candidate: &dyn Candidate, texts: bool) -> Option<bool> {
    let cheap = keys.map(|key| judge(key, candidate, false));
    if cheap.contains(&Some(true)) {
        return Some(true);
    }
    let mut any = Some(false);
    for (key, known) in keys.iter().zip(cheap) {
        let known = if known.is_none() && texts { judge(key, candidate, true) } else { known };
        match known {
            Some(true) => return Some(true),
            Some(false) => {}
            None => any = None,
        }
    }
    any
}

#[cfg(test)]
mod tests;
