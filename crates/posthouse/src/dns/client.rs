//! Asking other servers: one question by UDP or TCP, signed where a key is agreed, and transfers in.

use crate::auth::random;
use ::dns::transfer::{Incoming, IncomingLimits, Progress, Received, TransferFault, TransferRequest, Wanted};
use ::dns::tsig::{Key, Signer, StreamFault};
use ::dns::{Name, Record};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

/// How long one datagram may take to be answered.
const DATAGRAM_WAIT: Duration = Duration::from_secs(2);
/// How often a question is sent by UDP.
const DATAGRAM_TRIES: usize = 3;
/// How long to wait for a connection, and for each message on it.
const STREAM_WAIT: Duration = Duration::from_secs(15);
/// How long a transfer may take in all.
const TRANSFER_WAIT: Duration = Duration::from_secs(600);

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// The network, or time.
    Io(io::Error),
    /// The answer's signature.
    Signature(StreamFault),
    /// The transfer.
    Transfer(TransferFault),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Io(error) => error.fmt(f),
            AskError::Signature(StreamFault::Refused(code)) => {
                write!(f, "the server does not take our signature (TSIG error {code})")
            }
            AskError::Signature(_) => f.write_str("the answer is not signed as agreed"),
            AskError::Transfer(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for AskError {}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> AskError {
        AskError::Io(error)
    }
}

impl From<StreamFault> for AskError {
    fn from(fault: StreamFault) -> AskError {
        AskError::Signature(fault)
    }
}

impl From<TransferFault> for AskError {
    fn from(fault: TransferFault) -> AskError {
        AskError::Transfer(fault)
    }
}

impl From<tokio::time::error::Elapsed> for AskError {
    fn from(_: tokio::time::error::Elapsed) -> AskError {
        AskError::Io(io::ErrorKind::TimedOut.into())
    }
}

/// Seconds since 1970.
fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A random message id: whoever cannot see our questions must not be able to answer them.
///
/// # Errors
/// If the system has no random bytes to give; then nothing is to be asked.
pub fn random_id() -> io::Result<u16> {
    random().map(u16::from_be_bytes)
}

/// A server to be asked.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Where it listens.
    pub address: SocketAddr,
    /// From which address of ours; nothing: the system chooses.
    pub from: Option<IpAddr>,
    /// The key that both know.
    pub key: Option<Key>,
}

impl Remote {
    fn local(&self) -> SocketAddr {
        let any: IpAddr = match self.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let from = self.from.filter(|from| from.is_ipv4() == self.address.is_ipv4());
        SocketAddr::new(from.unwrap_or(any), 0)
    }

    fn signed(&self, message: &[u8]) -> (Vec<u8>, Option<Signer>) {
        let mut message = message.to_vec();
        let signer = self.key.clone().map(|key| {
            let mut signer = Signer::requesting(key);
            signer.sign(unix_s(), &mut message);
            signer
        });
        (message, signer)
    }

    /// Sends a message by UDP once and waits for what `accept` takes as its answer: a function of the answer
    /// without its signature.
    ///
    /// # Errors
    /// Time-outs and the network's.
    pub async fn tell<T>(&self, message: &[u8], accept: impl Fn(&[u8]) -> Option<T>) -> Result<T, AskError> {
        let socket = UdpSocket::bind(self.local()).await?;
        // Connected: what others send does not arrive.
        socket.connect(self.address).await?;
        let (signed, signer) = self.signed(message);
        socket.send(&signed).await?;
        let mut buffer = [0; 4096];
        timeout(DATAGRAM_WAIT, async {
            loop {
                let len = socket.recv(&mut buffer).await?;
                let answer = &buffer[..len];
                let plain_len = match &signer {
                    None => len,
                    // A forged answer must not end the waiting for the true one (RFC 8945 §5.3).
                    Some(signer) => match signer.verifier().check(answer, unix_s()) {
                        Ok(plain_len) => plain_len,
                        Err(_) => continue,
                    },
                };
                if let Some(found) = accept(&unsigned(answer, plain_len)) {
                    return Ok(found);
                }
            }
        })
        .await?
    }

