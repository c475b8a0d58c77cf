//! Answers on the terminal: tables for people, JSON for programs, progress on standard error.

use crate::admin::{Checked, FileRow, ProfileRow, Reply, ShareRow, Story, UsageRow};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};

/// Prints replies.
pub struct Printer {
    json: bool,
    bar: Option<ProgressBar>,
}

impl Printer {
    /// A printer of tables, or of JSON.
    pub fn new(json: bool) -> Printer {
        Printer { json, bar: None }
    }

    /// Shows how far long work has come. Hidden where standard error is no terminal.
    pub fn progress(&mut self, reply: &Reply) {
        let Reply::Progress { step, done, total } = reply else { return };
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg:24} {bar:30} {human_pos}/{human_len} {eta}");
            ProgressBar::new(*total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(*total);
        bar.set_message(step.clone());
        bar.set_position(*done);
    }

    /// Prints the last reply.
    ///
    /// # Errors
    /// If standard output is gone.
    pub fn print(&mut self, reply: &Reply) -> io::Result<()> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let mut out = io::stdout().lock();
        if self.json {
            return writeln!(out, "{}", serde_json::to_string_pretty(reply).map_err(io::Error::other)?);
        }
        match reply {
            Reply::Done { message } => writeln!(out, "{message}"),
            Reply::Domains(names) => {
                let rows = names.iter().map(|name| vec![name.clone()]);
                table(&mut out, &["DOMAIN"], rows.collect())
            }
            Reply::Accounts(accounts) => {
                let rows = accounts.iter().map(|account| {
                    let quota = account.quota_bytes.map_or("-".to_string(), size);
                    vec![account.address.clone(), size(account.used_bytes), quota]
                });
                table(&mut out, &["ADDRESS", "USED", "QUOTA"], rows.collect())
            }
            Reply::Aliases(aliases) => {
                let rows = aliases.iter().map(|alias| vec![alias.address.clone(), alias.target.clone()]);
                table(&mut out, &["ADDRESS", "GOES TO"], rows.collect())
            }
            Reply::Dns(reply) => super::dns_output::print(&mut out, reply),
            Reply::Files(rows) => table(&mut out, &FILE_HEAD, rows.iter().map(file_cells).collect()),
            Reply::Usage(rows) => {
                let head = ["WHERE", "FILES", "FOLDERS", "SIZE", "CUT UPLOADS", "USED", "QUOTA"];
                table(&mut out, &head, rows.iter().map(usage_cells).collect())
            }
            Reply::Shares(rows) => table(
                &mut out,
                &["SHARED FOLDER", "USED", "QUOTA", "MEMBERS"],
                rows.iter().map(share_cells).collect(),
            ),
            Reply::FtpProfile(profile) => {
                table(&mut out, &["FTP OF", &profile.address], profile_rows(profile))
            }
            Reply::Traces(stories) => print_stories(&mut out, stories),
            Reply::Checked(checked) => print_checked(&mut out, checked),
            // `dig` prints its own.
            Reply::Progress { .. } | Reply::Data { .. } | Reply::Failed { .. } | Reply::Dig(_) => Ok(()),
        }
    }
}

const FILE_HEAD: [&str; 4] = ["MODE", "SIZE", "CHANGED", "NAME"];

fn file_cells(row: &FileRow) -> Vec<String> {
    let size = if row.folder { "-".to_string() } else { size(row.size_bytes) };
    let slash = if row.folder { "/" } else { "" };
    // A client chose the name: nothing in it may move the cursor.
    vec![row.mode.clone(), size, time(row.modified_ms), format!("{}{slash}", row.name.escape_debug())]
}

fn usage_cells(row: &UsageRow) -> Vec<String> {
    let quota = row.quota_bytes.map_or("-".to_string(), size);
    let parts =
        if row.parts == 0 { "-".to_string() } else { format!("{} ({})", row.parts, size(row.part_bytes)) };
    let (files, folders) = (row.files.to_string(), row.folders.to_string());
    vec![row.area.clone(), files, folders, size(row.file_bytes), parts, size(row.used_bytes), quota]
}

