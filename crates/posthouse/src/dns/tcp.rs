//! DNS over TCP and TLS (RFC 7766, RFC 7858): many questions on a connection. What takes long, a transfer or an
//! update, holds up no other: its answer comes when it is ready, between others (RFC 7766 §6.2.1.1).
//!
//! A connection that says nothing for [`Limits::idle`], or needs longer than that for one message, is
//! closed. When there are too many, the one whose last whole message is the longest ago makes room
//! (RFC 9210 §4.2), so that those who trickle bytes are the first to go. While a client does not read
//! its answers, its questions are not read.

mod frames;
mod registry;

pub use registry::{Admission, Registry};

use crate::tls::Acceptor;
use frames::{Frames, put};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

/// How many connections, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all. Each idle one costs about 4 KB, one inside TLS about 20 KB.
    pub connections_max: usize,
    /// Connections from one network (a /24, or a /56).
    pub per_network_max: usize,
    /// How long a connection may be without a whole message, and a write without progress.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        // Ten seconds: RFC 9210 §4.3 asks for a few; a resolver that has more to ask does so at once.
        Limits { connections_max: 2000, per_network_max: 100, idle: Duration::from_secs(10) }
    }
}

/// Answers are collected up to here before they are written, in bytes.
const FLUSH_AT_BYTES: usize = 32 << 10;

/// Whom we talk to, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether inside TLS.
    pub is_tls: bool,
    /// Whether limits do not apply.
    pub exempt: bool,
}

/// What becomes of a message.
pub enum Reply {
    /// The answer is in the buffer; nothing in it: no answer.
    Done,
    /// Messages that must be waited for, made as they are sent.
    Later(Pin<Box<dyn Future<Output = mpsc::Receiver<Vec<u8>>> + Send>>),
    /// The peer is no DNS client: the connection ends.
    Close,
}

/// Answers the messages of connections.
pub trait Service: Send + Sync + 'static {
    /// Answers one message into `out`, which is empty.
    fn message(self: &Arc<Self>, query: &[u8], peer: &Peer, out: &mut Vec<u8>) -> Reply;
}

/// What all connections share.
pub struct Server<S> {
    /// Answers.
    pub service: Arc<S>,
    /// Who is connected.
    pub registry: Registry,
    /// For connections inside TLS.
    pub acceptor: Acceptor,
}

/// Accepts connections until `stop`. Each holds a clone of `busy`.
pub async fn accept<S: Service>(
    server: Arc<Server<S>>,
    listener: TcpListener,
    is_tls: bool,
    mut stop: watch::Receiver<bool>,
    busy: mpsc::Sender<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = crate::driver::stopped(&mut stop) => return,
        };
        let (socket, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::error!(%error, "cannot accept DNS connections");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let Some(admission) = server.registry.admit(address.ip()) else { continue };
        let peer = Peer { address, is_tls, exempt: admission.exempt };
        let (server, stop, busy) = (server.clone(), stop.clone(), busy.clone());
        tokio::spawn(async move {
            converse(&server, socket, &peer, &admission, stop).await;
            drop(busy);
        });
    }
}

async fn converse<S: Service>(
    server: &Arc<Server<S>>,
    socket: TcpStream,
    peer: &Peer,
    admission: &Admission,
    mut stop: watch::Receiver<bool>,
) {
    let _ = socket.set_nodelay(true);
    let idle = server.registry.limits().idle;
    let talk = async {
        if !peer.is_tls {
            return answer_all(&server.service, socket, peer, admission, idle).await;
        }
        let stream = timeout(idle, server.acceptor.accept(socket)).await??;
        Box::pin(answer_all(&server.service, stream, peer, admission, idle)).await
    };
    tokio::select! {
        end = talk => match end {
            Ok(()) => {}
            Err(error) => tracing::debug!(peer = %peer.address, %error, "a DNS connection broke"),
        },
        () = admission.evicted() => {}
        () = crate::driver::stopped(&mut stop) => {}
    }
}

