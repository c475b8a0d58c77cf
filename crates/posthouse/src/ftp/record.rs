//! What is written down of a transfer: a line of the log, and counts.

use super::cut::Cut;
use super::pump::Pace;
use crate::auth::Origin;
use crate::metrics::metrics;
use ftp::{Action, DataConnection, Placing, Ready, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Longest path in the log, in bytes: the rest tells nobody more.
const PATH_LOGGED_MAX_BYTES: usize = 512;

/// Notes taken when a transfer begins.
pub struct Record {
    origin: Origin,
    user: Arc<str>,
    /// `get`, `put`, `append`, `list`.
    what: &'static str,
    path: String,
    is_tls: bool,
    moved: Arc<AtomicU64>,
    begun: Instant,
}

impl Record {
    /// Takes notes of what is about to happen.
    pub fn new(
        origin: Origin,
        user: Arc<str>,
        action: &Action,
        ready: &Ready,
        data: &DataConnection,
        pace: &Pace,
    ) -> Record {
        let (what, mut path) = match action {
            Action::Retrieve { path, .. } => ("get", path.as_str().to_string()),
            Action::List { what: Target::Path(path), .. } => ("list", path.as_str().to_string()),
            Action::List { what: Target::Matching { folder, pattern }, .. } => {
                ("list", format!("{}/{}", folder.as_str().trim_end_matches('/'), pattern.as_str()))
            }
            Action::Store { placing, .. } => match placing {
                Placing::Whole(path) => ("put", path.as_str().to_string()),
                Placing::At { path, .. } | Placing::Append { path, .. } => {
                    ("append", path.as_str().to_string())
                }
                Placing::Unique { folder, .. } => {
                    let name = ready.name.as_deref().unwrap_or_default();
                    ("put", format!("{}/{name}", folder.as_str().trim_end_matches('/')))
                }
            },
        };
        path.truncate(path.floor_char_boundary(PATH_LOGGED_MAX_BYTES));
        let moved = pace.moved.clone();
        Record { origin, user, what, path, is_tls: data.protected, moved, begun: Instant::now() }
    }

    /// Writes down how it ended.
    pub fn write(&self, done: &Result<(), Cut>) {
        let bytes = self.moved.load(Ordering::Relaxed);
        let metrics = metrics();
        match self.what {
            "put" | "append" => {
                metrics.ftp_bytes_received.add(bytes);
                if done.is_ok() {
                    metrics.ftp_files_received.inc();
                }
            }
            _ => {
                metrics.ftp_bytes_sent.add(bytes);
                if done.is_ok() && self.what == "get" {
                    metrics.ftp_files_sent.inc();
                }
            }
        }
        if done.is_err() {
            metrics.ftp_transfers_cut.inc();
        }
        tracing::info!(
            service = %self.origin.service,
            peer = %self.origin.address,
            user = %self.user.escape_debug(),
            what = self.what,
            path = %self.path.escape_debug(),
            bytes,
            ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            tls = self.is_tls,
            cut = done.as_ref().err().map(tracing::field::display),
            "transfer"
        );
    }
}
