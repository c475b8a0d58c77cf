use super::*;
use crate::set::Bound;
use proptest::prelude::*;
use std::cell::RefCell;

/// A message, and which texts it has.
#[derive(Debug, Clone)]
struct Message {
    uid: u32,
    sequence: u32,
    flags: SystemFlags,
    keyword: bool,
    recent: bool,
    size: u64,
    arrived: i32,
    sent: Option<i32>,
    modseq: u64,
    text: Vec<char>,
    /// Whether the text can be read yet.
    readable: bool,
}

struct Seen<'a> {
    message: &'a Message,
    asked: RefCell<Vec<TextKey>>,
}

impl Candidate for Seen<'_> {
    fn uid(&self) -> u32 {
        self.message.uid
    }
    fn sequence(&self) -> u32 {
        self.message.sequence
    }
    fn flags(&self) -> SystemFlags {
        self.message.flags
    }
    fn has_keyword(&self, keyword: &Keyword) -> bool {
        self.message.keyword && keyword.as_str() == "$Junk"
    }
    fn is_recent(&self) -> bool {
        self.message.recent
    }
    fn size_bytes(&self) -> u64 {
        self.message.size
    }
    fn internal_date(&self) -> Date {
        Date::from_days(self.message.arrived)
    }
    fn sent_date(&self) -> Option<Date> {
        self.message.sent.map(Date::from_days)
    }
    fn modseq(&self) -> u64 {
        self.message.modseq
    }
    fn matches(&self, key: &TextKey) -> Option<bool> {
        self.asked.borrow_mut().push(key.clone());
        let TextKey::Body(wanted) = key else { return None };
        self.message.readable.then(|| wanted.chars().all(|c| self.message.text.contains(&c)))
    }
}

fn body(text: &str) -> SearchKey<NumberSet> {
    SearchKey::Text(TextKey::Body(text.into()))
}

fn messages() -> impl Strategy<Value = Message> {
    let facts = (1u32..20, 1u32..20, 0u8..32, any::<bool>(), any::<bool>(), 0u64..20);
    let more = (0i32..10, proptest::option::of(0i32..10), 1u64..20, any::<bool>());
    (facts, more, proptest::collection::vec(prop_oneof![Just('a'), Just('b'), Just('c')], 0..3)).prop_map(
        |((uid, sequence, bits, keyword, recent, size), (arrived, sent, modseq, readable), text)| {
            let flags = SystemFlags::NAMES.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            let flags = flags.fold(SystemFlags::NONE, |all, (_, (flag, _))| all.union(*flag));
            Message { uid, sequence, flags, keyword, recent, size, arrived, sent, modseq, text, readable }
        },
    )
}

fn keys() -> impl Strategy<Value = SearchKey<NumberSet>> {
    let numbers =
        || proptest::collection::vec(1u32..20, 1..4).prop_map(|n| n.into_iter().collect::<NumberSet>());
    let test = || prop_oneof![Just(DateTest::Before), Just(DateTest::On), Just(DateTest::Since)];
    let leaf = prop_oneof![
        Just(SearchKey::All),
        Just(SearchKey::Recent),
        numbers().prop_map(SearchKey::Sequence),
        numbers().prop_map(SearchKey::Uid),
        (0usize..5).prop_map(|at| SearchKey::Flag(SystemFlags::NAMES[at].0)),
        Just(SearchKey::Keyword(Keyword::new("$Junk").unwrap())),
        (0u64..20).prop_map(SearchKey::Larger),
        (0u64..20).prop_map(SearchKey::Smaller),
        (test(), 0i32..10).prop_map(|(test, day)| SearchKey::Internal(test, Date::from_days(day))),
        (test(), 0i32..10).prop_map(|(test, day)| SearchKey::Sent(test, Date::from_days(day))),
        (1u64..20).prop_map(SearchKey::ModSeq),
        "[abc]{0,2}".prop_map(|text| body(&text)),
        "[abc]{0,2}".prop_map(|text| body(&text)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(SearchKey::And),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| SearchKey::Or(Box::new(a), Box::new(b))),
            inner.prop_map(|key| SearchKey::Not(Box::new(key))),
        ]
    })
}

