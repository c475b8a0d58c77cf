//! Sets: what is written is read back as the same, and set arithmetic against sets of numbers.
#![no_main]

use imap::Dialect;
use imap::cursor::Cursor;
use imap::set::{Bound, NumberSet, SequenceSet};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

fuzz_target!(|input: (&[u8], u8, Vec<(u8, u8)>, Vec<u8>)| {
    let (bytes, largest, ranges, singles) = input;
    comes_back(bytes);
    agrees_with_oracle(u32::from(largest), &ranges, &singles);
});

fn comes_back(bytes: &[u8]) {
    let mut cursor = Cursor::new(bytes.to_vec(), Dialect::Rev1);
    let Ok(set) = SequenceSet::parse(&mut cursor) else { return };
    let mut written = Vec::new();
    set.write(&mut written);
    let mut cursor = Cursor::new(written, Dialect::Rev1);
    assert_eq!(SequenceSet::parse(&mut cursor), Ok(set.clone()));
    assert!(cursor.end().is_ok());
    for largest in [0, 1, 10, u32::MAX] {
        let Some(numbers) = set.resolve(largest) else { continue };
        for pair in numbers.ranges().windows(2) {
            assert!(u64::from(*pair[0].end()) + 1 < u64::from(*pair[1].start()), "ranges that touch");
        }
        assert_ne!(numbers.first(), Some(0));
        if numbers.is_empty() {
            continue;
        }
        let mut written = Vec::new();
        numbers.write(&mut written);
        let again = SequenceSet::parse(&mut Cursor::new(written, Dialect::Rev1)).expect("a set");
        assert_eq!(again.resolve(largest), Some(numbers));
    }
}

/// Bounds of 0 stand for `*`.
fn agrees_with_oracle(largest: u32, ranges: &[(u8, u8)], singles: &[u8]) {
    let largest = largest.max(1);
    let bound = |n: u8| if n == 0 { Bound::Largest } else { Bound::Number(n.into()) };
    let value = |n: u8| if n == 0 { largest } else { n.into() };
    let set = SequenceSet::Ranges(ranges.iter().map(|(a, b)| (bound(*a), bound(*b))).collect());
    let numbers = set.resolve(largest).expect("ranges");
    let span =
        |(a, b): &(u8, u8)| -> RangeInclusive<u32> { value(*a).min(value(*b))..=value(*a).max(value(*b)) };
    let expected: BTreeSet<u32> = ranges.iter().flat_map(span).collect();
    is_the_same(&numbers, &expected);

    let mut other = NumberSet::new();
    singles.iter().for_each(|n| other.insert(u32::from(*n)));
    let other_expected: BTreeSet<u32> = singles.iter().map(|n| u32::from(*n)).filter(|n| *n > 0).collect();
    is_the_same(&other, &other_expected);
    is_the_same(&other_expected.iter().copied().collect(), &other_expected);
    is_the_same(&numbers.intersection(&other), &expected.intersection(&other_expected).copied().collect());
}

fn is_the_same(set: &NumberSet, expected: &BTreeSet<u32>) {
    assert!(set.iter().eq(expected.iter().copied()));
    assert_eq!(set.count(), expected.len() as u64);
    assert_eq!((set.first(), set.last()), (expected.first().copied(), expected.last().copied()));
    assert!((0..=300).all(|n| set.contains(n) == expected.contains(&n)));
}
