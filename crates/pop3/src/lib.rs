//! The server side of POP3, free of sockets, stores and clocks.
//!
//! A [`Session`] takes lines and gives replies and questions ([`Ask`]): is this the user's password, open
//! the maildrop, give me this message, remove these. The driver answers ([`Answer`]).
//!
//! ```
//! use pop3::{Ask, Session, Settings};
//! use std::sync::Arc;
//! use wire::{Input, Now, Outputs, Session as _};
//!
//! let settings = Settings::new("mx.example.org").expect("a legal name");
//! let mut session = Session::new(Arc::new(settings), Some(Vec::new())); // TLS is active
//! let (mut input, mut out) = (Input::new(), Outputs::new());
//! session.start(Now::default(), &mut out);
//! assert_eq!(out.take_bytes(), b"+OK mx.example.org POP3 ready\r\n");
//!
//! input.push(b"USER alice\r\nPASS secret\r\nSTAT\r\n");
//! session.input(Now::default(), &mut input, &mut out);
//! assert_eq!(out.take_bytes(), b"+OK Send PASS\r\n");
//! let Some(Ask::Verify { user, password }) = out.take_ask() else { panic!("the check comes first") };
//! assert!(user == "alice" && password.same(b"secret"));
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`command`] | the commands, one row and one file each |
//! | [`maildrop`] | what the outside tells of a maildrop |
//! | [`question`] | questions and answers |
//! | [`octets`] | the form in which messages are sent, and their lengths |
//! | [`settings`] | what the operator decides, and limits |
//! | [`surrogate`](mod@surrogate) | stand-ins for messages with UTF-8 headers |
//!
//! # Standards
//! POP3: RFC 1939. CAPA and response codes: RFC 2449. STLS: RFC 2595 §4; TLS from the start: RFC
//! 8314 §3.3. `[SYS/TEMP]`, `[SYS/PERM]`, `[AUTH]`: RFC 3206. AUTH: RFC 5034. UTF8 and LANG: RFC
//! 6856. APOP (RFC 1939 §7) is left out because it needs passwords stored in the clear and MD5.
//! LAST (RFC 1460) was removed by RFC 1725.
//!
//! # Hostile input
//! Lines are bounded by [`settings::COMMAND_LEN_MAX_BYTES`] (before login, for AUTH,
//! [`settings::AUTH_LINE_LEN_MAX_BYTES`]). Bad commands, failed logins, and commands and time
//! before a login are counted, and end the session ([`settings::Limits`]). Bytes to send are bounded too: a
//! client that pipelines listings and reads nothing is not served until it does ([`Ask::Flush`]).
//! Bytes that came in the clear behind STLS are thrown away. Passwords live in [`sasl::Secret`]s.
//! Nothing a client sends is repeated in a reply.

mod authorization;
pub mod command;
mod login;
pub mod maildrop;
pub mod octets;
pub mod question;
mod refusal;
mod reply;
mod sending;
mod session;
pub mod settings;
pub mod surrogate;
mod transaction;

pub use command::{COMMANDS, Command, Stage};
pub use maildrop::{Maildrop, Message, Token, UniqueId};
pub use octets::{Sizes, canonical, sizes};
pub use question::{Answer, Ask, Commit, Opening, Reading, ScramLookup, Verdict};
pub use session::Session;
pub use settings::{Expire, Limits, Settings, Text};
