//! The shape of a message's header section, as far as it decides whether the message is taken.

/// What is wrong with a header section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// The first line begins with a space or a tab, as if it continued another (RFC 5322 §2.2.3).
    /// Whatever field is put in front of the message would swallow it.
    LeadingSpace,
    /// A line before the empty one is no field: one reader takes it as the start of the body,
    /// another skips it, and what follows is a header to one of them only (RFC 5322 §2.2).
    NotAField,
    /// More `Received` fields than allowed: the message runs in circles (RFC 5321 §6.3).
    Loop,
}

impl HeaderFault {
    pub(crate) fn words(self) -> (u16, u16, u16, &'static str) {
        match self {
            HeaderFault::LeadingSpace => (550, 6, 0, "the first header line begins with a space"),
            HeaderFault::NotAField => (550, 6, 0, "malformed line in the header section"),
            HeaderFault::Loop => (554, 4, 6, "too many hops, this message is in a loop"),
        }
    }
}

/// Whether a message has a header section at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderShape {
    /// Fields, an empty line, or nothing: a field can be put in front as it is.
    Section,
    /// The first line is already text. An empty line must come between it and any field put in
    /// front, or text would be read as header.
    Missing,
}

/// Looks at the header section of a message with CRLF line ends.
///
/// A message whose very first line is text has no header section, and is harmless as long as it is
/// kept apart from fields put in front; people do send such mail by hand. `From ` in front, as in
/// mailbox files, is refused: the fields after it are meant to count.
///
/// # Errors
/// [`HeaderFault`].
pub fn check(message: &[u8], received_fields_max: u32) -> Result<HeaderShape, HeaderFault> {
    let (mut rest, mut received, mut first) = (message, 0, true);
    while !rest.is_empty() && !rest.starts_with(b"\r\n") {
        if rest[0] == b' ' || rest[0] == b'\t' {
            if first {
                return Err(HeaderFault::LeadingSpace);
            }
        } else {
            match field_name(rest) {
                Some(name) => received += u32::from(name.eq_ignore_ascii_case(b"Received")),
                None if first && !is_mailbox_mark(rest) => return Ok(HeaderShape::Missing),
                None => return Err(HeaderFault::NotAField),
            }
        }
        first = false;
        rest = memchr::memchr(b'\n', rest).map_or(&[], |at| &rest[at + 1..]);
    }
    if received > received_fields_max { Err(HeaderFault::Loop) } else { Ok(HeaderShape::Section) }
}

/// The name of the field that `line` begins with. Space before the colon is forgiven as the
/// obsolete grammar does (RFC 5322 §4.5).
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|byte| !byte.is_ascii_graphic() || *byte == b':')?;
    let colon = line[end..].iter().find(|byte| **byte != b' ' && **byte != b'\t')?;
    (*colon == b':' && end > 0).then_some(&line[..end])
}

/// Whether the line is the separator of mailbox files.
fn is_mailbox_mark(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_sections_are_judged_by_their_lines() {
        use HeaderFault::*;
        use HeaderShape::*;
        for (message, expected) in [
            ("", Ok(Section)),
            ("\r\nbody\r\n", Ok(Section)),
            ("Subject: x\r\n", Ok(Section)),
            ("Subject: x\r\n folded\r\n\tonce more\r\n\r\nno field\r\n", Ok(Section)),
            ("Subject : x\r\n\r\n", Ok(Section)),
            ("x\r\n", Ok(Missing)),
            ("x", Ok(Missing)),
            ("hello: there\r\n", Ok(Section)),
            ("hello there: x\r\n", Ok(Missing)),
            (": x\r\n", Ok(Missing)),
            (" Subject: x\r\n\r\n", Err(LeadingSpace)),
            ("\tSubject: x\r\n\r\n", Err(LeadingSpace)),
            ("Subject: x\r\nno field\r\nTo: y\r\n\r\n", Err(NotAField)),
            ("Subject: x\r\nno field: y\r\n\r\n", Err(NotAField)),
            ("Sub\u{e9}: x\r\n", Ok(Missing)),
            ("From alice Mon Jan  1\r\nSubject: x\r\n\r\n", Err(NotAField)),
            ("Received: a\r\nreceived: b\r\n\r\n", Ok(Section)),
            ("Received: a\r\nreceived: b\r\nRECEIVED: c\r\n\r\n", Err(Loop)),
            ("Received: a\r\nreceived: b\r\n\r\nReceived: c\r\n", Ok(Section)),
            ("X: a\r\n Received: a\r\n Received: b\r\n Received: c\r\n\r\n", Ok(Section)),
        ] {
            assert_eq!(check(message.as_bytes(), 2), expected, "{message:?}");
        }
    }
}
