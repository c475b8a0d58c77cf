//! The check: reads everything, compares what must agree, repairs nothing.

mod accounts;
mod contents;
mod files;
mod mailboxes;
mod queue;
mod values;
mod zones;

use std::collections::HashMap;
use std::time::Duration;

use crate::error::StoreError;
use crate::store::Store;
use crate::view::View;

/// A content file that no row names is reported, and may be removed, once it is this old; younger
/// ones belong to deliveries under way.
pub const ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// Most findings of one kind that are listed; the rest is only counted.
pub const FINDINGS_PER_KIND_MAX: usize = 1000;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule is broken; the same words for the same rule.
    pub what: &'static str,
    /// Which account, mailbox, message, content or file.
    pub where_: String,
    /// What was found and what was expected.
    pub detail: String,
}

/// What a check looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Accounts.
    pub accounts: u64,
    /// Mailboxes.
    pub mailboxes: u64,
    /// Placements.
    pub placements: u64,
    /// Messages.
    pub messages: u64,
    /// Contents, each decompressed and compared with its digest.
    pub contents: u64,
    /// Bytes of these contents.
    pub content_bytes: u64,
    /// Entries of the queue.
    pub queued: u64,
    /// Files and folders.
    pub files: u64,
    /// Uploads that were cut.
    pub parts: u64,
    /// Zones, each compared with its digest.
    pub zones: u64,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What is damaged; empty if all is well.
    pub findings: Vec<Finding>,
    /// Findings beyond [`FINDINGS_PER_KIND_MAX`] of their kind, which are not listed.
    pub more: u64,
    /// What was looked at.
    pub counted: Counted,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being looked at.
    pub step: &'static str,
    /// How many of them are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// A check at work.
struct Checker<'c> {
    report: Report,
    kinds: HashMap<&'static str, usize>,
    progress: &'c mut dyn FnMut(Progress),
}

impl Checker<'_> {
    fn finding(&mut self, what: &'static str, where_: String, detail: String) {
        let count = self.kinds.entry(what).or_default();
        *count += 1;
        if *count > FINDINGS_PER_KIND_MAX {
            self.report.more += 1;
        } else {
            self.report.findings.push(Finding { what, where_, detail });
        }
    }

    fn progress(&mut self, step: &'static str, done: u64, total: u64) {
        (self.progress)(Progress { step, done, total });
    }
}

impl Store {
    /// Reads everything in one consistent state and compares what must agree: counts, sums, UIDs,
    /// modseqs, references both ways, and every content with its digest. Repairs nothing. The
    /// store stays in use meanwhile. Takes as long as reading all data; call it off the runtime.
    ///
    /// # Errors
    /// Only if the database cannot be read at all; what can be named becomes a [`Finding`].
    pub fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Report, StoreError> {
        let mut checker = Checker { report: Report::default(), kinds: HashMap::new(), progress };
        let (files, parts) = self.read_blocking(|view| {
            view.check_database(&mut checker)?;
            view.check_values(&mut checker)?;
            view.check_accounts(&mut checker)?;
            view.check_mailboxes(&mut checker)?;
            view.check_queue(&mut checker)?;
            view.check_zones(&mut checker)?;
            let parts = view.check_areas(&mut checker)?;
            Ok((view.check_contents(&mut checker)?, parts))
        })?;
        self.check_parts(&parts, &mut checker)?;
        self.check_files(&files, &parts, &mut checker)?;
        Ok(checker.report)
    }
}

impl View<'_> {
    /// SQLite's own check of its file. PostgreSQL has its own tools (`pg_amcheck`).
    fn check_database(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        if self.db.is_postgres() {
            return Ok(());
        }
        checker.progress("database file", 0, 1);
        let lines = self.db.list("PRAGMA integrity_check", &[], |row| row.string(0))?;
        for line in lines.into_iter().filter(|line| line != "ok") {
            checker.finding("database file", "PRAGMA integrity_check".to_owned(), line);
        }
        checker.progress("database file", 1, 1);
        Ok(())
    }
}
