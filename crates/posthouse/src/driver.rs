//! Runs a line protocol's session over a socket: the same code for all of them.
//!
//! A session says what to send and asks; its [`Service`] answers, which may take the store; this
//! driver moves bytes, keeps time, starts TLS and stops. It holds no transaction and no lock while
//! it waits for a peer.

use crate::clock::Clock;
use crate::tls::{Acceptor, TlsInfo};
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use wire::{Input, Outputs, Session};

/// How long a peer may leave what we send untaken. Five minutes, as for a reply in SMTP (RFC 5321 §4.5.3.2).
const WRITE_TIMEOUT: Duration = Duration::from_mins(5);
/// How long a handshake may take; a client that cannot do it in this time has gone.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Output is sent once this much has gathered: a few times a TLS record, far below what matters in memory.
const FLUSH_AT_BYTES: usize = 64 * 1024;
/// Read at once; the space is on the stack, so that waiting connections hold none.
const READ_BYTES: usize = 16 * 1024;

/// What a service makes of a question.
pub enum Reaction<A> {
    /// The answer.
    Answer(A),
    /// Send what is to be sent, shake hands, then answer with [`Service::tls_started`].
    StartTls,
    /// The connection is of no more use: drop it without a word.
    Drop,
}

/// Joins a session to the store and whatever else its questions need.
pub trait Service<S: Session>: Send {
    /// Answers a question. It may write to `wire` while it works, which is sent in order.
    fn answer(&mut self, ask: S::Ask, wire: &mut Wire) -> impl Future<Output = Reaction<S::Answer>> + Send;

    /// The answer to the question that was met with [`Reaction::StartTls`].
    fn tls_started(&mut self, info: TlsInfo) -> S::Answer;

    /// Called after each call into the session, to take from it what it wants to be known.
    fn after_call(&mut self, _session: &mut S) {}

    /// How long the session may go on when the server stops: for work beside the conversation.
    fn stop_respite(&self) -> Duration {
        Duration::ZERO
    }

    /// The peer has ended its side in the middle of the conversation. True if it said before that it would, and
    /// work is under way that it did not give up by that: then the conversation goes on to its end.
    fn peer_ended(&mut self, _session: &S) -> bool {
        false
    }

