//! The running server: opens everything, accepts connections, and stops in order.

use crate::auth::{Authenticator, Origin};
use crate::clock::Clock;
use crate::config::Config;
use crate::dns;
use crate::dns::facts::HostFacts;
use crate::dns::snapshot::Snapshot;
use crate::dns::zones::Zones;
use crate::driver::{self, Wire};
use crate::ftp::FtpService;
use crate::imap::ImapService;
use crate::listen::{self, Admission, Gate, ServiceName};
use crate::metrics::metrics;
use crate::pop3::{Locks, Pop3Service};
use crate::resolver::{self, Resolver};
use crate::room::Room;
use crate::smtp::{SmtpService, tls_facts};
use crate::tls::{Acceptor, TlsInfo};
use crate::{control, ftp, http, imap, pop3, smtp};
use rustix::process::{Resource, Rlimit};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{OpenError, PART_AGE_MAX, Settings, Store};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use wire::Outputs;

/// A stranger must listen before it speaks (RFC 5321 §4.3.1); who cannot wait this long is a
/// program that does not look at replies.
const GREET_AFTER: Duration = Duration::from_millis(250);
/// How long connections may take to finish what they are at when the server stops.
const STOP_WAIT: Duration = Duration::from_secs(20);
/// How often the disk's free space is looked at.
const MEASURE_EVERY: Duration = Duration::from_secs(2);
/// How often old traces are removed, and cut uploads.
const PURGE_EVERY: Duration = Duration::from_mins(10);
/// Traces removed in one transaction: others write between them.
const PURGED_TRACES_MAX: u32 = 1000;
/// Cut uploads removed at a time.
const PURGED_UPLOADS_MAX: u32 = 5000;
/// How long a message can be traced.
const TRACES_KEPT: Duration = Duration::from_hours(24 * 30);
/// Read-only database connections: reads take microseconds and are done where they are needed.
const READERS: usize = 8;

