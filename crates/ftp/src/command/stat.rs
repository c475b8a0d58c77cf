//! STAT: how the session stands, or a short listing on the control connection (RFC 959 §4.1.3).

use super::{Args, list};
use crate::ask::{FilesAnswer, FilesAsk, FilesError, Representation, Route};
use crate::listing::{Format, Writer, without_options};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::STAT_ENTRIES_MAX;
use crate::state::{Area, Channel, Login, Next, Turn};

pub(crate) fn run(login: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    if args.all().trim_ascii().is_empty() {
        session(login, turn.channel, false, turn.out);
        return Ok(Next::Stay);
    }
    let Login::In(area) = login else { return Err(Refusal::NotLoggedIn) };
    let what = list::target(area, without_options(args.all()))?;
    Next::files(FilesAsk::List { what, entries_max: STAT_ENTRIES_MAX }, |_, told, out| {
        let FilesAnswer::Entries { entries, more, today_ms } = told? else {
            return Err(FilesError::Unavailable.into());
        };
        let writer = Writer::new(Format::Long, today_ms);
        let lines = entries.iter().map(|(name, entry)| {
            let mut line = Vec::new();
            writer.entry(name, entry, &mut line);
            line.truncate(line.len() - b"\r\n".len());
            line
        });
        let end = if more { "There is more: use LIST." } else { "End of status." };
        reply::lines(out, 213, "Status:", lines, end);
        Ok(())
    })
}

/// How the session stands, which may be asked during a transfer too.
pub(crate) fn session(login: &Login, channel: &Channel, transferring: bool, out: &mut Vec<u8>) {
    let mut lines = vec![format!("Connected from {}", channel.client)];
    lines.push(match login {
        Login::In(area) => format!("Logged in as {}", area.user),
        Login::Named(_) => "Waiting for PASS".to_string(),
        Login::Nobody => "Not logged in".to_string(),
    });
    let protection = |on: bool| if on { "protected by TLS" } else { "clear" };
    lines.push(format!("Control connection: {}", protection(channel.tls)));
    lines.push(format!("Data connections: {}", protection(channel.protected)));
    if let Login::In(area) = login {
        lines.push(format!(
            "{}, STRUcture: File, MODE: {}",
            representation(area),
            if area.deflate { "Z" } else { "S" }
        ));
        lines.push(match (transferring, area.route) {
            (true, _) => "A transfer is under way".to_string(),
            (false, Some(Route::Passive)) => "A data connection is awaited".to_string(),
            (false, Some(Route::Active(to))) => format!("The next data connection goes to {to}"),
            (false, None) => "No data connection".to_string(),
        });
    }
    reply::lines(out, 211, "FTP server status:", lines, "End of status.");
}

fn representation(area: &Area) -> &'static str {
    match area.representation {
        Representation::Ascii => "TYPE: ASCII, FORM: Nonprint",
        Representation::Image => "TYPE: Image",
    }
}
