//! Uploads: bytes on their way into the store.
//!
//! What is small stays in memory. What grows beyond that goes into a fresh file that nothing names, so that
//! a cut leaves no half file under any name. When all has arrived the file is synced, gets its digest as
//! its name, and only then a transaction makes it an entry.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::content::{BLOCK_BYTES, Content};
use super::entry::{Access, AreaId, EntryId};
use super::hashing::Hashing;
use super::part::KeptPart;
use super::room::Reservations;
use super::write_behind::{STEP_BYTES, WriteBehind};
use crate::blob::{INLINE_MAX_BYTES, PreparedBlob};
use crate::blobs::BlobFile;
use crate::error::StoreError;
use crate::store::Store;

/// Room is reserved in steps of this many bytes, so that the quota is read once per step.
const RESERVE_STEP_BYTES: u64 = 4 << 20;

/// Longest upload in bytes where all content lies in the database: it has to fit into memory and into a row.
const DATABASE_UPLOAD_MAX_BYTES: u64 = 64 << 20;

/// Room that uploads hold, given back when they end.
///
/// No handle of the store is in it: what is uploaded is dropped by the writer's thread, which must not be the
/// one that closes the store.
#[derive(Debug)]
struct Reservation {
    of: Arc<Reservations>,
    area: AreaId,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.of.give_back(self.area, self.bytes);
    }
}

enum Place {
    Memory(Vec<u8>),
    File(Growing),
}

/// A file that grows.
struct Growing {
    file: File,
    name: BlobFile,
    /// Bytes that were there when the disk was last put to work, and who does it.
    pushed_bytes: u64,
    behind: Option<WriteBehind>,
}

impl Growing {
    fn new(file: File, name: BlobFile, size_bytes: u64) -> Growing {
        Growing { file, name, pushed_bytes: size_bytes, behind: None }
    }

    /// Adds a block at the end, which is at `at`.
    fn write(&mut self, block: &[u8], at: u64) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(block, at) {
            // Whatever was written of the block is not counted.
            let _ = self.file.set_len(at);
            return Err(error);
        }
        if at - self.pushed_bytes >= STEP_BYTES {
            self.pushed_bytes = at;
            if self.behind.is_none() {
                // Without a thread to spare all is synced at the end.
                self.behind = WriteBehind::start(&self.file).ok();
            }
            if let Some(behind) = &self.behind {
                behind.nudge();
            }
        }
        Ok(())
    }

    /// Waits for what was begun, so that the last sync tells the whole truth, and cuts off what is not of it.
    fn settle(self, size_bytes: u64) -> io::Result<(File, BlobFile)> {
        self.behind.map_or(Ok(()), WriteBehind::finish)?;
        if self.file.metadata()?.len() != size_bytes {
            self.file.set_len(size_bytes)?;
        }
        Ok((self.file, self.name))
    }
}

/// An upload under way; made by [`Store::upload`]. Dropped without [`Upload::finish`] or [`Upload::keep`] it
/// leaves nothing behind. All of its functions may wait for the disk: call them on a blocking thread.
pub struct Upload {
    store: Store,
    reservation: Reservation,
    /// Bytes that the upload replaces, which are free again once it is in place.
    replaces_bytes: u64,
    hashing: Hashing,
    size_bytes: u64,
    /// Bytes at the beginning that are the replaced file's.
    base_bytes: u64,
    /// Bytes that were there when it began: the replaced file's, or a part's.
    begun_bytes: u64,
    place: Place,
}

/// Content that has arrived whole and is on the disk; [`crate::Tx::place_file`] makes it a file. Dropped without
/// that it leaves nothing behind. Place it within [`crate::ORPHAN_AGE`].
#[derive(Debug, Clone)]
pub struct Uploaded {
    pub(crate) blob: PreparedBlob,
    pub(crate) sha256: [u8; 32],
    _reservation: Arc<Reservation>,
}

impl Uploaded {
    /// Length in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.blob.size_bytes()
    }

    /// SHA-256 of the content.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// BLAKE3 of the content.
    pub fn blake3(&self) -> &[u8; 32] {
        self.blob.digest()
    }
}

