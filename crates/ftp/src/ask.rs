//! What a session asks of the outside, and the answers.

use crate::listing::{Entry, Format};
use crate::path::VirtualPath;
use crate::pattern::Pattern;
use crate::settings::{DataBinding, Profile};
use sasl::Secret;
use std::net::SocketAddr;

/// A question to the outside. One is open at a time, and each is answered soon: what takes as long as
/// a transfer is begun by a question and ended by
/// [`ServerSession::transfer_ended`](crate::ServerSession::transfer_ended).
#[derive(Debug)]
pub enum Ask {
    /// Send what is to be sent, then [`Answer::Done`].
    Flush,
    /// Shake hands on the control connection, once what is to be sent is sent: [`Answer::TlsStarted`],
    /// or drop the connection. Whoever was logged in no longer is, and a waiting data listener closes
    /// (RFC 4217 §4). The certificate is that of `host` if HOST named one (RFC 7151 §3.3).
    StartTls {
        /// The name that HOST gave, in lower case.
        host: Option<String>,
    },
    /// HOST: is this name served here, and does it go with the name of the TLS handshake, if there was
    /// one? [`Answer::Host`].
    Host {
        /// In lower case; a name, or an address in brackets as RFC 7151 §3.1 writes it.
        host: String,
    },
    /// CLNT, CSID: what the client calls itself, for the log. [`Answer::Done`].
    Called {
        /// Printable ASCII, at most 100 bytes.
        name: String,
    },
    /// USER without TLS: are there accounts that may log in so, among which the name might be?
    /// [`Answer::MayLogInPlain`], which must not depend on whether the account is there or may: that
    /// is found out, at equal cost, at [`Ask::LogIn`]. Asked only with
    /// [`PlainLogins::Devices`](crate::PlainLogins::Devices).
    MayLogInPlain {
        /// The name, in the spelling of [`sasl::prepare::user`].
        user: String,
        /// What HOST said.
        host: Option<String>,
    },
    /// PASS: is that the password? [`Answer::LoggedIn`].
    LogIn {
        /// The name, in the spelling of [`sasl::prepare::user`].
        user: String,
        /// What HOST said.
        host: Option<String>,
        /// What PASS said.
        password: Secret,
        /// The control connection is inside TLS.
        tls: bool,
    },
    /// REIN, or USER after a login: nobody is logged in any more, and a waiting data listener closes.
    /// [`Answer::Done`].
    LogOut,
    /// PASV or EPSV: listen for a data connection from the control connection's peer, on one port that
    /// replaces an earlier one. [`Answer::Listening`].
    Listen(Listen, Haste),
    /// ABOR: stop the transfer that is under way, if there is one, and close a waiting data listener.
    /// [`Answer::Done`] at once; the end of the transfer is told as always, with [`Ended::Aborted`]
    /// unless it was over before.
    Abort,
    /// A question about files: [`Answer::Files`].
    Files(FilesAsk),
    /// Check whether this can be transferred: [`Answer::Transfer`]. If so, the session sends 150, and
    /// only then the outside opens the data connection and transfers, while the session goes on
    /// listening; at the end it calls
    /// [`ServerSession::transfer_ended`](crate::ServerSession::transfer_ended).
    Transfer(Box<Transfer>),
}

/// What to listen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// PASV: an IPv4 address that the client can reach, and a port (RFC 959 §4.1.2).
    Pasv,
    /// EPSV: only the port of the answer is told, on the address that the control connection uses (RFC
    /// 2428 §3).
    Epsv,
}

/// When the reply to PASV or EPSV may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// As soon as it is known.
    AtOnce,
    /// About a millisecond later. curl up to its 8th version looks for the reply right behind sending the command,
    /// and if it finds it there, it then waits for up to a second, for nothing, before it connects.
    HeldBack,
}

/// The answer to the open [`Ask`].
#[derive(Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// TLS is active.
    TlsStarted,
    /// Whether the host is served.
    Host(bool),
    /// Whether there are accounts that may log in without TLS.
    MayLogInPlain(bool),
    /// The result of a login.
    LoggedIn(LoggedIn),
    /// Where a data connection is awaited, as the client should be told; or none can be.
    Listening(Option<SocketAddr>),
    /// What became of a question about files.
    Files(Result<FilesAnswer, FilesError>),
    /// Whether the transfer can begin.
    Transfer(Result<Ready, FilesError>),
}

/// The result of a login.
#[derive(Debug)]
pub enum LoggedIn {
    /// In, under this profile.
    Accepted(Profile),
    /// No such user, or not that password, or no TLS for an account that needs it: the client is not
    /// told which.
    Rejected,
    /// It could not be checked now, or too many tried: the session ends with 421.
    Unavailable,
}

