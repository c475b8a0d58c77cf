//! SEARCH (RFC 9051 §6.4.4): cheap facts first, texts only of messages that they leave open.

use super::news::{self, Telling};
use super::selected::Selected;
use super::{Cost, Done, Failure, ImapService, Logins, marks};
use crate::driver::Wire;
use ::imap::command::Search;
use ::imap::date::Date;
use ::imap::flag::{Keyword, SystemFlags};
use ::imap::response::{self, SearchAnswer};
use ::imap::search::{Candidate, SearchKey, TextKey, evaluate};
use ::imap::set::NumberSet;
use ::imap::{Enabled, Outcome, Tag};
use ::store::{Placement, PlacementOwned, View};
use mime::OverviewRef;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A mailbox with more messages is searched off the threads that serve the other sessions.
const SHORT_ROWS_MAX: u32 = 2000;

/// What a search tree asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    /// Numbers and what the session knows itself, perhaps texts.
    Numbers,
    /// Placements.
    Placements,
    /// Placements and the Date field.
    Dates,
}

/// A message that texts will decide.
enum Open {
    /// Nothing else matters.
    Number { uid: u32, sequence: u32 },
    /// Other facts do too.
    Row(PlacementOwned, Option<Date>),
}

impl Open {
    fn uid(&self) -> u32 {
        match self {
            Open::Number { uid, .. } => *uid,
            Open::Row(row, _) => row.uid.get(),
        }
    }
}

/// A search under way.
struct Hunt {
    key: SearchKey<NumberSet>,
    /// UIDs and modseqs of what was found.
    found: Vec<(u32, u64)>,
    /// What only texts can decide, ascending by UID.
    open: Vec<Open>,
}

impl<L: Logins> ImapService<L> {
    pub(super) async fn search(
        &mut self,
        search: Search,
        tag: &Tag,
        enabled: Enabled,
        wire: &mut Wire,
    ) -> Done {
        if search.unknown_charset {
            self.selected()?.saved = NumberSet::new();
            return Ok(
                Outcome::no("Charset is neither US-ASCII nor UTF-8").with_code(response::Code::BadCharset)
            );
        }
        let result = self.hunt(&search, enabled, wire).await;
        let selected = self.selected()?;
        let hunt = match result {
            Ok(hunt) => hunt,
            Err(failure) => {
                // RFC 9051 §6.4.4.1: a search that fails leaves nothing saved.
                if search.returns.is_some_and(|returns| returns.save) {
                    selected.saved = NumberSet::new();
                }
                return Err(failure);
            }
        };
        let uids: NumberSet = hunt.found.iter().map(|(uid, _)| *uid).collect();
        let covered = search.returns.unwrap_or_default().covered(&uids);
        let modseq = search.key.uses_modseq().then(|| {
            let covered = hunt.found.iter().filter(|(uid, _)| covered.contains(*uid));
            covered.map(|(_, modseq)| *modseq).max().unwrap_or(0)
        });
        if search.returns.is_some_and(|returns| returns.save) {
            selected.saved = covered;
        }
        let found = selected.numbers(uids, search.numbering);
        let answer = SearchAnswer { found: &found, modseq };
        response::search(&search, tag, answer, enabled.dialect(), &mut wire.out);
        Ok(Outcome::ok("SEARCH completed"))
    }

    async fn hunt(&mut self, search: &Search, enabled: Enabled, wire: &mut Wire) -> Result<Hunt, Failure> {
        let count = self.selected()?.map.len();
        let needs = needs(&search.key);
        let cost = match needs {
            Needs::Placements | Needs::Dates if count > SHORT_ROWS_MAX => Cost::Long,
            _ => Cost::Short,
        };
        let telling = Telling::beside(enabled, search.numbering);
        let key = search.key.clone();
        let mut hunt = self
            .read(&mut wire.out, cost, move |view, selected, out| {
                news::tell(view, selected, &telling, out)?;
                let key = key.resolve(selected.map.len(), selected.map.last_uid(), &selected.saved);
                let mut hunt = Hunt { key, found: Vec::new(), open: Vec::new() };
                hunt.first_pass(view, selected, needs)?;
                Ok(hunt)
            })
            .await?;
        if !hunt.open.is_empty() {
            hunt = self.read_texts(hunt).await?;
        }
        Ok(hunt)
    }

