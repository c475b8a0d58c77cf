//! FETCH responses for which the message itself must be read.

use super::super::selected::{Kept, Selected};
use super::super::{BATCH_MAX_BYTES, Failure};
use super::plan::{Item, Plan};
use super::row::{RowWriter, listed};
use super::stream::Stream;
use super::{BATCH_MAX_CONTENTS, LARGE_BYTES, Progress, next_ranges};
use ::imap::command::Partial;
use ::imap::response::FetchWriter;
use ::store::{PlacementOwned, StoreError, View};
use mime::section::{BinaryError, binary};
use mime::{Message, Overview, OverviewRef, section};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::ControlFlow;

/// A message larger than this that is fetched in pieces is kept until the next command.
const KEEP_FROM_BYTES: usize = 256 * 1024;

/// What comes behind the last message of most answers.
const ENDS_BYTES: usize = 256;

/// A row and its overview, if that was read.
type Row<'a> = (&'a PlacementOwned, Option<&'a [u8]>);

/// Writes responses for the next rows; how many, and the last UID looked at.
pub(super) fn write(
    view: &mut View<'_>,
    selected: &mut Selected,
    plan: &Plan,
    progress: &mut Progress,
    out: &mut Vec<u8>,
) -> Result<(usize, u32), Failure> {
    let (account, mailbox) = (selected.account, selected.mailbox);
    let (ranges, end) = next_ranges(&progress.left);
    let mut last = end;
    let mut rows = Rows::new(plan, progress.granted_bytes);
    if plan.uses_overview {
        view.listing(account, mailbox, ranges, &mut |row| {
            rows.take(row.placement.to_owned(), Some(row.overview.to_vec()), &mut last)
        })?;
    } else {
        view.placements(account, mailbox, ranges, &mut |row| rows.take(row.to_owned(), None, &mut last))?;
    }
    let count = rows.rows.len();
    rows.write(view, selected, progress, out)?;
    Ok((count, last))
}

/// Rows that are written from their content in one read.
pub(super) struct Rows<'p> {
    plan: &'p Plan,
    granted_bytes: u64,
    rows: Vec<(PlacementOwned, Option<Vec<u8>>)>,
    /// What they take together.
    bytes: u64,
    /// There is but one, and its response is not held whole.
    is_streamed: bool,
    /// The row behind them takes this much memory in bytes, which is not granted yet.
    wants_long: Option<u64>,
}