/// A question about files. All paths are absolute and normal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilesAsk {
    /// CWD: is it a folder that the account may enter? [`FilesAnswer::Done`].
    Enter(VirtualPath),
    /// What is there? [`FilesAnswer::Entry`]. Where a part of a cut upload is kept that the account may go
    /// on with, SIZE wants the part's length: see `parts`.
    Look {
        /// Where.
        path: VirtualPath,
        /// A part of a cut upload goes before a file: [`FilesAnswer::Part`].
        parts: bool,
    },
    /// STAT of a path: entries for the control connection, [`FilesAnswer::Entries`].
    List {
        /// A folder's content, or a single file.
        what: Target,
        /// At most so many.
        entries_max: usize,
    },
    /// MKD: [`FilesAnswer::Done`].
    MakeFolder(VirtualPath),
    /// RMD, of an empty folder: [`FilesAnswer::Done`].
    RemoveFolder(VirtualPath),
    /// DELE: [`FilesAnswer::Done`].
    RemoveFile(VirtualPath),
    /// RNTO: [`FilesAnswer::Done`]. A file replaces a file.
    Rename {
        /// What to rename.
        from: VirtualPath,
        /// Its new path.
        to: VirtualPath,
    },
    /// MFMT, SITE UTIME: [`FilesAnswer::Done`].
    SetModified {
        /// Of what.
        path: VirtualPath,
        /// Milliseconds since 1970, UTC.
        modified_ms: i64,
    },
    /// SITE CHMOD: [`FilesAnswer::Done`].
    SetMode {
        /// Of what.
        path: VirtualPath,
        /// Permission bits, at most octal 7777.
        mode: u16,
    },
    /// HASH: [`FilesAnswer::Digest`].
    Digest {
        /// Of which file.
        path: VirtualPath,
        /// By which algorithm.
        algorithm: HashAlgorithm,
        /// Of which bytes.
        range: ByteRange,
    },
    /// AVBL: [`FilesAnswer::Room`], how many bytes more may be stored in this folder.
    Room(VirtualPath),
    /// ALLO: is there room for so many bytes more in this folder? [`FilesAnswer::Done`].
    Fits {
        /// The folder.
        path: VirtualPath,
        /// How many bytes.
        size_bytes: u64,
    },
    /// SITE QUOTA: [`FilesAnswer::Quota`].
    Quota,
}

/// What a listing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A folder's content, or that single file.
    Path(VirtualPath),
    /// Of a folder's content, what the pattern matches. Nothing is an answer too.
    Matching {
        /// The folder.
        folder: VirtualPath,
        /// Which names.
        pattern: Pattern,
    },
}

/// Bytes `start` to `end`, without `end`; to the file's end if that is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteRange {
    /// The first byte's place.
    pub start: u64,
    /// The place behind the last byte.
    pub end: Option<u64>,
}

/// A digest algorithm of HASH (draft-bryan-ftpext-hash §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1, for old clients.
    Sha1,
    /// MD5, for old clients.
    Md5,
    /// CRC32, for old clients.
    Crc32,
    /// BLAKE3 with 32 bytes.
    Blake3,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [HashAlgorithm; 6] = [
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha512,
        HashAlgorithm::Sha1,
        HashAlgorithm::Md5,
        HashAlgorithm::Crc32,
        HashAlgorithm::Blake3,
    ];

    /// The name on the wire, as in the IANA registry of hash function names where it has one.
    pub fn name(self) -> &'static str {
        match self {
            HashAlgorithm::Sha256 => "SHA-256",
            HashAlgorithm::Sha512 => "SHA-512",
            HashAlgorithm::Sha1 => "SHA-1",
            HashAlgorithm::Md5 => "MD5",
            HashAlgorithm::Crc32 => "CRC32",
            HashAlgorithm::Blake3 => "BLAKE3",
        }
    }

    /// The algorithm of that name, in any case.
    pub fn by_name(name: &[u8]) -> Option<HashAlgorithm> {
        HashAlgorithm::ALL.into_iter().find(|known| known.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// The good outcome of a question about files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilesAnswer {
    /// It is so, or is done and on disk.
    Done,
    /// What is there.
    Entry(Entry),
    /// A part of a cut upload, which is no file yet.
    Part {
        /// Bytes that are kept.
        size_bytes: u64,
        /// A file lies there, too, which the upload was to replace.
        replaces: bool,
    },
    /// A listing for the control connection.
    Entries {
        /// Names and what is known of them.
        entries: Vec<(String, Entry)>,
        /// There are more than were asked for.
        more: bool,
        /// The time of day, for the form of dates: milliseconds since 1970, UTC.
        today_ms: i64,
    },
    /// A digest.
    Digest {
        /// Its bytes.
        digest: Vec<u8>,
        /// The range that was digested, its end known.
        start: u64,
        /// The place behind the last byte.
        end: u64,
    },
    /// Bytes that fit.
    Room(u64),
    /// How much the account uses, mail and files together.
    Quota {
        /// Bytes in use.
        used_bytes: u64,
        /// The limit, if there is one.
        limit_bytes: Option<u64>,
    },
}

/// Why a question about files has no good outcome, sorted by whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesError {
    // The client asked for what is not so.
    /// Nothing is there (550).
    NotFound,
    /// It is a file, and a folder is wanted (550; 501 for MLSD).
    NotAFolder,
    /// It is a folder, and a file is wanted (550).
    NotAFile,
    /// Something is there already (550).
    Exists,
    /// The folder is not empty (550).
    NotEmpty,
    /// A folder into itself (553).
    IntoItself,
    /// A transfer begins behind the file's end (554).
    BehindEnd,
    /// An upload would go on behind the file, but of a cut upload that was to replace it so many bytes are
    /// kept (554).
    PartKept(u64),
    /// An upload would go on behind a part that is not there any more (554).
    PartGone,

    // We refuse.
    /// The account may not do that there (550).
    Denied,
    /// The name is not allowed (553).
    NameNotAllowed,
    /// The account's quota is used up (552).
    OverQuota,
    /// Somebody else is at it (450).
    Busy,
    /// The account has as many transfers under way as it may have (450).
    TooMany,
    /// This cannot be done here, such as a digest by that algorithm (504).
    Unsupported,

    // Our side failed.
    /// The disk is full (452).
    NoSpace,
    /// The store does not answer (451).
    Unavailable,
}

