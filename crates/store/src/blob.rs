//! Content: digest, compression, and where it lies.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use crate::blob_file::read_into;
use crate::blobs::{BlobFile, Blobs};
use crate::error::{Missing, StoreError};
use crate::id::BlobId;
use crate::sql::{Row, params};
use crate::view::{Tx, View};

/// Content that is at most this long as it is stored lies in the database, longer in a file.
pub const INLINE_MAX_BYTES: usize = 64 * 1024;

/// Content up to this length is compressed, and written if it must be, on the calling task (about half a millisecond).
const PREPARE_HERE_MAX_BYTES: usize = 128 * 1024;

/// Where content that is not inline goes over the network, only what surely is inline is: with room for the lines
/// that delivery puts before a message.
const PREPARE_INLINE_MAX_BYTES: usize = INLINE_MAX_BYTES / 2;

/// The longest content that may be prepared on a task of the runtime.
pub(crate) fn prepare_here_max_bytes(blobs: Option<&Blobs>) -> usize {
    if blobs.is_some_and(Blobs::is_service) { PREPARE_INLINE_MAX_BYTES } else { PREPARE_HERE_MAX_BYTES }
}

/// Longest content in bytes. Far above any message; what claims to be longer is damaged, and must not
/// make us reserve memory for it.
pub const CONTENT_MAX_BYTES: u64 = 1 << 30;

/// The level of compression: one that keeps up with the network.
const ZSTD_LEVEL: i32 = 1;

/// Content is stored compressed only if that leaves at most this many tenths of it. Text leaves three or
/// four; an attachment in base64 leaves nearly eight, and would cost more at each reading than the
/// disk it saves is worth.
const COMPRESSED_MAX_TENTHS: usize = 6;

/// Content ready to be named by messages or queue entries, of any number of accounts, in any
/// number of transactions. A clone is the same content.
///
/// If nothing was stored with it, its file (if it has one) is removed with the last clone.
#[derive(Debug, Clone)]
pub struct PreparedBlob {
    digest: blake3::Hash,
    size_bytes: u64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Inline(Arc<[u8]>),
    File(Arc<BlobFile>),
}

thread_local! {
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

impl PreparedBlob {
    pub(crate) fn new(bytes: &[u8], blobs: Option<&Blobs>) -> Result<PreparedBlob, StoreError> {
        if bytes.len() as u64 > CONTENT_MAX_BYTES {
            return Err(StoreError::Invalid("the content is longer than 1 GiB"));
        }
        let digest = blake3::hash(bytes);
        let stored = pack(bytes)?;
        let place = match blobs {
            Some(blobs) if stored.len() > INLINE_MAX_BYTES => {
                let is_raw = matches!(stored, Cow::Borrowed(_));
                Place::File(Arc::new(blobs.write(&digest, &stored, is_raw)?))
            }
            _ => Place::Inline(stored.as_ref().into()),
        };
        Ok(PreparedBlob { digest, size_bytes: bytes.len() as u64, place })
    }

    /// Small content whose digest is known.
    pub(crate) fn inline(digest: blake3::Hash, bytes: &[u8]) -> Result<PreparedBlob, StoreError> {
        let place = Place::Inline(pack(bytes)?.as_ref().into());
        Ok(PreparedBlob { digest, size_bytes: bytes.len() as u64, place })
    }

    /// Content that lies as it is in a file of ours, synced.
    pub(crate) fn file(digest: blake3::Hash, size_bytes: u64, file: BlobFile) -> PreparedBlob {
        PreparedBlob { digest, size_bytes, place: Place::File(Arc::new(file)) }
    }

    /// Length of the content in bytes, as it was given.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// BLAKE3 digest of the content.
    pub fn digest(&self) -> &[u8; 32] {
        self.digest.as_bytes()
    }
}

/// Content in the form in which it is stored: compressed, if that is worth it. [`restore_into`] gives it back.
pub(crate) fn pack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, StoreError> {
    let compressed = compress(bytes)?;
    let worth_it = compressed.len() <= bytes.len() / 10 * COMPRESSED_MAX_TENTHS;
    Ok(if worth_it { Cow::Owned(compressed) } else { Cow::Borrowed(bytes) })
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => slot.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        };
        Ok(compressor.compress(bytes)?)
    })
}

/// Appends content of `size_bytes` to `out`, from the form in which it is stored. Stored in its own
/// length it is as it was given, for nothing is kept compressed that did not shrink.
pub(crate) fn restore_into(stored: &[u8], size_bytes: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let damaged = |why: String| StoreError::Corrupt(format!("stored content: {why}"));
    let size = usize::try_from(size_bytes).map_err(|error| damaged(error.to_string()))?;
    if stored.len() == size {
        out.extend_from_slice(stored);
        return Ok(());
    }
    if size_bytes > CONTENT_MAX_BYTES {
        return Err(damaged(format!("a row says that it has {size_bytes} bytes")));
    }
    let start = out.len();
    out.resize(start + size, 0);
    let restored = DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(stored, &mut out[start..])
    });
    match restored {
        Ok(len) if len == size => Ok(()),
        Ok(len) => {
            out.truncate(start);
            Err(damaged(format!("{len} bytes instead of {size}")))
        }
        Err(error) => {
            out.truncate(start);
            Err(damaged(error.to_string()))
        }
    }
}