    /// Decides what the first pass left open.
    async fn read_texts(&mut self, mut hunt: Hunt) -> Result<Hunt, Failure> {
        let place = self.place()?;
        let mut keys = Vec::new();
        text_keys(&hunt.key, &mut keys);
        let wanted: Vec<u32> = hunt.open.iter().map(Open::uid).collect();
        let shared = Arc::clone(&self.shared);
        let house = Arc::clone(&self.shared);
        let _turn = house.searches.acquire().await.map_err(|_| ::store::StoreError::Closed)?;
        let asked = keys.clone();
        let work = move || shared.texts.find(&shared.store, place, &asked, &wanted);
        let sets = tokio::task::spawn_blocking(work).await.map_err(|_| ::store::StoreError::Panicked)??;
        let texts = Texts { keys, sets };
        let selected = self.selected()?;
        for open in &hunt.open {
            let row;
            let mut facts = match open {
                Open::Number { uid, sequence } => Facts::number(*sequence, *uid, selected),
                Open::Row(owned, sent) => {
                    row = owned.borrow();
                    Facts::of(&row, *sent, selected)
                }
            };
            facts.texts = Some(&texts);
            if evaluate(&hunt.key, &facts) == Some(true) {
                hunt.found.push((facts.uid, facts.modseq));
            }
        }
        Ok(hunt)
    }
}

impl Hunt {
    fn first_pass(&mut self, view: &mut View<'_>, selected: &Selected, needs: Needs) -> Result<(), Failure> {
        if needs == Needs::Numbers {
            self.numbers_pass(selected);
            return Ok(());
        }
        let (account, mailbox) = (selected.account, selected.mailbox);
        let bounds = bounds(&self.key, selected);
        let mut judge = |row: &Placement<'_>, sent: Option<Date>| {
            let facts = Facts::of(row, sent, selected);
            if facts.sequence == 0 {
                return ControlFlow::Continue(());
            }
            match evaluate(&self.key, &facts) {
                Some(true) => self.found.push((facts.uid, facts.modseq)),
                Some(false) => {}
                None => self.open.push(Open::Row(row.to_owned(), sent)),
            }
            ControlFlow::Continue(())
        };
        if needs == Needs::Dates {
            view.listing(account, mailbox, bounds.ranges(), &mut |row| {
                let sent = OverviewRef::parse(row.overview).and_then(|overview| overview.sent);
                judge(
                    &row.placement,
                    sent.and_then(|date| i32::try_from(date.local_days()).ok()).map(Date::from_days),
                )
            })?;
        } else {
            view.placements(account, mailbox, bounds.ranges(), &mut |row| judge(&row, None))?;
        }
        Ok(())
    }
}

impl Hunt {
    /// A search in which only numbers and texts matter: no row of the store is looked at.
    fn numbers_pass(&mut self, selected: &Selected) {
        let bounds = bounds(&self.key, selected);
        let is_bounds = matches!(self.key, SearchKey::All | SearchKey::Uid(_) | SearchKey::Sequence(_));
        for (sequence, uid) in selected.map.pairs(&bounds) {
            if selected.held.contains(uid) {
                continue;
            }
            let found = match is_bounds {
                true => Some(true),
                false => evaluate(&self.key, &Facts::number(sequence, uid, selected)),
            };
            match found {
                Some(true) => self.found.push((uid, 0)),
                Some(false) => {}
                None => self.open.push(Open::Number { uid, sequence }),
            }
        }
    }
}

