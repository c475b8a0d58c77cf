//! Why an authentication did not succeed, sorted by whose fault it is.

use std::fmt;

/// How an exchange ended without a user. Protocol crates make their replies from this; SMTP's
/// (RFC 4954 §4, §6) are named as examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The client sent what the mechanism's grammar does not allow. 501 5.5.2, IMAP BAD.
    Malformed(Malformed),
    /// A response longer than `limit_bytes` of base64. 500 5.5.6.
    TooLong {
        /// The limit that was passed, in bytes.
        limit_bytes: usize,
    },
    /// The client sent `*` (RFC 4954 §4, RFC 9051 §6.2.2, RFC 5034 §4). 501 5.7.0, IMAP BAD.
    Cancelled,
    /// Right grammar, but not let in. 535 5.7.8, IMAP `NO [AUTHENTICATIONFAILED]`.
    ///
    /// What exactly was wrong is for logs; clients must not be told more than that it failed.
    Refused(Refusal),
}

/// What was wrong with a message of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Not base64 as RFC 4648 §4 writes it: alphabet, padding or stray bits.
    Base64,
    /// Text that is not UTF-8.
    Utf8,
    /// Fields are missing, too many, in the wrong order or empty where they may not be.
    Fields,
    /// A user name that is empty, too long, or holds characters that preparation prohibits
    /// (RFC 4013 §2.3) or a wrong `=` escape (RFC 5802 §5.1).
    User,
    /// A password that is empty or holds NUL, or is longer than
    /// [`PASSWORD_LEN_MAX_BYTES`](crate::limits::PASSWORD_LEN_MAX_BYTES).
    Password,
    /// A nonce with characters outside of the printable ones, or too long.
    Nonce,
    /// A mandatory extension `m=` (RFC 5802 §5.1): none is known, so that all are refused.
    Extension,
    /// A response to a challenge that asks for none was not empty.
    NotEmpty,
}

/// Why a well-formed exchange was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such user, or not that password.
    Credentials,
    /// The client asked to act as somebody other than who it proved to be.
    Authorization,
    /// The client believes that we cannot bind to the channel although we offered it: somebody
    /// in between took the offer away (RFC 5802 §6).
    Downgrade,
    /// The client bound to another channel than ours, or in another way than offered: somebody
    /// in between answers for us (RFC 5802 §6).
    ChannelBinding,
    /// The nonce of the final message is not the one of this exchange.
    Nonce,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Malformed(what) => write!(f, "malformed response: {what}"),
            Failure::TooLong { limit_bytes } => write!(f, "response longer than {limit_bytes} bytes"),
            Failure::Cancelled => f.write_str("cancelled by the client"),
            Failure::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::Base64 => "not base64",
            Malformed::Utf8 => "not UTF-8",
            Malformed::Fields => "fields missing or out of order",
            Malformed::User => "unacceptable user name",
            Malformed::Password => "unacceptable password",
            Malformed::Nonce => "unacceptable nonce",
            Malformed::Extension => "unknown mandatory extension",
            Malformed::NotEmpty => "the last response must be empty",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Credentials => "wrong user or password",
            Refusal::Authorization => "acting as another user is not allowed",
            Refusal::Downgrade => "the offer of channel binding did not reach the client",
            Refusal::ChannelBinding => "bound to another channel",
            Refusal::Nonce => "the nonce is not of this exchange",
        })
    }
}

impl std::error::Error for Failure {}

impl From<Malformed> for Failure {
    fn from(what: Malformed) -> Failure {
        Failure::Malformed(what)
    }
}

impl From<Refusal> for Failure {
    fn from(why: Refusal) -> Failure {
        Failure::Refused(why)
    }
}
