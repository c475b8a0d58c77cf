//! The zones of this server: read at the start, changed one change at a time, and served.
//!
//! A change reads the zone from the store, lets the caller alter what is the operator's, makes the managed records
//! anew, signs, checks, raises the serial, writes all of it in one transaction, and only then swaps what is
//! served. Who changes the same zone meanwhile makes it begin anew. Nothing but names and small facts is kept in
//! memory beside what answers queries.

mod change;
mod gone;
mod managed;
mod signals;

use super::book::{Book, BookError, Step};
use super::facts::HostFacts;
use super::settings::ZoneSettings;
use dns::resolve::Outcome;
use dns::roll::Timestamp;
use dns::{Name, RecordType, Serial, ZoneData, ZoneDiff};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use store::{PeerRole, Store, StoreError, TsigKey, Zone, ZoneId, ZoneKind};
use tokio::sync::broadcast;

pub use change::{Changed, Draft, LOOK_SOON_S, Why};
pub use gone::{Back, DELETED_KEPT_DAYS, forget_long_gone};
pub use managed::{Placed, Placement, record_of};

/// Entries of a zone's journal that are kept at least, for incremental transfers, undoing and reading.
const JOURNAL_KEPT: u32 = 200;
/// Changes that nobody looked at yet; who is later than this reads all zones again.
const EVENTS_HELD: usize = 4096;

/// Why a zone could not be changed or read.
#[derive(Debug)]
pub enum ZoneError {
    /// There is no such zone here.
    NoZone(String),
    /// The zone comes from another server, where it must be changed.
    NotPrimary(String),
    /// The change would make a zone that must not be served; a sentence for each fault.
    Faults(Vec<String>),
    /// It cannot be done, for the reason given.
    Refused(String),
    /// What the store holds is damaged.
    Damaged(BookError),
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ZoneError::NoZone(name) => write!(f, "there is no zone for {name} here"),
            ZoneError::NotPrimary(name) => {
                write!(f, "the zone {name} comes from another server: change it there")
            }
            ZoneError::Faults(faults) => {
                write!(f, "nothing was changed, because the zone would not be right: {}", faults.join("; "))
            }
            ZoneError::Refused(why) => f.write_str(why),
            ZoneError::Damaged(error) => error.fmt(f),
            ZoneError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ZoneError {}

impl From<StoreError> for ZoneError {
    fn from(error: StoreError) -> ZoneError {
        ZoneError::Store(error)
    }
}

impl From<BookError> for ZoneError {
    fn from(error: BookError) -> ZoneError {
        ZoneError::Damaged(error)
    }
}

/// Where served zones go.
pub trait Serving: Send + Sync {
    /// From now on `zone` is what is served of its name. Must be quick and must not fail.
    fn put(&self, zone: &ZoneData);
    /// All of these, at the start.
    fn put_all(&self, zones: Vec<ZoneData>);
    /// The zone is here, but nothing may be answered from it until it is put again.
    fn withhold(&self, name: &Name);
    /// The name is no zone any more.
    fn remove(&self, name: &Name);
}

/// Serves nothing: for commands while no server runs.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

impl Serving for Nowhere {
    fn put(&self, _: &ZoneData) {}
    fn put_all(&self, _: Vec<ZoneData>) {}
    fn withhold(&self, _: &Name) {}
    fn remove(&self, _: &Name) {}
}

/// Somebody who has to do with a zone, with the key to be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// What it may do.
    pub role: PeerRole,
    /// Its address, as it was entered.
    pub address: String,
    /// The key.
    pub key: Option<Arc<TsigKey>>,
}

/// What is kept in memory of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number in the store.
    pub id: ZoneId,
    /// Its name.
    pub name: Name,
    /// What this server is for it.
    pub kind: ZoneKind,
    /// The serial that is served.
    pub serial: Serial,
    /// The number of its last change.
    pub change: u64,
    /// When somebody must look at it, in Unix milliseconds.
    pub due_ms: Option<i64>,
    /// What was decided about it.
    pub settings: Arc<ZoneSettings>,
    /// Who has to do with it.
    pub peers: Arc<[Peer]>,
}

