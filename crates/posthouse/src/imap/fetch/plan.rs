//! What a FETCH asks for, in the form in which it is answered row by row.

use ::imap::Enabled;
use ::imap::command::{BinaryFetch, BodyFetch, FetchItem, Rfc822, Section, SectionText};
use ::imap::{Dialect, command::PartNumber, command::Partial};
use mime::overview::is_cached_field;
use mime::{OverviewRef, Section as MimeSection, What};

/// What must be read for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// The placement alone.
    Placement,
    /// The overview too.
    Overview,
    /// The message.
    Content,
}

/// A response is not held whole if what comes beside its largest item may take this much.
const STREAMED_FROM_BYTES: u64 = 1 << 20;

/// A data item.
#[derive(Debug)]
pub(super) enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    ModSeq,
    Envelope,
    Body,
    BodyStructure,
    /// Header fields that overviews keep.
    Fields {
        fetch: BodyFetch,
        names: Vec<String>,
        section: MimeSection,
    },
    /// `BODY[]`, all of it.
    Whole(BodyFetch),
    Section {
        fetch: BodyFetch,
        section: MimeSection,
    },
    Rfc822 {
        part: Rfc822,
        section: MimeSection,
    },
    Binary(BinaryFetch),
    BinarySize(PartNumber),
}

impl Item {
    fn needs(&self) -> Needs {
        match self {
            Item::Uid | Item::Flags | Item::InternalDate | Item::Size | Item::ModSeq => Needs::Placement,
            Item::Envelope | Item::Body | Item::BodyStructure | Item::Fields { .. } => Needs::Overview,
            _ => Needs::Content,
        }
    }

    /// How many bytes it may add to a response about a message of `size_bytes`, of which its overview
    /// has `fields_bytes` of header fields.
    fn output_max_bytes(&self, size_bytes: u64, fields_bytes: u64) -> u64 {
        let window = |partial: Option<Partial>, all| partial.map_or(all, |partial| partial.len_max.min(all));
        match self {
            Item::Whole(_) | Item::Rfc822 { .. } => size_bytes,
            Item::Section { fetch, .. } => window(fetch.partial, size_bytes),
            // Decoding makes nothing longer.
            Item::Binary(fetch) => window(fetch.partial, size_bytes),
            Item::Fields { fetch, .. } => window(fetch.partial, fields_bytes),
            _ => 0,
        }
    }
}

/// What a row that is made from the message may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// Memory in bytes, until all is sent.
    pub bytes: u64,
    /// The response is not held whole: its items are made and sent one after the other.
    pub is_streamed: bool,
}

/// A FETCH, planned.
#[derive(Debug)]
pub(super) struct Plan {
    pub items: Vec<Item>,
    pub needs: Needs,
    /// The content goes into the response as it is and nothing else is made of it.
    pub is_direct: bool,
    /// Some item is a window of a larger thing: the next command will likely ask for the next one.
    pub is_partial: bool,
    /// Some item marks the message as \Seen.
    pub sets_seen: bool,
    /// FLAGS is among the items.
    pub has_flags: bool,
    /// MODSEQ is.
    pub has_modseq: bool,
    pub condstore: bool,
    /// `\Recent` is told.
    pub tells_recent: bool,
    /// Some item is made from the overview.
    pub uses_overview: bool,
}

impl Plan {
    pub fn new(asked: &[FetchItem], enabled: Enabled) -> Plan {
        let mut items: Vec<Item> = asked.iter().map(item).collect();
        let has_flags = asked.contains(&FetchItem::Flags);
        let mut has_modseq = asked.contains(&FetchItem::ModSeq);
        // RFC 7162 §3.1: whoever uses CONDSTORE sees the modseq wherever flags are told.
        if enabled.condstore && has_flags && !has_modseq {
            items.push(Item::ModSeq);
            has_modseq = true;
        }
        // The cheap items first: clients that read responses as streams can show them early.
        items.sort_by_key(Item::needs);
        let contents = items.iter().filter(|item| item.needs() == Needs::Content).count();
        let partial = |item: &FetchItem| match item {
            FetchItem::Section(body) => body.partial.is_some(),
            FetchItem::Binary(binary) => binary.partial.is_some(),
            _ => false,
        };
        Plan {
            needs: items.iter().map(Item::needs).max().unwrap_or(Needs::Placement),
            is_direct: contents == 1 && items.iter().any(|item| matches!(item, Item::Whole(_))),
            is_partial: asked.iter().any(partial),
            sets_seen: asked.iter().any(FetchItem::sets_seen),
            has_flags,
            has_modseq,
            condstore: enabled.condstore,
            tells_recent: enabled.dialect() == Dialect::Rev1,
            uses_overview: items.iter().any(|item| item.needs() == Needs::Overview),
            items,
        }
    }

