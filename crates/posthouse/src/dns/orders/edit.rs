//! Orders that change zones.

use super::super::book::{is_of_signing, unpack_records};
use super::super::inverse::Inverse;
use super::super::look;
use super::super::request::DnsRequest;
use super::super::settings::{Ignored, ZoneSettings};
use super::super::zones::{Changed, DELETED_KEPT_DAYS, Draft, Why, ZoneError, Zones};
use super::{Done, name, outcome, words};
use crate::admin::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dns::roll::Observed;
use dns::roll::keyset::{RefusedRequest, Request as KeyRequest};
use dns::{Name, RData, Record, RecordType, Soa, ZoneData};
use std::collections::BTreeMap;
use store::ZoneKind;

/// The TTL of what is added without one, in seconds.
const TTL_S: u32 = 3600;

pub(super) fn carry_out(zones: &Zones, request: DnsRequest) -> Done {
    match request {
        DnsRequest::Import { zone, records, unsigned } => {
            let bytes = STANDARD.decode(records).map_err(|error| ZoneError::Refused(error.to_string()))?;
            let records = unpack_records(&bytes)?;
            drop(bytes);
            import(zones, &name(&zone)?, records, unsigned)
        }
        DnsRequest::Add { lines } => add(zones, &lines),
        DnsRequest::Remove { name: owner, rtype, data } => {
            remove(zones, &name(&owner)?, rtype.as_deref(), data.as_deref())
        }
        DnsRequest::Undo { zone, skip } => super::undo::undo(zones, &name(&zone)?, skip),
        DnsRequest::Delete { zone, force, for_good } => delete(zones, &name(&zone)?, force, for_good),
        DnsRequest::Ignore { name: owner, rtype, ignore } => {
            self::ignore(zones, &name(&owner)?, &rtype, ignore)
        }
        DnsRequest::Mail { zone, dmarc, reports_to, records } => {
            let zone = name(&zone)?;
            if (dmarc, &reports_to, records) == (None, &None, None) {
                return mail_settings(zones, &zone);
            }
            let (_, changed) = zones.change(&zone, &Why::edit("settings of the mail records"), |draft| {
                draft.settings.dmarc = dmarc.unwrap_or(draft.settings.dmarc);
                draft.settings.mail_records = records.unwrap_or(draft.settings.mail_records);
                if let Some(address) = &reports_to {
                    if !address.contains('@') || address.contains([';', ' ', '"', ',']) {
                        return Err(ZoneError::Refused(format!("{address:?} is no mail address")));
                    }
                    draft.settings.reports_to = Some(address.clone());
                }
                Ok(())
            })?;
            let settings = mail_settings(zones, &zone)?;
            match settings {
                Reply::Done { message } => words(format!("{}\n{message}", outcome(&zone, &changed))),
                other => Ok(other),
            }
        }
        request => super::peers::carry_out(zones, request),
    }
}

/// What is set of a zone's mail records, in words.
fn mail_settings(zones: &Zones, zone: &Name) -> Done {
    let (draft, _) = zones.placements(zone)?;
    let (settings, text) = (draft.settings, zone.to_text_without_dot());
    let reports = settings.reports_to.unwrap_or_else(|| format!("postmaster@{text}"));
    words(match settings.mail_records {
        true => {
            format!("{text}: mail records are managed; DMARC {}, reports to {reports}", settings.dmarc.word())
        }
        false => format!("{text}: mail records are yours"),
    })
}

fn add(zones: &Zones, lines: &[String]) -> Done {
    let mut by_zone: BTreeMap<Name, Vec<Record>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        let record = record(line)?;
        let zone = zone_for(zones, &record.owner, record.rtype())?;
        by_zone.entry(zone).or_default().push(record);
    }
    let [(zone, records)] = &by_zone.into_iter().collect::<Vec<_>>()[..] else {
        return Err(ZoneError::Refused(
            "one command changes one zone: these lines are of none or of several".into(),
        ));
    };
    let what = match &records[..] {
        [one] => format!("add {} {} {}", one.owner, one.rtype(), one.data),
        [first, more @ ..] => {
            format!("add {} {} {} and {} more", first.owner, first.rtype(), first.data, more.len())
        }
        [] => String::new(),
    };
    let (_, changed) = zones.change(zone, &Why::edit(what), |draft| {
        for record in records {
            refuse_signing(draft, &record.owner, record.rtype())?;
            // A set has one TTL: the newest wish holds for all of it (RFC 2181 §5.2).
            draft.yours.insert(record.clone()).map_err(|error| ZoneError::Refused(error.to_string()))?;
        }
        Ok(())
    })?;
    words(outcome(zone, &changed))
}