/// What happened to a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is served with this serial from now on.
    Changed(Name, Serial),
    /// It is not served any more.
    Removed(Name),
    /// Who may do what with it changed.
    Peers(Name),
}

/// The calendar's time; the tests move it.
pub type Calendar = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's calendar.
pub fn calendar() -> Calendar {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_seconds(since.as_secs())
    })
}

/// Looks a name up in the world and validates what is found. Blocks, for up to some twenty seconds; not to be called
/// inside the runtime.
pub type LookUp = Box<dyn Fn(&Name, RecordType) -> Outcome + Send + Sync>;

/// The zones. Clones share them.
#[derive(Clone)]
pub struct Zones(Arc<Inner>);

struct Inner {
    store: Store,
    host: HostFacts,
    calendar: Calendar,
    serving: Box<dyn Serving>,
    heads: RwLock<HashMap<Name, Arc<Head>>>,
    keys: RwLock<HashMap<String, Arc<TsigKey>>>,
    /// One change at a time: they are short, and most of one is the sync of the disk, which others share.
    changing: Mutex<()>,
    events: broadcast::Sender<Event>,
    look_up: OnceLock<LookUp>,
}

/// The name as the store has it.
pub fn stored_name(name: &Name) -> String {
    name.to_lowercase().to_text_without_dot()
}

impl Zones {
    /// The zones of a store. Nothing is read or served before [`Zones::load`].
    pub fn new(store: Store, host: HostFacts, calendar: Calendar, serving: Box<dyn Serving>) -> Zones {
        let inner = Inner {
            store,
            host,
            calendar,
            serving,
            heads: RwLock::default(),
            keys: RwLock::default(),
            changing: Mutex::new(()),
            events: broadcast::channel(EVENTS_HELD).0,
            look_up: OnceLock::new(),
        };
        Zones(Arc::new(inner))
    }

    /// From now on names of the world are looked up by this. The first holds.
    pub fn set_look_up(&self, look_up: LookUp) {
        let _ = self.0.look_up.set(look_up);
    }

    /// Looks a name up in the world, if that was made possible.
    pub(super) fn look_up(&self, name: &Name, rtype: RecordType) -> Option<Outcome> {
        self.0.look_up.get().map(|look_up| look_up(name, rtype))
    }

    /// Reads all zones and serves them. Takes as long as reading them; blocks.
    ///
    /// A zone that cannot be read is said so in the log and left out, so that one does not take all others with it.
    ///
    /// # Errors
    /// The store's.
    pub fn load(&self) -> Result<usize, ZoneError> {
        self.read_keys()?;
        let zones = self.0.store.read_blocking(|view| view.zones())?;
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let share = zones.len().div_ceil(workers).max(1);
        let loaded: Result<Vec<Vec<(Head, ZoneData)>>, ZoneError> = std::thread::scope(|scope| {
            let tasks: Vec<_> =
                zones.chunks(share).map(|chunk| scope.spawn(|| self.read_served(chunk))).collect();
            let joined = tasks
                .into_iter()
                .map(|task| task.join().unwrap_or(Err(ZoneError::Store(StoreError::Panicked))));
            joined.collect()
        });
        let (heads, served): (Vec<Head>, Vec<ZoneData>) = loaded?.into_iter().flatten().unzip();
        let count = heads.len();
        let heads = heads.into_iter().map(|head| (head.name.clone(), Arc::new(head))).collect();
        *self.0.heads.write().unwrap_or_else(PoisonError::into_inner) = heads;
        // A zone without content has nothing to be served yet.
        self.0.serving.put_all(served.into_iter().filter(|zone| zone.soa().is_some()).collect());
        Ok(count)
    }

