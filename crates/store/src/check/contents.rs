//! What must hold of contents: references both ways, and every byte.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::{Checker, ORPHAN_AGE};
use crate::blob::restore_into;
use crate::error::StoreError;
use crate::sql::params;
use crate::store::Store;
use crate::view::View;

/// A content file as a row names it.
pub(super) struct NamedFile {
    blob_id: i64,
    name: String,
    size_bytes: u64,
    digest: Vec<u8>,
}

/// Why the bytes are not what was stored, if they are not.
fn why_damaged(compressed: &[u8], size_bytes: u64, digest: &[u8], out: &mut Vec<u8>) -> Option<String> {
    out.clear();
    if let Err(error) = restore_into(compressed, size_bytes, out) {
        return Some(error.to_string());
    }
    (blake3::hash(out).as_bytes() != digest).then(|| "its digest is another".to_owned())
}

impl View<'_> {
    /// Compares references, reads all content inside the database, and lists what lies in files.
    pub(super) fn check_contents(&mut self, checker: &mut Checker<'_>) -> Result<Vec<NamedFile>, StoreError> {
        self.check_references(checker)?;
        let total = self.db.number("SELECT COUNT(*) FROM content", &[])?.unwrap_or(0).cast_unsigned();
        let sql = "SELECT c.blob_id, c.digest, c.file, c.data, b.size_bytes FROM content c
                   JOIN blob b ON b.digest = c.digest ORDER BY c.blob_id";
        let (mut files, mut out) = (Vec::new(), Vec::new());
        self.db.each(sql, &[], &mut |row| {
            let (blob_id, digest, size_bytes) = (row.int(0)?, row.blob(1)?, row.count(4)?);
            if checker.report.counted.contents.is_multiple_of(256) {
                checker.progress("contents", checker.report.counted.contents, total);
            }
            checker.report.counted.contents += 1;
            checker.report.counted.content_bytes += size_bytes;
            if let Some(name) = row.opt_text(2)? {
                files.push(NamedFile {
                    blob_id,
                    name: name.to_owned(),
                    size_bytes,
                    digest: digest.to_owned(),
                });
            } else if let Some(why) =
                why_damaged(row.opt_blob(3)?.unwrap_or_default(), size_bytes, digest, &mut out)
            {
                checker.finding("content", format!("content {blob_id}"), why);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(files)
    }

    fn check_references(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let mut named: HashMap<i64, i64> = HashMap::new();
        let sql = "SELECT blob_id, COUNT(*) FROM (SELECT blob_id FROM message UNION ALL SELECT blob_id FROM queue) named
                   GROUP BY blob_id";
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
            let detail = format!("named by {count} messages or queue entries, but not there");
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
        files: Vec<NamedFile>,
        checker: &mut Checker<'_>,
    ) -> Result<(), StoreError> {
        let Some(folder) = &self.shared().blobs else {
            for file in files {
                checker.finding("content file", file.name, "there is no folder of files".to_owned());
            }
            return Ok(());
        };
        let (total, mut out) = (files.len() as u64, Vec::new());
        for (done, file) in (0..).zip(&files) {
            checker.progress("content files", done, total);
            let why = match folder.read(&file.name) {
                Ok(bytes) => why_damaged(&bytes, file.size_bytes, &file.digest, &mut out),
                Err(error) => Some(error.to_string()),
            };
            // The last message with this content may have been deleted since the rows were read.
            if let Some(why) = why
                && self.still_names(file)?
            {
                checker.finding("content file", format!("content {} in {}", file.blob_id, file.name), why);
            }
        }
        let named: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        folder.each(&mut |name, age| {
            if age >= ORPHAN_AGE && !named.contains(name) {
                checker.finding("orphan file", name.to_owned(), "no row names it".to_owned());
            }
        })?;
        Ok(())
    }

    fn still_names(&self, file: &NamedFile) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM content WHERE blob_id = ?1";
        Ok(self.read_blocking(|view| view.db.number(sql, params![file.blob_id]))?.is_some())
    }

    /// Removes content files that no row names and that are older than [`ORPHAN_AGE`]; they are what
    /// a power cut between writing a file and committing leaves behind. Gives their names. Hence a
    /// [`crate::PreparedBlob`] must be stored within that time.
    pub fn remove_orphans(&self) -> Result<Vec<String>, StoreError> {
        let Some(folder) = &self.shared().blobs else { return Ok(Vec::new()) };
        let mut old = Vec::new();
        folder.each(&mut |name, age| {
            if age >= ORPHAN_AGE {
                old.push(name.to_owned());
            }
        })?;
        // Listed first, then compared: a file that gets a row in between was younger than that.
        let sql = "SELECT file FROM content WHERE file IS NOT NULL";
        let named: HashSet<String> =
            self.read_blocking(|view| view.db.list(sql, &[], |row| row.string(0)))?.into_iter().collect();
        old.retain(|name| !named.contains(name));
        for name in &old {
            folder.remove(name);
        }
        Ok(old)
    }
}
