//! The catalogue zone (RFC 9432): secondaries that follow it learn by themselves which zones to serve.
//!
//! It is made of the list of zones alone, so it is made anew whenever that list changes.

use super::names::Names;
use super::settings::ZoneSettings;
use super::zones::{Event, Why, ZoneError, Zones};
use ::dns::catalog::catalogue;
use ::dns::{Name, Serial};
use std::sync::Arc;
use std::time::Duration;
use store::{StoreError, ZoneChangeKind, ZoneKind};
use tokio::sync::{broadcast, watch};

/// Zones that come together are one change.
const GATHER: Duration = Duration::from_millis(200);

/// Keeps the catalogue `apex` true until `stop`.
pub async fn run(names: Arc<Names>, apex: Name, mut stop: watch::Receiver<bool>) {
    let mut events = names.zones().events();
    loop {
        let (zones, name) = (names.zones().clone(), apex.clone());
        match tokio::task::spawn_blocking(move || make(&zones, &name)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(catalogue = %apex, %error, "the catalogue could not be made"),
            Err(error) => tracing::error!(catalogue = %apex, %error, "the catalogue could not be made"),
        }
        loop {
            let event = tokio::select! {
                () = crate::driver::stopped(&mut stop) => return,
                event = events.recv() => event,
            };
            match event {
                // A new version of a zone changes no list; a new zone shows first by its peers or content.
                Ok(Event::Changed(zone, _)) if zone == apex => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => break,
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
        tokio::time::sleep(GATHER).await;
        while events.try_recv().is_ok() {}
    }
}

/// Writes the catalogue, if the list changed.
fn make(zones: &Zones, apex: &Name) -> Result<(), ZoneError> {
    if zones.head(apex).is_none() {
        match zones.create(apex, ZoneKind::Catalogue, &ZoneSettings::default()) {
            Ok(_) | Err(ZoneError::Store(StoreError::Exists(_))) => {}
            Err(error) => return Err(error),
        }
    } else if zones.head(apex).is_some_and(|head| head.kind != ZoneKind::Catalogue) {
        return Err(ZoneError::Refused("a zone of that name is here and is no catalogue".into()));
    }
    let heads = zones.heads();
    let mut members: Vec<&Name> =
        heads.iter().filter(|head| head.kind == ZoneKind::Primary).map(|head| &head.name).collect();
    members.sort();
    let why = Why { kind: ZoneChangeKind::Transfer, ..Why::upkeep("the list of zones") };
    zones.change(apex, &why, |draft| {
        let refused = |error: ::dns::catalog::CatalogueError| ZoneError::Refused(error.to_string());
        let present = draft.book.served.serial();
        let same = catalogue(apex, members.iter().copied(), present.unwrap_or(Serial(0))).map_err(refused)?;
        if same == draft.book.served {
            return Ok(());
        }
        let serial = present.map_or(Serial(1), |present| present.add(1));
        draft.serial_wish = Some(serial);
        draft.yours = catalogue(apex, members.iter().copied(), serial).map_err(refused)?;
        Ok(())
    })?;
    Ok(())
}
