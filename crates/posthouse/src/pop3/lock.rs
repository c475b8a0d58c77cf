//! The exclusive lock of a maildrop (RFC 1939 §4), and its takeover from sessions that are dead.

use crate::clock::Clock;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::AccountId;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use wire::Now;

/// A session silent for this long gives way to another. RFC 1939 §3 grants ten minutes of silence; whoever
/// lost the network in the middle, a phone as a rule, is noticed long before by [`notice_death`].
const GIVES_WAY_AFTER: Duration = Duration::from_mins(10);
/// A connection silent for this long is asked whether it is still there.
const PROBED_AFTER: Duration = Duration::from_secs(30);
/// How often it is asked until it answers.
const PROBED_EVERY: Duration = Duration::from_secs(15);
/// A peer that acknowledges nothing for this long, neither such a question nor what is sent, is dead: its
/// connection ends, and the lock with it.
const DEAD_AFTER: Duration = Duration::from_secs(90);
/// The new session waits this long for the old one to let go.
const TAKEOVER_WAIT: Duration = Duration::from_secs(2);

/// Has the system end the connection soon after its peer has vanished from the network.
pub fn notice_death(socket: &TcpStream) {
    use rustix::net::sockopt;
    let timeout_ms = u32::try_from(DEAD_AFTER.as_millis()).unwrap_or(u32::MAX);
    // Where the system does not take them the lock is merely held longer.
    let _ = sockopt::set_socket_keepalive(socket, true);
    let _ = sockopt::set_tcp_keepidle(socket, PROBED_AFTER);
    let _ = sockopt::set_tcp_keepintvl(socket, PROBED_EVERY);
    let _ = sockopt::set_tcp_user_timeout(socket, timeout_ms);
}

/// All locks of this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Locks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    login_delay: Duration,
    holders: Mutex<HashMap<AccountId, Arc<Holder>>>,
    last_logins: Mutex<HashMap<AccountId, Now>>,
}

#[derive(Debug)]
struct Holder {
    /// When it last did anything, in milliseconds of the sessions' clock.
    alive_ms: AtomicU64,
    superseded: Notify,
    released: Notify,
}

/// A lock that is held; dropping it releases it.
#[derive(Debug)]
pub struct Held {
    locks: Locks,
    account: AccountId,
    holder: Arc<Holder>,
}

/// What came of asking for a lock.
pub enum Locked {
    /// It is held now.
    Taken(Held),
    /// Another session holds it and is alive.
    InUse,
    /// The account logged in less than the login delay ago (RFC 2449 §6.5).
    TooSoon,
}

impl Locks {
    /// Locks with a login delay; zero for none.
    pub fn new(login_delay: Duration) -> Locks {
        Locks(Arc::new(Inner { login_delay, ..Inner::default() }))
    }

    /// Takes an account's lock, if need be from a session that is silent.
    pub async fn take(&self, clock: Clock, account: AccountId) -> Locked {
        let now = clock.now();
        if self.is_too_soon(now, account) {
            return Locked::TooSoon;
        }
        let holder = match self.try_take(now, account) {
            Ok(held) => return Locked::Taken(held),
            Err(holder) => holder,
        };
        if now.since(Now::from_millis(holder.alive_ms.load(Ordering::Relaxed))) < GIVES_WAY_AFTER {
            return Locked::InUse;
        }
        let released = holder.released.notified();
        holder.superseded.notify_one();
        let _ = tokio::time::timeout(TAKEOVER_WAIT, released).await;
        self.try_take(clock.now(), account).map_or(Locked::InUse, Locked::Taken)
    }

    fn is_too_soon(&self, now: Now, account: AccountId) -> bool {
        if self.0.login_delay.is_zero() {
            return false;
        }
        let mut last = self.0.last_logins.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, at| now.since(*at) < self.0.login_delay);
        if last.contains_key(&account) {
            return true;
        }
        last.insert(account, now);
        false
    }

    fn try_take(&self, now: Now, account: AccountId) -> Result<Held, Arc<Holder>> {
        let mut holders = self.0.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = holders.get(&account) {
            return Err(holder.clone());
        }
        let holder = Arc::new(Holder {
            alive_ms: AtomicU64::new(now.as_millis()),
            superseded: Notify::new(),
            released: Notify::new(),
        });
        holders.insert(account, holder.clone());
        Ok(Held { locks: self.clone(), account, holder })
    }
}

impl Held {
    /// The session has just done something.
    pub fn is_alive(&self, now: Now) {
        self.holder.alive_ms.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Returns when another session wants the lock and this one is thought dead.
    pub async fn superseded(&self) {
        self.holder.superseded.notified().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.locks.0.holders.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
        self.holder.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(1);

    #[tokio::test]
    async fn one_session_at_a_time_and_the_dead_give_way() {
        let (locks, clock) = (Locks::default(), Clock::new());
        let Locked::Taken(first) = locks.take(clock, ACCOUNT).await else { panic!("free") };
        assert!(matches!(locks.take(clock, ACCOUNT).await, Locked::InUse));
        assert!(matches!(locks.take(clock, AccountId(2)).await, Locked::Taken(_)));
        let silent_for = |time: Duration| {
            let then = clock.now().as_millis() - time.as_millis() as u64;
            first.is_alive(Now::from_millis(then));
        };
        silent_for(Duration::from_secs(9 * 60 + 50));
        assert!(matches!(locks.take(clock, ACCOUNT).await, Locked::InUse), "RFC 1939 §3 grants ten minutes");
        silent_for(Duration::from_mins(11));
        let task = tokio::spawn(async move {
            first.superseded().await;
            drop(first);
        });
        assert!(matches!(locks.take(clock, ACCOUNT).await, Locked::Taken(_)));
        task.await.unwrap();
    }

    #[tokio::test]
    async fn sockets_end_when_their_peer_is_gone() {
        use rustix::net::sockopt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        notice_death(&socket);
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), PROBED_AFTER);
        assert_eq!(sockopt::tcp_keepintvl(&socket).unwrap(), PROBED_EVERY);
        assert_eq!(u128::from(sockopt::tcp_user_timeout(&socket).unwrap()), DEAD_AFTER.as_millis());
    }

    #[tokio::test]
    async fn logins_may_be_too_soon() {
        let (locks, clock) = (Locks::new(Duration::from_mins(1)), Clock::new());
        drop(locks.take(clock, ACCOUNT).await);
        assert!(matches!(locks.take(clock, ACCOUNT).await, Locked::TooSoon));
    }
}
