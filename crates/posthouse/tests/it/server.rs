//! A server of one's own: a folder, free ports, a configuration, the real program.

use crate::programs::{self, Ran};
use crate::talk::Talk;
use crate::wait;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Opening an empty store and making a certificate take a fraction of it, also on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// The password of everybody whom [`Server::start`] adds.
pub const PASSWORD: &str = "correct horse";
/// Lines of the log shown when a test fails.
const LOG_LINES_SHOWN: usize = 40;

/// The services, by their keys in `[listen]`.
const SERVICES: [&str; 13] = [
    "smtp",
    "submission",
    "submissions",
    "lmtp",
    "imap",
    "imaps",
    "pop3",
    "pop3s",
    "http",
    "ftp",
    "ftps",
    "dns",
    "dot",
];

/// What the configuration says.
pub struct Setup {
    allow_plaintext: bool,
    exempt: bool,
    limits: String,
    tables: String,
    store: String,
    hostname: String,
    address: Option<Ipv4Addr>,
}

/// TLS needed for logins, no limits for this machine: what most tests want.
pub fn setup() -> Setup {
    Setup {
        allow_plaintext: false,
        exempt: true,
        limits: String::new(),
        tables: String::new(),
        store: String::new(),
        hostname: "mx.example.org".into(),
        address: None,
    }
}

impl Setup {
    /// Logins without TLS.
    pub fn plaintext(mut self) -> Setup {
        self.allow_plaintext = true;
        self
    }

    /// This machine is treated as a stranger.
    pub fn not_exempt(mut self) -> Setup {
        self.exempt = false;
        self
    }

    /// A line in `[limits]`.
    pub fn limit(mut self, line: &str) -> Setup {
        self.limits.push_str(line);
        self.limits.push('\n');
        self
    }

    /// Further tables at the end of the file.
    pub fn tables(mut self, text: &str) -> Setup {
        self.tables.push_str(text);
        self
    }

    /// The database, instead of SQLite in the data directory.
    pub fn database(mut self, url: &str) -> Setup {
        self.store = format!("[store]\nurl = {url:?}\n");
        self
    }

    /// The name of the host.
    pub fn hostname(mut self, name: &str) -> Setup {
        self.hostname = name.into();
        self
    }

    /// Names and mail from strangers on their usual ports of this address, as those who look them up expect.
    pub fn at(mut self, address: Ipv4Addr) -> Setup {
        self.address = Some(address);
        self
    }

    /// Folder, ports and configuration; nothing runs yet.
    pub fn prepare(self) -> Server {
        let folder = fresh_folder();
        let ports: Vec<(&'static str, u16)> = SERVICES.iter().map(|name| (*name, free_port())).collect();
        let place = |name: &str, port: u16| match (self.address, name) {
            (Some(address), "dns") => SocketAddr::from((address, 53)),
            (Some(address), "smtp") => SocketAddr::from((address, 25)),
            _ => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        };
        let listen: String =
            ports.iter().map(|(name, port)| format!("{name} = [\"{}\"]\n", place(name, *port))).collect();
        let exempt = if self.exempt { "exempt = [\"127.0.0.0/8\"]\n" } else { "" };
        let text = format!(
            "hostname = \"{}\"\ndata_dir = \"data\"\n[listen]\n{listen}[auth]\nallow_plaintext = {}\n\
             [limits]\n{exempt}{}{}{}",
            self.hostname, self.allow_plaintext, self.limits, self.store, self.tables
        );
        fs::write(folder.join("posthouse.toml"), text).unwrap();
        Server { folder, ports, child: None, environment: Vec::new() }
    }

    /// A running server for `example.org` with alice and bob.
    pub fn start(self) -> Server {
        let mut server = self.prepare();
        server.launch();
        server.cli(&["domain", "add", "example.org"]).ok();
        server.add_accounts(&["alice@example.org", "bob@example.org"]);
        server
    }
}

/// The server's folder, ports and process.
pub struct Server {
    /// Holds configuration, `data` and `log`.
    pub folder: PathBuf,
    ports: Vec<(&'static str, u16)>,
    child: Option<Child>,
    environment: Vec<(String, String)>,
}

impl Server {
    /// The port of a service, by its key in `[listen]`.
    pub fn port(&self, service: &str) -> u16 {
        self.ports.iter().find(|(name, _)| *name == service).unwrap().1
    }

    /// `127.0.0.1:port`, as most clients want it.
    pub fn at(&self, service: &str) -> String {
        format!("127.0.0.1:{}", self.port(service))
    }

    /// `localhost:port`, the name in the certificate.
    pub fn named(&self, service: &str) -> String {
        format!("localhost:{}", self.port(service))
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("posthouse.toml")
    }

