//! Ties TLS data connections to the control connection that asked for them.
//!
//! Every control connection gets a random token. The tickets that it and its data connections hand
//! out hold the token: a data connection that resumes has thus been opened by the client of that control
//! connection. The token is put around what the common ticketer seals, so that it holds for TLS 1.2 and
//! TLS 1.3 alike. Clients of TLS 1.2 that take no tickets (curl with OpenSSL is one) resume by session id:
//! these are kept with the token of the control connection that they came from.
//!
//! A client with several control connections may keep its sessions in one place for all of them, as `curl
//! -Z` does, and then shows at one what it got at another. So a ticket also counts if it is from another
//! control connection that is open now, comes from the same address and is logged in as the same account:
//! who holds its secrets has shown that very password, at that very address, and gains nothing that its own
//! control connection does not give. Tickets of another account or from another address stay refused. One of
//! a control connection whose login is still under way is taken for the moment, and the data connection
//! waits for that login ([`Binding::is_confirmed`]) before a byte of a file is moved.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::AccountId;
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer;
use tokio_rustls::rustls::server::{ProducesTickets, StoresServerSessions};

/// Length of a token in bytes: as hard to guess as a key.
const TOKEN_LEN_BYTES: usize = 32;
/// Tickets of the control connection under TLS 1.3. Clients that open several data connections at once
/// use up several, and some use each only once.
const TICKETS: usize = 6;
/// Tickets of a data connection: the one that was used up for it, and one to spare.
const TICKETS_OF_DATA: usize = 2;
/// Sessions with an id kept per control connection. A client needs one.
const SESSIONS_MAX: usize = 4;
/// How long a data connection waits for the login of the control connection whose ticket it showed. A
/// client that opens several at once logs in to them at the same time.
const LOGIN_WAIT: Duration = Duration::from_secs(5);
/// The protocol's name in ALPN. A client that offers names without this one is not an FTP client, and
/// its handshake fails.
const ALPN: &[u8] = b"ftp";

type Token = [u8; TOKEN_LEN_BYTES];

/// Seals and opens tickets for all control connections of this process, and knows these.
#[derive(Clone)]
pub struct Tickets {
    sealer: Arc<dyn ProducesTickets>,
    open: Arc<Mutex<Open>>,
}

/// The control connections that are open.
#[derive(Default)]
struct Open {
    connections: HashMap<Token, Known>,
    /// Sessions of TLS 1.2 by their id.
    sessions: HashMap<Vec<u8>, Session>,
}

/// What others may know of a control connection.
struct Known {
    address: IpAddr,
    account: watch::Receiver<Option<AccountId>>,
    /// The ids of its sessions, the newest last.
    sessions: VecDeque<Vec<u8>>,
}

/// A session of TLS 1.2, and the control connection that it came from.
struct Session {
    token: Token,
    content: Vec<u8>,
}

/// The token of one control connection, as the ticketer of its TLS connections.
pub struct Binding {
    tickets: Tickets,
    token: Token,
    address: IpAddr,
    account: watch::Sender<Option<AccountId>>,
    foreign: AtomicBool,
    /// The login on which it depends whether what was shown last counts.
    awaited: Mutex<Option<watch::Receiver<Option<AccountId>>>>,
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Binding")
    }
}

impl Tickets {
    /// With keys of its own, changed every few hours.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new() -> io::Result<Tickets> {
        let sealer = Ticketer::new().map_err(io::Error::other)?;
        Ok(Tickets { sealer, open: Arc::default() })
    }

    /// A token for a new control connection of a client at `address`.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn bind(&self, address: IpAddr) -> io::Result<Arc<Binding>> {
        let (token, address) = (crate::auth::random()?, address.to_canonical());
        let (account, watched) = watch::channel(None);
        let known = Known { address, account: watched, sessions: VecDeque::new() };
        self.lock().connections.insert(token, known);
        let (tickets, foreign, awaited) = (self.clone(), AtomicBool::new(false), Mutex::default());
        Ok(Arc::new(Binding { tickets, token, address, account, foreign, awaited }))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        let mut open = self.tickets.lock();
        let Some(known) = open.connections.remove(&self.token) else { return };
        for id in known.sessions {
            open.sessions.remove(&id);
        }
    }
}