    /// The same, repeated, and by TCP in the end.
    ///
    /// # Errors
    /// Those of the last try.
    pub async fn ask<T>(&self, message: &[u8], accept: impl Fn(&[u8]) -> Option<T>) -> Result<T, AskError> {
        for _ in 0..DATAGRAM_TRIES {
            match self.tell(message, &accept).await {
                Ok(found) => return Ok(found),
                Err(AskError::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused => break,
                Err(_) => {}
            }
        }
        let (signed, signer) = self.signed(message);
        let mut stream = self.connect(&signed).await?;
        let mut buffer = Vec::new();
        read_message(&mut stream, &mut buffer).await?;
        let len = match &signer {
            Some(signer) => signer.verifier().check(&buffer, unix_s())?,
            None => buffer.len(),
        };
        accept(&unsigned(&buffer, len)).ok_or_else(|| AskError::Io(io::ErrorKind::InvalidData.into()))
    }

    async fn connect(&self, first: &[u8]) -> Result<TcpStream, AskError> {
        let socket = match self.address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.bind(self.local())?;
        let mut stream = timeout(STREAM_WAIT, socket.connect(self.address)).await??;
        let len = u16::try_from(first.len()).map_err(io::Error::other)?;
        // One segment: some servers do not wait for the rest of a length.
        timeout(STREAM_WAIT, stream.write_all(&[&len.to_be_bytes()[..], first].concat())).await??;
        Ok(stream)
    }

    /// Fetches a zone, or what changed since `have`, its SOA record.
    ///
    /// # Errors
    /// See [`AskError`]; nothing was changed by then.
    pub async fn fetch(
        &self,
        zone: &Name,
        have: Option<&Record>,
        limits: IncomingLimits,
    ) -> Result<Received, AskError> {
        let id = random_id().map_err(AskError::Io)?;
        let since = have.and_then(|soa| ::dns::Soa::from_rdata(&soa.data));
        let wanted = since.map_or(Wanted::Whole, |soa| Wanted::Since(soa.serial));
        let (request, signer) = self.signed(&TransferRequest::message(id, zone, have));
        let mut incoming = Incoming::new(id, zone.clone(), wanted, limits);
        let mut verifier = signer.map(|signer| signer.verifier());
        timeout(TRANSFER_WAIT, async {
            let mut stream = self.connect(&request).await?;
            let mut buffer = Vec::new();
            loop {
                read_message(&mut stream, &mut buffer).await?;
                let len = match &mut verifier {
                    Some(verifier) => verifier.check(&buffer, unix_s())?,
                    None => buffer.len(),
                };
                match incoming.message(&unsigned(&buffer, len))? {
                    Progress::More => {}
                    Progress::Done(received) => {
                        // What came unsigned at the end is nobody's word (RFC 8945 §5.3.1).
                        if verifier.as_ref().is_some_and(|verifier| !verifier.is_settled()) {
                            return Err(AskError::Signature(StreamFault::Unsigned));
                        }
                        return Ok(received);
                    }
                }
            }
        })
        .await?
    }
}

/// A message without the signature that was found at `len`.
fn unsigned(message: &[u8], len: usize) -> std::borrow::Cow<'_, [u8]> {
    if len == message.len() {
        return message.into();
    }
    let mut plain = message[..len].to_vec();
    let count = u16::from_be_bytes([plain[10], plain[11]]).saturating_sub(1);
    plain[10..12].copy_from_slice(&count.to_be_bytes());
    plain.into()
}

async fn read_message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), AskError> {
    let len = timeout(STREAM_WAIT, stream.read_u16()).await??;
    buffer.resize(usize::from(len), 0);
    timeout(STREAM_WAIT, stream.read_exact(buffer)).await??;
    Ok(())
}
