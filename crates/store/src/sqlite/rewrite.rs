//! Making sure that the disk holds what is seen: at the start, and after every failure.
//!
//! When a sync fails, the system forgets that the pages in question were ever changed. It goes on showing
//! them, for as long as they stay in its memory, but no later sync writes them, and the next one succeeds.
//! So nothing that was part of a failed sync may be relied on before it was written again.
//!
//! What SQLite makes of it by itself is not enough:
//!
//! - A checkpoint syncs the file only if it came to the end of the log. One beside a writer or a reader
//!   rarely does; it notes in the log's index which pages it has copied, and no later one copies them
//!   again. The sync that at last comes is for all of them; if it fails, the next checkpoint
//!   copies only its own pages anew, syncs with success, and the log starts anew over the only whole copy
//!   of the others.
//! - The last connection that closes brings the log into the file in the same way, and removes the log.
//! - The pages of a commit whose sync failed stay in the log. Whether the next who reads it from its
//!   beginning finds them there is chance, and differs between before and after a power cut.
//! - Whether a folder's sync failed is ignored.
//!
//! The rule here:
//!
//! 1. A job is told of its commit only after a sync of the log that succeeded.
//! 2. No connection touches the log when it is closed ([`super::connect`]). Only the writer does, in good
//!    order and if nothing has failed since its last [`rewrite`].
//! 3. After any failure of a commit or of a checkpoint, in whichever thread, the writer commits nothing and
//!    copies nothing. The checkpointer ends, all connections are closed, and [`rewrite`] begins from the log
//!    alone. As long as that fails, all that is to be written is refused, and it is tried again with the
//!    next job.
//! 4. A process that starts does [`rewrite`] first, since it cannot know what the last one met with.
//!
//! Why that is enough: the log starts anew only when a checkpoint that came to its end has synced the file.
//! As nobody goes on after a failure, all syncs since the log began have succeeded then, those of the pages
//! copied earlier among them: the system tells a failure to each open file once, and every connection that
//! syncs was open, or is told as the first who asks. Hence whatever a failed sync of the file left
//! out is still in the log, and [`rewrite`] copies all of the log, not what the index says is missing.
//! What a failed sync of the log left out was not acknowledged; written again it becomes a commit on the
//! disk as well as in memory, or what is damaged of it ends the log for both.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::readers::Paused;
use super::{BUSY_TIMEOUT, Files};
use crate::error::StoreError;

/// So long who is reading may go on while the writer waits for the file; nearly all need far less. After
/// that they are interrupted, for nobody else can begin to read meanwhile.
const READING_MAX: Duration = Duration::from_secs(1);

/// Writes again all that the file may lack, and empties the log. Nobody else has the database open then.
///
/// # Errors
/// The device's, and [`StoreError::Conflict`] if somebody keeps the database open; then nothing may be
/// written before another try succeeded.
pub(super) fn rewrite(files: &Files, paused: &Paused<'_>) -> Result<(), StoreError> {
    // An old failure that our own open file was not told of yet; what it was about is written again below.
    let _ = files.sync();
    let begun = Instant::now();
    loop {
        match rewrite_alone(files) {
            Err(StoreError::Conflict) if begun.elapsed() < BUSY_TIMEOUT => {
                if begun.elapsed() > READING_MAX {
                    paused.interrupt();
                }
                thread::sleep(Duration::from_millis(1));
            }
            outcome => return outcome,
        }
    }
}

fn rewrite_alone(files: &Files) -> Result<(), StoreError> {
    let alone = connect_alone(files)?;
    write_log_again(&files.path)?;
    drop(alone);
    // Only this one may say what is in the log: the other has read it before it was written.
    let alone = connect_alone(files)?;
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let (busy, left) = alone.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    // No log at all (-1): the database is new.
    if busy != 0 || left > 0 { Err(StoreError::Conflict) } else { Ok(()) }
}

