//! Sockets: which service listens where, and who may connect.

use crate::config::{Config, Network};
use crate::metrics::metrics;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use wire::Budget;

/// A service with a listener of its own. The order is that of [`ServiceName::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum ServiceName {
    /// SMTP from other servers.
    Smtp,
    /// Submission with STARTTLS.
    Submission,
    /// Submission inside TLS.
    Submissions,
    /// LMTP.
    Lmtp,
    /// IMAP with STARTTLS.
    Imap,
    /// IMAP inside TLS.
    Imaps,
    /// POP3 with STLS.
    Pop3,
    /// POP3 inside TLS.
    Pop3s,
    /// FTP, with TLS when asked for.
    Ftp,
    /// FTP inside TLS.
    Ftps,
    /// HTTP.
    Http,
    /// DNS over TCP; its datagrams have sockets of their own.
    Dns,
    /// DNS inside TLS.
    Dot,
}

impl ServiceName {
    /// All of them.
    pub const ALL: [ServiceName; 13] = [
        ServiceName::Smtp,
        ServiceName::Submission,
        ServiceName::Submissions,
        ServiceName::Lmtp,
        ServiceName::Imap,
        ServiceName::Imaps,
        ServiceName::Pop3,
        ServiceName::Pop3s,
        ServiceName::Ftp,
        ServiceName::Ftps,
        ServiceName::Http,
        ServiceName::Dns,
        ServiceName::Dot,
    ];

    /// Its key in `[listen]`, in metrics, in logs, and as systemd's FileDescriptorName.
    pub const fn key(self) -> &'static str {
        match self {
            ServiceName::Smtp => "smtp",
            ServiceName::Submission => "submission",
            ServiceName::Submissions => "submissions",
            ServiceName::Lmtp => "lmtp",
            ServiceName::Imap => "imap",
            ServiceName::Imaps => "imaps",
            ServiceName::Pop3 => "pop3",
            ServiceName::Pop3s => "pop3s",
            ServiceName::Ftp => "ftp",
            ServiceName::Ftps => "ftps",
            ServiceName::Http => "http",
            ServiceName::Dns => "dns",
            ServiceName::Dot => "dot",
        }
    }

    /// Whether TLS comes before the first word.
    pub const fn is_inside_tls(self) -> bool {
        matches!(
            self,
            ServiceName::Submissions
                | ServiceName::Imaps
                | ServiceName::Pop3s
                | ServiceName::Ftps
                | ServiceName::Dot
        )
    }

    fn addresses(self, config: &Config) -> &[SocketAddr] {
        let listen = &config.listen;
        match self {
            ServiceName::Smtp => &listen.smtp,
            ServiceName::Submission => &listen.submission,
            ServiceName::Submissions => &listen.submissions,
            ServiceName::Lmtp => &listen.lmtp,
            ServiceName::Imap => &listen.imap,
            ServiceName::Imaps => &listen.imaps,
            ServiceName::Pop3 => &listen.pop3,
            ServiceName::Pop3s => &listen.pop3s,
            ServiceName::Ftp => &listen.ftp,
            ServiceName::Ftps => &listen.ftps,
            ServiceName::Http => &listen.http,
            ServiceName::Dns => &listen.dns,
            ServiceName::Dot => &listen.dot,
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Opens every configured listener; a service for which systemd handed over sockets by its name
/// uses those instead.
///
/// # Errors
/// The address and why it cannot be had.
pub fn open(config: &Config) -> io::Result<Vec<(ServiceName, TcpListener)>> {
    let mut handed = handed_over()?;
    let mut listeners = Vec::new();
    for service in ServiceName::ALL {
        if let Some(sockets) = handed.remove(service.key()) {
            for socket in sockets {
                listeners.push((service, TcpListener::from_std(socket)?));
            }
            continue;
        }
        for address in service.addresses(config) {
            listeners.push((service, bind(service, *address)?));
        }
    }
    if let Some(name) = handed.keys().next() {
        return Err(io::Error::other(format!(
            "systemd handed over a socket named {name:?}; FileDescriptorName= must be a key of [listen]"
        )));
    }
    Ok(listeners)
}

/// What a refused address means, and what to do.
pub(crate) fn explain(service: ServiceName, address: SocketAddr, error: &io::Error) -> io::Error {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need root, CAP_NET_BIND_SERVICE, or socket activation by systemd"
        }
        io::ErrorKind::AddrInUse if service == ServiceName::Dns => {
            ": another program listens there (ss -lntup shows which; often it is systemd-resolved: name this \
             machine's own addresses instead of a wildcard)"
        }
        io::ErrorKind::AddrInUse => ": another program listens there (ss -ltnp shows which)",
        io::ErrorKind::AddrNotAvailable => ": this machine does not have that address",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot listen on {address} for {service}: {error}{hint}"))
}

fn bind(service: ServiceName, address: SocketAddr) -> io::Result<TcpListener> {
    let explain = |error: io::Error| explain(service, address, &error);
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address).map_err(explain)?;
    // A burst of clients waits in the kernel instead of being refused.
    socket.listen(4096).map_err(explain)
}

/// The sockets that systemd opened, by name (sd_listen_fds_with_names(3)).
fn handed_over() -> io::Result<HashMap<String, Vec<std::net::TcpListener>>> {
    let names: Vec<String> = std::env::var("LISTEN_FDNAMES")
        .map(|names| names.split(':').map(str::to_string).collect())
        .unwrap_or_default();
    let mut handed = listenfd::ListenFd::from_env();
    let mut sockets: HashMap<String, Vec<std::net::TcpListener>> = HashMap::new();
    for at in 0..handed.len() {
        let name = names.get(at).cloned().unwrap_or_else(|| format!("number {at}"));
        if let Some(socket) = handed.take_tcp_listener(at)? {
            socket.set_nonblocking(true)?;
            sockets.entry(name).or_default().push(socket);
        }
    }
    Ok(sockets)
}