impl Binding {
    /// The settings for TLS on this control connection.
    pub fn for_control(self: &Arc<Self>, base: &ServerConfig) -> Arc<ServerConfig> {
        self.configure(base, TICKETS)
    }

    /// The settings for TLS on its data connections.
    pub fn for_data(self: &Arc<Self>, base: &ServerConfig) -> Arc<ServerConfig> {
        self.configure(base, TICKETS_OF_DATA)
    }

    fn configure(self: &Arc<Self>, base: &ServerConfig, tickets: usize) -> Arc<ServerConfig> {
        let mut config = base.clone();
        config.session_storage = self.clone();
        config.ticketer = self.clone();
        config.send_tls13_tickets = tickets;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Arc::new(config)
    }

    /// Whether something good was shown since the last call that is another client's.
    pub fn take_foreign(&self) -> bool {
        self.foreign.swap(false, Ordering::Relaxed)
    }

    /// The control connection is logged in as this account.
    pub fn logged_in(&self, account: AccountId) {
        self.account.send_replace(Some(account));
    }

    /// Nobody is logged in any more.
    pub fn logged_out(&self) {
        self.account.send_replace(None);
    }

    /// Whether the session that a data connection has just resumed is this client's. Where that depends on
    /// a login under way it waits for that one.
    pub async fn is_confirmed(&self) -> bool {
        let Some(mut login) = self.lock_awaited().take() else { return true };
        let account = tokio::time::timeout(LOGIN_WAIT, login.wait_for(Option::is_some)).await;
        let is_same = account.is_ok_and(|account| account.is_ok_and(|other| *other == self.account()));
        if !is_same {
            self.foreign.store(true, Ordering::Relaxed);
        }
        is_same
    }

    fn account(&self) -> Option<AccountId> {
        *self.account.borrow()
    }

    fn lock_awaited(&self) -> MutexGuard<'_, Option<watch::Receiver<Option<AccountId>>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what came from the control connection with that token may be resumed here.
    fn accepts(&self, token: &Token, open: &Open) -> bool {
        let mut awaited = self.lock_awaited();
        *awaited = None;
        if is_same(token, &self.token) {
            return true;
        }
        // On the way to a login there are no data connections, and each has a handshake of its own.
        let Some(account) = self.account() else { return false };
        let known = open.connections.get(token).filter(|known| known.address == self.address);
        let accepted = known.is_some_and(|known| match *known.account.borrow() {
            Some(other) => other == account,
            None => {
                *awaited = Some(known.account.clone());
                true
            }
        });
        if !accepted {
            self.foreign.store(true, Ordering::Relaxed);
        }
        accepted
    }
}

impl StoresServerSessions for Binding {
    fn put(&self, id: Vec<u8>, content: Vec<u8>) -> bool {
        let mut open = self.tickets.lock();
        let Open { connections, sessions } = &mut *open;
        let Some(known) = connections.get_mut(&self.token) else { return false };
        known.sessions.retain(|earlier| *earlier != id);
        if known.sessions.len() == SESSIONS_MAX
            && let Some(oldest) = known.sessions.pop_front()
        {
            sessions.remove(&oldest);
        }
        known.sessions.push_back(id.clone());
        sessions.insert(id, Session { token: self.token, content });
        true
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        let open = self.tickets.lock();
        let session = open.sessions.get(id)?;
        self.accepts(&session.token, &open).then(|| session.content.clone())
    }

