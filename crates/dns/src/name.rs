//! Domain names (RFC 1035 §3.1) as their uncompressed wire form.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// A label is at most this many bytes (RFC 1035 §2.3.4).
pub const LABEL_LEN_MAX_BYTES: usize = 63;
/// A name, with its length bytes and the root's, is at most this many bytes (RFC 1035 §2.3.4).
pub const NAME_LEN_MAX_BYTES: usize = 255;
/// Labels of the longest name, without the root's: 127 of one byte each take 254 bytes.
pub const LABELS_MAX: usize = 127;

/// A name that ends at the root, at most [`NAME_LEN_MAX_BYTES`] bytes, in the case it was written in.
///
/// Equality and hash ignore the case of ASCII letters (RFC 4343 §3); the order is the canonical
/// one of RFC 4034 §6.1: label by label from the root, so that what is below a name follows it.
#[derive(Clone)]
pub struct Name {
    wire: Arc<[u8]>,
}

/// Why bytes or text are no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// The bytes end before the root label.
    Truncated,
    /// Bytes follow the root label where only a name may stand.
    TrailingBytes,
    /// A length byte from 64 to 191, which RFC 1035 §4.1.4 reserves.
    ReservedLabelType,
    /// A compression pointer where none may stand.
    UnexpectedPointer,
    /// A compression pointer that does not lead to an earlier place (RFC 1035 §4.1.4).
    BadPointer,
    /// Over [`NAME_LEN_MAX_BYTES`].
    NameTooLong,
    /// Over [`LABEL_LEN_MAX_BYTES`].
    LabelTooLong,
    /// Two dots in a row, or one at the beginning.
    EmptyLabel,
    /// A backslash that is not followed by a byte, or by three digits up to 255 (RFC 1035 §5.1).
    BadEscape,
    /// Text without a final dot where no origin is known.
    NoOrigin,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::Truncated => "the name is cut short",
            NameError::TrailingBytes => "bytes follow the name",
            NameError::ReservedLabelType => "a label of a reserved type",
            NameError::UnexpectedPointer => "a compressed name where none may stand",
            NameError::BadPointer => "a compression pointer that does not lead backwards",
            NameError::NameTooLong => "the name is over 255 bytes",
            NameError::LabelTooLong => "a label is over 63 bytes",
            NameError::EmptyLabel => "an empty label",
            NameError::BadEscape => "a bad escape",
            NameError::NoOrigin => "a relative name, and no origin is set",
        })
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// The root, `.`.
    pub fn root() -> Self {
        Name { wire: Arc::new([0]) }
    }

    /// The name whose uncompressed wire form is exactly `wire`.
    ///
    /// # Errors
    /// Any [`NameError`] of the wire form; [`NameError::TrailingBytes`] if more follows.
    pub fn from_wire(wire: &[u8]) -> Result<Self, NameError> {
        let len = wire_len(wire)?;
        if len != wire.len() {
            return Err(NameError::TrailingBytes);
        }
        Ok(Name { wire: wire.into() })
    }

    /// The uncompressed name at the beginning of `wire`, which may go on behind it.
    ///
    /// # Errors
    /// Any [`NameError`] of the wire form.
    pub fn from_wire_prefix(wire: &[u8]) -> Result<Self, NameError> {
        let len = wire_len(wire)?;
        Ok(Name { wire: wire[..len].into() })
    }

    /// The possibly compressed name at `at` in `message`, and the offset behind it.
    ///
    /// Pointers must lead strictly backwards, each further than the one before (RFC 1035 §4.1.4: "a
    /// prior occurrence"), and there are at most [`LABELS_MAX`] of them.
    ///
    /// # Errors
    /// Any [`NameError`] of the wire form.
    pub fn from_message(message: &[u8], at: usize) -> Result<(Self, usize), NameError> {
        let mut buf = [0u8; NAME_LEN_MAX_BYTES];
        let (len, end) = expand(message, at, &mut buf)?;
        Ok((Name { wire: buf[..len].into() }, end))
    }

    /// Reads the presentation form (RFC 1035 §5.1); a name without a final dot is completed by
    /// `origin`, and `@` alone is the origin.
    ///
    /// # Errors
    /// Any [`NameError`] of text; [`NameError::NoOrigin`] for a relative name without an origin.
    pub fn parse(text: &[u8], origin: Option<&Name>) -> Result<Self, NameError> {
        if text == b"@" {
            return origin.cloned().ok_or(NameError::NoOrigin);
        }
        let mut buf = [0u8; NAME_LEN_MAX_BYTES];
        let (len, absolute) = parse_labels(text, &mut buf)?;
        if absolute {
            return Ok(Name { wire: buf[..len].into() });
        }
        let origin = origin.ok_or(NameError::NoOrigin)?.as_wire();
        let total = len + origin.len();
        if total > NAME_LEN_MAX_BYTES {
            return Err(NameError::NameTooLong);
        }
        buf[len..total].copy_from_slice(origin);
        Ok(Name { wire: buf[..total].into() })
    }

    /// The uncompressed wire form: length bytes and labels, ended by the root's zero.
    pub fn as_wire(&self) -> &[u8] {
        &self.wire
    }

    /// The labels from the left, without the root's.
    pub fn labels(&self) -> Labels<'_> {
        Labels { rest: &self.wire }
    }

    /// How many labels there are, the root's not counted; a `*` counts.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.wire.len() == 1
    }

    /// Whether the leftmost label is `*` (RFC 4592 §2.1.1).
    pub fn is_wildcard(&self) -> bool {
        self.wire.starts_with(b"\x01*")
    }

    /// The name without its leftmost label; `None` for the root.
    pub fn parent(&self) -> Option<Name> {
        if self.is_root() {
            return None;
        }
        Some(Name { wire: self.wire[1 + usize::from(self.wire[0])..].into() })
    }

    /// The rightmost `count` labels; the whole name if it has no more.
    pub fn suffix(&self, count: usize) -> Name {
        let mut rest: &[u8] = &self.wire;
        for _ in count..self.label_count() {
            rest = &rest[1 + usize::from(rest[0])..];
        }
        Name { wire: rest.into() }
    }

    /// Whether the name is `ancestor` or below it.
    pub fn is_at_or_below(&self, ancestor: &Name) -> bool {
        wire_is_at_or_below(&self.wire, &ancestor.wire)
    }

    /// Whether the name is below `ancestor` and not it.
    pub fn is_below(&self, ancestor: &Name) -> bool {
        self.wire.len() > ancestor.wire.len() && self.is_at_or_below(ancestor)
    }

    /// The name with `label` put before it.
    ///
    /// # Errors
    /// [`NameError::EmptyLabel`], [`NameError::LabelTooLong`], [`NameError::NameTooLong`].
    pub fn prepend(&self, label: &[u8]) -> Result<Name, NameError> {
        if label.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if label.len() > LABEL_LEN_MAX_BYTES {
            return Err(NameError::LabelTooLong);
        }
        if self.wire.len() + label.len() + 1 > NAME_LEN_MAX_BYTES {
            return Err(NameError::NameTooLong);
        }
        let mut wire = Vec::with_capacity(self.wire.len() + label.len() + 1);
        wire.push(label.len() as u8);
        wire.extend_from_slice(label);
        wire.extend_from_slice(&self.wire);
        Ok(Name { wire: wire.into() })
    }

    /// All labels of `self` before those of `suffix`: `www` + `example.org.`.
    ///
    /// # Errors
    /// [`NameError::NameTooLong`].
    pub fn concat(&self, suffix: &Name) -> Result<Name, NameError> {
        let own = &self.wire[..self.wire.len() - 1];
        if own.len() + suffix.wire.len() > NAME_LEN_MAX_BYTES {
            return Err(NameError::NameTooLong);
        }
        Ok(Name { wire: [own, &suffix.wire].concat().into() })
    }

    /// The labels that `self` has above `ancestor`, put before `target`: what DNAME does (RFC 6672 §2.2).
    /// `None` if `self` is not at or below `ancestor`.
    ///
    /// # Errors
    /// [`NameError::NameTooLong`].
    pub fn rebase(&self, ancestor: &Name, target: &Name) -> Option<Result<Name, NameError>> {
        if !self.is_at_or_below(ancestor) {
            return None;
        }
        let own = &self.wire[..self.wire.len() - ancestor.wire.len()];
        if own.len() + target.wire.len() > NAME_LEN_MAX_BYTES {
            return Some(Err(NameError::NameTooLong));
        }
        Some(Ok(Name { wire: [own, &target.wire].concat().into() }))
    }

    /// `*.` and the name.
    ///
    /// # Errors
    /// [`NameError::NameTooLong`].
    pub fn wildcard(&self) -> Result<Name, NameError> {
        self.prepend(b"*")
    }

    /// The name with all ASCII letters in lower case: the canonical form of RFC 4034 §6.2.
    pub fn to_lowercase(&self) -> Name {
        // Length bytes are at most 63 and so never letters.
        Name { wire: self.wire.to_ascii_lowercase().into() }
    }

    /// Bytes whose order by `memcmp` is the canonical order of names (RFC 4034 §6.1): the labels from
    /// the root, in lower case, each ended by a zero byte, with 0 and 1 inside of labels escaped by 1.
    pub fn sort_key(&self) -> Vec<u8> {
        let mut offsets = [0u8; LABELS_MAX];
        let count = label_offsets(&self.wire, &mut offsets);
        let mut key = Vec::with_capacity(self.wire.len() + 2);
        for &at in offsets[..count].iter().rev() {
            let at = usize::from(at);
            for &byte in &self.wire[at + 1..=at + usize::from(self.wire[at])] {
                match byte.to_ascii_lowercase() {
                    low @ 0..=1 => key.extend_from_slice(&[1, low + 1]),
                    byte => key.push(byte),
                }
            }
            key.push(0);
        }
        key
    }

    /// The presentation form without the final dot, as people write mail domains; the root is `.`.
    pub fn to_text_without_dot(&self) -> String {
        let mut text = self.to_string();
        if text.len() > 1 {
            text.pop();
        }
        text
    }
}