    /// Returns when something outside wants [`Service::on_event`] to be called. Dropped and called
    /// again at will.
    fn event(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Tells the session what happened outside. Called only while it waits for the peer.
    fn on_event(
        &mut self,
        _session: &mut S,
        _wire: &mut Wire,
        _out: &mut Outputs<S::Ask>,
    ) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A connection's socket, in the clear or inside TLS.
pub enum Stream {
    /// As it came.
    Plain(TcpStream),
    /// After a handshake.
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two, or after a failed handshake.
    Gone,
}

/// The bytes of one connection in both directions.
pub struct Wire {
    stream: Stream,
    /// What has come and is not consumed.
    pub input: Input,
    /// What is to be sent.
    pub out: Vec<u8>,
    acceptor: Acceptor,
    takes_urgent: bool,
}

impl Wire {
    /// A fresh connection.
    pub fn new(stream: TcpStream, acceptor: Acceptor) -> Wire {
        let (input, out) = (Input::new(), Vec::new());
        Wire { stream: Stream::Plain(stream), input, out, acceptor, takes_urgent: false }
    }

    /// Reads on behind urgent data: a read stops at its mark, and nothing tells that there is more (tcp(7)).
    pub fn take_urgent(&mut self) {
        self.takes_urgent = true;
    }

    /// Another handle of the socket, for looking at it.
    ///
    /// # Errors
    /// The system's.
    pub fn handle(&self) -> io::Result<OwnedFd> {
        match &self.stream {
            Stream::Plain(stream) => stream.as_fd().try_clone_to_owned(),
            Stream::Tls(stream) => stream.get_ref().0.as_fd().try_clone_to_owned(),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Sends all of `out`.
    ///
    /// # Errors
    /// The socket's, or `TimedOut` when the peer takes nothing for [`WRITE_TIMEOUT`].
    pub async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let stream = &mut self.stream;
        let out = &self.out;
        let send = async {
            match stream {
                Stream::Plain(stream) => stream.write_all(out).await,
                Stream::Tls(stream) => {
                    stream.write_all(out).await?;
                    stream.flush().await
                }
                Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
            }
        };
        tokio::time::timeout(WRITE_TIMEOUT, send)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        // Large answers are rare and idle connections many: give the memory back.
        if self.out.capacity() > FLUSH_AT_BYTES * 2 {
            self.out = Vec::new();
        } else {
            self.out.clear();
        }
        Ok(())
    }

    /// Sends `out` if much has gathered; call it between the pieces of a long answer.
    ///
    /// # Errors
    /// As [`Wire::flush`].
    pub async fn flush_if_large(&mut self) -> io::Result<()> {
        if self.out.len() < FLUSH_AT_BYTES { Ok(()) } else { self.flush().await }
    }

    /// Waits for bytes and adds them to `input`; the count, zero at the end.
    async fn read(&mut self) -> io::Result<usize> {
        let Wire { stream, input, takes_urgent, .. } = self;
        let count = std::future::poll_fn(|context| {
            let mut space = [MaybeUninit::<u8>::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(match stream {
                Stream::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
                Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, &mut buffer),
                Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            })?;
            input.push(buffer.filled());
            Poll::Ready(Ok::<_, io::Error>(buffer.filled().len()))
        })
        .await?;
        if let (true, 1.., Stream::Plain(socket)) = (*takes_urgent, count, stream) {
            read_behind_mark(socket, input);
        }
        Ok(count)
    }

    /// Waits at most `patience` for the peer to speak first; true if it did.
    pub async fn speaks_within(&mut self, patience: Duration) -> bool {
        matches!(tokio::time::timeout(patience, self.read()).await, Ok(Ok(count)) if count > 0)
    }

    /// Shakes hands as the server.
    ///
    /// # Errors
    /// What went wrong with TLS, or `TimedOut`.
    pub async fn start_tls(&mut self) -> io::Result<TlsInfo> {
        self.flush().await?;
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::Error::other("TLS inside TLS"));
        };
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(socket));
        let stream = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let info = TlsInfo::of(stream.get_ref().1);
        self.stream = Stream::Tls(Box::new(stream));
        Ok(info)
    }

    /// Sends what is left and says goodbye to the socket, bounded in time.
    async fn shut_down(&mut self) {
        let _ = self.flush().await;
        let patience = Duration::from_secs(5);
        let _ = match &mut self.stream {
            Stream::Plain(stream) => tokio::time::timeout(patience, AsyncWriteExt::shutdown(stream)).await,
            Stream::Tls(stream) => {
                tokio::time::timeout(
                    patience,
                    std::future::poll_fn(|cx| Pin::new(stream.as_mut()).poll_shutdown(cx)),
                )
                .await
            }
            Stream::Gone => Ok(Ok(())),
        };
        // A reply sent to a client that still talks would be lost with the reset that closing causes.
        let _ = tokio::time::timeout(Duration::from_millis(500), async {
            while matches!(self.read().await, Ok(count) if count > 0) {
                self.input.clear();
            }
        })
        .await;
    }
}

/// Takes what else has come, at most as much as one read takes; errors and the end are met by the next read.
fn read_behind_mark(socket: &TcpStream, input: &mut Input) {
    let mut space = [0u8; 1024];
    for _ in 0..READ_BYTES / space.len() {
        match rustix::net::recv(socket, &mut space[..], rustix::net::RecvFlags::DONTWAIT) {
            Ok((count @ 1.., _)) => input.push(&space[..count]),
            _ => return,
        }
    }
}

/// How a conversation ended, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The session closed it in order.
    Closed,
    /// The peer went away.
    PeerGone,
    /// The socket or the handshake failed.
    Failed(io::ErrorKind),
}

enum Wake {
    Read(io::Result<usize>),
    Deadline,
    Stop,
    Event,
}

