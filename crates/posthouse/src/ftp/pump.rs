//! Moves the content of large transfers, on threads that may block.

use super::cut::Cut;
use super::halt::Halt;
use super::rate::Bucket;
use crate::clock::Clock;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::StoreError;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::ServerConnection;

/// Content is read, hashed and written in blocks of this size: large enough that system calls cost
/// nothing, small enough to stay in the processor's cache.
pub const BLOCK_BYTES: usize = 256 * 1024;
/// Given to sendfile at once, so that a stop and a rate are heeded in between.
const SLICE_BYTES: usize = 1 << 20;
/// Transfers that have a thread; further ones wait for their turn. Most transfers are small and need none.
const THREADS_MAX: usize = 256;
/// How long the client may take to close after us.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// The threads of transfers. Clones share them.
#[derive(Debug, Clone)]
pub struct Threads(Arc<Semaphore>);

impl Default for Threads {
    fn default() -> Self {
        Threads(Arc::new(Semaphore::new(THREADS_MAX)))
    }
}

impl Threads {
    /// Does the work on a thread of its own, once one is free.
    ///
    /// # Errors
    /// [`Cut::Halted`] if it was stopped before it began.
    pub async fn run<T: Send + 'static>(
        &self,
        halt: &Halt,
        work: impl FnOnce() -> Result<T, Cut> + Send + 'static,
    ) -> Result<T, Cut> {
        let turn = tokio::select! {
            turn = self.0.clone().acquire_owned() => turn.map_err(|_| Cut::Halted)?,
            () = halt.halted() => return Err(Cut::Halted),
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.unwrap_or(Err(Cut::Store(StoreError::Panicked)))
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

    /// Counts what was moved, and pauses this thread as the rate demands.
    fn moved(&self, bytes: usize) -> Result<(), Cut> {
        if self.halt.pause(self.count(bytes)) { Ok(()) } else { Err(Cut::Halted) }
    }

    /// An error of the socket, or what caused it.
    fn cut(&self, error: &io::Error) -> Cut {
        if self.halt.is_halted() { Cut::Halted } else { Cut::of_socket(error) }
    }
}

/// A data connection on a thread.
pub struct Pump {
    stream: TcpStream,
    tls: Option<Tls>,
    pace: Pace,
    /// An error that came behind bytes which had to be handed out first. The socket tells it only once.
    pending: Option<Cut>,
}

/// The TLS of a data connection, with what has come and is not decrypted.
struct Tls {
    connection: Box<ServerConnection>,
    raw: Vec<u8>,
    start: usize,
}

impl Pump {
    /// Takes over a connection.
    ///
    /// # Errors
    /// [`Cut::Broken`] if the system refuses another handle of it.
    pub fn new(stream: TcpStream, tls: Option<Box<ServerConnection>>, pace: Pace) -> Result<Pump, Cut> {
        let handle = stream.try_clone().map_err(|error| Cut::of_socket(&error))?;
        pace.halt.watch(handle);
        let tls = tls.map(|connection| Tls { connection, raw: Vec::new(), start: 0 });
        Ok(Pump { stream, tls, pace, pending: None })
    }

    /// Sends a file's bytes from `from` to `to`, from the page cache straight into the socket where
    /// there is no TLS.
    ///
    /// # Errors
    /// What cut it off.
    pub fn send_file(&mut self, file: &File, from: u64, to: u64) -> Result<(), Cut> {
        let _ = rustix::fs::fadvise(file, from, None, rustix::fs::Advice::Sequential);
        if self.tls.is_none() {
            return self.send_file_plain(file, from, to);
        }
        let mut block = vec![0; BLOCK_BYTES];
        let mut at = from;
        while at < to {
            let count = read_block(file, at, to, &mut block)?;
            self.send(&block[..count])?;
            at += count as u64;
        }
        Ok(())
    }

    fn send_file_plain(&mut self, file: &File, from: u64, to: u64) -> Result<(), Cut> {
        let mut at = from;
        while at < to {
            let left = usize::try_from(to - at).unwrap_or(usize::MAX);
            let slice = self.pace.slice_bytes(left.min(SLICE_BYTES));
            match rustix::fs::sendfile(&self.stream, file, Some(&mut at), slice) {
                Ok(0) => return Err(shortened()),
                Ok(count) => self.pace.moved(count)?,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::IO) => {
                    return Err(StoreError::Io("a file cannot be read".into()).into());
                }
                Err(error) => return Err(self.pace.cut(&error.into())),
            }
        }
        Ok(())
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// What cut it off.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let (slice, rest) = bytes.split_at(self.pace.slice_bytes(bytes.len()));
            let sent = match &mut self.tls {
                None => self.stream.write_all(slice),
                Some(tls) => tls.send(&mut self.stream, slice),
            };
            sent.map_err(|error| self.pace.cut(&error))?;
            self.pace.moved(slice.len())?;
            bytes = rest;
        }
        Ok(())
    }

    /// Fills `block` as far as there are bytes to come; zero at the proper end.
    ///
    /// # Errors
    /// What cut it off. What came before was returned by the calls before.
    pub fn receive(&mut self, block: &mut [u8]) -> Result<usize, Cut> {
        if let Some(cut) = self.pending.take() {
            return Err(cut);
        }
        let wanted = self.pace.slice_bytes(block.len());
        let mut filled = 0;
        while filled < wanted {
            let space = &mut block[filled..wanted];
            let count = match &mut self.tls {
                None => self.stream.read(space),
                Some(tls) => tls.receive(&mut self.stream, space),
            };
            match count {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if filled > 0 => {
                    self.pending = Some(self.pace.cut(&error));
                    break;
                }
                Err(error) => return Err(self.pace.cut(&error)),
            }
        }
        // The end of a connection that we ourselves shut down is not the end of the file.
        if self.pace.halt.is_halted() && filled == 0 {
            return Err(Cut::Halted);
        }
        self.pace.moved(filled)?;
        Ok(filled)
    }

    /// All is sent: ends our side, and in TLS waits a moment for the client's end, as closing while bytes
    /// of the client are on their way would reset what it has not read.
    ///
    /// # Errors
    /// If what was sent before did not get out.
    pub fn finish_sending(mut self) -> Result<(), Cut> {
        self.end()?;
        if self.tls.is_some() {
            let _ = self.stream.set_read_timeout(Some(CLOSE_WAIT));
            let begun = Instant::now();
            let mut rest = [0; 4096];
            while begun.elapsed() < CLOSE_WAIT
                && matches!(self.stream.read(&mut rest), Ok(count) if count > 0)
            {}
        }
        Ok(())
    }

    /// All has come: ends our side.
    ///
    /// # Errors
    /// If the client has gone already.
    pub fn finish_receiving(mut self) -> Result<(), Cut> {
        self.end()
    }

    /// Ends our side, in TLS with a `close_notify`.
    fn end(&mut self) -> Result<(), Cut> {
        self.pace.halt.unwatch();
        if let Some(tls) = &mut self.tls {
            tls.connection.send_close_notify();
            tls.flush(&mut self.stream).map_err(|error| self.pace.cut(&error))?;
        }
        self.stream.shutdown(Shutdown::Write).map_err(|error| self.pace.cut(&error))
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        // The other handle would keep the connection open.
        self.pace.halt.unwatch();
    }
}

