//! Zones that come, go, and come back.

use super::super::settings::ZoneSettings;
use super::change::{Changed, Why, read_of};
use super::{ZoneError, Zones, stored_name};
use dns::{Name, Serial};
use std::sync::PoisonError;
use store::{GoneZone, KeyPurpose, StoreError, Zone, ZoneChangeKind, ZoneKind, ZoneNote, ZonePeer};

/// How long a zone that was deleted may come back, in days. It is kept with the secrets that sign it: not for ever.
pub const DELETED_KEPT_DAYS: i64 = 30;

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Deleted zones that one transaction forgets at most: large ones take long.
const FORGOTTEN_MAX: u32 = 10;

/// What became of a zone that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// What was changed in it; nothing in one whose records come from elsewhere.
    pub changed: Option<Changed>,
    /// Who has nothing to do with it any more, because the shared key is gone.
    pub lost: Vec<ZonePeer>,
}

impl Zones {
    /// Makes a zone, empty so far and not served.
    ///
    /// # Errors
    /// [`StoreError::Exists`], as [`ZoneError::Store`].
    pub fn create(&self, name: &Name, kind: ZoneKind, settings: &ZoneSettings) -> Result<Zone, ZoneError> {
        let (text, settings) = (stored_name(name), settings.to_text());
        Ok(self.store().write_blocking(move |tx| tx.add_zone(&text, kind, &settings))?)
    }

    /// Deletes a zone. [`Zones::bring_back`] undoes it.
    ///
    /// # Errors
    /// [`ZoneError::NoZone`]; the store's.
    pub fn put_away(&self, name: &Name) -> Result<(), ZoneError> {
        let (zone, at_ms) = (self.zone(name)?, self.now_ms());
        self.store().write_blocking(move |tx| tx.put_zone_away(zone.id, at_ms, "delete the zone"))?;
        self.gone(name);
        Ok(())
    }

    /// Removes a zone that need not come back; what was deleted before under its name may still. Keys that it made
    /// stay.
    ///
    /// # Errors
    /// [`ZoneError::NoZone`]; the store's.
    pub fn delete(&self, name: &Name) -> Result<(), ZoneError> {
        let zone = self.zone(name)?;
        self.store().write_blocking(move |tx| tx.remove_zone(zone.id))?;
        self.gone(name);
        Ok(())
    }

    /// The same, with the keys that sign it.
    ///
    /// # Errors
    /// [`ZoneError::NoZone`]; the store's.
    pub fn delete_for_good(&self, name: &Name) -> Result<(), ZoneError> {
        let zone = self.zone(name)?;
        self.store().write_blocking(move |tx| {
            tx.remove_zone(zone.id)?;
            tx.remove_name_keys(&zone.name, KeyPurpose::Zone)
        })?;
        self.gone(name);
        Ok(())
    }

    fn gone(&self, name: &Name) {
        self.forget(name);
        self.show_signals(name);
    }

    /// The zone that was deleted last under exactly this name, if it may come back still.
    ///
    /// # Errors
    /// The store's.
    pub fn gone_zone(&self, name: &Name) -> Result<Option<GoneZone>, ZoneError> {
        let text = stored_name(name);
        Ok(self.store().read_blocking(move |view| view.gone_zone(&text))?)
    }

    /// Undoes the deletion of a zone: it is as it was, with its keys, signed anew under a later serial than the last
    /// one that was served.
    ///
    /// # Errors
    /// [`ZoneError::NoZone`] if none was deleted, or too long ago; [`StoreError::Exists`], as [`ZoneError::Store`], if
    /// there is a zone of that name; the store's. Nothing was changed then.
    pub fn bring_back(&self, name: &Name) -> Result<Back, ZoneError> {
        let no_zone = || ZoneError::NoZone(name.to_text_without_dot());
        let gone = self.gone_zone(name)?.ok_or_else(no_zone)?;
        let id = gone.zone.id;
        let lost = self.store().read_blocking(move |view| view.keyless_peers(id))?;
        let changed = match gone.zone.kind {
            ZoneKind::Primary => {
                let changed = self.bring_primary_back(gone)?;
                if changed.tells_parent {
                    self.tell_parent(name);
                }
                self.show_signals(name);
                Some(changed)
            }
            ZoneKind::Secondary | ZoneKind::Catalogue => {
                let note = ZoneNote {
                    at_ms: self.now_ms(),
                    kind: ZoneChangeKind::Undo,
                    undoes: Some(gone.zone.change),
                    what: UNDONE.to_owned(),
                    data: Vec::new(),
                };
                self.store().write_blocking(move |tx| {
                    let zone = tx.bring_zone_back(&gone.zone.name)?;
                    tx.note_zone(zone.id, &note)
                })?;
                self.refresh()?;
                None
            }
        };
        Ok(Back { changed, lost })
    }

    fn bring_primary_back(&self, gone: GoneZone) -> Result<Changed, ZoneError> {
        let (zone, last) = (gone.zone, Serial(gone.last_serial));
        let _one = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let why = Why {
            undoes: Some(zone.change),
            kind: ZoneChangeKind::Undo,
            // What the house wants may have changed meanwhile. That the zone would be wrong by it is no reason to
            // leave the name without one.
            ..Why::house(UNDONE)
        };
        let host = self.host().clone();
        let read = self.store().read_blocking(move |view| {
            if view.zone_by_name(&zone.name)?.is_some() {
                return Err(StoreError::Exists("zone"));
            }
            read_of(view, zone.clone(), true, &host)
        })?;
        let (mut draft, beside) = self.draft_of(read)?;
        // Whoever fetched a zone that was there meanwhile takes this one, too.
        let serial = draft.book.served.serial();
        draft.serial_wish = serial.map(|own| if last.is_after(own) { last } else { own }.plus(1));
        self.finish(draft, &beside, &why)
    }
}

/// What stands in the journal.
const UNDONE: &str = "undo: delete the zone";

/// Forgets zones that were deleted too long ago to come back.
///
/// # Errors
/// The store's.
pub async fn forget_long_gone(store: &store::Store, now_ms: i64) -> Result<u64, StoreError> {
    let (before_ms, mut count) = (now_ms - DELETED_KEPT_DAYS * DAY_MS, 0);
    loop {
        let done = store.write(move |tx| tx.forget_gone_zones(before_ms, FORGOTTEN_MAX)).await?;
        count += done;
        if done < u64::from(FORGOTTEN_MAX) {
            return Ok(count);
        }
    }
}
