//! FTP joined to accounts and file areas, and the data connections that it needs.
//!
//! A session's questions are answered here; transfers run beside the conversation, in the same task while
//! they wait and on threads of their own while they move much. Nothing outlives its connection: a transfer
//! is stopped when its connection goes.

mod binding;
mod cut;
mod data;
mod files;
mod filter;
mod halt;
mod plan;
mod ports;
mod presence;
mod pump;
mod rate;
mod record;
mod secure;
mod slots;
#[cfg(test)]
mod tests;
mod transfer;

pub use binding::Tickets;
pub use ports::Passage;

use crate::auth::{Authenticator, Checked, Origin};
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::{Reaction, Service, Wire};
use crate::room::Room;
use crate::tls::{Acceptor, TlsInfo};
use ::ftp::{
    Action, Answer, Ask, DataConnection, Ended, FilesError, Haste, Listen, LoggedIn, Profile, Ready, Route,
    ServerSession,
};
use binding::Binding;
use cut::Cut;
use data::{Bound, Door, Ends, Protection};
use files::Files;
use halt::Halt;
use presence::{Leave, Presence};
use pump::{Pace, Threads};
use rate::{Direction, Rates};
use record::Record;
use slots::Slots;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use store::{AccountId, DataBinding, FtpProfile, Store};
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use transfer::{Opening, Transfer};
use wire::Outputs;

/// A data connection has to come up in this time.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

/// How long a reply waits that must not come at once: more than a client needs to look for it a first time.
const HELD_BACK: Duration = Duration::from_millis(1);
/// When the server stops, a transfer may go on for this long: a few seconds less than the server waits.
const STOP_RESPITE: Duration = Duration::from_secs(15);

/// What all FTP connections share.
#[derive(Clone)]
pub struct Shared {
    store: Store,
    authenticator: Authenticator,
    clock: Clock,
    room: Room,
    threads: Threads,
    rates: Rates,
    slots: Slots,
    tickets: Tickets,
    passage: Arc<Passage>,
    hostname: Arc<str>,
    allow_plaintext: bool,
    from_20: bool,
    patience: Duration,
    connect_patience: Duration,
}

impl Shared {
    /// For a server of this configuration.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new(
        config: &Config,
        store: Store,
        authenticator: Authenticator,
        clock: Clock,
        room: Room,
    ) -> io::Result<Shared> {
        let patience = Duration::from_secs(config.ftp.data_timeout_s.into());
        Ok(Shared {
            store,
            authenticator,
            clock,
            room,
            threads: Threads::default(),
            rates: Rates::default(),
            slots: Slots::new(config.ftp.transfers_per_account_max),
            tickets: Tickets::new()?,
            passage: Arc::new(Passage::new(&config.ftp)),
            hostname: config.hostname.to_ascii_lowercase().into(),
            allow_plaintext: config.auth.allow_plaintext,
            from_20: config.ftp.active_from_20,
            patience,
            connect_patience: patience.min(CONNECT_PATIENCE),
        })
    }
}

/// One connection's service.
pub struct FtpService {
    shared: Shared,
    origin: Origin,
    /// Our address on the control connection.
    own: SocketAddr,
    tls: Tls,
    user: Option<User>,
    /// What the client calls itself.
    client: Option<String>,
    waiting: Option<TcpListener>,
    running: Option<Running>,
    ended: Option<Ended>,
    leave: Leave,
}

/// The TLS of a control connection.
struct Tls {
    binding: Arc<Binding>,
    base: Arc<ServerConfig>,
    /// The name that the client called in its handshake.
    server_name: Option<String>,
    /// For data connections, made when the first needs it.
    for_data: Option<Arc<ServerConfig>>,
}

/// Who is logged in.
struct User {
    account: AccountId,
    name: Arc<str>,
    profile: FtpProfile,
    /// The client's name is in the log.
    is_client_noted: bool,
}

type Work = dyn Future<Output = Result<(), Cut>> + Send;

/// A transfer under way.
struct Running {
    halt: Halt,
    /// Gone when it has ended.
    work: Option<Pin<Box<Work>>>,
    /// Taken when it is written.
    record: Option<Record>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.halt.halt();
        let (Some(work), Some(record)) = (self.work.take(), self.record.take()) else { return };
        // The connection went away under it; what came of an upload is still to be kept.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { record.write(&work.await) })),
            Err(_) => record.write(&Err(Cut::Halted)),
        }
    }
}

