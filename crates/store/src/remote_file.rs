//! Long content that stays in the service: read in pieces as it is asked for, and not copied here first. Who downloads a
//! large file would else wait until all of it is here, and many such files would push everything else out.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::blobs::{Remote, is_other};
use crate::error::StoreError;

/// From this length in bytes on content is read where it lies. Shorter content is here within seconds, and read again
/// from here.
pub(crate) const REMOTE_FROM_BYTES: u64 = 16 << 20;

/// Pieces have this many bytes: few enough for hundreds of readers at once, and enough that the way to the service does
/// not count.
const PIECE_BYTES: u64 = 1 << 20;

/// Content that is read piece by piece from the service. It can be read as long as something names it.
#[derive(Debug)]
pub struct RemoteFile {
    remote: Arc<Remote>,
    name: String,
    size_bytes: u64,
    held: Mutex<Held>,
}

/// The piece that was read last.
#[derive(Debug, Default)]
struct Held {
    start: u64,
    bytes: Vec<u8>,
    /// What was read without a gap from the beginning.
    hasher: blake3::Hasher,
    hashed_bytes: u64,
}

impl RemoteFile {
    pub(crate) fn new(remote: &Arc<Remote>, name: &str, size_bytes: u64) -> RemoteFile {
        let (remote, name) = (Arc::clone(remote), name.to_owned());
        RemoteFile { remote, name, size_bytes, held: Mutex::default() }
    }

    /// Length in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Fills `buffer` with the bytes from `offset` on and says how many there were; 0 at the end. May take as long as
    /// the network does.
    ///
    /// # Errors
    /// If the service does not give them. If all was read from the beginning and is not what was stored, its last
    /// bytes are not given.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.size_bytes || buffer.is_empty() {
            return Ok(0);
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !(held.start..held.start + held.bytes.len() as u64).contains(&offset) {
            let end = (offset + PIECE_BYTES).min(self.size_bytes);
            let bytes = self.remote.read_range(&self.name, offset..end, self.size_bytes);
            held.take(offset, bytes.map_err(|error| io::Error::other(error.to_string()))?);
            if held.hashed_bytes == self.size_bytes && is_other(&self.name, &held.hasher.finalize()) {
                held.bytes.clear();
                let error = StoreError::Corrupt(format!("the object {} is not what was stored", self.name));
                return Err(io::Error::other(error.to_string()));
            }
        }
        let from = usize::try_from(offset - held.start).unwrap_or(usize::MAX).min(held.bytes.len());
        let len = buffer.len().min(held.bytes.len() - from);
        buffer[..len].copy_from_slice(&held.bytes[from..from + len]);
        Ok(len)
    }
}

impl Held {
    fn take(&mut self, start: u64, bytes: Vec<u8>) {
        if start == self.hashed_bytes {
            self.hasher.update(&bytes);
            self.hashed_bytes += bytes.len() as u64;
        }
        (self.start, self.bytes) = (start, bytes);
    }
}
