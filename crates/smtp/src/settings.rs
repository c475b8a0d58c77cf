//! What a server offers.

use crate::Limits;
use wire::Budget;

/// Which of its three trades a listener plies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Mail from other servers, port 25.
    Mx,
    /// Mail from users, ports 587 and 465 (RFC 6409, RFC 8314).
    Submission,
    /// Mail from another server of the house, one reply per recipient (RFC 2033).
    Lmtp,
}

/// What all sessions of a listener share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name in greetings; printable ASCII.
    pub hostname: String,
    /// Which trade.
    pub service: Service,
    /// The limits.
    pub limits: Limits,
    /// A certificate exists, so STARTTLS can be offered. LMTP never offers it.
    pub offer_starttls: bool,
    /// Logins are taken without TLS: for tests and closed networks.
    pub allow_plaintext_auth: bool,
    /// The memory that the messages of all sessions share.
    pub budget: Budget,
}