/// Why the server did not start or did not go on.
#[derive(Debug)]
pub enum ServeError {
    /// The store could not be opened.
    Store(OpenError),
    /// A file, a socket or a certificate.
    Other(String),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Store(error) => error.fmt(f),
            ServeError::Other(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ServeError {}

impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> ServeError {
        ServeError::Other(error.to_string())
    }
}

/// Opens the store that a configuration names for serving: makes sure that large content can be kept as well.
///
/// # Errors
/// See [`OpenError`].
pub fn open_store_to_serve(config: &Config) -> Result<Store, ServeError> {
    let store = open_store(config)?;
    store.try_blobs().map_err(ServeError::Store)?;
    Ok(store)
}

/// Makes the data directory, readable by its owner alone.
///
/// # Errors
/// The file system's, with the path.
pub fn make_data_dir(data_dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot make {}: {error}", data_dir.display())))
}

/// Opens the store that a configuration names.
///
/// # Errors
/// See [`OpenError`].
pub fn open_store(config: &Config) -> Result<Store, ServeError> {
    make_data_dir(&config.data_dir)?;
    let settings = Settings {
        url: config.store.url.clone(),
        blobs: config.store.blobs.clone(),
        data_dir: config.data_dir.clone(),
        readers: READERS,
    };
    let objects = config.store.objects().map_err(|error| ServeError::Other(error.to_string()))?;
    Store::open_with(&settings, objects.as_ref()).map_err(ServeError::Store)
}

/// What every connection needs, by service.
struct Server {
    clock: Clock,
    gate: Gate,
    acceptor: Acceptor,
    stop: watch::Receiver<bool>,
    smtp: smtp::Shared,
    smtp_mx: Arc<::smtp::Settings>,
    smtp_submission: Arc<::smtp::Settings>,
    smtp_lmtp: Arc<::smtp::Settings>,
    pop3: pop3::Shared,
    pop3_settings: Arc<::pop3::Settings>,
    imap: imap::Shared,
    imap_settings: ::imap::Settings,
    ftp: ftp::Shared,
    ftp_settings: Arc<::ftp::Settings>,
}

/// Serves until told to stop. `ready` is called once every listener is open.
///
/// # Errors
/// If it cannot start.
pub async fn serve(config: &Config, store: Store, ready: impl FnOnce(&Store)) -> Result<(), ServeError> {
    // First of all: whoever sees a listener or READY=1 may signal at once.
    let signals = Signals::listen()?;
    raise_file_limit();
    let clock = Clock::new();
    let acceptor = Acceptor::load(config).map_err(|error| ServeError::Other(error.to_string()))?;
    let listeners = listen::open(config)?;
    let datagrams = dns::server::open(config)?;
    let guests = resolver::listener::open(&config.resolver.listen).await?;
    let control = control::open(&config.data_dir)?;
    let (stop_now, stop) = watch::channel(false);
    let server = Arc::new(Server::new(config, store.clone(), clock, acceptor.clone(), stop.clone())?);
    let snapshot = Snapshot::default();
    let zones = load_zones(config, &store, &snapshot, &acceptor).await?;
    let all_zones = zones.clone();
    let resolver = Resolver::new(&config.resolver, snapshot.served().clone(), clock)
        .map_err(|error| ServeError::Other(error.to_string()))?;
    resolver::announce(&config.resolver);
    all_zones.set_look_up(resolver.blocking(tokio::runtime::Handle::current()));
    resolver::listener::start(guests, &config.resolver.networks, &resolver, &stop);
    let needs =
        dns::server::Needs { config, zones, snapshot, clock, acceptor: acceptor.clone(), stop: stop.clone() };
    let names = dns::server::start(datagrams, needs)?;
    // Each task holds a sender; when all are gone, all have finished.
    let (busy, mut all_done) = mpsc::channel::<()>(1);
    for (service, listener) in listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%service, %address, "listening");
        }
        match service {
            ServiceName::Dns | ServiceName::Dot => {
                names.accept(listener, service.is_inside_tls(), stop.clone(), busy.clone());
            }
            _ => drop(tokio::spawn(accept(server.clone(), service, listener, busy.clone()))),
        }
    }
    tokio::spawn(control::serve(control, all_zones.clone(), resolver, stop.clone()));
    tokio::spawn(dns::upkeep::run(all_zones.clone(), acceptor.clone(), stop.clone()));
    tokio::spawn(measure(store.clone(), server.smtp.room.clone(), stop.clone()));
    tokio::spawn(tidy_up(store.clone(), clock, stop.clone()));
    for name in config.not_served() {
        tracing::warn!(
            service = name,
            "this version does not serve it: its addresses in [listen] are not opened"
        );
    }
    ready(&store);
    notify(&[sd_notify::NotifyState::Ready]);
    signals.until_stop(&acceptor, &all_zones).await;
    tracing::info!("stopping");
    notify(&[sd_notify::NotifyState::Stopping]);
    let _ = stop_now.send(true);
    drop((busy, server));
    let _ = tokio::task::spawn_blocking(|| names.stop()).await;
    if tokio::time::timeout(STOP_WAIT, all_done.recv()).await.is_err() {
        tracing::warn!("some connections did not finish in time");
    }
    let _ = std::fs::remove_file(control::path(&config.data_dir));
    Ok(())
}

/// The zones of a store for one command, with no server running: nothing is answered from them.
///
/// # Errors
/// A sentence about the configuration.
pub fn zones_of(config: &Config, store: Store) -> Result<Zones, ServeError> {
    let host = HostFacts::of(config).map_err(ServeError::Other)?;
    let zones = Zones::new(store, host, dns::zones::calendar(), Box::new(dns::zones::Nowhere));
    zones.set_look_up(resolver::for_command(&config.resolver));
    Ok(zones)
}

/// The zones of a store for one command that answers from them, with no server running.
///
/// # Errors
/// A sentence about the configuration, the store or a zone.
pub fn load_for_command(config: &Config, snapshot: &Snapshot) -> Result<(), ServeError> {
    let host = HostFacts::of(config).map_err(ServeError::Other)?;
    let zones = Zones::new(open_store(config)?, host, dns::zones::calendar(), Box::new(snapshot.clone()));
    zones.load().map_err(|error| ServeError::Other(format!("the zones cannot be loaded: {error}")))?;
    Ok(())
}

