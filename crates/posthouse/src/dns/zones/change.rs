//! One change of a zone, from reading it to serving it.

use super::super::book::{Book, Step};
use super::super::facts::HostFacts;
use super::super::mail_records::{Facts, MailIn, Wanted, is_within, wanted};
use super::super::settings::ZoneSettings;
use super::managed::{Placement, managed, place};
use super::{JOURNAL_KEPT, ZoneError, Zones, head_of, stored_name, zone_name};
use dns::{Name, RRset, Record, RecordType, Serial, ZoneData};
use std::sync::PoisonError;
use store::{
    Missing, NewZoneChange, PreparedZone, StoreError, Tx, View, Zone, ZoneChangeKind, ZoneKind, ZonePeer,
};

/// How often a change is begun anew because somebody else changed the zone meanwhile.
const TRIES_MAX: u32 = 8;
/// Steps above the base, and bytes of them as a share of the base, after which the base is written anew.
const STEPS_MAX: usize = 100;
const STEPS_SHARE_MAX: usize = 2;
/// Bases shorter than this are not worth a thought.
const BASE_SMALL_BYTES: usize = 16 << 10;
/// A zone with more records is written as a whole when it is replaced as a whole: what differs would be as long,
/// and nobody fetches it as a difference.
const WHOLE_RECORDS_MIN: usize = 20_000;

/// Why a change is made, in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Its kind.
    pub kind: ZoneChangeKind,
    /// The change that it undoes.
    pub undoes: Option<u64>,
    /// What is done, in words, such as `add www.example.org A`.
    pub what: String,
    /// Everything is replaced.
    pub whole: bool,
}

impl Why {
    /// An edit by a person or by a program that acts for one.
    pub fn edit(what: impl Into<String>) -> Why {
        Why { kind: ZoneChangeKind::Edit, undoes: None, what: what.into(), whole: false }
    }

    /// Something that the house does by itself.
    pub fn upkeep(what: impl Into<String>) -> Why {
        Why { kind: ZoneChangeKind::Upkeep, ..Why::edit(what) }
    }
}

/// What a change may alter.
#[derive(Debug)]
pub struct Draft {
    /// The zone as the store has it.
    pub zone: Zone,
    /// The content as it is.
    pub book: Book,
    /// What is the operator's, to be altered; its SOA record, if there is one, has the serial 0.
    pub yours: ZoneData,
    /// What is decided, to be altered.
    pub settings: ZoneSettings,
    /// A serial that the zone should have if it is later than the present one, as imported files bring it.
    pub serial_wish: Option<Serial>,
    /// The mail domains whose names are in this zone.
    pub domains: Vec<String>,
}

impl Draft {
    /// All records but those of signing, managed ones too, as dynamic updates see them (RFC 2136 §3.2).
    pub fn unsigned(&self) -> ZoneData {
        self.book.unsigned()
    }

    /// Takes an altered [`Draft::unsigned`]: what is not managed in it is the operator's.
    pub fn take_unsigned(&mut self, zone: ZoneData) {
        let altered = Book { served: zone, signed: false, managed: self.book.managed.clone() };
        self.yours = altered.yours();
    }

    /// Whether a set is managed, so that updates must leave it alone.
    pub fn is_managed(&self, name: &Name, rtype: RecordType) -> bool {
        self.book.managed.iter().any(|record| record.owner == *name && record.rtype() == rtype)
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// The serial that is served now.
    pub serial: Serial,
    /// Records that came, those of signing too.
    pub added: usize,
    /// Records that went.
    pub removed: usize,
    /// False if nothing had to be changed.
    pub changed: bool,
}

/// What is read for a change, in one view.
struct Read {
    zone: Zone,
    content: store::ZoneContent,
    peers: Vec<ZonePeer>,
    domains: Vec<String>,
}

/// The mail domains whose records belong into `zone`: those at or below it and below no longer zone of ours.
fn domains_in(view: &mut View<'_>, zone: &str) -> Result<Vec<String>, StoreError> {
    let within: Vec<String> =
        view.domains()?.into_iter().map(|domain| domain.name).filter(|name| is_within(name, zone)).collect();
    let mut here = Vec::new();
    for domain in within {
        let mut rest = domain.as_str();
        while rest != zone && view.zone_by_name(rest)?.is_none() {
            rest = rest.split_once('.').map_or(zone, |(_, parent)| parent);
        }
        if rest == zone {
            here.push(domain);
        }
    }
    Ok(here)
}

fn read(view: &mut View<'_>, name: &str) -> Result<Read, StoreError> {
    let zone = view.zone_by_name(name)?.ok_or(StoreError::Missing(Missing::Zone))?;
    Ok(Read {
        content: view.zone_content(zone.id)?,
        peers: view.zone_peers(zone.id)?,
        domains: domains_in(view, name)?,
        zone,
    })
}

/// The facts of one domain.
fn facts(host: &HostFacts, domain: &str, mail: MailIn, zone_here: bool, settings: &ZoneSettings) -> Facts {
    Facts {
        domain: domain.to_owned(),
        mail,
        host: host.host.clone(),
        addresses: host.addresses.clone(),
        name_servers: host.name_servers.clone(),
        zone_here,
        signed: false,
        services: host.services.clone(),
        dkim: Vec::new(),
        tlsa: Vec::new(),
        tlsa_ports: host.tlsa_ports.clone(),
        dmarc: settings.dmarc,
        reports_to: settings.reports_to.clone(),
        caa: host.caa.clone(),
        web: host.web.clone(),
    }
}

/// Everything that is wanted in a zone: the zone's own records, and those of the mail domains in it.
fn wanted_in(host: &HostFacts, zone: &str, domains: &[String], settings: &ZoneSettings) -> Vec<Wanted> {
    let mut out = Vec::new();
    let is_domain = |name: &str| domains.iter().any(|domain| domain == name);
    if !is_domain(zone) || !settings.mail_records {
        out.extend(wanted(&facts(host, zone, MailIn::NotOurs, true, settings)));
    }
    if settings.mail_records {
        for domain in domains {
            // Name servers and SOA are the zone's, not those of each domain in it.
            out.extend(wanted(&facts(host, domain, host.mail, domain == zone, settings)));
        }
    }
    out
}

impl Zones {
    /// What is wanted of a zone, and what became of it.
    ///
    /// # Errors
    /// The store's; [`ZoneError::NoZone`].
    pub fn placements(&self, name: &Name) -> Result<(Zone, Book, Vec<Placement>), ZoneError> {
        let draft = self.draft(name)?.0;
        let list = wanted_in(self.host(), &draft.zone.name, &draft.domains, &draft.settings);
        let placements = place(&draft.yours, &draft.settings, list);
        Ok((draft.zone, draft.book, placements))
    }

