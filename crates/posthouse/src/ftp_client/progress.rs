//! What a person at the terminal sees while bytes move.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    /// Many files go at once: the bar counts them all, and is no single one's.
    many: AtomicBool,
}

impl Progress {
    /// A bar, or with `shown` false none.
    pub fn new(shown: bool) -> Progress {
        let bar = if shown { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let style =
            ProgressStyle::with_template("{msg:30!} {bytes:>10} {binary_bytes_per_sec:>12} {elapsed}");
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress { bar, many: AtomicBool::new(false) }
    }

    /// From now on many files go at once.
    pub fn count_many(&self) {
        self.many.store(true, Ordering::Relaxed);
        self.bar.reset();
    }

    /// So many bytes are to be moved, of which some are there already.
    pub fn begin(&self, name: &str, total_bytes: Option<u64>, there_bytes: u64) {
        if self.many.load(Ordering::Relaxed) {
            return;
        }
        self.bar.set_message(name.to_string());
        if let Some(total) = total_bytes {
            let template = "{msg:30!} {bar:24} {bytes:>10}/{total_bytes:10} {binary_bytes_per_sec:>12} {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
            self.bar.set_length(total);
        }
        self.bar.set_position(there_bytes);
        self.bar.reset_eta();
    }

    /// A step of many, named in front of the count of bytes.
    pub fn name(&self, name: String) {
        self.bar.set_message(name);
    }

    /// So many bytes have moved.
    pub fn moved(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// A line for the person that stays when the bar moves on.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("posthouse: {line}"));
    }

    /// The end: the bar goes.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
