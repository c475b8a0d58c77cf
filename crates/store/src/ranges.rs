//! Sets of UIDs as ordered, disjoint, non-adjacent ranges.

use std::ops::RangeInclusive;

/// A range of UIDs, both ends in it.
pub type UidRange = RangeInclusive<u32>;

/// Orders ranges, joins what overlaps or touches, and drops what is empty or zero.
pub fn normalize(ranges: &[UidRange]) -> Vec<UidRange> {
    let mut sorted: Vec<(u32, u32)> = ranges
        .iter()
        .map(|range| ((*range.start()).max(1), *range.end()))
        .filter(|(first, last)| first <= last)
        .collect();
    sorted.sort_unstable();
    let mut set = RangeSet::default();
    for (first, last) in sorted {
        set.push_range(first, last);
    }
    set.into_vec()
}

/// A set of UIDs that is built in ascending order and then changed here and there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RangeSet {
    ranges: Vec<UidRange>,
}

impl RangeSet {
    /// Adds `uid`, usually one above all so far.
    pub fn insert(&mut self, uid: u32) {
        let at = self.ranges.partition_point(|range| u64::from(*range.end()) + 1 < u64::from(uid));
        let Some(range) = self.ranges.get(at) else {
            self.ranges.push(uid..=uid);
            return;
        };
        if range.contains(&uid) {
            return;
        }
        let (first, last) = (*range.start(), *range.end());
        if u64::from(last) + 1 == u64::from(uid) {
            let joins = self.ranges.get(at + 1).filter(|next| *next.start() == uid.saturating_add(1));
            let end = joins.map(|next| *next.end());
            self.ranges[at] = first..=end.unwrap_or(uid);
            if end.is_some() {
                self.ranges.remove(at + 1);
            }
        } else if uid.checked_add(1) == Some(first) {
            self.ranges[at] = uid..=last;
        } else {
            self.ranges.insert(at, uid..=uid);
        }
    }

    /// Appends a range that starts at or after the start of the last one.
    pub fn push_range(&mut self, first: u32, last: u32) {
        match self.ranges.last_mut() {
            Some(end) if u64::from(first) <= u64::from(*end.end()) + 1 => {
                *end = *end.start()..=(*end.end()).max(last);
            }
            _ => self.ranges.push(first..=last),
        }
    }

    /// Takes the UIDs `first..=last` out.
    pub fn remove(&mut self, first: u32, last: u32) {
        let from = self.ranges.partition_point(|range| *range.end() < first);
        let to = self.ranges.partition_point(|range| *range.start() <= last);
        if from >= to {
            return;
        }
        let (head, tail) = (*self.ranges[from].start(), *self.ranges[to - 1].end());
        let mut keep = Vec::with_capacity(2);
        if head < first {
            keep.push(head..=first - 1);
        }
        if tail > last {
            keep.push(last + 1..=tail);
        }
        self.ranges.splice(from..to, keep);
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The ranges, ascending.
    pub fn into_vec(self) -> Vec<UidRange> {
        self.ranges
    }

    /// The ranges, ascending.
    pub fn as_slice(&self) -> &[UidRange] {
        &self.ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn expand(ranges: &[UidRange]) -> BTreeSet<u32> {
        ranges.iter().cloned().flatten().collect()
    }

    fn is_normal(ranges: &[UidRange]) -> bool {
        ranges.windows(2).all(|two| *two[0].end() + 1 < *two[1].start())
            && ranges.iter().all(|range| range.start() <= range.end())
    }

    proptest! {
        #[test]
        fn normalize_keeps_the_members(list in proptest::collection::vec((1u32..60, 1u32..60), 0..12)) {
            let ranges: Vec<UidRange> = list.iter().map(|(a, b)| *a..=*b).collect();
            let normal = normalize(&ranges);
            prop_assert!(is_normal(&normal));
            prop_assert_eq!(expand(&normal), expand(&ranges));
        }

        #[test]
        fn insert_and_remove_match_a_set(steps in proptest::collection::vec((any::<bool>(), 1u32..40, 0u32..6), 0..60)) {
            let (mut set, mut oracle) = (RangeSet::default(), BTreeSet::new());
            for (add, uid, more) in steps {
                if add {
                    set.insert(uid);
                    oracle.insert(uid);
                } else {
                    set.remove(uid, uid + more);
                    for gone in uid..=uid + more {
                        oracle.remove(&gone);
                    }
                }
                prop_assert!(is_normal(set.as_slice()));
                prop_assert_eq!(expand(set.as_slice()), oracle.clone());
            }
        }
    }

    #[test]
    fn the_ends_of_the_number_range_hold() {
        let mut set = RangeSet::default();
        for uid in [u32::MAX, 1, u32::MAX - 1] {
            set.insert(uid);
        }
        assert_eq!(set.as_slice(), [1..=1, u32::MAX - 1..=u32::MAX]);
        set.remove(1, u32::MAX);
        assert_eq!(set.len(), 0);
        assert_eq!(normalize(&[0..=0, 0..=2]), [1..=2]);
    }
}
