//! The header block: fields with their places, and where the body begins.

use std::borrow::Cow;

use memchr::memchr;

use crate::Span;
use crate::limits::{FIELDS_MAX, HEADER_LEN_MAX_BYTES, VALUE_LEN_MAX_BYTES};

/// One field, or one line that is none.
///
/// A line without a colon, or with a space inside what would be the name, is *junk*: its `name` is
/// empty and its `value` is the line. So the fields of a block, one after the other, are the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name without spaces around it (RFC 5322 §4.5 lets some stand before the colon).
    pub name: &'a [u8],
    /// All after the colon, folded as it came, without the final line end.
    pub value: &'a [u8],
    /// The whole field with its line ends.
    pub whole: &'a [u8],
    /// Where `whole` is in the bytes that were scanned.
    pub span: Span,
    /// Where `value` is in the bytes that were scanned.
    pub value_span: Span,
}

impl<'a> Field<'a> {
    /// True if this field is called `name`, in any case (RFC 5322 §1.2.2).
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// True if this is a line that is not a field.
    pub fn is_junk(&self) -> bool {
        self.name.is_empty()
    }

    /// The value on one line, trimmed.
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        unfold(self.value)
    }
}

/// A header block.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    raw: &'a [u8],
    span: Span,
}

impl<'a> Headers<'a> {
    /// The header of a message or part that starts at the first byte of `raw`.
    pub fn of_message(raw: &'a [u8]) -> Headers<'a> {
        let mut at = 0;
        while let Some(line) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            let len = memchr(b'\n', line).map_or(line.len(), |end| end + 1);
            at += len;
            if is_blank_line(&line[..len]) {
                break;
            }
        }
        Headers { raw, span: Span::new(0, at) }
    }

    /// The header that is known to stand at `span` in `raw`.
    pub fn at(raw: &'a [u8], span: Span) -> Headers<'a> {
        let end = span.end.min(raw.len());
        Headers { raw, span: Span { start: span.start.min(end), end } }
    }

    /// Where the block is, the blank line behind it included.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Offset of the first byte of the body; the length of `raw` when there is no blank line.
    pub fn body_start(&self) -> usize {
        self.span.end
    }

    /// The fields in their order, junk lines among them.
    pub fn iter(&self) -> Fields<'a> {
        Fields { raw: self.raw, at: self.span.start, end: self.span.end }
    }

    /// The fields that are interpreted: no junk, and those among the first [`FIELDS_MAX`] that end
    /// in the first [`HEADER_LEN_MAX_BYTES`].
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let last = self.span.start.saturating_add(HEADER_LEN_MAX_BYTES);
        let near = self.iter().take(FIELDS_MAX).take_while(move |field| field.span.end <= last);
        near.filter(|field| !field.is_junk())
    }

    /// The first field called `name`.
    pub fn get(&self, name: &[u8]) -> Option<Field<'a>> {
        self.fields().find(|field| field.is(name))
    }

    /// All fields called `name`.
    pub fn all<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = Field<'a>> + use<'a, 'n> {
        self.fields().filter(move |field| field.is(name))
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = Field<'a>;
    type IntoIter = Fields<'a>;
    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

/// The fields of a block in their order.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    raw: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let block = self.raw.get(..self.end)?;
        let start = self.at;
        let first_end = line_end(block, start)?;
        if is_blank_line(&block[start..first_end]) {
            self.at = self.end;
            return None;
        }
        let mut end = first_end;
        while matches!(block.get(end), Some(b' ' | b'\t')) {
            end = line_end(block, end).unwrap_or(block.len());
        }
        self.at = end;
        Some(cut_field(block, Span::new(start, end), first_end))
    }
}

fn cut_field(block: &[u8], span: Span, first_line_end: usize) -> Field<'_> {
    let whole = span.of(block);
    let first_line = &whole[..first_line_end - span.start];
    let (name, value_at) = match memchr(b':', first_line) {
        Some(colon) => match whole[..colon].trim_ascii_end() {
            name if name.iter().all(|b| *b > b' ' && *b != 0x7f) => (name, colon + 1),
            _ => (&whole[..0], 0),
        },
        None => (&whole[..0], 0),
    };
    let value_at = if name.is_empty() { 0 } else { value_at };
    let value = without_line_end(&whole[value_at..]);
    let value_start = span.start + value_at;
    Field { name, value, whole, span, value_span: Span::new(value_start, value_start + value.len()) }
}

