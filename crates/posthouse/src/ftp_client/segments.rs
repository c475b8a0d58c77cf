//! Fetching one file in several parts at once.
//!
//! All parts go into one file of full size ([`Role::Parts`]), and what is still wanted stands in a map beside
//! it ([`Role::Map`]). What the map says has come is on the disk before the map says so, so that an
//! interrupted fetch is gone on with after a crash as well. The names differ from those of a fetch in one
//! part: a file of full size with holes must never be taken for a whole one.

use super::connection::{Connection, Shared};
use super::error::Error;
use super::get::{Begun, Manner, Moved, Place, check_version, compare, forget, is_doubtful};
use super::local;
use super::reserved::Role;
use super::worker::Worker;
use ftp::client::{Argument, Facts};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    /// Held by who writes the map: two at once would take each other's fresh one away, and the older of two
    /// could come last.
    saving: Mutex<()>,
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
    begun: &mut Option<Begun>,
) -> Result<Moved, Error> {
    let parts = Role::Parts.beside(place.name);
    let shown = place.folder.shown(&parts);
    let modified = facts.modified.map(|modified| modified.at.unix_seconds());
    let this = Begun::new(Role::Parts, facts);
    let own = *begun == Some(this);
    let resume = manner.resume || own;
    let known = place.folder.read(&Role::Map.beside(place.name), MAP_LEN_MAX_BYTES).filter(|_| resume);
    let known = known.and_then(|text| serde_json::from_slice::<Map>(&text).ok());
    let known = known.filter(|map| map.fits(size, modified));
    let known = known.filter(|_| own || !is_doubtful(connection, shared, (path, facts), manner));
    let (mut file, have) = place.folder.part(&parts, known.is_some())?;
    let map = match known.filter(|_| have == size) {
        Some(map) => map,
        None => {
            // Before the file gets its size: with an older map it would look like one without holes.
            place.folder.remove(&Role::Map.beside(place.name))?;
            place.folder.sync()?;
            Map::new(size, modified, manner.segments)
        }
    };
    local::reserve(&file, size, &shown)?;
    let wanted: u64 = map.wanted.iter().map(|(from, to)| to - from).sum();
    shared.progress.begin(&path.to_string(), Some(size), size - wanted);
    let board = Board::new(&file, &shown, path, place, map);
    board.save()?;
    *begun = Some(this);
    board.run(connection, shared, manner.segments);
    let state = board.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = state.error {
        return Err(error);
    }
    if state.map.wanted.iter().any(|(from, to)| from < to) {
        return Err(Error::Local(format!("{path}: a part did not come")));
    }
    // The parts may be of two versions of the file if it was changed meanwhile.
    let verified = check_version(connection, (path, facts), size)
        .and_then(|()| compare(connection, path, &mut file, &shown, manner.verify))
        .inspect_err(|error| forget(error, place, &[Role::Parts, Role::Map]))?;
    place.folder.commit(&file, &parts, place.name, modified)?;
    place.folder.remove(&Role::Map.beside(place.name))?;
    Ok(Moved { bytes: state.bytes, resumed_bytes: size - wanted, size_bytes: size, verified })
}

impl<'a> Board<'a> {
    fn new(file: &'a File, shown: &'a Path, path: &'a Argument, place: &'a Place<'a>, map: Map) -> Board<'a> {
        let taken = vec![false; map.wanted.len()];
        let state = State { taken, map, written_at: Instant::now(), error: None, bytes: 0 };
        Board { file, shown, path, place, state: Mutex::new(state), saving: Mutex::new(()) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches all that is wanted: here over `connection`, and by threads with connections of their own. Where
    /// a server takes no further connections, those that stand do all.
    fn run(&self, connection: &mut Connection, shared: &Arc<Shared>, segments: usize) {
        std::thread::scope(|scope| {
            for _ in 1..segments {
                scope.spawn(|| {
                    let mut worker = Worker::new(shared);
                    while let Some(at) = self.take() {
                        let done = worker.run(|connection, _| self.segment(connection, at));
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
            self.work(connection);
        });
        // What others gave back after the last look here.
        self.work(connection);
        let left = !self.state().map.wanted.iter().all(|(from, to)| from >= to);
        if left && let Err(error) = self.save() {
            self.fail(Some(error));
        }
    }

    /// Fetches ranges one after the other.
    fn work(&self, connection: &mut Connection) {
        while let Some(at) = self.take() {
            let done = self.segment(connection, at);
            self.give_back(at);
            if let Err(error) = done {
                self.fail(Some(error));
                return;
            }
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
    fn segment(&self, connection: &mut Connection, at: usize) -> Result<(), Error> {
        let (from, to) = self.state().map.wanted[at];
        // All may have come before the connection broke.
        if from >= to {
            return Ok(());
        }
        let mut next = from;
        let mut take = |bytes: &[u8]| {
            self.file.write_all_at(bytes, next).map_err(|error| Error::local(self.shown, &error))?;
            next += bytes.len() as u64;
            self.came(at, bytes.len() as u64)
        };
        let wanted = to - from;
        let came = connection.retrieve(self.path, (from, Some(wanted)), Some(wanted), &mut take)?;
        if came < wanted {
            return Err(Error::Differs(format!("{}: the server sent less than it has", self.path)));
        }
        Ok(())
    }

    fn came(&self, at: usize, bytes: u64) -> Result<(), Error> {
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
        self.save()
    }

    /// Writes the map, after what it says has come is on the disk.
    fn save(&self) -> Result<(), Error> {
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut map = self.state().map.clone();
        map.wanted.retain(|(from, to)| from < to);
        self.file.sync_data().map_err(|error| Error::local(self.shown, &error))?;
        let text = serde_json::to_vec(&map).map_err(|error| Error::Local(error.to_string()))?;
        self.place.folder.write_map(self.place.name, &text)
    }
}

/// True if the server has enough of us: what stands does the rest.
fn is_too_many(error: &Error) -> bool {
    matches!(error, Error::Ftp(ftp::client::Error::Closing(_) | ftp::client::Error::LoginRefused(_)))
        || matches!(error, Error::Ftp(ftp::client::Error::Refused { verb: "the connection", .. }))
}

#[cfg(test)]
mod tests {
    use super::super::local::Folder;
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

    #[test]
    fn many_may_save_at_once() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        let place = Place { folder: &folder, name: b"a" };
        let (file, _) = folder.part(b"parts", false).unwrap();
        let path = Argument::new("a").unwrap();
        let board = Board::new(&file, Path::new("a"), &path, &place, Map::new(400, None, 4));
        std::thread::scope(|scope| {
            for at in 0..4 {
                let board = &board;
                scope.spawn(move || {
                    for _ in 0..100 {
                        board.state().map.wanted[at].0 += 1;
                        board.save().unwrap();
                    }
                });
            }
        });
        let text = folder.read(&Role::Map.beside(b"a"), MAP_LEN_MAX_BYTES).unwrap();
        assert_eq!(serde_json::from_slice::<Map>(&text).unwrap().wanted, []);
    }
}
