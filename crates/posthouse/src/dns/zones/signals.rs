//! Names under which this server vouches for zones whose keys nobody trusts yet (RFC 9615).
//!
//! Where the name of a name server lies in a zone of ours, the CDS and CDNSKEY records of all other zones here are
//! shown there too, until their parents have them. A parent that trusts the one zone can then take the keys of
//! the others without anyone having entered them.

use super::super::facts::HostFacts;
use super::super::keyring::{ZoneKeyBook, policy};
use super::super::mail_records::{Wanted, is_within};
use super::super::settings::ZoneSettings;
use super::{Why, Zones, zone_name};
use dns::dnssec::plan::SigningPlan;
use dns::dnssec::signalling::records_for_plan;
use dns::roll::{Cds, ZoneKeys};
use dns::{Name, RecordType};
use store::{StoreError, View, Zone, ZoneKind};

/// What is to be vouched for, if a zone's keys still wait for their parent.
pub(super) fn of_keys(keys: &ZoneKeys, settings: &ZoneSettings) -> Option<Cds> {
    let waits = keys.is_signed() && !keys.is_secure();
    waits.then(|| keys.publication(&policy(settings)).cds)
}

/// The name servers whose names are in `zone`, and in no longer zone of ours.
fn servers_in(view: &mut View<'_>, host: &HostFacts, zone: &str) -> Result<Vec<Name>, StoreError> {
    let mut servers = Vec::new();
    for server in host.name_servers.iter().filter(|server| is_within(&server.name, zone)) {
        let mut rest = server.name.as_str();
        while rest != zone && view.zone_by_name(rest)?.is_none() {
            rest = rest.split_once('.').map_or(zone, |(_, parent)| parent);
        }
        if rest == zone {
            servers.extend(format!("{}.", server.name).parse::<Name>());
        }
    }
    Ok(servers)
}

/// The records that vouch for other zones and belong into `zone`.
pub(super) fn wanted_in(
    view: &mut View<'_>,
    host: &HostFacts,
    zone: &Zone,
) -> Result<Vec<Wanted>, StoreError> {
    let servers = servers_in(view, host, &zone.name)?;
    if servers.is_empty() || zone.kind != ZoneKind::Primary {
        return Ok(Vec::new());
    }
    let mut wanted = Vec::new();
    for other in view.zones()? {
        if other.id == zone.id || other.kind != ZoneKind::Primary {
            continue;
        }
        // What cannot be read of another zone is told where that zone is changed.
        let read = (ZoneKeyBook::read_state(&other.state), ZoneSettings::from_text(&other.settings));
        let ((Some(keys), Some(settings)), Ok(apex)) = (read, zone_name(&other)) else { continue };
        if of_keys(&keys, &settings).is_none() {
            continue;
        }
        let plan = SigningPlan::new(&apex, &keys, &policy(&settings));
        for server in &servers {
            // A name that would be too long cannot be asked for (RFC 9615 §4.4).
            let Ok(records) = records_for_plan(&apex, &plan, server) else { continue };
            wanted.extend(records.into_iter().map(|record| Wanted {
                name: record.owner.to_string(),
                rtype: if record.rtype() == RecordType::CDS { "CDS" } else { "CDNSKEY" },
                data: record.data.to_string(),
                purpose: "vouches for another zone's keys",
                in_zone: true,
            }));
        }
    }
    Ok(wanted)
}

impl Zones {
    /// Shows what is to be vouched for of `zone` in the zones of its name servers.
    pub(super) fn show_signals(&self, zone: &Name) {
        let servers = self.host().name_servers.iter();
        let servers = servers.filter_map(|server| format!("{}.", server.name).parse::<Name>().ok());
        let mut homes: Vec<Name> = servers.filter_map(|server| self.home_of(&server)).collect();
        homes.sort();
        homes.dedup();
        let why = Why::house(format!("vouch for the keys of {}", zone.to_text_without_dot()));
        for home in homes.iter().filter(|home| *home != zone) {
            // The zone itself was changed; the next change of the other brings it too.
            if let Err(error) = self.change(home, &why, |_| Ok(())) {
                tracing::error!(zone = %home, %error, "the keys of another zone could not be vouched for");
            }
        }
    }

    /// The zone of ours that a name lies in, if this server is its primary.
    fn home_of(&self, name: &Name) -> Option<Name> {
        let labels = (1..=name.label_count()).rev();
        let head = labels.map(|count| name.suffix(count)).find_map(|zone| self.head(&zone))?;
        (head.kind == ZoneKind::Primary).then(|| head.name.clone())
    }
}
