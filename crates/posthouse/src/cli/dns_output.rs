//! Tables about names.

use super::output::{table, time};
use crate::dns::request::{CheckRow, DnsReply, StatusReply, StatusRow, Verdict};
use std::io::{self, Write};

/// Prints a reply about names.
///
/// # Errors
/// If standard output is gone.
pub fn print(out: &mut impl Write, reply: &DnsReply) -> io::Result<()> {
    match reply {
        DnsReply::Zones(zones) => {
            let rows = zones.iter().map(|zone| {
                let signed = if zone.signed { "yes" } else { "no" };
                vec![
                    zone.zone.clone(),
                    zone.kind.clone(),
                    zone.serial.to_string(),
                    signed.into(),
                    zone.records.to_string(),
                ]
            });
            table(out, &["ZONE", "KIND", "SERIAL", "SIGNED", "RECORDS"], rows.collect())
        }
        DnsReply::Records(records) => {
            let rows = records.iter().map(|record| {
                let note = record.note.clone().unwrap_or_default();
                vec![
                    record.owner.clone(),
                    record.name.clone(),
                    record.ttl.to_string(),
                    record.rtype.clone(),
                    record.data.clone(),
                    note,
                ]
            });
            table(out, &["OWNER", "NAME", "TTL", "TYPE", "DATA", "NOTE"], rows.collect())
        }
        DnsReply::Text { text } => out.write_all(text.as_bytes()),
        DnsReply::Peers(peers) => {
            let rows = peers.iter().map(|peer| {
                vec![peer.role.clone(), peer.address.clone(), peer.key.clone().unwrap_or("-".into())]
            });
            table(out, &["ROLE", "ADDRESS", "KEY"], rows.collect())
        }
        DnsReply::TsigKeys(keys) => {
            let rows = keys.iter().map(|key| vec![key.name.clone(), key.algorithm.clone()]);
            table(out, &["KEY", "ALGORITHM"], rows.collect())
        }
        DnsReply::Changes(changes) => {
            let rows = changes.iter().map(|change| {
                let undone = if change.undone { " (undone)" } else { "" };
                vec![
                    time(change.at_ms),
                    change.serial.to_string(),
                    change.kind.clone(),
                    format!("{}{undone}", change.what),
                ]
            });
            table(out, &["WHEN", "SERIAL", "KIND", "WHAT"], rows.collect())
        }
        DnsReply::Status(status) => print_status(out, status),
    }
}

/// One sign per verdict, so that a column of them is read at a glance.
const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Right => "✓",
        Verdict::Wrong => "✗",
        Verdict::Waiting => "…",
        Verdict::CannotTell => "?",
    }
}

fn print_status(out: &mut impl Write, status: &StatusReply) -> io::Result<()> {
    let place = if status.here { "served here" } else { "served elsewhere: enter these records there" };
    writeln!(out, "{} at {}, {place}", status.domain, time(status.at_ms))?;
    for server in &status.servers {
        let what = match (&server.fault, server.serial) {
            (Some(fault), _) => format!("cannot tell: {fault}"),
            (None, Some(serial)) => format!("serial {serial}"),
            (None, None) => "no answer".into(),
        };
        writeln!(out, "  asked {} at {}: {what}", server.name, server.address)?;
    }
    writeln!(out)?;
    for record in &status.records {
        print_record(out, record)?;
    }
    if !status.checks.is_empty() {
        writeln!(out)?;
    }
    for check in &status.checks {
        print_check(out, check)?;
    }
    if !status.next.is_empty() {
        writeln!(out, "\nwhat happens next")?;
    }
    for next in &status.next {
        let when = next.at_ms.map_or("waits".into(), |at_ms| format!("not before {}", time(at_ms)));
        writeln!(out, "  {when}: {}", next.what)?;
    }
    writeln!(out, "\n✓ right  ✗ wrong  … will be by itself  ? cannot tell")
}

fn print_record(out: &mut impl Write, record: &StatusRow) -> io::Result<()> {
    let owner = if record.owner == "managed" { String::new() } else { format!(" [{}]", record.owner) };
    writeln!(
        out,
        "{} {} {} {}{owner}  ({})",
        sign(record.verdict),
        record.name,
        record.rtype,
        record.data,
        record.purpose
    )?;
    if let Some(note) = &record.note {
        writeln!(out, "    {note}")?;
    }
    let others = record.seen.iter().filter(|seen| *seen != "right" && record.verdict != Verdict::Right);
    for seen in others {
        // Strangers' words: nothing in them may move the cursor.
        writeln!(out, "    seen: {}", seen.escape_debug())?;
    }
    Ok(())
}

fn print_check(out: &mut impl Write, check: &CheckRow) -> io::Result<()> {
    writeln!(out, "{} {}: {}", sign(check.verdict), check.what, check.detail.escape_debug())?;
    for line in &check.paste {
        writeln!(out, "      {line}")?;
    }
    Ok(())
}
