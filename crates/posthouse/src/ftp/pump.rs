//! Moves the content of large transfers: on threads that may wait for the disk, and wait for no client.
//!
//! What is done to a transfer is one future, which is polled on threads only. While bytes flow it keeps its
//! thread, also through the short pauses of a client that is nearly as fast as we are. A client that lets us
//! wait longer holds a socket and a buffer; a thread comes back to it when its socket is ready.

use super::cut::Cut;
use super::data::Link;
use super::halt::Halt;
use super::rate::Bucket;
use crate::clock::Clock;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use store::StoreError;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_rustls::rustls::ServerConnection;

/// Content is read, hashed and written in blocks of this size: large enough that system calls cost
/// nothing, small enough to stay in the processor's cache.
pub const BLOCK_BYTES: usize = 256 * 1024;
/// Given to sendfile at once, so that a stop and a rate are heeded in between.
const SLICE_BYTES: usize = 1 << 20;
/// Transfers that have a thread; further ones wait for their turn, which comes soon. Most of them are in system
/// calls for the disk.
const THREADS_MAX: usize = 256;
/// A thread waits so long for the client before it leaves the transfer: a fast client costs no hand-over.
const WAIT_ON_THREAD: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// So many bytes must have moved for each such wait, so that nobody holds a thread with a trickle.
const MOVED_PER_WAIT_BYTES: usize = 64 * 1024;
/// A transfer that never waits gives its thread to others after this time, if there are any who want it.
const TURN_MAX: Duration = Duration::from_millis(100);
/// How long the client may take to close after us.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// The threads of transfers. Clones share them.
#[derive(Debug, Clone)]
pub struct Threads(Arc<Semaphore>);

impl Default for Threads {
    fn default() -> Self {
        Threads::new(THREADS_MAX)
    }
}

/// Remembers that a future is to be polled again.
#[derive(Debug, Default)]
struct Again(Notify);

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Threads {
    /// So many of them.
    pub fn new(count: usize) -> Threads {
        Threads(Arc::new(Semaphore::new(count)))
    }

    /// Does work that may block its thread. Whenever it awaits something it has none.
    ///
    /// # Errors
    /// Its own; [`StoreError::Panicked`] if it did.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Cut>> + Send + 'static,
    ) -> Result<T, Cut> {
        let mut work: Pin<Box<dyn Future<Output = Result<T, Cut>> + Send>> = Box::pin(work);
        let again = Arc::new(Again::default());
        loop {
            let turn = self.0.clone().acquire_owned().await.map_err(|_| Cut::Halted)?;
            let waker = Waker::from(again.clone());
            let polled = tokio::task::spawn_blocking(move || {
                let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
                drop(turn);
                (polled, work)
            });
            let Ok((polled, rest)) = polled.await else { return Err(StoreError::Panicked.into()) };
            if let Poll::Ready(done) = polled {
                return done;
            }
            work = rest;
            again.0.notified().await;
        }
    }

    /// Whether others may be waiting for a thread.
    fn are_all_taken(&self) -> bool {
        self.0.available_permits() == 0
    }
}

/// Pacing and stopping, for a pump.
#[derive(Clone)]
pub struct Pace {
    /// Who may stop it.
    pub halt: Halt,
    /// The account's rate limit.
    pub bucket: Option<Arc<Bucket>>,
    /// The time.
    pub clock: Clock,
    /// Bytes moved so far.
    pub moved: Arc<AtomicU64>,
}

impl Pace {
    /// How much of `wanted` to move at once.
    pub fn slice_bytes(&self, wanted: usize) -> usize {
        self.bucket.as_ref().map_or(wanted, |bucket| bucket.slice_bytes(wanted))
    }

    /// Counts what was moved; how long to pause now.
    pub fn count(&self, bytes: usize) -> Duration {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
        self.bucket.as_ref().map_or(Duration::ZERO, |bucket| bucket.take(self.clock.now(), bytes as u64))
    }

