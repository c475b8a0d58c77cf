//! Why a transfer did not come to its end.

use super::files::refusal;
use ftp::{Ended, FilesError};
use std::fmt;
use std::io;
use store::StoreError;

/// What cut a transfer off.
#[derive(Debug)]
pub enum Cut {
    /// The data connection did not come up.
    NoConnection(io::ErrorKind),
    /// TLS could not be agreed on.
    Handshake,
    /// The data connection's TLS does not belong to the control connection; `foreign` if it showed a
    /// ticket of another one.
    Unbound {
        /// Whether a ticket of another control connection was shown.
        foreign: bool,
    },
    /// Nothing moved for too long.
    Silent,
    /// The data connection broke, or ended without TLS saying so.
    Broken(io::ErrorKind),
    /// What came cannot be decompressed.
    Undecodable,
    /// It was stopped: by ABOR, by the end of the control connection, by the end of the server.
    Halted,
    /// The store could not give or take the content.
    Store(StoreError),
    /// A question about files on the way had no good answer.
    Files(FilesError),
}

impl Cut {
    /// What an error of the data socket means.
    pub fn of_socket(error: &io::Error) -> Cut {
        match error.kind() {
            // A blocking socket says so when its timeout has passed.
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Cut::Silent,
            kind => Cut::Broken(kind),
        }
    }
}

impl Cut {
    /// What the session is told.
    pub fn ended(&self) -> Ended {
        match self {
            Cut::NoConnection(_) => Ended::NotConnected,
            Cut::Handshake | Cut::Unbound { .. } => Ended::NotProtected,
            Cut::Silent => Ended::TimedOut,
            Cut::Broken(_) => Ended::Broken,
            Cut::Undecodable => Ended::Undecodable,
            Cut::Halted => Ended::Aborted,
            Cut::Store(error) => Ended::Refused(refusal(error)),
            Cut::Files(error) => Ended::Refused(*error),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::NoConnection(kind) => write!(f, "no data connection: {kind}"),
            Cut::Handshake => f.write_str("no TLS on the data connection"),
            Cut::Unbound { foreign: false } => f.write_str("the data connection did not resume TLS"),
            Cut::Unbound { foreign: true } => {
                f.write_str("the data connection showed another session's ticket")
            }
            Cut::Silent => f.write_str("nothing moved for too long"),
            Cut::Broken(kind) => write!(f, "the data connection broke: {kind}"),
            Cut::Undecodable => f.write_str("what came cannot be decompressed"),
            Cut::Halted => f.write_str("stopped"),
            Cut::Store(error) => write!(f, "the store: {error}"),
            Cut::Files(error) => write!(f, "the store: {error:?}"),
        }
    }
}

impl From<StoreError> for Cut {
    fn from(error: StoreError) -> Cut {
        Cut::Store(error)
    }
}
