//! DKIM and TLSA keys over simulated years, hour by hour, before readers that may hold any record, or the
//! knowledge that there is none, as long as its TTL.
#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use std::collections::BTreeMap;

use dns::roll::dkim::{DkimAction, DkimKeys, DkimPolicy, DkimRecord, DkimSeen, DkimStage};
use dns::roll::tlsa::{TlsaAction, TlsaKeys, TlsaPolicy, TlsaRefusal, TlsaSeen, TlsaStage};
use dns::roll::{KeyId, Timestamp};

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;
const THREE_YEARS_HOURS: usize = 3 * 365 * 24;
/// How long a message waits in queues before it is verified (RFC 5321 §4.5.4.1), in hours.
const IN_QUEUES_HOURS: usize = 5 * 24;

fn at(hour: usize) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + hour as u64 * 3600)
}

/// What two servers show in each hour; the second one is late by a few hours, and at times by days.
struct Servers<T> {
    published: Vec<T>,
    shown: [Vec<T>; 2],
}

impl<T: Clone + PartialEq> Servers<T> {
    fn hour(&mut self, hour: usize, wanted: T) {
        self.published.push(wanted);
        let lag = if hour % (24 * 50) < 80 { 80 } else { 6 };
        self.shown[0].push(self.published[hour].clone());
        // Late, but never back to what it had already left behind.
        let late = self.published[hour.saturating_sub(lag)].clone();
        let before = self.shown[1].last().cloned();
        self.shown[1].push(before.filter(|_| lag == 80).unwrap_or(late));
    }

    /// Every set that a cache may hold in that hour.
    fn cached(&self, hour: usize, ttl_hours: usize) -> impl Iterator<Item = &T> {
        let from = hour.saturating_sub(ttl_hours);
        self.shown.iter().flat_map(move |shown| &shown[from..=hour])
    }
}

fn servers<T>() -> Servers<T> {
    Servers { published: Vec::new(), shown: [Vec::new(), Vec::new()] }
}

type Records = Vec<(KeyId, bool)>;

fn records(keys: &DkimKeys) -> Records {
    let record = |record: &DkimRecord| match record {
        DkimRecord::Key(id) => (*id, true),
        DkimRecord::Revoked(id) => (*id, false),
    };
    keys.records().iter().map(record).collect()
}

fn dkim_seen(hour: usize, keys: &DkimKeys, servers: &Servers<Records>) -> DkimSeen {
    let mut seen = DkimSeen { at: at(hour), ..DkimSeen::default() };
    for record in records(keys) {
        let shown = |shown: &Vec<Records>| shown.last().is_some_and(|records| records.contains(&record));
        match servers.shown.iter().all(shown) {
            true => seen.shown.push(record.0),
            false => seen.missing.push(record.0),
        }
    }
    seen
}

#[test]
fn every_dkim_signature_verifies_as_long_as_it_may_be_under_way() {
    let policy = DkimPolicy { period_seconds: Some(90 * DAY), ..DkimPolicy::default() };
    let (mut keys, mut zone) = (DkimKeys::new(), servers());
    let mut signed: Vec<Option<KeyId>> = Vec::new();
    let mut used = BTreeMap::<KeyId, usize>::new();
    for hour in 0..THREE_YEARS_HOURS {
        zone.hour(hour, records(&keys));
        let text = serde_json::to_string(&keys).unwrap();
        let read: DkimKeys = serde_json::from_str(&text).unwrap();
        let (next, actions) = read.step(at(hour), &dkim_seen(hour, &keys, &zone), &policy);
        keys = next;
        for action in actions {
            if let DkimAction::Generate(id) = action {
                keys.made(id);
            }
        }
        if hour % 5000 == 4999 {
            keys.request_roll();
        }
        signed.push(keys.signing());
        if let Some(id) = keys.signing() {
            *used.entry(id).or_default() += 1;
        }
        // Whatever was signed within the last days, by whatever record a verifier may hold now.
        for id in signed[hour.saturating_sub(IN_QUEUES_HOURS)..].iter().flatten() {
            for held in zone.cached(hour, 1) {
                assert!(held.contains(&(*id, true)), "hour {hour}: {id:?} is not in {held:?}");
            }
        }
    }
    assert!(used.len() > 12, "{used:?}");
    let unsigned = signed.iter().skip(24 * 4).filter(|key| key.is_none()).count();
    assert!(unsigned == 0, "{unsigned} hours without a key");
    let stages: Vec<DkimStage> = keys.keys().iter().map(|key| key.stage).collect();
    assert!(stages.len() <= 4, "{stages:?}");
}