    /// Counts what was moved, and pauses as the rate demands.
    async fn moved(&self, bytes: usize) -> Result<(), Cut> {
        let pause = self.count(bytes);
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.halt.halted() => {}
            }
        }
        if self.halt.is_halted() { Err(Cut::Halted) } else { Ok(()) }
    }
}

/// A socket that blocks its thread for a moment at most.
struct Socket {
    stream: TcpStream,
    pace: Pace,
    /// How long nothing may move.
    patience: Duration,
    threads: Threads,
    /// Bytes that moved since the thread waited last.
    unwaited_bytes: usize,
    /// When the thread was taken, at the latest.
    turn_begun: Instant,
}

impl Socket {
    /// Does what moves bytes once the socket is ready for it.
    async fn run<T>(
        &mut self,
        interest: Interest,
        mut act: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Result<T, Cut> {
        let mut waiting_since = None;
        loop {
            if self.pace.halt.is_halted() {
                return Err(Cut::Halted);
            }
            let mut done = act(&self.stream);
            if is_too_early(&done) {
                let since = *waiting_since.get_or_insert_with(Instant::now);
                if self.waits_on_thread() && is_ready_soon(&self.stream, interest) {
                    continue;
                }
                // Once more, in the runtime's sight: it takes the socket for ready until it saw that it is not.
                done = self.stream.try_io(interest, || act(&self.stream));
                if is_too_early(&done) {
                    self.ready(interest, since + self.patience).await?;
                    self.turn_begun = Instant::now();
                    continue;
                }
            }
            match done {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done.map_err(|error| Cut::of_socket(&error)),
            }
        }
    }

    /// Whether enough has moved for the thread to wait.
    fn waits_on_thread(&mut self) -> bool {
        let waits = self.unwaited_bytes >= MOVED_PER_WAIT_BYTES && !self.threads.are_all_taken();
        if waits {
            self.unwaited_bytes = 0;
        }
        waits
    }

    async fn ready(&self, interest: Interest, deadline: Instant) -> Result<(), Cut> {
        tokio::select! {
            biased;
            () = self.pace.halt.halted() => Err(Cut::Halted),
            ready = self.stream.ready(interest) => ready.map(|_| ()).map_err(|error| Cut::of_socket(&error)),
            () = tokio::time::sleep_until(deadline) => Err(Cut::Silent),
        }
    }

    /// Counts what was moved, and lets others go on if it is time.
    async fn moved(&mut self, bytes: usize) -> Result<(), Cut> {
        self.unwaited_bytes = self.unwaited_bytes.saturating_add(bytes);
        self.pace.moved(bytes).await?;
        if self.threads.are_all_taken() && self.turn_begun.elapsed() > TURN_MAX {
            tokio::task::yield_now().await;
            self.turn_begun = Instant::now();
        }
        Ok(())
    }
}

fn is_too_early<T>(done: &io::Result<T>) -> bool {
    done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Blocks the thread for [`WAIT_ON_THREAD`] at most.
fn is_ready_soon(stream: &TcpStream, interest: Interest) -> bool {
    let flags = if interest.is_readable() { PollFlags::IN } else { PollFlags::OUT };
    rustix::event::poll(&mut [PollFd::new(stream, flags)], Some(&WAIT_ON_THREAD)).is_ok_and(|ready| ready > 0)
}

/// The socket as TLS wants it: ready or not.
struct Bare<'a>(&'a TcpStream);

impl Read for Bare<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self.0, space)?)
    }
}

impl Write for Bare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::io::writev(self.0, slices)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A data connection that moves much. Its functions are to be awaited in [`Threads::run`].
pub struct Pump {
    socket: Socket,
    tls: Option<Tls>,
    /// What came behind bytes which had to be handed out first. The socket tells it only once.
    pending: Option<Cut>,
}

