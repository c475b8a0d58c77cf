//! Data connections: how they come about, and what they are made of.

use super::binding::Binding;
use super::cut::Cut;
use super::secure::Secure;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

/// A client whose connection waits in the listener is there at once, or has gone again.
const EARLY_PATIENCE: Duration = Duration::from_millis(200);
/// A TLS handshake may take this long.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the peer may take to close after us.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Where the next data connection comes from.
#[derive(Debug)]
pub enum Door {
    /// The client comes to this listener, which serves one connection.
    Passive(TcpListener),
    /// The client waits at this address, which was checked to be its own.
    Active(SocketAddr),
    /// The client has come already.
    Open(TcpStream),
}

/// What must be known to open a data connection.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The client's address on the control connection.
    pub peer: IpAddr,
    /// Our own on it, with the scope of a link-local one.
    pub own: SocketAddr,
    /// Whether to try port 20 for active connections.
    pub from_20: bool,
    /// How long the connection may take.
    pub patience: Duration,
}

/// Whether a data connection must belong to its control connection's TLS session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// It must: others are refused.
    Require,
    /// It should: others are logged.
    Prefer,
    /// It need not.
    Off,
}

/// How a data connection is protected (PROT P).
#[derive(Debug, Clone)]
pub struct Protection {
    /// The control connection's TLS settings, which take tickets of its client only.
    pub config: Arc<ServerConfig>,
    /// Knows whose tickets were shown.
    pub binding: Arc<Binding>,
    /// What becomes of a connection that did not resume.
    pub bound: Bound,
}

/// An open data connection.
pub enum Link {
    /// PROT C.
    Plain(TcpStream),
    /// PROT P.
    Tls(Box<Secure>),
}

impl Door {
    /// Opens the connection; the listener closes.
    ///
    /// # Errors
    /// [`Cut::NoConnection`] if it does not come up in time.
    pub async fn open(self, ends: Ends) -> Result<TcpStream, Cut> {
        let opening = async {
            match self {
                Door::Passive(listener) => accept(&listener, ends.peer).await,
                Door::Active(target) => connect(target, ends).await,
                Door::Open(stream) => Ok(stream),
            }
        };
        let stream = match tokio::time::timeout(ends.patience, opening).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Cut::NoConnection(error.kind())),
            Err(_) => return Err(Cut::NoConnection(io::ErrorKind::TimedOut)),
        };
        Ok(stream)
    }
}

impl Door {
    /// Opens it now if the client has come already; true if it began to shake hands, too.
    ///
    /// # Errors
    /// [`Cut::NoConnection`] if the listener failed.
    pub async fn open_early(self, ends: Ends) -> Result<(Door, bool), Cut> {
        let Door::Passive(listener) = self else { return Ok((self, false)) };
        if !is_readable(&listener) {
            return Ok((Door::Passive(listener), false));
        }
        let failed = |error: io::Error| Cut::NoConnection(error.kind());
        // Those who wait may all be strangers.
        match tokio::time::timeout(EARLY_PATIENCE, accept(&listener, ends.peer)).await {
            Ok(stream) => {
                let stream = stream.map_err(failed)?;
                let speaks = is_readable(&stream);
                Ok((Door::Open(stream), speaks))
            }
            Err(_) => Ok((Door::Passive(listener), false)),
        }
    }
}

/// Whether there is something to read, or to accept, this very moment.
fn is_readable(socket: &impl AsFd) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::IN)];
    rustix::event::poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

/// Waits for the client itself: whoever else comes is sent away, and waiting goes on (RFC 2577 §8).
async fn accept(listener: &TcpListener, peer: IpAddr) -> io::Result<TcpStream> {
    loop {
        let (stream, from) = listener.accept().await?;
        if from.ip().to_canonical() == peer.to_canonical() {
            return Ok(stream);
        }
        tracing::warn!(%peer, from = %from.ip(), "a stranger came to a data connection and was sent away");
    }
}

/// Connects to the client, from port 20 if that can be had (RFC 959 §5.2).
async fn connect(target: SocketAddr, ends: Ends) -> io::Result<TcpStream> {
    let target = beside(ends.own, target.ip(), target.port());
    if ends.from_20
        && let Ok(socket) = socket_from(ends.own, 20)
    {
        match socket.connect(target).await {
            // Port 20 is still joined to that very address by a connection of a minute ago.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {}
            other => return other,
        }
    }
    socket_from(ends.own, 0)?.connect(target).await
}

fn socket_from(own: SocketAddr, port: u16) -> io::Result<TcpSocket> {
    let own = beside(own, own.ip(), port);
    let socket = if own.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(own)?;
    Ok(socket)
}

