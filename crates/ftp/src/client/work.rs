//! What a client is told to do, what it asks for on the way, and what comes of it.

use super::argument::Argument;
use super::digest::Digest;
use super::entry::Facts;
use super::error::Error;
use super::features::Features;
use super::listing::Form;
use super::reply::Reply;
use super::stamp::Stamp;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU16;

/// One piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Fetch a file (RETR), from byte `from` on (REST), and no more than `max_bytes` of it.
    Retrieve {
        /// The file.
        path: Argument,
        /// The first byte wanted.
        from: u64,
        /// How many are wanted; nothing for all. The connection is cut behind them, as FTP has no
        /// other way to say it.
        max_bytes: Option<u64>,
    },
    /// Send a file.
    Store {
        /// The file.
        path: Argument,
        /// What becomes of one that is there.
        how: Store,
    },
    /// List a folder: by MLSD, or LIST where that is not known.
    List {
        /// The folder.
        path: Argument,
    },
    /// Find out what a path is: by MLST, or SIZE, MDTM and CWD.
    Look {
        /// The path.
        path: Argument,
    },
    /// Ask how much of a file is there (SIZE): servers that keep the part of a broken upload tell it here,
    /// and nowhere else. Answered by [`Done::Facts`].
    Size {
        /// The file.
        path: Argument,
    },
    /// Ask for a file's digest.
    Digest {
        /// The file.
        path: Argument,
    },
    /// MKD.
    MakeFolder(Argument),
    /// RMD.
    RemoveFolder(Argument),
    /// DELE.
    Delete(Argument),
    /// RNFR and RNTO.
    Rename {
        /// The present name.
        from: Argument,
        /// The new one.
        to: Argument,
    },
    /// Set the time of last change: MFMT, or MDTM with two parameters.
    SetModified {
        /// The file.
        path: Argument,
        /// The time.
        at: Stamp,
    },
    /// QUIT, and the end.
    Quit,
}

/// What becomes of a file that is there when one is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// It is replaced (STOR).
    Replace,
    /// Its first bytes, so many, stay, and what is sent follows them (REST and STOR).
    From(u64),
    /// What is sent is added to it (APPE).
    Append,
}

/// What is asked of the driver.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// Shake hands on the control connection. Answered by [`Answer::Handshake`].
    StartTls,
    /// Open a data connection to the address of the control connection's peer, at this port. A data
    /// connection that is open and was not used is dropped. Answered by [`Answer::Connected`].
    Connect {
        /// The port.
        port: NonZeroU16,
    },
    /// Listen for one data connection on the control connection's own address, to be accepted from
    /// its peer's address only. Answered by [`Answer::Listening`].
    Listen,
    /// Move the data. While it does, the driver keeps an eye on the control connection where the data
    /// rests ([`Client::refuses`](super::Client::refuses)). Answered by [`Answer::Moved`].
    Transfer(Transfer),
    /// What next? With what came of the work before; after the login of the login. Data connections
    /// that are open are dropped. Answered by [`Answer::Do`].
    Next(Result<Done, Error>),
    /// Nothing more: the connection is closed. Needs no answer.
    Ended(Option<Error>),
}

/// How data is to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Towards the server or from it.
    pub direction: Direction,
    /// True if the data connection begins with a TLS handshake, resuming the control connection's.
    pub protected: bool,
    /// What the bytes are.
    pub content: Content,
    /// Stop after so many bytes, and say [`MovedEnd::Enough`].
    pub max_bytes: Option<u64>,
}

/// Which way data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the server.
    Receive,
    /// To the server.
    Send,
}

/// What the bytes of a data connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File,
    /// A listing, to be read by [`ListingReader`](super::ListingReader).
    Listing(Form),
}

/// Answers to the questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Whether the handshake went well.
    Handshake(bool),
    /// Whether the data connection stands.
    Connected(bool),
    /// Where it listens; nothing if it cannot.
    Listening(Option<SocketAddr>),
    /// What came of the transfer.
    Moved(Moved),
    /// The next piece of work.
    Do(Work),
}

/// What came of a transfer, as the driver saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// How many bytes went through.
    pub bytes: u64,
    /// How it ended.
    pub end: MovedEnd,
}

/// How a data connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovedEnd {
    /// In order: the sender has sent all and closed; under TLS with close_notify.
    Complete,
    /// All that was wanted has come, and the driver closed it.
    Enough,
    /// It never stood: nobody connected, or the TLS handshake on it failed.
    Unopened,
    /// It broke: reset, or under TLS ended without close_notify.
    Cut,
    /// Nothing moved for longer than allowed, and the driver closed it.
    Stalled,
    /// [`Client::refuses`](super::Client::refuses) said that the server has given up.
    GivenUp,
    /// The driver closed it for a reason of its own (the disk is full).
    Cancelled,
}

impl fmt::Display for MovedEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MovedEnd::Complete => "ended in order",
            MovedEnd::Enough => "was closed",
            MovedEnd::Unopened => "was never made",
            MovedEnd::Cut => "was cut",
            MovedEnd::Stalled => "stood still too long",
            MovedEnd::GivenUp => "was given up by the server",
            MovedEnd::Cancelled => "was closed from here",
        })
    }
}

/// What came of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Logged in.
    Ready(Box<Server>),
    /// So many bytes of a file were moved, and the server agrees.
    Moved(u64),
    /// The listing went through whole.
    Listed,
    /// What the path is.
    Facts(Facts),
    /// The file's digest.
    Digest(Digest),
    /// It was done; the server's words.
    Said(Reply),
}

/// What is known of a server after the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its greeting.
    pub greeting: Reply,
    /// What it can do.
    pub features: Features,
    /// True if the control connection is under TLS.
    pub secure: bool,
    /// True if data connections are under TLS.
    pub protected: bool,
    /// The folder in which the session begins, if the server tells (PWD).
    pub home: Option<Argument>,
}
