//! One change of a zone, from reading it to serving it.

use super::super::book::{Book, Step};
use super::super::certificate::CertificateBook;
use super::super::crypto::Verifier;
use super::super::dkim::{DkimBook, NoKey};
use super::super::facts::HostFacts;
use super::super::inverse::Inverse;
use super::super::keyring::{Keyring, ZoneKeyBook, policy};
use super::super::mail_records::{Facts, MailIn, Wanted, is_within, wanted};
use super::super::settings::ZoneSettings;
use super::managed::{Placed, Placement, managed, place};
use super::signals;
use super::{JOURNAL_KEPT, ZoneError, Zones, head_of, stored_name, zone_name};
use dns::check::{Severity, check_change};
use dns::dnssec::check_signed;
use dns::dnssec::denial::Denial;
use dns::dnssec::plan::SigningPlan;
use dns::dnssec::sign::{Signed, SigningPolicy, sign_zone};
use dns::roll::{Observed, Policy, Timestamp};
use dns::{Name, RecordType, Serial, ZoneData};
use std::collections::HashMap;
use std::sync::PoisonError;
use store::{
    KeyPurpose, Missing, NewZoneChange, PreparedZone, StoreError, Tx, View, Zone, ZoneChangeKind, ZoneKind,
    ZonePeer,
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
    /// Nobody waits for the answer who could mend it: where the zone would not be right, what is served stays, and
    /// is signed anew.
    pub keeps_served: bool,
}

impl Why {
    /// An edit by a person or by a program that acts for one.
    pub fn edit(what: impl Into<String>) -> Why {
        Why { kind: ZoneChangeKind::Edit, undoes: None, what: what.into(), whole: false, keeps_served: false }
    }

    /// Something that the house does by itself, when its time has come.
    pub fn house(what: impl Into<String>) -> Why {
        Why { keeps_served: true, ..Why::upkeep(what) }
    }

    /// Something about which the house decides the records.
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
    /// The zone's keys, to be altered by requests.
    pub keys: ZoneKeyBook,
    /// What was seen of the zone and its parent, for the keys to move on.
    pub observed: Observed,
    /// The DKIM keys of each of the domains, to be altered.
    pub dkim: HashMap<String, DkimBook>,
    /// The keys of the host's certificate, to be altered.
    pub certificate: CertificateBook,
    /// What vouches for other zones here.
    pub signals: Vec<Wanted>,
    /// What takes the change back beyond records and settings; to be said by whoever asks for more than these.
    pub inverse: Option<Inverse>,
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