    fn read_served(&self, zones: &[Zone]) -> Result<Vec<(Head, ZoneData)>, ZoneError> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.0
            .store
            .read_blocking(|view| {
                let mut out = Vec::with_capacity(zones.len());
                for zone in zones {
                    let head = match head_of(zone, view.zone_peers(zone.id)?, &keys) {
                        Ok(head) => head,
                        Err(error) => {
                            tracing::error!(zone = zone.name, %error, "the zone cannot be served");
                            continue;
                        }
                    };
                    let content = match view.zone_content(zone.id) {
                        Err(StoreError::Corrupt(what)) => Err(what),
                        Err(error) => return Err(error),
                        Ok(content) => Book::load(&head.name, &content).map_err(|error| error.to_string()),
                    };
                    match content {
                        Ok(book) => out.push((head, book.served)),
                        Err(error) => tracing::error!(zone = zone.name, error, "the zone cannot be served"),
                    }
                }
                Ok(out)
            })
            .map_err(ZoneError::Store)
    }

    fn read_keys(&self) -> Result<(), ZoneError> {
        let keys = self.0.store.read_blocking(|view| view.tsig_keys())?;
        let keys = keys.into_iter().map(|key| (key.name.clone(), Arc::new(key))).collect();
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Reads again what another node, or another handle of the store, changed since. Blocks.
    ///
    /// # Errors
    /// The store's.
    pub fn refresh(&self) -> Result<(), ZoneError> {
        self.read_keys()?;
        let _one = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let zones = self.0.store.read_blocking(|view| view.zones())?;
        let known = self.heads();
        let stale: Vec<Zone> = zones
            .iter()
            .filter(|zone| !known.iter().any(|head| head.id == zone.id && head.change == zone.change))
            .cloned()
            .collect();
        for (head, served) in self.read_served(&stale)? {
            let before = known.iter().find(|known| known.id == head.id);
            self.serve(head, &served, before.map(|head| &**head));
        }
        for head in known.iter().filter(|head| !zones.iter().any(|zone| zone.id == head.id)) {
            self.forget(&head.name);
        }
        Ok(())
    }

    fn serve(&self, head: Head, served: &ZoneData, before: Option<&Head>) {
        let (name, serial) = (head.name.clone(), head.serial);
        let peers = before.is_none_or(|before| before.peers != head.peers || before.kind != head.kind);
        let changed = before.is_none_or(|before| before.serial != serial);
        if changed && served.soa().is_some() {
            self.0.serving.put(served);
        }
        self.0.heads.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::new(head));
        // Nobody may listen: that is no fault.
        if peers {
            let _ = self.0.events.send(Event::Peers(name.clone()));
        }
        if changed {
            let _ = self.0.events.send(Event::Changed(name, serial));
        }
    }

    fn forget(&self, name: &Name) {
        self.0.serving.remove(name);
        self.0.heads.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        let _ = self.0.events.send(Event::Removed(name.clone()));
    }

    /// Answers nothing from a zone until it is changed.
    pub fn withhold(&self, name: &Name) {
        self.0.serving.withhold(name);
    }

    /// What happens from now on. Who falls behind should read all zones again.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// The store underneath.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What this server is.
    pub fn host(&self) -> &HostFacts {
        &self.0.host
    }

    /// The calendar's time.
    pub fn now(&self) -> Timestamp {
        (self.0.calendar)()
    }

    /// The same in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.now().unix_seconds()).unwrap_or(i64::MAX / 1000) * 1000
    }

    /// What is kept in memory of the zone with exactly this name.
    pub fn head(&self, name: &Name) -> Option<Arc<Head>> {
        self.0.heads.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All zones, in no order.
    pub fn heads(&self) -> Vec<Arc<Head>> {
        self.0.heads.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A shared key by its name (RFC 8945 §2), in any case, with or without final dot.
    pub fn tsig_key(&self, name: &str) -> Option<Arc<TsigKey>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    /// The zone in the store that `name` belongs to: the longest of those at or above it.
    ///
    /// # Errors
    /// [`ZoneError::NoZone`].
    pub fn zone_of(&self, name: &Name) -> Result<Zone, ZoneError> {
        let candidates: Vec<String> =
            (0..=name.label_count()).rev().map(|labels| stored_name(&name.suffix(labels))).collect();
        let found = self.0.store.read_blocking(move |view| {
            for candidate in &candidates {
                if let Some(zone) = view.zone_by_name(candidate)? {
                    return Ok(Some(zone));
                }
            }
            Ok(None)
        })?;
        found.ok_or_else(|| ZoneError::NoZone(name.to_text_without_dot()))
    }

    /// The zone with exactly this name.
    ///
    /// # Errors
    /// [`ZoneError::NoZone`].
    pub fn zone(&self, name: &Name) -> Result<Zone, ZoneError> {
        let text = stored_name(name);
        let found = self.0.store.read_blocking(move |view| view.zone_by_name(&text))?;
        found.ok_or_else(|| ZoneError::NoZone(name.to_text_without_dot()))
    }

    /// A zone's content.
    ///
    /// # Errors
    /// [`ZoneError::Damaged`], the store's.
    pub fn book(&self, zone: &Zone) -> Result<Book, ZoneError> {
        let id = zone.id;
        let content = self.0.store.read_blocking(move |view| view.zone_content(id))?;
        Ok(Book::load(&zone_name(zone)?, &content)?)
    }

    /// The steps that lead from `from` to what is served, for an incremental transfer (RFC 1995 §4); nothing if
    /// the journal does not reach back so far, or holds a step that was not written down.
    ///
    /// # Errors
    /// The store's; [`ZoneError::Damaged`].
    pub fn steps_since(&self, head: &Head, from: Serial) -> Result<Option<Vec<ZoneDiff>>, ZoneError> {
        let (id, mut steps, mut wanted) = (head.id, Vec::new(), head.serial);
        let journal = self.0.store.read_blocking(move |view| view.zone_changes(id, JOURNAL_KEPT))?;
        for entry in journal {
            if wanted == from {
                break;
            }
            if Serial(entry.serial) != wanted || entry.serial == entry.serial_before {
                continue;
            }
            let Some(diff) = Step::from_bytes(&entry.data)?.served else { return Ok(None) };
            wanted = Serial(entry.serial_before);
            steps.push(diff);
        }
        steps.reverse();
        Ok((wanted == from).then_some(steps))
    }
}

/// The name of a zone from the store.
pub(crate) fn zone_name(zone: &Zone) -> Result<Name, ZoneError> {
    let damaged = |_| ZoneError::Store(StoreError::Corrupt(format!("the name of zone {}", zone.name)));
    Name::parse(zone.name.as_bytes(), Some(&Name::root())).map_err(damaged)
}

fn head_of(
    zone: &Zone,
    peers: Vec<store::ZonePeer>,
    keys: &HashMap<String, Arc<TsigKey>>,
) -> Result<Head, ZoneError> {
    let settings = ZoneSettings::from_text(&zone.settings).ok_or_else(|| {
        ZoneError::Store(StoreError::Corrupt(format!("the settings of zone {}", zone.name)))
    })?;
    let peers = peers.into_iter().filter_map(|peer| {
        // A key that is not there fits nobody, and must not become no key.
        let key = match &peer.tsig_key {
            None => None,
            Some(name) => Some(keys.get(name)?.clone()),
        };
        Some(Peer { role: peer.role, address: peer.address, key })
    });
    Ok(Head {
        id: zone.id,
        name: zone_name(zone)?,
        kind: zone.kind,
        serial: Serial(zone.serial),
        change: zone.change,
        due_ms: zone.due_ms,
        settings: Arc::new(settings),
        peers: peers.collect(),
    })
}

impl fmt::Debug for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zones").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
