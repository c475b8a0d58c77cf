//! What an operator asked for about names, carried out.

mod edit;
mod keys;
mod peers;
mod show;
mod undo;

use super::import::zone_name as parse_name;
use super::request::{DnsReply, DnsRequest};
use super::zones::{Changed, ZoneError, Zones};
use crate::admin::Reply;
use dns::Name;

/// What comes of an order: words, or something to be shown.
type Done = Result<Reply, ZoneError>;

/// Carries out an order; blocks.
pub fn carry_out(zones: &Zones, request: DnsRequest) -> Reply {
    let done = match request {
        DnsRequest::List { .. }
        | DnsRequest::Export { .. }
        | DnsRequest::Log { .. }
        | DnsRequest::Peers { .. }
        | DnsRequest::TsigList
        | DnsRequest::TsigShow { .. } => show::carry_out(zones, request),
        DnsRequest::Status { zone, look } => super::status::status(zones, &zone, look)
            .map(|status| Reply::Dns(DnsReply::Status(Box::new(status)))),
        DnsRequest::Sign { .. }
        | DnsRequest::Unsign { .. }
        | DnsRequest::Rollover { .. }
        | DnsRequest::KeyExport { .. }
        | DnsRequest::KeyImport { .. }
        | DnsRequest::NextCertificateKey
        | DnsRequest::TsigAdd { .. }
        | DnsRequest::TsigRemove { .. } => keys::carry_out(zones, request),
        request => edit::carry_out(zones, request),
    };
    done.unwrap_or_else(|error| Reply::Failed { message: error.to_string() })
}

fn words(message: String) -> Done {
    Ok(Reply::Done { message })
}

/// A zone's name as it was entered.
fn name(text: &str) -> Result<Name, ZoneError> {
    parse_name(text).map_err(|error| ZoneError::Refused(error.to_string()))
}

/// Warnings that are told; the rest would only hide them.
const WARNINGS_MAX: usize = 10;

/// What became of a change, in words.
fn outcome(apex: &Name, changed: &Changed) -> String {
    let zone = apex.to_text_without_dot();
    if !changed.changed {
        return format!("{zone}: nothing had to be changed (serial {})", changed.serial);
    }
    let counts = [(changed.added, "added"), (changed.removed, "removed")];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| match count {
        1 => format!("1 record {what}"),
        _ => format!("{count} records {what}"),
    });
    let counts: Vec<String> = counts.collect();
    let what = if counts.is_empty() { "signed anew".to_owned() } else { counts.join(", ") };
    let mut text = format!("{zone}: {what}; serial {}", changed.serial);
    let warnings = &changed.warnings;
    for warning in warnings.iter().take(WARNINGS_MAX) {
        text.push('\n');
        text.push_str(warning);
    }
    if warnings.len() > WARNINGS_MAX {
        text.push_str(&format!("\nand {} more warnings", warnings.len() - WARNINGS_MAX));
    }
    text
}