    /// Whether updates must leave a set alone: it is managed, or at a name that is, or would hide such a name.
    /// The apex is everybody's: there only the managed sets themselves are out of reach.
    pub fn is_managed(&self, name: &Name, rtype: RecordType) -> bool {
        let is_apex = name == self.book.served.apex();
        let hides = match rtype {
            RecordType::NS => !is_apex,
            RecordType::DNAME => true,
            _ => false,
        };
        self.book.managed.iter().any(|record| match record.owner == *name {
            true => !is_apex || record.rtype() == rtype,
            false => hides && record.owner.is_at_or_below(name),
        })
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The serial that is served now.
    pub serial: Serial,
    /// Records that came, without SOA and what is made by signing at each change.
    pub added: usize,
    /// Records that went.
    pub removed: usize,
    /// False if nothing had to be changed.
    pub changed: bool,
    /// What will surprise somebody from now on, a sentence each.
    pub warnings: Vec<String>,
    /// What other zones show of this one's keys has to be made anew.
    signals: bool,
    /// The parent should be told of new CDS records.
    pub(super) tells_parent: bool,
}

/// A zone's next content.
struct NextBook {
    book: Book,
    /// When it must be signed again.
    next_due: Option<Timestamp>,
    /// See [`Changed::warnings`].
    warnings: Vec<String>,
    /// See [`Changed`].
    tells_parent: bool,
}

/// What is read for a change, in one view.
pub(super) struct Read {
    zone: Zone,
    is_gone: bool,
    content: store::ZoneContent,
    peers: Vec<ZonePeer>,
    domains: Vec<String>,
    rows: Vec<store::NameKey>,
    dkim: HashMap<String, DkimBook>,
    certificate: CertificateBook,
    signals: Vec<Wanted>,
}

/// What lies beside a zone's content and is written with it: as it was read.
pub(super) struct Beside {
    /// The zone was deleted, and comes back with the change.
    is_gone: bool,
    peers: Vec<ZonePeer>,
    content: store::ZoneContent,
    keys: ZoneKeyBook,
    dkim: HashMap<String, DkimBook>,
    certificate: CertificateBook,
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

fn read(view: &mut View<'_>, name: &str, host: &HostFacts) -> Result<Read, StoreError> {
    let zone = view.zone_by_name(name)?.ok_or(StoreError::Missing(Missing::Zone))?;
    read_of(view, zone, false, host)
}

/// - `is_gone`: it was deleted.
pub(super) fn read_of(
    view: &mut View<'_>,
    zone: Zone,
    is_gone: bool,
    host: &HostFacts,
) -> Result<Read, StoreError> {
    let domains = domains_in(view, &zone.name)?;
    let mut dkim = HashMap::new();
    for domain in &domains {
        dkim.insert(domain.clone(), DkimBook::read(view, domain)?);
    }
    let purpose = if is_gone { KeyPurpose::GoneZone } else { KeyPurpose::Zone };
    let rows = view.name_keys(&zone.name, purpose)?.into_iter();
    Ok(Read {
        content: view.zone_content(zone.id)?,
        peers: view.zone_peers(zone.id)?,
        rows: rows.map(|row| store::NameKey { purpose: KeyPurpose::Zone, ..row }).collect(),
        certificate: CertificateBook::read(view, &host.host)?,
        signals: signals::wanted_in(view, host, &zone)?,
        domains,
        dkim,
        is_gone,
        zone,
    })
}

/// Everything that is wanted in a zone: the zone's own records, and those of the mail domains in it.
fn wanted_in(host: &HostFacts, draft: &Draft) -> Vec<Wanted> {
    let (zone, settings) = (draft.zone.name.as_str(), &draft.settings);
    let tlsa: Vec<[u8; 32]> = draft.certificate.digests().into_iter().map(|(_, digest)| digest).collect();
    let facts = |domain: &str, mail: MailIn| Facts {
        // Name servers and SOA are the zone's, not those of each domain in it.
        zone_here: domain == zone,
        signed: draft.keys.keys.is_signed(),
        dkim: match draft.dkim.get(domain) {
            Some(book) => book.records().into_iter().map(|(_, _, record)| record).collect(),
            None => Vec::new(),
        },
        tlsa: tlsa.clone(),
        ..bare_facts(host, domain, mail, settings)
    };
    let mut out = Vec::new();
    if !draft.domains.iter().any(|domain| domain == zone) || !settings.mail_records {
        out.extend(wanted(&facts(zone, MailIn::NotOurs)));
    }
    if settings.mail_records {
        for domain in &draft.domains {
            out.extend(wanted(&facts(domain, host.mail)));
        }
    }
    out.extend(draft.signals.iter().cloned());
    out
}

/// What configuration and settings say of a domain.
fn bare_facts(host: &HostFacts, domain: &str, mail: MailIn, settings: &ZoneSettings) -> Facts {
    Facts {
        domain: domain.to_owned(),
        mail,
        host: host.host.clone(),
        addresses: host.addresses.clone(),
        name_servers: host.name_servers.clone(),
        zone_here: false,
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

impl Zones {
    /// What is wanted of a zone, and what became of it, beside the zone itself.
    ///
    /// # Errors
    /// The store's; [`ZoneError::NoZone`].
    pub fn placements(&self, name: &Name) -> Result<(Draft, Vec<Placement>), ZoneError> {
        let draft = self.draft(name)?.0;
        let placements = place(&draft.yours, &draft.settings, wanted_in(self.host(), &draft));
        Ok((draft, placements))
    }

    /// What a domain whose zone is elsewhere needs, and its DKIM keys.
    ///
    /// # Errors
    /// The store's.
    pub fn wanted_elsewhere(&self, domain: &str) -> Result<(Vec<Wanted>, DkimBook), ZoneError> {
        let (name, host) = (domain.to_owned(), self.host().host.clone());
        let (book, certificate) = self.store().read_blocking(move |view| {
            Ok((DkimBook::read(view, &name)?, CertificateBook::read(view, &host)?))
        })?;
        let facts = Facts {
            dkim: book.records().into_iter().map(|(_, _, record)| record).collect(),
            tlsa: certificate.digests().into_iter().map(|(_, digest)| digest).collect(),
            ..bare_facts(self.host(), domain, self.host().mail, &ZoneSettings::default())
        };
        Ok((wanted(&facts), book))
    }

    fn draft(&self, name: &Name) -> Result<(Draft, Beside), ZoneError> {
        let (text, host) = (stored_name(name), self.host().clone());
        let read = match self.store().read_blocking(move |view| read(view, &text, &host)) {
            Err(StoreError::Missing(Missing::Zone)) => {
                return Err(ZoneError::NoZone(name.to_text_without_dot()));
            }
            read => read?,
        };
        self.draft_of(read)
    }

    pub(super) fn draft_of(&self, read: Read) -> Result<(Draft, Beside), ZoneError> {
        let damaged = || StoreError::Corrupt(format!("settings or state of zone {}", read.zone.name));
        let settings = ZoneSettings::from_text(&read.zone.settings).ok_or_else(damaged)?;
        let state = ZoneKeyBook::read_state(&read.zone.state).ok_or_else(damaged)?;
        let keys = ZoneKeyBook { zone: read.zone.name.clone(), keys: state, rows: read.rows };
        let book = Book::load(&zone_name(&read.zone)?, &read.content)?;
        // What comes from elsewhere is taken as it is, with its serial.
        let yours = if read.zone.kind == ZoneKind::Primary { book.yours() } else { book.served.clone() };
        let beside = Beside {
            is_gone: read.is_gone,
            peers: read.peers,
            content: read.content,
            keys: keys.clone(),
            dkim: read.dkim.clone(),
            certificate: read.certificate.clone(),
        };
        let draft = Draft {
            zone: read.zone,
            book,
            yours,
            settings,
            serial_wish: None,
            domains: read.domains,
            keys,
            observed: Observed::default(),
            dkim: read.dkim,
            certificate: read.certificate,
            signals: read.signals,
            inverse: None,
        };
        Ok((draft, beside))
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
        edit: impl FnMut(&mut Draft) -> Result<R, ZoneError>,
    ) -> Result<(R, Changed), ZoneError> {
        let (answer, changed) = self.change_alone(name, why, edit)?;
        if changed.signals {
            self.show_signals(name);
        }
        if changed.tells_parent {
            self.tell_parent(name);
        }
        Ok((answer, changed))
    }

    /// Tells the parent aside: nobody waits for it.
    pub(super) fn tell_parent(&self, name: &Name) {
        let (zones, zone) = (self.clone(), name.clone());
        let tell = move || super::super::parent::tell(&zones, &zone);
        if let Err(error) = std::thread::Builder::new().name("names-parent".to_owned()).spawn(tell) {
            tracing::warn!(zone = %name, %error, "the parent cannot be told of new CDS records");
        }
    }

    fn change_alone<R>(
        &self,
        name: &Name,
        why: &Why,
        mut edit: impl FnMut(&mut Draft) -> Result<R, ZoneError>,
    ) -> Result<(R, Changed), ZoneError> {
        let _one = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TRIES_MAX {
            let (mut draft, beside) = self.draft(name)?;
            if draft.zone.kind != ZoneKind::Primary && why.kind != ZoneChangeKind::Transfer {
                return Err(ZoneError::NotPrimary(name.to_text_without_dot()));
            }
            let answer = edit(&mut draft)?;
            match self.finish(draft, &beside, why) {
                Err(ZoneError::Store(StoreError::Conflict)) => {}
                Err(error) => return Err(error),
                Ok(changed) => return Ok((answer, changed)),
            }
        }
        Err(ZoneError::Store(StoreError::Conflict))
    }

    pub(super) fn finish(&self, mut draft: Draft, beside: &Beside, why: &Why) -> Result<Changed, ZoneError> {
        let now = self.now();
        let NextBook { book: after, next_due, warnings, tells_parent } =
            self.next_book(&mut draft, now, why)?;
        let settings_before = ZoneSettings::from_text(&draft.zone.settings).unwrap_or_default();
        let signals = signals::of_keys(&beside.keys.keys, &settings_before)
            != signals::of_keys(&draft.keys.keys, &draft.settings);
        let before_serial = draft.book.served.serial().unwrap_or(Serial(0));
        let serial = after.served.serial().unwrap_or(Serial(0));
        let (settings, state) = (draft.settings.to_text(), draft.keys.state_text());
        let due_ms = due_ms(&draft, next_due, now, shows_new_keys(&draft, beside, &policy(&draft.settings)));
        let same_content = after == draft.book;
        let same_beside = settings == draft.zone.settings
            && state == draft.zone.state
            && draft.keys == beside.keys
            && draft.dkim == beside.dkim
            && draft.certificate == beside.certificate
            && due_ms == draft.zone.due_ms;
        // What is undone is so also if nothing of it was left, else it would be the newest for ever.
        if same_content && same_beside && why.undoes.is_none() {
            return Ok(Changed {
                serial: before_serial,
                added: 0,
                removed: 0,
                changed: false,
                warnings: Vec::new(),
                signals: false,
                tells_parent: false,
            });
        }
        // A decision is told in the journal, also if it changes nothing yet: it may be undone.
        let decided = matches!(why.kind, ZoneChangeKind::Edit | ZoneChangeKind::Undo)
            && (settings != draft.zone.settings || draft.inverse.is_some() || why.undoes.is_some());
        let (new, counts) = match same_content && !decided {
            true => (None, (0, 0)),
            false => {
                let (new, counts) = entry(&draft, &after, beside, why, self.now_ms())?;
                (
                    Some(NewZoneChange { due_ms, settings: settings.clone(), state: state.clone(), ..new }),
                    counts,
                )
            }
        };
        let zone = Zone { serial: serial.0, due_ms, settings, state, ..draft.zone.clone() };
        let change = self.write(&draft, beside, zone.clone(), new)?;
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let head = head_of(&Zone { change, ..zone }, beside.peers.clone(), &keys)?;
        let before = self.head(&head.name);
        self.serve(head, &after.served, before.as_deref());
        Ok(Changed {
            serial,
            added: counts.0,
            removed: counts.1,
            changed: !same_content,
            warnings,
            signals,
            tells_parent,
        })
    }

    /// Writes a change and everything that goes with it in one transaction.
    fn write(
        &self,
        draft: &Draft,
        beside: &Beside,
        zone: Zone,
        new: Option<NewZoneChange>,
    ) -> Result<u64, StoreError> {
        let seen = draft.zone.change;
        let (keys, keys_before) = (draft.keys.clone(), beside.keys.rows.clone());
        let (dkim, dkim_before) = (draft.dkim.clone(), beside.dkim.clone());
        let (certificate, certificate_before) = (draft.certificate.clone(), beside.certificate.clone());
        let is_gone = beside.is_gone;
        self.store().write_blocking(move |tx: &mut Tx<'_>| {
            if is_gone {
                tx.bring_zone_back(&zone.name)?;
            }
            let change = match &new {
                Some(new) => tx.change_zone(zone.id, seen, new)?,
                None => tx.set_zone(zone.id, seen, &zone.settings, &zone.state, zone.due_ms)?,
            };
            if new.as_ref().is_some_and(|new| new.base.is_some()) {
                tx.trim_zone_changes(zone.id, JOURNAL_KEPT)?;
            }
            for row in keys.rows.iter().filter(|row| !keys_before.contains(row)) {
                tx.put_name_key(row)?;
            }
            for old in &keys_before {
                if !keys.rows.iter().any(|row| row.key_id == old.key_id) {
                    tx.remove_name_key(&zone.name, KeyPurpose::Zone, old.key_id)?;
                }
            }
            for (domain, book) in &dkim {
                let before = dkim_before.get(domain).cloned().unwrap_or_default();
                if *book != before {
                    book.write(tx, &before)?;
                }
            }
            if certificate != certificate_before {
                certificate.write(tx, &certificate_before)?;
            }
            Ok(change)
        })
    }

    /// The content as the draft asks for it, with the keys moved on.
    fn next_book(&self, draft: &mut Draft, now: Timestamp, why: &Why) -> Result<NextBook, ZoneError> {
        if draft.zone.kind != ZoneKind::Primary {
            let book = Book { served: draft.yours.clone(), signed: false, managed: Vec::new() };
            return Ok(NextBook { book, next_due: None, warnings: Vec::new(), tells_parent: false });
        }
        let no_key = |error: NoKey| ZoneError::Refused(error.to_string());
        let policy = policy(&draft.settings);
        let tells_parent = draft.keys.advance(now, &draft.observed, &policy).map_err(no_key)?;
        let Composed { unsigned, managed, warnings } = match self.composed(draft) {
            Err(ZoneError::Faults(faults)) if why.keeps_served && draft.book.served.soa().is_some() => {
                let zone = &draft.zone.name;
                tracing::error!(zone, ?faults, "the zone would not be right: it stays as it was");
                Composed::kept(&draft.book)
            }
            composed => composed?,
        };
        let plan = SigningPlan::new(unsigned.apex(), &draft.keys.keys, &policy);
        let signing = SigningPolicy { denial: denial(&draft.settings), ..SigningPolicy::default() };
        let ring = Keyring::new(&draft.keys.rows);
        let sign = |previous: &ZoneData, serial: Serial| {
            if !plan.signs() {
                // Also what came with signatures of its own is served as it came.
                let mut zone = unsigned.clone();
                zone.set_serial(serial);
                return Ok(Signed { zone, next_due: None, made: 0, kept: 0 });
            }
            let signed = sign_zone(&unsigned, Some(previous), &plan, &signing, (serial, now), &ring);
            signed.map_err(|error| ZoneError::Refused(error.to_string()))
        };
        let present = draft.book.served.serial();
        let mut signed = match present {
            // Once with the present serial, to see whether anything differs at all.
            Some(present) => sign(&draft.book.served, present)?,
            None => sign(&draft.book.served, first_serial(draft, now))?,
        };
        let mut differs = present.is_none();
        if let Some(present) = present {
            let wish = draft.serial_wish.filter(|wish| wish.0 != 0 && wish.is_after(present));
            if wish.is_some() || signed.zone != draft.book.served {
                let serial = wish.unwrap_or(present.plus(1));
                differs = true;
                signed = sign(&signed.zone.clone(), serial)?;
            }
        }
        if plan.signs() && differs {
            verified(&signed.zone, &draft.book.served, now)?;
        }
        if let Some(serial) = signed.zone.serial() {
            draft.keys.keys.served(plan.revision, serial.0);
        }
        let book = Book { served: signed.zone, signed: plan.signs(), managed };
        Ok(NextBook { book, next_due: signed.next_due, warnings, tells_parent })
    }
}

/// Looks at what was signed with the eyes of a validator, before anybody else does.
///
/// # Errors
/// [`ZoneError::Refused`]: what was served before stays.
fn verified(signed: &ZoneData, before: &ZoneData, now: Timestamp) -> Result<(), ZoneError> {
    check_signed(signed, before, now, &Verifier).map_err(|faults| {
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        ZoneError::Refused(format!(
            "the zone was not signed rightly, and stays as it was: {}",
            told.join("; ")
        ))
    })
}

/// A zone before it is signed.
struct Composed {
    unsigned: ZoneData,
    /// The records of it that the house made.
    managed: Vec<dns::Record>,
    /// See [`Changed::warnings`].
    warnings: Vec<String>,
}

impl Composed {
    /// What is served already.
    fn kept(book: &Book) -> Composed {
        Composed { unsigned: book.unsigned(), managed: book.managed.clone(), warnings: Vec::new() }
    }
}

impl Zones {
    /// What is the operator's and what is managed, together.
    fn composed(&self, draft: &Draft) -> Result<Composed, ZoneError> {
        let placements = place(&draft.yours, &draft.settings, wanted_in(self.host(), draft));
        let managed = managed(&placements, &draft.yours, &self.host().name_servers[0].name);
        let mut unsigned = draft.yours.clone();
        for record in &managed {
            // The operator's TTL holds for a set in which both have records (RFC 2181 §5.2).
            let ttl = unsigned.get(&record.owner, record.rtype()).map_or(record.ttl, |set| set.ttl);
            let record = dns::Record { ttl, ..record.clone() };
            unsigned.insert(record).map_err(|error| ZoneError::Refused(error.to_string()))?;
        }
        let managed = with_served_ttl(managed, &unsigned);
        let mut warnings = findings(&draft.book.unsigned(), &unsigned)?;
        warnings.extend(given_way(&draft.book, &placements));
        Ok(Composed { unsigned, managed, warnings })
    }

    /// What is wrong with a zone as it would have to be now, so that it stays as it was. Empty for nearly all.
    pub fn faults(&self, draft: &Draft) -> Vec<String> {
        match self.composed(draft) {
            _ if draft.zone.kind != ZoneKind::Primary => Vec::new(),
            Err(ZoneError::Faults(faults)) => faults,
            _ => Vec::new(),
        }
    }
}

/// Managed records that are served still and give way to what is the operator's now, a sentence each.
fn given_way(before: &Book, placements: &[Placement]) -> Vec<String> {
    let told = placements.iter().filter_map(|placement| {
        let (Placed::Conflict(other), Some(record)) = (&placement.placed, &placement.record) else {
            return None;
        };
        let was = before.managed.iter().any(|old| old.owner == record.owner && old.data == record.data);
        was.then(|| {
            format!("{} {}: not published any more, because of your {other}", record.owner, record.rtype())
        })
    });
    told.collect()
}

/// The journal's entry of a change, and how many records it adds and removes.
fn entry(
    draft: &Draft,
    after: &Book,
    beside: &Beside,
    why: &Why,
    at_ms: i64,
) -> Result<(NewZoneChange, (usize, usize)), ZoneError> {
    let before = &draft.book;
    let records = (after.served.record_count(), before.served.record_count());
    let first = before.served.soa().is_none();
    let whole = first || (why.whole && records.0.max(records.1) > WHOLE_RECORDS_MIN);
    let mut step = Step::between(before, after, (&before.yours(), &draft.yours), whole);
    step.settings = (draft.settings.to_text() != draft.zone.settings).then(|| draft.zone.settings.clone());
    step.inverse = draft.inverse.as_ref().map(Inverse::to_text);
    let data = step.to_bytes();
    let steps_bytes: usize = beside.content.changes.iter().map(Vec::len).sum::<usize>() + data.len();
    let rebase = whole
        || beside.content.changes.len() >= STEPS_MAX
        || steps_bytes > BASE_SMALL_BYTES.max(beside.content.base.len() / STEPS_SHARE_MAX);
    let base = if rebase { Some(PreparedZone::new(&after.to_bytes())?) } else { None };
    let counts = match &step.served {
        Some(diff) => (counted(diff.added.iter()), counted(diff.removed.iter())),
        None => (counted(after.served.records()), counted(before.served.records())),
    };
    // What leaves the operator's records and decisions alone is nothing to be undone.
    let kind = match why.kind {
        ZoneChangeKind::Edit if !step.is_edit() => ZoneChangeKind::Upkeep,
        kind => kind,
    };
    let new = NewZoneChange {
        at_ms,
        serial: after.served.serial().unwrap_or(Serial(0)).0,
        kind,
        undoes: why.undoes,
        what: why.what.clone(),
        data,
        base,
        due_ms: None,
        settings: String::new(),
        state: String::new(),
    };
    Ok((new, counts))
}

/// How many of the records somebody would miss: SOA and those of signing change with every other.
fn counted<R: std::borrow::Borrow<dns::Record>>(records: impl Iterator<Item = R>) -> usize {
    let follows =
        |rtype| matches!(rtype, RecordType::SOA | RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3);
    records.filter(|record| !follows(record.borrow().rtype())).count()
}

/// Managed records with the TTLs that they are served with, so that they are found again.
fn with_served_ttl(managed: Vec<dns::Record>, zone: &ZoneData) -> Vec<dns::Record> {
    let served = |record: dns::Record| {
        let ttl = zone.get(&record.owner, record.rtype()).map_or(record.ttl, |set| set.ttl);
        dns::Record { ttl, ..record }
    };
    managed.into_iter().map(served).collect()
}

fn denial(settings: &ZoneSettings) -> Denial {
    if settings.nsec3 { Denial::Nsec3 } else { Denial::Nsec }
}

/// A new zone begins with what a file brought, or with the time, which is later than what another server that
/// counts had given it.
fn first_serial(draft: &Draft, now: Timestamp) -> Serial {
    let wish = draft.serial_wish.filter(|wish| wish.0 != 0);
    wish.unwrap_or(Serial((now.unix_seconds() & 0xffff_ffff) as u32))
}

/// After how long it is looked whether new keys are seen everywhere: secondaries that are told need no longer.
pub const LOOK_SOON_S: u32 = 30;
/// How often a zone whose keys wait for something to be seen is looked at, in seconds.
const LOOK_EVERY_S: u32 = 600;
/// How often all others are, so that a DS that goes astray, or a server that lags, is seen within the day.
const LOOK_RARELY_S: u32 = 6 * 3600;

/// Whether a change publishes other keys than before, which machines wait to be seen.
fn shows_new_keys(draft: &Draft, beside: &Beside, policy: &Policy) -> bool {
    let records = |books: &HashMap<String, DkimBook>, domain: &str| {
        books.get(domain).map(DkimBook::records).unwrap_or_default()
    };
    draft.keys.keys.publication(policy).revision != beside.keys.keys.publication(policy).revision
        || draft.certificate.digests() != beside.certificate.digests()
        || draft.domains.iter().any(|domain| records(&draft.dkim, domain) != records(&beside.dkim, domain))
}

/// When somebody must look at the zone again, in Unix milliseconds: to sign, to see whether what keys wait for
/// has come. Zones without keys and without mail are left alone.
fn due_ms(draft: &Draft, next_due: Option<Timestamp>, now: Timestamp, soon: bool) -> Option<i64> {
    let waiting = draft.keys.keys.is_signed() && !draft.keys.keys.is_secure();
    let young = draft.dkim.values().any(|book| book.signing_keys().len() < 2);
    let every = match (draft.keys.keys.is_signed() || !draft.dkim.is_empty(), waiting || young) {
        _ if soon => Some(LOOK_SOON_S),
        (_, true) => Some(LOOK_EVERY_S),
        (true, false) => Some(LOOK_RARELY_S),
        (false, false) => None,
    };
    let look = every.map(|every| match draft.zone.due_ms {
        // A look that is due, or coming anyway, is not put off by changes in between: who looked takes it away.
        Some(due) if due <= to_ms(now + every) => due,
        _ => to_ms(now + every),
    });
    look.into_iter().chain(next_due.map(to_ms)).min()
}

fn to_ms(at: Timestamp) -> i64 {
    i64::try_from(at.unix_seconds()).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

/// What a change brings that will surprise somebody, a sentence each.
///
/// # Errors
/// [`ZoneError::Faults`] if the zone would be unfit to be served.
fn findings(before: &ZoneData, after: &ZoneData) -> Result<Vec<String>, ZoneError> {
    let found = check_change(before, after);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|finding| finding.severity == Severity::Error);
    if errors.is_empty() {
        return Ok(warnings.iter().map(ToString::to_string).collect());
    }
    let told = errors.iter().map(|finding| format!("{}: {}", finding.name, finding.problem));
    Err(ZoneError::Faults(told.collect()))
}
