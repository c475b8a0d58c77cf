//! Who is connected, and who goes when there is no room.

use super::Limits;
use crate::config::Network;
use crate::metrics::metrics;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// All connections. Clones share it.
#[derive(Debug, Clone)]
pub struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    exempt: Vec<Network>,
    begun: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Arc<Place>>,
    by_network: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Place {
    /// When the last whole message came, in milliseconds since `begun`.
    active_ms: AtomicU64,
    gone: Notify,
}

/// One connection; dropping it makes room.
#[derive(Debug)]
pub struct Admission {
    registry: Registry,
    number: u64,
    network: IpAddr,
    place: Arc<Place>,
    /// Whether limits per network do not apply.
    pub exempt: bool,
}

/// The network that connections are counted by.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from(u32::from(address) & !0xff).into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !((1 << 72) - 1)).into(),
    }
}

impl Registry {
    /// An empty one.
    pub fn new(limits: Limits, exempt: Vec<Network>) -> Registry {
        Registry(Arc::new(Inner { limits, exempt, begun: Instant::now(), open: Mutex::default() }))
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Lets a connection in; makes room by ending the one that has been of no use for longest. Nothing
    /// when its own network has too many.
    pub fn admit(&self, address: IpAddr) -> Option<Admission> {
        let exempt = self.0.exempt.iter().any(|network| network.contains(address));
        let network = network(address);
        let place = Arc::new(Place { active_ms: AtomicU64::new(self.now_ms()), gone: Notify::new() });
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.by_network.get(&network).copied().unwrap_or(0);
        if own >= self.0.limits.per_network_max && !exempt {
            metrics().connections_refused.inc();
            return None;
        }
        if open.by_number.len() >= self.0.limits.connections_max {
            let active = |place: &Place| place.active_ms.load(Ordering::Relaxed);
            let oldest = open.by_number.iter().min_by_key(|(number, place)| (active(place), **number));
            let oldest = oldest.map(|(number, _)| *number);
            if let Some(place) = oldest.and_then(|number| open.by_number.remove(&number)) {
                place.gone.notify_one();
            }
        }
        open.next += 1;
        let number = open.next;
        open.by_number.insert(number, place.clone());
        open.by_network.insert(network, own + 1);
        Some(Admission { registry: self.clone(), number, network, place, exempt })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Admission {
    /// A whole message came.
    pub fn touch(&self) {
        self.place.active_ms.store(self.registry.now_ms(), Ordering::Relaxed);
    }

    /// Waits until the connection has to make room.
    pub async fn evicted(&self) {
        self.place.gone.notified().await;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.registry.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.by_number.remove(&self.number);
        if let Some(count) = open.by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(connections_max: usize, per_network_max: usize) -> Registry {
        let exempt = Network::try_from("10.0.0.0/8".to_string()).unwrap();
        Registry::new(Limits { connections_max, per_network_max, ..Limits::default() }, vec![exempt])
    }

    #[test]
    fn a_network_has_so_many_and_no_more() {
        let registry = registry(100, 2);
        let admit = |address: &str| registry.admit(address.parse().unwrap());
        let first = admit("192.0.2.1");
        let _second = admit("192.0.2.2");
        assert!(first.is_some() && admit("192.0.2.3").is_none());
        assert!(admit("192.0.3.1").is_some());
        let _sixes = [admit("2001:db8:0:1::1"), admit("2001:db8:0:2::1")];
        assert!(admit("2001:db8:0:ff::1").is_none() && admit("2001:db8:0:100::1").is_some());
        let trusted = [admit("10.0.0.1"), admit("10.0.0.1"), admit("10.0.0.1")];
        assert!(trusted.iter().all(|admission| admission.as_ref().unwrap().exempt));
        drop(first);
        assert!(admit("192.0.2.3").is_some());
    }

    #[tokio::test]
    async fn the_one_longest_of_no_use_makes_room() {
        let registry = registry(2, 100);
        let one = registry.admit("192.0.2.1".parse().unwrap()).unwrap();
        let two = registry.admit("192.0.2.2".parse().unwrap()).unwrap();
        one.place.active_ms.store(5, Ordering::Relaxed);
        two.place.active_ms.store(4, Ordering::Relaxed);
        let three = registry.admit("192.0.2.3".parse().unwrap()).unwrap();
        three.place.active_ms.store(6, Ordering::Relaxed);
        two.evicted().await;
        let _four = registry.admit("192.0.2.4".parse().unwrap()).unwrap();
        one.evicted().await;
        drop((one, two));
        assert_eq!(registry.0.open.lock().unwrap().by_number.len(), 2);
        assert_eq!(registry.0.open.lock().unwrap().by_network.values().sum::<usize>(), 2);
    }
}