/// Reads all zones; they are served from `snapshot` before the first question is taken.
async fn load_zones(
    config: &Config,
    store: &Store,
    snapshot: &Snapshot,
    acceptor: &Acceptor,
) -> Result<Zones, ServeError> {
    let host = HostFacts::of(config).map_err(ServeError::Other)?;
    let zones = Zones::new(store.clone(), host, dns::zones::calendar(), Box::new(snapshot.clone()));
    let (loading, acceptor) = (zones.clone(), acceptor.clone());
    let loaded = tokio::task::spawn_blocking(move || {
        // What ran out while nobody looked is signed anew before the first answer.
        let ended = loading.freshen()?;
        let count = loading.load()?;
        ended.iter().for_each(|zone| loading.withhold(zone));
        dns::secondary::withhold_expired(&loading)?;
        dns::upkeep::follow_certificate(&loading, &acceptor);
        Ok::<usize, dns::zones::ZoneError>(count)
    })
    .await;
    match loaded {
        Ok(Ok(count)) => tracing::info!(count, "zones are loaded"),
        Ok(Err(error)) => return Err(ServeError::Other(format!("the zones cannot be loaded: {error}"))),
        Err(error) => return Err(ServeError::Other(format!("the zones cannot be loaded: {error}"))),
    }
    Ok(zones)
}

/// Each connection is a file. Shells give processes 1024 of them, and permission to ask for more.
fn raise_file_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    if let Err(error) =
        rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// The signals that are obeyed. From the moment this exists none of them ends the process by itself.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Handles SIGHUP until SIGTERM or SIGINT.
    async fn until_stop(mut self, acceptor: &Acceptor, zones: &Zones) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    let (zones, acceptor) = (zones.clone(), acceptor.clone());
                    let read = move || dns::upkeep::follow_certificate(&zones, &acceptor);
                    if let Err(error) = tokio::task::spawn_blocking(read).await {
                        tracing::error!(%error, "the certificate in use stays");
                    }
                }
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
            }
        }
    }
}

/// Tells systemd, if it wants to know.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

/// Rows of expunged UIDs that a mailbox remembers; a client that was away while more came compares all UIDs.
const TOMBSTONES_KEPT: u32 = 10_000;
/// Mailboxes trimmed at once, so that writers need not wait long.
const TRIMMED_MAX: u32 = 20;

/// Measures the disk.
async fn measure(store: Store, room: Room, mut stop: watch::Receiver<bool>) {
    let mut measure = tokio::time::interval(MEASURE_EVERY);
    loop {
        tokio::select! {
            _ = measure.tick() => room.measure(&store),
            () = driver::stopped(&mut stop) => return,
        }
    }
}

/// Removes traces until no old one is left, however many a stranger has made.
async fn purge_traces(store: &Store, before_ms: i64, stop: &watch::Receiver<bool>) {
    loop {
        match store.write(move |tx| tx.purge_traces(before_ms, PURGED_TRACES_MAX)).await {
            Ok(removed) if removed >= PURGED_TRACES_MAX.into() && !*stop.borrow() => {}
            Ok(_) => return,
            Err(error) => return tracing::warn!(%error, "old traces could not be removed"),
        }
    }
}

/// Removes old traces, tombstones, deleted zones and cut uploads.
async fn tidy_up(store: Store, clock: Clock, mut stop: watch::Receiver<bool>) {
    let mut purge = tokio::time::interval(PURGE_EVERY);
    loop {
        tokio::select! {
            _ = purge.tick() => {
                let before_ms = clock.unix_ms() - i64::try_from(TRACES_KEPT.as_millis()).unwrap_or(i64::MAX);
                purge_traces(&store, before_ms, &stop).await;
                let trim = |tx: &mut store::Tx<'_>| tx.trim_many_tombstones(TOMBSTONES_KEPT, TRIMMED_MAX);
                if let Err(error) = store.write(trim).await {
                    tracing::warn!(%error, "old tombstones could not be removed");
                }
                if let Err(error) = crate::dns::zones::forget_long_gone(&store, clock.unix_ms()).await {
                    tracing::warn!(%error, "zones that were deleted long ago could not be forgotten");
                }
                tidy_files(&store, clock.unix_ms()).await;
            }
            () = driver::stopped(&mut stop) => return,
        }
    }
}

