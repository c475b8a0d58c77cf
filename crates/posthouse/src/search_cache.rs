//! Texts of messages, decoded and folded, kept for searching.
//!
//! Messages never change and UIDs are never reused, so that what is kept is never stale. Texts of
//! many messages of a mailbox lie behind each other in chunks, which are searched at the speed of
//! memory. What is not kept is read, searched and then kept, piece by piece, on all processors: a
//! mailbox larger than the allowance can be searched all the same.

use imap::search::TextKey;
use imap::set::NumberSet;
use memchr::memmem::Finder;
use mime::search::{address_text, field_texts};
use mime::{Headers, Message, OverviewRef, SearchText, fold};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::{AccountId, MailboxId, MessageId, Store, StoreError, View};

/// Messages read in one read of the store: some milliseconds.
const PIECE_MESSAGES: usize = 256;
/// A piece ends early once its texts have this size, so that few large messages do not fill memory.
const PIECE_MAX_BYTES: usize = 2 << 20;
/// Chunks smaller than this are joined with the next: mail that comes one by one would otherwise
/// leave thousands of them.
const CHUNK_JOIN_BELOW_BYTES: usize = 512 * 1024;
/// Less text than this is searched by one thread: starting another takes as long.
const THREAD_MIN_BYTES: usize = 4 << 20;
/// Fewer messages than this are read by one thread.
const THREAD_MIN_MESSAGES: usize = 64;
/// Threads at work on one search, so that a few searches do not occupy a large machine.
const THREADS_MAX: usize = 4;

/// Ends every text. Folded text is UTF-8, which has no such byte, and neither have keys: nothing is
/// found across two messages.
const END: u8 = 0xff;
/// Begins the text of a header field that is there, so that HEADER with an empty key finds it.
const PRESENT: u8 = 0xfe;

/// Texts of messages in memory, up to a limit.
#[derive(Debug)]
pub struct SearchCache {
    columns: Mutex<Columns>,
    max_bytes: usize,
    threads: usize,
}

#[derive(Debug, Default)]
struct Columns {
    map: HashMap<ColumnKey, Column>,
    bytes: usize,
    clock: u64,
}

/// What of a message a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// All header fields.
    Headers,
    /// The text parts. Always read together with the headers.
    Body,
    /// One header field, by its name in lower case.
    Field(String),
    /// The addresses of one header field, by its name in lower case.
    Addresses(String),
}

type ColumnKey = (AccountId, MailboxId, Kind);

/// One kind of text of the messages of one mailbox.
#[derive(Debug, Default)]
struct Column {
    chunks: Vec<Arc<Chunk>>,
    /// The UIDs whose text is in some chunk.
    covered: NumberSet,
    /// When it was last asked for.
    used: u64,
}

/// Texts behind each other, ascending by UID.
#[derive(Debug, Default, Clone)]
struct Chunk {
    uids: Vec<u32>,
    /// Where each text ends, behind its [`END`].
    ends: Vec<u32>,
    text: Vec<u8>,
}

impl Chunk {
    fn push(&mut self, uid: u32, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.text.push(END);
        self.uids.push(uid);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.uids.len() * 8
    }

    /// The UIDs whose text holds the needle.
    fn scan(&self, needle: &Finder<'_>, found: &mut Vec<u32>) {
        let (mut from, mut entry) = (0, 0);
        while let Some(hit) = needle.find(&self.text[from..]) {
            let hit = from + hit;
            entry += self.ends[entry..].partition_point(|end| *end as usize <= hit);
            let (Some(uid), Some(end)) = (self.uids.get(entry), self.ends.get(entry)) else { return };
            found.push(*uid);
            from = *end as usize;
        }
    }

    /// The same for a few of its messages.
    fn scan_some(&self, wanted: &[u32], needle: &Finder<'_>, found: &mut Vec<u32>) {
        for uid in wanted {
            let Ok(entry) = self.uids.binary_search(uid) else { continue };
            let start = if entry == 0 { 0 } else { self.ends[entry - 1] as usize };
            if needle.find(&self.text[start..self.ends[entry] as usize]).is_some() {
                found.push(*uid);
            }
        }
    }

