//! Zones that come from other servers: when to look, whom to ask, what to take (RFC 1034 §4.3.5, RFC 1995,
//! RFC 1996, RFC 5936).
//!
//! A transfer is read whole and checked before the store sees it, and served when the store has it. Until
//! then, and if anything is wrong with it, the old version is served on; after the expire time of its SOA
//! record without a word from a primary it is not.

use super::acl;
use super::client::{AskError, Remote, random_id};
use super::names::Names;
use super::zones::{Event, Head, Peer, Why, ZoneError};
use crate::clock::Clock;
use crate::metrics::metrics;
use ::dns::transfer::{IncomingLimits, Received, Refresh, RefreshLimits, soa_answer, soa_query};
use ::dns::{Name, RecordType, Soa, ZoneData};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use store::{PeerRole, ZoneChangeKind, ZoneKind};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use wire::Now;

/// Looks at a time: a look that finds something becomes a transfer, which takes memory.
const LOOKS_MAX: usize = 8;
/// The longest sleep: clocks are compared again after it.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// Why a look failed.
#[derive(Debug)]
enum LookError {
    /// The zone names no primary with an address.
    NoPrimary,
    /// The primary did not answer, or not as it should.
    Ask(AskError),
    /// What came is no zone; the text says why.
    Unfit(String),
    /// It could not be written.
    Zone(ZoneError),
}

impl fmt::Display for LookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LookError::NoPrimary => f.write_str("no primary with an address is known"),
            LookError::Ask(error) => error.fmt(f),
            LookError::Unfit(why) => write!(f, "the transfer is no good zone: {why}"),
            LookError::Zone(error) => error.fmt(f),
        }
    }
}

/// What a look ended with.
struct Looked {
    zone: Name,
    result: Result<Soa, LookError>,
}

/// One zone's timers.
struct Watched {
    refresh: Refresh,
    expired: bool,
}

