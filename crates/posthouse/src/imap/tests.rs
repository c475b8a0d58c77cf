//! Sessions over loopback sockets and a store in a temporary folder.

mod fetching;
mod idling;
mod mailboxes;
mod marking;
mod moving;
mod searching;
mod selecting;
mod speed;
mod together;

use super::{House, ImapService, Logins, Refused};
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::{self, Wire};
use crate::tls::Acceptor;
use ::store::{AccountId, Credential, Settings, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use wire::Budget;

/// How long a test waits for a line before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One account, one password.
#[derive(Clone, Copy)]
struct OneAccount(AccountId);

impl Logins for OneAccount {
    async fn verify(&self, pending: sasl::PendingVerify) -> Result<sasl::Step, Refused> {
        match pending.user() {
            "busy" => Err(Refused::Unavailable),
            "many" => Err(Refused::TooMany),
            _ => {
                let right = pending.password().expose() == b"secret";
                Ok(pending.resume(right))
            }
        }
    }

    async fn scram(&self, pending: sasl::PendingScram) -> Result<sasl::Step, Refused> {
        Ok(pending.resume_unknown(&[0; 32]))
    }

    async fn account(&self, user: &str) -> Result<Option<AccountId>, Refused> {
        Ok((user == "ann@example.org").then_some(self.0))
    }
}

struct Server {
    store: Store,
    house: Arc<House>,
    account: AccountId,
    acceptor: Acceptor,
    stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            url: "sqlite:test.db".into(),
            blobs: "file:blobs".into(),
            data_dir: folder.path().into(),
            readers: 4,
        };
        let store = Store::open(&settings).unwrap();
        let account = store
            .write(|tx| {
                tx.add_domain("example.org")?;
                tx.add_account("ann@example.org", &Credential { password: String::new(), scram: None })
            })
            .await
            .unwrap();
        let text = format!("hostname = \"mx.example.org\"\ndata_dir = {:?}", folder.path());
        let config = Config::parse(&text, folder.path()).unwrap();
        let acceptor = Acceptor::load(&config).unwrap();
        let house = Arc::new(House::new(store.clone(), Clock::new(), 256 << 20));
        Server { store, house, account, acceptor, stop: watch::channel(false).0, _folder: folder }
    }

    /// A connection that has read its greeting.
    async fn connect(&self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let session = ::imap::Session::new(::imap::Settings {
            hostname: "mx.example.org".into(),
            tls: ::imap::TlsState::Available,
            bindings: Vec::new(),
            allow_plaintext: true,
            message_max_bytes: 32 << 20,
            budget: Budget::new(64 << 20),
        });
        let service = ImapService::with_logins(Arc::clone(&self.house), OneAccount(self.account));
        let wire = Wire::new(socket, self.acceptor.clone());
        tokio::spawn(driver::run(session, service, wire, Clock::new(), self.stop.subscribe()));
        let mut client = Client { stream: BufReader::new(stream), tag: 0 };
        assert!(client.line().await.starts_with("* OK [CAPABILITY "));
        client
    }

    async fn logged_in(&self) -> Client {
        let mut client = self.connect().await;
        client.ok("LOGIN ann@example.org secret").await;
        client
    }

    async fn selected(&self, mailbox: &str) -> Client {
        let mut client = self.logged_in().await;
        client.ok(&format!("SELECT {mailbox}")).await;
        client
    }
}

