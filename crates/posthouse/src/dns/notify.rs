//! Telling secondaries that a zone changed (RFC 1996).

use super::acl;
use super::client::{AskError, Remote, random_id};
use super::names::Names;
use super::secondary::remote;
use super::zones::{Event, Head};
use crate::clock::Clock;
use crate::metrics::metrics;
use ::dns::notify::{Step, Telling, is_answer, request};
use ::dns::{Name, RecordType};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use store::{PeerRole, ZoneKind};
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::AbortHandle;

/// Servers being told at a time.
const TELLING_MAX: usize = 256;

/// Tells of changes until `stop`.
pub async fn run(names: Arc<Names>, clock: Clock, mut stop: watch::Receiver<bool>) {
    let mut events = names.zones().events();
    let room = Arc::new(Semaphore::new(TELLING_MAX));
    let mut telling: HashMap<(Name, SocketAddr), AbortHandle> = HashMap::new();
    // What changed while we were not running was told by nobody.
    for head in names.zones().heads() {
        tell_all(&names, clock, &head, &room, &mut telling, false);
    }
    loop {
        let event = tokio::select! {
            () = crate::driver::stopped(&mut stop) => return,
            event = events.recv() => event,
        };
        match event {
            Ok(Event::Changed(zone, _) | Event::Peers(zone)) => {
                if let Some(head) = names.zones().head(&zone) {
                    telling.retain(|_, task| !task.is_finished());
                    tell_all(&names, clock, &head, &room, &mut telling, true);
                }
            }
            Ok(Event::Removed(_)) => {}
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "more zones changed than could be told: their secondaries look by themselves"
                );
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Tells everybody who has to do with a zone; what is still being told of an older version is dropped.
fn tell_all(
    names: &Arc<Names>,
    clock: Clock,
    head: &Head,
    room: &Arc<Semaphore>,
    telling: &mut HashMap<(Name, SocketAddr), AbortHandle>,
    with_servers: bool,
) {
    for (address, remote) in targets(names, head, with_servers) {
        let (names, zone, room) = (names.clone(), head.name.clone(), room.clone());
        let task = tokio::spawn(async move {
            let Ok(_permit) = room.acquire_owned().await else { return };
            tell(&names, clock, &zone, &remote).await;
        });
        if let Some(older) = telling.insert((head.name.clone(), address), task.abort_handle()) {
            older.abort();
        }
    }
}

/// Whom to tell: peers that are named, and the zone's other name servers as far as their addresses are in our
/// own zones (RFC 1996 §2.1, "notify set").
fn targets(names: &Names, head: &Head, with_servers: bool) -> BTreeMap<SocketAddr, Remote> {
    let mut targets = BTreeMap::new();
    let roles = [PeerRole::Notified, PeerRole::Fetches];
    for peer in head.peers.iter().filter(|peer| roles.contains(&peer.role)) {
        if let Some(remote) = remote(names, peer) {
            targets.entry(remote.address).or_insert(remote);
        }
    }
    if with_servers && head.kind == ZoneKind::Primary {
        for address in names.server_addresses(&head.name) {
            let known = targets.keys().any(|target| target.ip() == address);
            if !known && !names.is_own(address) {
                let address = SocketAddr::new(address, acl::PORT);
                targets.insert(address, Remote { address, from: names.speaks_from(address.ip()), key: None });
            }
        }
    }
    targets
}

async fn tell(names: &Names, clock: Clock, zone: &Name, remote: &Remote) {
    let mut telling = Telling::new(clock.now());
    loop {
        match telling.step(clock.now()) {
            Step::Wait(moment) => tokio::time::sleep_until(clock.instant(moment)).await,
            Step::GiveUp => {
                metrics().dns_notifies_lost.inc();
                tracing::warn!(%zone, server = %remote.address, "it was told of a change and did not answer");
                return;
            }
            Step::Send => {
                let Some(soa) = names.soa_record(zone) else { return };
                let told = match random_id() {
                    Ok(id) => {
                        let heard = |answer: &[u8]| is_answer(answer, id).then_some(());
                        remote.tell(&request(id, &soa), heard).await
                    }
                    Err(error) => Err(AskError::Io(error)),
                };
                match told {
                    Ok(()) => {
                        tracing::debug!(%zone, server = %remote.address, "it was told of a change");
                        return;
                    }
                    Err(error) => tracing::debug!(%zone, server = %remote.address, %error, "not told yet"),
                }
            }
        }
    }
}

/// Whether an address cannot be another server's.
pub(super) fn is_nobody(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified() || address.is_multicast()
}

/// The types of records that hold addresses.
pub(super) const ADDRESS_TYPES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];