/// Keeps all secondary zones fresh until `stop`. `told` are zones of which a primary says that they changed.
pub async fn run(
    names: Arc<Names>,
    clock: Clock,
    mut told: mpsc::Receiver<Name>,
    mut stop: watch::Receiver<bool>,
) {
    let mut events = names.zones().events();
    let (done, mut looked) = mpsc::channel(LOOKS_MAX);
    let room = Arc::new(Semaphore::new(LOOKS_MAX));
    let mut watched: HashMap<Name, Watched> = HashMap::new();
    adjust(&names, clock, &mut watched);
    loop {
        let next = step(&names, clock, &mut watched, &room, &done);
        tokio::select! {
            () = crate::driver::stopped(&mut stop) => return,
            Some(zone) = told.recv() => {
                if let Some(watched) = watched.get_mut(&zone) {
                    watched.refresh.notified(clock.now());
                }
            }
            event = events.recv() => match event {
                Ok(Event::Changed(..)) => {}
                Ok(Event::Peers(zone)) => {
                    adjust(&names, clock, &mut watched);
                    if let Some(watched) = watched.get_mut(&zone) {
                        watched.refresh.notified(clock.now());
                    }
                }
                Ok(Event::Removed(_)) | Err(broadcast::error::RecvError::Lagged(_)) => adjust(&names, clock, &mut watched),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            Some(end) = looked.recv() => ended(&names, clock, &mut watched, end),
            () = tokio::time::sleep_until(clock.instant(next)) => {}
        }
    }
}

/// Watches the zones that are secondary now, and no others.
fn adjust(names: &Names, clock: Clock, watched: &mut HashMap<Name, Watched>) {
    let heads = names.zones().heads();
    let secondary: HashMap<&Name, &Arc<Head>> =
        heads.iter().filter(|head| head.kind == ZoneKind::Secondary).map(|head| (&head.name, head)).collect();
    watched.retain(|name, _| secondary.contains_key(name));
    for name in secondary.into_keys() {
        watched.entry(name.clone()).or_insert_with(|| {
            let soa = names.soa_record(name).and_then(|record| Soa::from_rdata(&record.data));
            let refresh = match soa {
                // How long ago it was heard of is not known: it is looked for at once, and counts from now.
                Some(soa) => Refresh::resume(clock.now(), RefreshLimits::default(), &soa, Duration::ZERO),
                None => {
                    names.snapshot().set_not_ready(name);
                    Refresh::new(clock.now(), RefreshLimits::default())
                }
            };
            Watched { refresh, expired: false }
        });
    }
}

/// Begins the looks that are due and takes expired zones away; gives when to do so again.
fn step(
    names: &Arc<Names>,
    clock: Clock,
    watched: &mut HashMap<Name, Watched>,
    room: &Arc<Semaphore>,
    done: &mpsc::Sender<Looked>,
) -> Now {
    let now = clock.now();
    let mut next = now + SLEEP_MAX;
    for (zone, watched) in watched {
        if let Some(expires) = watched.refresh.expires() {
            if !watched.expired && watched.refresh.is_expired(now) {
                watched.expired = true;
                tracing::error!(%zone, "the zone expired: its primary was not reached for too long");
                names.set_expired(zone, true);
            }
            next = if watched.expired { next } else { next.min(expires) };
        }
        let Ok(permit) = room.clone().try_acquire_owned() else {
            // The end of a look wakes us.
            continue;
        };
        if watched.refresh.begin(now) {
            let (names, zone, done) = (names.clone(), zone.clone(), done.clone());
            tokio::spawn(async move {
                let result = look(&names, &zone).await;
                drop(permit);
                let _ = done.send(Looked { zone, result }).await;
            });
        } else if watched.refresh.next() > now {
            next = next.min(watched.refresh.next());
        }
    }
    next
}

fn ended(names: &Names, clock: Clock, watched: &mut HashMap<Name, Watched>, end: Looked) {
    let Some(watched) = watched.get_mut(&end.zone) else { return };
    match end.result {
        Ok(soa) => {
            watched.refresh.found(clock.now(), &soa);
            if std::mem::take(&mut watched.expired) {
                names.set_expired(&end.zone, false);
            }
        }
        Err(error) => {
            metrics().dns_transfers_failed.inc();
            tracing::warn!(zone = %end.zone, %error, "the zone could not be refreshed");
            watched.refresh.failed(clock.now());
        }
    }
}

/// Asks the zone's primaries one after another, and takes what the first that answers has.
async fn look(names: &Arc<Names>, zone: &Name) -> Result<Soa, LookError> {
    let head = names.zones().head(zone).ok_or(LookError::NoPrimary)?;
    let mut last = LookError::NoPrimary;
    for peer in head.peers.iter().filter(|peer| peer.role == PeerRole::Primary) {
        let Some(remote) = remote(names, peer) else { continue };
        match look_at(names, &head, &remote).await {
            Ok(soa) => return Ok(soa),
            Err(error) => {
                tracing::debug!(%zone, primary = %remote.address, %error, "a primary was of no use");
                last = error;
            }
        }
    }
    Err(last)
}

/// The server behind an entry, with its key.
pub(super) fn remote(names: &Names, peer: &Peer) -> Option<Remote> {
    let address = acl::target(peer)?;
    let key = match &peer.key {
        None => None,
        // A key that cannot be used must not become no key.
        Some(key) => Some(acl::tsig_key(key)?),
    };
    Some(Remote { address, from: names.speaks_from(address.ip()), key })
}

async fn look_at(names: &Arc<Names>, head: &Head, remote: &Remote) -> Result<Soa, LookError> {
    let zone = &head.name;
    let own = names.soa_record(zone);
    let own_soa = own.as_ref().and_then(|record| Soa::from_rdata(&record.data));
    if let Some(own) = &own_soa {
        let id = random_id().map_err(|error| LookError::Ask(AskError::Io(error)))?;
        let query = soa_query(id, zone);
        let serial =
            remote.ask(&query, |answer| soa_answer(answer, id, zone)).await.map_err(LookError::Ask)?;
        if !serial.is_after(own.serial) {
            return Ok(own.clone());
        }
    }
    let limits = IncomingLimits::default();
    let received = match remote.fetch(zone, own.as_ref(), limits).await {
        // Not every server has differences, or the right ones: take the whole.
        Err(AskError::Transfer(_)) if own.is_some() => remote.fetch(zone, None, limits).await,
        received => received,
    };
    let received = received.map_err(LookError::Ask)?;
    let taken = take(names, zone, received, remote).await;
    match taken {
        Err(LookError::Unfit(why)) if own.is_some() => {
            tracing::warn!(%zone, why, "the differences do not fit: the whole zone is fetched");
            let whole = remote.fetch(zone, None, limits).await.map_err(LookError::Ask)?;
            take(names, zone, whole, remote).await
        }
        taken => taken,
    }
}

/// Checks what came and has it written and served.
async fn take(
    names: &Arc<Names>,
    zone: &Name,
    received: Received,
    remote: &Remote,
) -> Result<Soa, LookError> {
    let (names, zone, from) = (names.clone(), zone.clone(), remote.address);
    let work = tokio::task::spawn_blocking(move || match received {
        Received::UpToDate(_) => {
            let own = names.soa_record(&zone).and_then(|record| Soa::from_rdata(&record.data));
            own.ok_or_else(|| LookError::Unfit("nothing came, and nothing is here".into()))
        }
        Received::Whole(records) => {
            let kind = "whole";
            let fresh = ZoneData::from_records(zone.clone(), records)
                .map_err(|error| LookError::Unfit(error.to_string()))?;
            put(&names, &zone, &format!("{kind} from {from}"), move |_| Ok(fresh.clone()))
        }
        Received::Steps(steps) => put(&names, &zone, &format!("differences from {from}"), move |served| {
            let mut fresh = served.clone();
            for step in &steps {
                step.apply(&mut fresh).map_err(|error| error.to_string())?;
            }
            Ok(fresh)
        }),
    });
    work.await.unwrap_or_else(|_| Err(LookError::Unfit("it could not be read".into())))
}

/// Puts a new version in place of the old one.
fn put(
    names: &Names,
    zone: &Name,
    what: &str,
    make: impl Fn(&ZoneData) -> Result<ZoneData, String>,
) -> Result<Soa, LookError> {
    let why = Why { kind: ZoneChangeKind::Transfer, ..Why::upkeep(what) };
    let mut unfit = None;
    let changed = names.zones().change(zone, &why, |draft| match make(&draft.book.served).and_then(fit) {
        Ok((fresh, soa)) => {
            draft.serial_wish = Some(soa.serial);
            draft.yours = fresh;
            Ok(soa)
        }
        Err(why) => {
            unfit = Some(why);
            Err(ZoneError::Refused("the transfer does not fit".into()))
        }
    });
    match (changed, unfit) {
        (Ok((soa, changed)), _) => {
            metrics().dns_transfers_in.inc();
            tracing::info!(%zone, serial = changed.serial.0, what, "a new version of the zone is served");
            Ok(soa)
        }
        (Err(_), Some(why)) => Err(LookError::Unfit(why)),
        (Err(error), None) => Err(LookError::Zone(error)),
    }
}

/// Whether it has what every zone has; what else is in it is its primary's affair.
fn fit(zone: ZoneData) -> Result<(ZoneData, Soa), String> {
    let Some((_, soa)) = zone.soa() else { return Err("it has not exactly one SOA record".into()) };
    if zone.get(zone.apex(), RecordType::NS).is_none() {
        return Err("it has no NS records".into());
    }
    Ok((zone, soa))
}
