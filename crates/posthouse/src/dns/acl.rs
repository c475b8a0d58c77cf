//! Who may do what with a zone. Address, key and transport are looked at together, in one place, whatever way
//! a request came: rules that each path checks for itself are rules that one path forgets (CVE-2026-12490).

use super::zones::{Head, Peer};
use crate::config::Network;
use ::dns::Name;
use ::dns::tsig::{Algorithm, Key};
use std::net::{IpAddr, SocketAddr};
use store::{PeerRole, TsigKey};

/// The port of DNS where an address has none.
pub const PORT: u16 = 53;

/// The entry that every address fits; good only with a key.
const ANYWHERE: &str = "any";

/// Who asks, how, and what was proved.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The address that it came from.
    pub address: IpAddr,
    /// The key that signed the request, if it was signed and right.
    pub key: Option<&'a Key>,
    /// Whether the address may be forged: a datagram without a proof.
    pub is_datagram: bool,
}

/// The key of the store as the protocol uses it; nothing if it is not usable.
pub fn tsig_key(key: &TsigKey) -> Option<Key> {
    let name: Name = key.name.parse().ok()?;
    Key::new(name.as_wire(), Algorithm::of_text(&key.algorithm)?, &key.secret.0).ok()
}

/// Whether an entry of a zone's peers covers an address: a network, an address, or an address with a port, which
/// is where it listens and not from where it speaks.
fn covers(entry: &str, address: IpAddr) -> bool {
    if entry == ANYWHERE {
        return true;
    }
    if let Ok(socket) = entry.parse::<SocketAddr>() {
        return socket.ip().to_canonical() == address.to_canonical();
    }
    Network::try_from(entry.to_string()).is_ok_and(|network| network.contains(address))
}

/// Where a peer listens; nothing for a network.
pub fn target(peer: &Peer) -> Option<SocketAddr> {
    let parsed = peer.address.parse::<SocketAddr>().ok();
    parsed.or_else(|| peer.address.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, PORT)))
}

/// Whether `asker` may act in `role` on the zone: an entry must fit in address and key at once.
pub fn may(head: &Head, role: PeerRole, asker: &Asker<'_>) -> bool {
    head.peers.iter().filter(|peer| peer.role == role).any(|peer| {
        let proved = match &peer.key {
            Some(wanted) => tsig_key(wanted).is_some_and(|wanted| asker.key == Some(&wanted)),
            // By address alone, nobody changes anything by datagrams, which anybody can send.
            None => !(asker.is_datagram && role == PeerRole::Updates),
        };
        proved && covers(&peer.address, asker.address)
    })
}

#[cfg(test)]
mod tests {
    use super::super::settings::ZoneSettings;
    use super::*;
    use ::dns::Serial;
    use std::sync::Arc;
    use store::{SecretBytes, ZoneId, ZoneKind};

    fn stored(name: &str, byte: u8) -> Arc<TsigKey> {
        Arc::new(TsigKey {
            name: name.into(),
            algorithm: "hmac-sha256".into(),
            secret: SecretBytes(vec![byte; 32]),
            created_ms: 0,
        })
    }

    #[test]
    fn address_key_and_transport_must_fit_at_once() {
        let (one, two) = (stored("one", 1), stored("two", 2));
        let peer = |role, address: &str, key: Option<&Arc<TsigKey>>| Peer {
            role,
            address: address.into(),
            key: key.cloned(),
        };
        let head = Head {
            id: ZoneId(1),
            name: "example.org".parse().unwrap(),
            kind: ZoneKind::Primary,
            serial: Serial(1),
            change: 1,
            due_ms: None,
            settings: Arc::new(ZoneSettings::default()),
            peers: [
                peer(PeerRole::Fetches, "192.0.2.0/24", None),
                peer(PeerRole::Fetches, "198.51.100.7:5300", Some(&one)),
                peer(PeerRole::Updates, "203.0.113.1", None),
                peer(PeerRole::Updates, "any", Some(&two)),
            ]
            .into(),
        };
        let (one, two) = (tsig_key(&one).unwrap(), tsig_key(&two).unwrap());
        let other = tsig_key(&stored("one", 9)).unwrap();
        use PeerRole::{Fetches, Primary, Updates};
        let table: &[(PeerRole, &str, Option<&Key>, bool, bool)] = &[
            (Fetches, "192.0.2.9", None, false, true),
            (Fetches, "::ffff:192.0.2.9", None, false, true),
            (Fetches, "192.0.3.9", None, false, false),
            (Fetches, "198.51.100.7", Some(&one), false, true),
            (Fetches, "198.51.100.7", None, false, false),
            (Fetches, "198.51.100.7", Some(&two), false, false),
            (Fetches, "198.51.100.7", Some(&other), false, false),
            (Fetches, "198.51.100.8", Some(&one), false, false),
            (Updates, "203.0.113.1", None, false, true),
            (Updates, "203.0.113.1", None, true, false),
            (Updates, "203.0.113.2", None, false, false),
            (Updates, "203.0.113.2", Some(&two), true, true),
            (Updates, "203.0.113.2", Some(&one), false, false),
            (Primary, "192.0.2.9", None, false, false),
        ];
        for (role, address, key, is_datagram, expected) in table {
            let asker = Asker { address: address.parse().unwrap(), key: *key, is_datagram: *is_datagram };
            assert_eq!(may(&head, *role, &asker), *expected, "{role:?} {address} {key:?} {is_datagram}");
        }
    }

    #[test]
    fn a_peer_listens_where_it_says() {
        let of = |address: &str| {
            target(&Peer { role: PeerRole::Notified, address: address.into(), key: None })
                .map(|at| at.to_string())
        };
        assert_eq!(of("192.0.2.1").as_deref(), Some("192.0.2.1:53"));
        assert_eq!(of("[2001:db8::1]:5300").as_deref(), Some("[2001:db8::1]:5300"));
        assert_eq!(of("192.0.2.0/24"), None);
    }
}
