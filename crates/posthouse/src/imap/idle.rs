//! IDLE (RFC 2177): news within a moment of their commit.

use super::error::{self, Failure};
use super::news::{self, Telling};
use super::{Cost, ImapService, Logins};
use ::imap::{Ask, Session};
use ::store::Watch;
use std::time::Duration;
use tokio::time::Instant;
use wire::Outputs;

/// News of a burst are told together: after some, the next wait at least this long. The first of a
/// burst is told at once.
const BETWEEN_NEWS: Duration = Duration::from_millis(50);

/// A client that idles.
pub(super) struct Idle {
    watch: Watch,
    /// Something changed that was not told yet.
    changed: bool,
    /// When news may next be told.
    next: Instant,
}

impl Idle {
    /// Returns when there is something to tell. Safe to drop at any await.
    pub async fn event(&mut self) {
        if !self.changed {
            self.watch.changed().await;
            self.changed = true;
        }
        tokio::time::sleep_until(self.next).await;
    }
}

impl<L: Logins> ImapService<L> {
    /// Watches from now on; what has changed since the last command is told first.
    pub(super) fn begin_idle(&mut self) {
        let Some(selected) = &mut self.selected else { return };
        selected.kept = None;
        let watch = self.shared.store.watch(selected.account);
        // The first event comes at once and tells what changed before the watch was made.
        self.idle = Some(Box::new(Idle { watch, changed: true, next: Instant::now() }));
    }

    /// Tells a client that idles what is new.
    pub(super) async fn tell_idler(&mut self, session: &mut Session, out: &mut Outputs<Ask>) {
        if !session.is_idling() {
            self.idle = None;
            return;
        }
        if let Some(idle) = &mut self.idle {
            idle.changed = false;
            idle.next = Instant::now() + BETWEEN_NEWS;
        }
        let telling = Telling::all(session.enabled());
        let mut responses = Vec::new();
        let told = self
            .read(&mut responses, Cost::Short, move |view, selected, out| {
                news::tell(view, selected, &telling, out)
            })
            .await;
        match told {
            Ok(()) if responses.is_empty() => {}
            Ok(()) => {
                session.news(self.shared.clock.now(), &responses, out);
            }
            Err(Failure::MailboxGone) => session.bye(None, error::GONE, out),
            Err(Failure::AccountGone) => session.bye(None, error::ACCOUNT_GONE, out),
            Err(Failure::Store(error)) => {
                // The next change tries again.
                error::report(&error);
            }
            Err(Failure::Lost(error)) => {
                error::report(&error);
                session.bye(Some(&::imap::response::Code::Unavailable), "Temporary failure", out);
            }
            Err(Failure::Refused(_) | Failure::Wire(_)) => {}
        }
    }
}
