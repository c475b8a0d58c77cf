//! The DNS server as a whole: opened with all other listeners, started with the zones, stopped in order.

use super::engine::Datagrams;
use super::names::Names;
use super::snapshot::Snapshot;
use super::tcp::{self, Limits, Registry};
use super::zones::Zones;
use super::{catalogue, notify, secondary, secret, udp};
use crate::clock::Clock;
use crate::config::Config;
use crate::listen::{ServiceName, explain};
use crate::tls::Acceptor;
use ::dns::rrl::{Limiter, Settings};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// Threads per address at most, where nothing is configured: the machine has more to do than names.
const THREADS_MAX: usize = 4;

/// The sockets for datagrams, open and not yet read.
pub struct Opened(Vec<udp::Sockets>);

/// Opens the sockets for datagrams.
///
/// # Errors
/// The address and why it cannot be had.
pub fn open(config: &Config) -> io::Result<Opened> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = match config.dns.udp_threads {
        0 => (cores / 2).clamp(1, THREADS_MAX),
        count => count,
    };
    let open =
        |address| udp::open(address, threads).map_err(|error| explain(ServiceName::Dns, address, &error));
    Ok(Opened(config.listen.dns.iter().copied().map(open).collect::<io::Result<_>>()?))
}

/// The running server.
pub struct Server {
    tcp: Arc<tcp::Server<Names>>,
    threads: Vec<JoinHandle<()>>,
    stop_threads: Arc<AtomicBool>,
}

/// What the rest of the program gives it.
pub struct Needs<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The zones, loaded.
    pub zones: Zones,
    /// Where they are served from.
    pub snapshot: Snapshot,
    /// The clock.
    pub clock: Clock,
    /// For TLS.
    pub acceptor: Acceptor,
    /// Turns true when it is time to stop.
    pub stop: watch::Receiver<bool>,
}

/// Starts the threads for datagrams, and the tasks that keep secondaries of ours and ours of others fresh.
/// Must be called inside the runtime.
///
/// # Errors
/// If the secret of cookies cannot be kept, or a thread cannot be had.
pub fn start(opened: Opened, needs: Needs<'_>) -> io::Result<Server> {
    let Needs { config, zones, snapshot, clock, acceptor, stop } = needs;
    let cookies = secret::cookies(&config.data_dir)?;
    let (names, told) = Names::new(config, zones, snapshot, clock, cookies);
    let settings = Settings {
        responses_per_s: config.dns.responses_per_s,
        errors_per_s: config.dns.errors_per_s,
        total_per_s: config.dns.total_per_s,
        slip: config.dns.slip,
        ..Settings::default()
    };
    let (stop_threads, mut threads) = (Arc::new(AtomicBool::new(false)), Vec::new());
    for sockets in opened.0 {
        tracing::info!(address = %sockets.address, threads = sockets.sockets.len(), "listening for DNS datagrams");
        let mut keys = Vec::new();
        for _ in &sockets.sockets {
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            keys.push(key);
        }
        // The kernel spreads clients over the threads of an address, and each thread counts for itself.
        let settings = settings.divided_by(sockets.sockets.len());
        threads.extend(udp::start(sockets, &stop_threads, || {
            let limiter = Limiter::new(settings, keys.pop().unwrap_or_default());
            Datagrams::new(names.clone(), limiter, Handle::current())
        })?);
    }
    if !config.listen.dns.is_empty() || !config.listen.dot.is_empty() {
        tokio::spawn(secret::run(names.clone(), config.data_dir.clone(), stop.clone()));
        tokio::spawn(secondary::run(names.clone(), clock, told, stop.clone()));
        tokio::spawn(notify::run(names.clone(), clock, stop.clone()));
        tokio::spawn(udp::drops::run(config.listen.dns.clone(), stop.clone()));
        if let Some(apex) = &config.dns.catalogue {
            let apex = apex.parse().map_err(|error| {
                io::Error::other(format!("[dns] catalogue: {apex:?} is no domain name: {error}"))
            })?;
            tokio::spawn(catalogue::run(names.clone(), apex, stop));
        }
    }
    let limits = Limits {
        connections_max: config.dns.connections_max,
        per_network_max: config.dns.connections_per_network_max,
        ..Limits::default()
    };
    let registry = Registry::new(limits, config.limits.exempt.clone());
    let tcp = Arc::new(tcp::Server { service: names, registry, acceptor });
    Ok(Server { tcp, threads, stop_threads })
}

impl Server {
    /// Accepts connections until `stop`; each holds a clone of `busy`.
    pub fn accept(
        &self,
        listener: TcpListener,
        is_tls: bool,
        stop: watch::Receiver<bool>,
        busy: mpsc::Sender<()>,
    ) {
        tokio::spawn(tcp::accept(self.tcp.clone(), listener, is_tls, stop, busy));
    }

    /// Ends the threads for datagrams; what was received is answered. Blocks for a fraction of a second.
    pub fn stop(self) {
        self.stop_threads.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // It may only have ended by a fault that was told already.
            let _ = thread.join();
        }
    }
}
