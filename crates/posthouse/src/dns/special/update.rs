//! Dynamic updates (RFC 2136).

use super::{Checked, Way, Work, once};
use crate::dns::acl;
use crate::dns::names::Names;
use crate::dns::reply::{Extended, refuse};
use crate::dns::zones::{Why, ZoneError};
use crate::metrics::metrics;
use ::dns::Rcode;
use ::dns::update::{Refusal, Update};
use std::sync::Arc;
use store::{PeerRole, ZoneKind};

/// Decides at once whether it may be done, and does it aside.
pub(super) fn work(names: &Arc<Names>, checked: Checked, way: &Way) -> Work {
    let unix_s = names.unix_s();
    let update = match Update::parse(&checked.plain) {
        Ok(update) => update,
        Err(code) => return Work::Now(checked.refuse(unix_s, code, None)),
    };
    let zone = update.zone.name.clone();
    let Some(head) = names.zones().head(&zone) else {
        return Work::Now(checked.refuse(unix_s, Rcode::NOTAUTH, Some(Extended::NotAuthoritative)));
    };
    let asker = checked.asker(way);
    if head.kind != ZoneKind::Primary || !acl::may(&head, PeerRole::Updates, &asker) {
        names.stranger("an update", &zone, way);
        return Work::Now(checked.refuse(unix_s, Rcode::REFUSED, Some(Extended::Prohibited)));
    }
    let who = match asker.key {
        Some(_) => "a key",
        None => "an address",
    };
    let what = format!("update from {}, allowed by {who}", asker.address);
    let names = names.clone();
    Work::Later(Box::pin(async move {
        let zones = names.zones().clone();
        let done = tokio::task::spawn_blocking(move || carry_out(&zones, &update, &what)).await;
        let code = done.unwrap_or(Rcode::SERVFAIL);
        once(checked.seal(names.unix_s(), refuse(&checked.plain, code, None)))
    }))
}

/// Does the update whole or not at all (RFC 2136 §3.7).
fn carry_out(zones: &crate::dns::zones::Zones, update: &Update, what: &str) -> Rcode {
    let mut refusal = None;
    let changed = zones.change(&update.zone.name, &Why::edit(what), |draft| {
        let mut zone = draft.unsigned();
        let owner =
            |name: &::dns::Name, rtype| draft.is_managed(name, rtype).then(|| "mail records".to_string());
        if let Err(why) = update.check(&zone, owner) {
            refusal = Some(why);
            return Err(ZoneError::Refused("the update was refused".into()));
        }
        if update.apply(&mut zone) {
            draft.take_unsigned(zone);
        }
        Ok(())
    });
    match (changed, refusal) {
        (Ok((_, changed)), _) => {
            metrics().dns_updates.inc();
            tracing::info!(zone = %update.zone.name, serial = changed.serial.0, what, "a zone was updated");
            Rcode::NOERROR
        }
        (Err(_), Some(refusal)) => {
            if let Refusal::Managed(name, rtype, owner) = &refusal {
                tracing::warn!(zone = %update.zone.name, %name, %rtype, owner, what, "an update was refused: somebody else manages this");
            }
            refusal.rcode()
        }
        (Err(error @ (ZoneError::Faults(_) | ZoneError::Refused(_))), _) => {
            tracing::warn!(zone = %update.zone.name, %error, what, "an update was refused");
            Rcode::REFUSED
        }
        (Err(error), _) => {
            metrics().store_failures.inc();
            tracing::error!(zone = %update.zone.name, %error, what, "an update failed");
            Rcode::SERVFAIL
        }
    }
}
