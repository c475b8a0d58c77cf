//! One message to a server and its answer, by UDP from a port that nobody knows before, or by TCP.

use crate::auth::random;
use crate::metrics::metrics;
use ::dns::message::MESSAGE_LEN_MAX_BYTES;
use ::dns::resolve::Ask;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

/// After so many datagrams that only look like the answer somebody is guessing: the question goes by TCP
/// (RFC 5452 §9.3 leaves the number open).
const FORGED_MAX: u32 = 8;
/// Ports are tried so often before the system chooses one.
const PORT_TRIES: usize = 4;
/// Ports below are other services'.
const PORT_FIRST: u16 = 1024;
/// More than we ask servers to send at once.
const DATAGRAM_MAX_BYTES: usize = 4096;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// The answer.
    Message(Vec<u8>),
    /// None in time, but so many that were not it.
    Nothing { forged: u32 },
    /// The network, or the server, refused.
    Unreachable,
}

/// Random numbers that nobody can foretell, from a secret that was had at the start: nothing can fail later and leave a
/// number that can be guessed.
pub(super) struct Chance {
    secret: [u8; 32],
    drawn: AtomicU64,
}

impl Chance {
    /// # Errors
    /// If the system has no random bytes to give.
    pub(super) fn new() -> io::Result<Chance> {
        Ok(Chance { secret: random()?, drawn: AtomicU64::new(0) })
    }

    /// The next number.
    pub(super) fn draw(&self) -> u64 {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest = blake3::keyed_hash(&self.secret, &number.to_le_bytes());
        digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// Sends the message and waits for its answer.
pub(super) async fn exchange(ask: &Ask, chance: &Chance) -> Came {
    let until = Instant::now() + ask.wait;
    if ask.tcp {
        return match timeout_at(until, stream(ask)).await {
            Ok(Ok(message)) if ask.check.accepts(&message) => Came::Message(message),
            Ok(Ok(_)) => Came::Nothing { forged: 1 },
            Ok(Err(_)) => Came::Unreachable,
            Err(_) => Came::Nothing { forged: 0 },
        };
    }
    let mut forged = 0;
    match timeout_at(until, datagram(ask, chance, &mut forged)).await {
        Ok(Ok(came)) => came,
        Ok(Err(_)) => Came::Unreachable,
        Err(_) => Came::Nothing { forged },
    }
}

/// A socket on a port chosen at random from all (RFC 5452 §9.2): the system's choice is from a smaller range.
async fn open(server: SocketAddr, chance: &Chance) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    for _ in 0..PORT_TRIES {
        let port = (chance.draw() >> 16 & 0xffff) as u16;
        if port >= PORT_FIRST
            && let Ok(socket) = UdpSocket::bind((any, port)).await
        {
            return Ok(socket);
        }
    }
    UdpSocket::bind((any, 0)).await
}

async fn datagram(ask: &Ask, chance: &Chance, forged: &mut u32) -> io::Result<Came> {
    let socket = open(ask.server, chance).await?;
    // Connected: only what claims to be from there arrives, and refusals are told.
    socket.connect(ask.server).await?;
    socket.send(&ask.message).await?;
    let mut buffer = vec![0; DATAGRAM_MAX_BYTES];
    loop {
        let len = socket.recv(&mut buffer).await?;
        if ask.check.accepts(&buffer[..len]) {
            buffer.truncate(len);
            return Ok(Came::Message(buffer));
        }
        *forged += 1;
        metrics().resolver_forged.inc();
        if *forged >= FORGED_MAX {
            return Ok(Came::Nothing { forged: *forged });
        }
    }
}

async fn stream(ask: &Ask) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(ask.server).await?;
    let len = u16::try_from(ask.message.len()).map_err(io::Error::other)?;
    // One segment: some servers do not wait for the rest of a length.
    stream.write_all(&[&len.to_be_bytes()[..], &ask.message].concat()).await?;
    let len = usize::from(stream.read_u16().await?).min(MESSAGE_LEN_MAX_BYTES);
    // Grows as bytes come: a length alone reserves nothing.
    let mut message = Vec::new();
    stream.take(len as u64).read_to_end(&mut message).await?;
    match message.len() == len {
        true => Ok(message),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
