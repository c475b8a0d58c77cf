//! The session's view of a mailbox: which sequence number is which UID.

use crate::set::NumberSet;
use std::ops::RangeInclusive;

/// A mapping between sequence numbers 1…n and ascending UIDs. Dense stretches of UIDs cost one
/// entry however long they are; look-ups both ways take O(log stretches).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeqMap {
    runs: Vec<Run>,
}

/// A stretch of UIDs without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first_uid: u32,
    last_uid: u32,
    /// How many messages come before the stretch.
    before: u32,
}

impl Run {
    fn len(self) -> u32 {
        self.last_uid - self.first_uid + 1
    }
}

impl SeqMap {
    /// An empty mailbox.
    pub fn new() -> SeqMap {
        SeqMap::default()
    }

    /// How many messages there are.
    pub fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.before + run.len())
    }

    /// True when there is no message.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The largest UID, 0 when there is no message.
    pub fn last_uid(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.last_uid)
    }

    /// Adds a message; false, and nothing changes, unless its UID is above all others.
    pub fn append(&mut self, uid: u32) -> bool {
        if uid <= self.last_uid() {
            return false;
        }
        let before = self.len();
        match self.runs.last_mut() {
            Some(run) if run.last_uid + 1 == uid => run.last_uid = uid,
            _ => self.runs.push(Run { first_uid: uid, last_uid: uid, before }),
        }
        true
    }

    /// The UID of a sequence number.
    pub fn uid(&self, sequence: u32) -> Option<u32> {
        let at = self.runs.partition_point(|run| run.before < sequence).checked_sub(1)?;
        let run = self.runs[at];
        let offset = sequence - run.before - 1;
        (offset < run.len()).then(|| run.first_uid + offset)
    }

    /// The sequence number of a UID.
    pub fn sequence(&self, uid: u32) -> Option<u32> {
        let run = self.runs[self.run_of(uid)?];
        Some(run.before + (uid - run.first_uid) + 1)
    }

    fn run_of(&self, uid: u32) -> Option<usize> {
        let at = self.runs.partition_point(|run| run.first_uid <= uid).checked_sub(1)?;
        (uid <= self.runs[at].last_uid).then_some(at)
    }

    /// Removes a message and gives the sequence number it had, for its EXPUNGE response.
    pub fn expunge(&mut self, uid: u32) -> Option<u32> {
        let at = self.run_of(uid)?;
        let run = self.runs[at];
        let sequence = run.before + (uid - run.first_uid) + 1;
        for later in &mut self.runs[at + 1..] {
            later.before -= 1;
        }
        let left = (run.first_uid < uid).then(|| Run { last_uid: uid - 1, ..run });
        let right = (uid < run.last_uid).then(|| Run { first_uid: uid + 1, before: sequence - 1, ..run });
        self.runs.splice(at..=at, left.into_iter().chain(right));
        Some(sequence)
    }

    /// Removes many messages at once, in time proportional to the stretches. `each` is told the
    /// numbers for their EXPUNGE responses in order: each holds after those before it.
    pub fn expunge_all(&mut self, uids: &NumberSet, mut each: impl FnMut(u32)) {
        let gone = self.existing(uids);
        for (removed, sequence) in (0..).zip(self.sequences_of(&gone).iter()) {
            each(sequence - removed);
        }
        let mut rest = SeqMap::new();
        let mut gone = gone.ranges().iter().peekable();
        for run in &self.runs {
            // Only existing UIDs are in `gone` and stretches have gaps between them, so that no
            // range reaches beyond its stretch.
            let mut first = Some(run.first_uid);
            while let Some(range) = gone.next_if(|range| *range.start() <= run.last_uid) {
                if let Some(first) = first.filter(|first| first < range.start()) {
                    rest.append_run(first, range.start() - 1);
                }
                first = range.end().checked_add(1);
            }
            if let Some(first) = first.filter(|first| *first <= run.last_uid) {
                rest.append_run(first, run.last_uid);
            }
        }
        *self = rest;
    }

    fn append_run(&mut self, first_uid: u32, last_uid: u32) {
        let before = self.len();
        self.runs.push(Run { first_uid, last_uid, before });
    }

    /// All UIDs in ascending order.
    pub fn uids(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|run| run.first_uid..=run.last_uid)
    }

    /// The UIDs as a set.
    pub fn uid_set(&self) -> NumberSet {
        NumberSet::from_ranges(self.runs.iter().map(|run| run.first_uid..=run.last_uid))
    }

    /// The UIDs out of `uids` that exist.
    pub fn existing(&self, uids: &NumberSet) -> NumberSet {
        NumberSet::from_ranges(self.stretches(uids).map(|(_, uids)| uids))
    }

    /// Sequence number and UID of each message out of `uids` that exists, in ascending order.
    pub fn pairs<'a>(&'a self, uids: &'a NumberSet) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.stretches(uids).flat_map(|(sequence, uids)| (sequence..).zip(uids))
    }

    /// The existing UIDs out of `uids` in stretches without gap, each with its first sequence number.
    fn stretches<'a>(&'a self, uids: &'a NumberSet) -> impl Iterator<Item = (u32, RangeInclusive<u32>)> + 'a {
        uids.ranges().iter().flat_map(|range| {
            let (low, high) = (*range.start(), *range.end());
            let from = self.runs.partition_point(|run| run.last_uid < low);
            let touched = self.runs[from..].iter().take_while(move |run| run.first_uid <= high);
            touched.map(move |run| {
                let (low, high) = (low.max(run.first_uid), high.min(run.last_uid));
                (run.before + 1 + (low - run.first_uid), low..=high)
            })
        })
    }

    /// The UIDs of these sequence numbers; numbers without message are passed over.
    pub fn uids_of(&self, sequences: &NumberSet) -> NumberSet {
        NumberSet::from_ranges(sequences.ranges().iter().flat_map(|range| {
            let (low, high) = (*range.start(), *range.end());
            let from = self.runs.partition_point(|run| run.before + run.len() < low);
            let touched = self.runs[from..].iter().take_while(move |run| run.before < high);
            touched.map(move |run| {
                let low = low.max(run.before + 1) - run.before - 1;
                let high = high.min(run.before + run.len()) - run.before - 1;
                run.first_uid + low..=run.first_uid + high
            })
        }))
    }

    /// The sequence numbers of these UIDs; UIDs without message are passed over.
    pub fn sequences_of(&self, uids: &NumberSet) -> NumberSet {
        NumberSet::from_ranges(self.stretches(uids).map(|(sequence, uids)| {
            let count = uids.end() - uids.start();
            sequence..=sequence + count
        }))
    }
}

