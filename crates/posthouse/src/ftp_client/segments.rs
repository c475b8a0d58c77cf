//! Fetching one file in several parts at once.
//!
//! All parts go into one file of full size, `NAME.parts`, and what is still wanted stands in
//! `NAME.parts.map`. What the map says has come is on the disk before the map says so, so that an
//! interrupted fetch is gone on with after a crash as well. The names differ from those of a fetch in one
//! part: a file of full size with holes must never be taken for a whole one.

use super::connection::{Connection, Shared};
use super::error::Error;
use super::get::{Manner, Moved, Place, compare, forget};
use super::local;
use super::worker::Worker;
use ftp::client::{Argument, Facts};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const PARTS: &[u8] = b".parts";
const MAP: &[u8] = b".parts.map";

/// A map has a few lines; a larger one is not ours.
const MAP_LEN_MAX_BYTES: u64 = 1 << 20;

/// How often the map is written while parts arrive: each time costs a sync.
const MAP_PAUSE: Duration = Duration::from_secs(3);

/// What is still wanted of which file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Map {
    size_bytes: u64,
    modified_seconds: Option<i64>,
    /// Ranges that have not come, each its first byte and the one behind its last.
    wanted: Vec<(u64, u64)>,
}

impl Map {
    fn new(size_bytes: u64, modified_seconds: Option<i64>, segments: usize) -> Map {
        let count = u64::try_from(segments).unwrap_or(1).max(1);
        let bound = |at: u64| size_bytes / count * at + size_bytes % count * at / count;
        let wanted = (0..count).map(|at| (bound(at), bound(at + 1))).filter(|(from, to)| from < to).collect();
        Map { size_bytes, modified_seconds, wanted }
    }

    /// True if it is sound and about this version of the file.
    fn fits(&self, size_bytes: u64, modified_seconds: Option<i64>) -> bool {
        self.size_bytes == size_bytes
            && self.modified_seconds == modified_seconds
            && self.wanted.iter().all(|(from, to)| from < to && *to <= size_bytes)
    }
}

/// What the fetching threads share.
struct Board<'a> {
    file: &'a File,
    shown: &'a Path,
    path: &'a Argument,
    place: &'a Place<'a>,
    state: Mutex<State>,
}

struct State {
    map: Map,
    /// Which ranges of the map some thread is at.
    taken: Vec<bool>,
    written_at: Instant,
    error: Option<Error>,
    bytes: u64,
}

/// Fetches a file of `size` bytes in as many parts as `manner` says.
///
/// # Errors
/// As [`get::fetch`](super::get::fetch).
pub fn fetch(
    connection: &mut Connection,
    shared: &Arc<Shared>,
    (path, facts, size): (&Argument, &Facts, u64),
    place: &Place<'_>,
    manner: &Manner,
) -> Result<Moved, Error> {
    let (parts, map_name) = ([place.name, PARTS].concat(), [place.name, MAP].concat());
    let shown = place.folder.shown(&parts);
    let modified = facts.modified.map(|modified| modified.at.unix_seconds());
    let known = place.folder.read(&map_name, MAP_LEN_MAX_BYTES).filter(|_| manner.resume);
    let known = known.and_then(|text| serde_json::from_slice::<Map>(&text).ok());
    let known = known.filter(|map| map.fits(size, modified));
    let (mut file, have) = place.folder.part(&parts, known.is_some())?;
    let map = known.filter(|_| have == size).unwrap_or_else(|| Map::new(size, modified, manner.segments));
    local::reserve(&file, size, &shown)?;
    let wanted: u64 = map.wanted.iter().map(|(from, to)| to - from).sum();
    shared.progress.begin(&path.to_string(), Some(size), size - wanted);
    let state = State {
        taken: vec![false; map.wanted.len()],
        map,
        written_at: Instant::now(),
        error: None,
        bytes: 0,
    };
    let board = Board { file: &file, shown: &shown, path, place, state: Mutex::new(state) };
    board.save(&map_name)?;
    board.run(connection, shared, manner.segments, &map_name);
    let state = board.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = state.error {
        return Err(error);
    }
    // The parts may be of two versions of the file if it was changed meanwhile.
    let after = connection.look(path)?;
    if (after.size_bytes, after.modified) != (facts.size_bytes, facts.modified) {
        let error = Error::Differs(format!("{path} was changed on the server while it was fetched"));
        forget(&error, place, &parts);
        forget(&error, place, &map_name);
        return Err(error);
    }
    let verified = compare(connection, path, &mut file, &shown, manner.verify).inspect_err(|error| {
        forget(error, place, &parts);
        forget(error, place, &map_name);
    })?;
    place.folder.commit(&file, &parts, place.name, modified)?;
    place.folder.remove(&map_name)?;
    Ok(Moved { bytes: state.bytes, resumed_bytes: size - wanted, size_bytes: size, verified })
}

