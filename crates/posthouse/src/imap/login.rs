//! Who may log in: asked of whoever keeps passwords and budgets.

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

/// What binds a login to a connection's TLS (RFC 9266).
pub(super) fn bindings(info: &TlsInfo) -> Vec<sasl::ChannelBinding> {
    info.exporter.iter().map(|value| sasl::ChannelBinding::TlsExporter(*value)).collect()
}
