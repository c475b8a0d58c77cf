//! The other side: a client's session.
//!
//! [`Client`] is a [`wire::Session`]: replies go in, commands come out, and questions: open a data
//! connection to this port, move the data, shake hands, what next ([`Ask`]). The driver owns sockets,
//! TLS and files. [`ListingReader`] reads what a folder's listing brings.
//!
//! # Standards
//! RFC 959 (replies §4.2, sequences §5.4), RFC 1123 §4.1, RFC 2389 (FEAT), RFC 2428 (EPSV, EPRT),
//! RFC 2640 (UTF-8), RFC 3659 (SIZE, MDTM, REST, MLST, MLSD), RFC 4217 (AUTH TLS, PBSZ, PROT),
//! draft-somers-ftp-mfxx (MFMT), draft-bryan-ftpext-hash (HASH).
//!
//! # Hostile input
//! A server is not trusted with more than the bytes of its own files:
//! - The address in a 227 is ignored: data connections go to the control connection's peer, and only
//!   the port is the server's to choose. In active mode only that peer is let in (the driver's part).
//! - Every reply and every wait has a limit: lines, lines of a reply, bytes of a reply, time from the
//!   command on, however the bytes trickle. Whatever a server does or leaves undone, each piece of work
//!   ends in [`Done`] or an [`Error`] that says what happened.
//! - Replies that nobody asked for end the session, as no later reply could be matched to its command;
//!   bytes between the reply to AUTH and the handshake end it before anything is sent.
//! - Names in listings are taken only as [`Name`]s, which cannot leave their folder. The words of a
//!   server are made fit for a terminal before they are shown ([`printable`]).

mod address;
mod argument;
mod digest;
mod entry;
mod error;
mod features;
mod inquiry;
mod listing;
mod login;
mod moving;
mod name;
mod reply;
mod session;
mod settings;
mod stamp;
mod work;

pub use argument::{ARGUMENT_LEN_MAX_BYTES, Argument, ArgumentError};
pub use digest::{Algorithm, Digest, Way};
pub use entry::{Entry, Facts, Kind, Modified};
pub use error::{Error, Fault};
pub use features::{FACTS_WANTED, FactsOffered, Features};
pub use listing::{
    Form, Item, LISTING_ENTRIES_MAX, LISTING_LEN_MAX_BYTES, LISTING_LINE_LEN_MAX_BYTES, ListingReader,
    TooManyEntries,
};
pub use name::{NAME_LEN_MAX_BYTES, Name, NameError};
pub use reply::{
    Kind as ReplyKind, REPLY_LINE_LEN_MAX_BYTES, REPLY_LINES_MAX, REPLY_TEXT_LEN_MAX_BYTES, Reply,
    ReplyFault, ReplyReader, printable,
};
pub use session::Client;
pub use settings::{Opens, Password, Settings, Tls};
pub use stamp::Stamp;
pub use work::{Answer, Ask, Content, Direction, Done, Moved, MovedEnd, Server, Store, Transfer, Work};