/// Reads messages and writes answers until the peer has no more.
async fn answer_all<S: Service, C: AsyncRead + AsyncWrite + Unpin>(
    service: &Arc<S>,
    mut stream: C,
    peer: &Peer,
    admission: &Admission,
    idle: Duration,
) -> io::Result<()> {
    let (mut frames, mut later) = (Frames::default(), Later::default());
    let (mut out, mut answer) = (Vec::new(), Vec::new());
    // One deadline for the whole message: bytes that trickle do not move it.
    let mut deadline = Instant::now() + idle;
    loop {
        while out.len() < FLUSH_AT_BYTES
            && let Some(message) = later.ready()
        {
            put(&message, &mut out);
        }
        if out.len() >= FLUSH_AT_BYTES {
            write(&mut stream, &mut out, idle).await?;
            admission.touch();
        }
        if later.has_room() && frames.whole()? {
            admission.touch();
            answer.clear();
            let reply = service.message(frames.message(), peer, &mut answer);
            frames.consume();
            match reply {
                Reply::Done if answer.is_empty() => {}
                Reply::Done => put(&answer, &mut out),
                Reply::Close => return write(&mut stream, &mut out, idle).await,
                Reply::Later(work) => later.begin(work),
            }
            deadline = Instant::now() + idle;
            continue;
        }
        if !out.is_empty() {
            write(&mut stream, &mut out, idle).await?;
            continue;
        }
        tokio::select! {
            message = later.next(), if later.is_busy() => {
                message.into_iter().for_each(|message| put(&message, &mut out));
                deadline = Instant::now() + idle;
            }
            read = timeout_at(deadline, frames.read(&mut stream)), if later.has_room() => match read {
                Ok(Ok(true)) => {}
                Ok(Err(error)) => return Err(error),
                // Whoever closed its side, or waits in silence, gets what it asked for before.
                Ok(Ok(false)) => later.close(),
                Err(_) if later.is_busy() => deadline = Instant::now() + idle,
                Err(_) => return Ok(()),
            },
            else => return Ok(()),
        }
    }
}

/// Messages that are ready and not yet taken, of all that is under way on a connection.
const READY_MAX: usize = 4;
/// Transfers and updates under way on a connection; more wait unread.
const UNDER_WAY_MAX: usize = 4;

/// A message of something that is under way; `None` is its end.
type Made = Option<Vec<u8>>;

/// What is under way on a connection beside its questions.
#[derive(Default)]
struct Later {
    /// Made when there is something: most connections never need it.
    channel: Option<(mpsc::Sender<Made>, mpsc::Receiver<Made>)>,
    under_way: usize,
    closed: bool,
}

impl Later {
    fn is_busy(&self) -> bool {
        self.under_way > 0
    }

    /// Whether more may be read.
    fn has_room(&self) -> bool {
        self.under_way < UNDER_WAY_MAX && !self.closed
    }

    /// Nothing more is read.
    fn close(&mut self) {
        self.closed = true;
    }

    fn begin(&mut self, work: Pin<Box<dyn Future<Output = mpsc::Receiver<Vec<u8>>> + Send>>) {
        let (put, _) = self.channel.get_or_insert_with(|| mpsc::channel(READY_MAX));
        let put = put.clone();
        self.under_way += 1;
        // When the connection is gone nobody takes the messages, and whoever makes them stops.
        tokio::spawn(async move {
            let mut messages = work.await;
            while let Some(message) = messages.recv().await {
                if put.send(Some(message)).await.is_err() {
                    return;
                }
            }
            let _ = put.send(None).await;
        });
    }

    /// The next message that is there already.
    fn ready(&mut self) -> Option<Vec<u8>> {
        loop {
            let (_, messages) = self.channel.as_mut()?;
            match messages.try_recv().ok()? {
                Some(message) => return Some(message),
                None => self.under_way -= 1,
            }
        }
    }

    /// Waits for the next message; nothing if something ended.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let (_, messages) = self.channel.as_mut()?;
        let message = messages.recv().await.flatten();
        self.under_way -= usize::from(message.is_none());
        message
    }
}

/// Writes all of `out` and empties it; a peer that takes nothing for `idle` is given up.
async fn write<C: AsyncWrite + Unpin>(stream: &mut C, out: &mut Vec<u8>, idle: Duration) -> io::Result<()> {
    let mut done = 0;
    while done < out.len() {
        match timeout(idle, stream.write(&out[done..])).await?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => done += count,
        }
    }
    timeout(idle, stream.flush()).await??;
    out.clear();
    // One large transfer must not be remembered in memory by a connection that goes idle.
    out.shrink_to(FLUSH_AT_BYTES);
    Ok(())
}

#[cfg(test)]
mod tests;
