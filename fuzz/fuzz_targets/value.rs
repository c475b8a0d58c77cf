//! IMAP's grammar of values, as a client would read it.

/// Whether `bytes` are one parenthesised list in ASCII and nothing more.
pub fn is_one_list(bytes: &[u8]) -> bool {
    bytes.is_ascii() && bytes.starts_with(b"(") && value(bytes) == Some(b"")
}

/// Reads one value; gives what is behind it.
fn value(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_first()? {
        (b'(', rest) => list(rest),
        (b'"', rest) => quoted(rest),
        (b'{', rest) => literal(rest),
        (b'0'..=b'9', _) => Some(&bytes[bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()..]),
        _ => bytes.strip_prefix(b"NIL"),
    }
}

fn list(mut rest: &[u8]) -> Option<&[u8]> {
    while !rest.starts_with(b")") {
        rest = value(rest)?;
        // Bodies and addresses stand without spaces between them, other values do not.
        rest = match rest {
            [b' ', behind @ ..] if !behind.starts_with(b")") => behind,
            [b'(' | b')', ..] => rest,
            _ => return None,
        };
    }
    Some(&rest[1..])
}

fn quoted(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest {
            [b'"', behind @ ..] => return Some(behind),
            [b'\\', b'"' | b'\\', behind @ ..] => behind,
            [b'\\' | b'\r' | b'\n' | 0 | 0x80.., ..] | [] => return None,
            [_, behind @ ..] => behind,
        }
    }
}

fn literal(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.windows(3).position(|window| window == b"}\r\n")?;
    let len: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let text = rest.get(end + 3..)?.get(..len)?;
    (!text.contains(&0)).then(|| &rest[end + 3 + len..])
}
