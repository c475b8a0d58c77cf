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
//! # What is strict, and what is not
//! - No space between `FROM:` or `TO:` and the path, and a path has its brackets (RFC 5321 §3.3):
//!   501. Spaces at the end of a line are forgiven, and underscores in domains.
//! - A parameter comes once (501), and never after HELO (555).
//! - The name in EHLO may be any printable one (RFC 5321 §4.1.4).
//! - DATA or BDAT without a good recipient is 554 5.5.1, out of order 503 5.5.1; what was pipelined
//!   after a refused MAIL does not count as bad commands.
//! - A bare CR or LF in a message is 550 5.5.2 after DATA and 550 5.6.0 after BDAT, NUL 550 5.6.0,
//!   on every service; nothing is mended. Lines over 1000 bytes are taken up to
//!   [`Limits::text_line_len_max_bytes`].
//! - A header section with a line that is no field, or that begins with a space, is 550 5.6.0 on
//!   every service. A message without any header section is taken, and gets an empty one
//!   ([`headers::check`]).
//! - A chunk that is refused is read to its end; where that cannot be, the connection ends.
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

//!
//! # Example
//! ```
//! use smtp::{Answer, Ask, Limits, Refusal, Service, Session, Settings};
//! use wire::{Budget, Input, Now, Outputs, Session as _};
//!
//! let settings = Settings {
//!     hostname: "mx.example.org".into(),
//!     service: Service::Mx,
//!     limits: Limits::default(),
//!     offer_starttls: false,
//!     allow_plaintext_auth: false,
//!     budget: Budget::new(100 << 20),
//! };
//! let now = Now::from_millis(0);
//! let (mut session, mut input, mut out) =
//!     (Session::new(settings.into(), None), Input::new(), Outputs::new());
//! session.start(now, &mut out);
//! assert_eq!(out.take_bytes(), b"220 mx.example.org ESMTP Posthouse\r\n");
//!
//! input.push(b"HELO client.test\r\n");
//! session.input(now, &mut input, &mut out);
//! assert_eq!(out.take_bytes(), b"250 mx.example.org\r\n");
//!
//! input.push(b"MAIL FROM:<someone@nullmx.test>\r\n");
//! session.input(now, &mut input, &mut out);
//! let Some(Ask::Sender(sender)) = out.take_ask() else { panic!("a question is due") };
//! assert_eq!(sender.path.to_string(), "someone@nullmx.test");
//! session.answer(now, Answer::Sender(Err(Refusal::sender_null_mx())), &mut out);
//! assert!(out.take_bytes().starts_with(b"550 5.7.27 "));
//! ```

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