/// The labels of a name from the left, without the root's.
#[derive(Clone)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.rest[0]);
        if len == 0 {
            return None;
        }
        let (label, rest) = self.rest[1..].split_at(len);
        self.rest = rest;
        Some(label)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut low = [0u8; NAME_LEN_MAX_BYTES];
        let low = &mut low[..self.wire.len()];
        low.copy_from_slice(&self.wire);
        low.make_ascii_lowercase();
        state.write(low);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        canonical_cmp(&self.wire, &other.wire)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Name {
    type Err = NameError;

    /// Reads a name as absolute, whether or not it ends with a dot.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if text == "@" {
            return Err(NameError::NoOrigin);
        }
        Name::parse(text.as_bytes(), Some(&Name::root()))
    }
}

impl fmt::Display for Name {
    /// The presentation form with a final dot; bytes that mean something in master files, blanks and
    /// what is not printable ASCII are escaped (RFC 1035 §5.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'"' | b'(' | b')' | b'.' | b';' | b'\\' | b'@' | b'$' => {
                        write!(f, "\\{}", byte as char)?
                    }
                    0x21..=0x7e => write!(f, "{}", byte as char)?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The length in bytes of the uncompressed name at the beginning of `wire`.
pub(crate) fn wire_len(wire: &[u8]) -> Result<usize, NameError> {
    let mut at = 0;
    loop {
        match *wire.get(at).ok_or(NameError::Truncated)? {
            0 => break,
            len @ 1..=63 => at += 1 + usize::from(len),
            64..=191 => return Err(NameError::ReservedLabelType),
            192..=255 => return Err(NameError::UnexpectedPointer),
        }
        if at >= NAME_LEN_MAX_BYTES {
            return Err(NameError::NameTooLong);
        }
    }
    Ok(at + 1)
}

