//! Replies (RFC 959 §4.2).

use crate::path::VirtualPath;
use crate::refusal::Refusal;

/// Adds a reply of one line.
pub(crate) fn line(out: &mut Vec<u8>, code: u16, text: &str) {
    write(out, code, ' ', text);
}

/// Adds a reply of many lines. Those between begin with a space, so that none looks like the last (RFC 959
/// §4.2), which FEAT and MLST demand as well (RFC 2389 §3.2, RFC 3659 §7.2).
pub(crate) fn lines<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    code: u16,
    first: &str,
    between: impl IntoIterator<Item = T>,
    last: &str,
) {
    write(out, code, '-', first);
    for text in between {
        out.push(b' ');
        let start = out.len();
        out.extend_from_slice(text.as_ref());
        debug_assert!(is_one_line(&out[start..]));
        out.extend_from_slice(b"\r\n");
    }
    write(out, code, ' ', last);
}

/// Adds what a refusal says.
pub(crate) fn refuse(out: &mut Vec<u8>, refusal: Refusal) {
    line(out, refusal.code(), &refusal.text());
}

/// A path in quotes, with its own quotes doubled (RFC 959 Appendix II).
pub(crate) fn quoted(path: &VirtualPath) -> String {
    format!("\"{}\"", path.as_str().replace('"', "\"\""))
}

fn write(out: &mut Vec<u8>, code: u16, mark: char, text: &str) {
    // Nothing that a client sent can make a second line: paths hold no CR and LF.
    debug_assert!(is_one_line(text.as_bytes()), "{text:?}");
    out.extend_from_slice(format!("{code}{mark}{text}\r\n").as_bytes());
}

fn is_one_line(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
}