/// Opens a connection that has the database for itself, and a new index of the log, made in its own memory by
/// reading the log: one in shared memory would say what was copied before the failure.
fn connect_alone(files: &Files) -> Result<Connection, StoreError> {
    let connection = files.connect()?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Writes the log once more as it is seen, and syncs it. What a failed sync left out would otherwise never be
/// written: the file would get all of the log, the disk keep only its beginning, and when the power
/// goes before the log is shortened for good, that beginning would be brought into the newer file.
fn write_log_again(database: &Path) -> io::Result<()> {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    let log = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let (mut block, mut at) = (vec![0; 1 << 20], 0);
    loop {
        let len = log.read_at(&mut block, at)?;
        if len == 0 {
            return log.sync_all();
        }
        log.write_all_at(&block[..len], at)?;
        at += len as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use super::super::Place;
    use super::super::readers::Readers;
    use super::*;

    fn files(folder: &Path) -> Files {
        Files::open(Place::parse("sqlite.db", folder).unwrap()).unwrap()
    }

    /// A connection that writes, to a table `t` that is in the file already.
    fn with_table(files: &Files) -> Connection {
        let connection = files.connect().unwrap();
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, padding BLOB)";
        connection.execute_batch(sql).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        connection
    }

    /// Some pages' worth.
    fn insert(connection: &Connection, n: i64) {
        connection.execute("INSERT INTO t VALUES (?1, zeroblob(20000))", [n]).unwrap();
    }

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT COUNT(padding) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn pages_that_were_copied_but_never_reached_the_disk_are_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let writer = with_table(&files);
        let disk = std::fs::read(&files.path).unwrap();
        insert(&writer, 1);
        let reader = files.connect().unwrap();
        reader.execute_batch("BEGIN").unwrap();
        assert_eq!(count(&reader), 1);
        insert(&writer, 2);
        // The reader keeps it from the log's end: SQLite does not sync.
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let (log, copied): (i64, i64) =
            writer.query_row(sql, [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap();
        assert!(0 < copied && copied < log, "{copied} of {log}");
        drop((writer, reader));
        // The sync that comes later fails, and the system forgets what it did not write.
        files.database.write_all_at(&disk, 0).unwrap();
        files.database.set_len(disk.len() as u64).unwrap();
        let readers = Readers::new(files.path.clone(), 1);
        rewrite(&files, &readers.pause()).unwrap();
        let after = files.connect().unwrap();
        assert_eq!(count(&after), 2);
        let sound: String = after.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }

    #[test]
    fn the_last_connection_leaves_the_log_alone() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let writer = with_table(&files);
        let disk = std::fs::read(&files.path).unwrap();
        insert(&writer, 1);
        drop(writer);
        assert_eq!(std::fs::read(&files.path).unwrap(), disk);
        assert_eq!(count(&files.connect().unwrap()), 1);
    }

    #[test]
    fn who_reads_for_long_gives_way_and_nobody_begins_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        insert(&with_table(&files), 1);
        let readers = Arc::new(Readers::new(files.path.clone(), 1));
        let (begun, has_begun) = mpsc::channel();
        let its = Arc::clone(&readers);
        let reading = thread::spawn(move || {
            let lent = its.lend().unwrap();
            assert_eq!(count(lent.connection()), 1);
            begun.send(()).unwrap();
            let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                           SELECT COUNT(*) FROM n, t";
            let ended = lent.connection().query_row(endless, [], |_| Ok(()));
            StoreError::from(ended.unwrap_err())
        });
        has_begun.recv().unwrap();
        let paused = readers.pause();
        let its = Arc::clone(&readers);
        let next = thread::spawn(move || count(its.lend().unwrap().connection()));
        rewrite(&files, &paused).unwrap();
        assert_eq!(reading.join().unwrap(), StoreError::Conflict);
        drop(paused);
        assert_eq!(next.join().unwrap(), 1);
    }
}