/// The zone in which records of a type stand at a name: a DS record stands above the cut, in the parent's zone
/// (RFC 4035 §2.4).
fn zone_for(zones: &Zones, owner: &Name, rtype: RecordType) -> Result<Name, ZoneError> {
    let at = super::super::zones::zone_name(&zones.zone_of(owner)?)?;
    let Some(above) = owner.parent().filter(|_| rtype == RecordType::DS && at == *owner) else {
        return Ok(at);
    };
    let found = zones.zone_of(&above).map_err(|_| {
        ZoneError::Refused(format!("{owner} DS: this record stands in the parent's zone, which is not here"))
    })?;
    super::super::zones::zone_name(&found)
}

/// A line of a master file with an absolute name.
fn record(line: &str) -> Result<Record, ZoneError> {
    let text = format!("{line}\n");
    let read = dns::master::read(
        &Name::root(),
        "the line",
        format!("$TTL {TTL_S}\n{text}").as_bytes(),
        &mut dns::master::NoInclude,
    );
    let zone = read.map_err(|error| ZoneError::Refused(format!("{line}: {}", error.reason)))?;
    let record = zone.records().next();
    record.ok_or_else(|| ZoneError::Refused(format!("{line}: there is no record in it")))
}

fn refuse_signing(draft: &Draft, owner: &Name, rtype: RecordType) -> Result<(), ZoneError> {
    if draft.keys.keys.is_signed() && is_of_signing(draft.yours.apex(), owner, rtype) {
        return Err(ZoneError::Refused(format!(
            "{rtype} records of a signed zone are made by signing it: see `posthouse dns key` for keys"
        )));
    }
    Ok(())
}

fn remove(zones: &Zones, owner: &Name, rtype: Option<&str>, data: Option<&str>) -> Done {
    let rtype: Option<RecordType> = match rtype {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|_| ZoneError::Refused(format!("{text} is no type of records")))?)
        }
    };
    let zone = zone_for(zones, owner, rtype.unwrap_or(RecordType::ANY))?;
    let data: Option<RData> = match (rtype, data) {
        (Some(rtype), Some(text)) => Some(
            RData::parse(rtype, text, Some(&zone))
                .map_err(|error| ZoneError::Refused(format!("{text}: {error}")))?,
        ),
        _ => None,
    };
    let what = match rtype {
        Some(rtype) => format!("remove {owner} {rtype}"),
        None => format!("remove {owner}"),
    };
    let ((), changed) = zones.change(&zone, &Why::edit(what), |draft| {
        let Some(node) = draft.yours.node(owner) else { return Err(not_yours(draft, owner, rtype)) };
        let fits = |set: &&dns::RRset| rtype.is_none_or(|rtype| set.rtype() == rtype);
        let doomed: Vec<RData> =
            node.sets().iter().filter(fits).flat_map(|set| set.data().to_vec()).collect();
        let doomed: Vec<RData> =
            doomed.into_iter().filter(|found| data.as_ref().is_none_or(|data| data == found)).collect();
        if doomed.is_empty() {
            return Err(not_yours(draft, owner, rtype));
        }
        for data in &doomed {
            draft.yours.remove(owner, data);
        }
        Ok(())
    })?;
    words(outcome(&zone, &changed))
}

fn not_yours(draft: &Draft, owner: &Name, rtype: Option<RecordType>) -> ZoneError {
    let managed = draft
        .book
        .managed
        .iter()
        .any(|record| record.owner == *owner && rtype.is_none_or(|rtype| record.rtype() == rtype));
    ZoneError::Refused(match managed {
        true => format!(
            "{owner}: managed here; `posthouse dns ignore {} TYPE` leaves it to you",
            owner.to_text_without_dot()
        ),
        false => format!("{owner}: there is no such record"),
    })
}

/// The records of a file in place of what is the operator's.
///
/// # Errors
/// [`ZoneError`]; nothing was changed then, but that an empty zone may have been made.
fn import(zones: &Zones, zone: &Name, records: Vec<Record>, unsigned: bool) -> Done {
    let count = records.len();
    let incoming = ZoneData::from_records(zone.clone(), records)
        .map_err(|error| ZoneError::Refused(error.to_string()))?;
    let serial_wish = incoming.serial();
    let made = match zones.zone(zone) {
        Ok(_) => false,
        Err(ZoneError::NoZone(_)) => {
            zones.create(zone, ZoneKind::Primary, &ZoneSettings::default())?;
            true
        }
        Err(error) => return Err(error),
    };
    let observed = if unsigned && !made { seen_now(zones, zone)? } else { Observed::default() };
    let why = Why { whole: true, ..Why::edit(format!("import {count} records")) };
    let done = zones.change(zone, &why, |draft| {
        if unsigned {
            if draft.keys.keys.is_signed() {
                draft.inverse = Some(sign_again(draft));
            }
            stop_signing(draft, &observed)?;
        } else if made {
            start_signing(draft)?;
        }
        draft.serial_wish = serial_wish;
        draft.yours = taken(draft, &incoming)?;
        Ok(())
    });
    match done {
        Ok((_, changed)) => words(outcome(zone, &changed)),
        Err(error) => {
            if made {
                zones.delete(zone)?;
            }
            Err(error)
        }
    }
}

