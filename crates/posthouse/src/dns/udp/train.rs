//! Answers that may leave together: one call, one way through the kernel, single datagrams at its end.
//!
//! The kernel cuts what it is given into datagrams of one length, of which only the last may be shorter
//! (`UDP_SEGMENT`). Who has many questions open on one socket, as load balancers and forwarders do, gets its
//! answers for a fraction of the work; a resolver with a port per question is served as before.

use std::cmp::Reverse;

/// Most bytes of a train: what an IP packet has room for, its headers taken off.
const TRAIN_LEN_MAX_BYTES: usize = 65_535 - 40 - 8;
/// Most datagrams of a train, as the kernel has it (`UDP_MAX_SEGMENTS`).
const WAGONS_MAX: usize = 64;

/// What decides whether an answer may be part of a train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wagon<W> {
    /// From where and to whom it goes.
    pub way: W,
    /// Its length in bytes.
    pub len: usize,
}

/// Puts those beside each other that may form a train, the long ones first.
pub(super) fn marshal<W: Ord>(order: &mut [usize], wagon: impl Fn(usize) -> Wagon<W>) {
    order.sort_unstable_by_key(|index| {
        let Wagon { way, len } = wagon(*index);
        (way, Reverse(len))
    });
}

/// How many of the first, at least one if there is one, form a train.
pub(super) fn couple<W: Eq>(mut wagons: impl Iterator<Item = Wagon<W>>) -> usize {
    let Some(first) = wagons.next() else { return 0 };
    let mut count = 1;
    for wagon in wagons {
        if count == WAGONS_MAX
            || wagon.way != first.way
            || wagon.len > first.len
            || count * first.len + wagon.len > TRAIN_LEN_MAX_BYTES
        {
            break;
        }
        count += 1;
        if wagon.len < first.len {
            break;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The trains of answers to ways and of lengths, as lengths.
    fn trains(answers: &[(u8, usize)]) -> Vec<Vec<(u8, usize)>> {
        let wagon = |index: usize| Wagon { way: answers[index].0, len: answers[index].1 };
        let mut order: Vec<usize> = (0..answers.len()).collect();
        marshal(&mut order, wagon);
        let mut left = order.as_slice();
        let mut trains = Vec::new();
        while !left.is_empty() {
            let (train, rest) = left.split_at(couple(left.iter().map(|index| wagon(*index))));
            trains.push(train.iter().map(|index| answers[*index]).collect());
            left = rest;
        }
        trains
    }

    #[test]
    fn only_the_last_may_be_shorter_and_all_go_one_way() {
        assert_eq!(couple(std::iter::empty::<Wagon<u8>>()), 0);
        assert_eq!(trains(&[(1, 50)]), [[(1, 50)]]);
        assert_eq!(
            trains(&[(2, 50), (1, 50), (2, 60), (1, 40), (2, 60), (1, 50), (1, 40)]),
            [vec![(1, 50), (1, 50), (1, 40)], vec![(1, 40)], vec![(2, 60), (2, 60), (2, 50)]]
        );
    }

    #[test]
    fn a_train_fits_a_packet_and_the_kernel() {
        let lens = |answers: &[(u8, usize)]| trains(answers).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lens(&[(0, 1); 130]), [64, 64, 2]);
        assert_eq!(lens(&[(0, 1232); 64]), [53, 11]);
        let total = 53 * 1232;
        assert!(total <= TRAIN_LEN_MAX_BYTES && total + 1232 > TRAIN_LEN_MAX_BYTES);
    }

    #[test]
    fn every_answer_leaves_once() {
        let kinds = [(0, 10), (0, 11), (0, 12), (1, 10), (1, 11), (1, 12)];
        for number in 0..6usize.pow(6) {
            let digits = (0..6).map(|place| number / 6usize.pow(place) % 6);
            let answers: Vec<(u8, usize)> = digits.map(|digit| kinds[digit]).collect();
            let trains = trains(&answers);
            for train in &trains {
                let (last, before) = train.split_last().unwrap();
                assert!(before.iter().all(|one| *one == train[0]), "{train:?}");
                assert!(last.0 == train[0].0 && last.1 <= train[0].1, "{train:?}");
            }
            let mut sent = trains.concat();
            let mut wanted = answers;
            sent.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(sent, wanted);
        }
    }
}
