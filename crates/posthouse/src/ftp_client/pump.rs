//! Moves the bytes of data connections.
//!
//! Plain uploads go by sendfile; everything else in blocks of a quarter of a mebibyte. TLS records are
//! taken from large reads and written in large writes, as rustls by itself reads four kibibytes at a
//! time.

use super::channel::{Channel, is_tick};
use super::error::Error;
use super::pace::Pace;
use ftp::client::{Direction, Moved, MovedEnd, Transfer};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// What is read or written at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// The largest TLS record's contents (RFC 8446 §5.1).
const RECORD_BYTES: usize = 16 * 1024;

/// How long the server's own close is waited for after an upload. With it come the tickets with which
/// the next data connection resumes; in TLS 1.3 each serves once.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where the bytes go or come from.
pub enum Flow<'a> {
    /// Nothing is moved.
    Nothing,
    /// What arrives is handed on. `expected_bytes` is how many there should be: servers that close without
    /// close_notify are believed when all has come.
    Sink {
        /// Takes the bytes.
        take: &'a mut dyn FnMut(&[u8]) -> Result<(), Error>,
        /// How many should come, if that is known.
        expected_bytes: Option<u64>,
    },
    /// What is read from where the file stands is sent.
    Source(&'a mut File),
}

/// What the pump needs beside the two ends.
pub struct Pump<'a> {
    /// The data connection.
    pub channel: Channel,
    /// How fast.
    pub pace: &'a Pace,
    /// Told of every piece.
    pub progress: &'a dyn Fn(u64),
    /// How long nothing may move.
    pub stall_timeout: Duration,
    /// Asked when nothing moves: true if the server has said on the control connection that nothing
    /// will.
    pub refused: &'a mut dyn FnMut() -> bool,
}

/// A running transfer's state.
struct Run<'p, 'a> {
    pump: &'p mut Pump<'a>,
    bytes: u64,
    moved_at: Instant,
}

impl Pump<'_> {
    /// Moves all there is.
    ///
    /// # Errors
    /// Those of this machine's side; what happens on the connection is in the answer, which then says
    /// [`MovedEnd::Cancelled`] to the server.
    pub fn run(&mut self, transfer: &Transfer, flow: &mut Flow<'_>) -> (Moved, Option<Error>) {
        let mut run = Run { pump: self, bytes: 0, moved_at: Instant::now() };
        let result = match (transfer.direction, flow) {
            (Direction::Receive, Flow::Sink { take, expected_bytes }) => {
                let limit = transfer.max_bytes;
                if run.pump.channel.tls.is_some() {
                    run.receive_tls(limit, *expected_bytes, take)
                } else {
                    run.receive(limit, take)
                }
            }
            (Direction::Send, Flow::Source(file)) => {
                if run.pump.channel.tls.is_some() {
                    run.send_tls(file)
                } else {
                    run.send(file)
                }
            }
            _ => Ok(MovedEnd::Cancelled),
        };
        let bytes = run.bytes;
        match result {
            Ok(end) => (Moved { bytes, end }, None),
            Err(error) => (Moved { bytes, end: MovedEnd::Cancelled }, Some(error)),
        }
    }
}

impl Run<'_, '_> {
    fn moved(&mut self, count: usize) {
        self.bytes += count as u64;
        self.moved_at = Instant::now();
        (self.pump.progress)(count as u64);
        self.pump.pace.spend(count);
    }

    /// Nothing moved for a tick: why to give up, if there is a reason.
    fn rest(&mut self) -> Option<MovedEnd> {
        if (self.pump.refused)() {
            return Some(MovedEnd::GivenUp);
        }
        (self.moved_at.elapsed() >= self.pump.stall_timeout).then_some(MovedEnd::Stalled)
    }

