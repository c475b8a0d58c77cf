//! Taking back what an operator changed last.

use super::super::book::Step;
use super::super::inverse::Inverse;
use super::super::settings::ZoneSettings;
use super::super::zones::{Back, DELETED_KEPT_DAYS, Draft, Why, ZoneError, Zones};
use super::edit::{seen_now, start_signing};
use super::keys::ask;
use super::{Done, outcome, peers, words};
use dns::Name;
use dns::roll::Observed;
use dns::roll::keyset::{RefusedRequest, Request as KeyRequest};
use store::{StoreError, Zone, ZoneChange, ZoneChangeKind};

/// A change that can be taken back, with what it did.
struct Undoable {
    entry: ZoneChange,
    step: Step,
    inverse: Option<Inverse>,
}

/// Undoes the newest change of a zone that was not undone yet.
///
/// - `skip`: changes that cannot be undone are left as they are, and the newest that can is undone.
pub(super) fn undo(zones: &Zones, zone: &Name, skip: bool) -> Done {
    let here = match zones.zone(zone) {
        Err(ZoneError::NoZone(_)) => return bring_back(zones, zone),
        here => here?,
    };
    let Undoable { entry, step, inverse } = newest(zones, zone, &here, skip)?;
    let text = zone.to_text_without_dot();
    match &inverse {
        Some(Inverse::Peers { address, roles, before }) => {
            peers::take_back(zones, zone, &entry, (address, roles, before))?;
            return words(format!("undone is \"{}\"", entry.what));
        }
        Some(Inverse::Unfollow) => {
            zones.delete(zone)?;
            return words(format!("undone is \"{}\"\n{text} is no zone of this server any more", entry.what));
        }
        _ => {}
    }
    // Only who may stop at once needs to know what the parent shows.
    let observed = match &inverse {
        Some(Inverse::Unsign { in_order: false, .. }) => seen_now(zones, zone)?,
        _ => Observed::default(),
    };
    let settings = match step.settings.as_deref().map(ZoneSettings::from_text) {
        Some(None) => {
            return Err(StoreError::Corrupt(format!("settings in the journal of zone {text}")).into());
        }
        settings => settings.flatten(),
    };
    let why = Why {
        kind: ZoneChangeKind::Undo,
        undoes: Some(entry.change),
        what: format!("undo: {}", entry.what),
        whole: true,
        keeps_served: false,
    };
    let ((), changed) = zones.change(zone, &why, |draft| {
        step.undo(&mut draft.yours);
        if let Some(before) = &settings {
            draft.settings.take_back(before.clone());
        }
        match &inverse {
            Some(inverse) => take_back(draft, inverse, &observed),
            None => Ok(()),
        }
    })?;
    words(format!("undone is \"{}\"\n{}", entry.what, outcome(zone, &changed)))
}

/// The newest change that is to be undone.
///
/// An older one is not undone in place of one that cannot be, unless that was asked for: who undoes has the last
/// change in mind.
fn newest(zones: &Zones, zone: &Name, here: &Zone, skip: bool) -> Result<Undoable, ZoneError> {
    let (id, text) = (here.id, zone.to_text_without_dot());
    let (mut before, mut refused) = (None, None);
    loop {
        let found = zones.store().read_blocking(move |view| view.zone_undoable(id, before))?;
        let Some(entry) = found else { break };
        let step = Step::from_bytes(&entry.data)?;
        let inverse = step.inverse.as_deref().map(|inverse| {
            let unknown = || Inverse::Never { why: "what it did is not known to this program".to_owned() };
            Inverse::from_text(inverse).unwrap_or_else(unknown)
        });
        match (never(&text, &entry, inverse.as_ref()), &refused) {
            (None, Some(refused)) if !skip => {
                return Err(ZoneError::Refused(format!(
                    "{refused}. `posthouse dns undo {text} --skip` leaves it as it is and undoes \"{}\"",
                    entry.what
                )));
            }
            (None, _) => return Ok(Undoable { entry, step, inverse }),
            (Some(why), None) => {
                refused = Some(format!("{text}: \"{}\" cannot be undone: {why}", entry.what));
            }
            (Some(_), Some(_)) => {}
        }
        before = Some(entry.change);
    }
    let mut why = refused.unwrap_or_else(|| format!("{text}: there is no edit to undo"));
    if zones.gone_zone(zone)?.is_some() {
        why.push_str(&format!(
            ". The zone {text} that was deleted cannot come back while another of its name is here: after \
             `posthouse dns delete {text} --for-good` it can"
        ));
    }
    Err(ZoneError::Refused(why))
}

/// Why a change cannot be undone.
fn never(zone: &str, entry: &ZoneChange, inverse: Option<&Inverse>) -> Option<String> {
    match inverse {
        Some(Inverse::Never { why }) => Some(why.clone()),
        // Without its records it would be a zone that nobody wanted.
        _ if entry.serial_before == 0 && entry.serial != 0 => {
            Some(format!("it made the zone; `posthouse dns delete {zone}` takes the zone away"))
        }
        _ => None,
    }
}

fn take_back(draft: &mut Draft, inverse: &Inverse, observed: &Observed) -> Result<(), ZoneError> {
    match inverse {
        Inverse::Denial { nsec3 } => draft.settings.nsec3 = *nsec3,
        Inverse::Unsign { nsec3, split, in_order } => {
            (draft.settings.nsec3, draft.settings.split) = (*nsec3, *split);
            if draft.keys.keys.current().is_none() {
                return Ok(());
            }
            // Where nobody ever relied on the signatures, nobody misses them.
            let keys = &draft.keys.keys;
            match !in_order && !keys.saw_ds() && keys.may_stop_at_once(observed).is_ok() {
                true => draft.keys.clear(),
                false => ask(draft, KeyRequest::Unsign)?,
            }
        }
        Inverse::Sign { nsec3, split } => {
            (draft.settings.nsec3, draft.settings.split) = (*nsec3, *split);
            if !draft.keys.keys.is_signed() && draft.keys.keys.current().is_some() {
                let zone = &draft.zone.name;
                return Err(ZoneError::Refused(format!(
                    "{zone}: its signatures are on their way out of caches: {}. Once that is over, `posthouse dns \
                     undo {zone}` signs it again, with new keys",
                    RefusedRequest::Busy
                )));
            }
            start_signing(draft)?;
        }
        // These are no changes of a zone's content.
        Inverse::Peers { .. } | Inverse::Unfollow | Inverse::Never { .. } => {}
    }
    Ok(())
}

/// Undoes the deletion of a zone.
fn bring_back(zones: &Zones, zone: &Name) -> Done {
    let text = zone.to_text_without_dot();
    let back = zones.bring_back(zone).map_err(|error| match error {
        ZoneError::NoZone(name) => ZoneError::Refused(format!(
            "there is no zone for {name} here, nor was one deleted in the last {DELETED_KEPT_DAYS} days"
        )),
        ZoneError::Store(StoreError::Exists(_)) => {
            ZoneError::Refused(format!("{text}: a zone of that name was made meanwhile"))
        }
        error => error,
    })?;
    let Back { changed, lost } = back;
    let mut said = format!("{text} is back, as it was when it was deleted");
    if let Some(changed) = changed {
        said.push('\n');
        said.push_str(&outcome(zone, &changed));
    }
    for peer in lost {
        let key = peer.tsig_key.unwrap_or_default();
        said.push_str(&format!(
            "\n{} has nothing to do with it any more: its key {key} is gone",
            peer.address
        ));
    }
    words(said)
}