/// The TLS of a data connection, with what has come and is not decrypted.
struct Tls {
    connection: Box<ServerConnection>,
    raw: Vec<u8>,
    start: usize,
}

impl Pump {
    /// Takes over a connection, and gives up when nothing moves for `patience`.
    pub fn new(link: Link, pace: Pace, patience: Duration, threads: Threads) -> Pump {
        let (stream, tls) = link.into_parts();
        let turn_begun = Instant::now();
        let socket = Socket { stream, pace, patience, threads, unwaited_bytes: 0, turn_begun };
        let tls = tls.map(|connection| Tls { connection, raw: Vec::new(), start: 0 });
        Pump { socket, tls, pending: None }
    }

    /// Sends a file's bytes from `from` to `to`, from the page cache straight into the socket where
    /// there is no TLS.
    ///
    /// # Errors
    /// What cut it off.
    pub async fn send_file(&mut self, file: &File, from: u64, to: u64) -> Result<(), Cut> {
        let _ = rustix::fs::fadvise(file, from, None, rustix::fs::Advice::Sequential);
        if self.tls.is_none() {
            return self.send_file_plain(file, from, to).await;
        }
        let mut block = vec![0; BLOCK_BYTES];
        let mut at = from;
        while at < to {
            let count = read_block(|block, at| file.read_at(block, at), (at, to), &mut block)?;
            self.send(&block[..count]).await?;
            at += count as u64;
        }
        Ok(())
    }

    async fn send_file_plain(&mut self, file: &File, from: u64, to: u64) -> Result<(), Cut> {
        let mut at = from;
        while at < to {
            let left = usize::try_from(to - at).unwrap_or(usize::MAX);
            let slice = self.socket.pace.slice_bytes(left.min(SLICE_BYTES));
            let send = |stream: &TcpStream| match rustix::fs::sendfile(stream, file, Some(&mut at), slice) {
                // Of the two it is the file that has such errors.
                Err(Errno::IO) => Ok(Err(StoreError::Io("a file cannot be read".into()))),
                sent => Ok(Ok(sent?)),
            };
            match self.socket.run(Interest::WRITABLE, send).await?? {
                0 => return Err(shortened()),
                count => self.socket.moved(count).await?,
            }
        }
        Ok(())
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// What cut it off.
    pub async fn send(&mut self, mut bytes: &[u8]) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let (slice, rest) = bytes.split_at(self.socket.pace.slice_bytes(bytes.len()));
            match &mut self.tls {
                None => {
                    let mut left = slice;
                    while !left.is_empty() {
                        let send = |stream: &TcpStream| Bare(stream).write(left);
                        let count = self.socket.run(Interest::WRITABLE, send).await?;
                        left = &left[count..];
                    }
                }
                Some(tls) => tls.send(&mut self.socket, slice).await?,
            }
            self.socket.moved(slice.len()).await?;
            bytes = rest;
        }
        Ok(())
    }

    /// Fills `block` as far as there are bytes to come; zero at the proper end.
    ///
    /// # Errors
    /// What cut it off. What came before was returned by the calls before.
    pub async fn receive(&mut self, block: &mut [u8]) -> Result<usize, Cut> {
        if let Some(cut) = self.pending.take() {
            return Err(cut);
        }
        let wanted = self.socket.pace.slice_bytes(block.len());
        let mut filled = 0;
        while filled < wanted {
            let space = &mut block[filled..wanted];
            let count = match &mut self.tls {
                None => self.socket.run(Interest::READABLE, |stream| Bare(stream).read(space)).await,
                Some(tls) => tls.receive(&mut self.socket, space).await,
            };
            match count {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(cut) if filled > 0 => {
                    self.pending = Some(cut);
                    break;
                }
                Err(cut) => return Err(cut),
            }
        }
        if let Err(cut) = self.socket.moved(filled).await {
            self.pending.get_or_insert(cut);
        }
        Ok(filled)
    }

    /// All is sent: ends our side, and in TLS waits a moment for the client's end, as closing while bytes
    /// of the client are on their way would reset what it has not read.
    ///
    /// # Errors
    /// If what was sent before did not get out.
    pub async fn finish_sending(mut self) -> Result<(), Cut> {
        self.end().await?;
        if self.tls.is_some() {
            let mut rest = [0; 4096];
            let read = async {
                let mut read = |stream: &TcpStream| Bare(stream).read(&mut rest);
                while matches!(self.socket.run(Interest::READABLE, &mut read).await, Ok(count) if count > 0) {
                }
            };
            let _ = tokio::time::timeout(CLOSE_WAIT, read).await;
        }
        Ok(())
    }

    /// All has come: ends our side.
    ///
    /// # Errors
    /// If the client has gone already.
    pub async fn finish_receiving(&mut self) -> Result<(), Cut> {
        self.end().await
    }

    /// Ends our side, in TLS with a `close_notify`.
    async fn end(&mut self) -> Result<(), Cut> {
        if let Some(tls) = &mut self.tls {
            tls.connection.send_close_notify();
            tls.flush(&mut self.socket).await?;
        }
        let ended = rustix::net::shutdown(&self.socket.stream, rustix::net::Shutdown::Write);
        ended.map_err(|error| Cut::of_socket(&error.into()))
    }
}

