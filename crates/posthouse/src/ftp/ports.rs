//! Where passive data connections are waited for, and by which address clients are told to come.

use super::data::beside;
use crate::config::{Ftp, Network, PortRange};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpSocket};

/// Gateways that help telephone calls along rewrite what passes through these ports.
const PORTS_AVOIDED: [u16; 2] = [5060, 5061];
/// Ports tried before the range counts as used up. With nine of ten taken, the chance to find none in
/// as many attempts is one in ten million.
const ATTEMPTS_MAX: usize = 150;

/// The ports and addresses of passive data connections, as configured.
#[derive(Debug, Clone)]
pub struct Passage {
    ports: PortRange,
    public: Option<Ipv4Addr>,
    public_for: Vec<(Network, Ipv4Addr)>,
}

impl Passage {
    /// What the configuration says.
    pub fn new(config: &Ftp) -> Passage {
        let public_for = config.public_address_for.iter().map(|row| (row.clients, row.address)).collect();
        Passage { ports: config.passive_ports, public: config.public_address, public_for }
    }

    /// The address to name in a reply to PASV: what is configured for the client's network, the
    /// server's own for clients of closed networks, or the public one. Nothing without an IPv4 address.
    pub fn address_for(&self, client: IpAddr, own: IpAddr) -> Option<Ipv4Addr> {
        let configured = self.public_for.iter().find(|(network, _)| network.contains(client));
        if let Some((_, address)) = configured {
            return Some(*address);
        }
        match own.to_canonical() {
            IpAddr::V4(own) if is_closed(client) => Some(own),
            IpAddr::V4(own) => Some(self.public.unwrap_or(own)),
            IpAddr::V6(_) => None,
        }
    }

    /// Opens a listener at the address of `own`, on a port of the range that cannot be foretold (RFC 2577 §8).
    ///
    /// # Errors
    /// `AddrInUse` if no port was free, or the system's.
    pub fn listen(&self, own: SocketAddr) -> io::Result<TcpListener> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS_MAX {
            let port = self.ports.pick(u32::from_le_bytes(crate::auth::random()?));
            if PORTS_AVOIDED.contains(&port) {
                continue;
            }
            match listen_at(beside(own, own.ip(), port)) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                other => return other,
            }
        }
        Err(last)
    }
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a minute ago do not keep the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // One is served; a few more may come from those who are not meant.
    socket.listen(8)
}

/// True for clients that cannot have come through the address translation in front of the server.
fn is_closed(client: IpAddr) -> bool {
    match client.to_canonical() {
        IpAddr::V4(client) => client.is_private() || client.is_loopback() || client.is_link_local(),
        IpAddr::V6(client) => {
            client.is_loopback() || client.is_unique_local() || client.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn passage(table: &str) -> Passage {
        let text = format!("hostname = 'a'\ndata_dir = 'x'\n[ftp]\n{table}");
        Passage::new(&Config::parse(&text, Path::new(".")).unwrap().ftp)
    }

    #[test]
    fn each_client_is_told_an_address_that_it_can_reach() {
        let passage = passage(
            "public_address = '203.0.113.5'\npublic_address_for = [{ clients = '10.8.0.0/16', address = '10.8.0.1' }]",
        );
        let table = [
            ("198.51.100.7", "192.168.1.2", Some("203.0.113.5")),
            ("::ffff:198.51.100.7", "::ffff:192.168.1.2", Some("203.0.113.5")),
            ("192.168.1.9", "192.168.1.2", Some("192.168.1.2")),
            ("127.0.0.1", "127.0.0.1", Some("127.0.0.1")),
            ("10.8.3.3", "192.168.1.2", Some("10.8.0.1")),
            ("2001:db8::7", "2001:db8::1", None),
        ];
        for (client, own, expected) in table {
            let told = passage.address_for(client.parse().unwrap(), own.parse().unwrap());
            assert_eq!(told, expected.map(|address| address.parse().unwrap()), "{client} at {own}");
        }
    }

    #[tokio::test]
    async fn ports_come_from_the_range_until_it_is_used_up() {
        let passage = passage("passive_ports = '47310-47312'");
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, 21));
        let mut held = Vec::new();
        while let Ok(listener) = passage.listen(own) {
            let port = listener.local_addr().unwrap().port();
            assert!((47310..=47312).contains(&port));
            held.push(listener);
            assert!(held.len() <= 3);
        }
        assert!(!held.is_empty());
        assert_eq!(passage.listen(own).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(held);
        assert!(passage.listen(own).is_ok());
    }
}
