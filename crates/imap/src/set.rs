//! Sets of message numbers: as a client writes them, and resolved (RFC 9051 §9 `sequence-set`).

use crate::cursor::{Cursor, Parsed};
use crate::error::Fault;
use crate::limits;
use crate::response::number;
use std::ops::RangeInclusive;

/// A bound of a range: a number, or `*` for the largest in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A number, never 0.
    Number(u32),
    /// `*`.
    Largest,
}

/// A set as a client writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceSet {
    /// `$`: the result that `SEARCH RETURN (SAVE)` kept (RFC 9051 §6.4.4.1). Messages, whatever the
    /// numbering of the command.
    Saved,
    /// 1 to [`limits::SEQUENCE_RANGES_MAX`] ranges in the order sent; a single number is a range
    /// whose bounds are equal, and bounds may stand in either order.
    Ranges(Vec<(Bound, Bound)>),
}

impl SequenceSet {
    /// Reads `$` or ranges.
    ///
    /// # Errors
    /// Syntax, or more than [`limits::SEQUENCE_RANGES_MAX`] ranges.
    pub fn parse(cursor: &mut Cursor) -> Parsed<SequenceSet> {
        if cursor.skip(b'$') {
            return Ok(SequenceSet::Saved);
        }
        let mut ranges = Vec::new();
        loop {
            if ranges.len() == limits::SEQUENCE_RANGES_MAX {
                return Err(Fault::TooMany {
                    what: "ranges in a set",
                    count_max: limits::SEQUENCE_RANGES_MAX,
                });
            }
            let first = bound(cursor)?;
            let second = if cursor.skip(b':') { bound(cursor)? } else { first };
            ranges.push((first, second));
            if !cursor.skip(b',') {
                return Ok(SequenceSet::Ranges(ranges));
            }
        }
    }

    /// The numbers meant when `largest` is the largest in use (0: there is none). `None` for `$`,
    /// whose messages the session keeps.
    pub fn resolve(&self, largest: u32) -> Option<NumberSet> {
        let SequenceSet::Ranges(ranges) = self else { return None };
        let value = |bound: &Bound| match bound {
            Bound::Number(number) => *number,
            Bound::Largest => largest,
        };
        Some(NumberSet::from_ranges(ranges.iter().filter_map(|(first, second)| {
            let (first, second) = (value(first), value(second));
            let (low, high) = (first.min(second).max(1), first.max(second));
            (low <= high).then_some(low..=high)
        })))
    }

    /// Appends the set as a client would write it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let SequenceSet::Ranges(ranges) = self else { return out.push(b'$') };
        for (index, (first, second)) in ranges.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_bound(*first, out);
            if first != second {
                out.push(b':');
                write_bound(*second, out);
            }
        }
    }
}

fn bound(cursor: &mut Cursor) -> Parsed<Bound> {
    if cursor.skip(b'*') {
        return Ok(Bound::Largest);
    }
    match cursor.peek() {
        Some(b'1'..=b'9') => Ok(Bound::Number(cursor.number()?)),
        _ => cursor.fault("a message number above 0 or *"),
    }
}

fn write_bound(bound: Bound, out: &mut Vec<u8>) {
    match bound {
        Bound::Number(value) => number(value, out),
        Bound::Largest => out.push(b'*'),
    }
}

/// A set of numbers: ranges in ascending order that neither touch nor overlap, none holding 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberSet {
    ranges: Vec<RangeInclusive<u32>>,
}

impl NumberSet {
    /// The empty set.
    pub fn new() -> NumberSet {
        NumberSet::default()
    }

