//! Why a command was not carried out, sorted by whose fault it is, and the replies that say so.

use crate::ask::FilesError;
use crate::path::PathError;

/// Why a command is answered with a reply of 4xx or 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    // The client broke grammar or order.
    /// No such command.
    UnknownCommand,
    /// No such command of SITE.
    UnknownSite,
    /// A line of another protocol; the session ends.
    ForeignProtocol,
    /// The line is longer than allowed.
    LineTooLong,
    /// So much without a line end is no FTP; the session ends.
    LineEndless,
    /// The line holds NUL or a bare CR.
    BadLine,
    /// An argument is missing.
    NeedsArgument,
    /// An argument where there is none.
    NoArgument,
    /// The arguments have another form than this.
    Syntax(&'static str),
    /// What the arguments mean is not allowed, in these words.
    Invalid(&'static str),
    /// A name that is not UTF-8 or cannot be prepared.
    BadUser,
    /// PASS without USER (RFC 959 §5.4).
    NoUser,
    /// PASS after login.
    LoggedInAlready,
    /// HOST after USER (RFC 7151 §3.3).
    HostTooLate,
    /// RNTO without RNFR (RFC 959 §5.4).
    NoRenameFrom,
    /// PROT without PBSZ (RFC 4217 §9).
    NoPbsz,
    /// PBSZ or PROT without TLS.
    NoTlsYet,
    /// AUTH inside TLS.
    TlsActive,
    /// STOU after REST.
    RestBeforeStou,
    /// APPE after REST.
    RestBeforeAppe,
    /// Not after EPSV ALL (RFC 2428 §4).
    EpsvAll,
    /// Bytes in the clear behind AUTH; the session ends.
    BytesBehindAuth,

    // The client asked for what we do not have.
    /// A command that exists, but not here.
    NotOffered,
    /// A parameter that exists, but not here, in these words.
    NotForParameter(&'static str),
    /// The other family of addresses (RFC 2428 §2); the argument is the one to use.
    Family(u8),
    /// PORT on IPv6.
    PortOnV6,
    /// PASV on IPv6.
    PasvOnV6,
    /// A protection level that we do not know how to give (RFC 2228 §3).
    ProtectionLevel,
    /// SIZE in ASCII, where it would have to read the file (RFC 3659 §4.1).
    SizeInAscii,
    /// SIZE, MDTM or HASH of something without content.
    NotRetrievable,
    /// MLSD of a file (RFC 3659 §7.2.1).
    MlsdOfFile,
    /// A change of the root.
    Root(&'static str),
    /// A transfer without a data connection.
    NoDataConnection,
    /// Nobody connected to this passive port, or the client's port could not be reached.
    NotConnected(Option<u16>),
    /// A path that is none.
    Path(PathError),
    /// What the files said.
    Files(FilesError),

    // We refuse by policy.
    /// Log in first.
    NotLoggedIn,
    /// Wrong name or password.
    BadCredentials,
    /// Wrong name or password, or the account may not log in without TLS.
    BadCredentialsInClear,
    /// Passwords only over TLS (RFC 4217 §10).
    TlsNeeded,
    /// Data connections only protected (RFC 4217 §10).
    ProtectionNeeded,
    /// We stay inside TLS (RFC 4217 §6).
    NoCcc,
    /// TLS is not available.
    NoTls,
    /// HOST names a host that is not served (RFC 7151 §3.2.2).
    UnknownHost,
    /// Not the client's address (RFC 2577 §3).
    ForeignAddress,
    /// A port below 1024 in PORT (RFC 2577 §3).
    PrivilegedPort,
    /// A port below 1024 in EPRT.
    PrivilegedExtendedPort,
    /// A limit on the session was reached; it ends.
    TooManyBadCommands,
    /// A limit on the session was reached; it ends.
    TooManyFailedLogins,
    /// A limit on the session was reached; it ends.
    TooManyWaiting,
    /// A limit on the session was reached; it ends.
    TooLongWithoutLogin,
    /// The client was silent; the session ends.
    Idle,

    // The data connection failed.
    /// TLS on it failed, or it is not bound to this session.
    NotProtected,
    /// It broke.
    Broken,
    /// Nothing moved on it.
    TimedOut,
    /// RETR after SIZE told the length of a part, which is not that of the file.
    PartTold(u64),
    /// ABOR ended it.
    Aborted,
    /// Its content could not be decoded.
    Undecodable,

    // Our side failed.
    /// No listener could be opened.
    NoListener,
    /// Logins cannot be checked now; the session ends.
    Unavailable,
    /// The server stops; the session ends.
    Stopping,
}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Refusal {
        Refusal::Path(error)
    }
}

impl From<FilesError> for Refusal {
    fn from(error: FilesError) -> Refusal {
        Refusal::Files(error)
    }
}

impl Refusal {
    /// Whether it counts against the client's allowance of bad commands.
    pub(crate) fn is_misbehaviour(self) -> bool {
        use Refusal::*;
        matches!(
            self,
            UnknownCommand
                | UnknownSite
                | LineTooLong
                | BadLine
                | BadUser
                | NoUser
                | NotLoggedIn
                | ForeignAddress
        ) || matches!(self, PrivilegedPort | PrivilegedExtendedPort | NeedsArgument | NoArgument | Syntax(_))
    }

    /// Whether the session ends with it.
    pub(crate) fn is_final(self) -> bool {
        self.code() == 421 || self == Refusal::ForeignProtocol
    }

    /// The code of the reply.
    pub(crate) fn code(self) -> u16 {
        use Refusal::*;
        match self {
            LineEndless | BytesBehindAuth | TooManyBadCommands | TooManyFailedLogins | TooManyWaiting => 421,
            TooLongWithoutLogin | Idle | Unavailable | Stopping => 421,
            PasvOnV6 | NoDataConnection | NotConnected(_) | NoListener => 425,
            Broken | TimedOut | Aborted => 426,
            PartTold(_) => 450,
            Undecodable => 451,
            UnknownCommand | UnknownSite | ForeignProtocol | LineTooLong | PrivilegedPort => 500,
            BadLine | NeedsArgument | NoArgument | Syntax(_) | Invalid(_) | BadUser | EpsvAll => 501,
            PortOnV6 | MlsdOfFile | ForeignAddress | PrivilegedExtendedPort => 501,
            NotOffered => 502,
            NoUser | LoggedInAlready | HostTooLate | NoRenameFrom | NoPbsz | NoTlsYet | TlsActive => 503,
            RestBeforeStou | RestBeforeAppe => 503,
            NotForParameter(_) | UnknownHost => 504,
            ProtectionNeeded => 521,
            Family(_) | NotProtected => 522,
            NotLoggedIn | BadCredentials | BadCredentialsInClear | TlsNeeded => 530,
            NoCcc => 533,
            NoTls => 534,
            ProtectionLevel => 536,
            SizeInAscii | NotRetrievable | Root(_) => 550,
            Path(_) => 553,
            Files(error) => files_code(error),
        }
    }

    /// The text of the reply.
    pub(crate) fn text(self) -> String {
        use Refusal::*;
        match self {
            UnknownCommand => "Command not understood.",
            UnknownSite => "SITE command not understood.",
            ForeignProtocol => "This is an FTP server.",
            LineTooLong => "Command line too long.",
            LineEndless => "No line ends in sight, closing.",
            BadLine => "Command line holds control characters.",
            NeedsArgument => "Syntax error: command needs an argument.",
            NoArgument => "Syntax error: command does not accept arguments.",
            Syntax(usage) => return format!("Syntax error: {usage}"),
            Invalid(text) | NotForParameter(text) | Root(text) => text,
            BadUser => "Not an acceptable name.",
            NoUser => "Login with USER first.",
            LoggedInAlready => "User already authenticated.",
            HostTooLate => "HOST comes before USER.",
            NoRenameFrom => "Bad sequence of commands: use RNFR first.",
            NoPbsz => "PBSZ 0 comes before PROT.",
            NoTlsYet => "AUTH TLS comes first.",
            TlsActive => "TLS is active already.",
            RestBeforeStou => "Can't STOU while REST request is pending.",
            RestBeforeAppe => "Can't APPE while REST request is pending.",
            EpsvAll => "Only EPSV after EPSV ALL.",
            BytesBehindAuth => "Bytes behind AUTH in the clear, closing.",
            NotOffered => "Command not implemented.",
            Family(family) => return format!("Network protocol not supported, use ({family})"),
            PortOnV6 => "PORT is for IPv4, use EPRT.",
            PasvOnV6 => "PASV is for IPv4, use EPSV.",
            ProtectionLevel => "Protection level not supported: C and P are.",
            SizeInAscii => "SIZE not allowed in ASCII mode.",
            NotRetrievable => "No such file, or not retrievable.",
            MlsdOfFile => "Not a directory; MLST shows files.",
            NoDataConnection => "No data connection: use EPSV, PASV, EPRT or PORT first.",
            NotConnected(Some(port)) => return not_connected(port),
            NotConnected(None) => "No data connection: your port cannot be reached.",
            Path(error) => path_text(error),
            Files(FilesError::PartKept(size_bytes)) => return part_kept(size_bytes),
            Files(error) => files_text(error),
            NotLoggedIn => "Log in with USER and PASS first.",
            BadCredentials => "Authentication failed.",
            BadCredentialsInClear => "Authentication failed; without TLS, for devices only.",
            TlsNeeded => "Passwords only inside TLS: AUTH TLS first.",
            ProtectionNeeded => "Data connections only protected: PBSZ 0 and PROT P first.",
            NoCcc => "The control connection stays protected.",
            NoTls => "TLS is not available.",
            UnknownHost => "No such host here.",
            ForeignAddress => "Data connections to foreign addresses are refused.",
            PrivilegedPort | PrivilegedExtendedPort => "Data connections to a privileged port are refused.",
            TooManyBadCommands => "Too many bad commands, closing.",
            TooManyFailedLogins => "Too many failed logins, closing.",
            TooManyWaiting => "Too many commands during a transfer, closing.",
            TooLongWithoutLogin => "Too long without a login, closing.",
            Idle => "Nothing heard for too long, closing.",
            NotProtected => {
                "TLS of the data connection failed, or did not resume the control connection's session."
            }
            Broken => "Data connection broke; transfer incomplete.",
            TimedOut => "Data connection timed out; transfer incomplete.",
            PartTold(size_bytes) => return part_told(size_bytes),
            Aborted => "Transfer aborted.",
            Undecodable => "Data cannot be decoded.",
            NoListener => "No port for a data connection is free.",
            Unavailable => "Not possible at present, try again later.",
            Stopping => "The server is stopping.",
        }
        .to_string()
    }
}

fn not_connected(port: u16) -> String {
    format!("No data connection: nobody came to port {port} in time. Is it open all the way?")
}

fn part_kept(size_bytes: u64) -> String {
    format!("Of a cut upload of this file {size_bytes} bytes are kept: go on there, or begin anew with STOR.")
}

fn part_told(size_bytes: u64) -> String {
    format!("An upload of this file was cut, of which {size_bytes} bytes are kept: end it before.")
}

fn files_code(error: FilesError) -> u16 {
    use FilesError::*;
    match error {
        Busy | TooMany => 450,
        Unavailable => 451,
        NoSpace => 452,
        Unsupported => 504,
        NotFound | NotAFolder | NotAFile | Exists | NotEmpty | Denied => 550,
        OverQuota => 552,
        IntoItself | NameNotAllowed => 553,
        BehindEnd | PartKept(_) | PartGone => 554,
    }
}

fn files_text(error: FilesError) -> &'static str {
    use FilesError::*;
    match error {
        NotFound => "No such file or directory.",
        NotAFolder => "Not a directory.",
        NotAFile => "Not a plain file.",
        Exists => "File exists.",
        NotEmpty => "Directory not empty.",
        IntoItself => "A directory cannot move into itself.",
        BehindEnd => "REST position is > file size.",
        PartKept(_) => "A cut upload of this file is kept.",
        PartGone => "What was kept of the cut upload is gone: begin anew with STOR.",
        Denied => "Not enough privileges.",
        NameNotAllowed => "File name not allowed.",
        OverQuota => "Quota exceeded.",
        Busy => "File busy, try again.",
        TooMany => "Too many transfers under way for this account: try again when one has ended.",
        Unsupported => "Not supported for this.",
        NoSpace => "No space left.",
        Unavailable => "Not possible at present, try again later.",
    }
}

fn path_text(error: PathError) -> &'static str {
    match error {
        PathError::NotUtf8 => "File names are UTF-8.",
        PathError::BadByte => "File name holds control characters.",
        PathError::TooLong => "File name too long.",
    }
}
