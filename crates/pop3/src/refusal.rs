//! Why a command was not carried out, sorted by whose fault it is, and the replies that say so.

/// Why a command is answered with `-ERR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    // The client broke grammar or order.
    /// No such command, in any state.
    UnknownCommand,
    /// A command of another state (RFC 1939 §3).
    WrongState,
    /// Arguments are missing, too many or malformed; this is the right form.
    Syntax(&'static str),
    /// The line is longer than allowed.
    LineTooLong,
    /// The line holds NUL or a bare CR.
    BadLine,
    /// A name or password that is not UTF-8 or cannot be prepared (RFC 6856 §2.2).
    BadName,
    /// PASS without a USER before it (RFC 1939 §7).
    NoUser,
    /// STLS after UTF8 (RFC 6856 §2.1).
    StlsAfterUtf8,
    /// A response in an AUTH exchange that its grammar does not allow.
    BadResponse,

    // The client asked for what is not there.
    /// No message has that number.
    NoSuchMessage,
    /// The message is marked as deleted (RFC 1939 §5).
    Marked,
    /// No text in that language (RFC 6856 §3.2).
    UnknownLanguage,
    /// No such mechanism, or not on this connection.
    UnknownMechanism,
    /// The client cancelled AUTH (RFC 5034 §4).
    Cancelled,

    // We refuse by policy.
    /// Passwords only over TLS (RFC 8314 §4.1).
    TlsNeeded,
    /// TLS is active already (RFC 2595 §4).
    TlsActive,
    /// TLS is not offered here.
    NoTls,
    /// Wrong name or password (RFC 3206 §5).
    BadCredentials,
    /// Another session holds the maildrop (RFC 2449 §8.1.2).
    InUse,
    /// Too soon after the last login (RFC 2449 §8.1.1).
    LoginDelay,
    /// The account may not use POP3 (RFC 3206 §4).
    Disabled,
    /// A limit on the session was reached.
    TooManyBadCommands,
    /// A limit on the session was reached.
    TooManyFailedLogins,
    /// A limit on the session was reached.
    TooLongWithoutLogin,

    // Our side failed.
    /// The outside could not answer (RFC 3206 §4).
    Unavailable,
    /// The message vanished while the maildrop was open.
    Gone,
    /// Marked messages could not be removed (RFC 1939 §6).
    NotRemoved,
    /// The server stops (RFC 3206 §4).
    Stopping,
    /// Another session took the maildrop over.
    Superseded,
}

impl Refusal {
    /// Whether it counts against the client's allowance of bad commands.
    pub(crate) fn is_misbehaviour(self) -> bool {
        use Refusal::*;
        matches!(
            self,
            UnknownCommand
                | WrongState
                | Syntax(_)
                | LineTooLong
                | BadLine
                | BadName
                | NoUser
                | StlsAfterUtf8
                | BadResponse
        )
    }

    /// The text after `-ERR`, with its response code. All are below 100 bytes.
    pub(crate) fn text(self) -> String {
        use Refusal::*;
        match self {
            UnknownCommand => "Unknown command",
            WrongState => "Not possible now",
            Syntax(usage) => return format!("Syntax: {usage}"),
            LineTooLong => "Line too long",
            BadLine => "Line holds control characters",
            BadName => "Not an acceptable name or password",
            NoUser => "Send USER first",
            StlsAfterUtf8 => "STLS is not possible after UTF8",
            BadResponse => "Malformed response",
            NoSuchMessage => "No such message",
            Marked => "Message is marked as deleted",
            UnknownLanguage => "No such language",
            UnknownMechanism => "No such mechanism here",
            Cancelled => "Authentication cancelled",
            TlsNeeded => "Start TLS first",
            TlsActive => "TLS is active already",
            NoTls => "TLS is not available",
            BadCredentials => "[AUTH] Wrong user name or password",
            InUse => "[IN-USE] Another session has the maildrop open",
            LoginDelay => "[LOGIN-DELAY] Too soon after the last login",
            Disabled => "[SYS/PERM] This account may not use POP3",
            TooManyBadCommands => "Too many bad commands",
            TooManyFailedLogins => "[AUTH] Too many failed logins",
            TooLongWithoutLogin => "Too many commands without a login",
            Unavailable => "[SYS/TEMP] Not possible at present, try again later",
            Gone => "The message was removed meanwhile",
            NotRemoved => "[SYS/TEMP] Some deleted messages were not removed",
            Stopping => "[SYS/TEMP] The server is stopping",
            Superseded => "[SYS/TEMP] Another session took the maildrop over",
        }
        .to_string()
    }
}