    /// The union of ranges in any order; 0 is left out.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> NumberSet {
        let mut sorted: Vec<_> = ranges
            .into_iter()
            .map(|range| (*range.start()).max(1)..=*range.end())
            .filter(|range| !range.is_empty())
            .collect();
        sorted.sort_unstable_by_key(|range| *range.start());
        let mut set = NumberSet { ranges: Vec::new() };
        for range in sorted {
            set.append(range);
        }
        set
    }

    /// Adds a range that starts no earlier than the last one.
    fn append(&mut self, range: RangeInclusive<u32>) {
        match self.ranges.last_mut() {
            Some(last) if u64::from(*range.start()) <= u64::from(*last.end()) + 1 => {
                *last = *last.start()..=(*last.end()).max(*range.end());
            }
            _ => self.ranges.push(range),
        }
    }

    /// Adds one number; fast when numbers come in ascending order.
    pub fn insert(&mut self, number: u32) {
        if number == 0 || self.contains(number) {
            return;
        }
        if self.last().is_none_or(|last| last < number) {
            return self.append(number..=number);
        }
        let all = std::mem::take(&mut self.ranges);
        *self = NumberSet::from_ranges(all.into_iter().chain([number..=number]));
    }

    /// Adds all of another set; fast when it lies behind this one.
    pub fn extend(&mut self, other: &NumberSet) {
        if self.last().unwrap_or(0) < other.first().unwrap_or(0) {
            return other.ranges.iter().for_each(|range| self.append(range.clone()));
        }
        *self = NumberSet::from_ranges(self.ranges.iter().chain(&other.ranges).cloned());
    }

    /// Takes away what is in another set; fast when nothing of it is here.
    pub fn subtract(&mut self, other: &NumberSet) {
        if !other.ranges.iter().any(|range| self.touches(range)) {
            return;
        }
        let mut left = Vec::with_capacity(self.ranges.len() + other.ranges.len());
        let mut cuts = other.ranges.iter().peekable();
        for range in &self.ranges {
            let mut low = Some(*range.start());
            while let Some(cut) = cuts.peek().filter(|cut| cut.start() <= range.end()) {
                let before = low.filter(|low| low < cut.start()).map(|low| low..=cut.start() - 1);
                left.extend(before);
                low = low.and_then(|low| Some(low.max(cut.end().checked_add(1)?)));
                if cut.end() > range.end() {
                    // It may concern the next range, too.
                    break;
                }
                cuts.next();
            }
            left.extend(low.filter(|low| low <= range.end()).map(|low| low..=*range.end()));
        }
        self.ranges = left;
    }

    /// True if a number of the range is in the set; O(log ranges).
    fn touches(&self, range: &RangeInclusive<u32>) -> bool {
        let at = self.ranges.partition_point(|own| own.end() < range.start());
        self.ranges.get(at).is_some_and(|own| own.start() <= range.end())
    }

    /// Whether `number` belongs to the set; O(log ranges).
    pub fn contains(&self, number: u32) -> bool {
        let after = self.ranges.partition_point(|range| *range.start() <= number);
        after > 0 && number <= *self.ranges[after - 1].end()
    }

    /// The ranges in ascending order.
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.ranges
    }

    /// The numbers in ascending order. A set that a client wrote may hold four thousand million:
    /// cut it down to the messages that exist first ([`crate::seqmap::SeqMap::existing`]).
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| u64::from(range.end() - range.start()) + 1).sum()
    }

    /// True for the empty set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The smallest number.
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|range| *range.start())
    }

    /// The largest number.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| *range.end())
    }

    /// The numbers that are in both sets.
    pub fn intersection(&self, other: &NumberSet) -> NumberSet {
        let (mut a, mut b) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            let (low, high) = ((*x.start()).max(*y.start()), (*x.end()).min(*y.end()));
            if low <= high {
                ranges.push(low..=high);
            }
            if x.end() <= y.end() {
                a.next()
            } else {
                b.next()
            };
        }
        NumberSet { ranges }
    }

    /// Appends the set as `1:3,5`. An empty set has no written form (RFC 9051 §9) and must not be
    /// written.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (index, range) in self.ranges.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            number(*range.start(), out);
            if range.start() != range.end() {
                out.push(b':');
                number(*range.end(), out);
            }
        }
    }
}

