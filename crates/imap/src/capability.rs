//! The capability list: made from [`EXTENSIONS`] and the rows of [`COMMANDS`].

use crate::command::{COMMANDS, When};
use crate::session::TlsState;
use sasl::Offer;

/// When a capability that is no command is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// Before and after login: some clients decide by what they are told first.
    Always,
    /// Before login, when TLS can be started.
    BeforeTls,
    /// Before login, when no password may be sent.
    LoginDisabled,
}

/// A row of [`EXTENSIONS`].
#[derive(Debug, Clone, Copy)]
pub struct Extension {
    /// The name as listed.
    pub name: &'static str,
    /// When.
    pub offered: Offered,
}

/// What is listed beside what the commands bring.
pub const EXTENSIONS: &[Extension] = &[
    Extension { name: "IMAP4rev1", offered: Offered::Always },
    Extension { name: "IMAP4rev2", offered: Offered::Always },
    Extension { name: "LITERAL+", offered: Offered::Always },
    Extension { name: "CONDSTORE", offered: Offered::Always },
    Extension { name: "SEARCHRES", offered: Offered::Always },
    Extension { name: "STARTTLS", offered: Offered::BeforeTls },
    Extension { name: "LOGINDISABLED", offered: Offered::LoginDisabled },
];

/// What is listed now. `offer` is `None` after login.
pub(crate) fn list(tls: TlsState, offer: Option<&Offer>) -> Vec<String> {
    let mut names: Vec<String> = EXTENSIONS
        .iter()
        .filter(|extension| match extension.offered {
            Offered::Always => true,
            Offered::BeforeTls => offer.is_some() && tls == TlsState::Available,
            Offered::LoginDisabled => offer.is_some_and(|offer| !(offer.tls || offer.allow_plaintext)),
        })
        .map(|extension| extension.name.to_string())
        .collect();
    let rows = COMMANDS.iter().filter(|row| offer.is_some() || row.when != When::NotAuthenticated);
    names.extend(rows.flat_map(|row| row.capabilities).map(|name| (*name).to_string()));
    let mechanisms = offer.into_iter().flat_map(Offer::mechanisms);
    names.extend(mechanisms.map(|mechanism| format!("AUTH={mechanism}")));
    names
}
