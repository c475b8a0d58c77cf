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
                let note = record.note.as_ref().map_or(String::new(), |note| format!("  ; {note}"));
                let ttl = if record.owner == "ignored" { "-".to_owned() } else { record.ttl.to_string() };
                let data = format!("{}{note}", record.data);
                vec![record.owner.clone(), record.name.clone(), ttl, record.rtype.clone(), data]
            });
            table(out, &["OWNER", "NAME", "TTL", "TYPE", "DATA"], rows.collect())
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
                    second(change.at_ms),
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

/// A moment in UTC, to the second: nothing about names is known more precisely.
fn second(unix_ms: i64) -> String {
    let text = time(unix_ms);
    text.split('.').next().unwrap_or_default().to_owned()
}

fn print_status(out: &mut impl Write, status: &StatusReply) -> io::Result<()> {
    let place = if status.here { "served here" } else { "served elsewhere: enter these records there" };
    writeln!(out, "{}, {place}, {}", status.domain, second(status.at_ms))?;
    if !status.servers.is_empty() {
        writeln!(out, "\nname servers")?;
    }
    for server in &status.servers {
        let (sign, what) = match (&server.fault, server.serial) {
            (Some(fault), _) => (sign(Verdict::CannotTell), fault.clone()),
            (None, Some(serial)) => (" ", format!("serial {serial}")),
            (None, None) => (sign(Verdict::CannotTell), "no answer".into()),
        };
        writeln!(out, "{sign} {} at {}: {}", server.name, server.address, what.escape_debug())?;
    }
    if !status.records.is_empty() {
        writeln!(out, "\nrecords")?;
    }
    let names = status.records.iter().map(|record| record.name.chars().count());
    let width = names.max().unwrap_or(0).min(NAME_WIDTH_MAX);
    for record in &status.records {
        print_record(out, record, width, status.here)?;
    }
    if !status.checks.is_empty() {
        writeln!(out, "\nname servers and parent")?;
    }
    for check in &status.checks {
        print_check(out, check)?;
    }
    if !status.next.is_empty() {
        writeln!(out, "\nwhat happens next")?;
    }
    for next in &status.next {
        match next.at_ms {
            Some(at_ms) => writeln!(out, "  not before {}: {}", second(at_ms), next.what)?,
            None => writeln!(out, "  waits for {}", next.what)?,
        }
    }
    writeln!(out, "\n✓ right  ✗ wrong  … will be by itself  ? cannot tell")
}

/// Columns of names and of data in the list of records.
const NAME_WIDTH_MAX: usize = 44;
const DATA_WIDTH: usize = 44;

/// `short`: data that has to be typed by nobody is cut where its column ends.
fn print_record(out: &mut impl Write, record: &StatusRow, width: usize, short: bool) -> io::Result<()> {
    let owner = if record.owner == "managed" { String::new() } else { format!("[{}] ", record.owner) };
    let mut data = record.data.clone();
    let is_typed = record.verdict == Verdict::Wrong || record.owner == "elsewhere";
    if short && !is_typed && data.chars().count() > DATA_WIDTH {
        data = data.chars().take(DATA_WIDTH - 1).chain(['…']).collect();
    }
    let (sign, name, rtype, purpose) = (sign(record.verdict), &record.name, &record.rtype, &record.purpose);
    writeln!(out, "{sign} {name:width$} {rtype:5} {data:DATA_WIDTH$}  {owner}{purpose}")?;
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