fn share_cells(row: &ShareRow) -> Vec<String> {
    let member =
        |(address, may_write): &(String, bool)| format!("{address}:{}", if *may_write { "rw" } else { "ro" });
    let members: Vec<String> = row.members.iter().map(member).collect();
    let quota = row.quota_bytes.map_or("-".to_string(), size);
    vec![row.name.escape_debug().to_string(), size(row.used_bytes), quota, members.join(" ")]
}

fn profile_rows(profile: &ProfileRow) -> Vec<Vec<String>> {
    let yes_no = |flag: bool| if flag { "yes" } else { "no" }.to_string();
    let rate =
        |limit: Option<u64>| limit.map_or("no limit".to_string(), |bytes| format!("{}/s", size(bytes)));
    let rows = [
        ("login without TLS", yes_no(profile.plain)),
        ("data connections bound by TLS", profile.binding.clone()),
        ("EPSV", yes_no(profile.epsv)),
        ("folders made by themselves", yes_no(profile.parents)),
        ("active data to the caller's address", yes_no(profile.active_to_control)),
        ("downloads", rate(profile.rate_down)),
        ("uploads", rate(profile.rate_up)),
    ];
    rows.into_iter().map(|(what, value)| vec![what.to_string(), value]).collect()
}

pub(super) fn table(out: &mut impl Write, head: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "none");
    }
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head = head.iter().map(|name| (*name).to_string()).collect();
    for row in std::iter::once(head).chain(rows.iter().cloned()) {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn print_stories(out: &mut impl Write, stories: &[Story]) -> io::Result<()> {
    if stories.is_empty() {
        return writeln!(
            out,
            "Nothing is known of that. Messages can be traced for 30 days, by the id in the 250 reply, \
             an address of sender or recipient, or the Message-ID."
        );
    }
    for (at, story) in stories.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "message {}", story.id)?;
        for event in &story.events {
            let recipient = event.recipient.as_deref().map(|to| format!(" {to}")).unwrap_or_default();
            // What a stranger said is in the detail: nothing in it may move the cursor.
            let detail = event.detail.escape_debug();
            writeln!(out, "  {}  {:9}{recipient} {detail}", time(event.at_ms), event.what)?;
        }
    }
    Ok(())
}

fn print_checked(out: &mut impl Write, checked: &Checked) -> io::Result<()> {
    let counted: Vec<String> =
        checked.counted.iter().map(|(name, count)| format!("{name} {count}")).collect();
    writeln!(out, "looked at: {}", counted.join(", "))?;
    if checked.findings.is_empty() {
        return writeln!(out, "all is well");
    }
    for (what, place, detail) in &checked.findings {
        writeln!(out, "DAMAGED {place}: {what}: {detail}")?;
    }
    if checked.more > 0 {
        writeln!(out, "and {} more", checked.more)?;
    }
    writeln!(out, "{} findings; nothing was changed", checked.findings.len() as u64 + checked.more)
}

/// A moment in UTC, to the millisecond.
pub(super) fn time(unix_ms: i64) -> String {
    let (days, ms) = (unix_ms.div_euclid(86_400_000), unix_ms.rem_euclid(86_400_000));
    let (year, month, day) = mime::date::civil_from_days(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1000)
}

/// A size in the unit that fits.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (bytes as f64, 0);
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{amount:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_well() {
        assert_eq!(time(0), "1970-01-01 00:00:00.000");
        assert_eq!(time(1_795_417_445_123), "2026-11-23 07:04:05.123");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
    }

    #[test]
    fn tables_line_up() {
        let mut out = Vec::new();
        table(&mut out, &["A", "BB"], vec![vec!["x".into(), "y".into()], vec!["xyz".into(), "z".into()]])
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "A    BB\nx    y\nxyz  z\n");
    }
}
