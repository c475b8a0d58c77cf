//! Finding the record at the end of a message.

use super::TYPE;
use super::mac::Hasher;

/// The message cannot be read, or its TSIG stands where none may (RFC 8945 §5.1): FORMERR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// A TSIG record as it stands in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// Where the record begins, in bytes from the message's start.
    pub start: usize,
    /// The key's name in wire form, in lower case.
    pub key_name: Vec<u8>,
    /// The algorithm's name in wire form, in lower case.
    pub algorithm_name: Vec<u8>,
    /// When it was signed, in seconds since 1970.
    pub time_s: u64,
    /// How far off that may be, in seconds.
    pub fudge_s: u16,
    /// The MAC, perhaps shortened.
    pub mac: &'a [u8],
    /// The message's id when it was signed.
    pub original_id: u16,
    /// The error field.
    pub error: u16,
    /// The other data.
    pub other: &'a [u8],
}

/// Bytes of the header.
const HEADER_LEN_BYTES: usize = 12;
/// The longest name in bytes (RFC 1035 §2.3.4).
const NAME_LEN_MAX_BYTES: usize = 255;

/// Finds a message's TSIG; nothing if it has none.
///
/// # Errors
/// See [`Malformed`].
pub fn find(message: &[u8]) -> Result<Option<Found<'_>>, Malformed> {
    let count = |at: usize| message.get(at..at + 2).map(|two| usize::from(two[0]) << 8 | usize::from(two[1]));
    let (Some(questions), Some(answers), Some(authorities), Some(additionals)) =
        (count(4), count(6), count(8), count(10))
    else {
        return Err(Malformed);
    };
    let mut at = HEADER_LEN_BYTES;
    for _ in 0..questions {
        at = skip_name(message, at).ok_or(Malformed)? + 4;
    }
    let records = answers + authorities + additionals;
    for index in 1..=records {
        let after_name = skip_name(message, at).ok_or(Malformed)?;
        let head = message.get(after_name..after_name + 10).ok_or(Malformed)?;
        let data_len = usize::from(head[8]) << 8 | usize::from(head[9]);
        let end = after_name + 10 + data_len;
        if end > message.len() {
            return Err(Malformed);
        }
        if u16::from_be_bytes([head[0], head[1]]) == TYPE {
            // Only one, and only as the last record of the additional section.
            if index != records || additionals == 0 || head[2..8] != [0, 255, 0, 0, 0, 0] {
                return Err(Malformed);
            }
            return read(message, at, after_name + 10, end).map(Some).ok_or(Malformed);
        }
        at = end;
    }
    Ok(None)
}

/// Reads the record from `start`, whose data stand at `data..end`.
fn read(message: &[u8], start: usize, data: usize, end: usize) -> Option<Found<'_>> {
    // Nothing may follow what is signed.
    let rest = message.get(..end).filter(|rest| rest.len() == message.len())?;
    let mut key_name = Vec::new();
    read_name(rest, start, &mut key_name)?;
    let mut algorithm_name = Vec::new();
    let at = read_name(rest, data, &mut algorithm_name)?;
    let short = |at: usize| rest.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    let time = rest.get(at..at + 6)?;
    let time_s = time.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let fudge_s = short(at + 6)?;
    let mac_end = at + 10 + usize::from(short(at + 8)?);
    let mac = rest.get(at + 10..mac_end)?;
    let (original_id, error) = (short(mac_end)?, short(mac_end + 2)?);
    let other_end = mac_end + 6 + usize::from(short(mac_end + 4)?);
    let other = rest.get(mac_end + 6..other_end).filter(|_| other_end == end)?;
    Some(Found { start, key_name, algorithm_name, time_s, fudge_s, mac, original_id, error, other })
}

/// Feeds a message as it was before it was signed: without the record, under its first id
/// (RFC 8945 §5.2.2).
pub(super) fn feed_unsigned(hasher: &mut Hasher, message: &[u8], found: &Found<'_>) {
    let additionals = u16::from_be_bytes([message[10], message[11]]).wrapping_sub(1);
    hasher.feed(&found.original_id.to_be_bytes());
    hasher.feed(&message[2..10]);
    hasher.feed(&additionals.to_be_bytes());
    hasher.feed(&message[HEADER_LEN_BYTES..found.start]);
}

/// Where a name that begins at `at` ends; compression pointers are not followed.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let len = usize::from(*message.get(at)?);
        match len {
            0 => return Some(at + 1),
            1..=63 => at += 1 + len,
            192.. => return message.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}

/// Reads a name, following pointers backwards only, in lower case; gives where it ends.
pub(super) fn read_name(message: &[u8], mut at: usize, name: &mut Vec<u8>) -> Option<usize> {
    let mut end = None;
    let mut before = at;
    loop {
        let len = usize::from(*message.get(at)?);
        match len {
            0..=63 => {
                name.extend(message.get(at..=at + len)?.iter().map(u8::to_ascii_lowercase));
                if name.len() > NAME_LEN_MAX_BYTES {
                    return None;
                }
                at += 1 + len;
                if len == 0 {
                    return end.or(Some(at));
                }
            }
            192.. => {
                let target = (len & 63) << 8 | usize::from(*message.get(at + 1)?);
                end = end.or(Some(at + 2));
                // A prior occurrence (RFC 1035 §4.1.4): the way only leads back.
                if target >= before {
                    return None;
                }
                (at, before) = (target, target);
            }
            _ => return None,
        }
    }
}
