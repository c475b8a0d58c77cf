//! What one session may cost.

use std::time::Duration;

/// A tag: clients use under 20 bytes; each is echoed, so it is worth a bound.
pub const TAG_LEN_MAX_BYTES: usize = 100;
/// A mailbox name in UTF-8, so that names fit every index of the store.
pub const MAILBOX_NAME_LEN_MAX_BYTES: usize = 1000;
/// Levels of a mailbox name, so that walking up to the root stays cheap.
pub const MAILBOX_DEPTH_MAX: usize = 50;
/// A keyword: the longest in use ($MailFlagBit0, $PhishingReported) have under 30 bytes.
pub const KEYWORD_LEN_MAX_BYTES: usize = 100;
/// Flags and keywords in one command.
pub const FLAGS_MAX: usize = 100;
/// Ranges of one sequence set: Apple Mail names thousands of scattered UIDs in one command.
pub const SEQUENCE_RANGES_MAX: usize = 100_000;
/// Search keys in one command, all levels together.
pub const SEARCH_KEYS_MAX: usize = 1000;
/// Parentheses, NOT and OR inside each other; bounds the recursion (CVE-2026-27857 is the case in
/// point for parsers without such a bound).
pub const SEARCH_DEPTH_MAX: usize = 50;
/// Items of one FETCH.
pub const FETCH_ITEMS_MAX: usize = 100;
/// Header names in one `HEADER.FIELDS`.
pub const HEADER_FIELDS_MAX: usize = 200;
/// Levels of a MIME part number such as `1.2.3`.
pub const PART_DEPTH_MAX: usize = 50;
/// Patterns in one LIST.
pub const LIST_PATTERNS_MAX: usize = 100;
/// Items of one STATUS, options of one LIST or SEARCH: all known ones many times over.
pub const OPTIONS_MAX: usize = 30;
/// Field-value pairs of ID (RFC 2971 §3.3).
pub const ID_PAIRS_MAX: usize = 30;
/// A field name of ID (RFC 2971 §3.3).
pub const ID_FIELD_LEN_MAX_BYTES: usize = 30;
/// A value of ID (RFC 2971 §3.3).
pub const ID_VALUE_LEN_MAX_BYTES: usize = 1024;

/// Command lines before login: a SASL response with a long token fits.
pub const TEXT_BEFORE_LOGIN_MAX_BYTES: usize = 8 * 1024;
/// One literal before login (what LITERAL- allows too, RFC 7888 §5).
pub const LITERAL_BEFORE_LOGIN_MAX_BYTES: u64 = 4096;
/// A whole command before login.
pub const COMMAND_BEFORE_LOGIN_MAX_BYTES: u64 = 16 * 1024;
/// Command lines after login: SOGo names every UID it knows in one line.
pub const TEXT_MAX_BYTES: usize = 1024 * 1024;
/// One literal after login that is not a message.
pub const LITERAL_MAX_BYTES: u64 = 64 * 1024;
/// All literals of a command after login that are not messages.
pub const LITERALS_TOTAL_MAX_BYTES: u64 = 4 * 1024 * 1024;
/// An oversized literal that comes without permission is read and dropped up to this size before
/// login; a larger one ends the connection.
pub const DISCARD_BEFORE_LOGIN_MAX_BYTES: u64 = 64 * 1024;
/// The same after login: a message somewhat above the limit keeps its session.
pub const DISCARD_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// BAD answers before login until the connection is closed.
pub const BAD_BEFORE_LOGIN_MAX: u32 = 10;
/// Refused logins until the connection is closed.
pub const FAILED_LOGINS_MAX: u32 = 5;
/// BAD answers in a row after login until the connection is closed: a client that talks another
/// protocol is stopped, one that probes extensions is not.
pub const BAD_IN_A_ROW_MAX: u32 = 50;

/// Silence before login: enough to type a password on a slow line.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(120);
/// All time before login, so that single bytes cannot hold a connection for ever.
pub const LOGIN_TOTAL_TIMEOUT: Duration = Duration::from_secs(180);
/// Silence after login. RFC 9051 §5.4: at least 30 minutes.
pub const AUTOLOGOUT_TIMEOUT: Duration = Duration::from_secs(30 * 60 + 30);
/// A client that idles is told `* OK Still here` after this time: short enough for address
/// translators that forget a connection after 30 minutes, long enough to spare phone batteries.
pub const IDLE_KEEPALIVE: Duration = Duration::from_secs(25 * 60);
