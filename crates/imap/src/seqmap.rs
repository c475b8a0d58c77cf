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

    /// All UIDs in ascending order.
    pub fn uids(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|run| run.first_uid..=run.last_uid)
    }

    /// The UIDs as a set.
    pub fn uid_set(&self) -> NumberSet {
        NumberSet::from_ranges(self.runs.iter().map(|run| run.first_uid..=run.last_uid))
    }

    /// The UIDs of these sequence numbers; numbers without message are passed over.
    pub fn uids_of(&self, sequences: &NumberSet) -> NumberSet {
        self.map(sequences, |run, range| {
            let low = (*range.start()).max(run.before + 1);
            let high = (*range.end()).min(run.before + run.len());
            (low <= high)
                .then(|| run.first_uid + (low - run.before - 1)..=run.first_uid + (high - run.before - 1))
        })
    }

    /// The UIDs that exist out of `uids`.
    pub fn existing(&self, uids: &NumberSet) -> NumberSet {
        self.uid_set().intersection(uids)
    }

    /// The sequence numbers of these UIDs; UIDs without message are passed over.
    pub fn sequences_of(&self, uids: &NumberSet) -> NumberSet {
        self.map(uids, |run, range| {
            let low = (*range.start()).max(run.first_uid);
            let high = (*range.end()).min(run.last_uid);
            (low <= high)
                .then(|| run.before + 1 + (low - run.first_uid)..=run.before + 1 + (high - run.first_uid))
        })
    }

    /// Pairs every range with every stretch it may touch. Both are in order, so that one walk does.
    fn map(
        &self,
        set: &NumberSet,
        cut: impl Fn(&Run, &RangeInclusive<u32>) -> Option<RangeInclusive<u32>>,
    ) -> NumberSet {
        let mut found = Vec::new();
        let mut from = 0;
        for range in set.ranges() {
            let mut hits = false;
            for (at, run) in self.runs.iter().enumerate().skip(from) {
                match cut(run, range) {
                    Some(cut) => {
                        found.push(cut);
                        (hits, from) = (true, at);
                    }
                    None if hits => break,
                    None => {}
                }
            }
        }
        NumberSet::from_ranges(found)
    }
}
