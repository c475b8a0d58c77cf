//! HELP: the commands (RFC 5321 §4.1.1.8).

use crate::command::COMMANDS;
use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Turn};

pub(super) const SYNTAX: &str = "HELP [command]";

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    let service = session.settings.service;
    let asked = |verb: &str| args.is_empty() || verb.as_bytes().eq_ignore_ascii_case(args);
    let mut lines: Vec<String> = COMMANDS
        .iter()
        .filter(|row| row.services.contains(&service) && asked(row.verb))
        .map(|row| format!("2.0.0 {}", row.syntax))
        .collect();
    if lines.is_empty() {
        lines.push("2.0.0 no such command".to_string());
    }
    reply::write_lines(turn.out.bytes_mut(), "214", &lines);
    Ok(())
}
