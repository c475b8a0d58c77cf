//! Orders that show something.

use super::super::inverse::role_word;
use super::super::request::{ChangeRow, DnsReply, DnsRequest, PeerRow, RecordRow, TsigRow, ZoneRow};
use super::super::zones::{Placed, ZoneError, Zones};
use super::{Done, name};
use crate::admin::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dns::master::MasterText;
use store::{ZoneChangeKind, ZoneKind};

fn show(reply: DnsReply) -> Done {
    Ok(Reply::Dns(reply))
}

pub(super) fn carry_out(zones: &Zones, request: DnsRequest) -> Done {
    match request {
        DnsRequest::List { zone: None, .. } => list_zones(zones),
        DnsRequest::List { zone: Some(zone), signing } => list_records(zones, &zone, signing),
        DnsRequest::Export { zone } => {
            let book = zones.book(&zones.zone(&name(&zone)?)?)?;
            show(DnsReply::Text { text: MasterText(&book.served).to_string() })
        }
        DnsRequest::Log { zone, limit } => log(zones, &zone, limit),
        DnsRequest::Peers { zone } => {
            let id = zones.zone(&name(&zone)?)?.id;
            let peers = zones.store().read_blocking(move |view| view.zone_peers(id))?;
            let row = |peer: store::ZonePeer| PeerRow {
                role: role_word(peer.role).to_owned(),
                address: peer.address,
                key: peer.tsig_key,
            };
            show(DnsReply::Peers(peers.into_iter().map(row).collect()))
        }
        DnsRequest::TsigShow { name } => {
            let wanted = name.trim_end_matches('.').to_ascii_lowercase();
            let keys = zones.store().read_blocking(|view| view.tsig_keys())?;
            let key = keys.into_iter().find(|key| key.name == wanted);
            let key = key.ok_or_else(|| ZoneError::Refused(format!("there is no key {wanted}")))?;
            let secret = STANDARD.encode(&key.secret.0);
            show(DnsReply::Text { text: format!("{}:{}:{secret}\n", key.algorithm, key.name) })
        }
        _ => {
            let keys = zones.store().read_blocking(|view| view.tsig_keys())?;
            let row = |key: store::TsigKey| TsigRow { name: key.name, algorithm: key.algorithm };
            show(DnsReply::TsigKeys(keys.into_iter().map(row).collect()))
        }
    }
}

fn list_zones(zones: &Zones) -> Done {
    let mut rows = Vec::new();
    for zone in zones.store().read_blocking(|view| view.zones())? {
        let book = zones.book(&zone)?;
        rows.push(ZoneRow {
            kind: match zone.kind {
                ZoneKind::Primary => "primary",
                ZoneKind::Secondary => "secondary",
                ZoneKind::Catalogue => "catalogue",
            }
            .to_owned(),
            serial: zone.serial,
            signed: book.signed,
            records: book.served.record_count() as u64,
            zone: zone.name,
        });
    }
    show(DnsReply::Zones(rows))
}

fn list_records(zones: &Zones, zone: &str, signing: bool) -> Done {
    let (draft, placements) = zones.placements(&name(zone)?)?;
    let mut rows = Vec::new();
    for (record, owner) in draft.book.owners() {
        if owner.word() == "signing" && !signing {
            continue;
        }
        let conflict = placements.iter().find(|placement| {
            let other = placement.record.as_ref();
            matches!(placement.placed, Placed::Conflict(_))
                && other.is_some_and(|other| other.owner == record.owner && other.rtype() == record.rtype())
        });
        let note = conflict.filter(|_| owner.word() == "yours");
        rows.push(RecordRow {
            name: record.owner.to_string(),
            ttl: record.ttl.seconds(),
            rtype: record.rtype().to_string(),
            data: record.data.to_string(),
            owner: owner.word().to_owned(),
            note: note.map(|conflict| format!("in place of the managed {}", conflict.wanted.data)),
        });
    }
    for placement in placements.iter().filter(|placement| placement.placed == Placed::Ignored) {
        rows.push(RecordRow {
            name: placement.wanted.name.clone(),
            ttl: 0,
            rtype: placement.wanted.rtype.to_owned(),
            data: placement.wanted.data.clone(),
            owner: "ignored".to_owned(),
            note: Some("left to you, and not published".to_owned()),
        });
    }
    show(DnsReply::Records(rows))
}

fn log(zones: &Zones, zone: &str, limit: u32) -> Done {
    let apex = name(zone)?;
    let id = match (zones.zone(&apex), zones.gone_zone(&apex)?) {
        (Ok(zone), _) => zone.id,
        // What became of a zone that was deleted.
        (Err(ZoneError::NoZone(_)), Some(gone)) => gone.zone.id,
        (Err(error), _) => return Err(error),
    };
    let changes = zones.store().read_blocking(move |view| view.zone_changes(id, limit))?;
    let row = |change: store::ZoneChange| ChangeRow {
        at_ms: change.at_ms,
        serial: change.serial,
        kind: match change.kind {
            ZoneChangeKind::Edit => "edit",
            ZoneChangeKind::Upkeep => "upkeep",
            ZoneChangeKind::Transfer => "transfer",
            ZoneChangeKind::Undo => "undo",
        }
        .to_owned(),
        what: change.what,
        undone: change.undone.is_some(),
    };
    show(DnsReply::Changes(changes.into_iter().map(row).collect()))
}
