//! Ties TLS data connections to the control connection that asked for them.
//!
//! Every control connection gets a random token. The tickets that it and its data connections hand
//! out hold the token, and only tickets with it are taken: a data connection that resumes has thus been
//! opened by the client of this very control connection. The token is put around what the common
//! ticketer seals, so that it holds for TLS 1.2 and TLS 1.3 alike, without state on our side. Clients of
//! TLS 1.2 that take no tickets (curl with OpenSSL is one) resume by session id: these are kept with the
//! control connection, and found from nowhere else.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// The protocol's name in ALPN. A client that offers names without this one is not an FTP client, and
/// its handshake fails.
const ALPN: &[u8] = b"ftp";

/// Seals and opens tickets for all control connections of this process.
#[derive(Clone)]
pub struct Tickets(Arc<dyn ProducesTickets>);

/// The token of one control connection, as the ticketer of its TLS connections.
pub struct Binding {
    sealer: Tickets,
    token: [u8; TOKEN_LEN_BYTES],
    foreign: AtomicBool,
    /// Sessions of TLS 1.2 by their id, the newest last.
    sessions: Mutex<VecDeque<Session>>,
}

type Session = (Vec<u8>, Vec<u8>);

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
        Ticketer::new().map(Tickets).map_err(io::Error::other)
    }

    /// A token for a new control connection.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn bind(&self) -> io::Result<Arc<Binding>> {
        let token = crate::auth::random()?;
        let (sealer, foreign) = (self.clone(), AtomicBool::new(false));
        Ok(Arc::new(Binding { sealer, token, foreign, sessions: Mutex::default() }))
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

    /// Whether a good ticket of another control connection was shown since the last call.
    pub fn take_foreign(&self) -> bool {
        self.foreign.swap(false, Ordering::Relaxed)
    }
}

impl Binding {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoresServerSessions for Binding {
    fn put(&self, id: Vec<u8>, session: Vec<u8>) -> bool {
        let mut sessions = self.lock();
        sessions.retain(|known| known.0 != id);
        if sessions.len() == SESSIONS_MAX {
            sessions.pop_front();
        }
        sessions.push_back((id, session));
        true
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.lock().iter().find(|known| known.0 == id).map(|known| known.1.clone())
    }

    fn take(&self, id: &[u8]) -> Option<Vec<u8>> {
        let mut sessions = self.lock();
        let at = sessions.iter().position(|known| known.0 == id)?;
        sessions.remove(at).map(|known| known.1)
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
        self.sealer.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.sealer.0.encrypt(&[&self.token[..], plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let mut plain = self.sealer.0.decrypt(cipher)?;
        let token = plain.first_chunk::<TOKEN_LEN_BYTES>()?;
        if !is_same(token, &self.token) {
            self.foreign.store(true, Ordering::Relaxed);
            return None;
        }
        plain.drain(..TOKEN_LEN_BYTES);
        Some(plain)
    }
}

/// Compares in a time that does not tell where the difference is.
fn is_same(a: &[u8; TOKEN_LEN_BYTES], b: &[u8; TOKEN_LEN_BYTES]) -> bool {
    // The optimiser must not see that a single difference decides.
    a.iter().zip(b).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_for_its_own_control_connection_alone() {
        let tickets = Tickets::new().unwrap();
        let (own, other) = (tickets.bind().unwrap(), tickets.bind().unwrap());
        let ticket = own.encrypt(b"secrets of a session").unwrap();
        assert_eq!(own.decrypt(&ticket).unwrap(), b"secrets of a session");
        assert_eq!(own.decrypt(&ticket).unwrap(), b"secrets of a session", "a second time");
        assert!(!own.take_foreign());
        assert_eq!(other.decrypt(&ticket), None);
        assert!(other.take_foreign() && !other.take_foreign());
        assert_eq!(own.decrypt(b"noise"), None);
        assert!(!own.take_foreign());
        let elsewhere = Tickets::new().unwrap().bind().unwrap();
        assert_eq!(elsewhere.decrypt(&ticket), None, "other keys");
    }

    #[test]
    fn a_few_sessions_are_kept() {
        let binding = Tickets::new().unwrap().bind().unwrap();
        for id in 0..6 {
            assert!(binding.put(vec![id], vec![id, id]));
        }
        assert!(binding.put(vec![5], vec![9]));
        assert_eq!(binding.lock().len(), SESSIONS_MAX);
        assert_eq!(
            (binding.get(&[1]), binding.get(&[5]), binding.get(&[5])),
            (None, Some(vec![9]), Some(vec![9]))
        );
        assert_eq!((binding.take(&[4]), binding.take(&[4])), (Some(vec![4, 4]), None));
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
