//! FETCH (RFC 9051 §6.4.5): planned once, then rows go from the store into the output.

mod content;
mod plan;
mod row;
mod stream;

use super::news::{self, Telling};
use super::selected::Selected;
use super::store::Marking;
use super::{BATCH_MAX_BYTES, BATCH_MAX_ROWS, Cost, Done, Failure, House, ImapService, Logins, send};
use crate::driver::Wire;
use ::imap::command::Fetch;
use ::imap::response::Code;
use ::imap::set::NumberSet;
use ::imap::{Enabled, Outcome};
use ::store::{
    Away, Brought, FlagChange, FlagOp, Flags, Keywords, ModSeq, Placement, StoreError, UidRange, View,
};
use plan::{Needs, Plan};
use row::RowWriter;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use stream::Stream;
use tokio::sync::SemaphorePermit;

/// Ranges handed to the store in one read: clients name thousands of scattered UIDs.
const BATCH_MAX_RANGES: usize = 512;
/// Messages whose content is read in one read of the store.
const BATCH_MAX_CONTENTS: usize = 64;
/// Reading a message above this takes milliseconds, which is not done on a thread that serves
/// other sessions.
const LARGE_BYTES: u64 = 1 << 20;
/// How many times [`LARGE_BYTES`] all sessions together may be sending: clients that take their large
/// messages slowly must not fill the memory.
pub(super) const LARGE_UNITS_MAX: usize = 512;
/// How long a FETCH waits for that memory.
const LARGE_PATIENCE: Duration = Duration::from_secs(60);

/// Where a FETCH stands.
#[derive(Default)]
struct Progress {
    /// What is left, ascending.
    left: Vec<UidRange>,
    /// Messages that the fetch itself marked \Seen.
    marked: NumberSet,
    /// Memory in bytes that the next rows may take, if that is much: such a read runs where it may take
    /// long.
    granted_bytes: u64,
    /// The next row takes this much memory in bytes: it is left to a read that may take long.
    wants_long: Option<u64>,
    /// A response that is sent item by item.
    stream: Option<Box<Stream>>,
    /// The content of one of the next rows lies in a service and must be brought first.
    away: Option<Away>,
    /// A part is in an encoding that BINARY cannot undo (RFC 3516 §4.3).
    unknown_encoding: bool,
    /// Some of the messages are gone, which the client is not told yet.
    meets_expunged: bool,
}

impl<L: Logins> ImapService<L> {
    pub(super) async fn fetch(&mut self, fetch: Fetch, enabled: Enabled, wire: &mut Wire) -> Done {
        let plan = Arc::new(Plan::new(&fetch.items, enabled));
        let first = Arc::clone(&plan);
        let telling = Telling::beside(enabled, fetch.numbering);
        let start = move |view: &mut View<'_>, selected: &mut Selected, out: &mut Vec<u8>| {
            news::tell(view, selected, &telling, out)?;
            let wanted = wanted(view, selected, &fetch)?;
            let meets_expunged = selected.meets_expunged(&wanted, fetch.numbering);
            let left = wanted.ranges().to_vec();
            let mut progress = Progress { left, meets_expunged, ..Progress::default() };
            if !first.sets_seen || selected.read_only {
                batch(view, selected, &first, &mut progress, out)?;
            }
            Ok(progress)
        };
        let mut progress = self.read(&mut wire.out, Cost::Short, start).await?;
        if plan.sets_seen && !self.selected()?.read_only {
            self.set_seen(&mut progress, enabled, wire).await?;
        }
        let house = Arc::clone(&self.shared);
        let mut turn = None;
        let mut brought = Brought::default();
        while progress.is_unfinished() {
            send(wire).await?;
            brought = match progress.away.take() {
                Some(away) => house.store.bring(&away, brought).await?,
                None => Brought::default(),
            };
            let is_midway = progress.stream.is_some();
            if !is_midway {
                drop(turn.take());
                progress.granted_bytes = progress.wants_long.take().unwrap_or(0);
                if progress.granted_bytes > 0 {
                    turn = Some(large_turn(&house, progress.granted_bytes).await?);
                }
            }
            let plan = Arc::clone(&plan);
            let cost = if progress.granted_bytes > 0 { Cost::Long } else { Cost::Short };
            let next = move |view: &mut View<'_>, selected: &mut Selected, out: &mut Vec<u8>| {
                batch(view, selected, &plan, &mut progress, out)?;
                Ok(progress)
            };
            progress = match self.read(&mut wire.out, cost, next).await {
                Err(failure) if is_midway => return Err(failure.midway()),
                done => done?,
            };
        }
        if wire.out.len() > BATCH_MAX_BYTES {
            send(wire).await?;
        }
        if progress.unknown_encoding {
            return Ok(Outcome::no("A part is in an unknown encoding").with_code(Code::UnknownCte));
        }
        if progress.meets_expunged {
            return Ok(Outcome::ok("Some of the messages were removed").with_code(Code::ExpungeIssued));
        }
        Ok(Outcome::ok("FETCH completed"))
    }

    /// Marks what is about to be fetched \Seen, all in one write; its FLAGS go into the responses.
    async fn set_seen(
        &mut self,
        progress: &mut Progress,
        enabled: Enabled,
        wire: &mut Wire,
    ) -> Result<(), Failure> {
        let place = self.place()?;
        let change = FlagChange { op: FlagOp::Add, flags: Flags::SEEN, keywords: Keywords::NONE };
        let marking = Marking { ranges: progress.left.clone(), change, unchanged_since: None };
        match self.mark(place, marking).await {
            Ok(marked) => {
                progress.marked = marked.changes.changed.iter().map(|message| message.uid.get()).collect();
                self.settle_marked(&marked, Telling { enabled, ..Telling::default() }, wire).await
            }
            // Reading mail must go on when nothing can be written.
            Err(error @ (StoreError::Full | StoreError::Io(_) | StoreError::Conflict)) => {
                super::error::report(&error);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Progress {
    fn is_unfinished(&self) -> bool {
        !self.left.is_empty() || self.stream.is_some()
    }

    /// True if the next rows may be written in this read.
    fn may_go_on(&self) -> bool {
        !self.left.is_empty() && self.wants_long.is_none() && self.stream.is_none() && self.away.is_none()
    }
}

/// Waits until memory for large messages is free; it is until the turn is dropped.
///
/// # Errors
/// `NO [LIMIT]` when that takes too long.
async fn large_turn(house: &House, bytes: u64) -> Result<SemaphorePermit<'_>, Failure> {
    let units = bytes.div_ceil(LARGE_BYTES).min(LARGE_UNITS_MAX as u64);
    let acquire = house.large.acquire_many(u32::try_from(units).unwrap_or(u32::MAX));
    match tokio::time::timeout(LARGE_PATIENCE, acquire).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Outcome::no("Too many large messages are being fetched").with_code(Code::Limit).into()),
    }
}

