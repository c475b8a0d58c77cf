//! What the operator decides, and the limits that keep a stranger from costing much.

use std::time::Duration;

/// Longest command line, CRLF included (RFC 2449 §4 demands that so much is taken).
pub const COMMAND_LEN_MAX_BYTES: usize = 255;

/// Longest reply line, CRLF included (RFC 1939 §3, RFC 2449 §4).
pub const REPLY_LEN_MAX_BYTES: usize = 512;

/// Longest line of an AUTH exchange, CRLF included (RFC 5034 §4: 12 288 octets of base64). An AUTH
/// command may be as long, since tokens are sent as initial responses in practice.
pub const AUTH_LINE_LEN_MAX_BYTES: usize = sasl::limits::RESPONSE_LEN_MAX_BYTES + COMMAND_LEN_MAX_BYTES;

/// How many bytes to send may gather before the session waits for them to leave. Without this, a
/// client that pipelines many listings of a large maildrop could make the server hold gigabytes.
pub const OUTPUT_HIGH_BYTES: usize = 64 * 1024;

/// The shortest permitted inactivity timer (RFC 1939 §3).
pub const IDLE_MIN: Duration = Duration::from_secs(600);

/// Longest greeting text in bytes, so that the line stays well under [`REPLY_LEN_MAX_BYTES`].
pub const TEXT_LEN_MAX_BYTES: usize = 255;

/// Limits on one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may send no command. At least [`IDLE_MIN`]; less counts as that.
    pub idle: Duration,
    /// How long a client may take from the greeting to its login, however busy it is: a stranger
    /// may not hold a connection for long. At least [`IDLE_MIN`]; less counts as that.
    pub login: Duration,
    /// How many commands that break grammar or order are answered before the session ends: enough
    /// for a client that probes for extensions, too few for one that speaks another protocol.
    pub bad_commands_max: u32,
    /// How many logins may fail before the session ends, so that guessing costs a connection each.
    pub failed_logins_max: u32,
    /// How many commands are taken before a login succeeds: a stranger may not keep a connection
    /// for ever by asking for capabilities.
    pub commands_before_login_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            idle: IDLE_MIN,
            login: IDLE_MIN * 3 / 2,
            bad_commands_max: 20,
            failed_logins_max: 3,
            commands_before_login_max: 60,
        }
    }
}

/// How long messages stay if the client leaves them (RFC 2449 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expire {
    /// The server deletes none by itself.
    Never,
    /// At least so many days.
    Days(u32),
}

/// A text for people that fits into a greeting or a capability: printable ASCII and spaces without
/// `<` (which would announce APOP, RFC 1939 §7) and `[` (which would begin a response code, RFC
/// 2449 §3); 1 to [`TEXT_LEN_MAX_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text, or `None` if it breaks the rules above.
    pub fn new(text: &str) -> Option<Text> {
        let fits = (1..=TEXT_LEN_MAX_BYTES).contains(&text.len());
        let legal = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'<' && byte != b'[');
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
    /// What follows `+OK` in the greeting; usually names the host.
    pub greeting: Text,
    /// What CAPA names as the implementation (RFC 2449 §6.9).
    pub implementation: Text,
    /// Logins without TLS are taken: for tests and closed networks (RFC 8314 §4.1 wants TLS).
    pub allow_plaintext: bool,
    /// STLS can be carried out.
    pub stls: bool,
    /// Seconds between logins of one user, announced as LOGIN-DELAY and kept by the outside; 0 is none.
    pub login_delay_s: u32,
    /// The announced retention of messages.
    pub expire: Expire,
    /// Limits on one session.
    pub limits: Limits,
}

impl Settings {
    /// The usual settings of a server named `hostname`: TLS demanded and offered, no login delay,
    /// messages kept for ever. `None` if the name is not fit for a greeting ([`Text`]).
    pub fn new(hostname: &str) -> Option<Settings> {
        Some(Settings {
            greeting: Text::new(&format!("{hostname} POP3 ready"))?,
            implementation: Text::new("Posthouse")?,
            allow_plaintext: false,
            stls: true,
            login_delay_s: 0,
            expire: Expire::Never,
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
            ("mx.example.org POP3 ready", true),
            (longest.as_str(), true),
            (&format!("{longest}x"), false),
            ("", false),
            ("<1@example.org>", false),
            ("[AUTH] ready", false),
            ("ready\r\n+OK", false),
            ("bereit für Post", false),
        ] {
            assert_eq!(Text::new(text).is_some(), legal, "{text}");
        }
        assert!(Settings::new("mx.example.org").is_some());
        assert!(Settings::new("mx\r\n").is_none());
    }
}