impl Tls {
    fn send(&mut self, stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.connection.writer().write(bytes)?;
            bytes = &bytes[taken..];
            self.flush(stream)?;
        }
        Ok(())
    }

    /// Writes all that is encrypted, many records at once.
    fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Some decrypted bytes; zero after a `close_notify`, `UnexpectedEof` if the end came without.
    fn receive(&mut self, stream: &mut TcpStream, space: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            if self.start == self.raw.len() {
                self.refill(stream)?;
            }
            let taken = self.connection.read_tls(&mut &self.raw[self.start..])?;
            self.start += taken;
            // What there may be to send, such as tickets, waits: see `Secure`.
            self.connection.process_new_packets().map_err(io::Error::other)?;
        }
    }

    /// Reads a large piece from the socket; nothing at its end.
    fn refill(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        self.raw.resize(BLOCK_BYTES, 0);
        self.start = self.raw.len();
        let count = stream.read(&mut self.raw)?;
        self.raw.truncate(count);
        self.start = 0;
        Ok(())
    }
}

/// Reads a block of a stored file.
///
/// # Errors
/// The store's: the file cannot be read, or is shorter than it was said to be.
pub fn read_block(file: &File, at: u64, to: u64, block: &mut [u8]) -> Result<usize, Cut> {
    let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(block.len());
    loop {
        match file.read_at(&mut block[..wanted], at) {
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
