//! What goes wrong, what is said of it, and the exit code.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a command was not done.
#[derive(Debug)]
pub enum Error {
    /// The command line asks for what cannot be.
    Usage(String),
    /// Something with a file of this machine.
    Local(String),
    /// No connection.
    Connect(String),
    /// TLS: the certificate, or the handshake.
    Tls(String),
    /// The conversation with the server.
    Ftp(ftp::client::Error),
    /// What was moved is not what is there.
    Differs(String),
    /// Some files of many.
    Some {
        /// How many were not done.
        failed: usize,
    },
}

impl Error {
    /// A fault of a file of this machine.
    pub fn local(path: &Path, error: &io::Error) -> Error {
        use std::os::unix::ffi::OsStrExt;
        let path = ftp::client::printable(path.as_os_str().as_bytes());
        Error::Local(format!("{path}: {error}"))
    }

    /// The exit code, as `posthouse ftp --help` lists them.
    pub fn exit_code(&self) -> u8 {
        use ftp::client::Fault;
        match self {
            Error::Usage(_) => 2,
            Error::Local(_) => 1,
            Error::Connect(_) => 7,
            Error::Tls(_) => 5,
            Error::Differs(_) => 8,
            Error::Some { .. } => 9,
            Error::Ftp(error) => match error.fault() {
                Fault::Login => 4,
                Fault::Security => 5,
                Fault::Refusal => 6,
                Fault::Protocol | Fault::Network => 7,
            },
        }
    }

    /// True where a new attempt may do: the network failed, or the server was busy.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Ftp(error) => error.may_pass(),
            Error::Connect(_) => true,
            _ => false,
        }
    }

    /// True if the server says that the path is not there, or not for this user.
    pub fn is_no_such_path(&self) -> bool {
        matches!(self, Error::Ftp(ftp::client::Error::Refused { reply, .. }) if reply.code() == 550)
    }
}

impl From<ftp::client::Error> for Error {
    fn from(error: ftp::client::Error) -> Error {
        Error::Ftp(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text)
            | Error::Local(text)
            | Error::Connect(text)
            | Error::Tls(text)
            | Error::Differs(text) => f.write_str(text),
            Error::Ftp(error) => write!(f, "{error}"),
            Error::Some { failed: 1 } => write!(f, "one file was not done; the line above says why"),
            Error::Some { failed } => write!(f, "{failed} files were not done; the lines above say why"),
        }
    }
}

impl std::error::Error for Error {}
