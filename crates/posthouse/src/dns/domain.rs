//! What the coming and going of a mail domain means for names.

use super::book::Book;
use super::dkim::{DkimBook, NoKey, SigningKey};
use super::keyring::{ZoneKeyBook, policy};
use super::settings::ZoneSettings;
use super::zones::{Draft, Why, ZoneError, Zones, zone_name};
use dns::Name;
use dns::roll::dkim::{DkimPolicy, DkimSeen};
use dns::roll::keyset::Request as KeyRequest;
use store::{Finding, StoreError, ZoneKind};

/// Makes the DKIM keys that a domain is to have, of which nothing was seen yet.
pub(super) fn first_keys(zones: &Zones, book: &mut DkimBook) -> Result<(), NoKey> {
    let seen = || DkimSeen { at: zones.now(), ..DkimSeen::default() };
    book.step(zones.now(), &[seen(), seen()], &DkimPolicy::default())
}

fn refused(error: NoKey) -> ZoneError {
    ZoneError::Refused(error.to_string())
}

/// Publishes the records of a domain that was added: in its own zone, made and signed for it, or in the zone above
/// it that is here. Says in words what became of it.
pub fn added(zones: &Zones, domain: &str) -> String {
    match publish(zones, domain) {
        Ok(words) => words,
        Err(error) => format!(
            "its records were not published: {error}. Once that is mended, `posthouse dns import {domain} FILE` or \
             `posthouse domain remove` and `add` make its zone"
        ),
    }
}

fn publish(zones: &Zones, domain: &str) -> Result<String, ZoneError> {
    let domain = domain.trim_end_matches('.').to_lowercase();
    let elsewhere =
        || format!("enter the records that `posthouse dns status {domain}` lists where its zone is");
    // What is written in other letters has a zone under its A-label form only.
    let Ok(name) = domain.parse::<Name>() else { return Ok(elsewhere()) };
    if !domain.is_ascii() {
        return Ok(elsewhere());
    }
    match zones.zone_of(&name) {
        Ok(zone) if zone.kind == ZoneKind::Primary => {
            let apex = zone_name(&zone)?;
            let why = Why::upkeep(format!("mail records of {domain}"));
            zones.change(&apex, &why, |draft| keys_of(zones, draft, &domain))?;
            Ok(format!("its records are in the zone {} here", zone.name))
        }
        Ok(_) => Ok(elsewhere()),
        Err(ZoneError::NoZone(_)) if zones.host().serves_names() => {
            make_zone(zones, &name, &domain)?;
            Ok(format!(
                "its zone is served and signed; `posthouse dns status {domain}` says what the registrar needs"
            ))
        }
        Err(ZoneError::NoZone(_)) => {
            let text = domain.clone();
            let before = zones.store().read_blocking(move |view| DkimBook::read(view, &text))?;
            let mut after = before.clone();
            first_keys(zones, &mut after).map_err(refused)?;
            zones.store().write_blocking(move |tx| after.write(tx, &before))?;
            Ok(elsewhere())
        }
        Err(error) => Err(error),
    }
}

fn keys_of(zones: &Zones, draft: &mut Draft, domain: &str) -> Result<(), ZoneError> {
    match draft.dkim.get_mut(domain) {
        Some(book) => first_keys(zones, book).map_err(refused),
        None => Ok(()),
    }
}

fn make_zone(zones: &Zones, name: &Name, domain: &str) -> Result<(), ZoneError> {
    zones.create(name, ZoneKind::Primary, &ZoneSettings::default())?;
    let made = zones.change(name, &Why::upkeep("make the zone"), |draft| {
        let policy = policy(&draft.settings);
        draft
            .keys
            .keys
            .request(KeyRequest::SignNew, &policy)
            .map_err(|error| ZoneError::Refused(error.to_string()))?;
        keys_of(zones, draft, domain)
    });
    if let Err(error) = made {
        zones.delete(name)?;
        return Err(error);
    }
    Ok(())
}

/// Takes the records of a domain that was removed out of the zone here; words to be added to the answer.
pub fn removed(zones: &Zones, domain: &str) -> String {
    let Ok(name) = domain.parse::<Name>() else { return String::new() };
    let Ok(zone) = zones.zone_of(&name) else { return String::new() };
    let why = Why::house(format!("mail records of {domain} go"));
    let done = zone_name(&zone).and_then(|apex| zones.change(&apex, &why, |_| Ok(())));
    match done {
        Ok(_) if zone.name == domain.to_lowercase() => {
            format!("; its zone stays, without mail records, until `posthouse dns delete {domain}`")
        }
        Ok(_) => String::new(),
        Err(error) => format!("; its mail records are still in the zone {}: {error}", zone.name),
    }
}

/// The keys that may sign a domain's messages now: those whose records the world was seen to show for long enough.
///
/// # Errors
/// The store's.
pub fn signing_keys(zones: &Zones, domain: &str) -> Result<Vec<SigningKey>, StoreError> {
    let domain = domain.to_lowercase();
    Ok(zones.store().read_blocking(move |view| DkimBook::read(view, &domain))?.signing_keys())
}

/// What is damaged in zones beyond what the store can tell: content that is none, settings and keys that cannot be
/// read.
///
/// # Errors
/// The store's, if it cannot be read at all.
pub fn check(zones: &Zones) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    let (here, gone) = zones.store().read_blocking(|view| Ok((view.zones()?, view.gone_zones()?)))?;
    let here = here.into_iter().map(|zone| (zone, "zone"));
    let gone = gone.into_iter().map(|gone| (gone.zone, "deleted zone"));
    for (zone, what) in here.chain(gone) {
        let mut finding = |detail: String| {
            findings.push(Finding { what: "zone", where_: format!("{what} {}", zone.name), detail });
        };
        if ZoneSettings::from_text(&zone.settings).is_none() {
            finding("its settings cannot be read".to_owned());
        }
        if ZoneKeyBook::read_state(&zone.state).is_none() {
            finding("the state of its keys cannot be read".to_owned());
        }
        let id = zone.id;
        let name = match zone_name(&zone) {
            Ok(name) => name,
            Err(error) => {
                finding(error.to_string());
                continue;
            }
        };
        match zones.store().read_blocking(move |view| view.zone_content(id)) {
            // That is the store's own finding.
            Err(StoreError::Corrupt(_)) => {}
            Err(error) => return Err(error),
            Ok(content) => match Book::load(&name, &content) {
                Err(error) => finding(error.to_string()),
                Ok(book) if zone.serial != book.served.serial().map_or(0, |serial| serial.0) => {
                    finding("the serial in its SOA record is another".to_owned());
                }
                Ok(_) => {}
            },
        }
    }
    Ok(findings)
}
