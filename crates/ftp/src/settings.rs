//! What the operator decides, for a listener and for an account, and limits.

use crate::ask::HashAlgorithm;
use std::time::Duration;

/// Longest command line, its end included. A path of
/// [`PATH_LEN_MAX_BYTES`](crate::path::PATH_LEN_MAX_BYTES) fits, and vsftpd draws the line there too.
pub const COMMAND_LEN_MAX_BYTES: usize = 4096;

/// How many bytes a line may go on beyond the limit until the connection ends: a client that sends so
/// much without a line end does not speak FTP.
pub const LINE_DISCARD_MAX_BYTES: usize = 64 * 1024;

/// How many bytes of commands may wait for the end of a transfer. Hundreds fit; one that sends more is
/// not served better by waiting.
pub const WAITING_MAX_BYTES: usize = 64 * 1024;

/// How many bytes to send may gather before the session waits for them to leave: a client that
/// pipelines HELP and reads nothing could else make the server hold any amount.
pub const OUTPUT_HIGH_BYTES: usize = 64 * 1024;

/// Most entries that STAT of a folder shows on the control connection; LIST shows all.
pub const STAT_ENTRIES_MAX: usize = 500;

/// Longest greeting text in bytes.
pub const TEXT_LEN_MAX_BYTES: usize = 255;

/// Limits on one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may send no command while nothing is transferred. Back-up programs think for
    /// minutes between files.
    pub idle: Duration,
    /// How long a client may take from the greeting to its login, however busy it is: a stranger may
    /// not hold a connection for long.
    pub login: Duration,
    /// How many commands that break grammar or order are answered before the session ends: a client
    /// that probes for extensions uses some, one that speaks another protocol uses it up.
    pub bad_commands_max: u32,
    /// The failed login that ends the session, so that guessing costs a connection each (RFC 2577 §5
    /// speaks of three to five tries; some clients try each stored password twice).
    pub failed_logins_max: u32,
    /// How many commands are taken before a login succeeds.
    pub commands_before_login_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            idle: Duration::from_secs(600),
            login: Duration::from_secs(120),
            bad_commands_max: 100,
            failed_logins_max: 6,
            commands_before_login_max: 300,
        }
    }
}

/// Who may log in without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainLogins {
    /// Nobody: USER is answered with 530 (RFC 4217 §10).
    Never,
    /// Accounts whose [`Profile::plain`] says so: scanners and cameras know no TLS. Where
    /// [`Ask::MayLogInPlain`](crate::Ask::MayLogInPlain) finds none, USER is answered with 530 before a
    /// password is sent. Elsewhere every name is answered with 331, and who may not in is found out at
    /// PASS: USER must not tell accounts apart (RFC 2577 §7).
    Devices,
    /// Everybody: for tests and closed networks.
    Always,
}

/// Whether a TLS data connection must resume the session of its control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataBinding {
    /// It must, or the transfer fails.
    #[default]
    Require,
    /// It should; if not, only the address is checked, and the log says so.
    Prefer,
    /// It is not looked at.
    Off,
}

/// What holds for an account, known after login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// It may log in without TLS, and after a login inside TLS transfer in the clear.
    pub plain: bool,
    /// EPSV is answered with 502, for clients that ask for it and then hang.
    pub no_epsv: bool,
    /// Missing parent folders of an upload are made.
    pub make_parents: bool,
    /// A private address in PORT or EPRT that is not the client's stands for the client's: it is behind
    /// address translation and does not know. Gives no power to reach anybody else.
    pub active_use_control_address: bool,
    /// Passed through to the transfers.
    pub data_binding: DataBinding,
}

/// A text for people that fits into a reply: printable ASCII and spaces, 1 to [`TEXT_LEN_MAX_BYTES`]
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text, or `None` if it breaks the rules above.
    pub fn new(text: &str) -> Option<Text> {
        let fits = (1..=TEXT_LEN_MAX_BYTES).contains(&text.len());
        let legal = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        (fits && legal).then(|| Text(text.to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the operator decides for all sessions of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What follows `220` in the greeting; usually names the host.
    pub greeting: Text,
    /// Who may log in without TLS.
    pub plain_logins: PlainLogins,
    /// AUTH TLS can be carried out.
    pub auth_tls: bool,
    /// Inside TLS, data connections must be protected too (PROT P), but for accounts with
    /// [`Profile::plain`].
    pub protect_data: bool,
    /// MODE Z is offered. Off by default: it costs a processor per transfer and invites bombs.
    pub mode_z: bool,
    /// Digests that HASH offers, the default first.
    pub hashes: Vec<HashAlgorithm>,
    /// Limits on one session.
    pub limits: Limits,
}

impl Settings {
    /// The usual settings of a server named `hostname`: TLS offered and demanded but from devices, data
    /// in the clear refused inside TLS, SHA-256 and BLAKE3 as digests. `None` if the name is not fit for
    /// a greeting ([`Text`]).
    pub fn new(hostname: &str) -> Option<Settings> {
        Some(Settings {
            greeting: Text::new(&format!("{hostname} FTP ready"))?,
            plain_logins: PlainLogins::Devices,
            auth_tls: true,
            protect_data: true,
            mode_z: false,
            hashes: vec![HashAlgorithm::Sha256, HashAlgorithm::Blake3],
            limits: Limits::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_into_a_reply_line() {
        let longest = "x".repeat(TEXT_LEN_MAX_BYTES);
        for (text, legal) in [
            ("ftp.example.org FTP ready", true),
            (longest.as_str(), true),
            (&format!("{longest}x"), false),
            ("", false),
            ("ready\r\n230 in", false),
            ("bereit für Post", false),
        ] {
            assert_eq!(Text::new(text).is_some(), legal, "{text}");
        }
        assert!(Settings::new("ftp.example.org").is_some());
        assert!(Settings::new("ftp\r\n").is_none());
    }
}
