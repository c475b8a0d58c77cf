//! TLS on a data connection.
//!
//! Unlike a general TLS stream this one does not send what the client did not ask for before it has to:
//! tickets wait until something is sent. A client that uploads may never read; if our tickets came when it
//! has just closed, its system would reset the connection and throw away what it had not sent yet.
//!
//! On the other hand some clients use a ticket once, and take the next from the data connection or not at
//! all; curl with OpenSSL is one. It shakes hands before it is told to begin, and reads once more before
//! it closes. With such clients the handshake is done before they are told to begin, tickets included.

use std::io::{self, Read, Write};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::rustls::{HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection};

/// Encrypted bytes that may wait for the socket before writing pauses: many records for one system call.
const QUEUE_MAX_BYTES: usize = 1 << 20;
/// Read at once on top of what is asked for.
const READ_BYTES: usize = 16 * 1024;

/// A data connection inside TLS, with us as the server.
pub struct Secure {
    stream: TcpStream,
    connection: ServerConnection,
}

/// The socket as the blocking interface of TLS wants it, without ever blocking.
struct Ready<'a>(&'a TcpStream);

impl Read for Ready<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(space)
    }
}

impl Write for Ready<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Secure {
    /// Shakes hands, and keeps the tickets back.
    ///
    /// # Errors
    /// What went wrong in it.
    pub async fn accept(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Secure> {
        let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
        connection.set_buffer_limit(Some(QUEUE_MAX_BYTES));
        let mut secure = Secure { stream, connection };
        loop {
            if secure.connection.is_handshaking() {
                secure.flush().await?;
            }
            if !secure.connection.is_handshaking() {
                break;
            }
            if secure.receive().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        // In TLS 1.2 our last word belongs to the handshake; in TLS 1.3 only tickets are left.
        if secure.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            secure.flush().await?;
        }
        Ok(secure)
    }

    /// Sends the tickets.
    ///
    /// # Errors
    /// The socket's.
    pub async fn hand_out_tickets(&mut self) -> io::Result<()> {
        self.flush().await
    }

    /// Whether it goes on with an earlier session.
    pub fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Reads what there is; zero after a `close_notify`.
    ///
    /// # Errors
    /// The socket's; `UnexpectedEof` if the end came without a `close_notify`.
    pub async fn read(&mut self, space: &mut Vec<u8>) -> io::Result<usize> {
        let begin = space.len();
        loop {
            space.resize(begin + READ_BYTES, 0);
            let read = self.connection.reader().read(&mut space[begin..]);
            space.truncate(begin + read.as_ref().map_or(0, |count| *count));
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.receive().await?,
                other => return other,
            };
        }
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// The socket's.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.connection.writer().write(bytes)?;
            bytes = &bytes[taken..];
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends a `close_notify` and ends our side.
    ///
    /// # Errors
    /// The socket's.
    pub async fn shut_down(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.flush().await?;
        self.stream.shutdown().await
    }

    /// The socket and what encrypts on it.
    pub fn into_parts(self) -> (TcpStream, ServerConnection) {
        (self.stream, self.connection)
    }

    /// Takes in what has come; zero at the end of the socket.
    async fn receive(&mut self) -> io::Result<usize> {
        let count = loop {
            self.stream.readable().await?;
            match self.connection.read_tls(&mut Ready(&self.stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => break other?,
            }
        };
        if let Err(error) = self.connection.process_new_packets() {
            // The alert that says why, as far as it gets.
            let _ = self.connection.write_tls(&mut Ready(&self.stream));
            return Err(io::Error::other(error));
        }
        Ok(count)
    }

    async fn flush(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.stream.writable().await?;
            match self.connection.write_tls(&mut Ready(&self.stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => drop(other?),
            }
        }
        Ok(())
    }
}
