//! What other nodes change: announced with each commit, heard by one thread per node.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{PgConnection, Target};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::shared::Shared;
use crate::sql::{Db, params};
use crate::view::Effects;
use crate::watch::Topic;

/// How often the listener looks whether the store was closed.
const LOOK_UP: Duration = Duration::from_millis(300);
/// How long the listener waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Sends what a transaction touched, with its commit.
pub(super) fn announce(db: &mut Db<'_>, effects: &Effects) -> Result<(), StoreError> {
    let touched = effects.touched.iter().map(|(account, modseq)| format!("{account} {modseq}"));
    let zones = (effects.zones_touched > 0).then(|| format!("zones {}", effects.zones_touched));
    for payload in touched.chain(effects.queue_touched.then(|| "queue".to_owned())).chain(zones) {
        db.execute("SELECT pg_notify('posthouse', ?1)", params![&payload])?;
    }
    Ok(())
}

/// The listening thread; ends soon after this is dropped.
pub(super) struct Listener {
    closed: Arc<AtomicBool>,
}

impl Listener {
    pub fn start(target: Target, shared: Arc<Shared>) -> io::Result<Listener> {
        let closed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&closed);
        thread::Builder::new().name("store-listener".to_owned()).spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                // Whatever ended it, the next connection starts over.
                let _ = listen(&target, &shared, &seen);
                if !seen.load(Ordering::Relaxed) {
                    thread::sleep(RECONNECT);
                }
            }
        })?;
        Ok(Listener { closed })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

fn listen(target: &Target, shared: &Shared, closed: &AtomicBool) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(target)?;
    connection.script("LISTEN posthouse")?;
    // Whatever happened before is unknown: everybody looks.
    shared.watches.announce_all();
    while !closed.load(Ordering::Relaxed) {
        for payload in connection.notified(LOOK_UP)? {
            if let Some(Ok(change)) = payload.strip_prefix("zones ").map(str::parse) {
                shared.watches.announce(Topic::Zones, change);
                continue;
            }
            let numbers = payload.split_once(' ').map(|(account, modseq)| (account.parse(), modseq.parse()));
            match numbers {
                Some((Ok(account), Ok(modseq))) => {
                    shared.watches.announce(Topic::Account(AccountId(account)), modseq);
                }
                _ => shared.watches.announce(Topic::Queue, 0),
            }
        }
        if connection.is_closed() {
            return Err(StoreError::Closed);
        }
    }
    Ok(())
}
