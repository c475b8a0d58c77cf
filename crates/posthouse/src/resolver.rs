//! Asking the world for names: what sending mail and `posthouse dig` ask.
//!
//! All that decides is in `dns::resolve`; here are its sockets, its clock and its chance. Where servers are
//! configured, they search, else this host does, from the root; either way it validates by itself. Zones served here
//! are answered from what is served.

pub mod dig;
mod exchange;
pub mod listener;

use crate::auth::random;
use crate::clock::Clock;
use crate::config;
use crate::dns::crypto::Verifier;
use crate::dns::zones::LookUp;
use crate::metrics::metrics;
use ::dns::resolve::{
    Anchor, Engine, Event, Limits, Mode, Moment, Outcome, Request, Settings, Step, Verdict, World, anchor,
};
use ::dns::time::Timestamp;
use ::dns::{Catalogue, Name, RecordType};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, watch};

/// Requests under way at once; each has one socket open. Others wait for their turn.
const REQUESTS_MAX: usize = 500;

/// Looks names up. Sending mail asks through this, so that its tests can answer.
pub trait Resolve: Send + Sync {
    /// The records of a name and type, or what else is found, with what DNSSEC says of it. Ends within some
    /// twenty seconds.
    fn lookup<'a>(&'a self, name: &'a Name, rtype: RecordType) -> Lookup<'a>;
}

/// What [`Resolve::lookup`] gives, in time.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Why there is no resolver.
#[derive(Debug)]
pub struct ResolverError(String);

impl fmt::Display for ResolverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ResolverError {}

/// The resolver. Clones share all that was learned.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

/// The same question is asked once, however many wait for the answer: a forger gets one chance, not many
/// (RFC 5452 §5).
type Flights = HashMap<Flight, watch::Receiver<Option<Arc<Outcome>>>>;

/// A question, and whether its answer is validated.
type Flight = (Name, RecordType, bool);

struct Inner {
    engine: Mutex<Engine>,
    served: Arc<ArcSwap<Catalogue>>,
    clock: Clock,
    chance: exchange::Chance,
    flights: Mutex<Flights>,
    turns: Semaphore,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// Look-ups for a command that runs while no server does. What one learns is forgotten with it: commands ask once.
pub fn for_command(config: &config::Resolver) -> LookUp {
    let config = config.clone();
    Box::new(move |name, rtype| {
        let look_up = || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            let resolver = Resolver::new(&config, Arc::default(), Clock::new());
            let resolver = resolver.map_err(|error| error.to_string())?;
            Ok(runtime.block_on(resolver.request(name, rtype)).outcome)
        };
        // A thread of its own: the command may be inside a runtime, which does not let itself be nested.
        let done = std::thread::scope(|scope| scope.spawn(look_up).join());
        let done = done.unwrap_or_else(|_| Err("the look-up broke off".to_owned()));
        done.unwrap_or_else(|why| Outcome::broken_off(name, why))
    })
}

/// A finished request, for those who want to see how it went.
pub struct Finished {
    /// What was found.
    pub outcome: Outcome,
    /// How.
    pub request: Request,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn file<T>(
    path: &Path,
    read: impl FnOnce(&[u8]) -> Result<T, anchor::AnchorError>,
) -> Result<T, ResolverError> {
    let failed = |error: String| ResolverError(format!("[resolver] {}: {error}", path.display()));
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    read(&text).map_err(|error| failed(error.to_string()))
}

impl Resolver {
    /// A resolver as configured, for zones that are served here from `served`.
    ///
    /// # Errors
    /// If a file of hints or anchors cannot be read, or the system gives no random numbers.
    pub fn new(
        config: &config::Resolver,
        served: Arc<ArcSwap<Catalogue>>,
        clock: Clock,
    ) -> Result<Resolver, ResolverError> {
        let no_chance = |error: std::io::Error| ResolverError(error.to_string());
        let chance = exchange::Chance::new().map_err(no_chance)?;
        let mut settings = Settings::new(random().map_err(no_chance)?);
        if !config.servers.is_empty() {
            settings.mode = Mode::Forward(config.servers.clone());
        }
        if let Some(path) = &config.root_hints {
            settings.hints = file(path, anchor::read_hints)?;
        }
        if let Some(path) = &config.trust_anchors {
            settings.anchors = file(path, Anchor::read)?;
        }
        settings.limits = Limits { cache_max_bytes: config.cache_max_bytes, ..Limits::default() };
        let engine = Mutex::new(Engine::new(settings, Box::new(Verifier)));
        let (flights, turns) = (Mutex::default(), Semaphore::new(REQUESTS_MAX));
        Ok(Resolver(Arc::new(Inner { engine, served, clock, chance, flights, turns })))
    }

    /// For threads outside of the runtime, while it runs.
    pub fn blocking(&self, runtime: Handle) -> LookUp {
        let this = self.clone();
        Box::new(move |name, rtype| runtime.block_on(this.request(name, rtype)).outcome)
    }

