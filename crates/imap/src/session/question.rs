//! What a session asks of the outside, and what it is told.

use crate::command::Command;
use crate::cursor::{Dialect, Tag};
use crate::response::{Code, Condition};
use std::borrow::Cow;
use wire::Budget;

/// What must be known before the greeting.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the greeting says.
    pub hostname: String,
    /// How far TLS has come.
    pub tls: TlsState,
    /// The channel bindings of a connection that began with TLS.
    pub bindings: Vec<sasl::ChannelBinding>,
    /// Passwords may be sent without TLS.
    pub allow_plaintext: bool,
    /// The largest message that APPEND takes.
    pub message_max_bytes: u64,
    /// Memory that all sessions share for commands that are arriving or running.
    pub budget: Budget,
}

impl Settings {
    pub(super) fn offer(&self, later: Vec<sasl::ChannelBinding>) -> sasl::Offer {
        let bindings = if later.is_empty() { self.bindings.clone() } else { later };
        sasl::Offer { tls: self.tls == TlsState::Active, bindings, allow_plaintext: self.allow_plaintext }
    }
}

/// How far TLS has come on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsState {
    /// There is none.
    Unavailable,
    /// STARTTLS may be used.
    Available,
    /// The connection is encrypted.
    Active,
}

/// What the client has enabled, by ENABLE or by using it (RFC 7162 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enabled {
    /// CONDSTORE: FETCH responses with flags bear a MODSEQ.
    pub condstore: bool,
    /// IMAP4rev2
    pub rev2: bool,
}

impl Enabled {
    /// The dialect to write responses in.
    pub fn dialect(self) -> Dialect {
        if self.rev2 { Dialect::Rev2 } else { Dialect::Rev1 }
    }
}

/// A question to the outside.
#[derive(Debug)]
pub enum Ask {
    /// Start TLS once what was sent is out. Answer [`Answer::Tls`].
    StartTls,
    /// Make a nonce. Answer [`Answer::Nonce`].
    Nonce,
    /// Check a password and resume. Answer [`Answer::Sasl`].
    Verify(sasl::PendingVerify),
    /// Look up a SCRAM secret and resume. Answer [`Answer::Sasl`].
    Scram(sasl::PendingScram),
    /// The client is this user: open the account. Answer [`Answer::Opened`].
    Open {
        /// Who, in the spelling of [`sasl::prepare::user`].
        user: String,
    },
    /// IDLE begins: send what changed since the last command. Answer [`Answer::Idling`]. From then
    /// on news go through [`Session::news`](super::Session::news).
    Idle,
    /// Carry out a command, write its untagged responses. Answer [`Answer::Done`].
    Run(Box<Run>),
}

/// A command to carry out.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its tag, which ESEARCH responses name.
    pub tag: Tag,
    /// The command.
    pub command: Command,
    /// What is enabled, the command's own effect included.
    pub enabled: Enabled,
}

/// An answer to an [`Ask`].
#[derive(Debug)]
pub enum Answer {
    /// TLS has started; with the connection's channel bindings.
    Tls(Vec<sasl::ChannelBinding>),
    /// Random, never used before.
    Nonce(sasl::ServerNonce),
    /// How the authentication goes on.
    Sasl(SaslAnswer),
    /// Whether the account is open.
    Opened(Opened),
    /// What is new has been sent.
    Idling,
    /// The command is over.
    Done(Outcome),
    /// To whatever was asked: the connection must end.
    Bye {
        /// A code for programs.
        code: Option<Code>,
        /// The reason.
        text: Cow<'static, str>,
    },
}

/// How an authentication goes on.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one at a time, moved on at once")]
pub enum SaslAnswer {
    /// As the exchange says.
    Step(sasl::Step),
    /// The check could not be made, it may succeed later: NO \[UNAVAILABLE\].
    Unavailable,
    /// Too many attempts: NO \[LIMIT\].
    Limit,
}

/// Whether an account could be opened for a user who proved to be that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The session is logged in.
    Yes,
    /// The account may not use this service: NO \[AUTHORIZATIONFAILED\].
    Forbidden,
    /// It could not, it may succeed later: NO \[UNAVAILABLE\].
    Unavailable,
    /// Too many connections: NO \[LIMIT\], never AUTHENTICATIONFAILED, which stops clients for
    /// hours.
    Limit,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// OK, NO or BAD.
    pub condition: Condition,
    /// A code for programs.
    pub code: Option<Code>,
    /// Words for people.
    pub text: Cow<'static, str>,
    /// What became of the selected mailbox.
    pub change: Change,
}

/// What became of the selected mailbox. CLOSE and UNSELECT that ended with OK need not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// A mailbox is selected.
    Selected {
        /// Nothing in it may be changed.
        read_only: bool,
    },
    /// No mailbox is selected any more: it is gone.
    Deselected,
}

impl Outcome {
    /// OK.
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Outcome {
        Outcome { condition: Condition::Ok, code: None, text: text.into(), change: Change::None }
    }

    /// NO.
    pub fn no(text: impl Into<Cow<'static, str>>) -> Outcome {
        Outcome { condition: Condition::No, ..Outcome::ok(text) }
    }

    /// BAD.
    pub fn bad(text: impl Into<Cow<'static, str>>) -> Outcome {
        Outcome { condition: Condition::Bad, ..Outcome::ok(text) }
    }

    /// The same with a code.
    #[must_use]
    pub fn with_code(self, code: Code) -> Outcome {
        Outcome { code: Some(code), ..self }
    }

    /// The same, and a mailbox is selected; the code says how (RFC 9051 §6.3.2).
    #[must_use]
    pub fn selected(self, read_only: bool) -> Outcome {
        let code = if read_only { Code::ReadOnly } else { Code::ReadWrite };
        Outcome { code: Some(code), change: Change::Selected { read_only }, ..self }
    }

    /// The same, and no mailbox is selected any more.
    #[must_use]
    pub fn deselected(self) -> Outcome {
        Outcome { change: Change::Deselected, ..self }
    }
}
