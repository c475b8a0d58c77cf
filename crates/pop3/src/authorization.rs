//! The AUTHORIZATION state (RFC 1939 §4).

use sasl::{Mechanism, Secret};

/// What a session owns before anybody is authenticated.
#[derive(Debug, Default)]
pub(crate) struct Authorization {
    /// The name of the last USER command, until PASS uses it.
    pub(crate) user: Option<String>,
    /// UTF8 was sent (RFC 6856 §2.1).
    pub(crate) utf8: bool,
}

/// What a command wants to happen next.
#[derive(Debug)]
pub(crate) enum Next {
    /// It has answered.
    Stay,
    /// STLS: the handshake follows.
    StartTls,
    /// PASS: check this.
    Verify { user: String, password: Secret },
    /// AUTH: begin an exchange, with the decoded initial response.
    Authenticate { mechanism: Mechanism, initial: Option<Secret> },
    /// QUIT: it has answered; close.
    Close,
}