impl FtpService {
    /// A service for a connection from `origin` to our address `own`, and the acceptor for its wire.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new(
        shared: Shared,
        origin: Origin,
        own: SocketAddr,
        acceptor: &Acceptor,
    ) -> io::Result<(FtpService, Acceptor)> {
        let (binding, base) = (shared.tickets.bind(origin.address)?, acceptor.config());
        let acceptor = acceptor.with(binding.for_control(&base));
        let tls = Tls { binding, base, server_name: None, for_data: None };
        let (user, client, waiting, running, ended) = (None, None, None, None, None);
        let leave = Leave::default();
        let service = FtpService { shared, origin, own, tls, user, client, waiting, running, ended, leave };
        Ok((service, acceptor))
    }

    /// TLS was there before the first word.
    pub fn inside_tls(&mut self, info: &TlsInfo) {
        self.tls.server_name.clone_from(&info.server_name);
    }

    /// Whether a name is served, and is the one that the client called when TLS began (RFC 7151 §3.2.2).
    async fn serves(&mut self, host: &str) -> bool {
        if self.tls.server_name.as_deref().is_some_and(|called| !called.eq_ignore_ascii_case(host)) {
            return false;
        }
        if *host == *self.shared.hostname {
            return true;
        }
        let domain = domain_of(host).to_string();
        let found = self.shared.store.read(move |view| view.domain_by_name(&domain)).await;
        found.is_ok_and(|domain| domain.is_some())
    }

    /// Whether a password may be asked for without TLS. That depends on the domain alone: where none of its
    /// accounts is a device, no password is to travel in the clear; and which of them are, is not told.
    async fn may_log_in_plain(&mut self, user: &str, host: Option<&str>) -> bool {
        let user = address_of(user, host);
        let Some((_, domain)) = user.rsplit_once('@') else { return false };
        let domain = domain.to_string();
        let found = self.shared.store.read(move |view| view.has_plain_accounts(&domain)).await;
        found.unwrap_or_else(|error| {
            files::refusal(&error);
            false
        })
    }

    /// A password that came in the clear is looked at for devices only: else one who guesses would learn
    /// by the time of the refusal that it was right.
    async fn check_password(&mut self, name: &str, password: &[u8], tls: bool) -> Checked {
        let Shared { authenticator, store, .. } = &self.shared;
        if !tls && !self.shared.allow_plaintext {
            let address = name.to_string();
            match store.read(move |view| view.is_plain_allowed(&address)).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::info!(user = %name.escape_debug(), "without TLS, and not marked as a device");
                    return authenticator.refuse_password(self.origin, name, password).await;
                }
                Err(error) => {
                    files::refusal(&error);
                    return Checked::Unavailable;
                }
            }
        }
        authenticator.check_password(self.origin, name, password).await
    }

    async fn log_in(&mut self, user: &str, host: Option<&str>, password: &[u8], tls: bool) -> LoggedIn {
        let name = address_of(user, host);
        let account = match self.check_password(&name, password, tls).await {
            Checked::Right(account) => account,
            Checked::Wrong => return LoggedIn::Rejected,
            Checked::Limited | Checked::Unavailable => return LoggedIn::Unavailable,
        };
        let profile = match self.shared.store.read(move |view| view.ftp_profile(account)).await {
            Ok(profile) => profile,
            Err(error) => {
                files::refusal(&error);
                return LoggedIn::Unavailable;
            }
        };
        if !tls && !profile.is_plain_allowed && !self.shared.allow_plaintext {
            return LoggedIn::Rejected;
        }
        self.shared.authenticator.succeeded(self.origin, &name);
        let accepted = Profile {
            plain: profile.is_plain_allowed || self.shared.allow_plaintext,
            no_epsv: !profile.has_epsv,
            make_parents: profile.makes_parents,
            active_use_control_address: profile.active_to_control,
            data_binding: match profile.data_binding {
                DataBinding::Require => ::ftp::DataBinding::Require,
                DataBinding::Prefer => ::ftp::DataBinding::Prefer,
                DataBinding::Off => ::ftp::DataBinding::Off,
            },
        };
        self.tls.binding.logged_in(account);
        self.user = Some(User { account, name: name.into(), profile, is_client_noted: false });
        self.note_client();
        LoggedIn::Accepted(accepted)
    }

    /// Writes down what the client calls itself: once for a login, and nothing for strangers, who could
    /// else fill the log.
    fn note_client(&mut self) {
        let Origin { address, service, .. } = self.origin;
        let (Some(user), Some(client)) = (&mut self.user, &self.client) else { return };
        if !user.is_client_noted {
            user.is_client_noted = true;
            let (user, client) = (user.name.escape_debug(), client.escape_debug());
            tracing::info!(%service, peer = %address, %user, %client, "client program");
        }
    }

    /// Opens a listener in place of an earlier one.
    fn listen(&mut self, listen: Listen) -> Option<SocketAddr> {
        self.waiting = None;
        let told = match listen {
            Listen::Pasv => self.shared.passage.address_for(self.origin.address, self.own.ip())?.into(),
            Listen::Epsv => self.own.ip().to_canonical(),
        };
        match self.shared.passage.listen(self.own) {
            Ok(listener) => {
                let port = listener.local_addr().ok()?.port();
                self.waiting = Some(listener);
                Some(SocketAddr::new(told, port))
            }
            Err(error) => {
                tracing::warn!(%error, "no port for a data connection: see [ftp] passive_ports");
                None
            }
        }
    }

    fn files(&self) -> Option<Files> {
        let user = self.user.as_ref()?;
        Some(Files {
            store: self.shared.store.clone(),
            room: self.shared.room.clone(),
            threads: self.shared.threads.clone(),
            slots: self.shared.slots.clone(),
            clock: self.shared.clock,
            account: user.account,
        })
    }

    /// Checks a transfer and makes it ready to run.
    async fn prepare(&mut self, transfer: ::ftp::Transfer, wire: &Wire) -> Result<Ready, FilesError> {
        let ::ftp::Transfer { action, data } = transfer;
        let (Some(files), Some(user)) = (self.files(), &self.user) else { return Err(FilesError::Denied) };
        let (direction, limit) = match action {
            Action::Store { .. } => (Direction::Up, user.profile.rate_up),
            Action::Retrieve { .. } | Action::List { .. } => (Direction::Down, user.profile.rate_down),
        };
        let bucket = self.shared.rates.bucket(user.account, direction, limit);
        let name = user.name.clone();
        let slot = files.slot()?;
        let (plan, ready) = files.plan(&action).await?;
        let pace = Pace { halt: Halt::new(), bucket, clock: self.shared.clock, moved: Arc::default() };
        let record = Record::new(self.origin, name, &action, &ready, &data, &pace);
        let halt = pace.halt.clone();
        let mut opening = self.opening(data);
        if direction == Direction::Up {
            opening = opening.early().await;
        }
        // Only where nothing but its end tells that a file is whole.
        let control = match direction == Direction::Up && !data.protected && !data.deflate {
            true => Some(wire.handle().map_err(|_| FilesError::Unavailable)?),
            false => None,
        };
        let presence = Presence::new(control, self.leave.clone(), halt.clone());
        let patience = self.shared.patience;
        let deflate = data.deflate;
        let transfer = Transfer { opening, patience, pace, deflate, files, presence, slot };
        self.running = Some(Running { halt, work: Some(Box::pin(transfer.run(plan))), record: Some(record) });
        Ok(ready)
    }

    fn opening(&mut self, data: DataConnection) -> Opening {
        let waiting = self.waiting.take();
        let door = match (data.route, waiting) {
            (Route::Passive, Some(listener)) => Door::Passive(listener),
            (Route::Passive, None) => {
                return Opening::Done(Err(Cut::NoConnection(io::ErrorKind::NotConnected)));
            }
            (Route::Active(target), _) => Door::Active(target),
        };
        let ends = Ends {
            peer: self.origin.address,
            own: self.own,
            from_20: self.shared.from_20,
            patience: self.shared.connect_patience,
        };
        Opening::Wanted { door, ends, protection: data.protected.then(|| self.protection(data)) }
    }

    fn protection(&mut self, data: DataConnection) -> Protection {
        let Tls { binding, base, for_data, .. } = &mut self.tls;
        let bound = match data.binding {
            ::ftp::DataBinding::Require => Bound::Require,
            ::ftp::DataBinding::Prefer => Bound::Prefer,
            ::ftp::DataBinding::Off => Bound::Off,
        };
        let config = for_data.get_or_insert_with(|| binding.for_data(base)).clone();
        Protection { config, binding: binding.clone(), bound }
    }

    fn log_out(&mut self) {
        self.tls.binding.logged_out();
        self.user = None;
        self.waiting = None;
    }
}

