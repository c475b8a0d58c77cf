//! One FETCH response out of what lists have at hand.

use super::super::marks;
use super::super::selected::Selected;
use super::plan::{Item, Plan};
use ::imap::response::FetchWriter;
use ::imap::set::NumberSet;
use ::store::Placement;
use mime::OverviewRef;

/// Writes the responses of one FETCH.
pub(super) struct RowWriter<'a> {
    pub plan: &'a Plan,
    pub selected: &'a Selected,
    /// Messages that the fetch marked \Seen: their FLAGS are told.
    pub marked: &'a NumberSet,
}

impl RowWriter<'_> {
    /// Writes a row; false, and nothing is written, if only the content can tell what is asked.
    /// Rows that the client does not know are passed over.
    pub fn write_listed(&self, row: &Placement<'_>, overview: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
        let Some(sequence) = self.selected.map.sequence(row.uid.get()) else { return true };
        let overview = match overview.map(OverviewRef::parse) {
            Some(None) => return false,
            Some(Some(overview)) => Some(overview),
            None => None,
        };
        let start = out.len();
        let mut response = FetchWriter::new(sequence, out);
        for item in &self.plan.items {
            let written = self.placed(item, row, &mut response)
                || overview.as_ref().is_some_and(|overview| listed(item, overview, &mut response));
            if !written {
                out.truncate(start);
                return false;
            }
        }
        self.extras(row, &mut response);
        response.finish();
        true
    }

    /// Writes an item that the placement has.
    pub fn placed(&self, item: &Item, row: &Placement<'_>, response: &mut FetchWriter<'_>) -> bool {
        match item {
            Item::Uid => response.uid(row.uid.get()),
            Item::Flags => self.flags(row, response),
            Item::InternalDate => response.internal_date(row.received_ms.div_euclid(1000)),
            Item::Size => response.size(row.size_bytes),
            Item::ModSeq => response.modseq(row.modseq.get()),
            _ => return false,
        };
        true
    }

    fn flags<'w, 'o>(
        &self,
        row: &Placement<'_>,
        response: &'w mut FetchWriter<'o>,
    ) -> &'w mut FetchWriter<'o> {
        let recent = self.plan.tells_recent && self.selected.recent.contains(row.uid.get());
        response.flags(marks::system(row.flags), marks::names(row.keywords), recent)
    }

    /// Adds what the fetch itself changed.
    pub fn extras(&self, row: &Placement<'_>, response: &mut FetchWriter<'_>) {
        if self.marked.contains(row.uid.get()) {
            if !self.plan.has_flags {
                self.flags(row, response);
            }
            if self.plan.condstore && !self.plan.has_modseq {
                response.modseq(row.modseq.get());
            }
        }
    }
}

/// Writes an item that an overview has.
pub(super) fn listed(item: &Item, overview: &OverviewRef<'_>, response: &mut FetchWriter<'_>) -> bool {
    match item {
        Item::Envelope => response.envelope(overview.envelope),
        Item::Body => response.body(overview.body),
        Item::BodyStructure => response.body_structure(overview.body_structure),
        Item::Fields { fetch, names, .. } => {
            let Some(fields) = overview.cached_header_fields(names, false) else { return false };
            let window = fetch.partial.map_or(&fields[..], |partial| partial.of(&fields));
            response.section(fetch, Some(window))
        }
        _ => return false,
    };
    true
}
