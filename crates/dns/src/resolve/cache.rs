//! What was learned, in bounded memory: what was not used for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::response::Reply;
use super::trust::{Cut, Judged};
use super::{ExtendedError, Verdict};
use crate::code::{RecordType, Ttl};
use crate::name::Name;
use wire::Now;

/// What an entry takes besides what is in it: the key twice, the table, the order.
const ENTRY_BYTES: usize = 256;

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The answer to a question.
    Question(Name, RecordType),
    /// The servers of a zone, as its parent names them.
    Servers(Name),
    /// Whether a zone begins at a name, and its keys.
    Cut(Name),
}

impl Key {
    fn size(&self) -> usize {
        match self {
            Key::Question(name, _) | Key::Servers(name) | Key::Cut(name) => name.as_wire().len(),
        }
    }
}

/// The servers of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delegation {
    pub(super) servers: Vec<Name>,
    pub(super) glue: Vec<(Name, IpAddr)>,
}

/// An answer, and what validation said of it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) reply: Arc<Reply>,
    pub(super) verdict: Option<(Verdict, Option<ExtendedError>)>,
    /// The server that said it, for one that proves bogus.
    pub(super) from: Option<std::net::SocketAddr>,
}

/// The question could not be answered (RFC 9520), or every answer was bogus.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) verdict: Verdict,
    pub(super) error: ExtendedError,
    /// What was bogus, for those who want to judge by themselves (RFC 4035 §4.7).
    pub(super) reply: Option<Arc<Reply>>,
}

impl Failure {
    /// Nobody could say.
    pub(super) fn new(error: ExtendedError) -> Failure {
        Failure { verdict: Verdict::Indeterminate, error, reply: None }
    }

    fn size(&self) -> usize {
        self.error.text.len() + self.reply.as_ref().map_or(0, |reply| reply.size())
    }
}

/// What is remembered.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Known(Known),
    Failed(Failure),
    Servers(Arc<Delegation>),
    Cut(Arc<Cut>),
}

impl Value {
    fn size(&self) -> usize {
        match self {
            Value::Known(known) => {
                let error = known.verdict.as_ref().and_then(|(_, error)| error.as_ref());
                known.reply.size() + error.map_or(0, |error| error.text.len())
            }
            Value::Failed(failure) => failure.size(),
            Value::Servers(delegation) => {
                let names = delegation.servers.iter().chain(delegation.glue.iter().map(|(name, _)| name));
                names.map(|name| name.as_wire().len() + 48).sum()
            }
            Value::Cut(cut) => cut.size(),
        }
    }
}

#[derive(Debug)]
struct Slot {
    value: Value,
    /// Said instead for a while: nobody could be asked anew.
    failure: Option<(Value, Now)>,
    /// The last moment at which it holds.
    until: Now,
    since: Now,
    size: usize,
    turn: u64,
}

impl Slot {
    fn measured(&self, key: &Key) -> usize {
        let failure = self.failure.as_ref().map_or(0, |(failed, _)| failed.size());
        self.value.size() + failure + 2 * key.size() + ENTRY_BYTES
    }
}

/// Entries by what they are about.
#[derive(Debug, Default)]
pub(super) struct Cache {
    slots: HashMap<Key, Slot>,
    /// Keys by when they were last used.
    order: BTreeMap<u64, Key>,
    turn: u64,
    used_bytes: usize,
    limit_bytes: usize,
}

impl Cache {
    pub(super) fn new(limit_bytes: usize) -> Cache {
        Cache { limit_bytes, ..Cache::default() }
    }

    /// What holds at `at`, and until when. A request asks for what held when it began: so what it learned itself is
    /// there until its end, even with a TTL of zero.
    pub(super) fn get(&mut self, key: &Key, at: Now) -> Option<(&Value, Now)> {
        self.touch(key);
        let slot = self.slots.get(key)?;
        match &slot.failure {
            Some((failed, until)) if *until >= at => Some((failed, *until)),
            _ => Some((&slot.value, slot.until)).filter(|(_, until)| *until >= at),
        }
    }

    /// The answer to a question up to `stale` after its end, whatever failed since.
    pub(super) fn get_stale(&mut self, key: &Key, at: Now, stale: Duration) -> Option<&Known> {
        let slot = self.slots.get(key).filter(|slot| slot.until + stale >= at)?;
        match &slot.value {
            Value::Known(known) => Some(known),
            _ => None,
        }
    }

    fn touch(&mut self, key: &Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(key) = self.order.remove(&slot.turn) else { return };
        self.turn += 1;
        slot.turn = self.turn;
        self.order.insert(self.turn, key);
    }

    /// Remembers a failure without forgetting what was known before.
    pub(super) fn put_beside(&mut self, key: Key, failed: Value, now: Now, ttl: Ttl) {
        match self.slots.get_mut(&key) {
            Some(slot) if matches!(slot.value, Value::Known(_)) => {
                slot.failure = Some((failed, now + Duration::from_secs(ttl.seconds().into())));
                self.measure(&key);
            }
            _ => self.put(key, failed, now, ttl),
        }
    }

    /// Whether an entry holds, without counting as a use.
    pub(super) fn has(&self, key: &Key, at: Now) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.until >= at)
    }

    pub(super) fn put(&mut self, key: Key, value: Value, now: Now, ttl: Ttl) {
        let until = now + Duration::from_secs(ttl.seconds().into());
        self.remove(&key);
        let mut slot = Slot { value, failure: None, until, since: now, size: 0, turn: self.turn + 1 };
        slot.size = slot.measured(&key);
        // One that is as large as a good part of all is not worth the others.
        if slot.size > self.limit_bytes / 4 {
            return;
        }
        self.make_room(slot.size);
        self.turn += 1;
        self.order.insert(self.turn, key.clone());
        self.slots.insert(key, slot);
    }

    /// Counts so many bytes more, and forgets what that is too much for.
    fn make_room(&mut self, more_bytes: usize) {
        self.used_bytes += more_bytes;
        while self.used_bytes > self.limit_bytes {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            if let Some(slot) = self.slots.remove(&oldest) {
                self.used_bytes -= slot.size;
            }
        }
    }

    /// Counts an entry anew that has changed.
    fn measure(&mut self, key: &Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        self.used_bytes -= slot.size;
        slot.size = slot.measured(key);
        let size = slot.size;
        self.make_room(size);
    }

    /// What validation said of an answer and left of it; it holds at most `ttl` from when it was learned.
    pub(super) fn judge(&mut self, key: &Key, found: &Judged, ttl: Ttl) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if let Value::Known(known) = &mut slot.value {
            known.verdict = Some((found.verdict, found.error.clone()));
            known.reply = found.reply.clone();
            slot.until = slot.until.min(slot.since + Duration::from_secs(ttl.seconds().into()));
            self.measure(key);
        }
    }

    pub(super) fn remove(&mut self, key: &Key) {
        if let Some(slot) = self.slots.remove(key) {
            self.order.remove(&slot.turn);
            self.used_bytes -= slot.size;
        }
    }

    /// The bytes that are counted.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}
