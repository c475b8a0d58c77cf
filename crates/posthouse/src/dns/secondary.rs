//! Zones that come from other servers: when to look, whom to ask, what to take (RFC 1034 §4.3.5, RFC 1995,
//! RFC 1996, RFC 5936).
//!
//! A transfer is read whole and checked before the store sees it, and served when the store has it. Until
//! then, and if anything is wrong with it, the old version is served on; after the expire time of its SOA
//! record without a word from a primary it is not.

use super::acl;
use super::client::{AskError, Remote, random_id};
use super::names::Names;
use super::zones::{Event, Head, Peer, Why, ZoneError, Zones};
use crate::clock::Clock;
use crate::metrics::metrics;
use ::dns::transfer::{IncomingLimits, Received, Refresh, RefreshLimits, soa_answer, soa_query};
use ::dns::{Name, RecordType, Serial, Soa, ZoneData};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use store::{PeerRole, StoreError, View, ZoneChangeKind, ZoneId, ZoneKind, ZoneSeen};
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
    adjust(&names, clock, &mut watched).await;
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
                    adjust(&names, clock, &mut watched).await;
                    if let Some(watched) = watched.get_mut(&zone) {
                        watched.refresh.notified(clock.now());
                    }
                }
                Ok(Event::Removed(_)) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    adjust(&names, clock, &mut watched).await;
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            Some(end) = looked.recv() => ended(&names, clock, &mut watched, end).await,
            () = tokio::time::sleep_until(clock.instant(next)) => {}
        }
    }
}

/// What is noted of a zone when a primary was heard of, see [`ZoneSeen::subject`].
const HEARD: &str = "primary";

/// How long ago a primary of a zone was heard of; nothing if that was never noted.
fn heard_ago(view: &mut View<'_>, id: ZoneId, now_ms: i64) -> Result<Option<Duration>, StoreError> {
    let seen = view.zone_seen(id)?.into_iter().find(|seen| seen.subject == HEARD);
    let ago_ms = seen.map(|seen| u64::try_from(now_ms.saturating_sub(seen.at_ms)).unwrap_or_default());
    Ok(ago_ms.map(Duration::from_millis))
}

/// Takes away what expired while no server ran: before the first answer. Blocks.
///
/// # Errors
/// The store's.
pub fn withhold_expired(zones: &Zones) -> Result<(), ZoneError> {
    let now_ms = zones.now_ms();
    for head in zones.heads().into_iter().filter(|head| head.kind == ZoneKind::Secondary) {
        let id = head.id;
        let ago = zones.store().read_blocking(move |view| heard_ago(view, id, now_ms))?;
        let soa = match ago {
            Some(_) => zones.book(&zones.zone(&head.name)?)?.served.soa(),
            None => None,
        };
        if let (Some(ago), Some((_, soa))) = (ago, soa)
            && Refresh::resume(Now::from_millis(0), RefreshLimits::default(), &soa, ago)
                .is_expired(Now::from_millis(0))
        {
            tracing::error!(zone = %head.name, "the zone expired while no server ran");
            zones.withhold(&head.name);
        }
    }
    Ok(())
}

