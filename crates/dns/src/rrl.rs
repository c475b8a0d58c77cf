//! Response rate limiting: how much one network may be sent, so that forged addresses cannot make this
//! server flood somebody else (ISC-TN-2012-1).
//!
//! Two allowances are looked at for each answer: that of like answers, so that one name cannot be asked for without
//! end, and that of the network in all, so that walking through names gains nothing.
//!
//! Tables have a fixed size and are not shared between threads: a flood costs no memory and no lock. What
//! is over the limit is dropped, except that every few times a short truncated answer "slips" through:
//! someone real then asks again by TCP, which cannot be forged.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::net::IpAddr;
use wire::Now;

/// What kind of answer it is: each kind has its own allowance per network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// There is such a record. Counted by the name asked for.
    Answer,
    /// The name exists, the type does not. Counted by the name.
    NoData,
    /// No such name. Counted by the closest name that exists, or random names would each be new.
    NameError,
    /// Another server knows. Counted by the delegation.
    Referral,
    /// Refused, malformed, not implemented. Counted per network alone.
    Error,
}

/// How much is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Like answers per second to one network. 0: no limit but that of errors.
    pub responses_per_s: u16,
    /// Errors per second to one network. 0: no limit.
    pub errors_per_s: u16,
    /// Answers of all kinds and about all names per second to one network. 0: no limit; nor is there one without
    /// `responses_per_s`.
    pub total_per_s: u16,
    /// Every how many limited answers one slips through truncated; 0: none, 1: all.
    pub slip: u8,
    /// Length of an IPv4 network in bits.
    pub prefix_v4_len_bits: u8,
    /// Length of an IPv6 network in bits: what a customer gets (RFC 6177 §2).
    pub prefix_v6_len_bits: u8,
    /// Size of a table in buckets, a power of two; each takes 16 bytes.
    pub buckets: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            // A busy resolver asks one name far less often: it caches.
            responses_per_s: 200,
            errors_per_s: 50,
            // At most 1.2 MB a second to whoever is named as the sender.
            total_per_s: 1000,
            slip: 2,
            prefix_v4_len_bits: 24,
            prefix_v6_len_bits: 56,
            buckets: 1 << 16,
        }
    }
}

impl Settings {
    /// The part of one of `threads` that share the work, each with a table of its own: together they send what is
    /// allowed. Rounded up, since 0 is no limit.
    pub fn divided_by(self, threads: usize) -> Settings {
        let threads = u16::try_from(threads.max(1)).unwrap_or(u16::MAX);
        Settings {
            responses_per_s: self.responses_per_s.div_ceil(threads),
            errors_per_s: self.errors_per_s.div_ceil(threads),
            total_per_s: self.total_per_s.div_ceil(threads),
            ..self
        }
    }

    /// Answers per second of `class`, 0 for no limit.
    fn per_s(&self, class: Class) -> u16 {
        match class {
            Class::Error => self.errors_per_s,
            _ => self.responses_per_s,
        }
    }
}

/// What to do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Send,
    /// Send only header and question with TC, so that the client comes by TCP.
    Slip,
    /// Send nothing.
    Drop,
}

/// Seconds of allowance that a bucket holds: a short burst is nobody's attack.
const BURST_S: u32 = 2;
/// Buckets looked at for one key.
const WAYS: usize = 4;
/// Allowance is kept in thousandths, so that a millisecond earns something.
const UNIT: u32 = 1000;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    tag: u32,
    /// Thousandths of answers left.
    left: u32,
    /// When `left` was true, in milliseconds.
    at_ms: u32,
    /// How many were limited since the last that slipped.
    limited: u32,
}

impl Bucket {
    fn pay(&mut self) {
        // A key of the same group may have taken the bucket in between.
        self.left = self.left.saturating_sub(UNIT);
        self.limited = 0;
    }
}

/// What stands for all classes where each has its number.
const ALL_KINDS: u8 = 255;

/// A table of allowances. One per thread.
#[derive(Debug)]
pub struct Limiter {
    settings: Settings,
    key: [u8; 16],
    buckets: Box<[Bucket]>,
}

