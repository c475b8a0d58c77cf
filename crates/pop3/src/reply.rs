//! Single-line replies (RFC 1939 §3, RFC 2449 §3).

use crate::refusal::Refusal;
use crate::settings::REPLY_LEN_MAX_BYTES;

/// Adds `+OK text`.
pub(crate) fn ok(out: &mut Vec<u8>, text: &str) {
    line(out, "+OK", text);
}

/// Adds `-ERR` with what the refusal says.
pub(crate) fn err(out: &mut Vec<u8>, refusal: Refusal) {
    line(out, "-ERR", &refusal.text());
}

fn line(out: &mut Vec<u8>, status: &str, text: &str) {
    let start = out.len();
    out.extend_from_slice(status.as_bytes());
    out.push(b' ');
    out.extend_from_slice(text.as_bytes());
    // All texts are ours and short; a longer one would break clients with a fixed buffer.
    debug_assert!(out.len() - start + 2 <= REPLY_LEN_MAX_BYTES, "{text}");
    out.extend_from_slice(b"\r\n");
}