/// Appends the content of `size_bytes` to `out` that a row gives, whose first columns are `file` and `data`;
/// false if it gives neither.
///
/// # Errors
/// [`StoreError::Away`] if it must be brought first.
pub(crate) fn restore_row(
    row: &Row<'_>,
    blobs: Option<&Blobs>,
    size_bytes: u64,
    out: &mut Vec<u8>,
) -> Result<bool, StoreError> {
    if let Some(data) = row.opt_blob(1)? {
        return restore_into(data, size_bytes, out).map(|()| true);
    }
    let Some(name) = row.opt_text(0)? else { return Ok(false) };
    let Some(blobs) = blobs else {
        return Err(StoreError::Corrupt(format!("file {name} is named, but there is no folder of files")));
    };
    let failed = |error: std::io::Error| StoreError::Io(format!("{name}: {error}"));
    let file = blobs.open(name)?.ok_or_else(|| StoreError::Io(format!("{name} is missing; run check")))?;
    let stored_bytes = file.metadata().map_err(failed)?.len();
    if stored_bytes == size_bytes {
        read_into(&file, stored_bytes, out).map_err(failed)?;
    } else {
        let mut stored = Vec::new();
        read_into(&file, stored_bytes, &mut stored).map_err(failed)?;
        restore_into(&stored, size_bytes, out)?;
    }
    Ok(true)
}

impl View<'_> {
    /// Appends the content of a blob to `out`.
    pub(crate) fn blob_into(
        &mut self,
        blob: BlobId,
        size_bytes: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let blobs = self.shared.blobs.as_ref();
        let sql = "SELECT file, data FROM content WHERE blob_id = ?1";
        match self.db.row(sql, params![blob], |row| restore_row(row, blobs, size_bytes, out))? {
            Some(true) => Ok(()),
            _ => Err(StoreError::Corrupt(format!("content {blob} is missing"))),
        }
    }
}

impl Tx<'_> {
    /// Adds one reference to the content, storing it if it is new.
    pub(crate) fn take_blob(&mut self, blob: &PreparedBlob) -> Result<BlobId, StoreError> {
        let fresh = self.shared.fresh_id();
        let digest: &[u8] = blob.digest.as_bytes();
        let sql = "INSERT INTO blob (digest, blob_id, refs, size_bytes) VALUES (?1, ?2, 1, ?3)
                   ON CONFLICT (digest) DO UPDATE SET refs = blob.refs + 1 RETURNING blob_id, refs";
        let found = self
            .db
            .row(sql, params![digest, fresh, blob.size_bytes], |row| Ok((row.int(0)?, row.int(1)?)))?;
        let (blob_id, refs) = found.ok_or(StoreError::Conflict)?;
        if refs > 1 {
            return Ok(BlobId(blob_id));
        }
        let (file, data) = match &blob.place {
            Place::Inline(data) => (None, Some(&data[..])),
            Place::File(file) if file.is_adopted() => {
                self.release_blob(BlobId(blob_id))?;
                return Err(StoreError::BlobGone);
            }
            Place::File(file) => {
                self.effects.adopted.push(Arc::clone(file));
                (Some(&file.name), None)
            }
        };
        let sql = "INSERT INTO content (blob_id, digest, file, data) VALUES (?1, ?2, ?3, ?4)";
        self.db.execute(sql, params![blob_id, digest, file, data])?;
        Ok(BlobId(blob_id))
    }

    /// [`Tx::take_blob`] for content that the kernel is to send: where the same bytes are stored
    /// compressed already, because a message has them, they give way to the file.
    pub(crate) fn take_blob_as_it_is(&mut self, blob: &PreparedBlob) -> Result<BlobId, StoreError> {
        let id = self.take_blob(blob)?;
        let Place::File(file) = &blob.place else { return Ok(id) };
        if self.effects.adopted.iter().any(|adopted| Arc::ptr_eq(adopted, file)) {
            return Ok(id);
        }
        let sql = "SELECT file FROM content WHERE blob_id = ?1";
        let old = self.db.row(sql, params![id], |row| Ok(row.opt_text(0)?.map(str::to_owned)))?.flatten();
        if let (Some(old), Some(blobs)) = (&old, &self.shared.blobs)
            && blobs.is_as_it_is(old, blob.size_bytes)
        {
            return Ok(id);
        }
        let sql = "UPDATE content SET file = ?2, data = NULL WHERE blob_id = ?1";
        self.db.execute(sql, params![id, &file.name])?;
        self.effects.adopted.push(Arc::clone(file));
        self.effects.dropped_files.extend(old);
        Ok(id)
    }

    /// Adds one reference to content that is stored.
    pub(crate) fn share_blob(&mut self, blob: BlobId) -> Result<(), StoreError> {
        let sql =
            "UPDATE blob SET refs = refs + 1 WHERE digest = (SELECT digest FROM content WHERE blob_id = ?1)";
        match self.db.execute(sql, params![blob])? {
            1 => Ok(()),
            _ => Err(StoreError::Corrupt(format!("content {blob} is missing"))),
        }
    }

    /// Gives one reference back; the last one deletes the content.
    pub(crate) fn release_blob(&mut self, blob: BlobId) -> Result<(), StoreError> {
        let sql = "UPDATE blob SET refs = refs - 1
                   WHERE digest = (SELECT digest FROM content WHERE blob_id = ?1) RETURNING refs";
        let refs = self.db.number(sql, params![blob])?;
        if refs.is_some_and(|refs| refs > 0) {
            return Ok(());
        }
        let sql = "DELETE FROM blob WHERE digest = (SELECT digest FROM content WHERE blob_id = ?1) AND blob_id = ?1";
        self.db.execute(sql, params![blob])?;
        let sql = "DELETE FROM content WHERE blob_id = ?1 RETURNING file";
        let file = self.db.row(sql, params![blob], |row| Ok(row.opt_text(0)?.map(str::to_owned)))?;
        self.effects.dropped_files.extend(file.flatten());
        Ok(())
    }
}

/// What a message or a queue entry holds on to, for [`Missing`] reports.
pub(crate) const NO_MESSAGE: StoreError = StoreError::Missing(Missing::Message);
