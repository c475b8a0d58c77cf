//! Transfers out (RFC 5936, RFC 1995).

use super::{Checked, Way, Work};
use crate::dns::acl;
use crate::dns::names::Names;
use crate::dns::reply::Extended;
use crate::dns::zones::Head;
use crate::metrics::metrics;
use ::dns::transfer::{Messages, TransferRequest, Wanted, steps_records, whole_records};
use ::dns::tsig;
use ::dns::{Rcode, Record, RecordType, Serial, ZoneDiff};
use std::sync::Arc;
use store::PeerRole;
use tokio::sync::mpsc;

/// Messages that are made before the first is taken; each has up to 16 KiB.
const MESSAGES_AHEAD: usize = 4;

/// Decides at once whether the zone may be fetched, and reads it aside.
pub(super) fn work(names: &Arc<Names>, checked: Checked, way: &Way) -> Work {
    let unix_s = names.unix_s();
    let refuse = |code, extended| Work::Now(checked.refuse(unix_s, code, extended));
    let request = match TransferRequest::parse(&checked.plain) {
        Ok(request) => request,
        Err(code) => return refuse(code, None),
    };
    if way.is_datagram && request.wanted == Wanted::Whole {
        // RFC 5936 §4.2: not by UDP.
        return refuse(Rcode::FORMERR, None);
    }
    let zone = request.question.name.clone();
    let Some(head) = names.zones().head(&zone) else {
        return refuse(Rcode::NOTAUTH, Some(Extended::NotAuthoritative));
    };
    if !acl::may(&head, PeerRole::Fetches, &checked.asker(way)) {
        names.stranger("a transfer", &zone, way);
        return refuse(Rcode::REFUSED, Some(Extended::Prohibited));
    }
    let Some(soa) = names.soa_record(&zone) else {
        return refuse(Rcode::SERVFAIL, Some(Extended::NotReady));
    };
    if way.is_datagram {
        // The SOA record alone says "come by TCP", or that nothing changed (RFC 1995 §2).
        let signer = checked.request.as_ref().and_then(|request| request.signer());
        let records = std::iter::once(soa);
        let first = Messages::new(request, records, signer, move || unix_s).next();
        return Work::Now(first.unwrap_or_default());
    }
    let (names, address) = (names.clone(), way.peer.address);
    Work::Later(Box::pin(async move {
        let (put, stream) = mpsc::channel(MESSAGES_AHEAD);
        let permit = names.transfer_permit().await;
        tokio::task::spawn_blocking(move || {
            let kind = send(&names, &head, request, &checked, &put);
            tracing::info!(%zone, peer = %address, kind, "a zone was fetched");
            drop(permit);
        });
        stream
    }))
}

/// Makes the messages and hands them over as they are taken; says what was sent.
fn send(
    names: &Arc<Names>,
    head: &Head,
    request: TransferRequest,
    checked: &Checked,
    put: &mpsc::Sender<Vec<u8>>,
) -> &'static str {
    let Some(zone) = names.compiled(&head.name) else {
        let _ = put.blocking_send(checked.refuse(names.unix_s(), Rcode::SERVFAIL, Some(Extended::NotReady)));
        return "nothing: it is not served now";
    };
    metrics().dns_transfers_out.inc();
    let soa = zone.soa();
    if let Wanted::Since(from) = request.wanted {
        // Equal, or ahead of us (RFC 1995 §2): the SOA record alone.
        if !zone.serial().is_after(from) {
            pour(names, request, steps_records(soa, Vec::new()), checked, put);
            return "nothing new";
        }
        let steps = names.zones().steps_since(head, from).unwrap_or_else(|error| {
            tracing::error!(zone = %head.name, %error, "the journal cannot be read: the zone is sent whole");
            None
        });
        if let Some(steps) = steps.filter(|steps| joins(steps, from, zone.serial())) {
            pour(names, request, steps_records(soa, steps), checked, put);
            return "differences";
        }
    }
    let rest = zone.records().filter(|record| record.rtype() != RecordType::SOA);
    pour(names, request, whole_records(soa, rest), checked, put);
    "whole"
}

fn pour(
    names: &Names,
    request: TransferRequest,
    records: impl Iterator<Item = Record>,
    checked: &Checked,
    put: &mpsc::Sender<Vec<u8>>,
) {
    let signer = checked.request.as_ref().and_then(tsig::Request::signer);
    for message in Messages::new(request, records, signer, || names.unix_s()) {
        // Whoever fetched it has gone.
        if put.blocking_send(message).is_err() {
            return;
        }
    }
}

/// Whether steps lead from one version to the other without a gap.
fn joins(steps: &[ZoneDiff], from: Serial, to: Serial) -> bool {
    let mut at = Some(from);
    for step in steps {
        if step.from_serial() != at {
            return false;
        }
        at = step.to_serial();
    }
    !steps.is_empty() && at == Some(to)
}
