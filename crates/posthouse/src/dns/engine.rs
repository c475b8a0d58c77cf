//! Questions into answers: what the threads of UDP and the connections have in common with the pure
//! answering of `dns`, and the limits that hold for datagrams only.

use super::names::Names;
use super::special::{Way, Work};
use super::tcp::{self, Peer, Reply as Answered};
use super::udp::{ANSWER_LEN_MAX_BYTES, Batch, Respond, Sender};
use crate::metrics::metrics;
use ::dns::answer::{Context, CookieVerdict, Cookies, Kind, Outcome, Reply, Transport, answer, truncate};
use ::dns::cookie::{Cookie, Standing};
use ::dns::message::MESSAGE_LEN_MAX_BYTES;
use ::dns::rrl::{Class, Limiter, Verdict};
use ::dns::{Catalogue, Rcode};
use arc_swap::ArcSwap;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::runtime::Handle;
use wire::Now;

/// Cookies for one query.
struct CookieJar<'a> {
    names: &'a Names,
    address: IpAddr,
    unix_s: u32,
    /// Whether a wrong cookie gets BADCOOKIE.
    insist: bool,
}

impl Cookies for CookieJar<'_> {
    fn check(&self, client: &[u8; 8], server: &[u8]) -> CookieVerdict {
        let cookies = self.names.cookies();
        let standing = cookies.check(Cookie { client: *client, server }, self.address, self.unix_s);
        let keep = match (standing, <[u8; 16]>::try_from(server)) {
            (Standing::Right { keep: true }, Ok(server)) => Some(server),
            _ => None,
        };
        CookieVerdict {
            server: keep.unwrap_or_else(|| cookies.make(client, self.address, self.unix_s)),
            valid: matches!(standing, Standing::Right { .. }),
            insist: self.insist,
        }
    }
}

/// Seconds since 1970 as cookies count them: they wrap in 2106 (RFC 9018 §4.3).
fn cookie_time(unix_s: u64) -> u32 {
    (unix_s & u64::from(u32::MAX)) as u32
}

thread_local! {
    /// Room for the longest answer. Of a thread and not of a connection: it is cleared once and not for each question,
    /// and a connection holds no more than its answers took.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; MESSAGE_LEN_MAX_BYTES].into());
}

/// The zones as one thread holds them.
type Zones = arc_swap::Cache<Arc<ArcSwap<Catalogue>>, Arc<Catalogue>>;

/// Answers the datagrams of one thread.
pub struct Datagrams {
    names: Arc<Names>,
    zones: Zones,
    limiter: Limiter,
    runtime: Handle,
    now: Now,
    unix_s: u64,
}

impl Datagrams {
    /// With the thread's own table of limits; what takes longer is done in `runtime`.
    pub fn new(names: Arc<Names>, limiter: Limiter, runtime: Handle) -> Datagrams {
        let zones = arc_swap::Cache::new(names.snapshot().served().clone());
        let (now, unix_s) = (names.clock().now(), names.unix_s());
        Datagrams { names, zones, limiter, runtime, now, unix_s }
    }

    fn plain(&mut self, query: &[u8], address: IpAddr, insist: bool, out: &mut [u8]) -> Outcome {
        let jar = CookieJar { names: &self.names, address, unix_s: cookie_time(self.unix_s), insist };
        let context =
            Context { nsid: self.names.nsid(), cookies: Some(&jar), ..Context::new(Transport::Udp) };
        answer(query, &context, self.zones.load(), out)
    }

    /// What is sent of an answer, by the limits of its network.
    fn limited(&mut self, query: &[u8], address: IpAddr, reply: &Reply, out: &mut [u8]) -> usize {
        if !self.limiter.is_on() || reply.cookie_valid || self.names.is_exempt(address) {
            return reply.len;
        }
        let class = match reply.kind {
            Kind::Positive => Class::Answer,
            Kind::NoData => Class::NoData,
            Kind::NxDomain => Class::NameError,
            Kind::Referral => Class::Referral,
            Kind::Error => Class::Error,
        };
        match self.limiter.decide(self.now, address, class, reply.rate_key) {
            Verdict::Send => return reply.len,
            Verdict::Drop => {
                metrics().dns_limited.inc();
                return 0;
            }
            Verdict::Slip => metrics().dns_limited.inc(),
        }
        // Who sent a cookie of whatever kind learns the right one by an answer no longer than the question
        // (RFC 7873 §5.2.3, §5.2.4); all others are asked to come by TCP.
        match self.plain(query, address, true, out) {
            Outcome::Reply(again) if again.rcode == Rcode::BADCOOKIE => again.len,
            Outcome::Reply(again) => truncate(out, &again),
            _ => 0,
        }
    }