    /// Searches those of `wanted`, which is ascending, that it holds.
    fn search(&self, wanted: &[u32], needle: &Finder<'_>, found: &mut Vec<u32>) {
        let (Some(first), Some(last)) = (self.uids.first(), self.uids.last()) else { return };
        let from = wanted.partition_point(|uid| *uid < *first);
        let to = wanted.partition_point(|uid| *uid <= *last);
        let here = &wanted[from..to];
        if here.len() * 4 < self.uids.len() {
            self.scan_some(here, needle, found);
        } else {
            self.scan(needle, found);
        }
    }
}

/// What one search asks, in the form in which chunks are searched.
struct Hunt<'a> {
    store: &'a Store,
    place: (AccountId, MailboxId),
    wanted: &'a [u32],
    /// Per key: the columns to search, and the needle.
    keys: Vec<(Vec<Kind>, Finder<'static>)>,
    found: Vec<Mutex<Vec<u32>>>,
}

impl Hunt<'_> {
    /// Searches a chunk of a column for all keys that look there.
    fn look(&self, kind: &Kind, chunk: &Chunk) {
        for ((kinds, needle), found) in self.keys.iter().zip(&self.found) {
            if kinds.contains(kind) {
                let mut hits = Vec::new();
                chunk.search(self.wanted, needle, &mut hits);
                found.lock().unwrap_or_else(PoisonError::into_inner).extend(hits);
            }
        }
    }
}

impl SearchCache {
    /// A cache that keeps at most `max_bytes`.
    pub fn new(max_bytes: usize) -> SearchCache {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        SearchCache { columns: Mutex::default(), max_bytes, threads }
    }

    /// Which messages have which texts: for each key the UIDs out of `wanted`, perhaps with others.
    /// Takes long; not for async threads.
    ///
    /// - `wanted`: UIDs, ascending.
    ///
    /// # Errors
    /// Those of the store. Messages that were expunged meanwhile count as not found.
    pub fn find(
        &self,
        store: &Store,
        place: (AccountId, MailboxId),
        keys: &[TextKey],
        wanted: &[u32],
    ) -> Result<Vec<NumberSet>, StoreError> {
        let hunt = Hunt {
            store,
            place,
            wanted,
            keys: keys.iter().map(prepared).collect(),
            found: keys.iter().map(|_| Mutex::default()).collect(),
        };
        let mut kinds: Vec<Kind> = hunt.keys.iter().flat_map(|(kinds, _)| kinds.clone()).collect();
        kinds.sort_by_key(|kind| format!("{kind:?}"));
        kinds.dedup();
        let (mut chunks, mut missing) = (Vec::new(), Vec::new());
        // All columns at one moment: another search may be adding to them.
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in &kinds {
            let (known, unknown) = columns.known(place, kind, wanted);
            chunks.extend(known.into_iter().map(|chunk| (kind, chunk)));
            missing.push((kind, unknown));
        }
        drop(columns);
        self.scan_known(&hunt, &chunks);
        let mut content_read = false;
        for (kind, missing) in missing {
            match kind {
                Kind::Field(_) | Kind::Addresses(_) => {
                    self.read_missing(&hunt, &missing, &|view, piece| read_fields(view, place, kind, piece))?;
                }
                // Headers and bodies are read together.
                Kind::Headers | Kind::Body if content_read => {}
                Kind::Headers | Kind::Body => {
                    content_read = true;
                    self.read_missing(&hunt, &missing, &|view, piece| read_texts(view, place, piece))?;
                }
            }
        }
        let sets = hunt.found.into_iter().map(|found| {
            let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
            found.into_iter().collect()
        });
        Ok(sets.collect())
    }