    fn moment(&self) -> Moment {
        let unix_s = u64::try_from(self.0.clock.unix_ms() / 1000).unwrap_or_default();
        Moment { now: self.0.clock.now(), date: Timestamp::from_unix_seconds(unix_s) }
    }

    fn step(&self, request: &mut Request) -> Step {
        let mut chance = || self.0.chance.draw();
        let served = self.0.served.load();
        let mut world = World { own: &served, chance: &mut chance };
        request.step(&mut locked(&self.0.engine), self.moment(), &mut world)
    }

    /// One look-up by itself, from its first message to its outcome.
    pub async fn request(&self, name: &Name, rtype: RecordType) -> Finished {
        let finished = self.run(Request::new(name.clone(), rtype, self.0.clock.now())).await;
        match &finished.outcome {
            outcome if outcome.verdict == Verdict::Bogus => metrics().resolver_bogus.inc(),
            outcome if outcome.is_failure() => metrics().resolver_failures.inc(),
            _ => {}
        }
        finished
    }

    async fn run(&self, mut request: Request) -> Finished {
        // It is never closed.
        let _turn = self.0.turns.acquire().await;
        metrics().resolver_lookups.inc();
        loop {
            let ask = match self.step(&mut request) {
                Step::Done(outcome) => {
                    return Finished { outcome: *outcome, request };
                }
                Step::Ask(ask) => ask,
            };
            metrics().resolver_messages.inc();
            let came = exchange::exchange(&ask, &self.0.chance).await;
            let event = match &came {
                exchange::Came::Message(message) => Event::Message(message),
                exchange::Came::Nothing { forged } => Event::TimedOut { forged: *forged },
                exchange::Came::Unreachable => Event::Unreachable,
            };
            if let Event::TimedOut { forged: 1.. } = event {
                tracing::warn!(server = %ask.server, "messages came that only look like its answer");
            }
            request.event(&mut locked(&self.0.engine), event, self.moment());
        }
    }

    /// What servers say, for one who judges by himself: what is valid where that can be had, else what is not.
    async fn unjudged(&self, name: &Name, rtype: RecordType) -> Outcome {
        let judged = self.shared(name, rtype, true).await;
        if !judged.is_failure() {
            return judged;
        }
        let taken = self.shared(name, rtype, false).await;
        // Why it is not valid is worth knowing, also where it is given out.
        let error = judged.error.clone().or(taken.error.clone());
        if taken.is_failure() { judged } else { Outcome { error, ..taken } }
    }

    /// One look-up, shared with all who ask the same meanwhile.
    async fn shared(&self, name: &Name, rtype: RecordType, validates: bool) -> Outcome {
        let key: Flight = (name.clone(), rtype, validates);
        let mut landed = {
            let mut flights = locked(&self.0.flights);
            match flights.get(&key) {
                Some(landed) => landed.clone(),
                None => {
                    let (land, landed) = watch::channel(None);
                    flights.insert(key.clone(), landed.clone());
                    let this = self.clone();
                    // Of its own: whoever asked first may go before it is found.
                    tokio::spawn(async move {
                        let _ended = Ended { resolver: &this, key: key.clone() };
                        let found = match validates {
                            true => this.request(&key.0, key.1).await,
                            false => {
                                let began = this.0.clock.now();
                                this.run(Request::unvalidated(key.0.clone(), key.1, began)).await
                            }
                        };
                        let _ = land.send(Some(Arc::new(found.outcome)));
                    });
                    landed
                }
            }
        };
        let found = landed.wait_for(Option::is_some).await;
        match found.ok().and_then(|outcome| outcome.clone()) {
            Some(outcome) => (*outcome).clone(),
            None => {
                tracing::error!(%name, %rtype, "a look-up ended in a fault of this program");
                Outcome::broken_off(name, "the look-up broke off")
            }
        }
    }

    /// The engine, for looking at what was learned.
    fn engine(&self) -> MutexGuard<'_, Engine> {
        locked(&self.0.engine)
    }
}

/// Takes a flight off the board, however it ended.
struct Ended<'a> {
    resolver: &'a Resolver,
    key: Flight,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        locked(&self.resolver.0.flights).remove(&self.key);
    }
}

impl Resolve for Resolver {
    fn lookup<'a>(&'a self, name: &'a Name, rtype: RecordType) -> Lookup<'a> {
        Box::pin(self.shared(name, rtype, true))
    }
}

/// Says at the start how names are looked up.
pub fn announce(config: &config::Resolver) {
    match config.servers.as_slice() {
        [] => tracing::info!("names are looked up from the root, and validated"),
        servers => tracing::info!(?servers, "names are looked up through these servers, and validated here"),
    }
}

/// Whether the address is a server that can be asked at all, for the check of the configuration.
pub fn is_askable(server: &SocketAddr) -> bool {
    server.port() != 0 && !server.ip().is_unspecified() && !server.ip().is_multicast()
}

#[cfg(test)]
mod tests;
