//! DNS over UDP: plain threads, batches, no memory taken per query.
//!
//! Each thread owns a socket. It takes what has arrived by one call (`recvmmsg`), answers in place, and sends
//! the answers by one call (`sendmmsg`), those to one socket as one train (`train.rs`). Several threads may
//! serve one address: the kernel spreads clients over their sockets (`SO_REUSEPORT`).

pub mod drops;
mod lane;
mod socket;
mod train;

pub use socket::{Family, Sockets, V4, V6, open};

use lane::Lane;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Datagrams taken or sent by one call.
pub const BATCH: usize = 64;
/// A batch of so many says that more come at once.
const BUSY_FROM: usize = 4;
/// How long a busy thread lets queries gather. The kernel's timers make 60 µs of it, a fraction of any way through
/// a network; without it a third more of its time goes into waking up and into single datagrams.
const GATHER_FOR: Duration = Duration::from_micros(10);
/// Longest query taken in bytes: more than a signed UPDATE of a few records needs.
pub const QUERY_LEN_MAX_BYTES: usize = 2048;
/// Longest answer in bytes: what passes every network unfragmented (RFC 9715 §3.1).
pub const ANSWER_LEN_MAX_BYTES: usize = 1232;
/// How long a thread waits before it looks whether it should stop.
pub const LOOK_UP_EVERY: Duration = Duration::from_millis(250);

/// Sends one answer when it is ready, from the address that was asked.
pub type Later = Box<dyn FnOnce(&[u8]) + Send>;

/// Whom a datagram came from.
pub struct Sender<'a> {
    /// Its address.
    pub address: SocketAddr,
    later: &'a dyn Fn() -> Later,
}

impl Sender<'_> {
    /// A way to answer when the batch is long over.
    pub fn later(&self) -> Later {
        (self.later)()
    }
}

/// Answers datagrams; one per thread.
pub trait Respond: Send + 'static {
    /// Called before the queries of a batch.
    fn begin(&mut self);

    /// Answers `query` into `out`, which has [`ANSWER_LEN_MAX_BYTES`]; gives the answer's length, 0 for none.
    fn respond(&mut self, query: &[u8], sender: &Sender<'_>, out: &mut [u8]) -> usize;

    /// Called after a batch with what happened in it.
    fn end(&mut self, batch: Batch);
}

/// What happened in a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Batch {
    /// Datagrams taken.
    pub received: u32,
    /// Answers sent.
    pub sent: u32,
    /// Answers that the kernel would not take.
    pub unsent: u32,
    /// Queries that ended in a panic and were not answered.
    pub panics: u32,
}

/// Runs a thread per socket until `stop`.
///
/// # Errors
/// If a thread cannot be had.
pub fn start<R: Respond>(
    sockets: Sockets,
    stop: &Arc<AtomicBool>,
    mut responder: impl FnMut() -> R,
) -> io::Result<Vec<JoinHandle<()>>> {
    let is_wildcard = sockets.address.ip().is_unspecified();
    let mut threads = Vec::new();
    for (number, socket) in sockets.sockets.into_iter().enumerate() {
        let (stop, responder) = (stop.clone(), responder());
        let name = format!("dns-udp-{number}");
        let is_v4 = sockets.address.is_ipv4();
        let thread = std::thread::Builder::new().name(name).spawn(move || match is_v4 {
            true => work(Lane::<V4>::new(socket, is_wildcard), responder, &stop),
            false => work(Lane::<V6>::new(socket, is_wildcard), responder, &stop),
        })?;
        threads.push(thread);
    }
    Ok(threads)
}

fn work<F: Family, R: Respond>(mut lane: Lane<F>, mut responder: R, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match lane.receive() {
            Ok(0) => {}
            Ok(count) => {
                let batch = serve(&mut lane, &mut responder, count);
                responder.end(batch);
                // More are on their way: let them gather, so that one wake-up and one train serve more of them.
                if (BUSY_FROM..BATCH).contains(&count) {
                    std::thread::sleep(GATHER_FOR);
                }
            }
            Err(error) => {
                // ICMP errors do not reach unconnected sockets; this is out of memory or worse.
                tracing::warn!(%error, "datagrams cannot be received");
                std::thread::sleep(LOOK_UP_EVERY);
            }
        }
    }
}

/// Answers the batch that was received.
fn serve<F: Family, R: Respond>(lane: &mut Lane<F>, responder: &mut R, count: usize) -> Batch {
    let mut batch = Batch { received: u32::try_from(count).unwrap_or(u32::MAX), ..Batch::default() };
    responder.begin();
    for index in 0..count {
        lane.answer(index, |query, sender, out| {
            // One query that trips over a fault must not take the others with it.
            let answered = catch_unwind(AssertUnwindSafe(|| responder.respond(query, sender, out)));
            answered.unwrap_or_else(|_| {
                batch.panics += 1;
                0
            })
        });
    }
    let (sent, unsent) = lane.send();
    (batch.sent, batch.unsent) = (sent, unsent);
    batch
}

#[cfg(test)]
mod tests;