    /// Searches what is kept.
    fn scan_known(&self, hunt: &Hunt<'_>, chunks: &[(&Kind, Arc<Chunk>)]) {
        let bytes: usize = chunks.iter().map(|(_, chunk)| chunk.bytes()).sum();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((kind, chunk)) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                hunt.look(kind, chunk);
            }
        };
        self.in_parallel(bytes / THREAD_MIN_BYTES, &work);
    }

    /// Reads, searches and keeps what is not kept yet.
    fn read_missing(&self, hunt: &Hunt<'_>, missing: &[u32], read: &Reader<'_>) -> Result<(), StoreError> {
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(None);
        let pieces: Vec<&[u32]> = missing.chunks(PIECE_MESSAGES).collect();
        let work = || {
            while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut left = *piece;
                while !left.is_empty() {
                    match hunt.store.read_bringing_blocking(&mut |view| read(view, left)) {
                        Ok(done) => {
                            left = &left[done.messages.max(1).min(left.len())..];
                            self.take(hunt, done);
                        }
                        Err(error) => {
                            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            next.store(pieces.len(), Ordering::Relaxed);
                            return;
                        }
                    }
                }
            }
        };
        self.in_parallel(missing.len() / THREAD_MIN_MESSAGES, &work);
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn take(&self, hunt: &Hunt<'_>, read: Read) {
        for (kind, chunk) in &read.chunks {
            hunt.look(kind, chunk);
        }
        self.keep(hunt.place, read.chunks);
    }

    /// Runs `work` on this thread and on at most `more` others.
    fn in_parallel(&self, more: usize, work: &(dyn Fn() + Sync)) {
        std::thread::scope(|scope| {
            for _ in 0..more.min(self.threads - 1) {
                scope.spawn(work);
            }
            work();
        });
    }

    /// Keeps chunks if there is room, or if room can be made without the columns they belong to.
    fn keep(&self, (account, mailbox): (AccountId, MailboxId), chunks: Vec<(Kind, Chunk)>) {
        let need: usize = chunks.iter().map(|(_, chunk)| chunk.bytes()).sum();
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        while columns.bytes + need > self.max_bytes {
            let others = columns.map.iter().filter(|((a, m, _), _)| (*a, *m) != (account, mailbox));
            let Some(oldest) = others.min_by_key(|(_, column)| column.used).map(|(key, _)| key.clone())
            else {
                return;
            };
            columns.drop_column(&oldest);
        }
        columns.clock += 1;
        for (kind, chunk) in chunks {
            columns.add((account, mailbox, kind), chunk);
        }
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> usize {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}

impl Columns {
    /// The chunks of a column, and what of `wanted` is in none.
    fn known(
        &mut self,
        (account, mailbox): (AccountId, MailboxId),
        kind: &Kind,
        wanted: &[u32],
    ) -> (Vec<Arc<Chunk>>, Vec<u32>) {
        self.clock += 1;
        let now = self.clock;
        let Some(column) = self.map.get_mut(&(account, mailbox, kind.clone())) else {
            return (Vec::new(), wanted.to_vec());
        };
        column.used = now;
        let missing = wanted.iter().filter(|uid| !column.covered.contains(**uid)).copied().collect();
        (column.chunks.clone(), missing)
    }

    /// Forgets a column; headers and bodies together.
    fn drop_column(&mut self, key: &ColumnKey) {
        let (account, mailbox, kind) = key;
        let kinds = match kind {
            Kind::Field(_) | Kind::Addresses(_) => vec![kind.clone()],
            Kind::Headers | Kind::Body => vec![Kind::Headers, Kind::Body],
        };
        for kind in kinds {
            if let Some(column) = self.map.remove(&(*account, *mailbox, kind)) {
                self.bytes -= column.chunks.iter().map(|chunk| chunk.bytes()).sum::<usize>();
            }
        }
    }

    fn add(&mut self, key: ColumnKey, chunk: Chunk) {
        let now = self.clock;
        let column = self.map.entry(key).or_default();
        column.used = now;
        // Two searches may have read the same messages at once.
        if chunk.uids.iter().any(|uid| column.covered.contains(*uid)) {
            return;
        }
        let ranges = column.covered.ranges().iter().cloned();
        column.covered = NumberSet::from_ranges(ranges.chain(chunk.uids.iter().map(|uid| *uid..=*uid)));
        self.bytes += chunk.bytes();
        let joins = |last: &Arc<Chunk>| {
            last.bytes() + chunk.bytes() < CHUNK_JOIN_BELOW_BYTES && last.uids.last() < chunk.uids.first()
        };
        match column.chunks.last_mut().filter(|last| joins(last)) {
            Some(last) => {
                let last = Arc::make_mut(last);
                let base = u32::try_from(last.text.len()).unwrap_or(u32::MAX);
                last.uids.extend(&chunk.uids);
                last.ends.extend(chunk.ends.iter().map(|end| base + end));
                last.text.extend_from_slice(&chunk.text);
            }
            None => column.chunks.push(Arc::new(chunk)),
        }
    }
}

/// Reads a piece.
type Reader<'a> = dyn Fn(&mut View<'_>, &[u32]) -> Result<Read, StoreError> + Sync + 'a;

