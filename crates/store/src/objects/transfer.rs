//! Content on its way, in pieces: memory is bounded, and so is the time of each request, whatever the length.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use object_store::{GetOptions, GetRange, ObjectStoreExt, PutPayload};
use tokio::sync::OwnedSemaphorePermit;

use super::{MEMORY_PATIENCE, Objects, PIECES_MAX, Pending, reason};
use crate::blob_file::PieceVisitor;
use crate::error::StoreError;

/// Content moves in pieces of this many bytes: the smallest that services take as parts of an object.
const PIECE_BYTES: u64 = 5 << 20;

/// Services take at most 10 000 parts per object; what is so long that it would need more has longer ones.
const PIECES_PER_OBJECT_MAX: u64 = 9_000;

/// Pieces of one content that are under way at once.
const PARALLEL: usize = 4;

/// Where content comes from.
pub(crate) enum Source<'s> {
    /// All of it.
    Memory(&'s [u8]),
    /// So many bytes of a file.
    File(&'s File, u64),
}

impl Source<'_> {
    fn len(&self) -> u64 {
        match self {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File(_, len) => *len,
        }
    }

    fn piece(&self, range: &Range<u64>) -> Result<Vec<u8>, StoreError> {
        let index = |at: u64| usize::try_from(at).map_err(|error| StoreError::Io(error.to_string()));
        match self {
            Source::Memory(bytes) => Ok(bytes[index(range.start)?..index(range.end)?].to_vec()),
            Source::File(file, _) => {
                let mut piece = vec![0; index(range.end - range.start)?];
                file.read_exact_at(&mut piece, range.start)?;
                Ok(piece)
            }
        }
    }
}

/// The pieces of `len` bytes, in order.
fn pieces(from: u64, len: u64) -> impl Iterator<Item = Range<u64>> {
    let step = PIECE_BYTES.max(len.div_ceil(PIECES_PER_OBJECT_MAX));
    let mut at = from;
    std::iter::from_fn(move || {
        let range = at..(at + step).min(len);
        at = range.end;
        (range.start < range.end).then_some(range)
    })
}

/// How much of the memory for pieces one takes; the longest takes all of it.
fn units(range: &Range<u64>) -> u32 {
    let units = (range.end - range.start).div_ceil(PIECE_BYTES).min(PIECES_MAX as u64);
    u32::try_from(units).unwrap_or(1)
}

/// A piece that was fetched; what it takes of the memory is free when this is dropped.
struct Fetched {
    bytes: Vec<u8>,
    /// Length of the whole object.
    whole_bytes: u64,
    _memory: Option<OwnedSemaphorePermit>,
}

impl Objects {
    /// Waits for the memory of a piece.
    fn memory(&self, name: &str, range: &Range<u64>) -> Result<OwnedSemaphorePermit, StoreError> {
        let (memory, units) = (Arc::clone(&self.memory), units(range));
        let permit = self.run(async move {
            let wait = memory.acquire_many_owned(units);
            match tokio::time::timeout(MEMORY_PATIENCE, wait).await {
                Ok(Ok(permit)) => Ok(permit),
                _ => Err(reason::failed("too much is being transferred")),
            }
        });
        permit.map_err(|error| self.failure(name, &error))
    }

