//! Server sessions of SMTP, mail submission and LMTP: bytes and the time in, replies and questions
//! out. Nothing here knows sockets, TLS, storage or the DNS: a [`Session`] asks ([`Ask`]) and is
//! told ([`Answer`]).
//!
//! | module | what it knows |
//! |---|---|
//! | [`session`] | the states, and how input, answers and time move them |
//! | [`command`] | one row and one file per command |
//! | [`address`] | paths, mailboxes, domains and literals |
//! | [`headers`] | the shape of a header section, as far as it decides acceptance |
//! | [`limits`] | every limit, with its reason |
//! | [`ask`] | questions and answers |
//! | [`reply`] | refusals and how replies are written |
//!
//! # Standards
//! SMTP: RFC 5321. Submission: RFC 6409, RFC 8314. LMTP: RFC 2033. PIPELINING: RFC 2920. SIZE:
//! RFC 1870. 8BITMIME: RFC 6152. SMTPUTF8: RFC 6531. ENHANCEDSTATUSCODES: RFC 2034, RFC 3463,
//! RFC 5248. STARTTLS: RFC 3207. AUTH: RFC 4954. CHUNKING: RFC 3030. LIMITS: RFC 9422.
//! Not offered, and their parameters refused with 555 5.5.4: DSN, BINARYMIME, REQUIRETLS. Without
//! BINARYMIME the rules of text hold in chunks too.
//!
//! # Hostile input
//! A stranger on port 25 can send anything. Lines end with CRLF; any bare CR, bare LF or NUL in a
//! command is refused (and a bare LF ends the connection on port 25), in a message it refuses the
//! message after its true end, on every service (RFC 5321 §2.3.8, §4.1.1.4). Commands that must be
//! the last of a pipelined group (RFC 2920 §3.1) end the connection when bytes follow them before
//! the reply: before STARTTLS such bytes are an injection, elsewhere a cross-protocol attack or a
//! client that does not listen. Paths are parsed once into types that hold no control character.
//! Messages grow under a budget that all sessions share, and time, pace, commands, errors, guesses
//! and logins are limited ([`Limits`]).

pub mod address;
pub mod ask;
mod body;
pub mod command;
mod error;
pub mod headers;
pub mod limits;
mod params;
pub mod reply;
pub mod session;
pub mod settings;

pub use address::{Domain, ForwardPath, Host, LocalPart, Mailbox, PathError, ReversePath};
pub use ask::{Answer, Ask, Delivered, Envelope, Note, Recipient, Sender, TlsFacts};
pub use limits::Limits;
pub use reply::Refusal;
pub use session::Session;
pub use settings::{Service, Settings};
