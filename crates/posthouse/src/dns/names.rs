//! What all that serve names share: the zones as they are now, keys, and what was seen of strangers.

use super::notify::{ADDRESS_TYPES, is_nobody};
use super::snapshot::Snapshot;
use super::special::Way;
use super::tcp::{Limits, Peer};
use super::zones::Zones;
use crate::clock::Clock;
use crate::config::{Config, Network};
use ::dns::cookie::Cookies;
use ::dns::message::MESSAGE_LEN_MAX_BYTES;
use ::dns::{
    Class, CompiledZone, Flags, MessageReader, MessageWriter, Name, Question, Rcode, Record, RecordType,
};
use arc_swap::ArcSwap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Zones being sent at a time; each has a thread while it is.
const TRANSFERS_MAX: usize = 8;
/// Notifications that wait to be looked at; more are heard again, because their senders repeat them.
const TOLD_MAX: usize = 1024;
/// One line of the log about strangers in this time: they must not fill the disk.
const STRANGER_LOG_EVERY: Duration = Duration::from_secs(10);

/// See the module.
pub struct Names {
    zones: Zones,
    snapshot: Snapshot,
    clock: Clock,
    cookies: ArcSwap<Cookies>,
    nsid: Box<[u8]>,
    exempt: Vec<Network>,
    /// The addresses that we listen on and that the world knows us by.
    own: Vec<IpAddr>,
    listens: Vec<SocketAddr>,
    told: mpsc::Sender<Name>,
    transfers: Arc<Semaphore>,
    stranger_logged_ms: AtomicU64,
}

impl Names {
    /// With zones that are loaded; and where zones arrive of which a primary says that they changed.
    pub fn new(
        config: &Config,
        zones: Zones,
        snapshot: Snapshot,
        clock: Clock,
        cookies: Cookies,
    ) -> (Arc<Names>, mpsc::Receiver<Name>) {
        let (told, hears) = mpsc::channel(TOLD_MAX);
        let listens: Vec<SocketAddr> = config.listen.dns.iter().chain(&config.listen.dot).copied().collect();
        let own = listens.iter().map(SocketAddr::ip).chain(zones.host().addresses.iter().copied()).collect();
        let names = Names {
            zones,
            snapshot,
            clock,
            cookies: ArcSwap::from_pointee(cookies),
            nsid: config.dns.nsid.as_bytes().into(),
            exempt: config.limits.exempt.clone(),
            own,
            listens,
            told,
            transfers: Arc::new(Semaphore::new(TRANSFERS_MAX)),
            stranger_logged_ms: AtomicU64::new(0),
        };
        (Arc::new(names), hears)
    }

    /// The zones in the store.
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    /// The zones as they are answered from.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The clock of deadlines and limits.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The makers of cookies, as of now.
    pub fn cookies(&self) -> Cookies {
        **self.cookies.load()
    }

    /// Makes cookies by other secrets from now on.
    pub fn set_cookies(&self, cookies: Cookies) {
        self.cookies.store(Arc::new(cookies));
    }

    /// What NSID answers (RFC 5001); empty: nothing.
    pub fn nsid(&self) -> &[u8] {
        &self.nsid
    }

    /// Whether limits do not apply to an address.
    pub fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(address))
    }

    /// How long idle connections stay, for clients that ask (RFC 7828).
    pub fn keepalive_tenths(&self) -> u16 {
        u16::try_from(Limits::default().idle.as_millis() / 100).unwrap_or(u16::MAX)
    }

    /// Seconds since 1970.
    pub fn unix_s(&self) -> u64 {
        self.zones.now().unix_seconds()
    }

    /// A zone that is served, by its exact name.
    pub fn compiled(&self, zone: &Name) -> Option<Arc<CompiledZone>> {
        self.snapshot.zone(zone)
    }

    /// The SOA record of a zone that is served.
    pub fn soa_record(&self, zone: &Name) -> Option<Record> {
        self.snapshot.kept(zone).map(|zone| zone.soa())
    }

    /// A secondary zone may no longer be answered from, or may again.
    pub fn set_expired(&self, zone: &Name, expired: bool) {
        self.snapshot.set_expired(zone, expired);
    }

    /// A primary says that a zone of ours changed.
    pub(super) fn tell_secondary(&self, zone: &Name) {
        // Full: the primary says it again.
        let _ = self.told.try_send(zone.clone());
    }

    /// Waits for a turn to send a zone.
    pub(super) async fn transfer_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.transfers.clone().acquire_owned().await.ok()
    }

    /// Somebody asked for what is not for everybody: now and then a line in the log.
    pub(super) fn stranger(&self, what: &'static str, zone: &Name, way: &Way) {
        crate::metrics::metrics().dns_refused.inc();
        let now_ms = self.clock.now().as_millis();
        let last = self.stranger_logged_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(last) >= u64::try_from(STRANGER_LOG_EVERY.as_millis()).unwrap_or(u64::MAX) {
            self.stranger_logged_ms.store(now_ms, Ordering::Relaxed);
            tracing::warn!(what, %zone, peer = %way.peer.address, "refused: no entry of the zone allows it");
        }
    }

    /// From which of our addresses to speak to a server: the one that we listen on, if there is one of its
    /// family, since the other side knows us by it.
    pub(super) fn speaks_from(&self, to: IpAddr) -> Option<IpAddr> {
        let fitting = self.listens.iter().map(SocketAddr::ip).filter(|own| {
            own.is_ipv4() == to.is_ipv4() && !own.is_unspecified() && own.is_loopback() == to.is_loopback()
        });
        { fitting }.next()
    }

    /// Whether an address is our own, or nobody's.
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        is_nobody(address) || self.own.contains(&address)
    }

    /// The addresses of a zone's name servers, as far as our zones have them.
    pub(super) fn server_addresses(&self, zone: &Name) -> Vec<IpAddr> {
        let servers = self.ask_own(zone, RecordType::NS);
        let targets = servers.iter().filter_map(|record| record.data.target());
        let mut addresses = Vec::new();
        for target in targets {
            for rtype in ADDRESS_TYPES {
                addresses
                    .extend(self.ask_own(&target, rtype).iter().filter_map(|record| record.data.address()));
            }
        }
        addresses
    }

    /// What our own zones answer to a question: the records of that type.
    fn ask_own(&self, name: &Name, rtype: RecordType) -> Vec<Record> {
        let mut writer = MessageWriter::new(Vec::new(), 0, Flags::default(), 512);
        let asked = writer.question(&Question { name: name.clone(), rtype, class: Class::IN });
        if asked.is_err() {
            return Vec::new();
        }
        let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
        let peer = Peer { address: nobody, is_tls: false, exempt: true };
        let way = Way { peer, is_datagram: false, limit_bytes: MESSAGE_LEN_MAX_BYTES };
        let answer = self.answer_alone(&writer.finish(), &way, 0);
        let Ok(mut reader) = MessageReader::new(&answer) else { return Vec::new() };
        if reader.header().flags.rcode() != Rcode::NOERROR {
            return Vec::new();
        }
        let mut records = Vec::new();
        while let Ok(Some((_, record))) = reader.record() {
            if record.rtype() == rtype {
                records.push(record);
            }
        }
        records
    }
}