    /// What is more than a question; never many at a time, hence not here but in the runtime.
    #[cold]
    fn special(&mut self, message: &[u8], sender: &Sender<'_>, out: &mut [u8]) -> usize {
        let address = sender.address.ip();
        let exempt = self.names.is_exempt(address);
        let way = Way {
            peer: Peer { address: sender.address, is_tls: false, exempt },
            is_datagram: true,
            limit_bytes: ANSWER_LEN_MAX_BYTES,
        };
        match self.names.special(message, &way) {
            Work::Now(answer) => {
                let is_error = answer.get(3).is_some_and(|byte| byte & 15 != 0);
                // Refusals to forged addresses are limited like all errors.
                let limited = is_error
                    && !exempt
                    && self.limiter.decide(self.now, address, Class::Error, 0) != Verdict::Send;
                if limited || answer.len() > out.len() {
                    metrics().dns_limited.inc();
                    return 0;
                }
                out[..answer.len()].copy_from_slice(&answer);
                answer.len()
            }
            Work::Later(work) => {
                let later = sender.later();
                self.runtime.spawn(async move {
                    if let Some(answer) = work.await.recv().await {
                        later(&answer);
                    }
                });
                0
            }
        }
    }
}

impl Respond for Datagrams {
    fn begin(&mut self) {
        self.now = self.names.clock().now();
        self.unix_s = self.names.unix_s();
        // Looks once whether the zones were swapped.
        let _ = self.zones.load();
    }

    fn respond(&mut self, query: &[u8], sender: &Sender<'_>, out: &mut [u8]) -> usize {
        let address = sender.address.ip();
        match self.plain(query, address, false, out) {
            Outcome::Reply(reply) => self.limited(query, address, &reply, out),
            Outcome::Drop => 0,
            Outcome::Notify | Outcome::Update | Outcome::Transfer | Outcome::Signed(_) => {
                self.special(query, sender, out)
            }
        }
    }

    fn end(&mut self, batch: Batch) {
        let metrics = metrics();
        metrics.dns_queries.add(batch.received.into());
        metrics.dns_answers.add(batch.sent.into());
        if batch.unsent > 0 {
            metrics.dns_unsent.add(batch.unsent.into());
        }
        if batch.panics > 0 {
            metrics.dns_panics.add(batch.panics.into());
            tracing::error!(count = batch.panics, "queries ended in a fault of this program");
        }
    }
}

impl tcp::Service for Names {
    fn message(self: &Arc<Names>, query: &[u8], peer: &Peer, out: &mut Vec<u8>) -> Answered {
        metrics().dns_messages.inc();
        let transport = if peer.is_tls { Transport::Tls } else { Transport::Tcp };
        match self.answer_into(query, peer, transport, 0, out) {
            Outcome::Reply(_) => Answered::Done,
            // Whoever sends answers, or less than a header, has no business here.
            Outcome::Drop => Answered::Close,
            Outcome::Notify | Outcome::Update | Outcome::Transfer | Outcome::Signed(_) => {
                let way = Way { peer: *peer, is_datagram: false, limit_bytes: MESSAGE_LEN_MAX_BYTES };
                match self.special(query, &way) {
                    Work::Later(work) => Answered::Later(work),
                    Work::Now(answer) => {
                        out.extend_from_slice(&answer);
                        Answered::Done
                    }
                }
            }
        }
    }
}

impl Names {
    /// Answers a message without a signature into `out`, which then has the answer alone; or nothing, if it is for
    /// others to answer.
    fn answer_into(
        &self,
        query: &[u8],
        peer: &Peer,
        transport: Transport,
        reserve_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let unix_s = cookie_time(self.unix_s());
        let jar = CookieJar { names: self, address: peer.address.ip(), unix_s, insist: false };
        let context = Context {
            nsid: self.nsid(),
            cookies: Some(&jar),
            reserve_bytes,
            keepalive_tenths: (transport != Transport::Udp).then(|| self.keepalive_tenths()),
            ..Context::new(transport)
        };
        let room = match transport {
            Transport::Udp => ANSWER_LEN_MAX_BYTES,
            Transport::Tcp | Transport::Tls => MESSAGE_LEN_MAX_BYTES,
        };
        out.clear();
        ROOM.with_borrow_mut(|buffer| {
            let outcome = answer(query, &context, &self.snapshot().served().load(), &mut buffer[..room]);
            if let Outcome::Reply(reply) = &outcome {
                out.extend_from_slice(&buffer[..reply.len]);
            }
            outcome
        })
    }

    /// The answer to a plain question with room left for a signature; empty for what is none.
    pub(super) fn answer_alone(&self, query: &[u8], way: &Way, reserve_bytes: usize) -> Vec<u8> {
        let transport = match (way.is_datagram, way.peer.is_tls) {
            (true, _) => Transport::Udp,
            (false, true) => Transport::Tls,
            (false, false) => Transport::Tcp,
        };
        let mut out = Vec::new();
        self.answer_into(query, &way.peer, transport, reserve_bytes, &mut out);
        out
    }
}
