//! What must hold of contents: references both ways, and every byte.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use super::Checker;
use super::files::NamedPart;
use crate::blob::CONTENT_MAX_BYTES;
use crate::blob::restore_into;
use crate::blob_file::BEGUN_SHELF;
use crate::blobs::Blobs;
use crate::error::StoreError;
use crate::sql::params;
use crate::store::Store;
use crate::view::View;

/// A content file as a row names it.
pub(super) struct NamedFile {
    blob_id: i64,
    name: String,
    expected: Expected,
}

/// What a content must be.
struct Expected {
    size_bytes: u64,
    digest: Vec<u8>,
    /// Set if a file of an area has this content.
    sha256: Option<Vec<u8>>,
}

/// Digests in the making, to be compared with what is expected.
struct Comparison<'e> {
    expected: &'e Expected,
    blake3: blake3::Hasher,
    sha256: Option<Sha256>,
}

impl Expected {
    fn compare(&self) -> Comparison<'_> {
        let sha256 = self.sha256.as_ref().map(|_| Sha256::new());
        Comparison { expected: self, blake3: blake3::Hasher::new(), sha256 }
    }

    /// Why what is stored is not what it should be, if it is not.
    fn why_damaged(&self, stored: &[u8], out: &mut Vec<u8>) -> Option<String> {
        out.clear();
        if let Err(error) = restore_into(stored, self.size_bytes, out) {
            return Some(error.to_string());
        }
        let mut comparison = self.compare();
        comparison.update(out);
        comparison.why_wrong()
    }
}

impl Comparison<'_> {
    fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    fn why_wrong(self) -> Option<String> {
        if self.blake3.finalize().as_bytes()[..] != self.expected.digest {
            return Some("its digest is another".to_owned());
        }
        let sha256 = self.sha256.map(|hasher| hasher.finalize().to_vec());
        (sha256 != self.expected.sha256).then(|| "its SHA-256 is another".to_owned())
    }
}

/// Why the content in a file or object is not what it should be, if it is not. What lies there as it is is read piece by
/// piece: it may be of any length.
///
/// # Errors
/// If it cannot be told, because the device or the service does not answer.
fn why_file_damaged(
    blobs: &Blobs,
    file: &NamedFile,
    out: &mut Vec<u8>,
) -> Result<Option<String>, StoreError> {
    let mut comparison = file.expected.compare();
    let (mut stored, mut stored_bytes) = (Vec::new(), 0);
    let read = blobs.read(&file.name, &mut |piece, whole_bytes| {
        stored_bytes = whole_bytes;
        if whole_bytes == file.expected.size_bytes {
            comparison.update(piece);
        } else if whole_bytes <= CONTENT_MAX_BYTES {
            stored.extend_from_slice(piece);
        }
        Ok(())
    });
    let is_there = match read {
        // A sector that cannot be read is damage; a service that cannot be asked is none.
        Err(error) if !blobs.is_service() => return Ok(Some(error.to_string())),
        read => read?,
    };
    Ok(match is_there {
        false => Some("it is missing".to_owned()),
        true if stored_bytes == file.expected.size_bytes => comparison.why_wrong(),
        true => file.expected.why_damaged(&stored, out),
    })
}