/// The domain that HOST means: `ftp.example.org` stands for `example.org`.
fn domain_of(host: &str) -> &str {
    host.strip_prefix("ftp.").unwrap_or(host)
}

/// The address of a user who gave only the part before the `@`, under the name that HOST gave.
fn address_of(user: &str, host: Option<&str>) -> String {
    match host {
        Some(host) if !user.contains('@') => format!("{user}@{}", domain_of(host)),
        _ => user.to_string(),
    }
}

impl Service<ServerSession> for FtpService {
    async fn answer(&mut self, ask: Ask, wire: &mut Wire) -> Reaction<Answer> {
        Reaction::Answer(match ask {
            Ask::Flush => match wire.flush().await {
                Ok(()) => Answer::Done,
                Err(_) => return Reaction::Drop,
            },
            Ask::StartTls { .. } => {
                self.log_out();
                self.client = None;
                return Reaction::StartTls;
            }
            Ask::Called { name } => {
                self.client = Some(name);
                self.note_client();
                Answer::Done
            }
            Ask::Host { host } => Answer::Host(self.serves(&host).await),
            Ask::MayLogInPlain { user, host } => {
                Answer::MayLogInPlain(self.may_log_in_plain(&user, host.as_deref()).await)
            }
            Ask::LogIn { user, host, password, tls } => {
                Answer::LoggedIn(self.log_in(&user, host.as_deref(), password.expose(), tls).await)
            }
            Ask::LogOut => {
                self.log_out();
                Answer::Done
            }
            Ask::Listen(listen, haste) => {
                let told = self.listen(listen);
                if haste == Haste::HeldBack {
                    tokio::time::sleep(HELD_BACK).await;
                }
                Answer::Listening(told)
            }
            Ask::Abort => {
                self.waiting = None;
                if let Some(running) = &self.running {
                    running.halt.halt();
                }
                Answer::Done
            }
            Ask::Files(ask) => Answer::Files(match self.files() {
                Some(files) => files.answer(ask).await,
                None => Err(FilesError::Denied),
            }),
            Ask::Transfer(transfer) => Answer::Transfer(self.prepare(*transfer, wire).await),
        })
    }