impl Board<'_> {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches all that is wanted: here over `connection`, and by threads with connections of their own. Where
    /// a server takes no further connections, those that stand do all.
    fn run(&self, connection: &mut Connection, shared: &Arc<Shared>, segments: usize, map_name: &[u8]) {
        std::thread::scope(|scope| {
            for _ in 1..segments {
                scope.spawn(|| {
                    let mut worker = Worker::new(shared);
                    while let Some(at) = self.take() {
                        let done = worker.run(|connection, _| self.segment(connection, at, map_name));
                        self.give_back(at);
                        if let Err(error) = done {
                            let refused = matches!(error, Error::Connect(_)) || is_too_many(&error);
                            self.fail(if refused { None } else { Some(error) });
                            return;
                        }
                    }
                    worker.quit();
                });
            }
            while let Some(at) = self.take() {
                let done = self.segment(connection, at, map_name);
                self.give_back(at);
                if let Err(error) = done {
                    self.fail(Some(error));
                    return;
                }
            }
        });
        let left = !self.state().map.wanted.iter().all(|(from, to)| from >= to);
        if left && let Err(error) = self.save(map_name) {
            self.fail(Some(error));
        }
    }

    /// A range that nobody is at.
    fn take(&self) -> Option<usize> {
        let mut state = self.state();
        if state.error.is_some() {
            return None;
        }
        let at = (0..state.taken.len()).find(|at| {
            let (from, to) = state.map.wanted[*at];
            !state.taken[*at] && from < to
        })?;
        state.taken[at] = true;
        Some(at)
    }

    fn give_back(&self, at: usize) {
        self.state().taken[at] = false;
    }

    fn fail(&self, error: Option<Error>) {
        let mut state = self.state();
        if state.error.is_none() {
            state.error = error;
        }
    }

    /// Fetches what is wanted of one range.
    fn segment(&self, connection: &mut Connection, at: usize, map_name: &[u8]) -> Result<(), Error> {
        let (from, to) = self.state().map.wanted[at];
        // All may have come before the connection broke.
        if from >= to {
            return Ok(());
        }
        let mut next = from;
        let mut take = |bytes: &[u8]| {
            self.file.write_all_at(bytes, next).map_err(|error| Error::local(self.shown, &error))?;
            next += bytes.len() as u64;
            self.came(at, bytes.len() as u64, map_name)
        };
        let wanted = to - from;
        let came = connection.retrieve(self.path, (from, Some(wanted)), Some(wanted), &mut take)?;
        if came < wanted {
            return Err(Error::Differs(format!("{}: the server sent less than it has", self.path)));
        }
        Ok(())
    }

    fn came(&self, at: usize, bytes: u64, map_name: &[u8]) -> Result<(), Error> {
        let mut state = self.state();
        state.map.wanted[at].0 += bytes;
        state.bytes += bytes;
        if state.error.is_some() {
            return Err(Error::Local("another part failed".to_string()));
        }
        if state.written_at.elapsed() < MAP_PAUSE {
            return Ok(());
        }
        state.written_at = Instant::now();
        drop(state);
        self.save(map_name)
    }

    /// Writes the map, after what it says has come is on the disk.
    fn save(&self, map_name: &[u8]) -> Result<(), Error> {
        let mut map = self.state().map.clone();
        map.wanted.retain(|(from, to)| from < to);
        self.file.sync_data().map_err(|error| Error::local(self.shown, &error))?;
        let text = serde_json::to_vec(&map).map_err(|error| Error::Local(error.to_string()))?;
        self.place.folder.write(map_name, &text)
    }
}

/// True if the server has enough of us: what stands does the rest.
fn is_too_many(error: &Error) -> bool {
    matches!(error, Error::Ftp(ftp::client::Error::Closing(_) | ftp::client::Error::LoginRefused(_)))
        || matches!(error, Error::Ftp(ftp::client::Error::Refused { verb: "the connection", .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_a_file_exactly_once() {
        for size in [1, 2, 7, 100, 4 << 20, u64::MAX] {
            for segments in 1..10 {
                let map = Map::new(size, None, segments);
                assert_eq!(map.wanted.first().map(|range| range.0), Some(0));
                assert_eq!(map.wanted.last().map(|range| range.1), Some(size));
                assert!(map.wanted.windows(2).all(|pair| pair[0].1 == pair[1].0), "{map:?}");
                assert!(map.fits(size, None));
            }
        }
    }

    #[test]
    fn a_map_of_another_version_does_not_fit() {
        let map = Map::new(100, Some(5), 3);
        assert!(!map.fits(101, Some(5)));
        assert!(!map.fits(100, Some(6)));
        assert!(!Map { wanted: vec![(0, 101)], ..map.clone() }.fits(100, Some(5)));
        assert!(!Map { wanted: vec![(7, 7)], ..map }.fits(100, Some(5)));
    }
}
