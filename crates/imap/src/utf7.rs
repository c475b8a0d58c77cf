//! Modified UTF-7 of mailbox names (RFC 3501 §5.1.3).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Appends `name` in modified UTF-7.
pub fn encode(name: &str, out: &mut Vec<u8>) {
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if is_plain(first) {
            out.push(first as u8);
            if first == '&' {
                out.push(b'-');
            }
            rest = &rest[1..];
            continue;
        }
        let end = rest.find(is_plain).unwrap_or(rest.len());
        out.push(b'&');
        encode_shifted(&rest[..end], out);
        out.push(b'-');
        rest = &rest[end..];
    }
}

fn encode_shifted(text: &str, out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u32, 0);
    for unit in text.encode_utf16() {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            out.push(ALPHABET[(bits >> count & 63) as usize]);
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        out.push(ALPHABET[(bits << (6 - count) & 63) as usize]);
    }
}

/// The name that `wire` encodes; `None` unless it is exactly what [`encode`] makes of that name
/// (RFC 3501 §5.1.3: no shift for what represents itself, none that is superfluous).
pub fn decode(wire: &[u8]) -> Option<String> {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'&' => {
                let end = rest.iter().position(|byte| *byte == b'-')?;
                if end == 0 {
                    name.push('&')
                } else {
                    decode_shifted(&rest[..end], &mut name)?
                }
                rest = &rest[end + 1..];
            }
            0x20..=0x7e => name.push(char::from(*first)),
            _ => return None,
        }
    }
    let mut again = Vec::with_capacity(wire.len());
    encode(&name, &mut again);
    (again == wire).then_some(name)
}

fn decode_shifted(digits: &[u8], name: &mut String) -> Option<()> {
    let mut units = Vec::with_capacity(digits.len() * 6 / 16);
    let (mut bits, mut count) = (0u32, 0);
    for digit in digits {
        let value = ALPHABET.iter().position(|letter| letter == digit)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count & 0xffff) as u16);
            bits &= (1 << count) - 1;
        }
    }
    for unit in char::decode_utf16(units) {
        name.push(unit.ok()?);
    }
    Some(())
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_their_encodings() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Tom & Jerry", "Tom &- Jerry"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("📨", "&2D3c6A-"),
            ("&é&", "&-&AOk-&-"),
        ] {
            let mut out = Vec::new();
            encode(name, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_encode_would_not_make_is_refused() {
        for wire in [
            "a&b",
            "&",
            "&&",
            "&AGE-",
            "&U,BTFw-&ZeVnLIqe-",
            "&2D0-",
            "&3Og-",
            "&AOl-",
            "&A-",
            "&A?-",
            "Entw\u{fc}rfe",
            "&AOkA-",
            "&AOk",
            "a\tb",
        ] {
            assert_eq!(decode(wire.as_bytes()), None, "{wire}");
        }
    }

    proptest! {
        #[test]
        fn every_name_survives_the_round_trip(name in any::<String>()) {
            let mut out = Vec::new();
            encode(&name, &mut out);
            prop_assert!(out.iter().all(|byte| matches!(byte, 0x20..=0x7e)));
            prop_assert_eq!(decode(&out), Some(name));
        }

        #[test]
        fn no_bytes_upset_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&bytes);
        }
    }
}
