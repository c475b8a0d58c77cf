//! A TCP connection, and TLS upon it where there is some.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tokio_rustls::rustls::{ClientConnection, HandshakeKind};

/// How long a read or write blocks before the other things are looked at: deadlines, and what came on
/// the control connection meanwhile.
pub const TICK: Duration = Duration::from_millis(500);

/// A connection. Reads and writes give up after [`TICK`] with [`ErrorKind::WouldBlock`].
#[derive(Debug)]
pub struct Channel {
    pub(super) socket: TcpStream,
    pub(super) tls: Option<Box<ClientConnection>>,
}

impl Channel {
    /// A connection that stands.
    ///
    /// # Errors
    /// If the socket does not take its settings.
    pub fn new(socket: TcpStream) -> io::Result<Channel> {
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(TICK))?;
        socket.set_nodelay(true)?;
        // A control connection is silent while hours of data pass; routers forget what is silent.
        rustix::net::sockopt::set_socket_keepalive(&socket, true)?;
        Ok(Channel { socket, tls: None })
    }

    /// Connects.
    ///
    /// # Errors
    /// If nobody answers there within `time`.
    pub fn connect(address: SocketAddr, time: Duration) -> io::Result<Channel> {
        Channel::new(TcpStream::connect_timeout(&address, time)?)
    }

    /// Accepts one connection from `peer`, and from nobody else: whoever else connects is cut off
    /// (RFC 2577 §8). `stop` is asked at every tick.
    ///
    /// # Errors
    /// If nobody came within `time`, or `stop` said so.
    pub fn accept(
        listener: &TcpListener,
        peer: IpAddr,
        time: Duration,
        stop: &mut dyn FnMut() -> bool,
    ) -> io::Result<Channel> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        listener.set_nonblocking(true)?;
        let until = Instant::now() + time;
        let tick = Timespec::try_from(TICK).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
        loop {
            // Also while strangers knock one after the other.
            if Instant::now() >= until {
                return Err(ErrorKind::TimedOut.into());
            }
            match listener.accept() {
                Ok((socket, from)) if from.ip() == peer => {
                    socket.set_nonblocking(false)?;
                    return Channel::new(socket);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if stop() {
                        return Err(ErrorKind::TimedOut.into());
                    }
                    poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&tick))?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// What went wrong, or that it took longer than `time`.
    pub fn shake_hands(&mut self, tls: ClientConnection, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        let mut tls = Box::new(tls);
        // Step by step, as a peer that sends a byte now and then would keep a whole handshake going for hours.
        while tls.is_handshaking() || tls.wants_write() {
            let step = match tls.wants_write() {
                true => tls.write_tls(&mut self.socket).map(drop),
                false => hear(&mut tls, &mut self.socket),
            };
            match step {
                Err(error) if !is_tick(&error) => return Err(error),
                _ if Instant::now() >= until => return Err(ErrorKind::TimedOut.into()),
                _ => {}
            }
        }
        tls.set_buffer_limit(None);
        self.tls = Some(tls);
        Ok(())
    }

    /// True if the handshake resumed an earlier one.
    pub fn is_resumed(&self) -> bool {
        self.tls.as_ref().and_then(|tls| tls.handshake_kind()) == Some(HandshakeKind::Resumed)
    }

    /// True if both ends that this and `other` lead to have the same certificate.
    pub fn has_same_peer(&self, other: &Channel) -> bool {
        let leaf = |channel: &Channel| {
            let certificates = channel.tls.as_ref()?.peer_certificates()?;
            certificates.first().map(|certificate| certificate.to_vec())
        };
        leaf(self).is_some() && leaf(self) == leaf(other)
    }

    /// What protects it, in words.
    pub fn description(&self) -> Option<String> {
        let tls = self.tls.as_ref()?;
        let version = tls.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
        let suite =
            tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("unknown");
        Some(format!("{version} {suite}"))
    }

    /// Reads what there is. Under TLS the socket is read once: of records that carry nothing there may be no
    /// end, and whoever waits has a deadline to look at.
    ///
    /// # Errors
    /// As of a socket; [`ErrorKind::WouldBlock`] after a tick, or where what came carried nothing.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buffer) };
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return read,
        }
        // Answers to what TLS itself was asked.
        if tls.wants_write() {
            tls.write_tls(&mut self.socket)?;
        }
        tls.read_tls(&mut self.socket)?;
        tls.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        tls.reader().read(buffer)
    }

    /// Reads what is there already, without waiting.
    ///
    /// # Errors
    /// As of a socket; [`ErrorKind::WouldBlock`] if there is nothing.
    pub fn read_ready(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_nonblocking(true)?;
        let read = self.read(buffer);
        self.socket.set_nonblocking(false)?;
        read
    }

    /// Writes all of it within `time`.
    ///
    /// # Errors
    /// As of a socket.
    pub fn write_all(&mut self, mut bytes: &[u8], time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes)?;
            bytes = &[];
        }
        loop {
            let written = match &mut self.tls {
                Some(tls) if tls.wants_write() => tls.write_tls(&mut self.socket).map(drop),
                Some(_) => return Ok(()),
                None if bytes.is_empty() => return Ok(()),
                None => self.socket.write(bytes).map(|count| bytes = &bytes[count..]),
            };
            match written {
                Ok(()) => {}
                Err(error) if is_tick(&error) && Instant::now() < until => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes leave: close_notify under TLS, and the end of what is sent.
    pub fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            // Whoever has gone already needs no leave.
            let _ = self.write_all(b"", TICK);
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

/// Reads what has come of a handshake.
fn hear(tls: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    if tls.read_tls(socket)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match tls.process_new_packets() {
        Ok(_) => Ok(()),
        Err(error) => {
            // The alert tells the other side why.
            let _ = tls.write_tls(socket);
            Err(io::Error::new(ErrorKind::InvalidData, error))
        }
    }
}

/// True for a read or write that gave up for now.
pub fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