impl<'p> Rows<'p> {
    /// None yet.
    pub fn new(plan: &'p Plan, granted_bytes: u64) -> Rows<'p> {
        Rows { plan, granted_bytes, rows: Vec::new(), bytes: 0, is_streamed: false, wants_long: None }
    }

    /// Takes a row, or leaves it to another read. When no more is to come, `last` becomes the last UID
    /// that was dealt with.
    pub fn take(
        &mut self,
        row: PlacementOwned,
        overview: Option<Vec<u8>>,
        last: &mut u32,
    ) -> ControlFlow<()> {
        let uid = row.uid.get();
        let weight = self.plan.weight(row.size_bytes, overview.as_deref());
        let is_granted = weight.bytes < LARGE_BYTES || weight.bytes <= self.granted_bytes;
        if !is_granted || (weight.is_streamed && !self.rows.is_empty()) {
            self.wants_long = (!is_granted).then_some(weight.bytes);
            *last = uid - 1;
            return ControlFlow::Break(());
        }
        self.bytes += weight.bytes;
        self.is_streamed = weight.is_streamed;
        self.rows.push((row, overview));
        let is_full = self.rows.len() >= BATCH_MAX_CONTENTS || self.bytes >= BATCH_MAX_BYTES as u64;
        if is_full || self.is_streamed {
            *last = uid;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Writes the responses for all, or the beginning of the one that is not held whole.
    pub fn write(
        self,
        view: &mut View<'_>,
        selected: &mut Selected,
        progress: &mut Progress,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        progress.wants_long = self.wants_long;
        for (placement, overview) in self.rows {
            if self.is_streamed {
                progress.stream =
                    Stream::begin(view, selected, self.plan, &progress.marked, (placement, overview), out)?;
            } else {
                write_one(view, selected, self.plan, progress, (&placement, overview.as_deref()), out)?;
            }
        }
        Ok(())
    }
}

/// Writes the response for one row.
fn write_one(
    view: &mut View<'_>,
    selected: &mut Selected,
    plan: &Plan,
    progress: &mut Progress,
    row: Row<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let Some(sequence) = selected.map.sequence(row.0.uid.get()) else { return Ok(()) };
    let start = out.len();
    let written = if plan.is_direct {
        direct(view, selected, plan, progress, (sequence, row), out)
    } else {
        parsed(view, selected, plan, progress, (sequence, row), out)
    };
    if written.is_err() {
        // Half a response would make nonsense of all that follows.
        out.truncate(start);
    }
    written
}

/// `BODY[]` and what lists have: the content goes from the store into the output.
fn direct(
    view: &mut View<'_>,
    selected: &mut Selected,
    plan: &Plan,
    progress: &mut Progress,
    (sequence, (placement, overview)): (u32, Row<'_>),
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let row = placement.borrow();
    let known = overview.and_then(OverviewRef::parse);
    let begin = out.len();
    let writer = RowWriter { plan, selected, marked: &progress.marked };
    let mut response = FetchWriter::new(sequence, out);
    let is_written = plan.items.iter().all(|item| {
        matches!(item, Item::Whole(_))
            || writer.placed(item, &row, &mut response)
            || known.as_ref().is_some_and(|overview| listed(item, overview, &mut response))
    });
    if !is_written {
        // The overview lacks something, which only the message can tell.
        out.truncate(begin);
        return parsed(view, selected, plan, progress, (sequence, (placement, overview)), out);
    }
    writer.extras(&row, &mut response);
    let Some(Item::Whole(fetch)) = plan.items.iter().find(|item| matches!(item, Item::Whole(_))) else {
        return Ok(());
    };
    response.section_start(fetch, placement.size_bytes);
    // With room for what ends the response and the command: large content is not copied once more for a few bytes.
    out.reserve(usize::try_from(placement.size_bytes).unwrap_or(0).saturating_add(ENDS_BYTES));
    let start = out.len();
    if placement.size_bytes > 0 {
        view.content_into(selected.account, placement.message_id, out)?;
    }
    let content = &mut out[start..];
    if content.len() as u64 != placement.size_bytes {
        let what = format!("size of message {} of account {}", placement.message_id, selected.account);
        return Err(StoreError::Corrupt(what).into());
    }
    // No literal holds NUL (RFC 9051 §4.3.1); BINARY shows them.
    while let Some(at) = memchr::memchr(0, content) {
        content[at] = 0x80;
    }
    out.extend_from_slice(b")\r\n");
    Ok(())
}

/// A message, and what is made of it when first asked for.
pub(super) struct Opened<'a> {
    raw: &'a [u8],
    message: OnceCell<Message<'a>>,
    overview: OnceCell<Overview>,
}

impl<'a> Opened<'a> {
    pub fn new(raw: &'a [u8]) -> Opened<'a> {
        Opened { raw, message: OnceCell::new(), overview: OnceCell::new() }
    }

    fn message(&self) -> &Message<'a> {
        self.message.get_or_init(|| Message::parse(self.raw))
    }

    fn overview(&self) -> OverviewRef<'_> {
        self.overview.get_or_init(|| Overview::build(self.message())).as_ref()
    }
}

/// Anything: sections, decoded parts, windows.
fn parsed(
    view: &mut View<'_>,
    selected: &mut Selected,
    plan: &Plan,
    progress: &mut Progress,
    (sequence, (placement, overview)): (u32, Row<'_>),
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let content = content(view, selected, placement)?;
    let row = placement.borrow();
    let overview = overview.and_then(OverviewRef::parse);
    let opened = Opened::new(&content);
    let writer = RowWriter { plan, selected, marked: &progress.marked };
    let mut response = FetchWriter::new(sequence, out);
    for item in &plan.items {
        let written = writer.placed(item, &row, &mut response)
            || overview.as_ref().is_some_and(|overview| listed(item, overview, &mut response))
            || opened_item(item, &opened, &mut response, &mut progress.unknown_encoding);
        debug_assert!(written, "every item is in the message");
    }
    writer.extras(&row, &mut response);
    response.finish();
    keep(selected, plan, placement, content);
    Ok(())
}

/// The bytes of a message: those kept from the last command, or the store's.
pub(super) fn content(
    view: &mut View<'_>,
    selected: &mut Selected,
    placement: &PlacementOwned,
) -> Result<Vec<u8>, StoreError> {
    match selected.kept.take() {
        Some(kept) if kept.id == placement.message_id => Ok(kept.content),
        _ => view.read_content(selected.account, placement.message_id),
    }
}

/// Keeps a message for the next command, if memory allows: a client that fetches a large message in
/// windows would otherwise have it read anew for each.
pub(super) fn keep(selected: &mut Selected, plan: &Plan, placement: &PlacementOwned, content: Vec<u8>) {
    if !plan.is_partial || content.len() < KEEP_FROM_BYTES {
        return;
    }
    let mut memory = selected.shared.kept.share();
    if memory.cover(content.len()) {
        selected.kept = Some(Kept { id: placement.message_id, content, _memory: memory });
    }
}

/// Writes an item that the message can tell; false for others.
pub(super) fn opened_item(
    item: &Item,
    opened: &Opened<'_>,
    response: &mut FetchWriter<'_>,
    unknown_encoding: &mut bool,
) -> bool {
    match item {
        Item::Whole(fetch) => response.section(fetch, Some(opened.raw)),
        Item::Section { fetch, section } | Item::Fields { fetch, section, .. } => {
            let content = self::section(opened.message(), section);
            response.section(fetch, window(fetch.partial, content.as_deref()))
        }
        Item::Rfc822 { part, section } => {
            response.rfc822(*part, self::section(opened.message(), section).as_deref())
        }
        Item::Binary(fetch) => {
            let content = decoded(opened, &fetch.part, unknown_encoding);
            response.binary(fetch, window(fetch.partial, content.as_deref()))
        }
        Item::BinarySize(part) => match binary(opened.message(), part) {
            Ok(content) => response.binary_size(part, content.len() as u64),
            Err(BinaryError::NoSuchPart) => response.binary_size(part, 0),
            // There is no size that would be true, and the command ends with NO.
            Err(BinaryError::UnknownEncoding) => {
                *unknown_encoding = true;
                return true;
            }
        },
        _ => return listed(item, &opened.overview(), response),
    };
    true
}

fn window(partial: Option<Partial>, content: Option<&[u8]>) -> Option<&[u8]> {
    match partial {
        Some(partial) => content.map(|content| partial.of(content)),
        None => content,
    }
}

fn decoded<'a>(opened: &Opened<'a>, part: &[u32], unknown_encoding: &mut bool) -> Option<Cow<'a, [u8]>> {
    match binary(opened.message(), part) {
        Ok(content) => Some(content),
        Err(BinaryError::NoSuchPart) => None,
        Err(BinaryError::UnknownEncoding) => {
            *unknown_encoding = true;
            None
        }
    }
}
