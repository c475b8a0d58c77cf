//! What goes wrong, sorted by whose fault it is.

use super::reply::{Reply, ReplyFault};
use super::work::MovedEnd;
use std::fmt;

/// Why work was not done, or the session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The server said no to a command; the session goes on.
    Refused {
        /// The command.
        verb: &'static str,
        /// Its words.
        reply: Reply,
    },
    /// The server took the connection but not the login.
    LoginRefused(Reply),
    /// The server wants an account beside user and password (332), which nobody has used for decades.
    AccountWanted(Reply),
    /// TLS was required and the server has none.
    TlsNotOffered(Reply),
    /// TLS was required and the server will not protect data connections.
    ProtectionRefused(Reply),
    /// The handshake on the control connection failed; the driver knows why.
    HandshakeFailed,
    /// Bytes came in clear behind the reply after which TLS starts: somebody between the two ends
    /// put them there.
    InjectedBeforeTls,
    /// The server closes the connection (421).
    Closing(Reply),
    /// The server broke the form of replies.
    BadReply(ReplyFault),
    /// A reply that does not fit what was asked.
    Unexpected {
        /// What was asked.
        verb: &'static str,
        /// What came.
        reply: Reply,
    },
    /// A reply to nothing: from here on no reply could be trusted to belong to its command.
    Unasked,
    /// A 227, 229, 213 or 250 whose contents cannot be read.
    Unreadable {
        /// What was asked.
        verb: &'static str,
        /// What came.
        reply: Reply,
    },
    /// No reply within the time allowed.
    Silent {
        /// What was asked.
        verb: &'static str,
    },
    /// The connection was closed in the midst of something.
    Lost {
        /// What was asked.
        verb: &'static str,
    },
    /// The data connection failed.
    Data {
        /// The command it belonged to.
        verb: &'static str,
        /// How it ended.
        end: MovedEnd,
        /// How many bytes had been moved.
        bytes: u64,
        /// What the server said of it, if it did.
        reply: Option<Reply>,
    },
    /// No data connection could be opened to the port that the server named.
    NoDataConnection {
        /// What was asked.
        verb: &'static str,
    },
    /// The server does not offer what would be needed.
    NotOffered(&'static str),
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server refused, as it may.
    Refusal,
    /// Name or password are wrong.
    Login,
    /// TLS.
    Security,
    /// The server does not keep to the protocol.
    Protocol,
    /// The network between.
    Network,
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Refused { .. } | Error::NotOffered(_) | Error::Closing(_) => Fault::Refusal,
            Error::LoginRefused(_) | Error::AccountWanted(_) => Fault::Login,
            Error::TlsNotOffered(_)
            | Error::ProtectionRefused(_)
            | Error::HandshakeFailed
            | Error::InjectedBeforeTls => Fault::Security,
            Error::BadReply(_) | Error::Unexpected { .. } | Error::Unasked | Error::Unreadable { .. } => {
                Fault::Protocol
            }
            Error::Silent { .. } | Error::Lost { .. } | Error::NoDataConnection { .. } => Fault::Network,
            Error::Data { .. } => Fault::Network,
        }
    }

    /// True where the same may work a little later: the network failed, or the server said 4yz.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Refused { reply, .. } => (400..500).contains(&reply.code()),
            Error::Closing(_) => true,
            error => error.fault() == Fault::Network,
        }
    }
}

/// One sentence without its end: what happened, and where there is a way out, which.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused { verb, reply } => write!(f, "the server refused {verb}: {reply}"),
            Error::LoginRefused(reply) => write!(f, "the server refused the login: {reply}"),
            Error::AccountWanted(reply) => {
                write!(f, "the server wants an account (ACCT) beside user and password: {reply}")
            }
            Error::TlsNotOffered(reply) => write!(
                f,
                "the server has no TLS, and nothing was sent in clear: {reply} (--tls off goes without)"
            ),
            Error::ProtectionRefused(reply) => {
                write!(f, "the server will not encrypt data connections: {reply}")
            }
            Error::HandshakeFailed => write!(f, "the TLS handshake failed"),
            Error::InjectedBeforeTls => {
                write!(
                    f,
                    "bytes in clear came between AUTH TLS and the handshake: somebody tampers with the connection"
                )
            }
            Error::Closing(reply) => write!(f, "the server closes the connection: {reply}"),
            Error::BadReply(fault) => write!(f, "the server does not speak FTP as it should: {fault}"),
            Error::Unexpected { verb, reply } => {
                write!(f, "the server answered {verb} with what does not fit: {reply}")
            }
            Error::Unasked => {
                write!(f, "the server sent a reply to nothing, so none can be trusted any more")
            }
            Error::Unreadable { verb, reply } => {
                write!(f, "the server's answer to {verb} cannot be read: {reply}")
            }
            Error::Silent { verb } => write!(f, "the server did not answer {verb} in time"),
            Error::Lost { verb } => {
                write!(f, "the connection was lost while waiting for the answer to {verb}")
            }
            Error::Data { verb, end, bytes, reply } => {
                write!(f, "the data connection of {verb} {end} after {bytes} bytes")?;
                reply.as_ref().map_or(Ok(()), |reply| write!(f, ", and the server says: {reply}"))
            }
            Error::NoDataConnection { verb } => write!(
                f,
                "no data connection for {verb}: the port that the server named cannot be reached \
                 (a firewall? --active turns the direction round)"
            ),
            Error::NotOffered(what) => write!(f, "the server does not offer {what}"),
        }
    }
}

impl std::error::Error for Error {}
