//! The bytes of files.

use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;

use super::entry::{Access, AreaId, Entry, EntryId, Right, entry, entry_where};
use crate::blob::restore_into;
use crate::blob_file::read_into;
use crate::error::{Missing, StoreError};
use crate::id::BlobId;
use crate::remote_file::RemoteFile;
use crate::sql::params;
use crate::store::Store;
use crate::view::View;

/// Content is read and hashed in blocks of this many bytes: large enough that calls do not count, small
/// enough to stay in the cache of a core between two uses.
pub(crate) const BLOCK_BYTES: usize = 256 * 1024;

/// How often a file is looked up anew if its content was replaced between the look at its row and
/// the opening.
const OPEN_TRIES_MAX: u32 = 5;

/// What is shown a block of a content and says whether it wants the next.
pub type BlockVisitor<'v> = dyn FnMut(&[u8]) -> Result<ControlFlow<()>, StoreError> + 'v;

/// The bytes of a file as they can be had.
#[derive(Debug)]
pub enum Content {
    /// Small ones, here.
    Inline(Vec<u8>),
    /// Large ones: a file of exactly these bytes, open for reading. It stays whole while it is open,
    /// whatever happens to the entry.
    File {
        /// The open file, at its beginning; for `sendfile` or reading.
        file: File,
        /// Its length in bytes.
        size_bytes: u64,
    },
    /// Long ones that stay in the service which keeps them. Reading takes as long as the network does, and fails if
    /// the content is removed meanwhile.
    Remote(Box<RemoteFile>),
}

impl Content {
    /// Length in bytes.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Content::Inline(bytes) => bytes.len() as u64,
            Content::File { size_bytes, .. } => *size_bytes,
            Content::Remote(file) => file.size_bytes(),
        }
    }

    /// Fills `buffer` with the bytes from `offset` on and says how many there were; 0 at the end.
    ///
    /// # Errors
    /// The device's or the service's.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Content::Inline(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let len = buffer.len().min(bytes.len() - from);
                buffer[..len].copy_from_slice(&bytes[from..from + len]);
                Ok(len)
            }
            Content::File { file, .. } => file.read_at(buffer, offset),
            Content::Remote(file) => file.read_at(offset, buffer),
        }
    }

    /// Visits the bytes of `range` in blocks, until the visitor breaks off.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a range that is not in the content; [`StoreError::Corrupt`] for a
    /// file that is shorter than its row says; the visitor's.
    pub fn each_block(&self, range: Range<u64>, visit: &mut BlockVisitor<'_>) -> Result<(), StoreError> {
        if range.start > range.end || range.end > self.size_bytes() {
            return Err(StoreError::Invalid("the range is not in the file"));
        }
        let mut buffer =
            vec![0; BLOCK_BYTES.min(usize::try_from(range.end - range.start).unwrap_or(BLOCK_BYTES))];
        let mut at = range.start;
        while at < range.end {
            let len = usize::try_from(range.end - at).unwrap_or(BLOCK_BYTES).min(buffer.len());
            match self.read_at(at, &mut buffer[..len]) {
                Ok(0) => return Err(StoreError::Corrupt("a content file is too short".to_owned())),
                Ok(got) => {
                    if visit(&buffer[..got])?.is_break() {
                        break;
                    }
                    at += got as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// A file that was opened: entry and content of the same moment.
#[derive(Debug)]
pub struct OpenedFile {
    /// What it is.
    pub entry: Entry,
    /// BLAKE3 of its content.
    pub blake3: [u8; 32],
    /// Its bytes.
    pub content: Content,
}

impl Store {
    /// Opens the file `id` of an area for reading, off the runtime where that may take long.
    ///
    /// # Errors
    /// [`Missing::File`] if it is not there or not for `access` to see; [`StoreError::NotAFile`] for a
    /// folder; [`StoreError::Corrupt`] if its content is not as long as it should be.
    pub async fn open_file(
        &self,
        access: Access,
        area: AreaId,
        id: EntryId,
    ) -> Result<OpenedFile, StoreError> {
        for _ in 1..OPEN_TRIES_MAX {
            if let Some(opened) = self.read_bringing(move |view| view.open_entry(access, area, id)).await? {
                return Ok(opened);
            }
        }
        self.read_long(move |view| view.open_entry(access, area, id)).await?.ok_or_else(vanished)
    }

    /// [`Store::open_file`] on the calling thread.
    pub fn open_file_blocking(
        &self,
        access: Access,
        area: AreaId,
        id: EntryId,
    ) -> Result<OpenedFile, StoreError> {
        for _ in 0..OPEN_TRIES_MAX {
            let opened = self.read_bringing_blocking(&mut |view| view.open_entry(access, area, id))?;
            if let Some(opened) = opened {
                return Ok(opened);
            }
        }
        Err(vanished())
    }
}

fn vanished() -> StoreError {
    StoreError::Io("the content file of an entry is missing; run check".to_owned())
}

impl View<'_> {
    /// Opens a file; nothing if its content file went away since this view began.
    fn open_entry(
        &mut self,
        access: Access,
        area: AreaId,
        id: EntryId,
    ) -> Result<Option<OpenedFile>, StoreError> {
        self.need_right(access, area, Right::Read)?;
        if id.0 <= 0 {
            return Err(StoreError::NotAFile);
        }
        let sql = entry_where!("WHERE area_id = ?1 AND entry_id = ?2");
        let found =
            self.db.row(sql, params![area, id], |row| Ok((entry(row)?, row.opt_int(4)?.map(BlobId))))?;
        let (entry, blob) = found.ok_or(StoreError::Missing(Missing::File))?;
        let Some(blob) = blob else { return Err(StoreError::NotAFile) };
        let Some((blake3, content)) = self.open_blob(blob, entry.size_bytes())? else { return Ok(None) };
        Ok(Some(OpenedFile { entry, blake3, content }))
    }

    fn open_blob(
        &mut self,
        blob: BlobId,
        size_bytes: u64,
    ) -> Result<Option<([u8; 32], Content)>, StoreError> {
        let blobs = self.shared.blobs.as_ref();
        let sql = "SELECT digest, file, data FROM content WHERE blob_id = ?1";
        let found = self.db.row(sql, params![blob], |row| {
            let digest = row.blob(0)?.try_into().unwrap_or_default();
            let restored = |stored: &[u8]| {
                let mut bytes = Vec::new();
                restore_into(stored, size_bytes, &mut bytes)?;
                Ok(Some((digest, Content::Inline(bytes))))
            };
            if let Some(data) = row.opt_blob(2)? {
                return restored(data);
            }
            let name = row.text(1)?;
            let Some(blobs) = blobs else {
                return Err(StoreError::Corrupt(format!(
                    "file {name} is named, but there is no folder of files"
                )));
            };
            let failed = |error: io::Error| StoreError::Io(format!("{name}: {error}"));
            let file = match blobs.open(name) {
                Err(StoreError::Away(away)) => match blobs.in_place(name, size_bytes) {
                    Some(remote) => return Ok(Some((digest, Content::Remote(Box::new(remote))))),
                    None => return Err(StoreError::Away(away)),
                },
                opened => opened?,
            };
            let Some(file) = file else { return Ok(None) };
            let stored_bytes = file.metadata().map_err(failed)?.len();
            if stored_bytes == size_bytes {
                return Ok(Some((digest, Content::File { file, size_bytes })));
            }
            let mut stored = Vec::new();
            read_into(&file, stored_bytes, &mut stored).map_err(failed)?;
            restored(&stored)
        })?;
        found.ok_or_else(|| StoreError::Corrupt(format!("content {blob} is missing")))
    }
}
