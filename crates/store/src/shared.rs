//! What all connections of one open store have together.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::blobs::Blobs;
use crate::files::Reservations;
use crate::moment::Commits;
use crate::uid_cache::UidCache;
use crate::view::Effects;
use crate::watch::{Topic, Watches};

/// What all connections of one open store have together.
pub(crate) struct Shared {
    /// Where large content lies; nothing if all content lies in the database.
    pub blobs: Option<Blobs>,
    pub uid_cache: UidCache,
    pub watches: Watches,
    /// The commits of the only writer there is, with SQLite.
    pub commits: Commits,
    /// About how many traces still have their keys with their events; those of before the start are not counted.
    pub unlisted_traces: AtomicU32,
    /// Room that uploads under way hold.
    pub reservations: Arc<Reservations>,
    last_id: AtomicI64,
}

impl Shared {
    pub fn new(blobs: Option<Blobs>) -> Shared {
        Shared {
            blobs,
            uid_cache: UidCache::default(),
            watches: Watches::default(),
            commits: Commits::default(),
            unlisted_traces: AtomicU32::new(0),
            reservations: Arc::default(),
            last_id: AtomicI64::new(0),
        }
    }

    /// From now on, numbers from [`Shared::fresh_id`] are above `id`.
    pub fn ids_above(&self, id: i64) {
        self.last_id.fetch_max(id, Ordering::Relaxed);
    }

    /// A number for a new content or queue entry: rising, so that tables grow at their end, and with
    /// random low bits, so that several nodes rarely choose the same.
    pub fn fresh_id(&self) -> i64 {
        let wish = timed_id();
        let last = self.last_id.fetch_max(wish, Ordering::Relaxed);
        if wish > last { wish } else { self.last_id.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    /// Does what remains once a transaction is committed.
    pub fn finish(&self, effects: Effects) {
        for file in &effects.adopted {
            file.adopt();
        }
        for name in &effects.dropped_files {
            if let Some(blobs) = &self.blobs {
                blobs.remove(name);
            }
        }
        for (account, modseq) in effects.touched {
            self.watches.announce(Topic::Account(account), modseq.get());
        }
        if effects.queue_touched {
            self.watches.announce(Topic::Queue, 0);
        }
        if effects.zones_touched > 0 {
            self.watches.announce(Topic::Zones, effects.zones_touched);
        }
    }
}

/// Milliseconds since 1970 by the system's clock.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// 43 bits of milliseconds, then 20 random bits.
pub(crate) fn timed_id() -> i64 {
    ((unix_ms() & ((1 << 43) - 1)) << 20) | i64::from(random_u32() & 0xf_ffff)
}

/// Random bits from the system.
pub(crate) fn random_u32() -> u32 {
    let mut bytes = [0u8; 4];
    // Without randomness the clock still makes names distinct within a process.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u32::from_ne_bytes(bytes)
}