/// One origin may hold this part of the memory for messages: who sends much at once waits, and others do not.
const ORIGINS_SHARE: usize = 4;

/// Counts open connections, in all and per address, and refuses those over the limits.
#[derive(Debug, Clone)]
pub struct Gate(Arc<GateInner>);

#[derive(Debug)]
struct GateInner {
    exempt: Vec<Network>,
    max: usize,
    per_address_max: usize,
    /// Memory for the messages of all.
    messages: Budget,
    /// Memory for the messages of one origin.
    per_address_max_bytes: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_origin: HashMap<IpAddr, Guest>,
}

/// What one origin has open.
#[derive(Debug)]
struct Guest {
    count: usize,
    messages: Budget,
}

/// One open connection; dropping it makes room.
#[derive(Debug)]
pub struct Admission {
    gate: Gate,
    origin: IpAddr,
    /// True when limits per address and delays do not apply.
    pub exempt: bool,
    /// The memory for this connection's messages; all that are not exempt and come from one origin share a part.
    pub messages: Budget,
}

/// The address that limits count by: an IPv6 customer has at least a /64 (RFC 6177 §2).
pub fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
        address => address,
    }
}

impl Gate {
    /// A gate under the configured limits.
    pub fn new(config: &Config) -> Gate {
        let whole_bytes = config.limits.messages_in_flight_max_bytes;
        // One message of the largest size must fit, with what is put in front of it.
        let largest_bytes = usize::try_from(config.limits.message_size_max_bytes).unwrap_or(usize::MAX);
        let part_bytes =
            (whole_bytes / ORIGINS_SHARE).max(largest_bytes.saturating_add(4096)).min(whole_bytes);
        Gate(Arc::new(GateInner {
            messages: Budget::new(whole_bytes),
            per_address_max_bytes: part_bytes,
            exempt: config.limits.exempt.clone(),
            max: config.limits.connections_max,
            per_address_max: config.limits.connections_per_address_max,
            open: Mutex::default(),
        }))
    }

    /// The memory for the messages of all connections.
    pub fn messages(&self) -> &Budget {
        &self.0.messages
    }

    /// Lets a connection in, or says no when too many are open.
    pub fn admit(&self, address: IpAddr) -> Option<Admission> {
        let exempt = self.0.exempt.iter().any(|network| network.contains(address));
        let origin = origin(address);
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.by_origin.get(&origin).map_or(0, |guest| guest.count);
        if open.total >= self.0.max || (own >= self.0.per_address_max && !exempt) {
            metrics().connections_refused.inc();
            return None;
        }
        open.total += 1;
        let part = || self.0.messages.part(self.0.per_address_max_bytes);
        let guest = open.by_origin.entry(origin).or_insert_with(|| Guest { count: 0, messages: part() });
        guest.count += 1;
        let messages = if exempt { self.0.messages.clone() } else { guest.messages.clone() };
        Some(Admission { gate: self.clone(), origin, exempt, messages })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.gate.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Some(guest) = open.by_origin.get_mut(&self.origin) {
            guest.count -= 1;
            if guest.count == 0 {
                open.by_origin.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_gate_counts_by_origin_and_in_all() {
        let text = "hostname='a'\ndata_dir='x'\n[limits]\nconnections_max=4\nconnections_per_address_max=2\nexempt=['10.0.0.0/8']";
        let gate = Gate::new(&Config::parse(text, Path::new(".")).unwrap());
        let admit = |address: &str| gate.admit(address.parse().unwrap());
        let first = admit("2001:db8::1").unwrap();
        let _second = admit("2001:db8::2").unwrap();
        assert!(admit("2001:db8::3").is_none(), "the same /64");
        assert!(!first.exempt);
        drop(first);
        let _third = admit("2001:db8::3").unwrap();
        let own = [admit("10.0.0.1"), admit("10.0.0.1")];
        assert!(own.iter().all(|admission| admission.as_ref().unwrap().exempt));
        assert!(admit("10.0.0.1").is_none(), "no more in all");
        assert_eq!(gate.0.open.lock().unwrap().by_origin.len(), 2);
    }

    #[test]
    fn an_origin_holds_only_a_part_of_the_memory_for_messages() {
        let text = "hostname='a'\ndata_dir='x'\n[limits]\nmessages_in_flight_max_bytes=80000000\nmessage_size_max_bytes=10000000\nexempt=['10.0.0.0/8']";
        let gate = Gate::new(&Config::parse(text, Path::new(".")).unwrap());
        let admit = |address: &str| gate.admit(address.parse().unwrap()).unwrap();
        let (first, second, other, own) =
            (admit("192.0.2.1"), admit("192.0.2.1"), admit("192.0.2.2"), admit("10.0.0.1"));
        let [mut a, mut b, mut c, mut d] = [&first, &second, &other, &own].map(|one| one.messages.share());
        assert!(a.cover(15_000_000) && !b.cover(5_000_001) && b.cover(5_000_000));
        assert!(c.cover(20_000_000), "another has its own part");
        assert!(d.cover(40_000_000) && !d.cover(40_000_001), "all of what is left");
        assert_eq!(gate.messages().used_bytes(), 80_000_000);
    }
}
