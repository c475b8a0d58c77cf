//! `posthouse dns status`: what is wanted, what the world sees, what happens next.

use super::dkim::DkimBook;
use super::import::zone_name;
use super::keyring::policy;
use super::look::{self, Parent, Seen, Server};
use super::mail_records::{Wanted, is_within};
use super::request::{CheckRow, NextRow, ServerRow, StatusReply, StatusRow, Verdict};
use super::zones::{Draft, LOOK_SOON_S, Placed, Placement, ZoneError, Zones, record_of};
use dns::dnssec::ds::{DigestType, Ds};
use dns::dnssec::first_expiry;
use dns::roll::dkim::DkimPolicy;
use dns::roll::{Timestamp, Wait};
use dns::{Name, RData, Rcode, RecordType};
use std::net::{IpAddr, SocketAddr};
use store::{PeerRole, ZoneKind};

/// Compares what a domain needs with what is to be seen of it. Blocks, for seconds where servers are silent.
///
/// `look`: false asks nobody.
///
/// # Errors
/// The store's; a name that is none.
pub fn status(zones: &Zones, domain: &str, look: bool) -> Result<StatusReply, ZoneError> {
    let name = zone_name(domain).map_err(|error| ZoneError::Refused(error.to_string()))?;
    let mut reply = StatusReply {
        domain: name.to_lowercase().to_text_without_dot(),
        here: false,
        at_ms: zones.now_ms(),
        servers: Vec::new(),
        records: Vec::new(),
        checks: Vec::new(),
        next: Vec::new(),
    };
    match zones.zone_of(&name) {
        Ok(zone) => {
            let apex = super::zones::zone_name(&zone)?;
            let soon = reply.at_ms + i64::from(LOOK_SOON_S) * 1000;
            // What waits to be seen is seen now.
            if look
                && zone.due_ms.is_some_and(|due| due <= soon)
                && let Err(error) = zones.look_after(&apex)
            {
                tracing::warn!(zone = zone.name, %error, "the zone could not be looked after");
            }
            let (draft, placements) = zones.placements(&apex)?;
            reply.here = true;
            here(zones, &mut reply, &draft, &placements, look);
            if draft.zone.kind == ZoneKind::Primary && is_within(&zones.host().host, &draft.zone.name) {
                reply.next.extend(waits(draft.certificate.waits()));
            }
        }
        Err(ZoneError::NoZone(_)) => elsewhere(zones, &mut reply, &name, look)?,
        Err(error) => return Err(error),
    }
    Ok(reply)
}

fn waits(waits: Vec<Wait>) -> impl Iterator<Item = NextRow> {
    waits.into_iter().map(|wait| NextRow {
        at_ms: wait.earliest.map(to_ms),
        what: match wait.needs_owner {
            true => {
                format!("{}: some parents read it from our CDS records, others have to be told", wait.what)
            }
            false => wait.what,
        },
    })
}