impl FromIterator<u32> for SeqMap {
    /// From UIDs in ascending order; others are passed over.
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> SeqMap {
        let mut map = SeqMap::new();
        for uid in uids {
            map.append(uid);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(uids: &[u32]) -> SeqMap {
        let mut map = SeqMap::new();
        assert!(uids.iter().all(|uid| map.append(*uid)));
        map
    }

    #[test]
    fn a_dense_mailbox_is_one_entry() {
        let map = SeqMap::from_iter(1..=1_000_000);
        assert_eq!((map.runs.len(), map.len(), map.last_uid()), (1, 1_000_000, 1_000_000));
        assert_eq!((map.uid(777_777), map.sequence(777_777)), (Some(777_777), Some(777_777)));
    }

    #[test]
    fn uids_only_ascend() {
        let mut map = map(&[5]);
        assert!(!map.append(5) && !map.append(0) && map.append(6) && map.append(u32::MAX));
        assert!(!map.append(u32::MAX));
        assert_eq!(map.uid(3), Some(u32::MAX));
        assert_eq!(map.expunge(u32::MAX), Some(3));
    }

    proptest! {
        #[test]
        fn the_map_agrees_with_a_list(
            uids in proptest::collection::btree_set(1u32..120, 0..80),
            steps in proptest::collection::vec((1u32..140, any::<bool>()), 0..60),
            gone in proptest::collection::btree_set(1u32..140, 0..40),
        ) {
            let mut naive: Vec<u32> = uids.iter().copied().collect();
            let mut map: SeqMap = uids.into_iter().collect();
            for (uid, remove) in steps {
                if remove {
                    let at = naive.iter().position(|known| *known == uid);
                    prop_assert_eq!(map.expunge(uid), at.map(|at| at as u32 + 1));
                    if let Some(at) = at { naive.remove(at); }
                } else {
                    let above = naive.last().is_none_or(|last| *last < uid);
                    prop_assert_eq!(map.append(uid), above);
                    if above { naive.push(uid); }
                }
            }
            agree(&map, &naive)?;

            let wanted: NumberSet = gone.iter().copied().collect();
            let sequences: Vec<u32> = (0u32..).zip(&naive).filter(|(_, uid)| gone.contains(uid)).map(|(at, _)| at + 1).collect();
            let existing: Vec<u32> = naive.iter().copied().filter(|uid| gone.contains(uid)).collect();
            prop_assert_eq!(map.existing(&wanted).iter().collect::<Vec<_>>(), existing.clone());
            let pairs: Vec<_> = sequences.iter().copied().zip(existing).collect();
            prop_assert_eq!(map.pairs(&wanted).collect::<Vec<_>>(), pairs);
            prop_assert_eq!(map.sequences_of(&wanted).iter().collect::<Vec<_>>(), sequences.clone());
            let picked: Vec<u32> = gone.iter().filter_map(|sequence| naive.get(*sequence as usize - 1).copied()).collect();
            prop_assert_eq!(map.uids_of(&wanted).iter().collect::<Vec<_>>(), picked);

            let mut told = Vec::new();
            map.expunge_all(&wanted, |sequence| told.push(sequence));
            let shifted: Vec<u32> = (0u32..).zip(&sequences).map(|(before, sequence)| sequence - before).collect();
            prop_assert_eq!(told, shifted);
            naive.retain(|uid| !gone.contains(uid));
            agree(&map, &naive)?;
        }
    }

    fn agree(map: &SeqMap, naive: &[u32]) -> Result<(), TestCaseError> {
        prop_assert_eq!(map.len() as usize, naive.len());
        prop_assert_eq!(map.is_empty(), naive.is_empty());
        prop_assert_eq!(map.last_uid(), naive.last().copied().unwrap_or(0));
        prop_assert_eq!(map.uids().collect::<Vec<_>>(), naive.to_vec());
        for number in 0..150u32 {
            let at = naive.iter().position(|uid| *uid == number);
            prop_assert_eq!(map.sequence(number), at.map(|at| at as u32 + 1));
            let uid = (number as usize).checked_sub(1).and_then(|at| naive.get(at)).copied();
            prop_assert_eq!(map.uid(number), uid);
        }
        for pair in map.runs.windows(2) {
            prop_assert!(pair[0].first_uid <= pair[0].last_uid);
        }
        Ok(())
    }
}
