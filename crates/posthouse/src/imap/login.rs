//! Who may log in: asked of whoever keeps passwords and budgets.

use crate::auth::{Authenticator, Origin, Unchecked};
use crate::tls::TlsInfo;
use ::store::AccountId;
use std::future::Future;

/// Why a login could not even be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The store did not answer; it may do so later.
    Unavailable,
    /// Too many attempts from there, or too many connections.
    TooMany,
}

/// Checks logins for one connection, whose address and service it knows.
pub trait Logins: Send + Sync + 'static {
    /// Checks a password and resumes the exchange.
    fn verify(
        &self,
        pending: sasl::PendingVerify,
    ) -> impl Future<Output = Result<sasl::Step, Refused>> + Send;

    /// Looks up a SCRAM secret and resumes the exchange.
    fn scram(&self, pending: sasl::PendingScram) -> impl Future<Output = Result<sasl::Step, Refused>> + Send;

    /// The account of a user who proved to be that user; `None` if it may not use this service.
    fn account(&self, user: &str) -> impl Future<Output = Result<Option<AccountId>, Refused>> + Send;
}

/// The server's own logins, for one connection.
#[derive(Clone)]
pub struct Door {
    pub(super) authenticator: Authenticator,
    pub(super) origin: Origin,
}

impl From<Unchecked> for Refused {
    fn from(why: Unchecked) -> Refused {
        match why {
            Unchecked::Limited => Refused::TooMany,
            Unchecked::Unavailable => Refused::Unavailable,
        }
    }
}

impl Logins for Door {
    async fn verify(&self, pending: sasl::PendingVerify) -> Result<sasl::Step, Refused> {
        Ok(self.authenticator.verify_step(self.origin, pending).await?)
    }

    async fn scram(&self, pending: sasl::PendingScram) -> Result<sasl::Step, Refused> {
        Ok(self.authenticator.scram_step(self.origin, pending).await?)
    }

    async fn account(&self, user: &str) -> Result<Option<AccountId>, Refused> {
        match self.authenticator.account(user).await {
            Ok(Some(account)) => {
                self.authenticator.succeeded(self.origin, user);
                Ok(Some(account.id))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                super::error::report(&error);
                Err(Refused::Unavailable)
            }
        }
    }
}

/// What binds a login to a connection's TLS (RFC 9266).
pub(super) fn bindings(info: &TlsInfo) -> Vec<sasl::ChannelBinding> {
    info.exporter.iter().map(|value| sasl::ChannelBinding::TlsExporter(*value)).collect()
}