/// What to transfer, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// What.
    pub action: Action,
    /// The data connection.
    pub data: DataConnection,
}

/// What to transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// RETR: a file to the client.
    Retrieve {
        /// Which.
        path: VirtualPath,
        /// From which byte on (REST, RFC 3659 §5).
        offset: u64,
        /// As text or as it is.
        representation: Representation,
    },
    /// STOR, APPE, STOU: a file from the client.
    Store {
        /// Where to.
        placing: Placing,
        /// As text or as it is.
        representation: Representation,
        /// Missing folders above it are made.
        make_parents: bool,
    },
    /// LIST, NLST, MLSD: a listing to the client, in [`listing::Writer`](crate::listing::Writer)'s words.
    List {
        /// What to show. For MLSD it must be a folder, else [`FilesError::NotAFolder`].
        what: Target,
        /// How.
        format: Format,
    },
}

/// Where an upload goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placing {
    /// STOR: the whole file, replacing one that is there.
    Whole(VirtualPath),
    /// STOR after REST: from this byte on, after what is there of a cut upload or, if there is none, of the
    /// file. [`FilesError::BehindEnd`] or [`FilesError::PartKept`] if that is less.
    At {
        /// Which file.
        path: VirtualPath,
        /// From which byte on, over 0.
        offset: u64,
        /// The client goes on with this part: SIZE told it this length. [`FilesError::PartGone`] if it is no more.
        part: Option<u64>,
    },
    /// APPE: after what is there of the file or, if there is none, of a cut upload.
    Append {
        /// Which file.
        path: VirtualPath,
        /// As in [`Placing::At`].
        part: Option<u64>,
    },
    /// STOU: under a name of the outside's making in this folder, told in [`Ready::name`].
    Unique {
        /// The folder.
        folder: VirtualPath,
        /// What the name may begin with.
        hint: Option<String>,
    },
}

/// How bytes are represented on the data connection (TYPE, RFC 959 §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Representation {
    /// Lines end with CRLF on the wire and with LF in the file: [`crate::ascii`].
    #[default]
    Ascii,
    /// As it is.
    Image,
}

/// The data connection of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataConnection {
    /// Who connects to whom.
    pub route: Route,
    /// Inside TLS (PROT P), with us as the TLS server.
    pub protected: bool,
    /// Whether that TLS session must resume the control connection's.
    pub binding: DataBinding,
    /// Deflated (MODE Z).
    pub deflate: bool,
}

/// Who opens the data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The client connects to the listener of the last [`Ask::Listen`].
    Passive,
    /// We connect, from port 20 if that can be had, to this address: the control connection's peer, port
    /// 1024 or above. A waiting listener closes.
    Active(SocketAddr),
}

/// A transfer can begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ready {
    /// The size of the file that is retrieved, all of it, also after REST; for TYPE A better left out.
    pub size_bytes: Option<u64>,
    /// For STOU, the name in its folder.
    pub name: Option<String>,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All is sent, or all is received and on disk under its name (226).
    Done,
    /// The data connection could not be opened in time (425).
    NotConnected,
    /// The TLS handshake of the data connection failed, or it does not belong to the session of the
    /// control connection (522).
    NotProtected,
    /// The data connection broke, or ended inside TLS without being closed in order (426).
    Broken,
    /// Nothing moved for too long (426).
    TimedOut,
    /// By ABOR (426).
    Aborted,
    /// What the client sent cannot be decoded (MODE Z) (451).
    Undecodable,
    /// The files said no on the way, such as for quota (552) or space (452).
    Refused(FilesError),
}