/// The UIDs of the messages that are to be told of.
fn wanted(view: &mut View<'_>, selected: &Selected, fetch: &Fetch) -> Result<NumberSet, Failure> {
    let uids = selected.uids(&fetch.messages, fetch.numbering)?;
    let Some(since) = fetch.changed_since else { return Ok(uids) };
    // A modseq from the future is no reason to fail (RFC 7162 §3.1.4.1): nothing is above it.
    let changed = view.changes_since(selected.account, selected.mailbox, ModSeq(since))?.changed;
    let changed: NumberSet = changed.iter().map(|placement| placement.uid.get()).collect();
    Ok(uids.intersection(&changed))
}

/// Writes responses until the batch is full or all are written.
fn batch(
    view: &mut View<'_>,
    selected: &mut Selected,
    plan: &Plan,
    progress: &mut Progress,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    if let Some(stream) = progress.stream.take() {
        stream.go_on(selected, plan, progress, out);
        return Ok(());
    }
    let mut rows = 0;
    let full = |out: &Vec<u8>, rows| out.len() >= BATCH_MAX_BYTES || rows >= BATCH_MAX_ROWS;
    while progress.may_go_on() && !full(out, rows) {
        let begin = out.len();
        let written = match plan.needs {
            Needs::Content => content::write(view, selected, plan, progress, out),
            _ => list(view, selected, plan, progress, out),
        };
        if let Err(Failure::Store(StoreError::Away(away))) = written {
            // Nothing of these rows is told before their content is here: they are read anew.
            out.truncate(begin);
            progress.away = Some(away);
            progress.wants_long = Some(progress.granted_bytes).filter(|bytes| *bytes > 0);
            return Ok(());
        }
        let (count, last) = written?;
        rows += count;
        advance(&mut progress.left, last);
    }
    Ok(())
}

/// Takes what was written off what is left. `last` is the last UID looked at, or the end of the
/// ranges that were handed to the store.
fn advance(left: &mut Vec<UidRange>, last: u32) {
    let done = left.partition_point(|range| *range.end() <= last);
    left.drain(..done);
    if let Some(first) = left.first_mut().filter(|first| *first.start() <= last) {
        *first = last + 1..=*first.end();
    }
}

/// The ranges of the next read and their end.
fn next_ranges(left: &[UidRange]) -> (&[UidRange], u32) {
    let next = &left[..left.len().min(BATCH_MAX_RANGES)];
    (next, next.last().map_or(u32::MAX, |range| *range.end()))
}

/// Rows that placements or overviews suffice for. Rows whose overview lacks something are written
/// from their content afterwards.
fn list(
    view: &mut View<'_>,
    selected: &mut Selected,
    plan: &Plan,
    progress: &mut Progress,
    out: &mut Vec<u8>,
) -> Result<(usize, u32), Failure> {
    let (account, mailbox) = (selected.account, selected.mailbox);
    let (ranges, end) = next_ranges(&progress.left);
    let (mut rows, mut last) = (0, end);
    let mut incomplete = content::Rows::new(plan, progress.granted_bytes);
    let writer = RowWriter { plan, selected, marked: &progress.marked };
    let mut visit = |placement: Placement<'_>, overview: Option<&[u8]>| {
        let uid = placement.uid.get();
        let mut goes_on = ControlFlow::Continue(());
        if !writer.write_listed(&placement, overview, out) {
            goes_on = incomplete.take(placement.to_owned(), None, &mut last);
        }
        rows += 1;
        if goes_on.is_continue() && (out.len() >= BATCH_MAX_BYTES || rows >= BATCH_MAX_ROWS) {
            last = uid;
            return ControlFlow::Break(());
        }
        goes_on
    };
    match plan.needs {
        Needs::Placement => view.placements(account, mailbox, ranges, &mut |row| visit(row, None))?,
        _ => {
            view.listing(account, mailbox, ranges, &mut |row| visit(row.placement, Some(row.overview)))?;
        }
    }
    incomplete.write(view, selected, progress, out)?;
    Ok((rows, last))
}
