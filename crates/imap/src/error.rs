//! Why a command was not carried out, sorted by whose fault it is.

use crate::mailbox::NameError;
use crate::response::{Code, Condition};

/// Why the crate itself refused a command.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The client broke the grammar; `at` is the byte offset in the command. BAD.
    Syntax {
        /// Byte offset in the command.
        at: usize,
        /// What the grammar wants there.
        expected: &'static str,
    },
    /// A line over the limit, or one with a NUL or a CR out of place. BAD.
    BadLine,
    /// No such command. BAD.
    UnknownCommand,
    /// Right grammar, wrong state. BAD.
    WrongState {
        /// When it is allowed.
        needs: &'static str,
    },
    /// Nesting beyond a limit. BAD.
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// More things than a limit allows. NO \[LIMIT\] (RFC 5530 §3).
    TooMany {
        /// Which things.
        what: &'static str,
        /// The limit.
        count_max: usize,
    },
    /// A literal over the limit. NO \[TOOBIG\] (RFC 7889 §4, RFC 4469 §4).
    TooBig {
        /// What was announced.
        size_bytes: u64,
    },
    /// The memory that all sessions share is used up. NO \[UNAVAILABLE\].
    NoMemory,
    /// A charset other than US-ASCII and UTF-8. NO \[BADCHARSET\] (RFC 9051 §6.4.4).
    BadCharset,
    /// Not a mailbox name. NO \[CANNOT\].
    Name(NameError),
    /// A change in a mailbox opened with EXAMINE. NO \[READ-ONLY\].
    ReadOnly,
    /// A password without TLS. NO \[PRIVACYREQUIRED\] (RFC 5530 §3).
    PrivacyRequired,
    /// No such mechanism, or not on this connection. NO.
    UnknownMechanism,
    /// The client gave up its authentication. BAD (RFC 9051 §6.2.2).
    Cancelled,
    /// Wrong name or password; nothing says which. NO \[AUTHENTICATIONFAILED\].
    WrongCredentials,
    /// The right password, but no access to this service. NO \[AUTHORIZATIONFAILED\].
    LoginForbidden,
    /// Our store failed; the client did nothing wrong. NO \[UNAVAILABLE\].
    LoginUnavailable,
    /// Too many connections or attempts. NO \[LIMIT\].
    LoginLimit,
}

impl From<NameError> for Fault {
    fn from(error: NameError) -> Fault {
        Fault::Name(error)
    }
}

impl Fault {
    /// The status, code and text of the answer: the only place where faults become wire text.
    pub fn to_status(&self) -> (Condition, Option<Code>, String) {
        match self {
            Fault::Syntax { at, expected } => {
                (Condition::Bad, None, format!("Syntax error at byte {at}: expected {expected}"))
            }
            Fault::BadLine => (Condition::Bad, None, "Line is too long or has stray characters".into()),
            Fault::UnknownCommand => (Condition::Bad, None, "Unknown command".into()),
            Fault::WrongState { needs } => (Condition::Bad, None, format!("Command is only valid {needs}")),
            Fault::TooDeep { depth_max } => {
                (Condition::Bad, None, format!("Nested more than {depth_max} levels deep"))
            }
            Fault::TooMany { what, count_max } => {
                (Condition::No, Some(Code::Limit), format!("More than {count_max} {what}"))
            }
            Fault::TooBig { size_bytes } => {
                (Condition::No, Some(Code::TooBig), format!("A literal of {size_bytes} bytes is too large"))
            }
            Fault::NoMemory => {
                (Condition::No, Some(Code::Unavailable), "Too much is being received, try again later".into())
            }
            Fault::BadCharset => {
                (Condition::No, Some(Code::BadCharset), "Charset is neither US-ASCII nor UTF-8".into())
            }
            Fault::Name(error) => (Condition::No, Some(Code::Cannot), error.to_string()),
            Fault::ReadOnly => {
                (Condition::No, Some(Code::ReadOnly), "Mailbox was opened with EXAMINE".into())
            }
            Fault::PrivacyRequired => {
                (Condition::No, Some(Code::PrivacyRequired), "Start TLS before you log in".into())
            }
            Fault::UnknownMechanism => (Condition::No, None, "No such mechanism here".into()),
            Fault::Cancelled => (Condition::Bad, None, "Authentication cancelled".into()),
            Fault::WrongCredentials => {
                (Condition::No, Some(Code::AuthenticationFailed), "Wrong name or password".into())
            }
            Fault::LoginForbidden => {
                (Condition::No, Some(Code::AuthorizationFailed), "Account may not use this service".into())
            }
            Fault::LoginUnavailable => {
                (Condition::No, Some(Code::Unavailable), "Cannot check that now, try again later".into())
            }
            Fault::LoginLimit => {
                (Condition::No, Some(Code::Limit), "Too many connections, try again later".into())
            }
        }
    }
}