    fn tls_started(&mut self, info: TlsInfo) -> Answer {
        self.inside_tls(&info);
        Answer::TlsStarted
    }

    fn stop_respite(&self) -> Duration {
        if self.running.is_some() { STOP_RESPITE } else { Duration::ZERO }
    }

    fn peer_ended(&mut self, session: &ServerSession) -> bool {
        let goes_on = self.running.is_some() && session.is_leaving();
        if goes_on {
            self.leave.take();
        }
        goes_on
    }

    async fn event(&mut self) {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let Some(work) = &mut running.work else { return std::future::pending().await };
        let done = work.as_mut().await;
        running.work = None;
        if let Some(record) = running.record.take() {
            record.write(&done);
        }
        self.running = None;
        self.ended = Some(done.err().map_or(Ended::Done, |cut| cut.ended()));
    }

    async fn on_event(&mut self, session: &mut ServerSession, _wire: &mut Wire, out: &mut Outputs<Ask>) {
        if let Some(ended) = self.ended.take() {
            session.transfer_ended(self.shared.clock.now(), ended, out);
        }
    }
}

#[cfg(test)]
mod names {
    use super::address_of;

    #[test]
    fn host_completes_a_name() {
        for (user, host, expected) in [
            ("ann@example.org", None, "ann@example.org"),
            ("ann", None, "ann"),
            ("ann", Some("example.org"), "ann@example.org"),
            ("ann", Some("ftp.example.org"), "ann@example.org"),
            ("ann@example.net", Some("example.org"), "ann@example.net"),
        ] {
            assert_eq!(address_of(user, host), expected);
        }
    }
}