/// Watches the zones that are secondary now, and no others.
async fn adjust(names: &Names, clock: Clock, watched: &mut HashMap<Name, Watched>) {
    let heads = names.zones().heads();
    let secondary: HashMap<&Name, &Arc<Head>> =
        heads.iter().filter(|head| head.kind == ZoneKind::Secondary).map(|head| (&head.name, head)).collect();
    watched.retain(|name, _| secondary.contains_key(name));
    for (name, head) in secondary {
        if watched.contains_key(name) {
            continue;
        }
        let soa = names.soa_record(name).and_then(|record| Soa::from_rdata(&record.data));
        let (id, now_ms) = (head.id, clock.unix_ms());
        let ago = names.zones().store().read(move |view| heard_ago(view, id, now_ms)).await;
        let ago = ago.unwrap_or_else(|error| {
            tracing::warn!(zone = %name, %error, "when the primary was heard of last cannot be read");
            None
        });
        let refresh = match soa {
            // It is looked for at once; what is left of its time counts from now.
            Some(soa) => {
                Refresh::resume(clock.now(), RefreshLimits::default(), &soa, ago.unwrap_or_default())
            }
            None => {
                names.snapshot().set_not_ready(name);
                Refresh::new(clock.now(), RefreshLimits::default())
            }
        };
        watched.insert(name.clone(), Watched { refresh, expired: false });
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

async fn ended(names: &Names, clock: Clock, watched: &mut HashMap<Name, Watched>, end: Looked) {
    let Some(watched) = watched.get_mut(&end.zone) else { return };
    match end.result {
        Ok(soa) => {
            watched.refresh.found(clock.now(), &soa);
            note_heard(names, &end.zone, clock.unix_ms()).await;
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

/// Notes that a primary was heard of, for the next start.
async fn note_heard(names: &Names, zone: &Name, at_ms: i64) {
    let Some(id) = names.zones().head(zone).map(|head| head.id) else { return };
    let seen = ZoneSeen { subject: HEARD.to_owned(), at_ms, content: String::new() };
    if let Err(error) = names.zones().store().write(move |tx| tx.put_zone_seen(id, &seen)).await {
        tracing::warn!(%zone, %error, "that the primary was heard of cannot be noted");
    }
}

/// Asks all primaries of the zone for what they have, and takes the newest that can be had.
async fn look(names: &Arc<Names>, zone: &Name) -> Result<Soa, LookError> {
    let head = names.zones().head(zone).ok_or(LookError::NoPrimary)?;
    let own = names.soa_record(zone).and_then(|record| Soa::from_rdata(&record.data));
    let (mut last, mut found) = (LookError::NoPrimary, Vec::new());
    for peer in head.peers.iter().filter(|peer| peer.role == PeerRole::Primary) {
        let Some(remote) = remote(names, peer) else { continue };
        match serial_at(zone, &remote).await {
            Ok(serial) => found.push((serial, remote)),
            Err(error) => {
                tracing::debug!(%zone, primary = %remote.address, %error, "a primary was of no use");
                last = error;
            }
        }
    }
    if let Some(own) =
        own.filter(|own| !found.is_empty() && !found.iter().any(|(serial, _)| serial.is_after(own.serial)))
    {
        return Ok(own);
    }
    newest_first(&mut found);
    for (_, remote) in &found {
        match fetch(names, zone, remote).await {
            Ok(soa) => return Ok(soa),
            Err(error) => {
                tracing::debug!(%zone, primary = %remote.address, %error, "a primary was of no use");
                last = error;
            }
        }
    }
    Err(last)
}

/// Puts the newest in front; those with the same serial stay in the operator's order.
fn newest_first<T>(found: &mut [(Serial, T)]) {
    // Serials have no total order (RFC 1982 §3.2), so that they cannot be sorted by; there are a few.
    for end in (1..found.len()).rev() {
        for at in 0..end {
            if found[at + 1].0.is_after(found[at].0) {
                found.swap(at, at + 1);
            }
        }
    }
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

/// The serial that a primary shows.
async fn serial_at(zone: &Name, remote: &Remote) -> Result<Serial, LookError> {
    let id = random_id().map_err(|error| LookError::Ask(AskError::Io(error)))?;
    let query = soa_query(id, zone);
    remote.ask(&query, |answer| soa_answer(answer, id, zone)).await.map_err(LookError::Ask)
}

/// Takes what a primary has, as differences where that can be.
async fn fetch(names: &Arc<Names>, zone: &Name, remote: &Remote) -> Result<Soa, LookError> {
    let own = names.soa_record(zone);
    let limits = IncomingLimits::default();
    let received = match remote.fetch(zone, own.as_ref(), limits).await {
        // Not every server has differences, or the right ones; some close, or say nothing: take the whole.
        Err(error) if own.is_some() => {
            tracing::debug!(%zone, %error, "the differences cannot be had: the whole zone is fetched");
            remote.fetch(zone, None, limits).await
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stands_in_front_and_the_rest_as_entered() {
        let mut found =
            vec![(Serial(7), 'a'), (Serial(9), 'b'), (Serial(7), 'c'), (Serial(9), 'd'), (Serial(3), 'e')];
        newest_first(&mut found);
        let order: String = found.iter().map(|(_, primary)| *primary).collect();
        assert_eq!(order, "bdace");
        // Beyond the end of the numbers (RFC 1982 §3.1).
        let mut found = vec![(Serial(u32::MAX), 'a'), (Serial(1), 'b')];
        newest_first(&mut found);
        assert_eq!(found[0].1, 'b');
    }
}
