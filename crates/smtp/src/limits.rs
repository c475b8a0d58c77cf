//! Every limit of a session, with its unit and its reason.

use std::time::Duration;

/// The fewest recipients that a transaction must take (RFC 5321 §4.5.3.1.8).
pub const RECIPIENTS_FLOOR: u32 = 100;

/// What a session allows. Lines, paths and replies have fixed limits of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest message, in bytes after unstuffing; offered as SIZE (RFC 1870 §4).
    pub message_size_max_bytes: u64,
    /// Longest line of a message, in bytes with its CRLF. RFC 5321 §4.5.3.1.6 lets it end at 1000,
    /// but much honest mail is longer; beyond this no reader of mail copes.
    pub text_line_len_max_bytes: usize,
    /// Longest command line but AUTH, in bytes with its CRLF. RFC 5321 §4.5.3.1.4 asks for 512, and
    /// extensions add to it; 2048 holds any legal command with room.
    pub command_line_len_max_bytes: usize,
    /// Longest line of an authentication exchange, in bytes with its CRLF: 12 288 of base64, as
    /// RFC 4954 §4 asks for.
    pub auth_line_len_max_bytes: usize,
    /// Most recipients of one transaction; never taken below [`RECIPIENTS_FLOOR`].
    pub recipients_max: u32,
    /// Most recipients refused for good in one session: beyond it the client is guessing names.
    pub recipients_refused_max: u32,
    /// Most commands that were wrong in form or order before the session ends.
    pub bad_commands_max: u32,
    /// Most failed logins before the session ends.
    pub failed_logins_max: u32,
    /// Most commands of a session since its last accepted message: a client that only keeps the
    /// line open, or only asks, costs a place that others could use.
    pub fruitless_commands_max: u32,
    /// Most commands of a session in all, so that it ends some day and restarts afresh.
    pub commands_max: u32,
    /// Most `Received` fields of a message: more of them mean a loop (RFC 5321 §6.3).
    pub received_fields_max: u32,
    /// How long a client may take to the end of its next command (RFC 5321 §4.5.3.2.7).
    pub command_timeout: Duration,
    /// How long a client may be silent within a message (RFC 5321 §4.5.3.2.5).
    pub text_timeout: Duration,
    /// How long a message may be slower than [`Limits::text_rate_min_bytes_per_s`]; also the most patience that
    /// bytes can earn in advance.
    pub text_grace: Duration,
    /// How long a message may take in all, its pauses between chunks included: while it comes it holds memory that all
    /// share. The largest message needs 15 kB a second for it.
    pub text_total_timeout: Duration,
    /// Slowest pace of a message, in bytes per second: a trickle ties up a place and memory.
    pub text_rate_min_bytes_per_s: u64,
    /// Longest refused chunk that is read to its end so that the dialogue can go on (RFC 3030 §2),
    /// in bytes; after a longer one the connection is closed.
    pub chunk_drain_max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_size_max_bytes: 50 << 20,
            text_line_len_max_bytes: 64 << 10,
            command_line_len_max_bytes: 2048,
            auth_line_len_max_bytes: 12_290,
            recipients_max: 1000,
            recipients_refused_max: 50,
            bad_commands_max: 20,
            failed_logins_max: 3,
            fruitless_commands_max: 5000,
            commands_max: 1_000_000,
            received_fields_max: 50,
            command_timeout: Duration::from_secs(300),
            text_timeout: Duration::from_secs(180),
            text_grace: Duration::from_secs(300),
            text_total_timeout: Duration::from_secs(3600),
            text_rate_min_bytes_per_s: 500,
            chunk_drain_max_bytes: 200 << 20,
        }
    }
}

impl Limits {
    /// Most recipients of one transaction, at least [`RECIPIENTS_FLOOR`].
    pub fn recipients_max(&self) -> usize {
        self.recipients_max.max(RECIPIENTS_FLOOR) as usize
    }
}
