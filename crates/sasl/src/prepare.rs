//! Names and passwords in one spelling (SASLprep, RFC 4013).

use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

use crate::failure::Malformed;
use crate::limits::USER_LEN_MAX_BYTES;
use crate::secret::Secret;

/// A user name in the spelling in which names are compared.
///
/// Mapping, normalisation and prohibited characters are those of RFC 4013 §2.1 to §2.3. Its rules
/// for mixed directions and unassigned code points are left out: they would lock out addresses
/// such as an Arabic local part at a Latin domain, and whether a name exists is the outside's
/// matter. Letter case is kept.
///
/// # Errors
/// [`Malformed::User`] when empty, longer than [`USER_LEN_MAX_BYTES`], or with control characters
/// or others that are prohibited.
pub fn user(name: &str) -> Result<String, Malformed> {
    if name.len() > USER_LEN_MAX_BYTES {
        return Err(Malformed::User);
    }
    let spaced = name.chars().map(|c| if tables::non_ascii_space_character(c) { ' ' } else { c });
    let prepared: String = spaced.filter(|&c| !tables::commonly_mapped_to_nothing(c)).nfkc().collect();
    let length_ok = (1..=USER_LEN_MAX_BYTES).contains(&prepared.len());
    if length_ok && !prepared.chars().any(prohibited) { Ok(prepared) } else { Err(Malformed::User) }
}

/// RFC 4013 §2.3.
fn prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
}

/// A password in the spelling in which it is hashed.
///
/// What SASLprep cannot prepare (not UTF-8, prohibited or unassigned characters, which include
/// today's emoji) is taken as it is, like PostgreSQL and its clients do: a password has nothing to
/// gain from being refused.
pub fn password(raw: &[u8]) -> Secret {
    match std::str::from_utf8(raw).ok().map(stringprep::saslprep) {
        Some(Ok(text)) if !text.is_empty() => Secret::new(text.into_owned().into_bytes()),
        _ => Secret::from(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users() {
        // RFC 4013 §3, and what addresses look like.
        let good = [
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
            ("a\u{a0}b", "a b"),
            ("u\u{308}ser@example.org", "üser@example.org"),
            ("علي@example.org", "علي@example.org"),
            ("😀@example.org", "😀@example.org"),
        ];
        for (name, prepared) in good {
            assert_eq!(user(name).as_deref(), Ok(prepared));
        }
        let long = "x".repeat(USER_LEN_MAX_BYTES + 1);
        // U+FDFA grows from 3 bytes to 33.
        let growing = "\u{fdfa}".repeat(20);
        for bad in ["", "\u{7}", "a\0b", "a\r\nb", "\u{ad}", "\u{e000}", "\u{202e}a", &long, &growing] {
            assert_eq!(user(bad), Err(Malformed::User), "{bad:?}");
        }
        assert!(user(&long[1..]).is_ok());
    }

    #[test]
    fn passwords() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"secret", b"secret"),
            ("a\u{a0}b".as_bytes(), b"a b"),
            ("u\u{308}".as_bytes(), "ü".as_bytes()),
            ("😀".as_bytes(), "😀".as_bytes()),
            (b"\xfcber", b"\xfcber"),
            ("\u{ad}".as_bytes(), "\u{ad}".as_bytes()),
        ];
        for (raw, prepared) in cases {
            assert_eq!(password(raw).expose(), prepared);
        }
    }
}
