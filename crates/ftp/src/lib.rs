//! FTP, free of sockets, stores and clocks.
//!
//! # Standards
//! FTP: RFC 959.
//!
//! # Hostile input
//! Lines are bounded by [`settings::COMMAND_LEN_MAX_BYTES`].

pub mod ascii;
pub mod ask;
pub mod client;
pub mod listing;
pub mod path;
pub mod pattern;
mod session;
pub mod settings;
pub mod timestamp;

pub use ask::{
    Action, Answer, Ask, ByteRange, DataConnection, Ended, FilesAnswer, FilesAsk, FilesError, HashAlgorithm,
    Listen, LoggedIn, Placing, Ready, Representation, Route, Target, Transfer,
};
pub use path::{PathError, VirtualPath};
pub use pattern::Pattern;
pub use session::ServerSession;
pub use settings::{DataBinding, Limits, PlainLogins, Profile, Settings, Text};