impl Limiter {
    /// An empty table. `key` is random, so that nobody can aim at a bucket.
    pub fn new(settings: Settings, key: [u8; 16]) -> Limiter {
        let count = match (settings.responses_per_s, settings.errors_per_s) {
            (0, 0) => WAYS,
            _ => settings.buckets.next_power_of_two().max(WAYS),
        };
        Limiter { settings, key, buckets: vec![Bucket::default(); count].into() }
    }

    /// Whether there are limits at all.
    pub fn is_on(&self) -> bool {
        self.settings.responses_per_s != 0 || self.settings.errors_per_s != 0
    }

    /// Counts one answer of `class` about what `name_hash` stands for, to `address`, and says what to do.
    pub fn decide(&mut self, now: Now, address: IpAddr, class: Class, name_hash: u64) -> Verdict {
        let per_s = self.settings.per_s(class);
        if per_s == 0 {
            return Verdict::Send;
        }
        let network = self.network(address);
        // Of errors it is not looked at what they are about.
        let about = if class == Class::Error { 0 } else { name_hash };
        let like = self.hash(network, about, class as u8);
        let like = self.refilled(like, now, per_s);
        if self.buckets[like].left < UNIT {
            return self.limited(like);
        }
        if self.settings.total_per_s > 0 && self.settings.responses_per_s > 0 {
            let all = self.hash(network, 0, ALL_KINDS);
            let all = self.refilled(all, now, self.settings.total_per_s);
            // What is not sent for this reason costs nothing of the other allowance.
            if self.buckets[all].left < UNIT {
                return self.limited(all);
            }
            self.buckets[all].pay();
        }
        self.buckets[like].pay();
        Verdict::Send
    }

    /// What becomes of an answer that this bucket has nothing left for.
    fn limited(&mut self, at: usize) -> Verdict {
        let bucket = &mut self.buckets[at];
        bucket.limited += 1;
        match u32::from(self.settings.slip) {
            0 => Verdict::Drop,
            every if bucket.limited >= every => {
                bucket.limited = 0;
                Verdict::Slip
            }
            _ => Verdict::Drop,
        }
    }