/// What was read of a piece.
struct Read {
    chunks: Vec<(Kind, Chunk)>,
    /// How many of the messages wanted were dealt with.
    messages: usize,
}

/// Where to look for a key, and for what.
fn prepared(key: &TextKey) -> (Vec<Kind>, Finder<'static>) {
    let needle = |text: &str| Finder::new(&fold(text.as_bytes())).into_owned();
    match key {
        TextKey::Body(text) => (vec![Kind::Body], needle(text)),
        TextKey::Text(text) => (vec![Kind::Headers, Kind::Body], needle(text)),
        TextKey::Header { name, value } => {
            (vec![Kind::Field(name.to_ascii_lowercase())], field_needle(value))
        }
        TextKey::Address { name, value } => {
            (vec![Kind::Addresses(name.to_ascii_lowercase())], field_needle(value))
        }
    }
}

/// An empty value asks for the field itself.
fn field_needle(value: &str) -> Finder<'static> {
    match value.is_empty() {
        true => Finder::new(&[PRESENT]).into_owned(),
        false => Finder::new(&fold(value.as_bytes())).into_owned(),
    }
}

/// UIDs as ranges.
fn ranges(uids: &[u32]) -> NumberSet {
    uids.iter().copied().collect()
}

/// Which messages stand under these UIDs; those that were expunged meanwhile are left out.
fn placed(
    view: &mut View<'_>,
    (account, mailbox): (AccountId, MailboxId),
    uids: &[u32],
) -> Result<Vec<(u32, MessageId)>, StoreError> {
    let mut list = Vec::with_capacity(uids.len());
    if !uids.is_empty() {
        view.placements(account, mailbox, ranges(uids).ranges(), &mut |row| {
            list.push((row.uid.get(), row.message_id));
            ControlFlow::Continue(())
        })?;
    }
    Ok(list)
}

/// Reads headers and bodies.
fn read_texts(
    view: &mut View<'_>,
    (account, mailbox): (AccountId, MailboxId),
    piece: &[u32],
) -> Result<Read, StoreError> {
    let (mut headers, mut bodies) = (Chunk::default(), Chunk::default());
    let (mut raw, mut messages) = (Vec::new(), piece.len());
    for (uid, message) in placed(view, (account, mailbox), piece)? {
        raw.clear();
        if is_away(view.content_into(account, message, &mut raw), &headers)? {
            messages = piece.partition_point(|wanted| *wanted < uid);
            break;
        }
        let text = SearchText::build(&Message::parse(&raw));
        headers.push(uid, &text.headers);
        bodies.push(uid, &text.body);
        if bodies.text.len() + headers.text.len() >= PIECE_MAX_BYTES {
            messages = piece.partition_point(|wanted| *wanted <= uid);
            break;
        }
    }
    headers.text.shrink_to_fit();
    bodies.text.shrink_to_fit();
    Ok(Read { chunks: vec![(Kind::Headers, headers), (Kind::Body, bodies)], messages })
}