/// An address at the link of the control connection, whose own end is `own`: a link-local address says
/// nothing without the scope (RFC 4007 §6), which no command of FTP names.
pub fn beside(own: SocketAddr, address: IpAddr, port: u16) -> SocketAddr {
    match (address.to_canonical(), own) {
        (IpAddr::V6(address), SocketAddr::V6(own)) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, own.scope_id()).into()
        }
        (address, _) => SocketAddr::new(address, port),
    }
}

impl Link {
    /// Protects a connection, if it is to be. `early`: the client has not been told to begin.
    ///
    /// # Errors
    /// [`Cut::Handshake`], or [`Cut::Unbound`] if it does not belong to the control connection.
    pub async fn secure(
        stream: TcpStream,
        protection: Option<&Protection>,
        early: bool,
    ) -> Result<Link, Cut> {
        // A reply that ends in a small piece must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let Some(protection) = protection else { return Ok(Link::Plain(stream)) };
        // We are the server of TLS whoever opened the connection (RFC 4217 §7).
        let shake = Secure::accept(stream, protection.config.clone());
        let mut stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, shake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the handshake of a data connection failed");
                return Err(Cut::Handshake);
            }
            Err(_) => return Err(Cut::Handshake),
        };
        // Only those who shook hands early: see `Secure`.
        if early && stream.hand_out_tickets().await.is_err() {
            return Err(Cut::Handshake);
        }
        if stream.is_resumed() && protection.binding.is_confirmed().await {
            return Ok(Link::Tls(Box::new(stream)));
        }
        let foreign = protection.binding.take_foreign();
        match protection.bound {
            Bound::Require => {
                let _ = tokio::time::timeout(CLOSE_WAIT, stream.shut_down()).await;
                Err(Cut::Unbound { foreign })
            }
            Bound::Prefer => {
                tracing::info!(foreign, "a data connection did not resume its control connection's TLS");
                Ok(Link::Tls(Box::new(stream)))
            }
            Bound::Off => Ok(Link::Tls(Box::new(stream))),
        }
    }

    /// Reads what there is; zero at the proper end.
    ///
    /// # Errors
    /// The socket's; `UnexpectedEof` if TLS was cut off without a `close_notify`.
    pub async fn read(&mut self, space: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Link::Plain(stream) => stream.read_buf(space).await,
            Link::Tls(stream) => stream.read(space).await,
        }
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// The socket's.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Link::Plain(stream) => stream.write_all(bytes).await,
            Link::Tls(stream) => stream.write_all(bytes).await,
        }
    }

    /// All is sent: ends our side, and in TLS waits a moment for the client's end, as closing while bytes
    /// of the client are on their way would reset what it has not read.
    ///
    /// # Errors
    /// If what was written before cannot be sent.
    pub async fn close(mut self) -> io::Result<()> {
        self.shut_down().await?;
        if let Link::Tls(stream) = &mut self {
            let mut rest = Vec::new();
            let _ = tokio::time::timeout(CLOSE_WAIT, async {
                while matches!(stream.read(&mut rest).await, Ok(count) if count > 0) {
                    rest.clear();
                }
            })
            .await;
        }
        Ok(())
    }

    /// All has come: ends our side.
    ///
    /// # Errors
    /// If the client has gone already.
    pub async fn end(mut self) -> io::Result<()> {
        self.shut_down().await
    }

    /// Ends our side, in TLS with a `close_notify`.
    async fn shut_down(&mut self) -> io::Result<()> {
        match self {
            Link::Plain(stream) => stream.shutdown().await,
            Link::Tls(stream) => stream.shut_down().await,
        }
    }

    /// The socket, and what encrypts on it.
    pub fn into_parts(self) -> (TcpStream, Option<Box<ServerConnection>>) {
        match self {
            Link::Plain(stream) => (stream, None),
            Link::Tls(stream) => {
                let (stream, tls) = stream.into_parts();
                (stream, Some(Box::new(tls)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn a_link_local_address_keeps_the_link_of_the_control_connection() {
        for (own, address, expected) in [
            ("[fe80::1%3]:21", "fe80::2", "[fe80::2%3]:7"),
            ("[fe80::1%3]:21", "fe80::1", "[fe80::1%3]:7"),
            ("[2001:db8::1]:21", "2001:db8::2", "[2001:db8::2]:7"),
            ("[::ffff:192.0.2.1]:21", "::ffff:192.0.2.2", "192.0.2.2:7"),
            ("192.0.2.1:21", "192.0.2.2", "192.0.2.2:7"),
        ] {
            let made = beside(own.parse().unwrap(), address.parse().unwrap(), 7);
            assert_eq!(made, expected.parse().unwrap(), "{address} beside {own}");
        }
    }
}