impl Store {
    /// Begins an upload into an area. Touches nothing yet; whether it may be placed is decided by
    /// [`crate::Tx::place_file`], and should be asked before ([`crate::View::file_right`]).
    ///
    /// - `replaces_bytes`: length of the file that it is to replace, or 0.
    pub fn upload(&self, area: AreaId, replaces_bytes: u64) -> Upload {
        Upload {
            store: self.clone(),
            reservation: Reservation { of: Arc::clone(&self.shared().reservations), area, bytes: 0 },
            replaces_bytes,
            hashing: Hashing::new(),
            size_bytes: 0,
            base_bytes: 0,
            begun_bytes: 0,
            place: Place::Memory(Vec::new()),
        }
    }

    /// Begins an upload with the first `offset` bytes of a file that is there, for going on behind them. The
    /// file itself does not change before [`crate::Tx::place_file`].
    ///
    /// # Errors
    /// As [`Store::open_file`]; [`StoreError::Invalid`] if the file is shorter than `offset`; as
    /// [`Upload::write_block`].
    pub fn upload_behind_blocking(
        &self,
        access: Access,
        area: AreaId,
        id: EntryId,
        offset: u64,
    ) -> Result<Upload, StoreError> {
        let opened = self.open_file_blocking(access, area, id)?;
        let mut upload = self.upload(area, opened.content.size_bytes());
        opened.content.each_block(0..offset, &mut |block| {
            upload.write_block(block)?;
            Ok(ControlFlow::Continue(()))
        })?;
        (upload.base_bytes, upload.begun_bytes) = (offset, offset);
        Ok(upload)
    }

    /// Goes on with a cut upload behind its first `offset` bytes; the part is no part from now on. Nothing
    /// if there is no part of that name, or a shorter one, or if somebody else goes on with it. Reads what is
    /// kept, for its digest.
    ///
    /// # Errors
    /// As [`crate::Tx::place_file`]; the part is a part still.
    pub fn resume_upload_blocking(
        &self,
        access: Access,
        area: AreaId,
        folder: EntryId,
        name: &str,
        offset: u64,
    ) -> Result<Option<Upload>, StoreError> {
        let Some(blobs) = &self.shared().blobs else { return Ok(None) };
        let kept = self.read_blocking(|view| view.part_row(area, folder, name))?;
        let Some(kept) = kept.filter(|kept| offset <= kept.part.size_bytes) else { return Ok(None) };
        let Some(taken) = blobs.take_up(&kept.file, offset)? else { return Ok(None) };
        let replaces = self.read_blocking(|view| view.child_row(area, folder, name))?;
        let replaces_bytes = replaces.map_or(0, |entry| entry.size_bytes());
        let mut upload = self.upload(area, replaces_bytes);
        let size_bytes = taken.file.metadata()?.len();
        let content = Content::File { size_bytes, file: taken.file.try_clone()? };
        content.each_block(0..offset, &mut |block| {
            upload.hashing.update(block);
            Ok(ControlFlow::Continue(()))
        })?;
        // Until it is claimed the part itself takes the room that is reserved here.
        upload.reserve(offset, kept.part.size_bytes)?;
        upload.size_bytes = offset;
        upload.base_bytes = kept.part.base_bytes.min(offset);
        upload.begun_bytes = offset;
        // Nothing may fail behind this.
        let (key, row) = (name.to_owned(), kept.clone());
        if !self.write_blocking(move |tx| tx.claim_part(access, area, folder, &key, &row))? {
            return Ok(None);
        }
        let (file, name) = blobs.claimed(taken);
        upload.place = Place::File(Growing::new(file, name, offset));
        Ok(Some(upload))
    }
}

impl Upload {
    /// Bytes so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds bytes, best in blocks of 64 to 256 KiB.
    ///
    /// # Errors
    /// [`StoreError::OverQuota`] once the area has no room for more; [`StoreError::Full`]; [`StoreError::Io`].
    /// After an error the upload holds whole what [`Upload::size_bytes`] says, and can be kept or dropped.
    pub fn write_block(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let after = self.size_bytes + bytes.len() as u64;
        // What is small is checked by the transaction that places it, soon enough.
        if after > INLINE_MAX_BYTES as u64 {
            self.reserve(after, 0)?;
            self.leave_memory(after)?;
        }
        for block in bytes.chunks(BLOCK_BYTES) {
            match &mut self.place {
                Place::Memory(memory) => memory.extend_from_slice(block),
                Place::File(growing) => growing.write(block, self.size_bytes)?,
            }
            self.hashing.update(block);
            self.size_bytes += block.len() as u64;
        }
        Ok(())
    }