/// Offset behind the line that starts at `at`; `None` if nothing is there.
pub(crate) fn line_end(raw: &[u8], at: usize) -> Option<usize> {
    let rest = raw.get(at..).filter(|rest| !rest.is_empty())?;
    Some(memchr(b'\n', rest).map_or(raw.len(), |end| at + end + 1))
}

pub(crate) fn is_blank_line(line: &[u8]) -> bool {
    line == b"\r\n" || line == b"\n"
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The value on one line: line ends before white space go, the white space stays (RFC 5322
/// §2.2.3), and white space around the whole goes. Looks at [`VALUE_LEN_MAX_BYTES`] at most.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = bounded(value).trim_ascii();
    if memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(end) = memchr(b'\n', rest) {
        out.extend_from_slice(without_line_end(&rest[..=end]));
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The part of a value that is interpreted.
pub(crate) fn bounded(value: &[u8]) -> &[u8] {
    &value[..value.len().min(VALUE_LEN_MAX_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_values(raw: &[u8]) -> Vec<(String, String)> {
        Headers::of_message(raw).iter().map(|f| (lossy(f.name), lossy(&f.unfolded()))).collect()
    }

    fn lossy(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn headers_are_cut_without_losing_a_byte() {
        type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);
        let table: &[Case] = &[
            ("", &[], ""),
            ("\r\nbody", &[], "body"),
            ("A: 1\r\nB:2\r\n\r\nbody", &[("A", "1"), ("B", "2")], "body"),
            ("A: 1\nB: 2\n\nbody", &[("A", "1"), ("B", "2")], "body"),
            ("A: 1\r\n 2\r\n\t3\r\n\r\n", &[("A", "1 2\t3")], ""),
            ("A: 1\r\n \r\n 2\r\n\r\nx", &[("A", "1  2")], "x"),
            ("A : 1\r\n\r\n", &[("A", "1")], ""),
            ("no colon\r\nA: 1\r\n\r\nb", &[("", "no colon"), ("A", "1")], "b"),
            ("From x@y  Fri: 1\nA: 1\n\nb", &[("", "From x@y  Fri: 1"), ("A", "1")], "b"),
            (" lost: fold\r\nA: 1\r\n\r\n", &[("", "lost: fold"), ("A", "1")], ""),
            ("A: 1", &[("A", "1")], ""),
            ("A: 1\r\n", &[("A", "1")], ""),
            ("A:\r\n\r\n", &[("A", "")], ""),
            (": x\r\n\r\n", &[("", ": x")], ""),
            ("A: 1\r\n\r", &[("A", "1"), ("", "")], ""),
        ];
        for (raw, fields, body) in table {
            let headers = Headers::of_message(raw.as_bytes());
            let expected: Vec<_> = fields.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
            assert_eq!(names_and_values(raw.as_bytes()), expected, "{raw:?}");
            assert_eq!(&raw[headers.body_start()..], *body, "{raw:?}");
            let mut joined: Vec<u8> = headers.iter().flat_map(|f| f.whole.to_vec()).collect();
            joined.extend(raw.as_bytes()[joined.len()..headers.body_start()].iter());
            assert_eq!(joined, raw.as_bytes()[..headers.body_start()]);
        }
    }

    #[test]
    fn look_up_ignores_case_and_is_bounded() {
        let raw = b"to: a\r\nTO: b\r\nCc: c\r\n\r\n";
        let headers = Headers::of_message(raw);
        assert_eq!(headers.get(b"To").map(|f| f.value), Some(&b" a"[..]));
        assert_eq!(headers.all(b"tO").count(), 2);
        assert!(headers.get(b"Bcc").is_none());
        let mut many = b"A: 1\r\n".repeat(FIELDS_MAX);
        many.extend(b"B: 1\r\n\r\n");
        assert!(Headers::of_message(&many).get(b"B").is_none());
        assert_eq!(Headers::of_message(&many).iter().count(), FIELDS_MAX + 1);
        let far = [b"X: ", &vec![b'x'; HEADER_LEN_MAX_BYTES][..], b"\r\nB: 1\r\n\r\n"].concat();
        assert!(Headers::of_message(&far).get(b"B").is_none());
        let long = vec![b'x'; VALUE_LEN_MAX_BYTES + 1];
        assert_eq!(unfold(&long).len(), VALUE_LEN_MAX_BYTES);
    }
}
