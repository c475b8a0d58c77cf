//! Whether a client is still there when its upload has come to an end.
//!
//! Without TLS nothing but the end of the data connection says that a file is whole, and the connections of a
//! client that is killed end like any others. What tells the two apart is the control connection: its end is
//! an abort (RFC 959 §4.1.1), unless the client said QUIT before. So it is looked at before anything becomes a
//! file, at the latest possible moment, and however it is closed: whoever wants to know whether a file
//! arrived waits for the reply.
//!
//! A system closes a dead program's connections one after the other, the youngest first: the data connection
//! ends before the control connection, by microseconds mostly, by some milliseconds where the machine is busy, and
//! by what the network adds. A file that took long to arrive is therefore given a moment more ([`moment`]), in
//! which it is also synced; the last look is made by the transaction that places it. The end of a control
//! connection that comes later still, because a packet was lost, is not waited for: only TLS, where the end of
//! the data is said in so many words, knows for sure.

use super::cut::Cut;
use super::halt::Halt;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What arrived is given this part of the time that it took: programs are killed in long uploads more often than in
/// short ones, and nobody's uploads become much slower by it.
const MOMENT_PART: u32 = 4;
/// But no longer: with all processors busy, nearly all dead programs' connections are closed by then.
const MOMENT_MAX: Duration = Duration::from_millis(50);
/// Nor shorter: timers are no finer.
const MOMENT_MIN: Duration = Duration::from_millis(1);

/// How long to wait for the end of the control connection, after data that took so long.
fn moment(took: Duration) -> Duration {
    Some(took / MOMENT_PART).filter(|moment| *moment >= MOMENT_MIN).unwrap_or_default().min(MOMENT_MAX)
}

/// That the client took its leave: with QUIT before it ended its side. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Leave(Arc<Taken>);

#[derive(Debug, Default)]
struct Taken {
    is_taken: AtomicBool,
    told: Notify,
}

impl Leave {
    /// It did.
    pub fn take(&self) {
        self.0.is_taken.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    async fn taken(&self) {
        loop {
            let told = self.0.told.notified();
            if self.0.is_taken.load(Ordering::Acquire) {
                return;
            }
            told.await;
        }
    }
}

/// Looks for the client at the other end of the control connection.
#[derive(Debug)]
pub struct Presence {
    /// Nothing where it does not matter.
    control: Option<OwnedFd>,
    leave: Leave,
    halt: Halt,
}

impl Presence {
    /// Looks at this control connection; `halt` is what its end causes.
    pub fn new(control: Option<OwnedFd>, leave: Leave, halt: Halt) -> Presence {
        Presence { control, leave, halt }
    }

    /// Whether the client has ended its side without having taken its leave, as far as is known here: what
    /// was read of the control connection last may say more.
    pub fn is_missed(&self) -> bool {
        if self.leave.0.is_taken.load(Ordering::Acquire) {
            return false;
        }
        let Some(control) = &self.control else { return false };
        let mut asked = [PollFd::new(control, PollFlags::RDHUP)];
        rustix::event::poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))
            .is_ok_and(|ready| ready > 0)
    }

    /// Until when to wait for signs that the client is gone, if its data began to come at `begun` and ended now.
    pub fn moment_from(&self, begun: Instant) -> Instant {
        let now = Instant::now();
        if self.control.is_none() { now } else { now + moment(now - begun) }
    }

    /// [`Presence::confirm`], but not before `moment`.
    ///
    /// # Errors
    /// [`Cut::Halted`].
    pub async fn confirm_at(&self, moment: Instant) -> Result<(), Cut> {
        if moment > Instant::now() {
            tokio::select! {
                () = self.halt.halted() => {}
                () = tokio::time::sleep_until(moment) => {}
            }
        }
        self.confirm().await
    }

    /// Returns if the client is there, or took its leave. If it seems to be gone, whoever reads the control
    /// connection decides, and does so soon.
    ///
    /// # Errors
    /// [`Cut::Halted`].
    pub async fn confirm(&self) -> Result<(), Cut> {
        if self.is_missed() {
            tokio::select! {
                biased;
                () = self.halt.halted() => {}
                () = self.leave.taken() => {}
            }
        }
        if self.halt.is_halted() { Err(Cut::Halted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_much_longer_than_the_data_took() {
        for (took_ms, moment_ms) in [(0, 0), (3, 0), (4, 1), (100, 25), (200, 50), (60_000, 50)] {
            assert_eq!(moment(Duration::from_millis(took_ms)), Duration::from_millis(moment_ms));
        }
    }

    #[tokio::test]
    async fn who_seems_to_be_gone_is_waited_for_until_it_is_known() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let (leave, halt) = (Leave::default(), Halt::new());
        let presence = Presence::new(Some(ours.into()), leave.clone(), halt.clone());
        assert!(!presence.is_missed() && presence.confirm().await.is_ok());
        drop(theirs);
        assert!(presence.is_missed());
        let (told, ()) = tokio::join!(presence.confirm(), async { leave.take() });
        assert!(told.is_ok() && !presence.is_missed());
        halt.halt();
        assert!(matches!(presence.confirm().await, Err(Cut::Halted)));
    }
}