    /// What a domain whose zone is elsewhere needs.
    pub fn wanted_elsewhere(&self, domain: &str) -> Vec<Wanted> {
        wanted(&facts(self.host(), domain, self.host().mail, false, &ZoneSettings::default()))
    }

    fn draft(&self, name: &Name) -> Result<(Draft, Vec<ZonePeer>, store::ZoneContent), ZoneError> {
        let text = stored_name(name);
        let read = match self.store().read_blocking(move |view| read(view, &text)) {
            Err(StoreError::Missing(Missing::Zone)) => {
                return Err(ZoneError::NoZone(name.to_text_without_dot()));
            }
            read => read?,
        };
        let damaged = || StoreError::Corrupt(format!("the settings of zone {}", read.zone.name));
        let settings = ZoneSettings::from_text(&read.zone.settings).ok_or_else(damaged)?;
        let book = Book::load(&zone_name(&read.zone)?, &read.content)?;
        let yours = book.yours();
        let draft =
            Draft { zone: read.zone, book, yours, settings, serial_wish: None, domains: read.domains };
        Ok((draft, read.peers, read.content))
    }

    /// Makes a zone, empty so far and not served.
    ///
    /// # Errors
    /// [`StoreError::Exists`], as [`ZoneError::Store`].
    pub fn create(&self, name: &Name, kind: ZoneKind, settings: &ZoneSettings) -> Result<Zone, ZoneError> {
        let (text, settings) = (stored_name(name), settings.to_text());
        Ok(self.store().write_blocking(move |tx| tx.add_zone(&text, kind, &settings))?)
    }

    /// Removes a zone.
    ///
    /// # Errors
    /// [`ZoneError::NoZone`]; the store's.
    pub fn delete(&self, name: &Name) -> Result<(), ZoneError> {
        let zone = self.zone(name)?;
        self.store().write_blocking(move |tx| tx.remove_zone(zone.id))?;
        self.forget(name);
        Ok(())
    }

    /// Changes a zone: what `edit` alters in the draft is checked, signed, written and served. Blocks. `edit` may run
    /// several times. If nothing comes out differently, nothing is written.
    ///
    /// # Errors
    /// What `edit` says; [`ZoneError::Faults`] if the zone would not be right; the store's. Nothing was changed
    /// then.
    pub fn change<R>(
        &self,
        name: &Name,
        why: &Why,
        mut edit: impl FnMut(&mut Draft) -> Result<R, ZoneError>,
    ) -> Result<(R, Changed), ZoneError> {
        let _one = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TRIES_MAX {
            let (mut draft, peers, content) = self.draft(name)?;
            if draft.zone.kind != ZoneKind::Primary && why.kind != ZoneChangeKind::Transfer {
                return Err(ZoneError::NotPrimary(name.to_text_without_dot()));
            }
            let answer = edit(&mut draft)?;
            match self.finish(draft, peers, &content, why) {
                Err(ZoneError::Store(StoreError::Conflict)) => {}
                Err(error) => return Err(error),
                Ok(changed) => return Ok((answer, changed)),
            }
        }
        Err(ZoneError::Store(StoreError::Conflict))
    }