    /// The number of the network that an address belongs to.
    fn network(&self, address: IpAddr) -> u64 {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let bits = u32::from(self.settings.prefix_v4_len_bits.min(32));
                u64::from(u32::from(address)).checked_shr(32 - bits).unwrap_or(0) | 1 << 63
            }
            IpAddr::V6(address) => {
                let bits = u32::from(self.settings.prefix_v6_len_bits.min(64));
                let upper = (u128::from(address) >> 64) as u64;
                upper.checked_shr(64 - bits).unwrap_or(0)
            }
        }
    }

    fn hash(&self, network: u64, about: u64, kind: u8) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u64(network);
        hasher.write_u64(about);
        hasher.write_u8(kind);
        hasher.finish()
    }

    /// Where the bucket of a key is, with what it has earned by now at `per_s`.
    fn refilled(&mut self, hash: u64, now: Now, per_s: u16) -> usize {
        let rate = u32::from(per_s);
        let full = rate * UNIT * BURST_S;
        // Wraps after 49 days, as the difference below does.
        let now_ms = (now.as_millis() & u64::from(u32::MAX)) as u32;
        let at = self.find(hash, now_ms, full);
        let bucket = &mut self.buckets[at];
        // A unit of a thousandth per answer and second: so many per millisecond.
        let earned = now_ms.wrapping_sub(bucket.at_ms).saturating_mul(rate);
        bucket.left = bucket.left.saturating_add(earned).min(full);
        bucket.at_ms = now_ms;
        at
    }

    /// Where the bucket of a key is: its own, or the one of its group that was unused longest, filled anew.
    fn find(&mut self, hash: u64, now_ms: u32, full: u32) -> usize {
        let groups = self.buckets.len() / WAYS;
        let start = (hash as usize & (groups - 1)) * WAYS;
        // Zero is the tag of what was never used.
        let tag = ((hash >> 32) as u32).max(1);
        let group = &mut self.buckets[start..start + WAYS];
        let found = group.iter().position(|bucket| bucket.tag == tag);
        let age = |bucket: &Bucket| match bucket.tag {
            0 => u32::MAX,
            _ => now_ms.wrapping_sub(bucket.at_ms),
        };
        let at = found.unwrap_or_else(|| (0..WAYS).max_by_key(|at| age(&group[*at])).unwrap_or(0));
        if found.is_none() {
            group[at] = Bucket { tag, left: full, at_ms: now_ms, limited: 0 };
        }
        start + at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now::from_millis(u32::MAX as u64 - 500);

    fn limiter(change: impl Fn(&mut Settings)) -> Limiter {
        let mut settings =
            Settings { responses_per_s: 10, errors_per_s: 5, total_per_s: 0, ..Settings::default() };
        change(&mut settings);
        Limiter::new(settings, [9; 16])
    }

    fn at(ms: u64) -> Now {
        Now::from_millis(NOW.as_millis() + ms)
    }

    fn sent(limiter: &mut Limiter, ms: u64, count: usize, address: &str, name: u64) -> usize {
        let address = address.parse().unwrap();
        (0..count).filter(|_| limiter.decide(at(ms), address, Class::Answer, name) == Verdict::Send).count()
    }

    #[test]
    fn a_network_gets_a_burst_and_then_its_rate() {
        let mut limiter = limiter(|_| ());
        assert_eq!(sent(&mut limiter, 0, 100, "192.0.2.1", 1), 20);
        // Across the wrap of the 32-bit clock.
        assert_eq!(sent(&mut limiter, 1000, 100, "192.0.2.200", 1), 10, "the same /24");
        assert_eq!(sent(&mut limiter, 1000, 100, "192.0.3.1", 1), 20, "another /24");
        assert_eq!(sent(&mut limiter, 1000, 100, "192.0.2.1", 2), 20, "another name");
        assert_eq!(sent(&mut limiter, 1000, 100, "2001:db8:0:1::1", 1), 20);
        assert_eq!(sent(&mut limiter, 1000, 100, "2001:db8:0:fe::1", 1), 0, "the same /56");
        assert_eq!(sent(&mut limiter, 1000, 100, "2001:db8:0:100::1", 1), 20, "another /56");
        assert_eq!(sent(&mut limiter, 1000, 100, "::ffff:192.0.2.9", 1), 0, "an IPv4 address in disguise");
    }

    #[test]
    fn every_second_limited_answer_slips() {
        for (slip, expected) in [
            (0, [Verdict::Drop; 4]),
            (1, [Verdict::Slip; 4]),
            (2, [Verdict::Drop, Verdict::Slip, Verdict::Drop, Verdict::Slip]),
        ] {
            let mut limiter = limiter(|settings| settings.slip = slip);
            assert_eq!(sent(&mut limiter, 0, 20, "192.0.2.1", 1), 20);
            let address = "192.0.2.1".parse().unwrap();
            let got: [Verdict; 4] = std::array::from_fn(|_| limiter.decide(at(0), address, Class::Answer, 1));
            assert_eq!(got, expected, "slip {slip}");
        }
    }

    #[test]
    fn errors_are_counted_together_and_classes_apart() {
        let mut limiter = limiter(|_| ());
        let address = "192.0.2.1".parse().unwrap();
        let errors = (0..100)
            .filter(|name| limiter.decide(at(0), address, Class::Error, *name) == Verdict::Send)
            .count();
        assert_eq!(errors, 10);
        assert_eq!(limiter.decide(at(0), address, Class::NameError, 1), Verdict::Send);
    }

    /// How many of `count` answers about ever new names are sent.
    fn walked(limiter: &mut Limiter, ms: u64, count: u64, address: &str, classes: &[Class]) -> usize {
        let address = address.parse().unwrap();
        let verdict = |n: u64| limiter.decide(at(ms), address, classes[n as usize % classes.len()], n);
        (0..count).map(verdict).filter(|verdict| *verdict == Verdict::Send).count()
    }

    #[test]
    fn walking_through_names_and_kinds_gains_nothing() {
        const ALL: [Class; 5] =
            [Class::Answer, Class::NoData, Class::NameError, Class::Referral, Class::Error];
        for classes in [&ALL[..1], &ALL[..]] {
            let mut limiter = limiter(|settings| settings.total_per_s = 50);
            assert_eq!(walked(&mut limiter, 0, 5000, "192.0.2.1", classes), 100);
            assert_eq!(walked(&mut limiter, 1000, 5000, "192.0.2.77", classes), 50, "the same /24");
            assert_eq!(walked(&mut limiter, 1000, 5000, "192.0.3.1", classes), 100, "another /24");
            assert_eq!(walked(&mut limiter, 1000, 5000, "2001:db8::1", classes), 100);
            assert_eq!(walked(&mut limiter, 1000, 5000, "2001:db8:0:ff::1", classes), 0, "the same /56");
        }
        let mut none = limiter(|settings| settings.total_per_s = 0);
        assert_eq!(walked(&mut none, 0, 5000, "192.0.2.1", &ALL[..1]), 5000);
    }

    #[test]
    fn what_the_name_is_refused_costs_the_network_nothing() {
        let mut limiter = limiter(|settings| settings.total_per_s = 50);
        assert_eq!(sent(&mut limiter, 0, 5000, "192.0.2.1", 1), 20);
        assert_eq!(walked(&mut limiter, 0, 5000, "192.0.2.1", &[Class::NoData]), 80);
        // And the other way round: of this name nothing was sent yet.
        assert_eq!(sent(&mut limiter, 0, 10, "192.0.2.1", 9999), 0);
        assert_eq!(sent(&mut limiter, 1000, 100, "192.0.2.1", 9999), 20);
    }

    #[test]
    fn off_means_off() {
        let mut off = limiter(|settings| {
            (settings.responses_per_s, settings.errors_per_s, settings.total_per_s) = (0, 0, 50);
        });
        assert!(!off.is_on());
        assert_eq!(sent(&mut off, 0, 10_000, "192.0.2.1", 1), 10_000);
        let mut errors = limiter(|settings| (settings.responses_per_s, settings.total_per_s) = (0, 50));
        assert_eq!(sent(&mut errors, 0, 10_000, "192.0.2.1", 1), 10_000);
        assert_eq!(walked(&mut errors, 0, 10_000, "192.0.2.1", &[Class::Error]), 10);
        let mut answers = limiter(|settings| (settings.errors_per_s, settings.total_per_s) = (0, 50));
        assert_eq!(walked(&mut answers, 0, 10_000, "192.0.2.1", &[Class::Error]), 10_000, "0: no limit");
        assert_eq!(sent(&mut answers, 0, 10_000, "192.0.2.1", 1), 20);
    }

    #[test]
    fn threads_together_send_what_is_allowed() {
        let settings = Settings { responses_per_s: 200, errors_per_s: 50, ..Settings::default() };
        for (threads, expected) in [(0, [200, 50, 1000]), (1, [200, 50, 1000]), (4, [50, 13, 250])] {
            let part = settings.divided_by(threads);
            assert_eq!([part.responses_per_s, part.errors_per_s, part.total_per_s], expected, "{threads}");
        }
        let few = Settings { responses_per_s: 2, errors_per_s: 0, ..Settings::default() }.divided_by(8);
        assert_eq!((few.responses_per_s, few.errors_per_s), (1, 0), "no limit stays none");
        let address = "192.0.2.1".parse().unwrap();
        let mut threads: Vec<Limiter> =
            (0..4).map(|key| Limiter::new(settings.divided_by(4), [key; 16])).collect();
        let burst = (0..4000usize)
            .filter(|n| threads[n % 4].decide(at(0), address, Class::Answer, 1) == Verdict::Send)
            .count();
        assert_eq!(burst, 400);
    }

    #[test]
    fn a_flood_of_networks_takes_no_memory_and_does_not_lift_a_limit_at_once() {
        let mut limiter = limiter(|settings| settings.buckets = 1024);
        assert_eq!(sent(&mut limiter, 0, 30, "192.0.2.1", 1), 20);
        for network in 0..200u32 {
            let address = IpAddr::from((network << 8).to_be_bytes());
            limiter.decide(at(0), address, Class::Answer, 1);
        }
        assert_eq!(sent(&mut limiter, 0, 1, "192.0.2.1", 1), 0);
        assert_eq!(limiter.buckets.len(), 1024);
    }
}