    /// What a row takes: a message of `size_bytes`, and its overview as far as it is known. Each item
    /// counts, for each may show the message anew.
    pub fn weight(&self, size_bytes: u64, overview: Option<&[u8]>) -> Weight {
        let overview = overview.and_then(OverviewRef::parse).filter(|overview| overview.fields_complete);
        let fields_bytes = overview.map_or(size_bytes, |overview| overview.fields.len() as u64 + 2);
        let (mut sum, mut largest) = (0_u64, 0);
        for item in &self.items {
            let output = item.output_max_bytes(size_bytes, fields_bytes);
            sum = sum.saturating_add(output);
            largest = largest.max(output);
        }
        let is_streamed = sum - largest >= STREAMED_FROM_BYTES;
        let is_copied = is_streamed || !self.is_direct || (self.uses_overview && overview.is_none());
        let is_decoded = self.items.iter().any(|item| matches!(item, Item::Binary(_) | Item::BinarySize(_)));
        let held = size_bytes.saturating_mul(u64::from(is_copied) + u64::from(is_decoded));
        let output = if is_streamed { largest } else { sum };
        Weight { bytes: held.saturating_add(output), is_streamed }
    }
}

fn item(asked: &FetchItem) -> Item {
    match asked {
        FetchItem::Uid => Item::Uid,
        FetchItem::Flags => Item::Flags,
        FetchItem::InternalDate => Item::InternalDate,
        FetchItem::Size => Item::Size,
        FetchItem::ModSeq => Item::ModSeq,
        FetchItem::Envelope => Item::Envelope,
        FetchItem::Body => Item::Body,
        FetchItem::BodyStructure => Item::BodyStructure,
        FetchItem::Section(fetch) => section_item(fetch),
        FetchItem::Rfc822(part) => Item::Rfc822 { part: *part, section: rfc822(*part) },
        FetchItem::Binary(fetch) => Item::Binary(fetch.clone()),
        FetchItem::BinarySize(part) => Item::BinarySize(part.clone()),
    }
}

fn section_item(fetch: &BodyFetch) -> Item {
    let section = section(&fetch.section);
    let fetch = fetch.clone();
    match &fetch.section {
        Section { part, text: SectionText::Full } if part.is_empty() && fetch.partial.is_none() => {
            Item::Whole(fetch)
        }
        Section { part, text: SectionText::HeaderFields { names, not: false } }
            if part.is_empty() && names.iter().all(|name| is_cached_field(name.as_bytes())) =>
        {
            let names = names.clone();
            Item::Fields { fetch, names, section }
        }
        _ => Item::Section { fetch, section },
    }
}

fn section(section: &Section) -> MimeSection {
    let bytes = |names: &[String]| names.iter().map(|name| name.clone().into_bytes()).collect();
    let what = match &section.text {
        SectionText::Full => What::Whole,
        SectionText::Header => What::Header,
        SectionText::HeaderFields { names, not: false } => What::Fields(bytes(names)),
        SectionText::HeaderFields { names, not: true } => What::FieldsNot(bytes(names)),
        SectionText::Text => What::Text,
        SectionText::Mime => What::Mime,
    };
    MimeSection { path: section.part.clone(), what }
}

fn rfc822(part: Rfc822) -> MimeSection {
    let what = match part {
        Rfc822::Full => What::Whole,
        Rfc822::Header => What::Header,
        Rfc822::Text => What::Text,
    };
    MimeSection { path: Vec::new(), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::imap::command::{Section, SectionText};

    fn plan(lens: &[Option<u64>]) -> Plan {
        let section = Section { part: Vec::new(), text: SectionText::Full };
        let item = |(offset, len_max): (u64, &Option<u64>)| {
            let partial = len_max.map(|len_max| Partial { offset, len_max });
            FetchItem::Section(BodyFetch { section: section.clone(), peek: true, partial })
        };
        let items: Vec<FetchItem> = (0..).zip(lens).map(item).collect();
        Plan::new(&items, Enabled::default())
    }

    #[test]
    fn each_item_counts_and_windows_by_their_length() {
        let mb = 1 << 20;
        for (lens, size, bytes, is_streamed) in [
            (&[None][..], 9 * mb, 9 * mb, false),
            (&[Some(u64::MAX)], 9 * mb, 18 * mb, false),
            (&[Some(100)], 9 * mb, 9 * mb + 100, false),
            (&[Some(100); 100], 9 * mb, 9 * mb + 10_000, false),
            (&[Some(u64::MAX); 100], 9 * mb, 18 * mb, true),
            (&[Some(u64::MAX); 100], mb / 10, mb / 10 * 2, true),
            (&[Some(u64::MAX); 100], 1000, 101_000, false),
            (&[Some(mb); 3], 9 * mb, 10 * mb, true),
        ] {
            assert_eq!(plan(lens).weight(size, None), Weight { bytes, is_streamed }, "{lens:?} of {size}");
        }
    }
}