/// Messages that the tree can mean at most: those of the sets that stand at its top.
fn bounds(key: &SearchKey<NumberSet>, selected: &Selected) -> NumberSet {
    let all = || selected.map.uid_set();
    match key {
        SearchKey::Uid(set) => selected.map.existing(set),
        SearchKey::Sequence(set) => selected.map.uids_of(set),
        SearchKey::And(keys) => keys.iter().fold(all(), |bounds, key| match key {
            SearchKey::Uid(_) | SearchKey::Sequence(_) => bounds.intersection(&self::bounds(key, selected)),
            _ => bounds,
        }),
        _ => all(),
    }
}

fn needs(key: &SearchKey) -> Needs {
    match key {
        SearchKey::All | SearchKey::Sequence(_) | SearchKey::Uid(_) | SearchKey::Recent => Needs::Numbers,
        SearchKey::Text(_) => Needs::Numbers,
        SearchKey::And(keys) => keys.iter().map(needs).max().unwrap_or(Needs::Numbers),
        SearchKey::Or(first, second) => needs(first).max(needs(second)),
        SearchKey::Not(key) => needs(key),
        SearchKey::Sent(..) => Needs::Dates,
        _ => Needs::Placements,
    }
}

/// The texts that a tree asks for, each once.
fn text_keys(key: &SearchKey<NumberSet>, keys: &mut Vec<TextKey>) {
    match key {
        SearchKey::And(all) => all.iter().for_each(|key| text_keys(key, keys)),
        SearchKey::Or(first, second) => {
            text_keys(first, keys);
            text_keys(second, keys);
        }
        SearchKey::Not(key) => text_keys(key, keys),
        SearchKey::Text(text) if !keys.contains(text) => keys.push(text.clone()),
        _ => {}
    }
}

/// Which messages have which texts.
struct Texts {
    keys: Vec<TextKey>,
    sets: Vec<NumberSet>,
}

/// A message as the evaluator sees it.
struct Facts<'a> {
    uid: u32,
    sequence: u32,
    flags: SystemFlags,
    keywords: &'a str,
    recent: bool,
    size_bytes: u64,
    received: Date,
    sent: Option<Date>,
    modseq: u64,
    texts: Option<&'a Texts>,
}

impl<'a> Facts<'a> {
    fn of(row: &Placement<'a>, sent: Option<Date>, selected: &Selected) -> Facts<'a> {
        let uid = row.uid.get();
        Facts {
            uid,
            sequence: selected.map.sequence(uid).unwrap_or(0),
            flags: marks::system(row.flags),
            keywords: row.keywords,
            recent: selected.recent.contains(uid),
            size_bytes: row.size_bytes,
            received: Date::from_unix_seconds(row.received_ms.div_euclid(1000)),
            sent,
            modseq: row.modseq.get(),
            texts: None,
        }
    }

    /// Of a message of which only numbers matter.
    fn number(sequence: u32, uid: u32, selected: &Selected) -> Facts<'a> {
        Facts {
            uid,
            sequence,
            flags: SystemFlags::NONE,
            keywords: "",
            recent: selected.recent.contains(uid),
            size_bytes: 0,
            received: Date::from_days(0),
            sent: None,
            modseq: 0,
            texts: None,
        }
    }
}

impl Candidate for Facts<'_> {
    fn uid(&self) -> u32 {
        self.uid
    }

    fn sequence(&self) -> u32 {
        self.sequence
    }

    fn flags(&self) -> SystemFlags {
        self.flags
    }

    fn has_keyword(&self, keyword: &Keyword) -> bool {
        marks::names(self.keywords).any(|name| name.eq_ignore_ascii_case(keyword.as_str()))
    }

    fn is_recent(&self) -> bool {
        self.recent
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn internal_date(&self) -> Date {
        self.received
    }

    fn sent_date(&self) -> Option<Date> {
        self.sent
    }

    fn modseq(&self) -> u64 {
        self.modseq
    }

    fn matches(&self, key: &TextKey) -> Option<bool> {
        let texts = self.texts?;
        let at = texts.keys.iter().position(|known| known == key)?;
        Some(texts.sets[at].contains(self.uid))
    }
}
