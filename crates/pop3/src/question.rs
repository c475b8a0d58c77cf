//! What a session asks the outside, and the answers.

use crate::maildrop::{Maildrop, Token};
use sasl::{ChannelBinding, Failure, ScramSecret, Secret, ServerNonce};
use std::sync::Arc;

/// A question. Each variant names the [`Answer`] it takes; any other ends the session with
/// `-ERR [SYS/TEMP]`.
#[derive(Debug)]
pub enum Ask {
    /// Send what there is, then say [`Answer::Flushed`]: more is to come, but it is not written
    /// before there is room for it.
    Flush,
    /// Start TLS once all is sent, throwing away what arrived before the handshake (RFC 2595 §4).
    /// [`Answer::TlsStarted`] or [`Answer::TlsFailed`].
    StartTls,
    /// Fresh randomness for one AUTH exchange: [`Answer::Nonce`].
    Nonce,
    /// Is this the user's password, prepared or not (RFC 6856 §2.2)? [`sasl::password::verify`] tells.
    /// [`Answer::Verified`].
    Verify {
        /// The name in the spelling of [`sasl::prepare::user`].
        user: String,
        /// What the client gave as the password.
        password: Secret,
    },
    /// The SCRAM secret of this user: [`Answer::Scram`].
    ScramSecret {
        /// The name in the spelling of [`sasl::prepare::user`].
        user: String,
    },
    /// An exchange ended without a user in a way that the outside has not seen, such as a wrong
    /// SCRAM proof: to be counted against guessing. [`Answer::Noted`] when the client may be told.
    LoginFailed {
        /// Who the client claimed to be, where it came to that.
        user: Option<String>,
        /// What was wrong, for the log; the client is not told.
        failure: Failure,
    },
    /// The user is authenticated: lock the maildrop (RFC 1939 §4) and read its list.
    /// [`Answer::Maildrop`].
    ///
    /// The lock belongs to the connection from the answer until [`Ask::Commit`] is answered, or
    /// until the connection ends in any other way: then nothing is deleted, and the driver
    /// releases the lock.
    OpenMaildrop {
        /// The name in the spelling of [`sasl::prepare::user`].
        user: String,
    },
    /// The content of a message for RETR: [`Answer::Content`].
    Retrieve {
        /// Which one.
        token: Token,
    },
    /// The beginning of a message for TOP: [`Answer::Content`] with at least the header and so
    /// many lines of the body; more is cut off. Must not count as reading the message.
    Top {
        /// Which one.
        token: Token,
        /// How many lines of the body are needed at least.
        lines: u64,
    },
    /// QUIT: remove these messages for good and release the lock (RFC 1939 §6). Asked in no other
    /// case, and with an empty list too, so that the next login finds the lock released.
    /// [`Answer::Committed`].
    Commit {
        /// The messages that were marked.
        deleted: Vec<Token>,
    },
}

/// The answer to the open [`Ask`].
#[derive(Debug)]
pub enum Answer {
    /// All bytes are with the peer's side of the connection.
    Flushed,
    /// TLS is active, with the channel bindings that this end can compute.
    TlsStarted(Vec<ChannelBinding>),
    /// The handshake failed.
    TlsFailed,
    /// 18 random bytes made into a nonce.
    Nonce(ServerNonce),
    /// The result of checking a password.
    Verified(Verdict),
    /// The result of looking up a SCRAM secret.
    Scram(ScramLookup),
    /// The failure was counted.
    Noted,
    /// The result of opening a maildrop.
    Maildrop(Opening),
    /// The result of reading a message.
    Content(Reading),
    /// The result of the UPDATE state.
    Committed(Commit),
}

/// The result of checking a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password of that user.
    Accepted,
    /// No such user, or not that password: indistinguishable to the client.
    Rejected,
    /// It could not be checked now.
    Unavailable,
}

/// The result of looking up a SCRAM secret.
#[derive(Debug)]
pub enum ScramLookup {
    /// The user's secret.
    Found(ScramSecret),
    /// No such user, or none with such a secret. The installation's constant random bytes make an
    /// exchange that looks like any other.
    Unknown([u8; 32]),
    /// It could not be looked up now.
    Unavailable,
}

/// The result of opening a maildrop.
#[derive(Debug)]
pub enum Opening {
    /// It is locked, and this is its list.
    Opened(Maildrop),
    /// Another session holds the lock and is alive (`[IN-USE]`, RFC 2449 §8.1.2).
    InUse,
    /// The last login is too recent (`[LOGIN-DELAY]`, RFC 2449 §8.1.1).
    LoginDelay,
    /// The account may not use POP3; only the operator can change that (`[SYS/PERM]`, RFC 3206 §4).
    Disabled,
    /// The store does not answer now (`[SYS/TEMP]`, RFC 3206 §4).
    Unavailable,
}

/// The result of reading a message.
#[derive(Debug)]
pub enum Reading {
    /// Its bytes, unstuffed, lines ended by CRLF. If the last line is not ended, it is sent as if
    /// it were.
    Bytes(Arc<Vec<u8>>),
    /// It was removed by other means since the maildrop was opened.
    Gone,
    /// It could not be read now.
    Unavailable,
}

/// The result of the UPDATE state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// All marked messages are removed and that is on disk.
    Done,
    /// Some or all of them are still there (RFC 1939 §6).
    Failed,
}
