//! FETCH responses for which the message itself must be read.

use super::super::selected::{Kept, Selected};
use super::super::{BATCH_MAX_BYTES, Failure};
use super::plan::{Item, Plan};
use super::row::{RowWriter, listed};
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
    let mut rows: Vec<(PlacementOwned, Option<Vec<u8>>)> = Vec::new();
    let (mut last, mut bytes) = (end, 0);
    let mut take = |row: PlacementOwned, overview: Option<Vec<u8>>| {
        let uid = row.uid.get();
        if row.size_bytes >= LARGE_BYTES && !progress.is_long {
            progress.wants_long = Some(row.size_bytes);
            last = uid - 1;
            return ControlFlow::Break(());
        }
        bytes += row.size_bytes;
        rows.push((row, overview));
        if rows.len() >= BATCH_MAX_CONTENTS || bytes >= BATCH_MAX_BYTES as u64 {
            last = uid;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    if plan.uses_overview {
        view.listing(account, mailbox, ranges, &mut |row| {
            take(row.placement.to_owned(), Some(row.overview.to_vec()))
        })?;
    } else {
        view.placements(account, mailbox, ranges, &mut |row| take(row.to_owned(), None))?;
    }
    for (placement, overview) in &rows {
        write_one(view, selected, plan, progress, (placement, overview.as_deref()), out)?;
    }
    Ok((rows.len(), last))
}

/// Writes the response for one row.
pub(super) fn write_one(
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
    let overview = overview.and_then(OverviewRef::parse);
    if plan.uses_overview && overview.is_none() {
        return parsed(view, selected, plan, progress, (sequence, (placement, None)), out);
    }
    let writer = RowWriter { plan, selected, marked: &progress.marked };
    let mut response = FetchWriter::new(sequence, out);
    for item in &plan.items {
        let _ = writer.placed(item, &row, &mut response)
            || overview.as_ref().is_some_and(|overview| listed(item, overview, &mut response));
    }
    writer.extras(&row, &mut response);
    let Some(Item::Whole(fetch)) = plan.items.iter().find(|item| matches!(item, Item::Whole(_))) else {
        return Ok(());
    };
    response.section_start(fetch, placement.size_bytes);
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
struct Opened<'a> {
    raw: &'a [u8],
    message: OnceCell<Message<'a>>,
    overview: OnceCell<Overview>,
}

impl<'a> Opened<'a> {
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
    let opened = Opened { raw: &content, message: OnceCell::new(), overview: OnceCell::new() };
    let writer = RowWriter { plan, selected, marked: &progress.marked };
    let mut response = FetchWriter::new(sequence, out);
    for item in &plan.items {
        let written = writer.placed(item, &row, &mut response)
            || overview.as_ref().is_some_and(|overview| listed(item, overview, &mut response))
            || opened_item(item, &opened, &mut response, &mut progress.unknown_encoding);
        if !written {
            listed(item, &opened.overview(), &mut response);
        }
    }
    writer.extras(&row, &mut response);
    response.finish();
    if plan.is_partial && content.len() >= KEEP_FROM_BYTES {
        keep(selected, placement, content);
    }
    Ok(())
}

/// The bytes of a message: those kept from the last command, or the store's.
fn content(
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
fn keep(selected: &mut Selected, placement: &PlacementOwned, content: Vec<u8>) {
    let mut memory = selected.shared.kept.share();
    if memory.cover(content.len()) {
        selected.kept = Some(Kept { id: placement.message_id, content, _memory: memory });
    }
}

/// Writes an item that needs the message; false for others, and for header fields that an overview
/// could have had.
fn opened_item(
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
        Item::BinarySize(part) => {
            let content = decoded(opened, part, unknown_encoding);
            response.binary_size(part, content.map_or(0, |content| content.len() as u64))
        }
        _ => return false,
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