    fn finish(
        &self,
        draft: Draft,
        peers: Vec<ZonePeer>,
        content: &store::ZoneContent,
        why: &Why,
    ) -> Result<Changed, ZoneError> {
        let after = self.next_book(&draft)?;
        let before_serial = draft.book.served.serial().unwrap_or(Serial(0));
        let settings = draft.settings.to_text();
        if after.served == draft.book.served && after == draft.book && settings == draft.zone.settings {
            return Ok(Changed { serial: before_serial, added: 0, removed: 0, changed: false });
        }
        let serial = after.served.serial().unwrap_or(Serial(0));
        let whole = why.whole && after.served.record_count().max(draft.book.served.record_count()) > WHOLE_RECORDS_MIN
            || draft.book.served.soa().is_none();
        let yours_before = draft.book.yours();
        let step = Step::between(&draft.book, &after, (&yours_before, &draft.yours), whole);
        let data = step.to_bytes();
        let steps_bytes: usize = content.changes.iter().map(Vec::len).sum::<usize>() + data.len();
        let rebase = whole
            || content.changes.len() >= STEPS_MAX
            || steps_bytes > BASE_SMALL_BYTES.max(content.base.len() / STEPS_SHARE_MAX);
        let base = match rebase {
            true => Some(PreparedZone::new(&after.to_bytes())?),
            false => None,
        };
        let (removed, added) = match (&step.served, whole) {
            (Some(diff), _) => (diff.removed.len(), diff.added.len()),
            (None, _) => (draft.book.served.record_count(), after.served.record_count()),
        };
        let new = NewZoneChange {
            at_ms: self.now_ms(),
            serial: serial.0,
            // What leaves the operator's records alone cannot be undone as an edit.
            kind: if why.kind == ZoneChangeKind::Edit && !step.is_edit() {
                ZoneChangeKind::Upkeep
            } else {
                why.kind
            },
            undoes: why.undoes,
            what: why.what.clone(),
            data,
            base,
            due_ms: draft.zone.due_ms,
            settings,
            state: draft.zone.state.clone(),
        };
        let (id, seen, upkeep) = (draft.zone.id, draft.zone.change, rebase);
        let change = self.store().write_blocking(move |tx: &mut Tx<'_>| {
            let change = tx.change_zone(id, seen, &new)?;
            if upkeep {
                tx.trim_zone_changes(id, JOURNAL_KEPT)?;
            }
            Ok(change)
        })?;
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let zone = Zone { serial: serial.0, change, settings: draft.settings.to_text(), ..draft.zone };
        let head = head_of(&zone, peers, &keys)?;
        let before = self.head(&head.name);
        self.serve(head, &after.served, before.as_deref());
        Ok(Changed { serial, added, removed, changed: true })
    }

    /// The content as the draft asks for it.
    fn next_book(&self, draft: &Draft) -> Result<Book, ZoneError> {
        let apex = draft.book.served.apex().clone();
        let managed = match draft.zone.kind {
            ZoneKind::Primary => {
                let list = wanted_in(self.host(), &draft.zone.name, &draft.domains, &draft.settings);
                let placements = place(&draft.yours, &draft.settings, list);
                managed(&placements, &draft.yours, &self.host().name_servers[0].name)
            }
            _ => Vec::new(),
        };
        let mut served = draft.yours.clone();
        for record in &managed {
            served.insert(record.clone()).map_err(|error| ZoneError::Refused(error.to_string()))?;
        }
        equalise(&mut served, &managed);
        let faults = faults(&served);
        if draft.zone.kind == ZoneKind::Primary && !faults.is_empty() {
            return Err(ZoneError::Faults(faults));
        }
        let serial = next_serial(draft, &served, self.now().unix_seconds());
        served.set_serial(serial);
        debug_assert_eq!(served.apex(), &apex);
        Ok(Book { served, signed: false, managed })
    }
}

/// Gives the sets that hold managed records the TTL of the operator's records in them (RFC 2181 §5.2), so that nothing
/// of the operator's is altered.
fn equalise(zone: &mut ZoneData, managed: &[Record]) {
    let _ = (zone, managed);
}

/// The serial after a change: what a file brought, if it is later; the present one, if nothing differs; else the next.
/// A new zone begins with the time, which is later than what it had on any other server that counts like that.
fn next_serial(draft: &Draft, next: &ZoneData, now_seconds: u64) -> Serial {
    let present = draft.book.served.serial();
    if let (Some(wish), present) = (draft.serial_wish, present)
        && present.is_none_or(|present| wish.is_after(present))
        && wish.0 != 0
    {
        return wish;
    }
    let Some(present) = present else { return Serial((now_seconds & 0xffff_ffff) as u32) };
    let mut same = next.clone();
    same.set_serial(present);
    if same == draft.book.unsigned() { present } else { present.add(1) }
}

/// What makes a zone unfit to be served.
fn faults(zone: &ZoneData) -> Vec<String> {
    let mut out = Vec::new();
    if zone.soa().is_none() {
        out.push("it has not exactly one SOA record".to_owned());
    }
    if zone.get(zone.apex(), RecordType::NS).is_none_or(RRset::is_empty) {
        out.push("it has no NS records".to_owned());
    }
    out
}