/// Removes uploads that were cut and not gone on with, and what a crash left of others.
async fn tidy_files(store: &Store, now_ms: i64) {
    let before_ms = now_ms - i64::try_from(PART_AGE_MAX.as_millis()).unwrap_or(i64::MAX);
    if let Err(error) = store.write(move |tx| tx.purge_parts(before_ms, PURGED_UPLOADS_MAX)).await {
        tracing::warn!(%error, "old cut uploads could not be removed");
    }
    let files = store.clone();
    match tokio::task::spawn_blocking(move || files.remove_begun_uploads()).await {
        Ok(Ok(removed)) if removed.is_empty() => {}
        Ok(Ok(removed)) => tracing::info!(count = removed.len(), "what a crash left of uploads was removed"),
        Ok(Err(error)) => tracing::warn!(%error, "what a crash left of uploads could not be looked for"),
        Err(error) => tracing::warn!(%error, "the search for what a crash left of uploads broke off"),
    }
}

async fn accept(server: Arc<Server>, service: ServiceName, listener: TcpListener, busy: mpsc::Sender<()>) {
    let mut stop = server.stop.clone();
    if service == ServiceName::Http {
        if let Err(error) = http::serve(listener, stop).await {
            tracing::error!(%error, "the HTTP listener failed");
        }
        return;
    }
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = driver::stopped(&mut stop) => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                let (server, busy) = (server.clone(), busy.clone());
                match server.gate.admit(peer.ip()) {
                    Some(admission) => drop(tokio::spawn(async move {
                        server.converse(service, socket, peer, admission).await;
                        drop(busy);
                    })),
                    None => turn_away(service, &socket),
                }
            }
            Err(error) => {
                // Out of file descriptors, mostly: connections that end will free some.
                tracing::error!(%error, %service, "cannot accept");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Says in the protocol's words that there is no room, if that can be said without waiting.
fn turn_away(service: ServiceName, socket: &TcpStream) {
    let words: &[u8] = match service {
        ServiceName::Smtp | ServiceName::Submission | ServiceName::Lmtp => {
            b"421 4.7.0 too many connections\r\n"
        }
        ServiceName::Imap => b"* BYE [UNAVAILABLE] Too many connections\r\n",
        ServiceName::Pop3 => b"-ERR [SYS/TEMP] too many connections\r\n",
        ServiceName::Ftp => b"421 Too many connections, try again later\r\n",
        _ => b"",
    };
    let _ = socket.try_write(words);
}

impl Server {
    fn new(
        config: &Config,
        store: Store,
        clock: Clock,
        acceptor: Acceptor,
        stop: watch::Receiver<bool>,
    ) -> Result<Server, ServeError> {
        let authenticator = Authenticator::new(store.clone(), clock, &config.data_dir)?;
        let gate = Gate::new(config);
        let budget = gate.messages().clone();
        let smtp_settings = |service| {
            Arc::new(::smtp::Settings {
                hostname: config.hostname.clone(),
                service,
                limits: ::smtp::Limits {
                    message_size_max_bytes: config.limits.message_size_max_bytes,
                    ..::smtp::Limits::default()
                },
                offer_starttls: true,
                allow_plaintext_auth: config.auth.allow_plaintext,
                budget: budget.clone(),
            })
        };
        let mut pop3_settings = ::pop3::Settings::new(&config.hostname)
            .ok_or_else(|| ServeError::Other("the host name does not fit a POP3 greeting".into()))?;
        pop3_settings.allow_plaintext = config.auth.allow_plaintext;
        pop3_settings.stls = true;
        pop3_settings.login_delay_s = config.pop3.login_delay_s;
        let delay = Duration::from_secs(config.pop3.login_delay_s.into());
        let room = Room::default();
        Ok(Server {
            clock,
            gate,
            acceptor,
            stop,
            smtp: smtp::Shared {
                store: store.clone(),
                authenticator: authenticator.clone(),
                clock,
                room: room.clone(),
                refusals: smtp::Refusals::default(),
                hostname: config.hostname.as_str().into(),
            },
            smtp_mx: smtp_settings(::smtp::Service::Mx),
            smtp_submission: smtp_settings(::smtp::Service::Submission),
            smtp_lmtp: smtp_settings(::smtp::Service::Lmtp),
            pop3: pop3::Shared {
                store: store.clone(),
                authenticator: authenticator.clone(),
                clock,
                locks: Locks::new(delay),
            },
            pop3_settings: Arc::new(pop3_settings),
            ftp: ftp::Shared::new(config, store.clone(), authenticator.clone(), clock, room)?,
            ftp_settings: Arc::new(ftp_settings(config)?),
            imap: imap::Shared::new(store, authenticator, clock, config.limits.search_cache_max_bytes),
            imap_settings: ::imap::Settings {
                hostname: config.hostname.clone(),
                tls: ::imap::TlsState::Available,
                bindings: Vec::new(),
                allow_plaintext: config.auth.allow_plaintext,
                message_max_bytes: config.limits.message_size_max_bytes,
                budget,
            },
        })
    }

    async fn converse(
        &self,
        service: ServiceName,
        socket: TcpStream,
        peer: SocketAddr,
        admission: Admission,
    ) {
        let counts = metrics().service(service);
        counts.connections.inc();
        let _open = counts.open.hold();
        let _ = socket.set_nodelay(true);
        if matches!(service, ServiceName::Ftp | ServiceName::Ftps) {
            self.ftp(service, socket, peer, &admission).await;
            return;
        }
        if matches!(service, ServiceName::Pop3 | ServiceName::Pop3s) {
            pop3::notice_death(&socket);
        }
        let origin = Origin { address: peer.ip(), exempt: admission.exempt, service };
        let mut wire = Wire::new(socket, self.acceptor.clone());
        let tls = match service.is_inside_tls() {
            false => None,
            true => match self.shake_hands(&mut wire, service, peer).await {
                Some(info) => Some(info),
                None => return,
            },
        };
        let session = |settings: &Arc<::smtp::Settings>| {
            let session = ::smtp::Session::new(settings.clone(), tls.as_ref().map(tls_facts));
            session.with_budget(admission.messages.clone())
        };
        let end = match service {
            ServiceName::Smtp => self.smtp(session(&self.smtp_mx), ::smtp::Service::Mx, origin, wire).await,
            ServiceName::Submission | ServiceName::Submissions => {
                self.smtp(session(&self.smtp_submission), ::smtp::Service::Submission, origin, wire).await
            }
            ServiceName::Lmtp => {
                self.smtp(session(&self.smtp_lmtp), ::smtp::Service::Lmtp, origin, wire).await
            }
            ServiceName::Imap | ServiceName::Imaps => self.imap(origin, wire, tls, &admission).await,
            ServiceName::Pop3 | ServiceName::Pop3s => {
                let bindings = tls
                    .map(|info| info.exporter.map(sasl::ChannelBinding::TlsExporter).into_iter().collect());
                let session = ::pop3::Session::new(self.pop3_settings.clone(), bindings);
                let service = Pop3Service::new(self.pop3.clone(), origin);
                driver::run(session, service, wire, self.clock, self.stop.clone()).await
            }
            // Theirs is a conversation of another kind.
            ServiceName::Ftp
            | ServiceName::Ftps
            | ServiceName::Http
            | ServiceName::Dns
            | ServiceName::Dot => return,
        };
        tracing::debug!(%service, peer = %peer, ?end, "connection ended");
        drop(admission);
    }

    /// Shakes hands as the server; nothing if that failed, or if the server stops.
    async fn shake_hands(&self, wire: &mut Wire, service: ServiceName, peer: SocketAddr) -> Option<TlsInfo> {
        let mut stop = self.stop.clone();
        let shaken = tokio::select! {
            shaken = Box::pin(wire.start_tls()) => shaken,
            () = driver::stopped(&mut stop) => return None,
        };
        if let Err(error) = &shaken {
            metrics().handshake_failures.inc();
            tracing::debug!(%service, peer = %peer, %error, "handshake failed");
        }
        shaken.ok()
    }

    async fn ftp(&self, name: ServiceName, socket: TcpStream, peer: SocketAddr, admission: &Admission) {
        let origin = Origin { address: peer.ip(), exempt: admission.exempt, service: name };
        // ABOR may come as urgent data, whose last byte must stay in its place (RFC 959 §4.1.3).
        let _ = rustix::net::sockopt::set_socket_oobinline(&socket, true);
        let Ok(own) = socket.local_addr() else { return };
        let (mut service, acceptor) = match FtpService::new(self.ftp.clone(), origin, own, &self.acceptor) {
            Ok(made) => made,
            Err(error) => return tracing::error!(%error, "no FTP session can be made"),
        };
        let mut wire = Wire::new(socket, acceptor);
        wire.take_urgent();
        if name.is_inside_tls() {
            match self.shake_hands(&mut wire, name, peer).await {
                Some(info) => service.inside_tls(&info),
                None => return,
            }
        }
        let session = ::ftp::ServerSession::new(self.ftp_settings.clone(), peer.ip(), name.is_inside_tls());
        let end = driver::run(session, service, wire, self.clock, self.stop.clone()).await;
        tracing::debug!(service = %name, peer = %peer, ?end, "connection ended");
    }

    async fn smtp(
        &self,
        mut session: ::smtp::Session,
        trade: ::smtp::Service,
        origin: Origin,
        mut wire: Wire,
    ) -> driver::End {
        if trade == ::smtp::Service::Mx && !origin.exempt && wire.speaks_within(GREET_AFTER).await {
            let mut out = Outputs::new();
            session.early_talk(self.clock.now(), &mut out);
            wire.out.extend(out.take_bytes());
            let _ = wire.flush().await;
            return driver::End::Closed;
        }
        let service = SmtpService::new(self.smtp.clone(), origin, trade);
        driver::run(session, service, wire, self.clock, self.stop.clone()).await
    }

    async fn imap(
        &self,
        origin: Origin,
        wire: Wire,
        tls: Option<TlsInfo>,
        admission: &Admission,
    ) -> driver::End {
        let mut settings = self.imap_settings.clone();
        settings.budget = admission.messages.clone();
        if let Some(info) = tls {
            settings.tls = ::imap::TlsState::Active;
            settings.bindings = info.exporter.map(sasl::ChannelBinding::TlsExporter).into_iter().collect();
        }
        let service = ImapService::new(self.imap.clone(), origin);
        driver::run(::imap::Session::new(settings), service, wire, self.clock, self.stop.clone()).await
    }
}

/// What holds for all FTP sessions.
fn ftp_settings(config: &Config) -> Result<::ftp::Settings, ServeError> {
    let mut settings = ::ftp::Settings::new(&config.hostname)
        .ok_or_else(|| ServeError::Other("the host name does not fit an FTP greeting".into()))?;
    if config.auth.allow_plaintext {
        settings.plain_logins = ::ftp::PlainLogins::Always;
    }
    settings.mode_z = config.ftp.mode_z;
    settings.hashes = ::ftp::HashAlgorithm::ALL.to_vec();
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Kind, event};
    use store::TraceId;

    #[tokio::test]
    async fn all_old_traces_go_however_many_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (url, blobs) = ("sqlite:posthouse.db".to_owned(), "file:blobs".to_owned());
        let settings = Settings { url, blobs, data_dir: folder.path().to_owned(), readers: 1 };
        let store = Store::open(&settings).unwrap();
        let many = u64::from(PURGED_TRACES_MAX) * 2 + 5;
        let record = move |tx: &mut store::Tx<'_>| {
            (1..=many).try_for_each(|n| {
                let at_ms = if n == many { 100 } else { 1 };
                tx.record_trace(TraceId(n), &["ann@x"], &[event(Kind::Refused, at_ms, None, "x")])
            })
        };
        store.write(record).await.unwrap();
        let (_stop, stopped) = watch::channel(false);
        purge_traces(&store, 100, &stopped).await;
        let left = store.read(|view| view.find_traces("ann@x", 10_000)).await.unwrap();
        assert_eq!(left, [TraceId(many)]);
    }
}