    /// TLS 1.3 would use a session up; it has tickets instead.
    fn take(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.get(id)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

impl ProducesTickets for Binding {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.tickets.sealer.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.tickets.sealer.encrypt(&[&self.token[..], plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let mut plain = self.tickets.sealer.decrypt(cipher)?;
        let token = plain.first_chunk::<TOKEN_LEN_BYTES>()?;
        if !self.accepts(token, &self.tickets.lock()) {
            return None;
        }
        plain.drain(..TOKEN_LEN_BYTES);
        Some(plain)
    }
}

/// Compares in a time that does not tell where the difference is.
fn is_same(a: &Token, b: &Token) -> bool {
    // The optimiser must not see that a single difference decides.
    a.iter().zip(b).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const ALICE: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);

    fn logged_in(tickets: &Tickets, address: IpAddr, account: AccountId) -> Arc<Binding> {
        let binding = tickets.bind(address).unwrap();
        binding.logged_in(account);
        binding
    }

    #[test]
    fn a_ticket_opens_for_its_own_control_connection() {
        let tickets = Tickets::new().unwrap();
        let own = tickets.bind(HERE).unwrap();
        let ticket = own.encrypt(b"secrets of a session").unwrap();
        assert_eq!(own.decrypt(&ticket).unwrap(), b"secrets of a session");
        assert_eq!(own.decrypt(&ticket).unwrap(), b"secrets of a session", "a second time");
        assert_eq!(own.decrypt(b"noise"), None);
        assert!(!own.take_foreign());
        let elsewhere = logged_in(&Tickets::new().unwrap(), HERE, ALICE);
        assert_eq!(elsewhere.decrypt(&ticket), None, "other keys");
    }

    #[tokio::test]
    async fn what_another_control_connection_gave_counts_for_the_same_client_alone() {
        let tickets = Tickets::new().unwrap();
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        for (address, account, taken) in [
            (HERE, ALICE, true),
            (mapped, ALICE, true),
            (HERE, BOB, false),
            (ELSEWHERE, ALICE, false),
            (ELSEWHERE, BOB, false),
        ] {
            let (own, other) = (logged_in(&tickets, HERE, ALICE), logged_in(&tickets, address, account));
            let ticket = other.encrypt(b"secrets").unwrap();
            assert!(other.put(b"id".to_vec(), b"session".to_vec()));
            assert_eq!(own.decrypt(&ticket).is_some(), taken, "{address} {account:?}");
            assert_eq!(own.get(b"id").is_some(), taken, "{address} {account:?}");
            assert!(own.is_confirmed().await);
            assert!(own.take_foreign() != taken && !own.take_foreign());
            // Not for somebody who has yet to log in, and not once its control connection is gone.
            assert_eq!(tickets.bind(HERE).unwrap().decrypt(&ticket), None);
            drop(other);
            assert_eq!((own.decrypt(&ticket), own.get(b"id")), (None, None));
        }
        assert!(tickets.lock().connections.is_empty() && tickets.lock().sessions.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_under_way_is_waited_for() {
        let tickets = Tickets::new().unwrap();
        let own = logged_in(&tickets, HERE, ALICE);
        for (account, confirmed) in [(Some(ALICE), true), (Some(BOB), false), (None, false)] {
            let other = tickets.bind(HERE).unwrap();
            let ticket = other.encrypt(b"secrets").unwrap();
            assert!(own.decrypt(&ticket).is_some());
            let log_in = async { account.map(|account| other.logged_in(account)) };
            assert_eq!(tokio::join!(own.is_confirmed(), log_in).0, confirmed, "{account:?}");
            assert_eq!(own.take_foreign(), !confirmed);
        }
        // One that closes meanwhile is not waited for, and what was shown before does not count any more.
        let other = tickets.bind(HERE).unwrap();
        let ticket = other.encrypt(b"secrets").unwrap();
        assert!(own.decrypt(&ticket).is_some());
        drop(other);
        assert!(!own.is_confirmed().await);
        let other = tickets.bind(HERE).unwrap();
        assert!(own.decrypt(&other.encrypt(b"secrets").unwrap()).is_some());
        assert!(own.decrypt(&own.encrypt(b"secrets").unwrap()).is_some());
        assert!(own.is_confirmed().await);
    }

    #[test]
    fn a_few_sessions_are_kept() {
        let binding = Tickets::new().unwrap().bind(HERE).unwrap();
        for id in 0..6 {
            assert!(binding.put(vec![id], vec![id, id]));
        }
        assert!(binding.put(vec![5], vec![9]));
        assert_eq!(binding.tickets.lock().sessions.len(), SESSIONS_MAX);
        assert_eq!(
            (binding.get(&[1]), binding.get(&[5]), binding.get(&[5])),
            (None, Some(vec![9]), Some(vec![9]))
        );
    }

    #[test]
    fn tokens_are_compared_whole() {
        let zero = [0; TOKEN_LEN_BYTES];
        assert!(is_same(&zero, &zero));
        for at in 0..TOKEN_LEN_BYTES {
            let mut other = zero;
            other[at] = 1;
            assert!(!is_same(&zero, &other));
        }
    }
}