/// Reads one header field: from the overviews where they have it.
fn read_fields(
    view: &mut View<'_>,
    (account, mailbox): (AccountId, MailboxId),
    kind: &Kind,
    piece: &[u32],
) -> Result<Read, StoreError> {
    let (Kind::Field(name) | Kind::Addresses(name)) = kind else {
        return Ok(Read { chunks: Vec::new(), messages: 0 });
    };
    let field_text = |headers: Headers<'_>| field_text(headers, kind, name);
    let cached = mime::overview::is_cached_field(name.as_bytes());
    let mut chunk = Chunk::default();
    let mut texts: HashMap<u32, Vec<u8>> = HashMap::new();
    let mut unknown = piece.to_vec();
    if cached {
        let mut left = Vec::new();
        view.listing(account, mailbox, ranges(piece).ranges(), &mut |row| {
            let uid = row.placement.uid.get();
            match OverviewRef::parse(row.overview).filter(|overview| overview.fields_complete) {
                Some(overview) if left.is_empty() => chunk.push(uid, &field_text(overview.headers())),
                // Texts lie ascending by UID: what comes behind a gap waits for it to be filled.
                Some(overview) => {
                    texts.insert(uid, field_text(overview.headers()));
                    left.push(uid);
                }
                None => left.push(uid),
            }
            ControlFlow::Continue(())
        })?;
        unknown = left;
    }
    let (mut raw, mut messages) = (Vec::new(), piece.len());
    for (uid, message) in placed(view, (account, mailbox), &unknown)? {
        if let Some(text) = texts.get(&uid) {
            chunk.push(uid, text);
            continue;
        }
        raw.clear();
        if is_away(view.content_into(account, message, &mut raw), &chunk)? {
            messages = piece.partition_point(|wanted| *wanted < uid);
            break;
        }
        chunk.push(uid, &field_text(Message::parse(&raw).headers()));
    }
    Ok(Read { chunks: vec![(kind.clone(), chunk)], messages })
}

/// True if a message must be fetched before it can be read, and others were read before it: a piece ends there, for
/// otherwise all of it would be read anew, with all that was fetched for it held.
fn is_away(read: Result<(), StoreError>, before: &Chunk) -> Result<bool, StoreError> {
    match read {
        Err(StoreError::Away(_)) if !before.uids.is_empty() => Ok(true),
        read => read.map(|()| false),
    }
}

/// The text of a field: empty if it is not there, else [`PRESENT`] and its values.
fn field_text(headers: Headers<'_>, kind: &Kind, name: &str) -> Vec<u8> {
    if headers.get(name.as_bytes()).is_none() {
        return Vec::new();
    }
    let mut text = vec![PRESENT];
    if matches!(kind, Kind::Addresses(_)) {
        text.extend(fold(address_text(headers, name.as_bytes()).as_bytes()));
    } else {
        for value in field_texts(headers, name.as_bytes()) {
            text.extend(fold(value.as_bytes()));
            text.push(b'\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(texts: &[(u32, &str)]) -> Chunk {
        let mut chunk = Chunk::default();
        for (uid, text) in texts {
            chunk.push(*uid, text.as_bytes());
        }
        chunk
    }

    fn scan(chunk: &Chunk, needle: &str) -> Vec<u32> {
        let mut found = Vec::new();
        chunk.scan(&Finder::new(needle.as_bytes()), &mut found);
        found
    }

    #[test]
    fn chunks_find_within_texts_and_not_across() {
        let chunk = chunk(&[(2, "ab"), (5, ""), (7, "bcab"), (9, "abab")]);
        for (needle, expected) in
            [("ab", &[2, 7, 9][..]), ("abb", &[]), ("bc", &[7]), ("", &[2, 5, 7, 9]), ("x", &[])]
        {
            assert_eq!(scan(&chunk, needle), expected, "{needle:?}");
            let (mut some, finder) = (Vec::new(), Finder::new(needle.as_bytes()));
            chunk.scan_some(&[2, 5, 7, 9], &finder, &mut some);
            assert_eq!(some, expected, "{needle:?}");
        }
    }

    #[test]
    fn small_chunks_are_joined_and_none_is_added_twice() {
        let mut columns = Columns::default();
        let key = || (AccountId(1), MailboxId(1), Kind::Body);
        columns.add(key(), chunk(&[(1, "one"), (2, "two")]));
        columns.add(key(), chunk(&[(3, "three")]));
        columns.add(key(), chunk(&[(3, "three")]));
        let column = &columns.map[&key()];
        assert_eq!(column.chunks.len(), 1);
        assert_eq!(scan(&column.chunks[0], "t"), [2, 3]);
        assert_eq!(columns.bytes, column.chunks[0].bytes());
        columns.drop_column(&key());
        assert_eq!(columns.bytes, 0);
    }
}