    /// The memory of a piece, if it is free.
    fn memory_at_once(&self, range: &Range<u64>) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.memory).try_acquire_many_owned(units(range)).ok()
    }

    /// Writes an object. When this returns without error the service has acknowledged all of it.
    ///
    /// # Errors
    /// [`StoreError::Io`]. Whether the service has it then is unknown; it is told to remove it.
    pub fn put(&self, name: &str, source: &Source<'_>) -> Result<(), StoreError> {
        let done = if source.len() <= PIECE_BYTES {
            self.put_at_once(name, source)
        } else {
            self.put_in_parts(name, source)
        };
        if done.is_err() {
            self.remove(name);
        }
        done
    }

    fn put_at_once(&self, name: &str, source: &Source<'_>) -> Result<(), StoreError> {
        let range = 0..source.len();
        let memory = self.memory(name, &range)?;
        let payload = PutPayload::from(source.piece(&range)?);
        let (service, path) = (Arc::clone(&self.service), self.path(name));
        let done = self.run(async move {
            let _memory = memory;
            service.put(&path, payload).await
        });
        done.map(drop).map_err(|error| self.failure(name, &error))
    }

    fn put_in_parts(&self, name: &str, source: &Source<'_>) -> Result<(), StoreError> {
        let failed = |error: object_store::Error| self.failure(name, &error);
        let (service, path) = (Arc::clone(&self.service), self.path(name));
        let mut upload = self.run(async move { service.put_multipart(&path).await }).map_err(failed)?;
        let (mut under_way, mut sent) = (VecDeque::<Pending<()>>::new(), Ok(()));
        for range in pieces(0, source.len()) {
            if under_way.len() >= PARALLEL
                && let Some(Err(error)) = under_way.pop_front().map(Pending::wait)
            {
                sent = Err(failed(error));
                break;
            }
            let piece = self.memory(name, &range).and_then(|memory| Ok((memory, source.piece(&range)?)));
            match piece {
                Ok((memory, bytes)) => {
                    let part = upload.put_part(bytes.into());
                    under_way.push_back(self.begin(async move {
                        let _memory = memory;
                        part.await
                    }));
                }
                Err(error) => {
                    sent = Err(error);
                    break;
                }
            }
        }
        for part in under_way {
            let done = part.wait().map_err(failed);
            sent = sent.and(done);
        }
        match sent {
            Ok(()) => {
                let done = self.run(async move {
                    match upload.complete().await {
                        Ok(_) => Ok(()),
                        Err(error) => {
                            let _ = upload.abort().await;
                            Err(error)
                        }
                    }
                });
                done.map_err(failed)
            }
            Err(error) => {
                // Nobody waits for it: what is not given up goes by the rules of the bucket.
                drop(self.begin(async move { upload.abort().await }));
                Err(error)
            }
        }
    }

    /// Reads an object piece by piece, in order: `visit` is shown each, and the length of the whole. False if there is
    /// no such object. Once this returned true, all of it was shown.
    ///
    /// # Errors
    /// [`StoreError::Io`], also if less came than the service announced; the visitor's.
    pub fn read(&self, name: &str, visit: &mut PieceVisitor<'_>) -> Result<bool, StoreError> {
        // The length is learned from the first piece.
        let (range, memory) = (0..PIECE_BYTES, self.memory(name, &(0..PIECE_BYTES))?);
        let first = match self.fetch(name, range, memory).wait() {
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            fetched => fetched.map_err(|error| self.failure(name, &error))?,
        };
        let whole_bytes = first.whole_bytes;
        self.whole(name, &first, PIECE_BYTES.min(whole_bytes), whole_bytes)?;
        visit(&first.bytes, whole_bytes)?;
        drop(first);
        let mut under_way = VecDeque::new();
        let mut left = pieces(PIECE_BYTES, whole_bytes).peekable();
        loop {
            while under_way.len() < PARALLEL
                && let Some(range) = left.peek().cloned()
            {
                // Who holds pieces must not wait for the memory of one more: others may do the same.
                let memory = match under_way.is_empty() {
                    true => Some(self.memory(name, &range)?),
                    false => self.memory_at_once(&range),
                };
                let Some(memory) = memory else { break };
                left.next();
                under_way.push_back((range.end - range.start, self.fetch(name, range, memory)));
            }
            let Some((len, pending)) = under_way.pop_front() else { break };
            let fetched = pending.wait().map_err(|error| self.failure(name, &error))?;
            self.whole(name, &fetched, len, whole_bytes)?;
            visit(&fetched.bytes, whole_bytes)?;
        }
        Ok(true)
    }

    /// Some bytes of an object that has `size_bytes`; they count for nobody's share of the memory.
    pub fn read_range(&self, name: &str, range: Range<u64>, size_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let len = range.end - range.start;
        let pending = self.request(name, range, None);
        let fetched = pending.wait().map_err(|error| self.failure(name, &error))?;
        self.whole(name, &fetched, len, size_bytes)?;
        Ok(fetched.bytes)
    }

    fn fetch(&self, name: &str, range: Range<u64>, memory: OwnedSemaphorePermit) -> Pending<Fetched> {
        self.request(name, range, Some(memory))
    }

    fn request(
        &self,
        name: &str,
        range: Range<u64>,
        memory: Option<OwnedSemaphorePermit>,
    ) -> Pending<Fetched> {
        let (service, path) = (Arc::clone(&self.service), self.path(name));
        self.begin(async move {
            let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
            let found = service.get_opts(&path, options).await?;
            let whole_bytes = found.meta.size;
            Ok(Fetched { bytes: found.bytes().await?.into(), whole_bytes, _memory: memory })
        })
    }

    /// A piece that is not as long as it should be is no piece of the content.
    fn whole(&self, name: &str, got: &Fetched, len: u64, whole_bytes: u64) -> Result<(), StoreError> {
        if got.bytes.len() as u64 == len && got.whole_bytes == whole_bytes {
            return Ok(());
        }
        let came = got.bytes.len();
        Err(StoreError::Io(format!("{}/{name}: {came} bytes came instead of {len}", self.title)))
    }
}