    /// The self-signed certificate, which clients here trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("data/self-signed.crt")
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Sets a variable for the processes started from now on.
    pub fn environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.into(), value.into()));
    }

    /// `posthouse --config … serve`, its log added to the file `log`.
    pub fn serve_command(&self) -> Command {
        let mut command = self.command(&["serve"]);
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
        command.arg("--config").arg(self.config()).args(arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        command
    }

    /// Starts the program and waits until it can be connected to.
    pub fn launch(&mut self) {
        let command = self.serve_command();
        self.launch_as(command);
    }

    /// Starts it by another command.
    pub fn launch_as(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "it runs already");
        let child = self.child.insert(command.spawn().unwrap());
        // Listeners are opened together; the one by which nobody else is disturbed tells of all.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[8].1));
        let ready = wait::until(START_LIMIT, || {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(Err(status));
            }
            is_healthy(address).then_some(Ok(()))
        });
        match ready {
            Some(Ok(())) => {}
            Some(Err(status)) => panic!("the server ended with {status}:\n{}", self.log()),
            None => panic!("the server was not ready in time:\n{}", self.log()),
        }
    }

    /// Starts it on a day in the future, such as `+4h`; what it measures goes on as ever.
    pub fn launch_later(&mut self, by: &str) {
        // The program itself would stand between us and the server: only what it sets is taken.
        let set = programs::run(programs::program("faketime").args(["-m", "-f", by, "env"])).ok();
        let library = set.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).unwrap();
        let mut command = self.serve_command();
        command.env("LD_PRELOAD", library).env("FAKETIME", by).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        self.launch_as(command);
    }

    /// Memory of the running server that is its own, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.as_ref().unwrap().id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
    }

    /// How many sockets the process has open.
    pub fn open_sockets(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.as_ref().unwrap().id());
        let targets =
            fs::read_dir(folder).unwrap().filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// How much memory the process has, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.as_ref().unwrap().id());
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Ends it as a power failure would, as far as a process can.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id();
        programs::run(programs::program("sh").args(["-c", &format!("kill -{name} {pid}")])).ok();
    }

    /// The exit code once it has ended by itself.
    pub fn wait_for_end(&mut self, limit: Duration) -> Option<i32> {
        let child = self.child.as_mut().unwrap();
        let status = wait::until(limit, || child.try_wait().unwrap())?;
        self.child = None;
        status.code()
    }

    /// Stops it in order.
    pub fn stop(&mut self) {
        self.signal("TERM");
        assert_eq!(self.wait_for_end(Duration::from_secs(30)), Some(0), "{}", self.log());
    }

    /// Runs a command of the command line.
    pub fn cli(&self, arguments: &[&str]) -> Ran {
        programs::run(&mut self.command(arguments))
    }

    /// Runs a command with this on its standard input.
    pub fn cli_with(&self, arguments: &[&str], input: &str) -> Ran {
        programs::run_with(&mut self.command(arguments), input.as_bytes())
    }

    /// Adds accounts with the usual password.
    pub fn add_accounts(&self, addresses: &[&str]) {
        let lines: String = addresses.iter().map(|address| format!("{address}:{PASSWORD}\n")).collect();
        self.cli_with(&["account", "import", "-"], &lines).ok();
    }

    /// A script of tests/it/py, told of ports, certificate, password and process by its environment.
    pub fn python(&self, script: &str, arguments: &[&str]) -> String {
        let mut command = programs::python(script);
        command.args(arguments).env("CERTIFICATE", self.certificate()).env("PASSWORD", PASSWORD);
        for (name, port) in &self.ports {
            command.env(format!("PORT_{}", name.to_uppercase()), port.to_string());
        }
        if let Some(child) = &self.child {
            command.env("SERVER_PID", child.id().to_string());
        }
        programs::run(&mut command).ok()
    }

    /// A bare conversation with a service; the greeting is not read.
    pub fn talk(&self, service: &str) -> Talk {
        Talk::open(self.port(service))
    }

    /// Puts a message into mailboxes by LMTP.
    #[track_caller]
    pub fn deliver(&self, to: &str, message: &str) {
        let mut lmtp = self.talk("lmtp");
        lmtp.expect("220 ");
        lmtp.command("LHLO client.example.net", "250");
        lmtp.command("MAIL FROM:<sender@example.net>", "250 ");
        lmtp.command(&format!("RCPT TO:<{to}>"), "250 ");
        lmtp.command("DATA", "354 ");
        lmtp.send(message.replace("\r\n.", "\r\n..").as_bytes());
        lmtp.command(".", "250 ");
    }

    /// The messages of an account by POP3, byte for byte (hence UTF8, RFC 6856 §2).
    #[track_caller]
    pub fn mail_of(&self, user: &str) -> Vec<String> {
        let mut pop3 = self.talk("pop3").inside_starttls(&self.certificate(), "STLS");
        pop3.command("UTF8", "+OK");
        pop3.log_in_pop3(user);
        let count: usize = pop3.command("STAT", "+OK ").split(' ').nth(1).unwrap().parse().unwrap();
        let messages = (1..=count)
            .map(|number| {
                pop3.command(&format!("RETR {number}"), "+OK");
                pop3.block()
            })
            .collect();
        pop3.command("QUIT", "+OK");
        messages
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
            eprintln!("the log of the server in {}:\n{}", self.folder.display(), shown.join("\n"));
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Whether the HTTP listener says so.
fn is_healthy(address: SocketAddr) -> bool {
    let Ok(mut socket) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    let asked = socket.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    asked.and_then(|()| socket.read_to_string(&mut answer)).is_ok() && answer.ends_with("ok\n")
}

/// A folder that nobody else has.
pub fn fresh_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("it-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A port that nobody listens on. Below the range from which the system takes the ports of
/// outgoing connections, or a client's port could be in the way of a listener.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (std::process::id().wrapping_mul(397) + step) % COUNT;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