fn to_ms(at: Timestamp) -> i64 {
    i64::try_from(at.unix_seconds()).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

fn dkim_policy() -> DkimPolicy {
    DkimPolicy::default()
}

fn here(zones: &Zones, reply: &mut StatusReply, draft: &Draft, placements: &[Placement], look: bool) {
    let apex = draft.book.served.apex();
    if draft.zone.kind != ZoneKind::Primary {
        reply.checks.extend(primary_checks(zones, draft, look));
        return;
    }
    let servers = if look { look::servers(zones, &draft.book.served) } else { Vec::new() };
    let (seen, parent) = match look {
        true => (look::serials(&servers, apex), look::parent(zones, apex, &draft.keys.keys)),
        false => (Vec::new(), Parent { fault: Some("nobody was asked".into()), ..Parent::default() }),
    };
    reply.servers = server_rows(&servers, &seen);
    // Of a domain inside of a larger zone only its own records are of interest.
    let asked: Option<Name> = reply.domain.parse().ok();
    let of_domain = |placement: &&Placement| {
        let owner: Option<Name> = placement.wanted.name.parse().ok();
        match (&asked, owner) {
            (Some(asked), Some(owner)) => {
                asked == apex || owner.is_at_or_below(asked) || !placement.wanted.in_zone
            }
            _ => true,
        }
    };
    for placement in placements.iter().filter(of_domain) {
        reply.records.push(record_row(zones, placement, &seen, look));
    }
    reply.checks.extend(content_checks(zones, draft));
    reply.checks.extend(server_checks(draft, &seen, look));
    reply.checks.extend(delegation_checks(zones, draft, &parent));
    reply.checks.extend(ds_checks(zones, draft, &seen, &parent));
    // The root has no parent to wait for.
    if !apex.is_root() {
        reply.next.extend(waits(draft.keys.keys.waits(&policy(&draft.settings))));
    }
    for book in draft.dkim.values() {
        reply.next.extend(waits(book.waits(&dkim_policy())));
    }
    if let Some(due) = draft.zone.due_ms {
        reply.next.push(NextRow { at_ms: Some(due), what: "the next look at this zone by itself".into() });
    }
}

fn server_rows(servers: &[Server], seen: &[Seen]) -> Vec<ServerRow> {
    let row = |seen: &Seen| ServerRow {
        name: seen.name.clone(),
        address: seen.address.map_or("no address".into(), |address| address.to_string()),
        serial: seen.serial.as_ref().ok().map(|serial| serial.0),
        fault: seen.serial.as_ref().err().cloned(),
    };
    let left_out = |server: &Server| {
        let name = server.name.clone();
        let row = move |address: &SocketAddr| ServerRow {
            name: name.clone(),
            address: address.to_string(),
            serial: None,
            fault: Some("not asked: this host has no way to such addresses".to_owned()),
        };
        server.out_of_reach.iter().map(row).collect::<Vec<_>>()
    };
    // Those that were asked stand first: the answers to each record are in their order.
    seen.iter().map(row).chain(servers.iter().flat_map(left_out)).collect()
}

/// The records of one name and type as text, the way they are compared and shown.
fn shown(records: &[&dns::Record]) -> String {
    let texts: Vec<String> = records.iter().map(|record| record.data.to_string()).collect();
    if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
}

fn record_row(zones: &Zones, placement: &Placement, seen: &[Seen], look: bool) -> StatusRow {
    let wanted = &placement.wanted;
    let (owner, note) = match &placement.placed {
        Placed::Managed => ("managed", None),
        Placed::Yours => ("yours", None),
        Placed::Conflict(other) => ("yours", Some(format!("yours is served instead: {other}"))),
        Placed::Ignored => ("ignored", Some("left to you, and not published".to_owned())),
        Placed::Elsewhere => {
            ("elsewhere", Some("this belongs into a zone that is not served here".to_owned()))
        }
    };
    let mut row = StatusRow {
        name: wanted.name.clone(),
        rtype: wanted.rtype.to_owned(),
        data: wanted.data.clone(),
        purpose: wanted.purpose.to_owned(),
        verdict: Verdict::CannotTell,
        seen: Vec::new(),
        owner: owner.to_owned(),
        note,
    };
    let Some(record) = record_of(wanted) else { return row };
    if !look {
        return row;
    }
    if placement.placed == Placed::Elsewhere {
        (row.verdict, row.seen) = seen_elsewhere(zones, &record);
        return row;
    }
    (row.verdict, row.seen) = compare(seen, &record);
    if matches!(placement.placed, Placed::Conflict(_) | Placed::Ignored) && row.verdict == Verdict::Wrong {
        // It is as the operator wants it.
        row.verdict = Verdict::CannotTell;
    }
    row
}

/// Asks each server for a record that stands in this zone.
fn compare(seen: &[Seen], record: &dns::Record) -> (Verdict, Vec<String>) {
    let (mut texts, mut wrong, mut unknown) = (Vec::new(), false, seen.is_empty());
    for server in seen {
        let reachable = server.address.filter(|_| server.serial.is_ok());
        let answer = reachable.map(|address| look::ask(address, &record.owner, record.rtype(), false));
        texts.push(match answer {
            Some(Ok(answer)) => {
                let found = answer.of(&record.owner, record.rtype());
                if found.iter().any(|found| found.data == record.data) {
                    "right".to_owned()
                } else {
                    wrong = true;
                    format!("{}: {}", server.name, shown(&found))
                }
            }
            Some(Err(fault)) => {
                unknown = true;
                format!("{}: cannot tell: {fault}", server.name)
            }
            None => {
                unknown = true;
                format!("{}: cannot tell", server.name)
            }
        });
    }
    let verdict = match (wrong, unknown) {
        (true, _) => Verdict::Wrong,
        (false, true) => Verdict::CannotTell,
        (false, false) => Verdict::Right,
    };
    (verdict, texts)
}

/// Asks the servers of the zone that a record is in, wherever that is.
fn seen_elsewhere(zones: &Zones, record: &dns::Record) -> (Verdict, Vec<String>) {
    let private = is_private_reverse(&record.owner);
    if private {
        return (Verdict::CannotTell, vec!["a private address: nobody outside asks for its name".to_owned()]);
    }
    match look::servers_elsewhere(zones, &record.owner) {
        Err(fault) => (Verdict::CannotTell, vec![format!("cannot tell: {fault}")]),
        Ok((_, servers)) => {
            let reachable: Vec<Seen> = servers.iter().flat_map(reachable).collect();
            compare(&reachable, record)
        }
    }
}

/// A server's first address as something that can be compared with.
fn reachable(server: &Server) -> Option<Seen> {
    let address = server.addresses.as_ref().ok()?.first().copied();
    Some(Seen { name: server.name.clone(), address, serial: Ok(dns::Serial(0)) })
}

/// Whether the name is that of an address which has no meaning outside (RFC 6303 §4).
fn is_private_reverse(name: &Name) -> bool {
    let text = name.to_lowercase().to_string();
    ["127.in-addr.arpa.", "10.in-addr.arpa.", "168.192.in-addr.arpa."]
        .iter()
        .any(|suffix| text.ends_with(suffix))
}

/// Signatures that end sooner than this should have been made anew already.
const SIGNATURES_LEFT_MIN_S: u64 = 3 * 86_400;

/// Whether the zone is as it should be, and for how long its signatures are good.
fn content_checks(zones: &Zones, draft: &Draft) -> Vec<CheckRow> {
    let mut checks = Vec::new();
    let faults = zones.faults(draft);
    if !faults.is_empty() {
        let detail = format!("it stays as it was, because it would not be right: {}", faults.join("; "));
        checks.push(check_row("zone", Verdict::Wrong, detail));
    }
    let now = zones.now();
    if let Some(ends) = first_expiry(&draft.book.served, now).filter(|_| draft.book.signed) {
        let left_s = ends.seconds_since(now);
        let days = left_s / 86_400;
        let (verdict, detail) = match left_s {
            0 => (Verdict::Wrong, "the first ended: validating resolvers refuse the zone".to_owned()),
            1..SIGNATURES_LEFT_MIN_S => {
                (Verdict::Wrong, format!("the first ends in {days} days, and should have been made anew"))
            }
            _ => (Verdict::Right, format!("good for {days} days at least")),
        };
        checks.push(check_row("signatures", verdict, detail));
    }
    checks
}

/// Whether all servers agree, and whether there are two of them.
fn server_checks(draft: &Draft, seen: &[Seen], look: bool) -> Vec<CheckRow> {
    let mut checks = Vec::new();
    if look {
        let ours = draft.book.served.serial();
        let lagging: Vec<String> = seen
            .iter()
            .filter(|seen| seen.serial.as_ref().is_ok_and(|serial| Some(*serial) != ours))
            .map(|seen| seen.name.clone())
            .collect();
        let silent = seen.iter().any(|seen| seen.serial.is_err());
        let (verdict, detail) = match (lagging.is_empty(), silent) {
            _ if seen.is_empty() => (Verdict::CannotTell, "there is none that could be asked".to_owned()),
            (false, _) => (Verdict::Waiting, format!("behind: {}", lagging.join(", "))),
            (true, true) => (Verdict::CannotTell, "some did not answer".to_owned()),
            (true, false) => (Verdict::Right, "all show the present serial".to_owned()),
        };
        checks.push(check_row("name servers agree", verdict, detail));
    }
    let set = draft.book.served.get(draft.book.served.apex(), RecordType::NS);
    let count = set.map_or(0, dns::RRset::len);
    let second = match count {
        0 | 1 => check_row(
            "second name server",
            Verdict::Wrong,
            "there is one only; most registries want two, on different networks (RFC 2182 §3.1)".to_owned(),
        ),
        count => check_row("second name server", Verdict::Right, format!("there are {count}")),
    };
    checks.push(second);
    checks
}

/// Whether a zone that is fetched is what its primaries have.
fn primary_checks(zones: &Zones, draft: &Draft, look: bool) -> Vec<CheckRow> {
    let apex = draft.book.served.apex();
    let (here, head) = (draft.book.served.serial(), zones.head(apex));
    let peers = head.iter().flat_map(|head| head.peers.iter());
    let primaries = peers.filter(|peer| peer.role == PeerRole::Primary && look).filter_map(|peer| {
        let address = peer.address.parse::<SocketAddr>();
        let address = address.or_else(|_| peer.address.parse().map(|ip: IpAddr| SocketAddr::new(ip, 53)));
        Some(Server::at(address.ok()?, peer.address.clone()))
    });
    let primaries: Vec<Server> = primaries.collect();
    let have = match here {
        Some(serial) => format!("serial {serial} here"),
        None => "nothing was fetched yet".to_owned(),
    };
    let row = |seen: Seen| {
        let (verdict, detail) = match (&seen.serial, here) {
            (Ok(theirs), Some(ours)) if *theirs == ours => (Verdict::Right, format!("{have} and there")),
            (Ok(theirs), _) => (Verdict::Waiting, format!("{have}, serial {theirs} there")),
            (Err(fault), _) => (Verdict::CannotTell, format!("{have}; {fault}")),
        };
        check_row(&format!("fetched from {}", seen.name), verdict, detail)
    };
    look::serials(&primaries, apex).into_iter().map(row).collect()
}

fn check_row(what: &str, verdict: Verdict, detail: String) -> CheckRow {
    CheckRow { what: what.to_owned(), verdict, detail, paste: Vec::new() }
}

/// Whether the parent names the servers that the zone names, and the glue it needs for them.
fn delegation_checks(zones: &Zones, draft: &Draft, parent: &Parent) -> Vec<CheckRow> {
    let served = &draft.book.served;
    if served.apex().is_root() {
        return Vec::new();
    }
    let set = served.get(served.apex(), RecordType::NS);
    let names: Vec<Name> =
        set.map(|set| set.data().iter().filter_map(RData::target).collect()).unwrap_or_default();
    let wanted: std::collections::BTreeSet<String> =
        names.iter().map(|name| name.to_lowercase().to_text_without_dot()).collect();
    let (verdict, detail) = match (&parent.fault, parent.delegation.is_empty()) {
        (Some(fault), _) => (Verdict::CannotTell, format!("the parent could not be asked: {fault}")),
        (None, true) => (Verdict::Wrong, "the parent does not delegate this zone".to_owned()),
        (None, false) if parent.delegation == wanted => {
            (Verdict::Right, "the parent names the same servers".to_owned())
        }
        (None, false) => {
            let shown: Vec<&str> = parent.delegation.iter().map(String::as_str).collect();
            (Verdict::Wrong, format!("the parent names {}", shown.join(", ")))
        }
    };
    let mut row = check_row("delegation", verdict, detail);
    if verdict != Verdict::Right {
        for name in &names {
            row.paste.push(format!("{} NS {name}", served.apex()));
            if name.is_at_or_below(served.apex()) {
                row.paste.extend(glue(zones, served, name).iter().map(|address| {
                    format!("{name} {} {address} ; glue", if address.is_ipv4() { "A" } else { "AAAA" })
                }));
            }
        }
    }
    vec![row]
}

fn glue(zones: &Zones, served: &dns::ZoneData, name: &Name) -> Vec<IpAddr> {
    let sets = [RecordType::A, RecordType::AAAA].into_iter().filter_map(|rtype| served.get(name, rtype));
    let addresses: Vec<IpAddr> = sets.flat_map(|set| set.data()).filter_map(::dns::RData::address).collect();
    if addresses.is_empty() { zones.host().addresses.clone() } else { addresses }
}

/// The DS that the parent should show, does show, and should not.
fn ds_checks(zones: &Zones, draft: &Draft, seen: &[Seen], parent: &Parent) -> Vec<CheckRow> {
    let keys = &draft.keys.keys;
    let apex = draft.book.served.apex();
    let wanted: Vec<Ds> = keys
        .wanted_ds()
        .into_iter()
        .filter_map(|id| Ds::of(apex, &keys.key(id)?.dnskey()?, DigestType::SHA256))
        .collect();
    let mut row = match apex.is_root() && keys.is_signed() {
        true => check_row(
            "DNSSEC",
            Verdict::Right,
            "signed; resolvers that are to trust this root need its anchor".to_owned(),
        ),
        false => ds_row(draft, &wanted, parent),
    };
    if row.verdict != Verdict::Right || apex.is_root() {
        row.paste.extend(wanted.iter().map(|ds| format!("{apex} DS {ds}")));
    }
    let mut checks = vec![row];
    checks.extend(parent.validated.as_ref().map(|shown| validated_row(shown, parent)));
    // What caches hold back is no problem of the parent's.
    let observed = look::observed(zones, draft, seen, &Parent { validated: None, ..parent.clone() });
    checks.extend(
        keys.parent_problems(&observed).into_iter().map(|problem| check_row("DS", Verdict::Wrong, problem)),
    );
    checks
}

/// Whether a validated look-up finds what the parent's servers show, so that keys may move on by it.
fn validated_row(shown: &look::DsShown, parent: &Parent) -> CheckRow {
    let row = |verdict, detail: String| check_row("DS, validated", verdict, detail);
    let (found, ttl) = match shown {
        Ok((found, ttl)) => (found, ttl),
        Err(why) => {
            return row(
                Verdict::CannotTell,
                format!("the parent's answers could not be validated, so that keys stay as they are: {why}"),
            );
        }
    };
    let mut direct = parent.ds.iter().filter_map(|(_, shown)| shown.as_ref().ok());
    let same =
        direct.all(|(theirs, _)| theirs.len() == found.len() && theirs.iter().all(|ds| found.contains(ds)));
    match same {
        true => row(Verdict::Right, "the parent's answers are validated".to_owned()),
        false => row(Verdict::Waiting, format!("caches still have another, for {ttl} s at most")),
    }
}

/// How the DS set at the parent fits the keys.
fn ds_row(draft: &Draft, wanted: &[Ds], parent: &Parent) -> CheckRow {
    let keys = &draft.keys.keys;
    let row = |verdict, detail: String| check_row("DNSSEC", verdict, detail);
    if !keys.is_signed() {
        return row(Verdict::Right, "the zone is not signed".to_owned());
    }
    let summary = keys.summary();
    let unknown = |fault: &str| {
        let (signed, _) = summary.split_once(';').unwrap_or((summary, ""));
        row(Verdict::CannotTell, format!("{signed}; what the parent shows is not known: {fault}"))
    };
    let views: Result<Vec<&Vec<Ds>>, &String> =
        parent.ds.iter().map(|(_, shown)| shown.as_ref().map(|(records, _)| records)).collect();
    let views = match (&parent.fault, views) {
        (Some(fault), _) => return unknown(fault),
        (None, Err(fault)) => return unknown(fault),
        (None, Ok(views)) if views.is_empty() => return unknown("it has no name servers"),
        (None, Ok(views)) => views,
    };
    let none = views.iter().all(|view| view.is_empty());
    if wanted.is_empty() {
        return match none {
            true => row(Verdict::Waiting, summary.to_owned()),
            false => row(Verdict::Wrong, format!("{summary}; the parent shows a DS, which has to go")),
        };
    }
    if wanted.iter().all(|ds| views.iter().all(|view| view.contains(ds))) {
        // The machine moves on at its next look.
        let summary = if keys.is_secure() { summary } else { "signed" };
        return row(Verdict::Right, format!("{summary}; the parent shows the DS"));
    }
    let names = draft.book.served.get(draft.book.served.apex(), RecordType::NS);
    let ours = |name: &String| {
        let mut targets = names.iter().flat_map(|set| set.data()).filter_map(RData::target);
        targets.any(|target| target.to_lowercase().to_text_without_dot() == *name)
    };
    // Whoever remembers unsigned answers of the servers before would find them bogus.
    let first = match parent.delegation.iter().all(ours) {
        true => "",
        false => "; first let the parent name these servers, and the TTLs of before run out",
    };
    let shown = if keys.is_secure() && none { "; the parent shows no DS" } else { "" };
    row(Verdict::Wrong, format!("{summary}{shown}{first}"))
}

/// The same list for a domain whose zone is served by others: as text to be entered there.
fn elsewhere(zones: &Zones, reply: &mut StatusReply, name: &Name, look: bool) -> Result<(), ZoneError> {
    let domains = zones.store().read_blocking(|view| view.domains())?;
    if !domains.iter().any(|domain| domain.name.eq_ignore_ascii_case(&reply.domain)) {
        return Err(ZoneError::Refused(format!(
            "{0} is neither a zone nor a mail domain of this server: `posthouse domain add {0}` makes it one",
            reply.domain
        )));
    }
    let (wanted, book): (Vec<Wanted>, DkimBook) = zones.wanted_elsewhere(&reply.domain)?;
    let found = match look {
        true => look::servers_elsewhere(zones, name),
        false => Err("nobody was asked".to_owned()),
    };
    let servers = found.as_ref().map_or(&[][..], |(_, servers)| servers);
    let seen: Vec<Seen> = match &found {
        Ok((apex, servers)) => look::serials(servers, apex),
        Err(fault) => {
            reply.checks.push(check_row("name servers", Verdict::CannotTell, fault.clone()));
            Vec::new()
        }
    };
    reply.servers = server_rows(servers, &seen);
    for wish in wanted {
        let (verdict, texts) = match record_of(&wish) {
            Some(record) if look && wish.in_zone => compare(&seen, &record),
            Some(record) if look => seen_elsewhere(zones, &record),
            _ => (Verdict::CannotTell, Vec::new()),
        };
        reply.records.push(StatusRow {
            name: wish.name.clone(),
            rtype: wish.rtype.to_owned(),
            data: wish.data.clone(),
            purpose: wish.purpose.to_owned(),
            verdict,
            seen: texts,
            owner: "yours".to_owned(),
            note: None,
        });
    }
    reply.next.extend(waits(book.waits(&dkim_policy())));
    Ok(())
}

/// Whether an answer says that a name has nothing of a type, for those who tell these apart from silence.
pub fn is_denial(answer: &look::Answer) -> bool {
    matches!(answer.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) && answer.answers.is_empty()
}