impl FromIterator<u32> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> NumberSet {
        NumberSet::from_ranges(numbers.into_iter().map(|number| number..=number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Dialect;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn parse(text: &str) -> Parsed<SequenceSet> {
        let mut cursor = Cursor::new(text.into(), Dialect::Rev1);
        let set = SequenceSet::parse(&mut cursor)?;
        cursor.end()?;
        Ok(set)
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sets_and_what_they_mean_with_ten_messages() {
        for (text, expected) in [
            ("1", "1"),
            ("*", "10"),
            ("2:4", "2:4"),
            ("4:2", "2:4"),
            ("1,2,3", "1:3"),
            ("3:5,1:3,9", "1:5,9"),
            ("*:8", "8:10"),
            ("8:*", "8:10"),
            // RFC 9051 §6.4.9: n:* names the largest message even when n is above it.
            ("12:*", "10:12"),
            ("4294967295:*", "10:4294967295"),
        ] {
            let set = parse(text).unwrap().resolve(10).unwrap();
            assert_eq!(written(|out| set.write(out)), expected, "{text}");
        }
        assert_eq!(parse("$"), Ok(SequenceSet::Saved));
        assert_eq!(parse("$").unwrap().resolve(10), None);
        assert!(parse("*").unwrap().resolve(0).unwrap().is_empty());
        assert!(parse("*:*").unwrap().resolve(0).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_set() {
        for text in [
            "",
            "0",
            "1,",
            ",1",
            "1:",
            ":1",
            "0:2",
            "1:0",
            "1;2",
            "4294967296",
            "$,1",
            "1,$",
            "01",
            "a",
            "1:2:3",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let many = vec!["1"; limits::SEQUENCE_RANGES_MAX].join(",");
        assert!(parse(&many).is_ok());
        assert!(matches!(parse(&format!("{many},1")), Err(Fault::TooMany { .. })));
    }

    fn bounds() -> impl Strategy<Value = Bound> {
        prop_oneof![9 => (1u32..60).prop_map(Bound::Number), 1 => Just(Bound::Largest)]
    }

    fn numbers() -> impl Strategy<Value = u32> {
        prop_oneof![9 => 1u32..40, 1 => u32::MAX - 3..=u32::MAX]
    }

    proptest! {
        #[test]
        fn sets_mean_what_a_naive_reading_says(
            ranges in proptest::collection::vec((bounds(), bounds()), 1..12),
            largest in 0u32..50,
        ) {
            let set = SequenceSet::Ranges(ranges.clone());
            let mut naive = BTreeSet::new();
            for (a, b) in &ranges {
                let value = |bound: &Bound| if let Bound::Number(n) = bound { *n } else { largest };
                let (a, b) = (value(a), value(b));
                naive.extend((a.min(b)..=a.max(b)).filter(|n| *n > 0));
            }
            let resolved = set.resolve(largest).unwrap();
            prop_assert_eq!(resolved.iter().collect::<Vec<_>>(), naive.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(resolved.count(), naive.len() as u64);
            prop_assert_eq!(resolved.first(), naive.first().copied());
            for number in 0..70 {
                prop_assert_eq!(resolved.contains(number), naive.contains(&number));
            }
            for pair in resolved.ranges().windows(2) {
                prop_assert!(pair[0].end() + 1 < *pair[1].start());
            }
            let mut inserted = NumberSet::new();
            for (a, b) in &ranges {
                let one = SequenceSet::Ranges(vec![(*a, *b)]).resolve(largest).unwrap();
                one.iter().for_each(|n| inserted.insert(n));
            }
            prop_assert_eq!(&inserted, &resolved);
            prop_assert_eq!(parse(&written(|out| set.write(out))).unwrap(), set);
        }

        #[test]
        fn intersections(a in proptest::collection::btree_set(1u32..40, 0..20), b in proptest::collection::btree_set(1u32..40, 0..20)) {
            let both: NumberSet = a.intersection(&b).copied().collect();
            let (a, b): (NumberSet, NumberSet) = (a.into_iter().collect(), b.into_iter().collect());
            prop_assert_eq!(a.intersection(&b), both);
        }

        #[test]
        fn sums_and_differences(
            a in proptest::collection::btree_set(numbers(), 0..20),
            b in proptest::collection::btree_set(numbers(), 0..20),
        ) {
            let set = |numbers: &BTreeSet<u32>| numbers.iter().copied().collect::<NumberSet>();
            let mut sum = set(&a);
            sum.extend(&set(&b));
            prop_assert_eq!(sum, set(&a.union(&b).copied().collect()));
            let mut difference = set(&a);
            difference.subtract(&set(&b));
            prop_assert_eq!(difference, set(&a.difference(&b).copied().collect()));
        }
    }
}
