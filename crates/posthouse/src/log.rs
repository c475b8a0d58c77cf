//! The log: structured, on standard error, never with raw bytes from outside or secrets.

use crate::config::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging. `POSTHOUSE_LOG` chooses the level (`error`, `warn`, `info`, `debug`), also per
/// module; `info` where it says nothing.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("POSTHOUSE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let base =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match json {
        true => base.json().flatten_event(true).try_init(),
        false => base.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    // Only a second call fails, and then the first one's log goes on.
    drop(started);
}
