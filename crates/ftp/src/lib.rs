//! FTP, both sides, free of sockets, stores and clocks.
//!
//! A [`ServerSession`] takes lines and gives replies and questions ([`Ask`]): is this the user's password,
//! what is at this path, may this file be stored. The driver answers ([`Answer`]). A transfer is let begin by
//! an answer and told to be over by [`ServerSession::transfer_ended`]; its bytes never pass through here, but
//! for what [`ascii`] and [`listing`] make of them.
//!
//! ```
//! use ftp::{Answer, Ask, LoggedIn, Profile, ServerSession, Settings};
//! use std::sync::Arc;
//! use wire::{Input, Now, Outputs, Session as _};
//!
//! let settings = Settings::new("ftp.example.org").expect("a legal name");
//! let client = "192.0.2.1".parse().expect("an address");
//! let mut session = ServerSession::new(Arc::new(settings), client, true); // TLS is active
//! let (mut input, mut out) = (Input::new(), Outputs::new());
//! session.start(Now::default(), &mut out);
//! assert_eq!(out.take_bytes(), b"220 ftp.example.org FTP ready\r\n");
//!
//! input.push(b"USER alice\r\nPASS secret\r\nPWD\r\n");
//! session.input(Now::default(), &mut input, &mut out);
//! assert_eq!(out.take_bytes(), b"331 Password, please.\r\n");
//! let Some(Ask::LogIn { user, password, .. }) = out.take_ask() else { panic!("the check comes first") };
//! assert!(user == "alice" && password.same(b"secret"));
//!
//! session.answer(Now::default(), Answer::LoggedIn(LoggedIn::Accepted(Profile::default())), &mut out);
//! assert_eq!(out.take_bytes(), b"230 Logged in.\r\n257 \"/\" is the current directory.\r\n");
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`address`] | the addresses of PORT and EPRT |
//! | [`ascii`] | text on the wire and in files |
//! | [`ask`] | questions and answers |
//! | [`client`] | the other side: sessions, replies and listings of servers |
//! | [`command`] | the commands, one row and one file each |
//! | [`listing`] | lines of LIST, NLST, MLSD |
//! | [`path`] | absolute paths in normal form |
//! | [`pattern`] | `*` and `?` |
//! | [`settings`] | what the operator decides, and limits |
//! | [`timestamp`] | times on the wire |
//!
//! # Standards
//! FTP: RFC 959, with RFC 1123 §4.1. Older names of commands: RFC 775. FEAT and OPTS: RFC 2389. EPRT and
//! EPSV: RFC 2428. UTF-8 and LANG: RFC 2640. MDTM, SIZE, REST, TVFS, MLST: RFC 3659. AUTH, PBSZ, PROT: RFC
//! 2228, RFC 4217. HOST: RFC 7151. MFMT, HASH, RANG, AVBL, CLNT, CSID and MODE Z are drafts or habits, of
//! which RFC 5797 lists some. What holds against abuse: RFC 2577.
//!
//! # Hostile input
//! Lines are bounded by [`settings::COMMAND_LEN_MAX_BYTES`]; a line that never ends ends the session. Bad
//! commands, failed logins, and commands and time before a login are counted ([`settings::Limits`]). What
//! waits for the end of a transfer is bounded ([`settings::WAITING_MAX_BYTES`]), and so are bytes to send
//! ([`Ask::Flush`]). Bytes in the clear behind AUTH end the session. First words of HTTP and SSH and the
//! first byte of TLS end it too, so that no browser can be made to speak FTP. Active data connections go to
//! the control connection's peer alone, port 1024 and above. Paths are resolved here, in text: none leads
//! above the root ([`VirtualPath`]). Patterns cost linear space and bounded time ([`Pattern`]). Passwords live
//! in [`sasl::Secret`]s. Of what a client sends only paths are repeated, and those hold no line ends.

pub mod address;
pub mod ascii;
pub mod ask;
pub mod client;
pub mod command;
pub mod listing;
pub mod path;
pub mod pattern;
mod refusal;
mod reply;
mod session;
pub mod settings;
mod state;
mod telnet;
pub mod timestamp;
mod waiting;

pub use ask::{
    Action, Answer, Ask, ByteRange, DataConnection, Ended, FilesAnswer, FilesAsk, FilesError, HashAlgorithm,
    Haste, Listen, LoggedIn, Placing, Ready, Representation, Route, Target, Transfer,
};
pub use command::{COMMANDS, Command};
pub use path::{PathError, VirtualPath};
pub use pattern::Pattern;
pub use session::ServerSession;
pub use settings::{DataBinding, Limits, PlainLogins, Profile, Settings, Text};