impl Tls {
    async fn send(&mut self, socket: &mut Socket, mut bytes: &[u8]) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let taken = self.connection.writer().write(bytes).map_err(|error| Cut::of_socket(&error))?;
            bytes = &bytes[taken..];
            self.flush(socket).await?;
        }
        Ok(())
    }

    /// Writes all that is encrypted, many records at once.
    async fn flush(&mut self, socket: &mut Socket) -> Result<(), Cut> {
        while self.connection.wants_write() {
            let write = |stream: &TcpStream| self.connection.write_tls(&mut Bare(stream));
            socket.run(Interest::WRITABLE, write).await?;
        }
        Ok(())
    }

    /// Some decrypted bytes; zero after a `close_notify`, broken with `UnexpectedEof` if the end came without.
    async fn receive(&mut self, socket: &mut Socket, space: &mut [u8]) -> Result<usize, Cut> {
        loop {
            match self.connection.reader().read(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other.map_err(|error| Cut::of_socket(&error)),
            }
            if self.start == self.raw.len() {
                self.refill(socket).await?;
            }
            let taken = self.connection.read_tls(&mut &self.raw[self.start..]);
            self.start += taken.map_err(|error| Cut::of_socket(&error))?;
            // What there may be to send, such as tickets, waits: see `Secure`.
            let read = self.connection.process_new_packets();
            read.map_err(|error| Cut::of_socket(&io::Error::other(error)))?;
        }
    }

    /// Reads a large piece from the socket; nothing at its end.
    async fn refill(&mut self, socket: &mut Socket) -> Result<(), Cut> {
        self.raw.resize(BLOCK_BYTES, 0);
        let read = socket.run(Interest::READABLE, |stream| Bare(stream).read(&mut self.raw)).await;
        self.raw.truncate(*read.as_ref().unwrap_or(&0));
        self.start = 0;
        read.map(|_| ())
    }
}

/// Reads a block of stored content by `read_at`, from the first offset and not beyond the second.
///
/// # Errors
/// The store's: the file cannot be read, or is shorter than it was said to be.
pub fn read_block(
    read_at: impl Fn(&mut [u8], u64) -> io::Result<usize>,
    (at, to): (u64, u64),
    block: &mut [u8],
) -> Result<usize, Cut> {
    let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(block.len());
    loop {
        match read_at(&mut block[..wanted], at) {
            Ok(0) => return Err(shortened()),
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Cut::Store(error.into())),
        }
    }
}

fn shortened() -> Cut {
    Cut::Store(StoreError::Corrupt("a file is shorter than its length".into()))
}
