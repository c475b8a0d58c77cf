//! One connection to a server: the driver of [`ftp::client::Client`].

use super::channel::{Channel, TICK, is_tick};
use super::error::Error;
use super::pace::Pace;
use super::progress::Progress;
use super::pump::{Flow, Pump};
use super::tls;
use ftp::client::{
    Answer, Argument, Ask, Client, Content, Digest, Direction, Done, Error as FtpError, Facts, Item,
    ListingReader, Moved, MovedEnd, Opens, Password, Server, Settings, Stamp, Store, Tls, Transfer, Work,
};
use std::fs::File;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio_rustls::rustls::ClientConfig;
use wire::{Input, Now, Outputs, Session};

/// What all connections of one command share.
#[derive(Debug)]
pub struct Shared {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub user: Argument,
    /// With what.
    pub password: Password,
    /// How TLS is used.
    pub tls: Tls,
    /// Whose certificates are believed.
    pub tls_config: ClientConfig,
    /// Any certificate is believed. Then at least a data connection must have that of its control connection, or
    /// whoever gets hold of the port could take the files.
    pub believes_anybody: bool,
    /// Who opens data connections.
    pub opens: Opens,
    /// How long nothing may happen: connecting, answers, data.
    pub timeout: Duration,
    /// How fast.
    pub pace: Pace,
    /// What the person at the terminal sees.
    pub progress: Progress,
    /// True once a connection was protected: from then on none goes without, however the server answers.
    pub was_protected: AtomicBool,
    /// Data connections under TLS that did not resume their session, of all.
    pub unbound: AtomicUsize,
}

/// A connection that is logged in.
pub struct Connection {
    shared: Arc<Shared>,
    session: Client,
    input: Input,
    out: Outputs<Ask>,
    control: Channel,
    address: SocketAddr,
    peer: tls::Peer,
    data: Option<Data>,
    begin: Instant,
    /// What the driver knows of a failure and the session does not.
    cause: Option<Error>,
    server: Option<Box<Server>>,
}

/// A data connection that waits for its transfer.
enum Data {
    Connected(Channel),
    Listening(TcpListener),
}