/// Every key evaluated, nothing skipped: Kleene's tables.
fn naive(key: &SearchKey<NumberSet>, m: &Message) -> Option<bool> {
    let date = |test: &DateTest, day: i32, limit: &Date| match test {
        DateTest::Before => day < limit.days(),
        DateTest::On => day == limit.days(),
        DateTest::Since => day >= limit.days(),
    };
    match key {
        SearchKey::And(keys) => {
            let all: Vec<_> = keys.iter().map(|key| naive(key, m)).collect();
            if all.contains(&Some(false)) { Some(false) } else { (!all.contains(&None)).then_some(true) }
        }
        SearchKey::Or(a, b) => {
            let all = [naive(a, m), naive(b, m)];
            if all.contains(&Some(true)) { Some(true) } else { (!all.contains(&None)).then_some(false) }
        }
        SearchKey::Not(key) => naive(key, m).map(|known| !known),
        SearchKey::Text(TextKey::Body(text)) => m.readable.then(|| text.chars().all(|c| m.text.contains(&c))),
        SearchKey::Text(_) => None,
        SearchKey::All => Some(true),
        SearchKey::Recent => Some(m.recent),
        SearchKey::Sequence(set) => Some(set.iter().any(|n| n == m.sequence)),
        SearchKey::Uid(set) => Some(set.iter().any(|n| n == m.uid)),
        SearchKey::Flag(flag) => Some(m.flags.union(*flag) == m.flags),
        SearchKey::Keyword(_) => Some(m.keyword),
        SearchKey::Larger(size) => Some(m.size > *size),
        SearchKey::Smaller(size) => Some(m.size < *size),
        SearchKey::Internal(test, limit) => Some(date(test, m.arrived, limit)),
        SearchKey::Sent(test, limit) => Some(m.sent.is_some_and(|sent| date(test, sent, limit))),
        SearchKey::ModSeq(modseq) => Some(m.modseq >= *modseq),
    }
}

proptest! {
    #[test]
    fn evaluation_agrees_with_the_tables_and_asks_for_no_text_in_vain(key in keys(), message in messages()) {
        let seen = Seen { message: &message, asked: RefCell::default() };
        prop_assert_eq!(evaluate(&key, &seen), naive(&key, &message));
        let closed = Message { readable: false, ..message.clone() };
        if naive(&key, &closed).is_some() {
            prop_assert!(seen.asked.borrow().is_empty(), "cheap facts settle it");
        }
        if !key.uses_text() {
            prop_assert!(naive(&key, &closed).is_some());
        }
    }
}

#[test]
fn cheap_keys_spare_the_text_wherever_they_stand() {
    let message = Message {
        uid: 7,
        sequence: 1,
        flags: SystemFlags::SEEN,
        keyword: false,
        recent: false,
        size: 10,
        arrived: 0,
        sent: None,
        modseq: 1,
        text: vec!['a'],
        readable: true,
    };
    let unseen = SearchKey::Not(Box::new(SearchKey::Flag(SystemFlags::SEEN)));
    let nested = SearchKey::Or(Box::new(body("a")), Box::new(SearchKey::Flag(SystemFlags::SEEN)));
    for (key, expected, asks) in [
        (SearchKey::And(vec![body("a"), unseen.clone()]), false, 0),
        (SearchKey::Or(Box::new(body("a")), Box::new(SearchKey::All)), true, 0),
        (SearchKey::And(vec![SearchKey::And(vec![body("a"), body("b")]), unseen]), false, 0),
        (SearchKey::Not(Box::new(nested)), false, 0),
        (SearchKey::And(vec![body("b"), body("a")]), false, 1),
        (SearchKey::And(vec![body("a"), SearchKey::All]), true, 1),
    ] {
        let seen = Seen { message: &message, asked: RefCell::default() };
        assert_eq!(evaluate(&key, &seen), Some(expected), "{key:?}");
        assert_eq!(seen.asked.borrow().len(), asks, "{key:?}");
    }
}

#[test]
fn sets_are_resolved_against_the_mailbox() {
    let saved: NumberSet = [3, 4].into_iter().collect();
    let last = || SequenceSet::Ranges(vec![(Bound::Largest, Bound::Largest)]);
    let set = |number: u32| [number].into_iter().collect::<NumberSet>();
    for (key, expected) in [
        (SearchKey::Sequence(last()), SearchKey::Sequence(set(5))),
        (SearchKey::Uid(last()), SearchKey::Uid(set(99))),
        (SearchKey::Sequence(SequenceSet::Saved), SearchKey::Uid(saved.clone())),
        (SearchKey::Uid(SequenceSet::Saved), SearchKey::Uid(saved.clone())),
        (SearchKey::Not(Box::new(SearchKey::All)), SearchKey::Not(Box::new(SearchKey::All))),
    ] {
        assert_eq!(key.resolve(5, 99, &saved), expected);
    }
}