#[test]
fn a_dkim_key_that_vanished_does_not_sign() {
    let policy = DkimPolicy::default();
    let seen = |hour: usize, shown: &[KeyId], missing: &[KeyId]| DkimSeen {
        at: at(hour),
        shown: shown.to_vec(),
        missing: missing.to_vec(),
    };
    let key = KeyId(1);
    let (mut keys, actions) = DkimKeys::new().step(at(0), &DkimSeen::default(), &policy);
    assert_eq!(actions, [DkimAction::Generate(key)]);
    keys.made(key);
    for (hour, shown, missing, signing) in [
        (1, vec![], vec![], None),
        (9, vec![], vec![key], None),
        (10, vec![key], vec![], None),
        (11, vec![], vec![], None),
        (12, vec![key], vec![], Some(key)),
        (13, vec![], vec![key], None),
        (14, vec![], vec![], None),
        (15, vec![key], vec![], Some(key)),
    ] {
        (keys, _) = keys.step(at(hour), &seen(hour, &shown, &missing), &policy);
        assert_eq!(keys.signing(), signing, "hour {hour}");
    }
}

#[test]
fn senders_find_the_digest_of_the_served_key_whatever_they_hold() {
    let policy = TlsaPolicy { ttl_seconds: DAY, period_seconds: Some(60 * DAY), ..TlsaPolicy::default() };
    let (mut keys, mut zone) = (TlsaKeys::new(at(0)), servers());
    let mut switches = 0;
    for hour in 0..THREE_YEARS_HOURS {
        zone.hour(hour, keys.records());
        let everywhere = |id: &KeyId| zone.shown.iter().all(|shown| shown[hour].contains(id));
        let (shown, missing) = keys.records().into_iter().partition(everywhere);
        let seen = TlsaSeen { at: at(hour), shown, missing };
        let text = serde_json::to_string(&keys).unwrap();
        let read: TlsaKeys = serde_json::from_str(&text).unwrap();
        let actions;
        (keys, actions) = read.step(at(hour), &seen, &policy);
        for action in actions {
            match action {
                TlsaAction::Generate(id) => keys.made(id),
                // A certificate for it takes a while.
                TlsaAction::Switch(id) if hour % 7 == 0 => {
                    keys.serving(id, at(hour), &policy).unwrap();
                    switches += 1;
                }
                _ => {}
            }
        }
        let current = keys.current().expect("one key is always served");
        for held in zone.cached(hour, 24).filter(|held| !held.is_empty()) {
            assert!(held.contains(&current), "hour {hour}: {current:?} is not in {held:?}");
        }
    }
    assert!(switches > 14, "{switches}");
}

#[test]
fn a_key_is_not_served_before_its_digest_was_out() {
    let policy = TlsaPolicy::default();
    let keys = TlsaKeys::new(at(0));
    let (mut keys, actions) = keys.step(at(0), &TlsaSeen::default(), &policy);
    assert!(actions.contains(&TlsaAction::Generate(KeyId(2))));
    assert_eq!(keys.may_serve(KeyId(2), at(0), &policy), Err(TlsaRefusal::Unpublished));
    keys.made(KeyId(2));
    keys.request_roll();
    assert_eq!(keys.serving(KeyId(2), at(1), &policy), Err(TlsaRefusal::Unseen));
    let seen = TlsaSeen { at: at(5), shown: vec![KeyId(1), KeyId(2)], missing: vec![] };
    let (mut keys, _) = keys.step(at(5), &seen, &policy);
    assert_eq!(keys.serving(KeyId(2), at(7), &policy), Err(TlsaRefusal::Until(at(8))));
    let (mut keys, actions) = keys.step(at(8), &TlsaSeen { at: at(8), ..seen }, &policy);
    assert!(actions.contains(&TlsaAction::Switch(KeyId(2))));
    assert_eq!(keys.serving(KeyId(2), at(8), &policy), Ok(()));
    assert_eq!(keys.current(), Some(KeyId(2)));
    let old = keys.keys().iter().find(|key| key.id == KeyId(1)).unwrap();
    assert_eq!(old.stage, TlsaStage::Leaving { since: at(8) });
    let (keys, actions) = keys.step(at(12), &TlsaSeen { at: at(12), ..TlsaSeen::default() }, &policy);
    assert!(actions.contains(&TlsaAction::Destroy(KeyId(1))) && !keys.records().contains(&KeyId(1)));
}
