//! The digests of an upload, made while it arrives: the slower one of a long upload on a thread beside, so
//! that whoever takes bytes from the network and gives them to the disk has little else to do.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};

use super::content::BLOCK_BYTES;

/// From this length on a thread is worth its start.
const BESIDE_FROM_BYTES: u64 = 4 << 20;

/// Blocks that may wait for the thread: enough to even out, and with [`BLOCK_BYTES`] a megabyte.
const BLOCKS_MAX: usize = 4;

/// A thread that makes the SHA-256, which takes four times as long as BLAKE3.
struct Beside {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<Sha256>,
}

impl Beside {
    fn start(mut sha256: Sha256) -> io::Result<Beside> {
        let (full, arrived) = mpsc::sync_channel::<Vec<u8>>(BLOCKS_MAX);
        let (used, empty) = mpsc::channel();
        let thread = thread::Builder::new().name("store-digest".to_owned());
        let thread = thread.spawn(move || {
            while let Ok(block) = arrived.recv() {
                sha256.update(&block);
                let _ = used.send(block);
            }
            sha256
        })?;
        Ok(Beside { full, empty, thread })
    }

    fn update(&self, bytes: &[u8]) {
        for bytes in bytes.chunks(BLOCK_BYTES) {
            let mut block = self.empty.try_recv().unwrap_or_default();
            block.clear();
            block.extend_from_slice(bytes);
            // It is gone only if it panicked, which the end will tell.
            let _ = self.full.send(block);
        }
    }
}

/// Both digests of a file in the making, in one pass.
pub(crate) struct Hashing {
    blake3: Box<blake3::Hasher>,
    /// Of all so far; while a thread works, of what was before it.
    sha256: Sha256,
    beside: Option<Beside>,
    size_bytes: u64,
}

impl Hashing {
    pub fn new() -> Hashing {
        Hashing { blake3: Box::default(), sha256: Sha256::new(), beside: None, size_bytes: 0 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.size_bytes += bytes.len() as u64;
        let is_due = self.size_bytes >= BESIDE_FROM_BYTES && self.beside.is_none();
        if is_due && thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
            // Without a thread to spare it is done here.
            self.beside = Beside::start(self.sha256.clone()).ok();
        }
        match &self.beside {
            Some(beside) => beside.update(bytes),
            None => self.sha256.update(bytes),
        }
        self.blake3.update(bytes);
    }

    /// BLAKE3 and SHA-256 of all.
    ///
    /// # Errors
    /// If the thread panicked.
    pub fn finish(self) -> io::Result<(blake3::Hash, [u8; 32])> {
        let sha256 = match self.beside {
            None => self.sha256,
            Some(Beside { full, empty: _, thread }) => {
                drop(full);
                thread.join().map_err(|_| io::Error::other("the thread that makes digests panicked"))?
            }
        };
        Ok((self.blake3.finalize(), sha256.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_contents_get_their_digests() {
        let bytes: Vec<u8> = (0..9_000_000u32).map(|n| (n ^ (n >> 8)).to_le_bytes()[0]).collect();
        for len in [0, 1, 4_000_000, 4 << 20, (4 << 20) + 1, 9_000_000] {
            for step in [1_000, 300_000, 9_000_000] {
                let mut hashing = Hashing::new();
                bytes[..len].chunks(step).for_each(|block| hashing.update(block));
                let expected = (blake3::hash(&bytes[..len]), Sha256::digest(&bytes[..len]).into());
                assert_eq!(hashing.finish().unwrap(), expected, "{len} by {step}");
            }
        }
    }
}
