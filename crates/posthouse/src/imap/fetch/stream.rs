//! Responses that are too large to be held: their items are made and sent one after the other. Each item may
//! show the whole message, and a command may name a hundred.

use super::super::selected::Selected;
use super::super::{BATCH_MAX_BYTES, Failure};
use super::Progress;
use super::content::{Opened, content, keep, opened_item};
use super::plan::Plan;
use super::row::{RowWriter, listed};
use ::imap::response::{FetchWriter, Paused};
use ::imap::set::NumberSet;
use ::store::{PlacementOwned, View};
use mime::OverviewRef;

/// A response that is begun.
pub(super) struct Stream {
    placement: PlacementOwned,
    content: Vec<u8>,
    paused: Paused,
    /// Which items of the plan are not written yet, the next one at the end.
    left: Vec<usize>,
}

impl Stream {
    /// Writes what needs no message, and reads the message for the rest. `None` for a row that the client
    /// does not know.
    pub fn begin(
        view: &mut View<'_>,
        selected: &mut Selected,
        plan: &Plan,
        marked: &NumberSet,
        (placement, overview): (PlacementOwned, Option<Vec<u8>>),
        out: &mut Vec<u8>,
    ) -> Result<Option<Box<Stream>>, Failure> {
        let Some(sequence) = selected.map.sequence(placement.uid.get()) else { return Ok(None) };
        let content = content(view, selected, &placement)?;
        let overview = overview.as_deref().and_then(OverviewRef::parse);
        let writer = RowWriter { plan, selected, marked };
        let mut response = FetchWriter::new(sequence, out);
        let row = placement.borrow();
        let mut left = Vec::new();
        for (index, item) in plan.items.iter().enumerate() {
            let is_written = writer.placed(item, &row, &mut response)
                || overview.as_ref().is_some_and(|overview| listed(item, overview, &mut response));
            if !is_written {
                left.push(index);
            }
        }
        writer.extras(&row, &mut response);
        left.reverse();
        let paused = response.pause();
        Ok(Some(Box::new(Stream { placement, content, paused, left })))
    }

    /// Writes the next items until there is enough to send.
    pub fn go_on(
        mut self: Box<Self>,
        selected: &mut Selected,
        plan: &Plan,
        progress: &mut Progress,
        out: &mut Vec<u8>,
    ) {
        let opened = Opened::new(&self.content);
        while out.len() < BATCH_MAX_BYTES
            && let Some(item) = self.left.pop().and_then(|index| plan.items.get(index))
        {
            let mut response = FetchWriter::resume(self.paused, out);
            opened_item(item, &opened, &mut response, &mut progress.unknown_encoding);
            self.paused = response.pause();
        }
        drop(opened);
        if !self.left.is_empty() {
            progress.stream = Some(self);
            return;
        }
        FetchWriter::resume(self.paused, out).finish();
        keep(selected, plan, &self.placement, self.content);
    }
}