/// Runs a session until it closes, its peer goes, or the server stops.
pub async fn run<S: Session, V: Service<S>>(
    session: S,
    service: V,
    wire: Wire,
    clock: Clock,
    stop: watch::Receiver<bool>,
) -> End {
    let mut conversation =
        Conversation { session, service, wire, clock, out: Outputs::new(), is_alone: false };
    match conversation.hold(stop).await {
        Ok(end) => end,
        Err(error) => End::Failed(error.kind()),
    }
}

/// Returns once the server stops.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the one who says so has gone: also a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Conversation<S: Session, V> {
    session: S,
    service: V,
    wire: Wire,
    clock: Clock,
    out: Outputs<S::Ask>,
    /// The peer has ended its side, and is told the rest.
    is_alone: bool,
}

impl<S: Session, V: Service<S>> Conversation<S, V> {
    async fn hold(&mut self, mut stop: watch::Receiver<bool>) -> io::Result<End> {
        self.session.start(self.clock.now(), &mut self.out);
        loop {
            if !self.settle(&mut stop).await? {
                return Ok(End::Closed);
            }
            if self.out.is_closed() {
                self.wire.shut_down().await;
                return Ok(End::Closed);
            }
            self.wire.flush().await?;
            self.wire.input.shrink_if_empty();
            match self.wait(&mut stop).await {
                // However it ended: it had said so.
                Wake::Read(Ok(0) | Err(_)) if self.service.peer_ended(&self.session) => self.is_alone = true,
                Wake::Read(Ok(0)) => return Ok(End::PeerGone),
                Wake::Read(Ok(_)) => {
                    self.session.input(self.clock.now(), &mut self.wire.input, &mut self.out)
                }
                Wake::Read(Err(error)) => return Err(error),
                Wake::Deadline => self.session.expired(self.clock.now(), &mut self.out),
                Wake::Stop => self.session.stop(self.clock.now(), &mut self.out),
                Wake::Event => self.service.on_event(&mut self.session, &mut self.wire, &mut self.out).await,
            }
        }
    }

    /// Answers questions until none is open; false when the connection is to be dropped.
    async fn settle(&mut self, stop: &mut watch::Receiver<bool>) -> io::Result<bool> {
        loop {
            self.service.after_call(&mut self.session);
            self.wire.out.extend_from_slice(self.out.bytes());
            self.out.bytes_mut().clear();
            if self.out.bytes_mut().capacity() > FLUSH_AT_BYTES {
                self.out.take_bytes();
            }
            let Some(ask) = self.out.take_ask() else { return Ok(true) };
            self.wire.flush_if_large().await?;
            // Boxed, so that a connection that waits for its peer does not hold the space of the
            // largest answer.
            let answer = match Box::pin(self.service.answer(ask, &mut self.wire)).await {
                Reaction::Answer(answer) => answer,
                Reaction::StartTls => {
                    let shake = Box::pin(self.wire.start_tls());
                    // Nothing is lost with a handshake, and a stop must not wait for one.
                    let info = tokio::select! {
                        info = shake => info?,
                        () = stopped(stop) => return Ok(false),
                    };
                    self.service.tls_started(info)
                }
                Reaction::Drop => return Ok(false),
            };
            self.session.answer(self.clock.now(), answer, &mut self.out);
            if !self.out.has_ask() && !self.out.is_closed() && !self.wire.input.is_empty() {
                self.session.input(self.clock.now(), &mut self.wire.input, &mut self.out);
            }
        }
    }

    async fn wait(&mut self, stop: &mut watch::Receiver<bool>) -> Wake {
        let deadline = self.session.deadline().map(|moment| self.clock.instant(moment));
        let timer = async {
            match deadline {
                Some(instant) => tokio::time::sleep_until(instant).await,
                None => std::future::pending().await,
            }
        };
        let respite = self.service.stop_respite();
        let stop = async {
            stopped(stop).await;
            if !respite.is_zero() {
                tokio::time::sleep(respite).await;
            }
        };
        tokio::select! {
            biased;
            () = stop => Wake::Stop,
            read = self.wire.read(), if !self.is_alone => Wake::Read(read),
            () = self.service.event() => Wake::Event,
            () = timer => Wake::Deadline,
        }
    }
}
