//! What went wrong, and the one place that turns it into words for a client (RFC 5530).

use super::Done;
use crate::driver::Reaction;
use crate::metrics::metrics;
use ::imap::response::Code;
use ::imap::{Answer, Outcome};
use ::store::StoreError;
use std::io;

/// Why a command was not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// The store would or could not.
    Store(StoreError),
    /// The store failed in a way that took the session's view of its mailbox with it.
    Lost(StoreError),
    /// The client takes no more bytes.
    Wire(io::Error),
    /// The command asks for what cannot be; this is the answer.
    Refused(Outcome),
    /// Somebody deleted the selected mailbox.
    MailboxGone,
    /// Somebody removed the account.
    AccountGone,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

impl From<Outcome> for Failure {
    fn from(outcome: Outcome) -> Failure {
        Failure::Refused(outcome)
    }
}

impl Failure {
    /// The same in the middle of a response: nothing can be said there but by the end of the connection, so that the
    /// log has it.
    pub fn midway(self) -> Failure {
        if let Failure::Store(error) | Failure::Lost(error) = &self {
            report(error);
        }
        match self {
            Failure::Wire(error) => Failure::Wire(error),
            failure => Failure::Wire(io::Error::other(format!("a response was cut off: {failure:?}"))),
        }
    }

    /// What becomes of the connection.
    pub fn into_reaction(self) -> Reaction<Answer> {
        Reaction::Answer(match self {
            Failure::Store(error) => Answer::Done(outcome(&error)),
            Failure::Refused(outcome) => Answer::Done(outcome),
            Failure::Lost(error) => {
                let outcome = outcome(&error);
                Answer::Bye { code: outcome.code, text: outcome.text }
            }
            Failure::MailboxGone => Answer::Bye { code: None, text: GONE.into() },
            Failure::AccountGone => Answer::Bye { code: None, text: ACCOUNT_GONE.into() },
            Failure::Wire(error) => {
                tracing::debug!(%error, "an IMAP connection ends without a word");
                return Reaction::Drop;
            }
        })
    }
}

/// True if something was not there, which may be since the whole account is gone.
pub(super) fn finds_nothing(done: &Done) -> bool {
    match done {
        Ok(outcome) | Err(Failure::Refused(outcome)) => {
            matches!(outcome.code, Some(Code::NonExistent | Code::TryCreate))
        }
        Err(Failure::Store(error)) => matches!(error, StoreError::Missing(_)),
        Err(failure) => matches!(failure, Failure::MailboxGone),
    }
}

/// What is said before the connection ends because its mailbox was deleted.
pub(super) const GONE: &str = "The selected mailbox was deleted";

/// The same where its account was removed.
pub(super) const ACCOUNT_GONE: &str = "The account was removed";

/// The tagged answer for an error of the store. What is behind it goes to the log only.
pub(super) fn outcome(error: &StoreError) -> Outcome {
    let (code, text) = match error {
        StoreError::Missing(::store::Missing::Mailbox) => (Code::NonExistent, "No such mailbox"),
        StoreError::Missing(_) => (Code::NonExistent, "It is no longer there"),
        StoreError::Exists(_) => (Code::AlreadyExists, "There is one with that name already"),
        StoreError::Invalid(why) => (Code::Cannot, *why),
        StoreError::InboxFixed => (Code::Cannot, "INBOX can be neither created nor deleted"),
        StoreError::OverQuota { .. } => (Code::OverQuota, "The account is full"),
        StoreError::Exhausted(_) => (Code::Limit, "The mailbox or account holds as many as it may"),
        StoreError::Corrupt(_) => (Code::Corruption, "Stored data is damaged, contact the administrator"),
        StoreError::Panicked => (Code::ServerBug, "Internal error"),
        StoreError::Full => (Code::Unavailable, "No space is left on the server"),
        _ => (Code::Unavailable, "Temporary failure, try again later"),
    };
    report(error);
    Outcome::no(text).with_code(code)
}

/// Writes what only the administrator is to see.
pub(super) fn report(error: &StoreError) {
    match error {
        StoreError::Missing(_)
        | StoreError::Exists(_)
        | StoreError::Invalid(_)
        | StoreError::InboxFixed
        | StoreError::OverQuota { .. }
        | StoreError::Exhausted(_) => return tracing::debug!(%error, "the store refused an IMAP command"),
        StoreError::Conflict | StoreError::Closed | StoreError::Full | StoreError::BlobGone => {
            tracing::warn!(%error, "an IMAP command failed for now");
        }
        _ => tracing::error!(%error, "an IMAP command failed"),
    }
    metrics().store_failures.inc();
}

/// `NO [TRYCREATE]`: the target does not exist, but could (RFC 9051 §6.3.12, §6.4.7).
pub(super) fn try_create() -> Outcome {
    Outcome::no("No such mailbox").with_code(Code::TryCreate)
}

/// `NO [NONEXISTENT]`
pub(super) fn no_mailbox() -> Outcome {
    Outcome::no("No such mailbox").with_code(Code::NonExistent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_see_codes_and_no_internals() {
        for (error, code) in [
            (StoreError::Missing(::store::Missing::Mailbox), Code::NonExistent),
            (StoreError::Exists("mailbox"), Code::AlreadyExists),
            (StoreError::Invalid("why"), Code::Cannot),
            (StoreError::OverQuota { quota_bytes: 1, used_bytes: 1, need_bytes: 1 }, Code::OverQuota),
            (StoreError::Full, Code::Unavailable),
            (StoreError::Io("/secret/path".into()), Code::Unavailable),
            (StoreError::Conflict, Code::Unavailable),
            (StoreError::Database("secret".into()), Code::Unavailable),
            (StoreError::Corrupt("secret".into()), Code::Corruption),
        ] {
            let outcome = outcome(&error);
            assert_eq!(outcome.code, Some(code), "{error:?}");
            assert!(!outcome.text.contains("secret"), "{}", outcome.text);
        }
    }
}