/// What of an imported file becomes the operator's: all but the records of signing, where this server signs, and
/// what is managed exactly so.
fn taken(draft: &Draft, incoming: &ZoneData) -> Result<ZoneData, ZoneError> {
    let mut yours = incoming.clone();
    if draft.keys.keys.is_signed() {
        yours = dns::dnssec::sign::without_dnssec(&yours);
    }
    if let Some((ttl, mut soa)) = yours.soa() {
        soa.serial = dns::Serial(0);
        let apex = yours.apex().clone();
        yours
            .set(&apex, dns::RRset::new(ttl, soa.to_rdata()))
            .map_err(|error| ZoneError::Refused(error.to_string()))?;
    }
    for record in &draft.book.managed {
        let same = yours
            .get(&record.owner, record.rtype())
            .is_some_and(|set| set.data().contains(&record.data) || is_same_soa(record, set.data().first()));
        if same && record.rtype() != RecordType::SOA {
            yours.remove(&record.owner, &record.data);
        }
    }
    Ok(yours)
}

fn is_same_soa(record: &Record, other: Option<&RData>) -> bool {
    match (Soa::from_rdata(&record.data), other.and_then(Soa::from_rdata)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// Asks for signing; being signed already is what was wanted.
pub(super) fn start_signing(draft: &mut Draft) -> Result<(), ZoneError> {
    let policy = super::super::keyring::policy(&draft.settings);
    let request = match draft.book.served.soa() {
        Some(_) => KeyRequest::Sign,
        None => KeyRequest::SignNew,
    };
    match draft.keys.keys.request(request, &policy) {
        Ok(()) | Err(RefusedRequest::Signed) => Ok(()),
        Err(error) => Err(ZoneError::Refused(error.to_string())),
    }
}

/// What takes back that a zone is signed no more.
pub(super) fn sign_again(draft: &Draft) -> Inverse {
    Inverse::Sign { nsec3: draft.settings.nsec3, split: draft.settings.split }
}

/// What the parent shows now, where something hangs on it; blocks, for seconds where servers are silent.
pub(super) fn seen_now(zones: &Zones, zone: &Name) -> Result<Observed, ZoneError> {
    let (draft, _) = zones.placements(zone)?;
    Ok(match draft.keys.keys.current() {
        Some(_) => {
            let parent = look::parent(zones, zone, &draft.keys.keys);
            look::observed(zones, &draft, &[], &parent)
        }
        None => Observed::default(),
    })
}

/// Drops signatures at once, which is harmless only while the parent knows nothing of them.
pub(super) fn stop_signing(draft: &mut Draft, observed: &Observed) -> Result<(), ZoneError> {
    draft.keys.keys.may_stop_at_once(observed).map_err(|why| {
        ZoneError::Refused(format!(
            "{why}: without signatures, validating resolvers would refuse every answer of {0}. \
             `posthouse dns unsign {0}` stops in the right order, and `posthouse dns status {0}` says what it waits for",
            draft.zone.name
        ))
    })?;
    draft.keys.clear();
    Ok(())
}

fn delete(zones: &Zones, zone: &Name, force: bool, for_good: bool) -> Done {
    let (draft, _) = zones.placements(zone)?;
    let text = zone.to_text_without_dot();
    if !force && draft.keys.keys.is_signed() {
        let observed = look::observe(zones, &draft);
        draft.keys.keys.may_delete(&observed).map_err(|why| {
            ZoneError::Refused(format!("{text} was not removed: {why} (--force removes it all the same)"))
        })?;
    }
    if for_good {
        zones.delete_for_good(zone)?;
        return words(format!("{text} is no zone of this server any more, and nothing of it is kept"));
    }
    zones.put_away(zone)?;
    words(format!(
        "{text} is no zone of this server any more; `posthouse dns undo {text}` brings it back with its keys, for \
         {DELETED_KEPT_DAYS} days"
    ))
}

fn ignore(zones: &Zones, owner: &Name, rtype: &str, ignore: bool) -> Done {
    let zone = super::super::zones::zone_name(&zones.zone_of(owner)?)?;
    let rtype: RecordType =
        rtype.parse().map_err(|_| ZoneError::Refused(format!("{rtype} is no type of records")))?;
    let entry = Ignored { name: owner.to_lowercase().to_string(), rtype: rtype.to_string() };
    let verb = if ignore { "leave to the operator" } else { "manage" };
    let what = format!("{verb}: {owner} {rtype}");
    let (_, changed) = zones.change(&zone, &Why::edit(what), |draft| {
        draft.settings.ignored.retain(|old| *old != entry);
        if ignore {
            draft.settings.ignored.push(entry.clone());
        }
        Ok(())
    })?;
    words(outcome(&zone, &changed))
}

/// What became of a change, for those who have one.
pub(super) fn told(zone: &Name, changed: &Changed) -> Done {
    words(outcome(zone, changed))
}
