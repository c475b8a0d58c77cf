//! The zones as they are answered from: immutable, swapped whole, so that whoever answers never waits.

use super::zones::Serving;
use ::dns::catalogue::Served;
use ::dns::{Catalogue, CompiledZone, Name, ZoneData};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Clones share it.
#[derive(Clone, Default)]
pub struct Snapshot(Arc<Inner>);

#[derive(Default)]
struct Inner {
    served: Arc<ArcSwap<Catalogue>>,
    /// Held while the catalogue is changed. Inside: secondary zones that expired, kept because the next transfer may
    /// be a small difference.
    expired: Mutex<HashMap<Name, Arc<CompiledZone>>>,
}

impl Snapshot {
    /// Where the zones are, for those who hold on to them for a while.
    pub fn served(&self) -> &Arc<ArcSwap<Catalogue>> {
        &self.0.served
    }

    /// The zone of exactly this name, if it is served.
    pub fn zone(&self, name: &Name) -> Option<Arc<CompiledZone>> {
        self.0.served.load().zone(name).cloned()
    }

    /// The same, also if it expired.
    pub fn kept(&self, name: &Name) -> Option<Arc<CompiledZone>> {
        let expired = self.0.expired.lock().unwrap_or_else(PoisonError::into_inner);
        expired.get(name).cloned().or_else(|| self.zone(name))
    }

    /// From now on questions about the zone get SERVFAIL, unless it is served already.
    pub fn set_not_ready(&self, name: &Name) {
        self.change(|catalogue, _| {
            catalogue.zone(name).is_none().then(|| catalogue.with(Served::NotReady(name.clone())))
        });
    }

    /// A secondary's zone may not be answered from any more, or may again.
    pub fn set_expired(&self, name: &Name, is_expired: bool) {
        self.change(|catalogue, expired| match is_expired {
            true => {
                let zone = catalogue.zone(name)?.clone();
                expired.insert(name.clone(), zone);
                Some(catalogue.with(Served::NotReady(name.clone())))
            }
            false => {
                let zone = expired.remove(name)?;
                // A newer one may be served already.
                catalogue.zone(name).is_none().then(|| catalogue.with(Served::Zone(zone)))
            }
        });
    }

    fn change(
        &self,
        change: impl FnOnce(&Catalogue, &mut HashMap<Name, Arc<CompiledZone>>) -> Option<Catalogue>,
    ) {
        let mut expired = self.0.expired.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.served.load();
        if let Some(next) = change(&now, &mut expired) {
            self.0.served.store(Arc::new(next));
        }
    }
}

fn compile(zone: &ZoneData) -> Option<CompiledZone> {
    match CompiledZone::new(zone) {
        Ok(zone) => Some(zone),
        Err(error) => {
            tracing::error!(zone = %zone.apex(), %error, "the zone cannot be made ready for answering");
            None
        }
    }
}

impl Serving for Snapshot {
    fn put(&self, zone: &ZoneData) {
        let Some(zone) = compile(zone) else { return };
        self.change(|catalogue, expired| {
            expired.remove(zone.apex());
            Some(catalogue.with_zone(zone))
        });
    }

    fn put_all(&self, zones: Vec<ZoneData>) {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let share = zones.len().div_ceil(workers).max(1);
        let compiled: Vec<Vec<CompiledZone>> = std::thread::scope(|scope| {
            let tasks: Vec<_> = zones
                .chunks(share)
                .map(|chunk| scope.spawn(|| chunk.iter().filter_map(compile).collect()))
                .collect();
            tasks.into_iter().map(|task| task.join().unwrap_or_default()).collect()
        });
        self.change(|catalogue, _| {
            let mut next = catalogue.clone();
            for zone in compiled.into_iter().flatten() {
                next.put(Served::Zone(Arc::new(zone)));
            }
            Some(next)
        });
    }

    fn withhold(&self, name: &Name) {
        self.set_expired(name, true);
    }

    fn remove(&self, name: &Name) {
        self.change(|catalogue, expired| {
            expired.remove(name);
            Some(catalogue.without(name))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::dns::{RData, Record, Serial, Soa, Ttl};

    fn zone(name: &str, serial: u32) -> ZoneData {
        let apex: Name = name.parse().unwrap();
        let mut zone = ZoneData::new(apex.clone());
        let soa = Soa {
            mname: apex.clone(),
            rname: apex.clone(),
            serial: Serial(serial),
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: 1,
        };
        zone.insert(Record::new(apex.clone(), Ttl::ZERO, soa.to_rdata())).unwrap();
        zone.insert(Record::new(apex.clone(), Ttl::ZERO, RData::ns(&apex))).unwrap();
        zone
    }

    #[test]
    fn zones_come_go_expire_and_come_back() {
        let snapshot = Snapshot::default();
        let name: Name = "a.example".parse().unwrap();
        let serial = || snapshot.zone(&name).map(|zone| zone.serial().0);
        snapshot.set_not_ready(&name);
        assert_eq!(serial(), None);
        snapshot.put_all(vec![zone("a.example", 1), zone("b.example", 1), ZoneData::new(Name::root())]);
        assert_eq!((serial(), snapshot.served().load().len()), (Some(1), 2));
        snapshot.set_not_ready(&name);
        assert_eq!(serial(), Some(1), "what is served stays");
        snapshot.set_expired(&name, true);
        assert_eq!((serial(), snapshot.kept(&name).map(|zone| zone.serial().0)), (None, Some(1)));
        snapshot.set_expired(&name, false);
        assert_eq!(serial(), Some(1));
        snapshot.set_expired(&name, true);
        snapshot.put(&zone("a.example", 2));
        snapshot.set_expired(&name, false);
        assert_eq!(serial(), Some(2), "a newer one is not replaced by the older");
        snapshot.remove(&name);
        assert_eq!((serial(), snapshot.served().load().len()), (None, 1));
    }
}
