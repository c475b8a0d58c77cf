//! What a session asks the outside, and what it is told.

use crate::{ForwardPath, Refusal, ReversePath};
use sasl::{ChannelBinding, PendingScram, PendingVerify, Step};
use std::sync::Arc;
use wire::{Now, Share};

/// A question of a session. Each is answered by the [`Answer`] of the same name, but
/// [`Ask::Verify`] and [`Ask::LookUpScram`] both by [`Answer::Login`].
#[derive(Debug)]
pub enum Ask {
    /// May this sender send?
    Sender(Arc<Sender>),
    /// May this recipient be reached?
    Recipient {
        /// The recipient.
        path: ForwardPath,
        /// Who sends.
        sender: Arc<Sender>,
        /// How many recipients were accepted before it.
        accepted: usize,
    },
    /// Send what is to be sent, throw away what arrived before the handshake (RFC 3207 §4.2), then
    /// start TLS.
    StartTls,
    /// Random bytes for one authentication; from a cryptographic source.
    Nonce,
    /// Is that the user's password? [`PendingVerify::resume`] makes the answer.
    Verify(PendingVerify),
    /// What is the user's SCRAM secret? [`PendingScram::resume`] or
    /// [`PendingScram::resume_unknown`] makes the answer.
    LookUpScram(PendingScram),
    /// Take responsibility for this message (RFC 5321 §4.2.5).
    Deliver(Box<Envelope>),
}

/// The answer to the [`Ask`] of the same name.
#[derive(Debug)]
pub enum Answer {
    /// The sender is welcome, or why not.
    Sender(Result<(), Refusal>),
    /// The recipient is accepted; the number comes back as [`Recipient::token`]. Or why not.
    Recipient(Result<u64, Refusal>),
    /// TLS is on. If the handshake fails, the connection ends without an answer.
    StartTls(TlsFacts),
    /// Random bytes, never used before.
    Nonce([u8; 18]),
    /// What follows from the check or the look-up; or why it could not be made, such as
    /// 454 4.7.0 (RFC 4954 §6) while the accounts cannot be reached.
    Login(Result<Step, Refusal>),
    /// The message is safe, or why not. LMTP recipients can differ within [`Delivered`].
    Deliver(Result<Delivered, Refusal>),
}

/// Who sends a message and what was said of it beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Where failures go.
    pub path: ReversePath,
    /// The account that logged in, if one did.
    pub authenticated: Option<Arc<str>>,
    /// The size that the client announced, in bytes (RFC 1870 §6).
    pub size_bytes: Option<u64>,
    /// The message or its addresses need SMTPUTF8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// The client announced 8-bit text (RFC 6152 §3).
    pub body_8bit: bool,
}

/// An accepted recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address as the client gave it.
    pub path: ForwardPath,
    /// What the answer to [`Ask::Recipient`] said.
    pub token: u64,
}

/// What is known of a connection's TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFacts {
    /// Version and cipher in words, for the `Received` field (RFC 8314 §4.3).
    pub description: String,
    /// What an authentication can be bound to (RFC 9266, RFC 5929).
    pub bindings: Vec<ChannelBinding>,
}

/// A message with all that is needed to deliver it and to write its `Received` field.
#[derive(Debug)]
pub struct Envelope {
    /// Who sends.
    pub sender: Arc<Sender>,
    /// Who receives, in the order of acceptance, at least one.
    pub recipients: Vec<Recipient>,
    /// The name that the client gave in HELO, EHLO or LHLO: printable ASCII, not verified.
    pub hello: Box<str>,
    /// The value of `with` in the `Received` field (RFC 3848, RFC 6531 §4.3), such as `ESMTPSA`.
    pub protocol: &'static str,
    /// What is known of the connection's TLS; `None` without.
    pub tls: Option<Arc<TlsFacts>>,
    /// The message: CRLF line ends only, no NUL, header section first and well-formed, so that
    /// header fields can be put in front of it as they are.
    pub body: Vec<u8>,
    /// The part of the budget that covers `body`; drop it when the body is gone.
    pub share: Share,
}

/// A message is safe on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivered {
    /// The name under which it can be traced; it stands in the reply.
    pub id: String,
    /// For LMTP, one result per recipient in their order (RFC 2033 §4.2); those missing at the end
    /// count as delivered. Of no meaning for SMTP.
    pub results: Vec<Result<(), Refusal>>,
}

/// A refusal that the session made by itself, for the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When it was.
    pub when: Now,
    /// Who sends, if that was known.
    pub sender: Option<Arc<Sender>>,
    /// Whom it keeps the mail from: the recipient of a refused RCPT, or all of a message that was refused or cut short.
    /// Empty where the transaction goes on without loss.
    pub recipients: Vec<ForwardPath>,
    /// What the client said, if the refusal was of MAIL or RCPT: at most
    /// [`REPLY_TEXT_LEN_MAX_BYTES`](crate::reply::REPLY_TEXT_LEN_MAX_BYTES) of printable ASCII.
    pub command: Option<String>,
    /// What was said to the client.
    pub reply: Refusal,
}
