//! What a client is told beforehand.

use super::argument::Argument;
use std::fmt;
use std::time::Duration;

/// How TLS is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// AUTH TLS and PROT P, or nothing (RFC 4217).
    Require,
    /// AUTH TLS where the server has it, clear text otherwise.
    Try,
    /// Clear text.
    Off,
    /// The driver has shaken hands before the first byte, as ftps:// has it. PROT P or nothing.
    Implicit,
}

/// Who opens data connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// The client: EPSV, or PASV where that fails.
    Client,
    /// The server: EPRT, or PORT where that is not known.
    Server,
}

/// A password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Vec<u8>);

impl Password {
    /// Checks that no byte of it would end the line. It may be empty.
    ///
    /// # Errors
    /// If it holds a CR, LF or NUL.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Password, super::ArgumentError> {
        let bytes = bytes.into();
        if bytes.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(super::ArgumentError::LineBreak);
        }
        Ok(Password(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a client is told beforehand.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The user's name.
    pub user: Argument,
    /// The password.
    pub password: Password,
    /// How TLS is used.
    pub tls: Tls,
    /// Who opens data connections.
    pub opens: Opens,
    /// True if the control connection's peer has an IPv4 address, so that PASV and PORT can do.
    pub peer_is_ipv4: bool,
    /// What CLNT tells.
    pub client_name: Argument,
    /// How long an answer may take.
    pub reply_timeout: Duration,
    /// How long the last answer after an upload, or a digest, may take: the server may have to sync or
    /// read gigabytes.
    pub long_reply_timeout: Duration,
    /// How long the answers may take that only tidy up after a failed transfer.
    pub abort_timeout: Duration,
}

impl Settings {
    /// The usual: TLS where there is any, data connections opened by the client, answers within a
    /// minute, long ones within ten.
    pub fn new(user: Argument, password: Password) -> Settings {
        let name = concat!("posthouse/", env!("CARGO_PKG_VERSION"));
        Settings {
            user,
            password,
            tls: Tls::Try,
            opens: Opens::Client,
            peer_is_ipv4: true,
            client_name: Argument::new(name).expect("a constant without line breaks"),
            reply_timeout: Duration::from_secs(60),
            long_reply_timeout: Duration::from_secs(600),
            abort_timeout: Duration::from_secs(10),
        }
    }
}