    /// Makes sure that `after` bytes are reserved, when `freed` bytes of what is counted now will not be.
    fn reserve(&mut self, after: u64, freed: u64) -> Result<(), StoreError> {
        if after <= self.reservation.bytes {
            return Ok(());
        }
        let area = self.reservation.area;
        let room = self.store.read_blocking(|view| view.room(area))?;
        let Some(mut room) = room else { return Err(StoreError::Missing(crate::Missing::File)) };
        room.used_bytes = room.used_bytes.saturating_sub(freed);
        let free = room.free_bytes().map(|free| free.saturating_add(self.replaces_bytes));
        let want = (after - self.reservation.bytes).max(RESERVE_STEP_BYTES);
        self.reservation.bytes += self.reservation.of.add(area, want, free);
        if after <= self.reservation.bytes {
            return Ok(());
        }
        Err(StoreError::OverQuota {
            quota_bytes: room.quota_bytes.unwrap_or(u64::MAX),
            used_bytes: room.used_bytes,
            need_bytes: after,
        })
    }

    /// Moves what has come so far into a fresh file, if it is in memory.
    fn leave_memory(&mut self, after: u64) -> Result<(), StoreError> {
        let Place::Memory(memory) = &mut self.place else { return Ok(()) };
        let Some(blobs) = &self.store.shared().blobs else {
            if after > DATABASE_UPLOAD_MAX_BYTES {
                return Err(StoreError::Invalid(
                    "the file is too long for a store without a folder for blobs",
                ));
            }
            return Ok(());
        };
        let (mut file, name) = blobs.begin()?;
        file.write_all(memory)?;
        self.place = Place::File(Growing::new(file, name, self.size_bytes));
        Ok(())
    }

    /// Brings to the disk what came so far, in case that there is something to be found out before
    /// [`Upload::finish`], which then has little left to do.
    ///
    /// # Errors
    /// As [`Upload::finish`]; nothing is left behind then.
    pub fn synced(mut self) -> Result<Upload, StoreError> {
        // What goes to a service need not be on a disk of this host before.
        let is_kept_here = self.store.shared().blobs.as_ref().is_some_and(|blobs| !blobs.is_service());
        if is_kept_here && let Place::File(growing) = &mut self.place {
            growing.behind.take().map_or(Ok(()), WriteBehind::finish)?;
            growing.file.sync_data()?;
        }
        Ok(self)
    }

    /// Ends the upload: everything is on the disk, or acknowledged by the service, when this returns.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`]; nothing is left behind then.
    pub fn finish(self) -> Result<Uploaded, StoreError> {
        let (digest, sha256) = self.hashing.finish()?;
        let blob = match self.place {
            Place::Memory(bytes) => PreparedBlob::inline(digest, &bytes)?,
            Place::File(growing) => {
                let (file, name) = growing.settle(self.size_bytes)?;
                let blobs = self.store.shared().blobs.as_ref();
                let blobs = blobs.ok_or_else(|| StoreError::Io("the folder of blobs is gone".to_owned()))?;
                let file = blobs.shelve(&file, name, (&digest, self.size_bytes))?;
                PreparedBlob::file(digest, self.size_bytes, file)
            }
        };
        Ok(Uploaded { blob, sha256, _reservation: Arc::new(self.reservation) })
    }

    /// Ends an upload that was cut, so that it can be gone on with: what came is on the disk when this
    /// returns, and [`crate::Tx::keep_part`] gives it a name. Nothing if nothing came, or where all
    /// content lies in the database.
    ///
    /// The last byte that came is not kept: nobody knows whether it was the file's last one, and of a part as
    /// long as the file a client would conclude that nothing is left to do.
    ///
    /// # Errors
    /// As [`Upload::finish`].
    pub fn keep(mut self) -> Result<Option<KeptPart>, StoreError> {
        let has_come = self.size_bytes > self.begun_bytes;
        let size_bytes = self.size_bytes - u64::from(has_come);
        if size_bytes <= self.base_bytes {
            return Ok(None);
        }
        self.leave_memory(self.size_bytes)?;
        let (Place::File(growing), Some(blobs)) = (self.place, &self.store.shared().blobs) else {
            return Ok(None);
        };
        let (file, name) = growing.settle(size_bytes)?;
        let kept = blobs.keep_begun(&file, name, size_bytes)?;
        let goes_on = self.begun_bytes > 0;
        Ok(Some(KeptPart { file: Arc::new(kept), size_bytes, base_bytes: self.base_bytes, goes_on }))
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("size_bytes", &self.size_bytes).finish_non_exhaustive()
    }
}
