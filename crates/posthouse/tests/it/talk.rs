//! A bare conversation over a socket, in the clear or inside TLS: for what no client would say.

use crate::server::PASSWORD;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A reply that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(60);

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// One connection.
pub struct Talk {
    stream: Stream,
    received: Vec<u8>,
    ended: bool,
    /// How this client does TLS, its memory of sessions included.
    tls: Option<Arc<ClientConfig>>,
}

/// A data connection of FTP inside TLS.
pub type DataTls = StreamOwned<ClientConnection, TcpStream>;

impl Talk {
    /// Connects to a port of this machine.
    pub fn open(port: u16) -> Talk {
        Talk::over(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap())
    }

    /// Connects to an address.
    pub fn open_at(address: SocketAddr) -> Talk {
        Talk::over(TcpStream::connect(address).unwrap())
    }

    /// Connects from another of this machine's addresses.
    pub fn open_from(source: [u8; 4], port: u16) -> Talk {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let socket = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from((source, 0))).unwrap();
            socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.unwrap().into_std().unwrap()
        });
        socket.set_nonblocking(false).unwrap();
        Talk::over(socket)
    }

    fn over(socket: TcpStream) -> Talk {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Talk { stream: Stream::Plain(socket), received: Vec::new(), ended: false, tls: None }
    }

    /// Another connection inside TLS of the same client, which resumes the session of this one; with
    /// `other`, that of the client of another conversation.
    pub fn data_tls(&self, port: u16, other: Option<&Talk>) -> DataTls {
        let config = other.unwrap_or(self).tls.clone().unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        StreamOwned::new(ClientConnection::new(config, name).unwrap(), socket)
    }

    /// Forgets the sessions of TLS.
    pub fn forget_sessions(&mut self) {
        let mut config = ClientConfig::clone(self.tls.as_ref().unwrap());
        config.resumption = tokio_rustls::rustls::client::Resumption::in_memory_sessions(8);
        self.tls = Some(Arc::new(config));
    }

    /// Waits at most this long for what comes next.
    pub fn patience(&mut self, patience: Duration) {
        self.socket().set_read_timeout(Some(patience)).unwrap();
    }

    fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.get_ref(),
        }
    }

    /// Shakes hands; the server must prove to be `localhost` by a certificate that this one vouches for.
    pub fn start_tls(self, certificate: &Path) -> Talk {
        let Stream::Plain(socket) = self.stream else { panic!("TLS inside TLS") };
        assert!(self.received.is_empty(), "words before the handshake: {:?}", self.received);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let config = Arc::new(config);
        let connection = ClientConnection::new(config.clone(), name).unwrap();
        let stream = Stream::Tls(Box::new(StreamOwned::new(connection, socket)));
        Talk { stream, received: Vec::new(), ended: false, tls: Some(config) }
    }

    /// The greeting, then TLS by this command; for SMTP everything up to EHLO inside TLS.
    #[track_caller]
    pub fn inside_starttls(mut self, certificate: &Path, verb: &str) -> Talk {
        self.line();
        match verb {
            "STARTTLS" => {
                self.command("EHLO client.example.net", "250");
                self.command("STARTTLS", "220 ");
                let mut inside = self.start_tls(certificate);
                inside.command("EHLO client.example.net", "250");
                inside
            }
            "a STARTTLS" => {
                self.imap(verb, "OK");
                self.start_tls(certificate)
            }
            verb => {
                self.command(verb, "+OK");
                self.start_tls(certificate)
            }
        }
    }

    /// Sends bytes as one piece. A peer that has closed is no fault here: what it said tells.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        };
    }

    /// Sends a line.
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\r\n").as_bytes());
    }

    /// Says that nothing more will be sent.
    pub fn say_no_more(&mut self) {
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    fn read_more(&mut self) -> bool {
        let mut space = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Plain(socket) => socket.read(&mut space),
            Stream::Tls(stream) => stream.read(&mut space),
        };
        match read {
            Ok(0) => self.ended = true,
            Ok(count) => self.received.extend_from_slice(&space[..count]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock) => return false,
            Err(_) => self.ended = true,
        }
        !self.ended
    }

    /// The next line without its CRLF; nothing at the end, or when none comes in time.
    pub fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.received[..end]).into_owned();
                self.received.drain(..end + 2);
                return Some(line);
            }
            if self.ended || !self.read_more() {
                return None;
            }
        }
    }

    /// The next line, which must come.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let line = self.next_line();
        line.unwrap_or_else(|| panic!("no line came (ended: {}, left: {:?})", self.ended, self.received))
    }

    /// The next line, which must begin so.
    #[track_caller]
    pub fn expect(&mut self, begin: &str) -> String {
        let line = self.line();
        assert!(line.starts_with(begin), "expected {begin:?}, got {line:?}");
        line
    }

    /// A whole SMTP or FTP reply, its lines joined by newlines.
    #[track_caller]
    pub fn reply(&mut self) -> String {
        let mut lines = vec![self.line()];
        // FTP indents the lines in between as it likes (RFC 959 §4.2).
        let begin = lines[0].get(..3).unwrap_or_default().to_string();
        if lines[0].as_bytes().get(3) == Some(&b'-') {
            while !lines.last().unwrap().starts_with(&format!("{begin} ")) {
                lines.push(self.line());
            }
        }
        lines.join("\n")
    }

    /// Says a line; the reply (of one or, in SMTP, several lines) must begin so.
    #[track_caller]
    pub fn command(&mut self, line: &str, begin: &str) -> String {
        self.say(line);
        let reply = self.reply();
        assert!(reply.starts_with(begin), "{line:?}: expected {begin:?}, got {reply:?}");
        reply
    }

    /// The lines of an IMAP command's answer up to its tagged one, which must begin so.
    #[track_caller]
    pub fn imap(&mut self, command: &str, begin: &str) -> Vec<String> {
        self.say(command);
        let tag = command.split(' ').next().unwrap();
        let mut lines = vec![self.line()];
        while !lines.last().unwrap().starts_with(&format!("{tag} ")) {
            lines.push(self.line());
        }
        let last = lines.last().unwrap();
        assert!(last.starts_with(&format!("{tag} {begin}")), "{command:?}: {lines:?}");
        lines
    }

    /// The lines of a POP3 block up to the dot, unstuffed, with CRLF.
    #[track_caller]
    pub fn block(&mut self) -> String {
        let mut text = String::new();
        loop {
            match self.line().as_str() {
                "." => return text,
                line => text.push_str(line.strip_prefix('.').unwrap_or(line)),
            }
            text.push_str("\r\n");
        }
    }

    /// USER and PASS with the usual password.
    #[track_caller]
    pub fn log_in_pop3(&mut self, user: &str) {
        self.command(&format!("USER {user}"), "+OK");
        self.command(&format!("PASS {PASSWORD}"), "+OK");
    }

    /// Everything up to the end of the connection; whether it did end.
    pub fn rest(&mut self) -> (String, bool) {
        while !self.ended && self.read_more() {}
        (String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned(), self.ended)
    }

    /// True once the server has closed and all was read.
    pub fn is_closed(&mut self) -> bool {
        if !self.ended && self.received.is_empty() {
            self.read_more();
        }
        self.ended && self.received.is_empty()
    }
}