impl View<'_> {
    /// Compares references, reads all content inside the database, and lists what lies in files.
    pub(super) fn check_contents(&mut self, checker: &mut Checker<'_>) -> Result<Vec<NamedFile>, StoreError> {
        self.check_references(checker)?;
        let total = self.db.number("SELECT COUNT(*) FROM content", &[])?.unwrap_or(0).cast_unsigned();
        // Files with the same content and different SHA-256 make it appear twice; one of them is wrong.
        let sql = "SELECT c.blob_id, c.digest, c.file, c.data, b.size_bytes, f.sha256 FROM content c
                   JOIN blob b ON b.digest = c.digest LEFT JOIN (SELECT DISTINCT blob_id, sha256 FROM file_entry
                   WHERE blob_id IS NOT NULL) f ON f.blob_id = c.blob_id ORDER BY c.blob_id";
        let (mut files, mut out) = (Vec::new(), Vec::new());
        self.db.each(sql, &[], &mut |row| {
            let (blob_id, size_bytes) = (row.int(0)?, row.count(4)?);
            let sha256 = row.opt_blob(5)?.map(<[u8]>::to_vec);
            let expected = Expected { size_bytes, digest: row.blob(1)?.to_owned(), sha256 };
            if checker.report.counted.contents.is_multiple_of(256) {
                checker.progress("contents", checker.report.counted.contents, total);
            }
            checker.report.counted.contents += 1;
            checker.report.counted.content_bytes += size_bytes;
            if let Some(name) = row.opt_text(2)? {
                files.push(NamedFile { blob_id, name: name.to_owned(), expected });
            } else if let Some(why) = expected.why_damaged(row.opt_blob(3)?.unwrap_or_default(), &mut out) {
                checker.finding("content", format!("content {blob_id}"), why);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(files)
    }

    fn check_references(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let mut named: HashMap<i64, i64> = HashMap::new();
        let sql = "SELECT blob_id, COUNT(*) FROM (SELECT blob_id FROM message UNION ALL SELECT blob_id FROM queue
                   UNION ALL SELECT blob_id FROM file_entry WHERE blob_id IS NOT NULL) named GROUP BY blob_id";
        self.db.each(sql, &[], &mut |row| {
            named.insert(row.int(0)?, row.int(1)?);
            Ok(ControlFlow::Continue(()))
        })?;
        let sql = "SELECT b.blob_id, b.refs, CASE WHEN c.digest = b.digest THEN 1 ELSE 0 END
                   FROM blob b LEFT JOIN content c ON c.blob_id = b.blob_id";
        self.db.each(sql, &[], &mut |row| {
            let (blob_id, refs) = (row.int(0)?, row.int(1)?);
            let real = named.remove(&blob_id).unwrap_or(0);
            let place = || format!("content {blob_id}");
            if refs != real {
                checker.finding("reference count", place(), format!("{refs} is stored, {real} is true"));
            }
            if row.int(2)? == 0 {
                checker.finding("content missing", place(), "the row with its bytes is not there".to_owned());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for (blob_id, count) in named {
            let detail = format!("named by {count} messages, files or queue entries, but not there");
            checker.finding("content missing", format!("content {blob_id}"), detail);
        }
        let sql = "SELECT c.blob_id FROM content c LEFT JOIN blob b ON b.digest = c.digest AND b.blob_id = c.blob_id
                   WHERE b.blob_id IS NULL";
        for blob_id in self.db.list(sql, &[], |row| row.int(0))? {
            let detail = "no digest leads to it".to_owned();
            checker.finding("content unreachable", format!("content {blob_id}"), detail);
        }
        Ok(())
    }
}

impl Store {
    /// Reads every content file that is named, and lists old files that are not.
    pub(super) fn check_files(
        &self,
        files: &[NamedFile],
        parts: &[NamedPart],
        checker: &mut Checker<'_>,
    ) -> Result<(), StoreError> {
        let Some(blobs) = &self.shared().blobs else {
            for file in files {
                checker.finding("content file", file.name.clone(), "there is no folder of files".to_owned());
            }
            return Ok(());
        };
        let (total, mut out) = (files.len() as u64, Vec::new());
        for (done, file) in (0..).zip(files) {
            checker.progress("content files", done, total);
            let why = why_file_damaged(blobs, file, &mut out)?;
            // The last message or file with this content may have been deleted since the rows were read.
            if let Some(why) = why
                && self.still_names(file)?
            {
                checker.finding("content file", format!("content {} in {}", file.blob_id, file.name), why);
            }
        }
        let named =
            files.iter().map(|file| file.name.as_str()).chain(parts.iter().map(|part| part.name.as_str()));
        let named: HashSet<&str> = named.collect();
        let orphan_age = blobs.orphan_age();
        blobs.each(None, &mut |name, age| {
            if age >= orphan_age && !named.contains(name) {
                checker.finding("orphan file", name.to_owned(), "no row names it".to_owned());
            }
        })?;
        Ok(())
    }

    fn still_names(&self, file: &NamedFile) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM content WHERE blob_id = ?1 AND file = ?2";
        Ok(self.read_blocking(|view| view.db.number(sql, params![file.blob_id, &file.name]))?.is_some())
    }

    /// Removes content files that no row names and that are older than [`crate::ORPHAN_AGE`], or objects that are older
    /// than a day; they are what a power cut between writing a file and committing leaves behind. Gives their names. Hence a
    /// [`crate::PreparedBlob`] must be stored within that time.
    ///
    /// Whoever asks for it must know that no other store uses the folder.
    pub fn remove_orphans(&self) -> Result<Vec<String>, StoreError> {
        self.remove_orphans_of(None)
    }

    /// Removes what a power cut or a crash left of uploads that had not all come, once it is older than
    /// [`crate::ORPHAN_AGE`]; gives the names of the files. For a job that runs now and then: it touches no whole
    /// content.
    ///
    /// # Errors
    /// The device's and the database's.
    pub fn remove_begun_uploads(&self) -> Result<Vec<String>, StoreError> {
        let mut gone = self.remove_orphans_of(Some(BEGUN_SHELF))?;
        if let Some(blobs) = &self.shared().blobs {
            gone.extend(blobs.remove_left_uploads()?);
        }
        Ok(gone)
    }

    fn remove_orphans_of(&self, shelf: Option<&str>) -> Result<Vec<String>, StoreError> {
        let Some(blobs) = &self.shared().blobs else { return Ok(Vec::new()) };
        let (mut old, orphan_age) = (Vec::new(), blobs.orphan_age());
        blobs.each(shelf, &mut |name, age| {
            if age >= orphan_age {
                old.push(name.to_owned());
            }
        })?;
        if old.is_empty() {
            return Ok(old);
        }
        // Listed first, then compared: a file that gets a row in between was younger than that.
        let sql = "SELECT file FROM content WHERE file IS NOT NULL UNION ALL SELECT file FROM file_part";
        let named: HashSet<String> =
            self.read_blocking(|view| view.db.list(sql, &[], |row| row.string(0)))?.into_iter().collect();
        // Looked at once more: a cut upload that is gone on with meanwhile has no row, but is young again.
        old.retain(|name| !named.contains(name));
        let mut gone = Vec::new();
        for name in old {
            if blobs.age(&name)?.is_some_and(|age| age >= orphan_age) {
                blobs.remove_now(&name);
                gone.push(name);
            }
        }
        Ok(gone)
    }
}
