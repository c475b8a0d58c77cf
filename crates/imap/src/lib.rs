//! IMAP4rev1 and IMAP4rev2, server side: the grammar of commands, the states of a session, message
//! sets, search trees, mailbox names and the writing of responses.
//!
//! A [`Session`] takes bytes and a clock value, and hands out [`Ask`]s: check this password, start
//! TLS, carry out this [`command::Command`]. Whoever carries a command out writes its untagged
//! responses with the functions of [`response`] and then gives an [`Answer`]; the session writes
//! the tagged line.
//!
//! | module | what it knows |
//! |---|---|
//! | [`command`] | the commands: a row and a file each, their arguments as types |
//! | [`response`] | writing every response |
//! | [`mailbox`], [`utf7`], [`pattern`] | names of mailboxes, their encodings, LIST patterns |
//! | [`set`], [`seqmap`] | sets of message numbers; which sequence number is which UID |
//! | [`search`] | search trees and their evaluation |
//! | [`flag`], [`date`] | flags and keywords; dates |
//! | [`cursor`] | the lexical forms that all commands share |
//! | [`error`], [`limits`] | why a command is refused; what a session may cost |
//!
//! ```
//! use imap::{Session, Settings, TlsState};
//! use wire::{Budget, Input, Now, Outputs, Session as _};
//!
//! let mut session = Session::new(Settings {
//!     hostname: "mx.example.org".into(),
//!     tls: TlsState::Active,
//!     bindings: Vec::new(),
//!     allow_plaintext: false,
//!     message_max_bytes: 50_000_000,
//!     budget: Budget::new(500_000_000),
//! });
//! let (mut input, mut out) = (Input::new(), Outputs::new());
//! session.start(Now::from_millis(0), &mut out);
//! assert!(out.take_bytes().starts_with(b"* OK [CAPABILITY IMAP4rev1 IMAP4rev2 "));
//! input.push(b"a1 SELECT INBOX\r\n");
//! session.input(Now::from_millis(5), &mut input, &mut out);
//! assert_eq!(out.take_bytes(), b"a1 BAD Command is only valid after login\r\n");
//! ```
//!
//! # Standards
//! RFC 3501 and RFC 9051 (base); RFC 2177 IDLE; RFC 2342 NAMESPACE; RFC 2971 ID; RFC 3348 CHILDREN;
//! RFC 3516 BINARY; RFC 3691 UNSELECT; RFC 4315 UIDPLUS; RFC 4731 ESEARCH; RFC 4959 SASL-IR; RFC
//! 5161 ENABLE; RFC 5182 SEARCHRES; RFC 5258 LIST-EXTENDED; RFC 5530 response codes; RFC 5819
//! LIST-STATUS; RFC 6154 SPECIAL-USE; RFC 6851 MOVE; RFC 7162 CONDSTORE; RFC 7888 LITERAL+; RFC 8438
//! STATUS=SIZE.
//!
//! # Hostile input
//! Before login a command is at most [`limits::COMMAND_BEFORE_LOGIN_MAX_BYTES`] long and needs no
//! recursion to be read; time and wrong commands are counted. After login literals are bounded by
//! kind, share one allowance of memory ([`wire::Budget`]) and every list, set and nesting has a
//! limit of its own in [`limits`]. What a client sends comes back only as its tag and as section
//! names, both of restricted characters.

mod capability;
pub mod command;
pub mod cursor;
pub mod date;
pub mod error;
pub mod flag;
pub mod limits;
pub mod mailbox;
pub mod pattern;
pub mod response;
pub mod search;
pub mod seqmap;
mod session;
pub mod set;
pub mod utf7;

pub use capability::{EXTENSIONS, Extension, Offered};
pub use cursor::{Dialect, Numbering, Tag};
pub use session::{
    Answer, Ask, Change, Enabled, Opened, Outcome, Run, SaslAnswer, Session, Settings, TlsState,
};
