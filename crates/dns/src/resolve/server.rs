//! What was learned of servers: how fast they answer, and their cookies.

use std::collections::HashMap;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::time::Duration;

use siphasher::sip::SipHasher24;
use wire::Now;

/// Servers remembered; when there are more, all is learned anew.
const SERVERS_MAX: usize = 10_000;
/// What is assumed of a server that was never asked, in milliseconds: so that unknown ones are tried too.
const UNKNOWN_MS: u32 = 150;
/// The same for IPv6, which is missing more often: then a failure is not the first thing that happens.
const UNKNOWN_IPV6_MS: u32 = 250;
/// A server that does not answer counts as no slower than this.
const SLOWEST_MS: u32 = 8000;
/// How a server was is forgotten after this time: it may have come back.
const FORGET_AFTER: Duration = Duration::from_mins(10);
/// The shortest and the longest wait for a datagram.
const WAIT_MIN_MS: u32 = 400;
const WAIT_MAX_MS: u32 = 2000;

#[derive(Debug, Clone, Default)]
struct Server {
    /// Smoothed time of an answer, in milliseconds.
    rtt_ms: u32,
    seen: Now,
    cookie: Option<Vec<u8>>,
    no_edns: bool,
}

/// All servers that were asked of late.
#[derive(Debug)]
pub(super) struct Servers {
    known: HashMap<SocketAddr, Server>,
    /// Makes the client's half of cookies (RFC 7873 §4.1).
    secret: [u8; 16],
}

impl Servers {
    pub(super) fn new(secret: [u8; 16]) -> Servers {
        Servers { known: HashMap::new(), secret }
    }

    fn get(&self, server: SocketAddr, now: Now) -> Option<&Server> {
        self.known.get(&server).filter(|known| now.since(known.seen) < FORGET_AFTER)
    }

    fn entry(&mut self, server: SocketAddr, now: Now) -> &mut Server {
        if self.known.len() >= SERVERS_MAX && !self.known.contains_key(&server) {
            self.known.clear();
        }
        let known = self.known.entry(server).or_default();
        if known.rtt_ms == 0 || now.since(known.seen) >= FORGET_AFTER {
            *known = Server { rtt_ms: UNKNOWN_MS, ..Server::default() };
        }
        known.seen = now;
        known
    }

    /// By which servers are preferred: the smaller the better.
    pub(super) fn cost_ms(&self, server: SocketAddr, now: Now) -> u32 {
        let unknown = if server.is_ipv4() { UNKNOWN_MS } else { UNKNOWN_IPV6_MS };
        self.get(server, now).map_or(unknown, |known| known.rtt_ms)
    }

    /// How long to wait for a datagram at the `nth` attempt.
    pub(super) fn wait(&self, server: SocketAddr, now: Now, nth: u32) -> Duration {
        let ms = (self.cost_ms(server, now).saturating_mul(3) << nth.min(4)).clamp(WAIT_MIN_MS, WAIT_MAX_MS);
        Duration::from_millis(ms.into())
    }

    pub(super) fn answered(&mut self, server: SocketAddr, now: Now, took: Duration) {
        let took_ms = u32::try_from(took.as_millis()).unwrap_or(SLOWEST_MS).clamp(1, SLOWEST_MS);
        let known = self.entry(server, now);
        known.rtt_ms = (known.rtt_ms * 7 + took_ms * 3) / 10 + 1;
    }

    pub(super) fn silent(&mut self, server: SocketAddr, now: Now) {
        let known = self.entry(server, now);
        known.rtt_ms = (known.rtt_ms * 2).min(SLOWEST_MS);
    }

    pub(super) fn speaks_edns(&self, server: SocketAddr, now: Now) -> bool {
        self.get(server, now).is_none_or(|known| !known.no_edns)
    }

    pub(super) fn set_no_edns(&mut self, server: SocketAddr, now: Now) {
        self.entry(server, now).no_edns = true;
    }

    /// The client's half: another for each server, so that none can follow us to others.
    pub(super) fn client_cookie(&self, server: SocketAddr) -> [u8; 8] {
        let mut hasher = SipHasher24::new_with_key(&self.secret);
        match server {
            SocketAddr::V4(server) => hasher.write(&server.ip().octets()),
            SocketAddr::V6(server) => hasher.write(&server.ip().octets()),
        }
        hasher.write_u16(server.port());
        hasher.finish().to_be_bytes()
    }

    pub(super) fn server_cookie(&self, server: SocketAddr, now: Now) -> Option<Vec<u8>> {
        self.get(server, now)?.cookie.clone()
    }

    pub(super) fn set_cookie(&mut self, server: SocketAddr, now: Now, cookie: Option<Vec<u8>>) {
        self.entry(server, now).cookie = cookie;
    }
}