/// What is moved in one piece of work.
enum Cargo<'a> {
    Flow(Flow<'a>),
    Items(&'a mut Vec<Item>),
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn open(shared: &Arc<Shared>) -> Result<Connection, Error> {
        let (mut control, address) = connect(shared)?;
        let peer = tls::Peer::new(&shared.host, &shared.tls_config)?;
        if shared.tls == Tls::Implicit {
            let connection = peer.connection().map_err(|error| Error::Tls(error.to_string()))?;
            let shaken = control.shake_hands(connection, shared.timeout);
            shaken.map_err(|error| Error::Tls(tls::explain(&shared.host, &error)))?;
        }
        let mut settings = Settings::new(shared.user.clone(), shared.password.clone());
        settings.tls = match shared.tls {
            Tls::Try if shared.was_protected.load(Ordering::Relaxed) => Tls::Require,
            tls => tls,
        };
        settings.opens = shared.opens;
        settings.peer_is_ipv4 = address.is_ipv4();
        settings.reply_timeout = shared.timeout;
        settings.long_reply_timeout = settings.long_reply_timeout.max(shared.timeout);
        let mut connection = Connection {
            shared: Arc::clone(shared),
            session: Client::new(settings),
            input: Input::new(),
            out: Outputs::new(),
            control,
            address,
            peer,
            data: None,
            begin: Instant::now(),
            cause: None,
            server: None,
        };
        connection.session.start(connection.now(), &mut connection.out);
        match connection.run(&mut Cargo::Flow(Flow::Nothing))? {
            Done::Ready(server) => {
                shared.was_protected.fetch_or(server.protected, Ordering::Relaxed);
                connection.server = Some(server);
            }
            _ => return Err(Error::Ftp(FtpError::Unasked)),
        }
        Ok(connection)
    }

    /// True while it can be given work.
    pub fn is_idle(&self) -> bool {
        self.session.is_idle()
    }

    /// The folder in which the login led, if the server told.
    pub fn home(&self) -> Option<&Argument> {
        self.server.as_ref().and_then(|server| server.home.as_ref())
    }

    /// True if transfers can begin in the midst of a file.
    pub fn can_resume(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.features.rest)
    }

    /// True if the server offers digests of files.
    pub fn makes_digests(&self) -> bool {
        self.server.as_ref().is_some_and(|server| !server.features.digests.is_empty())
    }

    /// True if times of files can be set.
    pub fn can_set_times(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.features.mfmt || server.features.mdtm)
    }

    /// True if data connections are under TLS.
    pub fn is_protected(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.protected)
    }

    /// What protects the control connection, in words.
    pub fn tls_description(&self) -> Option<String> {
        self.control.description()
    }

    /// Fetches a file from byte `from` on, at most `max_bytes` of it. `expected_bytes` is how many should
    /// come. The number that came.
    ///
    /// # Errors
    /// What the server, the network or `take` has against it.
    pub fn retrieve(
        &mut self,
        path: &Argument,
        (from, max_bytes): (u64, Option<u64>),
        expected_bytes: Option<u64>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let work = Work::Retrieve { path: path.clone(), from, max_bytes };
        match self.work(work, Cargo::Flow(Flow::Sink { take, expected_bytes }))? {
            Done::Moved(bytes) => Ok(bytes),
            _ => Err(Error::Ftp(FtpError::Unasked)),
        }
    }

    /// Sends a file from where it stands. The number of bytes sent.
    ///
    /// # Errors
    /// As [`Connection::retrieve`].
    pub fn store(&mut self, path: &Argument, how: Store, file: &mut File) -> Result<u64, Error> {
        let work = Work::Store { path: path.clone(), how };
        match self.work(work, Cargo::Flow(Flow::Source(file)))? {
            Done::Moved(bytes) => Ok(bytes),
            _ => Err(Error::Ftp(FtpError::Unasked)),
        }
    }

    /// Lists a folder.
    ///
    /// # Errors
    /// As [`Connection::retrieve`].
    pub fn list(&mut self, path: &Argument) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        self.work(Work::List { path: path.clone() }, Cargo::Items(&mut items))?;
        Ok(items)
    }

    /// Finds out what a path is.
    ///
    /// # Errors
    /// If there is nothing, or the server will not tell.
    pub fn look(&mut self, path: &Argument) -> Result<Facts, Error> {
        match self.do_plain(Work::Look { path: path.clone() })? {
            Done::Facts(facts) => Ok(facts),
            _ => Err(Error::Ftp(FtpError::Unasked)),
        }
    }

    /// How much of a file is there; for a part of a broken upload only this tells.
    ///
    /// # Errors
    /// As [`Connection::look`].
    pub fn size(&mut self, path: &Argument) -> Result<u64, Error> {
        match self.do_plain(Work::Size { path: path.clone() })? {
            Done::Facts(Facts { size_bytes: Some(size), .. }) => Ok(size),
            _ => Err(Error::Ftp(FtpError::Unasked)),
        }
    }

    /// A file's digest; nothing if the server makes none.
    ///
    /// # Errors
    /// As [`Connection::look`].
    pub fn digest(&mut self, path: &Argument) -> Result<Option<Digest>, Error> {
        match self.do_plain(Work::Digest { path: path.clone() }) {
            Ok(Done::Digest(digest)) => Ok(Some(digest)),
            Err(Error::Ftp(FtpError::NotOffered(_))) => Ok(None),
            Err(error) => Err(error),
            Ok(_) => Err(Error::Ftp(FtpError::Unasked)),
        }
    }

    /// Does work without data.
    ///
    /// # Errors
    /// What the server has against it.
    pub fn do_plain(&mut self, work: Work) -> Result<Done, Error> {
        self.work(work, Cargo::Flow(Flow::Nothing))
    }

    /// Takes leave. What was done stays done, whatever becomes of it.
    pub fn quit(mut self) {
        let _ = self.do_plain(Work::Quit);
        self.control.finish();
    }

    fn work(&mut self, work: Work, mut cargo: Cargo<'_>) -> Result<Done, Error> {
        self.cause = None;
        self.hear_out();
        if !self.out.is_closed() {
            let now = self.now();
            self.session.answer(now, Answer::Do(work), &mut self.out);
        }
        self.run(&mut cargo)
    }

    /// Whatever the server has said since its last reply was said unasked, or takes leave. It must not be
    /// taken for the reply to the next command.
    fn hear_out(&mut self) {
        let mut block = [0; 4096];
        match self.control.read_ready(&mut block) {
            Ok(0) => self.session.lost(&mut self.out),
            Ok(count) => self.input.push(&block[..count]),
            Err(error) if is_tick(&error) => {}
            Err(_) => self.session.lost(&mut self.out),
        }
        if !self.input.is_empty() && !self.out.is_closed() {
            let now = self.now();
            self.session.input(now, &mut self.input, &mut self.out);
        }
    }

    fn now(&self) -> Now {
        Now::from_millis(u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Runs the session until it asks what next, or ends.
    fn run(&mut self, cargo: &mut Cargo<'_>) -> Result<Done, Error> {
        loop {
            let bytes = self.out.take_bytes();
            if !bytes.is_empty() && self.control.write_all(&bytes, self.shared.timeout).is_err() {
                // What the server said before it went is still worth reading.
                self.read_control();
            }
            let Some(ask) = self.out.take_ask() else {
                self.read_control();
                continue;
            };
            let answer = match ask {
                Ask::Next(result) => {
                    self.data = None;
                    return result.map_err(|error| self.explain(error));
                }
                Ask::Ended(error) => {
                    self.data = None;
                    let error = error.unwrap_or(FtpError::Lost { verb: "QUIT" });
                    return Err(self.explain(error));
                }
                Ask::StartTls => Answer::Handshake(self.start_tls()),
                Ask::Connect { port } => {
                    self.data = None;
                    let mut address = self.address;
                    address.set_port(port.get());
                    let data = Channel::connect(address, self.shared.timeout);
                    self.data = data.ok().map(Data::Connected);
                    Answer::Connected(self.data.is_some())
                }
                Ask::Listen => Answer::Listening(self.listen()),
                Ask::Transfer(transfer) => Answer::Moved(self.transfer(&transfer, cargo)),
            };
            let now = self.now();
            self.session.answer(now, answer, &mut self.out);
            if !self.out.has_ask() && !self.out.is_closed() && !self.input.is_empty() {
                self.session.input(now, &mut self.input, &mut self.out);
            }
        }
    }

    /// Waits for the server's words or the deadline.
    fn read_control(&mut self) {
        let mut block = [0; 4096];
        match self.control.read(&mut block) {
            Ok(0) => self.session.lost(&mut self.out),
            Ok(count) => {
                self.input.push(&block[..count]);
                let now = self.now();
                self.session.input(now, &mut self.input, &mut self.out);
            }
            Err(error) if is_tick(&error) => {}
            Err(_) => self.session.lost(&mut self.out),
        }
        // Also after words: of those that only say that others will follow there may be no end.
        let now = self.now();
        let waits = !self.out.has_ask() && !self.out.is_closed();
        if waits && self.session.deadline().is_some_and(|deadline| deadline <= now) {
            self.session.expired(now, &mut self.out);
        }
    }

    fn start_tls(&mut self) -> bool {
        let shaken = match self.peer.connection() {
            Ok(connection) => self.control.shake_hands(connection, self.shared.timeout),
            Err(error) => Err(std::io::Error::other(error)),
        };
        if let Err(error) = &shaken {
            self.cause = Some(Error::Tls(tls::explain(&self.shared.host, error)));
        }
        shaken.is_ok()
    }

    fn listen(&mut self) -> Option<SocketAddr> {
        let own = self.control.socket.local_addr().ok()?;
        let mut address = own;
        address.set_port(0);
        let listener = TcpListener::bind(address).ok()?;
        let at = listener.local_addr().ok()?;
        self.data = Some(Data::Listening(listener));
        Some(at)
    }

    fn transfer(&mut self, transfer: &Transfer, cargo: &mut Cargo<'_>) -> Moved {
        let mut channel = match self.open_data() {
            Ok(channel) => channel,
            Err(end) => return Moved { bytes: 0, end },
        };
        if transfer.protected
            && let Err(error) = self.protect(&mut channel)
        {
            let text = format!("on the data connection: {}", tls::explain(&self.shared.host, &error));
            self.cause = Some(Error::Tls(text));
            return Moved { bytes: 0, end: MovedEnd::Unopened };
        }
        match (transfer.content, cargo) {
            (Content::Listing(form), Cargo::Items(items)) => {
                let mut reader = Some(ListingReader::new(form, today()));
                let mut take = |bytes: &[u8]| match &mut reader {
                    Some(reader) => reader.push(bytes, |item| items.push(item)).map_err(too_many),
                    None => Ok(()),
                };
                let moved = self.pump(
                    channel,
                    transfer,
                    &mut Flow::Sink { take: &mut take, expected_bytes: None },
                    false,
                );
                if moved.end == MovedEnd::Complete
                    && let Some(reader) = reader.take()
                {
                    let _ = reader.finish(|item| items.push(item));
                }
                moved
            }
            (Content::File, Cargo::Flow(flow)) => self.pump(channel, transfer, flow, true),
            _ => Moved { bytes: 0, end: MovedEnd::Cancelled },
        }
    }

    fn pump(&mut self, channel: Channel, transfer: &Transfer, flow: &mut Flow<'_>, shown: bool) -> Moved {
        let shared = Arc::clone(&self.shared);
        let progress = |bytes| {
            if shown {
                shared.progress.moved(bytes);
            }
        };
        let mut pump = Pump {
            channel,
            pace: &shared.pace,
            progress: &progress,
            stall_timeout: shared.timeout,
            refused: &mut || refused(&self.session, &mut self.control, &mut self.input),
        };
        let (moved, error) = pump.run(transfer, flow);
        // Under TLS an early end is announced, too.
        if moved.end == MovedEnd::Enough || transfer.direction == Direction::Send {
            pump.channel.finish();
        }
        drop(pump);
        if error.is_some() {
            self.cause = error;
        }
        moved
    }

    fn open_data(&mut self) -> Result<Channel, MovedEnd> {
        match self.data.take() {
            Some(Data::Connected(channel)) => Ok(channel),
            Some(Data::Listening(listener)) => {
                let mut gone = false;
                let mut stop = || {
                    gone = refused(&self.session, &mut self.control, &mut self.input);
                    gone
                };
                let accepted = Channel::accept(&listener, self.address.ip(), self.shared.timeout, &mut stop);
                accepted.map_err(|_| if gone { MovedEnd::GivenUp } else { MovedEnd::Unopened })
            }
            None => Err(MovedEnd::Unopened),
        }
    }

    fn protect(&mut self, channel: &mut Channel) -> std::io::Result<()> {
        let connection = self.peer.connection().map_err(std::io::Error::other)?;
        channel.shake_hands(connection, self.shared.timeout)?;
        if self.shared.believes_anybody && !channel.has_same_peer(&self.control) {
            return Err(std::io::Error::other("it has another certificate than the control connection"));
        }
        if !channel.is_resumed() {
            self.shared.unbound.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The cause that this side knows, in place of what the session can tell.
    fn explain(&mut self, error: FtpError) -> Error {
        match (&error, self.cause.take()) {
            (FtpError::HandshakeFailed, Some(cause)) => cause,
            (FtpError::Data { end: MovedEnd::Unopened | MovedEnd::Cancelled, .. }, Some(cause)) => cause,
            // What this side broke off may have taken the server with it.
            (FtpError::Lost { .. } | FtpError::Silent { .. }, Some(cause)) => cause,
            (_, _) => Error::Ftp(error),
        }
    }
}

/// Reads what has come on the control connection; true if the server says that nothing will come of the
/// transfer, or has gone.
fn refused(session: &Client, control: &mut Channel, input: &mut Input) -> bool {
    let mut block = [0; 4096];
    match control.read_ready(&mut block) {
        Ok(0) => return true,
        Ok(count) => input.push(&block[..count]),
        Err(error) if is_tick(&error) => {}
        Err(_) => return true,
    }
    session.refuses(input)
}

fn too_many(_: ftp::client::TooManyEntries) -> Error {
    Error::Local("the folder has more entries than this program takes".to_string())
}

/// Connects to the first address of the host that answers.
fn connect(shared: &Shared) -> Result<(Channel, SocketAddr), Error> {
    let place = format!("{} port {}", shared.host, shared.port);
    let addresses = (shared.host.as_str(), shared.port)
        .to_socket_addrs()
        .map_err(|error| Error::Connect(format!("the name {:?} was not found: {error}", shared.host)))?;
    let mut trouble = None;
    for address in addresses {
        match Channel::connect(address, shared.timeout) {
            Ok(channel) => return Ok((channel, address)),
            Err(error) => trouble = Some(error),
        }
    }
    Err(Error::Connect(match trouble {
        Some(error) => format!("no connection to {place}: {error}"),
        None => format!("{place} has no address"),
    }))
}

/// The present time, as listings need it.
fn today() -> Stamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let stamp = i64::try_from(seconds).ok().and_then(Stamp::from_unix_seconds);
    stamp.or(Stamp::from_unix_seconds(0)).expect("1970 has four digits")
}

const _: () = assert!(TICK.as_millis() < 1000, "deadlines are looked at every second at least");