    fn left(&self, limit: Option<u64>) -> usize {
        let left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.bytes));
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    fn receive(
        &mut self,
        limit: Option<u64>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<MovedEnd, Error> {
        let mut block = vec![0; self.pump.pace.slice(BLOCK_BYTES)];
        loop {
            let left = self.left(limit);
            if left == 0 {
                return Ok(MovedEnd::Enough);
            }
            match self.pump.channel.socket.read(&mut block) {
                Ok(0) => return Ok(MovedEnd::Complete),
                Ok(count) => {
                    let count = count.min(left);
                    take(&block[..count])?;
                    self.moved(count);
                }
                Err(error) if is_tick(&error) => {
                    if let Some(end) = self.rest() {
                        return Ok(end);
                    }
                }
                Err(_) => return Ok(MovedEnd::Cut),
            }
        }
    }

    fn receive_tls(
        &mut self,
        limit: Option<u64>,
        expected: Option<u64>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<MovedEnd, Error> {
        let mut raw = vec![0; self.pump.pace.slice(BLOCK_BYTES)];
        let mut plain = vec![0; BLOCK_BYTES + 2 * RECORD_BYTES];
        loop {
            // Records may have come together with the end of the handshake.
            if let Some(end) = self.drain_tls(&[], limit, &mut plain, take)? {
                return Ok(self.judge_end(end, expected));
            }
            match self.pump.channel.socket.read(&mut raw) {
                Ok(count) => {
                    let end = self.drain_tls(&raw[..count], limit, &mut plain, take)?;
                    if let Some(end) = end.or((count == 0).then_some(MovedEnd::Cut)) {
                        return Ok(self.judge_end(end, expected));
                    }
                    // Records that carry nothing move nothing, however many come.
                    if self.moved_at.elapsed() >= self.pump.stall_timeout {
                        return Ok(MovedEnd::Stalled);
                    }
                }
                Err(error) if is_tick(&error) => {
                    if let Some(end) = self.rest() {
                        return Ok(end);
                    }
                }
                Err(_) => return Ok(self.judge_end(MovedEnd::Cut, expected)),
            }
        }
    }

    /// A connection that ended without close_notify may have been cut by anybody, unless all that was to
    /// come has come.
    fn judge_end(&mut self, end: MovedEnd, expected: Option<u64>) -> MovedEnd {
        match end {
            MovedEnd::Cut if expected == Some(self.bytes) => MovedEnd::Complete,
            MovedEnd::Complete => {
                self.pump.channel.finish();
                MovedEnd::Complete
            }
            end => end,
        }
    }

    /// Decrypts `raw` and hands the contents on; the end, if it is in there.
    fn drain_tls(
        &mut self,
        mut raw: &[u8],
        limit: Option<u64>,
        plain: &mut [u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<MovedEnd>, Error> {
        let mut filled = 0;
        let mut end = None;
        loop {
            let Some(tls) = self.pump.channel.tls.as_mut() else { return Ok(Some(MovedEnd::Cut)) };
            if !raw.is_empty() && (tls.read_tls(&mut raw).is_err() || tls.process_new_packets().is_err()) {
                return Ok(Some(MovedEnd::Cut));
            }
            loop {
                match tls.reader().read(&mut plain[filled..]) {
                    Ok(0) if filled < plain.len() => end = Some(MovedEnd::Complete),
                    Ok(count) => {
                        filled += count;
                        if filled < plain.len() {
                            continue;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => end = Some(MovedEnd::Cut),
                }
                break;
            }
            let last = raw.is_empty() || end.is_some();
            if filled > 0 && (last || filled + RECORD_BYTES > plain.len()) {
                let full = filled == plain.len();
                let count = filled.min(self.left(limit));
                take(&plain[..count])?;
                self.moved(count);
                if self.left(limit) == 0 {
                    return Ok(Some(MovedEnd::Enough));
                }
                filled = 0;
                if full && end.is_none() {
                    continue;
                }
            }
            if last {
                return Ok(end);
            }
        }
    }

    fn send(&mut self, file: &mut File) -> Result<MovedEnd, Error> {
        let regular = file.metadata().is_ok_and(|about| about.is_file());
        let sent = if regular { self.send_whole(file)? } else { None };
        match sent {
            Some(end) => Ok(end),
            None => self.send_blocks(file),
        }
    }

    /// Sends by sendfile; nothing if this file system cannot.
    fn send_whole(&mut self, file: &File) -> Result<Option<MovedEnd>, Error> {
        use rustix::io::Errno;
        let slice = self.pump.pace.slice(usize::MAX);
        loop {
            match rustix::fs::sendfile(&self.pump.channel.socket, file, None, slice) {
                Ok(0) => return Ok(Some(self.sent())),
                Ok(count) => self.moved(count),
                Err(Errno::AGAIN | Errno::INTR) => {
                    if let Some(end) = self.rest() {
                        return Ok(Some(end));
                    }
                }
                Err(Errno::INVAL | Errno::NOSYS) => return Ok(None),
                Err(Errno::IO) => return Err(Error::Local("the file cannot be read".to_string())),
                Err(_) => return Ok(Some(MovedEnd::Cut)),
            }
        }
    }

    fn send_blocks(&mut self, file: &mut File) -> Result<MovedEnd, Error> {
        let mut block = vec![0; self.pump.pace.slice(BLOCK_BYTES)];
        loop {
            let count = read_block(file, &mut block)?;
            if count == 0 {
                return Ok(self.sent());
            }
            let mut rest = &block[..count];
            while !rest.is_empty() {
                match self.pump.channel.socket.write(rest) {
                    Ok(count) => {
                        rest = &rest[count..];
                        self.moved(count);
                    }
                    Err(error) if is_tick(&error) => {
                        if let Some(end) = self.rest() {
                            return Ok(end);
                        }
                    }
                    Err(_) => return Ok(MovedEnd::Cut),
                }
            }
        }
    }

    fn sent(&mut self) -> MovedEnd {
        self.pump.channel.finish();
        MovedEnd::Complete
    }

    fn send_tls(&mut self, file: &mut File) -> Result<MovedEnd, Error> {
        let mut block = vec![0; self.pump.pace.slice(BLOCK_BYTES)];
        loop {
            let count = read_block(file, &mut block)?;
            if count == 0 {
                break;
            }
            let Some(tls) = self.pump.channel.tls.as_mut() else { return Ok(MovedEnd::Cut) };
            if tls.writer().write_all(&block[..count]).is_err() {
                return Ok(MovedEnd::Cut);
            }
            if let Some(end) = self.flush_tls() {
                return Ok(end);
            }
            self.moved(count);
        }
        let Some(tls) = self.pump.channel.tls.as_mut() else { return Ok(MovedEnd::Cut) };
        tls.send_close_notify();
        if let Some(end) = self.flush_tls() {
            return Ok(end);
        }
        let _ = self.pump.channel.socket.shutdown(std::net::Shutdown::Write);
        self.wait_for_close();
        Ok(MovedEnd::Complete)
    }

    /// Writes all records that are ready.
    fn flush_tls(&mut self) -> Option<MovedEnd> {
        loop {
            let channel = &mut self.pump.channel;
            let tls = channel.tls.as_mut()?;
            if !tls.wants_write() {
                return None;
            }
            match tls.write_tls(&mut channel.socket) {
                Ok(_) => self.moved_at = Instant::now(),
                Err(error) if is_tick(&error) => {
                    if let Some(end) = self.rest() {
                        return Some(end);
                    }
                }
                Err(_) => return Some(MovedEnd::Cut),
            }
        }
    }

    /// Reads until the server has closed, so that its tickets are taken in.
    fn wait_for_close(&mut self) {
        let until = Instant::now() + CLOSE_TIMEOUT;
        let Some(tls) = self.pump.channel.tls.as_mut() else { return };
        while Instant::now() < until {
            match tls.read_tls(&mut self.pump.channel.socket) {
                Ok(0) => return,
                Ok(_) if tls.process_new_packets().is_err() => return,
                Ok(_) => {}
                Err(error) if is_tick(&error) => {}
                Err(_) => return,
            }
        }
    }
}

fn read_block(file: &mut File, block: &mut [u8]) -> Result<usize, Error> {
    loop {
        match file.read(block) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read.map_err(|error| Error::Local(format!("the file cannot be read: {error}"))),
        }
    }
}