/// Writes the possibly compressed name at `at` into `buf`; gives its length there and the offset behind it.
pub(crate) fn expand(
    message: &[u8],
    at: usize,
    buf: &mut [u8; NAME_LEN_MAX_BYTES],
) -> Result<(usize, usize), NameError> {
    expand_watched(message, at, buf, || {})
}

/// The same; `step` is called for each label and each pointer that is looked at.
fn expand_watched(
    message: &[u8],
    at: usize,
    buf: &mut [u8; NAME_LEN_MAX_BYTES],
    mut step: impl FnMut(),
) -> Result<(usize, usize), NameError> {
    let (mut from, mut len, mut end, mut lowest) = (at, 0, None, at);
    // A name of 127 labels needs no more pointers than that; a chain of them costs time and says nothing.
    let mut pointers_left = LABELS_MAX;
    loop {
        step();
        let byte = *message.get(from).ok_or(NameError::Truncated)?;
        match byte {
            0..=63 => {
                let whole = 1 + usize::from(byte);
                let label = message.get(from..from + whole).ok_or(NameError::Truncated)?;
                // One byte stays for the root's label.
                if len + whole + usize::from(byte != 0) > NAME_LEN_MAX_BYTES {
                    return Err(NameError::NameTooLong);
                }
                buf[len..len + whole].copy_from_slice(label);
                len += whole;
                from += whole;
                if byte == 0 {
                    return Ok((len, end.unwrap_or(from)));
                }
            }
            64..=191 => return Err(NameError::ReservedLabelType),
            192..=255 => {
                let low = *message.get(from + 1).ok_or(NameError::Truncated)?;
                end.get_or_insert(from + 2);
                let target = usize::from(byte & 0x3f) << 8 | usize::from(low);
                if target >= lowest || pointers_left == 0 {
                    return Err(NameError::BadPointer);
                }
                pointers_left -= 1;
                lowest = target;
                from = target;
            }
        }
    }
}