struct Client {
    stream: BufReader<TcpStream>,
    tag: u32,
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// A response with its literals, without the last line end.
    async fn line(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.whole_line()).await.expect("an answer in time")
    }

    async fn whole_line(&mut self) -> String {
        let mut response = Vec::new();
        loop {
            if self.stream.read_until(b'\n', &mut response).await.unwrap() == 0 {
                return "(closed)".into();
            }
            assert!(response.ends_with(b"\r\n"), "{}", String::from_utf8_lossy(&response));
            let text = &response[..response.len() - 2];
            let size = text.strip_suffix(b"}").and_then(|text| {
                let open = text.iter().rposition(|byte| *byte == b'{')?;
                std::str::from_utf8(&text[open + 1..]).ok()?.parse::<usize>().ok()
            });
            let Some(size) = size else {
                return String::from_utf8_lossy(text).into_owned();
            };
            assert_ne!(size, 0, "a literal of no bytes");
            let start = response.len();
            response.resize(start + size, 0);
            self.stream.read_exact(&mut response[start..]).await.unwrap();
        }
    }

    /// The untagged responses to a command, and its tagged one without the tag.
    async fn command(&mut self, text: &str) -> (Vec<String>, String) {
        self.tag += 1;
        let tag = format!("a{} ", self.tag);
        self.send(&format!("{tag}{text}\r\n")).await;
        self.until(&tag).await
    }

    async fn until(&mut self, tag: &str) -> (Vec<String>, String) {
        let mut untagged = Vec::new();
        loop {
            let line = self.line().await;
            match line.strip_prefix(tag) {
                Some(rest) => return (untagged, rest.to_owned()),
                None => untagged.push(line),
            }
            assert_ne!(untagged.last().unwrap(), "(closed)", "{untagged:?}");
        }
    }

    /// The untagged responses to a command that succeeds.
    async fn ok(&mut self, text: &str) -> Vec<String> {
        let (untagged, tagged) = self.command(text).await;
        assert!(tagged.starts_with("OK "), "{text}: {tagged}");
        untagged
    }

    /// The untagged responses without `* `, joined by `|`.
    async fn said(&mut self, text: &str) -> String {
        let lines = self.ok(text).await;
        lines.iter().map(|line| line.strip_prefix("* ").unwrap_or(line)).collect::<Vec<_>>().join("|")
    }

    async fn tagged(&mut self, text: &str) -> String {
        self.command(text).await.1
    }

    async fn append(&mut self, mailbox: &str, flags: &str, message: &str) -> String {
        let flags = if flags.is_empty() { String::new() } else { format!("({flags}) ") };
        let size = message.len();
        self.tagged(&format!("APPEND {mailbox} {flags}{{{size}+}}\r\n{message}")).await
    }

    /// Fills a mailbox with small messages, `Subject: n`.
    async fn fill(&mut self, mailbox: &str, count: usize) {
        for n in 1..=count {
            let message = format!("From: a@example.org\r\nSubject: {n}\r\n\r\nbody {n}\r\n");
            assert!(self.append(mailbox, "", &message).await.starts_with("OK [APPENDUID "));
        }
    }
}

#[tokio::test]
async fn logins_and_their_refusals() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    for (command, expected) in [
        ("LOGIN ann@example.org wrong", "NO [AUTHENTICATIONFAILED]"),
        ("LOGIN busy secret", "NO [UNAVAILABLE]"),
        ("LOGIN many secret", "NO [LIMIT]"),
        ("LOGIN bob@example.org secret", "NO [AUTHORIZATIONFAILED]"),
        ("SELECT INBOX", "BAD "),
        ("LOGIN ann@example.org secret", "OK [CAPABILITY "),
        ("NOOP", "OK "),
        ("SELECT Nowhere", "NO [NONEXISTENT]"),
    ] {
        let tagged = client.tagged(command).await;
        assert!(tagged.starts_with(expected), "{command}: {tagged}");
    }
    assert_eq!(client.said("NAMESPACE").await, "NAMESPACE ((\"\" \"/\")) NIL NIL");
    assert!(client.said("ID NIL").await.starts_with("ID (\"name\" \"Posthouse\""));
    assert!(client.ok("LOGOUT").await[0].starts_with("* BYE"));
    assert_eq!(client.line().await, "(closed)");
}

#[tokio::test]
async fn a_stopping_server_takes_leave() {
    let server = Server::start().await;
    let mut client = server.selected("INBOX").await;
    server.stop.send(true).unwrap();
    assert!(client.line().await.starts_with("* BYE [UNAVAILABLE]"));
}
