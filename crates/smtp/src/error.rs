//! Why a command was not carried out, sorted by whose fault it is; the one place where that
//! becomes a reply.

use crate::{PathError, Refusal};
use sasl::{Failure, Malformed};
use wire::line::LineError;

/// Why the session itself refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    // The client broke the grammar.
    Line(LineError),
    Unknown,
    Arguments(&'static str),
    Hello,
    Sender(PathError),
    Recipient(PathError),
    ParameterSyntax,
    ParameterTwice,
    ChunkSize,
    // Right grammar, wrong order.
    NeedHello,
    NeedMail,
    NeedRecipients,
    MailNested,
    ChunkAfterFailure,
    NotBetweenChunks,
    TlsAlready,
    LoginTwice,
    TalkedEarly,
    TalkedBeforeReply,
    TalkedBeforeTls,
    // Known, but not offered.
    ParameterUnknown,
    NotOffered,
    MechanismUnknown,
    // Refused by policy or limit.
    NeedLogin,
    LoginNeedsTls,
    Login(Failure),
    LoginLineTooLong,
    TooManyLogins,
    TooLarge,
    TooManyRecipients,
    TooManyRefused,
    TooManyErrors,
    TooManyCommands,
    BareLineEnd,
    BareLineEndInChunk,
    Nul,
    LongLine,
    Header(crate::headers::HeaderFault),
    Slow,
    // Ours.
    NoMemory,
    Stopping,
    Confused,
}

impl Fault {
    /// The reply.
    pub(crate) fn refusal(self) -> Refusal {
        let (code, subject, detail, text) = self.words();
        match self {
            Fault::Arguments(syntax) => Refusal::new(code, subject, detail, format!("syntax: {syntax}")),
            _ => Refusal::new(code, subject, detail, text),
        }
    }

    fn words(self) -> (u16, u16, u16, &'static str) {
        match self {
            Fault::Line(LineError::TooLong) => (500, 5, 2, "command line too long"),
            Fault::Line(LineError::BareLf) => (500, 5, 2, "lines end with CR LF"),
            Fault::Line(LineError::BareCr) => (500, 5, 2, "bare CR in command"),
            Fault::Line(LineError::Nul) => (500, 5, 2, "NUL in command"),
            Fault::Unknown => (500, 5, 2, "command not recognized"),
            Fault::Arguments(syntax) => (501, 5, 4, syntax),
            Fault::Hello => (501, 5, 4, "a host name or address literal is needed"),
            Fault::Sender(error) => path_words(error, 7, 8),
            Fault::Recipient(error) => path_words(error, 3, 2),
            Fault::ParameterSyntax => (501, 5, 4, "malformed parameter"),
            Fault::ParameterTwice => (501, 5, 4, "parameter given twice"),
            Fault::ChunkSize => (501, 5, 4, "syntax: BDAT size [LAST]"),
            Fault::NeedHello => (503, 5, 1, "say hello first"),
            Fault::NeedMail => (503, 5, 1, "need MAIL first"),
            Fault::NeedRecipients => (554, 5, 1, "no valid recipients"),
            Fault::MailNested => (503, 5, 1, "a transaction is open already"),
            Fault::ChunkAfterFailure => (503, 5, 1, "chunk discarded, no transaction is open"),
            Fault::NotBetweenChunks => (503, 5, 1, "only BDAT or RSET after BDAT"),
            Fault::TlsAlready => (503, 5, 1, "TLS is on already"),
            Fault::LoginTwice => (503, 5, 1, "authenticated already"),
            Fault::TalkedEarly => (554, 5, 0, "wait for the greeting"),
            Fault::TalkedBeforeReply => (554, 5, 0, "wait for the reply to this command"),
            Fault::TalkedBeforeTls => (554, 5, 1, "wait for the reply to STARTTLS"),
            Fault::ParameterUnknown => (555, 5, 4, "parameter not recognized or not implemented"),
            Fault::NotOffered => (502, 5, 1, "command not implemented"),
            Fault::NeedLogin => (530, 7, 0, "authentication required"),
            Fault::MechanismUnknown => (504, 5, 4, "mechanism not offered"),
            Fault::LoginNeedsTls => (538, 7, 11, "encryption required, use STARTTLS"),
            Fault::Login(failure) => login_words(failure),
            Fault::LoginLineTooLong => (500, 5, 6, "authentication line too long"),
            Fault::TooManyLogins => (421, 7, 0, "too many failed logins, closing"),
            Fault::TooLarge => (552, 3, 4, "message exceeds the size limit"),
            Fault::TooManyRecipients => (452, 5, 3, "too many recipients"),
            Fault::TooManyRefused => (421, 7, 0, "too many unknown recipients, closing"),
            Fault::TooManyErrors => (421, 7, 0, "too many errors, closing"),
            Fault::TooManyCommands => (421, 7, 0, "too many commands, closing"),
            Fault::BareLineEnd => (550, 5, 2, "bare CR or LF in message, lines end with CR LF"),
            Fault::BareLineEndInChunk => (550, 6, 0, "bare CR or LF in message, lines end with CR LF"),
            Fault::Nul => (550, 6, 0, "NUL in message"),
            Fault::LongLine => (550, 6, 0, "line too long in message"),
            Fault::Header(fault) => fault.words(),
            Fault::Slow => (421, 4, 2, "timeout, closing"),
            Fault::NoMemory => (452, 3, 1, "insufficient storage, try again later"),
            Fault::Stopping => (421, 3, 2, "service shutting down"),
            Fault::Confused => (421, 3, 0, "internal error, closing"),
        }
    }

    /// Whether it counts as a bad command.
    pub(crate) fn is_bad_command(self) -> bool {
        matches!(self.words().0, 500..=504 | 555)
    }

    /// Whether the connection ends with it.
    pub(crate) fn closes(self) -> bool {
        let early = [Fault::TalkedEarly, Fault::TalkedBeforeReply, Fault::TalkedBeforeTls];
        self.words().0 == 421 || self == Fault::ChunkSize || early.contains(&self)
    }
}

/// The reply for a failed authentication (RFC 4954 §4, §6). What exactly was wrong with a
/// well-formed response is nobody's business.
fn login_words(failure: Failure) -> (u16, u16, u16, &'static str) {
    match failure {
        Failure::Malformed(Malformed::Base64) => (501, 5, 2, "cannot decode the response"),
        Failure::TooLong { .. } => (500, 5, 6, "authentication line too long"),
        Failure::Cancelled => (501, 7, 0, "authentication cancelled"),
        Failure::Malformed(_) | Failure::Refused(_) => (535, 7, 8, "authentication failed"),
    }
}

/// The reply for a path: `address` and `system` are the details of X.1 for the two halves
/// (RFC 3463 §3.2).
fn path_words(error: PathError, address: u16, system: u16) -> (u16, u16, u16, &'static str) {
    match error {
        PathError::Syntax => (501, 1, address, "malformed address"),
        PathError::LocalPartTooLong => (501, 1, address, "local part too long"),
        PathError::DomainTooLong => (501, 1, system, "domain too long"),
        PathError::TooLong => (501, 1, address, "path too long"),
        PathError::NeedsSmtputf8 => (553, 6, 7, "address needs SMTPUTF8"),
    }
}