/// Where the labels of an uncompressed name begin; gives their number, the root's not counted.
pub(crate) fn label_offsets(wire: &[u8], offsets: &mut [u8; LABELS_MAX]) -> usize {
    let (mut at, mut count) = (0, 0);
    while wire[at] != 0 {
        offsets[count] = at as u8;
        count += 1;
        at += 1 + usize::from(wire[at]);
    }
    count
}

/// Whether the uncompressed name `wire` is `ancestor` or below it.
pub(crate) fn wire_is_at_or_below(wire: &[u8], ancestor: &[u8]) -> bool {
    let Some(cut) = wire.len().checked_sub(ancestor.len()) else { return false };
    let mut at = 0;
    while at < cut {
        at += 1 + usize::from(wire[at]);
    }
    at == cut && wire[cut..].eq_ignore_ascii_case(ancestor)
}

/// The canonical order of two uncompressed names (RFC 4034 §6.1).
pub(crate) fn canonical_cmp(left: &[u8], right: &[u8]) -> Ordering {
    // Most of what is compared stands side by side under one parent: then the first label decides.
    let (l_label, l_tail) = left.split_at(1 + usize::from(left[0]).min(left.len() - 1));
    let (r_label, r_tail) = right.split_at(1 + usize::from(right[0]).min(right.len() - 1));
    if l_tail == r_tail {
        return label_cmp(&l_label[1..], &r_label[1..]);
    }
    let (mut l_at, mut r_at) = ([0u8; LABELS_MAX], [0u8; LABELS_MAX]);
    let (l_count, r_count) = (label_offsets(left, &mut l_at), label_offsets(right, &mut r_at));
    for (&l, &r) in l_at[..l_count].iter().rev().zip(r_at[..r_count].iter().rev()) {
        let (l, r) = (usize::from(l), usize::from(r));
        let l_label = &left[l + 1..=l + usize::from(left[l])];
        let r_label = &right[r + 1..=r + usize::from(right[r])];
        match label_cmp(l_label, r_label) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    l_count.cmp(&r_count)
}

fn label_cmp(left: &[u8], right: &[u8]) -> Ordering {
    for (l, r) in left.iter().zip(right) {
        match l.to_ascii_lowercase().cmp(&r.to_ascii_lowercase()) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    left.len().cmp(&right.len())
}

/// Writes the labels of presentation text into `buf`, with the root's if the text ends with a dot. Gives
/// the length and whether the name is absolute.
pub(crate) fn parse_labels(
    text: &[u8],
    buf: &mut [u8; NAME_LEN_MAX_BYTES],
) -> Result<(usize, bool), NameError> {
    if text == b"." {
        buf[0] = 0;
        return Ok((1, true));
    }
    // `start` is where the length byte of the open label stands.
    let (mut start, mut len, mut at) = (0, 1, 0);
    while at < text.len() {
        let byte = match text[at] {
            b'.' => {
                close_label(buf, start, len)?;
                start = len;
                len += 1;
                at += 1;
                if len > NAME_LEN_MAX_BYTES {
                    return Err(NameError::NameTooLong);
                }
                continue;
            }
            b'\\' => {
                let (byte, used) = unescape(&text[at..]).ok_or(NameError::BadEscape)?;
                at += used;
                byte
            }
            byte => {
                at += 1;
                byte
            }
        };
        *buf.get_mut(len).ok_or(NameError::NameTooLong)? = byte;
        len += 1;
    }
    if len == start + 1 && start > 0 {
        buf[start] = 0;
        return Ok((len, true));
    }
    close_label(buf, start, len)?;
    if len == NAME_LEN_MAX_BYTES {
        return Err(NameError::NameTooLong);
    }
    Ok((len, false))
}

fn close_label(buf: &mut [u8], start: usize, len: usize) -> Result<(), NameError> {
    match len - start - 1 {
        0 => Err(NameError::EmptyLabel),
        size @ 1..=LABEL_LEN_MAX_BYTES => {
            buf[start] = size as u8;
            Ok(())
        }
        _ => Err(NameError::LabelTooLong),
    }
}

/// The byte that the escape at the beginning of `text` stands for, and the escape's length.
pub(crate) fn unescape(text: &[u8]) -> Option<(u8, usize)> {
    let first = *text.get(1)?;
    if !first.is_ascii_digit() {
        return Some((first, 2));
    }
    let digits = text.get(1..4)?;
    let mut value = 0u16;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u16::from(digit - b'0');
    }
    Some((u8::try_from(value).ok()?, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name is read within so many steps: its labels, the root's too, and as many pointers as a name has labels,
    /// one more being refused.
    const STEPS_MAX: usize = 2 * (LABELS_MAX + 1);

    fn steps(message: &[u8], at: usize) -> (usize, Result<(usize, usize), NameError>) {
        let mut count = 0;
        let found = expand_watched(message, at, &mut [0; NAME_LEN_MAX_BYTES], || count += 1);
        (count, found)
    }

    #[test]
    fn no_name_takes_more_than_its_steps() {
        // Eight thousand pointers, each to the one before.
        let mut chain = vec![0, 0];
        (0..8000u16).for_each(|n| chain.extend((0xc000 | (n * 2)).to_be_bytes()));
        for pointers in [1, 2, 100, 126, 127, 128, 129, 1000, 8000] {
            let (count, found) = steps(&chain, pointers * 2);
            assert!(count <= STEPS_MAX, "{count} steps for {pointers} pointers");
            assert_eq!(found.is_ok(), pointers <= LABELS_MAX, "{pointers}: {found:?}");
        }
        // The longest that is a name: each label behind a pointer of its own.
        let mut longest = vec![0];
        let mut before = 0;
        for _ in 0..LABELS_MAX {
            let at = longest.len();
            longest.extend([1, b'a']);
            longest.extend((0xc000 | before as u16).to_be_bytes());
            before = at;
        }
        assert_eq!(steps(&longest, before), (2 * LABELS_MAX + 1, Ok((NAME_LEN_MAX_BYTES, longest.len()))));
        // And with one label more, with pointers to themselves and to each other.
        longest.extend([1, b'a']);
        longest.extend((0xc000 | before as u16).to_be_bytes());
        let at = longest.len() - 4;
        assert_eq!(steps(&longest, at).1, Err(NameError::NameTooLong));
        assert_eq!(steps(&[0xc0, 0], 0), (1, Err(NameError::BadPointer)));
        assert_eq!(steps(&[0xc0, 2, 0xc0, 0], 2), (2, Err(NameError::BadPointer)));
    }
}
